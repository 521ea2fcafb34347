#!/usr/bin/env python3
"""What llama.cpp's converter makes of folders whose GGUF files are not kept under tests/model/golden: quantised ones, and
vocabularies of other kinds than BPE.

    make_convert_golden.py LLAMA_CPP    a checkout with convert_hf_to_gguf.py

Output: golden/NAME.json with each key of the file (arrays as their length and the SHA-256 of their elements, each followed by a
newline; numbers as %.9g) and each tensor's format, shape and SHA-256; golden/vocabularies/NAME/ the folders of the vocabularies,
which are made here with the tokenizers package."""

import base64
import hashlib
import json
import pathlib
import shutil
import sys
import tempfile

import tokenizers
import torch
from sentencepiece import sentencepiece_model_pb2 as spm
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).resolve().parent / "golden"
ROOT = HERE.parents[1]
FAMILIES = ROOT / "model" / "golden" / "families"
MODELS = ROOT / "tokenizer" / "golden"
sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[1] + "/gguf-py")
import conversion  # noqa: E402
import gguf  # noqa: E402

GROUPS = {"group_0": {"weights": {"strategy": "channel", "type": "float", "num_bits": 8}}}
STORED = {
    "gpt-oss-mxfp4": {},
    "llama-fp8-blocks": {},
    "llama-fp8-rows": {"quantization_config": {"quant_method": "compressed-tensors", "format": "float-quantized", "config_groups": GROUPS}},
    "llama-gptq": {},
    "llama-gptq-ordered": {},
}


def text_of(value):
    if isinstance(value, bytes):
        return value
    return (f"{value:.9g}" if isinstance(value, float) else str(value)).encode()


def describe(value):
    if isinstance(value, (list, tuple, bytes)):
        digest = hashlib.sha256(b"".join(text_of(v) + b"\n" for v in value)).hexdigest()
        return {"count": len(value), "sha256": digest}
    return value


def keys_of(writer):
    return {key: describe(value.value) for part in writer.kv_data for key, value in part.items()}


def class_of(folder):
    hparams = conversion.ModelBase.load_hparams(folder, False)
    return conversion.get_model_class(conversion.get_model_architecture(hparams, conversion.ModelType.TEXT))


