#!/usr/bin/env python3
"""Writes golden/heads/deepseek-v3 and deepseek-v3.gguf: the row deepseek-v3 of make_families.py with a layer for multi-token prediction behind the last one, as
DeepSeek-V3's own files have it, and what it guesses. transformers does not implement that layer: here the whole model is written down once more, in
binary64 and numpy, from the papers (DeepSeek-V2, 2.1; DeepSeek-V3, 2.1 and 2.2) and the names in the published files. That it is the same model is
checked against the logits that transformers gave for the row deepseek-v3. Needs numpy and safetensors: tests/model/make_heads.py"""

import json
import math
import pathlib
import shutil
import struct

import numpy
from safetensors import safe_open

GOLDEN = pathlib.Path(__file__).parent / "golden"
SEED = 52001
PAIRS = 48  # tokens of the golden text that the head sees


def read(folder):
    """Tensors as binary64; BF16, which numpy lacks, by its bits."""
    data = (folder / "model.safetensors").read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + size])
    made = {}
    for name, about in header.items():
        if name == "__metadata__":
            continue
        begin, end = about["data_offsets"]
        raw = data[8 + size + begin:8 + size + end]
        if about["dtype"] == "BF16":
            values = (numpy.frombuffer(raw, "<u2").astype(numpy.uint32) << 16).view(numpy.float32)
        else:
            values = numpy.frombuffer(raw, "<f4")
        made[name] = values.astype(numpy.float64).reshape(about["shape"])
    return made


