#!/usr/bin/env python3
"""BF16 in the lossless form (docs/formats/lossless.md) through the program: `test_lossless.py HEARTH`. Prints TAP.

A small real model in BF16 is stored so and brought back byte for byte; log-probabilities are the same bits with and without the
form, in memory and stored; what is damaged is refused in one line or answers, and never ends in a signal."""

import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

HEARTH = os.path.abspath(sys.argv[1])
FIXTURES = os.environ.get("HEARTH_FIXTURES") or os.path.join(os.environ.get("HEARTH_SOURCE", "."), "..", "shared", "fixtures")
MODEL = os.path.join(FIXTURES, "stories260K", "stories260K-f32.gguf")
TEXT = "Once upon a time there was a little girl who had a red ball. One day she went to the park with her mom."
LOSSLESS = 0x314C4248


def run(*words, env=None, code=0):
    done = subprocess.run([HEARTH, *words], capture_output=True, text=True, timeout=120, env={**os.environ, **(env or {})})
    assert done.returncode == code, (words, done.returncode, done.stderr[-500:])
    return done


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Files:
    def __init__(self, folder):
        self.folder = folder
        self.plain, self.packed, self.text = self.at("plain.gguf"), self.at("packed.gguf"), self.at("text.txt")
        with open(self.text, "w") as out:
            out.write(TEXT)
        run("quantize", MODEL, "bf16", self.plain)
        self.report = json.loads(run("quantize", self.plain, "--lossless", self.packed, "--json").stdout)

    def at(self, name):
        return os.path.join(self.folder, name)


def tensors(path):
    """Name, type and place of each tensor, by a reader of its own."""
    with open(path, "rb") as file:
        data = file.read()
    at = 8

    def take(form):
        nonlocal at
        value = struct.unpack_from("<" + form, data, at)[0]
        at += struct.calcsize(form)
        return value

    def string():
        nonlocal at
        length = take("Q")
        at += length
        return data[at - length:at].decode("utf-8", "replace")

    def skip(kind):
        nonlocal at
        if kind == 8:
            string()
        elif kind == 9:
            element, count = take("I"), take("Q")
            for _ in range(count):
                skip(element)
        else:
            at += {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}[kind]

    count, values = take("Q"), take("Q")
    for _ in range(values):
        string()
        skip(take("I"))
    found = []
    for _ in range(count):
        name = string()
        shape = [take("Q") for _ in range(take("I"))]
        found.append((name, take("I"), take("Q"), shape[::-1]))
    start = (at + 31) // 32 * 32
    return data, [(name, kind, start + offset, shape) for name, kind, offset, shape in found]


