#!/usr/bin/env python3
"""Ids that other people published, against hearth's: test_published.py ENCODE_TOOL. Prints TAP.

tokenizers/hf-expected: every case of its 11 tokenizers (ids with what the tokenizer adds around a text, and the texts that
come back from them). tokenizers/llama.cpp: the .inp/.out pairs that come without a vocabulary (test_fixtures.c has the
others). A tokenizer that hearth cannot load, or whose vocabulary is not here, is a line with SKIP and its number of cases.
Vocabularies: the fixtures (HEARTH_FIXTURES) and scripts/fetch-vocabularies.
"""
import functools
import json
import os
import struct
import subprocess
import sys
import tempfile
import unicodedata

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import vocabularies  # noqa: E402


def run_tool(tool, path, mode, items):
    """items: texts to encode, or lists of ids to decode."""
    if mode.startswith("decode"):
        data = b"".join(struct.pack("<I%di" % len(ids), len(ids), *ids) for ids in items)
    else:
        data = b"".join(struct.pack("<I", len(raw)) + raw for raw in (text.encode() for text in items))
    made = subprocess.run([tool, path, mode], input=data, capture_output=True, check=False)
    if made.returncode:
        raise RuntimeError("%s %s: %s" % (path, mode, made.stderr.decode().strip()))
    out, at = [], 0
    while at < len(made.stdout):
        (count,) = struct.unpack_from("<I", made.stdout, at)
        at += 4
        if mode.startswith("decode"):
            out.append(made.stdout[at:at + count].decode())
            at += count
        else:
            out.append(list(struct.unpack_from("<%di" % count, made.stdout, at)))
            at += 4 * count
    return out


