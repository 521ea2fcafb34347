#!/usr/bin/env python3
"""hearth's token ids against Hugging Face `tokenizers`, sentencepiece, tiktoken and mistral-common on 20 MB of mixed texts:
0 differences, or the first few.

compare_hf.py ENCODE_TOOL [--megabytes N] [--random N] [--only NAME] [--speed]. Prints TAP. Needs the module tokenizers;
rows of another package that is missing are SKIP.
Vocabularies: the fixtures (HEARTH_FIXTURES), scripts/fetch-model, scripts/fetch-vocabularies; one that is absent is a line
with SKIP. --speed also times both on one thread, on the same texts.
"""
import argparse
import glob
import itertools
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import references  # noqa: E402
import vocabularies as v  # noqa: E402

SCRIPTS = [(0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F), (0x370, 0x3FF), (0x400, 0x52F), (0x531, 0x587), (0x590, 0x5F4),
           (0x600, 0x6FF), (0x900, 0x97F), (0x980, 0x9FF), (0xB80, 0xBFF), (0xC00, 0xC7F), (0xE01, 0xE5B),
           (0x10A0, 0x10FF), (0x1100, 0x11FF), (0x1200, 0x137F), (0x1780, 0x17F9), (0x1E00, 0x1FFE), (0x3041, 0x30FF),
           (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x10330, 0x1034A), (0x20000, 0x2A6DF)]
EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🧑🏿‍🚀", "❤️", "1️⃣", "👨‍💻", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🫠", "🪿", "✍🏻", "☺", "🀄"]
SPACES = [" ", "  ", "\n", "\r\n", "\t", "\n\n", " \n ", "\u00a0", "\u2003", "\u3000", "\u0085", "\u2028", "\u200b",
          "\u180e", "\x0b", "\x0c", "\x1c", "\ufeff"]
PIECES = ["'s", "'S", "'ll", "'LL", "'\u017f", "'re", "'VE", "'d", "don't", "I'M", "123", "12345", "\u00b2", "\u2460", "\u0661\u0662",
          "!!", "...", "$", "€", "//", "/*", "==", "->", "_", "a_b", "<|im_end|>", "<s>", "</s>", "<unk>", "<|endoftext|>",
          "<|eot_id|>", "\u2581", "\u2581\u2581", "Ġ", "<0x0A>", "e\u0301", "\u0915\u093c", "\u1e9b\u0323", "\u212b", "\ufb01",
          "\u0300\u0316", "\u1100\u1161\u11a8", "\ua7dc", "\U00010d50", "\U0001fae9", "\u0378", "\ue000", "\x00", "\x7f", "\ufffd"]


def is_scalar(code):
    return not 0xD800 <= code <= 0xDFFF


def random_text(rng):
    parts = []
    for _ in range(rng.randint(1, 14)):
        kind = rng.random()
        if kind < 0.35:
            low, high = rng.choice(SCRIPTS)
            parts.append("".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 8))))
        elif kind < 0.5:
            parts.append(rng.choice(SPACES) * rng.choice((1, 1, 1, 2, 5)))
        elif kind < 0.75:
            parts.append(rng.choice(PIECES))
        elif kind < 0.82:
            parts.append(rng.choice(EMOJI))
        elif kind < 0.92:
            parts.append("".join(chr(rng.randint(0, 0x2FF)) for _ in range(rng.randint(1, 6))))
        else:
            parts.append("".join(c for c in (chr(x) for x in (rng.randint(0, 0x10FFFF) for _ in range(4)) if is_scalar(x))))
    return "".join(parts)


def script_text(rng, low, high, size):
    """Words, spaces and punctuation of one script."""
    out = []
    while size > 0:
        word = "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 9)))
        out.append(word + rng.choice((" ", " ", " ", ", ", ". ", "\n")))
        size -= len(out[-1].encode())
    return "".join(out)


def read_files(paths, limit):
    for path in paths:
        if limit <= 0:
            return
        with open(path, "rb") as f:
            text = f.read(min(limit, 400_000)).decode("utf-8", "ignore")
        limit -= len(text.encode())
        yield text


