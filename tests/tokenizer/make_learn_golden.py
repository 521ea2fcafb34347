#!/usr/bin/env python3
"""make_learn_golden.py LEARN_TOOL: writes golden/learn.json, what Hugging Face's trainer learns from small texts, and the ids that it
then gives; and golden/learn_unigram.json: the likelihood of the texts in the unigram models of Hugging Face's and SentencePiece's
trainers, and the ids that Hugging Face's library gives with the file that LEARN_TOOL (build/tests/tokenizer/learn_tool) learns.

Needs the Python packages tokenizers (0.23.3 was used) and sentencepiece (0.2.3). The steps of each pre-tokenizer are built by the library's own classes."""
import collections
import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile

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


# ---- unigram ----

FIXTURE = os.path.join(os.environ.get("HEARTH_FIXTURES", "../shared/fixtures"), "tokenizers", "bpe-training", "corpus.en")
UNIGRAM = [([SONG], 320, ["<|endoftext|>"]), ([SONG, MIXED], 400, ["<s>", "é—", "a b"]), (None, 1000, ["<|endoftext|>"])]  # None: the fixture


def likelihood(scores, words, size):
    """Of the words, all cuttings added up, a byte; the scores made to be probabilities that add up to one."""
    mass = math.log(sum(map(math.exp, scores.values())))
    total = 0.0
    for word, count in words.items():
        ways = [0.0]
        for end in range(1, len(word) + 1):
            here = [ways[at] + scores[word[at:end]] - mass for at in range(max(0, end - 16), end) if word[at:end] in scores]
            most = max(here)
            ways.append(most + math.log(sum(math.exp(x - most) for x in here)))
        total += count * ways[-1]
    return total / size


def huggingface(documents, vocabulary, special):
    t = Tokenizer(models.Unigram())
    t.pre_tokenizer = bytes_of()
    t.train_from_iterator(documents, trainers.UnigramTrainer(vocab_size=vocabulary, special_tokens=special, show_progress=False,
                                                             initial_alphabet=pre.ByteLevel.alphabet()))
    return {text: score for text, score in json.loads(t.to_str())["model"]["vocab"] if text not in special}


def sentencepiece(words, vocabulary, special, folder):
    """Trained on the same words: they are its pre-tokens."""
    import sentencepiece as spm
    text, prefix = os.path.join(folder, "text"), os.path.join(folder, "model")
    flat = [w for w, n in words.items() for _ in range(n)]
    with open(text, "w", encoding="utf-8") as f:
        f.writelines("\t".join(flat[at:at + 200]) + "\n" for at in range(0, len(flat), 200))
    spm.SentencePieceTrainer.train(
        input=text, model_prefix=prefix, vocab_size=vocabulary - len(special) + 1, pretokenization_delimiter="\t", minloglevel=2, bos_id=-1, eos_id=-1,
        normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False, split_by_whitespace=False,
        split_by_unicode_script=False, split_by_number=False, character_coverage=1.0, max_sentence_length=1000000, hard_vocab_limit=False,
        required_chars="".join(pre.ByteLevel.alphabet()))
    m = spm.SentencePieceProcessor(model_file=prefix + ".model")
    return {m.id_to_piece(i): m.get_score(i) for i in range(m.get_piece_size()) if not m.is_unknown(i)}


def learned_here(tool, documents, vocabulary, special, folder):
    text, out = os.path.join(folder, "documents"), os.path.join(folder, "out.json")
    with open(text, "wb") as f:
        f.write(b"\x1e".join(d.encode() for d in documents))
    subprocess.run([tool, str(vocabulary), "gpt-2", "2", "unigram", "0", out, *special, "--", text], check=True, stdout=subprocess.DEVNULL)
    with open(out, encoding="utf-8", newline="") as f:
        return f.read()


def unigram(tool):
    rows = []
    for documents, vocabulary, special in UNIGRAM:
        texts = documents
        if documents is None:
            with open(FIXTURE, encoding="utf-8", newline="") as f:
                texts = [f.read()]
        words = collections.Counter(w for d in texts for w, _ in bytes_of().pre_tokenize_str(d))
        size = sum(len(d.encode()) for d in texts)
        with tempfile.TemporaryDirectory() as folder:
            mine = learned_here(tool, texts, vocabulary, special, folder)
            theirs = huggingface(texts, vocabulary, special)
            other = sentencepiece(words, vocabulary, special, folder)
        t = Tokenizer.from_str(mine)
        t.encode_special_tokens = True
        here = {text: score for text, score in json.loads(mine)["model"]["vocab"] if text not in special}
        rows.append({"vocabulary": vocabulary, "special": special, "documents": documents,
                     "huggingface": {"pieces": len(theirs), "likelihood": likelihood(theirs, words, size)},
                     "sentencepiece": {"pieces": len(other), "likelihood": likelihood(other, words, size)},
                     "sha256": hashlib.sha256(mine.encode()).hexdigest(), "likelihood": likelihood(here, words, size),
                     "encoded": [{"text": s, "ids": t.encode(s, add_special_tokens=False).ids} for s in (SONG, MIXED, "aaaaa ab")]})
        print(vocabulary, rows[-1]["likelihood"], rows[-1]["huggingface"], rows[-1]["sentencepiece"])
    with open(os.path.join(HERE, "golden", "learn_unigram.json"), "w", encoding="utf-8") as out:
        json.dump(rows, out, ensure_ascii=False, separators=(",", ":"))
        out.write("\n")


main()
unigram(sys.argv[1])
