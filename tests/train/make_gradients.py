#!/usr/bin/env python3
"""Goldens of tests/train/test_gradients.c: the gradients of tiny models of each family, by transformers and PyTorch's
autograd in binary64, for parameters and tokens that both sides make by the same formula.

    python3 tests/train/make_gradients.py        # writes tests/train/golden/FAMILY.json and FAMILY.f32

transformers' norms go through binary32 whatever the model's type is; they are replaced by the same formula in
binary64. Angles of RoPE are binary32 there as here. FAMILY.f32 holds the gradients rounded to binary32, in the order of
FAMILY.json's names, each with its number of values and how far PyTorch's own gradient in binary32 is off, over the
tensor's largest value."""

import json
import os

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
LENGTH = 150
SEGMENTS = [[150], [70, 1, 79]]  # of each sequence, in tokens
Z_LOSS = 0.01

COMMON = dict(hidden_size=20, intermediate_size=28, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
              vocab_size=37, max_position_embeddings=256, rms_norm_eps=1e-5, rope_theta=10000.0, attention_bias=False,
              hidden_act="silu", pad_token_id=None, bos_token_id=None, eos_token_id=None)
FAMILIES = {
    "llama": dict(head_dim=6, tie_word_embeddings=False),
    "qwen2": dict(tie_word_embeddings=True, hidden_size=24),   # its heads are width / heads wide: 6
    "qwen3": dict(head_dim=6, tie_word_embeddings=True),
    "olmo2": dict(tie_word_embeddings=False, hidden_size=24),  # likewise
}


def hashed(seed, count):
    """[0, 1) with 24 bits; exact in binary32."""
    h = (np.arange(count, dtype=np.uint64) * 2654435761 + seed) & 0xFFFFFFFF
    h = (h ^ (h >> 15)) * 2246822519 & 0xFFFFFFFF
    h = (h ^ (h >> 13)) * 3266489917 & 0xFFFFFFFF
    h ^= h >> 16
    return (h >> 8).astype(np.float64) * 2.0**-24


def name_seed(name):
    h = 2166136261
    for byte in name.encode():
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return h


def value(name, shape):
    x = hashed(name_seed(name), int(np.prod(shape))) - 0.5
    if len(shape) == 1 and not name.endswith(".bias"):
        x = x + 1
    elif len(shape) == 2 and not name.startswith("model.embed"):
        x = x / 2
    return torch.tensor(x.astype(np.float32).astype(np.float64).reshape(shape))


def norm_forward(self, x):
    eps = self.variance_epsilon
    return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps))


def loss_of(model, tokens):
    total = 0
    targets = 0
    for row, counts in zip(tokens, SEGMENTS):
        at = 0
        for count in counts:
            ids = torch.tensor(row[at:at + count])[None]
            logits = model(input_ids=ids).logits[0]
            want = torch.tensor(row[at + 1:at + count + 1])
            log_z = torch.logsumexp(logits, -1)
            total = total + (log_z - logits.gather(1, want[:, None])[:, 0]).sum() + Z_LOSS * (log_z**2).sum()
            targets += count
            at += count
    return total / targets


def main():
    os.makedirs(FOLDER, exist_ok=True)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    for family, options in FAMILIES.items():
        config = AutoConfig.for_model(family, **{**COMMON, **options})
        model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").double()
        for module in model.modules():
            if type(module).__name__.endswith("RMSNorm"):
                type(module).forward = norm_forward
        parameters = dict(model.named_parameters())
        with torch.no_grad():
            for name, p in parameters.items():
                p.copy_(value(name, tuple(p.shape)))
        tokens = (hashed(name_seed("tokens"), 2 * (LENGTH + 1)) * config.vocab_size).astype(np.int64)
        tokens = tokens.reshape(2, LENGTH + 1)
        loss = loss_of(model, tokens)
        loss.backward()
        exact = {name: p.grad.clone() for name, p in parameters.items()}
        model.zero_grad()
        model = model.float()
        loss_of(model, tokens).backward()
        rows = []
        for name, p in model.named_parameters():
            off = (p.grad.double() - exact[name]).abs().max() / exact[name].abs().max()
            rows.append([name, p.numel(), float("%.2g" % off.item())])
        with open(os.path.join(FOLDER, family + ".json"), "w") as out:
            out.write('{"loss": %r, "names": [\n' % loss.item())
            out.write(",\n".join(json.dumps(row) for row in rows) + "]}\n")
        with open(os.path.join(FOLDER, family + ".f32"), "wb") as out:
            for name, _, _ in rows:
                out.write(exact[name].numpy().astype("<f4").tobytes())
        print(family, loss.item(), sum(n for _, n, _ in rows), max(off for _, _, off in rows))


if __name__ == "__main__":
    main()
