#!/usr/bin/env python3
"""Keys: who may ask, which models, how much; what is kept of it; the audit log. Prints TAP."""

import concurrent.futures
import json
import os
import shutil
import signal
import sqlite3
import stat
import tempfile
import time

from support import HEARTH, OWN, Server, main, test, wait_until
from tap import good, good_json, hearth, one_line

PLACE = tempfile.mkdtemp(prefix="hearth keys ")
FILE = os.path.join(PLACE, "keys.sqlite")
AUDIT = os.path.join(PLACE, "audit.jsonl")
TEXT = {"temperature": 1, "prompt": "The ", "stop": "never", "max_tokens": 4}
ASK = "/v1/completions"


def add(name, *options, file=FILE):
    return good_json("keys", "add", name, "--keys", file, *options)


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def lines(path=AUDIT):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


ALICE = add("alice")
BOSS = add("boss", "--admin")
WATCHER = add("watcher", "--metrics")
# Those that the tests use are made before the server starts: it looks at the database once a second.
MADE = {name: add(name.lstrip("-"), *options) for name, *options in (
    ("narrow", "--model", "b"), ("rare", "--requests-per-minute", "3"), ("rarer", "--requests-per-minute", "3", "--model", "b"), ("single", "--concurrency", "1"), ("gone",), ("late",), ("brief",),
    ("guessed",), ("--tokens-per-minute", "--tokens-per-minute", "20"), ("--tokens-per-day", "--tokens-per-day", "20"))}
S = Server(f"a={OWN}", f"b={OWN}", "--keys", FILE, "--audit", AUDIT)


def ask(key, body=TEXT, path=ASK, server=None):
    status, headers, text = (server or S).send("POST", path, body, bearer(key["key"]) if isinstance(key, dict) else {"x-api-key": key})
    return status, headers, json.loads(text)


@test
def a_key_is_printed_once_and_kept_as_a_hash():
    assert stat.S_IMODE(os.stat(FILE).st_mode) == 0o600
    with open(FILE, "rb") as file:
        raw = file.read()
    secret = ALICE["key"].split("_")[2]
    assert secret.encode() not in raw and bytes.fromhex(secret) not in raw
    rows = good_json("keys", "list", "--keys", FILE)
    assert [r["name"] for r in rows][:3] == ["alice", "boss", "watcher"] and all("key" not in r for r in rows), rows


@test
def the_hash_is_scrypt_as_python_computes_it():
    import hashlib
    db = sqlite3.connect(FILE)
    n, r, p, salt, wanted = db.execute("SELECT n, r, p, salt, hash FROM key WHERE id=?", (ALICE["id"],)).fetchone()
    db.close()
    made = hashlib.scrypt(ALICE["key"].split("_")[2].encode(), salt=salt, n=n, r=r, p=p, dklen=32, maxmem=1 << 28)
    assert made == wanted and n >= 1 << 14 and r >= 8


@test
def both_headers_and_no_other_key():
    assert ask(ALICE)[0] == 200 and ask(ALICE["key"])[0] == 200
    changed = ALICE["key"][:-1] + ("0" if ALICE["key"][-1] != "0" else "1")
    for headers, code in (({}, "missing_api_key"), (bearer(""), "missing_api_key"), (bearer("sk-nothing"), "invalid_api_key"),
                          (bearer(changed), "invalid_api_key"), ({"Authorization": "Basic " + ALICE["key"]}, "missing_api_key"),
                          (bearer("hearth_000000000000_" + "0" * 48), "invalid_api_key")):
        status, made, text = S.send("POST", ASK, TEXT, headers)
        error = json.loads(text)["error"]
        assert status == 401 and error["code"] == code and made["WWW-Authenticate"] == "Bearer", (headers, status, text)
        assert error["type"] == "authentication_error", error


