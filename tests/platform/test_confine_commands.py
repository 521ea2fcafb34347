#!/usr/bin/env python3
"""Commands are confined while they read, and work so: what the kernel says of a running hearth, hub caches made of links,
split files, what is written. Prints TAP."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "cli"), os.path.join(os.path.dirname(HERE), "hub")]
from place import Place, gguf, model_files  # noqa: E402
from server import Hub  # noqa: E402
from tap import BUILD, HEARTH, SOURCE, Skip, environment, hearth, main, test  # noqa: E402

GOLDEN = os.path.join(SOURCE, "tests")
OLD_KERNEL = next((argument for argument in sys.argv[1:] if argument.endswith(".so")), os.path.join(BUILD, "tests", "platform", "old_kernel.so"))
sys.argv = [argument for argument in sys.argv if not argument.endswith(".so")]
TOKENIZER = os.path.join(GOLDEN, "tokenizer", "golden", "unigram.model")
PARTS = [os.path.join(GOLDEN, "formats", "golden", f"split-{n:05}-of-00003.gguf") for n in (1, 2, 3)]


def required(**more):
    """An environment in which a kernel without all of it is an error; skips where this one, or this build, has not."""
    env = environment(HEARTH_CONFINE="require", **more)
    tried = hearth("tokenize", TOKENIZER, "--text", "a", env=env)
    if tried.code != 0 and "a kernel with Landlock and seccomp" in tried.err:
        raise Skip(tried.err.strip())
    assert tried.code == 0, tried
    return env


def state(process):
    """What the kernel says of a process: its filter of system calls (2: there is one), and whether it may gain rights."""
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
        rows = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return rows["Seccomp"], rows["NoNewPrivs"]


@test
def the_kernel_says_that_a_reading_command_is_confined():
    env = required()
    command = [HEARTH, "tokenize", TOKENIZER, "--ids"]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while state(process) != ("2", "1"):  # it opens the model first, then waits for the text
            assert process.poll() is None and time.monotonic() < deadline, state(process)
            time.sleep(0.01)
        out, err = process.communicate(b"some text", timeout=60)
        assert process.returncode == 0 and out, err


@test
def a_wish_that_is_none_is_refused():
    tried = hearth("show", PARTS[0], env=environment(HEARTH_CONFINE="perhaps"))
    assert tried.code != 0 and "HEARTH_CONFINE: expected off or require, found perhaps" in tried.err, tried


def state_of_pull(wish):
    """While it waits for a file; and what show says of what it fetched."""
    hub = Hub()
    try:
        with Place(hub, HEARTH_CONFINE=wish) as place:
            hub.add_repository("org/name", model_files())
            hub.fault("config.json", "hold")
            process = place.start("pull", "org/name")
            deadline = time.monotonic() + 60
            while not any("/resolve/" in entry.path and "config.json" in entry.path and entry.method == "GET" for entry in hub.log):
                assert process.poll() is None and time.monotonic() < deadline, (process.stderr.read(), hub.log)
                time.sleep(0.01)
            found = state(process)
            hub.release.set()
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
            return found, place.good("show", "org/name").out
    finally:
        hub.close()


@test
def pull_is_confined_and_what_it_fetched_is_links_that_show_reads():
    required()
    found, shown = state_of_pull("require")
    assert found == ("2", "1") and "tensors in 1 file" in shown, (found, shown)
    with open("/proc/self/status", encoding="utf-8") as file:
        ours = [line.split()[1] for line in file if line.startswith("Seccomp:")]
    found, again = state_of_pull("off")
    assert found[0] == ours[0] and [line for line in again.splitlines() if "path" not in line] == \
        [line for line in shown.splitlines() if "path" not in line], (found, again)


@test
def stores_on_other_disks_are_pulled_to_through_their_links():
    env = required()
    with Hub() as hub, Place(hub, HEARTH_CONFINE="require") as place, tempfile.TemporaryDirectory(prefix="hearth disk ") as disk:
        hub.add_repository("org/name", model_files())
        hub.add_ollama("library", "tiny", "latest", {"model": gguf()})
        for store, inner in ((place.cache, "models--org--name"), (place.ollama, "blobs"), (place.ollama, "manifests")):
            os.makedirs(os.path.join(disk, inner))
            os.makedirs(store, exist_ok=True)
            os.symlink(os.path.join(disk, inner), os.path.join(store, inner))
        for name in ("org/name", f"ollama:http://{hub.host}/library/tiny"):
            place.good("pull", name)
            shown = hearth("show", name, env={**place.env, **env, "HOME": place.name}, timeout=60)
            assert shown.code == 0, shown
        assert os.listdir(os.path.join(disk, "blobs")) and os.listdir(os.path.join(disk, "models--org--name", "blobs"))


@test
def a_split_set_is_read_whole_also_through_links():
    env = required()
    with tempfile.TemporaryDirectory(prefix="hearth confine ") as folder:
        os.mkdir(os.path.join(folder, "blobs"))
        os.mkdir(os.path.join(folder, "snapshot"))
        for n, part in enumerate(PARTS):
            shutil.copyfile(part, os.path.join(folder, "blobs", str(n)))
            os.symlink(f"../blobs/{n}", os.path.join(folder, "snapshot", os.path.basename(part)))
        first = os.path.join(folder, "snapshot", os.path.basename(PARTS[0]))
        plain = hearth("show", PARTS[0], env=environment(HEARTH_CONFINE="off"))
        for path in (PARTS[0], first, os.path.relpath(first)):
            confined = hearth("show", path, env=env)
            assert (confined.code, confined.err.split(": ")[-1]) == (plain.code, plain.err.split(": ")[-1]), (confined, plain)
            assert "ermission" not in confined.err and "not permitted" not in confined.err, confined


@test
def files_that_commands_read_after_the_model_are_read():
    env = required()
    with tempfile.TemporaryDirectory(prefix="hearth confine ") as folder:
        words = os.path.join(folder, "words")
        with open(words, "w", encoding="utf-8") as file:
            file.write("some text")
        ids = hearth("tokenize", TOKENIZER, "--text", "some text", "--ids", env=env).out
        assert ids and hearth("tokenize", TOKENIZER, words, "--ids", env=env).out == ids
        piped = subprocess.run(f"'{HEARTH}' tokenize '{TOKENIZER}' /dev/stdin --ids < '{words}'; '{HEARTH}' tokenize '{TOKENIZER}' /dev/fd/3 --ids 3< <(cat '{words}')",
                               shell=True, executable="/bin/bash", env=env, capture_output=True, text=True, timeout=60)
        assert piped.stdout == ids + ids, piped


@test
def what_commands_write_is_beside_the_output_alone():
    env = required()
    with tempfile.TemporaryDirectory(prefix="hearth confine ") as folder:
        model = os.path.join(folder, "model.gguf")
        with open(model, "wb") as file:
            file.write(gguf())
        os.mkdir(os.path.join(folder, "out"))
        for arguments in (["quantize", model, "q8_0", os.path.join(folder, "out", "a.gguf")],
                          ["quantize", model, "q8_0", "b.gguf", "--threads", "3"]):
            ended = subprocess.run([HEARTH, *arguments], env=env, cwd=os.path.join(folder, "out"), capture_output=True, text=True, timeout=60)
            assert ended.returncode == 0, ended
        assert sorted(os.listdir(os.path.join(folder, "out"))) == ["a.gguf", "b.gguf"]
        assert sorted(os.listdir(folder)) == ["model.gguf", "out"]


# What confine.c gives to all, and to who asks for names of hosts and trusts certificates.
OF_THE_SYSTEM = ("/lib", "/usr/lib", "/usr/share/locale", "/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/urandom", "/proc/",
                 "/sys/fs/cgroup", "/sys/devices/system", "/sys/kernel/mm")
OF_THE_NETWORK = ("/etc", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/var/lib/ca-certificates", "/run/")
WRITES = ~0xC  # all rights but to read files and folders


def given(env, folder, *arguments, system=OF_THE_SYSTEM, code=0):
    """The paths that a command is given to read, and to write in, beside the system's; `folder` is the tests' own."""
    rules = os.path.join(folder, "rules")
    ended = hearth(*arguments, env={**env, "LD_PRELOAD": OLD_KERNEL, "OLD_KERNEL_RULES": rules}, timeout=60)
    assert code is None or ended.code == code, ended
    with open(rules, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split(" ", 1) for line in file]
    os.remove(rules)
    assert any(path == "/proc/meminfo" for _, path in rows), rows
    own = [(int(rights, 16), path) for rights, path in rows if path.startswith(folder) or not path.startswith(system)]
    assert all(int(rights, 16) & WRITES == 0 for rights, path in rows if not path.startswith(folder)), rows
    relative = lambda path: os.path.relpath(path, folder)  # noqa: E731
    return sorted(relative(path) for rights, path in own if rights & WRITES == 0), sorted(relative(path) for rights, path in own if rights & WRITES)


@test
def each_command_is_given_its_own_files_and_no_more():
    env = required()
    with tempfile.TemporaryDirectory(prefix="hearth confine ") as folder:
        folder = os.path.realpath(folder)
        os.mkdir(os.path.join(folder, "out"))
        model, words = os.path.join(folder, "model.gguf"), os.path.join(folder, "words")
        tokenizer = os.path.join(folder, "unigram.model")
        shutil.copyfile(TOKENIZER, tokenizer)
        for path, content in ((model, gguf()), (os.path.join(folder, "no-split-00002-of-00003.gguf"), gguf()), (words, b"some text")):
            with open(path, "wb") as file:
                file.write(content)
        for part in PARTS:
            shutil.copyfile(part, os.path.join(folder, "my-" + os.path.basename(part)))
        assert given(env, folder, "show", model) == (["model.gguf"], [])
        assert given(env, folder, "tokenize", tokenizer, words, "--ids") == (["unigram.model", "words"], [])
        parts = sorted("my-" + os.path.basename(part) for part in PARTS)
        assert sorted(set(given(env, folder, "show", os.path.join(folder, parts[0]), code=None)[0])) == parts
        assert given(env, folder, "quantize", model, "q8_0", os.path.join(folder, "out", "a.gguf")) == (["model.gguf"], ["out"])
        assert given(env, folder, "convert", model, os.path.join(folder, "out", "b")) == (["model.gguf"], ["out"])
    with Hub() as hub, Place(hub, HEARTH_CONFINE="require") as place:
        hub.add_repository("org/name", model_files())
        folder = os.path.realpath(place.name)
        read, written = given({**place.env, "HOME": folder}, folder, "pull", "org/name", system=OF_THE_SYSTEM + OF_THE_NETWORK)
        store = os.path.relpath(os.path.realpath(place.cache), folder)
        assert read == [] and written and all(path == store or path.startswith(store + os.sep) for path in written), (read, written)


@test
def list_reads_the_stores_also_where_models_are_links_out_of_them():
    env = required()
    with tempfile.TemporaryDirectory(prefix="hearth confine ") as folder:
        store = os.path.join(folder, ".local", "share", "openhearth", "models")
        os.makedirs(store)
        with open(os.path.join(folder, "elsewhere.gguf"), "wb") as file:
            file.write(gguf())
        os.symlink(os.path.join(folder, "elsewhere.gguf"), os.path.join(store, "linked.gguf"))
        shutil.copyfile(os.path.join(folder, "elsewhere.gguf"), os.path.join(store, "here.gguf"))
        own = {name: value for name, value in env.items() if not name.startswith(("HF_", "OLLAMA_"))}
        listed = [hearth("list", "--json", env={**own, "HOME": folder, "HEARTH_CONFINE": wish}) for wish in ("require", "off")]
        assert listed[0].code == 0 and listed[0].out == listed[1].out and "linked" in listed[0].out and "here" in listed[0].out, listed


@test
def kernels_that_offer_less_are_lived_with():
    env = required()
    for version in (None, "1", "2", "3", "4", "5", "6"):
        old = {**env, "LD_PRELOAD": OLD_KERNEL, "HEARTH_CONFINE": "", **({"OLD_KERNEL": version} if version else {})}
        assert hearth("tokenize", TOKENIZER, "--text", "a", "--ids", env=old).code == 0
        with tempfile.TemporaryDirectory(prefix="hearth confine ") as folder:
            with open(os.path.join(folder, "model.gguf"), "wb") as file:
                file.write(gguf())
            made = hearth("quantize", os.path.join(folder, "model.gguf"), "q8_0", os.path.join(folder, "made.gguf"), env=old)
            assert made.code == 0 and os.path.exists(os.path.join(folder, "made.gguf")), made
            strict = hearth("quantize", os.path.join(folder, "model.gguf"), "q8_0", os.path.join(folder, "b.gguf"), env={**old, "HEARTH_CONFINE": "require"})
            wanted = {None: "Landlock missing, seccomp missing", "1": "Landlock missing, seccomp there"}.get(version)
            assert (strict.code == 0) == (wanted is None) and (wanted or "") in strict.err, (version, strict)


@test
def doctor_tells_what_there_is():
    ended = hearth("doctor", "--threads", "1", "--json", env=environment())
    found = json.loads(ended.out)["confinement"]
    assert set(found) == {"landlock", "seccomp"} and found["landlock"] >= 0, found
    tried = hearth("show", PARTS[0], env=environment(HEARTH_CONFINE="require"))
    missing = "expected a kernel with Landlock and seccomp" in tried.err
    assert missing == (found["landlock"] == 0 or not found["seccomp"]), (found, tried)


main()
