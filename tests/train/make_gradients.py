#!/usr/bin/env python3
"""Goldens of tests/train/test_gradients.c: the gradients of tiny models of each family, by transformers and PyTorch's
autograd in binary64, for parameters and tokens that both sides make by the same formula.

    python3 tests/train/make_gradients.py [FAMILY …]        # writes tests/train/golden/FAMILY.json and FAMILY.f32

transformers' norms go through binary32 whatever the model's type is; they are replaced by the same formula in
binary64. Angles of RoPE are binary32 there as here. FAMILY.f32 holds the gradients rounded to binary32, in the order of
FAMILY.json's names, each with its number of values and how far PyTorch's own gradient in binary32 is off, over the
tensor's largest value."""

import json
import os
import sys

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.qwen3_moe.modeling_qwen3_moe import load_balancing_loss_func

from hashed import hashed, name_seed

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
    "qwen3-moe": dict(head_dim=6, tie_word_embeddings=True, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=12, norm_topk_prob=True,
                      decoder_sparse_step=1, mlp_only_layers=[], output_router_logits=False),
}
AUX_LOSS = 0.02  # of a mixture: transformers' router_aux_loss_coef


def value(name, shape):
    x = hashed(name_seed(name), int(np.prod(shape))) - 0.5
    if len(shape) == 1 and not name.endswith(".bias"):
        x = x + 1
    elif len(shape) == 2 and not name.startswith("model.embed"):
        x = x / 2
    return torch.tensor(x.astype(np.float32).astype(np.float64).reshape(shape))


def tensors(model):
    """Names and tensors as checkpoints have them, with their gradients' (None: there is none): transformers keeps a mixture's experts in two."""
    for name, p in model.named_parameters():
        if ".experts." not in name:
            yield name, p.data, p.grad
            continue
        for e in range(p.shape[0]):
            parts = ("gate_proj", "up_proj") if name.endswith("gate_up_proj") else ("down_proj",)
            size = p.shape[1] // len(parts)
            for i, part in enumerate(parts):
                rows = slice(i * size, (i + 1) * size)
                yield f"{name.rsplit('.', 1)[0]}.{e}.{part}.weight", p.data[e, rows], None if p.grad is None else p.grad[e, rows]


def router_forward(self, x):
    """transformers' in the model's own format: its softmax goes through binary32."""
    logits = torch.nn.functional.linear(x.reshape(-1, self.hidden_dim), self.weight)
    top, chosen = torch.topk(torch.softmax(logits, -1), self.top_k, dim=-1)
    return logits, top / top.sum(-1, keepdim=True), chosen


def balance_loss(model, logits):
    """transformers' load_balancing_loss_func in binary64, of the routers' logits over all tokens; `logits`: of each document a tuple of layers'."""
    layers = [torch.cat([document[i] for document in logits]) for i in range(len(logits[0]))]
    probabilities = torch.softmax(torch.cat(layers), -1)
    _, chosen = torch.topk(probabilities, model.config.num_experts_per_tok, dim=-1)
    tokens = torch.zeros_like(probabilities).scatter(1, chosen, 1.0).mean(0)
    loss = model.config.num_experts * (tokens * probabilities.mean(0)).sum()
    theirs = load_balancing_loss_func(tuple(layers), model.config.num_experts, model.config.num_experts_per_tok)  # partly in binary32
    assert abs(loss.item() - theirs.item()) < 1e-5, (loss, theirs)
    return loss


def make_model(family):
    config = AutoConfig.for_model(family.replace("-", "_"), **{**COMMON, **FAMILIES[family]})
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", experts_implementation="eager").double()
    model.router_logits = []
    for module in model.modules():
        kind = type(module).__name__
        if kind.endswith("RMSNorm"):
            type(module).forward = norm_forward
        if kind.endswith("TopKRouter"):
            type(module).forward = router_forward
            module.register_forward_hook(lambda _module, _inputs, output: model.router_logits.append(output[0]))
    with torch.no_grad():
        for name, values, _ in tensors(model):
            values.copy_(value(name, tuple(values.shape)))
    return model


def norm_forward(self, x):
    eps = self.variance_epsilon
    return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps))


def loss_parts(model, tokens):
    """Of -log p and the z-loss; a mixture's auxiliary loss, with its weight, else 0."""
    total = 0
    targets = 0
    routers = []
    for row, counts in zip(tokens, SEGMENTS):
        at = 0
        for count in counts:
            ids = torch.tensor(row[at:at + count])[None]
            model.router_logits.clear()
            logits = model(input_ids=ids).logits[0]
            routers.append(tuple(model.router_logits))
            want = torch.tensor(row[at + 1:at + count + 1])
            log_z = torch.logsumexp(logits, -1)
            total = total + (log_z - logits.gather(1, want[:, None])[:, 0]).sum() + Z_LOSS * (log_z**2).sum()
            targets += count
            at += count
    return total / targets, AUX_LOSS * balance_loss(model, routers) if routers[0] else torch.zeros(())


def loss_of(model, tokens):
    return sum(loss_parts(model, tokens))


def main():
    os.makedirs(FOLDER, exist_ok=True)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    for family in sys.argv[1:] or FAMILIES:
        model = make_model(family)
        tokens = (hashed(name_seed("tokens"), 2 * (LENGTH + 1)) * model.config.vocab_size).astype(np.int64)
        tokens = tokens.reshape(2, LENGTH + 1)
        loss, auxiliary = loss_parts(model, tokens)
        (loss + auxiliary).backward()
        exact = {name: gradient.clone() for name, _, gradient in tensors(model)}
        model.zero_grad()
        model = model.float()
        loss_of(model, tokens).backward()
        rows = []
        for name, values, gradient in tensors(model):
            off = (gradient.double() - exact[name]).abs().max() / exact[name].abs().max()
            rows.append([name, values.numel(), float("%.2g" % off.item())])
        with open(os.path.join(FOLDER, family + ".json"), "w") as out:
            out.write('{"loss": %r, "names": [\n' % loss.item())
            out.write(",\n".join(json.dumps(row) for row in rows) + "]}\n")
        with open(os.path.join(FOLDER, family + ".f32"), "wb") as out:
            for name, _, _ in rows:
                out.write(exact[name].numpy().astype("<f4").tobytes())
        print(family, loss.item(), sum(n for _, n, _ in rows), max(off for _, _, off in rows))


if __name__ == "__main__":
    main()
