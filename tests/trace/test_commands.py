#!/usr/bin/env python3
"""hearth trace as a program: what it indexes, finds, counts, foresees and reports. Prints TAP."""

import fcntl
import html.parser
import io
import json
import math
import os
import re
import subprocess
import sys
import tarfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "cli"), HERE]
import plain_index  # noqa: E402
from tap import HEARTH, SOURCE, environment, folder, hearth, main, test  # noqa: E402

TOKENIZER = os.path.join(SOURCE, "models", "hearthside", "tokenizer.json")
MODEL = os.path.join(SOURCE, "models", "hearthside")
TEXTS = ["The fox ran home. The fox slept.", "A fox, a hen and a goose went home.", "Nobody saw the goose again, and nobody asked. " * 3]


def good(*arguments, **options):
    made = hearth("trace", *arguments, **options)
    assert made.code == 0, (arguments, made)
    return made


def bad(*arguments, words=(), **options):
    made = hearth("trace", *arguments, **options)
    assert made.code in (1, 2) and len(made.err.splitlines()) == 1 and made.out == "", (arguments, made)
    assert all(word in made.err for word in words), (words, made)


def good_json(*arguments, **options):
    return json.loads(good(*arguments, "--json", **options).out)


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return path


def lines(path, texts=TEXTS):
    return write(path, "".join(json.dumps({"text": text}) + "\n" for text in texts))


def indexed(place, texts=TEXTS, *options):
    index = os.path.join(place, "index")
    good("index", lines(os.path.join(place, "texts.jsonl"), texts), "--tokenizer", TOKENIZER, "-q", "-o", index, *options)
    return index


@test
def kinds_of_texts():
    with folder() as place:
        tree = os.path.join(place, "tree")
        write(os.path.join(tree, "b", "two.txt"), TEXTS[1])
        write(os.path.join(tree, "a.txt"), TEXTS[0])
        write(os.path.join(tree, "c.bin"), b"\xff\xfe\x00fox")
        write(os.path.join(tree, "d.txt"), "")
        packed = os.path.join(place, "tree.tar.gz")
        with tarfile.open(packed, "w:gz") as tar:
            for name, text in (("a.txt", TEXTS[0]), ("two.txt", TEXTS[1])):
                member = tarfile.TarInfo(name)
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text.encode()))
        many = os.path.join(place, "many")
        lines(os.path.join(many, "0.jsonl"), TEXTS[:2])
        made = good_json("index", tree, "--licence", "CC0-1.0")
        assert made["documents"] == 2 and made["passed_over"] == 2 and made["tokens"] == 0, made
        assert made["index"] == tree + "-index"
        for path in (packed, many, lines(os.path.join(place, "two.jsonl"), TEXTS[:2])):
            assert good_json("index", path, "-o", path + "-index")["documents"] == 2
            assert good_json("count", path + "-index", "fox")[0]["count"] == 3
        found = good_json("find", tree + "-index", " fox")
        assert found["count"] == 3 and found["by"] == "bytes", found
        rows = {(row["place"], row["begin"], row["licence"], row["source"]) for row in found["places"]}
        assert rows == {("a.txt", 3, "CC0-1.0", "tree"), ("a.txt", 21, "CC0-1.0", "tree"), ("b/two.txt", 1, "CC0-1.0", "tree")}, rows
        shown = good("find", tree + "-index", "fox ran", "-n", "1").out
        assert shown.startswith("1 place\n") and "a.txt  CC0-1.0" in shown and "The fox ran home." in shown, shown


