#!/usr/bin/env python3
"""Writes a synthetic Llama as GGUF for speed measurements: random weights of a real shape, in one number format.

    bench/make_model.py moe|moe2048|mla|3b|1b|1b-short|135m|tiny|wide TYPE FILE
    TYPE: F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q4_K Q5_K Q6_K IQ4_NL IQ4_XS Q2_K Q3_K IQ3_S IQ2_XS Q4_K_M

1b: 16 layers, width 2048, MLP 8192, 32/8 heads, vocabulary 32,000, untied. 1b-short: 2 layers of it, for long contexts. 3b: 28
layers, width 3072, MLP 8192, 24/8 heads, vocabulary 32,000, untied. moe: a Mixtral of 16 layers, width 1024, 64 experts of width
1024, 4 for each token, 16/4 heads, vocabulary 32,000, untied. moe2048: 3 layers, width 2048, 64 experts of width 1408, 8 for each token, 16/4
heads. mla: DeepSeek-V2-Lite's shape in 3 layers: latent attention of rank 512 (queries of rank 1,536, which llama.cpp asks of all but 27 layers), 16 heads of 128 + 64, one dense MLP of 10,944, then 64 experts of
1408, 6 for each token, and two shared ones, vocabulary 102,400. 135m: 30 layers, width 576, MLP 1536, 9/3 heads,
vocabulary 49,152, tied. BF16 weights are normal. tiny, for tests: 2 layers, width 256, MLP 512, 4/2 heads, vocabulary 512; wide,
for tests: 1 layer, width 1024, MLP 8192, 8/2 heads, vocabulary 512. Blocks are random bytes
with scales that make the weights about 1/sqrt(width) large and zero on average. Formats of 256 values a block fall back to
Q8_0 where a row is no multiple of 256. Q4_K_M is llama.cpp's mixture: Q6_K for the output matrix and for v and down of half of the layers, Q4_K for the
rest; rows that are no multiple of 256 become Q8_0 and Q5_0."""

import functools
import math
import random
import struct
import sys

SHAPES = {
    "tiny": dict(layers=2, width=256, mlp=512, heads=4, kv_heads=2, vocabulary=512, tied=False),
    "wide": dict(layers=1, width=1024, mlp=8192, heads=8, kv_heads=2, vocabulary=512, tied=False),
    "1b": dict(layers=16, width=2048, mlp=8192, heads=32, kv_heads=8, vocabulary=32000, tied=False),
    "3b": dict(layers=28, width=3072, mlp=8192, heads=24, kv_heads=8, vocabulary=32000, tied=False),
    "moe": dict(layers=16, width=1024, mlp=1024, heads=16, kv_heads=4, vocabulary=32000, tied=False, experts=64, used=4),
    "135m": dict(layers=30, width=576, mlp=1536, heads=9, kv_heads=3, vocabulary=49152, tied=True),
    "1b-short": dict(layers=2, width=2048, mlp=8192, heads=32, kv_heads=8, vocabulary=32000, tied=False, context=131072),
    "moe2048": dict(layers=3, width=2048, mlp=1408, heads=16, kv_heads=4, vocabulary=32000, tied=False, experts=64, used=8),
    "mla": dict(layers=3, width=2048, mlp=1408, heads=16, kv_heads=16, vocabulary=102400, tied=False, experts=64, used=6, shared=2, dense=1,
                dense_mlp=10944, kv_rank=512, q_rank=1536, nope=128, rope=64, value=128),
}
# id, values a block, bytes a block, [(byte offset of a binary16 scale, its multiple of d)], the size of weights over d
TYPES = {
    "F32": (0, 1, 4, (), 0), "F16": (1, 1, 2, (), 0), "BF16": (30, 1, 2, (), 0),
    "Q4_0": (2, 32, 18, ((0, 1),), 4.6), "Q4_1": (3, 32, 20, ((0, 1), (2, -7.5)), 4.6),
    "Q5_0": (6, 32, 22, ((0, 1),), 9.2), "Q5_1": (7, 32, 24, ((0, 1), (2, -15.5)), 9.2), "Q8_0": (8, 32, 34, ((0, 1),), 74),
    "Q4_K": (12, 256, 144, ((0, 1), (2, 7.5)), 258), "Q5_K": (13, 256, 176, ((0, 1), (2, 15.5)), 520),
    "Q6_K": (14, 256, 210, ((208, 1),), 1370), "IQ4_NL": (20, 32, 18, ((0, 1),), 69),
    "IQ4_XS": (23, 256, 136, ((0, 1),), 1270), "Q2_K": (10, 256, 84, ((80, 1), (82, 1.5)), 14), "Q3_K": (11, 256, 110, ((108, 1),), 42),
    "IQ3_S": (21, 256, 110, ((0, 1),), 170), "IQ2_XS": (17, 256, 74, ((0, 1),), 63),
}
FILE_TYPE = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q4_K": 15, "Q5_K": 17, "Q6_K": 18, "IQ4_NL": 25, "Q2_K": 10, "Q3_K": 12, "IQ2_XS": 20, "IQ3_S": 26, "IQ4_XS": 30, "BF16": 32, "Q4_K_M": 15}


