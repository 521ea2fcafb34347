#!/usr/bin/env python3
"""The golden of tests/trace/test_spans.c: BM25 scores by the package bm25s (its method "lucene", times k1 + 1, which it leaves out).

    python3 tests/trace/make_rank_golden.py > tests/trace/rank.golden

A line a document: its text, a tab, its score for QUERY. Words repeated in the query count again there, too."""

import bm25s

QUERY = "Where is the mill? The old mill stands in the west."
TEXTS = [
    "The old mill stands in the west. Where is the mill? The mill is in the west.",
    "Tom has a red ball. Ann sleeps in the barn.",
    "mill mill mill mill mill mill",
    "A tower stands in the north, and a WELL stands in the yard of the old mill; the barn is east of the mill.",
    "3 plus 4 is 7.",
    "West of the river",
    "",
]


def words(text):
    return ["".join(c for c in word) for word in "".join(c if c.isalnum() else " " for c in text.lower()).split()]


def main():
    ranked = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
    ranked.index([words(t) for t in TEXTS], show_progress=False)
    scores = sum(ranked.get_scores([w]) for w in words(QUERY) if any(w in words(t) for t in TEXTS))
    for text, score in zip(TEXTS, scores):
        print(f"{text}\t{float(score) * 2.5:.6g}")


main()
