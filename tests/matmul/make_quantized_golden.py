#!/usr/bin/env python3
"""Makes quantized.golden: random blocks of each quantised format and what the `gguf` package makes of them.

    python make_quantized_golden.py quantized.golden LIBGGML-BASE.SO      (needs numpy, gguf and llama.cpp's library for three formats)

Layout, little endian, once per format: u32 type id, u32 values, u32 bytes, the blocks, the values in binary32.
"""

import ctypes
import struct
import sys

import numpy
from gguf import GGMLQuantizationType as Type
from gguf import GGML_QUANT_SIZES, dequantize

# Where each block has its binary16 fields.
HALVES = {
    Type.Q8_0: [0], Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2],
    Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208], Type.IQ4_NL: [0],
    Type.IQ4_XS: [0], Type.MXFP4: [], Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.IQ1_S: [0], Type.IQ1_M: [], Type.IQ2_XXS: [0],
    Type.IQ2_XS: [0], Type.IQ2_S: [0], Type.IQ3_XXS: [0], Type.IQ3_S: [0], Type.TQ1_0: [52], Type.TQ2_0: [64], Type.NVFP4: [],
}
# Formats that the package does not dequantise: id, values and bytes a block, its binary16 fields, ggml's function.
GGML_ONLY = [(41, 128, 18, [0], "dequantize_row_q1_0"), (42, 64, 18, [0], "dequantize_row_q2_0"),
             (15, 256, 292, [], "dequantize_row_q8_K")]
VALUES = 1024


def random_half(rng):
    kind = rng.integers(8)
    if kind == 0:  # subnormal or zero, either sign
        return int(rng.integers(1024)) | int(rng.integers(2)) << 15
    if kind == 1:  # any finite value
        return int(rng.integers(31)) << 10 | int(rng.integers(1024)) | int(rng.integers(2)) << 15
    return int(numpy.float16(rng.normal() * 0.02).view(numpy.uint16))  # what models have


def random_blocks(rng, count, block_bytes, halves):
    blocks = rng.integers(0, 256, size=(count, block_bytes), dtype=numpy.uint8)
    for block in blocks:
        for offset in halves:
            block[offset:offset + 2] = list(struct.pack("<H", random_half(rng)))
    return blocks


def write(out, kind, blocks, values):
    assert values.size == VALUES and numpy.isfinite(values).all()
    out.write(struct.pack("<III", int(kind), VALUES, blocks.size))
    out.write(blocks.tobytes())
    out.write(values.astype("<f4").tobytes())


def main():
    rng = numpy.random.default_rng(20261123)
    ggml = ctypes.CDLL(sys.argv[2])
    with open(sys.argv[1], "wb") as out:
        for kind, halves in HALVES.items():
            block_values, block_bytes = GGML_QUANT_SIZES[kind]
            blocks = random_blocks(rng, VALUES // block_values, block_bytes, halves)
            if kind == Type.IQ1_M:
                blocks[:, 55] &= 0xBF  # its scale is spread over four words; this bit keeps it finite
            write(out, kind, blocks, dequantize(blocks.reshape(1, -1), kind).reshape(-1))
        for kind, block_values, block_bytes, halves, function in GGML_ONLY:
            blocks = random_blocks(rng, VALUES // block_values, block_bytes, halves)
            if kind == 15:
                blocks[:, :4] = rng.normal(size=(len(blocks), 1)).astype("<f4").view(numpy.uint8)
            values = numpy.zeros(VALUES, dtype=numpy.float32)
            call = getattr(ggml, function)
            call.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
            call.restype = None
            call(blocks.ctypes.data, values.ctypes.data, VALUES)
            write(out, kind, blocks, values)


main()
