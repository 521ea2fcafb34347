"""Published vocabularies out of the fixtures and of scripts/fetch-vocabularies, as tokenizer.json (a dict) and as GGUF that
holds a vocabulary alone. The standard library is enough."""
import base64
import functools
import json
import os
import struct

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

# ---- where files are ----


def cached(variable, name):
    """What the environment names, or what scripts/fetch-model and scripts/fetch-vocabularies put into the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get(variable) or os.path.join(cache, "openhearth", name)


def smollm2_path():
    return cached("HEARTH_SMOLLM2", "SmolLM2-135M-Instruct.Q4_1.gguf")


def minilm_path():
    """tokenizer.json of all-MiniLM-L6-v2 (scripts/fetch-embedding-model)."""
    folder = os.environ.get("HEARTH_MINILM") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "openhearth", "all-MiniLM-L6-v2")
    return os.path.join(folder, "tokenizer.json")


def qwen_path():
    return cached("HEARTH_QWEN_TIKTOKEN", "qwen.tiktoken")


def whisper_path():
    return cached("HEARTH_WHISPER_TIKTOKEN", "whisper-multilingual.tiktoken")


# ---- bytes, ranks and merges ----


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


# ---- tokenizer.json ----


def split(pattern):
    return {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
        level(use_regex=False)]}


def splits(*patterns, digits=False):
    """A list of patterns, each applied to the pieces of the one before."""
    steps = [{"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False} for pattern in patterns]
    steps += [{"type": "Digits", "individual_digits": True}] if digits else []
    return {"type": "Sequence", "pretokenizers": [*steps, level(use_regex=False)]}


def level(use_regex=True):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def template(before, after, ids):
    """What a tokenizer adds around one text: names of tokens, and their ids."""
    pieces = [{"SpecialToken": {"id": name, "type_id": 0}} for name in before]
    pieces += [{"Sequence": {"id": "A", "type_id": 0}}]
    pieces += [{"SpecialToken": {"id": name, "type_id": 0}} for name in after]
    special = {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in list(before) + list(after)}
    return {"type": "TemplateProcessing", "single": pieces,
            "pair": pieces + [{"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": special}


def whole_file(vocabulary, merges, special, pre_tokenizer, decoder, normalizer=None, post_processor=None, **model):
    """`special`: control tokens with their ids, or without: those of the vocabulary, or the next ones after it."""
    ids = dict(special) if isinstance(special, dict) else {}
    following = len(vocabulary)
    for name in () if ids else special:
        ids[name] = vocabulary.get(name, following)
        following += name not in vocabulary
    added = [{"id": i, "content": name, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for name, i in sorted(ids.items(), key=lambda item: item[1])]
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer, "decoder": decoder,
            "post_processor": post_processor(ids) if post_processor else None,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                      **model, "vocab": vocabulary, "merges": [" ".join(m) for m in merges]}}


def byte_level(vocabulary, merges, pre_tokenizer, special, **more):
    return whole_file(vocabulary, merges, special, pre_tokenizer, level(), **more)


@functools.cache
def llama3_parts(fixtures):
    folder = os.path.join(fixtures, "tokenizers", "llama3.2")
    with open(os.path.join(folder, "encoder.json"), encoding="utf-8") as f:
        vocabulary = json.load(f)
    with open(os.path.join(folder, "vocab.bpe"), encoding="utf-8") as f:
        merges = [tuple(line.split(" ")) for line in f.read().split("\n") if line and not line.startswith("#version")]
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
               "<|finetune_right_pad_id|>", "<|reserved_special_token_2|>", "<|start_header_id|>", "<|end_header_id|>",
               "<|eom_id|>", "<|eot_id|>", "<|python_tag|>"]
    return vocabulary, merges, special


def llama3(fixtures):
    """The published file's steps: BOS before the text."""
    vocabulary, merges, special = llama3_parts(fixtures)

    def post(ids):
        return {"type": "Sequence", "processors": [{**level(), "trim_offsets": False},
                                                   template(["<|begin_of_text|>"], [], ids)]}
    return byte_level(vocabulary, merges, split(LLAMA3), special, ignore_merges=True, post_processor=post)


@functools.cache
def qwen2_parts(path):
    ranks = read_ranks(path)
    return ({text_of(k): v for k, v in ranks.items()}, merges_of_ranks(ranks),
            ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])


