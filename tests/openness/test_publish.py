#!/usr/bin/env python3
"""hearth publish: folders, and a local hub that is written to (writing_hub.py), with faults. Prints TAP."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "cli"), os.path.join(os.path.dirname(HERE), "hub")]
from place import files_under, read  # noqa: E402
from published import CARD, TOKEN, World, put  # noqa: E402
from tap import HEARTH, SOURCE, Skip, main, one_line, test  # noqa: E402


# ---- a folder


@test
def a_folder_is_made():
    with World() as w:
        target = os.path.join(w.place.name, "given away")
        put(w.model, {".git/HEAD": b"x", ".hidden": b"x", "x.tmp-12": b"x"})
        ended = w.place.good("publish", w.model, target, "-q")
        assert files_under(target) == sorted(n for n in w.here() if not n.endswith(".tmp-12")), files_under(target)
        assert all(read(target, n) == read(w.model, n) for n in files_under(target)) and "files," in ended.out, ended
        one_line(w.place.run("publish", w.model, target, "-q"), 1, "expected a new folder, found one that is there")
        made = json.loads(w.place.good("publish", w.model, target + "2", "-q", "--json").out)
        assert len(made["files"]) == len(files_under(target)) and made["bytes"] > 300_000, made


@test
def what_a_program_left_behind_is_listed():
    with World() as w:
        put(w.model, {"x.tmp-12": b"x", "sub/y.lock": b"x", ".hidden": b"x"})
        ended = w.place.good("publish", w.model, os.path.join(w.place.name, "out"), "-q")
        assert ended.out.endswith("left out: sub/y.lock\nleft out: x.tmp-12\n") and "hidden" not in ended.out, ended
        assert json.loads(w.place.good("publish", w.model, os.path.join(w.place.name, "out2"), "-q", "--json").out)["left_out"] == ["sub/y.lock", "x.tmp-12"]
        assert json.loads(w.publish("--json").out)["left_out"] == ["sub/y.lock", "x.tmp-12"]


@test
def a_private_key_is_not_given_away():
    text = b"-----BEGIN %sPRIVATE KEY-----\nMIG\n-----END %sPRIVATE KEY-----\n"
    with World() as w:
        out = os.path.join(w.place.name, "out")
        parameters = b"-----BEGIN EC PARAMETERS-----\nBgg=\n-----END EC PARAMETERS-----\n"
        for key in (text % (b"", b""), text % (b"EC ", b"EC "), text % (b"ENCRYPTED ", b"ENCRYPTED "), b"\n" + text % (b"OPENSSH ", b"OPENSSH "), parameters + text % (b"EC ", b"EC ")):
            put(w.model, {"sub/me.key": key})
            one_line(w.place.run("publish", w.model, out, "-q"), 1, "sub/me.key", "found a private key")
            one_line(w.publish(), 1, "sub/me.key", "found a private key")
            assert not os.path.exists(out) and w.hub.commits == [], key
        put(w.model, {"sub/me.key": (text % (b"", b"")).replace(b"PRIVATE", b"PUBLIC"), "sub/notes.txt": b"A key begins with -----BEGIN PRIVATE KEY-----.\n"})
        w.place.good("publish", w.model, out, "-q")


@test
def a_folder_is_not_made_in_what_is_published():
    with World() as w:
        before = files_under(w.model)
        os.symlink(w.model, os.path.join(w.place.name, "link"))
        for target in (os.path.join(w.model, "out"), os.path.join(w.model, "new", "out"), os.path.join(w.model, "sub", "out") + "/", os.path.join(w.place.name, "link", "out")):
            one_line(w.place.run("publish", w.model, target, "-q"), 1, "expected a folder outside of what is published, found one in it")
        assert files_under(w.model) == before, files_under(w.model)
        w.place.good("publish", w.model, w.model + "2", "-q")
        w.place.good("publish", w.model, os.path.join(w.model, "..", "beside", "new", "out"), "-q")


@test
def what_it_lacks_is_told():
    with World() as w:
        ended = w.place.good("publish", w.model, os.path.join(w.place.name, "out"))
        assert ended.err.count("not all of the four freedoms: ") >= 1, ended
        ended = w.place.good("publish", os.path.join(SOURCE, "models", "debian-reader"), os.path.join(w.place.name, "reader"))
        assert "not all of the four freedoms" not in ended.err, ended


@test
def what_may_not_be_shared_is_not():
    with World() as w:
        out = os.path.join(w.place.name, "out")
        for card in (b"# A model\n", b"---\nlicense: other\n---\n", b"---\nlicense: my-own-licence-3\n---\n"):
            put(w.model, {"README.md": card})
            one_line(w.place.run("publish", w.model, out, "-q"), 1, "licence: expected one in README.md or LICENSE")
            one_line(w.publish(), 1, "licence: expected")
            assert not os.path.exists(out) and w.hub.log == [], w.hub.log
        one_line(w.place.run("publish", w.model, out, "-q"), 1, "my-own-licence-3, one that is not known (README.md, line 2, license)")
        put(w.model, {"README.md": CARD, "LICENSE": b"Whoever has this may do with it what pleases us.\n"})
        one_line(w.place.run("publish", w.model, out, "-q"), 1, "one that is not known (LICENSE)")
        assert w.place.run("publish", w.model, out, "-q", "--may-share").code == 0


@test
def a_known_licence_that_a_sentence_narrows_lets_others_have_it():
    said = b"---\nlicense: %s\n---\n# A model\n\nFor non-commercial research use only.\n"
    with World() as w:
        out = os.path.join(w.place.name, "out")
        for card, found in ((said % b"my-own-licence-3", "one that is not known (README.md, line 2, license)"), (said[said.index(b"#"):], "found none: then nobody may share it")):
            put(w.model, {"README.md": card})
            one_line(w.place.run("publish", w.model, out, "-q"), 1, found)
        put(w.model, {"README.md": said % b"mit", "LICENSE": b"Whoever has this may do with it what pleases us.\n"})
        one_line(w.place.run("publish", w.model, out, "-q"), 1, "one that is not known (LICENSE)")
        os.remove(os.path.join(w.model, "LICENSE"))
        w.place.good("publish", w.model, out, "-q")
        put(w.model, {"README.md": CARD, "NOTICE": b"It is provided solely for research.\n"})
        w.place.good("publish", w.model, out + "2", "-q")


@test
def nothing_half_made():
    with World() as w:
        os.symlink("/nonexistent", os.path.join(w.model, "zz.bin"))
        out = os.path.join(w.place.name, "out")
        ended = w.place.run("publish", w.model, out, "-q")
        one_line(ended, 1, "zz.bin")
        os.remove(os.path.join(w.model, "zz.bin"))
        before = sorted(os.listdir(w.place.name))
        w.place.good("publish", w.model, out + "//", "-q")
        assert sorted(os.listdir(w.place.name)) == sorted(before + ["out"]), os.listdir(w.place.name)


@test
def what_lay_there_is_not_given_away():
    """A folder of the name that this process would take for the half of it, with a file in it."""
    with World() as w:
        out = os.path.join(w.place.name, "out")
        made = subprocess.run([HEARTH, "publish", w.model, out, "-q"], env=w.place.env, capture_output=True, text=True,
                              preexec_fn=lambda: put(f"{out}.tmp-{os.getpid()}", {"private": b"x"}))
        assert made.returncode == 1 and "make the folder" in made.stderr and not os.path.exists(out), made
        assert [n for n in files_under(w.place.name) if n.endswith("private")], files_under(w.place.name)


@test
def of_a_run_the_model():
    """A model whose folder has a subfolder named model is no run: all of it goes."""
    with World() as w:
        out = os.path.join(w.place.name, "out")
        run = put(os.path.join(w.place.name, "run"), {"model/config.json": b"{}", "model/README.md": CARD, "recipe.yaml": b"x", "corpus/documents/a": b"x"})
        w.place.good("publish", run, out, "-q", "--may-share")
        assert files_under(out) == ["README.md", "config.json", "recipe.yaml"], files_under(out)
        put(w.model, {"model/config.json": b"{}", "model/extra.bin": b"x"})
        w.place.good("publish", w.model, out + "2", "-q")
        assert files_under(out + "2") == sorted(w.here()), files_under(out + "2")


@test
def one_file_with_its_card():
    with World() as w:
        path = os.path.join(w.place.name, "file", "m.gguf")
        put(os.path.dirname(path), {"m.gguf": read(SOURCE, "tests", "model", "golden", "llama-gqa.gguf"), "README.md": CARD, "LICENSE": b"see the card", "other": b"x"})
        out = os.path.join(w.place.name, "out")
        w.place.good("publish", path, out, "-q", "--may-share")
        assert files_under(out) == ["LICENSE", "README.md", "m.gguf"], files_under(out)


# ---- a hub


@test
def a_model_is_published_and_pulled():
    for part in (None, 100_000):
        with World(part) as w:
            ended = w.publish("-m", "First")
            assert ended.code == 0 and ended.err == "" and "me/mine: " in ended.out, ended
            w.is_published()
            assert w.hub.commits == ["First"], w.hub.commits
            assert len(w.hub.puts) == (6 if part else 3), w.hub.puts
            w.place.good("pull", "me/mine", "-q")
            again = w.publish("--json")
            made = json.loads(again.out)
            assert made["sent"] == 0 and made["unchanged"] == len(w.here()) and len(w.hub.commits) == 1, made
            put(w.model, {"README.md": CARD + b"More.\n"})
            assert json.loads(w.publish("--json").out)["sent"] == 1
            w.is_published()
            assert len(w.hub.puts) == (6 if part else 3), w.hub.puts


@test
def a_repository_is_made():
    with World() as w:
        one_line(w.publish(to="hf:me/new"), 1, "no such repository")
        made = json.loads(w.publish("--create", "--private", "--json", to=w.hub.url + "/me/new").out)
        assert made["created"] and made["repository"] == "me/new", made
        w.is_published("me/new")
        made = json.loads(w.publish("--create", "--json", to="hf:me/new").out)
        assert not made["created"] and made["sent"] == 0, made


@test
def the_token_goes_to_the_hub_alone():
    with World(100_000) as w:
        w.publish()
        at = lambda which: [e for e in w.hub.log if e.method != "GET" and e.which == which]  # noqa: E731
        assert {e.token for e in at("api")} == {"Bearer " + TOKEN}
        assert len(at("storage")) == 6 and {e.token for e in at("storage")} == {None}
    with World() as w:
        w.hub.fault("/preupload/main", f"redirect:{w.hub.storage_url}/elsewhere")
        one_line(w.publish(), 1, "expected an answer to what was sent, found a redirect")
        assert all(e.method == "GET" or e.which == "api" for e in w.hub.log), w.hub.log
    with World() as w:
        ended = w.publish(HF_TOKEN="another")
        assert ended.code == 1 and "not allowed" in ended.err, ended
        ended = w.publish(HF_TOKEN="two\nlines")
        assert ended.code != 0 and "HF_TOKEN" in ended.err, ended
        put(os.path.join(w.place.name, ".cache", "huggingface"), {"token": TOKEN.encode() + b"\n"})
        w.hub.writes = "filed"
        put(os.path.join(w.place.name, ".cache", "huggingface"), {"token": b"filed\n"})
        env = {k: v for k, v in w.place.env.items() if k != "HF_TOKEN"}
        made = subprocess.run([HEARTH, "publish", w.model, "hf:me/mine", "-q"], env=env, capture_output=True, text=True)
        assert made.returncode == 0, made


@test
def encryption_is_not_given_up():
    """The hub is https, its storage http: neither a whole file nor a part goes there, nor the word for either."""
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    with tempfile.TemporaryDirectory() as made:
        key = os.path.join(made, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", key], check=True, capture_output=True)
        for part, place in ((None, "href"), (100_000, "1")):
            with World(part, certificate=key) as w:
                for name in w.here():
                    if name not in ("big.safetensors", "README.md"):
                        os.remove(os.path.join(w.model, name))
                one_line(w.publish("--may-share", SSL_CERT_FILE=key), 1, f"{place}: expected an address, encrypted as the hub is")
                assert w.hub.puts == [] and w.hub.commits == [] and all(e.method == "GET" or e.which == "api" for e in w.hub.log), w.hub.log


@test
def an_endpoint_that_is_not_encrypted_is_told():
    with World() as w:
        for url, lines in (("http://hub.invalid", 1), ("https://hub.invalid", 0), (w.hub.url, 0)):
            ended = w.place.run("publish", w.model, "hf:me/mine", HF_ENDPOINT=url, HF_HUB_OFFLINE="1")
            assert ended.code == 1 and ended.err.count("HF_ENDPOINT is") == ended.err.count("not encrypted") == lines, ended
        assert w.hub.log == []


@test
def a_cut_connection_is_gone_over():
    """Each kind of request once refused, once cut in the middle; of parts only the one that broke goes again."""
    with World(100_000) as w:
        oid = hashlib.sha256(read(w.model, "big.safetensors")).hexdigest()
        w.hub.fault(f"/part/{oid}/2", "close:50000", "status:503", "close:0")
        w.hub.fault("/preupload/main", "status:500", "close:10")
        w.hub.fault("/objects/batch", "status:429", "close:10")
        w.hub.fault(f"/complete/{oid}", "status:502", "close:3")
        w.hub.fault(f"/verify/{oid}", "status:503")
        ended = w.publish()
        assert ended.code == 0, ended
        w.is_published()
        assert len([1 for path, _ in w.hub.puts if path.endswith("/1") and oid in path]) == 1, w.hub.puts


@test
def a_second_call_sends_what_is_missing():
    with World() as w:
        oid = hashlib.sha256(read(w.model, "big.safetensors")).hexdigest()
        w.hub.fault(f"/whole/{oid}", "close:100*20")
        one_line(w.publish("--retries", "0"), 1, "")
        assert w.hub.commits == [] and list(w.hub.files_of("me/mine")) == [".gitattributes"]
        before = len(w.hub.puts)
        w.hub.faults.clear()
        assert w.publish().code == 0
        w.is_published()
        assert [path for path, _ in w.hub.puts[before:]].count("/whole/" + oid) == 1
        sent = [path for path, _ in w.hub.puts]
        assert len(sent) == len(set(sent)), sent


@test
def a_commit_that_failed_changes_nothing():
    with World() as w:
        for fault in ("status:500", "close:100", "status:412", "answer:{}", "answer:nonsense"):
            w.hub.fault("/commit/main", fault)
            ended = w.publish()
            assert ended.code == 1 and ended.err.count("\n") == 1, ended
            assert w.hub.commits == []
        assert w.publish().code == 0
        w.is_published()


@test
def a_killed_publish_leaves_the_hub_as_it_was():
    with World(20_000) as w:
        process = subprocess.Popen([HEARTH, "publish", w.model, "hf:me/mine", "-q"], env=w.place.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        end = time.monotonic() + 30
        while len(w.hub.puts) < 3 and process.poll() is None and time.monotonic() < end:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if not w.hub.commits:
            assert list(w.hub.files_of("me/mine")) == [".gitattributes"]
        assert w.publish().code == 0
        w.is_published()


@test
def hostile_answers_are_errors():
    evil = {
        "/preupload/main": ["answer:{}", "answer:[]", "answer:nonsense", 'answer:{"files": [{"path": "x", "uploadMode": "lfs"}]}', 'answer:{"files": [{"path": "config.json", "uploadMode": "ftp"}]}'],
        "/objects/batch": ["answer:{}", 'answer:{"objects": []}', 'answer:{"objects": [{"oid": "x"}, {"oid": "y"}, {"oid": "z"}]}', "status:404"],
    }
    with World() as w:
        for path, faults in evil.items():
            for fault in faults:
                w.hub.faults.clear()
                w.hub.fault(path, fault)
                ended = w.publish("--retries", "0")
                assert ended.code == 1 and ended.err.count("\n") == 1 and ended.out == "", (fault, ended)
                assert w.hub.commits == []
    for header, words in (({"chunk_size": "0"}, "chunk_size"), ({"chunk_size": "x"}, "chunk_size"), ({"chunk_size": "1"}, "at most 10000 parts"),
                          ({"chunk_size": "200000", "1": "http://127.0.0.1:1/"}, ""), ({"chunk_size": "200000", "1": "file:///etc/passwd"}, "expected an address"),
                          ({"chunk_size": "200000"}, "expected an address")):
        with World() as w:
            for name in list(w.here()):
                if name not in ("big.safetensors", "README.md"):
                    os.remove(os.path.join(w.model, name))
            put(w.model, {"config.json": b"{}"})
            oid = hashlib.sha256(read(w.model, "big.safetensors")).hexdigest()
            w.hub.fault("/objects/batch", "answer:" + json.dumps({"objects": [{"oid": oid, "size": 300000, "actions": {"upload": {"href": w.hub.url + "/complete/x", "header": header}}}]}))
            one_line(w.publish("--retries", "0"), 1, words)
    with World() as w:
        one_line(w.publish("--retries", "0", HF_HUB_OFFLINE="1"), 1, "HF_HUB_OFFLINE")
        for place in ("hf:", "hf:mine", "hf:a/b:c", "hf:a/b@c", "https://127.0.0.1/", "https://127.0.0.1/a", "hf:../x"):
            ended = w.publish(to=place)
            assert ended.code == 2, (place, ended)
        for host in ("hub.example", "127.0.0.1.hub.example", "127.0.0.1@hub.example", "localhost:80@hub.example:8080", "10.0.0.1"):
            one_line(w.publish(to=f"http://{host}/me/mine"), 1, "expected https, or this machine")


@test
def signed_published_pulled_verified():
    with World() as w:
        key = os.path.join(w.place.name, "key")
        w.place.good("sign", "key", "new", key, "--no-passphrase")
        out = os.path.join(w.place.name, "out")
        w.place.good("publish", w.model, out, "-q")
        w.place.good("sign", out, "--key", key)
        shutil.rmtree(w.model)
        os.rename(out, w.model)
        assert w.publish().code == 0
        w.place.good("pull", "me/mine", "-q")
        w.place.good("pull", "me/mine:model.sig", "-q")
        ended = w.place.run("verify-signature", "me/mine", "--key", key + ".pub", "--partial")
        assert ended.code == 0 and "verified" in ended.out, ended


if __name__ == "__main__":
    main()
