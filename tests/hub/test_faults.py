#!/usr/bin/env python3
"""Makes allocations and reads of pull, list and rm fail in turn (-Dfaults=true; elsewhere it skips): each run ends by itself with exit code
0, or with 1 and one line; afterwards the same pull succeeds, and no file in the store has another content than its name says.
Prints TAP.

    test_faults.py true|false"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from place import Place, gguf, model_files, read  # noqa: E402
from server import Hub, sha256  # noqa: E402
from tap import Skip, main, test  # noqa: E402

BUILT = sys.argv.pop(1) == "true"


def counts(place, *arguments):
    with tempfile.NamedTemporaryFile() as report:
        place.good(*arguments, HEARTH_FAULT_COUNT=report.name)
        with open(report.name, encoding="utf-8") as lines:
            return {line.split()[0]: int(line.split()[1]) for line in lines}


def chosen(total, most=60):
    return range(1, total + 1) if total <= most else sorted({1 + (total - 1) * i // (most - 1) for i in range(most)})


def try_all(place, arguments, before, after):
    if not BUILT:
        raise Skip("faults are not compiled in (-Dfaults=true)")
    before()
    total = counts(place, *arguments)
    assert total["alloc"] > 10, total
    for kind in ("alloc", "read"):
        for n in chosen(total[kind]):
            before()
            ended = place.run(*arguments, HEARTH_FAULT=f"{kind}:{n}")
            assert ended.code in (0, 1), (kind, n, ended)
            assert ended.code == 0 or ended.err.count("\n") == 1, (kind, n, ended)
            after()


def check_blobs(place):
    for folder, _, names in os.walk(place.name):
        for name in names:
            digest = name[len("sha256-"):] if name.startswith("sha256-") else name
            if len(digest) == 64 and os.path.basename(folder) == "blobs":
                assert sha256(read(folder, name)) == digest, name


@test
def a_hub():
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/name", model_files())
        try_all(place, ("pull", "org/name", "--retries", "0"), lambda: place.run("rm", "org/name"), lambda: check_blobs(place))
        place.good("pull", "org/name")
        place.good("show", "org/name")


@test
def a_registry():
    with Hub() as hub, Place(hub) as place:
        hub.add_ollama("s", "m", "1", {"model": gguf(), "system": b"x" * 100})
        name = f"ollama:http://{hub.host}/s/m:1"
        try_all(place, ("pull", name, "--retries", "0"), lambda: place.run("rm", name), lambda: check_blobs(place))
        place.good("pull", name)
        place.good("show", name)


@test
def what_is_here():
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/name", {**model_files(), "m.gguf": gguf()})
        hub.add_ollama("s", "m", "1", {"model": gguf()})
        for name in ("org/name", f"ollama:http://{hub.host}/s/m:1"):
            place.good("pull", name)
        try_all(place, ("list", "--json"), lambda: None, lambda: None)
        try_all(place, ("prune", "--hours", "0"), lambda: None, lambda: None)
        try_all(place, ("rm", "org/name"), lambda: place.good("pull", "org/name"), lambda: check_blobs(place))


main()
