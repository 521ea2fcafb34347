#!/usr/bin/env python3
"""hearth openness: verdicts on known models and on folders made here, licences' texts, papers, hostile inputs. Prints TAP."""

import json
import os
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "cli"))
from tap import FIXTURES, SOURCE, Skip, environment, good, good_json, hearth, main, one_line, test  # noqa: E402

TEMPORARY = tempfile.mkdtemp(prefix="hearth-openness-")
COMMON = "/usr/share/common-licenses"
MIT = """MIT License

Copyright (c) 2024 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the
Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the
Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A
PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN
ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
CARD = "# A model\n\n## Model description\n\nText in, text out.\n\n## How to use\n\nRun it.\n\n## Limitations\n\n" + "It is small and often wrong. " * 10 + "\n"


def place(name):
    return os.path.join(TEMPORARY, name)


def folder(name, files):
    """A model's folder; a value None leaves a file out."""
    path = place(name)
    shutil.rmtree(path, ignore_errors=True)
    made = {"config.json": '{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}', "model.safetensors": "\x08\0\0\0\0\0\0\0{}      "}
    made.update(files)
    for file, text in made.items():
        if text is not None:
            os.makedirs(os.path.dirname(os.path.join(path, file)), exist_ok=True)
            with open(os.path.join(path, file), "w", encoding="utf-8") as out:
                out.write(text)
    return path


def described(name, text):
    with open(place(name), "w", encoding="utf-8") as out:
        out.write(text)
    return place(name)


def judge(path, **more):
    return good_json("openness", path, "--json", "-q", **more)


def component(verdict, key):
    return next(c for c in verdict["components"] if c["key"] == key)


def first_failure(verdict):
    points = [p for p in verdict["osaid"]["points"] if p["result"] != "meets"]
    return next((p for p in points if p["result"] == "does not"), points[0] if points else None)


def expected():
    with open(os.path.join(HERE, "expected.tsv"), encoding="utf-8") as lines:
        return [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]


CLASSES = {0: "-", 3: "III", 2: "II", 1: "I"}


