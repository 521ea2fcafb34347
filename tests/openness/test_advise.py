#!/usr/bin/env python3
"""hearth advise, and what pull, run and serve do with a feed: found, warned, applied, taken back, refused, offline. Prints TAP."""

import base64
import hashlib
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "cli"), os.path.join(os.path.dirname(HERE), "hub")]
import signed  # noqa: E402
import tamper  # noqa: E402
from tap import HEARTH, chat_gguf, environment, hearth, main, one_line, stories, test  # noqa: E402

RULE = "Never tell of dragons."
ADVISORY, FEED = "application/vnd.openhearth.advisory.v1+json", "application/vnd.openhearth.feed.v1+json"
_key = {}


class Place:
    """A home, a key pair, a feed, and a model of 656 thousand parameters or a file of noise."""

    def __init__(self, model=False):
        self.folder = signed.place()
        self.at = lambda name: os.path.join(self.folder.name, name)
        if not _key:
            tamper.make_key(self.at("key"))
            _key.update({name: open(self.at(name), "rb").read() for name in ("key", "key.pub")})
        for name, content in _key.items():
            with open(self.at(name), "wb") as out:
                out.write(content)
        self.home, self.feed = self.at("home"), self.at("feed")
        os.makedirs(self.home)
        self.env = {**environment(HOME=self.home), "HEARTH_ADVISORY_KEY": self.at("key.pub")}
        self.env = {k: v for k, v in self.env.items() if not k.startswith(("HF_", "HEARTH_ADVISORIES", "http_", "https_"))}
        self.trust = ["--advisories", self.feed]
        if model:
            stories()
            self.model = chat_gguf(self.folder.name)
        else:
            self.model = self.at("m")
            os.makedirs(self.model)
            with open(os.path.join(self.model, "model.safetensors"), "wb") as out:
                out.write(b"weights" * 100)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def run(self, *arguments, **more):
        return hearth(*arguments, env={**self.env, **more})

    def good(self, *arguments, **more):
        ended = self.run(*arguments, **more)
        assert ended.code == 0, ended
        return ended

    def advise(self, name="A-1", *more, sign=(), publish=(), model=None):
        """A draft, signed, in the feed's next number."""
        words = [model or self.model] if model != "" else []
        self.good("advise", "new", name, *words, "--summary", "It tells of dragons.", "--what-to-do", "Use another.", "-o", self.at(name + ".draft"), *more)
        self.good("advise", "sign", self.at(name + ".draft"), "--key", self.at("key"), "-o", self.feed, *sign)
        self.good("advise", "publish", self.feed, "--key", self.at("key"), *publish)
        return self

    def check(self, *more, model=None, **env):
        return self.run("advise", "check", model or self.model, *(more or self.trust), **env)

    def sign(self, payload, path, kind, key=None):
        """An envelope by openssl, whatever the payload says."""
        payload = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        made = tamper.openssl("dgst", "-sha256", "-sign", key or self.at("key"), data=b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload))
        with open(path, "w", encoding="utf-8") as out:
            json.dump({"payload": base64.b64encode(payload).decode(), "payloadType": kind, "signatures": [{"sig": base64.b64encode(made).decode(), "keyid": ""}]}, out)

    def payload(self, name="feed.json"):
        with open(os.path.join(self.feed, name), encoding="utf-8") as file:
            return json.loads(base64.b64decode(json.load(file)["payload"]))

    def put_feed(self, **change):
        self.sign({**self.payload(), **change}, os.path.join(self.feed, "feed.json"), FEED)

    def put_advisory(self, advisory, name="A-1"):
        path = os.path.join(self.feed, name + ".json")
        self.sign(advisory, path, ADVISORY)
        feed = self.payload()
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        self.put_feed(sequence=feed["sequence"] + 1, advisories=[{"id": name, "file": name + ".json", "sha256": digest}])


class Web:
    """The feed on 127.0.0.1."""

    def __init__(self, folder):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=folder)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# ---- written, found


@test
def what_is_advised_is_found():
    with Place() as p:
        p.advise("A-1", "--severity", "high")
        ended = p.check()
        assert ended.code == 1 and ended.err == "", ended
        for words in ("A-1  high  It tells of dragons.", "model.safetensors has SHA-256 ", "what to do  Use another.", "mend        none"):
            assert words in ended.out, ended
        made = json.loads(p.check(*p.trust, "--json").out)
        assert [(row["id"], row["severity"], row["mend"]) for row in made] == [("A-1", "high", None)], made
        with open(os.path.join(p.model, "model.safetensors"), "ab") as out:
            out.write(b"!")
        ended = p.check()
        assert ended.code == 0 and ended.out == "nothing is known against it\n", ended


