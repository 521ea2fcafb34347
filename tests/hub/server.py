"""A hub and a registry on 127.0.0.1 for tests: what Hugging Face's and Ollama's servers answer, with faults by switch.

    hub = Hub(); hub.add_repository("org/name", {"config.json": b"..."}); hub.url

Two origins: `hub.url` answers the APIs, `hub.storage_url` (another port) holds the content of large files, where the first
redirects to. Every request is in `hub.log`. A fault is put on the end of a path and is used up by the requests that meet it:

    hub.fault("model.gguf", "drop:100000")     the connection ends after so many bytes of the body (any number of times: *3)
    "status:503", "status:429:1"               this status, with Retry-After
    "norange"                                  answers 200 with the whole file whatever range was asked for
    "corrupt"                                  a byte of the body is another one
    "slow:N"                                   N bytes at a time, with a pause between
    "length:N"                                 says that the file has N bytes
    "hold"                                     sends half, then waits until hub.release is set
    "redirect:URL"                             goes there
    "packed:gzip"                              says that it is packed in this way; 256 MiB of zeros, if it were unpacked
"""

import functools
import hashlib
import http.server
import json
import re
import socket
import ssl
import threading
import time
import urllib.parse
import zlib

LARGE = 4096  # bytes from which a file counts as LFS


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@functools.cache
def bomb():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(256)), packer.flush()])


class Entry:
    def __init__(self, **parts):
        self.__dict__.update(parts)

    def __repr__(self):
        return repr(self.__dict__)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):  # a client that went away is no news
        pass


