#!/usr/bin/env python3
"""hearth embed on a tiny encoder whose vectors sentence-transformers made, and on a decoder. Prints TAP."""

import json
import math
import os
import shutil
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import fixture, folder, good, good_json, hearth, main, one_line, stories, test, tiny  # noqa: E402

SOURCE = os.environ.get("HEARTH_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
ENCODERS = os.path.join(SOURCE, "tests", "model", "golden", "encoders")
BERT = os.path.join(ENCODERS, "bert")


def golden():
    with open(os.path.join(BERT, "golden.json"), encoding="utf-8") as lines:
        return json.load(lines)["texts"]


def near(ours, expected):
    return len(ours) == len(expected) and all(abs(a - b) < 2e-4 for a, b in zip(ours, expected))


def binary32(number):
    return struct.unpack("f", struct.pack("f", float(number)))[0]


def changed(place, name, value):
    """The encoder's folder with one file of another content."""
    where = os.path.join(place, "model")
    shutil.copytree(BERT, where)
    with open(os.path.join(where, name), "w", encoding="utf-8") as out:
        out.write(value if isinstance(value, str) else json.dumps(value))
    return where


@test
def vectors_are_those_of_sentence_transformers():
    wanted = golden()
    lines = "".join(json.dumps(text) + "\n" for text in wanted["texts"])
    for row in wanted["made"]:
        arguments = ["--pooling", row["pooling"], "--normalize", "yes" if row["normalize"] else "no", "--dimensions", str(row["dimensions"])]
        arguments += ["--prompt-name", "query"] if row["prompt"] else []
        made = good_json("embed", BERT, "--json-lines", "--compute", "f32", *arguments, stdin=lines)
        assert made["pooling"] == row["pooling"] and made["normalized"] is row["normalize"] and made["prompt"] == row["prompt"]
        assert made["texts"] == 8 and made["cut"] == 1 and made["max_tokens"] == 24 and made["dimensions"] == row["dimensions"]
        for ours, expected in zip(made["embeddings"], row["vectors"], strict=True):
            assert near(ours, expected), (row["pooling"], row["prompt"])


@test
def lines_arguments_files_and_json_are_the_same_texts():
    texts = ["the cat sleeps", "a dog, sleeping", "hello"]
    plain = good("embed", BERT, *texts).out
    assert len(plain.splitlines()) == 3 and all(len(line.split()) == 32 for line in plain.splitlines())
    assert good("embed", BERT, stdin="\n".join(texts)).out == plain
    assert good("embed", BERT, stdin="\r\n".join(texts) + "\r\n").out == plain
    assert good("embed", BERT, "--json-lines", stdin="".join(json.dumps({"id": 7, "text": t}) + "\n" for t in texts)).out == plain
    with folder() as place:
        path = os.path.join(place, "texts")
        with open(path, "w", encoding="utf-8") as out:
            out.write("\n".join(texts) + "\n")
        assert good("embed", BERT, "--file", path).out == plain
    numbers = [[binary32(v) for v in line.split()] for line in plain.splitlines()]
    assert [[binary32(v) for v in row] for row in good_json("embed", BERT, *texts)["embeddings"]] == numbers
    many = good("embed", BERT, stdin="\n".join(texts * 400)).out  # more than are printed at a time
    assert many == plain * 400
    assert good("embed", BERT, "--prefix", "query: ", "hello").out == good("embed", BERT, "--prompt-name", "query", "hello").out
    assert good("embed", BERT, "--prefix", "query: ", "hello").out == good("embed", BERT, "query: hello").out
    assert good("embed", BERT, "--prefix", "query: ", "hello").out != good("embed", BERT, "hello").out


@test
def similarities_are_cosines():
    texts = ["the cat sleeps", "the cat", "hello, dog"]
    vectors = good_json("embed", BERT, "--normalize", "no", *texts)["embeddings"]
    made = good_json("embed", BERT, "--similarity", *texts)["similarity"]
    length = [math.sqrt(sum(x * x for x in v)) for v in vectors]
    for i in range(3):
        for j in range(3):
            assert abs(made[i][j] - sum(a * b for a, b in zip(vectors[i], vectors[j])) / length[i] / length[j]) < 1e-5
    lines = good("embed", BERT, "--similarity", *texts).out.splitlines()
    assert [line.split()[i] for i, line in enumerate(lines)] == ["1.0000"] * 3


@test
def decoders_are_embedded_too():
    made = good_json("embed", stories(), "Once upon a time")
    assert made["pooling"] == "last" and made["normalized"] is True and made["dimensions"] == 64
    assert abs(sum(x * x for x in made["embeddings"][0]) - 1) < 1e-4
    mean = good_json("embed", stories(), "--pooling", "mean", "Once upon a time")
    assert mean["embeddings"] != made["embeddings"]


def without_head(place):
    """A decoder's folder as embedding models have it: class …Model, names without "model.", no output matrix."""
    where = os.path.join(place, "model")
    shutil.copytree(fixture("tinystories-656k"), where)
    path = os.path.join(where, "model.safetensors")
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header, data = json.loads(file.read(size)), file.read()
    header.pop("__metadata__", None)
    header.pop("lm_head.weight", None)
    kept, at = b"", 0
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        kept += data[begin:end]
        entry["data_offsets"] = [at, at + end - begin]
        at += end - begin
    text = json.dumps({name.removeprefix("model."): entry for name, entry in header.items()}).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + kept)
    with open(os.path.join(where, "config.json"), encoding="utf-8") as lines:
        config = json.load(lines)
    config["architectures"] = [config["architectures"][0].replace("ForCausalLM", "Model")]
    with open(os.path.join(where, "config.json"), "w", encoding="utf-8") as out:
        json.dump(config, out)
    return where


