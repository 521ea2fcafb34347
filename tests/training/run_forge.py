"""What forgers of runs do, for the tests of verification and reproduction: tensors changed bit by bit, chains of hashes written anew."""

import ctypes
import ctypes.util
import hashlib
import json
import os
import shutil
import struct

from run_folder import folder, read, records, write


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# ---- the forger's tools ----

def zstd_read(data):
    library = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    library.ZSTD_decompress.restype = ctypes.c_size_t
    out = ctypes.create_string_buffer(1 << 22)
    size = library.ZSTD_decompress(out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)))
    assert size <= len(out)
    return out.raw[:size]


def zstd_write(data):
    library = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    library.ZSTD_compress.restype = ctypes.c_size_t
    out = ctypes.create_string_buffer(len(data) + 65536)
    size = library.ZSTD_compress(out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)), 3)
    assert size <= len(out)
    return out.raw[:size]  # behind the call: `raw` copies


def lines(run):
    return read(run, "log.jsonl").splitlines()


def write_log(run, made_lines):
    write(b"".join(line + b"\n" for line in made_lines), run, "log.jsonl")


def edit_line(run, number, old, new):
    log = lines(run)
    assert old in log[number], log[number]
    log[number] = log[number].replace(old, new, 1)
    write_log(run, log)


def step_line(run, step):
    return next(i for i, r in enumerate(records(run)) if r["kind"] == "step" and r["step"] == step)


def refile(place):
    """state.json's hashes of the files beside it."""
    state = json.loads(read(place, "state.json"))
    state["files"] = {name: sha256(read(place, name)) for name in state["files"]}
    write(json.dumps(state, indent=2) + "\n", place, "state.json")
    return state


def forge(run, change=lambda records: None, states=True):
    """Writes the chain anew over changed records, and everything that tells its hashes."""
    log = records(run)
    change(log)
    previous, out, ends = "0" * 64, [], {}
    length = 0
    for record in log:
        record["previous"] = previous
        line = json.dumps(record, separators=(",", ":")).encode()
        previous = sha256(line)
        out.append(line)
        length += len(line) + 1
        if record["kind"] == "checkpoint":
            ends[record["step"]] = (previous, length, record)
    write_log(run, out)
    if not states:
        return
    model = os.path.join(run, "model")
    shutil.copy(os.path.join(run, "log.jsonl"), model)
    places = {os.path.join(run, "checkpoints", f"step-{step:06}"): step for step in ends}
    places[model] = max(ends)
    for place, step in places.items():
        for name in ("recipe.yaml", "tokenizer.json"):
            shutil.copy(os.path.join(run, name), place)
        refile(place)
        state = json.loads(read(place, "state.json"))
        state["chain"], state["log_bytes"], record = ends[step]
        state["weights"], state["optimizer"], state["recipe"] = record["weights"], record["optimizer"], log[0]["recipe"]
        write(json.dumps(state, indent=2) + "\n", place, "state.json")


def forge_alone(model, change):
    """The same of a model that was carried away."""
    with folder() as place:
        run = os.path.join(place, "run")
        shutil.copytree(model, run)
        shutil.copytree(model, os.path.join(run, "model"))
        forge(run, change, states=False)
        chained = read(run, "log.jsonl")
    write(chained, model, "log.jsonl")
    refile(model)
    state = json.loads(read(model, "state.json"))
    state["chain"], state["log_bytes"] = sha256(chained.splitlines()[-1]), len(chained)
    write(json.dumps(state), model, "state.json")


def of_step(log, step, kind="step"):
    return next(r for r in log if r["kind"] == kind and r["step"] == step)


def tensors(path):
    """Header, and where the data begins."""
    data = bytearray(read(path))
    size = struct.unpack_from("<Q", data)[0]
    return data, json.loads(bytes(data[8:8 + size])), 8 + size


def flip(path, name, value, bit=0):
    """One bit of one value of one tensor."""
    data, header, begin = tensors(path)
    width = 2 if header[name]["dtype"] == "BF16" else 4
    data[begin + header[name]["data_offsets"][0] + value * width] ^= 1 << bit
    write(bytes(data), path)


def floats(path, suffix=""):
    """All values of a file in the order of its data, for the digest of a run's values."""
    data, header, begin = tensors(path)
    header.pop("__metadata__", None)
    entries = sorted((e["data_offsets"], n) for n, e in header.items() if n.endswith(suffix))
    return b"".join(bytes(data[begin + a:begin + b]) for (a, b), _ in entries)


def digests(checkpoint):
    return (sha256(floats(os.path.join(checkpoint, "model.safetensors"))),
            sha256(floats(os.path.join(checkpoint, "optimizer.safetensors"), ".mean") + floats(os.path.join(checkpoint, "optimizer.safetensors"), ".square")))


def forge_weights(run, step):
    """After a change of a checkpoint's tensors: its record, and the chain, tell of the new ones."""
    place = os.path.join(run, "checkpoints", f"step-{step:06}")
    weights, optimizer = digests(place)
    def change(log):
        record = of_step(log, step, "checkpoint")
        record["weights"], record["optimizer"], record["model"] = weights, optimizer, sha256(read(place, "model.safetensors"))
    forge(run, change)
    if step == 24:
        shutil.copy(os.path.join(run, "checkpoints", "step-000024", "model.safetensors"), os.path.join(run, "model"))
        refile(os.path.join(run, "model"))


EMBEDDING = "model.embed_tokens.weight"
NORM = "model.norm.weight"


def replace(run, name, old, new):
    data = read(run, name)
    assert old in data, (name, old)
    write(data.replace(old, new, 1), run, name)


def change_recipe(run, old, new):
    """A hyper-parameter, and all hashes that hang on the recipe."""
    before = sha256(read(run, "recipe.yaml"))
    replace(run, "recipe.yaml", old, new)
    after = sha256(read(run, "recipe.yaml"))
    replace(run, "corpus/corpus.json", before.encode(), after.encode())
    shutil.copy(os.path.join(run, "corpus", "corpus.json"), os.path.join(run, "model"))
    forge(run, lambda log: log[0].update(recipe=after, corpus=sha256(read(run, "corpus", "corpus.json"))))
