#!/usr/bin/env python3
"""hearth serve --record and hearth replay: answers made under load, made again otherwise; changed and hostile files. Prints TAP."""

import hashlib
import json
import os
import stat
import struct
import threading

from support import OWN, Server, folder, main, test, write_model
from tap import environment, good, hearth, one_line

PLACE = folder()
CHAT = write_model(os.path.join(PLACE.name, "scripted"))
FILE = os.path.join(PLACE.name, "answers.jsonl")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}, "s": {"enum": ["a", "bc"]}}, "required": ["n", "s"], "additionalProperties": False}
HELLO = [{"role": "user", "content": "Hello"}]
FREE = {"model": "own", "temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "max_tokens": 40}
# Eleven answers from nine requests, each another way.
REQUESTS = [
    ("/v1/chat/completions", {"model": "chat", "messages": HELLO}),
    ("/v1/chat/completions", {"model": "chat", "messages": HELLO, "temperature": 1.7, "seed": 8, "n": 2, "max_tokens": 30, "presence_penalty": 0.3}),
    ("/v1/completions", {**FREE, "prompt": ["The ", "A dog "], "seed": 2, "logit_bias": {"40": -100, "41": 2.5}}),
    ("/v1/completions", {**FREE, "prompt": "Once", "seed": 3, "stop": ["e"], "frequency_penalty": 0.2, "repetition_penalty": 1.1}),
    ("/api/generate", {"model": "own", "prompt": "Twice", "raw": True, "options": {"seed": 4, "temperature": 0.9, "num_predict": 40}}),
    ("/api/chat", {"model": "chat", "messages": HELLO, "stream": False, "format": SCHEMA, "options": {"temperature": 2, "seed": 5, "num_predict": 60}}),
    ("/v1/messages", {"model": "chat", "messages": HELLO, "max_tokens": 400, "tool_choice": {"type": "any"}, "tools": [
        {"name": "look", "input_schema": {"type": "object", "properties": {"at": {"enum": ["x", "yz"]}}, "required": ["at"], "additionalProperties": False}}]}),
    ("/v1/messages", {"model": "chat", "messages": HELLO, "max_tokens": 50, "thinking": {"type": "enabled"}}),
    ("/v1/messages", {"model": "chat", "messages": HELLO, "max_tokens": 3, "stream": True, "thinking": {"type": "enabled"}}),
]


def record(path, requests, *options):
    with Server(f"chat={CHAT}", f"own={OWN}", "--record", path, *options) as s:
        made = [None] * len(requests)

        def ask(i):
            made[i] = s.send("POST", *requests[i])

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(requests))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert all(m[0] == 200 for m in made), made
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


LINES = record(FILE, REQUESTS)


def write(name, lines, end="\n"):
    path = os.path.join(PLACE.name, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + end)
    return path


def hashed(line):
    """The line with the hash of its tokens."""
    return {**line, "sha256": hashlib.sha256(struct.pack(f"<{len(line['tokens'])}i", *line["tokens"])).hexdigest()}


@test
def what_is_recorded():
    assert len(LINES) == 11 and stat.S_IMODE(os.stat(FILE).st_mode) == 0o600
    assert [hashed(line) for line in LINES] == LINES, "a hash by another implementation"
    assert {line["end"] for line in LINES} >= {"token", "length", "stop"}, [line["end"] for line in LINES]
    assert sum("constraint" in line for line in LINES) == 2 and {line["model"] for line in LINES} == {"chat", "own"}
    biased = [line for line in LINES if line["sampling"]["biases"]]
    assert len(biased) == 2 and sorted(biased[0]["sampling"]["biases"]) == [[40, None], [41, 2.5]], biased


@test
def answers_are_made_again_with_other_threads_and_instructions():
    for options, isa in ((["--threads", "1"], "scalar"), (["--threads", "3"], "")):
        made = json.loads(good("replay", FILE, *options, "--json", env=environment(HEARTH_ISA=isa) if isa else None).out)
        assert made["same"] and made["answers"] == made["answers_same"] == 11 and made["differences"] == [], made
        assert made["tokens"] == sum(len(line["tokens"]) for line in LINES)


@test
def guesses_are_counted_and_change_nothing():
    """A replay guesses nothing ahead."""
    path = os.path.join(PLACE.name, "guessed.jsonl")
    with Server(f"own={OWN}", "--record", path, "--draft-tokens", "8") as s:  # guesses whether it pays here or not
        s.good("/v1/completions", {**FREE, "prompt": "Thrice", "max_tokens": 100, "seed": 6, "logit_bias": {"40": 100, "41": 100}})
        rows = {"hearth_running": "1"}
        while rows["hearth_running"] != "0":  # what is counted is told behind each step
            rows = dict(line.rsplit(" ", 1) for line in s.send("GET", "/metrics")[2].decode().splitlines() if not line.startswith("#"))
    drafted, accepted, steps, decoded = (int(rows["hearth_open_" + name]) for name in ('drafted{by="lookup"}', 'accepted{by="lookup"}', "steps", "decoded"))
    assert drafted > accepted > 0 and steps == decoded == 100 - accepted and rows['hearth_open_drafted{by="model"}'] == "0", rows
    assert "1 answer, 1 the same" in good("replay", path).out


