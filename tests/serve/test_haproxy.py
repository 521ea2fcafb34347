#!/usr/bin/env python3
"""Three servers behind a real HAProxy with the configuration of packaging/haproxy: sticky prefixes, a server that drains,
one that is killed in the middle of a load. Prints TAP."""

import concurrent.futures
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from support import OWN, Server, main, test
from tap import SOURCE, Skip

TEXT = {"prompt": "The ", "stop": "never", "temperature": 1, "max_tokens": 120}
PLACE = tempfile.mkdtemp(prefix="hearth-haproxy-")
HAPROXY = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Node:
    def __init__(self):
        self.agent = free_port()
        self.server = Server(OWN, "--parallel", "8", "--agent-port", str(self.agent), "--drain", "2")

    def asked(self):
        text = self.server.send("GET", "/metrics")[2].decode()
        return int(float(re.search(r"^hearth_answers_total (\S+)$", text, re.M)[1]))


class Proxy:
    """HAProxy with the shipped file: its addresses alone are others."""

    def __init__(self, nodes):
        with open(os.path.join(SOURCE, "packaging", "haproxy", "haproxy.cfg"), encoding="utf-8") as file:
            text = file.read()
        self.port = free_port()
        text = text.replace("bind :8000", f"bind 127.0.0.1:{self.port}")
        for i, node in enumerate(nodes, 1):
            text, count = re.subn(rf"server node{i} \S+", f"server node{i} 127.0.0.1:{node.server.port} agent-port {node.agent}", text)
            assert count == 1
        # What HAProxy did with each request, and when it thought that a server is down: shown where a test fails.
        text = text.replace("global\n", "global\n    log stdout format raw local0\n", 1).replace("defaults\n", "defaults\n    log global\n    option httplog\n", 1)
        path = os.path.join(PLACE, "haproxy.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.log = os.path.join(PLACE, "haproxy.log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([HAPROXY, "-db", "-f", path], stdout=log, stderr=log)

    def told(self):
        with open(self.log, encoding="utf-8") as file:
            return "".join(file.readlines()[-60:])

    def ask(self, stream, key, **more):
        """'whole', or how far it came: 'refused …' (nothing came), 'broken' (some of it did)."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        began = False
        try:
            c.request("POST", "/v1/completions", json.dumps({**TEXT, **more, "stream": stream}), {"x-prefix-key": key})
            r = c.getresponse()
            if r.status != 200:
                return f"refused {r.status} {r.read()[:200]}"
            began = True
            text = r.read()
            if stream:
                return "whole" if text.endswith(b"data: [DONE]\n\n") else "broken"
            return "whole" if json.loads(text)["choices"] else "broken"
        except (OSError, http.client.HTTPException) as error:
            return "broken" if began else f"refused {error!r}"
        finally:
            c.close()


NODES = [Node() for _ in range(3)] if HAPROXY else []
PROXY = Proxy(NODES) if HAPROXY else None


def need():
    if not HAPROXY:
        raise Skip("haproxy is absent")
    for _ in range(300):
        if PROXY.ask(False, "ready", max_tokens=1) == "whole":
            return
        time.sleep(0.1)
    raise AssertionError("nothing answers behind HAProxy")


def load(act, before, after):
    """Six clients; `act` is called when each has had `before` answers, and each asks until it has had `after` more. What became of each request."""
    ready = threading.Semaphore(0)
    acted = threading.Event()

    def client(i):
        made, behind = [], 0
        while behind < after:
            stream = (i + len(made)) % 2 == 0
            behind += acted.is_set()
            made.append((stream, PROXY.ask(stream, f"key {i}")))
            if len(made) == before:
                ready.release()
        return made

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        clients = [pool.submit(client, i) for i in range(6)]
        try:
            for _ in range(6):
                ready.acquire()
            act()
        finally:
            acted.set()
        return [row for c in clients for row in c.result()]


@test
def what_begins_alike_goes_to_one_server():
    need()
    before = [n.asked() for n in NODES]
    for _ in range(8):
        assert PROXY.ask(False, "the same", max_tokens=4) == "whole"
    more = sorted(n.asked() - b for n, b in zip(NODES, before))
    assert more == [0, 0, 8], (more, PROXY.told())
    before = [n.asked() for n in NODES]
    for i in range(48):
        assert PROXY.ask(False, f"key number {i}", max_tokens=1) == "whole"
    assert all(n.asked() > b for n, b in zip(NODES, before)), "others go to others"


@test
def a_server_that_is_killed_loses_no_request_that_had_not_begun():
    need()
    made = load(NODES[0].server.process.kill, before=2, after=4)
    whole = [row for row in made if row[1] == "whole"]
    lost = [row for row in made if row[1] != "whole"]
    assert len(whole) >= 6 * 2 + 6 * 3, made[:5]
    assert all(stream and how == "broken" for stream, how in lost), (lost[:5], PROXY.told())  # a stream that had begun is seen to be broken
    assert len(lost) <= 6, (lost[:9], PROXY.told())
    print(f"# {len(whole)} whole, {len(lost)} streams broken")


@test
def a_server_that_drains_loses_nothing():
    need()
    node = NODES[2]
    made = load(lambda: node.server.process.send_signal(signal.SIGTERM), before=1, after=6)
    assert all(how == "whole" for _, how in made), ([row for row in made if row[1] != "whole"][:5], PROXY.told())
    assert node.server.process.wait(timeout=60) == 0


try:
    main()
finally:
    if PROXY:
        PROXY.process.terminate()
        PROXY.process.wait()
    for n in NODES:
        n.server.process.kill()
        n.server.process.communicate()
    shutil.rmtree(PLACE, ignore_errors=True)
