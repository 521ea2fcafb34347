#!/usr/bin/env python3
"""The configuration file, what SIGHUP changes, and what a server says to balancers. Prints TAP."""

import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import time

from support import BERT, OWN, Server, main, test, wait_until
from tap import hearth, one_line

PLACE = tempfile.mkdtemp(prefix="hearth config ")
FILE = os.path.join(PLACE, "serve.yaml")
TEXT = {"prompt": "The ", "stop": "never", "max_tokens": 4}


def write(text, path=FILE):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def wrong(text, *words):
    one_line(hearth("serve", "--config", write(text)), 1, "serve.yaml", *words)


def end(server):
    """SIGTERM; what it told."""
    server.process.send_signal(signal.SIGTERM)
    err = server.process.communicate(timeout=60)[1]
    assert server.process.returncode == 0, err
    return err


def models(server):
    return [row["id"] for row in server.get("/v1/models")[1]["data"]]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@test
def wrong_files_name_line_and_column():
    wrong("parallel: 4\nprot: 80\n", "line 2", "prot", "did you mean port")
    wrong("zebra: 80\n", "line 1", "zebra")
    wrong("port: many\n", "line 1", "port", "many")
    wrong("port: [1, 2]\n", "line 1", "one value")
    wrong("store: 3\n", "true or false")
    wrong("models: a\n", "a list")
    wrong("- a\n", "KEY: VALUE")
    wrong("config: other.yaml\n", "config")
    wrong("port: 1\nport: 2\n", "port")
    one_line(hearth("serve", "--config", os.path.join(PLACE, "none.yaml")), 1, "none.yaml")


@test
def what_is_not_there_is_told_before_anything_is_served():
    one_line(hearth("serve", OWN, "--models-in", os.path.join(PLACE, "none")), 2, "--models-in", "none")
    for origin in ("example.org", "https://example.org/"):  # browsers send neither
        one_line(hearth("serve", OWN, "--allow-origin", origin), 2, "--allow-origin", "an origin, like https://example.org")
    empty = os.path.join(PLACE, "empty")
    os.mkdir(empty)
    one_line(hearth("serve", empty), 1, "config.json or a GGUF file", "neither")  # not that it may not be read


@test
def a_folder_is_called_by_its_last_part():
    relative = os.path.relpath(BERT)
    for path in (BERT, relative, os.path.join(relative, "")):
        with Server(OWN, path) as s:
            assert models(s) == ["hearthside", "bert"], (path, models(s))


@test
def the_file_is_read_and_the_command_line_goes_before_it():
    write(f"models: [one={OWN}, two={OWN}]\nparallel: 3\nno-prefix-cache: true\nstore: false\nport: 1\nname: [front.example]\n")
    with Server("--config", FILE) as server:  # --port 0 is on the command line
        assert models(server) == ["one", "two"] and server.get("/ready")[1]["free_slots"] == 3
        assert server.send("GET", "/health", headers={"Host": "front.example"})[0] == 200
    with Server(f"three={OWN}", "--config", FILE, "--parallel", "5") as server:
        assert models(server) == ["three"] and server.get("/ready")[1]["free_slots"] == 5


@test
def sighup_changes_models_and_lists_and_drops_nobody():
    write(f"models: [one={OWN}, two={OWN}]\nallow-origin: ['https://a.example']\nparallel: 3\n")
    server = Server("--config", FILE)

    def allowed(origin):
        return server.send("GET", "/v1/models", headers={"Origin": origin})[0] == 200

    assert allowed("https://a.example") and not allowed("https://b.example")
    c = server.connect()
    c.request("POST", "/v1/completions", json.dumps({**TEXT, "model": "one", "max_tokens": 150, "stream": True}))
    answer = c.getresponse()
    head = answer.read(10)
    write(f"models: [one={OWN}, three={OWN}]\nallow-origin: ['https://b.example']\nparallel: 4\n")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: models(server) == ["one", "three"])
    assert allowed("https://b.example") and not allowed("https://a.example")
    assert (head + answer.read()).endswith(b"data: [DONE]\n\n")
    assert server.post("/v1/completions", {**TEXT, "model": "three"})[0] == 200
    assert server.post("/v1/completions", {**TEXT, "model": "two"})[0] == 404
    write("models: [")
    server.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert models(server) == ["one", "three"]
    err = end(server)
    assert "parallel: what changed there waits" in err and "not reloaded: " in err and "serve.yaml" in err, err


