#!/usr/bin/env python3
"""Training steps of hearth and of PyTorch (eager and compiled) on the same shapes, batches and cores: tokens per second of whole steps
(forward, backward, AdamW), and the most memory that each process had.

    bench/train_peers.py BUILD/tests/train/train_bench [--shapes 1M,10M,124M] [--formats f32,bf16] [--rounds 3] [--seconds 4] [--threads N]
                         [--no-compile] [--around COMMAND] [--json FILE]

Every measurement is a process of its own, the peers take turns, and medians are printed: of a process's steps behind two that warm up, and of
the rounds. PyTorch has the same architecture with fused q, k, v and gate, up, scaled_dot_product_attention, fused AdamW, and autocast for
bf16. COMMAND is put before each (to keep other work away meanwhile)."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

SHAPES = {  # layers, width, heads, kv heads, MLP, vocabulary, length, sequences, micro-batches
    "1M": (4, 128, 4, 4, 384, 1024, 256, 16, 16),
    "10M": (8, 320, 5, 5, 896, 4096, 256, 8, 8),
    "124M": (12, 768, 12, 12, 2048, 50257, 256, 2, 2),
}


def torch_step(shape, compiled, bf16, threads):
    import torch
    import torch.nn.functional as F

    layers, width, heads, kv_heads, mlp, vocab, length, sequences, _ = shape
    dim = width // heads

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            linear = lambda i, o: torch.nn.Linear(i, o, bias=False)
            self.qkv = linear(width, (heads + 2 * kv_heads) * dim)
            self.o = linear(width, width)
            self.gate_up = linear(width, 2 * mlp)
            self.down = linear(mlp, width)
            self.n1 = torch.nn.Parameter(torch.ones(width))
            self.n2 = torch.nn.Parameter(torch.ones(width))

        def forward(self, x, cos, sin):
            b, t, w = x.shape
            qkv = self.qkv(F.rms_norm(x, (w,), self.n1, 1e-5)).view(b, t, -1, dim).transpose(1, 2)
            turned = qkv[:, :heads + kv_heads]
            half = torch.cat([-turned[..., dim // 2:], turned[..., :dim // 2]], -1)
            turned = turned * cos + half * sin
            out = F.scaled_dot_product_attention(turned[:, :heads], turned[:, heads:], qkv[:, heads + kv_heads:], is_causal=True,
                                                 enable_gqa=heads != kv_heads)
            x = x + self.o(out.transpose(1, 2).reshape(b, t, w))
            gate, up = self.gate_up(F.rms_norm(x, (w,), self.n2, 1e-5)).chunk(2, -1)
            return x + self.down(F.silu(gate) * up)

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(vocab, width)
            torch.nn.init.normal_(self.embedding.weight, std=0.02)
            self.layers = torch.nn.ModuleList(Layer() for _ in range(layers))
            self.norm = torch.nn.Parameter(torch.ones(width))
            angles = torch.outer(torch.arange(length), 10000.0**(-torch.arange(0, dim, 2) / dim)).repeat(1, 2)
            self.register_buffer("cos", angles.cos())
            self.register_buffer("sin", angles.sin())

        def forward(self, ids, targets):
            x = self.embedding(ids)
            for layer in self.layers:
                x = layer(x, self.cos, self.sin)
            x = F.rms_norm(x, (x.shape[-1],), self.norm, 1e-5)
            return F.cross_entropy((x @ self.embedding.weight.T).flatten(0, 1), targets.flatten())

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = Model()
    run = torch.compile(model) if compiled else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    ids = torch.randint(vocab, (sequences, length))
    targets = torch.randint(vocab, (sequences, length))

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = run(ids, targets)
        loss.backward()
        optimizer.step()

    return step


def torch_process(peer, name, form, seconds, threads):
    """Run in a process of its own: prints tokens per second."""
    shape = SHAPES[name]
    step = torch_step(shape, peer == "compiled", form == "bf16", threads)
    times = []
    step()
    step()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    print(shape[-2] * shape[-3] / statistics.median(times))


def measure(o, peer, name, form):
    """Tokens per second, and the process's largest resident memory in MiB."""
    if peer == "hearth":
        command = [o.bench, *map(str, SHAPES[name]), str(o.threads), str(max(1, round(o.seconds))), form]
    else:
        command = [sys.executable, os.path.abspath(__file__), "--process", peer, name, form, str(o.seconds), str(o.threads)]
    process = subprocess.Popen([*o.around.split(), "/usr/bin/env", sys.executable, "-c", WATCH, *command], stdout=subprocess.PIPE, text=True)
    out = process.communicate()[0].split()
    if process.returncode != 0:
        sys.exit(f"train_peers: {' '.join(command)} failed")
    return float(out[0]), float(out[-1])


# Runs a command, then prints the most memory that it had, in MiB.
WATCH = """import os, subprocess, sys
p = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(p.pid, 0)
print(usage.ru_maxrss / 1024, flush=True)
sys.exit(os.waitstatus_to_exitcode(status))"""


def main():
    if sys.argv[1:2] == ["--process"]:
        peer, name, form, seconds, threads = sys.argv[2:]
        return torch_process(peer, name, form, float(seconds), int(threads))
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("bench")
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--shapes", default="1M,10M,124M")
    options.add_argument("--formats", default="f32,bf16")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--no-compile", action="store_true")
    options.add_argument("--around", default="")
    options.add_argument("--json")
    o = options.parse_args()
    peers = ["hearth", "eager"] + ([] if o.no_compile else ["compiled"])
    rows = []
    print("| shape | format | hearth | PyTorch eager | compiled | over the best | memory, MiB |\n|---|---|---|---|---|---|---|")
    for name in o.shapes.split(","):
        for form in o.formats.split(","):
            found = {peer: [] for peer in peers}
            for _ in range(o.rounds):
                for peer in peers:
                    found[peer].append(measure(o, peer, name, form))
            rate = {peer: statistics.median(r for r, _ in runs) for peer, runs in found.items()}
            memory = {peer: max(m for _, m in runs) for peer, runs in found.items()}
            best = max(rate[peer] for peer in peers[1:])
            cells = [f"{rate[p]:,.0f}" if p in rate else "–" for p in ("hearth", "eager", "compiled")]
            print(f"| {name} | {form} | {' | '.join(cells)} | {rate['hearth'] / best:.2f} | {' / '.join(f'{memory[p]:,.0f}' for p in peers)} |", flush=True)
            rows.append({"shape": name, "format": form, "rates": found, "ratio": rate["hearth"] / best})
    if o.json:
        with open(o.json, "w", encoding="utf-8") as out:
            json.dump(rows, out, indent=1)


if __name__ == "__main__":
    main()
