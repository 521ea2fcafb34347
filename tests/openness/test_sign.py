#!/usr/bin/env python3
"""hearth sign and hearth verify-signature: what is signed verifies, what is tampered with does not (tamper.py), keys, links, limits. Prints
TAP."""

import base64
import hashlib
import json
import os
import pty
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "cli")]
import tamper  # noqa: E402
from signed import check, good, place, run, signed  # noqa: E402
from tap import HEARTH, environment, main, one_line, test  # noqa: E402

def refused(ended):
    """Exit 1; either one line on stderr, or a report that ends so."""
    assert ended.code == 1, ended
    assert (ended.err.count("\n") == 1 and ended.out == "") or (ended.err == "" and ended.out.endswith("NOT verified\n")), ended
    assert "AddressSanitizer" not in ended.err, ended


def tampering(do):
    def function():
        with place() as folder:
            m = signed(folder)
            do(m)
            refused(check(m))
    function.__name__ = "found: " + do.__name__
    return function


# ---- what is good


@test
def what_is_signed_verifies():
    with place() as folder:
        m = signed(folder)
        ended = check(m)
        assert ended.code == 0 and ended.out.endswith("verified\n") and "left out     .gitignore" in ended.out, ended
        made = json.loads(check(m, "--json").out)
        assert made["verified"] and made["files"] == 8 and made["differences"] == [{"file": ".gitignore", "what": "left out", "counts": False}], made


@test
def the_statement_is_what_the_format_says():
    with place() as folder:
        m = signed(folder)
        bundle, statement = m.bundle(), m.statement()
        names = [r["name"] for r in statement["predicate"]["resources"]]
        assert names == ["a/b", "a-b/c", "a.txt", "config.json", "deep/er/file", "empty", "model.safetensors", "tokenizer.json"], names
        for r in statement["predicate"]["resources"]:
            assert r == {"name": r["name"], "algorithm": "sha256", "digest": hashlib.sha256(m.read(r["name"])).hexdigest()}, r
        root = hashlib.sha256(b"".join(bytes.fromhex(r["digest"]) for r in statement["predicate"]["resources"])).hexdigest()
        assert statement["subject"] == [{"name": "a model ☃", "digest": {"sha256": root}}], statement["subject"]
        assert statement["predicate"]["serialization"] == {"method": "files", "hash_type": "sha256", "allow_symlinks": False,
                                                           "ignore_paths": ["model.sig", ".git", ".gitattributes", ".github", ".gitignore"]}
        with open(m.public, "rb") as pem:
            assert bundle["verificationMaterial"] == {"publicKey": {"hint": hashlib.sha256(pem.read()).hexdigest()}, "tlogEntries": []}
        assert set(bundle) == {"mediaType", "verificationMaterial", "dsseEnvelope"} and set(bundle["dsseEnvelope"]) == {"payload", "payloadType", "signatures"}


@test
def openssl_agrees_with_the_signature():
    with place() as folder:
        m = signed(folder)
        envelope = m.bundle()["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"])
        with open(os.path.join(folder, "der"), "wb") as out:
            out.write(base64.b64decode(envelope["signatures"][0]["sig"]))
        said = tamper.openssl("dgst", "-sha256", "-verify", m.public, "-signature", os.path.join(folder, "der"),
                              data=b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(payload), payload))
        assert said == b"Verified OK\n", said


@test
def any_statement_that_is_true_verifies():
    """Another order, other blanks, keys that a later version may have."""
    with place() as folder:
        m = signed(folder)
        statement = m.statement()
        statement["predicate"]["resources"].reverse()
        statement["predicate"]["more"] = {"later": True}
        tamper.set_root(statement)
        m.resign(json.dumps(statement, separators=(" ,", " : ")).encode())
        assert check(m).code == 0, check(m)
        tamper.edit(lambda b: (b["verificationMaterial"].pop("tlogEntries"), b["verificationMaterial"]["publicKey"].update(rawBytes="", keyDetails="PKIX")))(m)
        assert check(m).code == 0, check(m)
        tamper.edit(lambda b: b["verificationMaterial"]["publicKey"].pop("hint"))(m)
        assert "does not name its key" in check(m).out, check(m)


