#!/usr/bin/env python3
"""Writes the fuzzers' first inputs: fuzz/make_seeds.py FOLDER makes FOLDER/NAME/... for every fuzzer that has a function here.
Plain Python; the golden files of the tests are used too. A new fuzzer adds a function of its name, seeds_NAME(folder)."""

import ast
import base64
import glob
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import struct
import sys
import tarfile
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "trace"))
from plain_index import trace_index  # noqa: E402

GOLDEN = os.path.join(ROOT, "tests", "formats", "golden")


def write(folder, name, content):
    with open(os.path.join(folder, name), "wb") as out:
        out.write(content)


def text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def seeds_gguf(folder):
    for name in ("types.gguf", "aligned.gguf", "split-00001-of-00003.gguf"):
        shutil.copyfile(os.path.join(GOLDEN, name), os.path.join(folder, name))
    # One value, one tensor: the smallest whole file.
    head = b"GGUF" + struct.pack("<IQQ", 2, 1, 1) + text("general.alignment") + struct.pack("<II", 4, 8)
    info = text("t") + struct.pack("<IQQIQ", 2, 32, 1, 8, 0)
    body = head + info
    write(folder, "small.gguf", body + b"\0" * (-len(body) % 8) + bytes(34))
    # Nested arrays.
    value = struct.pack("<IIQ", 9, 9, 2) + struct.pack("<IQ", 8, 1) + text("a") + struct.pack("<IQ", 7, 1) + b"\1"
    write(folder, "nested.gguf", b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + value)


def safetensors(header, size):
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + bytes(size)


def seeds_safetensors(folder):
    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    two = {"dtype": "BF16", "shape": [2, 3], "data_offsets": [4, 16]}
    write(folder, "empty", safetensors({}, 0))
    write(folder, "one", safetensors({"a": one}, 4))
    write(folder, "two", safetensors({"__metadata__": {"format": "pt"}, "b": two, "a": one}, 16))


def seeds_tokenizer_json(folder):
    """The golden tokenizers with a vocabulary cut to what stays small."""
    with open(os.path.join(ROOT, "tests", "tokenizer", "golden.json"), encoding="utf-8") as source:
        rows = [row for row in json.load(source) if "tokenizer" in row]
    for number, row in enumerate(rows):
        model = row["tokenizer"]["model"]
        model["vocab"] = {token: i for token, i in model["vocab"].items() if i < 40}
        model["merges"] = []
        kept = set(model["vocab"])
        if model.get("unk_token") not in kept:
            model["unk_token"] = None
        content = json.dumps(row["tokenizer"], ensure_ascii=False, separators=(",", ":")).encode()
        write(folder, str(number), content + b"\0" + row["cases"][number % len(row["cases"])]["text"].encode())


def seeds_spm_model(folder):
    golden = os.path.join(ROOT, "tests", "tokenizer", "golden")
    for name in ("unigram", "unigram-bytes", "unigram-suffix", "bpe", "bpe-bytes"):
        shutil.copyfile(os.path.join(golden, name + ".model"), os.path.join(folder, name))


def seeds_ranks(folder):
    write(folder, "few", b"YQ== 0\nYg== 1\nYWI= 2\n")
    write(folder, "ends", b"YQ== 0\r\n\r\n4pSA 7")
    write(folder, "all", b"".join(b"%s %d\n" % (base64.b64encode(bytes([byte])), byte) for byte in range(256)) + b"YWI= 256\n")
    write(folder, "order", b"YWI= 2\nYg== 0\nYQ== 1\n")


# A certificate of nobody, on P-256.
CERTIFICATE = (
               "MIIBfTCCASKgAwIBAgIUP7qvrtKybndFVWNyeM1yJTUnNIIwCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBYTAgFw0yNjExMjcwOTMzMDlaGA8yMD"
               "U0MDQxMzA5MzMwOVowDDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLuo4pRqa2ruceaLsnf6zZSK0wvTV+epBijd1Trh"
               "l35S9J7Oo5ObLyP3EPgQwpl1n7aDG138MaPIvR1ybzdwsAijYDBeMB0GA1UdDgQWBBTLCww27qorlZwbLX67bgbmnrIpqTAfBgNVHSMEGDAWgB"
               "TLCww27qorlZwbLX67bgbmnrIpqTAPBgNVHRMBAf8EBTADAQH/MAsGA1UdDwQEAwIHgDAKBggqhkjOPQQDAgNJADBGAiEAq3c2c/JjndpuVP25"
               "3gMEJyJdVNqxf8U39Nc6pviuGbwCIQDt7IPqPn5OORS28ygFgiwzsCiZF3fNsA00lrbBoDTcGA==")


