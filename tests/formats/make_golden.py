#!/usr/bin/env python3
"""Makes golden/: small GGUF files and safetensors written by other people's software (the Python packages gguf and safetensors)
and what those packages read back from them, as JSON. The tests compare hearth's readers with that; they need no Python.

    pip install gguf safetensors numpy ; tests/formats/make_golden.py

types.gguf has every metadata type, nested arrays, odd strings, and a tensor of every number format that hearth reads;
split-0000N-of-00003.gguf is a split set; sharded/ is a Hugging Face folder in two shards with an index."""

import hashlib
import json
import os
import shutil

import gguf
import numpy as np
from safetensors.numpy import save_file

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
RANDOM = np.random.default_rng(20261123)
FORMATS = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL",
           "IQ4_XS", "MXFP4", "NVFP4", "Q2_K", "Q3_K", "Q8_K", "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S",
           "TQ1_0", "TQ2_0", "Q1_0"]


def add_metadata(writer):
    writer.add_uint8("test.u8", 200)
    writer.add_int8("test.i8", -100)
    writer.add_uint16("test.u16", 60000)
    writer.add_int16("test.i16", -30000)
    writer.add_uint32("test.u32", 4000000000)
    writer.add_int32("test.i32", -2000000000)
    writer.add_float32("test.f32", 0.1)
    writer.add_bool("test.true", True)
    writer.add_bool("test.false", False)
    writer.add_string("test.string", "héllo\nwörld \U0001f525")
    writer.add_uint64("test.u64", 18446744073709551615)
    writer.add_int64("test.i64", -9223372036854775808)
    writer.add_float64("test.f64", 3.141592653589793)
    writer.add_array("test.array.i32", [1, -2, 2147483647])
    writer.add_array("test.array.f32", [0.5, -1.25, 1e-05])
    writer.add_array("test.array.bool", [True, False, True])
    writer.add_array("test.array.string", ["a", "Ġ the", "", "日本語"] + [f"token{i}" for i in range(50)])
    writer.add_array("test.array.nested", [[1, 2], [3], [4, 5, 6]])


def add_tensors(writer):
    for name in FORMATS:
        kind = gguf.GGMLQuantizationType[name]
        block, size = gguf.GGML_QUANT_SIZES[kind]
        columns = block * 2 if block > 1 else 5
        rows = 3
        data = RANDOM.integers(0, 256, (rows, columns // block * size), dtype=np.uint8)
        # data.shape is in bytes for the formats that numpy has no type for; the writer turns it back into values.
        if name == "F32":
            data = data.view(np.float32)
            writer.add_tensor(f"tensor.{name}", data)
        elif name == "F16":
            data = data.view(np.float16)
            writer.add_tensor(f"tensor.{name}", data)
        else:
            writer.add_tensor(f"tensor.{name}", data, raw_dtype=kind)
    writer.add_tensor("tensor.four", RANDOM.random((2, 3, 4, 5), dtype=np.float32))
    writer.add_tensor("tensor.one", RANDOM.random(7, dtype=np.float32))


def describe(paths):
    """What the gguf package's own reader finds."""
    values, tensors = {}, {}
    for number, path in enumerate(paths):
        reader = gguf.GGUFReader(path)
        for key, field in reader.fields.items():
            if number == 0 and not key.startswith("GGUF."):
                names = [kind.name for kind in field.types]
                value = field.contents()
                values[key] = {"types": names, "value": value}
        for tensor in reader.tensors:
            shape = [int(n) for n in tensor.shape]
            tensors[tensor.name] = {
                "type": tensor.tensor_type.name,
                "shape": shape[::-1],
                "size": int(tensor.n_bytes),
                "offset": int(tensor.data_offset),
                "part": number,
                "sha256": hashlib.sha256(tensor.data.tobytes()).hexdigest(),
            }
    return {"metadata": values, "tensors": tensors}


def make_types():
    path = os.path.join(HERE, "types.gguf")
    writer = gguf.GGUFWriter(path, "test")
    add_metadata(writer)
    add_tensors(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return describe([path])


def make_aligned():
    path = os.path.join(HERE, "aligned.gguf")
    writer = gguf.GGUFWriter(path, "test")
    writer.add_custom_alignment(128)
    writer.add_tensor("b", RANDOM.random(3, dtype=np.float32))
    writer.add_tensor("a", RANDOM.random(5, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return describe([path])


def make_split():
    writer = gguf.GGUFWriter(os.path.join(HERE, "split.gguf"), "test", split_max_tensors=2)
    writer.add_string("general.name", "a split set")
    for i in range(5):
        writer.add_tensor(f"tensor.{i}", RANDOM.random((2, 4 + i), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return describe([os.path.join(HERE, f"split-0000{i}-of-00003.gguf") for i in (1, 2, 3)])


def make_sharded():
    folder = os.path.join(HERE, "sharded")
    os.makedirs(folder)
    tensors = {
        "model.a": RANDOM.random((3, 5), dtype=np.float32),
        "model.b": RANDOM.random((4, 2)).astype(np.float16),
        "model.c": RANDOM.random(9, dtype=np.float32),
    }
    shards = {"model-00001-of-00002.safetensors": ["model.a", "model.c"], "model-00002-of-00002.safetensors": ["model.b"]}
    weight_map = {}
    for shard, names in shards.items():
        save_file({name: tensors[name] for name in names}, os.path.join(folder, shard), metadata={"format": "np"})
        weight_map.update((name, shard) for name in names)
    files = {
        "model.safetensors.index.json": {"metadata": {"total_size": 112}, "weight_map": weight_map},
        "config.json": {"model_type": "llama", "hidden_size": 5},
        "tokenizer_config.json": {
            "model_max_length": 1000000000000000019884624838656,
            "chat_template": [
                {"name": "tool_use", "template": "tools"},
                {"name": "default", "template": "{{ messages }}"},
            ],
        },
    }
    for name, content in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
            json.dump(content, out, indent=1)
    return {
        name: {
            "type": {"float32": "F32", "float16": "F16"}[str(value.dtype)],
            "shape": list(value.shape),
            "size": value.nbytes,
            "sha256": hashlib.sha256(value.tobytes()).hexdigest(),
        }
        for name, value in tensors.items()
    }


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    os.makedirs(HERE)
    golden = {"types": make_types(), "aligned": make_aligned(), "split": make_split(), "sharded": make_sharded()}
    golden["made_with"] = f"gguf {__import__('importlib.metadata').metadata.version('gguf')}"
    with open(os.path.join(HERE, "golden.json"), "w", encoding="utf-8") as out:
        json.dump(golden, out, indent=1, ensure_ascii=False)
        out.write("\n")


if __name__ == "__main__":
    main()