@test
def models_may_lie_elsewhere():
    moved = [{**line, "source": "/nowhere/" + line["model"]} for line in LINES]
    path = write("moved.jsonl", moved)
    one_line(hearth("replay", path), 1, "/nowhere/")
    assert "11 answers, 11 the same" in good("replay", path, f"chat={CHAT}", f"own={OWN}").out
    one_line(hearth("replay", path, f"chat={OWN}", f"own={OWN}"), 1, "line ", "hc1-")


@test
def a_changed_token_is_found():
    n = next(i for i, line in enumerate(LINES) if line["model"] == "own" and len(line["tokens"]) > 12)
    changed = dict(LINES[n], tokens=list(LINES[n]["tokens"]))
    changed["tokens"][9] = (changed["tokens"][9] + 1) % 200
    path = write("changed.jsonl", [*LINES[:n], hashed(changed), *LINES[n + 1:]])
    ended = hearth("replay", path, "--json")
    made = json.loads(ended.out)
    assert ended.code == 1 and not made["same"] and made["answers_same"] == 10 and len(made["differences"]) == 1, made
    found = made["differences"][0]
    assert (found["line"], found["token"], found["recorded"]["id"], found["made"]["id"]) == (
        n + 1, 9, changed["tokens"][9], LINES[n]["tokens"][9]), found
    shown = hearth("replay", path)
    assert shown.code == 1 and f"DIFFERS line {n + 1} (own), token 10 of" in shown.out and "11 answers, 10 the same" in shown.out, shown
    one_line(hearth("replay", write("unhashed.jsonl", [changed])), 1, "line 1, sha256")
    longer = hashed({**LINES[n], "tokens": LINES[n]["tokens"] + [1], "context": LINES[n]["context"]})
    if LINES[n]["end"] == "token":
        assert json.loads(hearth("replay", write("longer.jsonl", [longer]), "--json").out)["differences"][0]["made"] is None


@test
def another_seed_is_another_answer():
    n = next(i for i, line in enumerate(LINES) if line["model"] == "own" and len(line["tokens"]) > 12)
    other = {**LINES[n], "sampling": {**LINES[n]["sampling"], "seed": 99}}
    made = json.loads(hearth("replay", write("seed.jsonl", [other]), "--json").out)
    assert not made["same"] and made["differences"][0]["made"]["id"] != made["differences"][0]["recorded"]["id"], made


@test
def a_last_line_that_is_cut_is_left_out():
    path = write("cut.jsonl", [LINES[0], json.dumps(LINES[1])[:50]], end="")
    ended = hearth("replay", path)
    assert ended.code == 0 and "1 answer, 1 the same" in ended.out and "not whole" in ended.err, ended


@test
def hostile_files_are_errors():
    line = LINES[0]
    deep = "[" * 100000
    cases = {
        "empty": [""], "no JSON": ["{"], "no object": ["[]"], "deep": [deep], "version": [{**line, "hearth_record": 2}],
        "contract": [{**line, "contract": 999}], "no model": [{**line, "model": ""}], "a model with NUL": [{**line, "model": "a\0b"}],
        "fingerprint": [{**line, "fingerprint": "hc1-000000000000"}], "compute": [{**line, "compute": "magic"}], "cache": [{**line, "cache": 7}],
        "context": [{**line, "context": 2 ** 40}], "sampling": [{**line, "sampling": []}], "tokens": [hashed({**line, "tokens": []})],
        "temperature": [{**line, "sampling": {**line["sampling"], "temperature": "hot"}}],
        "biases": [{**line, "sampling": {**line["sampling"], "biases": [[1]]}}],
        "a bias beyond": [{**line, "sampling": {**line["sampling"], "biases": [[4000000, 1]]}}],
        "ids": [{**line, "prompt": [-1]}], "ids beyond": [{**line, "prompt": [4000000]}], "too many": [hashed({**line, "context": 3})],
        "end": [{**line, "end": "because"}], "constraint": [{**line, "constraint": {"kind": "schema"}}],
        "a schema that is none": [{**line, "constraint": {"kind": "schema", "source": {"type": 5}}}],
        "a grammar that is none": [{**line, "constraint": {"kind": "gbnf", "source": "root ::= ("}}],
    }
    for name, lines in cases.items():
        ended = hearth("replay", write("hostile.jsonl", lines))
        assert ended.code == 1 and ended.out == "" and ended.err.startswith("hearth replay: ") and ended.err.count("\n") == 1, (name, ended)
        assert "hostile.jsonl" in ended.err, (name, ended)
    one_line(hearth("replay", os.path.join(PLACE.name, "nothing.jsonl")), 1, "nothing.jsonl")


@test
def a_recording_is_bounded_and_goes_on():
    path = os.path.join(PLACE.name, "more.jsonl")
    first = record(path, REQUESTS[:1])
    again = record(path, REQUESTS[:1])
    assert len(first) == 1 and len(again) == 2 and again[0] == first[0] and again[1]["tokens"] == first[0]["tokens"]
    size = os.path.getsize(path)
    s = Server(f"chat={CHAT}", "--record", path, "--record-limit", str(size + 10))
    assert s.send("POST", *REQUESTS[0])[0] == 200
    s.process.terminate()
    _, err = s.process.communicate(timeout=60)
    assert os.path.getsize(path) == size and "no more answers are recorded" in err and err.count("\n") == 1, err
    ended = hearth("serve", f"chat={CHAT}", "--record", PLACE.name, "--port", "0")
    one_line(ended, 1, PLACE.name)


main()
