"""What the tests of the server share: a server that is started, asked and ended."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "cli"))
from scripted_model import MALFORMED, write_model  # noqa: E402, F401
from tap import HEARTH, Skip, environment, folder, main, test  # noqa: E402, F401

BERT = os.path.join(ROOT, "model", "golden", "encoders", "bert")
OWN = "embedded:hearthside"


TEXTS = {"barn.txt": "Tom has a hat. Where is Ann? Ann is in the barn. What does Tom have? Tom has a hat.\n",
         "mill.txt": "The old mill stands in the west. What stands in the west? The old mill stands in the west.\n"}


def trace_index(place, name="index", **texts):
    """An index of a few texts (TEXTS, where none are given) by tokens of OWN's vocabulary."""
    folder_ = os.path.join(place.name, name + "-texts")
    index = os.path.join(place.name, name)
    os.makedirs(folder_)
    for file, text in (texts or TEXTS).items():
        with open(os.path.join(folder_, file), "w", encoding="utf-8") as out:
            out.write(text)
    made = subprocess.run([HEARTH, "trace", "index", folder_, "--licence", "CC0-1.0", "--by", "tokens", "--tokenizer",
                           os.path.join(os.path.dirname(ROOT), "models", "hearthside"), "-o", index, "-q"], env=environment(), capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return index


class Server:
    """hearth serve on a port of its own; `with` ends it and looks at how it ended."""

    def __init__(self, *arguments, port=0):
        self.process = subprocess.Popen([HEARTH, "serve", *arguments, "--port", str(port), "--json", "--threads", "2"],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"no server: {self.process.communicate()[1]}")
        self.ready = json.loads(line)
        self.port = self.ready["port"]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            out, err = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            err += "\n(did not end by itself)"
        err = "".join(line for line in err.splitlines(True) if "not confined to its " not in line)  # an old kernel's
        if kind is None:
            assert self.process.returncode == 0 and err == "", (self.process.returncode, err)

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def raw(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def send(self, method, path, body=None, headers=None):
        """Status, headers and bytes."""
        c = self.connect()
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            c.request(method, path, data, headers or {})
            r = c.getresponse()
            return r.status, dict(r.getheaders()), r.read()
        finally:
            c.close()

    def get(self, path, **headers):
        status, _, body = self.send("GET", path, headers=headers)
        return status, json.loads(body)

    def post(self, path, body, **headers):
        status, _, text = self.send("POST", path, body, headers)
        return status, json.loads(text)

    def good(self, path, body):
        status, made = self.post(path, body)
        assert status == 200, (status, made)
        return made

    def events(self, path, body):
        """The JSON events of a stream; that it ends by [DONE] is looked at."""
        status, headers, text = self.send("POST", path, {**body, "stream": True})
        assert status == 200 and headers["Content-Type"].startswith("text/event-stream"), (status, headers, text)
        lines = [line[6:] for line in text.decode().split("\n\n") if line.startswith("data: ")]
        assert lines[-1] == "[DONE]", text[-300:]
        return [json.loads(line) for line in lines[:-1]]


def wait_until(true):
    for _ in range(1200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that in a minute")


def timeless(answer):
    """An answer without what differs from one request to the next."""
    return {key: value for key, value in answer.items() if key not in ("id", "created")}
