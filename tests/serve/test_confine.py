#!/usr/bin/env python3
"""hearth serve after its start: other files, programs and sockets are given up, and what it is there for works. Prints TAP."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from support import BERT, OWN, Server, main, test, wait_until
from tap import BUILD, SOURCE, Skip, environment, good_json, hearth

OLD_KERNEL = next((argument for argument in sys.argv[1:] if argument.endswith(".so")), os.path.join(BUILD, "tests", "platform", "old_kernel.so"))
sys.argv = [argument for argument in sys.argv if not argument.endswith(".so")]
PLACE = tempfile.mkdtemp(prefix="hearth confine ")
OUTSIDE = os.path.join(PLACE, "outside")
FILE = os.path.join(PLACE, "config", "serve.yaml")
TEXT = {"prompt": "The ", "stop": "never", "max_tokens": 4}
for name in ("config", "models", "logs"):
    os.mkdir(os.path.join(PLACE, name))
shutil.copytree(BERT, OUTSIDE)


def write(text):
    with open(FILE, "w", encoding="utf-8") as file:
        file.write(text)


def threads_of(server, key):
    """What the kernel says of each thread."""
    found = set()
    tasks = f"/proc/{server.process.pid}/task"
    for task in os.listdir(tasks):
        with open(os.path.join(tasks, task, "status"), encoding="utf-8") as file:
            found.add(next(line.split()[1] for line in file if line.startswith(key + ":")))
    return found


def need():
    """Skips where this kernel, or this build, has not all of it."""
    tried = hearth("tokenize", os.path.join(SOURCE, "tests", "tokenizer", "golden", "unigram.model"), "--text", "a", env=environment(HEARTH_CONFINE="require"))
    if tried.code != 0 and "a kernel with Landlock and seccomp" in tried.err:
        raise Skip(tried.err.strip())


def end(server):
    server.process.send_signal(signal.SIGTERM)
    err = server.process.communicate(timeout=60)[1]
    assert server.process.returncode == 0, err
    return err


def vector(server, model):
    return server.post("/v1/embeddings", {"model": model, "input": "x"})


@test
def every_thread_is_confined_and_a_word_keeps_all_rights():
    need()
    with Server(OWN) as server:
        server.good("/v1/completions", TEXT)
        assert threads_of(server, "Seccomp") == {"2"} and threads_of(server, "NoNewPrivs") == {"1"}
    with open("/proc/self/status", encoding="utf-8") as file:
        ours = next(line.split()[1] for line in file if line.startswith("Seccomp:"))
    with Server(OWN, "--no-confine") as server:
        assert threads_of(server, "Seccomp") == {ours}


@test
def what_a_reload_names_is_read_in_folders_that_were_named_and_nowhere_else():
    need()
    inside = os.path.join(PLACE, "models", "inside")
    shutil.copytree(BERT, inside)
    named = f"models: [one={OWN}]\nmodels-in: ['{os.path.join(PLACE, 'models')}']\n"
    wider = named.replace("]\n", f", 'out={OUTSIDE}', 'in={inside}']\n", 1)
    for arguments, confined in (((), True), (("--no-confine",), False)):
        write(named)
        server = Server("--config", FILE, *arguments)
        write(wider)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(server.get("/v1/models")[1]["data"]) == 3)
        assert vector(server, "in")[0] == 200
        status, made = vector(server, "out")
        err = end(server)
        assert (status != 200) == confined and ("outside of what this server reads" in err) == confined, (status, made, err)


@test
def what_a_server_is_there_for_works():
    """Models on demand, keys made while it runs, a log that is moved away, a record, a model that is replaced beside its config."""
    need()
    keys, log, record = (os.path.join(PLACE, "logs", name) for name in ("keys.sqlite", "audit.jsonl", "record.jsonl"))
    key = good_json("keys", "add", "a", "--keys", keys)["key"]
    with Server(f"one={OWN}", f"two={BERT}", "--keys", keys, "--audit", log, "--record", record, "--no-pull", "--memory", "6MB") as server:
        def ask(key):
            return server.post("/v1/completions", {**TEXT, "model": "one"}, Authorization=f"Bearer {key}")[0]

        assert ask(key) == 200 and server.post("/v1/embeddings", {"model": "two", "input": "x"}, Authorization=f"Bearer {key}")[0] == 200
        later = good_json("keys", "add", "b", "--keys", keys)["key"]
        wait_until(lambda: ask(later) == 200)
        wait_until(lambda: os.path.getsize(log) > 0)
        os.rename(log, log + ".1")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: os.path.exists(log))
        assert ask(key) == 200
        wait_until(lambda: os.path.getsize(log) > 0)
        status, made = server.post("/api/pull", {"model": "tiny", "stream": False}, Authorization=f"Bearer {key}")
        assert status == 403, made
        assert server.send("GET", "/metrics", headers={"Authorization": f"Bearer {key}"})[0] == 403
    with open(record, encoding="utf-8") as file:
        assert len([json.loads(line) for line in file]) > 1
    assert len(good_json("keys", "usage", "--keys", keys)) > 0
    with Server(OWN) as server:
        rows = server.send("GET", "/metrics")[2].decode()
        memory = next(line for line in rows.splitlines() if line.startswith("process_resident_memory_bytes "))
        assert float(memory.split()[1]) > 1e6, memory  # read from /proc while confined
    admin = good_json("keys", "add", "c", "--keys", keys, "--admin")["key"]
    with Server(OWN, "--keys", keys, "--no-pull") as server:
        status, made = server.post("/api/pull", {"model": "tiny", "stream": False}, Authorization=f"Bearer {admin}")
        assert status == 403 and "--no-pull" in json.dumps(made), made


@test
def a_kernel_without_it_is_told():
    need()
    if not os.path.exists(OLD_KERNEL):
        raise Skip("old_kernel.so is not built")
    command = [os.path.join(BUILD, "hearth"), "serve", OWN, "--port", "0"]
    for wish, words in (("", "not confined to its files: this kernel has no Landlock and no seccomp"), ("off", "")):
        env = environment(LD_PRELOAD=OLD_KERNEL, HEARTH_CONFINE=wish)
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert "serves at" in process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            err = process.communicate(timeout=60)[1]
            assert process.returncode == 0 and (words in err if words else err == ""), err
    tried = subprocess.run(command, env=environment(LD_PRELOAD=OLD_KERNEL, HEARTH_CONFINE="require"), capture_output=True, text=True, timeout=60, check=False)
    assert tried.returncode == 1 and "a kernel with Landlock and seccomp" in tried.stderr, tried


try:
    main()
finally:
    shutil.rmtree(PLACE, ignore_errors=True)