@test
def every_curve_signs():
    with place() as folder:
        m = signed(folder)
        for curve, digest in (("P-256", "-sha256"), ("P-384", "-sha384"), ("P-521", "-sha512")):
            key = os.path.join(folder, curve)
            good("sign", "key", "new", key, "--curve", curve, "--no-passphrase")
            good("sign", m.path, "--key", key)
            m.public = key + ".pub"
            assert check(m).code == 0, check(m)
            m.resign(m.statement(), key=key, digest=digest)
            assert check(m).code == 0, check(m)


@test
def one_file_signs_too():
    with place() as folder:
        m = signed(folder)
        path = m.at("model.safetensors")
        out = good("sign", path, "--key", m.key, "--json")
        made = json.loads(out)
        assert made["files"] == 1 and made["signature"] == path + ".sig", made
        assert run("verify-signature", path, "--key", m.public).code == 0
        m.write("model.safetensors", b"other")
        refused(run("verify-signature", path, "--key", m.public))


def sharded(m):
    """The other way in which the format hashes: by ranges of bytes."""
    def change(statement):
        resources = []
        for r in statement["predicate"]["resources"]:
            content = m.read(r["name"])
            resources += [{"name": f"{r['name']}:{at}:{min(at + 1000, len(content))}", "algorithm": "sha256-sharded-1000",
                           "digest": hashlib.sha256(content[at:at + 1000]).hexdigest()} for at in range(0, len(content), 1000)]
        statement["predicate"]["resources"] = resources
        statement["predicate"]["serialization"].update(method="shards", hash_type="sha256", shard_size=1000)
        tamper.set_root(statement)
        return statement
    return change


@test
def pieces_of_files_verify():
    with place() as folder:
        m = signed(folder)
        m.sign_anew(sharded(m))
        assert check(m).code == 0, check(m)
        whole, content = m.statement(), m.read("model.safetensors")
        m.write("model.safetensors", content[:-1] + b"x")
        assert check(m).out.count("changed ") == 1
        refused(check(m))
        m.write("model.safetensors", content + b"x" * 2000)
        refused(check(m))
        m.write("model.safetensors", content)
        for evil in ("a.txt:0:0", "a.txt:3", "a.txt:0:3:", "a.txt:-1:3", "a.txt:0:99999999999999999999", "model.safetensors:0:1001", "model.safetensors:5:1000"):
            statement = json.loads(json.dumps(whole))
            statement["predicate"]["resources"][0]["name"] = evil
            tamper.set_root(statement)
            m.resign(statement)
            refused(check(m))


@test
def an_empty_file_beside_pieces_is_told():
    """The format has no piece of one: the signer's own and one that was added look alike, so neither fails."""
    with place() as folder:
        m = signed(folder)
        m.sign_anew(sharded(m))
        assert check(m).out.count("not signed ") == 1 and "not signed   empty\n" in check(m).out, check(m)
        m.write("code/__init__.py", b"")
        ended = check(m)
        assert ended.code == 0 and "not signed   code/__init__.py\n" in ended.out, ended
        rows = json.loads(check(m, "--json").out)["differences"]
        assert [(row["file"], row["what"], row["counts"]) for row in rows if row["what"] != "left out"] == [("code/__init__.py", "not signed", False), ("empty", "not signed", False)], rows
        m.write("code/__init__.py", b"x")
        refused(check(m))