@test
def decoders_without_an_output_matrix_give_the_same():
    with folder() as place:
        where = without_head(place)
        assert good("embed", where, "Once upon a time").out == good("embed", tiny(), "Once upon a time").out
        one_line(hearth("run", where, "-p", "x"), 1, "hearth embed")


@test
def threads_and_neighbours_change_nothing():
    long = "the cat sleeps. " * 9
    alone = good("embed", BERT, "--threads", "1", "--max-tokens", "60", long).out
    assert good("embed", BERT, "--threads", "3", "--max-tokens", "60", "dog", long, "hello").out.splitlines()[1] + "\n" == alone
    assert good("embed", BERT, "--isa", "scalar", "--max-tokens", "60", long).out == alone
    gguf = os.path.join(ENCODERS, "bert.gguf")
    assert good("embed", gguf, "--max-tokens", "60", long).out == alone


@test
def vocab_txt_serves_where_there_is_no_tokenizer_json():
    with folder() as place:
        where = os.path.join(place, "model")
        shutil.copytree(BERT, where)
        os.remove(os.path.join(where, "tokenizer.json"))
        text = "The C\u00e1t \u732b sleeps."
        assert good("embed", where, text).out == good("embed", BERT, text).out
        assert good("tokenize", where, "--ids", "--text", text).out == good("tokenize", BERT, "--ids", "--text", text).out
        ids = good("tokenize", BERT, "--ids", "--no-bos", "--text", "the cat, sleeps!").out
        assert good("detokenize", BERT, *ids.split()).out == "the cat, sleeps"


@test
def lists_of_positions_and_old_names_change_nothing():
    """What the first checkpoints of BERT hold: position_ids of whole numbers, gamma and beta, names behind "bert.", a pooler."""
    with folder() as place:
        where = os.path.join(place, "model")
        shutil.copytree(BERT, where)
        path = os.path.join(where, "model.safetensors")
        with open(path, "rb") as file:
            size = struct.unpack("<Q", file.read(8))[0]
            header, data = json.loads(file.read(size)), file.read()
        header.pop("__metadata__", None)
        header["embeddings.position_ids"] = {"dtype": "I64", "shape": [1, 128], "data_offsets": [len(data), len(data) + 1024]}
        old = {"bert." + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): entry for name, entry in header.items()}
        text = json.dumps(old).encode()
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + data + bytes(1024))
        assert good("embed", where, "the cat sleeps").out == good("embed", BERT, "the cat sleeps").out


