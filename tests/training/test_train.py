#!/usr/bin/env python3
"""hearth train through the whole program: one hash however often a run is stopped and with any number of threads; what is cut, full or
odd ends in one line and loses nothing. Prints TAP."""

import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_folder import folder, good, good_json, read, records, train, write, write_recipe  # noqa: E402
from tap import HEARTH, environment, hearth, main, one_line, test  # noqa: E402

# The weights that these recipes give, on every machine: another hash is another numeric contract, and a line in CHANGELOG.md.
WEIGHTS = {"f32": "5819e0b008b7321f", "bf16": "f11a57dd21fab5c2", "muon": "3a395b632e5ca32d", "qwen3": "844ac7ca9c993d60", "qwen2": "caf1ebfee150bdb0", "olmo2": "2e96b1596218a3a4", "mixture": "bcb2e7669af2ff78", "mixture-bf16": "3e0bbc5f3fc3fbd8", "mixture-muon": "d6fff8c8e598de6d"}

PLACE = folder()
RECIPE = write_recipe(PLACE.name)
WHOLE = os.path.join(PLACE.name, "whole")
made = train(RECIPE, WHOLE)


def prepared(name):
    """A run's folder with everything but steps."""
    to = os.path.join(PLACE.name, name)
    os.mkdir(to)
    for part in ("corpus", "packed", "held-out"):
        shutil.copytree(os.path.join(WHOLE, part), os.path.join(to, part))
    for part in ("tokenizer.json", "recipe.yaml"):
        shutil.copy(os.path.join(WHOLE, part), to)
    return to


@test
def a_run_leaves_what_it_says():
    assert made["step"] == made["steps_done"] == 24 and made["name"] == "tiny", made
    assert made["weights"].startswith(WEIGHTS["f32"]), made["weights"]
    log = records(WHOLE)
    assert [r["kind"] for r in log].count("step") == 24
    losses = [r["loss"] for r in log if r["kind"] == "step"]
    assert losses[-1] < losses[0] - 0.5, losses
    for line, following in zip(read(WHOLE, "log.jsonl").split(b"\n"), log[1:]):
        assert following["previous"] == hashlib.sha256(line).hexdigest()
    assert hashlib.sha256(read(WHOLE, "log.jsonl").split(b"\n")[-2]).hexdigest() == made["chain"]
    assert sorted(os.listdir(os.path.join(WHOLE, "checkpoints"))) == ["step-000008", "step-000016", "step-000024"]
    report = read(WHOLE, "report.html").decode()
    assert report.count("<svg") == 5 and "http" not in report.replace("http-equiv", ""), report[:500]
    assert log[-1]["model"] == hashlib.sha256(read(WHOLE, "model", "model.safetensors")).hexdigest()
    assert log[-1]["weights"] == made["weights"] and made["bits_per_byte"] == log[-2]["bits_per_byte"] > 0
    evaluations = [r["bits_per_byte"] for r in log if r["kind"] == "evaluation"]
    assert len(evaluations) == 3 and evaluations[2] < evaluations[0], evaluations


@test
def rates_are_the_schedules():
    """Step by step what the recipe says: warm-up over 4 steps, then a cosine to a tenth."""
    import math
    for r in records(WHOLE):
        if r["kind"] == "step":
            share = max(0.0, (r["step"] - 4) / 20)
            factor = r["step"] / 4 if r["step"] < 4 else 0.1 + 0.9 * (1 + math.cos(math.pi * share)) / 2
            assert abs(r["learning_rate"] - 0.004 * factor) < 1e-15, r


@test
def the_model_is_a_model():
    shown = good_json("show", os.path.join(WHOLE, "model"))
    assert shown["family"] == "Llama" and shown["tokenizer"]["eos"] == 0, shown
    good("run", os.path.join(WHOLE, "model"), "-p", "Anna sees", "-n", "3", "--temperature", "0", "-q")
    good("run", os.path.join(WHOLE, "checkpoints", "step-000008"), "-p", "Anna sees", "-n", "3", "-q")