@test
def health_is_open_and_load_has_a_right_of_its_own():
    assert S.get("/health")[0] == 200
    for key, wanted in ((ALICE, 403), (WATCHER, 200), (BOSS, 200)):
        status, _, text = S.send("GET", "/metrics", headers=bearer(key["key"]))
        assert status == wanted, (key["name"], status, text)
    assert S.send("GET", "/metrics")[0] == 401
    assert S.send("GET", "/v1/models")[0] == 401 and S.send("GET", "/v1/models", headers=bearer(ALICE["key"]))[0] == 200


@test
def a_key_may_be_for_one_model():
    key = MADE["narrow"]
    assert ask(key, {**TEXT, "model": "b"})[0] == 200
    for body in ({**TEXT, "model": "a"}, TEXT, {**TEXT, "model": "none"}):
        status, _, made = ask(key, body)
        assert status == 403 and made["error"]["code"] == "model_not_allowed", made
    for path in ("/v1/models/", "/api/hearth/models/"):
        assert S.get(path + "b", **bearer(key["key"]))[0] == 200
        status, made = S.get(path + "a", **bearer(key["key"]))
        assert status == 404 and made["error"]["code"] == "model_not_found", made
    rows = json.loads(S.send("GET", "/v1/models", headers=bearer(key["key"]))[2])["data"]
    assert [r["id"] for r in rows] == ["b"], rows
    good("keys", "limit", "narrow", "--model", "*", "--keys", FILE)
    wait_until(lambda: ask(key, {**TEXT, "model": "a"})[0] == 200)


@test
def requests_per_minute():
    key = MADE["rare"]
    assert ask(key)[0] == 200
    status, headers, _ = ask(key)
    assert status == 200 and headers["x-ratelimit-limit-requests"] == "3" and headers["x-ratelimit-remaining-requests"] == "1", headers
    assert headers["x-ratelimit-reset-requests"].endswith("s"), headers
    assert ask(key)[0] == 200
    status, headers, made = ask(key)
    assert status == 429 and made["error"]["code"] == "rate_limit_exceeded" and "requests per minute" in made["error"]["message"], made
    assert 1 <= int(headers["Retry-After"]) <= 60 and headers["x-ratelimit-remaining-requests"] == "0", headers


@test
def a_key_past_its_limits_has_no_body_read():
    """Every request counts once, whatever is found in it; then the limit answers before the body is looked at."""
    key = MADE["rarer"]
    left = []
    for body, wanted in ((b"no JSON", 400), ({**TEXT, "model": "a"}, 403), ({**TEXT, "model": "b"}, 200), (b"no JSON", 429)):
        status, headers, made = ask(key, body)
        assert status == wanted, (body, status, made)
        left.append(headers["x-ratelimit-remaining-requests"])
    assert left == ["2", "1", "0", "0"], left


@test
def a_key_that_is_revoked_while_the_body_comes():
    key, body = MADE["late"], json.dumps(TEXT).encode()
    assert ask(key)[0] == 200
    with S.raw() as c:
        c.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n" %
                  (ASK.encode(), key["key"].encode(), len(body)) + body[:5])
        good("keys", "revoke", key["id"], "--keys", FILE)
        wait_until(lambda: ask(key)[0] == 401)
        c.sendall(body[5:])
        assert c.recv(1000).startswith(b"HTTP/1.1 401")


@test
def tokens_per_minute_and_per_day():
    for option, words in (("--tokens-per-minute", "tokens per minute"), ("--tokens-per-day", "tokens per day")):
        key = MADE[option]
        assert ask(key, {**TEXT, "max_tokens": 16})[0] == 200
        for _ in range(4):
            status, headers, made = ask(key, {**TEXT, "max_tokens": 16})
            if status == 429:
                break
        assert status == 429 and words in made["error"]["message"], (status, made)
        assert headers["x-ratelimit-limit-tokens"] == "20" and headers["x-ratelimit-remaining-tokens"] == "0", headers
        assert int(headers["Retry-After"]) <= (60 if "minute" in words else 86400), headers


