#!/usr/bin/env python3
"""`hearth trace` beside infini-gram's engine (PyPI: infini-gram) on the same token ids and queries: building, size, time of a query.

    bench/trace_peers.py [--megabytes N ...] [--memory GB] [--queries N] [--folder DIR] [--hearth build/hearth] [--texts DIR ...]

Texts are the files below DIR that are UTF-8 (gzip is read, equal files count once): by default the fixtures' texts and what Debian has installed. Both index
the ids that models/debian-reader's tokenizer gives; infini-gram is given them as hearth wrote them, so that its own tokenization is no part of its time.
Queries are runs of 1 to 12 tokens from the texts, half of them with one token replaced. infini-gram's are timed in Python, less what a call of its
costs that does nothing; its index is read once before. Counts must agree. Without the package hearth is measured alone. Prints JSON."""

import argparse
import array
import glob
import gzip
import hashlib
import json
import math
import os
import random
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIXTURES = os.environ.get("HEARTH_FIXTURES", os.path.join(ROOT, "..", "shared", "fixtures"))
TEXTS = [os.path.join(FIXTURES, "texts"), "/usr/share/man", "/usr/share/doc", "/usr/lib/python3", "/usr/lib/python3.11", "/usr/include", "/usr/share", "/usr/lib"]


def files_below(folder):
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(place, name)
            if not os.path.islink(path) and os.path.isfile(path):
                yield path


def read_text(path):
    try:
        if os.path.getsize(path) > 32 << 20:
            return None
        with open(path, "rb") as file:
            data = file.read()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        if len(data) < 100 or len(data) > 32 << 20 or b"\0" in data:
            return None
        return data.decode()
    except (OSError, EOFError, ValueError, gzip.zlib.error):
        return None


def gather(folders, size, path):
    """JSON lines of at most `size` bytes of text; how many there are."""
    seen, written = set(), 0
    with open(path, "w", encoding="utf-8") as out:
        for folder in folders:
            for name in files_below(folder):
                text = read_text(name)
                digest = hashlib.sha256(text.encode()).digest() if text else None
                if digest is None or digest in seen:
                    continue
                seen.add(digest)
                written += len(text.encode())
                out.write(json.dumps({"text": text}) + "\n")
                if written >= size:
                    return written
    return written


