#!/usr/bin/env python3
"""Tiny random encoders with their goldens, made by transformers and sentence-transformers; as GGUF, by llama.cpp's converter.

    make_encoders.py LLAMA_CPP [NAME...]    LLAMA_CPP: a checkout with convert_hf_to_gguf.py, or - for folders alone
    make_encoders.py minilm FOLDER          golden/minilm.json from all-MiniLM-L6-v2 (scripts/fetch-embedding-model)

Output: tests/model/golden/encoders/NAME/ (folder and golden.json) and NAME.gguf beside it. golden.json has hidden states of
token ids, and for the one with a tokenizer, vectors of texts by sentence-transformers. Weights fit bf16 exactly, so that
both containers hold the same numbers. Everything is seeded."""

import json
import pathlib
import shutil
import string
import sys

import sentence_transformers
import tokenizers
import torch
import transformers
from sentence_transformers import SentenceTransformer
from transformers import AutoConfig, AutoModel

HERE = pathlib.Path(__file__).resolve().parent / "golden" / "encoders"
VERSIONS = {"transformers": transformers.__version__, "torch": torch.__version__,
            "sentence-transformers": sentence_transformers.__version__}
LENGTHS = (100, 7, 65)
BASE = dict(vocab_size=72, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
            attn_implementation="eager")
# name: (model type, settings, GGUF too?)
ROWS = {
    "bert": ("bert", dict(max_position_embeddings=128), True),
    "roberta": ("roberta", dict(max_position_embeddings=130, pad_token_id=1, type_vocab_size=1, hidden_act="gelu"), True),
    "xlm-roberta": ("xlm-roberta", dict(max_position_embeddings=130, pad_token_id=1, bos_token_id=0, eos_token_id=2, type_vocab_size=1,
                                        hidden_act="gelu"), False),
    "qwen3-embedding": ("qwen3", dict(max_position_embeddings=128, num_key_value_heads=2, head_dim=8, tie_word_embeddings=True,
                                      pad_token_id=1, bos_token_id=None, eos_token_id=2), False),
    "e5-mistral": ("mistral", dict(max_position_embeddings=128, num_key_value_heads=2, head_dim=8, sliding_window=None,
                                   pad_token_id=1, bos_token_id=0, eos_token_id=2), False),
    "nomic-bert": ("nomic_bert", dict(max_position_embeddings=8192), True),
}
UNIGRAM = {"xlm-roberta": (("<s>",), "cls"), "qwen3-embedding": ((), "lasttoken"), "e5-mistral": (("<s>",), "lasttoken")}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", "the", "cat", "sleeps", "##ing", "dog", "query", "hello", "\u732b", ":"]
VOCABULARY = (WORDS + list(string.ascii_lowercase) + ["##" + c for c in string.ascii_lowercase] + ["##\u00df", "\u03b1", "##\u03b2", "2"])[:72]
TEXTS = ["The cat sleeps.", "A dog, sleeping", "", "H\u00e9llo \u732b!", "zebra " * 40, "[MASK] dog", "caf\u00e9\u0301 x\u0000y\ttab", "hello"]
PROMPTS = {"query": "query: ", "none": ""}