@test
def the_form_is_OSVs():
    with Place() as p:
        p.advise("A-1", "--package", "org/name", "--affected-version", "v1", "--affected-version", "1.0.0..1.2.0", "--rule", RULE)
        made = json.loads(p.good("advise", "show", os.path.join(p.feed, "A-1.json"), "--key", p.at("key.pub")).out)
        one = made["affected"][0]
        assert made["schema_version"] == "1.6.0" and made["id"] == "A-1" and made["published"].endswith("Z"), made
        assert one["package"] == {"ecosystem": "Hugging Face", "name": "org/name"} and one["versions"] == ["v1"], one
        assert one["ranges"] == [{"type": "SEMVER", "events": [{"introduced": "1.0.0"}, {"fixed": "1.2.0"}]}], one
        assert one["database_specific"]["files"] == [{"file": "model.safetensors", "size": 700, "sha256": hashlib.sha256(b"weights" * 100).hexdigest()}], one
        assert made["database_specific"] == {"severity": "moderate", "what_to_do": "Use another.", "mend": {"kind": "system", "text": RULE}}, made


@test
def versions_are_compared_as_semver_says():
    with Place() as p:
        p.advise("A-1", "--package", "org/name", "--affected-version", "some-tag", "--affected-version", "1.0.0-rc.2..1.2.0", "--affected-version", "2.0.0..", model="")
        # A branch, a tag that is no version and no tag at all may be any version: whoever asks is told.
        unknown = ("org/name", "org/name@main", "org/name@other", "org/name@01.1.0", "org/name@1.1", "ORG/Name@" + "0" * 40)
        for name in unknown:
            ended = p.check(model=name)
            assert ended.code == 1 and f"because     may concern it: version not known: {name.partition('@')[0]} " in ended.out, ended
            assert [row["sure"] for row in json.loads(p.check(*p.trust, "--json", model=name).out)] == [False], name
        expected = {"org/name@some-tag": 1, "org/other@1.1.0": 0, "org/other": 0, "Org/NAME@1.1.0": 1, "org/name@1.1.0": 1, "org/name@v1.1.9": 1, "org/name@1.2.0": 0,
                    "org/name@1.2.0-beta": 1, "org/name@0.9.9": 0, "org/name@1.0.0": 1, "org/name@1.0.0-rc.1": 0, "org/name@1.0.0-rc.10": 1, "org/name@1.0.0-rc": 0,
                    "org/name@1.0.0-rc.2.1": 1, "org/name@1.9.9": 0, "org/name@2.0.0": 1, "org/name@2.0.0-a": 0, "org/name@10.0.0": 1,
                    "org/name@1.1.0+build": 1}
        found = {name: p.check(model=name).code for name in expected}
        assert found == expected, {name: code for name, code in found.items() if code != expected[name]}


@test
def a_tag_and_a_commit_are_not_compared():
    with Place() as p:
        p.advise("A-1", "--package", "Acme/RR", "--affected-version", "v1.0.0", "--affected-version", "a" * 40, model="")
        sure = {"acme/rr@v1.0.0": True, "Acme/RR@" + "a" * 40: True, "acme/rr": False, "acme/rr@main": False, "acme/rr@v2.0.0": False, "acme/rr@" + "b" * 40: False}
        for name, expected in sure.items():
            ended = p.check(*p.trust, "--json", model=name)
            assert ended.code == 1 and [row["sure"] for row in json.loads(ended.out)] == [expected], (name, ended)
    for version, name in (("v1.0.0", "acme/rr@v2.0.0"), ("a" * 40, "acme/rr@" + "b" * 40)):
        with Place() as p:
            p.advise("A-1", "--package", "Acme/RR", "--affected-version", version, model="")
            assert p.check(model=name).code == 0, name


@test
def a_draft_from_a_model_is_known_by_name_too():
    """Without a version: every one, whatever the files are."""
    with Place() as p:
        p.advise("A-1", "--package", "org/name")
        assert p.check().code == 1
        for name in ("org/name", "org/name@v1", "Org/Name@main"):
            ended = p.check(*p.trust, "--json", model=name)
            assert ended.code == 1 and json.loads(ended.out)[0]["sure"], (name, ended)
        assert p.check(model="org/other").code == 0


@test
def what_is_not_there_is_an_error():
    with Place() as p:
        p.advise()
        os.makedirs(p.at("bare"))
        for name, words in (("/nonexistent/model", "/nonexistent/model"), ("", ""), (p.at("bare"), "expected files, found none"), ("nowhere", "nowhere"), ("ollama:nowhere", "nowhere"),
                            (os.path.join(p.model, "mistyped.gguf"), "mistyped.gguf")):
            ended = p.check(model=name) if name else p.run("advise", "check", "", *p.trust)
            one_line(ended, 1, words)
            assert ended.out == "", ended
        os.makedirs(p.at("models"))
        one_line(hearth("advise", "check", "models/debain-reader", *p.trust, env=p.env, cwd=p.folder.name), 1, "models/debain-reader")
        ended = p.check(model="hf:models/debain-reader")
        assert ended.code == 0 and "by name alone" in ended.err, ended
        ended = p.check(model="nobody/debain-reader")
        assert ended.code == 0 and ended.out == "nothing is known against its name\n" and "it is not here: by name alone; files not looked at" in ended.err, ended


