#!/usr/bin/env python3
"""Squared errors of ggml's own quantisers on the values of test_quantize.c: golden/quantize.json.

    make_quantize_golden.py LIBGGML_BASE    the shared library of any build of llama.cpp (libggml-base.so)"""

import ctypes
import json
import pathlib
import sys

import numpy as np
from gguf import GGMLQuantizationType as T, quants

ROWS, COLS = 16, 512


def values():
    """Sums of four draws of a linear congruential generator, a scale for each row, and a few large ones."""
    state, out = 1, np.zeros(ROWS * COLS, dtype=np.float64)
    for i in range(ROWS * COLS):
        total = 0
        for _ in range(4):
            state = (state * 1664525 + 1013904223) % 2**32
            total += state >> 16
        out[i] = (total - 131070) / 65536 * 2.0 ** (i // COLS % 5 - 4)
        if i % 97 == 0:
            out[i] *= 4
    return out.astype(np.float32).reshape(ROWS, COLS)


def main():
    library = ctypes.CDLL(sys.argv[1])
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    x = values()
    golden = {"sum": float(np.abs(x.astype(np.float64)).sum())}
    for name in ("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4", "TQ1_0", "TQ2_0"):
        out = np.zeros(ROWS * COLS * 2, dtype=np.uint8)
        size = library.ggml_quantize_chunk(int(T[name]), x.ctypes.data, out.ctypes.data, 0, ROWS, COLS, None)
        back = quants.dequantize(out[:size].reshape(ROWS, -1), T[name]).astype(np.float64)
        golden[name] = float(((back - x) ** 2).sum())
    path = pathlib.Path(__file__).resolve().parent / "golden" / "quantize.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(golden, indent=1) + "\n")


main()
