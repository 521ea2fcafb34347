#!/usr/bin/env python3
"""PyTorch stand-in: train on hearthside documents, measure exact answers on held-out questions by kind."""
import argparse, json, math, subprocess, time, sys, os
import torch, torch.nn as nn, torch.nn.functional as F
from tokenizers import Tokenizer, models, pre_tokenizers, trainers, decoders
p = argparse.ArgumentParser()
p.add_argument("--tool", default="/tmp/hs"); p.add_argument("--seed", type=int, default=20260601)
p.add_argument("--vocab", type=int, default=768); p.add_argument("--layers", type=int, default=4); p.add_argument("--width", type=int, default=128)
p.add_argument("--heads", type=int, default=4); p.add_argument("--kv", type=int, default=2); p.add_argument("--mlp", type=int, default=352)
p.add_argument("--theta", type=float, default=10000.); p.add_argument("--length", type=int, default=128); p.add_argument("--seqs", type=int, default=16)
p.add_argument("--steps", type=int, default=200); p.add_argument("--lr", type=float, default=4e-3); p.add_argument("--muon", type=float, default=0.0)
p.add_argument("--std", type=float, default=0.02); p.add_argument("--wd", type=float, default=0.1); p.add_argument("--warm", type=int, default=20)
p.add_argument("--beta2", type=float, default=0.95); p.add_argument("--final", type=float, default=0.05); p.add_argument("--sched", default="cosine")
p.add_argument("--questions", type=int, default=1400); p.add_argument("--every", type=int, default=100); p.add_argument("--docs", type=int, default=0)
p.add_argument("--family", default="llama"); p.add_argument("--mom", type=float, default=0.95)
a = p.parse_args(); torch.set_num_threads(1); torch.manual_seed(1)
def lines(*c): return [json.loads(l) for l in subprocess.run([a.tool, *map(str, c)], capture_output=True, text=True, check=True).stdout.splitlines()]
docs = a.docs or a.steps * a.seqs * a.length // 40
texts = [d["text"] for d in lines("documents", a.seed, 0, docs)]
tok = Tokenizer(models.BPE()); tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tok.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=a.vocab, special_tokens=["<|end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
V = tok.get_vocab_size(); stream, pos = [], []; n_chars = 0
doc_id = []
for i, e in enumerate(tok.encode_batch(texts)):
    stream += e.ids + [0]; pos += range(len(e.ids) + 1); doc_id += [i] * (len(e.ids) + 1)
T = a.length; n = (len(stream) - 1) // T
print(f"vocab {V}, {len(texts)} docs {len(set(texts))} distinct, {len(stream)} tokens, {len(stream)/len(texts):.1f} a doc; sequences {n}, needed {a.steps*a.seqs}", flush=True)
S = torch.tensor(stream); D = torch.tensor(doc_id)
P = torch.tensor(pos)
# positions restart where a sequence cuts a document
class Norm(nn.Module):
    def __init__(s, d): super().__init__(); s.w = nn.Parameter(torch.ones(d))
    def forward(s, x): return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * s.w
hd = a.width // a.heads
inv = a.theta ** (-torch.arange(0, hd, 2).float() / hd)
def rope(x, cs): c, s = cs; x1, x2 = x[..., :hd//2], x[..., hd//2:]; return torch.cat([x1*c - x2*s, x2*c + x1*s], -1)
class Layer(nn.Module):
    def __init__(s):
        super().__init__(); d = a.width
        s.n1, s.n2 = Norm(d), Norm(d)
        s.q, s.k, s.v, s.o = nn.Linear(d, d, bias=False), nn.Linear(d, a.kv*hd, bias=False), nn.Linear(d, a.kv*hd, bias=False), nn.Linear(d, d, bias=False)
        s.g, s.u, s.d = nn.Linear(d, a.mlp, bias=False), nn.Linear(d, a.mlp, bias=False), nn.Linear(a.mlp, d, bias=False)
        if a.family == "qwen3": s.qn, s.kn = Norm(hd), Norm(hd)
    def forward(s, x, cs, mask):
        B, T, d = x.shape; h = s.n1(x)
        q = s.q(h).view(B, T, a.heads, hd).transpose(1, 2); k = s.k(h).view(B, T, a.kv, hd).transpose(1, 2); v = s.v(h).view(B, T, a.kv, hd).transpose(1, 2)
        if a.family == "qwen3": q, k = s.qn(q), s.kn(k)
        q, k = rope(q, cs), rope(k, cs); r = a.heads // a.kv
        k, v = k.repeat_interleave(r, 1), v.repeat_interleave(r, 1)
        x = x + s.o(F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).reshape(B, T, d))
        h = s.n2(x); return x + s.d(F.silu(s.g(h)) * s.u(h))
class Model(nn.Module):
    def __init__(s):
        super().__init__(); s.e = nn.Embedding(V, a.width); s.l = nn.ModuleList(Layer() for _ in range(a.layers)); s.n = Norm(a.width)
        for p in s.parameters():
            if p.dim() == 2: nn.init.normal_(p, 0, a.std)
    def forward(s, x, pos, doc):
        ang = pos.float()[:, None, :, None] * inv; cs = (ang.cos(), ang.sin())
        Tn = x.shape[1]; mask = (doc[:, :, None] == doc[:, None, :]) & torch.ones(Tn, Tn, dtype=torch.bool).tril(); mask = mask[:, None]
        h = s.e(x)
        for l in s.l: h = l(h, cs, mask)
        return s.n(h) @ s.e.weight.T
m = Model(); N = sum(p.numel() for p in m.parameters()); print(f"{N} parameters", flush=True)
hidden = [p for l in m.l for p in l.parameters() if p.dim() == 2]; hs = {id(p) for p in hidden}
other = [p for p in m.parameters() if id(p) not in hs]
groups = [dict(params=other, weight_decay=0.0)]
if not a.muon: groups.append(dict(params=hidden, weight_decay=a.wd))
opt = torch.optim.AdamW(groups, lr=a.lr, betas=(0.9, a.beta2), eps=1e-8)
bufs = [torch.zeros_like(p) for p in hidden]
def ns(G):
    X = G / (G.norm() + 1e-7); t = X.shape[0] > X.shape[1]
    if t: X = X.T
    for _ in range(5):
        A = X @ X.T; X = 3.4445 * X + (-4.7750 * A + 2.0315 * A @ A) @ X
    return X.T if t else X
def rate(s):
    if s < a.warm: return (s + 1) / a.warm
    x = (s - a.warm) / max(1, a.steps - a.warm)
    if a.sched == "cosine": return a.final + (1 - a.final) * 0.5 * (1 + math.cos(math.pi * x))
    if a.sched == "linear": return a.final + (1 - a.final) * (1 - x)
    return 1.0 if x < 0.6 else a.final + (1 - a.final) * (1 - (x - 0.6) / 0.4)
qs = lines("questions", a.seed, 0, a.questions)
def evaluate(show=False):
    m.eval(); good = {}; wrong = {}; tk = [0, 0]
    with torch.no_grad():
        for b in range(0, len(qs), 100):
            part = qs[b:b+100]; rows = []
            for q in part:
                x = tok.encode(q["prompt"]).ids; y = tok.encode(" " + q["answer"] + "\n").ids; rows.append((x, y))
            L = max(len(x) + len(y) for x, y in rows); X = torch.zeros(len(rows), L, dtype=torch.long)
            for i, (x, y) in enumerate(rows): X[i, :len(x)+len(y)] = torch.tensor(x + y)
            pr = m(X, torch.arange(L).expand(len(rows), L), torch.zeros(len(rows), L)).argmax(-1)
            for i, (x, y) in enumerate(rows):
                got = pr[i, len(x)-1:len(x)+len(y)-1].tolist(); ok = got == y
                g = good.setdefault(part[i]["kind"], [0, 0]); g[0] += ok; g[1] += 1; tk[0] += sum(u == v for u, v in zip(got, y)); tk[1] += len(y)
                if not ok: wrong.setdefault(part[i]["kind"], []).append((part[i]["prompt"], part[i]["answer"], tok.decode(got)))
    m.train(); tot = sum(g[0] for g in good.values()) / sum(g[1] for g in good.values())
    print(f"  exact {tot:.3f} tokens {tk[0]/tk[1]:.3f}: " + ", ".join(f"{k} {g[0]/g[1]:.2f}" for k, g in good.items()), flush=True)
    if show:
        for k, w in wrong.items():
            for x in w[:2]: print("   ", x)
    return tot
t0 = time.process_time(); perm = torch.randperm(n)
for s in range(a.steps):
    idx = perm[(torch.arange(a.seqs) + s * a.seqs) % n]
    X = torch.stack([S[i*T:i*T+T+1] for i in idx]); Dd = torch.stack([D[i*T:i*T+T] for i in idx]); Pp = torch.stack([P[i*T:i*T+T] for i in idx])
    first = (Dd == Dd[:, :1]); Pp = Pp - first * Pp[:, :1]
    loss = F.cross_entropy(m(X[:, :-1], Pp, Dd).reshape(-1, V), X[:, 1:].reshape(-1))
    loss.backward(); norm = nn.utils.clip_grad_norm_(m.parameters(), 1.0); r = rate(s)
    for g in opt.param_groups: g["lr"] = a.lr * r
    opt.step()
    if a.muon:
        with torch.no_grad():
            for p_, b_ in zip(hidden, bufs):
                b_.mul_(a.mom).add_(p_.grad); u = ns(p_.grad + a.mom * b_); lr = a.muon * r
                p_.mul_(1 - lr * a.wd).add_(u, alpha=-lr * max(1, p_.shape[0] / p_.shape[1]) ** 0.5)
    m.zero_grad(set_to_none=True)
    if (s + 1) % 25 == 0: print(f"step {s+1} loss {loss.item():.4f} norm {norm:.2f} {(s+1)*a.seqs*T/1000:.0f}k tokens, cpu {time.process_time()-t0:.0f} s", flush=True)
    if (s + 1) % a.every == 0 and s + 1 < a.steps: evaluate()
evaluate(True)
