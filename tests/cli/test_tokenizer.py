#!/usr/bin/env python3
"""hearth tokenizer: what it writes, what it tells of a language, what it refuses. Prints TAP."""

import hashlib
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import SOURCE, chat_folder, folder, good, good_json, hearth, main, one_line, test  # noqa: E402

with open(os.path.join(SOURCE, "tests", "tokenizer", "golden", "learn.json"), encoding="utf-8") as lines:
    GOLDEN = [row for row in json.load(lines) if row["merges"]]


def write(place, name, text):
    path = os.path.join(place, name)
    with open(path, "wb") as out:
        out.write(text if isinstance(text, bytes) else text.encode())
    return path


def settings(row):
    special = [word for text in row["special"] for word in ("--special", text)]
    return ["--vocab", str(row["vocabulary"]), "--pretokenizer", row["pretokenizer"], "--min-frequency", str(row["min_frequency"]), *special]


@test
def learn_writes_the_file_of_the_reference():
    for row in GOLDEN:
        with folder() as place:
            texts = [write(place, f"{i}.txt", text) for i, text in enumerate(row["documents"])]
            out = os.path.join(place, "tokenizer.json")
            made = good_json("tokenizer", "learn", *texts, "-o", out, *settings(row), "--threads", "2")
            with open(out, "rb") as file:
                sha256 = hashlib.sha256(file.read()).hexdigest()
            assert sha256 == row["sha256"] == made["sha256"], row["pretokenizer"]
            assert made["merges"] == len(row["merges"]) and made["out"] == out and made["kind"] == "bpe"
            assert made["bytes"] == sum(len(t.encode()) for t in row["documents"]) and made["words"] >= made["distinct_words"] > 0
            ids = good("tokenize", out, "--ids", "--no-bos", stdin=row["encoded"][0]["text"]).out.split()
            assert [int(i) for i in ids] == row["encoded"][0]["ids"]


@test
def documents_are_files_parts_or_standard_input():
    row = next(r for r in GOLDEN if len(r["documents"]) == 2)
    with folder() as place:
        whole = write(place, "all", "<|sep|>".join(row["documents"]))
        one, two = os.path.join(place, "one"), os.path.join(place, "two")
        table = good("tokenizer", "learn", whole, "-o", one, "--split", "<|sep|>", *settings(row)).out
        good("tokenizer", "learn", "-", "-o", two, "--split", "<|sep|>", *settings(row), stdin="<|sep|>".join(row["documents"]))
        for path in (one, two):
            with open(path, "rb") as file:
                assert hashlib.sha256(file.read()).hexdigest() == row["sha256"]
        assert row["sha256"] in table and f"{len(row['merges']):,} merges" in table and one in table


@test
def what_cannot_be_learned_is_told_in_one_line():
    with folder() as place:
        text, out = write(place, "text", "some words"), os.path.join(place, "out")
        nothing, there = write(place, "nothing", ""), write(place, "there", "")
        one_line(hearth("tokenizer", "learn", text, "-o", out, "--vocab", "200"), 1, "at least 256 tokens", "found 200")
        one_line(hearth("tokenizer", "learn", text, "-o", out, "--vocab", "256", "--special", "<s>"), 1, "at least 257 tokens")
        one_line(hearth("tokenizer", "learn", text, "-o", out, "--pretokenizer", "gpt-7"), 1, "pre-tokenizer", "gpt-7")
        one_line(hearth("tokenizer", "learn", text, "-o", there), 1, there)
        one_line(hearth("tokenizer", "learn", nothing, "-o", out), 1, "at least one word")
        one_line(hearth("tokenizer", "learn", os.path.join(place, "absent"), "-o", out), 1, "absent")
        one_line(hearth("tokenizer", "learn", place, "-o", out), 1, place, "corpus.json")
        one_line(hearth("tokenizer", "learn", os.path.join(place, "recipe.yaml"), "-o", out), 1, "recipe.yaml", "No such file")
        one_line(hearth("tokenizer", "learn"), 2, "learn takes TEXT, RECIPE or CORPUS")
        one_line(hearth("tokenizer", "fertility", text), 2, "TOKENIZER and TEXT")
        one_line(hearth("tokenizer", "teach", text), 2, "learn or fertility", "teach")
        assert not os.path.exists(out)
        few = hearth("tokenizer", "learn", text, "-o", out)
        assert few.code == 0 and "no more to learn" in few.err and few.err.count("\n") == 1


@test
def a_learnt_unigram_is_no_vocabulary_of_gguf():
    with folder() as place:
        model, text = chat_folder(place), write(place, "text", "some words and some more words, and others")
        vocabulary = os.path.join(model, "tokenizer.json")
        if os.path.lexists(vocabulary):
            os.unlink(vocabulary)
        good("tokenizer", "learn", text, "-o", vocabulary, "--kind", "unigram", "--vocab", "270", "-q")
        out = os.path.join(place, "out.gguf")
        one_line(hearth("convert", model, out), 1, "ByteLevel before a Unigram model")
        assert not os.path.exists(out)


@test
def fertility_counts_by_language():
    texts = {"de.1.txt": "Größe und Füße\n", "de.2.txt": "Größe", "fr.txt": "  été  \u00a0 à l’œuvre ", "zh": "你好 世界"}
    with folder() as place:
        paths = [write(place, name, text) for name, text in texts.items()]
        tokenizer = os.path.join(place, "t.json")
        good("tokenizer", "learn", paths[0], "-o", tokenizer, "--vocab", "262", "-q")
        made = good_json("tokenizer", "fertility", tokenizer, *paths)
        assert made["vocabulary"] == 262 and [r["language"] for r in made["languages"]] == ["de", "fr", "zh"]
        for row in made["languages"] + [made["all"]]:
            mine = [text for name, text in texts.items() if row["language"] in ("all", name.split(".")[0])]
            tokens = [good_json("tokenize", tokenizer, "--text", text, "--no-bos")["tokens"] for text in mine]
            flat = [t for one in tokens for t in one]
            words = sum(len(text.split()) for text in mine)
            single = sum(1 for t in flat if len(bytes.fromhex(t["bytes"]) if "bytes" in t else t["text"].encode()) == 1)
            broken = sum(1 for t in flat if "bytes" in t)
            assert row["texts"] == len(mine) and row["words"] == words and row["tokens"] == len(flat)
            assert row["bytes"] == sum(len(t.encode()) for t in mine) and row["characters"] == sum(map(len, mine))
            assert abs(row["tokens_per_word"] - len(flat) / words) < 1e-12
            assert abs(row["single_byte_share"] - single / len(flat)) < 1e-12 and abs(row["broken_share"] - broken / len(flat)) < 1e-12
            assert broken > 0 and single >= broken
        table = good("tokenizer", "fertility", tokenizer, *paths).out.splitlines()
        assert len(table) == 5 and table[0].startswith("language") and table[-1].startswith("all ")
        assert good_json("tokenizer", "fertility", tokenizer, *paths, "--language", "mixed")["languages"][0]["texts"] == 4
        one_line(hearth("tokenizer", "fertility", os.path.join(place, "none.json"), paths[0]), 1, "none.json")
        one_line(hearth("tokenizer", "fertility", tokenizer, os.path.join(place, "none.txt")), 1, "none.txt")


main()
