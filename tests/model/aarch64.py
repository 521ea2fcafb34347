#!/usr/bin/env python3
"""The whole program built for arm64, run under qemu: what it answers is what this machine's build answers, byte for byte.

aarch64.py HEARTH ENCODE_TOOL TEST_VARIANTS TEST_ENCODERS TEST_QUANTIZE. Prints TAP. Cross-builds with
packaging/aarch64-linux-gnu.cross against the folder that scripts/arm64-root makes, then compares, with NEON and dot products
(qemu's CPU max) and NEON without them (cortex-a57):
- hashes of the logits of every model of tests/model/golden in both containers with every cache, and of every number format
  (test_variants.c), of hidden states (test_encoders.c), of quantised rows (test_quantize.c);
- of the whole program, with the scalar code too: scores, sampled text, token ids, rendered templates. Models: stories260K,
  tinystories-656k, SmolLM2 (few tokens) and tiny random ones;
- of trainings from their sources on: the shortened hearthside, whose hash is committed, and the same with BF16 operands.
A part whose files are absent is a line with SKIP. Fixtures: HEARTH_FIXTURES; the build goes to build-arm64 beside the other build
folder. HEARTH_AARCH64=hashes does the first part alone, HEARTH_AARCH64=training the last.
"""
import concurrent.futures
import glob
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "recipe"))
from hearthside_short import HASH, short_recipe  # noqa: E402

SOURCE = os.environ.get("HEARTH_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FIXTURES = os.environ.get("HEARTH_FIXTURES") or os.path.join(SOURCE, "..", "shared", "fixtures")
FORMATS = ("BF16", "Q8_0", "Q4_K", "IQ4_XS")  # test_variants has all
# name, CPU of qemu, HEARTH_ISA, what `hearth version` must say, threads
MACHINES = (("neon with dot products", "max", "neon", "neon-dotprod", 2), ("neon", "cortex-a57", "neon", "neon", 3),
            ("scalar", "max", "scalar", "scalar", 1))
TOOLS = ("tests/tokenizer/encode_tool",)
# Tests that print hashes, whether they take the instruction sets by name, and the lines that there must be at least.
VARIANTS = "tests/model/test_model_variants"
HASHING = ((VARIANTS, True, 1000), ("tests/model/test_model_encoders", False, 6), ("tests/convert/test_quantize", False, 15))
KERNEL_TESTS = ("tests/kernels/test_kernels", "tests/matmul/test_quantized", "tests/matmul/test_matmul")
TEXT = "Once upon a time there was a fox. It's 12345 steps to the river,\n\tand the «été» was warm: 日本語 👩‍👩‍👧 x\u0301y."
CONVERSATION = {"messages": [{"role": "system", "content": "Answer briefly."}, {"role": "user", "content": "Why is the sky blue?"},
                             {"role": "assistant", "content": "Light scatters."}, {"role": "user", "content": "And  at\nnight? 夜"}]}


def skip(why):
    print("1..1\nok 1 - hearth for arm64 # SKIP " + why)
    sys.exit(0)


def must(command, what):
    made = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True)
    if made.returncode:
        print("1..1\nnot ok 1 - %s" % what)
        print("# " + (made.stdout + made.stderr)[-2000:].replace("\n", "\n# "))
        sys.exit(1)
    return made.stdout


def build():
    """(the folder of arm64 libraries, the build folder)"""
    for tool in ("aarch64-linux-gnu-gcc", "qemu-aarch64-static", "meson", "ninja"):
        if shutil.which(tool) is None:
            skip("no %s (scripts/setup long)" % tool)
    made = subprocess.run([os.path.join(SOURCE, "scripts", "arm64-root")], capture_output=True, text=True)
    if made.returncode:
        skip("no arm64 libraries: " + made.stderr.strip().split("\n")[-1])
    root = made.stdout.strip()
    folder = os.path.join(os.path.dirname(os.environ.get("HEARTH_BUILD") or os.path.join(SOURCE, "build")), "build-arm64")
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        must(["meson", "setup", folder, "--cross-file", "packaging/aarch64-linux-gnu.cross", "--cross-file",
              os.path.join(root, "meson.cross")], "meson setup for arm64")
    must(["ninja", "-C", folder, "hearth", *TOOLS, *KERNEL_TESTS, *(row[0] for row in HASHING)], "build for arm64")
    return root, folder


def run(command, standard_input=None, **environment):
    made = subprocess.run(command, input=standard_input, capture_output=True, env={**os.environ, **environment})
    return made.returncode, made.stdout, made.stderr