def processor_seconds():
    """Of the children that have ended: what building costs, whatever else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(command, **more):
    """Seconds, processor seconds, and the peak of anonymous memory of what was run, in MiB."""
    began, before = time.monotonic(), processor_seconds()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    peak = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status", encoding="utf-8") as lines:
                peak = max([peak] + [int(line.split()[1]) // 1024 for line in lines if line.startswith("RssAnon")])
        except OSError:
            pass
        time.sleep(0.05)
    out, err = process.communicate()
    if process.returncode != 0:
        sys.exit(f"{command}: {err.decode(errors='replace')}")
    return time.monotonic() - began, processor_seconds() - before, peak, out


def size_of(folder, *patterns):
    return sum(os.path.getsize(name) for pattern in patterns for name in glob.glob(os.path.join(folder, pattern)))


# ---- hearth ----

def build_hearth(hearth, source, folder, memory, by):
    took, processor, peak, out = timed([hearth, "trace", "index", source, "-q", "--json", "--tokenizer", os.path.join(ROOT, "models", "debian-reader", "tokenizer.json"), "--by", by,
                             "--memory", str(int(memory * 1e9)), "--shard", "1TB", "-o", folder])
    made = json.loads(out)
    sizes = {"tokens": size_of(folder, "*.tokens", "*.tokens.*"), "bytes": size_of(folder, "*.text", "*.text.*")}
    return {"seconds": took, "processor_seconds": processor, "of_them_sorting": made["sorting_seconds"], "anonymous_memory_mib": peak, "documents": made["documents"], "text_bytes": made["bytes"], "tokens": made["tokens"], "parts": made["parts"], "size": sizes}


def search_hearth(program, folder, unit, how, lines):
    out = subprocess.run([program, folder, unit, how], input="".join(lines).encode(), stdout=subprocess.PIPE, check=True).stdout.split(b"\n")
    rows = [tuple(map(int, line.split())) for line in out if line]
    return [row[0] for row in rows], [row[2] / 1000 for row in rows]


# ---- infini-gram ----

def read_documents(folder):
    """Each document's ids, from a shard of hearth's: 2 bytes each, big endian, 3 behind each document."""
    with open(os.path.join(folder, "00000.documents"), "rb") as file:
        records = list(struct.iter_unpack("<QQQ", file.read()))
    with open(os.path.join(folder, "00000.tokens"), "rb") as file:
        for (_, begin, _), (_, end, _) in zip(records, records[1:]):
            ids = array.array("H", file.read(2 * (end - begin)))
            ids.byteswap()
            yield ids[:-3]


def write_infinigram(hearth_folder, folder):
    os.makedirs(folder)
    at = 0
    with open(os.path.join(folder, "tokenized.0"), "wb") as out, open(os.path.join(folder, "offset.0"), "wb") as offsets:
        for ids in read_documents(hearth_folder):
            offsets.write(struct.pack("<Q", at))
            out.write(b"\xff\xff" + ids.tobytes())
            at += 2 + 2 * len(ids)


def build_infinigram(package, folder, memory, cpus):
    """What its indexing.py does after tokenizing."""
    tokens = os.path.join(folder, "tokenized.0")
    size = os.path.getsize(tokens)
    ratio = math.ceil(math.log2(size) / 8)
    batches = 1
    while batches * (memory * 1e9 // 8) < size:
        batches *= 2
    jobs = batches * cpus
    part = (size // jobs + 1) // 2 * 2
    parts, merged = os.path.join(folder, "parts"), os.path.join(folder, "merged")
    os.makedirs(parts)
    os.makedirs(merged)
    program = os.path.join(package, "rust_indexing")
    common = ["--ratio", str(ratio), "--token-width", "2"]
    began, before, peak = time.monotonic(), processor_seconds(), 0
    for first in range(0, jobs, cpus):
        running = [subprocess.Popen([program, "make-part", "--data-file", tokens, "--parts-dir", parts, "--start-byte", str(i * part),
                                     "--end-byte", str(min((i + 1) * part + 100000, size)), *common], stdout=subprocess.DEVNULL) for i in range(first, first + cpus)]
        while any(process.poll() is None for process in running):
            now = 0
            for process in running:
                try:
                    with open(f"/proc/{process.pid}/status", encoding="utf-8") as lines:
                        now += sum(int(line.split()[1]) // 1024 for line in lines if line.startswith("RssAnon"))
                except OSError:
                    pass
            peak = max(peak, now)
            time.sleep(0.05)
        if any(process.returncode for process in running):
            sys.exit("infini-gram: make-part failed")
    sort = time.monotonic() - began
    for step in (["merge", "--data-file", tokens, "--parts-dir", parts, "--merged-dir", merged, "--num-threads", str(cpus), "--hacksize", "100000"],
                 ["concat", "--data-file", tokens, "--merged-dir", merged, "--merged-file", os.path.join(folder, "table.0"), "--num-threads", str(cpus)]):
        subprocess.run([program, *step, *common], check=True, stdout=subprocess.DEVNULL)
    took, processor = time.monotonic() - began, processor_seconds() - before
    shutil.rmtree(parts)
    shutil.rmtree(merged, ignore_errors=True)
    return {"seconds": took, "processor_seconds": processor, "of_them_sorting": sort, "jobs": jobs, "anonymous_memory_mib": peak, "size": size_of(folder, "tokenized.0", "table.0", "offset.0")}


def search_infinigram(folder, queries):
    from infini_gram.engine import InfiniGramEngine

    engine = InfiniGramEngine(folder, eos_token_id=0, vocab_size=65535, version=4, token_dtype="u16")
    counts, took = [], []
    idle = []
    for _ in range(1000):
        began = time.perf_counter_ns()
        engine.count([])
        idle.append((time.perf_counter_ns() - began) / 1000)
    for ids in queries:
        began = time.perf_counter_ns()
        answer = engine.count(ids)
        took.append((time.perf_counter_ns() - began) / 1000)
        counts.append(answer["count"])
    rest = statistics.median(idle)
    return counts, [max(0.0, one - rest) for one in took]


def spread(times):
    ordered = sorted(times)
    return {"median_us": round(statistics.median(ordered), 2), "p99_us": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 2)}


# ---- the whole ----

def make_queries(folder, count):
    rng = random.Random(8)
    documents = [ids for ids in read_documents(folder) if len(ids) > 20]
    weights = [len(ids) for ids in documents]
    queries = []
    for number, ids in enumerate(rng.choices(documents, weights, k=count)):
        begin = rng.randrange(len(ids) - 12)
        query = list(ids[begin:begin + rng.randint(1, 12)])
        if number % 2:
            other = rng.choice(documents)
            query[rng.randrange(len(query))] = other[rng.randrange(len(other))]
        queries.append(query)
    return queries


def warm(*folders):
    for folder in folders:
        for name in glob.glob(os.path.join(folder, "*")):
            with open(name, "rb") as file:
                while file.read(1 << 24):
                    pass


def measure(arguments, folder, size, package):
    source = os.path.join(folder, "texts.jsonl")
    ours, theirs = os.path.join(folder, "hearth"), os.path.join(folder, "infinigram")
    gather(arguments.texts, size, source)
    result = {"hearth": build_hearth(arguments.hearth, source, ours, arguments.memory, arguments.by)}
    if arguments.by == "tokens" or arguments.by == "both":
        queries = make_queries(ours, arguments.queries)
        lines = [" ".join(map(str, ids)) + "\n" for ids in queries]
        program = os.path.join(os.path.dirname(arguments.hearth), "tests", "trace", "trace_queries")
        if package:
            write_infinigram(ours, theirs)
            result["infini-gram"] = build_infinigram(package, theirs, arguments.memory, arguments.cpus)
        warm(ours, *([theirs] if package else []))
        rounds = [search_hearth(program, ours, "tokens", "find", lines) for _ in range(3)]
        result["hearth"]["query"] = min((spread(times) for _, times in rounds), key=lambda row: row["median_us"])
        if package:
            runs = [search_infinigram(theirs, queries) for _ in range(3)]
            result["infini-gram"]["query"] = min((spread(times) for _, times in runs), key=lambda row: row["median_us"])
            result["counts_differ"] = sum(a != b for a, b in zip(rounds[0][0], runs[0][0]))
    result["load"] = os.getloadavg()
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10])
    parser.add_argument("--memory", type=float, default=2.0, help="GB")
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--by", choices=["tokens", "both"], default="tokens")
    parser.add_argument("--cpus", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", default=None)
    parser.add_argument("--hearth", default=os.path.join(ROOT, "build", "hearth"))
    parser.add_argument("--texts", nargs="+", default=TEXTS)
    arguments = parser.parse_args()
    try:
        import infini_gram
        package = os.path.dirname(infini_gram.__file__)
    except ImportError:
        package = None
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    for megabytes in arguments.megabytes:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            print(json.dumps({"megabytes": megabytes, **measure(arguments, folder, megabytes * 1000000, package)}, indent=1), flush=True)


if __name__ == "__main__":
    main()
