#!/usr/bin/env python3
"""Searching links without corpus/, indexing/, train/ and their libraries: what serve/ relies on. Prints TAP."""

import re
import subprocess
import sys

MAKERS = re.compile(r"lib(yaml|sqlite3|archive|zstd|divsufsort|curl|edit)[-.]")
OURS = re.compile(r"\b(recipe_\w+|corpus_\w+|packed_\w+|train_\w+|indexing_\w+|order_build|divsufsort)$")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main():
    program = sys.argv[1]
    needed = [name for name in re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-dW", program)) if MAKERS.match(name)]
    rows = [line.split() for line in output("readelf", "-sW", program).splitlines()]
    symbols = {row[-1].split("@")[0] for row in rows if len(row) > 7 and row[0][:-1].isdigit()}
    foreign = sorted(name for name in symbols if OURS.match(name))
    failed = subprocess.run([program, "/nonexistent", "bytes", "find"], input="", capture_output=True, text=True)
    checks = [
        (not needed, f"it needs no library of the makers {needed}"),
        (not foreign and "trace_index_open" in symbols, f"it holds no function of theirs {foreign[:5]}"),
        (failed.returncode == 1 and len(failed.stderr.splitlines()) == 1, "an index that is not there is an error in one line"),
    ]
    print(f"1..{len(checks)}")
    for number, (good, what) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
    return 0 if all(good for good, _ in checks) else 1


sys.exit(main())
