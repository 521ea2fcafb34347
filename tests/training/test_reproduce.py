#!/usr/bin/env python3
"""hearth reproduce: a model made again is the same; whatever differs is told where it does, and ends it. Prints TAP.

    test_reproduce.py [NAME …]"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_folder import folder, read, train, write, write_recipe  # noqa: E402
from run_forge import NORM, change_recipe, flip, forge, forge_weights, of_step, refile, replace, sha256  # noqa: E402
from tap import HEARTH, environment, hearth, main, one_line, test  # noqa: E402

PLACE = folder()
RECIPE = write_recipe(PLACE.name)
WHOLE = os.path.join(PLACE.name, "whole")
made = train(RECIPE, WHOLE)
PARTS = ["their chain of hashes", "recipe", "sources", "corpus", "tokenizer", "packed", "held-out"]
STEPS = ["checkpoint of step 8", "checkpoint of step 16", "checkpoint of step 24", "chain of hashes", "model"]


def place(name):
    return os.path.join(PLACE.name, name)


def carried(name="carried", whole=WHOLE):
    """The model's folder somewhere else."""
    to = place(os.path.join("far", "away", name))
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(os.path.join(whole, "model"), to)
    return to


def again(model, out, *more):
    """The report; the folder is new."""
    shutil.rmtree(place(out), ignore_errors=True)
    return reproduce(model, out, *more)


def reproduce(model, out, *more):
    ended = hearth("reproduce", model, "-o", place(out), "-q", "--json", *more)
    assert ended.code in (0, 1) and ended.err == "", ended
    value = json.loads(ended.out)
    assert value["same"] == (ended.code == 0), ended
    return value


def differs(value, what, *words):
    """The last check, and no other, differs; nothing was kept behind it."""
    assert not value["same"] and [c["same"] for c in value["checks"]].count(False) == 1, value
    last = value["checks"][-1]
    assert last["what"] == what and all(word in last["detail"] for word in words), (what, words, last)


@test
def a_run_and_its_model_alone_are_the_same():
    model = sha256(read(WHOLE, "model", "model.safetensors"))
    for given, more in ((WHOLE, []), (os.path.join(WHOLE, "model"), []), (carried(), ["--sources", PLACE.name])):
        value = again(given, "same", *more)
        assert value["same"] and [c["what"] for c in value["checks"]] == PARTS + STEPS, value
        assert value["model"] == model and value["chain"] == made["chain"] and value["weights"] == made["weights"], value
        assert value["name"] == "tiny" and value["steps_done"] == value["step"] == 24, value
    assert read(place("same"), "log.jsonl") == read(WHOLE, "log.jsonl")


@test
def lines_are_told_as_they_come():
    shutil.rmtree(place("told"), ignore_errors=True)
    ended = hearth("reproduce", WHOLE, "-o", place("told"), "-q")
    told = ended.out.splitlines()
    assert ended.code == 0 and told[-1] == "the same: SHA-256 " + sha256(read(WHOLE, "model", "model.safetensors")), ended
    assert [line.split(":")[0].removeprefix("ok").strip() for line in told[:-1]] == PARTS + STEPS, ended
    tampered = place("told-tampered")
    shutil.copytree(WHOLE, tampered)
    forge(tampered, lambda log: of_step(log, 13).update(loss=1.0))
    shutil.rmtree(place("told"))
    ended = hearth("reproduce", tampered, "-o", place("told"), "-q")
    assert ended.code == 1 and ended.out.splitlines()[-1] == "NOT the same: step 13" and "DIFFERS step 13: loss: the log says 1, found " in ended.out, ended


@test
def bf16_and_other_threads():
    recipe = write_recipe(PLACE.name, "bf16.yaml", format="bf16", steps=8, every=4)
    train(recipe, place("bf16"), "--threads", "1")
    value = again(carried("bf16", place("bf16")), "bf16-again", "--sources", PLACE.name, "--threads", "3")
    assert value["same"] and value["model"] == sha256(read(place("bf16"), "model", "model.safetensors")), value


