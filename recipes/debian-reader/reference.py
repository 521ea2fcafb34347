#!/usr/bin/env python3
"""Trains this recipe's shape in PyTorch on the same tokens and tells the loss on held-out packages.

    recipes/debian-reader/reference.py RUN [--steps N] [--device cuda] [--every N]

RUN is the folder of a run of `hearth train` (its packed/, held-out/, tokenizer.json and recipe.yaml are read). Architecture, batches and
their order, optimiser and schedule are the recipe's, in binary32; the first weights are others. Needs torch and numpy."""

import argparse
import json
import math
import os
import re
import time

import numpy
import torch
from torch import nn
from torch.nn import functional as F

MASK32, SEQUENCES_PURPOSE = 0xFFFFFFFF, 5


def read_recipe(path):
    """The scalars of `model` and `train`, and the seed: enough of YAML for this recipe."""
    found, section = {}, ""
    for line in open(path, encoding="utf-8"):
        match = re.match(r"( *)([a-z0-9_]+): *([^#\n]*)", line)
        if match:
            section = match[2] if match[1] == "" else section
            if match[3].strip():
                found[f"{section}.{match[2]}" if match[1] else match[2]] = match[3].strip()
    return found


# ---- batches: docs/formats/corpus.md, "Packed" ----

def philox(seed, purpose, step, index):
    c = [index & MASK32, index >> 32, step & MASK32, step >> 32]
    k = [seed & MASK32, (seed >> 32) ^ (purpose * 0x9E3779B9 & MASK32)]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK32, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK32]
        k = [k[0] + 0x9E3779B9 & MASK32, k[1] + 0xBB67AE85 & MASK32]
    return c[0]


def permute(count, seed, epoch, place):
    bits = (count - 1).bit_length()
    low_bits, high_bits = (bits + 1) // 2, bits // 2
    while True:
        low, high = place & ((1 << low_bits) - 1), place >> low_bits
        for r in range(0, 8, 2):
            high ^= philox(seed, SEQUENCES_PURPOSE, epoch, r << 32 | low) & ((1 << high_bits) - 1)
            low ^= philox(seed, SEQUENCES_PURPOSE, epoch, r + 1 << 32 | high) & ((1 << low_bits) - 1)
        place = high << low_bits | low
        if place < count:
            return place


def open_packed(folder, length):
    """[sequences, length + 1] of tokens and of the document that each is of."""
    data = numpy.fromfile(os.path.join(folder, "tokens.bin"), dtype=numpy.uint8)
    width = int(data[12:16].view(numpy.uint32)[0])
    tokens = data[256:].view(numpy.uint16 if width == 2 else numpy.uint32).astype(numpy.int64)
    first = numpy.fromfile(os.path.join(folder, "documents.bin"), dtype=numpy.uint64).reshape(-1, 2)[:, 0].astype(numpy.int64)
    documents = numpy.searchsorted(first, numpy.arange(len(tokens)), side="right")
    count = (len(tokens) - 1) // length
    rows = [torch.from_numpy(values[:count * length + 1]).unfold(0, length + 1, length) for values in (tokens, documents)]
    return rows[0], rows[1]


def token_bytes(path, vocabulary):
    made, sizes = json.load(open(path, encoding="utf-8")), torch.zeros(vocabulary)
    special = {token["content"] for token in made["added_tokens"]}
    for text, number in made["model"]["vocab"].items():
        sizes[number] = 0 if text in special else len(text)  # a character of GPT-2's alphabet is a byte
    return sizes


# ---- the model ----

