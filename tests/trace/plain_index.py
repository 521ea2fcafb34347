"""docs/formats/trace-index.md in Python: a small index of texts of the letters a and b, slow and plain, for tests and first inputs of the fuzzer."""

import hashlib
import json
import re
import struct

NAMES = ["index.json", *("00000" + name for name in (".documents", ".facts", ".text", ".text.order", ".text.keys", ".tokens", ".tokens.order", ".tokens.keys"))]
VOCABULARY = ('{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"decoder":{"type":"ByteLevel"},'
                    '"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"<s>":3},"merges":[["a","b"]]},'
                    '"added_tokens":[{"id":3,"content":"<s>","special":true}]}')


def trace_array(documents, width, digits):
    """The units' file, its order and its keys, and where each document begins."""
    ones, base = (1 << 8 * width) - 1, 1 << (8 * width - 1)
    units, begins, texts = [], [], []
    for number, document in enumerate(documents):
        begins.append(len(units))
        texts += range(len(units), len(units) + len(document))
        units += [*document, ones, *(number // base**power % base for power in reversed(range(digits)))]
    begins.append(len(units))
    data = b"".join(unit.to_bytes(width, "big") for unit in units)
    order = sorted(texts, key=lambda at: data[at * width:])
    bits = max(1, (len(units) - 1).bit_length())
    packed = sum(at << i * bits for i, at in enumerate(order)).to_bytes((len(order) * bits + 7) // 8, "little") + bytes(8)
    keys = b""
    for at in order[::256]:
        end = at
        while units[end] != ones:
            end += 1
        keys += data[at * width:(end + 1) * width][:16].ljust(16, b"\0")
    return data, packed, keys, begins


def trace_index(texts):
    """What NAMES hold, in their order; tokenizer.json is VOCABULARY."""
    tokens = [[2 if pair == "ab" else "ab".index(pair[0]) for pair in re.findall("ab|a|b", text)] for text in texts]
    text, text_order, text_keys, text_begins = trace_array([text.encode() for text in texts], 1, 4)
    token, token_order, token_keys, token_begins = trace_array(tokens, 2, 2)
    facts, fact_begins = b"", [0]
    for number in range(len(texts)):
        facts += json.dumps({"id": "0" * 64, "row": number + 1, "source": "s", "place": f"p{number}", "licence": "MIT"}).encode() + b"\n"
        fact_begins.append(len(facts))
    documents = b"".join(struct.pack("<QQQ", *row) for row in zip(text_begins, token_begins, fact_begins))
    files = {".documents": documents, ".facts": facts, ".text": text, ".text.order": text_order, ".text.keys": text_keys, ".tokens": token,
             ".tokens.order": token_order, ".tokens.keys": token_keys}
    shard = {"documents": len(texts), "bytes": sum(len(text.encode()) for text in texts), "tokens": sum(map(len, tokens)),
             "files": {name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()}}
    root = {"format": "hearth-trace-index", "version": 1, "corpus": {"name": "seed"},
            "tokenizer": {"sha256": hashlib.sha256(VOCABULARY.encode()).hexdigest(), "vocabulary": 4}, "shards": [shard]}
    return [json.dumps(root).encode(), *files.values()]