@test
def a_piece_more_or_less_is_a_change_of_its_file():
    """Neither a file that is missing nor one that nobody signed."""
    with place() as folder:
        m = signed(folder)
        ends = bytes(range(250)) * 8
        m.write("model.safetensors", ends + b"x" * 500)
        m.write("whole", ends)
        good("sign", m.path, "--key", m.key)
        m.sign_anew(sharded(m))
        assert check(m).code == 0, check(m)
        for name, evils in (("model.safetensors", (ends[:1000], ends, ends + b"y" * 400, ends + b"x" * 500 + b"y", b"")), ("whole", (ends + b"y", ends + ends, ends[:1000], ends[:1500], b""))):
            before = m.read(name)
            for evil in evils:
                m.write(name, evil)
                ended = check(m, "--partial", "--allow-unsigned")
                refused(ended)
                assert ended.out.count("changed ") == 1 and f"changed      {name}\n" in ended.out and "missing" not in ended.out and f"not signed   {name}\n" not in ended.out, ended
                refused(check(m, "--partial"))
            os.remove(m.at(name))
            ended = check(m, "--partial")
            assert ended.code == 0 and f"missing      {name}\n" in ended.out, ended
            m.write(name, before)
        m.write("new", b"x" * 1500)
        ended = check(m, "--allow-unsigned")
        assert ended.code == 0 and ended.out.count("not signed   new\n") == 1, ended


@test
def one_file_by_pieces_is_all_of_it():
    with place() as folder:
        m = signed(folder)
        path = m.at("model.safetensors")
        good("sign", path, "--key", m.key)
        m.signature, content = path + ".sig", m.read("model.safetensors")
        statement = m.statement()
        statement["predicate"]["resources"] = [{"name": f".:{at}:{min(at + 1000, len(content))}", "algorithm": "sha256-sharded-1000",
                                                "digest": hashlib.sha256(content[at:at + 1000]).hexdigest()} for at in range(0, len(content), 1000)]
        statement["predicate"]["serialization"].update(method="shards", hash_type="sha256", shard_size=1000)
        tamper.set_root(statement)
        m.resign(statement)
        verify = lambda: run("verify-signature", path, "--key", m.public, "--partial", "--allow-unsigned")  # noqa: E731
        assert verify().code == 0, verify()
        for evil in (b"", content[:1000], content + b"x" * 2000):
            m.write("model.safetensors", evil)
            refused(verify())


@test
def certificates_are_verified_offline():
    with place() as folder:
        m = signed(folder)
        tamper.make_certificate(folder, "root", ca=True, usage="keyCertSign")
        tamper.make_certificate(folder, "between", issuer="root", ca=True, usage="keyCertSign")
        tamper.make_certificate(folder, "leaf", issuer="between", curve="secp384r1")
        at = lambda name: os.path.join(folder, name)  # noqa: E731
        good("sign", m.path, "--key", at("leaf.key"), "--certificate", at("leaf.pem"), "--chain", at("between.pem"))
        m.anchors = [at("root.pem")]
        ended = check(m)
        assert ended.code == 0 and "CN = leaf; issued by CN = between" in ended.out, ended
        one_line(run("sign", m.path, "--key", m.key, "--certificate", at("leaf.pem")), 2, "--certificate: expected the key's, found another key's")
        one_line(run("sign", m.path, "--key", m.key, "--chain", at("root.pem")), 2, "--chain goes with --certificate")
        one_line(run("verify-signature", m.path, "--chain", m.public), 1, "expected certificates in PEM, found none")
        m.anchors = []
        one_line(check(m), 1, "one with certificates (--chain)")


@test
def a_certificates_time_is_told():
    with place() as folder:
        m = signed(folder)
        tamper.make_certificate(folder, "root", ca=True, usage="keyCertSign")
        tamper.make_certificate(folder, "leaf", issuer="root")
        m.certify("leaf")
        made = json.loads(check(m, "--json").out)["certificate"]
        assert made["expired"] is False and made["until"] > made["from"], made


# ---- keys