def seeds_bundle(folder):
    one = hashlib.sha256(b"one").digest()
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "m", "digest": {"sha256": hashlib.sha256(one + one).hexdigest()}}],
                 "predicateType": "https://model_signing/signature/v1.0",
                 "predicate": {"serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": ["model.sig", ".git"]},
                               "resources": [{"name": name, "algorithm": "sha256", "digest": one.hex()} for name in ("a", "b/c")]}}
    write(folder, "statement", b"\1" + json.dumps(statement).encode())
    statement["predicate"]["serialization"].update(method="shards", shard_size=3)
    statement["predicate"]["resources"] = [{"name": name, "algorithm": "sha256-sharded-3", "digest": one.hex()} for name in ("a:0:3", "a:3:4")]
    write(folder, "pieces", b"\1" + json.dumps(statement).encode())
    envelope = {"payload": base64.b64encode(json.dumps(statement).encode()).decode(), "payloadType": "application/vnd.in-toto+json",
                "signatures": [{"sig": "MAYCAQECAQE=", "keyid": ""}]}
    media = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}
    material = {"publicKey": {"hint": one.hex()}, "tlogEntries": []}
    write(folder, "key", b"\0" + json.dumps({**media, "verificationMaterial": material, "dsseEnvelope": envelope}).encode())
    material = {"x509CertificateChain": {"certificates": [{"rawBytes": CERTIFICATE}]}, "tlogEntries": []}
    write(folder, "certificate", b"\0" + json.dumps({**media, "verificationMaterial": material, "dsseEnvelope": envelope}).encode())
    write(folder, "pem", b"\2-----BEGIN CERTIFICATE-----\n" + CERTIFICATE.encode() + b"\n-----END CERTIFICATE-----\n")


def seeds_advisory(folder):
    advisory = {"schema_version": "1.6.0", "id": "A-1", "modified": "2026-11-27T00:00:00Z", "published": "2026-11-27T00:00:00Z", "summary": "s",
                "affected": [{"package": {"ecosystem": "Hugging Face", "name": "o/n"}, "versions": ["v1"],
                              "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}, {"last_affected": "2.0.0-rc.1"}]}],
                              "database_specific": {"files": [{"file": "model.safetensors", "size": 7, "sha256": "0" * 64}]}}],
                "database_specific": {"severity": "high", "what_to_do": "w", "mend": {"kind": "system", "text": "t"}}}
    write(folder, "system", json.dumps(advisory).encode() + b"\0o/n@1.1.0")
    advisory["database_specific"]["mend"] = {"kind": "adapter", "file": "a.safetensors", "sha256": "0" * 64}
    advisory["withdrawn"] = "2026-11-28T00:00:00Z"
    write(folder, "adapter", json.dumps(advisory).encode() + b"\0" + b"1.0.0-rc.2/1.0.0-rc.10+b")


def seeds_hf_config(folder):
    config = json.dumps({"model_type": "llama", "hidden_size": 5}).encode()
    plain = json.dumps({"chat_template": "{{ messages }}", "model_max_length": 10**30}).encode()
    named = json.dumps({"chat_template": [{"name": "default", "template": "x"}]}).encode()
    index = json.dumps({"weight_map": {"a": "one.safetensors"}}).encode()
    write(folder, "config", config)
    write(folder, "plain", b"\0".join([config, plain]))
    write(folder, "named", b"\0".join([config, named, index, b"{}", b"{{ x }}"]))
    tokens = json.dumps({"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "bos_token": {"content": "<s>"},
                         "eos_token": "b", "added_tokens_decoder": {"3": {"content": "<s>", "special": True}}}).encode()
    ends = json.dumps({"eos_token_id": [2, 3, -1]}).encode()
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "model", "golden", "families", "*", "config.json"))):
        with open(path, encoding="utf-8") as source:
            family = json.dumps(json.load(source), separators=(",", ":")).encode()
        write(folder, "family-" + os.path.basename(os.path.dirname(path)), b"\0".join([family, tokens, index, ends]))