def bf16(values):
    """The nearest BF16, ties to even: as bits."""
    bits = values.astype(numpy.float32).view(numpy.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(numpy.uint16)


def rms(x, weight, eps):
    return x / numpy.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight


def silu(x):
    return x / (1 + numpy.exp(-x))


class Model:
    def __init__(self, config, weights):
        self.c, self.w = config, weights

    def frequencies(self):
        """YaRN (Peng et al., 2023)."""
        r, dims = self.c["rope_parameters"], self.c["qk_rope_head_dim"]
        whole = r["rope_theta"] ** -(numpy.arange(0, dims, 2) / dims)
        at = lambda turns: dims * math.log(r["original_max_position_embeddings"] / (turns * 2 * math.pi)) / (2 * math.log(r["rope_theta"]))  # noqa: E731
        low, high = max(math.floor(at(32)), 0), min(math.ceil(at(1)), dims - 1)
        ramp = numpy.clip((numpy.arange(dims // 2) - low) / (max(high - low, 0.001)), 0, 1)
        return whole / r["factor"] * ramp + whole * (1 - ramp)

    def turn(self, x, positions):
        """Neighbours turn together. x: [heads, tokens, dims]."""
        angles = positions[:, None] * self.frequencies()[None]
        even, odd = x[..., 0::2], x[..., 1::2]
        made = numpy.empty_like(x)
        made[..., 0::2] = even * numpy.cos(angles) - odd * numpy.sin(angles)
        made[..., 1::2] = odd * numpy.cos(angles) + even * numpy.sin(angles)
        return made

    def attention(self, x, at, positions):
        c, w = self.c, self.w
        heads, nope, rope, value = c["num_attention_heads"], c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"]
        tokens = len(x)
        q = rms(x @ w[at + "q_a_proj.weight"].T, w[at + "q_a_layernorm.weight"], 1e-6) @ w[at + "q_b_proj.weight"].T
        q = q.reshape(tokens, heads, nope + rope).transpose(1, 0, 2)
        both = x @ w[at + "kv_a_proj_with_mqa.weight"].T
        latent = rms(both[:, :c["kv_lora_rank"]], w[at + "kv_a_layernorm.weight"], 1e-6)
        kv = (latent @ w[at + "kv_b_proj.weight"].T).reshape(tokens, heads, nope + value).transpose(1, 0, 2)
        k_turned = self.turn(both[None, :, c["kv_lora_rank"]:], positions)
        q_turned = self.turn(q[..., nope:], positions)
        sharper = 0.1 * c["rope_parameters"]["mscale_all_dim"] * math.log(c["rope_parameters"]["factor"]) + 1
        scores = (q[..., :nope] @ kv[..., :nope].transpose(0, 2, 1) + q_turned @ k_turned.transpose(0, 2, 1)) * sharper ** 2 / math.sqrt(nope + rope)
        scores = numpy.where(numpy.tril(numpy.ones((tokens, tokens), bool)), scores, -numpy.inf)
        weights = numpy.exp(scores - scores.max(-1, keepdims=True))
        out = weights / weights.sum(-1, keepdims=True) @ kv[..., nope:]
        return out.transpose(1, 0, 2).reshape(tokens, heads * value) @ w[at + "o_proj.weight"].T

    def mlp(self, x, at):
        return (silu(x @ self.w[at + "gate_proj.weight"].T) * (x @ self.w[at + "up_proj.weight"].T)) @ self.w[at + "down_proj.weight"].T

    def mixture(self, x, at):
        c = self.c
        scores = 1 / (1 + numpy.exp(-(x @ self.w[at + "gate.weight"].T)))
        chosen_by = scores + self.w[at + "gate.e_score_correction_bias"]
        groups = chosen_by.reshape(len(x), c["n_group"], -1)
        best = numpy.argsort(-numpy.sort(groups, -1)[..., -2:].sum(-1), -1, kind="stable")[:, :c["topk_group"]]
        made = numpy.zeros_like(x)
        for i in range(len(x)):
            masked = numpy.full_like(groups[i], -numpy.inf)
            masked[best[i]] = groups[i][best[i]]
            experts = numpy.argsort(-masked.reshape(-1), kind="stable")[:c["num_experts_per_tok"]]
            share = scores[i][experts] / (scores[i][experts].sum() + 1e-20) * c["routed_scaling_factor"]
            made[i] = sum(s * self.mlp(x[i:i + 1], f"{at}experts.{e}.")[0] for s, e in zip(share, experts))
        return made + self.mlp(x, at + "shared_experts.")

    def layer(self, x, index, positions):
        at, eps = f"model.layers.{index}.", self.c["rms_norm_eps"]
        x = x + self.attention(rms(x, self.w[at + "input_layernorm.weight"], eps), at + "self_attn.", positions)
        normed = rms(x, self.w[at + "post_attention_layernorm.weight"], eps)
        return x + (self.mlp if index < self.c["first_k_dense_replace"] else self.mixture)(normed, at + "mlp.")

    def hidden(self, ids):
        """After the last norm."""
        x = self.w["model.embed_tokens.weight"][ids]
        for i in range(self.c["num_hidden_layers"]):
            x = self.layer(x, i, numpy.arange(len(ids)))
        return rms(x, self.w["model.norm.weight"], self.c["rms_norm_eps"])

    def logits(self, hidden):
        return hidden @ self.w["lm_head.weight"].T

    def head(self, ids, hidden):
        """Of tokens and the hidden states of those before them: the head's own hidden states."""
        at, eps = f"model.layers.{self.c['num_hidden_layers']}.", self.c["rms_norm_eps"]
        pair = [rms(self.w["model.embed_tokens.weight"][ids], self.w[at + "enorm.weight"], eps), rms(hidden, self.w[at + "hnorm.weight"], eps)]
        x = numpy.concatenate(pair, -1) @ self.w[at + "eh_proj.weight"].T
        x = self.layer(x, self.c["num_hidden_layers"], numpy.arange(len(ids)))
        return rms(x, self.w[at + "shared_head.norm.weight"], eps)


def new_layer(config, weights):
    """Tensors of the layer behind the last one: shapes as the last one has them."""
    generator = numpy.random.default_rng(SEED)
    last, behind = f"model.layers.{config['num_hidden_layers'] - 1}.", f"model.layers.{config['num_hidden_layers']}."
    width = config["hidden_size"]
    shapes = {behind + name[len(last):]: w.shape for name, w in weights.items() if name.startswith(last)}
    shapes.update({behind + name: (width,) for name in ("enorm.weight", "hnorm.weight", "shared_head.norm.weight")})
    shapes[behind + "eh_proj.weight"] = (width, 2 * width)
    made = {}
    for name, shape in sorted(shapes.items()):
        r = generator.standard_normal(shape)
        values = 1 + 0.2 * r if "norm" in name else 0.3 * r if len(shape) == 1 else 1.3 * r / shape[-1] ** 0.5
        made[name] = bf16(values)
    # the files have these once more
    made[behind + "embed_tokens.weight"] = bf16(weights["model.embed_tokens.weight"])
    made[behind + "shared_head.head.weight"] = bf16(weights["lm_head.weight"])
    return made


def write(folder, source, more):
    """The source's tensors as they are, and these, BF16."""
    data = source.read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    for name, bits in more.items():
        f32 = name.endswith("correction_bias") and header[name.replace(".4.", ".3.")]["dtype"] == "F32"
        raw = (bits.astype("<u4") << 16).tobytes() if f32 else bits.astype("<u2").tobytes()
        header[name] = {"dtype": "F32" if f32 else "BF16", "shape": list(bits.shape), "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)


# ---- GGUF

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def kv_end(data, at):
    """Behind a key and its value; the key and where the value begins."""
    size = struct.unpack_from("<Q", data, at)[0]
    key = data[at + 8:at + 8 + size].decode()
    at += 8 + size
    kind, at = struct.unpack_from("<I", data, at)[0], at + 4
    begin, count = at, 1
    if kind == 9:
        kind, count = struct.unpack_from("<IQ", data, at)
        at += 12
    for _ in range(count):
        at += 8 + struct.unpack_from("<Q", data, at)[0] if kind == 8 else SIZES[kind]
    return key, begin, at


def gguf_layer(config, whole):
    """The layer's tensors as GGUF has them, by llama.cpp's names."""
    index, heads, nope = config["num_hidden_layers"], config["num_attention_heads"], config["qk_nope_head_dim"]
    w = lambda name: whole.w[f"model.layers.{index}.{name}"]  # noqa: E731
    kv_b = w("self_attn.kv_b_proj.weight").reshape(heads, nope + config["v_head_dim"], -1)
    stacked = lambda part: numpy.stack([w(f"mlp.experts.{e}.{part}_proj.weight") for e in range(config["n_routed_experts"])])  # noqa: E731
    named = {"attn_norm.weight": "input_layernorm.weight", "ffn_norm.weight": "post_attention_layernorm.weight", "attn_q_a.weight": "self_attn.q_a_proj.weight",
             "attn_q_a_norm.weight": "self_attn.q_a_layernorm.weight", "attn_q_b.weight": "self_attn.q_b_proj.weight",
             "attn_kv_a_mqa.weight": "self_attn.kv_a_proj_with_mqa.weight", "attn_kv_a_norm.weight": "self_attn.kv_a_layernorm.weight",
             "attn_output.weight": "self_attn.o_proj.weight", "ffn_gate_inp.weight": "mlp.gate.weight", "exp_probs_b.bias": "mlp.gate.e_score_correction_bias",
             "nextn.eh_proj.weight": "eh_proj.weight", "nextn.enorm.weight": "enorm.weight", "nextn.hnorm.weight": "hnorm.weight",
             "nextn.shared_head_norm.weight": "shared_head.norm.weight", "nextn.embed_tokens.weight": "embed_tokens.weight",
             "nextn.shared_head_head.weight": "shared_head.head.weight"}
    named.update({f"ffn_{p}_shexp.weight": f"mlp.shared_experts.{p}_proj.weight" for p in ("gate", "up", "down")})
    made = {key: w(name) for key, name in named.items()}
    made.update({f"ffn_{p}_exps.weight": stacked(p) for p in ("gate", "up", "down")})
    made.update({"attn_k_b.weight": kv_b[:, :nope].transpose(0, 2, 1), "attn_v_b.weight": kv_b[:, nope:]})
    return {f"blk.{index}.{key}": values.astype("<f4") for key, values in made.items()}


def write_gguf(path, source, config, more):
    """The source's bytes with a layer more, F32."""
    data = source.read_bytes()
    magic, version, tensors, entries = struct.unpack_from("<4sIQQ", data)
    at, kept = 24, b""
    for _ in range(entries):
        key, begin, end = kv_end(data, at)
        value = struct.pack("<I", config["num_hidden_layers"] + 1) if key == "deepseek2.block_count" else data[begin:end]
        kept += data[at:begin] + value
        at = end
    key = b"deepseek2.nextn_predict_layers"
    kept += struct.pack("<Q", len(key)) + key + struct.pack("<II", 4, 1)
    begin = at
    for _ in range(tensors):
        at += 8 + struct.unpack_from("<Q", data, at)[0]
        at += 4 + 8 * struct.unpack_from("<I", data, at)[0] + 12
    infos, body = data[begin:at], data[-(-at // 32) * 32:]
    body += bytes(-len(body) % 32)
    for name, values in sorted(more.items()):
        infos += struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", values.ndim)
        infos += struct.pack(f"<{values.ndim}Q", *reversed(values.shape)) + struct.pack("<IQ", 0, len(body))
        body += values.tobytes() + bytes(-values.nbytes % 32)
    head = struct.pack("<4sIQQ", magic, version, tensors + len(more), entries + 1) + kept + infos
    path.write_bytes(head + bytes(-len(head) % 32) + body)


def main():
    source, folder = GOLDEN / "families" / "deepseek-v3", GOLDEN / "heads" / "deepseek-v3"
    config = json.loads((source / "config.json").read_text())
    golden = json.loads((source / "golden.json").read_text())
    weights = read(source)
    more = new_layer(config, weights)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "config.json", folder)
    write(folder, source / "model.safetensors", more)
    whole = Model(config, read(folder))
    with safe_open(folder / "model.safetensors", "np") as seen:
        assert set(seen.keys()) == set(whole.w)  # as another reader sees it

    ids = golden["text"]
    hidden = whole.hidden(ids)
    logits = whole.logits(hidden)
    worst = max(abs(logits[p][i * (64 // len(row))] - v) for p, row in zip(golden["positions"], golden["logits"]) for i, v in enumerate(row))
    print(f"beside transformers' logits of the model: {worst:.3g}")
    assert worst < 2e-3
    own = whole.head(ids[1:PAIRS], hidden[:PAIRS - 1])
    guesses = whole.logits(own)
    again = whole.head(ids[1:PAIRS] + [int(guesses[-1].argmax())], numpy.concatenate([hidden[:PAIRS - 1], own[-1:]]))
    made = {"made_with": {"numpy": numpy.__version__}, "seed": SEED, "ids": ids[:PAIRS], "logits": [[float(f"{v:.6g}") for v in row] for row in guesses],
            "next": [float(f"{v:.6g}") for v in whole.logits(again)[-1]]}
    write_gguf(folder.parent / "deepseek-v3.gguf", GOLDEN / "families" / "deepseek-v3.gguf", config, gguf_layer(config, whole))
    (folder / "golden.json").write_text(json.dumps(made, separators=(",", ":")) + "\n")


main()