@test
def a_corpus_with_its_sources_and_licences():
    with folder() as place:
        write(os.path.join(place, "notes.txt"), "A line of mine about the fox.\nA second line about a goose.\n")
        write(os.path.join(place, "recipe.yaml"), """recipe: 1
name: small
description: For a test.
licence: CC0-1.0
contract: 1
seed: 1
held_out: 0.2
sources:
  - {name: notes, kind: text, split: line, path: notes.txt, licence: MIT, evidence: LICENCE, language: en}
  - {name: tales, kind: generator, generator: hearthside, documents: 60, language: en}
rules: [exact_duplicates]
tokenizer: {kind: bpe, vocab_size: 300, pretokenizer: gpt-2, special: ["<|end|>"]}
model: {family: llama, layers: 1, width: 32, heads: 2, kv_heads: 2, mlp: 64, context: 64, tied: true, rope_theta: 10000}
train: {format: f32, steps: 1, sequences: 1, length: 16, micro_batches: 1, optimizer: adamw, learning_rate: 0.1, schedule: constant, checkpoint_steps: 1}
""")
        corpus = os.path.join(place, "corpus")
        made = hearth("corpus", "build", os.path.join(place, "recipe.yaml"), "-o", corpus, "--json")
        assert made.code == 0, made
        totals = json.loads(made.out)
        train = good_json("index", corpus)
        every = good_json("index", corpus, "--held-out", "-o", os.path.join(place, "all"))
        assert train["held_out"] == totals["held_out"] > 0 and train["documents"] == totals["kept"] - totals["held_out"], (train, totals)
        assert every["documents"] == totals["kept"]
        with open(os.path.join(corpus + "-index", "index.json"), encoding="utf-8") as file:
            assert json.load(file)["corpus"] == {"name": "corpus", "sha256": totals["sha256"]}
        found = good_json("find", os.path.join(place, "all"), "mine about")
        assert found["count"] == 1, found
        row = found["places"][0]
        assert (row["source"], row["place"], row["licence"], row["evidence"], row["language"], row["row"]) == ("notes", "notes.txt:1", "MIT", "LICENCE", "en", 1), row
        write(os.path.join(place, "run", "other.txt"), "no part of it")
        os.rename(corpus, os.path.join(place, "run", "corpus"))
        corpus = os.path.join(place, "run", "corpus")
        assert good_json("index", os.path.join(place, "run"), "-o", os.path.join(place, "of-run"))["documents"] == train["documents"]
        shown = json.loads(hearth("corpus", "show", corpus, str(row["row"]), "--json").out)
        assert shown["id"] == row["id"]


@test
def files_are_those_of_another_implementation():
    with folder() as place:
        texts = ["ab" * 200 + "b" * number for number in range(4)] + ["a" * 300, "b", "a"]
        write(os.path.join(place, "tokenizer.json"), plain_index.VOCABULARY)
        good("index", lines(os.path.join(place, "texts.jsonl"), texts), "--tokenizer", os.path.join(place, "tokenizer.json"), "-o", os.path.join(place, "index"))
        for name, content in zip(plain_index.NAMES, plain_index.trace_index(texts)):
            if name not in ("index.json", "00000.facts", "00000.documents"):
                with open(os.path.join(place, "index", name), "rb") as file:
                    assert file.read() == content, name


@test
def counts_and_what_follows():
    with folder() as place:
        index = indexed(place)
        words = ["fox", "o", "home.", "nobody", "owls", " again, and"]
        assert [row["count"] for row in good_json("count", index, *words)] == [sum(text.count(word) for text in TEXTS) for word in words]
        text = good("count", index, "fox", "owls").out
        assert text == "3\tfox\n0\towls\n", text
        following = good_json("next", index, "goose ", "--by", "bytes")
        assert [(row["text"], row["count"]) for row in following["next"]] == [("a", 3), ("w", 1)] and following["context"] == 6, following
        longest = good_json("next", index, "a purple goose ", "--by", "bytes")
        assert longest["context"] == len("e goose ") and longest["count"] == 3, longest   # the goose again
        end = good_json("next", index, "slept.", "--by", "bytes")
        assert end["next"] == [{"count": 1, "probability": 1.0, "end": True, "byte": None, "text": ""}], end
        tokens = good_json("next", index, "The fox")
        assert tokens["by"] == "tokens" and sum(row["count"] for row in tokens["next"]) == tokens["count"], tokens
        ids = json.loads(hearth("tokenize", TOKENIZER, "--json", stdin=" fox").out)["tokens"]
        words = " ".join(str(token["id"]) for token in ids)
        assert good_json("count", index, words, "--ids")[0] == {"by": "tokens", "length": len(ids), "count": 3, "text": words}


def per_token(index, ids, texts):
    """The ∞-gram by a naive scan: (count, hits) of each token."""
    rows = []
    for at, unit in enumerate(ids):
        for length in range(at, -1, -1):
            context = ids[at - length:at]
            count = sum(text[i:i + length] == context for text in texts for i in range(len(text)) if i + length <= len(text))
            if count:
                break
        hits = sum(text[i:i + length + 1] == context + [unit] for text in texts for i in range(len(text)))
        rows.append((count, hits))
    return rows


def ids_of(text, add=()):
    return [token["id"] for token in json.loads(hearth("tokenize", TOKENIZER, "--json", *add, stdin=text).out)["tokens"]]


