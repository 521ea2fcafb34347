#!/usr/bin/env python3
"""Tiny models in folders that keep their matrices quantised (FP8, MXFP4, GPTQ, AWQ), with goldens by transformers.

    make_stored.py [NAME...]

The integers are random; what they stand for is computed here by each format's published formula (MXFP4: by transformers'
own function), put into a transformers model in binary32, and run. Output: tests/model/golden/families/NAME/."""

import json
import pathlib
import shutil
import sys
import tempfile

import numpy
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from make_families import GREEDY, HERE, PLAIN, POSITIONS, PROMPT, TEXT, VERSIONS, YARN, fill, greedy


def llama(width, heads, ffn):
    return ("llama", dict(vocab_size=64, hidden_size=width, intermediate_size=ffn, num_hidden_layers=2, num_attention_heads=heads,
                          num_key_value_heads=1, max_position_embeddings=256, rope_parameters=dict(PLAIN)))


def fp8(draw, name, weight, scale_rows, tail):
    """scale_rows: "blocks" of 128 x 128, "rows", or "one"."""
    rows, cols = weight.shape
    values = torch.clamp(weight / weight.abs().max() * 440, -448, 448).to(torch.float8_e4m3fn)
    down, across = -(-rows // 128), -(-cols // 128)
    size = {"blocks": (down, across), "rows": (rows, 1), "one": ()}[scale_rows]
    scale = torch.rand(size, generator=draw) * 0.5 + 0.75
    scale = (scale * float(weight.abs().max()) / 440).float()
    if scale_rows == "blocks":
        full = scale.repeat_interleave(128, 0)[:rows].repeat_interleave(128, 1)[:, :cols]
    else:
        full = scale
    return {name + ".weight": values, name + tail: scale}, values.float() * full


def pack_words(q):
    """Eight columns of 4 bits, the first one lowest, to a word."""
    q = q.astype(numpy.uint32).reshape(q.shape[0], -1, 8)
    words = numpy.zeros(q.shape[:2], dtype=numpy.uint32)
    for i in range(8):
        words |= q[:, :, i] << numpy.uint32(4 * i)
    return torch.from_numpy(words.view(numpy.int32).copy())


def four_bits(draw, name, weight, method, ordered):
    rows, cols = weight.shape
    group = 32
    groups = cols // group
    rng = numpy.random.default_rng(int(torch.randint(0, 1 << 30, (1,), generator=draw)))
    q = rng.integers(0, 16, (cols, rows))
    zero = rng.integers(1, 17, (groups, rows)) if method == "gptq" else rng.integers(0, 16, (groups, rows))
    scale = (rng.uniform(0.5, 1.5, (groups, rows)) * float(weight.std()) / 5).astype(numpy.float16)
    of_k = rng.permutation(cols) // group if ordered else numpy.arange(cols) // group
    value = scale[of_k].astype(numpy.float32) * (q - zero[of_k]).astype(numpy.float32)
    made = {name + ".scales": torch.from_numpy(scale)}
    if method == "gptq":  # words down the rows of [cols, rows]; zeros less one, words along the rows
        made[name + ".qweight"] = pack_words(q.T).T.contiguous()
        made[name + ".qzeros"] = pack_words(zero - 1)
        made[name + ".g_idx"] = torch.from_numpy(of_k.astype(numpy.int32))
        made[name + ".bias"] = torch.zeros(rows, dtype=torch.float16)
    else:  # AWQ's order of columns in a word
        order = [0, 2, 4, 6, 1, 3, 5, 7]
        mixed = lambda x: pack_words(x.reshape(x.shape[0], -1, 8)[:, :, order].reshape(x.shape))
        made[name + ".qweight"], made[name + ".qzeros"] = mixed(q), mixed(zero)
    return made, torch.from_numpy(value.T.copy())


def mxfp4(draw, name, weight):
    """[experts, in, out] to blocks [experts, out, in / 32, 16]."""
    experts, cols, rows = weight.shape
    blocks = torch.randint(0, 256, (experts, rows, cols // 32, 16), generator=draw, dtype=torch.uint8)
    scales = torch.randint(121, 125, (experts, rows, cols // 32), generator=draw, dtype=torch.uint8)
    return {name + "_blocks": blocks, name + "_scales": scales}, convert_moe_packed_tensors(blocks, scales).float()


GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": False, "checkpoint_format": "gptq"}
# name: (model, what becomes of a matrix, quantization_config)
ROWS = {
    "llama-fp8-blocks": (llama(160, 5, 192), lambda d, n, w: fp8(d, n, w, "blocks", ".weight_scale_inv"),
                         {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]}),
    "llama-fp8-rows": (llama(64, 4, 96), lambda d, n, w: fp8(d, n, w, "rows", ".weight_scale"), {"quant_method": "compressed-tensors"}),
    "llama-fp8-one": (llama(64, 4, 96), lambda d, n, w: fp8(d, n, w, "one", ".weight_scale"), {"quant_method": "fp8"}),
    "llama-gptq": (llama(64, 4, 96), lambda d, n, w: four_bits(d, n, w, "gptq", False), {**GPTQ, "desc_act": False}),
    "llama-gptq-ordered": (llama(64, 4, 96), lambda d, n, w: four_bits(d, n, w, "gptq", True), {**GPTQ, "desc_act": True}),
    "llama-awq": (llama(64, 4, 96), lambda d, n, w: four_bits(d, n, w, "awq", False),
                  {"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemm", "zero_point": True}),
    "gpt-oss-mxfp4": (("gpt_oss", dict(vocab_size=64, hidden_size=64, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
                                       num_key_value_heads=2, head_dim=16, num_local_experts=4, num_experts_per_tok=2, sliding_window=24,
                                       max_position_embeddings=256, rope_parameters={**YARN, "truncate": False})), mxfp4,
                      {"quant_method": "mxfp4", "modules_to_not_convert": []}),
    "deepseek-v3-fp8": (("deepseek_v3", dict(vocab_size=64, hidden_size=136, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                                             num_key_value_heads=4, q_lora_rank=20, kv_lora_rank=32, qk_nope_head_dim=24, qk_rope_head_dim=8,
                                             v_head_dim=24, n_routed_experts=4, num_experts_per_tok=2, n_shared_experts=1, n_group=2, topk_group=1,
                                             moe_intermediate_size=16, first_k_dense_replace=1, routed_scaling_factor=2.5,
                                             max_position_embeddings=256, rope_parameters=dict(PLAIN))),
                        lambda d, n, w: fp8(d, n, w, "blocks", ".weight_scale_inv"),
                        {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]}),
}


def is_quantised(name, kind):
    return name.endswith(("gate_up_proj", "down_proj")) if kind == "gpt_oss" else "proj" in name and name.endswith("weight")


def quantised_copy(model, quantise, draw):
    """For models whose files have other names than transformers' parameters: the parts of each matrix by its file's
    name, and the model of what they stand for."""
    parts = {}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        model.save_pretrained(path)
        tensors = load_file(path / "model.safetensors")
        for key in sorted(tensors):
            if "proj" in key and key.endswith("weight"):
                parts[key], value = quantise(draw, key.removesuffix(".weight"), tensors[key])
                tensors[key] = value.contiguous()
        save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})
        copy = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()
    return parts, copy


def make(number, name):
    (kind, settings), quantise, method = ROWS[name]
    config = AutoConfig.for_model(kind, attn_implementation="eager", **settings)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    for seed in range(90000 + number * 1000, 90000 + number * 1000 + 100):
        fill(model, seed)
        draw = torch.Generator().manual_seed(seed)
        parts = {}
        if kind == "deepseek_v3":
            parts, model = quantised_copy(model, quantise, draw)
        with torch.no_grad():
            for key, p in model.named_parameters():
                if kind != "deepseek_v3" and is_quantised(key, kind):
                    made, value = quantise(draw, key.removesuffix(".weight"), p)
                    parts[key] = made
                    p.copy_(value)
        prompt = torch.randint(0, 64, (PROMPT,), generator=torch.Generator().manual_seed(seed)).tolist()
        ids, margin = greedy(model, prompt, GREEDY)
        if margin > 0.005 and len(set(ids[PROMPT:])) > 4:
            break
    else:
        raise RuntimeError("no seed gives a text whose greedy tokens are beyond doubt")
    text = torch.randint(0, 64, (TEXT,), generator=torch.Generator().manual_seed(seed + 7)).tolist()
    with torch.no_grad():
        logits = model(torch.tensor([text])).logits[0].float()
    model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tensors = load_file(folder / "model.safetensors")
    for key, made in parts.items():
        del tensors[key]
        tensors.update(made)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    settings = json.loads((folder / "config.json").read_text())
    settings["quantization_config"] = method
    (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
    golden = {"made_with": VERSIONS, "seed": seed, "greedy": ids, "prompt": PROMPT, "least_margin": margin, "text": text,
              "positions": POSITIONS, "logits": [[float(f"{v:.6g}") for v in logits[p].tolist()] for p in POSITIONS]}
    (folder / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{name}: seed {seed}, margin {margin:.4f}, {sum(f.stat().st_size for f in folder.iterdir())} bytes", flush=True)


for number, name in enumerate(ROWS):
    if len(sys.argv) < 2 or name in sys.argv[1:]:
        make(number, name)
