"""Other people's tokenizers behind one face: ids(mode, texts), show(ids), and the files that hearth reads for the same.

SentencePiece, tiktoken, mistral-common and Hugging Face's Unigram. Each `*_rows` yields name, a function that makes the
reference (ImportError where its package is missing), and {container: path}; None for the paths where a file is absent.
"""
import os
import struct

CHUNK = 1000


class HuggingFace:
    modes = ("plain", "special")

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()

    def ids(self, mode, texts):
        self.tokenizer.encode_special_tokens = mode == "plain"
        out = []
        for at in range(0, len(texts), CHUNK):
            out += [tuple(e.ids) for e in self.tokenizer.encode_batch_fast(texts[at:at + CHUNK], add_special_tokens=False)]
        return out

    def show(self, ids):
        return self.tokenizer.decode(ids, skip_special_tokens=False)


class SentencePiece:
    modes = ("plain",)

    def __init__(self, path):
        import sentencepiece
        self.processor = sentencepiece.SentencePieceProcessor(model_file=path)

    def ids(self, mode, texts):
        return [tuple(self.processor.encode(text)) for text in texts]

    def show(self, ids):
        return "".join(self.processor.id_to_piece(i) for i in ids)


class Tiktoken:
    modes = ("plain", "special")

    def __init__(self, encoding):
        self.encoding = encoding

    def ids(self, mode, texts):
        if mode == "plain":
            return [tuple(self.encoding.encode_ordinary(text)) for text in texts]
        return [tuple(self.encoding.encode(text, allowed_special="all")) for text in texts]

    def show(self, ids):
        return self.encoding.decode(list(ids))


class Tekken:
    modes = ("plain",)

    def __init__(self, path):
        from mistral_common.tokens.tokenizers.tekken import Tekkenizer
        self.tekken = Tekkenizer.from_file(path)

    def ids(self, mode, texts):
        return [tuple(self.tekken.encode(text, bos=False, eos=False)) for text in texts]

    def show(self, ids):
        return "".join(self.tekken.id_to_piece(i) for i in ids)


# ---- SentencePiece's models in other containers ----


def read_proto(path):
    from sentencepiece import sentencepiece_model_pb2
    proto = sentencepiece_model_pb2.ModelProto()
    with open(path, "rb") as f:
        proto.ParseFromString(f.read())
    return proto


def unigram_json(path):
    """As Hugging Face's own converter writes T5 and its kin."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    proto = read_proto(path)
    unknown = [i for i, p in enumerate(proto.pieces) if p.type == 2][0]
    t = Tokenizer(models.Unigram([(p.piece, p.score) for p in proto.pieces], unk_id=unknown,
                                 byte_fallback=proto.trainer_spec.byte_fallback))
    steps = [normalizers.Replace(Regex(" {2,}"), " ")]
    if proto.normalizer_spec.precompiled_charsmap:
        steps.insert(0, normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap))
    t.normalizer = normalizers.Sequence(steps)
    t.pre_tokenizer = pre_tokenizers.Metaspace("\u2581", "always")
    t.decoder = decoders.Metaspace("\u2581", "always")
    t.add_special_tokens([AddedToken(p.piece, normalized=False) for p in proto.pieces if p.type in (2, 3)])
    t.add_tokens([AddedToken(p.piece, normalized=False) for p in proto.pieces if p.type == 4])
    return t


def unigram_gguf(path, to):
    """As llama.cpp's converter writes a Unigram model: tokenizer.ggml.model "t5"."""
    proto = read_proto(path)

    def string(text):
        raw = text.encode()
        return struct.pack("<Q", len(raw)) + raw
    spec, pieces = proto.normalizer_spec, proto.pieces
    pairs = [string(key) + struct.pack("<I", 8) + string(text) for key, text in (
        ("general.architecture", "t5"), ("tokenizer.ggml.model", "t5"))]
    pairs.append(string("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, len(pieces)) +
                 b"".join(string(p.piece) for p in pieces))
    pairs.append(string("tokenizer.ggml.scores") + struct.pack("<IIQ%df" % len(pieces), 9, 6, len(pieces), *(p.score for p in pieces)))
    pairs.append(string("tokenizer.ggml.token_type") + struct.pack("<IIQ%di" % len(pieces), 9, 5, len(pieces), *(p.type for p in pieces)))
    if spec.precompiled_charsmap:
        pairs.append(string("tokenizer.ggml.precompiled_charsmap") + struct.pack("<IIQ", 9, 0, len(spec.precompiled_charsmap)) +
                     spec.precompiled_charsmap)
    for key, value in (("add_space_prefix", spec.add_dummy_prefix), ("remove_extra_whitespaces", spec.remove_extra_whitespaces)):
        pairs.append(string("tokenizer.ggml." + key) + struct.pack("<I?", 7, value))
    for key, name in (("eos", "</s>"), ("unknown", "<unk>")):
        pairs.append(string("tokenizer.ggml.%s_token_id" % key) + struct.pack("<II", 4, [p.piece for p in pieces].index(name)))
    with open(to, "wb") as f:
        f.write(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs))


