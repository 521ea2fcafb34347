#!/usr/bin/env python3
"""near.golden: which of 80 texts datasketch (PyPI) finds to be near duplicates, and its signatures.

The shingles' hash and the permutations are the format's (docs/formats/corpus.md), written here anew; what datasketch
computes is the signatures, the candidates of its LSH and the estimated similarity. Usage: make_near_golden.py > near.golden"""

import hashlib
import json
import random

import datasketch
import numpy

WORDS, BANDS, ROWS, THRESHOLD = 5, 16, 8, 0.7
SEED, PURPOSE = 0x6865617274680001, 6
MASK = 0xFFFFFFFF


def philox(seed, purpose, step, index):
    c = [index & MASK, index >> 32, step & MASK, step >> 32]
    k = [seed & MASK, (seed >> 32) ^ (purpose * 0x9E3779B9 & MASK)]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def fold(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return (h ^ h >> 32) & MASK


def permutations():
    prime = (1 << 61) - 1
    draws = [philox(SEED, PURPOSE, 0, i) for i in range(BANDS * ROWS)]
    return numpy.array([[(w[0] << 32 | w[1]) % (prime - 1) + 1 for w in draws], [(w[2] << 32 | w[3]) % prime for w in draws]], dtype=numpy.uint64)


def signature(text, family):
    words = text.split(" ")
    shingles = [" ".join(words[i:i + WORDS]) for i in range(len(words) - WORDS + 1)] or [text]
    m = datasketch.MinHash(num_perm=BANDS * ROWS, permutations=family, hashfunc=fold, scheme="legacy")
    for shingle in shingles:
        m.update(shingle.encode())
    return m


def make_texts():
    rng = random.Random(6)
    vocabulary = ["".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 7))) for _ in range(400)]
    texts = []
    for i in range(80):
        if i % 2 == 0 or not texts:
            words = [rng.choice(vocabulary) for _ in range(rng.choice([3, 30, 70, 110]))]
        else:  # an earlier one with some words changed: similarities around the threshold
            words = rng.choice(texts).split(" ")
            for _ in range(rng.randint(0, max(1, len(words) // 14))):
                words[rng.randrange(len(words))] = rng.choice(vocabulary)
        texts.append(" ".join(words))
    return texts


def main():
    family, texts = permutations(), make_texts()
    lsh, kept, rows = datasketch.MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS)), {}, []
    for row, text in enumerate(texts, 1):
        m = signature(text, family)
        alike = sorted(r for r in map(int, lsh.query(m)) if m.jaccard(kept[r]) >= THRESHOLD)
        if not alike:
            lsh.insert(str(row), m)
            kept[row] = m
        rows.append({"text": text, "duplicate_of": alike[0] if alike else 0,
                     "signature": hashlib.sha256(m.hashvalues.astype("<u4").tobytes()).hexdigest()})
    print(json.dumps({"datasketch": datasketch.__version__, "texts": rows}, indent=0))


main()