@test
def requests_at_a_time():
    key = MADE["single"]
    long = {**TEXT, "max_tokens": 200, "n": 8}
    made = []
    for _ in range(20):  # until two of them meet
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            made += pool.map(lambda _: ask(key, long), range(8))
        refused = [row for row in made if row[0] != 200]
        if refused:
            break
    status, headers, answer = refused[0]
    assert status == 429 and "at a time" in answer["error"]["message"] and headers["Retry-After"] == "1", (status, answer)
    assert any(row[0] == 200 for row in made), made[:3]
    wait_until(lambda: ask(key)[0] == 200)


@test
def revoked_and_expired_keys_end_while_the_server_runs():
    key = MADE["gone"]
    assert ask(key)[0] == 200
    good("keys", "revoke", key["id"], "--keys", FILE)
    wait_until(lambda: ask(key)[0] == 401)
    assert "revoked" in ask(key)[2]["error"]["message"]
    key = MADE["brief"]
    assert ask(key)[0] == 200
    good("keys", "limit", "brief", "--expires", "2001-01-01", "--keys", FILE)
    wait_until(lambda: ask(key)[0] == 401)
    assert "expired" in ask(key)[2]["error"]["message"]


@test
def keys_stay_while_the_database_is_read_and_where_it_cannot_be():
    file = os.path.join(PLACE, "read.sqlite")
    first = add("first", file=file)
    broken = "INSERT INTO key SELECT 'broken', name, models, metrics, admin, tokens_minute, tokens_day, requests_minute, concurrency," \
             " 0, expires, revoked, n, r, p, salt, x'00' FROM key WHERE name='first'"

    def change(*statements):
        db = sqlite3.connect(file)
        with db:
            for statement in statements:
                db.execute(statement)
        db.close()

    server = Server(OWN, "--keys", file)
    assert ask(first, server=server)[0] == 200
    wait_until(lambda: good_json("keys", "usage", "--keys", file) != [])  # nothing is written from here on
    for name in ("second", "third"):
        change(broken)
        assert "until they can be read" in server.process.stderr.readline()
        assert server.send("GET", "/v1/models", headers=bearer(first["key"]))[0] == 200
        change("DELETE FROM key WHERE id='broken'")
        made = add(name, file=file)
        wait_until(lambda: server.send("GET", "/v1/models", headers=bearer(made["key"]))[0] == 200)  # noqa: B023
    # many rows, the one that is asked with behind them: each reading takes a while
    change("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<4000) INSERT INTO key SELECT printf('%012x', i), 'many',"
           " models, metrics, admin, tokens_minute, tokens_day, requests_minute, concurrency, 1, expires, revoked, n, r, p, salt, hash"
           " FROM key, n WHERE name='first'")
    before, seen = time.monotonic(), []
    while time.monotonic() - before < 2.5:
        seen.append(server.send("GET", "/v1/models", headers=bearer(first["key"]))[0])
        if len(seen) % 40 == 0:
            change("UPDATE key SET name='more' WHERE id='000000000001'")
    assert set(seen) == {200}, {status: seen.count(status) for status in seen}
    change("DELETE FROM key WHERE name='first'")
    wait_until(lambda: server.send("GET", "/v1/models", headers=bearer(first["key"]))[0] == 401)
    with server:
        pass


@test
def rights_are_taken_away_and_names_without_their_line_feed_are_names():
    file = os.path.join(PLACE, "rights.sqlite")
    both, one = add("both", "--metrics", "--admin", file=file), add("one", "--model", "a", file=file)
    db = sqlite3.connect(file)
    with db:
        db.execute("UPDATE key SET models='b\na' WHERE name='one'")
    db.close()
    with Server(f"a={OWN}", f"b={OWN}", f"c={OWN}", "--keys", file) as server:
        for model, wanted in (("a", 200), ("b", 200), ("c", 403)):
            assert ask(one, {**TEXT, "model": model}, server=server)[0] == wanted, model
    assert [r["models"] for r in good_json("keys", "list", "--keys", file)] == [None, ["b", "a"]]
    assert "b a" in str(good("keys", "list", "--keys", file))
    row = good_json("keys", "limit", both["id"], "--no-admin", "--keys", file)
    assert row["metrics"] and not row["admin"], row
    row = good_json("keys", "limit", both["id"], "--no-metrics", "--keys", file)
    assert not row["metrics"] and not row["admin"], row


