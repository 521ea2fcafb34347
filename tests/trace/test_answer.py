#!/usr/bin/env python3
"""hearth trace answer as a program: an answer's spans and documents from a run and from a model alone, influence, training without documents, and
what is refused. On hearthside's shortened recipe. Prints TAP."""

import hashlib
import html.parser
import json
import os
import shutil
import sqlite3
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "cli"), os.path.join(os.path.dirname(HERE), "recipe")]
from hearthside_short import short_recipe  # noqa: E402
from scripted_model import write_model  # noqa: E402
from tap import HEARTH, SOURCE, environment, folder, good, good_json, hearth, main, one_line, test  # noqa: E402

PLACE = folder()
QUESTION = "Tom has a red ball. Where is Ann?"
ANSWER = ["--max-tokens", "40", "--temperature", "0.8", "--share", "1", "--seed", "5"]


def at(name):
    return os.path.join(PLACE.name, name)


CACHE = environment(XDG_CACHE_HOME=at("cache"))
RECIPE = short_recipe(PLACE.name, steps=4)
RUN = at("run")


def asked(model, *more, **options):
    return good_json("trace", "answer", model, QUESTION, *ANSWER, *more, env=options.pop("env", CACHE), **options)


def trained():
    if not os.path.exists(RUN):
        good("train", RECIPE, "-o", RUN, "-q")
    return RUN


@test
def a_run_has_corpus_and_index_beside_it():
    made = asked(trained())
    assert made["question"] == QUESTION and made["finish"] in ("length", "stop"), made["finish"]
    assert os.path.exists(os.path.join(RUN, "trace", "index.json"))
    spans = made["trace"]["spans"]
    assert spans and made["trace"]["index"]["documents"] > 200, made["answer"]
    for span in spans:
        assert made["answer"].encode()[span["begin"]:span["end"]].decode() == span["text"], span
        assert 0 < len(span["documents"]) <= 10 and span["count"] >= len(span["documents"]), span
        for d in span["documents"]:
            assert d["match"] == span["text"] and d["licence"] == "CC0-1.0" and d["source"] == "hearthside", d
            assert not d["held_out"] and d["evidence"] == "docs/hearthside.md", d
    again = hearth("trace", "answer", os.path.join(RUN, "model"), QUESTION, *ANSWER, "--json", env=CACHE)
    assert again.err == "" and json.loads(again.out)["trace"] == made["trace"], again   # nothing is made twice


@test
def a_model_alone_gets_them_in_the_cache():
    alone = at("alone")
    quiet = environment(XDG_CACHE_HOME=at("quiet-cache"))
    shutil.copytree(os.path.join(trained(), "model"), alone)
    first = hearth("trace", "answer", alone, QUESTION, *ANSWER, "--json", env=CACHE)
    assert first.code == 0 and first.err.count("(once)") == 2, first
    assert json.loads(first.out)["trace"]["spans"] == asked(RUN)["trace"]["spans"], first
    silent = hearth("trace", "answer", alone, QUESTION, *ANSWER, "-q", env=quiet)
    assert silent.code == 0 and silent.err == "" and silent.out != "", silent
    second = hearth("trace", "answer", alone, QUESTION, *ANSWER, env=CACHE)
    assert second.err == "" and "licence CC0-1.0 by docs/hearthside.md" in second.out and "in the corpus" in second.out, second


@test
def terminals_get_underlines_and_pipes_plain_text():
    plain = good("trace", "answer", trained(), QUESTION, *ANSWER, env=CACHE).out
    coloured = good("trace", "answer", RUN, QUESTION, *ANSWER, "--color", "always", env=CACHE).out
    assert "\x1b" not in plain and "\x1b[4m" in coloured


