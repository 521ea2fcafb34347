#!/usr/bin/env python3
"""What `hearth bench --profile` prints, and that its parts are the whole. Prints TAP."""

import os
import re
import sys
import xml.dom.minidom

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import SOURCE, folder, good, good_json, hearth, main, one_line, test  # noqa: E402

BENCH = "bench", os.path.join(SOURCE, "tests", "model", "golden", "llama-gqa.gguf"), "--rounds", "1"
EVERY = ("norm", "activation preparation", "q", "k", "v", "rope", "cache store", "attention", "o", "gate", "up", "activation function", "down",
         "bias, residual, sums")


def near(found, wanted):
    return abs(found - wanted) <= 1e-6 * wanted


def layers_of(profile, name):
    return [line for layer in profile["layers"] for line in layer["operations"] if line["operation"] == name]


@test
def parts_are_the_whole():
    for threads in ("1", "2"):
        made = good_json(*BENCH, "--prefill", "24", "--decode", "6", "--threads", threads, "--profile")
        prefill, decode = made["profile"]
        assert (prefill["what"], prefill["tokens"], decode["what"], decode["tokens"]) == ("prefill", 24, "decode", 6)
        for one in prefill, decode:
            assert near(sum(line["seconds"] for line in one["operations"]), one["seconds"]), one
            names = [line["operation"] for line in one["operations"]]
            assert len(set(names)) == len(names) and set(EVERY) | {"embedding", "output layer", "step preparation"} <= set(names), names
            assert threads == "1" or "waiting at barriers" in names, names
            for layer in one["layers"]:
                assert set(EVERY) <= {line["operation"] for line in layer["operations"]}, layer
            for name in EVERY[2:]:  # the output layer has a norm and a preparation, too
                whole, = (line for line in one["operations"] if line["operation"] == name)
                assert near(sum(line["bytes"] for line in layers_of(one, name)), whole["bytes"]), (name, whole)
        assert {"sampling", "detokenising"} <= {line["operation"] for line in decode["operations"]}
        assert 0 < decode["outside_seconds"] < decode["seconds"]
        products = sum(line["bytes"] for line in decode["operations"] if line["product"])
        assert products == 6 * made["weights_bytes"], (products, made["weights_bytes"])


@test
def rates_follow_from_amounts():
    """GB/s, Gop/s and the share of the limit out of the same line's bytes, multiply-adds and seconds, and the run's limits."""
    made = good_json(*BENCH, "--prefill", "24", "--decode", "6", "--profile")
    limits = made["limits"]
    peaks = {"binary32": limits["fp32_gflops"], "bf16": limits["bf16_gflops"], "int8": limits["int8_gops"]}
    named = {"binary32": "binary32", "bf16": "bf16", "int8": "int8"}
    seen = set()
    for one in made["profile"]:
        for line in one["operations"] + [line for layer in one["layers"] for line in layer["operations"]]:
            if line["seconds"] == 0:
                assert line["gb_s"] == line["gop_s"] == line["share"] == 0 and line["limited_by"] == "", line
                continue
            multiplies = {kind: line["multiply_adds_" + kind] for kind in peaks}
            assert near(line["gb_s"], line["bytes"] / line["seconds"] / 1e9), line
            assert near(line["gop_s"], 2 * sum(multiplies.values()) / line["seconds"] / 1e9), line
            reading = line["bytes"] / limits["read_gb_s"] / 1e9
            computing = sum(2 * multiplies[kind] / peaks[kind] / 1e9 for kind in peaks)
            assert near(line["share"], max(reading, computing) / line["seconds"]), (line, limits)
            wanted = named[max(multiplies, key=multiplies.get)] if computing > reading else "bandwidth" if reading > 0 else ""
            assert line["limited_by"] == wanted, (line, wanted)
            seen.add(wanted)
            assert line["bytes"] > 0 or not line["product"], line
    assert "bandwidth" in seen and len(seen) > 1, seen


@test
def a_table_for_people():
    text = good(*BENCH, "--prefill", "16", "--decode", "4", "--profile").out
    assert re.search(r"^profile of prefill, 16 tokens: [\d.]+ ms$", text, re.M), text
    assert re.search(r"^profile of decoding, 4 tokens after 1: [\d.]+ ms a token$", text, re.M), text
    assert re.search(r"^all +[\d.]+ +100\.0%", text, re.M) and re.search(r"^besides the forward pass .*: [\d.]+% of a step$", text, re.M), text
    assert "layer 0" not in text, text
    text = good(*BENCH, "--prefill", "0", "--decode", "4", "--profile=layers").out
    assert re.search(r"^layer 0 ", text, re.M) and re.search(r"^outside ", text, re.M) and "prefill" not in text, text
    plain = good(*BENCH, "--prefill", "0", "--decode", "4").out
    assert "profile" not in plain, plain


@test
def answers_after_a_synthetic_cache():
    for cache in ("f16", "q8_0"):
        made = good_json(*BENCH, "--prefill", "0", "--decode", "4", "--context", "200", "--cache", cache, "--profile")
        one, = made["profile"]
        attention, = (line for line in one["operations"] if line["operation"] == "attention")
        short = good_json(*BENCH, "--prefill", "0", "--decode", "4", "--cache", cache, "--profile")
        little, = (line for line in short["profile"][0]["operations"] if line["operation"] == "attention")
        # positions 201 to 204 against 2 to 5 (the token before the first is fed outside of the profile)
        assert near(attention["bytes"] / little["bytes"], (201 + 202 + 203 + 204) / (2 + 3 + 4 + 5)), (attention, little)
        assert made["depth"] == 200
    one_line(hearth(*BENCH, "--decode", "4", "--context", "100000"), 1, "the longest run")
    one_line(hearth(*BENCH, "--context", "200", "--batch", "2"), 2, "--batch")


@test
def the_roofline():
    with folder() as place:
        path = os.path.join(place, "roof.svg")
        good(*BENCH, "--prefill", "32", "--decode", "8", "--profile", "--svg", path)
        with open(path, encoding="utf-8") as lines:
            text = lines.read()
        picture = xml.dom.minidom.parseString(text)
        texts = [node.firstChild.data for node in picture.getElementsByTagName("text")]
        assert any(t.startswith("read bandwidth, ") for t in texts) and any(t.startswith("int8, ") for t in texts), texts
        assert any(t.startswith("down ") for t in texts) and len(picture.getElementsByTagName("circle")) > 2, texts
        assert "llama-gqa.gguf" in texts[0], texts
    one_line(hearth(*BENCH, "--svg", "/nonexistent/x.svg"), 2, "--svg")
    one_line(hearth(*BENCH, "--prefill", "8", "--decode", "0", "--profile", "--svg", "/nonexistent/x.svg"), 1, "/nonexistent")
    one_line(hearth(*BENCH, "--profile=everything"), 2, "--profile", "operations or layers", "everything")


main()
