#!/usr/bin/env python3
"""Trains this recipe's shape in PyTorch and tells how many held-out questions it answers exactly, by kind.

    recipes/hearthside/reference.py build/tests/recipe/hearthside_tool [--steps N]

A stand-in by another implementation, for how long the recipe has to be: same documents, vocabulary, architecture, batches, optimiser
and schedule; other first weights and another order. Needs torch and tokenizers. One thread."""

import argparse
import json
import math
import subprocess
import time

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import nn
from torch.nn import functional as F

SEED, VOCABULARY, END = 20260601, 768, "<|end|>"
LAYERS, WIDTH, HEADS, KV_HEADS, MLP, THETA = 4, 128, 4, 4, 352, 10000.0
HEAD = WIDTH // HEADS
SEQUENCES, LENGTH, WARMUP, FINAL = 4, 256, 20, 0.05
RATE, MUON_RATE, MOMENTUM, DECAY, STD = 8e-3, 0.01, 0.95, 0.1, 0.02


class Norm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


def turn(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2, self.norm_q, self.norm_k = Norm(WIDTH), Norm(WIDTH), Norm(HEAD), Norm(HEAD)
        sizes = {"q": (WIDTH, WIDTH), "k": (WIDTH, KV_HEADS * HEAD), "v": (WIDTH, KV_HEADS * HEAD), "o": (WIDTH, WIDTH), "gate": (WIDTH, MLP),
                 "up": (WIDTH, MLP), "down": (MLP, WIDTH)}
        self.linear = nn.ModuleDict({name: nn.Linear(*size, bias=False) for name, size in sizes.items()})

    def forward(self, x, cos, sin, mask):
        batch, length, _ = x.shape
        h, part = self.norm1(x), self.linear
        q, k, v = (part[name](h).view(batch, length, -1, HEAD).transpose(1, 2) for name in "qkv")
        q, k = turn(self.norm_q(q), cos, sin), turn(self.norm_k(k), cos, sin)
        k, v = (t.repeat_interleave(HEADS // KV_HEADS, 1) for t in (k, v))
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + part["o"](seen.transpose(1, 2).reshape(batch, length, WIDTH))
        h = self.norm2(x)
        return x + part["down"](F.silu(part["gate"](h)) * part["up"](h))


class Model(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH)
        self.layers, self.norm = nn.ModuleList(Layer() for _ in range(LAYERS)), Norm(WIDTH)
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, 0, STD)

    def forward(self, tokens, positions, documents):
        angles = positions.float()[:, None, :, None] * THETA ** (-torch.arange(0, HEAD, 2).float() / HEAD)
        causal = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).tril()
        mask = ((documents[:, :, None] == documents[:, None, :]) & causal)[:, None]
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x, angles.cos(), angles.sin(), mask)
        return self.norm(x) @ self.embedding.weight.T


def lines(tool, *arguments):
    made = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in made.stdout.splitlines()]


def learn_tokenizer(texts):
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=alphabet, show_progress=False))
    return made


def pack(tokenizer, texts):
    """[sequences, LENGTH + 1] of tokens, of positions that begin at 0 in each document and sequence, and of documents."""
    tokens, documents = [], []
    for number, coded in enumerate(tokenizer.encode_batch(texts)):
        tokens += [*coded.ids, 0]
        documents += [number] * (len(coded.ids) + 1)
    count = (len(tokens) - 1) // LENGTH
    cut = [torch.tensor(values[: count * LENGTH + 1]).unfold(0, LENGTH + 1, LENGTH) for values in (tokens, documents)]
    place = torch.arange(LENGTH + 1).expand(count, -1)
    begins = torch.where(F.pad(cut[1][:, 1:] != cut[1][:, :-1], (1, 0)), place, 0).cummax(1).values
    return cut[0], place - begins, cut[1]


def orthogonal(g):
    """Muon's five Newton-Schulz steps."""
    x = g / (g.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if tall else x


def rate(step, steps):
    if step < WARMUP:
        return (step + 1) / WARMUP
    fall = 0.4 * steps
    return min(1.0, FINAL + (1 - FINAL) * (steps - step) / fall)


def evaluate(model, tokenizer, questions):
    """A kind's share of questions whose answer, with the newline behind it, is what the model takes for likeliest."""
    right = {}
    for question in questions:
        prompt = tokenizer.encode(question["prompt"]).ids
        answer = tokenizer.encode(" " + question["answer"] + "\n").ids
        tokens = torch.tensor([prompt + answer])
        with torch.no_grad():
            best = model(tokens, torch.arange(tokens.shape[1])[None], torch.zeros_like(tokens)).argmax(-1)[0]
        right.setdefault(question["kind"], []).append(best[len(prompt) - 1:-1].tolist() == answer)
    share = {kind: sum(each) / len(each) for kind, each in right.items()}
    print(f"  exact {sum(share.values()) / len(share):.3f}: " + ", ".join(f"{kind} {value:.2f}" for kind, value in share.items()), flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("tool")
    options.add_argument("--steps", type=int, default=1000)
    options.add_argument("--every", type=int, default=200)
    options.add_argument("--questions", type=int, default=420)
    o = options.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    texts = list(dict.fromkeys(row["text"] for row in lines(o.tool, "documents", SEED, 0, 20000)))
    questions = lines(o.tool, "questions", SEED, 0, o.questions)
    tokenizer = learn_tokenizer(texts)
    tokens, positions, documents = pack(tokenizer, texts)
    model = Model(tokenizer.get_vocab_size())
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(tokens)} sequences", flush=True)
    hidden = [p for p in model.layers.parameters() if p.dim() == 2]
    rest = [p for p in model.parameters() if not any(p is h for h in hidden)]
    adam = torch.optim.AdamW(rest, betas=(0.9, 0.95), weight_decay=0.0)
    momentum = [torch.zeros_like(p) for p in hidden]
    began, order = time.process_time(), torch.randperm(len(tokens))
    for step in range(o.steps):
        rows = order[(torch.arange(SEQUENCES) + step * SEQUENCES) % len(order)]
        logits = model(tokens[rows, :-1], positions[rows, :-1], documents[rows, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), tokens[rows, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        share = rate(step, o.steps)
        adam.param_groups[0]["lr"] = RATE * share
        adam.step()
        with torch.no_grad():
            for p, m in zip(hidden, momentum):
                m.mul_(MOMENTUM).add_(p.grad)
                update = orthogonal(p.grad + MOMENTUM * m) * math.sqrt(max(1.0, p.shape[0] / p.shape[1]))
                p.mul_(1 - MUON_RATE * share * DECAY).sub_(update, alpha=MUON_RATE * share)
        model.zero_grad(set_to_none=True)
        if (step + 1) % 25 == 0:
            print(f"step {step + 1} loss {loss.item():.4f}, {time.process_time() - began:.0f} s", flush=True)
        if (step + 1) % o.every == 0:
            evaluate(model, tokenizer, questions)


if __name__ == "__main__":
    main()