@test
def equal_spans_share_a_row_and_blanks_are_none():
    """A scripted model that repeats itself, in an index of its words; blanks stand there, too."""
    model = write_model(at("repeats"), [["<|ask|>", "mill barn mill mill\n\nhen mill", "<|im_end|>"]])
    texts, index = at("repeats.jsonl"), at("repeats-index")
    with open(texts, "w", encoding="utf-8") as file:
        for text in ("mill", "barn", "hen", "+ \n\n+"):
            file.write(json.dumps({"text": text}) + "\n")
    good("trace", "index", texts, "--tokenizer", model, "--by", "tokens", "-q", "-o", index)
    asking = ["trace", "answer", model, "0", "--index", index, "--share", "1", "-q"]
    spans = good_json(*asking, env=CACHE)["trace"]["spans"]
    assert [s["text"] for s in spans] == ["mill", "barn", "mill", "mill", "hen", "mill"], spans
    shown = good(*asking, env=CACHE).out
    assert [line.split("  ")[0] for line in shown.splitlines() if line.startswith("[")] == ['[1], [3]-[4], [6] "mill"', '[2] "barn"', '[5] "hen"'], shown


@test
def the_page_needs_nothing_else():
    page = at("page.html")
    good("trace", "answer", trained(), QUESTION, *ANSWER, "--html", page, env=CACHE)
    seen = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            seen.append((tag, dict(attrs)))
    with open(page, encoding="utf-8") as file:
        text = file.read()
    Reader().feed(text)
    links = [a["href"] for tag, a in seen if tag == "a"]
    assert links and all(link.startswith("#span-") and any(a.get("id") == link[1:] for _, a in seen) for link in links), links
    assert not any(tag in ("script", "link", "img", "iframe") for tag, _ in seen) and "docs/hearthside.md" in text


@test
def influence_is_one_result():
    first = asked(trained(), "--why", "--documents", "6", "--threads", "1")["why"]
    assert first["checkpoints"] == 2 and len(first["documents"]) == 6 and first["sequences"] >= 14, first
    assert any(d["traced"] for d in first["documents"]) and not all(d["traced"] for d in first["documents"]), first
    values = [d["influence"] for d in first["documents"]]
    assert values == sorted(values, reverse=True) and len(set(values)) > 3, values
    for more, env in ((["--threads", "3"], CACHE), (["--isa", "scalar"], CACHE), ([], {**CACHE, "HEARTH_ISA": "scalar"})):
        found = asked(RUN, "--why", "--documents", "6", *more, env=env)["why"]
        assert found["documents"] == first["documents"], (more, found)
    told = hearth("trace", "answer", RUN, QUESTION, *ANSWER, "--why", "--documents", "6", env=CACHE)
    assert "6 documents at 2 checkpoints are" in told.err and told.code == 0 and "an estimate" in told.out, told


@test
def without_documents_it_is_trained_again():
    rows = [d["row"] for s in asked(trained())["trace"]["spans"] for d in s["documents"]]
    state = json.load(open(os.path.join(RUN, "model", "state.json"), encoding="utf-8"))
    one = asked(RUN, "--without", str(rows[0]), "-q")
    everything = asked(RUN, *[w for r in trained_on() for w in ("--without", str(r))], "-q")["without"]
    few = one["without"]
    for w in (few, everything):
        assert w["weights_with"] == state["weights"] and w["steps"] == 4, w
    assert everything["targets_left_out"] == 4 * 4 * 32 and everything["weights_without"] != state["weights"], everything["weights_without"]
    # a document that is in none of the four batches: the same weights to the bit
    assert (few["targets_left_out"] == 0) == (few["weights_without"] == state["weights"]), few
    unseen = next(w for w in (asked(RUN, "--without", str(r), "-q")["without"] for r in trained_on()[:20]) if w["targets_left_out"] == 0)
    assert unseen["weights_without"] == state["weights"], unseen
    before = hearth("trace", "answer", RUN, QUESTION, *ANSWER, "--without", str(rows[0]), env=CACHE)
    assert before.err == "" and "weights without them " + one["without"]["weights_without"] in before.out, before   # it was kept


def trained_on():
    with sqlite3.connect(f"file:{os.path.join(RUN, 'corpus', 'manifest.sqlite')}?mode=ro", uri=True) as db:
        return [row for row, in db.execute("SELECT row FROM document WHERE kept_sha256 IS NOT NULL AND NOT held_out")]


