#!/usr/bin/env python3
"""mpirun -n N hearth train: the bits of one process, byte by byte, for 1 to 5 ranks; a rank that dies loses nothing; what the ranks send each
other is what docs/scaling.md says. Prints TAP."""

import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_folder import folder, good, read, train, write_recipe  # noqa: E402
from mpirun import members, mpirun, needs_mpirun, own_lines, start, surroundings  # noqa: E402
from tap import HEARTH, SOURCE, main, test  # noqa: E402

PLACE = folder()
KINDS = {"adamw": {}, "muon": {"optimizer": "muon"}, "bf16": {"format": "bf16"}, "mixture": {"family": "qwen3-moe", "steps": 8, "every": 4}}
whole = {}  # of one process: the recipe and the run's folder


def made_alone(kind):
    if kind not in whole:
        recipe = write_recipe(PLACE.name, f"{kind}.yaml", **KINDS[kind])
        if kind == "muon":  # and what else goes over all values or all micro-batches
            text = read(recipe).decode().replace("warmup_steps: 4", "warmup_steps: 4\n  z_loss: 0.001\n  grad_clip: 0.05\n  weight_decay: 0.1")
            with open(recipe, "w", encoding="utf-8") as out:
                out.write(text)
        run = os.path.join(PLACE.name, f"{kind}-alone")
        whole[kind] = recipe, run, train(recipe, run)
    return whole[kind]


def prepared(alone, name):
    """A run's folder with everything but steps."""
    to = os.path.join(PLACE.name, name)
    os.mkdir(to)
    for part in ("corpus", "packed", "held-out"):
        shutil.copytree(os.path.join(alone, part), os.path.join(to, part))
    for part in ("tokenizer.json", "recipe.yaml"):
        shutil.copy(os.path.join(alone, part), to)
    return to


def together(ranks, recipe, run, *more):
    ended = mpirun(ranks, "train", recipe, "-o", run, "-q", "--no-samples", "--json", *more)
    assert ended.code == 0 and ended.err == "", ended
    return json.loads(ended.out)


def same_files(run, alone):
    """The log, and every byte of checkpoints and model."""
    assert read(run, "log.jsonl") == read(alone, "log.jsonl")
    count = 0
    for part in ("checkpoints", "model"):
        for place, _, names in os.walk(os.path.join(alone, part)):
            for name in names:
                path = os.path.relpath(os.path.join(place, name), alone)
                assert read(run, path) == read(alone, path), path
                count += 1
    assert count > 20, count
    assert sorted(os.listdir(os.path.join(run, "checkpoints"))) == sorted(os.listdir(os.path.join(alone, "checkpoints")))


def any_number_of_ranks(kind, cases):
    needs_mpirun()
    recipe, alone, made = made_alone(kind)
    for ranks, threads in cases:
        run = prepared(alone, f"{kind}-{ranks}-{threads}")
        ended = together(ranks, recipe, run, "--threads", str(threads))
        assert ended["chain"] == made["chain"] and ended["weights"] == made["weights"], (ranks, threads)
        assert ended["bits_per_byte"] == made["bits_per_byte"], (ranks, threads)
        assert (ended["ranks"], ended["threads"]) == (ranks, ranks * threads), ended
        same_files(run, alone)


@test
def adamw_in_f32():
    """Five ranks are more than there are micro-batches: the last computes no gradient, and changes its slice all the same."""
    any_number_of_ranks("adamw", ((1, 2), (2, 1), (2, 5), (3, 1), (4, 1), (5, 1)))


@test
def muon_in_f32():
    any_number_of_ranks("muon", ((2, 1), (3, 2), (4, 1)))


@test
def adamw_in_bf16():
    any_number_of_ranks("bf16", ((2, 2), (3, 1), (4, 1)))


@test
def a_mixture_of_experts():
    any_number_of_ranks("mixture", ((1, 1), (2, 1), (4, 2)))


@test
def all_of_it_by_ranks():
    """From sources on. Threads by the cores that are left to each."""
    needs_mpirun()
    recipe, alone, made = made_alone("adamw")
    run = os.path.join(PLACE.name, "from-sources")
    ended = together(2, recipe, run)
    assert ended["chain"] == made["chain"] and ended["threads"] >= 2, ended
    same_files(run, alone)
    good("verify", run, "--all", "-q")
    report = read(run, "report.html").decode()
    assert "2 ranks" in report and f"<td>{ended['bytes_per_step']}</td>" in report, report[-3000:]


