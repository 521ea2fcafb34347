#!/usr/bin/env python3
"""Makes allocations, reads, maps and threads of train and verify fail in turn (-Dfaults=true; elsewhere it skips): each run ends by itself
with exit status 0, or with 1 and one line; then the same run ends as it would have. Prints TAP.

    test_faults.py true|false

Of each kind 12, spread evenly over the run (40 with HEARTH_TESTS_ALL=1, which make check-long sets; HEARTH_FAULTS_MOST=N)."""

import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_folder import folder, train, write_recipe  # noqa: E402
from tap import Skip, environment, hearth, main, test  # noqa: E402

BUILT = sys.argv.pop(1) == "true"
KINDS = ("alloc", "read", "map", "thread")
MOST = int(os.environ.get("HEARTH_FAULTS_MOST") or ("40" if "HEARTH_TESTS_ALL" in os.environ else "12"))  # make check-long: 40


def counts(*arguments):
    with tempfile.NamedTemporaryFile() as report:
        ended = hearth(*arguments, env=environment(HEARTH_FAULT_COUNT=report.name))
        assert ended.code == 0, ended
        with open(report.name, encoding="utf-8") as lines:
            return {line.split()[0]: int(line.split()[1]) for line in lines}


def chosen(total):
    return range(1, total + 1) if total <= MOST else sorted({1 + (total - 1) * i // (MOST - 1) for i in range(MOST)})


def each_fault(before, after, *arguments):
    if not BUILT:
        raise Skip("faults are not compiled in (-Dfaults=true)")
    before()
    total = counts(*arguments)
    assert total["alloc"] > 100, total
    for kind in KINDS:
        for n in chosen(total.get(kind, 0)):
            before()
            ended = hearth(*arguments, env=environment(HEARTH_FAULT=f"{kind}:{n}"))
            assert ended.code in (0, 1), (kind, n, ended)
            assert ended.err.count("\n") == (ended.code if "passes over" not in ended.err else ended.err.count("\n")), (kind, n, ended)
            after(ended, (kind, n))


@test
def training():
    with folder() as place:
        recipe = write_recipe(place, steps=6, every=3)
        run = os.path.join(place, "run")
        wanted = train(recipe, os.path.join(place, "whole"))["chain"] if BUILT else ""
        def ends_alike(ended, what):
            assert train(recipe, run)["chain"] == wanted, (what, ended)
        each_fault(lambda: shutil.rmtree(run, ignore_errors=True), ends_alike, "train", recipe, "-o", run, "-q", "--no-samples", "--threads", "2")


@test
def going_on():
    with folder() as place:
        recipe = write_recipe(place, steps=6, every=3)
        whole, run = os.path.join(place, "whole"), os.path.join(place, "run")
        wanted = train(recipe, whole)["chain"] if BUILT else ""
        def begin():
            shutil.rmtree(run, ignore_errors=True)
            shutil.copytree(whole, run)
            for name in ("model", "checkpoints/step-000006"):
                shutil.rmtree(os.path.join(run, name))
        def ends_alike(ended, what):
            assert train(recipe, run)["chain"] == wanted, (what, ended)
        each_fault(begin, ends_alike, "train", recipe, "-o", run, "-q", "--no-samples", "--threads", "2")


@test
def verifying():
    with folder() as place:
        recipe = write_recipe(place, steps=6, every=3)
        run = os.path.join(place, "run")
        if BUILT:
            train(recipe, run)
        def said(ended, what):
            assert (ended.code == 0) == ended.out.endswith("verified\n"), (what, ended)
        each_fault(lambda: None, said, "verify", run, "-q", "--all", "--recipe", recipe, "--threads", "2")


main()
