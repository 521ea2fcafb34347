#!/usr/bin/env python3
"""The model that is in the repository and in the program: answers, comes from its recipe, and the recipe's first steps give one
hash on every instruction set, with any number of threads and of ranks. Prints TAP.

    test_hearthside_model.py HEARTHSIDE_ASK"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from hearthside_short import HASH, RECIPE, short_recipe  # noqa: E402
from mpirun import mpirun, needs_mpirun  # noqa: E402
from tap import HEARTH, environment, folder, good, good_json, main, test  # noqa: E402

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MODEL = os.path.join(TOP, "models", "hearthside")
ASK = sys.argv.pop(1)
SEED = "20260601"

def instruction_sets():
    """Those of --isa that this machine has."""
    there = {name.split("+")[0] for name in good_json("doctor")["instruction_sets"]}
    return [name for name in ("scalar", "avx2", "avx512", "neon") if name in there]


@test
def it_answers_held_out_questions():
    """Questions that were looked at by nobody while the language was made: from the 1,000th of each kind on."""
    ended = subprocess.run([ASK, "embedded:hearthside", SEED, "1000", "20", "0.8"], capture_output=True, text=True, env=environment(),
                           check=False)
    print("# " + ended.stdout.strip().split("\n")[-1])
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr


@test
def it_is_in_the_program():
    said = good("run", "-p", "Tom has a red ball. Ann sleeps in the barn. Where is Ann?").out
    assert said.strip() == "Ann is in the barn.", said
    tight = good("run", "--memory", "1KB", "-p", "Tom has a red ball. Ann sleeps in the barn. Where is Ann?").out  # no file to read weights from
    assert tight == said, tight
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        with open(os.path.join(MODEL, name), "rb") as file:
            ours = file.read()
        with open(HEARTH, "rb") as file:
            assert ours in file.read(), name


@test
def it_comes_from_its_recipe():
    ended = good("verify", MODEL, "--segments", "1")
    assert "DIFFERS" not in ended.out, ended.out
    with open(os.path.join(MODEL, "recipe.yaml"), "rb") as ours, open(RECIPE, "rb") as there:
        assert ours.read() == there.read()


def train(place, recipe, *more):
    """The arguments of a training in a folder of its own, from the sources on."""
    return "train", recipe, "-o", os.path.join(place, " ".join(more)), *more, "--no-samples", "-q", "--json"


@test
def its_first_steps_are_the_same_everywhere():
    """Plain C, which is slow, once; the best set with each number of threads."""
    with folder() as place:
        recipe = short_recipe(place)
        sets = instruction_sets()
        assert "scalar" in sets and len(sets) > 1, sets
        for isa, threads in [(isa, 2) for isa in sets] + [(sets[-1], threads) for threads in (1, 3, 4, 5)]:
            made = json.loads(good(*train(place, recipe, "--isa", isa, "--threads", str(threads))).out)
            assert made["weights"].startswith(HASH) and made["threads"] == threads, (isa, made)


@test
def by_ranks_too():
    needs_mpirun()
    with folder() as place:
        recipe = short_recipe(place)
        for ranks, threads in ((1, 2), (2, 1), (2, 3), (4, 1)):
            to = os.path.join(place, str(ranks))
            os.makedirs(to, exist_ok=True)
            ended = mpirun(ranks, *train(to, recipe, "--threads", str(threads)))
            assert ended.code == 0, ended
            made = json.loads(ended.out)
            assert made["weights"].startswith(HASH) and made["ranks"] == ranks, made


main()