@test
def ranks_of_several_instruction_sets():
    needs_mpirun()
    recipe, alone, made = made_alone("adamw")
    run = prepared(alone, "mixed")
    command = ["train", recipe, "-o", run, "-q", "--no-samples", "--threads", "1", "--json"]
    ended = mpirun(1, *command, ":", "-n", "1", HEARTH, *command, "--isa", "scalar")
    assert ended.code == 0 and json.loads(ended.out)["chain"] == made["chain"], ended


@test
def a_dry_run():
    needs_mpirun()
    recipe, alone, made = made_alone("adamw")
    run = prepared(alone, "dry")
    ended = together(2, recipe, run, "--dry-run", "--threads", "1")
    assert ended["steps_done"] == 3 and ended["ranks"] == 2 and ended["bytes_per_step"] > 0, ended
    assert not os.path.exists(os.path.join(run, "log.jsonl"))


# ---- what ranks send: docs/scaling.md ----

BLOCK = 4096


def parameters(run):
    """Rows and columns, in the order of the file, which is that of the run's values."""
    data = read(run, "model", "model.safetensors")
    length, = struct.unpack_from("<Q", data)
    table = [(entry["data_offsets"][0], name, entry["shape"]) for name, entry in json.loads(data[8:8 + length]).items() if name != "__metadata__"]
    return [(name, shape if len(shape) == 2 else [1] + shape) for _, name, shape in sorted(table)]