@test
def an_empty_folder_is_taken():
    os.mkdir(place("empty"))
    assert reproduce(WHOLE, "empty")["same"]


@test
def it_goes_on_where_it_was_stopped():
    """Killed at several moments, then interrupted once; in the end the same, and the last call did not do it all."""
    recipe = write_recipe(PLACE.name, "long.yaml", steps=1200, every=60)
    whole = train(recipe, place("long"))
    command = [HEARTH, "reproduce", place("long"), "-o", place("stopped"), "-q"]
    for stop_at in (1, 200, 500):
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        log = os.path.join(place("stopped"), "log.jsonl")
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline and not (os.path.exists(log) and read(log).count(b"\n") > stop_at):
            time.sleep(0.002)
        process.send_signal(signal.SIGINT if stop_at == 200 else signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode == (130 if stop_at == 200 else -signal.SIGKILL), (stop_at, process.returncode)
    value = reproduce(place("long"), "stopped")
    assert value["same"] and value["chain"] == whole["chain"] and 0 < value["steps_done"] < 1200, value
    value = reproduce(place("long"), "stopped")
    assert value["same"] and value["steps_done"] == 0, value


@test
def a_changed_document():
    """Of a run the document is told, of a model alone its source."""
    os.mkdir(place("changed"))
    shutil.copytree(place("texts"), place("changed/texts"))
    replace(place("changed"), "texts/text-07.txt", b"Anna", b"Anne")
    value = again(WHOLE, "changed-again", "--sources", place("changed"))
    differs(value, "corpus", "SHA-256", "sources, texts: sha256", "document 8 (text-07.txt): id")
    value = again(carried(), "changed-again", "--sources", place("changed"))
    differs(value, "corpus", "SHA-256", "sources, texts: sha256")
    assert not os.path.exists(place("changed-again/packed")) and value["steps_done"] == 0
    os.remove(place("changed/texts/text-07.txt"))
    differs(again(WHOLE, "changed-again", "--sources", place("changed")), "corpus", "sources, texts: documents: there 60, found 59", "document 8 (text-07.txt): id")


@test
def another_library():
    """A corpus.json of another version of a library, with all hashes that hang on it: told by name."""
    text = read(RECIPE).decode().replace("held_out", "rules: [nfc]\nheld_out", 1)
    write(text, PLACE.name, "nfc.yaml")
    train(place("nfc.yaml"), place("nfc"))
    told = json.loads(read(place("nfc"), "corpus", "corpus.json"))
    version = told["libraries"]["utf8proc"]
    replace(place("nfc"), "corpus/corpus.json", f'"utf8proc": "{version}"'.encode(), b'"utf8proc": "0.1"')
    shutil.copy(os.path.join(place("nfc"), "corpus", "corpus.json"), os.path.join(place("nfc"), "model"))
    forge(place("nfc"), lambda log: log[0].update(corpus=sha256(read(place("nfc"), "corpus", "corpus.json"))))
    differs(again(place("nfc"), "nfc-again"), "corpus", f"libraries: utf8proc: there 0.1, found {version}")
    ended = hearth("verify", place("nfc"), "--recipe", place("nfc.yaml"), "-q")
    assert ended.code == 1 and f"libraries: utf8proc: there 0.1, found {version}" in ended.out, ended


@test
def a_changed_hyper_parameter():
    copy = place("hyper")
    shutil.copytree(WHOLE, copy)
    replace(copy, "recipe.yaml", b"learning_rate: 0.004", b"learning_rate: 0.005")
    differs(again(copy, "hyper-again"), "recipe", "SHA-256: the log says ")
    shutil.rmtree(copy)
    shutil.copytree(WHOLE, copy)
    change_recipe(copy, b"learning_rate: 0.004", b"learning_rate: 0.005")
    differs(again(copy, "hyper-again"), "step 1", "learning_rate: the log says 0.001, found 0.00125")
    shutil.rmtree(copy)
    shutil.copytree(WHOLE, copy)
    change_recipe(copy, b"seed: 7", b"seed: 9")
    differs(again(copy, "hyper-again"), "packed", "SHA-256")


@test
def forged_records_and_weights():
    def tampered(tamper):
        shutil.rmtree(place("forged"), ignore_errors=True)
        shutil.copytree(WHOLE, place("forged"))
        tamper(place("forged"))
        return again(place("forged"), "forged-again")
    def flipped(run):
        flip(os.path.join(run, "checkpoints/step-000016/model.safetensors"), NORM, 5)
        forge_weights(run, 16)
    def other_file(run):
        flip(os.path.join(run, "model/model.safetensors"), NORM, 5)
        refile(os.path.join(run, "model"))
    differs(tampered(flipped), "checkpoint of step 16", "weights: the log says", NORM + ", value 5: there ")
    differs(tampered(lambda run: forge(run, lambda log: log[0].update(weights="cd" * 32))), "first record", "weights: the log says cdcd")
    differs(tampered(lambda run: forge(run, lambda log: of_step(log, 16, "evaluation").update(bytes=1))), "evaluation of step 16", "bytes: the log says 1,")
    differs(tampered(lambda run: forge(run, lambda log: log.remove(of_step(log, 11)))), "step 11", "no such record")
    differs(tampered(lambda run: forge(run, lambda log: log.append({"kind": "step", "step": 25}), states=False)), "chain of hashes", "in 32 records", "in 31")
    differs(tampered(lambda run: write(read(run, "log.jsonl").replace(b'"loss":5', b'"loss":4', 1), run, "log.jsonl")), "their chain of hashes", "previous")
    differs(tampered(other_file), "model", "SHA-256 of model.safetensors: there ")
    differs(tampered(lambda run: write("", run, "log.jsonl")), "their chain of hashes", "empty")


@test
def what_an_earlier_call_left_is_compared():
    """Steps of a folder that went on under another program's hands."""
    assert again(WHOLE, "left")["same"]
    shutil.rmtree(place("left/model"))
    forge(copy_of_whole(), lambda log: of_step(log, 20).update(loss=2.0))
    write(sha256(read(place("copy"), "log.jsonl").splitlines()[-1]), place("left"), "reproduces")
    value = reproduce(place("copy"), "left")
    differs(value, "step 20", "loss: the log says 2,")
    assert value["steps_done"] == 0


def copy_of_whole():
    shutil.rmtree(place("copy"), ignore_errors=True)
    shutil.copytree(WHOLE, place("copy"))
    return place("copy")


@test
def a_missing_source():
    one_line(hearth("reproduce", carried(), "-o", place("missing"), "--json"), 1, "source texts", "expected what the recipe names", "--sources", "no texts there")
    one_line(hearth("reproduce", carried(), "-o", place("missing"), "--json", "--sources", place("nowhere")), 1, "nowhere", "source texts")
    assert not os.path.exists(place("missing"))


@test
def folders_that_are_refused():
    """Also the run itself, which would be found the same without a step."""
    for out in (WHOLE, place("texts")):
        one_line(hearth("reproduce", WHOLE, "-o", out, "--json"), 1, out, "a new folder, or one in which this model's reproduction began")
    shutil.copytree(WHOLE, place("full"))
    one_line(hearth("reproduce", WHOLE, "-o", place("full"), "--json"), 1, "one of another origin")
    assert again(WHOLE, "marked")["same"]
    forge(copy_of_whole(), lambda log: of_step(log, 20).update(loss=2.0))
    one_line(hearth("reproduce", place("copy"), "-o", place("marked"), "--json"), 1, "that of another chain of hashes")
    one_line(hearth("reproduce", WHOLE, "-o", place("texts/below"), "--json"), 1, "outside of the source's folder")
    one_line(hearth("reproduce", WHOLE, "-o", ""), 2, "--out")
    one_line(hearth("reproduce", place("texts")), 1, "log.jsonl")
    one_line(hearth("reproduce"), 2, "MODEL")


main()
