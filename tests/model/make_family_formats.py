#!/usr/bin/env python3
"""Goldens of every family in every number format, by transformers: golden_formats/NAME.json.

    make_family_formats.py TEST_PROGRAM [--every] [NAME...]     the built test_model_family_formats, which writes the files

A model is of width 256, so that every format's blocks fit its rows. What the script decides: config.json, the tensors of
the folder that transformers writes, and the size of each one's values. The test program draws the numbers (F32, F16, BF16)
and blocks of random bits (the other formats, in place of the matrices of the GGUF file that `hearth convert` makes of
the folder), here and again in the test. What a file stands for is read here with the packages safetensors and gguf, put
into transformers' model in binary32, and run. Where an element of a file belongs in that model is found by converting the
folder of the model whose weights count 0, 1, 2, and so on."""

import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from make_families import RESPELLED, ROWS, VERSIONS, old_spelling, respell, settings_of

torch.set_num_threads(1)
EVERY = "--every" in sys.argv  # format; else those that people run
MAIN = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K_M", "Q5_K_M", "Q6_K", "IQ4_XS", "MXFP4")
HERE = pathlib.Path(__file__).resolve().parent / "golden_formats"
TEXT, GREEDY, PLACES = 40, 16, (20, 39)
NAMES = """llama-yarn mistral-window ministral mixtral qwen2-moe qwen3 qwen3-moe qwen3-next gemma gemma2 gemma3 phi phi3 phimoe olmo olmo2 olmo3
           olmoe pythia apertus smollm3 bloom starcoder2 granite granite-moe granite4 gpt2 falcon falcon-new falcon-heads stablelm stablelm2 glm glm4
           command-r cohere2 deepseek-v2 deepseek-v3 nemotron exaone4 gpt-oss internlm2 exaone minicpm arcee seed-oss llama4-wide ministral3""".split()
MORE = {"qwen2": ("qwen2", {}, True)}
WIDTHS = {key: 256 for key in ("hidden_size", "n_embd", "intermediate_size", "moe_intermediate_size", "shared_expert_intermediate_size",
                               "intermediate_size_mlp", "shared_intermediate_size", "kv_lora_rank", "q_lora_rank", "qk_nope_head_dim")}
WIDTHS |= {key: 64 for key in ("head_dim", "v_head_dim", "linear_key_head_dim", "linear_value_head_dim", "query_pre_attn_scalar")}
WIDTHS |= {"qk_rope_head_dim": 32}
FOUR = {"ministral", "olmo3", "smollm3", "cohere2", "llama4-wide", "exaone4", "qwen3-next"}  # layers, for a whole pattern of theirs


def wide_settings(name):
    kind, row, _ = (ROWS | MORE)[name]
    settings = settings_of(kind, row)
    for key, value in WIDTHS.items():
        if settings.get(key) is not None:
            settings[key] = value
    layers = 6 if name == "gemma3" else 4 if name in FOUR else 2
    settings[{"gpt2": "n_layer", "bloom": "n_layer"}.get(kind, "num_hidden_layers")] = layers
    if "layer_types" in settings:
        settings["layer_types"] = settings["layer_types"][:layers]
    if kind.startswith("deepseek"):
        settings["head_dim"] = 32
    if name == "minicpm":
        settings["attention_multiplier"] = 64 ** -0.5
    return kind, settings


# ---- where things are ----

def places_of(model):
    """Parameters and kept buffers, each once, as (name, tensor, where its elements begin)."""
    found, seen, at = [], set(), 0
    buffers = {name for name, _ in model.named_buffers()}
    for name, value in model.state_dict().items():
        if value.data_ptr() in seen or not value.is_floating_point():
            continue
        seen.add(value.data_ptr())
        found.append((name, value, at, name in buffers))
        at += value.numel()
    if at >= 1 << 24:
        raise RuntimeError(f"{at} weights: binary32 cannot count them")
    return found


def write_counted(model, places, folder, name):
    kept = [value.clone() for _, value, _, _ in places]
    with torch.no_grad():
        for _, value, at, _ in places:
            value.copy_(torch.arange(at, at + value.numel(), dtype=torch.float32).reshape(value.shape))
    model.save_pretrained(folder)
    with torch.no_grad():
        for (_, value, _, _), old in zip(places, kept):
            value.copy_(old)
    (folder / "generation_config.json").unlink(missing_ok=True)
    old_spelling(folder)
    if name in RESPELLED and name not in ("llama4", "ministral3"):
        respell(folder, name)


