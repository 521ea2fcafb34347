#!/usr/bin/env python3
"""Makes quantized.golden: random blocks of each quantised format and what the `gguf` package makes of them.

    python make_quantized_golden.py quantized.golden      (needs numpy and gguf)

Layout, little endian, once per format: u32 type id, u32 values, u32 bytes, the blocks, the values in binary32.
"""

import struct
import sys

import numpy
from gguf import GGMLQuantizationType as Type
from gguf import GGML_QUANT_SIZES, dequantize

# Where each block has its binary16 fields.
HALVES = {
    Type.Q8_0: [0], Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2],
    Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208], Type.IQ4_NL: [0],
}
VALUES = 1024


def random_half(rng):
    kind = rng.integers(8)
    if kind == 0:  # subnormal or zero, either sign
        return int(rng.integers(1024)) | int(rng.integers(2)) << 15
    if kind == 1:  # any finite value
        return int(rng.integers(31)) << 10 | int(rng.integers(1024)) | int(rng.integers(2)) << 15
    return int(numpy.float16(rng.normal() * 0.02).view(numpy.uint16))  # what models have


def main():
    rng = numpy.random.default_rng(20261123)
    with open(sys.argv[1], "wb") as out:
        for kind, halves in HALVES.items():
            block_values, block_bytes = GGML_QUANT_SIZES[kind]
            count = VALUES // block_values
            blocks = rng.integers(0, 256, size=(count, block_bytes), dtype=numpy.uint8)
            for block in blocks:
                for offset in halves:
                    block[offset:offset + 2] = list(struct.pack("<H", random_half(rng)))
            values = dequantize(blocks.reshape(1, -1), kind).astype("<f4").reshape(-1)
            assert values.size == VALUES and numpy.isfinite(values).all()
            out.write(struct.pack("<III", int(kind), VALUES, blocks.size))
            out.write(blocks.tobytes())
            out.write(values.tobytes())


main()