def clean_up(text):
    """What transformers does to a decoded text where clean_up_tokenization_spaces is on; hearth does not."""
    for space, without in ((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
                           (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")):
        text = text.replace(space, without)
    return text


def compare(what, expected, ours, inputs):
    return ["%s of %r: expected %r, got %r" % (what, text, e, o) for text, e, o in zip(inputs, expected, ours) if e != o] + (
        [] if len(expected) == len(ours) else ["%s: %d cases, %d answers" % (what, len(expected), len(ours))])


def check_expected(tool, path, cases, clean):
    inputs = [case["input"] for case in cases]
    ids = [case["encoded"]["input_ids"] for case in cases]
    shown = clean_up if clean else str
    wrong = compare("ids", ids, run_tool(tool, path, "bos", inputs), inputs)
    for mode, key in (("decode-special", "decoded_with_special"), ("decode", "decoded_without_special")):
        texts = [shown(text) for text in run_tool(tool, path, mode, ids)]
        wrong += compare(mode, [case[key] for case in cases], texts, inputs)
    return wrong


def check_pair(tool, path, pair):
    with open(pair + ".inp", encoding="utf-8", newline="") as f:
        inputs = f.read().split("\n__ggml_vocab_test__\n")
    with open(pair + ".out", encoding="utf-8") as f:
        ids = [[int(i) for i in line.split()] for line in f.read().split("\n")[:len(inputs)]]
    wrong = compare("ids", ids, run_tool(tool, path, "plain", inputs), inputs)
    return len(inputs), wrong + compare("text", inputs, run_tool(tool, path, "decode", ids), inputs)


def rows(fixtures):
    """Tokenizers of hf-expected: name there, and for each container: its name, where its vocabulary is, how the file that
    hearth reads is made of it (None: it is that file); whether the published texts are cleaned up."""
    def file(*parts):
        return os.path.join(fixtures, "tokenizers", *parts)
    spm, falcon = file("llama.cpp", "ggml-vocab-llama-spm.gguf"), file("llama.cpp", "ggml-vocab-falcon.gguf")
    gpt2, llama3 = file("gpt2-hf", "gpt2.tiktoken"), file("llama3.2", "encoder.json")
    whisper, minilm = vocabularies.whisper_path(), vocabularies.minilm_path()
    # MiniLM's vocabulary and steps are those of bert-base-uncased
    bert = ([("JSON", minilm, None), ("GGUF", minilm, vocabularies.minilm_gguf),
             ("vocab.txt", os.path.dirname(minilm), vocabularies.minilm_folder)], True)
    return {
        "distilgpt2": ([("JSON", file("gpt2-hf", "gpt2_tokenizer.json"), None),
                        ("GGUF", file("llama.cpp", "ggml-vocab-gpt-2.gguf"), None)], True),
        "coreml-projects/Llama-2-7b-chat-coreml": ([("GGUF", spm, None), ("JSON", spm, vocabularies.llama2)], False),
        "tiiuae/falcon-7b": ([("GGUF", falcon, None)], True),
        "openai/whisper-tiny.en": ([("JSON", gpt2, lambda p: vocabularies.whisper(p, 50257, 50362))], True),
        "openai/whisper-large-v2": ([("JSON", whisper, lambda p: vocabularies.whisper(p, 50258, 50363))], True),
        "pcuenq/Llama-3.2-1B-Instruct-tokenizer": ([
            ("JSON", llama3, lambda p: vocabularies.llama3(fixtures)),
            ("GGUF", llama3, functools.partial(vocabularies.llama3_gguf, fixtures))], True),
        "bert-base-uncased": bert,
        "google-bert/bert-base-uncased": bert,
    }


UNSUPPORTED = {"distilbert/distilbert-base-multilingual-cased": "no vocabulary of multilingual BERT", "t5-base": "no vocabulary of T5", "pcuenq/gemma-tokenizer": "no vocabulary of Gemma"}


def check_normal_form(tool, folder):
    """GGUF has no key for a normaliser; names of pre-tokenisers stand for one. A vocabulary of the 256 bytes shows it."""
    letters = {vocabularies.ALPHABET[b]: b for b in range(256)}
    texts = ["e\u0301te\u0301 \u212b \u1e9b\u0323 \ufb01", "\u1100\u1161\u11a8 \u0915\u093c \uac00\u11a8", "\u00e9 plain"]
    wrong = []
    for pre, form in (("qwen2", "NFC"), ("qwen35", "NFC"), ("command-r", "NFC"), ("gpt-2", None), ("llama-bpe", None)):
        path = os.path.join(folder, pre + ".gguf")
        vocabularies.write_gguf(path, pre, letters, [], [])
        expected = [list((unicodedata.normalize(form, t) if form else t).encode()) for t in texts]
        wrong += compare(pre, expected, run_tool(tool, path, "plain", texts), texts)
    return 5 * len(texts), wrong


class Files:
    """The files that hearth reads, each made once."""

    def __init__(self, folder):
        self.folder, self.made = folder, {}

    def path(self, kind, source, make):
        if make is None:
            return source
        if (kind, source) not in self.made:
            path = self.made[kind, source] = os.path.join(self.folder, "%d.%s" % (len(self.made), kind.lower()))
            if kind in ("GGUF", "vocab.txt"):
                make(path)
            else:
                with open(path, "w", encoding="utf-8") as f:
                    json.dump(make(source), f, ensure_ascii=False)
        return self.made[kind, source]


class Report:
    def __init__(self):
        self.number = self.failed = self.cases = 0

    def skip(self, name, why):
        self.number += 1
        print("ok %d - %s # SKIP %s" % (self.number, name, why))

    def line(self, name, cases, wrong):
        self.number += 1
        self.cases += cases
        self.failed += bool(wrong)
        print("%s %d - %s: %d cases, %d differences" % ("not ok" if wrong else "ok", self.number, name, cases, len(wrong)))
        for one in wrong[:5]:
            print("# " + one)


def main():
    tool = sys.argv[1]
    source = os.environ.get("HEARTH_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    fixtures = os.environ.get("HEARTH_FIXTURES") or os.path.join(source, "..", "shared", "fixtures")
    published = os.path.join(fixtures, "tokenizers", "hf-expected", "tokenizer_tests.json")
    if not os.path.exists(published):
        print("1..1\nok 1 - published ids # SKIP no fixture tokenizers/hf-expected")
        return 0
    with open(published, encoding="utf-8") as f:
        everything = json.load(f)
    report, known = Report(), rows(fixtures)
    llama3, qwen = os.path.join(fixtures, "tokenizers", "llama3.2", "encoder.json"), vocabularies.qwen_path()
    pairs = (("llama-bpe", "JSON", llama3, lambda p: vocabularies.llama3(fixtures)),
             ("llama-bpe", "GGUF", llama3, functools.partial(vocabularies.llama3_gguf, fixtures)),
             ("qwen2", "JSON", qwen, vocabularies.qwen2),
             ("qwen2", "GGUF", qwen, functools.partial(vocabularies.qwen2_gguf, qwen)))
    with tempfile.TemporaryDirectory() as folder:
        files = Files(folder)
        report.line("normal form by the name of GGUF's pre-tokeniser", *check_normal_form(tool, folder))
        for name, cases in everything.items():
            if name not in known:
                report.skip("%s, %d cases" % (name, len(cases)), UNSUPPORTED.get(name, "a tokenizer that nobody looked at yet"))
                continue
            containers, clean = known[name]
            for kind, vocabulary, make in containers:
                title = "%s from %s" % (name, kind)
                if not os.path.exists(vocabulary):
                    report.skip("%s, %d cases" % (title, len(cases)), "no vocabulary (scripts/fetch-vocabularies, fetch-embedding-model)")
                    continue
                path = files.path(kind, vocabulary, make)
                report.line(title, len(cases), check_expected(tool, path, cases, clean))
        for name, kind, vocabulary, make in pairs:
            title = "llama.cpp's %s from %s" % (name, kind)
            if not os.path.exists(vocabulary):
                report.skip(title, "no vocabulary (scripts/fetch-vocabularies)")
                continue
            pair = os.path.join(fixtures, "tokenizers", "llama.cpp", "ggml-vocab-%s.gguf" % name)
            report.line(title, *check_pair(tool, files.path(kind, vocabulary, make), pair))
    print("# %d cases compared" % report.cases)
    print("1..%d" % report.number)
    return 1 if report.failed else 0


sys.exit(main())
