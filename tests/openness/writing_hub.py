"""A hub that can be written to, on 127.0.0.1: tests/hub/server.py with preupload, Git LFS's batch API (one piece, or parts of PART bytes,
at the storage's origin), verify and commits. hub.fault works on these paths, too: "status:503", "close:N" (the connection ends after N
bytes of what is sent), "redirect:URL", "no etag"."""

import base64
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "hub"))
import server  # noqa: E402
from server import LARGE, git_sha1, sha256  # noqa: E402


class WritingHub(server.Hub):
    def __init__(self, part=None, **more):
        self.part, self.parts, self.puts, self.commits = part, {}, [], []
        self.writes = "hf_mayWrite"
        super().__init__(**more)
        for made, name in zip(self.servers, ("api", "storage")):
            made.RequestHandlerClass = type("Handler", (_Handler,), {"hub": self, "which": name})

    def files_of(self, name, branch="main"):
        repository = self.repositories[name]
        return repository["commits"][repository["refs"][branch]]


class _Handler(server._Handler):
    def do_POST(self):
        self.begin_write("POST")

    def do_PUT(self):
        self.begin_write("PUT")

    def begin_write(self, method):
        self.head = False
        path = self.path.partition("?")[0]
        self.entry = server.Entry(method=method, path=path, which=self.which, token=self.headers.get("Authorization"), status=0, sent=0, body=False,
                                  range=None, headers=dict(self.headers))
        self.hub.log.append(self.entry)
        fault = self.hub.take_fault(path)
        length = int(self.headers.get("Content-Length") or 0)
        if fault.startswith("close:"):
            self.rfile.read(min(length, int(fault.partition(":")[2])))
            self.close_connection = True
            self.connection.close()
            return None
        body = self.rfile.read(length)
        self.entry.received = len(body)
        if fault.startswith("status:"):
            return self.plain(int(fault.split(":")[1]), {"Retry-After": "0"}, b"{}")
        if fault.startswith("redirect:"):
            return self.plain(307, {"Location": fault.partition(":")[2]}, b"")
        if fault.startswith("answer:"):
            return self.plain(200, {}, fault.partition(":")[2].encode())
        if method == "PUT":
            return self.take_bytes(path, body, fault)
        if self.which == "api" and self.entry.token != f"Bearer {self.hub.writes}":
            return self.plain(401, {}, b"{}")
        for pattern, function in ((r"/api/repos/create", self.create), (r"/api/validate-yaml", self.validate), (r"/api/models/(.+)/preupload/(.+)", self.preupload), (r"/(.+)\.git/info/lfs/objects/batch", self.batch),
                                  (r"/complete/(.+)", self.complete), (r"/verify/(.+)", self.verify), (r"/api/models/(.+)/commit/(.+)", self.commit)):
            found = re.fullmatch(pattern, path)
            if found:
                return function(*found.groups(), body=body)
        return self.plain(404, {}, b"{}")

    # ---- storage

    def take_bytes(self, path, body, fault):
        self.hub.puts.append((path, len(body)))
        kind, oid, *number = path.strip("/").split("/")
        if kind == "whole":
            if sha256(body) != oid:
                return self.plain(400, {}, b"")
            self.hub.blobs[oid] = body
        else:
            self.hub.parts.setdefault(oid, {})[int(number[0])] = body
        return self.plain(200, {} if fault == "no etag" else {"ETag": f'"{sha256(body)[:16]}"'}, b"")

    # ---- the API

    def create(self, body):
        asked = json.loads(body)
        name = f"{asked.get('organization', 'me')}/{asked['name']}"
        if name in self.hub.repositories:
            return self.plain(409, {}, b'{"error": "there"}')
        self.hub.add_repository(name, {".gitattributes": b"*.safetensors filter=lfs\n"})
        return self.json({"url": f"{self.hub.url}/{name}"})

    def validate(self, body):
        return self.json({"errors": [], "warnings": []})

    def preupload(self, repository, revision, body):
        _, files = self.find(repository, revision)
        rows = []
        for asked in json.loads(body)["files"]:
            assert len(base64.b64decode(asked["sample"])) == min(512, asked["size"]), asked
            old = files.get(asked["path"])
            large = asked["size"] >= LARGE
            oid = None if old is None else sha256(old) if len(old) >= LARGE else git_sha1(old)
            rows.append({"path": asked["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False, "oid": oid})
        return self.json({"files": rows})

    def batch(self, repository, body):
        asked = json.loads(body)
        assert asked["operation"] == "upload" and asked["hash_algo"] == "sha256" and {"basic", "multipart"} <= set(asked["transfers"]), asked
        objects = []
        for o in asked["objects"]:
            made = dict(o)
            if o["oid"] not in self.hub.blobs:
                upload = {"href": f"{self.hub.storage_url}/whole/{o['oid']}?signature=secret"}
                if self.hub.part and o["size"] > self.hub.part:
                    count = -(-o["size"] // self.hub.part)
                    upload = {"href": f"{self.hub.url}/complete/{o['oid']}", "header": {"chunk_size": str(self.hub.part), **{
                        f"{n + 1:05d}" if n % 2 else str(n + 1): f"{self.hub.storage_url}/part/{o['oid']}/{n + 1}?signature=secret" for n in range(count)}}}
                made["actions"] = {"upload": upload, "verify": {"href": f"{self.hub.url}/verify/{o['oid']}"}}
            objects.append(made)
        return self.json({"transfer": "multipart" if self.hub.part else "basic", "objects": objects})

    def complete(self, oid, body):
        asked = json.loads(body)
        parts = self.hub.parts.get(oid, {})
        told = [(p["partNumber"], p["etag"]) for p in asked["parts"]]
        if asked["oid"] != oid or told != [(n, f'"{sha256(parts[n])[:16]}"') for n in sorted(parts)]:
            return self.plain(400, {}, b"{}")
        whole = b"".join(parts[n] for n in sorted(parts))
        if sha256(whole) != oid:
            return self.plain(400, {}, b"{}")
        self.hub.blobs[oid] = whole
        return self.json({})

    def verify(self, oid, body):
        asked = json.loads(body)
        good = oid in self.hub.blobs and asked == {"oid": oid, "size": len(self.hub.blobs[oid])}
        return self.plain(200 if good else 404, {}, b"{}")

    def commit(self, repository, branch, body):
        rows = [json.loads(line) for line in body.splitlines()]
        assert rows[0]["key"] == "header" and self.headers["Content-Type"] == "application/x-ndjson", rows[0]
        head, files = self.find(repository, branch)
        if rows[0]["value"].get("parentCommit", head) != head:  # huggingface_hub names none unless told to
            return self.plain(412, {}, b"{}")
        files = dict(files)
        for row in rows[1:]:
            value = row["value"]
            if row["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"], validate=True)
            else:
                assert row["key"] == "lfsFile" and value["algo"] == "sha256", row
                if value["oid"] not in self.hub.blobs:
                    return self.plain(400, {}, b"{}")
                files[value["path"]] = self.hub.blobs[value["oid"]]
        self.hub.commits.append(rows[0]["value"]["summary"])
        commit = self.hub.add_repository(repository, files, branch)
        return self.json({"commitOid": commit, "commitUrl": f"{self.hub.url}/{repository}/commit/{commit}"})
