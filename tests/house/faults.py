#!/usr/bin/env python3
"""Makes every allocation, read, map and thread start of commands that load models fail in turn. Prints TAP.

    faults.py HEARTH true|false      whether faults are compiled in (-Dfaults=true: the sanitizer build); elsewhere it skips

For each kind of fault the number of calls is counted once; then call N is made to fail, for every N up to 200 and an even
choice of 60 beyond (every N with HEARTH_TESTS_ALL=1). Each run must end by itself within 20 seconds of processor time, without
a signal or a sanitizer's report, with exit code 0 and the output of a run without faults (the call's failure was survivable) or
with exit code 1 and exactly one line on stderr."""

import concurrent.futures
import json
import os
import resource
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))
from scripted_model import write_model  # noqa: E402
from tap import Skip, chat_gguf, folder, stories, tiny  # noqa: E402

HEARTH = sys.argv[1]
FAULTS_BUILT = sys.argv[2] == "true"
KINDS = ("alloc", "read", "map", "thread")
RUN = ("-p", "Once", "-n", "2", "--threads", "2", "--temperature", "0")
MESSAGES = b'[{"role": "user", "content": "Once"}]'
TEXT = b"Once upon a time"
COMMANDS = {  # arguments (None stands for the model) and standard input
    "show": (["show", None, "--tensors", "--metadata"], b""),
    "run": (["run", None, "--raw", *RUN], b""),
    "score": (["score", None, "--threads", "2", "--per-token", "--json"], TEXT),
}
# One container is as good as another for these: a GGUF with a template.
COMMANDS_CHAT = {
    "show --json": (["show", None, "--tensors", "--metadata", "--json"], b""),
    "run with a template": (["run", None, *RUN, "--json"], b""),
    "template": (["template", None], MESSAGES),
    "tokenize": (["tokenize", None, "--json"], TEXT),
}
# A model that thinks, or calls a tool, by its script.
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Weather.", "parameters": {"type": "object", "properties": {}}}}]
COMMANDS_PARTS = {
    "run with thinking": (["run", None, "-q", "-p", "Once", "--temperature", "0", "--think", "show"], b""),
    "run with tools": (["run", None, "-q", "-p", "Once", "--temperature", "0", "--tools", "TOOLS", "--think", "off", "--json"], b""),
}


def scripted(place):
    with open(os.path.join(place, "tools.json"), "w", encoding="utf-8") as file:
        json.dump(TOOLS, file)
    return write_model(os.path.join(place, "scripted"))


ENCODERS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "model", "golden", "encoders")
COMMANDS_EMBED = {"embed": (["embed", None, "--threads", "2", "--json", "--json-lines", "--prompt-name", "query"], b'"the cat"\n{"text": "a dog"}\n'),
                  "embed with similarities": (["embed", None, "--similarity", "the cat", "a dog"], b"")}


def timeless(out):
    """The output without what time it took."""
    try:
        made = json.loads(out)
        return {key: value for key, value in made.items() if "second" not in key} if isinstance(made, dict) else out
    except ValueError:
        return out


def run(arguments, stdin, **extra):
    """Exit code, stdout without what time it took, lines of stderr; None for the code of a run that took too long."""
    environment = {**os.environ, **extra, "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1:exitcode=99",
                   "UBSAN_OPTIONS": "halt_on_error=1:exitcode=98"}
    try:
        done = subprocess.run([HEARTH, *arguments], env=environment, capture_output=True, timeout=300, input=stdin,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (20, 21)))
    except subprocess.TimeoutExpired:
        return None, b"", []
    return done.returncode, timeless(done.stdout), done.stderr.decode(errors="replace").splitlines()


def counts_of(arguments, stdin):
    """How many calls of each kind a run makes, and what it prints; or None and its error."""
    with tempfile.NamedTemporaryFile() as report:
        code, out, lines = run(arguments, stdin, HEARTH_FAULT_COUNT=report.name)
        if code != 0:
            return None, " / ".join(lines)
        return dict((line.split()[0], int(line.split()[1])) for line in open(report.name)), out


def chosen(total):
    if os.environ.get("HEARTH_TESTS_ALL"):
        return list(range(1, total + 1))
    return sorted({*range(1, min(total, 200) + 1), *(200 + (total - 200) * i // 60 for i in range(1, 61) if total > 200)})


def problem_of(arguments, stdin, wanted, fault):
    code, out, lines = run(arguments, stdin, HEARTH_FAULT=fault)
    if code is None:
        return "hangs"
    if code not in (0, 1):
        return f"exit code {code}: " + " / ".join(lines[-12:])
    if code == 1 and len(lines) != 1:
        return f"{len(lines)} lines on stderr: " + " / ".join(lines[:4])
    if code == 0 and out != wanted:
        return f"exit code 0 with another output: {out[:300]!r}"
    return None


class Report:
    def __init__(self):
        self.number = self.failed = 0

    def line(self, good, text, *remarks):
        self.number += 1
        self.failed += not good
        for remark in remarks:
            print(f"# {remark}")
        print(f"{'ok' if good else 'not ok'} {self.number} - {text}", flush=True)


def try_command(name, arguments, stdin, report, pool):
    counts, wanted = counts_of(arguments, stdin)
    if counts is None:
        report.line(False, f"{name} without faults", wanted)
        return
    for kind in KINDS:
        tried = chosen(counts[kind])
        made = pool.map(lambda n: problem_of(arguments, stdin, wanted, f"{kind}:{n}"), tried)  # noqa: B023
        problems = [f"{kind}:{n} of {counts[kind]}: {problem}" for n, problem in zip(tried, made) if problem]
        if tried:
            report.line(not problems, f"{name}: {kind}, {len(tried)} of {counts[kind]} made to fail", *problems[:5])


def main():
    if not FAULTS_BUILT:
        print("1..1\nok 1 # SKIP faults are not compiled in (-Dfaults=true)")
        return 0
    report = Report()
    with folder() as place, concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for container, model_of, commands in (("GGUF", stories, COMMANDS), ("folder", tiny, COMMANDS),
                                              ("GGUF", lambda: chat_gguf(place), COMMANDS_CHAT),
                                              ("script", lambda: scripted(place), COMMANDS_PARTS),
                                              ("encoder", lambda: os.path.join(ENCODERS, "bert"), COMMANDS_EMBED)):
            try:
                model = model_of()
            except Skip as reason:
                report.line(True, f"{container} # SKIP {reason}")
                continue
            for name, (arguments, stdin) in commands.items():
                try_command(f"{name}, {container}", [os.path.join(place, "tools.json") if a == "TOOLS" else a or model for a in arguments], stdin, report, pool)
    print(f"1..{report.number}")
    return 1 if report.failed else 0


sys.exit(main())