class Hub:
    def __init__(self, certificate=None):
        self.repositories, self.manifests, self.blobs, self.files, self.faults, self.log = {}, {}, {}, {}, [], []
        self.siblings_extra = []
        self.token = None  # wanted for private things
        self.challenge = None
        self.release = threading.Event()
        self.lock = threading.Lock()
        self.servers = []
        for name in ("api", "storage"):
            server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self, "which": name}))
            scheme = "http"
            if certificate and name == "api":
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(certificate)
                server.socket = context.wrap_socket(server.socket, server_side=True)
                scheme = "https"
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            self.servers.append(server)
            url = f"{scheme}://127.0.0.1:{server.server_port}"
            if name == "api":
                self.url, self.host = url, f"127.0.0.1:{server.server_port}"
            else:
                self.storage_url = url

    def close(self):
        self.release.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def add_repository(self, name, files, branch="main"):
        """Returns the commit: a hash of what it holds."""
        commit = hashlib.sha1(repr(sorted((k, sha256(v)) for k, v in files.items())).encode()).hexdigest()
        repository = self.repositories.setdefault(name, {"refs": {}, "commits": {}})
        repository["refs"][branch] = commit
        repository["commits"][commit] = dict(files)
        for content in files.values():
            self.blobs[sha256(content)] = content
        return commit

    def add_ollama(self, space, model, tag, layers):
        """`layers`: kind → content."""
        made = []
        for kind, content in layers.items():
            digest = sha256(content)
            self.blobs[digest] = content
            kind = "application/vnd.docker.container.image.v1+json" if kind == "config" else "application/vnd.ollama.image." + kind
            made.append({"mediaType": kind, "digest": "sha256:" + digest, "size": len(content)})
        config = [layer for layer in made if "docker" in layer["mediaType"]]
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                    "layers": [layer for layer in made if layer not in config]}
        if config:
            manifest["config"] = config[0]
        self.manifests[f"{space}/{model}/{tag}"] = manifest
        return manifest

    def fault(self, ending, *what):
        for fault in what:
            times = re.fullmatch(r"(.*)\*(\d+)", fault)
            self.faults += [(ending, times[1])] * int(times[2]) if times else [(ending, fault)]

    def take_fault(self, path):
        with self.lock:
            for i, (ending, fault) in enumerate(self.faults):
                if path.endswith(ending):
                    del self.faults[i]
                    return fault
        return ""

    def bodies(self, ending=""):
        """Requests for content (GET at the storage, or of files) and what was sent to them."""
        return [e for e in self.log if e.method == "GET" and e.body and e.path.endswith(ending)]

    def sent(self, ending=""):
        return sum(e.sent for e in self.bodies(ending))


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = which = None

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(head=True)

    def do_GET(self):
        self.answer(head=False)

    def answer(self, head):
        path = urllib.parse.unquote(self.path.split("?")[0])
        self.entry = Entry(server=self.which, method=self.command, path=path, query=self.path.partition("?")[2], range=self.headers.get("Range"),
                           token=self.headers.get("Authorization"), status=0, sent=0, body=False, headers=dict(self.headers))
        self.hub.log.append(self.entry)
        self.head = head
        fault = self.hub.take_fault(path) if not head else ""
        if fault.startswith("status:"):
            _, code, *after = fault.split(":")
            return self.plain(int(code), {"Retry-After": after[0]} if after else {}, b"busy")
        if fault.startswith("packed:"):
            return self.plain(200, {"Content-Encoding": fault.partition(":")[2], "Content-Type": "application/json"}, bomb())
        if fault.startswith("redirect:"):
            return self.plain(302, {"Location": fault.partition(":")[2]}, b"this is no model")
        if self.which == "storage":
            content = self.hub.blobs.get(path.rsplit("/", 1)[-1])
            return self.content(content, {}, fault) if content is not None else self.plain(404, {}, b"")
        for pattern, method in ((r"/api/models/(.+)/revision/(.+)", self.listing), (r"/api/models/(.+)/tree/([^/]+)", self.tree), (r"/api/models/([^/]+/[^/]+)", self.listing), (r"/v2/(.+)/manifests/(.+)", self.manifest),
                                (r"/v2/(.+)/blobs/sha256:(.+)", self.layer), (r"/token", self.give_token), (r"/(.+)/resolve/([^/]+)/(.+)", self.resolve),
                                (r"/files/(.+)", self.file)):
            found = re.fullmatch(pattern, path)
            if found:
                return method(*found.groups(), fault=fault)
        return self.plain(404, {}, b"")

    # ---- answers

    def plain(self, code, headers, body):
        self.entry.status = code
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if not self.head:
            self.wfile.write(body)

    def json(self, value):
        self.plain(200, {"Content-Type": "application/json"}, json.dumps(value).encode())

    def content(self, content, headers, fault):
        self.entry.body = not self.head
        size = len(content)
        code, first, last = 200, 0, size - 1
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if asked and fault != "norange" and (self.headers.get("If-Range") in (None, headers.get("ETag"))):
            code, first, last = 206, int(asked[1]), min(int(asked[2] or size - 1), size - 1)
            headers = {**headers, "Content-Range": f"bytes {first}-{last}/{size}"}
        body = content[first:last + 1]
        if fault == "corrupt" and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        said = int(fault.split(":")[1]) if fault.startswith("length:") else len(body)
        self.entry.status = code
        self.send_response(code)
        for name, value in {"Content-Length": str(said), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if not self.head:
            self.send_body(body, fault)

    def send_body(self, body, fault):
        kind, _, number = fault.partition(":")
        end = int(number) if kind == "drop" else len(body) // 2 if kind == "hold" else len(body)
        step = int(number) if kind == "slow" else 1 << 16
        for at in range(0, min(end, len(body)), step):
            piece = body[at:min(at + step, end)]
            self.wfile.write(piece)
            self.entry.sent += len(piece)
            if kind == "slow":
                time.sleep(0.01)
        if kind == "hold":
            self.hub.release.wait(60)
        if kind in ("drop", "hold", "length"):
            self.close_connection = True
            self.wfile.flush()
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    # ---- a Hugging Face hub

    def allowed(self):
        return self.hub.token is None or self.entry.token == f"Bearer {self.hub.token}"

    def find(self, repository, revision):
        found = self.hub.repositories.get(repository)
        if found is None or not self.allowed():
            self.plain(401 if found else 404, {"X-Error-Code": "GatedRepo" if found else "RepoNotFound"}, b"")
            return None, None
        commit = found["refs"].get(revision, revision)
        if commit not in found["commits"]:
            self.plain(404, {"X-Error-Code": "RevisionNotFound"}, b"")
            return None, None
        return commit, found["commits"][commit]

    def listing(self, repository, revision="main", fault=""):
        if repository in self.hub.files:  # renamed
            return self.plain(307, {"Location": self.path.replace(repository, self.hub.files[repository])}, b"")
        commit, files = self.find(repository, revision)
        if commit:
            names = list(files) + self.hub.siblings_extra
            self.json({"_id": "1", "id": repository, "modelId": repository, "sha": commit, "private": False, "tags": [], "downloads": 0, "likes": 0,
                       "siblings": [{"rfilename": name} for name in names]})

    def tree(self, repository, revision, fault=""):
        commit, files = self.find(repository, revision)
        if commit:
            entries = []
            for name, content in files.items():
                entry = {"type": "file", "path": name, "size": len(content), "oid": git_sha1(content)}
                if len(content) >= LARGE:
                    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(content)}\nsize {len(content)}\n".encode()
                    entry.update(oid=git_sha1(pointer), lfs={"oid": sha256(content), "size": len(content), "pointerSize": len(pointer)})
                entries.append(entry)
            self.json(entries)

    def resolve(self, repository, revision, name, fault=""):
        if repository in self.hub.files:
            return self.plain(307, {"Location": self.path.replace(repository, self.hub.files[repository])}, b"")
        commit, files = self.find(repository, revision)
        if not commit:
            return None
        if name not in files:
            return self.plain(404, {"X-Error-Code": "EntryNotFound"}, b"")
        content = files[name]
        headers = {"X-Repo-Commit": commit}
        if len(content) < LARGE:
            return self.content(content, {**headers, "ETag": f'"{git_sha1(content)}"'}, fault)
        digest = sha256(content)
        headers.update({"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content)), "ETag": '"of the redirect"',
                        "Location": f"{self.hub.storage_url}/{name}/{digest}?signature=secret"})
        return self.plain(302, headers, b"Found. Redirecting")

    # ---- an Ollama registry

    def manifest(self, model, tag, fault=""):
        if self.hub.challenge and self.entry.token != "Bearer from the registry":
            return self.plain(401, {"WWW-Authenticate": self.hub.challenge}, b"")
        found = self.hub.manifests.get(f"{model}/{tag}")
        return self.json(found) if found else self.plain(404, {}, b"")

    def layer(self, model, digest, fault=""):
        return self.plain(307, {"Location": f"{self.hub.storage_url}/layer/{digest}"}, b"Temporary Redirect")

    def give_token(self, fault=""):
        self.json({"token": "from the registry"})

    # ---- files

    def file(self, name, fault=""):
        content = self.hub.files.get(name)
        return self.content(content, {"ETag": f'"{git_sha1(content)[:12]}"'}, fault) if content is not None else self.plain(404, {}, b"")
