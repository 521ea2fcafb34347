#!/usr/bin/env python3
"""Goldens of tests/model, made by transformers and gguf (never by hearth).

    make_golden.py tiny                     tiny random models of every family and RoPE scaling, with their goldens
    make_golden.py tinystories FOLDER       logits and greedy tokens of a real small model
    make_golden.py sampling                 what transformers' own filters leave of random logits
    make_golden.py smollm2 FILE.gguf        greedy text of 20 prompts, the file loaded with gguf_file= in float32

Output goes to tests/model/golden/ beside this script. Versions used are written into each golden. Everything is
seeded: the same versions give the same files.
"""
import json
import os
import pathlib
import sys

import gguf
import numpy
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

HERE = pathlib.Path(__file__).resolve().parent / "golden"
PROMPT = 16
GREEDY = 48
VERSIONS = {"transformers": transformers.__version__, "torch": torch.__version__}

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64, "rope_theta": 10000.0}
PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
# name: (config class, model class, settings, RoPE, old spelling of RoPE's keys?, the matrices' type in GGUF, positions)
F32, BF16 = gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.BF16
LINEAR = {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}
TINY = {
    "llama-mha": (LlamaConfig, LlamaForCausalLM, dict(num_attention_heads=4, num_key_value_heads=4), PLAIN, False,
                  BF16, range(64)),
    "llama-gqa": (LlamaConfig, LlamaForCausalLM, dict(num_attention_heads=6, num_key_value_heads=2), PLAIN, True, F32,
                  range(64)),
    "llama-mqa": (LlamaConfig, LlamaForCausalLM, dict(num_attention_heads=4, num_key_value_heads=1,
                                                      tie_word_embeddings=True), PLAIN, True, BF16, range(64)),
    "llama-odd": (LlamaConfig, LlamaForCausalLM, dict(hidden_size=51, num_attention_heads=3, num_key_value_heads=1,
                                                      head_dim=24, intermediate_size=67, attention_bias=True,
                                                      mlp_bias=True, vocab_size=77), PLAIN, False, BF16, range(64)),
    "llama3-scaled": (LlamaConfig, LlamaForCausalLM, dict(num_attention_heads=3, num_key_value_heads=1, head_dim=16,
                                                          max_position_embeddings=512), LLAMA3, False, F32,
                      list(range(0, 512, 13)) + [511]),
    "llama-linear": (LlamaConfig, LlamaForCausalLM, dict(num_attention_heads=4, num_key_value_heads=2),
                     LINEAR, True, F32, list(range(0, 256, 7)) + [255]),
    "qwen2-untied": (Qwen2Config, Qwen2ForCausalLM, dict(num_attention_heads=4, num_key_value_heads=2), PLAIN, True,
                     F32, range(64)),
    "qwen2-tied": (Qwen2Config, Qwen2ForCausalLM, dict(num_attention_heads=6, num_key_value_heads=1,
                                                       tie_word_embeddings=True), {"rope_type": "default",
                                                                                   "rope_theta": 1000000.0},
                   False, BF16, range(64)),
    "mistral": (MistralConfig, MistralForCausalLM, dict(num_attention_heads=4, num_key_value_heads=2, head_dim=16,
                                                        sliding_window=None), {"rope_type": "default",
                                                                               "rope_theta": 1000000.0},
                False, BF16, range(64)),
    "qwen2-linear": (Qwen2Config, Qwen2ForCausalLM, dict(num_attention_heads=4, num_key_value_heads=1), LINEAR, False,
                     BF16, list(range(0, 256, 7)) + [255]),
    "mistral-scaled": (MistralConfig, MistralForCausalLM, dict(num_attention_heads=3, num_key_value_heads=1, head_dim=16,
                                                               sliding_window=None, max_position_embeddings=512), LLAMA3,
                       False, BF16, list(range(0, 512, 13)) + [511]),
}


def fill(model, seed):
    """Weights that make lively logits and fit bf16 exactly, so that every container holds the same numbers."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            r = torch.randn(p.shape, generator=generator)
            if name.endswith("norm.weight"):
                p.copy_((1 + 0.2 * r).bfloat16().float())
            elif p.dim() == 1:
                p.copy_((0.3 * r).bfloat16().float())
            else:
                p.copy_((1.3 * r / p.shape[-1] ** 0.5).bfloat16().float())
            if "embed" in name:
                p.mul_(4)


def old_spelling(folder):
    """rope_theta and rope_scaling, as transformers 4 wrote them."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope["rope_type"] == "default" else {
        ("type" if rope["rope_type"] == "linear" else k) if k == "rope_type" else k: v for k, v in rope.items()}
    path.write_text(json.dumps(config, indent=2) + "\n")