@test
def keys_are_encrypted_at_rest():
    with place() as folder:
        key, plain, again = (os.path.join(folder, name) for name in ("key", "plain", "again"))
        made = json.loads(good("sign", "key", "new", key, "--json", passphrase="open sesame"))
        with open(key, encoding="ascii") as file:
            assert file.read().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
        assert os.stat(key).st_mode & 0o777 == 0o600 and made["curve"] == "P-256" and made["public"] == key + ".pub", made
        with open(key + ".pub", "rb") as pem:
            assert hashlib.sha256(pem.read()).hexdigest() == made["key"]
        m = tamper.Model(folder)
        for wrong in ("open", "open sesame ", "OPEN SESAME", "x" * 1000):
            one_line(run("sign", m.path, "--key", key, passphrase=wrong), 1, "key: expected its passphrase, found another one")
        one_line(run("sign", m.path, "--key", key), 1, "HEARTH_PASSPHRASE")
        assert not os.path.exists(m.signature), "a signature without a key"
        good("sign", m.path, "--key", key, passphrase="open sesame")
        with open(os.path.join(folder, "words"), "w", encoding="utf-8") as out:
            out.write("öffne dich\nand nothing of this\n")
        good("sign", "key", "passphrase", key, again, "--new-passphrase-file", out.name, passphrase="open sesame")
        good("sign", m.path, "--key", again, "--passphrase-file", out.name)
        assert run("verify-signature", m.path, "--key", key + ".pub").code == 0
        one_line(run("sign", "key", "passphrase", key, plain, passphrase="open sesame"), 1, "--new-passphrase-file")  # not the old one again
        good("sign", "key", "passphrase", key, plain, "--no-passphrase", passphrase="open sesame")
        with open(key + ".pub", encoding="ascii") as pem:
            assert good("sign", "key", "public", plain) == pem.read()
        one_line(run("sign", "key", "new", key, "--no-passphrase"), 1, "expected a new file, found one that is there")


@test
def a_passphrase_is_never_cut():
    with place() as folder:
        key, words = os.path.join(folder, "key"), os.path.join(folder, "words")
        for content, found in ((b"open\0sesame\n", "one with a NUL byte"), (b"\0\n", "one with a NUL byte"), (b"x" * 1024, "a longer one"), (b"\nopen", "none")):
            with open(words, "wb") as out:
                out.write(content)
            one_line(run("sign", "key", "new", key, "--passphrase-file", words), 1, "expected a passphrase of 1 to 1023 bytes, found " + found)
            assert not os.path.exists(key)


@test
def half_a_pair_is_none():
    with place() as folder:
        key = os.path.join(folder, "key")
        with open(key + ".pub", "w", encoding="ascii") as out:
            out.write("mine")
        one_line(run("sign", "key", "new", key, "--no-passphrase"), 1, "key.pub", "expected a new file")
        assert sorted(os.listdir(folder)) == ["key.pub"], os.listdir(folder)


@test
def the_terminal_is_asked_without_echo():
    with place() as folder:
        key = os.path.join(folder, "key")

        def ask(words, *lines):
            """Types each line when something is asked."""
            child, terminal = pty.fork()
            if child == 0:
                os.execve(HEARTH, ["hearth", *words], environment())
            said = b""
            for line in lines:
                before = said.count(b": ")
                while said.count(b": ") == before:
                    said += os.read(terminal, 1000)
                os.write(terminal, line + b"\n")
            while True:
                try:
                    more = os.read(terminal, 1000)
                except OSError:
                    more = b""
                if not more:
                    break
                said += more
            os.close(terminal)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said
        code, said = ask(["sign", "key", "new", key], b"hunter2", b"hunter3")
        assert code == 1 and b"expected the same twice" in said and b"hunter" not in said and not os.path.exists(key), said
        code, said = ask(["sign", "key", "new", key], b"hunter2", b"hunter2")
        assert code == 0 and b"hunter" not in said and os.path.exists(key), said
        code, said = ask(["sign", "key", "public", key], b"hunter2")
        assert code == 0 and b"BEGIN PUBLIC KEY" in said, said


