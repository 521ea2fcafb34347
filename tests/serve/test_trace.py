#!/usr/bin/env python3
"""/v1/trace: which parts of an answer stand in an index of texts, and what is refused. Prints TAP."""

import json
import os
import subprocess

from support import HEARTH, OWN, TEXTS, Server, environment, folder, main, test, trace_index

PLACE = folder()
INDEX = trace_index(PLACE)
ANSWER = " Ann is in the barn."
S = None


@test
def spans_have_their_documents():
    made = S.good("/v1/trace", {"model": "own", "prompt": "Where is Ann?", "text": ANSWER})
    assert made["object"] == "trace" and made["model"] == "own"
    t = made["trace"]
    assert t["index"]["documents"] == 2 and t["unit"] == "tokens" and t["units"] > 3, t
    [span] = t["spans"]
    assert span["text"] == ANSWER and (span["begin"], span["end"]) == (0, len(ANSWER)) and span["count"] == 1, span
    [document] = span["documents"]
    assert document["place"].endswith("barn.txt") and document["licence"] == "CC0-1.0" and not document["held_out"], document
    assert document["before"] + document["match"] + document["after"] == TEXTS["barn.txt"], document
    assert document["relevance"] == span["relevance"] in ("low", "medium", "high")


@test
def places_are_bytes_and_context_is_what_was_asked_for():
    text = "Né é. The old mill stands"
    made = S.good("/v1/trace", {"model": "own", "text": text, "context": 1})["trace"]
    [span] = made["spans"]
    assert text.encode()[span["begin"]:span["end"]].decode() == span["text"] == " The old mill stands", span
    assert span["count"] == 1 and len(span["documents"]) == 1, span   # the text's first one has no space before it
    assert (span["documents"][0]["before"], span["documents"][0]["after"]) == ("?", " in"), span


@test
def what_is_nowhere_has_no_span():
    made = S.good("/v1/trace", {"model": "own", "text": "Zqx!"})["trace"]
    assert all(len(s["text"]) < 3 for s in made["spans"]), made
    assert S.good("/v1/trace", {"model": "own", "text": ""})["trace"]["spans"] == []


@test
def models_say_whether_they_are_traced():
    rows = S.get("/v1/models")[1]["data"]
    assert {r["id"]: r.get("traced", False) for r in rows} == {"own": True, "other": False}, rows


@test
def what_is_wrong_is_said():
    for body, status, code in (({"model": "nobody", "text": "x"}, 404, "model_not_found"), ({"model": "other", "text": "x"}, 404, "no_index"),
                               ({"model": "own"}, 400, "missing_required_parameter"), ({"model": "own", "text": 5}, 400, "invalid_type"),
                               ({"model": "own", "text": "x", "documents": 0}, 400, None), ({"model": "own", "text": "x" * (64 << 10) + "x"}, 400, "invalid_value")):
        found, answer = S.post("/v1/trace", body)
        assert found == status and (code is None or answer["error"]["code"] == code), (str(body)[:80], found, answer)
        assert PLACE.name not in json.dumps(answer)


@test
def the_command_says_the_same():
    asked = subprocess.run([HEARTH, "trace", "answer", OWN, "Ann sleeps in the barn. Where is Ann?", "--index", INDEX, "--json", "-q"],
                           env=environment(), capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    made = json.loads(asked.stdout)
    served = S.good("/v1/trace", {"model": "own", "prompt": made["question"], "text": made["answer"]})
    assert served["trace"] == made["trace"], (served, made)


@test
def an_index_that_is_none_is_an_error():
    for given in (os.path.join(PLACE.name, "nothing"), PLACE.name):
        made = subprocess.run([HEARTH, "serve", OWN, "--port", "0", "--trace", given], env=environment(), capture_output=True, text=True, check=False, timeout=60)
        assert made.returncode == 1 and len(made.stderr.splitlines()) == 1 and given in made.stderr, made


with Server(f"own={OWN}", f"other={OWN}", "--trace", f"own={INDEX}") as S:
    main()
