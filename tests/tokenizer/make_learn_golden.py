#!/usr/bin/env python3
"""Writes golden/learn.json: what Hugging Face's trainer learns from small texts, and the ids that it then gives.

Needs the Python package tokenizers (0.23.3 was used). The steps of each pre-tokenizer are built by the library's own classes."""
import hashlib
import json
import os

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers as pre, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
SONG = ("There was an old woman who lived in a shoe; she had so many children, she didn't know what to do.\n"
        "She gave them some broth without any bread, and kissed them all soundly and put them to bed.\n\n"
        "  In 1805, 1806 and 1807 there were 12345 of them!\r\n\tThey're there; they've been there; they'll be there.\n")
MIXED = ("Größe, Straße, Füße: süß.\nČesky se říká „příliš žluťoučký kůň“.\n今日は良い天気です。今日は寒いです。\n"
         "Съешь же ещё этих мягких французских булок. ещё ещё\nהמים הם מים\nไปไหนมา ไปไหน\n👍👍👍 👨‍👩‍👧 e\u0301te\u0301 \u212b\n")


def bytes_of(regex=True):
    return pre.ByteLevel(add_prefix_space=False, use_regex=regex)


def split(pattern):
    return pre.Sequence([pre.Split(Regex(pattern), "isolated"), bytes_of(False)])


CASES = [  # name, its steps, normaliser, ignore_merges, documents, vocabulary, special tokens, least frequency
    ("gpt-2", bytes_of(), None, False, [SONG], 330, ["<|endoftext|>"], 0),
    ("gpt-2", bytes_of(), None, False, [SONG, MIXED], 400, [], 2),
    ("gpt-2", bytes_of(), None, False, ["aaaa aaaaaaa abababab bababa " * 3 + "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"], 280, ["<s>", "<s>", "a", "aa", "a b"], 0),
    ("gpt-2", bytes_of(), None, False, [""], 260, ["<|endoftext|>"], 0),
    ("llama-bpe", split(LLAMA3), None, True, [SONG, MIXED], 360, ["<|begin_of_text|>", "<|end_of_text|>"], 0),
    ("qwen2", split(QWEN2), normalizers.NFC(), False, [MIXED, SONG], 360, ["<|endoftext|>"], 0),
    ("smollm", pre.Sequence([pre.Digits(individual_digits=True), bytes_of()]), None, False, [SONG], 300, ["<|endoftext|>", "\"\\\n\t\x01"], 0),
    ("falcon", pre.Sequence([pre.Punctuation("contiguous"), bytes_of(), pre.Digits(individual_digits=False), pre.Split(Regex("[0-9][0-9][0-9]"), "isolated")]),
     None, False, [SONG, MIXED], 340, [">>TITLE<<"], 0),
]


def main():
    rows = []
    for name, steps, normalizer, ignore, documents, vocabulary, special, least in CASES:
        t = Tokenizer(models.BPE(ignore_merges=True) if ignore else models.BPE())
        t.pre_tokenizer, t.decoder = steps, decoders.ByteLevel()
        if normalizer:
            t.normalizer = normalizer
        t.train_from_iterator(documents, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=special, min_frequency=least,
                                                             initial_alphabet=pre.ByteLevel.alphabet(), show_progress=False))
        text = t.to_str(pretty=True)
        t.encode_special_tokens = True
        ids = [{"text": s, "ids": t.encode(s, add_special_tokens=False).ids} for s in (SONG, MIXED, "aaaaa ab")]
        rows.append({"pretokenizer": name, "vocabulary": vocabulary, "special": special, "min_frequency": least, "documents": documents,
                     "sha256": hashlib.sha256(text.encode()).hexdigest(), "bytes": len(text.encode()),
                     "merges": [" ".join(m) for m in json.loads(text)["model"]["merges"]], "encoded": ids})
        if name == "smollm":
            rows[-1]["file"] = text
    with open(os.path.join(HERE, "golden", "learn.json"), "w", encoding="utf-8") as out:
        json.dump(rows, out, ensure_ascii=False, separators=(",", ":"))
        out.write("\n")


main()
