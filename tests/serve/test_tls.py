#!/usr/bin/env python3
"""TLS: which protocols, and a certificate that is replaced while connections are open. Prints TAP."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from support import OWN, Server, main, test
from tap import hearth, one_line

PLACE = tempfile.mkdtemp(prefix="hearth tls ")
TEXT = {"prompt": "The ", "stop": "never", "max_tokens": 4}


def path(name):
    return os.path.join(PLACE, name)


def make_certificate(name, kind="ec"):
    """A certificate of its own; the file names are NAME.pem and NAME.key."""
    how = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if kind == "ec" else ["-newkey", "rsa:2048"]
    subprocess.run(["openssl", "req", "-x509", *how, "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path(name + ".key"), "-out", path(name + ".pem")],
                   check=True, capture_output=True)


def put(name):
    """What certbot does: new files in place of the old ones."""
    for end in ("pem", "key"):
        shutil.copy(path(f"{name}.{end}"), path("new"))
        os.replace(path("new"), path(f"used.{end}"))


for one, kind in (("first", "ec"), ("second", "rsa"), ("third", "ec")):
    make_certificate(one, kind)
put("first")
S = Server(OWN, "--tls-cert", path("used.pem"), "--tls-key", path("used.key"))


def context(name=None, **limits):
    made = ssl.create_default_context(cafile=path(name + ".pem")) if name else ssl._create_unverified_context()
    for key, value in limits.items():
        setattr(made, key, value)
    return made


def connect(name=None, **limits):
    return http.client.HTTPSConnection("127.0.0.1", S.port, timeout=60, context=context(name, **limits))


def ask(c):
    c.request("POST", "/v1/completions", json.dumps(TEXT))
    r = c.getresponse()
    assert r.status == 200, r.read()
    return json.loads(r.read())["choices"][0]["text"]


def subject():
    """Whose certificate a new connection gets."""
    pem = ssl.get_server_certificate(("127.0.0.1", S.port))
    made = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, capture_output=True, text=True, check=True)
    return made.stdout.split("=")[-1].strip()


def wait_for(name):
    for _ in range(300):
        if subject() == name:
            return
        time.sleep(0.1)
    raise AssertionError(f"{subject()}, not {name}, after half a minute")


@test
def a_client_that_verifies_gets_its_answer():
    assert S.ready["url"].startswith("https://"), S.ready
    c = connect("first")
    assert ask(c)
    assert c.sock.version() == "TLSv1.3", c.sock.version()
    c.close()


@test
def tls_1_2_is_the_oldest():
    c = connect("first", maximum_version=ssl.TLSVersion.TLSv1_2)
    assert ask(c) and c.sock.version() == "TLSv1.2"
    c.close()
    import warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    old = context(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    old.set_ciphers("ALL:@SECLEVEL=0")
    try:
        with socket.create_connection(("127.0.0.1", S.port), timeout=60) as raw, old.wrap_socket(raw) as s:
            raise AssertionError(s.version())
    except (ssl.SSLError, ConnectionError):
        pass


@test
def a_stream_over_tls():
    c = connect("first")
    c.request("POST", "/v1/completions", json.dumps({**TEXT, "max_tokens": 30, "stream": True}))
    text = c.getresponse().read()
    assert text.endswith(b"data: [DONE]\n\n"), text[-200:]
    c.close()


@test
def no_plain_text():
    with socket.create_connection(("127.0.0.1", S.port), timeout=60) as c:
        c.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            got = c.recv(4096)
        except ConnectionError:
            got = b""
    assert b"HTTP/" not in got, got
    assert ask(connect("first"))


@test
def a_replaced_certificate_is_seen_and_drops_nobody():
    old = connect("first")
    before = ask(old)
    put("second")
    wait_for("second")
    assert ask(old) == before and ask(connect("second")) == before
    try:
        ask(connect("first"))
        raise AssertionError("the new certificate is not the old one")
    except ssl.SSLError:
        pass
    old.close()


@test
def sighup_reads_it_again_and_a_wrong_pair_changes_nothing():
    put("third")
    S.process.send_signal(signal.SIGHUP)
    wait_for("third")
    shutil.copy(path("first.key"), path("used.key"))
    S.process.send_signal(signal.SIGHUP)
    time.sleep(1.5)
    assert subject() == "third" and ask(connect("third"))
    put("first")
    wait_for("first")


@test
def wrong_files_are_told_before_anything_listens():
    one_line(hearth("serve", OWN, "--tls-cert", path("first.pem")), 2, "--tls-cert and --tls-key together")
    one_line(hearth("serve", OWN, "--tls-cert", path("first.pem"), "--tls-key", path("second.key"), "--port", "0"), 1, "second.key", "the key of the certificate")
    one_line(hearth("serve", OWN, "--tls-cert", path("first.key"), "--tls-key", path("first.key"), "--port", "0"), 1, "first.key", "certificates in PEM")
    one_line(hearth("serve", OWN, "--tls-cert", path("none.pem"), "--tls-key", path("first.key"), "--port", "0"), 1, "none.pem")


try:
    main()
finally:
    S.process.send_signal(signal.SIGTERM)
    err = S.process.communicate(timeout=60)[1]
    shutil.rmtree(PLACE, ignore_errors=True)
    assert S.process.returncode == 0 and "certificate replaced" in err and "the key of the certificate" in err, (S.process.returncode, err)