@test
def what_cannot_be_done_is_said():
    bare = write_model(at("bare"))
    one_line(hearth("trace", "answer", bare, "Hello", env=CACHE), 1, "bare", "recipe", "--index")
    one_line(hearth("trace", "answer", trained(), "", env=CACHE), 2, "empty question")
    one_line(hearth("trace", "answer", RUN, QUESTION, "--stop", "", env=CACHE), 2, "--stop")
    one_line(hearth("trace", "answer", RUN, QUESTION, "--without", "100000", env=CACHE), 1)
    one_line(hearth("trace", "answer", RUN, QUESTION, "--index", at("nothing"), env=CACHE), 1, "nothing")
    one_line(hearth("trace", "answer", bare, "Hello", "--index", os.path.join(RUN, "trace"), "--why", "-q", env=CACHE), 2, "--why")
    with open(at("other.jsonl"), "w", encoding="utf-8") as file:
        file.write(json.dumps({"text": "Tom has a red ball."}) + "\n")
    good("trace", "index", at("other.jsonl"), "--tokenizer", os.path.join(RUN, "tokenizer.json"), "--by", "tokens", "-q", "-o", at("other"))
    for wish in (["--why"], ["--without", "0"]):   # the index of texts that the model never read
        one_line(hearth("trace", "answer", RUN, QUESTION, "--index", at("other"), *wish, "-q", env=CACHE), 2, wish[0], "corpus")
    lone = at("lone")
    shutil.copytree(os.path.join(RUN, "model"), lone)
    named = ["--index", os.path.join(RUN, "trace"), "-q"]
    one_line(hearth("trace", "answer", lone, QUESTION, *named, "--without", "1", env=environment(XDG_CACHE_HOME=at("empty-cache"))), 2, "--without", "corpus")
    assert asked(RUN, *named, "--why", "--documents", "2")["why"]["documents"]
    strange = at("strange")
    shutil.copytree(os.path.join(RUN, "model"), strange)
    with open(os.path.join(strange, "recipe.yaml"), encoding="utf-8") as file:
        text = file.read()
    with open(os.path.join(strange, "recipe.yaml"), "w", encoding="utf-8") as file:
        file.write(text.replace("kind: generator", "kind: command").replace("generator: hearthside", "command: touch " + at("ran")).replace("    documents: 300\n", ""))
    ended = hearth("trace", "answer", strange, QUESTION, "-q", env=CACHE)
    one_line(ended, 1, "command")
    assert not os.path.exists(at("ran"))


@test
def a_strangers_recipe_stays_in_its_folder():
    victim = at("cache/openhearth/victim")   # three folders up from FOLDER/sources
    os.makedirs(victim, exist_ok=True)
    with open(os.path.join(victim, "letter.txt"), "w", encoding="utf-8") as file:
        file.write("dear Ann")
    empty = "# packages\n"
    for number, (path, packages) in enumerate((("../../../victim", "packages.txt"), ("debs", "../escaped.txt"), (victim, "packages.txt"))):
        model = at(f"stranger/{number}/model")
        shutil.copytree(os.path.join(trained(), "model"), model)
        for name in (os.path.join(model, packages), os.path.join(model, "packages.txt")):
            with open(name, "w", encoding="utf-8") as file:
                file.write(empty)
        with open(os.path.join(model, "recipe.yaml"), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(model, "recipe.yaml"), "w", encoding="utf-8") as file:
            file.write(text.replace("\nsources:\n", "\nsources:\n" f"  - name: packages\n    kind: debian\n    path: {path}\n    packages: {packages}\n"
                                    f"    sha256: {hashlib.sha256(empty.encode()).hexdigest()}\n"))
        ended = hearth("trace", "answer", model, QUESTION, *ANSWER, "-q", "--mirror", "http://127.0.0.1:9", env=CACHE)
        assert os.path.exists(os.path.join(victim, "letter.txt")), (path, ended)
        assert not [folder for folder, _, names in os.walk(at("cache")) if "escaped.txt" in names], (packages, ended)


