#!/usr/bin/env python3
"""Other people's readers and writers (suite long): datatrove reads the documents, Parquet comes in by the command of docs/formats/corpus.md. Each test skips
where python3 lacks its package. Prints TAP."""

import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))
from tap import SOURCE, Skip, good_json, main, test  # noqa: E402

PLACE = tempfile.mkdtemp(prefix="hearth-readers-")
RECIPE = """recipe: 1
name: readers
description: A test.
licence: CC0-1.0
contract: 1
seed: 3
held_out: 0
sources:
%s
rules: [utf8_repair]
tokenizer: {kind: bpe, vocab_size: 300, pretokenizer: gpt-2, special: ["<|end|>"]}
model: {family: llama, layers: 1, width: 32, heads: 2, kv_heads: 2, mlp: 64, context: 64, tied: true, rope_theta: 10000}
train: {format: f32, steps: 1, sequences: 1, length: 16, micro_batches: 1, optimizer: adamw, learning_rate: 0.1, schedule: constant,
  checkpoint_steps: 1}
"""


def build(name, source):
    with open(os.path.join(PLACE, "recipe.yaml"), "w", encoding="utf-8") as out:
        out.write(RECIPE % source)
    return good_json("corpus", "build", os.path.join(PLACE, "recipe.yaml"), "-o", os.path.join(PLACE, name), "--json", "-q")


@test
def datatrove_reads_the_documents():
    try:
        from datatrove.pipeline.readers import JsonlReader
    except ImportError as missing:
        raise Skip(str(missing)) from missing
    made = build("sums", "  - {name: sums, kind: generator, generator: sums, documents: 300}")
    folder = os.path.join(PLACE, "sums", "documents")
    documents = list(JsonlReader(folder, glob_pattern="*.jsonl.zst", compression="zstd")())
    assert len(documents) == made["kept"] == 300
    for document in documents:
        assert document.id == document.metadata["kept_sha256"] == hashlib.sha256(document.text.encode()).hexdigest()
        assert document.metadata["license"] == "CC0-1.0"


@test
def parquet_comes_in_by_the_command_of_the_documentation():
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as missing:
        raise Skip(str(missing)) from missing
    with open(os.path.join(SOURCE, "docs", "formats", "corpus.md"), encoding="utf-8") as page:
        command = re.search(r"^    (command: .*parquet.*)$", page.read(), re.M)[1]
    os.makedirs(os.path.join(PLACE, "data"))
    texts = ['first "x"', "zwei\nzeilen é"]
    pyarrow.parquet.write_table(pyarrow.table({"text": texts, "license": ["MIT", "CC0-1.0"]}), os.path.join(PLACE, "data", "a.parquet"))
    made = build("parquet", "  - name: table\n    kind: command\n    licence_field: license\n    " + command)
    assert made["kept"] == 2
    db = sqlite3.connect(os.path.join(PLACE, "parquet", "manifest.sqlite"))
    rows = db.execute("SELECT id, licence FROM document ORDER BY row").fetchall()
    sha256 = db.execute("SELECT sha256 FROM source").fetchone()[0]
    db.close()
    assert rows == [(hashlib.sha256(t.encode()).digest(), w) for t, w in zip(texts, ["MIT", "CC0-1.0"])], rows
    line = re.match(r'command: "(.*)"$', command)[1].replace('\\"', '"')
    printed = subprocess.run(["sh", "-c", line], cwd=PLACE, capture_output=True, check=True, timeout=60).stdout
    assert sha256 == hashlib.sha256(printed).hexdigest()


try:
    main()
finally:
    shutil.rmtree(PLACE)