def slices(table, ranks, muon):
    """Where each rank's slice begins: equal costs, lines of 16 values; Muon's matrices whole, by the nearer end."""
    rows, at = [], 0
    for name, (r, c) in table:
        is_whole = muon and ".layers." in name and r > 1
        rows.append((at, r * c, min(r, c) if is_whole else 1, is_whole))
        at += r * c
    total = sum(n * cost for _, n, cost, _ in rows)
    bounds = [0]
    for rank in range(1, ranks):
        left, place = total // ranks * rank + total % ranks * rank // ranks, at
        for begin, n, cost, is_whole in rows:
            if n * cost > left:
                into = left // cost
                place = begin + ((0 if 2 * into < n else n) if is_whole else into // 16 * 16)
                break
            left -= n * cost
        bounds.append(max(place, bounds[-1]))
    return bounds + [at]


def subtrees(micro_batches, ranks):
    """How many each rank has."""
    power = 1
    while power < ranks:
        power *= 2
    units = min(ranks if power == ranks else 4 * power, micro_batches)
    counts, at = [], 0
    for rank in range(ranks):
        end, count = at + units // ranks + (rank < units % ranks), 0
        while at < end:
            size = 1
            while at % (2 * size) == 0 and 2 * size <= end - at:
                size *= 2
            at, count = at + size, count + 1
        counts.append(count)
    return counts


def predicted(table, ranks, muon, micro_batches):
    bounds, trees = slices(table, ranks, muon), subtrees(micro_batches, ranks)
    values, all_trees, others = bounds[-1], sum(trees), ranks - 1

    def blocks(value):
        return (value + BLOCK - 1) // BLOCK
    sums = [min(blocks(end) * BLOCK, values) - begin if end > begin else 0 for begin, end in zip(bounds, bounds[1:])]
    gradient = sum(4 * n * (all_trees - own) for n, own in zip(sums, trees))
    loss = 24 * (all_trees - trees[0]) + 24 * others
    norm = 4 * (blocks(values) - blocks(bounds[1])) + 8 * others
    return gradient + loss + norm + 4 * values * others + 2 * 16 * others


@test
def bytes_are_those_of_the_model_of_cost():
    """As the door to MPI counts them, in every step, against a formula that knows the recipe and the number of ranks alone."""
    needs_mpirun()
    for kind, ranks in (("adamw", 2), ("adamw", 3), ("adamw", 4), ("adamw", 5), ("muon", 2), ("muon", 3), ("muon", 4)):
        _, alone, _ = made_alone(kind)
        wanted = predicted(parameters(alone), ranks, kind == "muon", 4)
        counted = []
        for name in os.listdir(PLACE.name):
            if re.fullmatch(rf"{kind}-{ranks}-\d", name):
                counted += [json.loads(line) for line in read(PLACE.name, name, "times.jsonl").decode().splitlines()]
        assert len(counted) >= 24 and {(c["ranks"], c["bytes"]) for c in counted} == {(ranks, wanted)}, (kind, ranks, wanted, counted[:2])


# ---- ends ----

def begun(ranks, recipe, run, steps):
    return wait_for_steps(start(ranks, "train", recipe, "-o", run, "--no-samples", "--threads", "1"), run, steps)


def wait_for_steps(process, run, steps):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if os.path.exists(os.path.join(run, "log.jsonl")) and read(run, "log.jsonl").count(b'"kind":"step"') >= steps:
            return process
        time.sleep(0.01)
    raise AssertionError(process.communicate(timeout=10))


def wait_for_status(number, pattern):
    """Until /proc says so of a process."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with open(f"/proc/{number}/status", encoding="ascii") as status:
            if re.search(pattern, status.read(), re.M):
                return
        time.sleep(0.01)
    raise AssertionError(f"it did not come to {pattern}")


def tell(process):
    """SIGUSR1, as mpirun and Slurm send it. One rank is held until the signal has come to it, as the run would be over first on a fast machine."""
    held = members(process)[-1]
    os.kill(held, signal.SIGSTOP)
    try:
        wait_for_status(held, r"^State:\s*T")   # of two that wait for a processor it would take SIGUSR1 first
        process.send_signal(signal.SIGUSR1)
        wait_for_status(held, r"^ShdPnd:\s*[0-9a-f]*[2367abef][0-9a-f]{2}$")   # bit 9
    finally:
        os.kill(held, signal.SIGCONT)


def is_whole(run):
    """No checkpoint that is there is half written."""
    for name in os.listdir(os.path.join(run, "checkpoints")):
        if ".tmp" not in name:
            state = json.loads(read(run, "checkpoints", name, "state.json"))
            assert sorted(state["files"]) == sorted(set(os.listdir(os.path.join(run, "checkpoints", name))) - {"state.json"})


@test
def a_rank_that_dies():
    """One of three, then rank 0 of two; another number goes on each time."""
    needs_mpirun()
    random.seed(3)
    recipe = write_recipe(PLACE.name, "killed.yaml", steps=240, every=30)
    alone, run = os.path.join(PLACE.name, "killed-alone"), os.path.join(PLACE.name, "killed")
    made = train(recipe, alone)
    for ranks, victim, steps in ((3, 1, 40), (2, 0, 110)):
        process = begun(ranks, recipe, run, steps + random.randrange(10))
        numbers = members(process)
        assert len(numbers) == ranks, numbers
        os.kill(numbers[victim], signal.SIGKILL)
        out, err = process.communicate(timeout=60)
        said = [line for line in err.decode().splitlines() if line.startswith("hearth") and "expected" in line]
        assert process.returncode != 0 and out == b"", (process.returncode, out, err)
        assert len(said) == (0 if victim == 0 else 1), err  # rank 0 speaks for all; of its own death mpirun tells
        assert victim == 0 or "a rank died" in said[0], said
        is_whole(run)
        assert not os.path.exists(os.path.join(run, "model"))
    ended = together(4, recipe, run, "--threads", "1")
    assert ended["chain"] == made["chain"] and 0 < ended["steps_done"] < 240, ended
    same_files(run, alone)


@test
def told_to_stop():
    """SIGUSR1, which mpirun hands on and Slurm sends before a job's time is over: the step is kept."""
    needs_mpirun()
    recipe = write_recipe(PLACE.name, "told.yaml", steps=160, every=80)
    alone, run = os.path.join(PLACE.name, "told-alone"), os.path.join(PLACE.name, "told")
    made = train(recipe, alone)
    process = begun(2, recipe, run, 20)
    tell(process)
    _, err = process.communicate(timeout=60)
    told = re.search(rb"stopped behind step (\d+)", err)
    assert process.returncode == 130 and told, (process.returncode, err)
    assert os.listdir(os.path.join(run, "resume")) == [f"step-{int(told[1]):06}"]
    ended = together(3, recipe, run, "--threads", "1")
    assert ended["chain"] == made["chain"] and ended["steps_done"] == 160 - int(told[1]), ended
    same_files(run, alone)


@test
def slurms_script():
    """Told that time is nearly over, it keeps a step and puts the job back; then it goes on to the end. Slurm's own program is a file that notes."""
    needs_mpirun()
    recipe = write_recipe(PLACE.name, "slurm.yaml", steps=160, every=80)
    alone, run, noted = (os.path.join(PLACE.name, name) for name in ("slurm-alone", "slurm", "noted"))
    made = train(recipe, alone)
    tools = os.path.join(PLACE.name, "tools")
    os.mkdir(tools)
    with open(os.path.join(tools, "scontrol"), "w", encoding="utf-8") as out:
        out.write(f'#!/bin/sh\necho "$*" > "{noted}"\n')
    os.chmod(os.path.join(tools, "scontrol"), 0o755)
    env = surroundings(HEARTH=HEARTH, SLURM_JOB_ID="17", SLURM_NTASKS="2", SLURM_CPUS_PER_TASK="1", MPIRUN_OPTIONS="--bind-to none")
    env["PATH"] = tools + ":" + env["PATH"]
    command = [os.path.join(SOURCE, "scripts", "slurm-train"), recipe, run, "--no-samples"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_steps(process, run, 20)
    tell(process)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and b"stopped behind step" in err, (process.returncode, err)
    assert read(noted) == b"requeue 17\n" and len(os.listdir(os.path.join(run, "resume"))) == 1
    ended = subprocess.run(command, env=env, capture_output=True, timeout=120)
    assert ended.returncode == 0 and made["chain"].encode() in ended.stdout, ended
    same_files(run, alone)


@test
def a_cut_checkpoint_is_passed_over_by_all():
    needs_mpirun()
    recipe, alone, made = made_alone("adamw")
    run = os.path.join(PLACE.name, "cut")
    shutil.copytree(alone, run)
    shutil.rmtree(os.path.join(run, "model"))
    last = os.path.join(run, "checkpoints", "step-000024", "optimizer.safetensors")
    os.truncate(last, os.path.getsize(last) // 2)
    ended = mpirun(2, "train", recipe, "-o", run, "--no-samples", "--json", "--threads", "1")
    assert ended.code == 0 and "passes over a checkpoint" in ended.err, ended
    again = json.loads(ended.out)
    assert again["chain"] == made["chain"] and again["steps_done"] == 8, again
    same_files(run, alone)


@test
def one_line_for_what_any_rank_cannot_do():
    needs_mpirun()
    recipe, alone, _ = made_alone("adamw")
    other = write_recipe(PLACE.name, "other-seed.yaml", seed=8)
    run = prepared(alone, "odd")
    good_part = ["train", recipe, "-o", run, "-q", "--no-samples", "--threads", "1"]
    for odd, words in ((["train", recipe, "-o", run, "--isa", "neon" if os.uname().machine == "x86_64" else "avx2"], "--isa"),
                       (["train", other, "-o", run, "-q"], "recipe"),
                       (["train", recipe, "-o", os.path.join(PLACE.name, "nowhere"), "-q"], "nowhere")):
        ended = mpirun(1, *good_part, ":", "-n", "1", HEARTH, *odd)
        lines = own_lines(ended)
        assert ended.code == (2 if words == "--isa" else 1) and ended.out == "" and len(lines) == 1 and words in lines[0], ended
    unwritable = prepared(alone, "unwritable")
    with open(os.path.join(unwritable, "checkpoints"), "w", encoding="utf-8"):
        pass
    ended = mpirun(3, "train", recipe, "-o", unwritable, "-q", "--no-samples", "--threads", "1")
    assert ended.code == 1 and len(own_lines(ended)) == 1 and "checkpoints" in own_lines(ended)[0], ended
    ended = mpirun(3, "train", other, "-o", alone, "-q")
    assert ended.code == 1 and len(own_lines(ended)) == 1 and "another one's run" in own_lines(ended)[0], ended


@test
def a_loss_that_is_not_finite():
    """The same line as of one process: the tensor's first odd value lies in another rank's slice."""
    needs_mpirun()
    recipe = write_recipe(PLACE.name, "odd.yaml", rate="10", steps=60, every=60)
    text = read(recipe).decode().replace("warmup_steps: 4", "warmup_steps: 0\n  grad_clip: 0").replace("tied: true", "tied: true\n  init_std: 10")
    text = text.replace("learning_rate: 10", "learning_rate: 10\n  weight_decay: 10\n  beta1: 0\n  beta2: 0\n  eps: 1e-30")
    with open(recipe, "w", encoding="utf-8") as out:
        out.write(text)
    lines = [own_lines(mpirun(ranks, "train", recipe, "-o", os.path.join(PLACE.name, f"odd-{ranks}"), "-q", "--no-samples", "--threads", "1")) for ranks in (1, 3)]
    assert len(lines[0]) == 1 and lines[0] == lines[1] and "finite" in lines[0][0] and "model." in lines[0][0], lines


@test
def a_program_that_mpirun_did_not_start_loads_no_mpi():
    """The library is looked for by who mpirun started, and by nobody else."""
    with open(HEARTH, "rb") as file:
        program = file.read()
    needed = re.findall(rb"\0(lib[\w.+-]+\.so[.\d]*)\0", b"\0" + program.split(b"\0GLIBC", 1)[0].replace(b"\0", b"\0\0"))
    assert any(name.startswith(b"libjansson") for name in needed), needed
    assert not [name for name in needed if b"mpi" in name], needed


main()
