#!/usr/bin/env python3
"""hearth corpus build, pack, show, stats: a recipe in, files that other programs read out. Prints TAP."""

import hashlib
import html.parser
import json
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))
import pty_run  # noqa: E402
from tap import HEARTH, Skip, environment, good, good_json, hearth, main, one_line, test  # noqa: E402

PLACE = tempfile.mkdtemp(prefix="hearth-corpus-")
RECIPE = """recipe: 1
name: small
description: A test.
licence: CC0-1.0
contract: 1
seed: 3
held_out: 0.2
sources:
  - {name: notes, kind: text, path: notes.txt, split: line, licence: MIT, evidence: LICENCE}
  - {name: sums, kind: generator, generator: sums, documents: 200}
  - {name: piped, kind: command, command: "cat records.jsonl", licence_field: license}
rules:
  - utf8_repair
  - rule: length
    min_characters: 4
  - rule: licence_allow
    licences: [MIT, CC0-1.0]
  - personal_data
  - exact_duplicates
tokenizer: {kind: bpe, vocab_size: 300, pretokenizer: gpt-2, special: ["<|end|>"]}
model: {family: llama, layers: 1, width: 32, heads: 2, kv_heads: 2, mlp: 64, context: 64, tied: true, rope_theta: 10000}
train: {format: f32, steps: 1, sequences: 1, length: 16, micro_batches: 1, optimizer: adamw, learning_rate: 0.1, schedule: constant,
  checkpoint_steps: 1}
"""
NOTES = ["A first <b>note</b> & more.", "Mail me: jane@example.org", "abc", "A first <b>note</b> & more.", "Bytes: \udcff!"]
RECORDS = [{"text": "free text", "license": "CC0-1.0"}, {"text": "closed text", "license": "LicenseRef-closed"}, {"none": 1}]


def path(name):
    return os.path.join(PLACE, name)


def write(name, text):
    with open(path(name), "wb") as out:
        out.write(text.encode("utf-8", "surrogateescape"))


def setup():
    write("recipe.yaml", RECIPE)
    write("notes.txt", "\n".join(NOTES) + "\n")
    write("records.jsonl", "".join(json.dumps(r) + "\n" for r in RECORDS))
    return good_json("corpus", "build", path("recipe.yaml"), "-o", path("corpus"), "--json", "-q")


built = setup()


def lines(name):
    made = subprocess.run(["zstd", "-dcq", path(name)], capture_output=True, timeout=20)
    assert made.returncode == 0, made.stderr
    return made.stdout


@test
def build_says_what_it_made():
    assert built["documents"] == 208 and 0 < built["held_out"] < built["kept"] < 208, built
    again = good("corpus", "build", path("recipe.yaml"), "-o", path("again"), "--threads", "3")
    assert built["sha256"] in again.out and f"of {built['documents']} documents kept" in again.out, again
    one_line(hearth("corpus", "build", path("recipe.yaml"), "-o", path("again")), 1, "again", "expected a new folder")


@test
def the_manifest_is_json_lines_whose_hash_is_the_corpus():
    if not shutil.which("zstd"):
        raise Skip("zstd is not installed")
    text = lines("corpus/manifest.jsonl.zst")
    assert hashlib.sha256(text).hexdigest() == built["sha256"]
    rows = [json.loads(line) for line in text.splitlines()]
    assert [r["metadata"]["row"] for r in rows] == list(range(1, 209))
    assert rows[0]["id"] == hashlib.sha256(NOTES[0].encode()).hexdigest()
    assert [r["metadata"]["fate"] for r in rows[:5]] == ["kept", "kept", "length", "exact_duplicates", "kept"]
    assert [r["metadata"]["fate"] for r in rows[-3:]] == ["kept", "licence_allow", "unreadable"]
    kept = [json.loads(line) for line in lines("corpus/documents/00000.jsonl.zst").splitlines()]
    assert len(kept) == built["kept"] and kept[1]["text"] == "Mail me: [email]" and kept[2]["text"] == "Bytes: \ufffd!"
    for row in kept:  # Dolma's form; the hash in the manifest is of the text that is kept
        assert isinstance(row["id"], str) and isinstance(row["source"], str)
        assert row["metadata"]["kept_sha256"] == hashlib.sha256(row["text"].encode()).hexdigest()
        assert row["metadata"]["split"] == ("held-out" if int(row["id"][:16], 16) / 2**64 < 0.2 else "train")
    with open(path("corpus/corpus.json"), encoding="utf-8") as file:
        summary = json.load(file)
    assert summary["shards"][0]["sha256"] == hashlib.sha256(lines("corpus/documents/00000.jsonl.zst")).hexdigest()
    piped = [s for s in summary["sources"] if s["name"] == "piped"][0]
    with open(path("records.jsonl"), "rb") as file:
        assert piped["sha256"] == hashlib.sha256(file.read()).hexdigest()


