#!/usr/bin/env python3
"""hearth's signatures and those of OpenSSF's own program (PyPI's model-signing), each checked by the other; and every tampering that
hearth finds, found by it, too. Prints TAP."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "cli")]
import tamper  # noqa: E402
from tap import Skip, main, test  # noqa: E402
from signed import check, good, place, run, signed  # noqa: E402

try:
    import model_signing
    from model_signing import hashing, signing, verifying
except ImportError:
    model_signing = None


def need():
    if model_signing is None:
        raise Skip("python3 has no model_signing")


def theirs(m, signature=None):
    """Their verdict, as their program gives it: the hashing that it is set to, and whom we trust."""
    config = verifying.Config().set_hashing_config(hashing.Config().set_ignored_paths(paths=["model.sig"], ignore_git_paths=True))
    config = config.use_certificate_verifier(certificate_chain=m.anchors) if m.anchors else config.use_elliptic_key_verifier(public_key=m.public)
    config.verify(m.path, signature or m.signature)


def they_refuse(m):
    try:
        theirs(m)
    except Exception:  # whatever kind: it did not verify
        return True
    return False


def their_hashing():
    return hashing.Config().set_ignored_paths(paths=["model.sig", "theirs.sig"], ignore_git_paths=True)


@test
def their_program_verifies_ours_and_ours_theirs():
    need()
    with place() as folder:
        m = signed(folder)
        theirs(m)
        for curve in ("P-256", "P-384", "P-521"):
            key = os.path.join(folder, curve)
            good("sign", "key", "new", key, "--curve", curve, passphrase="a passphrase")
            m.public = key + ".pub"
            good("sign", m.path, "--key", key, passphrase="a passphrase")
            theirs(m)
            good("sign", "key", "passphrase", key, key + ".plain", "--no-passphrase", passphrase="a passphrase")
            os.remove(m.signature)
            config = signing.Config().use_elliptic_key_signer(private_key=key + ".plain")
            config.set_hashing_config(their_hashing()).sign(m.path, m.signature)
            assert check(m).code == 0, check(m)


@test
def they_read_our_encrypted_keys():
    need()
    with place() as folder:
        m = signed(folder)
        key = os.path.join(folder, "encrypted")
        good("sign", "key", "new", key, passphrase="a passphrase")
        m.public = key + ".pub"
        os.remove(m.signature)
        config = signing.Config().use_elliptic_key_signer(private_key=key, password=b"a passphrase")
        config.set_hashing_config(their_hashing()).sign(m.path, m.signature)
        assert check(m).code == 0, check(m)


@test
def the_digests_are_the_same():
    need()
    import json
    with place() as folder:
        m = signed(folder)
        ours = m.statement()
        os.remove(m.signature)
        signing.Config().use_elliptic_key_signer(private_key=m.key).set_hashing_config(their_hashing()).sign(m.path, m.signature)
        made = m.statement()
        assert made["subject"] == ours["subject"], (made["subject"], ours["subject"])
        plain = lambda s: [(r["name"], r["digest"], r["algorithm"]) for r in s["predicate"]["resources"]]  # noqa: E731
        assert plain(made) == plain(ours), json.dumps(made)


@test
def pieces_by_their_program_verify():
    need()
    with place() as folder:
        m = signed(folder)
        os.remove(m.signature)
        config = hashing.Config().set_ignored_paths(paths=["model.sig"]).use_shard_serialization(shard_size=1000)
        config.set_ignored_paths(paths=["model.sig"])
        signing.Config().use_elliptic_key_signer(private_key=m.key).set_hashing_config(config).sign(m.path, m.signature)
        assert check(m).code == 0, check(m)


@test
def one_file_both_ways():
    need()
    with place() as folder:
        m = signed(folder)
        path, ours, other = m.at("model.safetensors"), os.path.join(folder, "ours.sig"), os.path.join(folder, "theirs.sig")
        good("sign", path, "--key", m.key, "--signature", ours)
        verifying.Config().use_elliptic_key_verifier(public_key=m.public).verify(path, ours)
        signing.Config().use_elliptic_key_signer(private_key=m.key).sign(path, other)
        assert run("verify-signature", path, "--key", m.public, "-s", other).code == 0


@test
def certificates_both_ways():
    need()
    with place() as folder:
        m = signed(folder)
        at = lambda name: os.path.join(folder, name)  # noqa: E731
        tamper.make_certificate(folder, "root", ca=True, usage="keyCertSign")
        tamper.make_certificate(folder, "between", issuer="root", ca=True, usage="keyCertSign")
        tamper.make_certificate(folder, "leaf", issuer="between", curve="secp521r1")
        m.anchors = [at("root.pem")]
        good("sign", m.path, "--key", at("leaf.key"), "--certificate", at("leaf.pem"), "--chain", at("between.pem"))
        theirs(m)
        os.remove(m.signature)
        signer = signing.Config().use_certificate_signer(private_key=at("leaf.key"), signing_certificate=at("leaf.pem"), certificate_chain=[at("between.pem")])
        signer.set_hashing_config(their_hashing()).sign(m.path, m.signature)
        assert check(m).code == 0, check(m)


@test
def through_their_command_line():
    need()
    with place() as folder:
        m = signed(folder)
        words = [sys.executable, "-m", "model_signing"]
        made = subprocess.run([*words, "verify", "key", m.path, "--signature", m.signature, "--public_key", m.public], capture_output=True, text=True)
        assert made.returncode == 0 and "Verification succeeded" in made.stdout, made
        os.remove(m.signature)
        made = subprocess.run([*words, "sign", "key", m.path, "--signature", m.signature, "--private_key", m.key], capture_output=True, text=True)
        assert made.returncode == 0, made
        assert check(m).code == 0, check(m)


def tampering(do):
    def function():
        need()
        with place() as folder:
            m = signed(folder)
            do(m)
            assert they_refuse(m), "model-signing lets it pass"
    function.__name__ = "they find it, too: " + do.__name__
    return function


for do in tamper.CASES:
    test(tampering(do))

if __name__ == "__main__":
    main()
