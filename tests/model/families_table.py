#!/usr/bin/env python3
"""Writes the tables of families and of number formats in docs/models.md from a run of the tests.

    families_table.py TEST_MODEL_FAMILIES TEST_MODEL_FORMATS     the built test programs"""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLES = {
    "families": ["| family | tiny model | container | largest difference of a logit | greedy tokens that are the same |", "|---|---|---|---|---|"],
    "formats": ["| format | `--compute f32` beside the same values in F32 | native, relative to f32 |", "|---|---|---|"],
}


def rows_of(program):
    done = subprocess.run([program], env={**os.environ, "HEARTH_SOURCE": str(ROOT)}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"families_table: {program} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return sorted(set(re.findall(r"^# (\|.*\|)$", done.stdout + done.stderr, re.MULTILINE)))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    page = ROOT / "docs" / "models.md"
    for (name, head), program in zip(TABLES.items(), sys.argv[1:]):
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        rows = rows_of(program)
        text = page.read_text()
        before, rest = text.split(begin)
        page.write_text(before + "\n".join([begin, *head, *rows]) + "\n" + end + rest.split(end)[1])
        print(f"{len(rows)} rows of {name}")


main()
