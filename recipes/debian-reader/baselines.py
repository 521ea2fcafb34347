#!/usr/bin/env python3
"""Bits per byte of a run's held-out packages by programs that learn no model: xz -9, zstd --ultra -22, and an interpolated byte n-gram model.

    recipes/debian-reader/baselines.py RUN [--order 5]

Each twice where it makes sense: of the held-out text alone, and behind the text that was trained on (how much longer the compressed
file becomes), which is what a model knows, too. The n-gram model is Witten and Bell's, of contexts up to ORDER bytes, counted over the
training text. Needs numpy, xz and zstd."""

import argparse
import glob
import json
import os
import subprocess

import numpy

END = b"\0"  # between documents: in contexts, and no byte of the text


def documents(run):
    """The kept documents' texts: trained on, held out."""
    texts = ([], [])
    for path in sorted(glob.glob(os.path.join(run, "corpus", "documents", "*.jsonl.zst"))):
        for line in subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout.splitlines():
            record = json.loads(line)
            texts[record["metadata"]["split"] == "held-out"].append(record["text"].encode())
    return texts


def compressed(command, data):
    return len(subprocess.run(command, input=data, capture_output=True, check=True).stdout)


def grams(data, size):
    """Each byte with the size - 1 before it, as one number; the first bytes have zeros before them."""
    made = numpy.zeros(len(data), dtype=numpy.uint64)
    for back in range(size - 1, -1, -1):
        made = made << numpy.uint64(8)
        made[back:] |= data[:len(data) - back].astype(numpy.uint64)
    return made


def looked_up(keys, values, wanted):
    at = numpy.minimum(numpy.searchsorted(keys, wanted), len(keys) - 1)
    return numpy.where(keys[at] == wanted, values[at], 0)


def ngram_bits(train, held, order):
    """-log2 p of each byte of `held`."""
    train, held = (numpy.frombuffer(text, dtype=numpy.uint8) for text in (train, held))
    p = numpy.full(len(held), 1 / 256)
    for size in range(1, order + 2):
        keys, counts = numpy.unique(grams(train, size), return_counts=True)
        contexts, first = numpy.unique(keys >> numpy.uint64(8), return_index=True)
        totals, kinds = numpy.add.reduceat(counts, first), numpy.diff(numpy.append(first, len(keys)))
        wanted = grams(held, size)
        seen, total = looked_up(keys, counts, wanted), looked_up(contexts, totals, wanted >> numpy.uint64(8))
        kind = looked_up(contexts, kinds, wanted >> numpy.uint64(8))
        p = numpy.where(total > 0, (seen + kind * p) / numpy.maximum(total + kind, 1), p)
        bits = -numpy.log2(p)
        print(f"n-gram, {size - 1} bytes of context: {bits[held != 0].mean():.4f} bits per byte", flush=True)
    return bits


def main():
    options = argparse.ArgumentParser()
    options.add_argument("run")
    options.add_argument("--order", type=int, default=5)
    o = options.parse_args()
    train, held = documents(o.run)
    size = sum(map(len, held))
    print(f"{len(held)} documents held out, {size} bytes; {len(train)} trained on, {sum(map(len, train))} bytes", flush=True)
    ngram_bits(END.join(train) + END, END.join(held) + END, o.order)
    for name, command in (("xz -9", ["xz", "-9", "-c"]), ("zstd --ultra -22", ["zstd", "--ultra", "-22", "-cq"])):
        alone = compressed(command, b"".join(held))
        behind = compressed(command, b"".join(train + held)) - compressed(command, b"".join(train))
        print(f"{name}: {8 * alone / size:.4f} bits per byte alone, {8 * behind / size:.4f} behind the training text", flush=True)


main()