@test
def wrong_secrets_are_not_tried_for_ever():
    key = MADE["guessed"]
    assert ask(key)[0] == 200
    wrong = key["key"][:20] + "f" * 48
    seen = [ask(wrong)[0] for _ in range(12)]
    assert seen[0] == 401 and seen[-1] == 429, seen
    assert ask(key)[0] == 200  # its owner does not notice


@test
def many_at_once_with_a_key_that_is_new_to_the_server():
    with Server(OWN, "--keys", FILE) as fresh, concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ask(ALICE, server=fresh)[0], range(16)))
    assert made == [200] * 16, made


@test
def usage_is_what_the_answers_say_and_survives_kill():
    file = os.path.join(PLACE, "usage.sqlite")
    key = add("counted", file=file)
    server = Server(OWN, "--keys", file)
    prompt = tokens = 0
    for _ in range(3):
        usage = ask(key, server=server)[2]["usage"]
        prompt += usage["prompt_tokens"]
        tokens += usage["completion_tokens"]

    def row():
        rows = good_json("keys", "usage", "counted", "--keys", file)
        return rows[0] if rows else None

    # A request counts when it begins, its tokens when it ends; both are written within a second.
    wait_until(lambda: row() is not None and row()["requests"] == 3 and row()["prompt_tokens"] == prompt and row()["tokens"] >= tokens)
    server.process.send_signal(signal.SIGKILL)
    server.process.communicate()
    assert row()["prompt_tokens"] == prompt and row()["tokens"] >= tokens and row()["id"] == key["id"], (row(), prompt, tokens)
    db = sqlite3.connect(file)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    with Server(OWN, "--keys", file) as again:
        assert ask(key, server=again)[0] == 200
    assert row()["requests"] == 4, row()


@test
def killed_in_the_middle_of_a_load_the_database_is_whole():
    file = os.path.join(PLACE, "killed.sqlite")
    keys = [add(f"k{i}", file=file) for i in range(3)]
    for _ in range(3):
        server = Server(OWN, "--keys", file)

        def load(i):
            try:
                while True:
                    ask(keys[i], server=server)  # noqa: B023
            except OSError:
                pass
            except Exception:  # a torn answer
                pass

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for i in range(3):
                pool.submit(load, i)
            wait_until(lambda: good_json("keys", "usage", "--keys", file) != [])
            time.sleep(0.3)
            server.process.kill()
            server.process.communicate()
        db = sqlite3.connect(file)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()


