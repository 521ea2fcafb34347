#!/usr/bin/env python3
"""Reads the table of rooms in docs/architecture.md and holds every #include under src/ against it. Prints TAP."""

import os
import re
import sys

ROOT = os.environ.get("HEARTH_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROW = re.compile(r"^\|\s*`(\w+)/`\s*\|[^|]*\|([^|]*)\|")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def read_table():
    table = {}
    with open(os.path.join(ROOT, "docs", "architecture.md"), encoding="utf-8") as lines:
        for line in lines:
            row = ROW.match(line)
            if row:
                table[row[1]] = row[2].split(";")[0]
    names = set(table)
    direct = {room: (names - {room} if text.strip().startswith("all") else {n for n in names if re.search(rf"\b{n}\b", text)})
              for room, text in table.items()}

    def closure(room, seen):
        for other in direct[room]:
            if other not in seen:
                seen.add(other)
                closure(other, seen)
        return seen

    return {room: closure(room, set()) for room in names}


def room_of(path):
    return os.path.relpath(path, os.path.join(ROOT, "src")).split(os.sep)[0]


def main():
    allowed = read_table()
    problems, files = [], 0
    here = sorted(d for d in os.listdir(os.path.join(ROOT, "src")) if os.path.isdir(os.path.join(ROOT, "src", d)))
    problems += [f"src/{room} has no row in docs/architecture.md" for room in here if room not in allowed]
    for folder, _, names in os.walk(os.path.join(ROOT, "src")):
        for name in sorted(names):
            if not name.endswith((".c", ".h")):
                continue
            files += 1
            path = os.path.join(folder, name)
            room = room_of(path)
            with open(path, encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    match = INCLUDE.match(line)
                    if not match:
                        continue
                    where = f"{os.path.relpath(path, ROOT)}:{number}"
                    target = match[2]
                    first = target.split("/")[0]
                    if match[1] == '"' and "/" in target and first in allowed and first != room and first not in allowed.get(room, set()):
                        problems.append(f"{where}: {room}/ may not include {target}")
                    intrinsics = re.search(r"(immintrin|arm_neon|x86intrin|simde)", target)
                    if intrinsics and not re.match(r"src/kernels/(avx2|avx512|neon|scalar)/", os.path.relpath(path, ROOT)):
                        problems.append(f"{where}: intrinsics outside kernels/<isa>/")
    for folder, _, names in os.walk(os.path.join(ROOT, "include")):
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8") as lines:
                for line in lines:
                    match = INCLUDE.match(line)
                    if match and match[1] == '"' and not match[2].startswith("hearth/"):
                        problems.append(f"include/…/{name}: a public header includes {match[2]}")
    cyclic = [room for room in allowed if room in allowed[room]]
    print("1..3")
    print(("ok" if len(allowed) >= 10 and files > 20 else "not ok") + f" 1 - the table has {len(allowed)} rooms, src/ {files} files")
    print(("not ok" if cyclic else "ok") + " 2 - rooms do not include in circles" + (" " + str(cyclic) if cyclic else ""))
    for problem in problems:
        print("# " + problem)
    print(("not ok" if problems else "ok") + f" 3 - every include is allowed ({len(problems)} are not)")
    return 1 if problems or cyclic else 0


sys.exit(main())