@test
def a_name_is_one_model_and_sighup_may_give_it_another():
    one_line(hearth("serve", f"chat={OWN}", f"chat={BERT}", "--port", "0"), 1, "chat", OWN, BERT)
    write(f"models: [chat={OWN}, chat={OWN}, other={OWN}]\nmodels-in: ['{BERT}']\n")
    server = Server("--config", FILE, "--log")
    assert models(server) == ["chat", "other"]

    def vector():
        return server.post("/v1/embeddings", {"model": "chat", "input": "x"})

    status, own = vector()
    c = server.connect()
    c.request("POST", "/v1/completions", json.dumps({**TEXT, "model": "chat", "prompt": ["The"] * 64, "n": 2, "max_tokens": 250, "ignore_eos": True}))
    wait_until(lambda: server.get("/ready")[1]["running"] > 0)
    write(f"models: [chat={BERT}, other={OWN}]\nmodels-in: ['{BERT}']\n")
    server.process.send_signal(signal.SIGHUP)
    while "still used, not replaced: chat" not in server.process.stderr.readline():
        pass
    c.close()
    wait_until(lambda: server.get("/ready")[1]["running"] == 0)
    time.sleep(0.2)  # it is given back when its answer ended
    server.process.send_signal(signal.SIGHUP)
    while "replaced chat" not in server.process.stderr.readline():
        pass
    status, made = vector()
    assert status == 200 and made["data"] != own.get("data") and models(server) == ["chat", "other"], (own, made)
    assert server.post("/v1/completions", {**TEXT, "model": "chat"})[0] == 400
    write(f"models: [chat={BERT}, other={OWN}, other={BERT}]\nmodels-in: ['{BERT}']\n")
    server.process.send_signal(signal.SIGHUP)
    while "not reloaded: other" not in (line := server.process.stderr.readline()):
        assert line
    assert server.post("/v1/completions", {**TEXT, "model": "other"})[0] == 200
    end(server)


@test
def an_answer_has_no_more_tokens_than_the_server_lets_it():
    """Whatever is asked for, by whichever interface; a change of the file waits for the next start."""
    write(f"models: [own={OWN}]\nanswer-tokens: 6\n")
    server = Server("--config", FILE)
    said = [{"role": "user", "content": "Tell me of the barn."}]
    for body in ({**TEXT, "max_tokens": 7}, TEXT, {"prompt": "The ", "stop": "never"}):
        made = server.good("/v1/completions", body)
        assert (made["choices"][0]["finish_reason"], made["usage"]["completion_tokens"]) == ("length", min(6, body.get("max_tokens", 16))), made
    made = server.good("/v1/chat/completions", {"messages": said, "stop": "never", "n": 2, "ignore_eos": True})
    assert [c["finish_reason"] for c in made["choices"]] == 2 * ["length"] and made["usage"]["completion_tokens"] == 12, made
    made = server.good("/api/generate", {"model": "own", "prompt": "The ", "raw": True, "stream": False, "options": {"num_predict": 50, "stop": ["never"]}})
    assert (made["done_reason"], made["eval_count"]) == ("length", 6), made
    write(f"models: [own={OWN}]\nanswer-tokens: 3\nanswer-seconds: 3\n")
    server.process.send_signal(signal.SIGHUP)
    while "answer-seconds: what changed there waits" not in (line := server.process.stderr.readline()):
        assert line
    assert server.good("/v1/completions", {**TEXT, "max_tokens": 9})["usage"]["completion_tokens"] == 6
    end(server)
    one_line(hearth("serve", OWN, "--answer-tokens", "0"), 2, "--answer-tokens", "0")