@test
def known_models_are_judged_as_expected_and_docs_have_the_table():
    """UPDATE=1 writes the table of docs/openness.md anew."""
    rows, wrong = [], []
    for name, word, osaid, mof, point, reason in expected():
        v = judge(os.path.join(HERE, "models", name + ".yml"))
        failing = first_failure(v)
        found = [v["verdict"], v["osaid"]["result"], str(v["mof"]["class"]), failing["id"] if failing else "-"]
        if found != [word, osaid, mof, point]:
            wrong.append(f"{name}: expected {[word, osaid, mof, point]}, found {found}")
        where = f"{failing['what']}: {failing['why']}" if failing else "every point is met"
        assert v["reason"] and (failing is None or failing["why"]), name
        rows.append(f"| [{v['name']}](../tests/openness/models/{name}.yml) | {word} | {osaid} | {CLASSES[v['mof']['class']]} | {where} |")
    assert not wrong, wrong
    assert len(rows) >= 30
    assert {f[:-4] for f in os.listdir(os.path.join(HERE, "models"))} == {row[0] for row in expected()}
    table = "| model | verdict | definition 1.0 | class | the point that decides |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
    path = os.path.join(SOURCE, "docs", "openness.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    begin, end = "<!-- table -->\n", "<!-- end of table -->"
    made = text[:text.index(begin) + len(begin)] + table + text[text.index(end):]
    if os.environ.get("UPDATE"):
        with open(path, "w", encoding="utf-8") as out:
            out.write(made)
    else:
        assert made == text, "docs/openness.md has another table; UPDATE=1 writes it anew"


@test
def docs_list_the_licences_that_are_not_open():
    """From the table in src/openness/licences.c, asked one by one; UPDATE=1 writes it."""
    with open(os.path.join(SOURCE, "src", "openness", "licences.c"), encoding="utf-8") as file:
        names = re.findall(r'^    \{"([^"]+)",\s+(?:NULL|"[^"]*"),\s+0,', file.read(), re.M)
    assert len(names) >= 40
    text = "release:\n  license: {}\n  components:\n    - name: Model parameters (Final)\n      license: "
    rows = []
    for name in names:
        p = component(judge(described("one.yml", text + f'"{name}"\n')), "parameters")
        assert p["terms"] == "not open" and p["licence"] == name and p["why"], p
        rows.append(f"| `{name}` | {p['why']} |")
    path = os.path.join(SOURCE, "docs", "openness.md")
    with open(path, encoding="utf-8") as file:
        docs = file.read()
    begin, end = "<!-- licences -->\n", "<!-- end of licences -->"
    made = docs[:docs.index(begin) + len(begin)] + "| licence | why not |\n|---|---|\n" + "\n".join(rows) + "\n" + docs[docs.index(end):]
    if os.environ.get("UPDATE"):
        with open(path, "w", encoding="utf-8") as out:
            out.write(made)
    else:
        assert made == docs, "docs/openness.md has another list; UPDATE=1 writes it anew"


@test
def the_models_here_are_open_source_and_class_i():
    for name in ("debian-reader", "hearthside"):
        v = judge(os.path.join(SOURCE, "models", name))
        assert v["verdict"] == "open source" and v["osaid"]["result"] == "meets", v["reason"]
        assert v["mof"]["class"] == 1 and [(c["included"], c["of"]) for c in v["mof"]["counts"]] == [(6, 6), (10, 10), (14, 14)], v["mof"]
        assert v["checks"] and all(c["ok"] for c in v["checks"])
        assert v["eu"]["above_1e23"] is False and v["eu"]["training_flop"] > 1e12
        assert all(p["place"] for p in v["osaid"]["points"])


@test
def a_recipe_that_did_not_make_the_model_counts_for_nothing():
    path = place("tampered")
    shutil.copytree(os.path.join(SOURCE, "models", "hearthside"), path)
    with open(os.path.join(path, "model.safetensors"), "r+b") as weights:
        weights.seek(-1, os.SEEK_END)
        byte = weights.read(1)
        weights.seek(-1, os.SEEK_END)
        weights.write(bytes([byte[0] ^ 1]))
    v = judge(path)
    assert v["verdict"] == "open weights" and v["osaid"]["result"] == "does not"
    assert any(not c["ok"] for c in v["checks"])
    assert "did not make this model" in first_failure(v)["why"], first_failure(v)
    one_line(hearth("openness", "docs", path, "--out", place("none")), 1, "tampered", "checks hold")
    assert not os.path.exists(place("none"))


@test
def a_manifest_of_another_corpus_is_no_description_of_the_data():
    models = place("other-manifest")
    os.makedirs(models)
    shutil.copytree(os.path.join(SOURCE, "models", "hearthside"), os.path.join(models, "m"))
    shutil.copy(os.path.join(SOURCE, "models", "debian-reader.manifest.jsonl.zst"), os.path.join(models, "m.manifest.jsonl.zst"))
    v = judge(os.path.join(models, "m"))
    assert first_failure(v)["id"] == "data-description" and "corpus.json" in first_failure(v)["why"], first_failure(v)


@test
def texts_of_licences_are_recognised():
    """Debian's texts, which the fingerprints were not made from."""
    if not os.path.isdir(COMMON):
        raise Skip(f"no {COMMON}")
    known = {"Apache-2.0": "Apache-2.0", "Artistic": "Artistic-1.0-Perl", "BSD": "BSD-3-Clause", "CC0-1.0": "CC0-1.0", "GFDL-1.3": "GFDL-1.3-only",
             "GPL-1": "GPL-1.0-only", "GPL-2": "GPL-2.0-only", "GPL-3": "GPL-3.0-only", "LGPL-2": "LGPL-2.0-only", "LGPL-2.1": "LGPL-2.1-only",
             "LGPL-3": "LGPL-3.0-only", "MPL-1.1": "MPL-1.1", "MPL-2.0": "MPL-2.0"}
    there = 0
    for name, spdx in known.items():
        if not os.path.exists(os.path.join(COMMON, name)):
            continue
        with open(os.path.join(COMMON, name), encoding="utf-8") as text:
            v = judge(folder("text", {"LICENSE": text.read()}))
        assert component(v, "parameters")["licence"] == spdx, (name, component(v, "parameters"))
        assert v["verdict"] == "open weights", name
        there += 1
    assert there >= 8
    v = judge(folder("text", {"LICENSE": MIT}))
    assert component(v, "parameters")["licence"] == "MIT"


@test
def a_changed_text_is_not_the_licence_that_it_looks_like():
    clause = "\nIf the Software is used by products with more than 100 million monthly active users, its name shall be displayed prominently.\n"
    v = judge(folder("changed", {"LICENSE": MIT + clause, "README.md": "---\nlicense: mit\n---\n" + CARD}))
    p = component(v, "parameters")
    assert v["verdict"] == "closed terms" and p["terms"] == "not open", p
    assert "LICENSE, line" in p["conflict"] and "monthly active users" in p["conflict"] and "README.md, line 2" in p["conflict"], p["conflict"]
    line = next(i for i, t in enumerate((MIT + clause).splitlines(), 1) if "monthly active" in t)
    assert f"line {line} " in p["conflict"], (line, p["conflict"])
    v = judge(folder("changed", {"LICENSE": MIT.replace("without restriction", "for evil") * 1 + "All derivative works belong to us. " * 30}))
    assert component(v, "parameters")["terms"] == "unknown" and v["verdict"] == "closed terms", component(v, "parameters")


SELLING = """
"Commons Clause" License Condition v1.0

The Software is provided to you by the Licensor under the License, as defined below, subject to the following condition. Without limiting other conditions in the
License, the grant of rights under the License will not include, and the License does not grant to you, the right to Sell the Software.
"""


@test
def a_clause_against_selling_is_found_behind_a_licence():
    texts = {"MIT": MIT}
    if os.path.exists(f"{COMMON}/Apache-2.0"):
        with open(f"{COMMON}/Apache-2.0", encoding="utf-8") as text:
            texts["Apache-2.0"] = text.read()
    for name, text in texts.items():
        for clause in (SELLING, "\nCommons Clause applies.\n", "\nYou may not sell it.\n", "\nThis does not grant the right to sell it.\n",
                       "\nThe License does not grant to you, the right to Sell the Software.\n"):
            v = judge(folder("selling", {"LICENSE": text + clause}))
            p = component(v, "parameters")
            assert v["verdict"] == "closed terms" and p["terms"] == "not open" and "selling" in p["why"], (name, clause, p)
            assert {k["id"]: k["result"] for k in v["eu"]["points"]}["commercial"] == "does not", v["eu"]


NARROWING = "Use of this model is subject to these terms. It is provided solely for research.\n"


@test
def terms_are_read_under_their_usual_names():
    """Each beside a card that says MIT: the narrower one counts, with the file that it stands in."""
    for name in ("MODEL_LICENSE", "model_licence.txt", "USE_POLICY.md", "use-policy.txt", "NOTICE", "NOTICE.txt", "TERMS_OF_USE.txt", "LICENSES/x.txt"):
        v = judge(folder("names", {"README.md": "---\nlicense: mit\n---\n" + CARD, name: NARROWING}))
        p = component(v, "parameters")
        assert v["verdict"] == "closed terms" and p["terms"] == "not open" and f"{name}, line 1" in p["conflict"], (name, p)


@test
def notices_and_files_about_other_things_narrow_nothing():
    plain = {"NOTICE": "A model\nCopyright 2024 Somebody\n\nThis product includes software developed at Somewhere (https://example.org/).\n"
             "You have all rights, including the right to sell copies of it.\n",
             "TERMS.md": "# Terms\n\nA token is a piece of a word.\n", "LICENSES/MIT.txt": MIT, "MODEL_LICENSE": MIT}
    others = dict.fromkeys(("check_license.py", "licenses.json", "data/search_terms.jsonl", "DATA_LICENSE.md", "THIRD_PARTY_LICENSES.md"), NARROWING)
    if os.path.exists(f"{COMMON}/Apache-2.0"):
        with open(f"{COMMON}/Apache-2.0", encoding="utf-8") as text:
            plain["NOTICE.md"] = text.read()
    v = judge(folder("notices", {"README.md": "---\nlicense: mit\n---\n" + CARD, **plain, **others}))
    p = component(v, "parameters")
    assert v["verdict"] == "open weights" and p["licence"] == "MIT" and p["conflict"] is None, p


@test
def what_a_card_says_in_its_text_counts():
    def parameters(line):
        return component(judge(folder("said", {"README.md": "---\nlicense: mit\n---\n" + CARD + "\n" + line + "\n"})), "parameters")

    where = f"README.md, line {3 + CARD.count(chr(10)) + 2}"
    for line in ("For non-commercial research use only.", "**Commercial use is prohibited.**", "The model and the data are for Non-Commercial use only.",
                 "The weights come with the Commons Clause."):
        p = parameters(line)
        assert p["terms"] == "not open" and where in p["conflict"], (line, p)
    for line in ("It was trained on a data set for non-commercial use only, too.", "It is intended for research purposes only.", "Commercial and non-commercial use are allowed.",
                 "It is not meant for military uses."):
        assert parameters(line)["terms"] == "open", line


@test
def contradictions_are_told_and_the_narrower_licence_counts():
    if not os.path.exists(f"{COMMON}/GPL-3"):
        raise Skip("no text of the GPL here")
    with open(f"{COMMON}/GPL-3", encoding="utf-8") as text:
        v = judge(folder("conflict", {"LICENSE": text.read(), "README.md": "---\nlicense: apache-2.0\n---\n" + CARD}))
    p = component(v, "parameters")
    assert p["licence"] == "GPL-3.0-only" and "Apache-2.0" in p["conflict"] and "GPL-3.0-only" in p["conflict"], p
    v = judge(folder("agree", {"LICENSE": MIT, "README.md": "---\nlicense: mit\n---\n" + CARD}))
    assert component(v, "parameters")["conflict"] is None
    v = judge(folder("named", {"README.md": "---\nlicense: other\nlicense_name: llama3.1\nlicense_link: LICENSE\n---\n" + CARD}))
    assert component(v, "parameters")["licence"] == "llama3.1" and v["verdict"] == "closed terms"


@test
def closed_terms_are_told_with_the_licence_that_closes_them():
    v = judge(folder("reason", {"README.md": "---\nlicense: my-own-licence\n---\n" + CARD}))
    assert v["verdict"] == "closed terms" and v["osaid"]["result"] == "does not", v["osaid"]
    assert v["reason"].startswith("parameters: my-own-licence is no licence") and v["place"] == "README.md, line 2, license", v
    v = judge(folder("reason", {"README.md": "---\nlicense: mit\n---\n" + CARD}))
    assert v["verdict"] == "open weights" and v["reason"].startswith("the parameters are under open terms; "), v["reason"]
    v = judge(os.path.join(HERE, "models", "deepseek-r1-distill-llama-8b.yml"))
    assert v["reason"].startswith("the models that it was made from"), v["reason"]


@test
def who_calls_a_model_open_source_that_is_not_is_told_so():
    v = judge(folder("claims", {"LICENSE": MIT, "README.md": "---\nlicense: mit\n---\n" + CARD + "\nThe best open-source model of all.\n"}))
    line = 3 + CARD.count("\n") + 2
    assert v["verdict"] == "open weights" and v["claim"]["holds"] is False
    assert v["claim"]["place"] == f"README.md, line {line}" and "open weights" in v["claim"]["told"], v["claim"]
    said = good("openness", place("claims"), "-q").out
    assert "not reproduced" not in said  # there is no recipe
    assert "It calls itself open source" in said and "docs/openness.md" in said
    v = judge(folder("claims", {"LICENSE": MIT, "README.md": CARD + "\nThis is not open source, though it looks like an open-source model.\n"}))
    assert v["claim"] is None
    v = judge(os.path.join(HERE, "models", "olmo-2-13b.yml"))
    assert v["claim"]["holds"] is True


@test
def base_models_are_walked():
    v = judge(os.path.join(HERE, "models", "deepseek-r1-distill-llama-8b.yml"))
    assert v["base_models"][0]["licence"] == "llama3.1" and v["base_models"][0]["looked_at"] is True
    card = "---\nlicense: mit\nbase_model:\n- org/base\n---\n" + CARD
    v = judge(folder("tuned", {"README.md": card}), env=environment(HF_HUB_CACHE=place("empty-hub")))
    base = v["base_models"][0]
    assert base["looked_at"] is False and base["place"] == "README.md, line 4, base_model", base
    hub = place("hub")
    snapshot = os.path.join(hub, "models--org--base", "snapshots", "a" * 40)
    os.makedirs(os.path.join(hub, "models--org--base", "refs"))
    os.makedirs(snapshot)
    with open(os.path.join(hub, "models--org--base", "refs", "main"), "w", encoding="utf-8") as ref:
        ref.write("a" * 40)
    for name, text in {"README.md": "---\nlicense: gemma\n---\n" + CARD, "model.safetensors": "x", "config.json": "{}"}.items():
        with open(os.path.join(snapshot, name), "w", encoding="utf-8") as out:
            out.write(text)
    v = judge(place("tuned"), env=environment(HF_HUB_CACHE=hub))
    assert v["base_models"][0]["licence"] == "gemma" and v["verdict"] == "closed terms", v["base_models"]
    assert first_failure(v)["id"] == "base"


DESCRIPTION = "release:\n  name: x\n  license: {}\n  producer: y\n  components:\n    - name: Model parameters (Final)\n      license: MIT\n"


@test
def hostile_inputs_are_an_error_each():
    def refused(path, *words):
        one_line(hearth("openness", path, "-q"), 1, *words)

    described("a.yml", DESCRIPTION + "openness:\n  base_model: b.yml\n")
    refused(described("b.yml", DESCRIPTION + "openness:\n  base_model: a.yml\n"), "base_model", "circle")
    refused(described("self.yml", DESCRIPTION + "openness:\n  base_model: self.yml\n"), "circle")
    refused(folder("h", {"README.md": "---\nlicense: mit\n"}), "README.md", "line 1", "---")
    refused(folder("h", {"README.md": "---\nlicense: [mit\n---\n"}), "README.md", "line ")
    refused(folder("h", {"README.md": "---\na: &x mit\nb: *x\n---\n"}), "README.md", "line 2", "anchor")
    refused(folder("h", {"README.md": "---\nlicense: mit\nlicense: gpl-3.0\n---\n"}), "README.md", "line 3", "each key once")
    refused(folder("h", {"README.md": "---\nx: " + "a" * (1 << 20) + "\n---\n"}), "README.md", "1 MiB")
    refused(folder("h", {"README.md": "---\n- a\n---\n"}), "README.md", "keys and values")
    refused(folder("h", {"README.md": "---\n" + "a: " + "[" * 40 + "]" * 40 + "\n---\n"}), "README.md", "levels")
    refused(folder("h", {"README.md": "x" * (9 << 20)}), "README.md")
    refused(folder("h", {"LICENSE": "y " * (5 << 20)}), "LICENSE")
    refused(folder("h", {"config.json": '{"architectures": '}), "config.json")
    refused(folder("h", {"config.json": "[]"}), "config.json", "object")
    refused(described("d.yml", "release: 3\n"), "d.yml", "release")
    refused(described("d.yml", "release:\n  components: 3\n"), "d.yml", "components", "list")
    refused(described("d.yml", "release:\n  components:\n  - name: Soul\n"), "d.yml", "line 3", "Soul")
    refused(described("d.yml", DESCRIPTION + "    - name: parameters\n"), "d.yml", "line 8", "once")
    refused(described("d.yml", DESCRIPTION + "openness:\n  colour: red\n"), "d.yml", "colour")
    refused(described("d.yml", DESCRIPTION + "openness:\n  monetised: perhaps\n"), "d.yml", "monetised", "perhaps")
    refused(described("d.yml", DESCRIPTION + "openness:\n  training_flop: many\n"), "d.yml", "training_flop", "many")
    refused(described("d.yml", "\x00"), "d.yml")
    refused(place("nothing-here"), "nothing-here")
    refused(described("d.txt", "?"), "d.txt")
    many = "".join(f"- m{i}\n" for i in range(100))
    refused(folder("h", {"README.md": "---\nbase_model:\n" + many + "---\n"}), "base models", "64")
    v = judge(described("esc.yml", DESCRIPTION.replace("name: x", 'name: "\\e[31mred"')))
    assert v["name"] == "\x1b[31mred"


@test
def odd_licence_names_are_judged():
    def terms(licence):
        p = component(judge(described("l.yml", DESCRIPTION.replace("MIT", licence))), "parameters")
        return p["terms"], p["licence"]

    assert terms("Apache-2.0") == ("open", "Apache-2.0")
    assert terms("apache-2.0 OR llama2")[0] == "open"
    assert terms("apache-2.0 AND llama2")[0] == "not open"
    assert terms("GPL-2.0-or-later WITH Classpath-exception-2.0")[0] == "open"
    assert terms("(MIT OR Apache-2.0) AND CC-BY-4.0")[0] == "open"
    assert terms("Apache 2.0")[0] == "unknown"
    assert terms("bsd")[0] == "unknown"
    assert terms("unlicensed")[0] == "none"
    assert terms("cc-by-nc-sa-4.0")[0] == "not open"
    assert terms("openrail")[0] == "not open"
    assert terms("BUSL-1.1")[0] == "not open" and terms("bsl-1.0") == ("open", "BSL-1.0")


@test
def requirements_pages_and_usage():
    open_one, closed = os.path.join(HERE, "models", "pythia-12b.yml"), os.path.join(HERE, "models", "llama-2-7b.yml")
    page = place("verdict.html")
    for what in ("open-source", "open-weights", "class-i", "class-ii", "class-iii"):
        good("openness", open_one, "--require", what, "--html", page, "-q")
        assert hearth("openness", closed, "--require", what).code == 1
    assert hearth("openness", open_one, "--require", "eu-exempt").code == 1  # nobody has told whether access is sold
    assert good_json("openness", os.path.join(HERE, "models", "llama-3.1-405b.yml"), "--json")["eu"]["above_1e25"] is True
    with open(page, encoding="utf-8") as file:
        text = file.read()
    assert "Pythia 12B" in text and "@media print" in text and not re.search(r"(src|href)=", text)
    one_line(hearth("openness", "what", open_one), 2, "docs MODEL")
    one_line(hearth("openness", open_one, "--out", place("x")), 2, "docs")
    one_line(hearth("openness", "docs", open_one, "--require", "class-i"), 2, "verdict")
    one_line(hearth("openness", "docs", open_one, "--out", place("x")), 1, "pythia-12b.yml", "recipe")
    shutil.copy(closed, place("<b>x.yml"))
    good("openness", described("<b>x.yml", DESCRIPTION.replace("name: x", "name: <b>x</b>")), "--html", page, "-q")
    with open(page, encoding="utf-8") as file:
        assert "<b>" not in file.read()


@test
def gguf_files_are_judged_by_their_keys():
    models = [f for f in sorted(os.listdir(os.path.join(FIXTURES, "stories260K"))) if f.endswith(".gguf")] if os.path.isdir(os.path.join(FIXTURES, "stories260K")) else []
    if not models:
        raise Skip("no GGUF among the fixtures")
    v = judge(os.path.join(FIXTURES, "stories260K", models[0]))
    assert v["kind"] == "GGUF" and component(v, "parameters")["there"] == "yes" and component(v, "inference-code")["licence"] == "Apache-2.0"
    assert v["verdict"] in ("open weights", "closed terms")


PAPERS = ["DATA_CARD.md", "EU_ANNEX_XI.md", "EU_ANNEX_XII.md", "EU_TRAINING_SUMMARY.md", "EVALUATION.md", "README.md", "TECHNICAL_REPORT.md", "model.cdx.json",
          "model.spdx.json"]


@test
def papers_come_from_the_manifest_and_those_of_the_models_here_are_these():
    dated = environment(SOURCE_DATE_EPOCH="1795737600")
    for name in ("debian-reader", "hearthside"):
        out, model = place("papers-" + name), os.path.join(SOURCE, "models", name)
        said = good_json("openness", "docs", model, "--out", out, "--provider", "The Openhearth project", "--json", env=dated)
        assert said["files"] == 16 and sorted(os.listdir(out)) == sorted(PAPERS + ["html"])
        for paper in PAPERS:
            with open(os.path.join(out, paper), encoding="utf-8") as made, open(os.path.join(model, paper), encoding="utf-8") as kept:
                assert made.read() == kept.read(), f"models/{name}/{paper} is not what hearth openness docs writes"
        for page in os.listdir(os.path.join(out, "html")):
            with open(os.path.join(out, "html", page), encoding="utf-8") as file:
                text = file.read()
            assert "@page" in text and not re.search(r"(src|href)=", text), page


RECIPE = """recipe: 1
name: tiny
description: A few small worlds.
licence: CC0-1.0
contract: 1
seed: 7
held_out: 0.1
sources:
  - {name: worlds, kind: generator, generator: hearthside, documents: 200, licence: CC0-1.0, evidence: docs/hearthside.md, language: en}
rules: [exact_duplicates]
tokenizer: {kind: bpe, vocab_size: 300, pretokenizer: gpt-2, special: ["<|end|>"]}
model: {family: qwen3, layers: 1, width: 16, heads: 1, kv_heads: 1, mlp: 16, context: 32, rope_theta: 10000, norm_eps: 1.0e-5, tied: true}
train: {format: f32, steps: 4, sequences: 2, length: 32, micro_batches: 1, optimizer: adamw, learning_rate: 0.001, schedule: constant, checkpoint_steps: 2, evaluate_sequences: 2}
"""


@test
def a_run_is_judged_made_again_and_gets_its_papers():
    recipe, run = described("recipe.yaml", RECIPE), place("run")
    good("train", recipe, "--out", run, "--no-samples", "-q")
    v = judge(run)
    assert v["verdict"] == "open source" and v["name"] == "tiny" and any(c["what"] == "documents, packed again" for c in v["checks"]), v["checks"]
    assert component(v, "checkpoints")["place"] == "checkpoints"
    assert component(v, "datasets")["place"] == "corpus/documents" and v["mof"]["class"] == 0
    assert v["reproduced"] is False
    said = good("openness", run, "--html", place("not-again.html"), "-q").out
    assert "not reproduced here (--reproduce)" in said
    with open(place("not-again.html"), encoding="utf-8") as page:
        assert "not reproduced here (--reproduce)" in page.read()
    said = good("openness", run, "--reproduce", "--work", place("again-told"), "--html", place("not-again.html"), "-q").out
    with open(place("not-again.html"), encoding="utf-8") as page:
        assert "not reproduced here" not in said + page.read() and "DIFFERS" not in said
    v = good_json("openness", run, "--reproduce", "--work", place("again"), "--json", "-q")
    assert v["reproduced"] is True and v["verdict"] == "open source" and any(c["what"].startswith("checkpoint of step") and c["ok"] for c in v["checks"]), v["checks"]
    out = place("papers-run")
    good("openness", "docs", run, "--out", out, "--markdown", "-q")
    assert sorted(os.listdir(out)) == sorted(PAPERS)
    with open(os.path.join(out, "README.md"), "a", encoding="utf-8") as file:
        file.write("What a person wrote.\n")
    one_line(hearth("openness", "docs", run, "--out", out, "-q"), 1, "--replace", ".md")
    with open(os.path.join(out, "README.md"), encoding="utf-8") as file:
        assert "What a person wrote." in file.read()
    good("openness", "docs", run, "--out", out, "--markdown", "--replace", "-q")
    with open(os.path.join(out, "TECHNICAL_REPORT.md"), encoding="utf-8") as file:
        report = file.read()
    assert re.search(r"time by the clock: \d+ seconds", report) and "train.learning\\_rate" not in report and "with 2 checkpoints" in report
    with open(os.path.join(out, "DATA_CARD.md"), encoding="utf-8") as file:
        card = file.read()
    assert "| CC0-1.0 | " in card and "exact_duplicates" in card
    for paper in PAPERS:
        shutil.copy(os.path.join(out, paper), os.path.join(run, "model"))
    v = judge(run)
    assert v["mof"]["class"] == 1, v["mof"]
    assert "verified" in good("verify", os.path.join(run, "model"), "--segments", "1", "-q").out


@test
def a_generator_beside_another_source_does_not_describe_all_of_the_data():
    """Whichever stands first: only generators alone describe the data without a manifest."""
    os.makedirs(place("more-texts"))
    for i in range(20):
        with open(os.path.join(place("more-texts"), f"{i}.txt"), "w", encoding="utf-8") as out:
            out.write(f"Text number {i} says that {i} and {i + 1} make {2 * i + 1}, and that it goes on for a while. " * 4)
    worlds = next(line for line in RECIPE.splitlines(True) if "kind: generator" in line)
    texts = "  - {name: mine, kind: folder, path: more-texts, licence: CC0-1.0, evidence: texts, language: en}\n"
    for sources, result in ((worlds, "meets"), (worlds + texts, "cannot tell")):
        good("train", described("mixed.yaml", RECIPE.replace(worlds, sources)), "--out", place("mixed-run"), "--no-samples", "-q")
        shutil.copytree(os.path.join(place("mixed-run"), "model"), place("mixed"))
        points = {p["id"]: p for p in judge(place("mixed"))["osaid"]["points"]}
        assert points["data-description"]["result"] == result, (sources, points["data-description"])
        for name in ("mixed", "mixed-run"):
            shutil.rmtree(place(name))


@test
def what_a_recipe_does_not_say_is_not_taken_for_said():
    """A source that nobody else can have: the documents in the run are open data, a model without them has none."""
    os.makedirs(place("texts"))
    for i in range(40):
        with open(os.path.join(place("texts"), f"{i}.txt"), "w", encoding="utf-8") as out:
            out.write(f"Text number {i} says that {i} and {i + 1} make {2 * i + 1}, and that it goes on for a while. " * 4)
    recipe = described("own.yaml", RECIPE.replace("{name: worlds, kind: generator, generator: hearthside, documents: 200, licence: CC0-1.0, evidence: docs/hearthside.md, language: en}",
                                                  "{name: mine, kind: folder, path: texts, licence: CC0-1.0, evidence: texts, language: en}"))
    good("train", recipe, "--out", place("own-run"), "--no-samples", "-q")
    assert judge(place("own-run"))["verdict"] == "open source"
    shutil.copytree(os.path.join(place("own-run"), "model"), place("carried"))
    v = judge(place("carried"))
    assert v["verdict"] == "open weights" and v["osaid"]["result"] == "cannot tell" and component(v, "datasets")["there"] == "elsewhere", v["reason"]
    shutil.copy(os.path.join(place("own-run"), "corpus", "manifest.jsonl.zst"), place("carried.manifest.jsonl.zst"))
    v = judge(place("carried"))
    points = {p["id"]: p for p in v["osaid"]["points"]}
    assert points["data-description"]["result"] == "meets" and points["data-public"]["result"] == "cannot tell" and "mine" in points["data-public"]["why"], points
    good("openness", "docs", place("own-run"), "--out", place("own-papers"), "-q")
    with open(os.path.join(place("own-papers"), "EU_TRAINING_SUMMARY.md"), encoding="utf-8") as file:
        parts = re.split(r"^### ", file.read(), flags=re.M)
    for section in ("2.1", "2.2", "2.3", "2.4", "2.5"):
        part = next(p for p in parts if p.startswith(section))
        assert "TO BE FILLED IN BY A PERSON" in part and "Used: no" not in part, part


@test
def the_summary_has_every_section_and_says_what_a_person_must():
    with open(os.path.join(SOURCE, "models", "debian-reader", "EU_TRAINING_SUMMARY.md"), encoding="utf-8") as file:
        text = file.read()
    for section in ("1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "3.1", "3.2", "3.3"):
        assert f"### {section} " in text, section
    for word in ("text", "image", "audio", "video", "other", "less than 1 billion tokens", "31,207,673 bytes", "TO BE FILLED IN BY A PERSON"):
        assert word in text, word
    with open(os.path.join(SOURCE, "models", "debian-reader", "EU_ANNEX_XI.md"), encoding="utf-8") as file:
        annex = file.read()
    assert "Not above 10^23 FLOP" in annex and "not above 10^25 FLOP" in annex
    with open(os.path.join(SOURCE, "models", "debian-reader", "model.spdx.json"), encoding="utf-8") as file:
        graph = json.load(file)["@graph"]
    relations = [e["relationshipType"] for e in graph if e["type"] == "Relationship"]
    assert relations.count("hasDeclaredLicense") == 2 and relations.count("hasConcludedLicense") == 2 and "trainedOn" in relations
    names = {e["spdxId"] for e in graph if "spdxId" in e}
    for e in graph:
        for target in ([e["from"], *e["to"]] if e["type"] == "Relationship" else []):
            assert target in names, target


try:
    main()
finally:
    shutil.rmtree(TEMPORARY, ignore_errors=True)