@test
def any_number_of_threads():
    for threads in range(1, 6):
        to = prepared(f"threads-{threads}")
        assert train(RECIPE, to, "--threads", str(threads))["chain"] == made["chain"], threads


@test
def plain_c():
    assert train(RECIPE, prepared("scalar"), "--isa", "scalar")["chain"] == made["chain"]


@test
def all_of_it_again():
    """Corpus, tokenizer and packing, too, from another folder."""
    elsewhere = os.path.join(PLACE.name, "elsewhere")
    os.mkdir(elsewhere)
    shutil.copytree(os.path.join(PLACE.name, "texts"), os.path.join(elsewhere, "texts"))
    shutil.copy(RECIPE, elsewhere)
    assert train(os.path.join(elsewhere, "recipe.yaml"), os.path.join(elsewhere, "run"))["chain"] == made["chain"]


@test
def other_formats_and_optimisers():
    for number, more in enumerate(({"format": "bf16"}, {"optimizer": "muon"}, {"family": "qwen3"}, {"family": "qwen2"}, {"family": "olmo2"})):
        recipe = write_recipe(PLACE.name, f"other-{number}.yaml", steps=8, every=4, **more)
        runs = [os.path.join(PLACE.name, f"other-{number}-{threads}") for threads in (1, 3)]
        ended = [train(recipe, run, "--threads", run[-1]) for run in runs]
        assert ended[0]["chain"] == ended[1]["chain"] != made["chain"], more
        name = next(iter(more.values()))
        assert ended[0]["weights"] == ended[1]["weights"] and ended[0]["weights"].startswith(WEIGHTS[name]), (name, ended[0]["weights"])
        losses = [r["loss"] for r in records(runs[0]) if r["kind"] == "step"]
        assert losses[-1] < losses[0], (more, losses)
        good("verify", runs[0], "--all", "-q")


@test
def a_mixture_of_experts():
    """The same bits with any number of threads, in plain C, with activations made again, and stopped in between; the best set's BF16 and Muon, too."""
    recipe = write_recipe(PLACE.name, "mixture.yaml", steps=16, every=8, family="qwen3-moe")
    whole = train(recipe, os.path.join(PLACE.name, "mixture"))
    assert whole["weights"].startswith(WEIGHTS["mixture"]), whole["weights"]
    losses = [r["loss"] for r in records(os.path.join(PLACE.name, "mixture")) if r["kind"] == "step"]
    assert losses[-1] < losses[0] - 0.2, losses
    good("verify", os.path.join(PLACE.name, "mixture"), "--all", "-q")
    for threads in range(1, 6):
        assert train(recipe, os.path.join(PLACE.name, f"mixture-{threads}"), "--threads", str(threads))["chain"] == whole["chain"], threads
    assert train(recipe, os.path.join(PLACE.name, "mixture-scalar"), "--isa", "scalar")["chain"] == whole["chain"]
    stopped = os.path.join(PLACE.name, "mixture-stopped")
    shutil.copytree(os.path.join(PLACE.name, "mixture"), stopped)
    for part in ("model", "checkpoints/step-000016"):
        shutil.rmtree(os.path.join(stopped, part))
    again = train(recipe, stopped)
    assert again["steps_done"] == 8 and again["chain"] == whole["chain"], again
    for name, more in (("recomputed", {"format": "f32\n  recompute: true"}), ("mixture-bf16", {"format": "bf16"}), ("mixture-muon", {"optimizer": "muon"})):
        recipe = write_recipe(PLACE.name, f"{name}.yaml", steps=16, every=8, family="qwen3-moe", **more)
        runs = [train(recipe, os.path.join(PLACE.name, f"{name}-{threads}"), "--threads", str(threads)) for threads in (1, 3)]
        assert runs[0]["chain"] == runs[1]["chain"], name
        assert runs[0]["weights"].startswith(WEIGHTS["mixture" if name == "recomputed" else name]), (name, runs[0]["weights"])
    without = read(write_recipe(PLACE.name, "no-experts.yaml")).decode().replace("format: f32", "format: f32\n  aux_loss: 0.5")
    write(without, PLACE.name, "no-experts.yaml")
    one_line(hearth("recipe", "check", os.path.join(PLACE.name, "no-experts.yaml")), 1, "aux_loss", "0 where a model has no experts")


