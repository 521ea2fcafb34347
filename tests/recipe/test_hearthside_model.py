#!/usr/bin/env python3
"""The model that is in the repository and in the program: answers, comes from its recipe, and the recipe's first steps give one
hash on every instruction set and with any number of threads. Prints TAP.

    test_hearthside_model.py HEARTHSIDE_ASK"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from tap import HEARTH, environment, folder, good, good_json, main, test  # noqa: E402

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
RECIPE = os.path.join(TOP, "recipes", "hearthside", "recipe.yaml")
MODEL = os.path.join(TOP, "models", "hearthside")
ASK = sys.argv.pop(1)
SEED = "20260601"

# Of the shortened recipe below: another hash is another numeric contract, and a line in CHANGELOG.md.
SHORT = "2ebd47ce8fa3c209"


def short_recipe(place):
    """The recipe with 300 documents and two short steps of one layer."""
    with open(RECIPE, encoding="utf-8") as file:
        text = file.read()
    for key, value in {"documents": 300, "sequences": 1, "length": 64, "steps": 2, "layers": 1, "warmup_steps": 1, "decay_steps": 1, "checkpoint_steps": 2, "evaluate_steps": 2,
                       "evaluate_sequences": 2}.items():
        text, found = re.subn(rf"(?m)^( +{key}:) .*$", rf"\1 {value}", text)
        assert found == 1, key
    path = os.path.join(place, "short.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


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


@test
def its_first_steps_are_the_same_everywhere():
    with folder() as place:
        recipe = short_recipe(place)
        sets = instruction_sets()
        assert "scalar" in sets, sets
        runs = [(isa, 2) for isa in sets] + [(sets[0], threads) for threads in (1, 3, 4, 5)]
        for isa, threads in runs:
            to = os.path.join(place, f"{isa}-{threads}")
            made = good_json("train", recipe, "-o", to, "--isa", isa, "--threads", str(threads), "--no-samples", "-q")
            assert made["weights"].startswith(SHORT), (isa, threads, made["weights"])


main()
