#!/usr/bin/env python3
"""Training steps of hearth and PyTorch (eager and compiled) on the same shapes, batches and cores: tokens per second of
forward and backward passes in binary32, without an optimiser, interleaved, medians.

    bench/train_peers.py BUILD/tests/train/train_bench [--threads 2] [--seconds 4] [--shapes 1M,10M] [--rounds 2] [--no-compile] [--bf16]
"""

import argparse
import statistics
import subprocess
import time

import torch
import torch.nn.functional as F

SHAPES = {  # layers, width, heads, kv heads, MLP, vocabulary, length, sequences
    "1M": (4, 128, 4, 4, 384, 1024, 256, 16),
    "10M": (8, 320, 5, 5, 896, 4096, 256, 8),
}
MICRO_BATCHES = {"1M": 16, "10M": 8}


class Layer(torch.nn.Module):
    def __init__(self, width, heads, kv_heads, mlp):
        super().__init__()
        self.heads, self.kv_heads, self.dim = heads, kv_heads, width // heads
        linear = lambda i, o: torch.nn.Linear(i, o, bias=False)
        self.qkv = linear(width, (heads + 2 * kv_heads) * self.dim)
        self.o = linear(width, width)
        self.gate_up = linear(width, 2 * mlp)
        self.down = linear(mlp, width)
        self.n1 = torch.nn.Parameter(torch.ones(width))
        self.n2 = torch.nn.Parameter(torch.ones(width))

    def forward(self, x, cos, sin):
        b, t, w = x.shape
        qkv = self.qkv(F.rms_norm(x, (w,), self.n1, 1e-5)).view(b, t, -1, self.dim).transpose(1, 2)
        turned = qkv[:, :self.heads + self.kv_heads]
        half = torch.cat([-turned[..., self.dim // 2:], turned[..., :self.dim // 2]], -1)
        turned = turned * cos + half * sin
        out = F.scaled_dot_product_attention(turned[:, :self.heads], turned[:, self.heads:],
                                             qkv[:, self.heads + self.kv_heads:], is_causal=True,
                                             enable_gqa=self.heads != self.kv_heads)
        x = x + self.o(out.transpose(1, 2).reshape(b, t, w))
        gate, up = self.gate_up(F.rms_norm(x, (w,), self.n2, 1e-5)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Model(torch.nn.Module):
    def __init__(self, layers, width, heads, kv_heads, mlp, vocab, length):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocab, width)
        self.layers = torch.nn.ModuleList(Layer(width, heads, kv_heads, mlp) for _ in range(layers))
        self.norm = torch.nn.Parameter(torch.ones(width))
        dim = width // heads
        angles = torch.outer(torch.arange(length), 10000.0**(-torch.arange(0, dim, 2) / dim)).repeat(1, 2)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, ids, targets):
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        x = F.rms_norm(x, (x.shape[-1],), self.norm, 1e-5)
        return F.cross_entropy((x @ self.embedding.weight.T).flatten(0, 1), targets.flatten())


def torch_step(shape, compiled, bf16):
    *sizes, length, sequences = shape
    torch.manual_seed(0)
    model = Model(*sizes, length)
    run = torch.compile(model) if compiled else model
    ids = torch.randint(sizes[-1], (sequences, length))
    targets = torch.randint(sizes[-1], (sequences, length))

    def step():
        model.zero_grad(set_to_none=False)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = run(ids, targets)
        loss.backward()

    step()
    step()
    return step


def measure(step, seconds, tokens):
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return tokens / statistics.median(times)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("bench")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--shapes", default="1M,10M")
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--no-compile", action="store_true")
    options.add_argument("--bf16", action="store_true")
    o = options.parse_args()
    torch.set_num_threads(o.threads)
    for name in o.shapes.split(","):
        shape = SHAPES[name]
        tokens = shape[-1] * shape[-2]
        peers = {"eager": torch_step(shape, False, o.bf16)}
        if not o.no_compile:
            peers["compiled"] = torch_step(shape, True, o.bf16)
        found = {}
        for _ in range(o.rounds):
            for peer, step in peers.items():
                found.setdefault(peer, []).append(measure(step, o.seconds, tokens))
            command = [o.bench, *map(str, shape), str(MICRO_BATCHES[name]), str(o.threads), str(max(1, round(o.seconds))),
                       "bf16" if o.bf16 else "f32"]
            line = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found.setdefault("hearth", []).append(float(line.split()[0]))
        best = max(statistics.median(v) for k, v in found.items() if k != "hearth")
        for peer, rates in found.items():
            print(f"{name} {'bf16' if o.bf16 else 'f32'} {peer}: {statistics.median(rates):.0f} tokens/s", *[round(r) for r in rates])
        print(f"{name}: {statistics.median(found['hearth']) / best:.2f} times the best of PyTorch")


if __name__ == "__main__":
    main()
