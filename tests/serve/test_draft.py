#!/usr/bin/env python3
"""hearth serve --draft and hearth run --draft: the same bytes, what is told of it, and what is refused. Prints TAP."""

import json
import os
import threading

from support import OWN, Server, environment, folder, main, test, write_model
from tap import HEARTH, good_json, hearth, one_line

import subprocess

PLACE = folder()
CHAT = write_model(os.path.join(PLACE.name, "scripted"))
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}, "s": {"enum": ["a", "bc"]}}, "required": ["n", "s"], "additionalProperties": False}
HELLO = [{"role": "user", "content": "Hello"}]
FREE = {"model": "own", "top_k": 0, "top_p": 1, "min_p": 0, "max_tokens": 60}
REQUESTS = [
    ("/v1/completions", {**FREE, "prompt": "Tom has a red ball.", "temperature": 0, "stop": ["zzz"]}),
    ("/v1/completions", {**FREE, "prompt": ["The ", "A dog "], "n": 2, "seed": 2, "temperature": 1, "logit_bias": {"40": -100, "41": 2.5}}),
    ("/v1/completions", {**FREE, "prompt": "Once", "seed": 3, "temperature": 1.5, "stop": ["e"], "frequency_penalty": 0.2, "repetition_penalty": 1.1}),
    ("/v1/completions", {**FREE, "prompt": "Twice", "seed": 4, "temperature": 1, "logprobs": 2}),
    ("/v1/completions", {**FREE, "prompt": "Who?", "temperature": 1, "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}}),
    ("/v1/chat/completions", {"model": "chat", "messages": HELLO, "temperature": 0.7}),
    ("/v1/chat/completions", {"model": "chat", "messages": HELLO, "temperature": 0, "stream": True}),
]
DRAFTS = ("--draft", f"own={OWN}", "--draft", f"chat={CHAT}")


def answers(*options):
    """What comes to each request, all at once; and the counts afterwards."""
    with Server(f"own={OWN}", f"chat={CHAT}", *options) as s:
        made = [None] * len(REQUESTS)

        def ask(i):
            made[i] = s.send("POST", *REQUESTS[i])

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(REQUESTS))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        rows = {"hearth_running": "1"}
        while rows["hearth_running"] != "0":
            rows = dict(line.rsplit(" ", 1) for line in s.send("GET", "/metrics")[2].decode().splitlines() if not line.startswith("#"))
        assert all(m[0] == 200 for m in made), made
        return [m[2].decode() for m in made], rows


def choices(text):
    if text.startswith("data: "):
        return [json.loads(line[6:])["choices"] for line in text.split("\n\n") if line.startswith("data: {")]
    return json.loads(text)["choices"]


PLAIN = answers()


@test
def answers_are_the_same_with_a_draft():
    for options in (("--draft-tokens", "4"), (), ("--draft-tokens", "30", "--parallel", "2"), ("--draft-tokens", "3", "--cache-memory", "1KiB")):
        made, rows = answers(*DRAFTS, *options)
        assert [choices(t) for t in made] == [choices(t) for t in PLAIN[0]], (options, made)
        drafted, right = (int(rows[f'hearth_open_{name}{{by="model"}}']) for name in ("drafted", "accepted"))
        assert right <= drafted, rows
        if options == ("--draft-tokens", "4"):
            assert right > 100 and right > drafted * 0.7, rows
            assert int(rows["hearth_open_decoded"]) < int(PLAIN[1]["hearth_open_decoded"]), (rows, PLAIN[1])
            usage = json.loads(made[0])["usage"]["completion_tokens_details"]
            assert usage["accepted_prediction_tokens"] > 20 and usage["rejected_prediction_tokens"] >= 0, usage


@test
def a_configuration_file_names_drafts():
    path = os.path.join(PLACE.name, "serve.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"models: ['own={OWN}']\ndraft: ['{OWN}']\ndraft-tokens: 2\n")
    with Server("--config", path) as s:
        made = s.good("/v1/completions", REQUESTS[0][1])
        assert made["choices"] == choices(PLAIN[0][0]), made
        assert made["usage"]["completion_tokens_details"]["accepted_prediction_tokens"] > 20, made


@test
def where_memory_is_short_there_is_no_draft():
    size = good_json("show", OWN)
    weights = sum(t["bytes"] for t in size["tensors"]) if "tensors" in size else 4 << 20
    with subprocess.Popen([HEARTH, "serve", OWN, "--draft", OWN, "--draft-tokens", "4", "--port", "0", "--json", "--log", "--memory", f"{weights * 3 // 2}"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True) as server:
        assert json.loads(server.stdout.readline())["port"], server
        server.terminate()
        assert "no room for its draft: hearthside" in server.communicate()[1]


@test
def another_vocabulary_is_refused_by_both_names():
    for arguments in (("serve", OWN, "--draft", CHAT, "--port", "0"), ("run", OWN, "--raw", "--draft", CHAT, "-p", "x")):
        one_line(hearth(*arguments), 1, CHAT, "hearthside", "vocabulary", "in place of")
    one_line(hearth("run", "-p", "x", "--draft", os.path.join(PLACE.name, "nothing")), 1, "nothing")


@test
def run_says_the_same_with_a_draft():
    asked = ("run", OWN, "--raw", "-p", "Tom has a red ball.", "-n", "60", "--seed", "5")
    for heat in ("0", "1"):
        plain = good_json(*asked, "-t", heat)
        assert plain["draft"] is None, plain
        for more in (("--draft-tokens", "4"), ()):
            made = good_json(*asked, "-t", heat, "--draft", OWN, *more)
            assert made["text"] == plain["text"] and made["tokens"] == plain["tokens"], (made, plain)
            told = made["draft"]
            assert told["model"] == OWN and told["accepted"] <= told["drafted"] and told["steps"] > 0, told
            assert not more or (told["accepted"] > 30 and told["steps"] + told["accepted"] >= made["tokens"]["answer"] - 1), told
    schema = ("--schema", json.dumps(SCHEMA))
    assert good_json(*asked, *schema)["text"] == good_json(*asked, *schema, "--draft", OWN, "--draft-tokens", "5")["text"]


main()