class Report:
    def __init__(self):
        self.number = self.failed = 0

    def line(self, name, good, *remarks):
        self.number += 1
        self.failed += not good
        print("%s %d - %s" % ("ok" if good else "not ok", self.number, name), flush=True)
        for remark in remarks if not good else ():
            print("# %s" % str(remark)[:1500].replace("\n", "\n# "))

    def skip(self, name, why):
        self.number += 1
        print("ok %d - %s # SKIP %s" % (self.number, name, why))


class Machines:
    """This machine's answers, and the same command on each emulated one."""

    def __init__(self, root, folder, native, report):
        self.root, self.folder, self.report = root, folder, report
        self.native = dict(zip(("hearth", *TOOLS, *(row[0] for row in HASHING)), native))

    def emulated(self, program, machine):
        return ["qemu-aarch64-static", "-cpu", machine[1], "-L", self.root, os.path.join(self.folder, program)]

    def same(self, name, program, arguments, standard_input=None, take=lambda out: out, threads=True,
             may_fail=False):
        """`take` picks what must be equal out of standard output; where the program fails, its error must be equal."""
        def answer(command, **environment):
            code, out, err = run(command, standard_input, **environment)
            return (code, take(out) if code == 0 else b"", b"" if code == 0 else err)
        here = answer([self.native[program], *arguments])
        wrong = []
        for machine in MACHINES:
            count = ["--threads", str(machine[4])] if threads else []
            there = answer(self.emulated(program, machine) + list(arguments) + count, HEARTH_ISA=machine[2])
            if there != here:
                wrong.append("%s: expected %r, got %r" % (machine[0], here, there))
        if here[0] != 0 and not may_fail:
            wrong.append("here: exit status %d, %r" % (here[0], here[2]))
        self.report.line(name, not wrong, *wrong)


def picked(*keys):
    def take(out):
        value = json.loads(out)
        return [value[key] for key in keys]
    return take


def check_machines(machines):
    for machine in MACHINES:
        code, out, err = run(machines.emulated("hearth", machine) + ["version"], HEARTH_ISA=machine[2])
        machines.report.line("arm64 computes with %s" % machine[3], out.decode().split()[-1:] == [machine[3]], code, out, err)
    # Where nobody names a set, doctor has nothing to say about the choice.
    code, out, err = run(machines.emulated("hearth", MACHINES[0]) + ["doctor", "--json"], HEARTH_ISA="")
    machines.report.line("doctor finds the best code chosen", code == 0 and b"HEARTH_ISA" not in out, code, out, err)


def check_model(machines, name, path, text, answer_tokens):
    tokens = str(answer_tokens)
    for compute in ("native", "f32"):
        machines.same("%s, %s: scores" % (name, compute), "hearth", ["score", "--json", "--compute", compute, path], text.encode(),
                      picked("tokens", "scored", "log_probability", "hash"))
        machines.same("%s, %s: transcript" % (name, compute), "hearth",
                      ["run", "--json", "--raw", "--compute", compute, "-p", text[:30], "-n", tokens, "-t", "1.3", "--seed", "7",
                       "--typical", "0.98", "--repetition-penalty", "1.1", path], None, picked("text", "finish", "tokens"))
    machines.same(name + ": token ids", "hearth", ["tokenize", "--json", path], TEXT.encode())


def check_models(machines, folder):
    report = machines.report
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    smollm2 = os.environ.get("HEARTH_SMOLLM2") or os.path.join(cache, "openhearth", "SmolLM2-135M-Instruct.Q4_1.gguf")
    for name, path, text, answer in (
            ("stories260K", os.path.join(FIXTURES, "stories260K", "stories260K-f32.gguf"), TEXT, 24),
            ("tinystories-656k", os.path.join(FIXTURES, "tinystories-656k"), TEXT[:60], 24),
            ("SmolLM2 Q4_1", smollm2, "The sky is blue", 3)):
        if os.path.exists(path):
            check_model(machines, name, path, text, answer)
        else:
            report.skip(name, "not here")
    for kind in FORMATS:
        path = os.path.join(folder, kind + ".gguf")
        must([sys.executable, os.path.join(SOURCE, "bench", "make_model.py"), "tiny", kind, path], "a model of " + kind)
        check_model(machines, "tiny " + kind, path, TEXT[:40], 8)


def check_tokenizers(machines):
    for path in sorted(glob.glob(os.path.join(FIXTURES, "tokenizers", "llama.cpp", "*.gguf"))):
        with open(path + ".inp", "rb") as f:
            texts = [TEXT.encode(), *f.read().split(b"\n__ggml_vocab_test__\n")]
        data = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        machines.same("ids of %d texts, %s" % (len(texts), os.path.basename(path)), TOOLS[0], [path, "plain"], data, threads=False)