@test
def wrong_keys_are_told():
    with place() as folder:
        m = signed(folder)
        at = lambda name: os.path.join(folder, name)  # noqa: E731
        for name, content in (("empty", b""), ("noise", b"\x00\xff" * 500), ("cut", open(m.key, "rb").read()[:60])):
            with open(at(name), "wb") as out:
                out.write(content)
            one_line(run("sign", m.path, "--key", at(name)), 1, at(name), "expected a private key in PEM, found none")
            one_line(run("verify-signature", m.path, "--key", at(name)), 1, at(name), "expected a public key in PEM, found none")
        with open(at("large"), "wb") as out:
            out.write(b"-" * 70000)
        one_line(run("sign", m.path, "--key", at("large")), 1, at("large"))
        tamper.openssl("genpkey", "-algorithm", "ed25519", "-out", at("ed"))
        one_line(run("sign", m.path, "--key", at("ed")), 1, "expected an elliptic key on P-256, P-384 or P-521, found another kind (ED25519)")
        tamper.make_key(at("koblitz"), "secp256k1")
        one_line(run("sign", m.path, "--key", at("koblitz")), 1, "another kind (another curve)")
        one_line(run("verify-signature", m.path, "--key", m.key), 1, "expected a public key in PEM")
        one_line(run("sign", m.path, "--key", m.public), 1, "expected a private key in PEM")
        one_line(run("verify-signature", m.path), 2, "--key FILE or --chain FILE")
        one_line(run("sign", m.path), 2, "--key FILE says who signs")
        one_line(run("sign", "key", "forget", "x"), 2, "expected new, public or passphrase")


# ---- what is signed, and where


@test
def nothing_half_written():
    with place() as folder:
        m = signed(folder)
        with open(m.signature, "rb") as file:
            before = file.read()
        os.symlink("nowhere", m.at("link"))
        one_line(run("sign", m.path, "--key", m.key), 1, "link: expected files and folders (--allow-symlinks follows links to files), found a link")
        with open(m.signature, "rb") as file:
            assert file.read() == before
        assert sorted(os.listdir(m.path)) == sorted([".gitignore", "a", "a-b", "a.txt", "config.json", "deep", "empty", "link", "model.safetensors", "model.sig", "tokenizer.json"])


@test
def links_where_they_are_allowed():
    with place() as folder:
        m = signed(folder)
        os.symlink("a.txt", m.at("link"))
        good("sign", m.path, "--key", m.key, "--allow-symlinks")
        assert check(m).code == 0, check(m)
        os.remove(m.at("link"))
        os.symlink("a", m.at("link"))
        one_line(run("sign", m.path, "--key", m.key, "--allow-symlinks"), 1, "links to files, found another link")
        one_line(check(m), 1, "links to files, found another link")


@test
def a_hub_caches_own_links_are_files():
    with place() as folder:
        m = signed(folder)
        digest = hashlib.sha256(b"down here").hexdigest()
        snapshot = os.path.join(folder, "models--o--m", "snapshots", "0" * 40)
        blobs = os.path.join(folder, "models--o--m", "blobs")
        shutil.copytree(m.path, snapshot)
        os.makedirs(blobs)
        os.rename(os.path.join(snapshot, "deep", "er", "file"), os.path.join(blobs, digest))
        os.symlink("../../../../blobs/" + digest, os.path.join(snapshot, "deep", "er", "file"))
        assert run("verify-signature", snapshot, "--key", m.public).code == 0, run("verify-signature", snapshot, "--key", m.public)
        os.remove(os.path.join(snapshot, "a.txt"))
        refused(run("verify-signature", snapshot, "--key", m.public))
        ended = run("verify-signature", snapshot, "--key", m.public, "--partial")
        assert ended.code == 0 and "missing      a.txt" in ended.out, ended
        os.symlink("../../../models--o--m/blobs/" + digest, os.path.join(snapshot, "again"))
        refused(run("verify-signature", snapshot, "--key", m.public, "--partial"))