def answer(body=b"", status="200 OK", **headers):
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if "Content_Length" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def seeds_hub_reply(folder):
    """Answers to hearth pull, one a connection; the first byte says what is fetched (fuzz_hub_reply.c)."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    files = {"config.json": b"{}", "model.safetensors": b"weights", "m.gguf": b"GGUF model"}

    def listing(*names):
        return answer(json.dumps({"sha": commit, "siblings": [{"rfilename": name} for name in names]}).encode())

    def head(content, **more):
        return answer(ETag=f'"{hashlib.sha256(content).hexdigest()}"', Content_Length=len(content), **more)

    def write_answers(name, which, *answers):
        write(folder, name, bytes([which]) + b"\0".join(answers))

    two = ("config.json", "model.safetensors")
    write_answers("hub", 0, listing(*two), *(head(files[name]) for name in two), *(answer(files[name]) for name in two))
    weights = files["model.safetensors"]
    linked = answer(status="302 Found", Location="http://storage.example/w", X_Linked_Size=len(weights),
                    X_Linked_Etag=f'"{hashlib.sha256(weights).hexdigest()}"')
    write_answers("linked", 0, listing(*two), head(files["config.json"]), linked, answer(files["config.json"]),
                  answer(status="302 Found", Location="http://storage.example/w"), answer(weights))
    write_answers("moved", 0, answer(status="307 Temporary Redirect", Location="/api/models/o/n/revision/main"), listing("m.gguf"))
    write_answers("refused", 0, answer(b"no", "401 Unauthorized", X_Error_Code="GatedRepo"))
    write_answers("busy", 0, answer(b"", "429 Too Many Requests", Retry_After="1"))
    index = json.dumps({"weight_map": {"a": "model.safetensors"}}).encode()
    three = ("config.json", "model.safetensors.index.json", "model.safetensors")
    write_answers("index", 0, listing(*three), head(index), answer(index), head(files["config.json"]), head(index), head(weights),
                  answer(files["config.json"]), answer(weights))
    write_answers("one", 3, listing("m.gguf", "a/b.gguf"), head(files["m.gguf"]), head(b"x"), answer(files["m.gguf"]), answer(b"x"))
    layer = {"mediaType": "application/vnd.ollama.image.model", "size": 10,
             "digest": "sha256:" + hashlib.sha256(files["m.gguf"]).hexdigest()}
    config = {**layer, "mediaType": "application/vnd.docker.container.image.v1+json"}
    manifest = json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode()
    write_answers("registry", 1, answer(manifest), answer(files["m.gguf"]))
    write_answers("challenge", 1,
                  answer(b"", "401 Unauthorized", WWW_Authenticate='Bearer realm="http://127.0.0.1:1/t",service="s",scope="p"'),
                  answer(b'{"token": "t"}'), answer(manifest), answer(files["m.gguf"]))
    write_answers("url", 2, answer(files["m.gguf"], ETag='"e"', Accept_Ranges="bytes"))
    write_answers("range", 2, answer(b"", ETag='"e"', Content_Length=10, Accept_Ranges="bytes"),
                  answer(b"GGUF model", "206 Partial Content", Content_Range="bytes 0-9/10"))
    # A folded line where the first header should be, after a redirect: through libcurl itself (fuzz_hub_reply.c), which 7.88 reads
    # freed memory at, unless each answer has a handle of its own.
    folded = bytes([2]) + b"\0".join([answer(status="307 Temporary Redirect", Location="/elsewhere"),
                                      b"HTTP/1.1 206 Partial Content\r\n folded: line\r\nContent-Length: 0\r\n\r\n"])
    write(folder, "folded", folded + bytes([64 - sum(folded) % 64]))
    write(folder, "disk", bytes([4]) + b"\0".join([commit.encode(), manifest, b"GGUF"]))


FAMILIES = os.path.join(ROOT, "tests", "model", "golden", "families")


class Gguf:
    """Where a GGUF file's tensors' data begin."""

    SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

    def __init__(self, raw):
        self.raw, self.at = raw, 8
        tensors, values = self.take("<QQ")
        for _ in range(values):
            self.text()
            self.value(*self.take("<I"))
        for _ in range(tensors):
            self.text()
            dims, = self.take("<I")
            self.at += 8 * dims + 12
        self.end = self.at

    def take(self, form):
        found = struct.unpack_from(form, self.raw, self.at)
        self.at += struct.calcsize(form)
        return found

    def text(self):
        length, = self.take("<Q")
        self.at += length

    def value(self, kind):
        if kind == 8:
            self.text()
        elif kind == 9:
            inner, count = self.take("<IQ")
            if inner in self.SIZES:
                self.at += count * self.SIZES[inner]
            else:
                for _ in range(count):
                    self.value(inner)
        else:
            self.at += self.SIZES[kind]


def seeds_convert(folder):
    """Families without their tensors' data; and their golden vocabularies."""
    for path in sorted(glob.glob(os.path.join(FAMILIES, "*.gguf"))):
        with open(path, "rb") as source:
            raw = source.read()
        write(folder, os.path.basename(path), b"\0" + raw[:Gguf(raw).end])
    small = json.dumps({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<s>": 3}, "merges": [["a", "b"]]},
                        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
                        "decoder": {"type": "ByteLevel"}, "added_tokens": [{"id": 3, "content": "<s>", "special": True}]})
    for path in sorted(glob.glob(os.path.join(FAMILIES, "*", "model.safetensors"))):
        with open(path, "rb") as source:
            header = source.read(struct.unpack("<Q", source.read(8))[0])
        with open(os.path.join(os.path.dirname(path), "config.json"), encoding="utf-8") as source:
            config = json.dumps(json.load(source), separators=(",", ":")).encode()
        header = json.dumps(json.loads(header), separators=(",", ":")).encode()
        name = os.path.basename(os.path.dirname(path))
        write(folder, name, b"\1" + b"\0".join([config, b"", b"", header]))
        if name.startswith("qwen3"):
            write(folder, name + "-tokens", b"\1" + b"\0".join([config, small.encode(), b"{}", header]))


