#!/usr/bin/env python3
"""Tokens a second of encoding on one thread: hearth beside Hugging Face tokenizers, tiktoken, sentencepiece and
mistral-common, on the same texts, one after the other in three rounds, the median of each, in
seconds of the processor's time, so that what else runs counts little.

bench/encode_speed.py ENCODE_TOOL [--megabytes N] [--only NAME]. ENCODE_TOOL: build/tests/tokenizer/encode_tool. Needs the
packages of tests/requirements.txt and the fixtures (HEARTH_FIXTURES); a row whose file or package is missing is left out.
The texts are prose, code and data of 20 kB each; the ids are compared too.
"""
import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "tokenizer"))
import compare_hf  # noqa: E402

SIZE = 20_000


def texts_of(fixtures, megabytes):
    """Pieces of the comparison's prose, data and code; none of its generated words."""
    out = []
    for text in compare_hf.corpus(fixtures, megabytes * 4 // 3, 0):
        if len(text) > SIZE and text.isprintable() is False:
            out += [text[at:at + SIZE] for at in range(0, len(text), SIZE)]
    return out[:megabytes * 1_000_000 // SIZE]


def timed(function):
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def round_of_hearth(tool, path, data):
    ids, log = compare_hf.run_tool(tool, path, "plain", data, 1)
    line = log.splitlines()[-1]
    return float(line.split("encode ")[1].split()[0]), float(line.split("load ")[1].split()[0]), ids


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--megabytes", type=int, default=6)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    fixtures = os.environ.get("HEARTH_FIXTURES", os.path.join(ROOT, "..", "shared", "fixtures"))
    texts = texts_of(fixtures, options.megabytes)
    data = compare_hf.pack(texts)
    size = sum(len(t.encode()) for t in texts) / 1e6
    print("%d texts, %.1f MB, one thread, million tokens a second" % (len(texts), size))
    print("%-36s %8s %8s  %-14s %6s  %s" % ("", "hearth", "theirs", "whose", "times", "load"))
    with tempfile.TemporaryDirectory() as folder:
        for name, reference, paths in itertools.chain(compare_hf.candidates(fixtures, folder), compare_hf.others(fixtures, folder)):
            if reference is None or (options.only and not name.startswith(options.only)):
                continue
            theirs, mine = [], {container: [] for container in paths}
            for _ in range(3):
                seconds, expected = timed(lambda: reference.ids("plain", texts))
                theirs.append(seconds)
                for container, path in paths.items():
                    mine[container].append(round_of_hearth(options.tool, path, data))
            tokens, seconds = sum(map(len, expected)) / 1e6, statistics.median(theirs)
            for container, made in mine.items():
                encode, load = (statistics.median(one[k] for one in made) for k in (0, 1))
                print("%-36s %8.2f %8.2f  %-14s %5.1fx  %5.2f s%s" % (
                    container, tokens / encode, tokens / seconds, type(reference).__name__, seconds / encode, load,
                    "" if all(one[2] == expected for one in made) else "  IDS DIFFER"), flush=True)


if __name__ == "__main__":
    main()