@test
def what_is_left_out_is_told():
    with place() as folder:
        m = signed(folder)
        m.write("notes.md", b"draft")
        m.write(".git/HEAD", b"ref")
        good("sign", m.path, "--key", m.key, "--ignore-path", "notes.md", "--ignore-path", "not/there")
        ended = check(m)
        assert ended.code == 0 and "left out     notes.md" in ended.out and "left out     .git\n" in ended.out and "not/there" not in ended.out, ended
        good("sign", m.path, "--key", m.key, "--with-git", "--ignore-path", "notes.md")
        m.write(".gitignore", b"other")
        refused(check(m))
        for evil in ("../x", "/x", "", "a//b", "."):
            one_line(run("sign", m.path, "--key", m.key, "--ignore-path", evil), 2, "--ignore-path")


@test
def a_document_is_known_by_its_whole_name():
    """What begins as README or LICENSE does may be code, or weights."""
    for name, code in (("README", 0), ("LICENSE", 0), ("sub/readme.txt", 0), ("LICENSE.html", 0), ("COPYING.rst", 0), ("NOTICE.md", 0), ("README.py", 1), ("LICENSE.safetensors", 1),
                       ("README_weights", 1), ("LICENSEs", 1), ("README.md.py", 1)):
        with place() as folder:
            m = signed(folder)
            m.write(name, b"x")
            good("sign", m.path, "--key", m.key, "--ignore-path", name)
            ended = check(m)
            assert ended.code == code and f"left out     {name}\n" in ended.out, (name, ended)
            assert check(m, "--allow-unsigned").code == 0, name


@test
def what_nobody_signed_may_be_allowed():
    with place() as folder:
        m = signed(folder)
        m.write("new", b"x")
        refused(check(m))
        ended = check(m, "--allow-unsigned")
        assert ended.code == 0 and "not signed   new" in ended.out, ended
        m.write("a.txt", b"x")
        refused(check(m, "--allow-unsigned", "--partial"))


@test
def names_that_cannot_be_signed():
    with place() as folder:
        m = signed(folder)
        for name in (b"line\nbreak", b"back\\slash", b"escape\x1b[31m"):
            path = os.path.join(m.path.encode(), name)
            open(path, "w").close()
            ended = run("sign", m.path, "--key", m.key)
            one_line(ended, 1, "a name in UTF-8 without backslash and control characters")
            os.remove(path)
        open(os.path.join(m.path.encode(), b"not utf-8 \xff"), "w").close()
        made = subprocess.run([HEARTH, "sign", m.path, "--key", m.key], capture_output=True, env=environment())
        assert made.returncode == 1 and made.stdout == b"" and b"a name in UTF-8" in made.stderr, made
        os.makedirs(os.path.join(folder, "nothing"))
        one_line(run("sign", os.path.join(folder, "nothing"), "--key", m.key), 1, "expected files to sign, found none")
        one_line(run("sign", os.path.join(folder, "not there"), "--key", m.key), 1, "not there")


@test
def the_number_of_threads_changes_nothing():
    with place() as folder:
        m = signed(folder)
        digests = {json.loads(good("sign", m.path, "--key", m.key, "--json", "--threads", str(n)))["sha256"] for n in (1, 2, 7)}
        assert len(digests) == 1, digests


@test
def large_numbers_are_bounded():
    with place() as folder:
        m = signed(folder)
        statement = m.statement()
        first = statement["predicate"]["resources"][0]
        statement["predicate"]["resources"] = [{**first, "name": f"f{i}"} for i in range(100001)]
        tamper.set_root(statement)
        m.resign(statement)
        one_line(check(m), 1, "resources: expected an array of 1 to 100000 files")
        statement = m.statement()
        statement["predicate"]["resources"] = [{**first, "name": "x" * 5000}]
        tamper.set_root(statement)
        m.resign(statement)
        refused(check(m))
        m.write("model.sig", b"[" * 100000)
        refused(check(m))
        m.write("model.sig", b" " * (65 << 20))
        refused(check(m))


for do in tamper.CASES + tamper.OURS:
    test(tampering(do))

if __name__ == "__main__":
    main()
