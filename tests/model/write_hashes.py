#!/usr/bin/env python3
"""Writes golden/results.hashes: `write_hashes.py BUILD` runs what prints the hashes, test_model_variants and test_model_one_result of that
build folder, with one instruction set, and keeps the first digits of each. The tests then hold every instruction set to them. A change of a
line is a change of results: it needs a new numeric contract (docs/numerics.md). New models give new lines."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DIGITS = 12


def hashes_of(*command):
    env = dict(os.environ, HEARTH_HASHES="ignore", HEARTH_SOURCE=os.path.dirname(os.path.dirname(HERE)))
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"write_hashes: {command[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return [line.split()[2:] for line in done.stdout.splitlines() if line.startswith("# hash ")]


def main(build):
    tests = os.path.join(build, "tests", "model")
    found = {}
    rows = hashes_of(os.path.join(tests, "test_model_variants"), "avx2" if os.uname().machine == "x86_64" else "neon")
    rows += hashes_of(os.path.join(tests, "test_model_one_result"))
    rows += hashes_of(os.path.join(tests, "test_model_one_result"), "long")
    for subject, compute, what, value in rows:
        found.setdefault((subject, compute), []).append(f"{what}:{value[:DIGITS]}")
    with open(os.path.join(HERE, "golden", "results.hashes"), "w", encoding="utf-8") as out:
        for (subject, compute), values in sorted(found.items()):
            print(subject, compute, *values, file=out)
    print(f"{len(rows)} hashes of {len(found)} subjects")


main(*sys.argv[1:])