def check_stored(files):
    _, before = tensors(files.plain)
    data, after = tensors(files.packed)
    assert os.path.getsize(files.packed) < 0.9 * os.path.getsize(files.plain)
    packed = [t for t in after if t[1] == LOSSLESS]
    assert len(packed) > 20 and len(packed) == sum(kind == 30 and len(shape) == 2 for _, kind, _, shape in before)
    assert sum(t["to"] == "BF16 lossless" and t["error"] == 0 for t in files.report["tensors"]) == len(packed)
    for _, _, at, shape in packed:
        panels = -(-shape[0] // 16)
        places = struct.unpack_from(f"<{panels + 1}Q", data, at)
        assert places[0] == -(-8 * (panels + 1) // 64) * 64 and at + 8 * panels + places[-1] <= len(data)


def check_back(files):
    for kind in ("bf16", "q8_0"):
        run("quantize", files.plain, kind, files.at("a-" + kind))
        run("quantize", files.packed, kind, files.at("b-" + kind))
        assert digest(files.at("a-" + kind)) == digest(files.at("b-" + kind)), kind
    run("convert", files.plain, files.at("folder-a"))
    run("convert", files.packed, files.at("folder-b"))
    for name in ("model.safetensors", "config.json"):
        assert digest(files.at("folder-a/" + name)) == digest(files.at("folder-b/" + name)), name
    run("quantize", files.packed, "--lossless", files.at("again"))
    assert digest(files.at("again")) == digest(files.packed)


def score(path, *words, env=None):
    out = json.loads(run("score", path, *words, "--json", env=env).stdout)
    return json.dumps([out[key] for key in sorted(out) if key in ("tokens", "pieces", "log_probability", "perplexity")])


def check_results(files):
    for compute in ("native", "f32"):
        how = (files.text, "--compute", compute)
        expected = score(files.plain, *how, "--lossless", "off")
        assert len(expected) > 20, expected
        for isa in ("scalar", None):
            env = {"HEARTH_ISA": isa} if isa else {}
            for path in (files.plain, files.packed):
                for choice in ("auto", "on", "off"):
                    assert score(path, *how, "--lossless", choice, env=env) == expected, (compute, isa, path, choice)
        assert score(files.packed, *how, "--memory", "0") == expected  # rows out of the mapping
    answer = ("--raw", "-p", "Once upon a time", "-n", "24", "--temperature", "0")
    texts = {run("run", path, *answer, "--lossless", choice, "--threads", threads).stdout
             for path in (files.plain, files.packed) for choice in ("on", "off") for threads in ("1", "2")}
    assert len(texts) == 1 and len(texts.pop()) > 20


def check_told(files):
    for path in (files.plain, files.packed):
        out = json.loads(run("bench", path, "--prefill", "0", "--decode", "2", "--rounds", "1", "--json").stdout)
        told = out["lossless"]
        assert told["blocks"] > 100 and told["share_fitting"] > 0.9 and 12 < told["bits_per_weight"] < 14, told
    off = json.loads(run("bench", files.plain, "--prefill", "0", "--decode", "2", "--rounds", "1", "--json", "--lossless", "off").stdout)
    assert off["lossless"]["blocks"] == 0 and off["weights_bytes"] > out["weights_bytes"]
    shown = json.loads(run("show", files.packed, "--json").stdout)
    assert "BF16 lossless" in json.dumps(shown)


def check_budget(files):
    """Weights that do not fit the form take no more memory than they may, whatever was hoped for."""
    data, after = tensors(files.plain)
    data, draw = bytearray(data), random.Random(3)
    matrices = [(at, 2 * shape[0] * shape[1]) for _, kind, at, shape in after if kind == 30 and len(shape) == 2]
    for at, size in matrices:
        for i in range(at, at + size, 2):
            data[i:i + 2] = (draw.getrandbits(16) & 0xBFFF).to_bytes(2, "little")   # any exponent below 2
    path = files.at("wild.gguf")
    with open(path, "wb") as out:
        out.write(data)
    raw = sum(size for _, size in matrices)
    for choice in ("auto", "on", "off"):
        out = json.loads(run("bench", path, "--prefill", "8", "--decode", "2", "--rounds", "1", "--json", "--lossless", choice,
                             "--memory", str(raw * 9 // 10)).stdout)
        assert out["resident_bytes"] <= raw * 9 // 10 and out["streamed_bytes"] > 0, (choice, raw, out)


def check_experts(files):
    """Biases of experts are no matrices: they stay BF16, the model opens, and the way to a folder is that of the BF16 file."""
    golden = os.path.join(os.environ.get("HEARTH_SOURCE", "."), "tests", "model", "golden", "families", "gpt-oss.gguf")
    plain, packed = files.at("experts.gguf"), files.at("experts-packed.gguf")
    run("quantize", golden, "bf16", plain, "--tensor", "*_exps.bias=bf16")
    run("quantize", plain, "--lossless", packed)
    kinds = {name: kind for name, kind, _, _ in tensors(packed)[1]}
    assert LOSSLESS in kinds.values() and not any(kind == LOSSLESS for name, kind in kinds.items() if name.endswith(".bias")), kinds
    run("bench", packed, "--prefill", "8", "--decode", "2", "--rounds", "1")
    for path in (plain, packed):
        run("convert", path, path + ".folder")
    assert digest(plain + ".folder/model.safetensors") == digest(packed + ".folder/model.safetensors")


def widened(path, bias_kind, bias):
    """gpt-oss's golden with experts of 64 hidden values in place of 48, and a bias of the first layer in another form."""
    golden = os.path.join(os.environ.get("HEARTH_SOURCE", "."), "tests", "model", "golden", "families", "gpt-oss.gguf")
    data, before = tensors(golden)
    wide = [[64 if n == 48 else n for n in shape] for _, _, _, shape in before]
    name = before[0][0].encode()
    head = data[:data.index(struct.pack("<Q", len(name)) + name)]
    for key in (b"gpt-oss.expert_feed_forward_length", b"gpt-oss.feed_forward_length"):
        old = key + struct.pack("<II", 4, 48)
        assert head.count(old) == 1, key
        head = head.replace(old, key + struct.pack("<II", 4, 64))
    body, infos = b"", b""
    for (name, kind, at, shape), now in zip(before, wide):
        size = {0: 4, 30: 2}[kind]
        values = 1
        for n in now:
            values *= n
        raw = data[at:at + size * values] if now == shape else bytes(size * values)
        if name == "blk.0.ffn_gate_exps.bias":
            kind, raw = bias_kind, bias
        elif name == "blk.0.ffn_up_exps.bias":
            kind, raw = 30, bytes(2 * values)
        infos += struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", len(now)) + b"".join(struct.pack("<Q", n) for n in reversed(now))
        infos += struct.pack("<IQ", kind, len(body))
        body += raw + bytes(-len(raw) % 32)
    with open(path, "wb") as out:
        out.write(head + infos + bytes(-len(head + infos) % 32) + body)


def check_flat(files):
    """A bias of experts is joined value by value on the way to a folder: in the lossless form, which this program does not give it, it is
    refused by name."""
    plain, odd = files.at("flat.gguf"), files.at("flat-lossless.gguf")
    widened(plain, 30, bytes(2 * 5 * 64))
    run("convert", plain, files.at("flat-folder"))
    panel = bytes(64) + bytes(1536)  # a table of zeros, one block
    widened(odd, LOSSLESS, struct.pack("<QQ", 64, 64 + len(panel) - 8) + bytes(48) + panel)
    assert any(kind == LOSSLESS and shape == [5, 64] for _, kind, _, shape in tensors(odd)[1])
    said = run("convert", odd, files.at("flat-no"), code=1).stderr
    assert said.count("\n") == 1 and "blk.0.ffn_gate_exps.bias" in said and "value by value" in said, said


def check_wide(files):
    """Rows as long as those of large models: the same hash of scores whatever the form, with one token and with many in a step."""
    path = files.at("wide.gguf")
    maker = os.path.join(os.environ.get("HEARTH_SOURCE", "."), "bench", "make_model.py")
    subprocess.run([sys.executable, maker, "wide", "BF16", path], check=True, timeout=120)
    found = set()
    for choice in ("off", "auto", "on"):
        for threads in ("1", "2"):
            made = json.loads(run("score", path, files.text, "--lossless", choice, "--threads", threads, "--json").stdout)
            found.add(made["hash"])
        answer = json.loads(run("bench", path, "--prefill", "0", "--decode", "2", "--rounds", "1", "--json", "--lossless", choice).stdout)
        told = answer["lossless"]
        assert (told["blocks"] == 0) == (choice == "off") and told["packed_panels"] == told["panels"], told
        texts = run("run", path, "--raw", "-p", "a", "-n", "12", "--seed", "3", "--lossless", choice).stdout
        found.add(hashlib.sha256(texts.encode()).hexdigest())
    assert len(found) == 2, found


def check_words(files):
    for words in ((files.plain, "--lossless", "q4_0", files.at("no")), (files.plain, "q4_0"),
                  (files.plain, "--lossless", files.at("no"), "--tensor", "*=q8_0"), (files.plain, files.at("no"))):
        run("quantize", *words, code=2)


def check_damage(files):
    data, after = tensors(files.packed)
    draw = random.Random(7)
    answered = refused = 0
    places = []
    for name, kind, at, shape in after:
        if kind == LOSSLESS:
            panels = -(-shape[0] // 16)
            head = -(-8 * (panels + 1) // 64) * 64
            places += [at + draw.randrange(8 * (panels + 1)), at + head + draw.randrange(16 * (shape[1] // 64))]
    for _, kind, at, shape in after[:6]:
        if kind == LOSSLESS:  # a table that says raw
            places.append((at + -(-8 * (-(-shape[0] // 16) + 1) // 64) * 64, b"\xff" * 16))
    for place in draw.sample(places, 40) + [p for p in places if isinstance(p, tuple)]:
        changed = bytearray(data)
        at, new = place if isinstance(place, tuple) else (place, bytes([data[place] ^ 1 << draw.randrange(8)]))
        changed[at:at + len(new)] = new
        broken = files.at("broken.gguf")
        with open(broken, "wb") as out:
            out.write(changed)
        for words in (("run", broken, "--raw", "-p", "Once", "-n", "2", "--temperature", "0"),
                      ("quantize", broken, "q8_0", files.at("broken-out"))):
            done = subprocess.run([HEARTH, *words], capture_output=True, text=True, timeout=60)
            assert done.returncode in (0, 1), (place, words, done.returncode, done.stderr[-300:])
            if done.returncode == 1:
                assert "broken.gguf" in done.stderr and "tensor" in done.stderr and done.stderr.count("\n") == 1, done.stderr
                refused += 1
            else:
                answered += 1
            if os.path.exists(files.at("broken-out")):
                os.remove(files.at("broken-out"))
        if isinstance(place, tuple):
            assert done.returncode == 1, place
    assert answered > 5 and refused > 20, (answered, refused)
    for cut in range(1, 12):
        with open(files.at("broken.gguf"), "wb") as out:
            out.write(data[:len(data) * cut // 12])
        assert "broken.gguf" in run("show", files.at("broken.gguf"), code=1).stderr


def main():
    if not os.path.exists(MODEL):
        print("1..0 # SKIP no fixtures")
        return 0
    checks = [check_stored, check_back, check_results, check_told, check_budget, check_experts, check_flat, check_wide, check_words, check_damage]
    print(f"1..{len(checks)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        files = Files(folder)
        for i, check in enumerate(checks):
            try:
                check(files)
                print(f"ok {i + 1} - {check.__name__}", flush=True)
            except (AssertionError, KeyError, subprocess.SubprocessError) as problem:
                failed += 1
                print(f"not ok {i + 1} - {check.__name__}\n# {type(problem).__name__}: {str(problem)[:900]}", flush=True)
    return failed != 0


sys.exit(main())