@test
def other_commands_say_that_an_encoder_writes_no_text():
    for arguments in (["run", BERT, "-p", "x"], ["score", BERT], ["bench", BERT]):
        one_line(hearth(*arguments, stdin="the cat sleeps"), 1, "hearth embed")
    shown = good("show", BERT).out
    assert "WordPiece" in shown and "an encoder" in shown


@test
def bad_input_is_one_line():
    one_line(hearth("embed", BERT, "--json-lines", stdin='"the"\n{"txt": 1}\n'), 1, "line 2", "text")
    one_line(hearth("embed", BERT, "--json-lines", stdin='"the"\n["\n'), 1, "line 2")
    one_line(hearth("embed", BERT, stdin=""), 1, "at least one text")
    one_line(hearth("embed", BERT, "--dimensions", "33", "x"), 2, "--dimensions", "33 of 32")
    one_line(hearth("embed", BERT, "--max-tokens", "129", "x"), 2, "--max-tokens", "129 of 128")
    one_line(hearth("embed", BERT, "--prompt-name", "nix", "x"), 2, "--prompt-name", "query, none", "nix")
    one_line(hearth("embed", os.path.join(ENCODERS, "bert.gguf"), "--prompt-name", "nix", "x"), 2, "--prompt-name", "has prompts")
    one_line(hearth("embed", BERT, "--prompt-name", "query", "--prefix", "x", "x"), 2, "not both")
    one_line(hearth("embed", BERT, "--file", "x", "x"), 2, "--file", "not both")
    one_line(hearth("embed", BERT, "--file", "/nowhere/at/all"), 1, "/nowhere/at/all")
    one_line(hearth("embed", os.path.join(ENCODERS, "roberta"), "x"), 1, "tokenizer")


@test
def files_that_say_what_hearth_lacks_are_refused():
    module = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
    rows = [("modules.json", [module, {**module, "type": "x.Dense", "path": "2_Dense"}], "modules.json", "Dense"),
            ("modules.json", {"a": 1}, "modules.json", "an array"),
            ("modules.json", [module, {**module, "type": "x.Pooling", "path": "../../etc"}], "inside the model"),
            ("modules.json", [module, {**module, "type": "x.Pooling", "path": "3_Nix"}], "3_Nix"),
            ("modules.json", "[", "modules.json"),
            ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "1_Pooling/config.json", "pooling_mode_max_tokens"),
            ("1_Pooling/config.json", {"pooling_mode": "weightedmean"}, "weightedmean"),
            ("1_Pooling/config.json", {}, "0 of them"),
            ("sentence_bert_config.json", {"do_lower_case": True}, "do_lower_case"),
            ("config_sentence_transformers.json", {"prompts": 1}, "prompts"),
            ("config.json", json.dumps({**json.load(open(os.path.join(BERT, "config.json"), encoding="utf-8")), "type_vocab_size": 3}), "token_type_embeddings", "[3, 32]")]
    for name, value, *words in rows:
        with folder() as place:
            one_line(hearth("embed", changed(place, name, value), "x"), 1, *words)
    with folder() as place:
        where = changed(place, "config_sentence_transformers.json", {"prompts": {"a": "query: "}, "default_prompt_name": "a"})
        assert good_json("embed", where, "hello")["prompt"] == "query: "
        assert good("embed", where, "hello").out == good("embed", BERT, "query: hello").out
        assert good("embed", where, "--prefix", "", "hello").out == good("embed", BERT, "hello").out


main()
