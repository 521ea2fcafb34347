#!/usr/bin/env python3
"""Writes the table of families in docs/models.md from a run of the test.

    families_table.py TEST_MODEL_FAMILIES     the built test program; HEARTH_SOURCE as the tests have it"""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- families: begin -->", "<!-- families: end -->"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    done = subprocess.run([sys.argv[1]], env={**os.environ, "HEARTH_SOURCE": str(ROOT)}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"families_table: {sys.argv[1]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    rows = sorted(set(re.findall(r"^# (\|.*\|)$", done.stdout + done.stderr, re.MULTILINE)))
    head = ["| family | tiny model | container | largest difference of a logit | greedy tokens that are the same |", "|---|---|---|---|---|"]
    page = ROOT / "docs" / "models.md"
    text = page.read_text()
    before, rest = text.split(BEGIN)
    page.write_text(before + "\n".join([BEGIN, *head, *rows]) + "\n" + END + rest.split(END)[1])
    print(f"{len(rows)} rows")


main()