@test
def a_page_that_cannot_be_written_is_told_before_the_work():
    alone, cache = at("unmade"), environment(XDG_CACHE_HOME=at("unmade-cache"))
    shutil.copytree(os.path.join(trained(), "model"), alone)
    for page, code, words in ((at("nowhere/x.html"), 1, ["nowhere"]), (PLACE.name, 2, ["--html", "a folder"]), (at("fresh") + "/", 2, ["--html", "a folder"])):
        ended = hearth("trace", "answer", alone, QUESTION, *ANSWER, "--html", page, "-q", env=cache)
        assert ended.out == "" and not os.path.exists(at("unmade-cache")), ended
        one_line(ended, code, *words)
    late = hearth("trace", "answer", RUN, QUESTION, *ANSWER, "--html", at("x" * 250), env=CACHE)   # no room for what stands there first
    assert late.code == 1 and "in the corpus" in late.out and len(late.err.splitlines()) == 1 and "xxx" in late.err, late


def half(name):
    """A model alone, and its folder in a cache of its own."""
    alone, cache = at(name), environment(XDG_CACHE_HOME=at(name + "-cache"))
    shutil.copytree(os.path.join(trained(), "model"), alone)
    good("trace", "answer", alone, QUESTION, *ANSWER, "-q", env=cache)
    [made] = os.listdir(at(name + "-cache/openhearth/trace"))
    return alone, cache, at(f"{name}-cache/openhearth/trace/{made}")


@test
def half_a_cache_has_a_way_out():
    alone, cache, made = half("half")
    index = os.path.join(made, "trace")
    asking = ["trace", "answer", alone, QUESTION, *ANSWER, "-q"]
    gone = subprocess.Popen(["true"])
    gone.wait()
    left, others = (os.path.join(made, f"corpus.tmp-{pid}") for pid in (gone.pid, os.getpid()))
    for place in (left, os.path.join(left, "documents"), others):
        os.makedirs(place)
    with open(os.path.join(left, "documents", "00000"), "w", encoding="utf-8") as file:
        file.write("half")
    with open(os.path.join(index, "index.json"), "w", encoding="utf-8") as file:
        file.write("{")
    one_line(hearth(*asking, env=cache), 1, "index.json", f"remove {index} to make it again")
    os.unlink(os.path.join(index, "index.json"))
    one_line(hearth(*asking, env=cache), 1, "index.json", f"remove {index} to make it again")
    assert not os.path.exists(left) and os.path.exists(others), os.listdir(made)   # a process that lives may be at it
    shutil.rmtree(index)
    assert hearth(*asking, env=cache).code == 0
    os.unlink(os.path.join(made, "corpus", "corpus.json"))
    one_line(hearth(*asking, env=cache), 1, "corpus.json", f"remove {os.path.join(made, 'corpus')} to make it again")


@test
def two_first_answers_at_once():
    alone, cache = at("twice"), environment(XDG_CACHE_HOME=at("twice-cache"))
    shutil.copytree(os.path.join(trained(), "model"), alone)
    command = [HEARTH, "trace", "answer", alone, QUESTION, *ANSWER, "--threads", "1"]
    started = [subprocess.Popen(command, env=cache, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [one.communicate() for one in started]
    assert [one.returncode for one in started] == [0, 0] and len({out for out, _ in ended}) == 1, ended
    assert sorted(err.count("(once)") for _, err in ended) == [0, 2], ended   # one made it, the other waited for it


@test
def the_programs_own_model_is_traced():
    if not os.path.exists(os.path.join(SOURCE, "models", "hearthside")):
        return
    made = hearth("trace", "answer", "embedded:hearthside", "Ann sleeps in the barn. Where is Ann?", "--json", "--index", os.path.join(trained(), "trace"), env=CACHE)
    assert made.code == 0 and json.loads(made.out)["answer"].strip() == "Ann is in the barn.", made


main()
