#!/usr/bin/env python3
"""Writes tests/tokenizer/golden.json: tokenizers and what Hugging Face `tokenizers` makes of some texts with them.

Tiny tokenizers, learnt here from a few lines, one for every kind of step that tokenizer.json may hold, and the fixtures'
own by path. make_golden.py FIXTURES > golden.json
"""
import json
import os
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers as N, pre_tokenizers as P, processors, trainers

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_hf  # noqa: E402
import vocabularies  # noqa: E402

LEARN = ["The hearth is warm, the hearth's fire isn't; we'll see 12 or 123 of them.", "Das Ende der Straße: 2024, «où», été.",
         "ein zwei drei  vier   fünf\n\n\tsechs", "Привет мир, как дела?", "日本語のテキスト 中文字符", "हिन्दी में", "a_b(c) == d->e; // f"] * 4
TEXTS = ["", " ", "Hello world", "The hearth's  fire", "we'll WE'LL it's 12345 1 22", "  leading", "trailing  ", "a\n\nb \r\n c\t",
         "été e\u0301te\u0301 \u1e9b\u0323 \ufb01 \u212b", "Straße 中文 日本", "<s>hi</s> <mask>x y<mask> xx<word>yy <word> zz", "\u2581under\u2581 \u2581",
         "👩‍👩‍👧‍👦🏳️‍🌈", "क़ हिन्दी", "1\u00b22\u0663 \u0be7", "!?.,;:'\"<>«»$+", "İI\u0130 ǅ", "\u0085\u00a0\u3000x\u200b \u180e", "\x00\x01", "x" * 60, "\uae4c\u11a7\u11a8\u09fe\u0c3c\u0301"]


def learn(pre_tokenizer=None, normalizer=None, decoder=None, alphabet=(), post=None, model=None, added=(), size=330):
    t = Tokenizer(models.BPE(**(model or {})))
    if normalizer:
        t.normalizer = normalizer
    if pre_tokenizer:
        t.pre_tokenizer = pre_tokenizer
    special = ["<unk>"] if model and model.get("unk_token") else []
    if model and model.get("byte_fallback"):
        special += ["<0x%02X>" % b for b in range(256)]
        size += 256
    t.train_from_iterator(LEARN, trainers.BpeTrainer(vocab_size=size, initial_alphabet=list(alphabet), special_tokens=special, show_progress=False))
    if special:  # trained as special so that they get ids; byte tokens are none
        state = json.loads(t.to_str())
        state["added_tokens"] = [a for a in state["added_tokens"] if a["content"] == "<unk>"]
        t = Tokenizer.from_str(json.dumps(state))
    t.decoder = decoder or decoders.ByteLevel()
    t.add_special_tokens([AddedToken("<s>", normalized=False), AddedToken("</s>", normalized=False)])
    t.add_tokens(list(added))
    if post:
        t.post_processor = post(t)
    return t


def template(t):
    return processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", t.token_to_id("<s>")), ("</s>", t.token_to_id("</s>"))])])


def roberta(t):
    return processors.RobertaProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")))


def metaspace(scheme, split=True):
    return P.Metaspace("\u2581", scheme, split), decoders.Metaspace("\u2581", scheme, split)


