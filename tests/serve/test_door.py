#!/usr/bin/env python3
"""The server as HTTP has it: odd requests, slow and vanishing clients, many at a time, its end. Prints TAP."""

import concurrent.futures
import http.client
import json
import os
import random
import signal
import socket
import time

from support import HEARTH, OWN, Server, environment, main, test, timeless, wait_until
from tap import hearth, one_line

S = Server(OWN, "--parallel", "8", "--request-timeout", "1", "--name", "front.example", "--allow-origin", "https://pages.example")
TEXT = {"temperature": 1, "top_k": 0, "min_p": 0, "top_p": 1, "prompt": "The ", "stop": "never"}


def answer_to(request):
    """What comes back for these bytes, until the server closes."""
    with S.raw() as c:
        c.sendall(request)
        out = b""
        while piece := c.recv(65536):
            out += piece
        return out


def running():
    return S.get("/ready")[1]["running"] + S.get("/ready")[1]["waiting"]


@test
def health_and_readiness_and_metrics():
    assert S.get("/health") == (200, {"status": "ok"})
    status, made = S.get("/ready")
    assert status == 200 and made["free_slots"] == 8 and made["models_open"] == 1, made
    S.good("/v1/completions", {**TEXT, "max_tokens": 5})
    status, headers, text = S.send("GET", "/metrics")
    rows = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#"))
    assert status == 200 and headers["Content-Type"].startswith("text/plain"), headers
    assert int(rows["hearth_tokens_total"]) >= 5 and int(rows["hearth_first_token_seconds_count"]) >= 1, rows
    assert rows['hearth_first_token_seconds_bucket{le="+Inf"}'] == rows["hearth_first_token_seconds_count"], rows


@test
def methods_and_paths():
    status, headers, body = S.send("HEAD", "/health")
    assert status == 200 and body == b"" and int(headers["Content-Length"]) > 0, (status, headers)
    status, headers, body = S.send("DELETE", "/v1/completions")
    assert status == 405 and headers["Allow"] == "POST", headers
    for path, wanted in (("/v1/nothing", 404), ("/v1/models/", 404), ("/api/nothing", 404)):
        status, made = S.get(path)
        assert status == wanted, (path, made)
    assert S.get("/api/nothing")[1].keys() == {"error"} and isinstance(S.get("/api/nothing")[1]["error"], str)
    assert S.get("/v1/m%6fdels")[0] == 200
    for path in ("/v1/%zz", "/%", "/a%00b", "/%ff", "/?a=%f"):
        assert S.get(path)[0] == 400, path


@test
def heads_that_are_too_large_are_refused_in_the_apis_shape():
    status, made = S.post("/v1/completions", TEXT, **{"x-more": "a" * 40000})
    assert status == 431 and "head" in made["error"]["message"] and made["error"]["type"] and "code" in made["error"], made
    status, made = S.post("/api/chat", TEXT, **{"x-more": "a" * 40000})
    assert status == 431 and isinstance(made["error"], str), made
    assert S.get("/health", **{"x-more": "a" * 20000})[0] == 200
    assert S.send("GET", "/health", headers={"x-more": "a" * 300000})[0] == 431  # the library's own page


@test
def strangers_pages_are_turned_away():
    for host in ("evil.example", "127.0.0.1.evil.example:80", "localhost.evil"):
        status, made = S.get("/v1/models", Host=host)
        assert status == 403 and made["error"]["code"] == "host_not_allowed", (host, made)
    for host in ("localhost", "LOCALHOST:1234", "127.0.0.1:99", "[::1]:8080", "front.example"):
        assert S.get("/v1/models", Host=host)[0] == 200, host
    status, made = S.post("/v1/completions", {**TEXT, "max_tokens": 1}, Origin="https://evil.example")
    assert status == 403 and made["error"]["code"] == "origin_not_allowed", made
    own = f"http://127.0.0.1:{S.port}"
    assert S.send("GET", "/health", headers={"Origin": own})[0] == 200
    status, headers, _ = S.send("OPTIONS", "/v1/completions", headers={"Origin": "https://pages.example"})
    assert status == 204 and headers["Access-Control-Allow-Origin"] == "https://pages.example" and "POST" in headers["Access-Control-Allow-Methods"]
    assert "x-stainless-runtime-version" in headers["Access-Control-Allow-Headers"] and "DELETE" not in headers["Access-Control-Allow-Methods"], headers
    status, headers, _ = S.send("OPTIONS", "/v1/completions", headers={"Origin": "https://evil.example"})
    assert status == 403 and "Access-Control-Allow-Origin" not in headers, headers


