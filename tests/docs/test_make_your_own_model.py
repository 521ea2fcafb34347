#!/usr/bin/env python3
"""docs/make-your-own-model.md followed word by word: its commands in one shell, in their order, over texts of the fixtures; what it says
they print is looked for in what they print, in order, "…" standing for anything. Prints TAP."""

import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))
from tap import BUILD, FIXTURES, SOURCE, Skip, environment, main, test  # noqa: E402

PAGE = os.path.join(SOURCE, "docs", "make-your-own-model.md")
BOOK = os.path.join(FIXTURES, "texts", "gutenberg", "1597-0.txt")
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def blocks():
    """[(commands, [lines that are printed]), …]: a ```sh block and the ```text block behind it, if there is one."""
    with open(PAGE, encoding="utf-8") as page:
        found = re.findall(r"^```(\w+)\n(.*?)^```$", page.read(), re.M | re.S)
    assert {kind for kind, _ in found} == {"sh", "text"}, found
    steps = []
    for kind, body in found:
        if kind == "sh":
            steps.append((body, []))
        else:
            assert not steps[-1][1], body
            steps[-1][1].extend(body.splitlines())
    return steps


def write_texts(place):
    """Some tales, a file each."""
    with open(BOOK, encoding="utf-8") as book:
        tales = re.split(r"\n{4,}", book.read())
    tales = [tale.strip() + "\n" for tale in tales if len(tale) > 1500][:50]
    assert len(tales) > 15, len(tales)
    os.mkdir(place)
    for number, tale in enumerate(tales):
        with open(os.path.join(place, f"tale-{number:02}.txt"), "w", encoding="utf-8") as out:
            out.write(tale[:6000])


def look_for(lines, printed, commands):
    """Each line is in what was printed, behind the one before."""
    at = 0
    for line in lines:
        pattern = ".*".join(re.escape(part) for part in line.split("…"))
        found = re.compile(pattern).search(printed, at)
        assert found, f"{line!r} is not printed by\n{commands}\nwhich prints\n{printed}"
        at = found.end()


@test
def the_page_is_true():
    if not os.path.exists(BOOK):
        raise Skip("no fixtures")
    steps = blocks()
    with tempfile.TemporaryDirectory(prefix="hearth own model ", dir=MEMORY) as place:
        write_texts(os.path.join(place, "texts"))
        surroundings = environment(PATH=BUILD + os.pathsep + os.environ["PATH"], TMPDIR=place, HOME=place)
        said = {}
        for commands, lines in steps:
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=place, env=surroundings, capture_output=True, text=True)
            assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
            look_for(lines, done.stdout + done.stderr, commands)
            said[commands.split("\n")[0]] = done.stdout
        answers = [out for line, out in said.items() if line.startswith("hearth run run/model")]
        again = [out for line, out in said.items() if line.startswith("hearth convert")]
        assert len(answers) == len(again) == 1 and answers[0].strip() and again[0].endswith(answers[0]), (answers, again)


@test
def every_command_of_it_is_there():
    """What the page is to take somebody through."""
    commands = "".join(body for body, _ in blocks())
    for words in ("recipe check", "plan", "corpus build", "corpus stats", "tokenizer learn", "tokenizer fertility", "train", "run", "verify", "reproduce", "convert", "sign", "verify-signature"):
        assert f"hearth {words} " in commands, words


main()