@test
def killed_at_random_moments():
    random.seed(1)
    recipe = write_recipe(PLACE.name, "long.yaml", steps=400, every=40)
    whole = train(recipe, os.path.join(PLACE.name, "long-whole"))
    to = os.path.join(PLACE.name, "long-killed")
    killed = 0
    for _ in range(20):
        process = subprocess.Popen([HEARTH, "train", recipe, "-o", to, "-q", "--no-samples"], env=environment(), stdout=subprocess.DEVNULL)
        try:
            process.wait(random.uniform(0.02, 0.25))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
    assert killed >= 2, killed
    ended = train(recipe, to)
    assert ended["chain"] == whole["chain"] and ended["weights"] == whole["weights"]
    left = [name for part in ("", "checkpoints") for name in os.listdir(os.path.join(to, part)) if ".tmp" in name]
    assert not [name for name in left if name.startswith("step-")], left


@test
def interrupted():
    recipe = write_recipe(PLACE.name, "interrupted.yaml", steps=3000, every=1000)
    to = os.path.join(PLACE.name, "interrupted")
    process = subprocess.Popen([HEARTH, "train", recipe, "-o", to, "--no-samples"], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (os.path.exists(os.path.join(to, "log.jsonl")) and read(to, "log.jsonl").count(b"\n") > 10):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, (process.returncode, err)
    told = re.search(rb"stopped behind step (\d+)", err)
    assert told, err
    assert os.listdir(os.path.join(to, "resume")) == [f"step-{int(told[1]):06}"]
    assert os.path.exists(os.path.join(to, "report.html"))
    assert len([r for r in records(to) if r["kind"] == "step"]) == int(told[1])


@test
def a_cut_checkpoint_is_passed_over():
    for damage in ("model.safetensors", "optimizer.safetensors", "state.json", "config.json", "gone"):
        to = os.path.join(PLACE.name, "cut")
        shutil.copytree(WHOLE, to)
        last = os.path.join(to, "checkpoints", "step-000024")
        shutil.rmtree(os.path.join(to, "model"))
        if damage == "gone":
            os.remove(os.path.join(last, "optimizer.safetensors"))
        else:
            data = read(last, damage)
            write(data[:len(data) // 2], last, damage)
        ended = hearth("train", RECIPE, "-o", to, "--no-samples", "--json")
        assert ended.code == 0 and "passes over a checkpoint" in ended.err and "step-000024" in ended.err, ended
        again = json.loads(ended.out)
        assert again["chain"] == made["chain"] and again["steps_done"] == 8, (damage, again)
        shutil.rmtree(to)


@test
def a_cut_log_is_gone_on_from():
    for keep in (0, 100, 2500, -1):
        to = os.path.join(PLACE.name, "cut-log")
        shutil.copytree(WHOLE, to)
        shutil.rmtree(os.path.join(to, "model"))
        write(read(to, "log.jsonl")[:keep], to, "log.jsonl")
        assert train(RECIPE, to)["chain"] == made["chain"], keep
        shutil.rmtree(to)


@test
def a_full_disk():
    """Files may not grow beyond a limit: first the log, then a checkpoint's weights. One line; afterwards the run ends as it would have."""
    to = prepared("full")
    for limit in (2000, 6000, 20000):
        def small(limit=limit):
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        ended = hearth("train", RECIPE, "-o", to, "-q", "--no-samples", preexec_fn=small)
        one_line(ended, 1, "too large")
        assert ".jsonl" in ended.err or ".safetensors" in ended.err or ".json" in ended.err, ended
    assert train(RECIPE, to)["chain"] == made["chain"]


@test
def another_recipe_is_refused():
    other = write_recipe(PLACE.name, "other-seed.yaml", seed=8)
    one_line(hearth("train", other, "-o", WHOLE), 1, "recipe.yaml", "another")
    again = train(RECIPE, WHOLE)
    assert again["steps_done"] == 0 and again["tokens_per_second"] is None, again
    assert [again[key] for key in ("loss", "bits_per_byte", "chain", "weights")] == [made[key] for key in ("loss", "bits_per_byte", "chain", "weights")]


@test
def other_data_than_the_log_began_with():
    """Whole in itself, and packed the same; the log's first record tells of another corpus.json."""
    to = os.path.join(PLACE.name, "other-corpus")
    shutil.copytree(WHOLE, to)
    before = read(to, "log.jsonl")
    write(read(to, "corpus", "corpus.json") + b"\n", to, "corpus", "corpus.json")
    one_line(hearth("train", RECIPE, "-o", to, "-q"), 1, "log.jsonl", "line 1", "corpus")
    assert read(to, "log.jsonl") == before


@test
def two_at_once_are_refused():
    recipe = write_recipe(PLACE.name, "busy.yaml", steps=100000, every=50000)
    to = os.path.join(PLACE.name, "busy")
    process = subprocess.Popen([HEARTH, "train", recipe, "-o", to, "-q", "--no-samples"], env=environment(), stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (os.path.exists(os.path.join(to, "log.jsonl")) and read(to, "log.jsonl").count(b"\n") > 3):
            time.sleep(0.01)
        writing = os.path.join(to, "checkpoints", f"step-050000.tmp-{process.pid}")  # as the first one has it while it writes
        os.makedirs(writing)
        one_line(hearth("train", recipe, "-o", to, "-q"), 1, "log.jsonl", "another process")
        assert os.path.isdir(writing)
    finally:
        process.kill()
        process.wait()


@test
def a_recipe_that_is_edited_meanwhile():
    """What a run keeps is the recipe that it began with."""
    recipe = write_recipe(PLACE.name, "edited.yaml", steps=400, every=40)
    before = read(recipe)
    to = os.path.join(PLACE.name, "edited")
    process = subprocess.Popen([HEARTH, "train", recipe, "-o", to, "-q", "--no-samples"], env=environment(), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (os.path.exists(os.path.join(to, "log.jsonl")) and read(to, "log.jsonl").count(b"\n") > 1):
        time.sleep(0.01)
    write(before + b"# later\n", recipe)
    assert process.wait(120) == 0
    for place in ("", "model", "checkpoints/step-000400"):
        assert read(to, place, "recipe.yaml") == before, place


@test
def damaged_sequences_are_not_trained_on():
    for part in ("packed", "held-out"):
        for name in sorted(n for n in os.listdir(os.path.join(WHOLE, part)) if n.endswith(".bin")):
            to = prepared(f"damaged-{part}-{name}")
            data = bytearray(read(to, part, name))
            data[-2] ^= 1
            write(bytes(data), to, part, name)
            one_line(hearth("train", RECIPE, "-o", to, "-q"), 1, part)
            assert not os.path.exists(os.path.join(to, "model"))


@test
def a_loss_that_is_not_finite():
    recipe = write_recipe(PLACE.name, "odd.yaml", rate="10", steps=60, every=60)
    text = read(recipe).decode().replace("warmup_steps: 4", "warmup_steps: 0\n  grad_clip: 0").replace("tied: true", "tied: true\n  init_std: 10")
    text = text.replace("learning_rate: 10", "learning_rate: 10\n  weight_decay: 10\n  beta1: 0\n  beta2: 0\n  eps: 1e-30")
    write(text, recipe)
    ended = hearth("train", recipe, "-o", os.path.join(PLACE.name, "odd"), "-q", "--no-samples")
    one_line(ended, 1, "step ", "finite", "model.")


# Of a profile: the lines that every model has, by phase, and what some have besides.
PRODUCTS = ("q, k, v", "o", "gate, up", "down", "output layer")
LINES = {
    "forward": {"embedding", "norm", *PRODUCTS, "rope, norms of heads", "attention", "activation function", "bias, residual", "softmax and loss", "other"},
    "backward": {"embedding", "norm", *(p + ": inputs" for p in PRODUCTS), *(p + ": weights" for p in PRODUCTS), "rope, norms of heads", "attention",
                 "activation function", "other"},
    "optimiser": {"gradient's norm", "AdamW", "packing weights"},
    "around": {"sum of micro-batches", "batch", "between runs", "waiting at barriers"},
}
MORE = {"bf16": {"rounding to bf16"}, "muon": {"Muon", "Muon: products"}, "olmo2": {"bias, residual"}, "qwen2": {"bias, residual"}}
MATRICES = 16 * (16 + 2 * 8) + 16 * 16 + 3 * 16 * 32  # values, of one layer


def profiled(name, threads, **recipe):
    path = write_recipe(PLACE.name, f"{name}-{threads}", **recipe)
    return good_json("train", path, "-o", os.path.join(PLACE.name, f"profile {name} {threads}"), "--profile", "-q", "--threads", str(threads))


def check_table(table):
    sums = [(phase["seconds"], sum(o["seconds"] for o in phase["operations"])) for phase in table["phases"]]
    assert all(abs(a - b) < 1e-9 for a, b in sums) and abs(sum(a for a, _ in sums) - table["seconds"]) < 1e-6 * table["seconds"] + 1e-9, (sums, table)


@test
def a_profile_has_a_line_for_each_operation_and_adds_up():
    for name, threads, recipe in (("f32", 2, {}), ("bf16", 1, {"format": "bf16"}), ("muon", 3, {"optimizer": "muon"}), ("qwen3", 2, {"family": "qwen3"}),
                                  ("olmo2", 1, {"family": "olmo2"}), ("qwen2", 2, {"family": "qwen2"})):
        made = profiled(name, threads, **recipe)
        check_table(made["steps"])
        check_table(made["evaluation"])
        steps = made["steps"]["repetitions"]
        phases = {p["phase"]: {o["operation"]: o for o in p["operations"]} for p in made["steps"]["phases"]}
        for phase, lines in LINES.items():
            found = set(phases[phase]) - {"waiting at barriers", "other"}
            assert lines - {"waiting at barriers", "other"} <= found, (name, phase, lines - found)
            assert found - lines <= MORE.get(name, set()), (name, phase, found - lines)
        adds = {phase: sum(o["multiply_adds_binary32"] + o["multiply_adds_bf16"] for o in phases[phase].values() if o["product"]) for phase in phases}
        vocabulary = made["vocabulary"]
        each = steps * 8 * 16 * (MATRICES + 16 * vocabulary)
        assert adds["forward"] == each and adds["backward"] == 2 * each, (name, adds, each)
        evaluation = {p["phase"]: {o["operation"] for o in p["operations"]} for p in made["evaluation"]["phases"]}
        assert LINES["forward"] - {"waiting at barriers", "other"} <= evaluation["evaluation"] and not set(evaluation) & {"forward", "backward", "optimiser"}, evaluation
    assert not os.path.exists(os.path.join(PLACE.name, "profile f32 2", "log.jsonl"))
    shown = good("train", write_recipe(PLACE.name, "shown"), "-o", os.path.join(PLACE.name, "profile f32 2"), "--profile", "-q").out
    assert "a step, mean of" in shown and "all products" in shown and "an evaluation" in shown, shown


@test
def a_dry_run_keeps_no_step():
    to = os.path.join(PLACE.name, "dry")
    ended = good_json("train", RECIPE, "-o", to, "--dry-run", "-q")
    assert ended["dry_run"] and ended["steps_done"] == 3 and ended["seconds_expected"] > 0, ended
    assert not os.path.exists(os.path.join(to, "log.jsonl")) and not os.path.exists(os.path.join(to, "checkpoints"))
    assert train(RECIPE, to)["chain"] == made["chain"]


@test
def cost():
    to = os.path.join(PLACE.name, "whole")
    ended = good_json("train", RECIPE, "-o", to, "-q", "--watts", "50", "--price", "kwh=0.30,core-hour=2")
    times = [json.loads(line) for line in read(to, "times.jsonl").decode().splitlines()]
    seconds = sum(t["seconds"] for t in times)
    assert abs(ended["seconds"] - seconds) < 1e-6 and len(times) >= 24
    cores = sum(t["seconds"] * t["threads"] for t in times) / 3600
    assert abs(ended["core_hours"] - cores) < 1e-9
    if ended["kwh_source"] == "declared":
        assert abs(ended["kwh"] - 50 * seconds / 3.6e6) < 1e-12
    assert abs(ended["money"] - (0.30 * ended["kwh"] + 2 * cores)) < 1e-9
    one_line(hearth("train", RECIPE, "-o", to, "--price", "euro=1"), 2, "--price")


def crc32c(data):
    """By the table of Castagnoli's polynomial; the sum of the digits 1 to 9 is a published one."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def crc_entry(n):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    return n


CRC_TABLE = [crc_entry(n) for n in range(256)]
assert crc32c(b"123456789") == 0xE3069283


def fields(message):
    """Protobuf: field numbers and values."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(message):
        key = varint()
        size = {0: None, 1: 8, 2: None, 5: 4}[key & 7]
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            size = varint() if key & 7 == 2 else size
            yield key >> 3, message[at:at + size]
            at += size


@test
def curves_for_tensorboard():
    data = read(WHOLE, "tensorboard", "events.out.tfevents.hearth")
    events, at = [], 0
    while at < len(data):
        length, = struct.unpack_from("<Q", data, at)
        for begin, size, sum_at in ((at, 8, at + 8), (at + 12, length, at + 12 + length)):
            crc = crc32c(data[begin:begin + size])
            assert struct.unpack_from("<I", data, sum_at)[0] == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        events.append(dict(fields(data[at + 12:at + 12 + length])))
        at += 16 + length
    assert events[0][3] == b"brain.Event:2"
    curve = {}
    for event in events[1:]:
        value = dict(fields(dict(fields(event[5]))[1]))
        curve.setdefault(value[1].decode(), {})[event[2]] = struct.unpack("<f", value[2])[0]
    log = records(WHOLE)
    for tag, kind, key in (("train/loss", "step", "loss"), ("train/gradient_norm", "step", "gradient_norm"), ("train/learning_rate", "step", "learning_rate"),
                           ("held_out/bits_per_byte", "evaluation", "bits_per_byte"), ("held_out/loss", "evaluation", "loss")):
        wanted = {r["step"]: struct.unpack("<f", struct.pack("<f", r[key]))[0] for r in log if r["kind"] == kind}
        assert curve[tag] == wanted, tag
    times = [struct.unpack("<d", event[1])[0] for event in events]
    assert times == sorted(times) and times[-1] > 0


@test
def samples():
    to = prepared("samples")
    good("train", RECIPE, "-o", to, "-q")
    lines = [json.loads(line) for line in read(to, "samples.jsonl").decode().splitlines()]
    assert [line["step"] for line in lines] == [8, 16, 24] and all(line["text"] for line in lines), lines
    assert json.loads(read(to, "checkpoints", "step-000024", "state.json"))["chain"] == made["chain"]


main()
