#!/usr/bin/env python3
"""The server under mixed load for --seconds (15): every answer is the lonely one, every error has the API's shape, memory stays flat and
nothing is left behind. Prints TAP, and on stderr what was asked how often.

Twelve clients draw from a fixed set of requests, every two seconds of another of two models of which memory holds one; of them one in twenty
leaves in the middle. Two more ask by the other interfaces.
Beside them: readers that are slow, bodies that are malformed or too large (sent, announced, or in chunks), connections that say half a head or half a body and
no more, keys that ask more, more tokens or more at a time than they may, and an operator who makes and revokes keys, moves the audit log away, reloads, and
reads the figures."""

import argparse
import collections
import json
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time

from support import OWN, Server, main, test, timeless
from tap import good_json

SANITIZED = "HEARTH_SANITIZED" in os.environ
CLIENTS, LEAVING = 12, 0.05
LIMIT_KEY, LIMIT_REQUESTS = "hasty", 1

parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=15)
SECONDS = parser.parse_args().seconds
sys.argv[1:] = []

PLACE = tempfile.mkdtemp(prefix="hearth soak ")
KEYS = os.path.join(PLACE, "keys.sqlite")
OWNER = good_json("keys", "add", "owner", "--keys", KEYS)["key"]
HASTY = good_json("keys", "add", LIMIT_KEY, "--keys", KEYS, "--requests-per-minute", str(LIMIT_REQUESTS))["key"]
GREEDY = good_json("keys", "add", "greedy", "--keys", KEYS, "--tokens-per-minute", "60")["key"]
PARALLEL = good_json("keys", "add", "parallel", "--keys", KEYS, "--concurrency", "1")["key"]
ADMIN = good_json("keys", "add", "admin", "--keys", KEYS, "--admin")["key"]
AUDIT = os.path.join(PLACE, "audit.jsonl")


def bearer(key=OWNER):
    return {"Authorization": f"Bearer {key}"}


# ---- what is asked


def made_requests():
    source, made = random.Random(11), []
    names = ("Tom", "Ann", "Eva", "Mia", "Ben")
    things = ("red ball", "small dog", "blue cup", "old book")
    for number in range(48):
        prompt = " ".join(f"{source.choice(names)} has a {source.choice(things)}." for _ in range(source.randint(1, 12)))
        settings = dict(model="ab"[number % 2], max_tokens=source.randint(1, 40), temperature=source.choice((0, 0.7, 1.2)), seed=number,
                        top_p=source.choice((1, 0.9)), stop="never")
        if number % 3:
            made.append(("/v1/completions", dict(settings, prompt=prompt)))
        else:
            made.append(("/v1/chat/completions", dict(settings, messages=[{"role": "user", "content": prompt}])))
    return made


REQUESTS = made_requests()
BAD = [(b"{", 400), (b"", 400), (b"[]", 400), (b'{"prompt": 7}', 400), (b'{"prompt": "x", "max_tokens": -1}', 400), (b'{"prompt": "x", "temperature": "hot"}', 400),
       (b'{"prompt": "x", "model": "nobody"}', 404), (b'{"prompt": "\xff"}', 400), (b'{"prompt": "x", "top_p": 1e999}', 400),
       (b"[" * 100000, 400), (b'{"prompt": "x", "prompt": "y"}', 400)]


def other_requests():
    """By the other interfaces: path, body, and where the text is in an answer."""
    said = [{"role": "user", "content": "Where is the blue cup?"}]
    colour = {"type": "json_schema", "json_schema": {"name": "colour", "strict": True, "schema": {
        "type": "object", "properties": {"colour": {"enum": ["red", "blue"]}}, "required": ["colour"], "additionalProperties": False}}}
    return [
        ("/api/chat", {"model": "a", "messages": said, "stream": False, "options": {"num_predict": 20, "seed": 3}}, lambda made: made["message"]["content"]),
        ("/api/generate", {"model": "b", "prompt": "The ", "raw": True, "stream": False, "options": {"num_predict": 12, "seed": 4}}, lambda made: made["response"]),
        ("/v1/messages", {"model": "a", "max_tokens": 20, "messages": said}, lambda made: made["content"]),
        ("/v1/responses", {"model": "b", "input": "Tom has a red ball.", "max_output_tokens": 20}, lambda made: made["output"][0]["content"]),
        ("/v1/embeddings", {"model": "a", "input": ["red", "blue"]}, lambda made: [row["embedding"] for row in made["data"]]),
        ("/v1/chat/completions", {"model": "b", "messages": said, "seed": 5, "temperature": 1.5, "max_tokens": 40, "response_format": colour},
         lambda made: made["choices"][0]["message"]["content"]),
        ("/tokenize", {"model": "a", "prompt": "Tom has a red ball."}, lambda made: made["tokens"]),
    ]