def importance(*tensors):
    """A GGUF file of statistics: (name, matrices, columns, values)."""
    infos, data = b"", b""
    for name, matrices, columns, values in tensors:
        infos += text(name) + struct.pack("<IQQIQ", 2, columns, matrices, 0, len(data))
        data += struct.pack(f"<{len(values)}f", *values)
        data += bytes(-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 1) + text("general.type") + struct.pack("<I", 8) + text("imatrix")
    return head + infos + bytes(-len(head + infos) % 32) + data


def seeds_importance(folder):
    one = [("blk.0.attn_q.weight.in_sum2", 1, 4, [1, 2, 3, 4]), ("blk.0.attn_q.weight.counts", 1, 1, [2])]
    experts = [("blk.0.ffn_up_exps.weight.in_sum2", 2, 2, [1, 2, 0, 0]), ("blk.0.ffn_up_exps.weight.counts", 2, 1, [3, 0])]
    write(folder, "one", b"\0" + importance(*one))
    write(folder, "experts", b"\0" + importance(*one, *experts))
    for number, option in enumerate(("blk.*.attn_v.weight=q8_0", "*=q4_k", "[a-z]*=TQ1_0", "output.weight=f16")):
        for name in ("mixtral", "qwen3"):
            with open(os.path.join(FAMILIES, name + ".gguf"), "rb") as source:
                raw = source.read()
            write(folder, f"choice-{number}-{name}", bytes([1 + number]) + option.encode() + b"\0" + raw[:Gguf(raw).end])