class Norm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def turn(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.norm1, self.norm2 = Norm(c["width"], c["eps"]), Norm(c["width"], c["eps"])
        self.norm_q, self.norm_k = Norm(c["head"], c["eps"]), Norm(c["head"], c["eps"])
        wide, narrow = c["heads"] * c["head"], c["kv"] * c["head"]
        sizes = {"q": (c["width"], wide), "k": (c["width"], narrow), "v": (c["width"], narrow), "o": (wide, c["width"]),
                 "gate": (c["width"], c["mlp"]), "up": (c["width"], c["mlp"]), "down": (c["mlp"], c["width"])}
        self.linear = nn.ModuleDict({name: nn.Linear(*size, bias=False) for name, size in sizes.items()})

    def forward(self, x, cos, sin, mask):
        batch, length, _ = x.shape
        h, part = self.norm1(x), self.linear
        q, k, v = (part[name](h).view(batch, length, -1, self.c["head"]).transpose(1, 2) for name in "qkv")
        q, k = turn(self.norm_q(q), cos, sin), turn(self.norm_k(k), cos, sin)
        k, v = (t.repeat_interleave(self.c["heads"] // self.c["kv"], 1) for t in (k, v))
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + part["o"](seen.transpose(1, 2).reshape(batch, length, -1))
        h = self.norm2(x)
        return x + part["down"](F.silu(part["gate"](h)) * part["up"](h))


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.embedding = nn.Embedding(c["vocabulary"], c["width"])
        self.layers, self.norm = nn.ModuleList(Layer(c) for _ in range(c["layers"])), Norm(c["width"], c["eps"])
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, 0, c["std"])

    def forward(self, tokens, documents):
        length = tokens.shape[1]
        place = torch.arange(length, device=tokens.device).expand(tokens.shape)
        begins = torch.where(F.pad(documents[:, 1:] != documents[:, :-1], (1, 0)), place, 0).cummax(1).values
        frequency = self.c["theta"] ** (-torch.arange(0, self.c["head"], 2, device=tokens.device).float() / self.c["head"])
        angles = (place - begins).float()[:, None, :, None] * frequency
        causal = torch.ones(length, length, dtype=torch.bool, device=tokens.device).tril()
        mask = ((documents[:, :, None] == documents[:, None, :]) & causal)[:, None]
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x, angles.cos(), angles.sin(), mask)
        return self.norm(x) @ self.embedding.weight.T


def losses(model, tokens, documents):
    logits = model(tokens[:, :-1], documents[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")


@torch.no_grad()
def evaluate(model, held, sizes, most):
    tokens, documents = (t[:most] for t in held)
    total = sum(losses(model, tokens[i:i + 16], documents[i:i + 16]).double().sum().item() for i in range(0, len(tokens), 16))
    text = sizes[tokens[:, 1:].cpu()].double().sum().item()
    return total / tokens[:, 1:].numel(), total / math.log(2) / text


# ---- Muon, with AdamW for embeddings and norms ----

def orthogonal(g):
    """Five Newton-Schulz rounds over a stack of matrices."""
    x = g / g.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.mT if tall else x


class Muon:
    def __init__(self, matrices, rate, momentum, decay):
        self.rate, self.momentum, self.decay = rate, momentum, decay
        self.stacks = {}
        for p in matrices:
            self.stacks.setdefault(tuple(p.shape), []).append(p)
        self.mean = {shape: torch.zeros(len(ps), *shape, device=ps[0].device) for shape, ps in self.stacks.items()}

    @torch.no_grad()
    def step(self, factor):
        for shape, parameters in self.stacks.items():
            g = torch.stack([p.grad for p in parameters])
            mean = self.mean[shape].mul_(self.momentum).add_(g)
            update = orthogonal(g + self.momentum * mean) * math.sqrt(max(1.0, shape[0] / shape[1]))
            for p, u in zip(parameters, update):
                p.mul_(1 - self.rate * factor * self.decay).sub_(u, alpha=self.rate * factor)


def factor_of(r, step, steps):
    """wsd, as docs/training.md has it; step from 1."""
    warm, fall, final = int(r["train.warmup_steps"]), int(r["train.decay_steps"]), float(r["train.final_ratio"])
    if step < warm:
        return step / warm
    return 1 - (1 - final) * max(0.0, (step - (steps - fall)) / fall)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("run")
    options.add_argument("--steps", type=int)
    options.add_argument("--every", type=int, default=50)
    options.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    o = options.parse_args()
    r = read_recipe(os.path.join(o.run, "recipe.yaml"))
    steps, sequences, length = o.steps or int(r["train.steps"]), int(r["train.sequences"]), int(r["train.length"])
    width, heads = int(r["model.width"]), int(r["model.heads"])
    shape = {"vocabulary": int(r["tokenizer.vocab_size"]), "layers": int(r["model.layers"]), "width": width, "heads": heads,
             "kv": int(r["model.kv_heads"]), "head": width // heads, "mlp": int(r["model.mlp"]), "theta": float(r["model.rope_theta"]),
             "eps": float(r["model.norm_eps"]), "std": 0.02}
    torch.manual_seed(1)
    model = Model(shape).to(o.device)
    data = [t.to(o.device) for t in open_packed(os.path.join(o.run, "packed"), length)]
    held = [t.to(o.device) for t in open_packed(os.path.join(o.run, "held-out"), length)]
    sizes = token_bytes(os.path.join(o.run, "tokenizer.json"), shape["vocabulary"])
    hidden = [p for p in model.layers.parameters() if p.dim() == 2]
    rest = [p for p in model.parameters() if not any(p is h for h in hidden)]
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(data[0])} sequences, {o.device}", flush=True)
    adam = torch.optim.AdamW(rest, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0)
    muon = Muon(hidden, float(r["train.muon_learning_rate"]), float(r.get("train.muon_momentum", 0.95)), float(r["train.weight_decay"]))
    began, count = time.time(), len(data[0])
    for step in range(1, steps + 1):
        places = range((step - 1) * sequences, step * sequences)
        rows = torch.tensor([permute(count, int(r["seed"]), p // count, p % count) for p in places], device=o.device)
        loss = losses(model, data[0][rows], data[1][rows]).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), float(r["train.grad_clip"]))
        factor = factor_of(r, step, steps)
        adam.param_groups[0]["lr"] = float(r["train.learning_rate"]) * factor
        adam.step()
        muon.step(factor)
        model.zero_grad(set_to_none=True)
        if step % o.every == 0 or step == steps:
            print(f"step {step} loss {loss.item():.5f}, {time.time() - began:.0f} s", flush=True)
        if step % int(r["train.evaluate_steps"]) == 0 or step == steps:
            mean, bits = evaluate(model, held, sizes, int(r["train.evaluate_sequences"]))
            print(f"step {step} held out: loss {mean:.5f}, {bits:.5f} bits per byte", flush=True)


if __name__ == "__main__":
    main()