def write(name, value):
    (HERE / f"{name}.json").write_text(json.dumps({"made_with": "llama.cpp's converter", **value}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{name}: {len(value['keys'])} keys, {len(value.get('tensors', {}))} tensors", flush=True)


def stored(name, override):
    kind = class_of(FAMILIES / name)

    class WithoutVocabulary(kind):
        model_arch = kind.model_arch

        def set_vocab(self):
            self.gguf_writer.add_vocab_size(self.hparams["vocab_size"])

    with tempfile.TemporaryDirectory() as scratch, torch.inference_mode():
        folder = pathlib.Path(scratch) / name
        shutil.copytree(FAMILIES / name, folder)
        config = {**json.loads((folder / "config.json").read_text()), **override}
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE", "vocab": {}, "merges": []}, "added_tokens": []}))
        path = folder / "out.gguf"
        WithoutVocabulary(folder, gguf.LlamaFileType.MOSTLY_BF16, path, eager=True, use_temp_file=False, hparams=config).write()
        reader = gguf.GGUFReader(path)
        keys = {f.name: describe(f.contents()) for f in reader.fields.values() if not f.name.startswith("GGUF.")}
        tensors = {t.name: [t.tensor_type.name, [int(n) for n in reversed(t.shape)], hashlib.sha256(t.data.tobytes()).hexdigest()] for t in reader.tensors}
    write(name, {"keys": keys, "tensors": tensors})


# ---- vocabularies ----

CONFIG = dict(hidden_size=32, num_attention_heads=4, num_hidden_layers=1, intermediate_size=48, max_position_embeddings=130)


def put(folder, name, value):
    (folder / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def make_spm(folder):
    """Llama 2's way: tokenizer.model and tokenizer_config.json."""
    shutil.copy(MODELS / "bpe-bytes.model", folder / "tokenizer.model")
    model = spm.ModelProto()
    model.ParseFromString((folder / "tokenizer.model").read_bytes())
    pieces = len(model.pieces)
    decoder = {str(i): {"content": model.pieces[i].piece, "special": True} for i in range(3)}
    decoder[str(pieces)] = {"content": "<pad>", "special": False}
    decoder[str(pieces + 1)] = {"content": "\u2581tool\u2581call", "special": False}
    put(folder, "tokenizer_config.json", {"add_bos_token": True, "add_eos_token": False, "bos_token": model.pieces[1].piece, "eos_token": model.pieces[2].piece,
                                          "unk_token": model.pieces[0].piece, "pad_token": "<pad>", "tokenizer_class": "LlamaTokenizer", "added_tokens_decoder": decoder})
    put(folder, "config.json", {**CONFIG, "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": pieces + 5,
                                "bos_token_id": 1, "eos_token_id": 2})


def make_unigram(folder):
    """XLM-RoBERTa's way: Unigram in tokenizer.json, with SentencePiece's map of characters."""
    model = spm.ModelProto()
    model.ParseFromString((MODELS / "unigram.model").read_bytes())
    first = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [(p, 0.0) for p in first] + [(p.piece, p.score) for p in model.pieces if p.type == 1 and p.piece not in first] + [("<mask>", 0.0)]
    charsmap = model.normalizer_spec.precompiled_charsmap
    t = tokenizers.Tokenizer(models.Unigram(pieces, unk_id=3))
    t.normalizer = normalizers.Precompiled(charsmap) if charsmap else None
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    t.decoder = decoders.Metaspace(prepend_scheme="always")
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    t.add_special_tokens(first + ["<mask>"])
    t.save(str(folder / "tokenizer.json"))
    value = json.loads((folder / "tokenizer.json").read_text())
    if value["normalizer"] is None:  # the converter asks for the map
        value["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()}
    put(folder, "tokenizer.json", value)
    put(folder, "tokenizer_config.json", {"bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>", "unk_token": "<unk>", "pad_token": "<pad>",
                                          "mask_token": "<mask>", "tokenizer_class": "XLMRobertaTokenizer", "clean_up_tokenization_spaces": True})
    put(folder, "config.json", {**CONFIG, "architectures": ["XLMRobertaModel"], "model_type": "xlm-roberta", "vocab_size": len(pieces), "pad_token_id": 1,
                                "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1, "layer_norm_eps": 1e-5})


def make_roberta(folder):
    """Byte-level BPE with <s> and </s> around a text."""
    t = tokenizers.Tokenizer(models.BPE())
    t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    text = "the cat sleeps and the dog is sleeping; another cat and another dog were there then. " * 4
    t.train_from_iterator([text], trainers.BpeTrainer(vocab_size=320, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
                                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    t.save(str(folder / "tokenizer.json"))
    put(folder, "tokenizer_config.json", {"bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>", "unk_token": "<unk>", "pad_token": "<pad>",
                                          "mask_token": "<mask>", "tokenizer_class": "RobertaTokenizer"})
    put(folder, "config.json", {**CONFIG, "architectures": ["RobertaModel"], "model_type": "roberta", "vocab_size": t.get_vocab_size(), "pad_token_id": 1,
                                "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1, "layer_norm_eps": 1e-5})


def vocabulary(name, make):
    folder = HERE / "vocabularies" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make(folder)
    kind = class_of(folder)

    class Named(kind):
        model_arch = kind.model_arch

        def get_vocab_base_pre(self, tokenizer):
            return "gpt-2"

        def index_tensors(self, *args, **kwargs):
            return {}

    made = Named(folder, gguf.LlamaFileType.MOSTLY_BF16, folder / "none.gguf", eager=True, use_temp_file=False,
                 hparams=json.loads((folder / "config.json").read_text()))
    made.set_vocab()
    write(f"vocabulary-{name}", {"keys": keys_of(made.gguf_writer)})


def main():
    for name, override in STORED.items():
        stored(name, override)
    for name, make in (("spm", make_spm), ("unigram", make_unigram), ("roberta", make_roberta)):
        vocabulary(name, make)


main()
