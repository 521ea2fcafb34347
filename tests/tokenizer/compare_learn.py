#!/usr/bin/env python3
"""compare_learn.py TOOL: what hearth learns against Hugging Face's trainer, byte for byte of tokenizer.json. Prints TAP.

The fixture's corpus with each pre-tokenizer of the table; random texts over few letters, whose words are long and where one
token comes from several pairs; texts in many scripts. Each with several threads. Needs the Python package tokenizers."""
import os
import random
import subprocess
import sys
import tempfile

try:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
except ImportError:
    print("1..0 # SKIP no Python package tokenizers")
    sys.exit(0)

TOOL = sys.argv[1]
FIXTURES = os.environ.get("HEARTH_FIXTURES") or os.path.join(os.environ.get("HEARTH_SOURCE", "."), "..", "shared", "fixtures")
NAMES = ["gpt-2", "llama-bpe", "dbrx", "qwen2", "qwen35", "smollm", "command-r", "falcon", "deepseek-llm", "deepseek-coder",
         "deepseek-v3", "tekken", "gpt-4o"]
number = failed = 0


def report(good, name, why=""):
    global number, failed
    number += 1
    failed += not good
    print("%s %d - %s%s" % ("ok" if good else "not ok", number, name, "" if good else ": " + why), flush=True)


def ours(folder, documents, vocab, name, threads, special, least):
    text, out = os.path.join(folder, "text"), os.path.join(folder, "out.json")
    with open(text, "wb") as f:
        f.write(b"\x1e".join(d.encode() for d in documents))
    subprocess.run([TOOL, str(vocab), name, str(threads), "ids", str(least), out, *special, "--", text], check=True,
                   stdout=subprocess.DEVNULL)
    with open(out, encoding="utf-8", newline="") as f:
        return f.read()


def theirs(documents, vocab, special, like, least):
    """With the steps that our file has: they are read by the library itself, and tested by test_fixtures and compare_hf."""
    model = models.BPE(ignore_merges=True) if '"ignore_merges": true' in like else models.BPE()
    t, steps = Tokenizer(model), Tokenizer.from_str(like)
    t.pre_tokenizer, t.decoder = steps.pre_tokenizer, steps.decoder
    if steps.normalizer is not None:
        t.normalizer = steps.normalizer
    t.train_from_iterator(documents, trainers.BpeTrainer(
        vocab_size=vocab, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
        min_frequency=least))
    return t.to_str(pretty=True)


def compare(folder, title, documents, vocab, name, special=("<|endoftext|>",), least=0):
    special = list(special)
    first = ours(folder, documents, vocab, name, 1, special, least)
    same = all(ours(folder, documents, vocab, name, n, special, least) == first for n in (2, 3, 5))
    report(same, "%s, %s: any number of threads" % (title, name), "files differ")
    reference = theirs(documents, vocab, special, first, least)
    at = next((i for i, (a, b) in enumerate(zip(first, reference)) if a != b), min(len(first), len(reference)))
    report(first == reference, "%s, %s: as tokenizers" % (title, name),
           "byte %d: %r, expected %r" % (at, first[at - 40:at + 40], reference[at - 40:at + 40]))


def words(rng, letters, count, longest):
    return " ".join("".join(rng.choice(letters) for _ in range(rng.randint(1, longest))) for _ in range(count))


def scripts(rng, count):
    ranges = ((0x20, 0x7E), (0xA1, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x5D0, 0x5EA), (0x620, 0x64A), (0x900, 0x97F),
              (0xE01, 0xE30), (0x300, 0x320), (0x3041, 0x3096), (0x4E00, 0x4E40), (0xAC00, 0xAC40), (0x1F600, 0x1F640), (0x9, 0xD),
              (0x2000, 0x200A), (0x30, 0x39))
    out = []
    for _ in range(count):
        low, high = rng.choice(ranges)
        out.append("".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 8))) + rng.choice(("", " ", "\n", "  ", "\r\n")))
    return "".join(out)


def main():
    rng = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(FIXTURES, "tokenizers", "bpe-training")
        for file in ("corpus.en", "tinystories_sample.txt", "german.txt", "address.txt"):
            try:
                with open(os.path.join(path, file), encoding="utf-8", newline="") as f:
                    text = f.read()
            except FileNotFoundError:
                print("# no %s: skipped" % file)
                continue
            for name in NAMES if file == "corpus.en" else NAMES[:1]:
                compare(folder, file, [text], 500 if name == "gpt-2" else 2000, name)
        for case in range(60):
            letters = "abcdefgh"[:rng.randint(1, 5)]
            documents = [words(rng, letters, rng.randint(1, 60), rng.choice((3, 12, 60, 400))) for _ in range(rng.randint(1, 4))]
            compare(folder, "letters %d" % case, documents, rng.choice((260, 300, 500, 2000)), "gpt-2", least=rng.choice((0, 1, 2, 5)))
        for case, name in enumerate(NAMES * 2):
            documents = [scripts(rng, 2000) for _ in range(5)]
            compare(folder, "scripts %d" % case, documents, 1500, name, special=("<s>", "a b", "<s>", "e", "é", "Ġ", "th")[:1 + case % 7])
    print("1..%d" % number)
    sys.exit(failed > 0)


main()
