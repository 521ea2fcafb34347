"""The recipe of hearthside, shortened: the same generator, family, tokenizer and optimiser with fewer documents and two short steps of one
layer, in four micro-batches so that ranks and threads have something to share. One hash of its weights everywhere."""

import os
import re

RECIPE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "recipes", "hearthside", "recipe.yaml")

# Of the weights: another hash is another numeric contract, and a line in CHANGELOG.md.
HASH = "b281e985cc4602de"

CHANGES = {"documents": 300, "sequences": 4, "length": 32, "micro_batches": 4, "steps": 2, "layers": 1, "warmup_steps": 1, "decay_steps": 1, "checkpoint_steps": 2,
           "evaluate_steps": 2, "evaluate_sequences": 2}


def short_recipe(place, **changes):
    """Its path. `changes`: of other keys that the recipe has."""
    with open(RECIPE, encoding="utf-8") as file:
        text = file.read()
    for key, value in {**CHANGES, **changes}.items():
        text, found = re.subn(rf"(?m)^( +{key}:) .*$", rf"\1 {value}", text)
        assert found == 1, key
    path = os.path.join(place, "-".join(["short", *map(str, changes.values())]) + ".yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path