def permute(weights, heads):
    """Rows (head, half, pair) to (head, pair, half): RoPE on neighbours, as GGUF's llama architecture has it."""
    shape = weights.shape
    return weights.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def rope_factors(config):
    """rope_freqs.weight of a llama3-scaled model, after the formula of the Llama 3.1 release."""
    rope = config.rope_parameters
    freqs = 1.0 / (rope["rope_theta"] ** (torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim))
    low = rope["original_max_position_embeddings"] / rope["low_freq_factor"]
    high = rope["original_max_position_embeddings"] / rope["high_freq_factor"]
    factors = []
    for freq in freqs:
        wavelength = 2 * torch.pi / freq
        if wavelength < high:
            factors.append(1.0)
        elif wavelength > low:
            factors.append(rope["factor"])
        else:
            smooth = (rope["original_max_position_embeddings"] / wavelength - rope["low_freq_factor"]) / (
                rope["high_freq_factor"] - rope["low_freq_factor"])
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return numpy.array([float(f) for f in factors], dtype=numpy.float32)


NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}


def write_gguf(model, path, matrices):
    config = model.config
    architecture = "qwen2" if config.model_type == "qwen2" else "llama"
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    w = gguf.GGUFWriter(path, architecture)
    w.add_name(path.stem)
    w.add_context_length(config.max_position_embeddings)
    w.add_embedding_length(config.hidden_size)
    w.add_block_count(config.num_hidden_layers)
    w.add_feed_forward_length(config.intermediate_size)
    w.add_head_count(config.num_attention_heads)
    w.add_head_count_kv(config.num_key_value_heads)
    w.add_layer_norm_rms_eps(config.rms_norm_eps)
    w.add_rope_freq_base(config.rope_parameters["rope_theta"])
    w.add_key_length(head_dim)
    w.add_value_length(head_dim)
    if architecture == "llama":
        w.add_rope_dimension_count(head_dim)
    w.add_vocab_size(config.vocab_size)
    rope = config.rope_parameters
    if rope["rope_type"] == "linear":
        w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        w.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "llama3":
        w.add_tensor("rope_freqs.weight", rope_factors(config))
    for name, p in model.state_dict().items():
        data = p.detach().float().numpy()
        if name == "model.embed_tokens.weight":
            out = "token_embd.weight"
        elif name == "model.norm.weight":
            out = "output_norm.weight"
        elif name == "lm_head.weight":
            if config.tie_word_embeddings:
                continue
            out = "output.weight"
        else:
            _, _, layer, rest = name.split(".", 3)
            stem, kind = rest.rsplit(".", 1)
            out = f"blk.{layer}.{NAMES[stem]}.{kind}"
            if architecture == "llama" and stem == "self_attn.q_proj":
                data = permute(data, config.num_attention_heads)
            if architecture == "llama" and stem == "self_attn.k_proj":
                data = permute(data, config.num_key_value_heads)
        data = numpy.ascontiguousarray(data)
        if matrices == BF16 and data.ndim == 2:  # exact: every weight fits bf16
            w.add_tensor(out, gguf.quants.quantize(data, BF16), raw_dtype=BF16)
        else:
            w.add_tensor(out, data)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def greedy(model, ids, count):
    """Token by token without a cache; also the least margin between the first two."""
    ids = list(ids)
    margin = float("inf")
    for _ in range(count):
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
        top = torch.topk(logits, 2).values
        margin = min(margin, float(top[0] - top[1]))
        ids.append(int(torch.argmax(logits)))
    return ids, margin


