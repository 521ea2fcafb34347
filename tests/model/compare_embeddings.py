#!/usr/bin/env python3
"""hearth embed beside sentence-transformers over 200 sentences of the documentation: the largest difference and the least cosine.

compare_embeddings.py [FOLDER]    default: all-MiniLM-L6-v2 (HEARTH_MINILM, or where scripts/fetch-embedding-model puts it)

Prints TAP; skips with a word where the module or the model is absent."""

import glob
import json
import os
import subprocess
import sys

SOURCE = os.environ.get("HEARTH_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEARTH = os.path.join(os.environ.get("HEARTH_BUILD") or os.path.join(SOURCE, "build"), "hearth")
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
ODD = ["Ein Satz auf Deutsch, mit Umlauten: äöü.", "猫がソファで寝ている。", "", "x" * 500, "word " * 600, "[SEP] [MASK] a", "caf\u00e9 e\u0301 \u200b \ufeff",
       "line\nbreak\ttab", "\U0001f600 emoji", "Привет, мир"]


def sentences():
    out = list(ODD)
    for path in sorted(glob.glob(os.path.join(SOURCE, "docs", "*.md"))):
        with open(path, encoding="utf-8") as lines:
            out += [s.strip() for s in lines.read().replace("\n", " ").split(". ") if len(s) > 3]
    return out[:200]


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("HEARTH_MINILM") or os.path.join(CACHE, "openhearth", "all-MiniLM-L6-v2")
    try:
        import numpy
        import torch
        from sentence_transformers import SentenceTransformer
    except ImportError as missing:
        print(f"1..1\nok 1 - against sentence-transformers # SKIP {missing}")
        return 0
    if not os.path.isdir(folder):
        print("1..1\nok 1 - against sentence-transformers # SKIP no model (scripts/fetch-embedding-model)")
        return 0
    texts = sentences()
    expected = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.float32}).encode(texts)
    failed = 0
    print("1..2")
    for number, how in enumerate(("f32", "native"), 1):
        ran = subprocess.run([HEARTH, "embed", folder, "--json-lines", "--json", "--quiet", "--compute", how], input="\n".join(map(json.dumps, texts)),
                             capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            print(f"# {ran.stderr.strip()}\nnot ok {number} - {how}")
            failed += 1
            continue
        made = json.loads(ran.stdout)
        ours = numpy.array(made["embeddings"], dtype=numpy.float64)
        lengths = numpy.linalg.norm(ours, axis=1) * numpy.linalg.norm(expected.astype(numpy.float64), axis=1)
        cosine = float(((ours * expected).sum(1) / lengths).min())
        worst = float(numpy.abs(ours - expected).max())
        good = worst < (1e-5 if how == "f32" else 0.05) and cosine > 0.99
        failed += not good
        print(f"# {how}: {len(texts)} texts, {made['tokens']} tokens, {made['cut']} cut: largest difference {worst:.2e}, least cosine {cosine:.9f}")
        print(f"{'ok' if good else 'not ok'} {number} - {how}")
    return 1 if failed else 0


sys.exit(main())
