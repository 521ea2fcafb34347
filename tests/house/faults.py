#!/usr/bin/env python3
"""Makes every allocation, read, map and thread start of `hearth show` and `hearth run` fail in turn. Prints TAP.

Runs in a build with -Dfaults=true (the sanitizer build); elsewhere it skips. For each kind of fault the number of calls is
counted once; then call N is made to fail, for every N up to 200 and an even choice of 60 beyond (every N with
HEARTH_FAULTS_ALL=1). Each run must end by itself within 20 seconds, without a signal or a sanitizer's report, with exit code 0
(the call's failure was survivable) or with exit code 1 and exactly one line on stderr."""

import os
import subprocess
import sys
import tempfile

BUILD = os.environ["HEARTH_BUILD"]
FIXTURES = os.environ.get("HEARTH_FIXTURES", "../shared/fixtures")
HEARTH = sys.argv[1]
FAULTS_BUILT = sys.argv[2] == "true"
KINDS = ("alloc", "read", "map", "thread")
MODELS = {"GGUF": "stories260K/stories260K-f32.gguf", "folder": "tinystories-656k"}


def run(arguments, **extra):
    environment = {**os.environ, **extra, "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1:exitcode=99",
                   "UBSAN_OPTIONS": "halt_on_error=1:exitcode=98"}
    return subprocess.run([HEARTH, *arguments], env=environment, capture_output=True, timeout=20, stdin=subprocess.DEVNULL)


def counts_of(arguments):
    with tempfile.NamedTemporaryFile() as report:
        done = run(arguments, HEARTH_FAULT_COUNT=report.name)
        if done.returncode:
            return None, done.stderr.decode(errors="replace")
        return dict((line.split()[0], int(line.split()[1])) for line in open(report.name)), ""


def chosen(total):
    if os.environ.get("HEARTH_FAULTS_ALL"):
        return list(range(1, total + 1))
    numbers = list(range(1, min(total, 200) + 1))
    rest = total - len(numbers)
    return numbers + [200 + rest * i // 60 for i in range(1, 61)] if rest > 0 else numbers


def problem_of(arguments, fault):
    try:
        done = run(arguments, HEARTH_FAULT=fault)
    except subprocess.TimeoutExpired:
        return "hangs"
    lines = done.stderr.decode(errors="replace").splitlines()
    if done.returncode not in (0, 1):
        return f"exit code {done.returncode}: " + " / ".join(lines[-12:])
    if done.returncode == 1 and len(lines) != 1:
        return f"{len(lines)} lines on stderr: " + " / ".join(lines[:4])
    return None


def main():
    if not FAULTS_BUILT:
        print("1..1\nok 1 # SKIP faults are not compiled in (-Dfaults=true)")
        return 0
    number = failed = 0
    for container, model in MODELS.items():
        path = os.path.join(FIXTURES, model)
        if not os.path.exists(path):
            number += 1
            print(f"ok {number} - {container} # SKIP fixture {model} is absent")
            continue
        for arguments in (["show", path], ["run", path, "-p", "Once", "-n", "2", "--threads", "2", "--raw"]):
            counts, trouble = counts_of(arguments)
            if counts is None:
                number += 1
                failed += 1
                print(f"# {trouble}\nnot ok {number} - {arguments[0]} of a {container} without faults")
                continue
            for kind in KINDS:
                tried = chosen(counts[kind])
                problems = [(n, p) for n in tried if (p := problem_of(arguments, f"{kind}:{n}"))]
                number += 1
                failed += bool(problems)
                for n, what in problems[:5]:
                    print(f"# {kind}:{n} of {counts[kind]}: {what}")
                print(f"{'not ok' if problems else 'ok'} {number} - {arguments[0]} {container}: {kind}, "
                      f"{len(tried)} of {counts[kind]} made to fail")
    print(f"1..{number}")
    return 1 if failed else 0


sys.exit(main())
