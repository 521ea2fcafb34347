#!/usr/bin/env python3
"""Learning a tokenizer: hearth and Hugging Face's `tokenizers`, on the same text, cores and vocabulary; the files must be equal.

    bench/learn_peers.py [HEARTH] [--megabytes 100] [--vocabulary 8000,32000] [--threads 2] [--rounds 1] [--text FILE]
                         [--folders /usr/share/man,/usr/share/doc] [--keep FILE]

The text is what the folders' files of UTF-8 hold (.gz unpacked, each text once), up to so many megabytes; or FILE, whose
documents stand apart by U+001E. Needs the Python package tokenizers. Prints a table and one line of JSON; exit status 1 where files
differ. hearth's time is the whole program's, from its start to the written file; tokenizers' is train_from_iterator's alone, of
texts that are in memory already."""
import argparse
import gzip
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

MARK = "\x1e"


def texts(folders, most):
    seen, total = set(), 0
    for top in folders:
        for place, inner, names in os.walk(top):
            inner.sort()
            for name in sorted(names):
                path = os.path.join(place, name)
                if os.path.islink(path) or not os.path.isfile(path):
                    continue
                try:
                    with (gzip.open(path) if name.endswith(".gz") else open(path, "rb")) as f:
                        text = f.read(most - total).decode("utf-8", "strict")
                except (OSError, UnicodeDecodeError, EOFError):
                    continue
                key = hashlib.sha256(text.encode()).digest()
                if not text or "\0" in text or MARK in text or key in seen:
                    continue
                seen.add(key)
                total += len(text.encode())
                yield text
                if total >= most:
                    return


def hearth(program, text, vocabulary, threads, folder):
    out = os.path.join(folder, "hearth.json")
    if os.path.exists(out):
        os.remove(out)
    began = time.monotonic()
    subprocess.run([program, "tokenizer", "learn", text, "--split", MARK, "--vocab", str(vocabulary), "--special", "<|endoftext|>", "-q",
                    "--threads", str(threads), "-o", out], check=True, stdout=subprocess.DEVNULL)
    took = time.monotonic() - began
    with open(out, encoding="utf-8", newline="") as f:
        return took, f.read()


def tokenizers(documents, vocabulary):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    t = Tokenizer(models.BPE())
    t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=["<|endoftext|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    began = time.monotonic()
    t.train_from_iterator(documents, trainer)
    return time.monotonic() - began, t.to_str(pretty=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("hearth", nargs="?", default=os.path.join(os.path.dirname(__file__), "..", "build", "hearth"))
    p.add_argument("--megabytes", type=float, default=100)
    p.add_argument("--vocabulary", default="8000,32000")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=1)
    p.add_argument("--text")
    p.add_argument("--keep")
    p.add_argument("--folders", default="/usr/share/man,/usr/share/doc,/usr/share/perl,/usr/include")
    o = p.parse_args()
    os.environ.update(TOKENIZERS_PARALLELISM="true", RAYON_NUM_THREADS=str(o.threads))
    if o.text:
        with open(o.text, encoding="utf-8", newline="") as f:
            documents = f.read().split(MARK)
    else:
        documents = list(texts(o.folders.split(","), int(o.megabytes * 1e6)))
    size = sum(len(d.encode()) for d in documents)
    if o.keep:
        with open(o.keep, "w", encoding="utf-8", newline="") as f:
            f.write(MARK.join(documents))
    rows, good = [], True
    with tempfile.TemporaryDirectory() as folder:
        text = o.text or os.path.join(folder, "text")
        if not o.text:
            with open(text, "w", encoding="utf-8", newline="") as f:
                f.write(MARK.join(documents))
        print("%d documents, %.1f MB, %d threads" % (len(documents), size / 1e6, o.threads))
        for vocabulary in map(int, o.vocabulary.split(",")):
            ours, theirs, same = [], [], True
            for _ in range(o.rounds):
                a, mine = hearth(o.hearth, text, vocabulary, o.threads, folder)
                b, other = tokenizers(documents, vocabulary)
                ours.append(a)
                theirs.append(b)
                same = same and mine == other
            a, b = statistics.median(ours), statistics.median(theirs)
            good = good and same
            rows.append({"vocabulary": vocabulary, "hearth_s": round(a, 3), "tokenizers_s": round(b, 3), "ratio": round(b / a, 2), "same_file": same})
            print("%6d tokens: hearth %.2f s, tokenizers %.2f s: %.1f times; %s" % (vocabulary, a, b, b / a, "the same file" if same else "FILES DIFFER"), flush=True)
    print(json.dumps({"documents": len(documents), "bytes": size, "threads": o.threads, "rows": rows}))
    sys.exit(0 if good else 1)


main()
