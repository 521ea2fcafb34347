#!/usr/bin/env python3
"""Writes the tables of families, of number formats and of families by formats in docs/models.md from a run of the tests.

    families_table.py TEST_MODEL_FAMILIES TEST_MODEL_FORMATS TEST_MODEL_FAMILY_FORMATS     the built test programs

In place of a program: - to leave its table, or a file NAME.txt with what it printed (`… 2>&1 >NAME.txt`). A cell that is not
green ends the script, and docs/models.md stays as it is."""

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


COLUMNS = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K_M", "Q5_K_M", "Q6_K", "IQ4_XS", "MXFP4"]
ALLOWED = 2e-4


def rows_of(program, *arguments):
    if program.endswith(".txt"):
        text = pathlib.Path(program).read_text()
        if "not ok" in text or "\n# ok" not in text:
            sys.exit(f"families_table: {program}: a test failed, or did not end")
    else:
        done = subprocess.run([program, *arguments], env={**os.environ, "HEARTH_SOURCE": str(ROOT), "CMOCKA_MESSAGE_OUTPUT": "TAP"},
                              capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"families_table: {program} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        text = done.stdout + done.stderr
    return sorted(set(re.findall(r"^# (\|.*\|)$", text, re.MULTILINE)))


def product(rows):
    """Family, model and container by format, in millionths; what is not green ends the script."""
    found = {}
    for row in rows:
        family, model, container, format, worst, same = (part.strip() for part in row.strip("|").split("|"))
        if not float(worst) <= ALLOWED or same != "16":
            sys.exit(f"families_table: {model}, {container}, {format}: logits differ by {worst}, {same} of 16 greedy tokens are the same")
        found.setdefault((family, model, container), {})[format] = float(worst) * 1e6
    table = [f"| family | model | container | {' | '.join(COLUMNS)} | others |", "|---" * (len(COLUMNS) + 4) + "|"]
    for (family, model, container), cells in sorted(found.items(), key=lambda item: (item[0][1], item[0][2] == "GGUF", item[0][0])):
        missing = [format for format in COLUMNS[:3] + (COLUMNS[3:] if container == "GGUF" else []) if format not in cells]
        if missing:
            sys.exit(f"families_table: {model}, {container}: nothing for {', '.join(missing)}")
        others = [value for format, value in cells.items() if format not in COLUMNS]
        shown = [f"{cells[format]:.2g}" if format in cells else "" for format in COLUMNS]
        shown.append(f"{len(others)}: {max(others):.2g}" if others else "")
        table.append(f"| {family} | {model} | {container} | {' | '.join(shown)} |")
    return table


def put(page, name, lines):
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = page.read_text().split(begin)
    page.write_text(before + "\n".join([begin, *lines]) + "\n" + end + rest.split(end)[1])
    print(f"{len(lines) - 2} rows of {name}")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    page = ROOT / "docs" / "models.md"
    made = {}
    for (name, head), program in zip(TABLES.items(), sys.argv[1:]):
        if program != "-":
            made[name] = [*head, *rows_of(program)]
    if sys.argv[3] != "-":
        made["product"] = product(rows_of(sys.argv[3], "all"))
    for name, lines in made.items():
        put(page, name, lines)


main()
