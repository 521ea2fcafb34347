#!/usr/bin/env python3
"""Indexes of up to 50 MB against a scan of their files, 2,000 queries each, and against infini-gram's engine on the same ids (PyPI: infini-gram). Prints TAP.

HEARTH_TRACE_MB: megabytes of the larger corpora (50)."""

import array
import json
import os
import random
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "cli"), os.path.join(os.path.dirname(os.path.dirname(HERE)), "bench")]
from tap import FIXTURES, SOURCE, Skip, folder, hearth, main, test  # noqa: E402

QUERIES = 2000
SIZE = int(os.environ.get("HEARTH_TRACE_MB", "50")) * 1000000
PROGRAM = sys.argv.pop(1)
TOKENIZER = os.path.join(SOURCE, "models", "debian-reader", "tokenizer.json")


def letters(rng, size):
    """One letter in documents of every length."""
    while size > 0:
        length = min(size, rng.choice([1, 2, 100, 5000, 2000000]))
        yield "a" * length
        size -= length


def periods(rng, size):
    """Periodic documents, copies of each other with another end."""
    piece = "abcabd" * 2000
    while size > 0:
        text = piece[rng.randrange(6):rng.randrange(100, len(piece))] + rng.choice(["", "x", "abc"])
        yield text
        size -= len(text)


def noise(rng, size):
    alphabet = "abcdefgh \n\u00e9\u4e16"
    while size > 0:
        text = "".join(rng.choices(alphabet, k=rng.randrange(1, 20000)))
        yield text
        size -= len(text)


def real(rng, size):
    """The fixtures' texts, over and over in other pieces."""
    names = [os.path.join(place, name) for place, _, names in os.walk(os.path.join(FIXTURES, "texts")) for name in sorted(names) if name.endswith(".txt")]
    if not names:
        raise Skip("no texts among the fixtures")
    texts = []
    for name in sorted(names):
        with open(name, encoding="utf-8", errors="ignore") as file:
            texts.append(file.read())
    while size > 0:
        text = rng.choice(texts)
        begin = rng.randrange(len(text))
        piece = text[begin:begin + rng.randrange(100, 200000)]
        yield piece
        size -= len(piece)


def index_of(place, texts, *options):
    path = os.path.join(place, "texts.jsonl")
    with open(path, "w", encoding="utf-8") as out:
        for text in texts:
            out.write(json.dumps({"text": text}) + "\n")
    index = os.path.join(place, "index")
    made = hearth("trace", "index", path, "-q", "--tokenizer", TOKENIZER, "-o", index, "--json", *options, timeout=3000)
    assert made.code == 0, made
    return index, json.loads(made.out)


def read_units(index, unit):
    """All shards' units in one: documents' texts between separators, 2 bytes a token."""
    documents = []
    for shard in range(10000):
        name = os.path.join(index, f"{shard:05}")
        if not os.path.exists(name + ".documents"):
            return documents
        with open(name + ".documents", "rb") as file:
            records = list(struct.iter_unpack("<QQQ", file.read()))
        with open(name + "." + unit, "rb") as file:
            data = file.read()
        width, field, end = (2, 1, 3) if unit == "tokens" else (1, 0, 5)
        documents += [data[a[field] * width:(b[field] - end) * width] for a, b in zip(records, records[1:])]
    return documents


def scan(data, query, width):
    if width == 1 and not any(query[:k] == query[-k:] for k in range(1, len(query))):
        return data.count(query)   # it cannot overlap itself
    count, at = 0, data.find(query)
    while at >= 0:
        count += at % width == 0
        at = data.find(query, at + 1)
    return count


