#!/usr/bin/env python3
"""Folders that hearth made of llama.cpp's GGUF files, loaded by transformers: every family's golden logits and greedy
tokens again; SmolLM2 (where its file is there) with its tokenizer and an answer. GGUF files that hearth made, loaded by
the Python package gguf and, where LLAMA_PERPLEXITY names it, by llama.cpp. Prints TAP; skips where packages are missing.

    compare_transformers.py HEARTH [NAME...]"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

HEARTH = sys.argv[1]
ROOT = pathlib.Path(os.environ.get("HEARTH_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
FAMILIES = ROOT / "tests" / "model" / "golden" / "families"
ENCODERS = ROOT / "tests" / "model" / "golden" / "encoders"
CODE = "transformers has it only as code beside the weights"
NOT_THERE = {
    "exaone": CODE, "internlm2": CODE, "minicpm": CODE,
    "deepseek-v2-old.stored": "convert refuses keys and values of latent attention in one quantised tensor",
}
OF = {"qwen3-next-older": "qwen3-next"}  # the same model as another file has it
MINILM = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "openhearth" / "all-MiniLM-L6-v2"
SMOLLM2 = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "openhearth" / "SmolLM2-135M-Instruct.Q4_1.gguf"
TEXT = "Alice was beginning to get very tired of sitting by her sister.\n\n  日本語 Привет 🙂 naïve 3.14159 don't\tWE'LL"

try:
    import torch
    from gguf import GGUFReader
    from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, Mxfp4Config

    torch.set_num_threads(1)  # tiny models: threads would wait for each other
except ImportError as missing:
    print(f"1..1\nok 1 - transformers # SKIP {missing}")
    sys.exit(0)


def hearth(*arguments, stdin=None):
    done = subprocess.run([HEARTH, *map(str, arguments)], input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode()[:300])
    return done.stdout.decode()


def family(name, scratch):
    folder = scratch / name
    hearth("convert", FAMILIES / f"{name}.gguf", folder, "-q")
    golden = json.loads((FAMILIES / OF.get(name, name) / "golden.json").read_text())
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        logits = model(torch.tensor([golden["text"]])).logits[0].float()
        worst = max(float((logits[p] - torch.tensor(row)).abs().max()) for p, row in zip(golden["positions"], golden["logits"]))
        ids = golden["greedy"][: golden["prompt"]]
        for _ in range(len(golden["greedy"]) - golden["prompt"]):
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    if not worst < 2e-4 or ids != golden["greedy"]:
        raise RuntimeError(f"logits differ by {worst}, greedy tokens {'agree' if ids == golden['greedy'] else 'differ'}")
    hearth("convert", folder, scratch / f"{name}.gguf", "-q")
    ours = {t.name: t for t in GGUFReader(scratch / f"{name}.gguf").tensors}
    theirs = {t.name: t for t in GGUFReader(FAMILIES / f"{OF.get(name, name)}.gguf").tensors}
    for key in theirs:
        if ours[key].data.tobytes() != theirs[key].data.tobytes():
            raise RuntimeError(f"tensor {key} differs")


def mxfp4(scratch):
    """gpt-oss as it is published: blocks and scales to GGUF and back, loaded by transformers."""
    source, folder = FAMILIES / "gpt-oss-mxfp4", scratch / "mxfp4"
    hearth("convert", source, scratch / "mxfp4.gguf", "-q")
    hearth("convert", scratch / "mxfp4.gguf", folder, "-q")
    golden = json.loads((source / "golden.json").read_text())
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, attn_implementation="eager", quantization_config=Mxfp4Config(dequantize=True))
    model = model.float().eval()
    with torch.no_grad():
        logits = model(torch.tensor([golden["text"]])).logits[0].float()
    worst = max(float((logits[p] - torch.tensor(row)).abs().max()) for p, row in zip(golden["positions"], golden["logits"]))
    if not worst < 2e-4:
        raise RuntimeError(f"logits differ by {worst}")


def encoder(name, scratch):
    folder = scratch / name
    hearth("convert", ENCODERS / f"{name}.gguf", folder, "-q")
    golden = json.loads((ENCODERS / name / "golden.json").read_text())
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    for row in golden["rows"]:
        with torch.no_grad():
            hidden = model(torch.tensor([row["ids"]])).last_hidden_state[0].float()
        worst = max(float((hidden[p] - torch.tensor(values)).abs().max()) for p, values in zip(row["positions"], row["hidden"]))
        if not worst < 2e-4:
            raise RuntimeError(f"hidden states differ by {worst}")


def minilm(scratch):
    """A real encoder with its WordPiece there and back: sentence-transformers gives the same vectors."""
    from sentence_transformers import SentenceTransformer
    hearth("convert", MINILM, scratch / "minilm.gguf", "-q")
    hearth("convert", scratch / "minilm.gguf", scratch / "minilm", "-q")
    golden = json.loads((ENCODERS.parent / "minilm.json").read_text())
    made = SentenceTransformer(str(scratch / "minilm"), device="cpu", model_kwargs={"dtype": torch.float32})
    made.max_seq_length = 256  # sentence-transformers' own, which GGUF has no place for
    worst = max(float(abs(a - b)) for row, expected in zip(made.encode(golden["texts"]), golden["vectors"]) for a, b in zip(row, expected))
    if not worst < 1e-5:
        raise RuntimeError(f"vectors differ by {worst}")


def smollm2(scratch):
    folder = scratch / "smollm2"
    hearth("convert", SMOLLM2, folder, "-q")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = tokenizer(TEXT)["input_ids"]
    ours = [int(i) for i in hearth("tokenize", SMOLLM2, "--ids", stdin=TEXT.encode()).split()]
    if ids != ours:
        raise RuntimeError(f"ids {ids} and {ours}")
    prompt = "The capital of France is"
    made = model.generate(**tokenizer(prompt, return_tensors="pt"), max_new_tokens=24, do_sample=False)[0]
    theirs = tokenizer.decode(made[len(tokenizer(prompt)["input_ids"]):], skip_special_tokens=True)
    answer = hearth("run", SMOLLM2, "--compute", "f32", "--raw", "--temperature", "0", "-n", "24", "-p", prompt)
    if answer.rstrip("\n") != theirs.rstrip("\n"):
        raise RuntimeError(f"{theirs!r} and {answer!r}")
    hearth("convert", folder, scratch / "smollm2.gguf", "-q", "--type", "bf16")
    GGUFReader(scratch / "smollm2.gguf")
    tool = os.environ.get("LLAMA_PERPLEXITY")
    if tool:
        text = scratch / "text.txt"
        text.write_text("The quick brown fox jumps over the lazy dog. " * 60)
        done = subprocess.run([tool, "-m", scratch / "smollm2.gguf", "-f", text, "-c", "128", "--chunks", "1"], capture_output=True, check=False)
        if done.returncode != 0 or b"Final estimate" not in done.stdout + done.stderr:
            raise RuntimeError("llama-perplexity: " + done.stderr.decode()[-300:])


def main():
    names = sys.argv[2:] or sorted(p.stem for p in FAMILIES.glob("*.gguf"))
    tests = [(name, lambda scratch, name=name: family(name, scratch)) for name in names]
    if not sys.argv[2:]:
        tests += [(name, lambda scratch, name=name: encoder(name, scratch)) for name in ("bert", "nomic-bert", "roberta")] + [("gpt-oss, MXFP4", mxfp4)]
    if not sys.argv[2:] and MINILM.is_dir():
        tests.append(("all-MiniLM-L6-v2", minilm))
    if not sys.argv[2:] and SMOLLM2.exists():
        tests.append(("SmolLM2", smollm2))
    failed = 0
    print(f"1..{len(tests)}")
    with tempfile.TemporaryDirectory() as scratch:
        for number, (name, function) in enumerate(tests, 1):
            if name in NOT_THERE:
                print(f"ok {number} - {name} # SKIP {NOT_THERE[name]}", flush=True)
                continue
            try:
                function(pathlib.Path(scratch))
                print(f"ok {number} - {name}", flush=True)
            except Exception as trouble:  # one family less must not stop the others
                failed += 1
                print(f"not ok {number} - {name}\n# {type(trouble).__name__}: {str(trouble)[:400]}", flush=True)
    sys.exit(failed != 0)


main()