def text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def pair(key, kind, value):
    codes = {"u32": (4, "<I"), "f32": (6, "<f"), "bool": (7, "<?")}
    if kind == "string":
        return text(key) + struct.pack("<I", 8) + text(value)
    code, form = codes[kind]
    return text(key) + struct.pack("<I", code) + struct.pack(form, value)


def array(key, code, count, raw):
    return text(key) + struct.pack("<IIQ", 9, code, count) + raw


def plain_values(draw, kind, count, size):
    """Values between size/2 and 2*size with both signs: random bits below a few exponents."""
    width = TYPES[kind][2]
    raw = bytearray(draw.randbytes(count * width))
    form = "<e" if kind == "F16" else "<f"
    low, high = struct.pack(form, size / 2)[-2:], struct.pack(form, size * 2)[-2:]
    first, last = (int.from_bytes(x, "little") >> 7 for x in (low, high))  # sign, exponent and, in binary16, mantissa bits
    tops = [(sign | top) << 7 >> 8 for sign in (0, 256) for top in range(first, last)]
    raw[width - 1::width] = bytes(raw[width - 1::width]).translate(bytes(tops[b % len(tops)] for b in range(256)))
    return bytes(raw)


POOL = 1 << 19


@functools.lru_cache(1)
def normal_pool():
    """Normal values in bf16, of deviation 1: how trained weights are spread, which is what --lossless lives on."""
    draw = random.Random(2)
    words = struct.unpack("<%dI" % POOL, struct.pack("<%df" % POOL, *(draw.gauss(0, 1) for _ in range(POOL))))
    return words


@functools.lru_cache(4)
def normal_bytes(scale):
    """The pool times a power of two."""
    return b"".join(struct.pack("<H", 0 if word << 1 >> 24 & 255 <= -scale else (word + 0x8000 >> 16) + (scale << 7)) for word in normal_pool())


