#!/usr/bin/env python3
"""hearth pull against a local hub and registry (server.py), with faults. Prints TAP."""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from place import GOLDEN, Place, big, ended, files_under, gguf, model_files, read  # noqa: E402
from server import Hub, git_sha1, sha256  # noqa: E402
from tap import HEARTH, Skip, main, one_line, test, tiny  # noqa: E402


def wait_for(condition, process=None, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end and (process is None or process.poll() is None), "it did not come to that"
        time.sleep(0.01)


def parts_of(path):
    """What PATH.parts says: the file's size and how much of each segment has come."""
    raw = read(path + ".parts")
    magic, size, count = struct.unpack_from("<8sQQ", raw)
    assert magic == b"hearthP1"
    return size, list(struct.unpack_from(f"<{count}Q", raw, 88))


def has_come(partial):
    """Bytes of each segment that hearth has written by now; what the server sent may still be on its way."""
    try:
        return parts_of(partial)[1]
    except (OSError, struct.error, AssertionError):
        return [0]


# ---- a hub


@test
def a_new_user_pulls_and_runs():
    folder = tiny()
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/tiny", {name: read(folder, name) for name in os.listdir(folder)})
        one_line(place.run("run", "org/tiny", "-p", "Once", "-n", "4"), 1, "org/tiny", "hearth pull org/tiny fetches it")
        assert hub.log == [], "nothing may be asked without a yes"
        assert "org/tiny: 7 files" in place.good("pull", "org/tiny").out
        asked = ("-p", "Once", "-n", "4", "--seed", "3", "--raw")
        assert place.good("run", "org/tiny", *asked).out == place.good("run", folder, *asked).out
        made = json.loads(place.good("show", "org/tiny", "--json").out)
        assert made["parameters"] == 656000, made
        seen = len(hub.log)
        again = place.good("pull", "org/tiny")
        assert "all here before" in again.out and hub.sent() == sum(e.sent for e in hub.log[:seen]), again


@test
def run_asks_at_a_terminal_and_pulls():
    import pty_run

    folder = tiny()
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/tiny", {name: read(folder, name) for name in os.listdir(folder)})
        home = {k: v for k, v in place.env.items() if k not in os.environ or os.environ[k] != v}
        for answer, code, wanted in (("n\r", 1, "hearth pull org/tiny fetches it"), ("y\r", 0, "tokens")):
            session = pty_run.Session([HEARTH, "run", "org/tiny", "--raw", "-p", "Once", "-n", "4"], **home)
            session.expect("org/tiny is not on this machine. Fetch it? [Y/n] ")
            assert not hub.log, hub.log
            session.send(answer)
            session.expect(wanted)
            assert session.wait() == code, session.text()


@test
def the_cache_is_laid_out_as_hugging_face_does_it():
    files = model_files()
    with Hub() as hub, Place(hub) as place:
        commit = hub.add_repository("org/name", {**files, "sub/deep/config.json": b"{}"})
        made = json.loads(place.good("pull", "org/name", "--json").out)
        repository = place.repository("org/name")
        assert read(repository, "refs", "main") == commit.encode() and made["commit"] == commit and made["revision"] == "main"
        assert made["path"] == os.path.join(repository, "snapshots", commit)
        taken = {"config.json", "model.safetensors", "README.md"}
        assert set(files_under(made["path"])) == taken == {f["name"] for f in made["files"]}, made
        for name in taken:
            link = os.readlink(os.path.join(made["path"], name))
            digest = sha256(files[name]) if len(files[name]) >= 4096 else git_sha1(files[name])
            assert link == "../../blobs/" + digest and read(made["path"], name) == files[name]
        place.good("pull", "org/name:sub/deep/config.json")
        assert os.readlink(os.path.join(made["path"], "sub/deep/config.json")) == "../../../../blobs/" + git_sha1(b"{}")
        assert place.good("show", "org/name").out == place.good("show", "hf:org/name").out == place.good("show", f"org/name@{commit}").out
        assert not [b for b in place.blobs("org/name") if "partial" in b]


@test
def revisions_are_kept_apart():
    with Hub() as hub, Place(hub) as place:
        first = hub.add_repository("org/name", model_files())
        other = {**model_files(), "README.md": b"---\nlicense: mit\n---\n"}
        second = hub.add_repository("org/name", other, branch="refs/pr/1")
        place.good("pull", "org/name")
        place.good("pull", "org/name@refs/pr/1")
        place.good("pull", f"org/name@{second}")
        assert "apache-2.0" in place.good("show", "org/name").out and "mit" in place.good("show", "org/name@refs/pr/1").out
        assert "mit" in place.good("show", f"org/name@{second}").out
        assert hub.sent("model.safetensors") + hub.sent(sha256(other["model.safetensors"])) == len(other["model.safetensors"]), "shared blobs come once"
        assert {m["name"] for m in json.loads(place.good("list", "--json").out)} == {"org/name", "org/name@refs/pr/1"}
        one_line(place.run("pull", "org/name@nowhere"), 1, "404", "no such revision")
        one_line(place.run("show", "org/name@nowhere"), 1, "hearth pull org/name@nowhere fetches it")
        place.good("rm", "org/name@refs/pr/1")
        assert read(place.repository("org/name"), "refs", "main") == first.encode()
        place.good("show", "org/name")


@test
def shards_are_taken_from_the_index():
    folder = os.path.join(os.path.dirname(os.path.dirname(GOLDEN)), "formats", "golden", "sharded")
    files = {name: read(folder, name) for name in os.listdir(folder)}
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/sharded", {**files, "consolidated.safetensors": b"x" * 9000})
        made = json.loads(place.good("pull", "org/sharded", "--json").out)
        assert {f["name"] for f in made["files"]} == set(files), made
        assert made["bytes"] == sum(map(len, files.values())), made
        for evil in ("../evil.safetensors", "/etc/passwd", "nowhere.safetensors", 7):
            index = json.dumps({"weight_map": {"a": evil}}).encode()
            hub.add_repository("org/evil", {**files, "model.safetensors.index.json": index})
            one_line(place.run("pull", "org/evil"), 1, "model.safetensors.index.json: weight_map: expected names of files of the repository")


@test
def gguf_files_are_chosen_by_name():
    content = gguf()
    quantised = {f"m-{q}.gguf": content + q.encode() for q in ("Q8_0", "Q4_K_M", "Q4_K", "q5_k_m")}
    split = {f"big/x-0000{i}-of-00003.gguf": b"GGUF" + bytes([i]) * 5000 for i in (1, 2, 3)}
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/many", {**quantised, "mmproj-m-f16.gguf": b"GGUF" * 2000, "README.md": b"x"})
        hub.add_repository("org/split", split)
        hub.add_repository("org/odd", {"a.gguf": content, "b.gguf": content + b"b"})
        hub.add_repository("org/pickled", {"config.json": b"{}", "pytorch_model.bin": b"x" * 9000})

        def taken(name):
            return [f["name"] for f in json.loads(place.good("pull", name, "--json").out)["files"]]

        assert taken("org/many") == ["m-Q4_K_M.gguf"]
        assert taken("org/many:Q8_0") == taken("org/many:q8_0") == taken("org/many/m-Q8_0.gguf") == ["m-Q8_0.gguf"]
        assert taken("org/many:Q4_K") == ["m-Q4_K.gguf"] and taken("org/many:Q5_K_M") == ["m-q5_k_m.gguf"]
        assert taken("org/many:*.md") == ["README.md"]
        assert taken("org/split") == taken("org/split:big/x-00002-of-00003.gguf") == sorted(split)
        for name in ("org/many:Q8_0", "org/many/m-Q8_0.gguf", "org/many:m-Q8_0.gguf", "hf:org/many:q8_0"):
            assert json.loads(place.good("show", name, "--json").out)["path"].endswith("/m-Q8_0.gguf"), name
        one_line(place.run("pull", "org/odd"), 1, "org/odd: expected one GGUF file", "a.gguf, b.gguf")
        one_line(place.run("pull", "org/many:Q3_K_S"), 1, "Q3_K_S", "m-Q4_K_M.gguf")
        one_line(place.run("pull", "org/pickled"), 1, "expected model.safetensors", "pytorch_model.bin")
        rows = {m["name"]: m for m in json.loads(place.good("list", "--json").out)}
        assert set(rows) == {"org/many:" + n for n in quantised} | {"org/split"}, rows
        place.good("rm", "org/many:Q8_0")
        assert set(rows) - {m["name"] for m in json.loads(place.good("list", "--json").out)} == {"org/many:m-Q8_0.gguf"}
        assert sha256(quantised["m-Q8_0.gguf"]) not in place.blobs("org/many") and len(place.blobs("org/many")) == 4


@test
def the_token_stays_with_the_hub():
    with Hub() as hub, Place(hub) as place:
        hub.token = "hf_secret"
        hub.add_repository("org/private", model_files())
        one_line(place.run("pull", "org/private"), 1, "HTTP 401", "agree")
        place.good("pull", "org/private", HF_TOKEN="hf_secret")
        assert all(e.token == "Bearer hf_secret" for e in hub.log[1:] if e.server == "api") and len(hub.log) > 5
        assert [e.token for e in hub.log if e.server == "storage"] == [None]
        token = os.path.join(place.name, ".cache", "huggingface", "token")
        with open(token, "w", encoding="utf-8") as out:
            out.write("hf_secret\n")
        place.good("rm", "org/private")
        place.good("pull", "org/private")
        hub.fault("config.json", f"redirect:{hub.storage_url}/config/{git_sha1(model_files()['config.json'])}")
        hub.blobs[git_sha1(model_files()["config.json"])] = model_files()["config.json"]
        place.good("rm", "org/private")
        place.good("pull", "org/private")
        assert {e.token for e in hub.log if e.server == "storage"} == {None}
        one_line(place.run("pull", "org/private", HF_TOKEN="a\r\nX-Evil: b"), 1, "HF_TOKEN", "control characters")


@test
def renamed_repositories_are_followed_and_loops_are_not():
    with Hub() as hub, Place(hub, HF_TOKEN="t") as place:
        hub.add_repository("new/name", model_files())
        hub.files["old/name"] = "new/name"
        place.good("pull", "old/name")
        assert "apache-2.0" in place.good("show", "old/name").out
        assert {e.token for e in hub.log if e.server == "api"} == {"Bearer t"}
        hub.files["loop/name"] = "loop/name"
        one_line(place.run("pull", "loop/name"), 1, "more than 10 redirects")
        for target in ("file:///etc/passwd", "ftp://127.0.0.1/x"):
            hub.fault("revision/main", f"redirect:{target}")
            one_line(place.run("pull", "new/name"), 1, "redirect")


@test
def encryption_is_not_given_up():
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    with tempfile.TemporaryDirectory() as made:
        key = os.path.join(made, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", key], check=True, capture_output=True)
        with Hub(certificate=key) as hub, Place(hub) as place:
            hub.add_repository("org/name", {"config.json": b"{}", "model.safetensors": b"x" * 100})
            hub.add_repository("org/large", model_files())
            one_line(place.run("pull", "org/name", "--retries", "0"), 1, "certificate")
            assert "fetched" in place.good("pull", "org/name", SSL_CERT_FILE=key).out
            one_line(place.run("pull", "org/large", SSL_CERT_FILE=key), 1, "expected a redirect that stays encrypted")
            assert hub.sent(sha256(model_files()["model.safetensors"])) == 0


@test
def what_is_hostile_is_refused():
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/name", model_files())
        for name in ("../evil", "/etc/evil", "a/../../evil", "a//b", "./a", "a\\b", "a\nb", "a\u009bb", "x" * 600, "", ".."):
            hub.siblings_extra = [name]
            one_line(place.run("pull", "org/name"), 1, "listing: expected names of files inside the repository")
        hub.siblings_extra = []
        for name in ("../name", "org/../x", "hf:../../x", "org/name@../../x", "org/na--me", "hf:", "ollama:a/../../b", "ollama:..", "ollama:a:b/c", "org/.name", "a/b:../c"):
            assert place.run("pull", name).code in (1, 2), name
        assert all("evil" not in name and ".." not in name for name in files_under(place.name)), files_under(place.name)
        assert not [e for e in hub.log if ".." in e.path]


@test
def what_comes_packed_is_refused_and_not_unpacked():
    files = model_files()
    weights = sha256(files["model.safetensors"])
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/name", files)
        hub.add_ollama("library", "tiny", "latest", {"model": gguf()})
        hub.files["m.gguf"] = gguf()
        for kind in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "x" * 100):
            hub.fault("revision/main", f"packed:{kind}")
            one_line(place.run("pull", "-q", "org/name"), 1, f"Content-Encoding: expected identity, found {kind[:40]}")
        for path, name in ((weights, "org/name"), ("manifests/latest", f"ollama:http://{hub.host}/library/tiny"),
                           (sha256(gguf()), f"ollama:http://{hub.host}/library/tiny"), ("m.gguf", f"{hub.url}/files/m.gguf")):
            hub.fault(path, "packed:gzip")
            one_line(place.run("pull", "-q", name), 1, "Content-Encoding: expected identity, found gzip")
        hub.fault("revision/main", "packed:identity")
        one_line(place.run("pull", "-q", "org/name"), 1, "JSON: expected text")  # the bytes as they are
        assert sum(os.lstat(os.path.join(place.name, name)).st_size for name in files_under(place.name)) < 4 << 20
        place.good("pull", "org/name")


@test
def links_in_the_stores_are_not_written_through():
    """Somebody's links to a victim stand where pull writes: partial files, refs, manifests, links of a snapshot, blobs."""
    files = model_files()
    weights = sha256(files["model.safetensors"])
    with Hub() as hub, Place(hub) as place:
        commit = hub.add_repository("org/name", files)
        manifest = hub.add_ollama("library", "tiny", "latest", {"model": gguf()})
        digest = manifest["layers"][0]["digest"].replace(":", "-")
        victim = os.path.join(place.name, "victim")
        content = b"precious".ljust(len(files["model.safetensors"]), b".")
        folder = place.repository("org/name")
        name = f"ollama:http://{hub.host}/library/tiny"
        planted = ((f"{folder}/blobs/{weights}.hearth-partial", "org/name", False), (f"{folder}/blobs/{weights}.hearth-partial.parts", "org/name", False),
                   (f"{folder}/refs/main", "org/name", True), (f"{folder}/snapshots/{commit}/model.safetensors", "org/name", True),
                   (f"{place.ollama}/blobs/{digest}.hearth-partial", name, False),
                   (f"{place.ollama}/manifests/{hub.host}/library/tiny/latest", name, True))
        for wish in ("off", ""):  # with and without the kernel's help
            for path, model, done in planted:
                with open(victim, "wb") as out:
                    out.write(content)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.symlink(victim, path)
                ended = place.run("pull", model, HEARTH_CONFINE=wish)
                assert (ended.code == 0) == done, (path, ended)
                assert read(victim) == content, path
                if os.path.lexists(path) and not done:
                    os.unlink(path)
                shutil.rmtree(folder, ignore_errors=True)
                shutil.rmtree(place.ollama, ignore_errors=True)


@test
def a_blob_that_is_a_link_out_of_the_store_is_checked_and_never_removed_with_what_it_points_to():
    with Hub() as hub, Place(hub) as place:
        manifest = hub.add_ollama("library", "tiny", "latest", {"model": gguf()})
        name = f"ollama:http://{hub.host}/library/tiny"
        place.good("pull", name)
        blob = os.path.join(place.ollama, "blobs", manifest["layers"][0]["digest"].replace(":", "-"))
        elsewhere = os.path.join(place.name, "elsewhere")
        with open(elsewhere, "wb") as out:
            out.write(b"GGUF" + bytes(len(gguf()) - 4))
        os.unlink(blob)
        os.symlink(elsewhere, blob)
        one_line(place.run("show", name), 1, "byte 4: version")  # read as the file that it is
        place.good("pull", name, "--check")
        assert read(blob) == gguf() and not os.path.islink(blob)
        os.unlink(blob)
        os.symlink(elsewhere, blob)
        place.good("rm", name)
        place.good("prune", "--yes") if "--yes" in place.good("help", "prune").out else place.good("prune")
        assert read(elsewhere)[:4] == b"GGUF" and not os.path.lexists(blob)


@test
def wrong_content_never_appears():
    files = model_files()
    weights = sha256(files["model.safetensors"])
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/name", files)
        hub.fault(weights, "corrupt")
        one_line(place.run("pull", "org/name"), 1, "model.safetensors: expected SHA-256 " + weights)
        assert weights not in place.blobs("org/name") and not [b for b in place.blobs("org/name") if "partial" in b]
        assert not os.path.exists(os.path.join(place.repository("org/name"), "refs", "main"))
        one_line(place.run("show", "org/name"), 1, "hearth pull org/name fetches it")
        place.good("pull", "org/name")
        hub.add_repository("org/small", files)
        hub.fault("config.json", "corrupt")
        one_line(place.run("pull", "org/small"), 1, "config.json: expected git SHA-1 " + git_sha1(files["config.json"]))
        place.good("pull", "org/small")
        place.good("show", "org/small")


@test
def what_is_here_is_checked_when_asked():
    files = model_files()
    weights = sha256(files["model.safetensors"])
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/name", files)
        hub.files["m.gguf"] = gguf()
        place.good("pull", "org/name")
        place.good("pull", f"{hub.url}/files/m.gguf")
        for path in (os.path.join(place.repository("org/name"), "blobs", weights), os.path.join(place.store, "m.gguf")):
            with open(path, "r+b") as out:
                out.seek(5000)
                out.write(b"a bad disk")
        assert "all here before" in place.good("pull", "org/name").out
        made = json.loads(place.good("pull", "org/name", "--check", "--json").out)
        assert made["fetched_bytes"] == len(files["model.safetensors"]) and read(made["path"], "model.safetensors") == files["model.safetensors"]
        assert "all here before" in place.good("pull", "org/name", "--check").out
        one_line(place.run("pull", f"{hub.url}/files/m.gguf", "--check"), 1, "m.gguf: SHA-256: expected " + sha256(gguf()))


@test
def lengths_must_be_what_was_said():
    content = big(300_000)
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/big", {"big.gguf": content})
        hub.fault(sha256(content), "length:400000")
        one_line(place.run("pull", "org/big", "--retries", "2"), 1, "expected 300000 bytes, found 400000 bytes")
        hub.fault(sha256(content), "length:200000")
        one_line(place.run("pull", "org/big", "--retries", "2"), 1, "expected 300000 bytes, found 200000 bytes")
        place.good("pull", "org/big")


# ---- interruptions


@test
def a_killed_pull_goes_on_where_it_was():
    content = big()
    digest = sha256(content)
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/big", {"big.gguf": content})
        hub.fault(digest, "slow:20000*100")
        process = place.start("pull", "org/big", "-j", "4")
        partial = os.path.join(place.repository("org/big"), "blobs", digest + ".hearth-partial")
        wait_for(lambda: sum(has_come(partial)) > 1_000_000 and sum(d > 0 for d in has_come(partial)) == 4, process)
        process.kill()
        process.wait()
        process.communicate()
        hub.faults.clear()
        size, done = parts_of(partial)
        assert size == len(content) and len(done) == 5 and sum(done) > 1_000_000 and sum(d > 0 for d in done) == 4, done
        hub.log.clear()
        made = json.loads(place.good("pull", "org/big", "--json").out)
        assert hub.sent(digest) == len(content) - sum(done) == made["fetched_bytes"], (hub.sent(digest), done)
        assert read(made["path"], "big.gguf") == content and place.blobs("org/big") == [digest]


@test
def an_interrupted_pull_ends_at_once_and_goes_on_later():
    content = big()
    digest = sha256(content)
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/big", {"big.gguf": content})
        hub.fault(digest, "hold*100")
        process = place.start("pull", "org/big")
        partial = os.path.join(place.repository("org/big"), "blobs", digest + ".hearth-partial")
        wait_for(lambda: sum(has_come(partial)) > 1_000_000, process)
        process.send_signal(signal.SIGINT)
        made = ended(process)
        assert made.code == 130 and made.out == made.err == "", made
        _, done = parts_of(partial)
        hub.release.set()
        hub.faults.clear()
        hub.log.clear()
        place.good("pull", "org/big")
        assert hub.sent(digest) == len(content) - sum(done) < len(content), (hub.sent(digest), sum(done))


@test
def a_partial_file_that_lies_is_fetched_anew():
    content = big()
    digest = sha256(content)
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/big", {"big.gguf": content})
        hub.fault(digest, "drop:500000*100")
        one_line(place.run("pull", "org/big", "--retries", "0"), 1, "127.0.0.1")
        hub.faults.clear()
        partial = os.path.join(place.repository("org/big"), "blobs", digest + ".hearth-partial")
        with open(partial, "r+b") as out:
            out.write(b"power failure")
        made = json.loads(place.good("pull", "org/big", "--json").out)
        assert read(made["path"], "big.gguf") == content
        for damage in (b"", b"hearthP1", os.urandom(500)):
            place.good("rm", "org/big")
            hub.fault(digest, "drop:500000*100")
            place.run("pull", "org/big", "--retries", "0")
            hub.faults.clear()
            with open(partial + ".parts", "wb") as out:
                out.write(damage)
            assert read(json.loads(place.good("pull", "org/big", "--json").out)["path"], "big.gguf") == content


@test
def dropped_connections_are_taken_up():
    content = big()
    digest = sha256(content)
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/big", {"big.gguf": content})
        hub.fault(digest, "drop:300000*12")
        place.good("pull", "org/big")
        assert hub.sent(digest) == len(content) and len(hub.bodies(digest)) >= 12 + 5, "only what was missing came again"
        assert all(e.range for e in hub.bodies(digest))


@test
def a_busy_server_is_asked_again():
    content = big()
    digest = sha256(content)
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/big", {"big.gguf": content})
        hub.fault("revision/main", "status:429:0", "status:503")
        hub.fault(digest, "status:503:0*3", "status:500", "status:429:0")
        place.good("pull", "org/big")
        assert hub.sent(digest) == len(content)
        hub.fault("revision/main", "status:503*2")
        one_line(place.run("pull", "org/big", "--retries", "1"), 1, "HTTP 503")
        hub.fault("revision/main", "status:404")
        one_line(place.run("pull", "org/big"), 1, "HTTP 404")
    one_line(place.run("pull", "org/big", "--retries", "0"), 1, "127.0.0.1", "connect")


@test
def a_server_without_ranges_gives_it_whole():
    content = big(3_000_000)
    digest = sha256(content)
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/big", {"big.gguf": content})
        hub.fault(digest, "norange*100")
        made = json.loads(place.good("pull", "org/big", "--json").out)
        assert read(made["path"], "big.gguf") == content
        place.good("rm", "org/big")
        hub.faults.clear()
        hub.fault(digest, "drop:200000*100")
        place.run("pull", "org/big", "--retries", "0")
        hub.faults.clear()
        hub.fault(digest, "norange*100")
        assert read(json.loads(place.good("pull", "org/big", "--json").out)["path"], "big.gguf") == content


@test
def two_at_once_fetch_it_once():
    content = big()
    digest = sha256(content)
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/big", {"big.gguf": content})
        hub.fault(digest, "slow:50000*5")
        both = [place.start("pull", "org/big", "--json") for _ in range(2)]
        made = [ended(process) for process in both]
        assert [m.code for m in made] == [0, 0], made
        assert hub.sent(digest) == len(content)
        assert sorted(json.loads(m.out)["fetched_bytes"] for m in made) == [0, len(content)], made


@test
def a_full_disk_is_one_line_and_keeps_what_came():
    content = big()
    digest = sha256(content)
    with Hub() as hub, Place(hub) as place:
        disk = os.path.join(place.name, "disk")
        os.mkdir(disk)
        hub.add_repository("org/big", {"big.gguf": content})
        script = f'mount -t tmpfs -o size=4m none "{disk}" && mkdir "{disk}/hub" && "{HEARTH}" pull org/big; code=$?; ls -A "{disk}/hub/models--org--big/blobs"; exit $code'
        made = subprocess.run(["unshare", "-Urm", "sh", "-c", script], env={**place.env, "HF_HUB_CACHE": disk + "/hub"}, capture_output=True, timeout=60)
        err = made.stderr.decode()
        if "unshare" in err or "mount" in err:
            raise Skip("no file system of its own may be mounted here")
        assert made.returncode == 1 and err.count("\n") == 1 and "no space left for 6000000 bytes; what has come is kept" in err, made
        assert digest + ".hearth-partial" in made.stdout.decode(), made


# ---- a registry


@test
def ollama_models_are_pulled_into_ollamas_store():
    layers = {"config": b'{"model_format":"gguf"}', "model": gguf(), "template": b"{{ .Prompt }}", "system": b"Be brief.", "params": b'{"stop":["x"]}', "license": b"MIT"}
    with Hub() as hub, Place(hub) as place:
        manifest = hub.add_ollama("library", "tiny", "latest", layers)
        name = f"ollama:http://{hub.host}/library/tiny"
        one_line(place.run("show", name), 1, f"hearth pull {name} fetches it")
        made = json.loads(place.good("pull", name, "--json").out)
        assert made["fetched_bytes"] == sum(map(len, layers.values())) and made["name"] == name + ":latest", made
        assert json.loads(read(place.ollama, "manifests", hub.host, "library", "tiny", "latest")) == manifest
        for content in layers.values():
            assert read(place.ollama, "blobs", "sha256-" + sha256(content)) == content
        assert json.loads(place.good("show", name, "--json").out)["path"].endswith("sha256-" + sha256(layers["model"]))
        hub.add_ollama("library", "tiny", "other", {**layers, "system": b"Be long."})
        place.good("pull", name + ":other")
        assert hub.sent(sha256(layers["model"])) == len(layers["model"])
        rows = [m["name"] for m in json.loads(place.good("list", "--json").out)]
        assert rows == [f"ollama:{hub.host}/library/tiny:latest", f"ollama:{hub.host}/library/tiny:other"], rows
        place.good("rm", rows[0])
        assert not os.path.exists(os.path.join(place.ollama, "blobs", "sha256-" + sha256(b"Be brief.")))
        place.good("show", rows[1])
        place.good("rm", name + ":other")
        assert [f for f in files_under(place.ollama) if not f.startswith(".locks")] == []


@test
def what_else_is_in_the_cache_is_no_model():
    with Hub() as hub, Place(hub) as place:
        for folder, file in (("hashes", "0f"), ("trace", "00000.text"), ("mine", "config.json")):
            os.makedirs(os.path.join(place.name, ".cache", "openhearth", folder))
            with open(os.path.join(place.name, ".cache", "openhearth", folder, file), "w", encoding="utf-8") as out:
                out.write("{}")
        assert [m["name"] for m in json.loads(place.good("list", "--json").out)] == ["mine"]
        one_line(place.run("rm", "trace"), 1, "trace", "hearth list")


def serve(place, name, bodies):
    """What a server of this model answers to each, asked as OpenAI's clients do."""
    with subprocess.Popen([HEARTH, "serve", f"m={name}", "--port", "0", "--json"], env=place.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        try:
            url = json.loads(server.stdout.readline())["url"] + "v1/chat/completions"
            asked = [urllib.request.Request(url, json.dumps({"model": "m", **body}).encode()) for body in bodies]
            return [json.loads(urllib.request.urlopen(one, timeout=120).read()) for one in asked]
        finally:
            server.terminate()


@test
def what_an_ollama_model_brings_along_is_used():
    from tap import chat_gguf

    with Hub() as hub, Place(hub) as place:
        path = chat_gguf(place.name)
        params = {"temperature": 0.25, "top_k": 7, "stop": ["zzz", "\n\n"], "repeat_penalty": 1.5, "num_predict": 5, "num_ctx": 4096, "unknown": {}}
        hub.add_ollama("s", "chat", "1", {"model": read(path), "params": json.dumps(params).encode(), "system": "Sei kurz ☃.".encode()})
        hub.add_ollama("s", "bad", "1", {"model": read(path), "params": b'{"temperature": "hot"}'})
        name = f"ollama:http://{hub.host}/s/chat:1"
        place.good("pull", name)
        made = json.loads(place.good("run", name, "-p", "Once", "--json").out)
        assert made["stops"] == params["stop"] and made["max_tokens"] == 5 and made["tokens"]["answer"] <= 5, made
        assert {k: made["sampling"][k] for k in ("temperature", "top_k", "repetition_penalty", "penalty_window")} == \
            {"temperature": 0.25, "top_k": 7, "repetition_penalty": 1.5, "penalty_window": 64}, made
        plain = ("run", path, "-p", "Once", "--json", "--top-k", "7", "--repetition-penalty", "1.5", "--penalty-window", "64", "-n", "5", "--stop", "zzz", "--stop", "\n\n")
        wanted = json.loads(place.good(*plain, "-t", "0.25", "--system", "Sei kurz ☃.").out)
        assert made["text"] == wanted["text"] and made["tokens"] == wanted["tokens"], (made, wanted)
        given = json.loads(place.good("run", name, "-p", "Once", "--json", "-t", "0", "--stop", "q", "-n", "3", "--system", "x").out)
        assert given["sampling"]["temperature"] == 0 and given["stops"] == ["q"] and given["max_tokens"] == 3, given
        assert given["tokens"]["prompt"] < made["tokens"]["prompt"], (given, made)
        served = json.loads(place.good("run", path, "-p", "Once", "--json", "--top-k", "7", "--repetition-penalty", "1.5", "--penalty-window", "64",
                                       "-n", "9", "-t", "0", "--system", "Sei kurz ☃.").out)
        messages = [{"role": "user", "content": "Once"}]
        answers = serve(place, name, [{"messages": messages}, {"messages": messages, "temperature": 0, "max_tokens": 9, "stop": ["q"]},
                                      {"messages": [{"role": "system", "content": "x"}, *messages]}])
        assert answers[0]["choices"][0]["message"]["content"] == made["text"], (answers, made)
        assert answers[0]["usage"]["prompt_tokens"] == made["tokens"]["prompt"] and answers[0]["usage"]["completion_tokens"] <= 5, answers
        assert answers[1]["choices"][0]["message"]["content"] == served["text"], (answers, served)
        assert answers[2]["usage"]["prompt_tokens"] == given["tokens"]["prompt"], answers
        bad = f"ollama:http://{hub.host}/s/bad:1"
        place.good("pull", bad)
        one_line(place.run("run", bad, "-p", "x"), 1, "key temperature: expected a number from 0 to 100")


@test
def a_registrys_manifest_is_not_trusted():
    with Hub() as hub, Place(hub) as place:
        good = hub.add_ollama("library", "tiny", "latest", {"model": gguf()})
        name = f"ollama:http://{hub.host}/library/tiny"
        layer = good["layers"][0]
        for digest in ("sha256:../../../evil", "sha256:" + "a" * 63, "sha256:" + "A" * 64, "md5:" + "a" * 64, "sha256-" + "a" * 64, 7, "sha256:" + "a" * 64 + "/.."):
            hub.manifests["library/tiny/latest"] = {**good, "layers": [{**layer, "digest": digest}]}
            one_line(place.run("pull", name), 1, "layer 1: expected a digest")
        for size in (-1, "5", None, 2**60):
            hub.manifests["library/tiny/latest"] = {**good, "layers": [{**layer, "size": size}]}
            one_line(place.run("pull", name), 1, "layer 1: expected a size")
        hub.manifests["library/tiny/latest"] = {**good, "layers": []}
        one_line(place.run("pull", name), 1, "layers: expected one with a model")
        hub.manifests["library/tiny/latest"] = {**good, "layers": [{**layer, "size": layer["size"] - 5}]}
        one_line(place.run("pull", name, "--retries", "1"), 1, "length: expected")
        hub.manifests["library/tiny/latest"] = good
        hub.fault(layer["digest"].split(":")[1], f"redirect:{hub.storage_url}/layer/{sha256(gguf())}", "corrupt")
        hub.fault(sha256(gguf()), "corrupt")
        one_line(place.run("pull", name), 1, "expected SHA-256")
        assert not [f for f in files_under(place.ollama) if "manifests" in f]
        one_line(place.run("pull", name + ":nothing"), 1, "HTTP 404")


@test
def a_registrys_challenge_is_answered_at_home_alone():
    with Hub() as hub, Place(hub, HF_TOKEN="hf_secret") as place:
        hub.add_ollama("space", "tiny", "1", {"model": gguf()})
        name = f"ollama:http://{hub.host}/space/tiny:1"
        for realm in (f"{hub.storage_url}/token", "https://example.com/token", "/token"):
            hub.challenge = f'Bearer realm="{realm}",service="s",scope="repository:space/tiny:pull"'
            one_line(place.run("pull", name), 1, "WWW-Authenticate: expected a realm of the registry's own host")
        hub.challenge = f'Bearer realm="{hub.url}/token",service="s&x",scope="repository:space/tiny:pull"'
        place.good("pull", name)
        asked = [e for e in hub.log if e.path == "/token"]
        assert [e.query for e in asked] == ["service=s%26x&scope=repository%3Aspace%2Ftiny%3Apull"], asked
        assert {e.token for e in hub.log if e.server == "storage"} == {None} and "Bearer hf_secret" not in {e.token for e in hub.log}


# ---- URLs and paths


@test
def urls_go_to_the_local_store():
    content = big()
    with Hub() as hub, Place(hub) as place:
        hub.files["a model.gguf"] = content
        url = f"{hub.url}/files/a%20model.gguf"
        hub.fault("a model.gguf", "slow:20000*100")
        process = place.start("pull", url + "?token=secret")
        partial = os.path.join(place.store, ".partial", "a model.gguf.hearth-partial")
        wait_for(lambda: sum(has_come(partial)) > 1_000_000, process)
        process.kill()
        process.communicate()
        hub.faults.clear()
        _, done = parts_of(partial)
        hub.log.clear()
        place.good("pull", url + "?token=secret")
        assert hub.sent("a model.gguf") == len(content) - sum(done) < len(content)
        assert read(place.store, "a model.gguf") == content
        kept = json.loads(read(place.store, ".sources", "a model.gguf.json"))
        assert kept["source"] == url and kept["sha256"] == sha256(content), kept
        assert "all here before" in place.good("pull", url).out
        hub.files["sub/a model.gguf"] = content
        one_line(place.run("pull", f"{hub.url}/files/sub/a%20model.gguf"), 1, "a model.gguf", "hearth rm")
        assert [m["name"] for m in json.loads(place.good("list", "--json").out)] == ["a model"]
        place.good("rm", "a model")
        assert files_under(place.store) == [".locks/a model.gguf.lock"], files_under(place.store)


@test
def a_file_that_changed_meanwhile_is_fetched_anew():
    old, new = big(seed=1), big(seed=2)
    with Hub() as hub, Place(hub) as place:
        hub.files["m.gguf"] = old
        hub.fault("m.gguf", "drop:300000*100")
        one_line(place.run("pull", f"{hub.url}/files/m.gguf", "--retries", "0"), 1, "127.0.0.1")
        hub.faults.clear()
        hub.files["m.gguf"] = new
        place.good("pull", f"{hub.url}/files/m.gguf")
        assert read(place.store, "m.gguf") == new


@test
def urls_are_held_to_what_is_known_of_them():
    content = gguf()
    with Hub() as hub, Place(hub) as place:
        hub.files.update({"m.gguf": content, "page.gguf": b"<html>Sign in</html>", "m.bin": content})
        url = f"{hub.url}/files/m.gguf"
        one_line(place.run("pull", url, "--sha256", "0" * 64), 1, "expected " + "0" * 64)
        one_line(place.run("pull", url, "--sha256", "xyz"), 2, "--sha256")
        assert not os.path.exists(os.path.join(place.store, "m.gguf"))
        place.good("pull", url, "--sha256", sha256(content))
        assert json.loads(place.good("show", url, "--json").out) == json.loads(place.good("show", "m", "--json").out)
        one_line(place.run("pull", f"{hub.url}/files/page.gguf"), 1, "expected a GGUF file")
        one_line(place.run("pull", f"{hub.url}/files/m.bin"), 1, "GGUF")
        one_line(place.run("pull", f"{hub.url}/files/none.gguf"), 1, "HTTP 404")
        for url in ("http://127.0.0.1", "http://127.0.0.1/", "https:///x.gguf", "http://127.0.0.1/..", "http://127.0.0.1/%2e%2e%2fx.gguf"):
            assert place.run("pull", url, "--retries", "0").code == 1, url
        assert set(os.listdir(place.store)) == {".locks", ".partial", ".sources", "m.gguf"}, os.listdir(place.store)


@test
def paths_are_copied():
    with Hub() as hub, Place(hub) as place:
        path = os.path.join(GOLDEN, "llama-gqa.gguf")
        assert "llama-gqa: 1 file" in place.good("pull", path).out
        assert read(place.store, "llama-gqa.gguf") == gguf()
        assert "all here before" in place.good("pull", path).out
        place.good("show", "llama-gqa")
        one_line(place.run("pull", GOLDEN), 1, "a folder is used where it lies")
        one_line(place.run("pull", "/nonexistent/x.gguf"), 1, "/nonexistent/x.gguf")
        one_line(place.run("pull", "just-a-name"), 1, "just-a-name: expected ORG/NAME, hf:NAME, ollama:NAME, a URL or a path")
        assert hub.log == []


# ---- what is here


@test
def an_endpoint_that_is_not_encrypted_is_told():
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/name", model_files())
        def told(name, url, *more):   # nothing is asked, so that no name is looked up
            ended = place.run("pull", name, *more, HF_ENDPOINT=url, HF_HUB_OFFLINE="1")
            assert ended.code == 1 and ended.out == "", ended
            return [line for line in ended.err.splitlines() if "HF_ENDPOINT" in line]
        for url in ("http://hub.invalid", "HTTP://me:secret@hub.invalid:8000/", "http://127.0.0.1.hub.invalid"):
            lines = told("org/name", url)
            assert len(lines) == 1 and "not encrypted" in lines[0] and "hub.invalid" in lines[0] and "secret" not in lines[0], lines
        assert told("org/name", "http://hub.invalid", "-q") == []
        assert told("ollama:name", "http://hub.invalid") == []
        for url in ("https://hub.invalid", "http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"):
            assert told("org/name", url) == [], url
        assert "HF_ENDPOINT" not in place.good("pull", "org/name").err


@test
def offline_nothing_is_asked():
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/name", model_files())
        for variable, value in (("HF_HUB_OFFLINE", "1"), ("HF_HUB_OFFLINE", "True"), ("TRANSFORMERS_OFFLINE", "yes")):
            one_line(place.run("pull", "org/name", **{variable: value}), 1, "HF_HUB_OFFLINE is set: nothing is fetched")
        assert hub.log == []
        place.good("pull", "org/name", HF_HUB_OFFLINE="0")
        place.good("show", "org/name", HF_HUB_OFFLINE="1")


@test
def without_links_files_lie_in_the_snapshot():
    with Hub() as hub, Place(hub, HF_HUB_DISABLE_SYMLINKS="1") as place:
        hub.add_repository("org/name", model_files())
        path = json.loads(place.good("pull", "org/name", "--json").out)["path"]
        assert not any(os.path.islink(os.path.join(path, name)) for name in os.listdir(path)) and place.blobs("org/name") == []
        sent = hub.sent()
        assert "all here before" in place.good("pull", "org/name").out and hub.sent() == sent


@test
def prune_removes_what_nobody_uses():
    content = big()
    digest = sha256(content)
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/big", {"big.gguf": content})
        hub.add_repository("org/name", model_files())
        place.good("pull", "org/name")
        hub.fault(digest, "drop:500000*100")
        place.run("pull", "org/big", "--retries", "0")
        blobs = os.path.join(place.repository("org/name"), "blobs")
        with open(os.path.join(blobs, "0" * 64), "wb") as out:
            out.write(b"x" * 5000)
        assert "0 files" in place.good("prune").out, "what is young stays"
        one_line(place.run("prune", "--hours", "-1"), 2, "--hours takes a whole number from 0 to 1000000")
        told = json.loads(place.good("prune", "--hours", "0", "--dry-run", "--json").out)
        partial = os.path.join(place.repository("org/big"), "blobs", digest + ".hearth-partial")
        assert set(told["paths"]) == {partial, partial + ".parts", os.path.join(blobs, "0" * 64)} and not told["removed"], told
        assert all(os.path.exists(path) for path in told["paths"])
        done = json.loads(place.good("prune", "--hours", "0", "--json").out)
        assert done["paths"] == told["paths"] and done["bytes"] == told["bytes"] and not any(os.path.exists(p) for p in told["paths"]), done
        place.good("show", "org/name")


@test
def prune_and_rm_leave_alone_what_is_being_fetched():
    content = big()
    digest = sha256(content)
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/big", {"a.gguf": gguf(), "big.gguf": content})
        place.good("pull", "org/big:a.gguf")
        hub.fault(digest, "hold*100")
        process = place.start("pull", "org/big:big.gguf")
        wait_for(lambda: hub.sent(digest) > 1_000_000, process)
        one_line(place.run("rm", "org/big"), 1, "another process")
        pruned = json.loads(place.good("prune", "--hours", "0", "--json").out)
        assert pruned["paths"] == [], pruned
        hub.faults.clear()
        hub.release.set()
        made = ended(process)
        assert made.code == 0, made
        one_line(place.run("rm", "org/none"), 1, "org/none: expected one of the names in hearth list")


main()