def check_templates(machines):
    model = os.path.join(FIXTURES, "tinystories-656k")
    for path in sorted(glob.glob(os.path.join(FIXTURES, "templates", "*.jinja"))) if os.path.exists(model) else ():
        machines.same("template %s" % os.path.basename(path), "hearth", ["template", "--now", "2025-11-26", "--template", path, model],
                      json.dumps(CONVERSATION).encode(), may_fail=True)  # a template may refuse a conversation


def hashes(command, parts):
    """What a test printed about what it hashed, by model; whether it failed and the ends of its output. `parts` side by side."""
    def part(i):
        choice = {"HEARTH_PART": "%d/%d" % (i, parts)} if parts > 1 else {}
        return run(command, CMOCKA_MESSAGE_OUTPUT="stdout", HEARTH_SOURCE=os.path.abspath(SOURCE), **choice)
    with concurrent.futures.ThreadPoolExecutor(parts) as pool:
        answers = list(pool.map(part, range(parts)))
    lines = [line.rsplit(" ", 1) for _, out, _ in answers for line in out.decode().split("\n") if line.startswith("# hash ")]
    return dict(lines), any(code for code, _, _ in answers), [(out + err)[-1500:] for code, out, err in answers if code]


def check_hashes(machines):
    """The tests of models, of encoders and of quantising: the same hashes."""
    best = run([machines.native["hearth"], "version"], HEARTH_ISA="")[1].decode().split()[-1]
    for program, by_name, least in HASHING:
        name, parts = os.path.basename(program), os.cpu_count() or 1 if by_name else 1
        here, failed, ends = hashes([machines.native[program], *([best] if by_name else [])], parts)
        machines.report.line("%s here: %d hashes" % (name, len(here)), not failed and len(here) >= least, *ends)
        for machine in MACHINES[:2]:
            there, failed, ends = hashes(machines.emulated(program, machine) + ([machine[3]] if by_name else []), parts)
            differ = ["%s: %s, %s" % (key, here.get(key), there.get(key)) for key in sorted({*here, *there})
                      if here.get(key) != there.get(key)]
            machines.report.line("%s, %s: the same %d hashes" % (name, machine[0], len(there)), not failed and not differ,
                                 *differ[:20], *ends)


def trained(command, recipe, to, threads, isa):
    code, out, err = run([*command, "train", recipe, "-o", to, "--threads", str(threads), "--no-samples", "-q", "--json"], HEARTH_ISA=isa)
    made = json.loads(out) if code == 0 else {"error": err.decode()}
    return made.get("weights"), made.get("chain"), made.get("error")


def check_training(machines):
    """Weights and chain of a shortened hearthside, by this machine and the emulated ones."""
    for name, changes in (("f32", {}), ("bf16", {"format": "bf16"})):
        with tempfile.TemporaryDirectory() as scratch:
            recipe = short_recipe(scratch, **changes)
            here = trained([machines.native["hearth"]], recipe, os.path.join(scratch, "here"), 2, "")
            machines.report.line("hearthside, shortened, %s: here" % name, here[0] is not None and (changes or here[0].startswith(HASH)), here)
            for machine in MACHINES:
                there = trained(machines.emulated("hearth", machine), recipe, os.path.join(scratch, machine[0]), machine[4], machine[2])
                machines.report.line("hearthside, shortened, %s, %s: the same weights and chain" % (name, machine[0]), there == here,
                                     "expected %r, got %r" % (here, there))


def check_kernels(machines):
    """The tests of kernels and number formats themselves: every variant against the scalar one, on the emulated CPU."""
    for program in KERNEL_TESTS:
        code, out, err = run(machines.emulated(program, MACHINES[0]), CMOCKA_MESSAGE_OUTPUT="TAP")
        machines.report.line("%s on arm64" % os.path.basename(program), code == 0, out[-1500:], err)


def main():
    root, folder = build()
    report = Report()
    machines = Machines(root, folder, sys.argv[1:], report)
    only = os.environ.get("HEARTH_AARCH64")
    check_machines(machines)
    if only != "training":
        check_hashes(machines)
    if only is None:
        with tempfile.TemporaryDirectory() as scratch:
            check_models(machines, scratch)
        check_tokenizers(machines)
        check_templates(machines)
        check_kernels(machines)
    if only != "hashes":
        check_training(machines)
    print("1..%d" % report.number)
    return 1 if report.failed else 0


sys.exit(main())