def corpus(fixtures, megabytes, count):
    """Half of it texts and code, a quarter generated words of 23 scripts, the rest random strings."""
    rng = random.Random(20)
    total = megabytes * 1_000_000
    source = os.environ.get("HEARTH_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    prose = sorted(glob.glob(os.path.join(fixtures, "texts", "**", "*"), recursive=True) +
                   glob.glob(os.path.join(fixtures, "tokenizers", "**", "*.txt"), recursive=True))
    data = sorted(glob.glob(os.path.join(fixtures, "eval", "**", "*.jsonl"), recursive=True) +
                  glob.glob(os.path.join(fixtures, "grammars", "**", "*"), recursive=True) +
                  glob.glob(os.path.join(fixtures, "templates", "**", "*"), recursive=True))
    code = sorted(glob.glob(os.path.join(source, "**", "*.[ch]"), recursive=True) + glob.glob(os.path.join(source, "**", "*.py"), recursive=True) +
                  glob.glob("/usr/lib/python3/**/*.py", recursive=True) + glob.glob("/usr/lib/python3.*/**/*.py", recursive=True))
    texts = []
    for paths in (prose, data, code):
        texts += read_files([p for p in paths if os.path.isfile(p)], total // 4)
    for low, high in SCRIPTS:
        texts.append(script_text(rng, low, high, total // 4 // len(SCRIPTS)))
    texts += [random_text(rng) for _ in range(count)]
    texts += ["a" * 3000, " " * 3000, "\n" * 3000, "\u0301" * 500, "é" * 2000, "中" * 3000, "👍" * 1000, ""]
    return texts


def pack(texts):
    return b"".join(struct.pack("<I", len(b)) + b for b in (t.encode() for t in texts))


def run_tool(tool, path, mode, data, rounds=0):
    result = subprocess.run([tool, path, mode] + ([str(rounds)] if rounds else []), input=data, capture_output=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(result.stderr.decode())
    out, at = [], 0
    while at < len(result.stdout):
        (count,) = struct.unpack_from("<I", result.stdout, at)
        out.append(struct.unpack_from("<%di" % count, result.stdout, at + 4))
        at += 4 + 4 * count
    return out, result.stderr.decode()


def compare(reference, tool, paths, all_texts, speed):
    """For each file, its differences as lines: all texts as plain text, and a tenth with control tokens parsed."""
    wrong = {name: [] for name in paths}
    for mode, texts in (("plain", all_texts), ("special", all_texts[::10])):
        if mode not in reference.modes:
            continue
        data = pack(texts)
        start = time.process_time()
        all_expected = reference.ids(mode, texts)
        seconds = time.process_time() - start
        for name, path in paths.items():
            ours, _ = run_tool(tool, path, mode, data)
            if len(ours) != len(texts):
                wrong[name].append("%s: %d texts, %d answers" % (mode, len(texts), len(ours)))
            for i, (expected, got) in enumerate(zip(all_expected, ours)):
                if expected != got:
                    at = next((k for k, (a, b) in enumerate(zip(expected, got)) if a != b), min(len(expected), len(got)))
                    wrong[name].append("%s text %d: expected %s, got %s at id %d near %r" % (
                        mode, i, expected[at:at + 4], got[at:at + 4], at,
                        reference.show(expected[max(0, at - 3):at + 3])))
            if speed and mode == "plain":
                _, log = run_tool(tool, path, mode, data, 3)
                mine = min(float(line.split("encode ")[1].split()[0]) for line in log.splitlines() if "encode " in line)
                size = len(data) / 1e6
                print("# %s: %.1f MB, hearth %.1f MB/s, %s %.1f MB/s: %.1fx; %s" % (
                    name, size, size / mine, type(reference).__name__, size / seconds, seconds / mine, log.splitlines()[0].split(",")[0]))
    return wrong


def candidates(fixtures, folder):
    """Name, Hugging Face's tokenizer, and {name of a container: the file that hearth reads}; None where the vocabulary is
    absent. A tokenizer.json is what Hugging Face's own library saves."""
    from tokenizers import Tokenizer

    def file(*parts):
        return os.path.join(fixtures, *parts)
    gpt2, llama2 = (file("tokenizers", "llama.cpp", "ggml-vocab-%s.gguf" % name) for name in ("gpt-2", "llama-spm"))
    coder, deepseek = (file("tokenizers", "llama.cpp", "ggml-vocab-deepseek-%s.gguf" % name) for name in ("coder", "llm"))
    smollm2, qwen = v.smollm2_path(), v.qwen_path()
    rows = [("gpt-2", gpt2, v.gpt2, gpt2), ("gpt-2, published", file("tokenizers", "gpt2-hf", "gpt2_tokenizer.json"), None, None),
            ("llama 2", llama2, v.llama2, llama2),
            ("llama 3", file("tokenizers", "llama3.2"), lambda _: v.llama3(fixtures), lambda to: v.llama3_gguf(fixtures, to)),
            ("qwen 2", qwen, v.qwen2, lambda to: v.qwen2_gguf(qwen, to)),
            ("smollm2", smollm2, v.smollm2, smollm2),
            ("qwen 3.5's pattern", qwen, v.qwen35, None),
            ("deepseek coder", coder, v.deepseek_coder, None),  # the GGUF file has added letters too
            ("deepseek v3's patterns", deepseek, v.deepseek_v3, None),
            ("o200k", file("tokenizers", "tiktoken-more"), lambda _: v.o200k(fixtures), None),
            ("neox", file("tokenizers", "neox", "20B_tokenizer.json"), None, None),
            ("neox-olmo", file("tokenizers", "neox", "allenai_gpt-neox-olmo-dolma-v1_5.json"), None, None),
            ("olmo2", file("tokenizers", "olmo2", "allenai_dolma2.json"), None, None),
            ("tinystories", file("tinystories-656k", "tokenizer.json"), None, None),
            ("minilm", v.minilm_path(), None, v.minilm_gguf),
            ("minilm, cased", v.minilm_path(), v.minilm_cased, None)]
    for name, source, make, gguf in rows:
        if not os.path.exists(source):
            yield name, None, None
            continue
        hf = Tokenizer.from_str(json.dumps(make(source))) if make else Tokenizer.from_file(source)
        saved = os.path.join(folder, name.replace(" ", "-") + ".json")
        hf.save(saved)
        paths = {name + " (JSON)": saved}
        if callable(gguf):
            gguf(os.path.join(folder, name + ".gguf"))
            gguf = os.path.join(folder, name + ".gguf")
        if gguf:
            paths[name + " (GGUF)"] = gguf
        yield name, references.HuggingFace(hf), paths


def others(fixtures, folder):
    """The same for the rows of references.py; the reason in place of the reference where it is absent."""
    for rows in (references.spm_rows(fixtures, folder), references.tiktoken_rows(fixtures), references.tekken_rows()):
        for name, make, containers, source in rows:
            if make is None or not os.path.exists(source):
                yield name, None, None
                continue
            try:
                reference = make()
                yield name, reference, {"%s (%s)" % (name, kind): path for kind, path in containers().items()}
            except ImportError:
                yield name, None, None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--megabytes", type=int, default=20)
    parser.add_argument("--random", type=int, default=100_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    fixtures = os.environ.get("HEARTH_FIXTURES", os.path.join(here, "..", "..", "..", "shared", "fixtures"))
    try:
        import tokenizers
    except ImportError as missing:
        print("1..1\nok 1 - against Hugging Face tokenizers # SKIP %s" % missing)
        return 0
    os.environ["TOKENIZERS_PARALLELISM"] = "false" if options.speed else "true"
    texts = corpus(fixtures, options.megabytes, options.random)
    print("# tokenizers %s, %d texts, %.1f MB" % (tokenizers.__version__, len(texts), len(pack(texts)) / 1e6), flush=True)
    number = failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, hf, paths in itertools.chain(candidates(fixtures, folder), others(fixtures, folder)):
            if options.only and not name.startswith(options.only):
                continue
            if hf is None:
                number += 1
                print("ok %d - %s # SKIP no vocabulary or no package" % (number, name))
                continue
            for container, wrong in compare(hf, options.tool, paths, texts, options.speed).items():
                number += 1
                failures += bool(wrong)
                print("%s %d - %s: %d differences" % ("not ok" if wrong else "ok", number, container, len(wrong)), flush=True)
                for line in wrong[:5]:
                    print("# " + line)
    print("1..%d" % number)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
