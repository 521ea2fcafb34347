#!/usr/bin/env python3
"""mpirun -n N hearth corpus build: the files of one process, byte by byte. Prints TAP."""

import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))
from mpirun import mpirun, needs_mpirun, own_lines  # noqa: E402
from tap import good_json, main, test  # noqa: E402

PLACE = tempfile.TemporaryDirectory(prefix="hearth corpus ")
RECIPE = """recipe: 1
name: shared
description: A test.
licence: CC0-1.0
contract: 1
seed: 3
held_out: 0.2
sources:
  - {name: notes, kind: text, path: notes.txt, split: line, licence: MIT, evidence: LICENCE}
  - {name: sums, kind: generator, generator: sums, documents: 900}
  - {name: records, kind: jsonl, path: records.jsonl, licence_field: license}
  - {name: files, kind: folder, path: files, licence: CC0-1.0}
rules:
  - utf8_repair
  - nfc
  - rule: length
    min_characters: 4
  - rule: licence_allow
    licences: [MIT, CC0-1.0]
  - exact_duplicates
  - personal_data
  - near_duplicates
  - rule: length
    min_characters: 9
tokenizer: {kind: bpe, vocab_size: 300, pretokenizer: gpt-2, special: ["<|end|>"]}
model: {family: llama, layers: 1, width: 32, heads: 2, kv_heads: 2, mlp: 64, context: 64, tied: true, rope_theta: 10000}
train: {format: f32, steps: 1, sequences: 1, length: 16, micro_batches: 1, optimizer: adamw, learning_rate: 0.1, schedule: constant,
  checkpoint_steps: 1}
"""
WORDS = [f"w{n}" for n in range(400)]


def path(*names):
    return os.path.join(PLACE.name, *names)


def notes():
    """Texts of all fates: whole, broken, too short, the same again, nearly the same again."""
    random.seed(11)
    made = []
    for number in range(3000):
        words = random.choices(WORDS, k=60)
        if number % 7 == 1:
            words = made[random.randrange(len(made))].split(b" ")
            words = [w.decode("utf-8", "surrogateescape") for w in words]
        if number % 14 == 1:
            words[len(words) // 2] = "other"
        if number % 11 == 3:
            words.append(f"mail {number}@example.org")
        if number % 17 == 5:
            words = words[:1]
        if number % 19 == 7:
            words.append("\udcff\udcc3")
        made.append(" ".join(words).encode("utf-8", "surrogateescape"))
    return b"\n".join(made) + b"\n"


def setup():
    with open(path("recipe.yaml"), "w", encoding="utf-8") as out:
        out.write(RECIPE)
    with open(path("notes.txt"), "wb") as out:
        out.write(notes())
    with open(path("records.jsonl"), "w", encoding="utf-8") as out:
        for number in range(300):
            out.write('{"none": 1}\n' if number % 5 == 0 else f'{{"text": "record number {number}", "license": "{"MIT" if number % 3 else "closed"}"}}\n')
    os.mkdir(path("files"))
    with open(path("files", "large.txt"), "wb") as out:
        out.truncate((64 << 20) + 5)
    with open(path("files", "small.txt"), "w", encoding="utf-8") as out:
        out.write("a small file beside a large one")
    return good_json("corpus", "build", path("recipe.yaml"), "-o", path("alone"), "-q", "--threads", "2")


built = setup()


def same(folder):
    count = 0
    for place, _, names in os.walk(path("alone")):
        for name in names:
            own = os.path.relpath(os.path.join(place, name), path("alone"))
            with open(path("alone", own), "rb") as a, open(path(folder, own), "rb") as b:
                assert a.read() == b.read(), own
            count += 1
    assert count >= 4, count
    assert sorted(os.listdir(path(folder))) == sorted(os.listdir(path("alone")))


@test
def the_corpus_has_all_fates():
    assert 1000 < built["kept"] < 3600 and built["documents"] == 4202, built


@test
def any_number_of_ranks():
    needs_mpirun()
    for ranks, threads in ((1, 2), (2, 1), (3, 2), (4, 1)):
        folder = f"ranks-{ranks}"
        ended = mpirun(ranks, "corpus", "build", path("recipe.yaml"), "-o", path(folder), "-q", "--threads", str(threads))
        assert ended.code == 0 and ended.err == "" and built["sha256"] in ended.out and ended.out.count("kept") == 1, ended
        same(folder)
    assert not [name for name in os.listdir(PLACE.name) if ".tmp" in name], os.listdir(PLACE.name)


@test
def failures_are_one_line_and_leave_nothing():
    needs_mpirun()
    ended = mpirun(2, "corpus", "build", path("recipe.yaml"), "-o", path("alone"), "-q")
    assert ended.code == 1 and len(own_lines(ended)) == 1 and "expected a new folder" in own_lines(ended)[0], ended
    with open(path("recipe.yaml"), encoding="utf-8") as text, open(path("cut.yaml"), "w", encoding="utf-8") as out:
        out.write(text.read().replace("path: records.jsonl", "path: gone.jsonl"))
    ended = mpirun(3, "corpus", "build", path("cut.yaml"), "-o", path("cut"), "-q")
    assert ended.code == 1 and len(own_lines(ended)) == 1 and "gone.jsonl" in own_lines(ended)[0], ended
    assert not [name for name in os.listdir(PLACE.name) if name.startswith("cut") and name != "cut.yaml"], os.listdir(PLACE.name)


main()