def make_tiny():
    for number, (name, row) in enumerate(TINY.items()):
        config_class, model_class, settings, rope, old, matrices, positions = row
        config = config_class(**{**dict(vocab_size=64, hidden_size=48, intermediate_size=64, num_hidden_layers=4,
                                        max_position_embeddings=256, rms_norm_eps=1e-5, tie_word_embeddings=False,
                                        rope_parameters=dict(rope), attn_implementation="eager"), **settings})
        model = model_class(config).eval()
        folder = HERE / name
        for seed in range(number * 100, number * 100 + 100):
            fill(model, seed)
            prompt = torch.randint(0, config.vocab_size, (PROMPT,),
                                   generator=torch.Generator().manual_seed(seed)).tolist()
            ids, margin = greedy(model, prompt, GREEDY)
            if margin > 0.01 and len(set(ids[PROMPT:])) > 8:
                break
        positions = list(positions)
        text = torch.randint(0, config.vocab_size, (positions[-1] + 1,),
                             generator=torch.Generator().manual_seed(seed + 7)).tolist()
        with torch.no_grad():
            logits = model(torch.tensor([text])).logits[0]
        model.to(torch.bfloat16).save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        if old:
            old_spelling(folder)
        write_gguf(model.float(), HERE / f"{name}.gguf", matrices)
        golden = {"made_with": VERSIONS, "seed": seed, "greedy": ids, "prompt": PROMPT, "least_margin": margin,
                  "text": text, "positions": positions,
                  "logits": [[float(f"{v:.7g}") for v in logits[p].tolist()] for p in positions]}
        (folder / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
        print(name, "seed", seed, "margin", round(margin, 4), "logits", float(logits.abs().max()),
              sum(f.stat().st_size for f in folder.iterdir()))


def make_tinystories(source):
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, attn_implementation="eager").eval()
    text = "Once upon a time, there was a little girl named Lily. One day, she"
    prompt = tokenizer(text).input_ids
    ids, margin = greedy(model, prompt, GREEDY)
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    columns = list(range(0, model.config.vocab_size, 16))
    golden = {"made_with": VERSIONS, "prompt_text": text, "prompt": len(prompt), "greedy": ids, "least_margin": margin,
              "text": tokenizer.decode(ids[len(prompt):]), "columns": columns,
              "best": [int(i) for i in logits.argmax(-1)],
              "logits": [[float(f"{row[c]:.7g}") for c in columns] for row in logits]}
    (HERE / "tinystories.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print("tinystories", margin, golden["text"])


PROMPTS = ["The capital of France is", "Once upon a time", "def fibonacci(n):", "Water boils at", "The quick brown fox",
           "In 1969, humans first", "To make bread, you need", "The largest planet in the solar system is",
           "A poem about the sea:\n", "Q: What is 2 + 2?\nA:", "The theory of evolution", "My favourite book is",
           "import numpy as np\n", "The three branches of government are", "She opened the door and",
           "<|im_start|>user\nWhat is gravity?<|im_end|>\n<|im_start|>assistant\n",
           "<|im_start|>user\nName three colours.<|im_end|>\n<|im_start|>assistant\n",
           "<|im_start|>user\nWrite a haiku about rain.<|im_end|>\n<|im_start|>assistant\n",
           "Les chats sont", "1, 2, 3, 4,"]


def make_smollm2(path):
    folder, name = os.path.split(os.path.abspath(path))
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
    rows = []
    for text in PROMPTS:
        ids = tokenizer(text, add_special_tokens=False).input_ids
        with torch.no_grad():
            out = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                                 do_sample=False, max_new_tokens=GREEDY, repetition_penalty=1.0,
                                 eos_token_id=None, pad_token_id=0, return_dict_in_generate=True, output_logits=True)
        new = out.sequences[0, len(ids):].tolist()
        tops = [torch.topk(step[0], 2).values for step in out.logits]
        rows.append({"prompt": text, "ids": ids, "greedy": new, "text": tokenizer.decode(new),
                     "least_margin": min(float(t[0] - t[1]) for t in tops)})
        print(repr(text), rows[-1]["least_margin"], repr(rows[-1]["text"][:60]), flush=True)
    (HERE / "smollm2.json").write_text(json.dumps({"made_with": VERSIONS, "rows": rows}, separators=(",", ":")) + "\n")


SETTINGS = [dict(), dict(temperature=0.7), dict(temperature=1.5, top_k=10), dict(top_p=0.9), dict(top_p=0.5, top_k=30),
            dict(min_p=0.1), dict(min_p=0.02, temperature=2.0, top_k=40), dict(typical_p=0.9), dict(typical_p=0.4),
            dict(typical_p=0.8, top_p=0.95, top_k=50, temperature=0.9), dict(repetition_penalty=1.3),
            dict(repetition_penalty=0.8, temperature=0.6, top_p=0.8),
            dict(repetition_penalty=1.2, top_k=20, top_p=0.9, min_p=0.05, typical_p=0.95, temperature=0.8)]


def make_sampling():
    from transformers import generation as g
    generator = torch.Generator().manual_seed(11)
    rows = []
    for vocabulary, scale in [(40, 1.0), (120, 3.0), (300, 2.0)]:
        logits = torch.zeros(vocabulary)
        while len(set(logits.tolist())) < vocabulary:  # where logits are equal, transformers keeps more than k
            logits = (torch.randn(vocabulary, generator=generator) * scale * 4096).round() / 4096  # exact in text
        history = torch.randint(0, vocabulary, (12,), generator=generator)
        for s in SETTINGS:
            chain = []
            if "repetition_penalty" in s:
                chain.append(g.RepetitionPenaltyLogitsProcessor(s["repetition_penalty"]))
            if "temperature" in s:
                chain.append(g.TemperatureLogitsWarper(s["temperature"]))
            if "top_k" in s:
                chain.append(g.TopKLogitsWarper(s["top_k"]))
            if "top_p" in s:
                chain.append(g.TopPLogitsWarper(s["top_p"]))
            if "min_p" in s:
                chain.append(g.MinPLogitsWarper(s["min_p"]))
            if "typical_p" in s:
                chain.append(g.TypicalLogitsWarper(s["typical_p"]))
            out = logits[None].double()
            for step in chain:
                out = step(history[None], out)
            p = torch.softmax(out[0], -1).tolist()
            rows.append({"settings": s, "logits": logits.tolist(), "history": history.tolist(),
                         "probabilities": [float(f"{v:.6g}") for v in p]})
    (HERE / "sampling.json").write_text(json.dumps({"made_with": VERSIONS, "rows": rows}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "tiny":
        make_tiny()
    elif command == "sampling":
        make_sampling()
    elif command == "tinystories":
        make_tinystories(sys.argv[2])
    elif command == "smollm2":
        make_smollm2(sys.argv[2])
    else:
        sys.exit(__doc__)