def seeds_vocabulary(folder):
    """What the first byte says: fuzz_vocabulary.c."""
    golden = os.path.join(ROOT, "tests", "tokenizer", "golden")
    with open(os.path.join(golden, "tekken.json"), encoding="utf-8") as source:
        tekken = json.load(source)
    tekken["vocab"] = tekken["vocab"][:260]
    tekken["config"]["default_vocab_size"] = 260 + tekken["config"].get("default_num_special_tokens", 0)
    write(folder, "tekken", b"\0" + json.dumps(tekken, separators=(",", ":")).encode())
    ranks = b"".join(b"%s %d\n" % (base64.b64encode(bytes([byte])), byte) for byte in range(256)) + b"YWI= 256\n"
    write(folder, "ranks", b"\1" + ranks)
    words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nhearth\n##s\n'\n1\n##2\n"
    write(folder, "words", b"\2" + json.dumps({"do_lower_case": True, "strip_accents": False}).encode() + b"\0" + words.encode())
    with open(os.path.join(golden, "unigram-bytes.gguf"), "rb") as source:
        raw = source.read()
    write(folder, "unigram", b"\3" + raw[:Gguf(raw).end])
    for name in ("qwen3", "gemma3", "bloom", "mixtral", "deepseek-v3", "gpt-oss", "granite4"):
        with open(os.path.join(FAMILIES, name + ".gguf"), "rb") as source:
            raw = source.read()
        write(folder, name, b"\3" + raw[:Gguf(raw).end])
    parts = []
    for number in (0, 1):
        values = b"".join(text(key) + struct.pack("<IH", 2, value) for key, value in (("split.no", number), ("split.count", 2)))
        values += text("split.tensors.count") + struct.pack("<Ii", 5, 2)
        info = text(f"t{number}") + struct.pack("<IQIQ", 1, 4, 0, 0)
        head = b"GGUF" + struct.pack("<IQQ", 3, 1, 3) + values + info
        parts.append(head + bytes(-len(head) % 32) + bytes(16))
    write(folder, "parts", b"\4" + struct.pack("<H", len(parts[0])) + b"".join(parts))
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
               {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
               {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
    pooling = {"word_embedding_dimension": 8, "pooling_mode_mean_tokens": True}
    write(folder, "modules", b"\5" + b"\0".join(json.dumps(part).encode() for part in (modules, pooling)))


def seeds_corpus(folder):
    """What the first byte says: fuzz_corpus.c."""
    lines = b'{"text": "one", "l": "MIT", "lang": "de", "date": "2024"}\n{"text": 3}\n\n{"x": {"text": "\\u20ac"}}\n'
    write(folder, "lines", b"\0" + lines)
    write(folder, "lines-gzip", b"\0" + gzip.compress(lines, mtime=0))
    body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=ISO-8859-1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<p>x\r\n0\r\n\r\n"
    record = (b"WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\nWARC-Target-URI: https://a.example/\r\n"
              b"WARC-Date: 2024-01-02T03:04:05Z\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n") % (len(body), body)
    plain = b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi\r\n\r\n"
    write(folder, "warc", b"\1" + record + plain)
    for kind, mode in (("tar", "w"), ("tar-gzip", "w:gz")):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode=mode) as archive:
            entry = tarfile.TarInfo("a/b.txt")
            entry.size, entry.mtime = 5, 1000000000
            archive.addfile(entry, io.BytesIO(b"hello"))
        write(folder, kind, b"\2" + out.getvalue())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "hello " * 9)
    write(folder, "zip", b"\2" + out.getvalue())
    write(folder, "page", b"\3<head><title>T</title></head><!-- c --><nav><li>m</nav><pre>a\n b</pre><p a='>'>&eacute;&#233;&#xe9;<script>x</script><br/>")
    write(folder, "licence", b"\4(MIT OR GPL-2.0+) AND A WITH B")
    write(folder, "text", b"\5Write to a.b@c.example.org, +49 30 1234567, 8.8.8.8, 2001:db8:1:2::3, 4111 1111 1111 1111.\n- One two three four five.\nOne two.\n\n\xff")
    write(folder, "man-macro", b"\7.de M\n" + b".B \\$1\n.TP\n.M \\*x\n" * 9 + b"..\n.M a\n")
    tokens = struct.pack("<6H", 1, 2, 3, 1, 2, 3)
    rows = struct.pack("<4Q", 0, 1, 3, 2)
    head = b"hearthPK" + struct.pack("<6I3Q", 1, 2, 4, 2, 3, 0, 6, 2, 0) + hashlib.sha256(tokens).digest() + hashlib.sha256(rows).digest() + bytes(136)
    write(folder, "packed", b"\6" + struct.pack("<H", len(head + tokens)) + head + tokens + rows)
    write(folder, "man", b"\7.TH A 1\n.ds x \\(em\n.de M\n.B \\\\$1\n..\n.SH B\n.TP\n.M \\*x\n.if n \\{\\\n.nf\n\\fIa\\fP\\}\n.TS\nl l.\na\tT{\nb\nT}\n.TE\n")
    write(folder, "mdoc", b"\7.Dd x\n.Dt A 1\n.Sh SYNOPSIS\n.Nm a\n.Op Fl b Ns Ar c\n.Bl -tag\n.It Xo\n.Sm off\n.Xr d 2\n.Xc\n.El\n.Fo f\n.Fa g\n.Fc\n")
    form = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
    write(folder, "copyright", b"\x08" + form + b"Files: *\nLicense: GPL-2+ or Perl, and Expat with x exception\n\nFiles: man/*\n a?b\nLicense: ISC\n")
    sys.path.insert(0, os.path.join(ROOT, "tests", "corpus"))
    import deb
    package = deb.deb("x", "1", {"usr/share/man/man1/x.1.gz": gzip.compress(b".SH A\n", mtime=0)}, "Description: x\n y\n", pack=lambda b: gzip.compress(b, mtime=0))
    write(folder, "package", b"\x09" + package)
    write(folder, "list", b"\x0a# p\n" + deb.line("x", "1:2", package).encode())