@test
def the_manifest_answers_in_sql():
    db = sqlite3.connect(path("corpus/manifest.sqlite"))
    assert db.execute("SELECT value FROM corpus WHERE name = 'sha256'").fetchone()[0] == built["sha256"]
    assert db.execute("SELECT count(*), sum(fate IS NULL), sum(held_out) FROM document").fetchone() == (208, built["kept"], built["held_out"])
    assert db.execute("SELECT d.duplicate_of FROM document d WHERE fate = 'exact_duplicates' AND source = 0").fetchone() == (1,)
    assert db.execute("SELECT parameters FROM rule WHERE name = 'length'").fetchone() == ("min_characters: 4",)
    db.close()


@test
def show_tells_a_document_by_row_and_by_id():
    found = good_json("corpus", "show", path("corpus"), "4", "--json")
    assert found["dropped_by"] == "exact_duplicates" and found["duplicate_of"] == 1 and not found["kept"], found
    assert found["licence"] == "MIT" and found["evidence"] == "LICENCE" and found["place"] == "notes.txt:4"
    by_id = good_json("corpus", "show", path("corpus"), found["id"][:12], "--json")
    assert by_id["row"] == 1 and by_id["others_with_this_id"] == 1 and by_id["kept"], by_id
    text = good("corpus", "show", path("corpus"), "207").out
    assert "dropped_by   licence_allow" in text and "reason       LicenseRef-closed is not allowed" in text, text
    one_line(hearth("corpus", "show", path("corpus"), "209"), 1, "209: expected a row or an id of the manifest, found none")
    one_line(hearth("corpus", "show", path("corpus"), "xyz"), 1, "8 to 64 digits of an id")
    one_line(hearth("corpus", "show", path("nowhere"), "1"), 1, "nowhere")
    write("corpus-broken", "")
    os.makedirs(path("broken"), exist_ok=True)
    write("broken/manifest.sqlite", "SQLite format 3\0" + "x" * 4096)
    one_line(hearth("corpus", "show", path("broken"), "1"), 1, "broken")


