#!/usr/bin/env python3
"""Traced answers in the page, in a real Chromium: spans are underlined, a click shows the document, its source and its licence. Prints TAP."""

import os
import subprocess
import sys

from page_support import ask, browser, need_chromium, texts, write_speaker
from support import HEARTH, OWN, ROOT, Server, environment, folder, main, test, trace_index

sys.path.insert(0, os.path.join(ROOT, "corpus"))
from deb import deb, file_name, line  # noqa: E402

PLACE = folder()
BARN = "Tom has a red ball. Ann sleeps in the barn. Where is Ann?"
INDEX = trace_index(PLACE)
SAID = "A **bold barn** is not\na cup, nor [a link](https://example.org/a) in the barn. A <b>mill</b>."
HOSTILE = "A bold barn is here. <img src=x onerror=\"document.title='broken'\"> A <b>mill</b>. <script>document.title='broken'</script>\n"
SPEAKER = write_speaker(os.path.join(PLACE.name, "speaker"), [SAID])
SPOKEN = trace_index(PLACE, "spoken", **{"one.txt": HOSTILE, "two.txt": "It is not\na cup, nor a hat.\n"})
MARKS = "[...document.querySelectorAll('button.traced')].map((e) => e.innerText)"

RECIPE = """recipe: 1
name: manuals
licence: CC0-1.0
contract: 1
seed: 3
held_out: 0
sources:
  - {name: manuals, kind: debian, path: debs, packages: packages.txt, language: en}
rules: [utf8_repair]
tokenizer: {kind: bpe, vocab_size: 300, pretokenizer: gpt-2, special: ["<|end|>"]}
model: {family: llama, layers: 1, width: 32, heads: 2, kv_heads: 2, mlp: 64, context: 64, tied: true, rope_theta: 10000}
train: {format: f32, steps: 1, sequences: 1, length: 16, micro_batches: 1, optimizer: adamw, learning_rate: 0.1, schedule: constant, checkpoint_steps: 1}
"""