def c_text(source, name):
    """The string that a C header initialises an array with."""
    with open(os.path.join(ROOT, "tests", "recipe", source), encoding="utf-8") as file:
        body = file.read().split(name + "[] =", 1)[1].split(";\n", 1)[0]
    return "".join(ast.literal_eval(part) for part in re.findall(r'"(?:[^"\\]|\\.)*"', body))


def seeds_recipe(folder):
    """Recipes that ship and that the tests have, block style and flow, JSON, and one with every kind of source and every rule."""
    for path in glob.glob(os.path.join(ROOT, "recipes", "*", "recipe.yaml")):
        shutil.copyfile(path, os.path.join(folder, os.path.basename(os.path.dirname(path))))
    good = c_text("recipe_texts.h", "good_recipe")
    write(folder, "good", good.encode())
    tail = good[good.index("tokenizer:"):]
    sources = "".join(f"  - {{name: s{n}, {keys}}}\n" for n, keys in enumerate((
        "kind: archive, path: a.tar", "kind: warc, path: w.gz, licence: MIT", "kind: text, path: t, split: paragraph, documents: 9", "kind: command, command: cat x",
        "kind: dataset, path: d, field: a.b, licence_field: l", "kind: debian, path: p", "kind: generator, generator: hearthside, documents: 3, language: en")))
    rules = ("  - {rule: gopher_quality, max_symbols: 0.2, stop_words: [a, b]}\n  - rule: near_duplicates\n    bands: 8\n  - {rule: personal_data, kinds: [email]}\n"
             "  - {rule: contamination, path: eval}\n  - {rule: opt_out, path: o}\n  - {rule: language, allow: [en]}\n")
    write(folder, "kinds", f"recipe: 1\nname: k\nlicence: MIT\ncontract: 1\nseed: 1\nheld_out: 0.5\nsources:\n{sources}rules:\n{rules}{tail}".encode())
    muon = tail.replace("adamw", "muon\n  muon_learning_rate: 0.02").replace("schedule: cosine", "schedule: wsd\n  decay_steps: 5").replace("family: llama", "family: qwen3-moe\n  experts: 4\n  experts_used: 2")
    write(folder, "muon", (good[:good.index("rules:")] + muon).encode())
    pair = {"recipe": 1, "name": "j", "licence": "MIT", "contract": 1, "seed": 1, "held_out": 0,
            "sources": [{"name": "g", "kind": "generator", "generator": "hearthside", "documents": 1}],
            "tokenizer": {"kind": "file", "path": "t.json", "sha256": "0" * 64, "special": ["<e>"]},
            "model": {"family": "olmo2", "layers": 1, "width": 8, "heads": 1, "mlp": 8, "context": 8, "tied": False},
            "train": {"format": "bf16", "steps": 1, "sequences": 1, "length": 2, "micro_batches": 1, "optimizer": "adamw", "learning_rate": 0.1,
                      "schedule": "constant", "checkpoint_steps": 1}}
    write(folder, "json", json.dumps(pair).encode())
    write(folder, "odd", b"recipe: &a 1\nname: *a\n? [x]\n: !!int 3\n---\n")


def seeds_openness(folder):
    """Descriptions and cards that ship, licences' texts, lines of a manifest."""
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "openness", "models", "*.yml"))):
        with open(path, "rb") as file:
            write(folder, os.path.basename(path), b"\1" + file.read())
    for path in glob.glob(os.path.join(ROOT, "models", "*", "*.md")):
        with open(path, "rb") as file:
            write(folder, path.replace(os.sep, "-")[-40:], b"\0" + file.read())
    with open(os.path.join(ROOT, "LICENSE"), "rb") as file:
        write(folder, "licence", b"\2" + file.read())
    write(folder, "clause", b"\2Above 700 million monthly active users, for non-commercial research purposes only.\n")
    write(folder, "manifest", b'\3{"id": "a", "source": "s", "created": "2023-01-17T22:50:55Z", "metadata": {"row": 1, "bytes": 9, "place": "a_1_all.deb:b", "license": "MIT", '
          b'"language": "en", "fate": "kept", "kept_bytes": 9, "split": "train"}}\n{"metadata": {"fate": "length", "place": "https://a.b/c"}}\n')