OTHERS = other_requests()
WRONG = [("/api/chat", {"model": "a", "messages": 7}, 400), ("/api/generate", {"model": "nobody", "prompt": "x"}, 404), ("/v1/messages", {"model": "a", "messages": []}, 400),
         ("/v1/messages", {"model": "a", "max_tokens": 0, "messages": [{"role": "user", "content": "x"}]}, 400), ("/v1/responses", {"model": "a", "input": 7}, 400)]


def is_error(path, text):
    """The shape of the interface that was asked."""
    made = json.loads(text)
    if path.startswith("/api/"):
        return isinstance(made["error"], str)
    error = made["error"]
    if path == "/v1/messages":
        return made["type"] == "error" and isinstance(error["type"], str) and isinstance(error["message"], str)
    return isinstance(error["message"], str) and isinstance(error["type"], str) and {"param", "code"} <= error.keys()


def same_of(answer):
    """What does not depend on what was asked before: how much of a prompt was kept does."""
    return {**timeless(answer), "usage": {key: answer["usage"][key] for key in ("prompt_tokens", "completion_tokens")}}


def text_of(answer):
    choice = answer["choices"][0]
    return choice["text"] if "text" in choice else choice["message"]["content"]


class Load:
    def __init__(self, server):
        self.s, self.end = server, 0
        self.counts, self.wrong, self.memory = collections.Counter(), [], []
        self.lock = threading.Lock()
        self.lonely = [same_of(self.ask(path, body)) for path, body in REQUESTS]
        self.other = [text(self.ask(path, body)) for path, body, text in OTHERS]
        self.slowly = [text_of(self.ask(*self.slow_request(seed))) for seed in range(9)]

    def ask(self, path, body):
        status, _, text = self.s.send("POST", path, body, bearer())
        assert status == 200, (status, text[:300])
        return json.loads(text)

    def tell(self, what, wrong=None):
        with self.lock:
            self.counts[what] += 1
            if wrong is not None and len(self.wrong) < 10:
                self.wrong.append((what, wrong))

    def error(self, what, status, wanted, text, path="/v1/completions"):
        try:
            good = status == wanted and is_error(path, text)
        except (ValueError, KeyError, TypeError):
            good = False
        self.tell(what, None if good else (path, status, text[:200]))

    # ---- the kinds of clients: each does one thing and comes back

    def client(self, source):
        number = 2 * source.randrange(len(REQUESTS) // 2) + int(time.monotonic() / 2) % 2
        path, body = REQUESTS[number]
        if source.random() < LEAVING:
            return self.leave(path, body)
        if source.random() < 0.5:
            answer = same_of(self.ask(path, body))
            return self.tell("whole", None if answer == self.lonely[number] else (body, answer))
        status, _, text = self.s.send("POST", path, {**body, "stream": True}, bearer())
        events = [json.loads(line[6:]) for line in text.decode().split("\n\n") if line.startswith("data: {")]
        shown = "".join(e["choices"][0].get("text") or e["choices"][0].get("delta", {}).get("content") or "" for e in events if e["choices"])
        same = status == 200 and text.endswith(b"data: [DONE]\n\n") and shown == text_of(self.lonely[number])
        return self.tell("streamed", None if same else (body, status, text[-300:]))

    def begin(self, path, body):
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {OWNER}\r\nContent-Length: {len(data)}\r\n\r\n"
        c = self.s.raw()
        c.sendall(head.encode() + data)
        return c

    def leave(self, path, body):
        with self.begin(path, {**body, "stream": True, "max_tokens": 200, "ignore_eos": True}) as c:
            c.recv(200)
        self.tell("left")

    def elsewhere(self, source):
        number = source.randrange(len(OTHERS))
        path, body, text = OTHERS[number]
        made = text(self.ask(path, body))
        self.tell("other interfaces", None if made == self.other[number] else (path, made))

    def wrongly(self, source):
        path, body, wanted = source.choice(WRONG)
        status, _, text = self.s.send("POST", path, body, bearer())
        self.error("wrong elsewhere", status, wanted, text, path)

    @staticmethod
    def slow_request(seed):
        return "/v1/completions", {"prompt": "The ", "max_tokens": 60, "ignore_eos": True, "seed": seed}

    def slow(self, source):
        seed = source.randrange(9)
        path, body = self.slow_request(seed)
        got = b""
        with self.begin(path, {**body, "stream": True}) as c:
            while time.monotonic() < self.end and (piece := c.recv(97)):
                got += piece
                if b"[DONE]" in got:
                    break
                time.sleep(0.02)
        if b"[DONE]" not in got:
            return self.tell("read slowly", None if got.startswith(b"HTTP/1.1 200") or time.monotonic() >= self.end else got[:200])
        lines = [line for line in got.replace(b"\r\n", b"\n").split(b"\n") if line.startswith(b"data: {")]
        shown = "".join(e["choices"][0]["text"] for e in map(json.loads, (line[6:] for line in lines)) if e["choices"])
        return self.tell("read slowly", None if shown == self.slowly[seed] else (seed, shown))

    def malformed(self, source):
        body, wanted = source.choice(BAD)
        status, _, text = self.s.send("POST", "/v1/completions", body, bearer())
        self.error("malformed", status, wanted, text)

    def head(self, more):
        return f"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {OWNER}\r\n{more}\r\n\r\n".encode()

    def oversized(self, source):
        """Sent whole; announced alone; in chunks, whose length nobody announces."""
        how = source.randrange(3)
        if how == 0:
            status, _, text = self.s.send("POST", "/v1/completions", b" " * 300000, bearer())
            return self.error("oversized", status, 413, text)
        with self.s.raw() as c:
            c.sendall(self.head("Content-Length: 99999999999") if how == 1 else self.head("Transfer-Encoding: chunked"))
            if how == 2:
                c.sendall((b"8000\r\n" + b" " * 0x8000 + b"\r\n") * 10 + b"0\r\n\r\n")
            got = c.recv(65536)
            while b"\r\n\r\n" not in got or got.endswith(b"\r\n\r\n"):
                piece = c.recv(65536)
                if not piece:
                    break
                got += piece
        head, _, text = got.partition(b"\r\n\r\n")
        return self.error("oversized", int(head.split()[1]), 413, text)

    def half_open(self, source):
        with self.s.raw() as c:
            if source.random() < 0.5:
                c.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le"[:source.randint(0, 60)])
            else:
                c.sendall(self.head("Content-Length: 50") + b'{"prompt": "x", '[:source.randint(0, 16)])
            if source.random() < 0.1:  # held until the server ends it (--request-timeout)
                c.settimeout(20)
                ended = c.recv(1000)
                return self.tell("half open, closed", None if ended == b"" or ended.startswith(b"HTTP/1.1 408") else ended)
            time.sleep(0.2)
        return self.tell("half open")

    def limited(self, key, what, tokens):
        status, headers, text = self.s.send("POST", "/v1/completions", {"prompt": "x", "max_tokens": tokens, "ignore_eos": True}, bearer(key))
        if status == 200:
            return self.tell("within the limit")
        if "Retry-After" not in headers:
            return self.tell(what, headers)
        return self.error(what, status, 429, text)

    def hasty(self, _):
        self.limited(HASTY, "beyond the limit", 1)

    def greedy(self, _):
        self.limited(GREEDY, "beyond its tokens", 50)

    def parallel(self, _):
        self.limited(PARALLEL, "beyond its places", 60)

    def operate(self, source):
        """Keys that come and go, the log that is moved away, a reload, the figures."""
        name = f"passing {source.randrange(1 << 30)}"
        key = good_json("keys", "add", name, "--keys", KEYS)["key"]
        if os.path.exists(AUDIT):
            os.replace(AUDIT, AUDIT + ".1")
        self.s.process.send_signal(signal.SIGHUP)
        statuses = set()
        for _ in range(100):
            statuses.add(self.s.send("POST", "/tokenize", {"prompt": "x"}, bearer(key))[0])
            if 200 in statuses:
                break
            time.sleep(0.1)
        good_json("keys", "revoke", name, "--keys", KEYS)
        status, _, text = self.s.send("GET", "/metrics", headers=bearer(ADMIN))
        good = 200 in statuses and statuses <= {200, 401} and status == 200 and b"hearth_audit_lost_total 0" in text
        self.tell("operated", None if good else (statuses, status, text[-300:]))

    # ---- all of them

    def keep(self, does, seed, pause):
        source = random.Random(seed)
        while time.monotonic() < self.end:
            try:
                does(source)
            except Exception as error:  # noqa: BLE001  what a client meets is what is looked for
                self.tell("broken", repr(error))
            time.sleep(pause)

    def watch(self):
        page = os.sysconf("SC_PAGE_SIZE")
        while time.monotonic() < self.end:
            with open(f"/proc/{self.s.process.pid}/statm", encoding="ascii") as file:
                self.memory.append((time.monotonic(), int(file.read().split()[1]) * page))
            time.sleep(0.1)

    def run(self):
        began = time.monotonic()
        self.end = began + SECONDS
        kinds = [(self.client, 0)] * CLIENTS + [(self.slow, 0.1), (self.malformed, 0.05), (self.oversized, 0.2), (self.half_open, 0.1), (self.hasty, 0.3)]
        kinds += [(self.elsewhere, 0)] * 2 + [(self.wrongly, 0.2), (self.greedy, 1), (self.parallel, 0.2), (self.parallel, 0.2), (self.operate, 5)]
        threads = [threading.Thread(target=self.keep, args=(does, number, pause)) for number, (does, pause) in enumerate(kinds)]
        threads.append(threading.Thread(target=self.watch))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return began

    def tenths(self, began):
        """The median of each tenth of the time, in MB."""
        at = [min(9, int((time_ - began) / SECONDS * 10)) for time_, _ in self.memory]
        return [round(statistics.median([bytes_ for place, (_, bytes_) in zip(at, self.memory) if place == tenth] or [0]) / 1e6, 1) for tenth in range(10)]

    def growth(self, began):
        """The median of the last quarter, and of the one before; the first half is warm-up: each thread, key and arena met its largest once."""
        at = [(time_ - began) / SECONDS for time_, _ in self.memory]
        early = [bytes_ for place, (_, bytes_) in zip(at, self.memory) if 0.5 <= place < 0.75]
        late = [bytes_ for place, (_, bytes_) in zip(at, self.memory) if place >= 0.75]
        return statistics.median(late), statistics.median(early)


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


@test
def soak():
    with Server(f"a={OWN}", f"b={OWN}", "--memory", "6MB", "--cache-memory", "8MiB", "--parallel", "8", "--keys", KEYS, "--audit", AUDIT, "--max-body", "256KiB", "--request-timeout", "2") as s:
        load = Load(s)
        files = open_files(s.process.pid)
        began = load.run()
        late, early = load.growth(began)
        print(f"# {dict(load.counts)}; memory {early / 1e6:.1f} MB, at the end {late / 1e6:.1f} MB; by tenths {load.tenths(began)}", file=sys.stderr)
        assert not load.wrong, load.wrong
        wanted = {"whole", "streamed", "read slowly", "malformed", "oversized", "half open", "within the limit", "beyond the limit"}
        assert wanted <= load.counts.keys() and load.counts["broken"] == 0, load.counts
        if SECONDS >= 60:
            wanted |= {"left", "other interfaces", "wrong elsewhere", "beyond its tokens", "beyond its places", "half open, closed", "operated"}
            assert wanted <= load.counts.keys(), (wanted - load.counts.keys(), load.counts)
        for _ in range(200):
            status, ready = s.get("/ready")
            if status == 200 and ready["running"] + ready["waiting"] == 0 and open_files(s.process.pid) <= files + 2:
                break
            time.sleep(0.05)
        assert ready["running"] + ready["waiting"] == 0 and open_files(s.process.pid) <= files + 2, (ready, files, open_files(s.process.pid))
        assert [same_of(load.ask(path, body)) for path, body in REQUESTS[:8]] == load.lonely[:8]
        if not SANITIZED and SECONDS >= 60:  # before that it has not met all that it will hold
            assert late <= early * 1.02 + (1 << 20 if SECONDS < 1800 else 0), (early, late)


try:
    main()
finally:
    shutil.rmtree(PLACE, ignore_errors=True)
