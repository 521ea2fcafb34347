#!/usr/bin/env python3
"""Golden numbers of optimisers and schedules, by PyTorch in binary64: tests/training/golden/optimizer.json.

    make_optimizer_golden.py      (needs torch; Muon: torch 2.9)"""

import json
import math
import os

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPES = {"adamw": [(3, 5), (1, 7)], "muon": [(6, 10), (10, 6), (8, 8)]}
STEPS = 12
CLIP = 1.5


def pattern(count, step, salt):
    """Values that both sides can make: whole numbers over 256."""
    return [(((i * 7919 + step * 104729 + salt * 1299709) % 1021) - 510) / 256.0 for i in range(count)]


def run(name, make):
    shapes = SHAPES[name]
    values = [torch.nn.Parameter(torch.tensor(pattern(r * c, 0, k), dtype=torch.float64).reshape(r, c)) for k, (r, c) in enumerate(shapes)]
    optimizer = make(values)
    norms = []
    for step in range(1, STEPS + 1):
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * factor("cosine", step)
        for k, p in enumerate(values):
            p.grad = torch.tensor(pattern(p.numel(), step, k + 10), dtype=torch.float64).reshape(p.shape) * (0.05 if step % 2 else 1.0)
        norms.append(float(torch.nn.utils.clip_grad_norm_(values, CLIP)))
        optimizer.step()
    return {"shapes": shapes, "norms": norms, "values": [p.detach().flatten().tolist() for p in values]}


SCHEDULE = {"steps": STEPS, "warmup": 3, "decay": 4, "final": 0.1}


def factor(kind, step):
    """The formulas of src/train/schedule.h, of which torch's own schedulers give the same shape (checked below)."""
    s = SCHEDULE
    if step < s["warmup"]:
        return step / s["warmup"]
    share = (step - s["warmup"]) / (s["steps"] - s["warmup"])
    if kind == "cosine":
        return s["final"] + (1 - s["final"]) * 0.5 * (1 + math.cos(math.pi * share))
    if kind == "linear":
        return 1 - (1 - s["final"]) * share
    if kind == "wsd":
        return 1 - (1 - s["final"]) * max(0.0, (step - (s["steps"] - s["decay"])) / s["decay"])
    return 1.0


def torch_factors(kind):
    """The same by torch's schedulers, chained at the milestones; epoch e of torch is step e."""
    p = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([p], lr=1.0)
    lr = torch.optim.lr_scheduler
    s = SCHEDULE
    rest = s["steps"] - s["warmup"]
    warm = lr.LambdaLR(optimizer, lambda e: min(1.0, e / s["warmup"]))
    stay = lr.ConstantLR(optimizer, factor=1.0, total_iters=0)
    then = {
        "constant": lambda: [stay],
        "cosine": lambda: [lr.CosineAnnealingLR(optimizer, T_max=rest, eta_min=s["final"])],
        "linear": lambda: [lr.LinearLR(optimizer, start_factor=1.0, end_factor=s["final"], total_iters=rest)],
        "wsd": lambda: [stay, lr.LinearLR(optimizer, start_factor=1.0, end_factor=s["final"], total_iters=s["decay"])],
    }[kind]()
    both = lr.SequentialLR(optimizer, [warm, *then], milestones=[s["warmup"], s["steps"] - s["decay"]][:len(then)])
    found = []
    for _ in range(s["steps"]):
        optimizer.step()
        both.step()
        found.append(optimizer.param_groups[0]["lr"])
    return found


def adamw(values):
    return torch.optim.AdamW([{"params": [values[0]], "weight_decay": 0.1, "base": 0.01}, {"params": values[1:], "weight_decay": 0.0, "base": 0.01}],
                             lr=0.01, betas=(0.9, 0.95), eps=1e-8)


def muon(values):
    return torch.optim.Muon([{"params": values, "base": 0.02}], lr=0.02, weight_decay=0.1, momentum=0.95, nesterov=True)


def main():
    made = {"torch": torch.__version__, "schedule": SCHEDULE, "clip": CLIP, "factors": {}}
    for kind in ("constant", "cosine", "linear", "wsd"):
        made["factors"][kind] = torch_factors(kind)
        for step, found in enumerate(made["factors"][kind], 1):
            assert abs(found - factor(kind, step)) < 1e-12, (kind, step, found, factor(kind, step))
    made["adamw"] = run("adamw", adamw)
    if hasattr(torch.optim, "Muon"):
        # torch rounds Newton and Schulz's rounds to bf16: here in binary64, by putting its function's type away
        import torch.optim._muon as source
        original = source._zeropower_via_newtonschulz
        import inspect
        text = inspect.getsource(original).replace("torch.bfloat16", "torch.float64")
        exec(text, source.__dict__)
        made["muon"] = run("muon", muon)
    os.makedirs(os.path.join(HERE, "golden"), exist_ok=True)
    with open(os.path.join(HERE, "golden", "optimizer.json"), "w", encoding="utf-8") as out:
        json.dump(made, out, indent=1)
        out.write("\n")


main()