@test
def events_stand_in_any_order():
    with Place() as p:
        p.advise("A-1", "--package", "org/name", "--affected-version", "1.0.0..", model="")
        advisory = p.payload("A-1.json")
        events = [{"fixed": "1.2.0"}, {"introduced": "2.0.0"}, {"introduced": "0"}, {"last_affected": "2.1.0"}]
        expected = {"0.1.0": 1, "1.1.9": 1, "1.2.0": 0, "1.9.0": 0, "2.0.0": 1, "2.1.0": 1, "2.1.1": 0}
        for order in (events, events[::-1]):
            advisory["affected"][0]["ranges"] = [{"type": "SEMVER", "events": order}]
            p.put_advisory(advisory)
            found = {version: p.check(model="org/name@" + version).code for version in expected}
            assert found == expected, found


@test
def a_copy_in_a_hubs_cache_is_known_by_its_blob():
    with Place() as p:
        p.advise()
        digest = hashlib.sha256(b"weights" * 100).hexdigest()
        repository = os.path.join(p.home, ".cache", "huggingface", "hub", "models--o--n")
        snapshot = os.path.join(repository, "snapshots", "0" * 40)
        os.makedirs(snapshot)
        os.makedirs(os.path.join(repository, "blobs"))
        with open(os.path.join(repository, "blobs", digest), "wb") as out:
            out.write(b"weights" * 100)
        os.symlink("../../blobs/" + digest, os.path.join(snapshot, "renamed.safetensors"))
        ended = p.check(model=snapshot)
        assert ended.code == 1 and "renamed.safetensors has SHA-256" in ended.out, ended


@test
def a_file_of_a_hubs_cache_is_known_by_its_folder():
    """Its own path is a link to a blob, which tells neither name nor commit."""
    with Place() as p:
        p.advise("A-1", "--package", "o/n", "--affected-version", "0" * 40, model="")
        repository = os.path.join(p.home, ".cache", "huggingface", "hub", "models--o--n")
        os.makedirs(os.path.join(repository, "blobs"))
        with open(os.path.join(repository, "blobs", "a" * 64), "wb") as out:
            out.write(b"other weights")
        for commit, code in (("0" * 40, 1), ("1" * 40, 0)):
            snapshot = os.path.join(repository, "snapshots", commit)
            os.makedirs(os.path.join(snapshot, "deep"))
            os.symlink("../../blobs/" + "a" * 64, os.path.join(snapshot, "x.gguf"))
            os.symlink("../../../blobs/" + "a" * 64, os.path.join(snapshot, "deep", "x.gguf"))
            for name in (snapshot, os.path.join(snapshot, "x.gguf"), os.path.join(snapshot, "deep", "x.gguf")):
                ended = p.check(model=name)
                assert ended.code == code and ended.err == "", (name, ended)
            ended = hearth("advise", "check", "x.gguf", *p.trust, env=p.env, cwd=snapshot)
            assert ended.code == code and ended.err == "", ended


@test
def what_was_hashed_is_remembered_until_the_file_changes():
    with Place() as p:
        p.advise()
        assert p.check().code == 1
        kept = os.path.join(p.home, ".cache", "openhearth", "hashes")
        name = os.path.join(kept, os.listdir(kept)[0])
        with open(name, encoding="ascii") as file:
            line = file.read()
        with open(name, "w", encoding="ascii") as out:
            out.write(line[:-64] + "0" * 64)
        assert p.check().code == 0, "not read"
        path = os.path.join(p.model, "model.safetensors")
        with open(path, "rb") as file:
            content = file.read()
        os.remove(path)
        with open(path, "wb") as out:
            out.write(content)
        assert p.check().code == 1


# ---- run, serve, pull


@test
def run_warns_and_applies():
    with Place(model=True) as p:
        p.advise("A-1", "--rule", RULE)
        asked = ("run", p.model, "-p", "Once", "-n", "12", "--seed", "3", "--json")
        plain, ruled = p.good(*asked), p.good(*asked, "--system", RULE)
        both = p.good(*asked, "--system", RULE + "\nBe brief.")
        text = lambda ended: (json.loads(ended.out)["text"], json.loads(ended.out)["tokens"]["prompt"])  # noqa: E731
        warned = p.good(*asked, *p.trust)
        assert text(warned) == text(plain) and warned.err.count("\n") == 1 and "advisory A-1 (moderate): It tells of dragons. [" in warned.err, warned
        assert "What to do: Use another." in p.good(*asked, *p.trust, "-q").err
        applied = p.good(*asked, *p.trust, "--apply-advisories")
        assert text(applied) == text(ruled) != text(plain) and "advisory A-1: its rule is applied" in applied.err, applied
        assert text(p.good(*asked, *p.trust, "--apply-advisories", "--system", "Be brief.")) == text(both)
        assert text(p.good(*asked, "--apply-advisories", HEARTH_ADVISORIES=p.feed)) == text(ruled)
        silent = p.good(*asked, "--no-advisories", HEARTH_ADVISORIES=p.feed)
        assert text(silent) == text(plain) and silent.err == "", silent


