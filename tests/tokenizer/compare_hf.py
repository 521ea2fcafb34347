#!/usr/bin/env python3
"""hearth's token ids against Hugging Face `tokenizers` on 20 MB of mixed texts: 0 differences, or the first few.

compare_hf.py ENCODE_TOOL [--megabytes N] [--random N] [--keep FOLDER] [--speed]. Prints TAP. Fixtures: HEARTH_FIXTURES.
HEARTH_SMOLLM2 names the SmolLM2 GGUF, HEARTH_QWEN_TIKTOKEN Qwen's qwen.tiktoken (PyPI dashscope); a tokenizer whose
vocabulary is absent is skipped. --speed also times both on one thread, on the same texts.
"""
import argparse
import glob
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

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


def compare(name, hf, tool, path, all_texts, speed):
    """The differences, as lines, of all texts as plain text, and of a tenth with control tokens parsed."""
    wrong = []
    for mode, texts in (("plain", all_texts), ("special", all_texts[::10])):
        data = pack(texts)
        hf.encode_special_tokens = mode == "plain"
        ours, _ = run_tool(tool, path, mode, data)
        start = time.monotonic()
        for i, text in enumerate(texts):
            expected = tuple(hf.encode(text, add_special_tokens=False).ids)
            if expected != ours[i]:
                at = next((k for k, (a, b) in enumerate(zip(expected, ours[i])) if a != b), min(len(expected), len(ours[i])))
                wrong.append("%s %s text %d: expected %s, got %s at id %d near %r" % (
                    name, mode, i, expected[at:at + 4], ours[i][at:at + 4], at,
                    hf.decode(expected[max(0, at - 3):at + 3], skip_special_tokens=False)))
        if speed and mode == "plain":
            seconds = time.monotonic() - start
            _, log = run_tool(tool, path, mode, data, 3)
            mine = min(float(line.split("encode ")[1].split()[0]) for line in log.splitlines() if "encode " in line)
            size = len(data) / 1e6
            print("# %s: %.1f MB, hearth %.1f MB/s, tokenizers %.1f MB/s: %.1fx; %s" % (
                name, size, size / mine, size / seconds, seconds / mine, log.splitlines()[0].split(",")[0]))
    return wrong


def candidates(fixtures, folder):
    """name, a function that builds the Hugging Face tokenizer, the file that hearth reads (None: what was built)."""
    import hf_tokenizers as build
    gguf = os.path.join(fixtures, "tokenizers", "llama.cpp", "ggml-vocab-%s.gguf")
    smollm2 = os.environ.get("HEARTH_SMOLLM2", "")
    qwen = os.environ.get("HEARTH_QWEN_TIKTOKEN", "")
    from tokenizers import Tokenizer

    def file(*parts):
        return os.path.join(fixtures, *parts)

    rows = [("gpt-2 from GGUF", gguf % "gpt-2", build.gpt2, gguf % "gpt-2"),
            ("gpt-2", file("tokenizers", "gpt2-hf", "gpt2_tokenizer.json"), Tokenizer.from_file, None),
            ("llama 2 from GGUF", gguf % "llama-spm", build.llama2, gguf % "llama-spm"),
            ("llama 2", gguf % "llama-spm", build.llama2, None),
            ("llama 3", fixtures, build.llama3, None),
            ("qwen 2", qwen, build.qwen2, None),
            ("smollm2 from GGUF", smollm2, build.smollm2, smollm2),
            ("smollm2", smollm2, build.smollm2, None),
            ("o200k", fixtures, build.o200k, None),
            ("neox", file("tokenizers", "neox", "20B_tokenizer.json"), Tokenizer.from_file, None),
            ("neox-olmo", file("tokenizers", "neox", "allenai_gpt-neox-olmo-dolma-v1_5.json"), Tokenizer.from_file, None),
            ("olmo2", file("tokenizers", "olmo2", "allenai_dolma2.json"), Tokenizer.from_file, None),
            ("tinystories", file("tinystories-656k", "tokenizer.json"), Tokenizer.from_file, None)]
    for number, (name, source, make, path) in enumerate(rows):
        if source == "" or not os.path.exists(source):
            yield name, None, None
            continue
        hf = make(source)
        if path is None:
            path = os.path.join(folder, "%d.json" % number)
            hf.save(path)
        yield name, hf, path


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
    sys.path.insert(0, here)
    try:
        import tokenizers  # noqa: F401
        import gguf  # noqa: F401
    except ImportError as missing:
        print("1..0 # skipped: %s" % missing)
        return 0
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    texts = corpus(fixtures, options.megabytes, options.random)
    print("# %d texts, %.1f MB" % (len(texts), len(pack(texts)) / 1e6))
    number = failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, hf, path in candidates(fixtures, folder):
            if options.only and options.only != name:
                continue
            number += 1
            if hf is None:
                print("ok %d - %s # SKIP no vocabulary" % (number, name))
                continue
            wrong = compare(name, hf, options.tool, path, texts, options.speed)
            failures += bool(wrong)
            print("%s %d - %s: %d differences" % ("not ok" if wrong else "ok", number, name, len(wrong)), flush=True)
            for line in wrong[:5]:
                print("# " + line)
    print("1..%d" % number)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