@test
def perplexity_alone_and_mixed():
    with folder() as place:
        index = indexed(place)
        text = "The fox went home again, and a hen slept."
        ids, texts = ids_of(text), [ids_of(one) for one in TEXTS]
        path = write(os.path.join(place, "text.txt"), text)
        made = good_json("perplexity", index, path)
        rows = per_token(index, ids, texts)
        assert made["tokens"] == len(ids) and made["foreseen"] == sum(hits > 0 for _, hits in rows), (made, rows)
        assert made["sure"] == sum(hits == count for count, hits in rows) and made["infinigram"]["perplexity"] is None, made
        score = json.loads(hearth("score", MODEL, "--per-token", "--json", stdin=text).out)
        logs = [row["log_probability"] for row in score["per_token"]]
        both = good_json("perplexity", index, path, "--model", MODEL, "--mix", "0.3")
        first = len(ids) - both["counted"]
        logs = logs[-both["counted"]:]
        mixed = [math.log(0.3 * hits / count + 0.7 * math.exp(log)) for (count, hits), log in zip(rows[first:], logs)]
        assert abs(both["mixed"]["perplexity"] - math.exp(-sum(mixed) / len(mixed))) < 1e-4 * both["mixed"]["perplexity"], both
        assert abs(both["model"]["perplexity"] - math.exp(-sum(logs) / len(logs))) < 1e-4 * both["model"]["perplexity"], both
        known = good_json("perplexity", index, stdin=TEXTS[0])
        assert known["foreseen"] == known["tokens"] and known["infinigram"]["perplexity"] < 10, known


@test
def evaluations():
    with folder() as place:
        index = indexed(place)
        suite = os.path.join(place, "suite")
        rows = [{"question": "What happened?", "context": TEXTS[2].strip()}, {"question": "Unseen words of " + "another kind " * 6},
                {"choices": ["no", "It is said: " + TEXTS[1] + " Or was it?"]}, {"question": "Too short"}]
        write(os.path.join(suite, "a.jsonl"), "".join(json.dumps(row) + "\n" for row in rows))
        write(os.path.join(suite, "b.txt"), "nothing of this line is anywhere at all\n\n" + TEXTS[0] + "\n")
        write(os.path.join(suite, "c.png"), b"\x00\x01")
        made = good_json("contaminated", index, suite, "--least", "20")
        assert {key: made[key] for key in ("items", "whole", "part", "clean", "short")} == {"items": 6, "whole": 2, "part": 1, "clean": 2, "short": 1}, made
        found = [(row["file"], row["line"], row["key"], row["longest"]) for row in made["found"]]
        assert found == [("a.jsonl", 1, "context", len(TEXTS[2].strip())), ("a.jsonl", 3, "choices.2", len(TEXTS[1])), ("b.txt", 3, "", len(TEXTS[0]))], found
        assert made["found"][2]["place"] == "texts.jsonl:1" and made["found"][2]["share"] == 1, made["found"][2]
        with open(os.path.join(os.fsencode(place), b"caf\xe9.txt"), "wb") as file:   # a name that is not UTF-8
            file.write(TEXTS[0].encode())
        [row] = good_json("contaminated", index, os.path.join(os.fsencode(place), b"caf\xe9.txt"), "--least", "20")["found"]
        assert "caf\ufffd" in row["file"], row
        latin = good_json("index", os.path.join(place, "texts.jsonl"), "--tokenizer", TOKENIZER, "-q", "-o", os.path.join(os.fsencode(place), b"caf\xe9"))
        assert latin["index"].endswith("caf\ufffd") and latin["documents"] == len(TEXTS), latin
        shown = good("contaminated", index, suite, "--least", "20", "-n", "1")
        assert shown.out.startswith("6 items: 2 with a text") and len(shown.out.splitlines()) == 2 and "2 more" in shown.err, shown
        alone = os.path.join(place, "alone.txt")
        write(alone, TEXTS[0] + "\n")
        made = good("index", alone, "--tokenizer", TOKENIZER, "-q", "-o", alone + "-index")
        assert ": 1 document, " in made.out, made
        shown = good("contaminated", alone + "-index", alone, "--least", "20")
        assert shown.out.startswith("1 item: 1 with a text") and "at 1 place: " in shown.out, shown


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.outside, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "br", "rect"):
            self.open.append(tag)
        self.outside += [value for key, value in attributes if key in ("src", "href")]

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