@test
def what_may_concern_it_is_told_and_not_applied():
    """A rule of another version is none of this one; nor is a mend that cannot be applied an error."""
    with Place(model=True) as p:
        snapshot = os.path.join(p.home, ".cache", "huggingface", "hub", "models--o--n", "snapshots", "0" * 40)
        os.makedirs(snapshot)
        os.rename(p.model, os.path.join(snapshot, "m.gguf"))
        p.advise("A-1", "--rule", RULE, "--package", "o/n", "--affected-version", "v1.0.0", model="")
        ended = p.good("run", os.path.join(snapshot, "m.gguf"), "-p", "Once", "-n", "2", *p.trust, "--apply-advisories")
        assert "advisory A-1 (moderate)" in ended.err and "may concern it: version not known: o/n " in ended.err and "is applied" not in ended.err, ended


@test
def a_rule_is_not_said_to_be_applied_where_it_is_refused():
    with Place(model=True) as p:
        p.advise("A-1", "--rule", RULE)
        ended = p.run("run", p.model, "--raw", "-p", "Once", "-n", "2", *p.trust, "--apply-advisories")
        assert ended.code == 2 and "a model with a chat template" in ended.err and "is applied" not in ended.err, ended
        plain = os.path.join(p.folder.name, "plain.gguf")
        os.symlink(stories(), plain)
        p.advise("A-2", "--rule", RULE, model=plain)
        ended = p.run("serve", plain, "--port", "0", "--insecure-no-key", *p.trust, "--apply-advisories")
        assert ended.code == 2 and "a model with a chat template" in ended.err and "is applied" not in ended.err, ended


@test
def what_is_withdrawn_is_applied_no_longer():
    with Place(model=True) as p:
        p.advise("A-1", "--rule", RULE)
        asked = ("run", p.model, "-p", "Once", "-n", "4", "--json", "--apply-advisories", *p.trust)
        assert "is applied" in p.good(*asked).err
        p.good("advise", "sign", p.at("A-1.draft"), "--key", p.at("key"), "-o", p.feed, "--withdrawn")
        p.good("advise", "publish", p.feed, "--key", p.at("key"))
        ended = p.good(*asked)
        assert ended.err == "", ended
        assert p.check().out == "nothing is known against it\n"


@test
def what_no_feed_names_is_not_kept():
    with Place() as p:
        kept = lambda: [name for _, _, names in os.walk(os.path.join(p.home, ".local", "state", "openhearth", "advisories")) for name in names if re.fullmatch("[0-9a-f]{64}[.]json", name)]  # noqa: E731
        p.advise("A-1")
        p.advise("A-2")
        p.check()
        first = kept()
        assert len(first) == 2, first
        p.good("advise", "sign", p.at("A-1.draft"), "--key", p.at("key"), "-o", p.feed, "--withdrawn")
        p.good("advise", "publish", p.feed, "--key", p.at("key"))
        p.check()
        second = kept()
        assert len(second) == 2 and len(set(first) & set(second)) == 1, (first, second)


@test
def a_mend_that_cannot_be_applied_is_told():
    with Place(model=True) as p:
        with open(p.at("adapter.safetensors"), "wb") as out:
            out.write(b"adapter")
        p.advise("A-1", "--adapter", p.at("adapter.safetensors"))
        ended = p.run("run", p.model, "-p", "Once", "--apply-advisories", *p.trust)
        assert ended.code == 1 and ended.out == "" and "an adapter (adapter.safetensors), which this version cannot load" in ended.err, ended
        p.advise("A-2")
        assert p.run("run", p.model, "-p", "Once", "-n", "1", *p.trust).code == 0
        assert "an adapter, which hearth cannot load" in p.check().out