def sizes_of(model, places, tensors):
    """Mean and largest distance from it for each tensor of the folder, as make_families.fill has them."""
    kind, rows = model.config.model_type, []
    plus_one = kind.startswith(("gemma", "nemotron", "qwen3_next"))
    for key in sorted(tensors):
        first = int(tensors[key].flatten()[0])
        name, value, _, buffer = next(p for p in reversed(places) if p[2] <= first)
        wide = lambda deviation: float(f"{deviation * 3 ** 0.5:.4g}")  # uniform numbers
        if buffer and "bias" not in name:
            mean, size = float(value.flatten()[0]), 0.0
            assert bool((value == value.flatten()[0]).all())
        elif "norm" in name and name.endswith("weight") or ".ln_" in name and name.endswith("weight"):
            mean, size = (0.0 if plus_one and "linear_attn" not in name else 1.0), wide(0.2)
            if "embeddings_layernorm" in name:
                mean, size = mean / 4, size / 4
        elif name.endswith("A_log"):
            mean, size = -1.5, 1.5
        elif value.dim() <= 1:
            mean, size = 0.0, wide(0.3)
        else:
            mean, size = 0.0, wide(1.3 / value.shape[-1] ** 0.5)
            if "embed" in name or "wte" in name:
                size *= 0.5 if model.config.tie_word_embeddings else 4
        rows.append([key, list(tensors[key].shape), mean, round(size, 6)])
    return rows


def count_in_gguf(program_folder, tensors, counted):
    """The elements' places in the GGUF file; vectors, which a converter may change, are ones there."""
    path = program_folder / "counted"
    path.mkdir()
    (path / "config.json").write_text((counted / "config.json").read_text())
    save_file({key: value if value.dim() >= 2 else torch.ones_like(value) for key, value in tensors.items()},
              path / "model.safetensors", metadata={"format": "pt"})
    done = subprocess.run([HEARTH, "convert", path, program_folder / "counted.gguf", "-q"], capture_output=True, text=True)
    if done.returncode:
        print(f"    no GGUF: {done.stderr.strip()}")
        return None
    return {t.name: numpy.array(t.data).flatten().astype(numpy.int64) for t in gguf.GGUFReader(program_folder / "counted.gguf").tensors
            if t.tensor_type == gguf.GGMLQuantizationType.F32 and len(t.shape) >= 2}


# ---- files ----

def hash_of(tensors):
    made = hashlib.sha256()
    for name, data in sorted(tensors.items(), key=lambda item: item[0].encode()):
        made.update(name.encode() + b"\0" + data)
    return made.hexdigest()[:16]


def raw(path):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    return {name: data[8 + length + row["data_offsets"][0]:8 + length + row["data_offsets"][1]] for name, row in header.items() if name != "__metadata__"}


def read_folder(folder, counted, weights):
    for name, value in load_file(folder / "model.safetensors").items():
        weights[counted[name].flatten().long()] = value.float().flatten()
    return hash_of(raw(folder / "model.safetensors"))


def read_gguf(path, counted, weights):
    tensors = gguf.GGUFReader(path).tensors
    for t in tensors:
        if t.tensor_type != gguf.GGMLQuantizationType.F32:
            values = gguf.quants.dequantize(t.data, t.tensor_type).astype(numpy.float32).flatten()
            weights[torch.from_numpy(counted[t.name])] = torch.from_numpy(values)
    return hash_of({t.name: t.data.tobytes() for t in tensors})


# ---- the model ----

def draw_text(seed):
    text = []
    for _ in range(TEXT):
        seed = (seed * 1103515245 + 12345) & 0x7fffffff
        text.append((seed >> 16) % 64)
    return text


def continued(model, ids):
    """The text's logits, its greedy tokens, and the least margin between the first two; stops where that is too small."""
    made, logits, cache, margin = [], None, None, float("inf")
    for _ in range(GREEDY):
        with torch.no_grad():
            out = model(torch.tensor([made[-1:] or ids]), past_key_values=cache, use_cache=True)
        cache, last = out.past_key_values, out.logits[0].float()
        logits = last if logits is None else logits
        top = torch.topk(last[-1], 2)
        margin = min(margin, float(top.values[0] - top.values[1]))
        made.append(int(top.indices[0]))
        if margin < 0.004:
            break
    return made, logits, margin


