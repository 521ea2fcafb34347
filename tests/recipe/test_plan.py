#!/usr/bin/env python3
"""hearth plan of a recipe: parameters and operations beside transformers' and PyTorch's counts (plan_golden.json), and what
follows from them: time, cost, machines. Prints TAP."""

import json
import math
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))
from tap import folder, good, good_json, hearth, main, one_line, test  # noqa: E402

with open(os.path.join(HERE, "plan_golden.json"), encoding="utf-8") as lines:
    GOLDEN = json.load(lines)["rows"]


def recipe(place, shape, **train):
    model = {key: value for key, value in shape.items() if key != "vocab"}
    made = {"recipe": 1, "name": "planned", "licence": "CC0-1.0", "contract": 1, "seed": 7, "held_out": 0.01,
            "sources": [{"name": "world", "kind": "generator", "generator": "hearthside", "documents": 10, "licence": "CC0-1.0"}],
            "tokenizer": {"kind": "bpe", "vocab_size": shape["vocab"], "special": ["end"]}, "model": model,
            "train": {"format": "f32", "steps": 10, "sequences": 8, "length": shape["context"], "micro_batches": 4, "optimizer": "adamw",
                      "learning_rate": 0.003, "schedule": "constant", "checkpoint_steps": 4, **train}}
    path = os.path.join(place, "recipe.yaml")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(made, out)
    return path


@test
def parameters_are_those_that_transformers_counts():
    with folder() as place:
        for row in GOLDEN:
            planned = good_json("plan", recipe(place, row["shape"]), "--threads", "1")
            assert planned["parameters"] == row["parameters"], (row, planned["parameters"])


@test
def operations_are_those_that_pytorch_counts():
    counted = 0
    with folder() as place:
        for row in GOLDEN:
            if row["products"] is None:
                continue
            length = row["shape"]["context"]
            planned = good_json("plan", recipe(place, row["shape"]), "--threads", "1")
            sequences = 10 * 8
            assert planned["tokens"] == sequences * length
            assert planned["flops"] - planned["attention_flops"] == sequences * row["products"], (row, planned)
            assert planned["attention_flops"] * 2 * length == sequences * row["attention_squares"] * (length + 1), (row, planned)
            counted += 1
    assert counted >= 5


@test
def experts_count_as_those_that_a_token_uses():
    with folder() as place:
        dense, sparse = ({**GOLDEN[-1]["shape"], "experts_used": used} for used in (1, 4))
        a, b = (good_json("plan", recipe(place, shape), "--threads", "1") for shape in (dense, sparse))
        expert = 3 * dense["width"] * dense["mlp"]
        assert a["parameters"] == b["parameters"] == b["active_parameters"] == a["active_parameters"] + 3 * dense["layers"] * expert
        assert b["flops"] - a["flops"] == 6 * 3 * dense["layers"] * expert * a["tokens"]


@test
def recomputing_takes_a_forward_pass_of_the_layers_more():
    with folder() as place:
        shape = GOLDEN[0]["shape"]
        a = good_json("plan", recipe(place, shape), "--threads", "1")
        b = good_json("plan", recipe(place, shape, recompute=True), "--threads", "1")
        output = 6 * shape["vocab"] * shape["width"] * a["tokens"]
        assert (b["flops"] - output) * 3 == (a["flops"] - output) * 4
        assert b["memory"]["activations_bytes"] < a["memory"]["activations_bytes"]


@test
def time_energy_and_money_follow():
    with folder() as place:
        path = recipe(place, GOLDEN[0]["shape"])
        p = good_json("plan", path, "--threads", "1", "--share", "25", "--watts", "200", "--price", "0.5", "--machines", "3", "--network", "0.001")
        here, there = p["here"], p["there"]
        assert math.isclose(here["seconds"], p["flops"] / (p["machine"]["peak_gflops"] * 1e9 * 0.25), rel_tol=1e-9)
        assert math.isclose(here["core_hours"], here["seconds"] / 3600, rel_tol=1e-9)
        assert math.isclose(here["kwh"], here["seconds"] / 3600 * 0.2, rel_tol=1e-9)
        assert math.isclose(here["money"], here["core_hours"] * 0.5, rel_tol=1e-9)
        assert there["machines"] == 2  # a power of two
        assert there["bytes_sent_a_step"] == 4 * p["parameters"]  # around a ring of two: half of it twice
        assert math.isclose(there["seconds"], here["seconds"] / 2 + 10 * 4 * p["parameters"] / 1e6, rel_tol=1e-9)
        assert good_json("plan", path, "--threads", "1", "--machines", "64")["there"]["machines"] == 4  # micro_batches
        assert p["checkpoints"] == 3 and p["checkpoint_bytes"] == 12 * p["parameters"]
        text = good("plan", path, "--threads", "1", "--machines", "2", "--watts", "100").out
        for word in ("parameters", "operations", "memory", "here", "on 2", "kWh"):
            assert word in text, text


@test
def options_of_the_other_kind_are_refused():
    with folder() as place:
        path = recipe(place, GOLDEN[0]["shape"])
        one_line(hearth("plan", path, "--context", "8"), 2, "--context", "for models")
        one_line(hearth("plan", "model.gguf", "--price", "1"), 2, "--price", "for recipes")
        one_line(hearth("plan", os.path.join(place, "none.yaml")), 1, "none.yaml")


main()
