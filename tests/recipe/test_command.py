#!/usr/bin/env python3
"""hearth recipe: what is missing is told, with the line that adds it; what differs; misuse. Prints TAP."""

import hashlib
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from tap import HEARTH, Ended, environment, folder, good, good_json, hearth, main, one_line, test  # noqa: E402

REST = """
recipe: 1
name: small
licence: CC0-1.0
contract: 1
seed: 7
held_out: 0.01
tokenizer: {kind: bpe, vocab_size: 512, special: [end]}
model: {family: llama, layers: 2, width: 128, heads: 4, mlp: 352, context: 128, tied: true}
train: {format: f32, steps: 100, sequences: 16, length: 128, micro_batches: 8, optimizer: adamw, learning_rate: 0.003,
  schedule: constant, checkpoint_steps: 50}
sources:
"""


GOOD_SOURCE = "  - {name: b, kind: generator, generator: hearthside, documents: 3, licence: CC0-1.0, evidence: here}\n"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def write(place, sources, rest=REST, name="recipe.yaml"):
    path = os.path.join(place, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(rest + sources)
    return path


def texts(place):
    """A folder with two files; gives back the SHA-256 of its list."""
    lines = ""
    for name, data in (("a-b.txt", b"one\n"), ("a/c.txt", b"two\n")):
        path = os.path.join(place, "texts", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(data)
        lines += f"{sha256(data)}  {name}\n"
    return sha256(lines.encode())


def missing(path, code):
    ended = hearth("recipe", "check", path, "--json")
    assert ended.code == code, ended
    told = json.loads(ended.out)
    assert told["complete"] == (code == 0) and told["complete"] == (not told["missing"]), told
    with open(path, "rb") as data:
        assert told["sha256"] == sha256(data.read())
    return {row["key"]: (row["what"], row["remedy"]) for row in told["missing"]}


SOURCE_LINES = "  - {name: texts, kind: folder, path: texts, licence: MIT, evidence: here%s}\n"


@test
def an_unpinned_folder_is_told_with_the_line_that_pins_it():
    with folder() as place:
        digest = texts(place)
        rows = missing(write(place, SOURCE_LINES % ""), 1)
        assert list(rows) == ["sources.texts.sha256"], rows
        assert rows["sources.texts.sha256"][1] == f"sha256: {digest}", (rows, digest)
        path = write(place, SOURCE_LINES % f", sha256: {digest}")
        assert missing(path, 0) == {}
        assert "lacks nothing" in good("recipe", "check", path).out
        with open(os.path.join(place, "texts", "a-b.txt"), "ab") as out:
            out.write(b"!")
        assert "another SHA-256" in missing(path, 1)["sources.texts.sha256"][0]


@test
def pins_are_compared_file_by_file():
    with folder() as place:
        texts(place)
        pins = [("a-b.txt", sha256(b"one\n")), ("a/c.txt", sha256(b"two\n"))]
        line = ", pins: [%s]" % ", ".join(f"{{path: {path}, sha256: {digest}}}" for path, digest in pins)
        path = write(place, SOURCE_LINES % line)
        assert missing(path, 0) == {}
        with open(os.path.join(place, "texts", "more.txt"), "wb") as out:
            out.write(b"more")
        rows = missing(path, 1)
        assert list(rows) == ["sources.texts.pins"] and "1 file of the folder, the first is more.txt" in rows["sources.texts.pins"][0], rows
        os.remove(os.path.join(place, "texts", "more.txt"))
        os.remove(os.path.join(place, "texts", "a", "c.txt"))
        with open(os.path.join(place, "texts", "a-b.txt"), "wb") as out:
            out.write(b"two\n")
        rows = missing(path, 1)
        assert set(rows) == {"sources.texts.pins.a-b.txt", "sources.texts.pins.a/c.txt"}, rows
        assert "nothing is there" in rows["sources.texts.pins.a/c.txt"][0]


@test
def licences_and_evidence_are_asked_for():
    with folder() as place:
        texts(place)
        rows = missing(write(place, f"  - {{name: a, kind: text, path: texts/a-b.txt, sha256: {sha256(b'one' + bytes([10]))}}}\n"
                                    "  - {name: b, kind: generator, generator: hearthside, documents: 3, licence: CC0-1.0}\n"
                                    "  - {name: c, kind: command, command: 'true', licence: NOASSERTION}\n"
                                    "  - {name: d, kind: jsonl, path: /nowhere/d.jsonl, licence_field: l, evidence: x}\n"
                                    "  - {name: e, kind: debian, path: packages, packages: none.txt}\n"), 1)
        assert set(rows) == {"sources.a.licence", "sources.b.evidence", "sources.c.licence", "sources.c.sha256", "sources.d.path",
                             "sources.e.packages"}, rows
        rows = missing(write(place, GOOD_SOURCE, REST.replace("family: llama", "family: qwen3-moe, experts: 4, experts_used: 2")), 0)
        assert rows == {}, rows


@test
def files_of_rules_are_pinned():
    with folder() as place:
        data = b"example.org/x\n"
        with open(os.path.join(place, "out.txt"), "wb") as out:
            out.write(data)
        rules = "rules:\n  - nfc\n  - {rule: opt_out, path: out.txt%s}\n"
        rows = missing(write(place, GOOD_SOURCE, rules % "" + REST), 1)
        assert rows["rules.opt_out.sha256"][1] == f"sha256: {sha256(data)}" and len(rows) == 1, rows
        assert missing(write(place, GOOD_SOURCE, rules % f", sha256: {sha256(data)}" + REST), 0) == {}
        assert "another SHA-256" in missing(write(place, GOOD_SOURCE, rules % f", sha256: {sha256(b'')}" + REST), 1)["rules.opt_out.sha256"][0]
        os.unlink(os.path.join(place, "out.txt"))
        assert "nothing is there" in missing(write(place, GOOD_SOURCE, rules % "" + REST), 1)["rules.opt_out.path"][0]
        rows = missing(write(place, GOOD_SOURCE, "rules:\n  - {rule: language, allow: [en]}\n" + REST), 1)
        assert rows["rules.language.sha256"][1].startswith("sha256: "), rows


@test
def a_tokenizers_file_is_compared():
    with folder() as place:
        rest = REST.replace("{kind: bpe, vocab_size: 512, special: [end]}", "{kind: file, path: t.json, sha256: %s, special: [end]}")
        source = GOOD_SOURCE
        path = write(place, source, rest % sha256(b"{}"))
        assert "nothing is there" in missing(path, 1)["tokenizer.path"][0]
        with open(os.path.join(place, "t.json"), "wb") as out:
            out.write(b"{}")
        assert missing(path, 0) == {}
        assert "tokenizer.sha256" in missing(write(place, source, rest % sha256(b"{ }")), 1)


@test
def rules_and_generators_that_do_not_exist_are_errors():
    with folder() as place:
        source = "  - {name: b, kind: generator, generator: fireside, documents: 3, licence: CC0-1.0, evidence: here}\n"
        one_line(hearth("recipe", "check", write(place, source)), 1, "recipe.yaml: sources.b.generator: expected a generator", "fireside")
        source = source.replace("fireside", "hearthside") + "rules: [nfd]\n"
        one_line(hearth("recipe", "check", write(place, source)), 1, "recipe.yaml: line 14 column 9", "nfd")


@test
def differences_are_told_by_key():
    with folder() as place:
        source = "  - {name: b, kind: generator, generator: hearthside, documents: 3, licence: CC0-1.0, evidence: here}\n"
        one = write(place, source)
        same = write(place, source, REST.replace("heads: 4", "heads: 4, kv_heads: 4"), "same.yaml")
        other = write(place, source.replace("3", "4"), REST.replace("seed: 7", "seed: 8"), "other.yaml")
        assert good("recipe", "diff", one, same).out == ""
        ended = hearth("recipe", "diff", one, other)
        assert ended.code == 1 and ended.err == "", ended
        assert ended.out == "- seed: 7\n+ seed: 8\n- sources.b.documents: 3\n+ sources.b.documents: 4\n", ended
        rows = json.loads(hearth("recipe", "diff", one, other, "--json").out)
        assert rows[0] == {"key": "seed", "a": "7", "b": "8"} and len(rows) == 2, rows


@test
def lost_output_is_no_answer():
    with folder() as place, open("/dev/full", "wb") as full:
        a = write(place, "  - {name: texts, kind: folder, path: none, licence: MIT, evidence: here}\n")
        b = write(place, "  - {name: texts, kind: folder, path: none, licence: 0BSD, evidence: here}\n", name="b.yaml")
        for words in (["check", a], ["diff", a, b], ["check", a, "--json"], ["diff", a, b, "--json"]):
            assert hearth("recipe", *words).code == 1
            made = subprocess.run([HEARTH, "recipe", *words], stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=20, env=environment())
            one_line(Ended(made.returncode, "", made.stderr.decode()), 1, "standard output", "space")


@test
def misuse_is_told():
    one_line(hearth("recipe", "chek", "a"), 2, "expected check, diff or schema")
    one_line(hearth("recipe", "diff", "a"), 2, "diff takes 2 files, found 1")
    one_line(hearth("recipe", "check", "/no/such.yaml"), 1, "/no/such.yaml", "No such file")
    assert good_json("recipe", "schema")["title"].startswith("A recipe")


main()
