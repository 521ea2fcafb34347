#!/usr/bin/env python3
"""libhearth runs models: it is linked without what makes them (recipe/, corpus/, train/) and without their libraries. Prints TAP."""

import re
import subprocess
import sys

MAKERS = re.compile(r"lib(yaml|sqlite3|archive|zstd|curl|edit)[-.]")
OURS = re.compile(r"\b(yaml_read|recipe_open|recipe_\w+|corpus_\w+|packed_\w+|train_\w+|sqlite3_\w+|archive_\w+|ZSTD_\w+|yaml_\w+)$")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main():
    library, program = sys.argv[1:]
    needed = re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-dW", library))
    needs = re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-dW", program))
    symbols = {line.split()[-1].split("@")[0] for line in output("readelf", "-sW", library).splitlines() if line.strip() and line.split()[0][:-1].isdigit()}
    foreign = sorted(name for name in symbols if OURS.match(name))
    wrong = [name for name in needed if MAKERS.match(name)]
    checks = [
        (not wrong and any(name.startswith("libjansson") for name in needed), f"libhearth needs no library of the makers {wrong}"),
        (not foreign and "hearth_model_open" in symbols, f"libhearth holds no function of theirs {foreign[:5]}"),
        (any(name.startswith("libyaml") for name in needs), "the program has them"),
    ]
    print(f"1..{len(checks)}")
    for number, (good, what) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
    return 0 if all(good for good, _ in checks) else 1


sys.exit(main())