@test
def a_page():
    with folder() as place:
        index = indexed(place, [*TEXTS, "<script>alert(1)</script> is no part of the page. " * 40], "--licence", "<b>MIT</b>")
        suite = write(os.path.join(place, "suite.txt"), TEXTS[2] + "\n")
        path = good("report", index, suite).out.strip()
        assert path == index + ".html"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        page = Page()
        page.feed(text)
        page.close()
        assert not page.open and not page.outside and "<script" not in text and "<b>" not in text, (page.open, page.outside)
        words = "".join(page.text)
        assert "<b>MIT</b>" in words and "4 documents" in words and "1 with a text that stands here whole" in words, words
        made = good_json("report", index)
        assert made["licences"] == [{"name": "<b>MIT</b>", "documents": 4, "bytes": made["bytes"]}], made["licences"]
        pieces = {row["text"]: row["count"] for row in made["spans"]["found"]}
        assert pieces and all(count == sum(len(re.findall("(?=" + re.escape(piece) + ")", text)) for text in [*TEXTS, "<script>alert(1)</script> is no part of the page. " * 40])
                              for piece, count in pieces.items()), pieces


@test
def wrong_use_is_told():
    with folder() as place:
        index = indexed(place)
        texts = os.path.join(place, "texts.jsonl")
        bytes_alone = os.path.join(place, "bytes")
        good("index", texts, "-o", bytes_alone, "-q")
        bad("index", texts, "-o", index, words=["a new name"])
        bad("index", os.path.join(place, "none.jsonl"), "-o", os.path.join(place, "new"))
        assert not os.path.exists(os.path.join(place, "new"))
        bad("index", texts, "--by", "tokens", "-o", os.path.join(place, "new"), words=["--tokenizer"])
        bad("index", texts, "--add", bytes_alone, "--tokenizer", TOKENIZER, words=["--tokenizer"])
        bad("index", texts, "-o", "x", "--add", index)
        bad("index", texts, "--memory", "10KB", "-o", os.path.join(place, "new"), words=["--memory"])
        bad("count", os.path.join(place, "nothing"), "x")
        bad("count", bytes_alone, "1 2", "--ids", words=["--ids"])
        bad("count", index, "one two", "--ids", words=["numbers"])
        bad("perplexity", bytes_alone, texts, words=["tokens"])
        bad("contaminated", index, os.path.join(place, "nothing"))
        bad("find", index)
        for verb in ("find", "count", "next"):   # a tokenizer reads them as U+FFFD, which the texts may have
            bad(verb, index, b"\xff\xfe", "--by", "tokens", words=["TEXT", "UTF-8"])
        assert good_json("count", index, b"\xff\xfe", "--by", "bytes")[0]["count"] == 0
        empty = os.path.join(place, "empty")
        os.makedirs(empty)
        bad("index", empty, "-q", words=["empty", "document"])
        os.rmdir(empty)
        write(os.path.join(place, "broken.jsonl"), '{"text": "good"}\nnot json\n')
        made = good_json("index", os.path.join(place, "broken.jsonl"), "-o", os.path.join(place, "broken"))
        assert made["documents"] == 1 and made["passed_over"] == 1, made
        assert sorted(os.listdir(place)) == ["broken", "broken.jsonl", "bytes", "index", "texts.jsonl"], os.listdir(place)
        for left in ("00002.text", "00003.tokens.part-7"):   # of a try that was killed
            write(os.path.join(index, left), b"x")
        good("index", texts, "--add", index, "--tokenizer", TOKENIZER, "-q")
        assert {name[:5] for name in os.listdir(index)} == {".lock", "00000", "00001", "index", "token"}, os.listdir(index)
        assert good_json("count", index, "fox")[0]["count"] == 6
        with open(os.path.join(index, "00001.text"), "r+b") as file:
            file.truncate(10)
        bad("count", index, "fox", words=["00001.text", "size"])


def holding(path):
    """The lock of whoever works on an index."""
    lock = open(path, "w", encoding="utf-8")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


@test
def two_add_to_one_index_one_after_the_other():
    with folder() as place:
        index = indexed(place)
        names = [lines(os.path.join(place, f"more-{i}.jsonl"), [f"Text {i} of an adder, number {n}." for n in range(50)]) for i in range(4)]
        adding = ["trace", "index", "--add", index, "--tokenizer", TOKENIZER, "-q"]
        with holding(os.path.join(index, ".lock")):
            started = [subprocess.Popen([HEARTH, *adding, name], env=environment(), stderr=subprocess.PIPE) for name in names]
            time.sleep(0.5)
            assert all(one.poll() is None for one in started) and not os.path.exists(os.path.join(index, "00001.text")), os.listdir(index)
            write(os.path.join(index, "00001.text"), b"x")   # of one that was killed
        for one in started:
            told = one.communicate()[1]
            assert one.returncode == 0 and told == b"", told
        made = good_json("count", index, "fox", "of an adder", *[f"Text {i} of" for i in range(4)], "--by", "bytes")
        assert [row["count"] for row in made] == [3, 200, 50, 50, 50, 50], made


main()