class Page(html.parser.HTMLParser):
    """Notes tags that are open, and whatever would be fetched from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.outside, self.charts = [], [], 0

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "br", "rect"):
            self.open.append(tag)
        self.charts += tag == "svg"
        self.outside += [v for k, v in attributes if k in ("src", "href")]

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


@test
def stats_as_table_json_and_page():
    numbers = good_json("corpus", "stats", path("corpus"), "--json")
    assert sum(f["documents"] for f in numbers["fates"]) == 208 - built["kept"]
    assert sum(s["documents"] for s in numbers["sources"]) == sum(s["documents"] for s in numbers["lengths"]) == 208
    assert {s["name"] for s in numbers["licences"]} == {"MIT", "CC0-1.0", "LicenseRef-closed", "NOASSERTION"}
    short = [f for f in numbers["fates"] if f["fate"] == "length"][0]
    assert short["samples"] == [{"row": 3, "place": "notes.txt:3", "reason": "3 characters, fewer than 4", "text": "abc"}]
    table = good("corpus", "stats", path("corpus")).out
    assert "LicenseRef-closed" in table and "exact_duplicates" in table
    good("corpus", "stats", path("corpus"), "-o", path("page.html"))
    with open(path("page.html"), encoding="utf-8") as file:
        text = file.read()
    page = Page()
    page.feed(text)
    assert page.open == [] and page.outside == [] and page.charts == 4, (page.open, page.outside, page.charts)
    assert "A first &lt;b&gt;note&lt;/b&gt; &amp; more." in text and "<b>note" not in text


@test
def stats_of_a_strangers_corpus_are_text():
    shutil.copytree(path("corpus"), path("strange"))
    db = sqlite3.connect(path("strange/manifest.sqlite"))
    db.execute("UPDATE document SET fate = ? WHERE row = 3", ("\x1b[31mred",))
    db.execute("UPDATE document SET fate = x'80' WHERE row = 4")
    db.execute("UPDATE source SET sha256 = '<b>\x1b[1m' WHERE id = 0")
    db.commit()
    screen = pty_run.Session([HEARTH, "corpus", "stats", path("strange"), "--color", "never"])
    assert screen.wait() == 0
    table = screen.text()
    assert "\x1b" not in table and "[31mred" in table and "(null)" not in table and "\nno text " in table, table
    good("corpus", "stats", path("strange"), "-o", path("strange.html"))
    with open(path("strange.html"), encoding="utf-8") as file:
        text = file.read()
    assert "<b>" not in text and "&lt;b&gt;" in text and "\x1b" not in text
    db.execute("ALTER TABLE document RENAME TO other")
    db.execute("CREATE VIEW document AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
               " SELECT i AS row, id, source, place, licence, evidence, language, created, bytes, fate, reason, duplicate_of, kept_bytes,"
               " kept_sha256, held_out FROM n, other")
    db.commit()
    db.close()
    for words in (["stats", path("strange")], ["show", path("strange"), "1"]):
        one_line(hearth("corpus", *words, timeout=30), 1, "manifest.sqlite: document: expected a table, found a view or nothing")


@test
def pack_makes_tokens_in_the_order_of_the_seed():
    vocabulary = {chr(c): i for i, c in enumerate([*range(33, 127), *range(161, 173), *range(174, 256)] + list(range(256, 324)))}
    vocabulary["<|end|>"] = 256
    tokenizer = {"version": "1.0", "added_tokens": [{"id": 256, "content": "<|end|>", "single_word": False, "lstrip": False, "rstrip": False,
                                                     "normalized": False, "special": True}], "normalizer": None,
                 "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
                 "post_processor": None, "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": vocabulary, "merges": []}}
    write("tokenizer.json", json.dumps(tokenizer))
    words = ["corpus", "pack", path("corpus"), "--tokenizer", path("tokenizer.json"), "--end", "<|end|>", "--length", "16", "--json", "-q"]
    train, held = good_json(*words, "-o", path("packed"))
    assert train["documents"] == built["kept"] - built["held_out"] and held["documents"] == built["held_out"]
    assert train["sequences"] == (train["tokens"] - 1) // 16
    other = good_json(*words, "-o", path("packed-2"), "--seed", "2", "--threads", "3")[0]
    assert other["tokens"] == train["tokens"] and other["sha256"] != train["sha256"]
    with open(path("packed/tokens.bin"), "rb") as file:
        header, tokens = file.read(256), file.read()
    assert header[:8] == b"hearthPK" and hashlib.sha256(header).hexdigest() == train["sha256"]
    assert hashlib.sha256(tokens).digest() == header[56:88]
    assert struct.unpack_from(f"<{train['tokens']}H", tokens).count(256) == train["documents"]
    one_line(hearth(*words, "-o", path("packed")), 1, "packed", "expected a new folder")
    one_line(hearth(*words, "-o", path("p3"), "--end", "nothing"), 2, "--end: expected a token of the vocabulary")
    assert not os.path.exists(path("p3")) and not [n for n in os.listdir(PLACE) if ".tmp-" in n]


@test
def without_commands_a_build_is_confined_and_the_same():
    held = environment(HEARTH_CONFINE="require")
    write("held.yaml", RECIPE.replace('  - {name: piped, kind: command, command: "cat records.jsonl", licence_field: license}\n',
                                      "  - {name: lines, kind: jsonl, path: records.jsonl, licence_field: license}\n"))
    made = hearth("corpus", "build", path("held.yaml"), "-o", path("new/held"), "--json", "-q", env=held)
    if "a kernel with Landlock" in made.err:
        raise Skip(made.err.strip())
    assert made.code == 0, made
    free = good_json("corpus", "build", path("held.yaml"), "-o", path("free"), "--json", "-q", env=environment(HEARTH_CONFINE="off"))
    assert json.loads(made.out)["sha256"] == free["sha256"]
    good("corpus", "stats", path("free"), "-o", path("new/page.html"), env=held)
    assert good("corpus", "show", path("free"), "1", env=held).out == good("corpus", "show", path("free"), "1").out
    good("corpus", "pack", path("free"), "--tokenizer", path("tokenizer.json"), "--end", "<|end|>", "-q", env=held)


@test
def an_output_within_a_source_is_refused_and_leaves_nothing():
    os.makedirs(path("inner"))
    write("inner/recipe.yaml", RECIPE[: RECIPE.index("sources:")] + "sources:\n  - {name: here, kind: folder, path: ., licence: MIT, evidence: me}\n"
          + RECIPE[RECIPE.index("rules:"):])
    for words in (["corpus", "build"], ["train"]):
        one_line(hearth(*words, path("inner/recipe.yaml"), "-o", path("inner/made"), "-q"), 1, "here: expected an output outside of the source's folder")
    assert os.listdir(path("inner")) == ["recipe.yaml"]


@test
def an_interrupt_ends_a_build_wherever_it_is():
    os.makedirs(path("vast"))
    with open(path("vast/file"), "wb") as file:  # sparse: hashing it takes a minute
        file.truncate(64 << 30)
    sources = {
        "silent": 'kind: command, command: "exec sleep 60"',
        "endless": 'kind: command, command: "exec cat /dev/zero"',
        "closed": 'kind: command, command: "exec >&-; exec sleep 60"',
        "hashed": "kind: folder, path: vast",
    }
    for name, source in sources.items():
        write("slow.yaml", RECIPE[: RECIPE.index("sources:")] + f"sources:\n  - {{name: {name}, {source}, licence: MIT, evidence: me}}\n"
              + RECIPE[RECIPE.index("rules:"):])
        out = path("slow-" + name)
        running = subprocess.Popen([HEARTH, "corpus", "build", path("slow.yaml"), "-o", out, "-q"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        try:
            end = time.monotonic() + 20
            while not os.path.exists(f"{out}.tmp-{running.pid}"):
                assert time.monotonic() < end and running.poll() is None, name
                time.sleep(0.01)
            time.sleep(0.3)
            running.send_signal(signal.SIGINT)
            told = running.communicate(timeout=15)
        finally:
            running.kill()
        assert running.returncode == 130 and told == (b"", b""), (name, running.returncode, told)
    assert not [n for n in os.listdir(PLACE) if n.startswith("slow-")]


@test
def what_is_asked_wrongly_is_said():
    one_line(hearth("corpus", "bild", "x"), 2, "expected fetch, build, pack, show or stats")
    one_line(hearth("corpus", "show", "x"), 2, "show takes a corpus's folder and a document")
    one_line(hearth("corpus", "pack", "x"), 2, "pack needs --tokenizer")
    for words in (["build", path("recipe.yaml")], ["pack", path("corpus"), "--tokenizer", "x"], ["stats", path("corpus")]):
        one_line(hearth("corpus", *words, "-o", ""), 2, '--output: expected a path, found ""')
    one_line(hearth("train", path("recipe.yaml"), "-o", ""), 2, '--out: expected a folder, found ""')
    write("bad.yaml", RECIPE.replace("min_characters: 4", "min_characters: many"))
    one_line(hearth("corpus", "build", path("bad.yaml"), "-o", path("bad")), 1, "bad.yaml: line 15 column 21",
             "a whole number from 0 to 1000000000")
    write("bad.yaml", RECIPE.replace("  - personal_data", "  - personal"))
    one_line(hearth("corpus", "build", path("bad.yaml"), "-o", path("bad")), 1, "bad.yaml: line 18 column 5: expected a rule: ")
    assert not os.path.exists(path("bad"))


try:
    main()
finally:
    shutil.rmtree(PLACE)
