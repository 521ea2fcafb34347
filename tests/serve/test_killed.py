#!/usr/bin/env python3
"""A server that is killed (kill -9) under load and started again: keys, limits and usage are there, the logs are whole lines, answers are the same. Prints TAP.

    tests/serve/test_killed.py --measure MODEL [TIMES]

measures, on a file of any size, how long it takes from the start after a kill until /ready says so and until the first token is there: for docs/serving.md."""

import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import threading
import time

from support import OWN, Server, main, test, timeless, wait_until
from tap import good_json

PLACE = tempfile.mkdtemp(prefix="hearth killed ")
KEYS, AUDIT, RECORD = (os.path.join(PLACE, name) for name in ("keys.sqlite", "audit.jsonl", "record.jsonl"))
TEXT = {"prompt": "The ", "stop": "never", "max_tokens": 12, "seed": 7}
ASK = "/v1/completions"


STARTED = []


def start(model=OWN):
    STARTED.append(Server(f"m={model}", "--keys", KEYS, "--audit", AUDIT, "--record", RECORD))
    return STARTED[-1]


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def usage(name):
    """Tokens of all days."""
    return sum(row["prompt_tokens"] + row["tokens"] for row in good_json("keys", "usage", name, "--keys", KEYS))


def ask(server, key, **more):
    status, _, text = server.send("POST", ASK, {**TEXT, **more}, bearer(key))
    return status, json.loads(text)


def whole_lines(path):
    with open(path, "rb") as file:
        text = file.read()
    assert text.endswith(b"\n"), text[-200:]
    return [json.loads(line) for line in text.splitlines()]


def kill_under_load(server, key):
    """What was answered before it; some are under way."""
    answered, stop = [], threading.Event()

    def client():
        while not stop.is_set():
            try:
                status, made = ask(server, key, max_tokens=200, ignore_eos=True)
                assert status == 200, made
                answered.append(made["usage"]["total_tokens"])
            except OSError:
                return
            except Exception:  # noqa: BLE001  a half answer, of a server that is gone
                if server.process.poll() is None:
                    raise
                return

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    wait_until(lambda: len(answered) >= 8)
    server.process.kill()
    stop.set()
    for thread in clients:
        thread.join()
    server.process.communicate()
    return sum(answered)


@test
def what_was_known_is_known_again():
    alice = good_json("keys", "add", "alice", "--keys", KEYS, "--tokens-per-day", "100000000")["key"]
    poor = good_json("keys", "add", "poor", "--keys", KEYS, "--tokens-per-day", "1")["key"]
    server = start()
    status, first = ask(server, alice)
    assert status == 200 and ask(server, poor)[0] == 200 and ask(server, poor)[0] == 429
    wait_until(lambda: usage("alice") == first["usage"]["total_tokens"] and usage("poor") > 0)
    before = usage("alice")
    answered = kill_under_load(server, alice)
    left = usage("alice")
    assert before <= left <= before + answered + 4 * 210, (before, left, answered)  # of the last second some may be missing
    with sqlite3.connect(KEYS) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with start() as server:
        assert server.get("/ready", **bearer(alice))[0] == 200
        assert ask(server, "hearth_nobody_x")[0] == 401
        assert ask(server, poor)[0] == 429, "what was used today is used"
        status, again = ask(server, alice)
        assert status == 200 and timeless(again)["choices"] == timeless(first)["choices"], (first, again)
        wait_until(lambda: usage("alice") == left + again["usage"]["total_tokens"])
    assert {line["status"] for line in whole_lines(AUDIT)} >= {200, 401, 429}
    assert all(line["tokens"] for line in whole_lines(RECORD))


@test
def killed_again_and_again():
    key = good_json("keys", "add", "often", "--keys", KEYS)["key"]
    for _ in range(3):
        server = start()
        assert ask(server, key)[0] == 200
        server.process.kill()
        server.process.communicate()
    assert any(row["name"] == "often" for row in good_json("keys", "list", "--keys", KEYS))


def measure(model, times):
    key = good_json("keys", "add", "measure", "--keys", KEYS)["key"]
    ready, token = [], []
    server = start(model)
    for _ in range(times):
        ask(server, key, max_tokens=1)
        server.process.kill()
        server.process.communicate()
        began = time.monotonic()
        server = start(model)
        assert server.get("/ready")[0] == 200
        ready.append(time.monotonic() - began)
        assert ask(server, key, max_tokens=1)[0] == 200
        token.append(time.monotonic() - began)
    server.process.kill()
    server.process.communicate()
    print(f"{os.path.getsize(model) / 1e9:.2f} GB, {times} times: ready after {statistics.median(ready):.2f} s (at most {max(ready):.2f}), "
          f"first token after {statistics.median(token):.2f} s (at most {max(token):.2f}); load {os.getloadavg()[0]:.1f}")


try:
    if "--measure" in sys.argv:
        model, *times = sys.argv[sys.argv.index("--measure") + 1:]
        measure(model, int(times[0]) if times else 5)
    else:
        main()
finally:
    for left in STARTED:  # of a test that failed
        left.process.kill()
        left.process.wait()
    shutil.rmtree(PLACE, ignore_errors=True)
