"""What the tests of training share: a small recipe with its texts, and the folder of a run."""

import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))
from tap import good, good_json  # noqa: E402

# What these tests write is synced to the disk, many times: in memory where there is a folder for it.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
if MEMORY:
    os.environ["TMPDIR"] = MEMORY


def folder():
    return tempfile.TemporaryDirectory(prefix="hearth test ", dir=MEMORY)


NAMES = "Anna Ben Clara Dan Eva Finn Greta Hugo".split()
THINGS = "apple ball book cup door egg fish garden hat lamp".split()
VERBS = "sees takes likes finds gives wants".split()

RECIPE = """recipe: 1
name: tiny
description: a model of the tests
licence: CC0-1.0
contract: 1
seed: {seed}
sources:
  - name: texts
    kind: folder
    path: texts
    licence: CC0-1.0
    language: en
held_out: 0.1
tokenizer:
  kind: bpe
  vocab_size: 300
  special: ["<|end|>"]
model:
  family: {family}
  layers: 1
  width: 16
  heads: 2
  kv_heads: 1
  head_size: 8
  mlp: 32
  context: 32
  tied: true
train:
  format: {format}
  steps: {steps}
  sequences: 8
  length: 16
  micro_batches: 4
  optimizer: {optimizer}
  learning_rate: {rate}
  schedule: cosine
  warmup_steps: 4
  final_ratio: 0.1
  checkpoint_steps: {every}
  evaluate_steps: {every}
  evaluate_sequences: 8
"""


def write_recipe(place, name="recipe.yaml", steps=24, every=8, seed=7, rate="0.004", family="llama", format="f32", optimizer="adamw"):
    """Sixty texts, always the same, and a recipe beside them."""
    texts = os.path.join(place, "texts")
    if not os.path.isdir(texts):
        os.mkdir(texts)
        state = 12345
        for number in range(60):
            words = []
            for sentence in range(24):
                picks = []
                for _ in range(4):
                    state = (state * 1103515245 + 12345) % 2**31
                    picks.append(state >> 8)
                words.append(f"{NAMES[picks[0] % 8]} {VERBS[picks[1] % 6]} the {THINGS[picks[2] % 10]} number {picks[3] % 20} in house {number}.")
            with open(os.path.join(texts, f"text-{number:02}.txt"), "w", encoding="utf-8") as out:
                out.write(" ".join(words) + "\n")
    if family == "qwen3-moe":
        family += "\n  experts: 6\n  experts_used: 2"
        format += "\n  aux_loss: 0.02"
    if optimizer == "muon":
        optimizer += "\n  muon_learning_rate: 0.02"
    path = os.path.join(place, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(RECIPE.format(steps=steps, every=every, seed=seed, rate=rate, family=family, format=format, optimizer=optimizer))
    return path


def train(recipe, out, *more, **options):
    return good_json("train", recipe, "-o", out, "-q", "--no-samples", *more, **options)


def records(run):
    with open(os.path.join(run, "log.jsonl"), encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read(*parts):
    with open(os.path.join(*parts), "rb") as file:
        return file.read()


def write(data, *parts):
    with open(os.path.join(*parts), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


__all__ = ["folder", "good", "good_json", "read", "records", "train", "write", "write_recipe"]