@test
def an_answer_takes_no_longer_than_the_server_lets_it():
    """The server stands still in the middle of answers: the time is over when it goes on."""
    with Server(OWN, "--answer-seconds", "2") as server:
        c = server.connect()
        c.request("POST", "/v1/completions", json.dumps({**TEXT, "n": 64, "max_tokens": 400, "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True}}))
        answer = c.getresponse()
        head = answer.read(10)
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(2.1)
        server.process.send_signal(signal.SIGCONT)
        events = [json.loads(line[6:]) for line in (head + answer.read()).decode().split("\n\n") if line.startswith("data: {")]
        reasons = [choice["finish_reason"] for event in events for choice in event["choices"] if choice["finish_reason"]]
        assert reasons == 64 * ["length"] and events[-1]["usage"]["completion_tokens"] < 64 * 400, (reasons, events[-1])


@test
def sighup_opens_the_audit_log_again():
    log = os.path.join(PLACE, "audit.jsonl")
    with Server(OWN, "--audit", log) as server:
        server.good("/v1/completions", TEXT)
        wait_until(lambda: os.path.getsize(log) > 0)
        os.rename(log, log + ".1")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: os.path.exists(log))
        server.good("/v1/completions", TEXT)
        wait_until(lambda: os.path.getsize(log) > 0)
    for path in (log, log + ".1"):
        with open(path, encoding="utf-8") as file:
            assert [json.loads(line)["status"] for line in file] == [200]


def agent(port):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as c:
        return c.makefile().readline()


@test
def the_agent_tells_what_is_free_and_drains():
    port = free_port()
    server = Server(OWN, "--parallel", "1", "--agent-port", str(port), "--drain", "2")
    assert agent(port) == "up ready 100%\n", agent(port)
    busy = threading.Event()

    def ask():
        while not busy.is_set():
            server.good("/v1/completions", {**TEXT, "max_tokens": 400})

    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: agent(port) == "up ready 1%\n")
    busy.set()
    asking.join()
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: agent(port) == "drain\n")
    status, made = server.get("/ready")
    assert status == 503 and made["error"]["code"] == "shutting_down", made
    assert server.post("/v1/completions", TEXT)[0] == 200  # it answers while it drains
    assert server.process.wait(timeout=60) == 0


@test
def metrics_are_what_prometheus_reads():
    with Server(OWN, "--parallel", "4") as server:
        usage = server.good("/v1/completions", {**TEXT, "max_tokens": 8})["usage"]
        assert server.post("/v1/completions", {**TEXT, "model": "none"})[0] == 404
        assert server.send("GET", "/nothing")[0] == 404
        # a request is counted when it is over: a moment after its answer came
        wait_until(lambda: server.send("GET", "/metrics")[2].count(b"\nhearth_http_requests_total{") >= 3)
        text = server.send("GET", "/metrics")[2].decode()
    rows = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(rows["hearth_tokens_total"]) >= usage["completion_tokens"], rows
    assert float(rows["hearth_prompt_tokens_total"]) == usage["prompt_tokens"], rows
    assert rows['hearth_http_requests_total{route="/v1/completions",method="POST",status="200"}'] == "1", text
    assert rows['hearth_errors_total{kind="model_not_found",status="404"}'] == "1", text
    assert rows['hearth_errors_total{kind="unknown_url",status="404"}'] == "1", text
    assert float(rows["hearth_slots"]) == 4 and float(rows["process_resident_memory_bytes"]) > 1e6, text
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) and len(names) > 25, names
    for name in names:  # each family's lines stand together, behind its type
        at = [i for i, line in enumerate(text.splitlines()) if line.startswith((name + " ", name + "{", name + "_bucket", name + "_sum", name + "_count"))]
        assert at == list(range(at[0], at[0] + len(at))) if at else name.endswith("_total"), (name, at)
    parse(text)


def parse(text):
    """With Prometheus's own parser, where python3 has it."""
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError:
        return
    families = {f.name: f for f in text_string_to_metric_families(text)}
    first = families["hearth_first_token_seconds"]
    assert first.type == "histogram" and any(s.labels.get("le") == "+Inf" and s.value >= 1 for s in first.samples), first
    assert families["hearth_tokens"].type == "counter" and families["hearth_build_info"].samples[0].labels["version"]


try:
    main()
finally:
    shutil.rmtree(PLACE, ignore_errors=True)