def normal_values(draw, count, size):
    pool = normal_bytes(round(math.log2(size)))
    raw = bytearray()
    while len(raw) < 2 * count:
        at = 2 * draw.randrange(POOL // 2)
        raw += pool[at:at + 2 * count - len(raw)]
    return bytes(raw)


def tensor_bytes(draw, kind, rows, cols):
    _, block, size, scales, steps = TYPES[kind]
    if kind == "BF16":
        return normal_values(draw, rows * cols, cols ** -0.5)
    if not scales:
        return plain_values(draw, kind, rows * cols, cols ** -0.5)
    blocks = rows * cols // block
    raw = bytearray(draw.randbytes(blocks * size))
    for place, multiple in scales:
        low, high = struct.pack("<e", multiple * cols ** -0.5 / steps)
        raw[place::size] = bytes([low]) * blocks
        raw[place + 1::size] = bytes([high]) * blocks
    return bytes(raw)


def mlp_tensors(shape, layer):
    width, mlp, experts = shape["width"], shape["mlp"], shape.get("experts", 0)
    if layer < shape.get("dense", 0):
        mlp, experts = shape["dense_mlp"], 0
    shared = shape.get("shared", 0) * mlp
    if experts != 0 and shared != 0:
        return (*mlp_tensors({**shape, "shared": 0, "dense": 0}, layer), ("ffn_gate_shexp", shared, width), ("ffn_up_shexp", shared, width),
                ("ffn_down_shexp", width, shared))
    if experts == 0:
        return ("ffn_gate", mlp, width), ("ffn_up", mlp, width), ("ffn_down", width, mlp)
    return ("ffn_gate_inp", experts, width), ("ffn_gate_exps", experts * mlp, width), ("ffn_up_exps", experts * mlp, width), (
        "ffn_down_exps", experts * width, mlp)


def attention_tensors(shape):
    width, heads = shape["width"], shape["heads"]
    kv = width // heads * shape["kv_heads"]
    if "kv_rank" not in shape:
        return ("attn_q", width, width), ("attn_k", kv, width), ("attn_v", kv, width), ("attn_output", width, width)
    rank, nope, rope, value = shape["kv_rank"], shape["nope"], shape["rope"], shape["value"]
    return (("attn_q_a", shape["q_rank"], width), ("attn_q_a_norm", 0, shape["q_rank"]), ("attn_q_b", heads * (nope + rope), shape["q_rank"]),
            ("attn_kv_a_mqa", rank + rope, width), ("attn_kv_a_norm", 0, rank),
            ("attn_kv_b", heads * (nope + value), rank), ("attn_output", width, heads * value))


def more_metadata(shape):
    """Keys of experts and of latent attention, without the architecture."""
    keys = []
    if "experts" in shape:
        keys += [("expert_count", "u32", shape["experts"]), ("expert_used_count", "u32", shape["used"])]
    if "kv_rank" in shape:
        keys += [("attention.kv_lora_rank", "u32", shape["kv_rank"]), ("attention.q_lora_rank", "u32", shape["q_rank"]), ("attention.key_length", "u32", shape["nope"] + shape["rope"]),
                 ("attention.value_length", "u32", shape["value"]), ("expert_shared_count", "u32", shape["shared"]),
                 ("expert_feed_forward_length", "u32", shape["mlp"]), ("leading_dense_block_count", "u32", shape["dense"]),
                 ("expert_weights_scale", "f32", 1.0), ("expert_weights_norm", "bool", False), ("expert_gating_func", "u32", 1)]
    return keys


def format_of(wanted, name, rows, cols, shape):
    """Of a tensor; rows 0: a vector."""
    if rows == 0 or "gate_inp" in name:
        return "F32"
    kind = wanted
    if wanted == "Q4_K_M":
        kind, layers = "Q4_K", shape["layers"]
        layer = int(name.split(".")[1]) if name.startswith("blk.") else 0
        more = layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2
        is_output = name == "output.weight" or (name == "token_embd.weight" and shape["tied"])
        if is_output or (more and ("attn_v." in name or "ffn_down" in name)):
            kind = "Q6_K"
        if cols % 256:
            kind = {"Q4_K": "Q5_0", "Q6_K": "Q8_0"}[kind]
    return "Q8_0" if cols % TYPES[kind][1] else kind


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in SHAPES or sys.argv[2] not in (*TYPES, "Q4_K_M"):
        sys.exit(__doc__)
    shape, wanted, path = SHAPES[sys.argv[1]], sys.argv[2], sys.argv[3]
    width, vocabulary = shape["width"], shape["vocabulary"]
    latent = "kv_rank" in shape
    architecture = "deepseek2" if latent else "llama"
    rotated = shape["rope"] if latent else width // shape["heads"]
    tensors = [("token_embd.weight", vocabulary, width), ("output_norm.weight", 0, width)]
    if not shape["tied"]:
        tensors.append(("output.weight", vocabulary, width))
    for layer in range(shape["layers"]):
        tensors += [(f"blk.{layer}.{name}.weight", rows, cols) for name, rows, cols in (
            ("attn_norm", 0, width), *attention_tensors(shape), ("ffn_norm", 0, width), *mlp_tensors(shape, layer))]
    pieces = [b"<unk>", b"<s>", b"</s>"] + [b"<0x%02X>" % i for i in range(256)]
    pieces += [b"\xe2\x96\x81w%d" % i for i in range(vocabulary - len(pieces))]
    kinds = [2, 3, 3] + [6] * 256 + [1] * (vocabulary - 259)
    metadata = [
        pair("general.architecture", "string", architecture), pair("general.name", "string", f"synthetic {sys.argv[1]} {wanted}"),
        pair("general.file_type", "u32", FILE_TYPE[wanted]), pair(f"{architecture}.block_count", "u32", shape["layers"]),
        pair(f"{architecture}.context_length", "u32", shape.get("context", 8192)), pair(f"{architecture}.embedding_length", "u32", width),
        pair(f"{architecture}.feed_forward_length", "u32", shape.get("dense_mlp", shape["mlp"])), pair(f"{architecture}.attention.head_count", "u32", shape["heads"]),
        pair(f"{architecture}.attention.head_count_kv", "u32", shape["kv_heads"]), pair(f"{architecture}.rope.freq_base", "f32", 10000.0),
        pair(f"{architecture}.rope.dimension_count", "u32", rotated), pair(f"{architecture}.vocab_size", "u32", vocabulary),
        pair(f"{architecture}.attention.layer_norm_rms_epsilon", "f32", 1e-5), pair("tokenizer.ggml.model", "string", "llama"),
        array("tokenizer.ggml.tokens", 8, vocabulary, b"".join(struct.pack("<Q", len(p)) + p for p in pieces)),
        array("tokenizer.ggml.scores", 6, vocabulary, struct.pack("<%df" % vocabulary, *range(0, -vocabulary, -1))),
        array("tokenizer.ggml.token_type", 5, vocabulary, struct.pack("<%di" % vocabulary, *kinds)),
        pair("tokenizer.ggml.bos_token_id", "u32", 1), pair("tokenizer.ggml.eos_token_id", "u32", 2),
    ]
    metadata += [pair(f"{architecture}.{key}", kind, value) for key, kind, value in more_metadata(shape)]
    header, offset, plan = b"", 0, []
    for name, rows, cols in tensors:
        kind = format_of(wanted, name, rows, cols, shape)
        identity, block, size = TYPES[kind][:3]
        shape_bytes = struct.pack("<IQ", 1, cols) if rows == 0 else struct.pack("<IQQ", 2, cols, rows)
        if "_exps" in name:
            shape_bytes = struct.pack("<IQQQ", 3, cols, rows // shape["experts"], shape["experts"])
        header += text(name) + shape_bytes + struct.pack("<IQ", identity, offset)
        length = max(rows, 1) * cols // block * size
        plan.append((kind, rows, cols, length))
        offset += (length + 31) // 32 * 32
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)) + b"".join(metadata) + header
    draw = random.Random(1)
    with open(path, "wb") as out:
        out.write(head + b"\0" * (-len(head) % 32))
        for kind, rows, cols, length in plan:
            data = struct.pack("<%df" % cols, *[1.0] * cols) if rows == 0 else tensor_bytes(draw, kind, rows, cols)
            assert len(data) == length
            out.write(data + b"\0" * (-length % 32))


if __name__ == "__main__":
    main()
