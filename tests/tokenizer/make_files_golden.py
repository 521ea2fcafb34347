#!/usr/bin/env python3
"""Writes tests/tokenizer/golden/: small tokenizer files of every kind that is no tokenizer.json of BPE, and files.json with
what their own packages (sentencepiece, tiktoken, mistral-common, Hugging Face tokenizers) make of some texts.

The vocabularies are learnt here from a few lines. make_files_golden.py FIXTURES, with the packages of tests/requirements.txt.
"""
import base64
import json
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_hf  # noqa: E402
import references  # noqa: E402
import vocabularies  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "golden")
LEARN = ["The hearth is warm, the hearth's fire isn't; we'll see 12 or 123 of them.", "Das Ende der Straße: 2024, «où», été.",
         "ein zwei drei vier fünf sechs sieben acht", "Привет мир, как дела?", "日本語のテキスト 中文字符", "a_b(c) == d->e; // f",
         "Whoever lights the hearth in the morning keeps it through the night.", "warm warmer warmest; cold colder coldest"]
TEXTS = ["", " ", "Hello world", "The hearth's  fire", "we'll WE'LL it's 12345 1 22", "  leading", "trailing  ", "a\n\nb \r\n c\t ",
         "été e\u0301te\u0301 \u1e9b\u0323 \ufb01 \ufb01\u0301 \u212b", "Straße 中文 日本", "<s>hi</s> <sep>x y<sep> xx<word>yy <word> zz", "<unk> <ctl>",
         "\u2581under\u2581 \u2581", "👩‍👩‍👧‍👦🏳️‍🌈👍", "क़ हिन्दी", "1\u00b22\u0663 \u0be7", "!?.,;:'\"<>«»$+", "\u0085\u00a0\u3000x\u200b \u180e", "a\x01b\x7f", "x" * 60,
         "ab " * 40 + "   ", "warmhearth" * 9, "\uac01\u1100\u1161\u11a8", "zzz\u2603\u2603zz\u2603 \u2603", "T\u0301 \uff21\uff22", "the the  the", "\n", "x \n\n  "]
# A few rules of normalisation, so that the character map stays small: source and target as hexadecimal code points.
RULES = {"fb01": "66 69", "fb01 301": "66 69 301", "e9": "65 301", "a0": "20", "3000": "20", "9": "20", "a": "20", "d": "20",
         "1": "", "7f": "", "ff21": "41", "ff22": "42", "54": "74", "57": "77", "212b": "c5", "2026": "2e 2e 2e"}


def models(folder):
    text, rules = os.path.join(folder, "text"), os.path.join(folder, "rules.tsv")
    with open(text, "w", encoding="utf-8") as f:
        f.write("\n".join(LEARN * 6) + "\n")
    with open(rules, "w", encoding="utf-8") as f:
        f.write("".join("%s\t%s\n" % (a.upper(), b.upper()) for a, b in RULES.items()))
    symbols = {"user_defined_symbols": ["<sep>", "<word>", "the ", "wa", "zz"], "control_symbols": ["<ctl>"]}
    rows = {
        "unigram": {"vocab_size": 200, "normalization_rule_tsv": rules},
        "unigram-bytes": {"vocab_size": 460, "byte_fallback": True, "normalization_rule_tsv": rules, "remove_extra_whitespaces": False, **symbols},
        "unigram-suffix": {"vocab_size": 160, "normalization_rule_name": "identity", "treat_whitespace_as_suffix": True},
        "unigram-bare": {"vocab_size": 160, "normalization_rule_name": "identity", "add_dummy_prefix": False, "remove_extra_whitespaces": False},
        "bpe": {"model_type": "bpe", "vocab_size": 260, "normalization_rule_tsv": rules, **symbols},
        "bpe-bytes": {"model_type": "bpe", "vocab_size": 460, "byte_fallback": True, "normalization_rule_name": "identity",
                      "remove_extra_whitespaces": False},
    }
    for name, options in rows.items():
        with open(references.train(os.path.join(folder, name), text, self_test_sample_size=0, **options), "rb") as f:
            content = f.read()
        # The trainer notes the paths it was given; ids do not hang on them.
        from sentencepiece import sentencepiece_model_pb2
        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString(content)
        del proto.trainer_spec.input[:]
        proto.trainer_spec.model_prefix = name
        proto.normalizer_spec.normalization_rule_tsv = ""
        path = os.path.join(GOLDEN, name + ".model")
        with open(path, "wb") as f:
            f.write(proto.SerializeToString())
        yield name, path


def cases(reference, texts, decode=None):
    out = []
    for text in texts:
        case = {"text": text, "plain": list(reference.ids("plain", [text])[0])}
        if "special" in reference.modes:
            case["special"] = list(reference.ids("special", [text])[0])
        shown = decode(case["plain"]) if decode else None
        if shown is not None:
            case["decoded"] = shown
        out.append(case)
    return out