def run(model, number):
    """The first text whose greedy tokens are beyond doubt; of a few, so that it is no single token again and again."""
    best = None
    for seed in range(number * 100 + 1, number * 100 + 25):
        made, logits, margin = continued(model, draw_text(seed))
        if margin >= 0.004 and (best is None or len(set(made)) > len(set(best[1]))):
            best = (seed, made, logits)
        if best is not None and (len(set(best[1])) > 3 or seed >= number * 100 + 4):
            break
    if best is None:
        raise RuntimeError("no text has greedy tokens that are beyond doubt")
    seed, made, logits = best
    if not bool(torch.isfinite(logits).all()) or float(logits.std()) < 0.01:
        raise RuntimeError(f"logits of size {float(logits.std())}")
    kept = logits[list(PLACES)].numpy().astype("<f4").tobytes()
    return {"text": seed, "greedy": made, "logits": base64.b64encode(kept).decode()}, float(logits.abs().max())


def write(path, spec):
    lines = [f' {json.dumps(key)}: {json.dumps(spec[key], separators=(",", ":"))}' for key in spec if key != "cells"]
    cells = [f'  {json.dumps(name)}: {json.dumps(cell, separators=(",", ":"))}' for name, cell in spec["cells"].items()]
    path.write_text("{\n" + ",\n".join(lines) + ',\n "cells": {\n' + ",\n".join(cells) + "\n }\n}\n")


def make(program, number, name, scratch):
    kind, settings = wide_settings(name)
    torch.manual_seed(number)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **settings), dtype=torch.float32).eval()
    places = places_of(model)
    total = places[-1][2] + places[-1][1].numel()
    write_counted(model, places, scratch / "model", name)
    counted = load_file(scratch / "model" / "model.safetensors")
    in_gguf = count_in_gguf(scratch, counted, scratch / "model")
    spec = {"made_with": VERSIONS, "gguf": in_gguf is not None, "config": json.loads((scratch / "model" / "config.json").read_text()),
            "tensors": sizes_of(model, places, counted), "cells": {}}
    write(HERE / f"{name}.json", spec)
    done = subprocess.run([program, "write", HERE / f"{name}.json", scratch], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    base, largest, different = torch.full((total,), float("nan")), 0.0, set()
    files = [(f, scratch / f) for f in ("F32", "F16", "BF16")]
    files += sorted((p.stem, p) for p in scratch.glob("*.gguf") if p.stem not in ("F32", "counted"))
    files = [(format, path) for format, path in files if EVERY or format in MAIN]
    for place, (format, path) in enumerate(files):
        weights = base.clone()
        if path.is_dir():
            data = read_folder(path, counted, weights)
            base = weights.clone() if format == "F32" else base
        else:
            data = read_gguf(path, in_gguf, weights)
        assert bool(torch.isfinite(weights).all()), "a weight that no file holds"
        with torch.no_grad():
            for _, value, at, _ in places:
                value.copy_(weights[at:at + value.numel()].reshape(value.shape))
        cell, size = run(model, number * 100 + place)
        largest, _ = max(largest, size), different.add(len(set(cell["greedy"])))
        spec["cells"][format] = {"data": data, **cell}
    write(HERE / f"{name}.json", spec)
    print(f"{name}: {total} weights, {len(spec['cells'])} formats, logits to {largest:.3g}, {min(different)} or more tokens in a text, "
          f"{(HERE / f'{name}.json').stat().st_size} bytes", flush=True)


def main():
    global HEARTH
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program = pathlib.Path(sys.argv[1]).resolve()
    HEARTH = program.parents[2] / "hearth"
    HERE.mkdir(parents=True, exist_ok=True)
    failed, wanted = [], [word for word in sys.argv[2:] if not word.startswith("-")]
    for number, name in enumerate([*NAMES, *MORE]):
        if (wanted and name not in wanted) or (not wanted and (HERE / f"{name}.json").exists()):
            continue
        with tempfile.TemporaryDirectory() as scratch:
            try:
                make(program, number, name, pathlib.Path(scratch))
            except Exception as trouble:  # one family less must not stop the others
                failed.append(name)
                (HERE / f"{name}.json").unlink(missing_ok=True)
                print(f"{name}: {type(trouble).__name__}: {str(trouble)[:600]}", flush=True)
    if failed:
        sys.exit(f"not made: {', '.join(failed)}")


if __name__ == "__main__":
    main()
