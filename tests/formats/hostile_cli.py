#!/usr/bin/env python3
"""Runs `hearth` on damaged copies of a real GGUF file and of a real Hugging Face folder. Prints TAP.

    hostile_cli.py HEARTH [FLIPS TRUNCATIONS]      1,000 and 60 for each of the two by default and with HEARTH_TESTS_ALL

Each copy has one byte changed (from a fixed seed; half of them in headers and settings) or is cut off. `hearth run` must give
an answer (exit code 0) or one line on stderr that names the model (exit code 1), as must `hearth show`, which every fifth copy
gets: no signal, no sanitizer's report, at most 5 seconds of processor time, memory within the files' size plus 256 MB, under
sanitizers, too. Of the flips some must leave a model that answers and some must be refused; nothing that is cut off answers."""

import concurrent.futures
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading

FIXTURES = os.environ.get("HEARTH_FIXTURES") or os.path.join(os.environ.get("HEARTH_SOURCE", "."), "..", "shared", "fixtures")
HEARTH = os.path.abspath(sys.argv[1])
ALL = len(sys.argv) < 4 or bool(os.environ.get("HEARTH_TESTS_ALL"))
FLIPS, TRUNCATIONS = (1000, 60) if ALL else (int(sys.argv[2]), int(sys.argv[3]))
RUN = ["run", "--raw", "-p", "Once upon a time", "-n", "4", "--temperature", "0"]
SECONDS_MOST = 5
MEMORY_MOST = 256 << 20
GGUF = "stories260K/stories260K-f32.gguf"
FOLDER = "tinystories-656k"


def limit():
    """A damaged model that loops or grows without end stops here, with a signal."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MOST + 2, SECONDS_MOST + 4))


class Outcome:
    """What came of one kind of damage."""

    def __init__(self):
        self.answered = self.refused = self.memory = 0
        self.seconds = 0.0
        self.problems = []


def problem_of(arguments, size, outcome):
    """What is wrong with one run of `hearth run MODEL …` or `hearth show MODEL`, or None; the outcome takes its numbers."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen([HEARTH, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                                   preexec_fn=limit)
        timer = threading.Timer(120, process.kill)
        timer.start()
        _, status, used = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read(20000).decode(errors="replace")
    seconds = used.ru_utime + used.ru_stime
    outcome.seconds, outcome.memory = max(outcome.seconds, seconds), max(outcome.memory, used.ru_maxrss * 1024)
    if arguments[0] == "run":
        outcome.answered += process.returncode == 0
        outcome.refused += process.returncode == 1
    if process.returncode not in (0, 1) or "Sanitizer" in said or "runtime error" in said:
        return f"exit code {process.returncode}: {said[:2000]}"
    if process.returncode == 1 and (said.count("\n") != 1 or not said.startswith(f"hearth {arguments[0]}: {arguments[1]}")):
        return f"not one line that names the model: {said[:500]!r}"
    if seconds > SECONDS_MOST:
        return f"{seconds:.1f} s of processor time"
    if used.ru_maxrss * 1024 > size + MEMORY_MOST:
        return f"{used.ru_maxrss >> 10} MB of memory"
    return None


class Copy:
    """A copy of the model for one worker; `damage` changes it and puts it back."""

    def __init__(self, name, folder):
        source = os.path.join(FIXTURES, name)
        self.model = os.path.join(folder, os.path.basename(name))
        if os.path.isdir(source):
            shutil.copytree(source, self.model, copy_function=shutil.copyfile)
            os.chmod(self.model, 0o755)
            self.files = sorted(os.path.join(self.model, name) for name in os.listdir(self.model)
                                if name.endswith((".json", ".safetensors")))
        else:
            shutil.copyfile(source, self.model)
            self.files = [self.model]
        self.content = {path: open(path, "rb").read() for path in self.files}
        self.size = sum(len(content) for content in self.content.values())

    def place(self, chance, number):
        """A file and an offset: of even numbers in settings or the first bytes, of odd ones anywhere."""
        weights = self.files[-1] if len(self.files) == 1 else next(path for path in self.files if path.endswith(".safetensors"))
        if number % 2 == 1:
            return weights, chance.randrange(len(self.content[weights]))
        path = chance.choice(self.files)
        return path, chance.randrange(min(len(self.content[path]), 12000))

    def try_it(self, number, kind, outcome):
        """Damages the copy the `number`-th way, tries it and puts it back."""
        chance = random.Random(f"{kind} {number}")
        path, at = self.place(chance, number)
        content = self.content[path]
        if kind == "flip":
            bits = chance.randrange(1, 256)
            damaged = content[:at] + bytes([content[at] ^ bits]) + content[at + 1:]
        else:
            damaged = content[:at]
        with open(path, "wb") as out:
            out.write(damaged)
        answered = outcome.answered
        problem = problem_of([RUN[0], self.model, *RUN[1:]], self.size, outcome)
        if problem is None and number % 5 == 0:
            problem = problem_of(["show", self.model], self.size, outcome)
        if problem is None and kind == "truncation" and outcome.answered != answered:
            problem = "cut off, and it answers"
        if problem is not None:
            outcome.problems.append(f"{kind} {number} of {os.path.basename(path)} at {at}: {problem}")
        with open(path, "wb") as out:
            out.write(content)


def damage_all(name, kind, count):
    """Tries `count` damages with all cores; gives back one outcome for each worker."""
    workers = max(1, len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory(prefix="hearth-hostile-") as folder:
        copies = []
        for worker in range(workers):
            os.makedirs(os.path.join(folder, str(worker)))
            copies.append(Copy(name, os.path.join(folder, str(worker))))

        def share(worker):
            outcome = Outcome()
            for number in range(worker, count, workers):
                copies[worker].try_it(number, kind, outcome)
            return outcome

        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            return list(pool.map(share, range(workers)))


def report(number, name, kind, count):
    """Prints the line of one kind of damage; was all good?"""
    outcomes = damage_all(name, kind, count)
    answered, refused = sum(o.answered for o in outcomes), sum(o.refused for o in outcomes)
    problems = [problem for o in outcomes for problem in o.problems]
    if refused == 0 or (answered == 0 and kind == "flip"):
        problems.append(f"{answered} answered and {refused} refused")
    for problem in problems[:10]:
        print(f"# {problem}")
    print(f"{'not ok' if problems else 'ok'} {number} - {count} {kind}s of {name}: {answered} answered, {refused} refused, at most "
          f"{max(o.seconds for o in outcomes):.2f} s and {max(o.memory for o in outcomes) >> 20} MB", flush=True)
    return not problems


def main():
    missing = [name for name in (GGUF, FOLDER) if not os.path.exists(os.path.join(FIXTURES, name))]
    if missing:
        print(f"1..1\nok 1 - damaged models # SKIP no fixtures {', '.join(missing)}")
        return 0
    plan = [(name, kind, count) for name in (GGUF, FOLDER) for kind, count in (("flip", FLIPS), ("truncation", TRUNCATIONS))]
    print(f"1..{len(plan) + 1}")
    whole = Outcome()
    problem = problem_of(["run", os.path.join(FIXTURES, GGUF), *RUN[1:]], 1 << 20, whole)
    good = problem is None and whole.answered == 1
    print(f"{'ok' if good else 'not ok'} 1 - undamaged {problem or ''}", flush=True)
    for number, (name, kind, count) in enumerate(plan, 2):
        good &= report(number, name, kind, count)
    return 0 if good else 1


sys.exit(main())