@test
def nobody_listens_wider_without_a_key():
    home = os.path.join(PLACE, "home")
    env = {**os.environ, "XDG_DATA_HOME": home}
    one_line(hearth("serve", OWN, "--host", "0.0.0.0", "--port", "0", env=env), 2, "--host", "hearth keys add", "--insecure-no-key")
    one_line(hearth("serve", OWN, "--keys", FILE, "--insecure-no-key"), 2, "--insecure-no-key")
    one_line(hearth("serve", OWN, "--host", "example.org"), 2, "--host", "an address")
    # with a key in the default database it is asked for
    good("keys", "add", "default", env=env)
    os.environ["XDG_DATA_HOME"] = home
    server = Server.__new__(Server)
    import subprocess
    server.process = subprocess.Popen([HEARTH, "serve", OWN, "--host", "0.0.0.0", "--port", "0", "--json"], env=env, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    server.port = json.loads(server.process.stdout.readline())["port"]
    with server:
        assert server.send("POST", ASK, TEXT)[0] == 401


@test
def the_audit_log_tells_who_and_how_much_and_not_what():
    before = len(lines())
    made = ask(ALICE, {**TEXT, "prompt": "A secret of mine ", "model": "a"})[2]
    wait_until(lambda: len(lines()) > before)
    line = lines()[-1]
    usage = made["usage"]
    assert line["key"] == ALICE["id"] and line["route"] == ASK and line["model"] == "a" and line["status"] == 200, line
    assert line["prompt_tokens"] == usage["prompt_tokens"] and line["client"] == "127.0.0.1" and line["seconds"] > 0, line
    with open(AUDIT, encoding="utf-8") as file:
        text = file.read()
    assert "secret" not in text and ALICE["key"] not in text and ALICE["key"].split("_")[2] not in text
    assert stat.S_IMODE(os.stat(AUDIT).st_mode) == 0o600
    assert any(entry["status"] == 401 and entry["key"] is None for entry in lines()), "refusals are in it"


@test
def contents_where_they_are_asked_for():
    log = os.path.join(PLACE, "contents.jsonl")
    with Server(OWN, "--audit", log, "--audit-contents") as server:
        asked = {"input": "The fire", "max_output_tokens": 3, "chat": "mine"}
        server.good("/v1/responses", asked)  # read as another interface's, and logged as it was sent
        made = server.good(ASK, TEXT)
    assert lines(log)[-2]["body"] == asked, lines(log)[-2]
    line = lines(log)[-1]
    assert line["body"] == TEXT and json.loads(line["answer"]) == made and line["key"] is None, line


@test
def a_full_disk_is_told_and_refuses_where_it_is_required():
    if not os.path.exists("/dev/full"):
        return
    log = os.path.join(PLACE, "full.jsonl")
    os.symlink("/dev/full", log)
    server = Server(OWN, "--audit", log, "--audit-required")
    assert server.send("POST", ASK, TEXT)[0] == 200
    wait_until(lambda: server.send("POST", ASK, TEXT)[0] == 503)
    status, _, text = server.send("POST", ASK, TEXT)
    assert status == 503 and json.loads(text)["error"]["code"] == "audit_log_unavailable", text
    assert server.send("GET", "/health")[0] == 200
    server.process.send_signal(signal.SIGTERM)
    _, err = server.process.communicate(timeout=60)
    assert server.process.returncode == 0 and "audit log" in err and "No space left" in err, err


@test
def a_log_that_is_slow_stalls_no_answer():
    log = os.path.join(PLACE, "slow.jsonl")
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)  # has room for 64 KiB
    with Server(OWN, "--audit", log, "--audit-contents") as server:
        body = {**TEXT, "prompt": "The " * 40, "user": "x" * 20000}
        for _ in range(20):
            assert server.send("POST", ASK, body)[0] == 200
        os.set_blocking(reader, True)
        got = b""
        while got.count(b"\n") < 20:
            got += os.read(reader, 1 << 16)
        assert all(json.loads(line)["body"] == body for line in got.splitlines())
    os.close(reader)


@test
def wrong_uses_of_the_command():
    one_line(hearth("keys", "revoke", "nobody", "--keys", FILE), 1, "nobody")
    one_line(hearth("keys", "add", "x", "--expires", "tomorrow", "--keys", FILE), 2, "--expires", "tomorrow")
    one_line(hearth("keys", "add", "", "--keys", FILE), 1, "NAME")
    one_line(hearth("keys", "forget", "x", "--keys", FILE), 2, "add, list, revoke, limit or usage")
    other = os.path.join(PLACE, "other.txt")
    with open(other, "w", encoding="utf-8") as file:
        file.write("this is no database, but long enough to be looked at\n" * 40)
    one_line(hearth("keys", "list", "--keys", other), 1, "other.txt")
    none = os.path.join(os.path.dirname(FILE), "mistyped.sqlite")
    for words in (("list",), ("usage",), ("revoke", "x"), ("limit", "x", "--concurrency", "1")):
        one_line(hearth("keys", *words, "--keys", none), 1, "mistyped.sqlite", "hearth keys add")
    assert not os.path.exists(none)
    add("twin")
    add("twin")
    one_line(hearth("keys", "revoke", "twin", "--keys", FILE), 1, "several keys")


try:
    with S:
        main()
finally:
    shutil.rmtree(PLACE, ignore_errors=True)