def fill(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            r = torch.randn(p.shape, generator=generator)
            low = name.lower()
            if ("norm" in low or "emb_ln" in low) and name.endswith("weight"):
                p.copy_((1 + 0.2 * r).bfloat16().float())
            elif p.dim() <= 1:
                p.copy_((0.3 * r).bfloat16().float())
            elif "embeddings" in name:
                p.copy_(r.bfloat16().float())
            else:
                p.copy_((1.3 * r / p.shape[-1] ** 0.5).bfloat16().float())


def six(values):
    return [float(f"{v:.6g}") for v in values]


def published_nomic(folder):
    """The keys that the published files of Nomic BERT have; llama.cpp's converter wants them."""
    path = folder / "config.json"
    config = {"architectures": ["NomicBertModel"], "model_type": "nomic_bert", "vocab_size": BASE["vocab_size"], "n_embd": BASE["hidden_size"],
              "n_inner": BASE["intermediate_size"], "n_layer": BASE["num_hidden_layers"], "n_head": BASE["num_attention_heads"],
              "n_positions": 8192, "max_trained_positions": 2048, "activation_function": "swiglu", "causal": False, "prenorm": False,
              "qkv_proj_bias": False, "mlp_fc1_bias": False, "mlp_fc2_bias": False, "layer_norm_epsilon": 1e-12, "rotary_emb_base": 1000,
              "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False, "rotary_emb_scale_base": None, "type_vocab_size": 2}
    path.write_text(json.dumps(config, indent=2) + "\n")


def add_tokenizer(folder):
    """A WordPiece tokenizer, vocab.txt beside it, and sentence-transformers' files: mean, normed, at most 24 tokens."""
    from tokenizers import decoders, models, normalizers, pre_tokenizers, processors
    t = tokenizers.Tokenizer(models.WordPiece({w: i for i, w in enumerate(VOCABULARY)}, unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer, t.pre_tokenizer, t.decoder = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    t.add_special_tokens(WORDS[:5])
    t.save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").write_text("".join(w + "\n" for w in VOCABULARY), encoding="utf-8")

    def write(name, value):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(value, indent=2) + "\n")
    special = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"}
    write("tokenizer_config.json", {**special, "tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 128})
    write("modules.json", [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                           {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                           {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])
    write("1_Pooling/config.json", {"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
                                    "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False})
    write("sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": False})
    write("config_sentence_transformers.json", {"prompts": PROMPTS, "default_prompt_name": None})


def write_json(folder, name, value):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def add_unigram(folder, before=("<s>",), pooling="cls"):
    """Unigram as XLM-RoBERTa's tokenizer.json has it (its character map but for NFKC, which the map is made of), the ids shifted
    behind <s>, <pad>, </s> and <unk>; first token's state, normed, as BGE-M3."""
    from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors
    words = ["\u2581", "\u2581the", "\u2581cat", "\u2581sleep", "s", "ing", "\u2581dog", "query", "\u2581h", "ello", ".", ",", ":", "\u732b", "\u00e9"]
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(w, -2.0 - 0.13 * i) for i, w in enumerate(words)]
    pieces += [(c, -6.0 - 0.11 * i) for i, c in enumerate(string.ascii_lowercase + string.ascii_uppercase + "0") if c != "s"]
    pieces += [("<mask>", 0.0)]
    t = tokenizers.Tokenizer(models.Unigram(pieces, unk_id=3))
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace("\u2581", "always")])
    t.decoder = decoders.Metaspace("\u2581", "always")
    t.post_processor = processors.TemplateProcessing(single=[*before, "$A", "</s>"], special_tokens=[("<s>", 0), ("</s>", 2)])
    t.add_special_tokens([AddedToken(w, normalized=False) for w in ("<s>", "<pad>", "</s>", "<unk>")] + [AddedToken("<mask>", lstrip=True, normalized=False)])
    assert t.get_vocab_size() == len(pieces) == 72
    t.save(str(folder / "tokenizer.json"))
    write_json(folder, "tokenizer_config.json", {
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>",
        "mask_token": "<mask>", "tokenizer_class": "XLMRobertaTokenizer" if pooling == "cls" else "PreTrainedTokenizerFast",
        "model_max_length": 128})
    write_json(folder, "modules.json", [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                                        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                                        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])
    write_json(folder, "1_Pooling/config.json", {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": False, **{
        "pooling_mode_%s" % mode: mode.startswith(pooling) for mode in ("cls_token", "lasttoken")}})
    write_json(folder, "sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": False})
    write_json(folder, "config_sentence_transformers.json", {"prompts": PROMPTS, "default_prompt_name": None})


def vectors(folder, own="mean"):
    """By sentence-transformers, for each pooling, normed or not, with a prompt, and cut to 16 dimensions."""
    from sentence_transformers import models
    out = []
    whole = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    for pooling in ("mean", "cls", "lasttoken"):
        for normalize in (False, True):
            st = SentenceTransformer(modules=[whole[0], models.Pooling(32, pooling_mode=pooling)] + ([models.Normalize()] if normalize else []),
                                     device="cpu", prompts=PROMPTS)
            for prompt in (None, "query"):
                rows = st.encode(TEXTS, prompt_name=prompt)
                out.append({"pooling": pooling.replace("lasttoken", "last"), "normalize": normalize, "prompt": PROMPTS.get(prompt), "dimensions": 32,
                            "vectors": [six(r) for r in rows.tolist()]})
    rows = whole.encode(TEXTS, truncate_dim=16, normalize_embeddings=True)
    out.append({"pooling": own.replace("token", ""), "normalize": True, "prompt": None, "dimensions": 16, "vectors": [six(r) for r in rows.tolist()]})
    return {"texts": TEXTS, "ids": [whole.tokenizer(t)["input_ids"] for t in TEXTS], "made": out}


def to_gguf(converter, folder, path, has_tokenizer):
    sys.path.insert(0, str(converter))
    sys.path.insert(0, str(pathlib.Path(converter) / "gguf-py"))
    import conversion
    import gguf
    hparams = conversion.ModelBase.load_hparams(folder, False)
    kind = conversion.get_model_class(conversion.get_model_architecture(hparams, conversion.ModelType.TEXT))

    class Converted(kind):
        model_arch = kind.model_arch

        def get_vocab_base_pre(self, tokenizer):
            return "bert-bge"

        def set_vocab(self):
            if has_tokenizer:
                return super().set_vocab()
            self.gguf_writer.add_vocab_size(self.hparams["vocab_size"])
            self.gguf_writer.add_token_type_count(self.hparams.get("type_vocab_size", 1))

    with torch.inference_mode():
        made = Converted(folder, gguf.LlamaFileType.MOSTLY_BF16, path, eager=True, use_temp_file=False,
                         hparams=json.loads((folder / "config.json").read_text()))
        made.write()


def make(converter, number, name):
    kind, row, as_gguf = ROWS[name]
    config = AutoConfig.for_model(kind, **{**BASE, **row})
    model = AutoModel.from_config(config, dtype=torch.float32).eval()
    fill(model, 100 + number)
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = []
    for length in LENGTHS:
        ids = torch.randint(5, 72, (length,), generator=torch.Generator().manual_seed(number + length)).tolist()
        with torch.no_grad():
            hidden = model(torch.tensor([ids])).last_hidden_state[0].float()
        at = sorted({0, 1, length // 2, min(64, length - 1), length - 1})
        rows.append({"ids": ids, "positions": at, "hidden": [six(hidden[p].tolist()) for p in at]})
    golden = {"made_with": VERSIONS, "rows": rows}
    model.to(torch.bfloat16).save_pretrained(folder)
    if name == "nomic-bert":
        published_nomic(folder)
    if name == "bert":
        model.to(torch.float32)
        add_tokenizer(folder)
        golden["texts"] = vectors(folder)
    if name in UNIGRAM:
        model.to(torch.float32)
        add_unigram(folder, *UNIGRAM[name])
        golden["texts"] = vectors(folder, UNIGRAM[name][1])
    if name == "qwen3-embedding":  # the published files name the class with a head, beside tensors without its prefix
        path = folder / "config.json"
        path.write_text(path.read_text().replace("Qwen3Model", "Qwen3ForCausalLM"))
    (folder / "golden.json").write_text(json.dumps(golden, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")
    path = HERE / f"{name}.gguf"
    path.unlink(missing_ok=True)
    if as_gguf and converter != "-":
        stub = folder / "tokenizer.json"  # the converters look what it is
        had = stub.exists()
        if not had:
            stub.write_text(json.dumps({"model": {"type": "WordPiece", "vocab": {}}, "added_tokens": []}))
        try:
            to_gguf(converter, folder, path, had)
        finally:
            if not had:
                stub.unlink()
    print(f"{name}: {sum(f.stat().st_size for f in folder.rglob('*') if f.is_file())} bytes{', GGUF' if path.exists() else ''}", flush=True)


def minilm(folder):
    texts = ["A cat sleeps on the sofa.", "Eine Katze schläft auf dem Sofa.", "The stock market fell sharply on Monday.", "",
             "int main(void) { return 0; }", "\u732b\u304c\u5bdd\u3066\u3044\u308b", "retrieval " * 400, "Caf\u00e9, na\u00efve \u2014 \u00bd \U0001f600"]
    rows = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.float32}).encode(texts)
    golden = {"made_with": VERSIONS, "texts": texts, "vectors": [[float(f"{v:.7g}") for v in r] for r in rows.tolist()]}
    (HERE.parent / "minilm.json").write_text(json.dumps(golden, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] == "minilm":
        minilm(sys.argv[2])
        return
    for number, name in enumerate(ROWS):
        if len(sys.argv) == 2 or name in sys.argv[2:]:
            make(sys.argv[1], number, name)


main()