def qwen2(path):
    vocabulary, merges, special = qwen2_parts(path)
    return byte_level(vocabulary, merges, split(QWEN2), special, normalizer={"type": "NFC"})


def o200k(fixtures):
    ranks = read_ranks(os.path.join(fixtures, "tokenizers", "tiktoken-more", "o200k_base.tiktoken"))
    return byte_level({text_of(k): v for k, v in ranks.items()}, merges_of_ranks(ranks), split(O200K), ["<|endoftext|>"])


def whisper(ranks_path, start, no_timestamps):
    """GPT-2's steps with Whisper's tokens around a text. Its other control tokens have the ids between; no text has them."""
    ranks = read_ranks(ranks_path)
    vocabulary = {text_of(k): v for k, v in ranks.items()}
    special = {"<|control %d|>" % i: i for i in range(start + 1, no_timestamps)}
    special.update({"<|endoftext|>": vocabulary.get("<|endoftext|>", start - 1), "<|startoftranscript|>": start,
                    "<|notimestamps|>": no_timestamps})

    def post(ids):
        return template(["<|startoftranscript|>", "<|notimestamps|>"], ["<|endoftext|>"], ids)
    return byte_level(vocabulary, merges_of_ranks(ranks), level(), special, post_processor=post)


def gguf_byte_level(path, pre_tokenizer):
    data = read_gguf(path)
    tokens = data["tokenizer.ggml.tokens"]
    return byte_level({t: i for i, t in enumerate(tokens)}, [tuple(m.split(" ")) for m in data["tokenizer.ggml.merges"]],
                      pre_tokenizer, [t for t, kind in zip(tokens, data["tokenizer.ggml.token_type"]) if kind == 3])


def smollm2(path):
    return gguf_byte_level(path, {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True},
                                                                       level()]})


def gpt2(path):
    return gguf_byte_level(path, level())


DEEPSEEK_CODER = ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+")
DEEPSEEK_V3 = (r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
               "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
               " ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+")
QWEN35 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")


def deepseek_coder(path):
    return gguf_byte_level(path, splits(*DEEPSEEK_CODER, digits=True))


def deepseek_v3(path):
    """V3's patterns over the vocabulary of DeepSeek LLM."""
    return gguf_byte_level(path, splits(*DEEPSEEK_V3))


def qwen35(path):
    """Qwen 3.5's pattern over the vocabulary of Qwen 2."""
    vocabulary, merges, special = qwen2_parts(path)
    return byte_level(vocabulary, merges, split(QWEN35), special, normalizer={"type": "NFC"})


