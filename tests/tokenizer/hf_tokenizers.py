"""Hugging Face tokenizers built from the fixtures' vocabularies, to compare with. Needs `tokenizers` and `gguf`."""
import base64
import json
import os

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_alphabet():
    own = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table = {b: chr(b) for b in own}
    for n, b in enumerate(b for b in range(256) if b not in table):
        table[b] = chr(256 + n)
    return table


ALPHABET = byte_alphabet()


def text_of(token):
    return "".join(ALPHABET[b] for b in token)


def read_ranks(path):
    with open(path, "rb") as f:
        return {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in f if line.strip()}


def merges_of_ranks(ranks):
    """A tiktoken vocabulary has no list of merges: a token's two parts are what its bytes merge into just before it."""
    out = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        parts = [bytes([b]) for b in token]
        while len(parts) > 2:
            best = min(range(len(parts) - 1), key=lambda i: ranks.get(parts[i] + parts[i + 1], 1 << 30))
            if ranks.get(parts[best] + parts[best + 1], 1 << 30) >= rank:
                break
            parts[best:best + 2] = [parts[best] + parts[best + 1]]
        if len(parts) == 2:
            out.append((text_of(parts[0]), text_of(parts[1])))
    return out


def byte_level(vocabulary, merges, pre_tokenizer, special, ignore_merges=False, normalizer=None):
    t = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=ignore_merges))
    t.pre_tokenizer = pre_tokenizer
    t.decoder = decoders.ByteLevel()
    if normalizer is not None:
        t.normalizer = normalizer
    t.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in special])
    return t


def split(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def llama3(fixtures):
    folder = os.path.join(fixtures, "tokenizers", "llama3.2")
    with open(os.path.join(folder, "encoder.json"), encoding="utf-8") as f:
        vocabulary = json.load(f)
    with open(os.path.join(folder, "vocab.bpe"), encoding="utf-8") as f:
        merges = [tuple(line.split(" ")) for line in f.read().split("\n") if line and not line.startswith("#version")]
    return byte_level(vocabulary, merges, split(LLAMA3),
                      ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"], ignore_merges=True)


def qwen2(path):
    ranks = read_ranks(path)
    return byte_level({text_of(k): v for k, v in ranks.items()}, merges_of_ranks(ranks), split(QWEN2),
                      ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], normalizer=normalizers.NFC())


def o200k(fixtures):
    ranks = read_ranks(os.path.join(fixtures, "tokenizers", "tiktoken-more", "o200k_base.tiktoken"))
    return byte_level({text_of(k): v for k, v in ranks.items()}, merges_of_ranks(ranks), split(O200K),
                      ["<|endoftext|>"])


def read_gguf(path):
    from gguf import GGUFReader
    fields = GGUFReader(path).fields

    def strings(key):
        return [bytes(fields[key].parts[i]).decode() for i in fields[key].data] if key in fields else []

    scores = fields["tokenizer.ggml.scores"].contents() if "tokenizer.ggml.scores" in fields else None
    return (strings("tokenizer.ggml.tokens"), [int(x) for x in fields["tokenizer.ggml.token_type"].contents()],
            strings("tokenizer.ggml.merges"), scores)


def gguf_byte_level(path, pre_tokenizer):
    tokens, types, merges, _ = read_gguf(path)
    return byte_level({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in merges], pre_tokenizer,
                      [t for t, kind in zip(tokens, types) if kind == 3])


def smollm2(path):
    return gguf_byte_level(path, pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]))


def gpt2(path):
    return gguf_byte_level(path, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True))


def llama2(path):
    """As transformers converts a SentencePiece BPE model: every pair of tokens that joins to a token, by its score."""
    tokens, types, _, scores = read_gguf(path)
    ids = {t: i for i, t in enumerate(tokens)}
    merges = []
    for i, token in enumerate(tokens):
        for cut in range(1, len(token) if types[i] == 1 else 0):
            left, right = token[:cut], token[cut:]
            if left in ids and right in ids:
                merges.append((-scores[i], ids[left], ids[right], left, right))
    merges.sort(key=lambda m: m[:3])
    t = Tokenizer(models.BPE(vocab=ids, merges=[m[3:] for m in merges], unk_token="<unk>", fuse_unk=True,
                             byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
                                   decoders.Strip(" ", 1, 0)])
    t.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in ("<unk>", "<s>", "</s>")])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return t
