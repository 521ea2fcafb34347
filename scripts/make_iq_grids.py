#!/usr/bin/env python3
"""Writes src/kernels/iq_grids.c: the tables of the IQ formats, which are part of the file format, out of the gguf package.

    pip install gguf numpy ; scripts/make_iq_grids.py | clang-format >src/kernels/iq_grids.c"""

from gguf import quants

TABLES = [("2xxs", quants.IQ2_XXS, 2), ("2xs", quants.IQ2_XS, 2), ("2s", quants.IQ2_S, 2), ("3xxs", quants.IQ3_XXS, 3),
          ("3s", quants.IQ3_S, 3), ("1s", quants.IQ1_S, 2)]

print('/* Made by scripts/make_iq_grids.py: do not edit. */\n#include "kernels/iq_grids.h"\n')
for name, kind, bits in TABLES:
    kind.init_grid()
    grid = kind.grid.reshape(-1, kind.grid_shape[1])
    place = {float(value): index for index, value in enumerate(kind.grid_map)}
    words = [sum(place[float(v)] << (bits * i) for i, v in enumerate(row)) for row in grid]
    print(f"const uint16_t iq_grid_{name}[{len(words)}] = {{" + ", ".join(str(word) for word in words) + "};\n")