def seeds_template(folder):
    golden = os.path.join(ROOT, "tests", "template")
    with open(os.path.join(golden, "language.json"), encoding="utf-8") as file:
        language = json.load(file)
    with open(os.path.join(golden, "conversations.json"), encoding="utf-8") as file:
        conversation = json.load(file)["conversations"]["two calls"]
    variables = json.dumps({**language["variables"], **conversation}).encode()
    for number, case in enumerate(language["cases"]):
        write(folder, f"{number:03}", case["source"].encode() + b"\0" + (variables if number % 16 == 0 else b""))


SCHEMAS = [
    ('{"type":"object","properties":{"a":{"type":"integer","minimum":-5,"maximum":130},"b":{"type":"string","pattern":"^a+$"}},"required":["a"]}', '{"a": 12, "b": "aa"}'),
    ('{"anyOf":[{"type":"array","items":{"$ref":"#/$defs/x"},"minItems":1},{"const":{"k":[null]}}],"$defs":{"x":{"type":["number","null"],"multipleOf":0.5}}}', "[1.5, null]"),
    ('{"oneOf":[{"type":"integer"},{"minimum":2.5}],"not":{"enum":["x",true]}}', "3"),
    ('{"patternProperties":{"^x":{"type":"string","minLength":1,"maxLength":3}},"additionalProperties":false,"minProperties":1,"propertyNames":{"maxLength":4}}', '{"xy": "ab"}'),
    ('{"if":{"properties":{"a":{"const":"k"}}},"then":{"required":["b"]},"else":{"dependentRequired":{"c":["d"]}},"type":"object"}', '{"a": "k", "b": 1}'),
    ('{"type":"string","format":"date-time"}', '"2026-11-27T00:00:00Z"'),
    ('{"prefixItems":[{"type":"boolean"}],"items":false,"allOf":[{"maxItems":2}]}', "[true]"),
]
GRAMMARS = [
    ('root ::= "a" b{2,3} | [^x-z\\n]+ # note\nb ::= "b" | ("c" root)? .', "abb"),
    ('root ::= expr\nexpr ::= term ([-+*/] term)*\nterm ::= [0-9]+ | "(" expr ")"', "(1+2)*3"),
    ('root ::= "\\u00e9\\x41" root*', "\u00e9AA"),
]


def seeds_schema(folder):
    for number, (schema, text) in enumerate(SCHEMAS):
        write(folder, f"{number:03}", schema.encode() + b"\0" + text.encode())


def seeds_gbnf(folder):
    for number, (grammar, text) in enumerate(GRAMMARS):
        write(folder, f"{number:03}", grammar.encode() + b"\0" + text.encode())
    # Every text can be read in very many ways: one mask took seconds.
    write(folder, "ambiguous", b'root ::= expr\nexpr ::= term{5,} ([-+*+] term)*\nterm ::= [0-9root:(\nterm ::= [0-9hoo..]+ | "\x11" | .expr{0,}\0' + b" O" + 20 * b"5")


def seeds_trace_index(folder):
    for number, texts in enumerate((["abba", "ab", "bbb"], ["a" * 300, "a" * 20], ["ab" * 200 + "b" * number for number in range(4)], [])):
        files = trace_index(texts)
        write(folder, f"{number:03}", b"".join(struct.pack("<H", len(content)) + content for content in files) + b"ab")
        short = [struct.pack("<H", len(content)) + content for content in files[:4]] + [b"\xff\xff" * 2] + [struct.pack("<H", len(content)) + content for content in files[6:]]
        write(folder, f"{number:03}-tokens", b"".join(short) + b"ba")


def main():
    target = sys.argv[1]
    for name, make in list(globals().items()):
        if name.startswith("seeds_"):
            folder = os.path.join(target, name[len("seeds_"):])
            os.makedirs(folder, exist_ok=True)
            make(folder)


main()
