#!/usr/bin/env python3
"""Writes packages.txt of package names: what this machine's apt has of them, as hearth reads it.

    recipes/debian-reader/list_packages.py NAME... > packages.txt      (or - for names from standard input)

Versions, sizes, hashes and paths are those of the archive's index (apt-cache show) of Debian's own main; what lies in
another archive (security, updates) or is not there is told on standard error and left out."""

import subprocess
import sys


def records(names):
    made = subprocess.run(["apt-cache", "show", "--no-all-versions", *names], capture_output=True, text=True, check=False)
    for paragraph in made.stdout.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.split("\n") if ": " in line and not line.startswith(" "))
        if "Filename" in fields:
            yield fields


def main():
    names = sys.stdin.read().split() if sys.argv[1:] == ["-"] else sys.argv[1:]
    found = {}
    for first in range(0, len(names), 50):
        for f in records(names[first:first + 50]):
            found.setdefault(f["Package"], f)
    lines = []
    for name in sorted(set(names)):
        f = found.get(name)
        if f is None or not f["Filename"].startswith("pool/main/"):
            print(f"{name}: {'not there' if f is None else f['Filename']}", file=sys.stderr)
            continue
        lines.append(" ".join(f[key] for key in ("Package", "Version", "Architecture", "Size", "SHA256", "Filename")))
    print("# NAME VERSION ARCHITECTURE SIZE SHA256 PATH; Debian 12 (bookworm), main. Made by list_packages.py.")
    print("\n".join(lines))


main()