def train(prefix, text, **options):
    """SentencePiece's own trainer on a file."""
    import sentencepiece
    sentencepiece.SentencePieceTrainer.train(**{
        "input": text, "model_prefix": prefix, "minloglevel": 2, "num_threads": 1, "hard_vocab_limit": False,
        "max_sentence_length": 100000, **options})
    return prefix + ".model"


# ---- rows ----


def spm_rows(fixtures, folder):
    def file(*parts):
        return os.path.join(fixtures, "tokenizers", *parts)
    test, text = file("sentencepiece", "test_model.model"), file("sentencepiece", "botchan.txt")
    mistral = file("mistral-spm", "mistral_instruct_tokenizer_240323.model.v3")
    yield "spm unigram", (lambda: SentencePiece(test)), lambda: {"tokenizer.model": test, "GGUF t5": gguf_of(test, folder)}, test
    yield "spm bpe, mistral", (lambda: SentencePiece(mistral)), lambda: {"tokenizer.model": mistral}, mistral
    made = {
        "spm unigram with bytes": {"vocab_size": 8000, "byte_fallback": True, "user_defined_symbols": ["<word>", "the ", "a_b", "//"],
                                   "control_symbols": ["<ctrl>"], "character_coverage": 0.99},
        "spm unigram nmt": {"vocab_size": 3000, "normalization_rule_name": "nmt_nfkc_cf", "remove_extra_whitespaces": False},
        "spm bpe nfkc": {"model_type": "bpe", "vocab_size": 3000, "user_defined_symbols": ["<word>", "!!", "été"]},
        "spm bpe suffix": {"model_type": "bpe", "vocab_size": 2000, "treat_whitespace_as_suffix": True, "byte_fallback": True,
                           "normalization_rule_name": "identity"},
    }
    for name, options in made.items():
        path = os.path.join(folder, name.replace(" ", "-") + ".model")
        containers = (lambda p=path, o=options: {"tokenizer.model": p, **({"GGUF t5": gguf_of(p, folder)} if "model_type" not in o else {})})
        yield name, (lambda p=path, o=options: (train(p[:-6], text, **o), SentencePiece(p))[1]), containers, text
    for name, source in (("unigram", test), ("unigram with bytes", os.path.join(folder, "spm-unigram-with-bytes.model"))):
        saved = os.path.join(folder, name.replace(" ", "-") + ".json")
        yield name, (lambda s=source, to=saved: saved_json(s, to)), (lambda to=saved: {"tokenizer.json": to}), text


def gguf_of(path, folder):
    to = os.path.join(folder, os.path.basename(path) + ".gguf")
    unigram_gguf(path, to)
    return to


def saved_json(source, to):
    t = unigram_json(source)
    t.save(to)
    return HuggingFace(t)


def tiktoken_rows(fixtures):
    for name, folder in (("cl100k_base", "tiktoken"), ("o200k_base", "tiktoken-more"), ("p50k_base", "tiktoken-more"),
                         ("r50k_base", "tiktoken-more")):
        path = os.path.join(fixtures, "tokenizers", folder, name + ".tiktoken")
        yield "tiktoken " + name, (lambda n=name, p=path: openai(n, p)), (lambda p=path: {"ranks": p}), path


def openai(name, path):
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe
    from tiktoken_ext import openai_public
    openai_public.load_tiktoken_bpe = lambda url, expected_hash=None: load_tiktoken_bpe(path)
    return Tiktoken(tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[name]()))


def tekken_rows():
    try:
        import mistral_common
    except ImportError:
        yield "tekken", None, None, ""
        return
    for name in ("tekken_240718.json", "tekken_240911.json"):
        path = os.path.join(os.path.dirname(mistral_common.__file__), "data", name)
        yield name[:-5], (lambda p=path: Tekken(p)), (lambda p=path: {"tekken.json": p}), path