def packaged():
    """An index of a corpus of two Debian packages, whose READMEs have what the speaker says."""
    at = os.path.join(PLACE.name, "manuals")
    readme = "A bold barn is not\na cup, nor a hat.\n"
    packages = {key: deb(*key, {f"usr/share/doc/{key[0]}/README": readme + key[0]}) for key in (("grep", "3.8-5"), ("acl", "1:2.3.1-3+b1"))}
    os.makedirs(os.path.join(at, "debs"))
    for key, data in packages.items():
        with open(os.path.join(at, "debs", file_name(*key)), "wb") as file:
            file.write(data)
    for name, text in (("packages.txt", "".join(line(*key, data) for key, data in sorted(packages.items()))), ("recipe.yaml", RECIPE)):
        with open(os.path.join(at, name), "w", encoding="utf-8") as file:
            file.write(text)
    for command in (["corpus", "build", os.path.join(at, "recipe.yaml"), "-o", os.path.join(at, "corpus")],
                    ["trace", "index", at, "--by", "tokens", "--tokenizer", os.path.join(os.path.dirname(ROOT), "models", "hearthside"), "-o", os.path.join(at, "index")]):
        made = subprocess.run([HEARTH, *command, "-q"], env=environment(), capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
    return os.path.join(at, "index")


def trace_of(tab):
    tab.wait("document.querySelector('.trace > p') !== null")


@test
def spans_are_underlined_and_a_click_shows_the_document():
    need_chromium()
    with Server(OWN, "--trace", INDEX) as server:
        tab = browser().open(server.url + "/")
        ask(tab, BARN)
        trace_of(tab)
        assert texts(tab) == [BARN, "Ann is in the barn."], texts(tab)
        marks = tab.js(MARKS)
        assert marks and " ".join(marks).strip() in "Ann is in the barn.", marks
        assert "underline" in tab.js("getComputedStyle(document.querySelector('button.traced')).textDecorationLine")
        assert not tab.js("document.querySelector('.trace details').open")
        tab.click("button.traced")
        tab.wait("document.querySelector('.trace details.span').open")
        shown = tab.js("document.querySelector('.trace details.span').innerText")
        assert "barn.txt" in shown and "CC0-1.0" in shown and "Where is Ann?" in shown, shown
        assert tab.js("document.querySelector('.trace mark').innerText").strip() in "Ann is in the barn.", shown
        assert tab.js("document.activeElement.tagName") == "SUMMARY"
        assert tab.console == [] and all(r.startswith(server.url) for r in tab.requests), (tab.console, tab.requests)
        tab.reload()   # what was traced is asked for again, by whoever wants it
        tab.wait("document.querySelector('.act-trace:not([hidden])') !== null")
        assert tab.js(MARKS) == []
        tab.click(".act-trace")
        trace_of(tab)
        assert tab.js(MARKS) == marks
        tab.close()


@test
def markdown_and_hostile_documents_stay_what_they_are():
    need_chromium()
    with Server(f"speaker={SPEAKER}", "--trace", f"speaker={SPOKEN}") as server:
        tab = browser().open(server.url + "/")
        before = tab.js("document.title")
        ask(tab, "0")
        trace_of(tab)
        plain = tab.js("document.querySelector('.answer .text').innerText")
        assert "A bold barn is not\na cup" in plain or "A bold barn is not a cup" in plain, plain
        assert tab.js("document.querySelector('.answer .text strong') !== null && document.querySelector('.answer .text a') !== null")
        assert tab.js("document.querySelectorAll('.answer a button').length") == 0
        joined = "".join("".join(tab.js(MARKS)).split())
        assert joined and joined in "".join(plain.split()) or len(tab.js(MARKS)) > 1, (joined, plain)
        tab.js("for (const d of document.querySelectorAll('.trace details')) { d.open = true; }")
        shown = tab.js("document.querySelector('.trace').textContent")
        assert "onerror" in shown or "a hat" in shown, shown
        assert tab.js("document.querySelectorAll('.trace img, .trace script, .trace b').length") == 0
        assert tab.js("document.title").split(" – ")[-1] == before.split(" – ")[-1] != "broken"
        assert tab.console == [], tab.console
        tab.close()


@test
def packages_of_debian_are_named():
    need_chromium()
    with Server(f"speaker={SPEAKER}", "--trace", f"speaker={packaged()}") as server:
        tab = browser().open(server.url + "/")
        ask(tab, "0")
        trace_of(tab)
        tab.js("for (const d of document.querySelectorAll('.trace details')) { d.open = true; }")
        shown = tab.js("[...document.querySelectorAll('.trace details.span details > summary')].map((e) => e.innerText)")
        for package in ("package grep 3.8-5, usr/share/doc/grep/README", "package acl 1:2.3.1-3+b1, usr/share/doc/acl/README"):
            assert any(s.startswith(f"{package} · GPL-2.0-or-later · relevance ") for s in shown), shown
        rows = tab.js("[...document.querySelectorAll('.trace dl.facts')].map((e) => [...e.children].map((c) => c.innerText).join('|'))")
        assert any(row.startswith("Source|manuals|Place|grep_3.8-5_all.deb:usr/share/doc/grep/README|Licence|GPL-2.0-or-later|"
                                  "Declared in|usr/share/doc/grep/copyright: Files: *, line 3") for row in rows), rows
        assert tab.console == [], tab.console
        tab.close()


@test
def a_model_without_an_index_is_left_alone():
    need_chromium()
    with Server(OWN) as server:
        tab = browser().open(server.url + "/")
        ask(tab, BARN)
        assert tab.js("document.querySelector('.act-trace').hidden") and tab.js(MARKS) == []
        assert not any("/v1/trace" in r for r in tab.requests)
        tab.close()


try:
    main()
finally:
    browser.close()
