"""Small models for test_hostile_models.py: a GGUF file and folders, made whole, then changed in one place."""

import json
import os
import random
import struct

SOURCE = os.environ.get("HEARTH_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOLDEN = os.path.join(SOURCE, "tests", "model", "golden")
U32, I32, F32, BOOL, STRING, ARRAY, U64, F64 = 4, 5, 6, 7, 8, 9, 10, 12
PLAIN = {0: "<B", 1: "<b", 2: "<H", 3: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<B", U64: "<Q", 11: "<q", F64: "<d"}
FLOAT, Q8_0, Q4_0, Q4_K, Q6_K, MXFP4 = 0, 8, 2, 12, 14, 39
BLOCK = {FLOAT: (1, 4), Q4_0: (32, 18), Q8_0: (32, 34), Q4_K: (256, 144), Q6_K: (256, 210), MXFP4: (32, 17)}


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(value)) + value


def packed(kind, value):
    if kind == STRING:
        return text(value)
    if kind == ARRAY:
        inner, items = value
        return struct.pack("<IQ", inner, len(items)) + b"".join(packed(inner, item) for item in items)
    return struct.pack(PLAIN[kind], value)


def floats(count, seed=1, size=0.2):
    chance = random.Random(seed)
    return struct.pack(f"<{count}f", *(chance.uniform(-size, size) for _ in range(count)))


class Gguf:
    """A Llama of one layer with a vocabulary of bytes. `keys` is name: (type, value), `tensors` name: [type, ne, data, None]; the
    last is an offset that takes the place of the right one."""

    def __init__(self, width=32, heads=2, ffn=64, kind=FLOAT):
        self.version, self.ends, self.counts = 3, b"", (None, None)
        pieces = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), "\u2581", "a", "aa"]
        types = [2, 3, 3] + [6] * 256 + [1] * 3
        self.vocabulary = len(pieces)
        self.keys = {
            "general.architecture": (STRING, "llama"), "llama.block_count": (U32, 1), "llama.embedding_length": (U32, width),
            "llama.feed_forward_length": (U32, ffn), "llama.attention.head_count": (U32, heads), "llama.context_length": (U32, 64),
            "llama.attention.layer_norm_rms_epsilon": (F32, 1e-5), "tokenizer.ggml.model": (STRING, "llama"),
            "tokenizer.ggml.tokens": (ARRAY, (STRING, pieces)), "tokenizer.ggml.scores": (ARRAY, (F32, [0.0] * len(pieces))),
            "tokenizer.ggml.token_type": (ARRAY, (I32, types))}
        self.tensors = {}
        for name, ne in {"token_embd": (width, self.vocabulary), "output": (width, self.vocabulary), "blk.0.attn_q": (width, width),
                         "blk.0.attn_k": (width, width), "blk.0.attn_v": (width, width), "blk.0.attn_output": (width, width),
                         "blk.0.ffn_gate": (width, ffn), "blk.0.ffn_up": (width, ffn), "blk.0.ffn_down": (ffn, width)}.items():
            self.put(name + ".weight", kind, ne)
        for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
            self.tensors[name + ".weight"] = [FLOAT, (width,), struct.pack("<f", 1.0) * width, None]

    def put(self, name, kind, ne):
        count = 1
        for n in ne:
            count *= n
        values, size = BLOCK[kind]
        if kind == FLOAT:
            data = floats(count, len(self.tensors))
        else:
            chance = random.Random(len(self.tensors))
            data = b"".join(struct.pack("<e", 0.01) + chance.randbytes(size - 2) for _ in range(count // values))
        self.tensors[name] = [kind, ne, data, None]

    def key(self, name, kind, value):
        self.keys[name] = (kind, value)
        return self

    def write(self, path):
        alignment = 32
        table, data = b"", b""
        for name, (kind, ne, content, offset) in self.tensors.items():
            data += bytes(-len(data) % alignment)
            table += text(name) + struct.pack(f"<I{len(ne)}QIQ", len(ne), *ne, kind, len(data) if offset is None else offset)
            data += content
        keys = b"".join(text(name) + struct.pack("<I", kind) + packed(kind, value) for name, (kind, value) in self.keys.items())
        counts = (len(self.tensors), len(self.keys))
        counts = [own if own is not None else real for own, real in zip(self.counts, counts)]
        head = b"GGUF" + struct.pack("<IQQ", self.version, *counts) + keys + table
        with open(path, "wb") as out:
            out.write(head + bytes(-len(head) % alignment) + data + self.ends)


def byte_level(model):
    """The same model with GPT-2's kind of vocabulary."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = [b for b in range(256) if b not in kept]
    tokens = ["<s>", *(chr(b) for b in kept), *(chr(256 + i) for i in range(len(moved))), "aa", "aaa", "b1", "b2", "b3"]
    for name in ("scores", "token_type"):
        del model.keys["tokenizer.ggml." + name]
    model.key("tokenizer.ggml.model", STRING, "gpt2").key("tokenizer.ggml.pre", STRING, "gpt-2")
    model.key("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)).key("tokenizer.ggml.bos_token_id", U32, 0)
    return model.key("tokenizer.ggml.eos_token_id", U32, 0).key("tokenizer.ggml.merges", ARRAY, (STRING, ["a a", "aa a"]))


def tokenizer_json(vocabulary=64):
    words = ["<unk>", "<s>", "</s>", *(chr(0x61 + i) for i in range(26)), *(chr(0x41 + i) for i in range(26))]
    words += [str(i) for i in range(vocabulary - len(words))]
    return {"model": {"type": "BPE", "vocab": {word: i for i, word in enumerate(words[:vocabulary])}, "merges": [], "unk_token": "<unk>"},
            "decoder": {"type": "Fuse"}, "added_tokens": []}


class Folder:
    """A folder of tests/model/golden. `tensors` is name: [dtype, shape, data]; `files` is name: a text or JSON."""

    def __init__(self, name):
        folder = os.path.join(GOLDEN, name)
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            self.config = json.load(file)
        with open(os.path.join(folder, "model.safetensors"), "rb") as file:
            content = file.read()
        length = struct.unpack("<Q", content[:8])[0]
        self.tensors, data = {}, content[8 + length:]
        for key, entry in json.loads(content[8:8 + length]).items():
            if key != "__metadata__":
                begin, end = entry["data_offsets"]
                self.tensors[key] = [entry["dtype"], entry["shape"], data[begin:end]]
        self.files = {"tokenizer.json": tokenizer_json(self.config["vocab_size"])}

    def named(self, part):
        """The name of the first tensor with this in it."""
        return next(name for name in self.tensors if part in name)

    def reshape(self, part, shape, fill=None):
        """Zeros, or `fill` again and again, in another shape."""
        entry = self.tensors[self.named(part)]
        old = 1
        for n in entry[1]:
            old *= n
        each, count = len(entry[2]) // old, 1
        for n in shape:
            count *= n
        entry[1], entry[2] = list(shape), (fill or bytes(each)) * count
        return self

    def write(self, path):
        os.makedirs(path)
        header, data = {}, b""
        for name, (kind, shape, content) in self.tensors.items():
            header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
            data += content
        head = json.dumps(header).encode()
        with open(os.path.join(path, "model.safetensors"), "wb") as out:
            out.write(struct.pack("<Q", len(head)) + head + data)
        for name, content in {"config.json": self.config, **self.files}.items():
            with open(os.path.join(path, name), "w", encoding="utf-8") as out:
                out.write(content if isinstance(content, str) else json.dumps(content))
