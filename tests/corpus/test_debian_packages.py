#!/usr/bin/env python3
"""Sources of kind debian, and hearth corpus fetch from a mirror on 127.0.0.1. Prints TAP."""

import contextlib
import gzip
import hashlib
import http.server
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from deb import FORMAT, FREE, deb, file_name, line  # noqa: E402
from tap import HEARTH, environment, hearth, main, one_line, test  # noqa: E402

REST = """tokenizer: {kind: bpe, vocab_size: 300, pretokenizer: gpt-2, special: ["<|end|>"]}
model: {family: llama, layers: 1, width: 32, heads: 2, kv_heads: 2, mlp: 64, context: 64, tied: true, rope_theta: 10000}
train: {format: f32, steps: 1, sequences: 1, length: 16, micro_batches: 1, optimizer: adamw, learning_rate: 0.1, schedule: constant,
  checkpoint_steps: 1}
"""
PAGE = ".TH X 1\n.SH NAME\nx \\- a page\n"
PAGE_TEXT = "X(1)\n\nNAME\nx - a page\n"


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Place(tempfile.TemporaryDirectory):
    """A recipe over packages, by name and version."""

    def __init__(self, packages, held_out=0, rules="rules: [utf8_repair]\n", **more):
        super().__init__(prefix="hearth-debian-")
        self.packages, self.mirror = packages, more.get("mirror", "")
        self.list = "# packages\n" + "".join(line(*key, data) for key, data in sorted(packages.items()))
        os.mkdir(self.path("debs"))
        for key, data in packages.items():
            self.write(os.path.join("debs", file_name(*key)), data)
        self.write("packages.txt", self.list.encode())
        digest = hashlib.sha256(self.list.encode()).hexdigest()
        mirror = f"    mirror: {self.mirror}\n" if self.mirror else ""
        self.write("recipe.yaml", (f"recipe: 1\nname: small\nlicence: CC0-1.0\ncontract: 1\nseed: 3\nheld_out: {held_out}\nsources:\n"
                                   f"  - name: packages\n    kind: debian\n    path: debs\n    packages: packages.txt\n    sha256: {digest}\n{mirror}"
                                   f"    language: en\n{rules}{REST}").encode())

    def __enter__(self):
        return self

    def path(self, name):
        return os.path.join(self.name, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as out:
            out.write(data)

    def build(self, **more):
        return hearth("corpus", "build", self.path("recipe.yaml"), "-o", self.path("corpus"), "-q", **more)

    def documents(self):
        """The manifest's rows by place, with the kept documents' texts."""
        made = self.build()
        assert made.code == 0, made
        rows = {}
        for name in ("manifest.jsonl.zst", *sorted(os.path.join("documents", n) for n in os.listdir(self.path("corpus/documents")))):
            lines = subprocess.run(["zstd", "-dcq", self.path("corpus/" + name)], capture_output=True, check=True).stdout.splitlines()
            for record in map(json.loads, lines):
                rows[record["metadata"]["place"]] = {**rows.get(record["metadata"]["place"], {}), **record["metadata"], "text": record.get("text")}
        return rows


@test
def documents_come_out_of_packages():
    description = "Description: a small thing\n It does this\n and that.\n .\n  - one\n  - two\n"
    files = {
        "usr/bin/x": "#!/bin/sh\n", "usr/share/man/man1/x.1.gz": gzip.compress(PAGE.encode()), "usr/share/man/de/man1/x.1": PAGE,
        "usr/share/doc/x/README": "Read me.\n", "usr/share/doc/x/guide.html": "<html><body><p>A <b>guide</b></p></body></html>",
        "usr/share/doc/x/notes.txt.gz": gzip.compress(b"Notes.\n"), "usr/share/doc/x/changelog.gz": gzip.compress(b"no"),
        "usr/share/doc/x/picture.png": "no", "usr/share/doc/x/broken.txt.gz": gzip.compress(os.urandom(3000))[:-2000],
        "usr/share/man/man1/y.1.gz": ("link", "x.1.gz"), "usr/share/man/man1/z.1": ".so man1/x.1\n"}
    for pack in (gzip.compress, bytes):
        with Place({("x", "1:2.0-1"): deb("x", "1:2.0-1", files, description, pack=pack)}) as place:
            rows = place.documents()
            name = "x_1%3a2.0-1_all.deb:"
            texts = {key[len(name):]: row["text"] for key, row in rows.items() if row["fate"] == "kept"}
            assert texts == {"control": "x - a small thing\nIt does this and that.\n\n - one\n - two", "usr/share/man/man1/x.1.gz": PAGE_TEXT,
                             "usr/share/man/de/man1/x.1": PAGE_TEXT, "usr/share/doc/x/README": "Read me.\n", "usr/share/doc/x/guide.html": "A guide",
                             "usr/share/doc/x/notes.txt.gz": "Notes.\n"}, texts
            assert rows[name + "usr/share/doc/x/broken.txt.gz"]["fate"] == "unreadable", rows
            assert rows[name + "usr/share/man/man1/z.1"]["fate"] == "empty" and len(rows) == 8, rows
            assert rows[name + "usr/share/man/de/man1/x.1"]["language"] == "de" and rows[name + "control"]["language"] == "en"
            page = rows[name + "usr/share/man/man1/x.1.gz"]
            assert page["license"] == "GPL-2.0-or-later" and page["license_evidence"] == "usr/share/doc/x/copyright: Files: *, line 3", page


@test
def licences_decide():
    rules = "rules: [utf8_repair, {rule: licence_allow, licences: [GPL-2.0-or-later, ISC]}]\n"
    two = FREE + "\nFiles: doc/*\nLicense: My-own\n\nFiles: debian/*\nLicense: ISC\n"
    page = {"usr/share/man/man1/p.1": PAGE}
    packages = {
        ("free", "1"): deb("free", "1", {"usr/share/doc/free/README.Debian": "Packaged.\n", "usr/share/doc/free/a.txt": "Guide.\n"}, copyright_file=two),
        ("linked", "1"): deb("linked", "1", {**page, "usr/share/doc/linked": ("link", "free")}, copyright_file=None),
        ("none", "1"): deb("none", "1", page, copyright_file=None),
        ("plain", "1"): deb("plain", "1", page, copyright_file="It is free, believe me.\n"),
        ("partly", "1"): deb("partly", "1", page, copyright_file=FORMAT + "Files: src/*\nLicense: ISC\n")}
    with Place(packages, rules=rules) as place:
        rows = {key.split(":", 1)[1]: row for key, row in place.documents().items() if key.startswith("free")}
        assert rows["usr/share/doc/free/README.Debian"]["license"] == "ISC" and rows["usr/share/doc/free/README.Debian"]["fate"] == "kept", rows
        assert rows["usr/share/doc/free/a.txt"]["fate"] == "licence_allow" and rows["usr/share/doc/free/a.txt"]["license"] == "LicenseRef-My-own"
    with Place(packages, rules=rules) as place:
        rows = {key.split("_")[0]: row for key, row in place.documents().items() if key.endswith("p.1")}
        reasons = {"linked": "is a link to another package's: free", "none": "is not in the package", "plain": "is not machine-readable",
                   "partly": "no paragraph for this file"}
        assert set(rows) == set(reasons), rows
        for name, why in reasons.items():
            assert rows[name]["fate"] == "licence_allow" and rows[name]["license"] == "NOASSERTION" and why in rows[name]["license_evidence"], rows[name]


@test
def whole_source_packages_are_held_out():
    def page(n):
        return f".TH P{n} 1\n.SH NAME\np{n} \\- page {n}\n"

    packages = {(f"p{i:02}", "1"): deb(f"p{i:02}", "1", {f"usr/share/man/man1/p{i}-{k}.1": page(10 * i + k) for k in range(5)},
                                       f"Source: s{i // 2} (1.0)\n") for i in range(40)}
    with Place(packages, held_out=0.3) as place:
        splits = {}
        for key, row in place.documents().items():
            splits.setdefault(int(key[1:3]) // 2, set()).add(row["split"])
        assert len(splits) == 20 and all(len(s) == 1 for s in splits.values()), splits
        held = {source for source, s in splits.items() if s == {"held-out"}}
        ours = {i for i in range(20) if int(hashlib.sha256(f"s{i}".encode()).hexdigest()[:16], 16) / 2**64 < 0.3}
        assert held == ours and 0 < len(held) < 20, (held, ours)


@test
def other_packages_are_refused():
    one, two = deb("one", "1", {"usr/share/man/man1/p.1": PAGE}), deb("two", "1", {})
    with Place({("one", "1"): one, ("two", "1"): two}) as place:
        changed = bytearray(one)
        changed[200] ^= 1
        place.write("debs/one_1_all.deb", changed)
        one_line(place.build(), 1, "debs/one_1_all.deb", f"expected SHA-256 {hashlib.sha256(one).hexdigest()}", hashlib.sha256(changed).hexdigest())
        place.write("debs/one_1_all.deb", one + b"x")
        one_line(place.build(), 1, "debs/one_1_all.deb", f"expected {len(one)} bytes", "another size")
        place.write("debs/one_1_all.deb", one)
        os.remove(place.path("debs/two_1_all.deb"))
        one_line(place.build(), 1, "two_1_all.deb", "expected a package of the list (hearth corpus fetch gets it)", "two 1")
        lacks = hearth("recipe", "check", place.path("recipe.yaml"), "--json")
        assert lacks.code == 1 and "1 package of the list, the first is" in lacks.out and "two_1_all.deb" in lacks.out, lacks
        place.write("debs/two_1_all.deb", two)
        place.write("packages.txt", place.list.encode() + b"#\n")
        one_line(place.build(), 1, "packages.txt", "expected SHA-256 " + hashlib.sha256(place.list.encode()).hexdigest())
        assert not os.path.exists(place.path("corpus"))


@test
def what_is_no_package_is_told():
    good = deb("x", "1", {"usr/share/man/man1/p.1": PAGE})
    for data, words in ((b"no archive at all, but long enough", "x_1_all.deb"), (b"!<arch>\n" + good[8:72], "control.tar is missing"),
                        (good[:len(good) - 100], "x_1_all.deb"), (b"!<arch>\n", "x_1_all.deb")):
        with Place({("x", "1"): data}) as place:
            one_line(place.build(), 1, words)


# ---- fetching


class Mirror(http.server.BaseHTTPRequestHandler):
    files, asked, hold = {}, [], None

    def do_GET(self):
        data = self.files.get(self.path)
        asked = self.headers.get("Range", "bytes=0-").split("=")[1].split("-")
        first = int(asked[0])
        self.asked.append((self.path, first))
        if data is None:
            self.send_error(404)
            return
        self.send_response(206 if "Range" in self.headers else 200)
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {first}-{int(asked[1] or len(data) - 1)}/{len(data)}")
        self.send_header("Content-Length", str(int(asked[1] or len(data) - 1) + 1 - first))
        self.end_headers()
        last = int(asked[1] or len(data) - 1) + 1
        with contextlib.suppress(OSError):
            half = first + (last - first) // 2
            self.wfile.write(data[first:half])
            self.wfile.flush()
            if self.hold is not None:
                self.hold.wait(60)
            self.wfile.write(data[half:last])

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def mirror(packages, without=()):
    """The packages, as an archive has them; two of the lists' hashes are others' business."""
    served = {}
    for (name, version), data in packages.items():
        if name not in without:
            served[f"/debian/pool/main/{name[0]}/{name}/{name}_{version.split(':')[-1]}_all.deb"] = data
    handler = type("Handler", (Mirror,), {"files": served, "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/debian", handler
        server.shutdown()


def fetch(place, *arguments, **more):
    clean = {k: v for k, v in environment().items() if not k.lower().endswith("_proxy")}
    return hearth("corpus", "fetch", place.path("recipe.yaml"), *arguments, env={**clean, **more})


@test
def packages_are_fetched():
    packages = {("one", "1:2+b1"): deb("one", "1:2+b1", {"usr/share/man/man1/p.1": PAGE}), ("two", "1~rc"): deb("two", "1~rc", {})}
    with mirror(packages) as (url, handler), Place(packages, mirror=url) as place:
        made = fetch(place, "-o", place.path("there"), "-q")
        assert made.code == 0 and "2 packages, 2 fetched" in made.out, made
        for key, data in packages.items():
            assert read(os.path.join(place.path("there"), file_name(*key))) == data
        asked = len(handler.asked)
        place.write("there/two_1~rc_all.deb", b"changed" + packages["two", "1~rc"][7:])
        again = fetch(place, "-o", place.path("there"), "-q", "--json")
        assert json.loads(again.out)["fetched"] == 1 and len(handler.asked) == asked + 1, (again, handler.asked)
        assert "2 packages, 0 fetched" in fetch(place, "-q").out  # where the recipe has them
    with mirror(packages, without=["one"]) as (url, _), Place(packages) as place:
        gone = fetch(place, "-o", place.path("there"), "-q", "--mirror", url + "/")
        assert gone.code == 1 and "1 packages, 1 fetched" in gone.out and f"gone      one 1:2+b1: not at {url}/pool/main/o/one/one_2+b1_all.deb" in gone.out, gone
        by_environment = json.loads(fetch(place, "-o", place.path("there"), "-q", "--json", HEARTH_DEBIAN_MIRROR=url).out)
        assert [row["package"] for row in by_environment["gone"]] == ["one"] and by_environment["fetched"] == 0, by_environment
        assert sorted(os.listdir(place.path("there"))) == [".hearth-lock", "two_1~rc_all.deb"]


@test
def a_mirror_that_nobody_reaches_is_told_at_once():
    packages = {("one", "1"): deb("one", "1", {"usr/share/man/man1/p.1": PAGE})}
    with Place(packages) as place, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))   # a port at which nobody listens
        clean = {k: v for k, v in environment().items() if not k.lower().endswith("_proxy")}
        running = subprocess.Popen([HEARTH, "corpus", "fetch", place.path("recipe.yaml"), "-o", place.path("there"), "--mirror",
                                    f"http://127.0.0.1:{taken.getsockname()[1]}"], env=clean, stderr=subprocess.PIPE, text=True)
        told = running.stderr.readline()   # while it tries on
        trying = running.poll() is None
        running.send_signal(signal.SIGINT)
        rest = running.communicate(timeout=60)[1]
        assert trying and "one_1_all.deb" in told and "connect" in told and "again in 0.25 s" in told, (told, rest)


@test
def a_place_that_vanishes_is_not_a_package_that_is_gone():
    packages = {("one", "1"): deb("one", "1", {"usr/share/man/man1/p.1": PAGE})}
    with mirror(packages) as (url, handler), Place(packages) as place:
        there = place.path("there")
        handler.do_GET = lambda self: (shutil.rmtree(there), Mirror.do_GET(self))
        one_line(fetch(place, "-o", there, "-q", "--mirror", url), 1, "there/one_1_all.deb", "No such file")
    with mirror({}) as (url, handler), Place(packages) as place:
        handler.do_GET = lambda self: self.send_error(410)
        gone = fetch(place, "-o", place.path("there"), "-q", "--mirror", url)
        assert gone.code == 1 and "gone      one 1: not at" in gone.out, gone


@test
def other_bytes_are_not_kept():
    packages = {("one", "1"): deb("one", "1", {"usr/share/man/man1/p.1": PAGE})}
    changed = {("one", "1"): packages["one", "1"][:-1] + b"\x55"}
    with mirror(changed) as (url, _), Place(packages) as place:
        one_line(fetch(place, "-o", place.path("there"), "-q", "--mirror", url), 1, "one_1_all.deb", hashlib.sha256(packages["one", "1"]).hexdigest())
        assert os.listdir(place.path("there")) == [".hearth-lock"]
        one_line(fetch(place, "-q", "--mirror", "ftp://example.org"), 1, "mirror", "an http or https address")
        place.write("packages.txt", b"#\n" + place.list.encode())
        one_line(fetch(place, "-q", "--mirror", url), 1, "packages.txt", "SHA-256")


@test
def a_fetch_goes_on_where_it_ended():
    data = deb("one", "1", {"usr/share/doc/one/README": os.urandom(3_000_000)}, pack=bytes)
    with mirror({("one", "1"): data}) as (url, handler), Place({("one", "1"): data}) as place:
        handler.hold = threading.Event()
        clean = {k: v for k, v in environment().items() if not k.lower().endswith("_proxy")}
        running = subprocess.Popen([HEARTH, "corpus", "fetch", place.path("recipe.yaml"), "-o", place.path("there"), "-q", "--mirror", url], env=clean,
                                   stderr=subprocess.DEVNULL)
        parts = place.path("there/one_1_all.deb.hearth-partial.parts")
        end = time.monotonic() + 60
        while not (os.path.exists(parts) and sum(struct.unpack_from("<3Q", read(parts).ljust(112, b"\0"), 88)) > 500_000):
            assert time.monotonic() < end and running.poll() is None, "nothing came"
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
        handler.hold.set()
        assert not os.path.exists(place.path("there/one_1_all.deb"))
        made = json.loads(fetch(place, "-o", place.path("there"), "-q", "--json", "--mirror", url).out)
        assert made["fetched"] == 1 and made["fetched_bytes"] <= len(data) - 500_000, made
        assert read(place.path("there/one_1_all.deb")) == data


def carried(place):
    """A model alone, made of the place's packages, and a folder with their list."""
    trained = hearth("train", place.path("recipe.yaml"), "-o", place.path("run"), "-q", timeout=300)
    assert trained.code == 0, trained
    shutil.copytree(place.path("run/model"), place.path("away/model"))
    os.mkdir(place.path("list"))
    shutil.copy(place.path("packages.txt"), place.path("list"))
    return place.path("away/model"), place.path("list")


def traced(place, name, sources, *arguments):
    clean = {k: v for k, v in environment(XDG_CACHE_HOME=place.path("cache")).items() if not k.lower().endswith("_proxy")}
    return hearth("trace", "answer", name, "a page", "--sources", sources, "--max-tokens", "12", "--temperature", "1", "--share", "1", *arguments, env=clean)


@test
def an_answer_is_traced_to_its_packages():
    packages = {("one", "1:2"): deb("one", "1:2", {"usr/share/man/man1/p.1": PAGE, "usr/share/doc/one/words.txt": "every letter: abcdefghijklmnopqrstuvwxyz " * 9}),
                ("two", "1"): deb("two", "1", {"usr/share/doc/two/guide.txt": "A guide of the other package, which says more.\n" * 5})}
    with mirror(packages) as (url, handler), Place(packages) as place:
        name, sources = carried(place)
        made = traced(place, name, sources, "--mirror", url, "--json")
        assert made.code == 0 and "fetches the Debian packages" in made.err and len(handler.asked) == 2, (made.code, made.err, handler.asked)
        documents = [d for s in json.loads(made.out)["trace"]["spans"] for d in s["documents"]]
        assert documents and {d["place"].split("_")[0] for d in documents} <= {"one", "two"}, documents
        assert all(d["licence"] == "GPL-2.0-or-later" and d["evidence"].endswith("copyright: Files: *, line 3") for d in documents), documents
        text = traced(place, name, sources, "-q")
        assert text.err == "" and len(handler.asked) == 2 and ("package one 1:2, usr/" in text.out or "package two 1, usr/" in text.out), text
        left = [f for _, _, files in os.walk(place.path("cache")) for f in files if f.endswith(".deb")]
        assert left == [], left
    with mirror(packages, without=["two"]) as (url, _), Place(packages) as place:
        name, sources = carried(place)
        gone = traced(place, name, sources, "--mirror", url)
        assert gone.code == 1 and gone.out == "" and "gone      two 1: not at" in gone.err and "snapshot.debian.org" in gone.err.splitlines()[-1], gone
        one_line(traced(place, name, sources, "--mirror", url, "-q"), 1, "snapshot.debian.org")
        one_line(traced(place, name, place.path("away")), 1, "packages.txt", "--sources")


main()