def make_queries(rng, documents, width, longest):
    queries = []
    for number in range(QUERIES):
        text = rng.choice(documents)
        length = rng.choice([1, 2, 3, 5, 8, 13, longest])
        begin = rng.randrange(len(text) // width)
        query = bytearray(text[begin * width:(begin + length) * width])
        if number % 4 == 1:
            other = rng.choice(documents)
            at, of = rng.randrange(len(query) // width), rng.randrange(len(other) // width)
            query[at * width:(at + 1) * width] = other[of * width:(of + 1) * width]
        if number % 4 == 2:   # over a border
            following = documents[(documents.index(text) + 1) % len(documents)]
            query = text[-3 * width:] + following[:3 * width]
        queries.append(bytes(query))
    return queries


def search(index, unit, how, queries):
    lines = [query.hex() if unit == "bytes" else " ".join(map(str, struct.unpack(f">{len(query) // 2}H", query))) for query in queries]
    out = subprocess.run([PROGRAM, index, unit, how], input="\n".join(lines).encode() + b"\n", stdout=subprocess.PIPE, check=True).stdout
    return [tuple(map(int, line.split()))[:2] for line in out.decode().splitlines()]


def check(texts, rng, *options):
    with folder() as place:
        index, made = index_of(place, texts, *options)
        for unit, width in (("bytes", 1), ("tokens", 2)):
            documents = read_units(index, "text" if unit == "bytes" else unit)
            data = (b"\xff" * width).join(documents)
            queries = make_queries(rng, documents, width, 40)
            known = {}
            for query, (count, length) in zip(queries, search(index, unit, "find", queries)):
                if query not in known:
                    known[query] = scan(data, query, width)
                assert (known[query], len(query) // width) == (count, length), (unit, query, count, known[query])
            print(f"# {made['bytes']} bytes in {made['shards']} shards, at most {made['parts']} parts: {QUERIES} counts by {unit}")
        return made


@test
def one_letter():
    """Counted by the documents' lengths."""
    rng = random.Random(1)
    texts = list(letters(rng, SIZE))
    with folder() as place:
        index, _ = index_of(place, texts, "--memory", str(max(SIZE * 2, 1000000)))
        lengths = [len(text) for text in texts]
        asked = sorted({rng.choice([rng.randrange(1, 200), rng.randrange(1, 6000), rng.randrange(1, 2000002)]) for _ in range(QUERIES)})[:300]
        answers = search(index, "bytes", "find", [b"a" * length for length in asked])
        for length, (count, _) in zip(asked, answers):
            assert count == sum(max(0, one - length + 1) for one in lengths), length


@test
def periodic_texts():
    made = check(periods(random.Random(2), SIZE // 5), random.Random(3), "--memory", str(max(SIZE // 10, 1000000)))
    assert made["parts"] > 1


@test
def random_texts():
    check(noise(random.Random(4), SIZE // 5), random.Random(5), "--shard", str(SIZE // 60))


@test
def real_texts_in_one_part():
    made = check(real(random.Random(6), SIZE), random.Random(7))
    assert made["parts"] == 1


@test
def real_texts_in_many_parts():
    made = check(real(random.Random(6), SIZE), random.Random(8), "--memory", str(max(SIZE, 1000000)), "--shard", str(SIZE * 2 // 3))
    assert made["parts"] > 1 and made["shards"] > 1


@test
def infini_gram_counts_the_same():
    try:
        import infini_gram
        from infini_gram.engine import InfiniGramEngine
    except ImportError as error:
        raise Skip("infini-gram is not installed") from error
    import trace_peers

    with folder() as place:
        index, made = index_of(place, real(random.Random(9), SIZE // 5))
        theirs = os.path.join(place, "theirs")
        trace_peers.write_infinigram(index, theirs)
        trace_peers.build_infinigram(os.path.dirname(infini_gram.__file__), theirs, 2, 2)
        engine = InfiniGramEngine(theirs, eos_token_id=0, vocab_size=65535, version=4, token_dtype="u16", max_support=1 << 40)
        queries = make_queries(random.Random(10), read_units(index, "tokens"), 2, 40)
        ids = [list(struct.unpack(f">{len(query) // 2}H", query)) for query in queries]
        for query, (count, _), (rest, length) in zip(ids, search(index, "tokens", "find", queries), search(index, "tokens", "suffix", queries)):
            assert engine.count(query)["count"] == count, query
            answer = engine.infgram_prob(query, query[-1])
            assert (answer["suffix_len"], answer["prompt_cnt"]) == (length, rest), (query, answer, length, rest)
        for query in ids[:100]:
            row = json.loads(hearth("trace", "next", index, " ".join(map(str, query)), "--ids", "--json", "-n", "1000000").out)
            answer = engine.infgram_ntd(query)
            ours = {65535 if one["end"] else one["id"]: one["count"] for one in row["next"]}
            wanted = {token: one["cont_cnt"] for token, one in answer["result_by_token_id"].items()}
            ended = ours.pop(65535, 0)
            wanted.pop(0 if 0 not in ours else None, None)   # their eos
            assert ours == wanted, (query, ours, wanted, ended)
        print(f"# {made['tokens']} tokens, {QUERIES} counts and contexts, 100 distributions")


main()
