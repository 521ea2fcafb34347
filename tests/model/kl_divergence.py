#!/usr/bin/env python3
"""kl_divergence.py KL_TOOL [CHUNKS]: divergence per token from the float32 reference, hearth's and llama.cpp's.

One run, the same text, the same file of reference log-probabilities: transformers loads the GGUF file in float32
(gguf_file=) and its log-probabilities are written in the form that llama-perplexity --kl-divergence-base reads; then
hearth (native and f32) and llama-perplexity are measured against it. Prints TAP; skips where something is missing.
Environment: HEARTH_SMOLLM2 the model, LLAMA_PERPLEXITY the program, HEARTH_FIXTURES the texts.
"""
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

CONTEXT = 256


def skip(why):
    print(f"1..1\nok 1 - divergence from the reference # SKIP {why}")
    sys.exit(0)


def write_base(model_path, text, chunks, path):
    import numpy
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    folder, name = os.path.split(os.path.abspath(model_path))
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
    ids = tokenizer(text, add_special_tokens=False).input_ids[:CONTEXT * chunks]
    assert len(ids) == CONTEXT * chunks, "the text is too short"
    vocabulary = model.config.vocab_size
    with open(path, "wb") as out:
        out.write(b"_logits_" + struct.pack("<Iii", CONTEXT, vocabulary, chunks))
        out.write(numpy.array(ids, dtype="<i4").tobytes())
        for chunk in range(chunks):
            with torch.no_grad():
                logits = model(torch.tensor([ids[chunk * CONTEXT:(chunk + 1) * CONTEXT]])).logits[0]
            log_p = torch.log_softmax(logits[CONTEXT // 2:CONTEXT - 1].double(), -1).numpy()
            for row in log_p:
                least = max(row.min(), row.max() - 16)
                scale = (row.max() - least) / 65535
                steps = numpy.clip(numpy.rint((row - least) / scale), 0, 65535).astype("<u2")
                out.write(struct.pack("<ff", scale, least) + steps.tobytes() + b"\0\0" * (vocabulary % 2))
    return vocabulary


def main():
    tool = sys.argv[1]
    chunks = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    model = os.environ.get("HEARTH_SMOLLM2") or f"{cache}/openhearth/SmolLM2-135M-Instruct.Q4_1.gguf"
    fixtures = os.environ.get("HEARTH_FIXTURES") or os.path.join(os.environ.get("HEARTH_SOURCE", "."),
                                                                 "../shared/fixtures")
    text = pathlib.Path(fixtures, "texts/gutenberg/11-0.txt")
    peer = os.environ.get("LLAMA_PERPLEXITY") or shutil.which("llama-perplexity")
    if not os.path.exists(model) or not text.exists():
        skip("SmolLM2 or the text is not here")
    try:
        import gguf, torch, transformers  # noqa: F401, E401
    except ImportError as missing:
        skip(f"python module {missing.name} is missing")
    with tempfile.TemporaryDirectory() as folder:
        base = os.path.join(folder, "base")
        write_base(model, text.read_text(encoding="utf-8-sig")[1500:1500 + chunks * CONTEXT * 8], chunks, base)
        figures = {}
        for how in ("f32", "native"):
            line = subprocess.run([tool, model, base, how], capture_output=True, text=True, check=True).stdout
            figures[how] = float(re.search(r"mean KL divergence ([0-9.e-]+)", line).group(1))
            print(f"# hearth {how}: {line.strip()}")
        good = figures["f32"] < 1e-4
        print("1..2\nok 1" if good else "1..2\nnot ok 1", "- f32 is the reference")
        if not peer:
            print("ok 2 - native beside llama.cpp # SKIP no llama-perplexity (LLAMA_PERPLEXITY)")
            return 0 if good else 1
        run = subprocess.run([peer, "-m", model, "--kl-divergence", "--kl-divergence-base", base, "-c", str(CONTEXT),
                              "-t", str(os.cpu_count())], capture_output=True, text=True)
        found = re.search(r"Mean\s+KLD:\s+([0-9.e-]+)", run.stdout + run.stderr)
        if not found:
            print("not ok 2 - llama-perplexity said", (run.stdout + run.stderr)[-200:].replace("\n", " "))
            return 1
        print(f"# llama.cpp: mean KL divergence {found.group(1)}")
        less = figures["native"] <= float(found.group(1))
        print("ok 2" if less else "not ok 2", f"- native {figures['native']:.6f}, llama.cpp {found.group(1)}")
        return 0 if good and less else 1


sys.exit(main())