@test
def connections_are_kept():
    c = S.connect()
    for _ in range(3):
        c.request("POST", "/v1/completions", json.dumps({**TEXT, "max_tokens": 2}))
        assert c.getresponse().read()
        c.request("POST", "/v1/completions", b"nonsense")
        assert c.getresponse().read().startswith(b"{\"error\"")
    own = c.sock
    c.request("GET", "/health")
    c.getresponse().read()
    assert c.sock is own
    c.close()


@test
def bodies_in_chunks_and_expectations():
    c = S.connect()
    text = json.dumps({**TEXT, "max_tokens": 2}).encode()
    c.request("POST", "/v1/completions", iter([text[:5], text[5:]]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    assert c.getresponse().status == 200
    c.close()
    head = f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: {len(text)}\r\n\r\n"
    with S.raw() as raw:
        raw.sendall(head.encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 100")
        raw.sendall(text)
        assert raw.recv(100).startswith(b"HTTP/1.1 200")


def resident_bytes():
    with open(f"/proc/{S.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmRSS"))


@test
def a_bodys_values_are_bounded_and_their_memory_goes_back():
    """`[],` is three bytes of a body and 200 of memory."""
    before = resident_bytes()
    most = before + ((40 << 20) if "HEARTH_SANITIZED" not in os.environ else (1 << 40))  # that keeps what is freed
    for path in ("/v1/completions", "/v1/messages", "/api/generate"):
        status, _, text = S.send("POST", path, b'{"prompt":"a","x":[' + b"[]," * 600000 + b"1]}")
        assert status == 400 and b"at most 500000 values and keys, found 600006" in text, (path, status, text)
    assert resident_bytes() < most, (before, resident_bytes())
    few = b"[" + b"[]," * 400000 + b"1]"
    for body in (b'{"max_tokens":1,"prompt":"a","x":' + few + b"}", b'{"prompt":"a","x":' + few + b";", {"messages": [
            {"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [
                {"id": "b", "function": {"name": "c", "arguments": "{\"d\":%s}" % few.decode()}}] * 2}]}):
        status, _, text = S.send("POST", "/v1/completions" if isinstance(body, bytes) else "/v1/chat/completions", body)
        assert status == (200 if isinstance(body, bytes) and body.endswith(b"}") else 400), (status, text)
    wait_until(lambda: resident_bytes() < most)


@test
def a_prompt_that_cannot_fit_is_not_tokenized():
    most = S.good("/tokenize", {"prompt": "a"})["max_model_len"]
    for text in ("a" * 1000000, "fire " * 200000):
        for path, body in (("/v1/chat/completions", {"messages": [{"role": "user", "content": text}]}), ("/v1/completions", {"prompt": text}),
                           ("/v1/messages/count_tokens", {"model": "hearthside", "messages": [{"role": "user", "content": text}]}), ("/v1/score", {"prompt": text})):
            status, made = S.post(path, body)
            assert status == 400 and f"more than {2 * most}" in made["error"]["message"], (path, status, made)
    status, made = S.post("/tokenize", {"prompt": "a" * (4 << 20)})
    assert status == 200 and made["count"] > most, (status, made.get("error"))
    for path, name in (("/tokenize", "prompt"), ("/tokenize", "content"), ("/v1/embeddings", "input")):
        status, made = S.post(path, {name: "a" * ((4 << 20) + 1)})
        assert status == 400 and made["error"]["param"] == name and "at most 4194304 bytes, but got 4194305" in made["error"]["message"], (status, made)


@test
def what_a_proxy_may_read_otherwise_is_refused():
    """The connection ends with the answer: what comes behind is no request, whoever is right about the length."""
    hidden = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    for lines, body in ((b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(hidden), b""), (b"Content-Length: %d\r\ncontent-length: 0\r\n" % len(hidden), b""),
                        (b"Content-Length: 5\r\n" + chunked, b"0\r\n\r\n"), (chunked + b"Content-Length: 5\r\n", b"0\r\n\r\n"), (chunked * 2, b"0\r\n\r\n"),
                        (b"Host: other\r\nContent-Length: 0\r\n", b""), (b"Host: localhost\r\n", b""), (b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
                        (b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), (b"Content-Length : %d\r\n" % len(hidden), b"")):
        for path in (b"/v1/completions", b"/health", b"/v1/nothing"):
            out = answer_to(b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n" + body + hidden)
            assert out.startswith(b"HTTP/1.1 400 ") and b"\r\nConnection: close\r\n" in out and out.count(b"HTTP/1.1") == 1, (lines, out)
            assert b"the request has" in out, out
    body = json.dumps({**TEXT, "max_tokens": 1}).encode()
    same = b"Content-Length: %d\r\n" % len(body)
    out = answer_to(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + same * 2 + b"\r\n" + body)
    assert out.startswith(b"HTTP/1.1 200 "), out


@test
def odd_requests_end_in_an_error_or_a_closed_connection():
    host = b"Host: localhost\r\nConnection: close\r\n"
    for request in (b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n" + host + b"\r\n", b"POST /v1/completions HTTP/1.1\r\n" + host +
                    b"Content-Length: -5\r\n\r\n", b"POST /v1/completions HTTP/1.1\r\n" + host + b"Content-Length: 99999999999999999999\r\n\r\n",
                    b"POST /v1/completions HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"\x16\x03\x01\x02\x00\x01\x00" * 20 + b"\r\n\r\n",
                    b"GET /health HTTP/1.1\r\n" + host + b"X: " + b"a" * 100000 + b"\r\n\r\n"):
        try:
            out = answer_to(request)
        except ConnectionResetError:
            out = b""
        assert out == b"" or out.split()[1][:1] in (b"4", b"5"), (request[:60], out[:200])
    assert S.get("/health")[0] == 200


def is_cut_off(begun):
    with S.raw() as c:
        c.sendall(begun)
        c.settimeout(0.1)
        for _ in range(600):
            try:
                if c.recv(1000) == b"":
                    return True
            except TimeoutError:
                pass
            try:
                if begun:
                    c.sendall(b"x")
            except OSError:
                return True
    return False


@test
def slow_requests_are_cut_off():
    """Half a head, half a body, and bytes that drip."""
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        assert all(pool.map(is_cut_off, (b"", b"GET /hea", b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")))


@test
def a_client_that_leaves_frees_its_place():
    for more in ({"stream": True}, {}):
        clients = []
        body = json.dumps({**TEXT, "prompt": ["The fire"] * 8, "n": 16, "max_tokens": 240, "ignore_eos": True, **more}).encode()
        for _ in range(2):
            c = S.raw()
            c.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            clients.append(c)
        wait_until(lambda: running() > 0)
        before = S.send("GET", "/metrics")[2]
        for c in clients:
            c.close()
        wait_until(lambda: running() == 0)
        cancelled = [int(line.split()[1]) for text in (before, S.send("GET", "/metrics")[2]) for line in text.decode().splitlines()
                     if line.startswith("hearth_answers_cancelled_total ")]
        assert cancelled[1] == cancelled[0] + 2, cancelled


@test
def answers_do_not_depend_on_who_else_asks():
    rng = random.Random(7)
    words = ["The", "fire", "river", "a", "house", "was", "old", "night", "and", "stone", "said"]
    asked = [{**TEXT, "prompt": " ".join(rng.choices(words, k=rng.randint(1, 20))), "max_tokens": rng.randint(1, 16), "seed": rng.randint(0, 9999),
              "temperature": rng.choice([0, 0.7, 1.3]), "n": rng.choice([1, 1, 2]), "logprobs": rng.choice([0, 3])} for _ in range(50)]
    alone = [timeless(S.good("/v1/completions", body))["choices"] for body in asked]
    with concurrent.futures.ThreadPoolExecutor(25) as pool:
        together = list(pool.map(lambda body: timeless(S.good("/v1/completions", body))["choices"], asked))
    for body, a, b in zip(asked, alone, together):
        assert json.dumps(a) == json.dumps(b), body


@test
def slow_readers_are_given_up():
    """What is written for one that does not read is bounded by its connection's buffers: others go on."""
    with socket.socket() as c:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.connect(("127.0.0.1", S.port))
        body = json.dumps({**TEXT, "prompt": ["The fire"] * 32, "n": 2, "max_tokens": 200, "ignore_eos": True, "stream": True, "logprobs": 20}).encode()
        c.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert S.good("/v1/completions", {**TEXT, "max_tokens": 3})
        wait_until(lambda: running() == 0)


@test
def it_is_not_reached_from_elsewhere_unasked():
    one_line(hearth("serve", OWN, "--host", "0.0.0.0", "--port", "0"), 2, "--host", "--insecure-no-key")
    with Server(OWN, "--host", "0.0.0.0", "--insecure-no-key") as s:
        assert s.get("/v1/models", Host="any.example")[0] == 200
    one_line(hearth("serve", OWN, "--host", "nowhere", "--port", "0"), 2, "--host", "nowhere")
    one_line(hearth("serve", OWN, "--port", str(S.port)), 1, str(S.port), "in use")
    one_line(hearth("serve", "/no/such/model.gguf", "--port", "0"), 1, "/no/such/model.gguf")


@test
def it_ends_when_what_runs_has_its_answer():
    with Server(OWN, "-q") as s:
        body = json.dumps({**TEXT, "max_tokens": 60, "n": 4, "ignore_eos": True, "stream": True})
        streams = []
        for _ in range(4):
            c = s.connect()
            c.request("POST", "/v1/completions", body)
            answer = c.getresponse()
            streams.append((c, answer, answer.read(20)))
        idle = s.connect()
        idle.request("GET", "/health")
        idle.getresponse().read()
        s.process.send_signal(signal.SIGTERM)
        for c, answer, begun in streams:
            assert answer.status == 200 and begun.startswith(b"data: ") and answer.read().endswith(b"data: [DONE]\n\n")
            c.close()
        assert s.process.wait(60) == 0
        try:
            idle.request("GET", "/v1/models")
            assert idle.getresponse().status == 503
        except (http.client.HTTPException, OSError):
            pass
        idle.close()


@test
def a_second_signal_ends_it_at_once():
    s = Server(OWN, "--parallel", "1")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(s.post, "/v1/completions", {**TEXT, "prompt": ["The"] * 64, "n": 2, "max_tokens": 250, "ignore_eos": True})
        wait_until(lambda: s.get("/ready")[1]["running"] > 0)
        s.process.send_signal(signal.SIGINT)
        wait_until(lambda: "finishes" in (s.process.stderr.readline() or "finishes"))
        s.process.send_signal(signal.SIGTERM)
        assert s.process.wait(60) == 143, s.process.returncode
        try:
            waiting.result()
            raise AssertionError("an answer after the end")
        except (http.client.HTTPException, OSError):
            pass
    s.process.communicate()


@test
def readiness_is_told_while_every_worker_waits_for_a_model():
    with Server(f"a={OWN}", f"b={OWN}", "--memory", "6MB", "--parallel", "1") as s:
        c = s.connect()
        c.request("POST", "/v1/completions", json.dumps({**TEXT, "model": "a", "prompt": ["The"] * 64, "n": 2, "max_tokens": 250, "ignore_eos": True}))
        wait_until(lambda: s.get("/ready")[1]["running"] > 0)
        waiting = [s.connect() for _ in range(80)]  # more than there are workers; memory holds one of the two models
        for w in waiting:
            w.request("POST", "/v1/completions", json.dumps({**TEXT, "model": "b", "max_tokens": 1}))
        time.sleep(0.2)
        status, made = s.get("/ready")
        c.sock.settimeout(0)
        try:
            raise AssertionError(c.sock.recv(1))  # it is answered still
        except BlockingIOError:
            pass
        assert status == 200 and made["models_open"] == 1 and made["running"] == 1, made
        c.close()
        assert [w.getresponse().status for w in waiting] == [200] * 80


with S:
    main()