def learn_ranks():
    """tiktoken's ranks: the 256 bytes, then merges in the order that they were learnt."""
    from tokenizers import Tokenizer, models as m, pre_tokenizers, trainers
    t = Tokenizer(m.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(LEARN * 6, trainers.BpeTrainer(vocab_size=420, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
                                                        show_progress=False))
    back = {c: b for b, c in vocabularies.ALPHABET.items()}
    merges = json.loads(t.to_str())["model"]["merges"]
    tokens = [bytes([b]) for b in range(256)] + [bytes(back[c] for c in "".join(pair)) for pair in merges]
    ranks = {}
    for token in tokens:
        ranks.setdefault(token, len(ranks))
    return ranks


def tiktoken_rows(texts):
    import tiktoken
    from tiktoken_ext import openai_public
    ranks = learn_ranks()
    with open(os.path.join(GOLDEN, "small.tiktoken"), "wb") as f:
        f.write(b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items()))
    openai_public.load_tiktoken_bpe = lambda url, expected_hash=None: ranks
    known = {name: openai_public.ENCODING_CONSTRUCTORS[name]() for name in
             ("cl100k_base", "o200k_base", "o200k_harmony", "p50k_base", "p50k_edit", "r50k_base")}
    known["llama3"] = {"pat_str": vocabularies.LLAMA3, "special_tokens": {"<|begin_of_text|>": 128000, "<|eot_id|>": 128009,
                                                                        "<|reserved_special_token_3|>": 128011}}
    known["qwen"] = {"pat_str": vocabularies.QWEN2,
                     "special_tokens": {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645, "<|extra_0|>": 151646}}
    more = ["<|endoftext|>a<|fim_prefix|>b<|endofprompt|><|return|>", "<|im_start|>x<|im_end|><|extra_0|>", "<|eot_id|>h<|reserved_special_token_3|>"]
    for name, spec in known.items():
        spec = {**spec, "name": name, "mergeable_ranks": ranks}
        spec.pop("explicit_n_vocab", None)
        reference = references.Tiktoken(tiktoken.Encoding(**spec))
        use = [t for t in texts if name != "qwen" or all(ord(c) < 0x300 for c in t)]  # Qwen's own code brings texts to NFC first
        decode = (lambda ids, e=reference.encoding: e.decode(ids)) if name != "qwen" else None
        yield {"name": "tiktoken " + name, "file": "small.tiktoken", "encoding": name, "cases": cases(reference, use + more, decode)}


def tekken_row(texts, listed):
    ranks = learn_ranks()
    special = [{"rank": i, "token_str": s, "is_control": True} for i, s in enumerate(["<unk>", "<s>", "</s>", "[INST]", "[/INST]"])]
    name = "tekken.json" if listed else "tekken-old.json"
    whole = {"config": {"pattern": vocabularies.LLAMA3.replace("{1,3}", "") if listed else vocabularies.O200K, "num_vocab_tokens": len(ranks),
                        "default_vocab_size": len(ranks) - 20 + (30 if listed else 25), "default_num_special_tokens": 30 if listed else 25,
                        "version": "v3"},
             "vocab": [{"rank": r, "token_bytes": base64.b64encode(t).decode(), "token_str": None} for t, r in ranks.items()]}
    if listed:
        whole["special_tokens"] = special
    with open(os.path.join(GOLDEN, name), "w", encoding="utf-8") as f:
        json.dump(whole, f, separators=(",", ":"))
    reference = references.Tekken(os.path.join(GOLDEN, name))
    return {"name": name, "file": name, "cases": cases(reference, texts, lambda ids: reference.tekken.decode(ids))}


def fixture_rows(fixtures, texts):
    """Published files, by their place in the fixtures."""
    def file(*parts):
        return os.path.join(fixtures, "tokenizers", *parts)
    spm = [("sentencepiece", "test_model.model"), ("mistral-spm", "mistral_instruct_tokenizer_240323.model.v3")]
    ranks = [("tiktoken", "cl100k_base"), ("tiktoken-more", "o200k_base"), ("tiktoken-more", "p50k_base"), ("tiktoken-more", "r50k_base")]
    for parts in spm:
        reference = references.SentencePiece(file(*parts))
        yield {"name": parts[1], "fixture": "tokenizers/" + "/".join(parts), "cases": cases(reference, texts)}
    for folder, name in ranks:
        path = file(folder, name + ".tiktoken")
        yield {"name": name, "fixture": "tokenizers/%s/%s.tiktoken" % (folder, name), "cases": cases(references.openai(name, path), texts)}


def main():
    rng = random.Random(11)
    texts = TEXTS + [compare_hf.random_text(rng) for _ in range(12)]
    rows = []
    os.makedirs(GOLDEN, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, path in models(folder):
            reference = references.SentencePiece(path)
            unknown = reference.processor.unk_id()
            checked = cases(reference, texts, lambda ids: None if unknown in ids else reference.processor.decode(ids))
            rows.append({"name": name, "file": name + ".model", "cases": checked})
            if name in ("unigram", "unigram-bytes"):
                t = references.unigram_json(path)
                rows.append({"name": name + ", tokenizer.json", "tokenizer": json.loads(t.to_str()), "cases": cases(references.HuggingFace(t), texts)})
            if name == "unigram-bytes":
                references.unigram_gguf(path, os.path.join(GOLDEN, name + ".gguf"))
                rows.append({"name": name + ", GGUF", "file": name + ".gguf", "cases": checked})
    from tokenizers import normalizers
    t = references.unigram_json(os.path.join(GOLDEN, "unigram.model"))
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(" ", "\u2581")])
    rows.append({"name": "unigram, nmt and nfkc, tokenizer.json", "tokenizer": json.loads(t.to_str()), "cases": cases(references.HuggingFace(t), texts)})
    rows += tiktoken_rows(texts)
    rows += [tekken_row(texts, True), tekken_row(texts, False)]
    rows += fixture_rows(sys.argv[1], texts)
    with open(os.path.join(GOLDEN, "files.json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows) + "\n]\n")


main()
