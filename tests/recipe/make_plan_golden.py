#!/usr/bin/env python3
"""Parameters and operations of recipes' shapes by transformers and PyTorch: plan_golden.json. Needs both.

Operations are PyTorch's count (torch.utils.flop_counter) of one sequence forward and backward, attention written out as
two products (so over whole squares; a causal one has (length + 1) / (2 length) of that)."""

import json
import os

import torch
import transformers as t
from torch.utils.flop_counter import FlopCounterMode

CONFIGS = {"llama": t.LlamaConfig, "qwen2": t.Qwen2Config, "qwen3": t.Qwen3Config, "olmo2": t.Olmo2Config, "qwen3-moe": t.Qwen3MoeConfig}
SHAPES = [
    dict(family="llama", layers=2, width=128, heads=4, kv_heads=2, mlp=352, context=64, tied=True, vocab=512),
    dict(family="llama", layers=3, width=96, heads=6, kv_heads=6, mlp=200, context=64, tied=False, vocab=300),
    dict(family="qwen2", layers=2, width=64, heads=4, kv_heads=1, mlp=160, context=32, tied=True, vocab=512),
    dict(family="qwen3", layers=2, width=64, heads=4, kv_heads=2, head_size=32, mlp=160, context=48, tied=False, vocab=512),
    dict(family="olmo2", layers=2, width=64, heads=4, kv_heads=2, mlp=160, context=48, tied=False, vocab=400),
    dict(family="qwen3-moe", layers=2, width=64, heads=4, kv_heads=2, head_size=16, mlp=48, context=16, tied=False, vocab=512, experts=4, experts_used=2),
]


def model(s):
    more = {}
    if s["family"] == "qwen3-moe":
        more = dict(num_experts=s["experts"], num_experts_per_tok=s["experts_used"], moe_intermediate_size=s["mlp"], decoder_sparse_step=1)
    config = CONFIGS[s["family"]](vocab_size=s["vocab"], hidden_size=s["width"], intermediate_size=s["mlp"], num_hidden_layers=s["layers"],
                                  num_attention_heads=s["heads"], num_key_value_heads=s["kv_heads"], head_dim=s.get("head_size", s["width"] // s["heads"]),
                                  max_position_embeddings=s["context"], tie_word_embeddings=s["tied"], pad_token_id=None, bos_token_id=None,
                                  eos_token_id=None, attn_implementation="eager", use_cache=False, **more)
    return t.AutoModelForCausalLM.from_config(config)


def count(m, s):
    ids = torch.randint(0, s["vocab"], (1, s["context"]))
    with FlopCounterMode(display=False) as counter:
        m(input_ids=ids).logits.sum().backward()
    by_kind = counter.get_flop_counts()["Global"]
    # bmm: the two products of attention alone, here; experts and projections are mm and addmm
    attention = sum(n for op, n in by_kind.items() if "bmm" in str(op))
    return sum(by_kind.values()) - attention, attention


rows = []
for shape in SHAPES:
    made = model(shape)
    products, attention = count(made, shape)
    if "experts" in shape:
        products = None  # experts run as grouped products, which the counter does not know
    rows.append({"shape": shape, "parameters": sum(p.numel() for p in made.parameters()), "products": products, "attention_squares": attention})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "plan_golden.json"), "w", encoding="utf-8") as out:
    json.dump({"transformers": t.__version__, "torch": torch.__version__, "rows": rows}, out, indent=1)
    out.write("\n")
