#!/usr/bin/env python3
"""What transformers sends into each matrix of two tiny models, and how far their predictions are apart: golden/importance.json.

    make_importance_golden.py    (needs transformers and PyTorch)

Inputs of every Linear are squared and added up over the windows, in binary64; the divergence is sum p (log p - log q) of the
second half of each window."""

import json
import pathlib

import torch
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
MODELS = HERE.parent / "model" / "golden"
WINDOW, WINDOWS = 48, 3
NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def load(name):
    return AutoModelForCausalLM.from_pretrained(MODELS / name, dtype=torch.float32, attn_implementation="eager").eval()


def gguf_name(name):
    if name == "lm_head":
        return "output.weight"
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{NAMES[rest]}.weight"


def main():
    reference, other = load("llama-mha"), load("llama-gqa")
    vocabulary = min(reference.config.vocab_size, other.config.vocab_size)
    assert reference.config.vocab_size == other.config.vocab_size
    ids = [(7 * i * i + 3 * i + 1) % vocabulary for i in range(WINDOW * WINDOWS)]
    sums = {}

    def see(name):
        def hook(_, inputs):
            x = inputs[0].double().reshape(-1, inputs[0].shape[-1])
            sums[name] = sums.get(name, 0) + (x * x).sum(0)
        return hook

    for name, module in reference.named_modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_pre_hook(see(gguf_name(name)))
    divergence, same, compared, nats = 0.0, 0, 0, [0.0, 0.0]
    with torch.no_grad():
        for begin in range(0, len(ids), WINDOW):
            window = torch.tensor([ids[begin:begin + WINDOW]])
            log_p, log_q = (torch.log_softmax(m(window).logits[0].double(), -1) for m in (reference, other))
            for row in range(WINDOW // 2, WINDOW - 1):
                divergence += float((log_p[row].exp() * (log_p[row] - log_q[row])).sum())
                same += int(log_p[row].argmax() == log_q[row].argmax())
                follows = ids[begin + row + 1]
                nats[0] -= float(log_p[row][follows])
                nats[1] -= float(log_q[row][follows])
                compared += 1
    golden = {"ids": ids, "window": WINDOW, "tokens": len(ids),
              "sums": {name: [float(v) for v in value[:4]] + [float(value.sum())] for name, value in sorted(sums.items())},
              "divergence": divergence / compared, "same_top": same / compared, "compared": compared,
              "nats": [n / compared for n in nats]}
    (HERE / "golden" / "importance.json").write_text(json.dumps(golden) + "\n")


main()