@test
def serve_applies_to_every_answer():
    with Place(model=True) as p:
        p.advise("A-1", "--rule", RULE)

        def ask(words, *messages):
            server = subprocess.Popen([HEARTH, "serve", p.model, "--port", "0", "--json", "--insecure-no-key", *words], env=p.env, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                line = server.stdout.readline()
                if not line:
                    raise AssertionError(server.stderr.read().decode())
                answers = []
                for content in messages:
                    body = {"messages": [{"role": role, "content": text} for role, text in content], "max_tokens": 8, "seed": 3}
                    request = urllib.request.Request(json.loads(line)["url"] + "v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
                    with urllib.request.urlopen(request, timeout=60) as reply:
                        made = json.load(reply)
                    answers.append((made["choices"][0]["message"]["content"], made["usage"]["prompt_tokens"]))
                return answers
            finally:
                server.terminate()
                said = server.communicate(timeout=60)[1].decode()
                _said.append(said)
        _said = []
        plain = ask([], [("user", "Once")], [("system", RULE), ("user", "Once")], [("system", RULE + "\nBe brief."), ("user", "Once")])
        applied = ask([*p.trust, "--apply-advisories"], [("user", "Once")], [("system", "Be brief."), ("user", "Once")])
        assert applied == plain[1:] and plain[0] != plain[1], (plain, applied)
        assert "advisory A-1 (moderate)" in _said[-1] and "its rule is applied" in _said[-1], _said
        assert ask([*p.trust], [("user", "Once")]) == plain[:1] and "advisory A-1" in _said[-1]


@test
def serve_says_no_rule_applied_that_could_not_stand_anywhere():
    with Place(model=True) as p:
        p.advise("A-1", "--rule", RULE, model=stories())
        ended = p.run("serve", stories(), "--port", "0", *p.trust, "--apply-advisories")
        assert ended.code == 2 and ended.out == "" and "expected a model with a chat template" in ended.err, ended


@test
def pull_warns():
    from place import Place as HubPlace, model_files
    from server import Hub
    with Hub() as hub, HubPlace(hub) as place, Place() as p:
        hub.add_repository("org/name", model_files())
        p.advise("A-1", "--package", "org/name", model="")
        ended = place.run("pull", "org/name", *p.trust, "--advisory-key", p.at("key.pub"))
        assert ended.code == 0 and "advisory A-1 (moderate): It tells of dragons." in ended.err, ended


@test
def feeds_may_be_configured():
    with Place() as p:
        p.advise()
        config = os.path.join(p.home, ".config", "openhearth", "advisories.json")
        os.makedirs(os.path.dirname(config))
        for content, words in ((json.dumps({"feeds": [{"feed": p.feed, "key": p.at("key.pub")}]}), None), ('{"feeds": {}}', "feeds"), ('{"feeds": [{"feed": 1}]}', "feed"),
                               ('{"feeds": [{"feed": "x", "key": "y", "z": 1}]}', "\"z\""), ("[", "advisories.json")):
            with open(config, "w", encoding="utf-8") as out:
                out.write(content)
            ended = p.run("advise", "check", p.model)
            if words is None:
                assert ended.code == 1 and "A-1" in ended.out, ended
            else:
                one_line(ended, 1, words)


@test
def without_a_home_nothing_is_configured():
    with Place() as p:
        p.advise()
        one_line(p.run("advise", "check", p.model, HOME=""), 1, "advisories.json names one), found none")
        one_line(p.check(HOME=""), 1, "expected a place to remember feeds, found no HOME")
        ended = p.check(HOME="", XDG_STATE_HOME=p.at("state"))
        assert ended.code == 1 and "A-1" in ended.out, ended


# ---- refused


def refused(p, *words, **env):
    ended = p.check(**env)
    one_line(ended, 1, *words)


@test
def another_key_is_refused():
    with Place() as p:
        p.advise()
        tamper.make_key(p.at("other"))
        refused(p, "signature: expected one by the key, found another one", HEARTH_ADVISORY_KEY=p.at("other.pub"))
        one_line(p.run("advise", "check", p.model, "--advisories", p.feed, HEARTH_ADVISORY_KEY=""), 2, "--advisory-key FILE")
        one_line(p.run("advise", "publish", p.feed, "--key", p.at("other")), 1, "signature")
        one_line(p.run("advise", "show", os.path.join(p.feed, "A-1.json"), "--key", p.at("other.pub")), 1, "signature")


@test
def a_changed_byte_is_refused():
    with Place() as p:
        p.advise()
        for name in ("feed.json", "A-1.json"):
            path = os.path.join(p.feed, name)
            with open(path, "rb") as file:
                before = file.read()
            envelope = json.loads(before)
            raw = bytearray(base64.b64decode(envelope["payload"]))
            raw[len(raw) // 2] ^= 1
            envelope["payload"] = base64.b64encode(raw).decode()
            with open(path, "w", encoding="utf-8") as out:
                json.dump(envelope, out)
            refused(p, "signature: expected one by the key" if name == "feed.json" else "the bytes that the feed says")
            with open(path, "wb") as out:
                out.write(before)
        assert p.check().code == 1 and "A-1  moderate" in p.check().out


@test
def an_old_feed_is_refused():
    with Place() as p:
        p.advise()
        path = os.path.join(p.feed, "feed.json")
        with open(path, "rb") as file:
            first = file.read()
        assert p.check().code == 1
        p.advise("A-2")
        assert "A-2 " in p.check().out
        with open(path, "rb") as file:
            second = file.read()
        with open(path, "wb") as out:
            out.write(first)
        refused(p, "sequence: expected 2 or more: that was seen before, found 1")
        p.put_feed(sequence=2)
        refused(p, "expected what number 2 said before, found another feed of that number")
        with open(path, "wb") as out:
            out.write(second)
        assert "A-2 " in p.check().out
        ended = p.run("advise", "check", p.model, *p.trust, XDG_STATE_HOME=p.at("another"))
        assert ended.code == 1 and "A-2 " in ended.out, ended


@test
def an_old_feed_from_another_place_is_refused():
    with Place() as p:
        p.advise()
        os.makedirs(p.at("mirror"))
        for name in os.listdir(p.feed):
            with open(os.path.join(p.feed, name), "rb") as file, open(os.path.join(p.at("mirror"), name), "wb") as out:
                out.write(file.read())
        p.advise("A-2")
        assert "A-2 " in p.check().out
        one_line(p.check("--advisories", p.at("mirror")), 1, "sequence: expected 2 or more")


@test
def a_feed_that_has_ended_is_refused():
    with Place() as p:
        p.advise()
        p.put_feed(sequence=7, issued="2020-01-01T00:00:00Z", expires="2020-02-01T00:00:00Z")
        refused(p, "expires: expected a feed that has not ended, found 2020-02-01T00:00:00Z")
        p.put_feed(sequence=7, issued="2200-01-01T00:00:00Z", expires="2200-02-01T00:00:00Z")
        refused(p, "issued: expected a time that has come")
        p.put_feed(sequence=7, issued="2020-02-01T00:00:00Z", expires="2020-01-01T00:00:00Z")
        refused(p, "expires: expected a time behind issued")


@test
def run_does_not_start_where_a_feed_is_refused():
    with Place(model=True) as p:
        p.advise()
        tamper.make_key(p.at("other"))
        one_line(p.run("run", p.model, "-p", "x", *p.trust, "--advisory-key", p.at("other.pub")), 1, "signature")
        one_line(p.run("run", p.model, "-p", "x", "--advisories", p.at("nowhere")), 1, "nowhere")


@test
def an_envelope_of_another_kind_is_refused():
    """A signature over a model, or a feed, is none over an advisory, though the key is the same."""
    with Place() as p:
        p.advise()
        advisory, feed = p.payload("A-1.json"), p.payload()
        p.sign(feed, os.path.join(p.feed, "feed.json"), "application/vnd.in-toto+json")
        refused(p, "payloadType: expected " + FEED)
        p.sign(feed, os.path.join(p.feed, "feed.json"), ADVISORY)
        refused(p, "payloadType")
        path = os.path.join(p.feed, "A-1.json")
        p.sign(advisory, path, FEED)
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        p.sign({**feed, "sequence": 5, "advisories": [{"id": "A-1", "file": "A-1.json", "sha256": digest}]}, os.path.join(p.feed, "feed.json"), FEED)
        refused(p, "A-1.json: payloadType")


@test
def hostile_feeds_are_errors():
    with Place() as p:
        p.advise()
        row = p.payload()["advisories"][0]
        rows = lambda **change: {"advisories": [{**row, **change}]}  # noqa: E731
        evil = [{"feed": "../x"}, {"feed": ""}, {"feed": 1}, {"feed": "x" * 65}, {"sequence": 0}, {"sequence": -1}, {"sequence": 1.5}, {"sequence": "9"}, {"sequence": 2 ** 70},
                {"issued": "yesterday"}, {"expires": "2030-13-01T00:00:00Z"}, {"expires": None}, {"advisories": {}}, {"advisories": [1]}, {"advisories": [row] * 1001},
                rows(id="../A-1"), rows(id="A-2"), rows(id="feed", file="feed.json"), rows(file="../key"), rows(file="A-1.json/../x"), rows(file="/etc/passwd"), rows(sha256="0" * 63), rows(sha256="A" * 64), rows(more=1),
                {"more": 1}]
        for change in evil:
            p.put_feed(**{"sequence": 9, **change})
            refused(p)
        for payload in (b"", b"[]", b"null", b"{", b"[" * 1000, b"\xff"):
            p.sign(payload, os.path.join(p.feed, "feed.json"), FEED)
            refused(p)
        for raw in (b"", b"{}", b"[]", b"\x00" * 100, b'{"payload": 1}', b"x" * (5 << 20)):
            with open(os.path.join(p.feed, "feed.json"), "wb") as out:
                out.write(raw)
            refused(p)


@test
def hostile_advisories_are_errors():
    with Place() as p:
        p.advise("A-1", "--package", "org/name", "--affected-version", "1.0.0..2.0.0", "--rule", RULE)
        good = p.payload("A-1.json")
        one, specific = good["affected"][0], good["database_specific"]
        affected = lambda **change: {"affected": [{**one, **change}]}  # noqa: E731
        also = lambda **change: {"database_specific": {**specific, **change}}  # noqa: E731
        file = one["database_specific"]["files"][0]
        files = lambda **change: affected(database_specific={"files": [{**file, **change}]})  # noqa: E731
        evil = [{"id": "B-1"}, {"id": "feed"}, {"id": "Feed"}, {"id": "../../x"}, {"id": 1}, {"id": ""}, {"schema_version": "2.0"}, {"schema_version": 1.6}, {"summary": None}, {"summary": "x" * 501}, {"summary": "a\0b"},
                {"modified": "now"}, {"modified": None}, {"published": 5}, {"withdrawn": "yes"}, {"affected": []}, {"affected": {}}, {"affected": [1]}, {"affected": [{}]},
                {"affected": [one] * 1001}, affected(package="x"), affected(package={"name": "x"}), affected(package=None), affected(versions="1"), affected(versions=[1]),
                affected(ranges={}), affected(ranges=[1]), affected(ranges=[{"type": "GIT", "events": []}]), affected(ranges=[{"type": "SEMVER"}]), affected(ranges=[{"type": "SEMVER", "events": []}]),
                affected(ranges=[{"type": "SEMVER", "events": [{"introduced": "one"}]}]), affected(ranges=[{"type": "SEMVER", "events": [{"fixed": 1}]}]),
                affected(ranges=[{"type": "SEMVER", "events": [{"introduced": "0", "fixed": "1.0.0"}]}]), files(file="../x"), files(file=""), files(file=1), files(sha256="x"), files(sha256=None),
                files(size=-1), files(size="7"), files(size=1.5), {"database_specific": 1}, {"database_specific": {}}, also(severity="bad"), also(severity=3), also(what_to_do=None),
                also(what_to_do="x" * 20000), also(mend="rule"), also(mend={"kind": "program"}), also(mend={"kind": "system"}), also(mend={"kind": "system", "text": ""}),
                also(mend={"kind": "system", "text": "x" * 20000}), also(mend={"kind": "system", "text": "x", "run": "rm"}), also(mend={"kind": "adapter", "file": "/x", "sha256": "0" * 64}),
                also(mend={"kind": "adapter", "file": "x"})]
        for change in evil:
            p.put_advisory({**good, **change})
            refused(p)
        p.put_advisory(good)
        assert p.check().code == 1 and p.check().err == "", p.check()
        p.put_advisory({**good, "summary": "\x1b[31m\u202ered\nline"})
        ended = p.check()
        assert ended.code == 1, ended


@test
def drafts_are_checked_before_they_are_written():
    with Place() as p:
        words = ("--summary", "x", "--what-to-do", "y", "-o", p.at("draft"))
        for evil in ("a/b", "feed", "FEED"):
            one_line(p.run("advise", "new", evil, p.model, *words), 2, "an id has letters")
        one_line(p.run("advise", "new", "A-1", p.model, "--summary", "x"), 2, "--what-to-do")
        one_line(p.run("advise", "new", "A-1", *words), 2, "a MODEL or --package")
        one_line(p.run("advise", "new", "A-1", p.model, "--affected-version", "v1", *words), 2, "--affected-version needs --package")
        one_line(p.run("advise", "new", "A-1", p.at("none"), *words), 1, "none")
        one_line(p.run("advise", "new", "A-1", "--package", "o/n", "--affected-version", "one..two", *words), 1, "events")
        one_line(p.run("advise", "new", "A-1", p.model, "--rule", "x" * 20000, *words), 1, "text")
        assert not os.path.exists(p.at("draft"))
        p.good("advise", "new", "A-1", p.model, *words)
        one_line(p.run("advise", "new", "A-1", p.model, *words), 1, "a new file")
        one_line(p.run("advise", "sign", p.at("draft"), "-o", p.feed), 2, "--key FILE")
        one_line(p.run("advise", "publish", p.at("nowhere"), "--key", p.at("key")), 1, "nowhere")


@test
def no_advisory_takes_the_feeds_name():
    with Place() as p:
        p.advise()
        with open(os.path.join(p.feed, "feed.json"), "rb") as file:
            before = file.read()
        with open(p.at("A-1.draft"), encoding="utf-8") as file:
            draft = json.load(file)
        with open(p.at("draft"), "w", encoding="utf-8") as out:
            json.dump({**draft, "id": "feed"}, out)
        one_line(p.run("advise", "sign", p.at("draft"), "--key", p.at("key"), "-o", p.feed), 1, "id: expected letters, digits, -, _ and ., and not feed")
        with open(os.path.join(p.feed, "feed.json"), "rb") as file:
            assert file.read() == before


# ---- a server


@test
def a_feed_on_a_server_and_without_it():
    with Place(model=True) as p:
        p.advise("A-1", "--rule", RULE)
        web = Web(p.feed)
        asked = ("run", p.model, "-p", "Once", "-n", "4", "--advisories", web.url)
        try:
            assert "advisory A-1" in p.good(*asked).err
            p.advise("A-2")
            assert "advisory A-2" in p.good(*asked).err
        finally:
            web.close()
        ended = p.good(*asked)
        assert "advisories: not renewed (" in ended.err and "the copy of number 2 is used, which holds until 2" in ended.err and "advisory A-2" in ended.err, ended
        ended = p.good(*asked, HF_HUB_OFFLINE="1")
        assert "HF_HUB_OFFLINE is set" in ended.err and "advisory A-1" in ended.err, ended
        ended = p.good(*asked, XDG_STATE_HOME=p.at("fresh"))
        assert "advisories: NOT checked: " in ended.err and "advisory A" not in ended.err and ended.out != "", ended
        ended = p.run("advise", "check", p.model, "--advisories", web.url, XDG_STATE_HOME=p.at("fresh"))
        assert ended.code != 0 and ended.out == "" and "NOT checked" in ended.err, ended


@test
def a_server_that_plays_an_old_feed_is_refused():
    with Place() as p:
        p.advise()
        with open(os.path.join(p.feed, "feed.json"), "rb") as file:
            first = file.read()
        web = Web(p.feed)
        try:
            p.advise("A-2")
            assert "A-2 " in p.check("--advisories", web.url).out
            with open(os.path.join(p.feed, "feed.json"), "wb") as out:
                out.write(first)
            one_line(p.check("--advisories", web.url), 1, "sequence: expected 2 or more", web.url)
        finally:
            web.close()


@test
def another_feed_of_the_key_does_not_take_its_place():
    with Place() as p:
        p.advise("A-1")
        p.advise("A-2")
        web = Web(p.feed)
        try:
            assert "A-2 " in p.check("--advisories", web.url).out
            before = p.payload()
            p.put_feed(feed="other", sequence=1, advisories=[])
            one_line(p.check("--advisories", web.url), 1, "feed: expected advisories, which was there before, found other", web.url)
            p.put_feed(**{**before, "sequence": 3})
            assert "A-2 " in p.check("--advisories", web.url).out
        finally:
            web.close()


@test
def a_copy_that_has_ended_is_refused():
    with Place() as p:
        p.advise()
        web = Web(p.feed)
        try:
            now = time.time()
            stamp = lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))  # noqa: E731
            p.put_feed(sequence=2, issued=stamp(now - 60), expires=stamp(now + 3))
            assert "A-1" in p.check("--advisories", web.url).out
        finally:
            web.close()
        time.sleep(max(0, now + 4.5 - time.time()))
        one_line(p.check("--advisories", web.url), 1, "expires: expected a feed that has not ended (this is the copy of the last time)", web.url)


@test
def a_place_that_cannot_be_noted_is_told():
    with Place() as p:
        p.advise()
        web = Web(p.feed)
        kept = os.path.join(p.home, ".local", "state", "openhearth", "advisories")
        os.makedirs(kept)
        with open(os.path.join(kept, "places"), "w", encoding="ascii"):
            pass  # a file where the folder should be
        try:
            one_line(p.check("--advisories", web.url), 1, kept)
            one_line(p.run("pull", "org/name", "--advisories", web.url), 1, kept)
        finally:
            web.close()


@test
def a_feed_that_is_not_whole_leaves_the_copy():
    with Place() as p:
        p.advise()
        web = Web(p.feed)
        try:
            assert "A-1" in p.check("--advisories", web.url).out
            p.good("advise", "sign", p.at("A-1.draft"), "--key", p.at("key"), "-o", p.feed)  # other bytes of the same advisory
            p.advise("A-2")
            os.rename(os.path.join(p.feed, "A-2.json"), p.at("away"))
            ended = p.check("--advisories", web.url)
            assert ended.code == 1 and "A-1" in ended.out and "A-2 " not in ended.out and "A-2.json: HTTP 404" in ended.err and "the copy of number 1 is used" in ended.err, ended
            ended = p.check("--advisories", web.url, XDG_STATE_HOME=p.at("fresh"))
            assert ended.code == 1 and ended.out == "" and "NOT checked" in ended.err and "A-2.json" in ended.err, ended
            os.rename(p.at("away"), os.path.join(p.feed, "A-2.json"))
            ended = p.check("--advisories", web.url)
            assert "A-2 " in ended.out and ended.err == "", ended
        finally:
            web.close()


@test
def a_disk_that_keeps_nothing_leaves_the_copy():
    with Place() as p:
        p.advise()
        web = Web(p.feed)
        try:
            assert "A-1" in p.check("--advisories", web.url).out
            p.advise("A-2")
            kept = os.path.join(p.home, ".local", "state", "openhearth", "advisories")
            lock = os.path.join(kept, next(name for name in os.listdir(kept) if name.endswith(".lock")))
            os.remove(lock)
            os.makedirs(lock)  # no lock can be had, whoever runs this
            ended = p.check("--advisories", web.url)
            assert ended.code == 1 and "A-1" in ended.out and "A-2 " not in ended.out and "not renewed" in ended.err and lock in ended.err, ended
        finally:
            web.close()


if __name__ == "__main__":
    main()
