#!/usr/bin/env python3
"""What hearth train writes opens in transformers as it is, says the same there, and its tokenizer gives the same tokens. Prints TAP; skips
without transformers.

    compare_transformers.py"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_folder import folder, train, write_recipe  # noqa: E402
from tap import Skip, good_json, main, test  # noqa: E402

TEXT = "Anna sees the ball number 7 in house 12. Ben likes the garden."


def compare(place, **more):
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast
    except ImportError as missing:
        raise Skip(missing) from None
    run = os.path.join(place, "run")
    train(write_recipe(place, **more), run)
    for part in ("model", "checkpoints/step-000008"):
        path = os.path.join(run, part)
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
        # for qwen2 AutoTokenizer cuts words as Qwen's vocabularies want it, whatever tokenizer.json says
        tokenizer = (PreTrainedTokenizerFast if more.get("family") == "qwen2" else AutoTokenizer).from_pretrained(path)
        assert tokenizer.eos_token == "<|end|>" and model.generation_config.eos_token_id == model.config.eos_token_id == 0
        ids = tokenizer(TEXT, return_tensors="pt").input_ids[:, :30]
        scored = good_json("score", path, "--per-token", "--no-bos", "--compute", "f32", stdin=tokenizer.decode(ids[0]))
        with torch.no_grad():
            expected = torch.log_softmax(model(ids).logits[0, :-1].double(), -1).gather(1, ids[0, 1:, None])[:, 0].tolist()
        theirs, ours = ids[0].tolist(), [t["id"] for t in scored["per_token"]]
        assert ours == theirs, (type(tokenizer).__name__, ours, theirs)
        found = [t["log_probability"] for t in scored["per_token"]][1:]
        assert len(found) == len(expected) and all(abs(a - b) < 2e-5 for a, b in zip(found, expected)), (found, expected)


def add(name, **more):
    def function():
        with folder() as place:
            compare(place, **more)
    function.__name__ = name
    test(function)


for family in ("llama", "qwen2", "qwen3", "olmo2", "qwen3-moe"):
    add(family, family=family)
main()