def llama2(path):
    """As transformers converts a SentencePiece BPE model: every pair of tokens that joins to a token, by its score."""
    data = read_gguf(path)
    tokens, types, scores = (data["tokenizer.ggml." + key] for key in ("tokens", "token_type", "scores"))
    ids = {t: i for i, t in enumerate(tokens)}
    merges = []
    for i, token in enumerate(tokens):
        for cut in range(1, len(token) if types[i] == 1 else 0):
            left, right = token[:cut], token[cut:]
            if left in ids and right in ids:
                merges.append((-scores[i], ids[left], ids[right], left, right))
    merges.sort(key=lambda m: m[:3])
    steps = [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"},
             {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]
    normalizers = [{"type": "Prepend", "prepend": "\u2581"},
                   {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]
    return whole_file(ids, [m[3:] for m in merges], ["<unk>", "<s>", "</s>"], None,
                      {"type": "Sequence", "decoders": steps},
                      normalizer={"type": "Sequence", "normalizers": normalizers},
                      post_processor=lambda ids: template(["<s>"], [], ids),
                      unk_token="<unk>", fuse_unk=True, byte_fallback=True)


# ---- GGUF: its metadata alone ----

NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


def read_gguf(path):
    """The metadata: {key: value or list}."""
    with open(path, "rb") as f:
        def number(form):
            return struct.unpack(form, f.read(struct.calcsize(form)))[0]

        def value(kind):
            if kind == 8:
                return f.read(number("<Q")).decode()
            if kind == 9:
                of, count = number("<I"), number("<Q")
                if of in NUMBERS:
                    form = "<%d%s" % (count, NUMBERS[of][1])
                    return list(struct.unpack(form, f.read(struct.calcsize(form))))
                return [value(of) for _ in range(count)]
            return number(NUMBERS[kind])
        if f.read(4) != b"GGUF" or number("<I") not in (2, 3):
            raise ValueError("%s: no GGUF 2 or 3" % path)
        number("<Q")
        return {value(8): value(number("<I")) for _ in range(number("<Q"))}


def write_gguf(path, pre, vocabulary, merges, special, bos=None, eos=None):
    """A byte-level BPE vocabulary as GGUF carries it."""
    def string(text):
        raw = text.encode()
        return struct.pack("<Q", len(raw)) + raw

    def strings(key, texts):
        return string(key) + struct.pack("<IIQ", 9, 8, len(texts)) + b"".join(string(t) for t in texts)
    tokens = sorted(vocabulary, key=vocabulary.get) + [s for s in special if s not in vocabulary]
    kinds = [3 if t in special else 1 for t in tokens]
    pairs = [string(key) + struct.pack("<I", 8) + string(text) for key, text in (
        ("general.architecture", "llama"), ("tokenizer.ggml.model", "gpt2"), ("tokenizer.ggml.pre", pre))]
    pairs += [strings("tokenizer.ggml.tokens", tokens), strings("tokenizer.ggml.merges", [" ".join(m) for m in merges]),
              string("tokenizer.ggml.token_type") + struct.pack("<IIQ%di" % len(kinds), 9, 5, len(kinds), *kinds)]
    for key, name in (("bos", bos), ("eos", eos)):
        if name is not None:
            pairs.append(string("tokenizer.ggml.%s_token_id" % key) + struct.pack("<II", 4, tokens.index(name)))
    with open(path, "wb") as f:
        f.write(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs))


def llama3_gguf(fixtures, path):
    write_gguf(path, "llama-bpe", *llama3_parts(fixtures), bos="<|begin_of_text|>", eos="<|eot_id|>")


def qwen2_gguf(ranks, path):
    write_gguf(path, "qwen2", *qwen2_parts(ranks), eos="<|im_end|>")


# ---- BERT ----


def minilm_cased(path):
    """The same vocabulary under a normaliser that keeps letters as they are."""
    with open(path, encoding="utf-8") as f:
        whole = json.load(f)
    whole["normalizer"].update(lowercase=False, strip_accents=None)
    return whole


def minilm_gguf(path):
    """As llama.cpp's converter spells it: U+2581 before what begins a word, nothing before what follows in one."""
    def string(text):
        raw = text.encode()
        return struct.pack("<Q", len(raw)) + raw
    with open(minilm_path(), encoding="utf-8") as f:
        whole = json.load(f)
    vocabulary, special = whole["model"]["vocab"], {a["content"] for a in whole["added_tokens"]}
    tokens = sorted(vocabulary, key=vocabulary.get)
    kinds = [3 if t in special else 1 for t in tokens]
    spelled = [t if t in special else t[2:] if t.startswith("##") else "\u2581" + t for t in tokens]
    pairs = [string(key) + struct.pack("<I", 8) + string(text) for key, text in (
        ("general.architecture", "bert"), ("tokenizer.ggml.model", "bert"), ("tokenizer.ggml.pre", "jina-v2-en"))]
    pairs += [string("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, len(spelled)) + b"".join(string(t) for t in spelled),
              string("tokenizer.ggml.token_type") + struct.pack("<IIQ%di" % len(kinds), 9, 5, len(kinds), *kinds)]
    with open(path, "wb") as f:
        f.write(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs))


def minilm_folder(path):
    """A folder as BERT's first ones: no tokenizer.json, a token a line."""
    with open(minilm_path(), encoding="utf-8") as f:
        vocabulary = json.load(f)["model"]["vocab"]
    os.mkdir(path)
    with open(os.path.join(path, "vocab.txt"), "w", encoding="utf-8") as f:
        f.writelines(token + "\n" for token in sorted(vocabulary, key=vocabulary.get))
    with open(os.path.join(path, "tokenizer_config.json"), "w", encoding="utf-8") as f:
        json.dump({"tokenizer_class": "BertTokenizer", "do_lower_case": True}, f)
    with open(os.path.join(path, "config.json"), "w", encoding="utf-8") as f:
        json.dump({"model_type": "bert", "architectures": ["BertModel"]}, f)
