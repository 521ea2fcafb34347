"""Mask and compile times beside xgrammar and llguidance (pip install xgrammar llguidance numpy; xgrammar also wants torch,
or its wheel without dependencies where the C++ core alone is called).

    python peers.py MASK_TIMES ENCODER_JSON

MASK_TIMES is build/tests/structured/mask_times; ENCODER_JSON a byte-level vocabulary {token: id} (Llama 3's, 128,000
entries). Each engine makes the same twenty grammars and follows the same texts, one token a step; the time of a step is
that of its mask. "first" is a grammar's first text, "again" the second."""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time


def alphabet():
    """Of byte-level vocabularies: character to byte."""
    shown = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, more = {chr(b): b for b in shown}, 256
    for byte in range(256):
        if byte not in shown:
            table[chr(more)] = byte
            more += 1
    return table


def read_vocabulary(path):
    table = alphabet()
    entries = json.load(open(path))
    tokens = [b""] * (max(entries.values()) + 1)
    for text, i in entries.items():
        tokens[i] = bytes(table[c] for c in text) if all(c in table for c in text) else b""
    return tokens + [b""]  # the last one ends answers


def tokenize(text, known, longest):
    """Longest first: not what a model would write, but the same for all."""
    data, ids = text.encode(), []
    while data:
        for n in range(min(longest, len(data)), 0, -1):
            if data[:n] in known:
                ids.append(known[data[:n]])
                data = data[n:]
                break
    return ids


S, I, N, B = {"type": "string"}, {"type": "integer"}, {"type": "number"}, {"type": "boolean"}


def obj(properties, required=None, **more):
    return {"type": "object", "properties": properties, "required": list(properties) if required is None else required,
            "additionalProperties": False, **more}


def cases():
    person = obj({"name": S, "age": I, "email": S})
    yield person, {"name": "Ada Lovelace", "age": 36, "email": "ada@example.org"}
    yield obj({"city": S, "unit": {"enum": ["celsius", "fahrenheit"]}}), {"city": "Reykjavik", "unit": "celsius"}
    yield obj({"title": S, "tags": {"type": "array", "items": S}}), {"title": "A tale of two cities", "tags": ["novel", "history", "london"]}
    yield obj({"people": {"type": "array", "items": person}}), {"people": [{"name": "Grace Hopper", "age": 85, "email": "g@navy.mil"}] * 3}
    yield obj({"x": N, "y": N, "label": {"type": ["string", "null"]}}), {"x": 1.5, "y": -20.25, "label": None}
    yield obj({"id": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"}, "count": {"type": "integer", "minimum": 1, "maximum": 500}}), {"id": "ABC-1234", "count": 137}
    yield obj({"date": {"type": "string", "format": "date"}, "uuid": {"type": "string", "format": "uuid"}}), {"date": "2026-11-27", "uuid": "123e4567-e89b-12d3-a456-426614174000"}
    yield {"$defs": {"node": obj({"value": I, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}})}, "$ref": "#/$defs/node"}, {"value": 1, "children": [{"value": 2, "children": []}, {"value": 3, "children": [{"value": 4, "children": []}]}]}
    yield {"anyOf": [obj({"kind": {"const": "circle"}, "radius": N}), obj({"kind": {"const": "square"}, "side": N})]}, {"kind": "square", "side": 2.5}
    yield obj({"steps": {"type": "array", "items": obj({"explanation": S, "output": S})}, "answer": S}), {"steps": [{"explanation": "Subtract seven from both sides of the equation.", "output": "8x = -30"}, {"explanation": "Divide both sides by eight.", "output": "x = -3.75"}], "answer": "x = -3.75"}
    yield obj({"summary": {"type": "string", "maxLength": 200}, "score": {"type": "integer", "minimum": 0, "maximum": 10}}), {"summary": "The product arrived late but works as described, and support was friendly.", "score": 7}
    yield {"type": "object"}, {"anything": [1, 2, {"nested": True}], "text": "free form"}
    yield {"type": "object", "additionalProperties": I}, {"apples": 3, "pears": 14, "plums": 15}
    yield obj({k: S for k in ("first_name", "last_name", "street", "house_number", "postcode", "city", "country", "phone")}, ["first_name", "last_name"]), {"first_name": "Max", "last_name": "Mustermann", "city": "Berlin", "country": "Germany"}
    yield {"type": "array", "items": {"enum": ["positive", "neutral", "negative"]}, "minItems": 1, "maxItems": 20}, ["positive", "negative", "neutral"]
    yield obj({"sql": S, "tables": {"type": "array", "items": S}, "confidence": {"type": "number", "minimum": 0, "maximum": 1}}), {"sql": "SELECT name FROM users WHERE age > 30 ORDER BY name", "tables": ["users"], "confidence": 0.85}
    yield obj({"tool": {"const": "search"}, "arguments": obj({"query": S, "limit": I, "filters": {"type": "object", "additionalProperties": S}})}), {"tool": "search", "arguments": {"query": "open source inference", "limit": 10, "filters": {"lang": "en"}}}
    yield obj({"invoice": obj({"number": S, "lines": {"type": "array", "items": obj({"item": S, "quantity": I, "price": N})}, "total": N})}), {"invoice": {"number": "2026-0042", "lines": [{"item": "Paper, A4", "quantity": 5, "price": 4.99}, {"item": "Ink", "quantity": 1, "price": 32.0}], "total": 56.95}}
    yield {"type": "array", "prefixItems": [S, I, B], "items": False, "minItems": 3}, ["one", 2, True]
    yield obj({"language": {"enum": [c + d for c in "abcdefghij" for d in "klmnopqrst"]}, "text": S}), {"language": "ak", "text": "une phrase assez longue pour \u00eatre int\u00e9ressante"}


def quantiles(values):
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], ordered[-1]


