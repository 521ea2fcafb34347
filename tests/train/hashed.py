"""The tests' numbers: the same in C (train_support.c), PyTorch and JAX, without a generator's state."""

import numpy as np


def hashed(seed, count):
    """[0, 1) with 24 bits; exact in binary32."""
    h = (np.arange(count, dtype=np.uint64) * 2654435761 + seed) & 0xFFFFFFFF
    h = (h ^ (h >> 15)) * 2246822519 & 0xFFFFFFFF
    h = (h ^ (h >> 13)) * 3266489917 & 0xFFFFFFFF
    h ^= h >> 16
    return (h >> 8).astype(np.float64) * 2.0**-24


def name_seed(name):
    h = 2166136261
    for byte in name.encode():
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return h
