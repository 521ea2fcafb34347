#!/usr/bin/env python3
"""How fast `hearth corpus build` is, and how much memory it takes, over a synthetic corpus of a given size.

    bench/corpus.py [--megabytes N] [--threads N] [--folder DIR] [--hearth build/hearth]

Documents are drawn from a vocabulary by Zipf's law, a tenth of them near copies of earlier ones; JSON lines. The rules are those that a corpus of the web
would have. Prints megabytes a second, the peak of resident memory, and what was kept."""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import tempfile
import time

RULES = """rules:
  - utf8_repair
  - nfc
  - rule: gopher_quality
    min_stop_words: 0
  - personal_data
  - exact_duplicates
  - near_duplicates
"""
RECIPE = """recipe: 1
name: bench
description: Speed.
licence: CC0-1.0
contract: 1
seed: 1
held_out: 0.01
sources:
  - {name: lines, kind: jsonl, path: lines.jsonl, licence: CC0-1.0, language: en}
""" + RULES + """tokenizer: {kind: bpe, vocab_size: 300, pretokenizer: gpt-2, special: ["<|end|>"]}
model: {family: llama, layers: 1, width: 32, heads: 2, kv_heads: 2, mlp: 64, context: 64, tied: true, rope_theta: 10000}
train: {format: f32, steps: 1, sequences: 1, length: 16, micro_batches: 1, optimizer: adamw, learning_rate: 0.1, schedule: constant, checkpoint_steps: 1}
"""


def make(path, size):
    rng = random.Random(1)
    vocabulary = ["".join(rng.choice("etaoinshrdlucmfwyp") for _ in range(rng.randint(1, 11))) for _ in range(30000)]
    weights = [1 / (rank + 3) for rank in range(len(vocabulary))]
    cumulative, total = [], 0.0
    for weight in weights:
        total += weight
        cumulative.append(total)
    recent, written = [], 0
    with open(path, "w", encoding="utf-8") as out:
        while written < size:
            if recent and rng.random() < 0.1:
                words = list(rng.choice(recent))
                words[rng.randrange(len(words))] = rng.choice(vocabulary)
            else:
                words = rng.choices(vocabulary, cum_weights=cumulative, k=rng.randint(60, 900))
            recent = (recent + [words])[-50:]
            lines = [" ".join(words[i:i + 14]) + "." for i in range(0, len(words), 14)]
            written += out.write(json.dumps({"text": "\n".join(lines)}) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--folder", help="where the corpus is made and kept; default: a temporary folder that is removed")
    parser.add_argument("--hearth", default="build/hearth")
    chosen = parser.parse_args()
    folder = chosen.folder or tempfile.mkdtemp(prefix="hearth-corpus-")
    lines, out = os.path.join(folder, "lines.jsonl"), os.path.join(folder, "corpus")
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(lines):
        make(lines, chosen.megabytes * 1000000)
    with open(os.path.join(folder, "recipe.yaml"), "w", encoding="utf-8") as recipe:
        recipe.write(RECIPE)
    shutil.rmtree(out, ignore_errors=True)
    began = time.monotonic()
    made = subprocess.run([chosen.hearth, "corpus", "build", os.path.join(folder, "recipe.yaml"), "-o", out, "--json", "-q", "--threads", str(chosen.threads)],
                          stdout=subprocess.PIPE, check=True)
    seconds = time.monotonic() - began
    totals = json.loads(made.stdout)
    size = os.path.getsize(lines) / 1e6
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{size:.0f} MB, {totals['documents']} documents, {totals['kept']} kept; {chosen.threads} threads: {size / seconds:.1f} MB/s, "
          f"peak {peak:.0f} MiB; {totals['sha256']}")
    if not chosen.folder:
        shutil.rmtree(folder)


main()
