#!/usr/bin/env python3
"""Goldens of tests/train/test_following.c, by PyTorch and transformers in binary64, for the tiny models of make_gradients.py:

    python3 tests/train/make_following.py [following] [differences] [FAMILY …]        # writes tests/train/golden/following.json and differences.json

following.json: losses (mean of -log p) and gradient norms of 50 steps of each family, with AdamW (torch.optim), clipping
(clip_grad_norm_), weight decay of matrices alone, a z-loss, and warm-up with a cosine after it.

differences.json: slopes of the loss of make_gradients.py by finite differences: of each tensor some of its values, each the
five-point formula over that loss in binary64, (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h. No autograd is in them. Here they are held
against autograd's; there against hearth's gradients."""

import json
import math
import os
import sys

import numpy as np
import torch

from make_gradients import AUX_LOSS, FAMILIES, FOLDER, LENGTH, balance_loss, hashed, loss_of, make_model, name_seed, tensors

STEPS = 50
SEQUENCES = 4
SHORT = 48
DOCUMENTS = [[48], [20, 1, 27], [48], [30, 18]]  # of each sequence, in tokens
BATCHES = 3                                      # in turn
RATE, WARMUP, FINAL = 0.01, 8, 0.1
CLIP, DECAY, BETAS, EPS, Z_LOSS = 1.0, 0.1, (0.9, 0.95), 1e-8, 0.01
JUMPY = {"qwen3-moe"}                            # a token that goes to another expert within a step of a finite difference makes the loss jump
H = 2e-3                                         # of a finite difference
VALUES = 10                                      # of a tensor


# ---- 50 steps ----

def batch(step, vocabulary):
    count = SEQUENCES * (SHORT + 1)
    first = (step - 1) % BATCHES * count
    tokens = (hashed(name_seed("tokens"), first + count)[first:] * vocabulary).astype(np.int64)
    return tokens.reshape(SEQUENCES, SHORT + 1)


def factor(step):
    """docs/training.md, "Schedules"."""
    if step < WARMUP:
        return step / WARMUP
    return FINAL + (1 - FINAL) * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP))) / 2


def loss_parts(model, tokens):
    """The sums of -log p and of log(Z)^2, the number of targets, and a mixture's auxiliary loss."""
    sum_p = sum_z = targets = balance = 0
    for row, counts in zip(tokens, DOCUMENTS):
        at = 0
        routers = []
        for count in counts:
            model.router_logits.clear()
            logits = model(input_ids=torch.tensor(row[at:at + count])[None]).logits[0]
            want = torch.tensor(row[at + 1:at + count + 1])
            log_z = torch.logsumexp(logits, -1)
            sum_p = sum_p + (log_z - logits.gather(1, want[:, None])[:, 0]).sum()
            sum_z = sum_z + (log_z**2).sum()
            targets += count
            at += count
            routers.append(tuple(model.router_logits))
        if routers[0]:  # each sequence is a micro-batch
            balance = balance + balance_loss(model, routers) / len(tokens)
    return sum_p, sum_z, targets, balance


def decays(name, p):
    return p.dim() >= 2 and not name.startswith("model.embed")


def follow(family):
    model = make_model(family)
    named = list(model.named_parameters())
    groups = [{"params": [p for n, p in named if decays(n, p) == which], "weight_decay": DECAY if which else 0.0} for which in (True, False)]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=BETAS, eps=EPS)
    losses, norms = [], []
    for step in range(1, STEPS + 1):
        for group in optimizer.param_groups:
            group["lr"] = RATE * factor(step)
        optimizer.zero_grad()
        sum_p, sum_z, targets, balance = loss_parts(model, batch(step, model.config.vocab_size))
        ((sum_p + Z_LOSS * sum_z) / targets + AUX_LOSS * balance).backward()
        losses.append(sum_p.item() / targets)
        norms.append(torch.nn.utils.clip_grad_norm_([p for _, p in named], CLIP).item())
        optimizer.step()
    print(family, losses[0], losses[-1], sum(n > CLIP for n in norms), "clipped")
    return {"losses": losses, "norms": norms}


# ---- finite differences ----

def differences(family):
    model = make_model(family)
    tokens = (hashed(name_seed("tokens"), 2 * (LENGTH + 1)) * model.config.vocab_size).astype(np.int64).reshape(2, LENGTH + 1)
    loss_of(model, tokens).backward()
    rows, worst = [], 0.0
    with torch.no_grad():
        for name, values, gradient in tensors(model):
            flat = values.view(-1)
            places = sorted({int(x * values.numel()) for x in hashed(name_seed(name + " places"), VALUES)})
            slopes = []
            for place in places:
                at = flat[place].item()
                f = []
                for k in (-2, -1, 1, 2):
                    flat[place] = at + k * H
                    f.append(loss_of(model, tokens).item())
                flat[place] = at
                slopes.append((f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * H))
            largest = gradient.abs().max().item()
            worst = max(worst, max(abs(s - gradient.reshape(-1)[i].item()) for s, i in zip(slopes, places)) / largest)
            rows.append([name, largest, places, slopes])
    print(family, "finite differences and autograd differ by", worst, "of a tensor's largest")
    assert worst < 1e-7, worst
    return rows


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    made = {"steps": STEPS, "sequences": SEQUENCES, "length": SHORT, "documents": [n for row in DOCUMENTS for n in row], "batches": BATCHES,
            "rate": RATE, "warmup": WARMUP, "final": FINAL, "clip": CLIP, "decay": DECAY, "z_loss": Z_LOSS, "torch": torch.__version__}
    kinds = [name for name in sys.argv[1:] if name not in FAMILIES] or ["following", "differences"]
    wanted = [name for name in sys.argv[1:] if name in FAMILIES]
    for name in kinds:
        path = os.path.join(FOLDER, name + ".json")
        content = {**made, "families": {}} if name == "following" else {}
        if wanted:
            with open(path, encoding="utf-8") as old:
                content = json.load(old)
        families = content["families"] if name == "following" else content
        families.update({f: follow(f) if name == "following" else differences(f) for f in wanted or FAMILIES if name == "following" or f not in JUMPY})
        with open(path, "w", encoding="utf-8") as out:
            json.dump(content, out)
            out.write("\n")


if __name__ == "__main__":
    main()