def report(name, compiles, first, again):
    print(f"{name:12} compile median {statistics.median(compiles) / 1000:7.2f} ms, most {max(compiles) / 1000:7.2f} ms")
    for label, values in (("first", first), ("again", again)):
        median, p99, most = quantiles(values)
        print(f"{'':12} mask {label}: median {median:7.1f} us, p99 {p99:8.1f} us, most {most:8.1f} us, mean {statistics.mean(values):7.1f} us")


def ours(program, tokens, work):
    with tempfile.NamedTemporaryFile("w", suffix=".hex") as file:
        file.write("\n".join(t.hex() for t in tokens) + "\n")
        file.flush()
        lines = "".join(json.dumps({"schema": s, "tokens": ids}) + "\n" for s, _, ids in work)
        out = subprocess.run([program, file.name], input=lines, stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    report("openhearth", [r["compile_us"] for r in rows], sum((r["first_us"] for r in rows), []), sum((r["masks_us"] for r in rows), []))


def with_llguidance(tokens, work):
    import llguidance
    import llguidance.numpy

    class Words:
        eos_token_id = len(tokens) - 1
        bos_token_id = None
        special_token_ids = [len(tokens) - 1]

        def __init__(self):
            self.tokens = [t or b"\xff<%d>" % i for i, t in enumerate(tokens)]

        def __call__(self, text):
            return tokenize(text.decode() if isinstance(text, bytes) else text, KNOWN, LONGEST)

    words = llguidance.LLTokenizer(llguidance.TokenizerWrapper(Words()), n_vocab=len(tokens))
    compiles, first, again = [], [], []
    mask = llguidance.numpy.allocate_token_bitmask(1, len(tokens))
    for schema, _, ids in work:
        for times in (first, again):
            begin = time.perf_counter()
            matcher = llguidance.LLMatcher(words, llguidance.LLMatcher.grammar_from_json_schema(schema))
            if times is first:
                compiles.append((time.perf_counter() - begin) * 1e6)
            for token in ids:
                begin = time.perf_counter()
                llguidance.numpy.fill_next_token_bitmask(matcher, mask, 0)
                times.append((time.perf_counter() - begin) * 1e6)
                if not matcher.consume_token(token):
                    print("llguidance refuses", schema, matcher.get_error())
                    break
    report("llguidance", compiles, first, again)


def with_xgrammar(tokens, work):
    import numpy
    import xgrammar

    info = xgrammar.TokenizerInfo(list(tokens), vocab_type=xgrammar.VocabType.RAW, vocab_size=len(tokens), stop_token_ids=[len(tokens) - 1])
    compiles, first, again = [], [], []
    for schema, _, ids in work:
        compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        begin = time.perf_counter()
        compiled = compiler.compile_json_schema(json.dumps(schema), strict_mode=False)
        compiles.append((time.perf_counter() - begin) * 1e6)
        mask = xgrammar.allocate_token_bitmask(1, len(tokens))
        for times in (first, again):
            matcher = xgrammar.GrammarMatcher(compiled)
            for token in ids:
                begin = time.perf_counter()
                matcher.fill_next_token_bitmask(mask)
                times.append((time.perf_counter() - begin) * 1e6)
                if not matcher.accept_token(token):
                    print("xgrammar refuses", schema)
                    break
    report("xgrammar", compiles, first, again)


TOKENS = read_vocabulary(sys.argv[2])
KNOWN = {t: i for i, t in enumerate(TOKENS) if t}
LONGEST = max(len(t) for t in TOKENS)
WORK = [(s, v, tokenize(json.dumps(v, ensure_ascii=False), KNOWN, LONGEST)) for s, v in cases()]
print(f"{len(TOKENS)} tokens, {len(WORK)} schemas, {sum(len(ids) for _, _, ids in WORK)} steps")
ours(sys.argv[1], TOKENS, WORK)
for engine in (with_llguidance, with_xgrammar):
    try:
        engine(TOKENS, WORK)
    except ImportError as missing:
        print(missing)
