#!/usr/bin/env python3
"""GGUF files that hearth made of folders, run by llama.cpp: each tiny family's golden logits, each encoder's golden hidden
states. With all-MiniLM-L6-v2 (scripts/fetch-embedding-model) also a text's vector by llama-embedding beside
sentence-transformers', where LLAMA_EMBEDDING names that program. Prints TAP; skips without LLAMA_CPP.

    LLAMA_CPP=CHECKOUT compare_llama.py HEARTH [NAME...]    CHECKOUT has build/bin/libllama.so"""

import array
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HEARTH = sys.argv[1]
ROOT = pathlib.Path(os.environ.get("HEARTH_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
GOLDEN = ROOT / "tests" / "model" / "golden"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "openhearth"
CPP = os.environ.get("LLAMA_CPP")
ALLOWED = 3e-3  # of --type f32: with bf16 llama.cpp rounds activations, too, and mixtures choose other experts
# it knows no window of Mistral's (docs/convert.md), and these:
# what llama.cpp computes otherwise than transformers does, or cannot load at this size; the file that its own converter wrote must
# then give the same numbers as ours
LIKE_ITS_OWN = {  # YaRN's ends are rounded there; no windows; other layers rotate; a file of bf16
    "gpt-oss", "phi3", "exaone4", "glm4"}
OTHERWISE = {"mistral-window": "has no window there", "mistral": "has no window there", "mistral-scaled": "has no window there",
             "starcoder2": "has no window there", "ministral": "has no window there", "gemma2-scaled": "has a scale of its own here",
             "falcon-heads": "is serial", "falcon-alibi": "is serial", "qwen3-moe-mixed": "is refused", "gpt-oss-clamped": "is refused",
             "llama4": "is refused", "llama-dynamic": "is refused", "qwen3-next-mixed": "is refused",
             "e5-mistral": "is refused", "qwen3-embedding": "is refused", "xlm-roberta": "is refused",
             "phi3-longrope": "as phi3", "qwen3-next": "needs values as wide as keys there",
             "command-r-plus": "needs 64 layers there", "deepseek-v2": "needs 27 layers there", "deepseek-v2-groups": "has no such groups there",
             "glm": "has heads of another size there", "olmoe": "has heads of another size there", "phimoe": "as phi3, with another mixer"}


def hearth(*arguments):
    done = subprocess.run([HEARTH, *map(str, arguments)], capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode()[:300])
    return done.stdout.decode()


def run(tool, path, kind, ids, width):
    done = subprocess.run([tool, str(path), kind, *map(str, ids)], capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"llama.cpp: {done.stderr.decode()[-300:]}")
    values = array.array("f", done.stdout)
    if len(values) != len(ids) * width:
        raise RuntimeError(f"{len(values)} numbers")
    return [values[i * width:(i + 1) * width] for i in range(len(ids))]


def furthest(rows, positions, expected):
    return max(abs(a - b) for p, row in zip(positions, expected) for a, b in zip(rows[p], row))


def family(tool, folder, scratch):
    golden = json.loads((folder / "golden.json").read_text())
    path = scratch / "family.gguf"
    path.unlink(missing_ok=True)
    hearth("convert", folder, path, "-q", "--type", "f32")
    if folder.name in LIKE_ITS_OWN:
        path.unlink()
        hearth("convert", folder, path, "-q")
        width = len(golden["logits"][0])
        ours, theirs = (run(tool, p, "logits", golden["text"], width) for p in (path, folder.parent / f"{folder.name}.gguf"))
        return furthest(ours, range(len(theirs)), theirs)
    if folder.name == "gpt-oss-mxfp4":  # loads, and gives numbers; that they are gpt-oss's is seen above
        path.unlink()
        hearth("convert", folder, path, "-q")
        return 0.0 if all(v == v for row in run(tool, path, "logits", golden["text"], len(golden["logits"][0])) for v in row) else 1.0
    if "rows" in golden:
        return max(furthest(run(tool, path, "hidden", row["ids"], len(row["hidden"][0])), row["positions"], row["hidden"]) for row in golden["rows"])
    rows = run(tool, path, "logits", golden["text"], len(golden["logits"][0]))
    return furthest(rows, golden["positions"], golden["logits"])


def embedding(folder, program, scratch):
    """A real encoder with its tokenizer: cosines of llama-embedding's vectors with sentence-transformers'."""
    golden = json.loads((GOLDEN / "minilm.json").read_text())
    hearth("convert", folder, scratch / "minilm.gguf", "-q")
    worst = 1.0
    for text, expected in zip(golden["texts"], golden["vectors"]):
        if not text or len(text) > 200:
            continue
        done = subprocess.run([program, "-m", str(scratch / "minilm.gguf"), "-p", text, "--embd-output-format", "json", "--embd-separator", "<#sep#>"],
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode()[-300:])
        made = json.loads(done.stdout)["data"][0]["embedding"]
        norm = (sum(v * v for v in made) * sum(v * v for v in expected)) ** 0.5
        worst = min(worst, sum(a * b for a, b in zip(made, expected)) / norm)
    if worst < 0.9999:
        raise RuntimeError(f"cosine {worst}")
    return worst


def main():
    if not CPP:
        print("1..1\nok 1 - llama.cpp # SKIP LLAMA_CPP names no checkout")
        return
    folders = sorted(p.parent for part in ("families", "encoders", ".") for p in (GOLDEN / part).glob("*/golden.json"))
    folders = [f for f in folders if len(sys.argv) < 3 or f.name in sys.argv[2:]]
    program, minilm = os.environ.get("LLAMA_EMBEDDING"), CACHE / "all-MiniLM-L6-v2"
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        tool = scratch / "llama_hidden"
        binaries = pathlib.Path(CPP) / "build" / "bin"
        subprocess.run(["c++", "-O1", "-std=c++17", "-o", tool, ROOT / "tests" / "convert" / "llama_hidden.cpp", f"-I{CPP}/include", f"-I{CPP}/ggml/include",
                        f"-L{binaries}", "-lllama", "-lggml", "-lggml-base", f"-Wl,-rpath,{binaries}"], check=True)
        real = program and minilm.is_dir() and len(sys.argv) < 3
        print(f"1..{len(folders) + bool(real)}")
        for number, folder in enumerate(folders, 1):
            if folder.name in OTHERWISE:
                print(f"ok {number} - {folder.name} # SKIP {OTHERWISE[folder.name]}", flush=True)
                continue
            try:
                worst = family(tool, folder, scratch)
                print(f"{'ok' if worst < ALLOWED else 'not ok'} {number} - {folder.name}: {worst:.1e}", flush=True)
                failed += not worst < ALLOWED
            except Exception as trouble:  # one less must not stop the others
                failed += 1
                print(f"not ok {number} - {folder.name}\n# {str(trouble)[:400]}", flush=True)
        if real:
            try:
                print(f"ok {len(folders) + 1} - all-MiniLM-L6-v2 by llama-embedding: cosine {embedding(minilm, program, scratch):.7f}")
            except Exception as trouble:
                failed += 1
                print(f"not ok {len(folders) + 1} - all-MiniLM-L6-v2 by llama-embedding\n# {str(trouble)[:400]}")
    sys.exit(failed != 0)


main()