def tiny():
    letters = P.ByteLevel.alphabet()

    def level(**more):
        return P.ByteLevel(**{"add_prefix_space": False, "use_regex": True, **more})

    spm = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    added = [AddedToken("<mask>", lstrip=True, rstrip=True, normalized=False), AddedToken("<word>", single_word=True, normalized=True)]
    yield "byte level", learn(level(), alphabet=letters, added=added)
    yield "prefix space, template", learn(level(add_prefix_space=True), alphabet=letters, post=template)
    yield "nfc, roberta", learn(level(), N.NFC(), alphabet=letters, post=roberta)
    yield "nfkc lower", learn(level(), N.Sequence([N.NFKC(), N.Lowercase(), N.Strip()]), alphabet=letters, added=added)
    yield "nfd strip accents", learn(level(), N.Sequence([N.NFD(), N.StripAccents()]), alphabet=letters)
    yield "nfkd replace", learn(level(), N.Sequence([N.NFKD(), N.Replace(Regex(r"\s+"), " "), N.Replace("é", "e")]), alphabet=letters)
    yield "digits", learn(P.Sequence([P.Digits(True), level()]), alphabet=letters)
    yield "digit runs after bytes", learn(P.Sequence([P.Punctuation("contiguous"), level(), P.Digits(False), P.Split(Regex("[0-9][0-9][0-9]"), "isolated")]), alphabet=letters)
    for behavior in ("isolated", "removed", "merged_with_previous", "merged_with_next", "contiguous"):
        yield "split " + behavior, learn(P.Sequence([P.Split(Regex(r"\p{Lu}|\s"), behavior), level(use_regex=False)]), alphabet=letters)
        yield "split string " + behavior, learn(P.Sequence([P.Split(" ", behavior), P.Punctuation(behavior), level(use_regex=False)]), alphabet=letters)
    yield "split inverted", learn(P.Sequence([P.Split(Regex(r"\w+|$|^x"), "removed", True), level(use_regex=False)]), alphabet=letters)
    for name, pattern in (("llama 3", vocabularies.LLAMA3), ("qwen 2", vocabularies.QWEN2), ("o200k", vocabularies.O200K)):
        steps = P.Sequence([P.Split(Regex(pattern), "isolated"), level(use_regex=False)])
        yield name, learn(steps, alphabet=letters)
    yield "whitespace", learn(P.Whitespace(), decoder=decoders.Fuse(), model={"unk_token": "<unk>"})
    yield "whitespace split, fused", learn(P.WhitespaceSplit(), decoder=decoders.Fuse(), model={"unk_token": "<unk>", "fuse_unk": True})
    yield "bert", learn(P.BertPreTokenizer(), decoder=decoders.Fuse())
    yield "delimiter", learn(P.CharDelimiterSplit("e"), decoder=decoders.Fuse())
    for scheme in ("always", "first", "never"):
        pre, decoder = metaspace(scheme)
        yield "metaspace " + scheme, learn(pre, decoder=decoder, model={"unk_token": "<unk>"})
    pre, decoder = metaspace("first", False)
    yield "metaspace whole", learn(pre, decoder=decoder, model={"unk_token": "<unk>", "fuse_unk": True})
    yield "llama 2", learn(None, N.Sequence([N.Prepend("\u2581"), N.Replace(" ", "\u2581")]), spm,
                           model={"unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True})
    yield "ignore merges", ignoring(learn(level(), alphabet=letters))


def ignoring(t):
    """Without its last merges, so that some tokens can only be found whole."""
    state = json.loads(t.to_str())
    state["model"]["ignore_merges"] = True
    state["model"]["merges"] = state["model"]["merges"][:20]
    return Tokenizer.from_str(json.dumps(state))


def cases(t, texts):
    out = []
    for text in texts:
        t.encode_special_tokens = True
        plain = t.encode(text, add_special_tokens=False).ids
        t.encode_special_tokens = False
        special = t.encode(text, add_special_tokens=False).ids
        whole = t.encode(text, add_special_tokens=True).ids
        case = {"text": text, "plain": plain, "special": special, "whole": whole}
        shown = t.decode(whole, skip_special_tokens=True)
        # A special token that is matched after normalisation is not recognised by the library's own skip_special_tokens.
        confused = any(a.special and a.normalized for a in t.get_added_tokens_decoder().values()) and t.normalizer is not None
        if "\ufffd" not in shown and not confused:
            case["decoded"] = shown
            case["decoded_special"] = t.decode(whole, skip_special_tokens=False)
        out.append(case)
    return out


def main():
    fixtures = sys.argv[1]
    rng = random.Random(7)
    rows = []
    for name, t in tiny():
        texts = TEXTS + [compare_hf.random_text(rng) for _ in range(5)]
        t.encode_special_tokens = False
        rows.append({"name": name, "tokenizer": json.loads(t.to_str()), "cases": cases(t, texts)})
    for path in ("tokenizers/gpt2-hf/gpt2_tokenizer.json", "tokenizers/neox/20B_tokenizer.json",
                 "tokenizers/neox/allenai_gpt-neox-olmo-dolma-v1_5.json", "tokenizers/olmo2/allenai_dolma2.json",
                 "tinystories-656k/tokenizer.json"):
        t = Tokenizer.from_file(os.path.join(fixtures, path))
        rows.append({"name": path, "file": path, "cases": cases(t, TEXTS + [compare_hf.random_text(rng) for _ in range(16)])})
    print("[")
    for i, row in enumerate(rows):
        print(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + ("," if i + 1 < len(rows) else ""))
    print("]")


main()
