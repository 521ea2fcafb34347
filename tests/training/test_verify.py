#!/usr/bin/env python3
"""hearth verify: a run as it is passes; each tampering in a copy is found, and where it lies is told. Some forgers are clumsy (a hash tells),
others write the whole chain anew (training again tells). Prints TAP.

    test_verify.py [NAME …]"""

import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_folder import folder, read, records, train, write, write_recipe  # noqa: E402
from run_forge import (EMBEDDING, NORM, change_recipe, edit_line, flip, floats, forge, forge_alone, forge_weights, lines, of_step, refile, replace,  # noqa: E402
                       sha256, step_line, write_log, zstd_read, zstd_write)
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "corpus"))
from deb import deb, file_name, line  # noqa: E402
from tap import environment, hearth, main, one_line, test  # noqa: E402

PLACE = folder()
RECIPE = write_recipe(PLACE.name)
WHOLE = os.path.join(PLACE.name, "whole")
BF16 = os.path.join(PLACE.name, "bf16")
made = train(RECIPE, WHOLE)
train(write_recipe(PLACE.name, "bf16.yaml", format="bf16", steps=8, every=4), BF16)


def edit_documents(run, old=b"Anna takes", new=b"Anna likes"):
    path = os.path.join(run, "corpus", "documents", "00000.jsonl.zst")
    text = zstd_read(read(path))
    assert old in text
    write(zstd_write(text.replace(old, new, 1)), path)
    return sha256(text), sha256(text.replace(old, new, 1))


def edit_documents_consistently(run):
    old, new = edit_documents(run)
    replace(run, "corpus/corpus.json", old.encode(), new.encode())
    shutil.copy(os.path.join(run, "corpus", "corpus.json"), os.path.join(run, "model"))
    forge(run, lambda log: log[0].update(corpus=sha256(read(run, "corpus", "corpus.json"))))


def edit_manifest(run):
    path = os.path.join(run, "corpus", "manifest.jsonl.zst")
    text = zstd_read(read(path))
    assert b"CC0-1.0" in text
    write(zstd_write(text.replace(b"CC0-1.0", b"MIT-0", 1)), path)
    return sha256(text.replace(b"CC0-1.0", b"MIT-0", 1))


def edit_manifest_consistently(run):
    old = json.loads(read(run, "corpus", "corpus.json"))["sha256"]
    replace(run, "corpus/corpus.json", old.encode(), edit_manifest(run).encode())
    shutil.copy(os.path.join(run, "corpus", "corpus.json"), os.path.join(run, "model"))
    forge(run, lambda log: log[0].update(corpus=sha256(read(run, "corpus", "corpus.json"))))


def bump(key, step, kind="step"):
    def change(log):
        record = of_step(log, step, kind)
        record[key] = record[key] + 1 if isinstance(record[key], int) else record[key] * (1 + 2**-50)
    return lambda run: forge(run, change)


def hexes(key, step):
    return lambda run: forge(run, lambda log: of_step(log, step).update({key: "ab" * 32}))


def flip_and_forge(step, file, name, value):
    def tamper(run):
        flip(os.path.join(run, "checkpoints", f"step-{step:06}", file), name, value)
        forge_weights(run, step)
    return tamper


def older_weights(run):
    for name in ("model.safetensors", "optimizer.safetensors"):
        shutil.copy(os.path.join(run, "checkpoints", "step-000016", name), os.path.join(run, "checkpoints", "step-000024", name))
    forge_weights(run, 24)


def edit_and_refile(place, name, old, new):
    def tamper(run):
        replace(os.path.join(run, place), name, old, new)
        refile(os.path.join(run, place))
    return tamper


def flip_model_and_refile(run):
    flip(os.path.join(run, "model", "model.safetensors"), NORM, 3)
    refile(os.path.join(run, "model"))


def more_files(place, *names):
    def tamper(run):
        for name in names:
            write("{}", run, place, name)
        state = json.loads(read(run, place, "state.json"))
        state["files"].update({name: "" for name in names})
        write(json.dumps(state), run, place, "state.json")
        refile(os.path.join(run, place))
    return tamper


def foreign_format(place):
    """A tensor's format that hearth does not read, with the file's hash."""
    def tamper(run):
        path = os.path.join(run, place, "model.safetensors")
        data = read(path)
        write(data.replace(b'"F32"', b'"F64"', 1), path)
        refile(os.path.join(run, place))
    return tamper


def flip_byte(name, at):
    def tamper(run):
        data = bytearray(read(run, name))
        data[at] ^= 1
        write(bytes(data), run, name)
    return tamper


def swap(run):
    log = lines(run)
    log[3], log[4] = log[4], log[3]
    write_log(run, log)


def remove(*names):
    def tamper(run):
        path = os.path.join(run, *names)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    return tamper


def drop_record(run):
    forge(run, lambda log: log.remove(of_step(log, 11)))


def drop_evaluations(log):
    log[:] = [record for record in log if record["kind"] != "evaluation"]


def double_record(run):
    forge(run, lambda log: log.insert(5, dict(log[5])))


def drop_end(run):
    log = lines(run)
    write_log(run, log[:step_line(run, 17)])


C8, C16, C24 = (f"checkpoints/step-{n:06}" for n in (8, 16, 24))

# name, what is done to the copy, words of the line that must tell of it
TAMPERINGS = [
    # clumsy: a hash tells
    ("a comment in the recipe", lambda r: write(read(r, "recipe.yaml") + b"# x\n", r, "recipe.yaml"), ["recipe.yaml", "SHA-256"]),
    ("the seed in the recipe", lambda r: replace(r, "recipe.yaml", b"seed: 7", b"seed: 9"), ["recipe.yaml"]),
    ("the tokenizer", lambda r: replace(r, "tokenizer.json", b"e", b"f"), ["tokenizer.json", "SHA-256"]),
    ("corpus.json", lambda r: replace(r, "corpus/corpus.json", b'"kept"', b'"kept "'), ["corpus.json", "SHA-256"]),
    ("a licence in the manifest", edit_manifest, ["manifest.jsonl.zst", "SHA-256"]),
    ("a word of a document", edit_documents, ["documents: ", "00000.jsonl.zst", "SHA-256"]),
    ("a document's licence in its shard", lambda r: edit_documents(r, b"CC0-1.0", b"MIT-0.0"), ["documents: ", "00000.jsonl.zst", "SHA-256"]),
    ("a shard that is not listed", lambda r: write(zstd_write(b"{}"), r, "corpus", "documents", "00001.jsonl.zst"), ["documents: ", "00001.jsonl.zst"]),
    ("a shard gone", remove("corpus", "documents", "00000.jsonl.zst"), ["documents: ", "00000.jsonl.zst"]),
    ("documents cut", lambda r: write(read(r, "corpus", "documents", "00000.jsonl.zst")[:-100], r, "corpus", "documents", "00000.jsonl.zst"), ["learned again"]),
    ("a token", flip_byte("packed/tokens.bin", 500), ["packed"]),
    ("a document's place", flip_byte("packed/documents.bin", 40), ["packed"]),
    ("a held-out token", flip_byte("held-out/tokens.bin", 300), ["held-out"]),
    ("a loss in the log", lambda r: edit_line(r, 5, b'"loss":5', b'"loss":4'), ["log.jsonl", "line 7", "previous"]),
    ("the last record", lambda r: edit_line(r, -1, records(r)[-1]["weights"].encode(), b"0" * 64), ["model"]),
    ("the last record, longer", lambda r: edit_line(r, -1, b'"weights":"', b'"weights":"0'), ["records", "line 31", "weights"]),
    ("a record less", lambda r: write_log(r, lines(r)[:9] + lines(r)[10:]), ["log.jsonl", "line 10"]),
    ("two records changed about", swap, ["log.jsonl", "line 4"]),
    ("a record twice", lambda r: write_log(r, lines(r)[:6] + lines(r)[5:]), ["log.jsonl", "line 7"]),
    ("a record more", lambda r: write_log(r, lines(r) + [json.dumps({"kind": "step", "step": 25, "previous": made["chain"]}).encode()]), ["line 32", "step 25"]),
    ("the log's end gone", drop_end, ["records", "step 17"]),
    ("a cut line", lambda r: write(read(r, "log.jsonl")[:-20], r, "log.jsonl"), ["line 31"]),
    ("an empty log", lambda r: write(b"", r, "log.jsonl"), ["empty"]),
    ("a weight of a checkpoint", lambda r: flip(os.path.join(r, C16, "model.safetensors"), NORM, 2), [C16, "model.safetensors", "SHA-256"]),
    ("the optimiser's state", lambda r: flip(os.path.join(r, C8, "optimizer.safetensors"), NORM + ".square", 1), [C8, "optimizer.safetensors"]),
    ("a checkpoint's configuration", lambda r: replace(r, C8 + "/config.json", b"10000", b"20000"), [C8, "config.json"]),
    ("a checkpoint gone", remove(C16), [C16]),
    ("a checkpoint's file gone", remove(C16, "optimizer.safetensors"), ["optimizer.safetensors"]),
    ("a checkpoint's step", lambda r: replace(r, C16 + "/state.json", b'"weights": "', b'"weights": "0'), [C16, "weights"]),
    ("a checkpoint's place in the log", lambda r: replace(r, C16 + "/state.json", b'"log_bytes": ', b'"log_bytes": 1'), [C16, "log_bytes"]),
    ("a weight of the model", lambda r: flip(os.path.join(r, "model", "model.safetensors"), EMBEDDING, 77), ["model/model.safetensors"]),
    ("the model's tokenizer", lambda r: replace(r, "model/tokenizer.json", b"e", b"f"), ["model/tokenizer.json"]),
    ("the model's log", lambda r: replace(r, "model/log.jsonl", b'"loss":5', b'"loss":4'), ["model/log.jsonl"]),
    ("the model gone", remove("model"), ["model"]),
    ("weights at the top", lambda r: shutil.copy(os.path.join(r, C8, "model.safetensors"), r), ["folder", "model.safetensors"]),
    ("a configuration at the top", lambda r: shutil.copy(os.path.join(r, C8, "config.json"), r), ["folder", "config.json"]),
    ("a checkpoint beyond the end", lambda r: shutil.copytree(os.path.join(r, C24), os.path.join(r, "checkpoints", "step-000032")), ["checkpoints", "step-000032"]),
    ("a file among the checkpoints", lambda r: write("", r, "checkpoints", "best"), ["checkpoints", "best"]),
    ("a checkpoint to go on from behind the end", lambda r: shutil.copytree(os.path.join(r, C24), os.path.join(r, "resume", "step-000024")), ["resume", "step-000024"]),
    ("a chat template beside the model", lambda r: write("x", r, "model", "chat_template.jinja"), ["model", "chat_template.jinja"]),
    # careful: hashes are written anew, and the whole must still hold together
    ("a hyper-parameter of a checkpoint, with its hash", edit_and_refile(C8, "config.json", b"10000", b"20000"), [C8, "config.json"]),
    ("the model's configuration, with its hash", edit_and_refile("model", "config.json", b"10000", b"20000"), ["model/config.json"]),
    ("the model's end of text, with its hash", edit_and_refile("model", "generation_config.json", b"0", b"1"), ["generation_config.json"]),
    ("a weight of the model, with its hash", flip_model_and_refile, ["copy/model: ", "hash of model.safetensors"]),
    ("a step of a checkpoint's state", lambda r: replace(r, C16 + "/state.json", b'"step": 16', b'"step": 15'), [C16, "step"]),
    ("a chat template in a checkpoint, with its hash", more_files(C8, "chat_template.jinja"), [C8, "chat_template.jinja"]),
    ("an index to other weights, with hashes", more_files("model", "evil.safetensors", "model.safetensors.index.json"), ["model", "evil.safetensors"]),
    ("a checkpoint in a format that is not read, with its hash", foreign_format(C16), ["steps 17 to 24", "the dtype F32"]),
    ("a licence in the manifest, with all hashes", edit_manifest_consistently, ["packed", "corpus"]),
    ("a word of a document, with all hashes", edit_documents_consistently, ["packed again"]),
    ("the count of parameters, chained anew", lambda r: forge(r, lambda log: log[0].update(parameters=70000000000)), ["first record", "line 1", "parameters", "70000000000"]),
    ("a step of the first record, chained anew", lambda r: forge(r, lambda log: log[0].update(step=-5)), ["first record", "line 1", "keys", "step"]),
    ("a cost in the first record, chained anew", lambda r: forge(r, lambda log: log[0].update(cost="1 euro")), ["first record", "keys", "cost"]),
    ("a cost in a checkpoint's record, chained anew", lambda r: forge(r, lambda log: of_step(log, 16, "checkpoint").update(cost=1)), ["records", "line 21", "keys", "cost"]),
    ("a checkpoint's record without the optimiser, chained anew", lambda r: forge(r, lambda log: of_step(log, 8, "checkpoint").update(optimizer=None)), ["records", "line 11", "optimizer"]),
    ("a record less, chained anew", drop_record, ["records", "step 11"]),
    ("a record twice, chained anew", double_record, ["records"]),
    ("all evaluations gone, chained anew", lambda r: forge(r, drop_evaluations), ["records", "line 10", "evaluation 8"]),
    ("the hash of the tokens, chained anew", lambda r: forge(r, lambda log: log[0].update(packed="cd" * 32)), ["packed", "SHA-256"]),
    ("the first weights' hash, chained anew", lambda r: forge(r, lambda log: log[0].update(weights="cd" * 32)), ["first weights"]),
    ("the numeric contract, chained anew", lambda r: forge(r, lambda log: log[0].update(contract=2)), ["records", "line 1"]),
    # masterly: only training again tells
    ("a loss, chained anew", bump("loss", 13), ["steps 9 to 16", "step 13: loss"]),
    ("a norm, chained anew", bump("gradient_norm", 3), ["steps 1 to 8", "step 3: gradient_norm"]),
    ("a learning rate, chained anew", bump("learning_rate", 24), ["steps 17 to 24", "step 24: learning_rate"]),
    ("a count of tokens, chained anew", bump("tokens", 20), ["step 20: tokens"]),
    ("a batch, chained anew", hexes("batch", 7), ["step 7: batch"]),
    ("an evaluation, chained anew", bump("bits_per_byte", 16, "evaluation"), ["step 16: bits_per_byte"]),
    ("a key more, chained anew", lambda r: forge(r, lambda log: of_step(log, 5).update(note="x")), ["steps 1 to 8", "keys"]),
    ("a weight, with everything", flip_and_forge(16, "model.safetensors", NORM, 5), ["steps 9 to 16", "step 16", NORM, "value 5"]),
    ("a weight of the end, with everything", flip_and_forge(24, "model.safetensors", EMBEDDING, 1000), ["steps 17 to 24", EMBEDDING, "value 1000"]),
    ("a mean of the optimiser, with everything", flip_and_forge(8, "optimizer.safetensors", NORM + ".mean", 9), ["steps 1 to 8", NORM, "mean", "value 9"]),
    ("older weights in the place of the last, with everything", older_weights, ["steps 17 to 24", "step 24"]),
    ("a learning rate of the recipe, with everything", lambda r: change_recipe(r, b"learning_rate: 0.004", b"learning_rate: 0.005"), ["steps 1 to 8", "step 1: learning_rate"]),
    ("the seed of the recipe, with everything", lambda r: change_recipe(r, b"seed: 7", b"seed: 9"), ["DIFFERS", "packed again"]),
    ("the clipping of the recipe, with everything", lambda r: change_recipe(r, b"  final_ratio: 0.1", b"  grad_clip: 0.5\n  final_ratio: 0.1"), ["steps 1 to 8", EMBEDDING]),
]


def check(name, tamper, words, whole=WHOLE, inside=""):
    copy = os.path.join(PLACE.name, "copy")
    shutil.copytree(whole, copy)
    tamper(copy)
    ended = hearth("verify", os.path.join(copy, inside) if inside else copy, "--all", "-q")
    shutil.rmtree(copy)
    assert ended.code == 1 and ended.err == "" and ended.out.endswith("NOT verified\n"), ended
    told = [line for line in ended.out.splitlines() if line.startswith("DIFFERS")]
    assert any(all(word in line for word in words) or (words[0] == "DIFFERS" and words[1] in line) for line in told), (words, told)


@test
def a_run_as_it_is():
    ended = hearth("verify", WHOLE, "--all", "-q")
    assert ended.code == 0 and ended.out.endswith("verified\n") and "NOT" not in ended.out, ended
    assert hearth("verify", os.path.join(WHOLE, "model"), "-q").code == 0
    assert hearth("verify", BF16, "--all", "-q").code == 0


@test
def segments_are_drawn_by_the_seed():
    drawn = {}
    for seed in range(6):
        ended = hearth("verify", WHOLE, "--segments", "1", "--seed", str(seed), "--json", "-q")
        value = json.loads(ended.out)
        assert ended.code == 0 and value["verified"] and value["segments_there"] == 3 and value["seed"] == seed, value
        assert abs(value["probability"] - 1 / 3) < 1e-12 and len(value["segments"]) == 1, value
        drawn[seed] = value["segments"][0]["from"]
        assert json.loads(hearth("verify", WHOLE, "--segments", "1", "--seed", str(seed), "--json", "-q").out)["segments"] == value["segments"]
    assert len(set(drawn.values())) > 1, drawn


@test
def a_segment_that_is_not_drawn_is_not_seen():
    """What the probability says: a masterly forgery is found by its own segment alone."""
    copy = os.path.join(PLACE.name, "copy")
    shutil.copytree(WHOLE, copy)
    bump("loss", 13)(copy)
    found = []
    for seed in range(6):
        value = json.loads(hearth("verify", copy, "--segments", "1", "--seed", str(seed), "--json", "-q").out)
        assert value["verified"] == (value["segments"][0]["from"] != 9), value
        found.append(not value["verified"])
    shutil.rmtree(copy)
    assert any(found) and not all(found), found


@test
def a_rounded_weight():
    """BF16: the model's file against the chain and against the values that were trained."""
    def tamper(run):
        for place in ("checkpoints/step-000008", "model"):
            flip(os.path.join(run, place, "model.safetensors"), NORM, 4)
            refile(os.path.join(run, place))
    def forged(run):
        tamper(run)
        forge(run, lambda log: of_step(log, 8, "checkpoint").update(model=sha256(read(run, "model", "model.safetensors"))))
    check("a rounded weight", tamper, ["checkpoints/step-000008", "hash of model.safetensors"], BF16)
    check("a rounded weight, chained anew", forged, ["checkpoints/step-000008", NORM, "value 4"], BF16)


@test
def a_folder_beside_the_model():
    """RUN/best is looked at itself: that RUN/model is good says nothing of it."""
    def best(change):
        def tamper(run):
            shutil.copytree(os.path.join(run, "model"), os.path.join(run, "best"))
            change(os.path.join(run, "best"))
            refile(os.path.join(run, "best"))
        return tamper
    check("its weights", best(lambda b: flip(os.path.join(b, "model.safetensors"), NORM, 4)), ["best", "hash of model.safetensors"], inside="best")
    check("its hyper-parameters", best(lambda b: replace(b, "config.json", b"10000", b"20000")), ["best", "config.json"], inside="best")
    copy = os.path.join(PLACE.name, "copy")
    shutil.copytree(WHOLE, copy)
    os.symlink("model", os.path.join(copy, "link"))
    value = json.loads(hearth("verify", os.path.join(copy, "link"), "--all", "--json", "-q").out)
    shutil.rmtree(copy)
    assert value["verified"] and len(value["segments"]) == 3, value


@test
def a_tokenizer_that_the_recipe_names_by_its_hash():
    place = os.path.join(PLACE.name, "given")
    os.mkdir(place)
    recipe = write_recipe(place)
    shutil.copy(os.path.join(WHOLE, "tokenizer.json"), os.path.join(place, "given.json"))
    told = sha256(read(WHOLE, "tokenizer.json"))
    replace(place, "recipe.yaml", b"kind: bpe\n  vocab_size: 300", f"kind: file\n  path: given.json\n  sha256: {told}".encode())
    run, other = os.path.join(place, "run"), os.path.join(place, "other")
    train(recipe, run)
    assert hearth("verify", run, "--all", "-q").code == 0
    os.mkdir(other)
    write(read(run, "tokenizer.json") + b" ", other, "tokenizer.json")
    one_line(hearth("train", recipe, "-o", other, "-q"), 1, "tokenizer.json", "SHA-256", told)
    def swapped(run):
        """Trained with the other one by a program that does not look."""
        for name in ("tokenizer.json", "model/tokenizer.json"):
            write(read(run, name) + b" ", run, name)
        forge(run, lambda log: log[0].update(tokenizer=sha256(read(run, "tokenizer.json"))))
    check("another tokenizer", swapped, ["tokenizer: ", "tokenizer.json", told], run)
    shutil.copytree(run, os.path.join(PLACE.name, "swapped"))
    swapped(os.path.join(PLACE.name, "swapped"))
    ended = hearth("verify", carried(os.path.join(PLACE.name, "swapped")), "-q")
    assert ended.code == 1 and "DIFFERS tokenizer: " in ended.out, ended


def carried(whole=WHOLE):
    """The model's folder somewhere else."""
    to = os.path.join(PLACE.name, "carried")
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(os.path.join(whole, "model"), to)
    return to


@test
def a_model_without_its_run():
    for whole, recipe in ((WHOLE, RECIPE), (BF16, os.path.join(PLACE.name, "bf16.yaml"))):
        alone = carried(whole)
        value = json.loads(hearth("verify", alone, "--json", "-q").out)
        assert value["verified"] and value["segments"] == [] and value["probability"] == 0, value
        value = json.loads(hearth("verify", alone, "--recipe", recipe, "--json", "-q", "--segments", "1").out)
        assert value["verified"] and [s["from"] for s in value["segments"]] == [1], value
        with folder() as scratch:
            value = json.loads(hearth("verify", alone, "--recipe", recipe, "--all", "--json", "-q", env=environment(TMPDIR=scratch)).out)
            assert os.listdir(scratch) == []
        assert value["verified"] and value["probability"] == 1 and "model, trained again" in [c["what"] for c in value["checks"]], value


@test
def forged_models_without_their_run():
    def refiled(run):
        flip(os.path.join(run, "model.safetensors"), NORM, 4)
        refile(run)
    def chained(run, step):
        refiled(run)
        forge_alone(run, lambda log: of_step(log, step, "checkpoint").update(model=sha256(read(run, "model.safetensors"))))
    for tamper, words, more, whole in (
            (lambda r: flip(os.path.join(r, "model.safetensors"), NORM, 4), ["model.safetensors", "SHA-256"], [], WHOLE),
            (refiled, ["model", "hash of model.safetensors"], [], WHOLE),
            (refiled, ["model", "hash of model.safetensors"], [], BF16),
            (lambda r: chained(r, 24), ["model", "weights"], [], WHOLE),
            (lambda r: chained(r, 8), ["model, trained again", "model.safetensors"], ["--recipe", os.path.join(PLACE.name, "bf16.yaml"), "--all"], BF16),
            (lambda r: replace(r, "corpus.json", b"kept", b"cept"), ["corpus.json"], [], WHOLE),
            (lambda r: forge_alone(r, lambda log: log[0].update(parameters=70000000000)), ["model", "line 1", "parameters", "70000000000"], [], WHOLE),
            (lambda r: forge_alone(r, lambda log: log[0].update(cost="1 euro")), ["model", "line 1", "cost"], [], BF16),
            (lambda r: forge_alone(r, lambda log: log[0].update(cost="1 euro")), ["first record", "line 1", "cost"], ["--recipe", RECIPE], WHOLE),
            (lambda r: write("x", r, "chat_template.jinja"), ["model", "chat_template.jinja"], [], BF16),
            (lambda r: write("x", r, "chat_template.jinja"), ["model", "chat_template.jinja"], ["--recipe", RECIPE], WHOLE),
            (lambda r: replace(r, "log.jsonl", b'"loss":5', b'"loss":4'), ["log.jsonl", "previous"], [], WHOLE)):
        alone = carried(whole)
        tamper(alone)
        ended = hearth("verify", alone, "-q", *more)
        told = [line for line in ended.out.splitlines() if line.startswith("DIFFERS") and all(word in line for word in words)]
        assert ended.code == 1 and told, (words, ended)


def run_of_packages(name="packages", names=tuple(f"p{number:02}" for number in range(11)), documents=None):
    """A run over eleven Debian packages; the model carried away, with the manifest beside it as a repository has it."""
    place = os.path.join(PLACE.name, name)
    os.makedirs(os.path.join(place, "debs"))
    packages = {}
    for number, package in enumerate(names):
        texts = {f"usr/share/doc/{package}/part-{k}.txt": read(PLACE.name, "texts", f"text-{number * 5 + k:02}.txt") for k in range(5)}
        packages[package, "1:2-1"] = deb(package, "1:2-1", texts)
    for key, data in packages.items():
        write(data, place, "debs", file_name(*key))
    listed = "".join(line(*key, data) for key, data in packages.items())
    write(listed, place, "packages.txt")
    text = read(write_recipe(PLACE.name, "of-packages.yaml", steps=8, every=4)).decode()
    text = text.replace("kind: folder\n    path: texts\n    licence: CC0-1.0", f"kind: debian\n    path: debs\n    packages: packages.txt\n    sha256: {sha256(listed.encode())}" + (f"\n    documents: {documents}" if documents else ""))
    write(text.replace("held_out: 0.1", "held_out: 0.3"), place, "recipe.yaml")
    recipe = os.path.join(place, "recipe.yaml")
    train(recipe, os.path.join(place, "run"))
    shutil.copytree(os.path.join(place, "run", "model"), os.path.join(place, "alone"))
    shutil.copy(os.path.join(place, "run", "corpus", "manifest.jsonl.zst"), os.path.join(place, "alone.manifest.jsonl.zst"))
    return place, recipe


@test
def packages_that_are_gone():
    place, recipe = run_of_packages()
    alone, manifest, there = os.path.join(place, "alone"), os.path.join(place, "alone.manifest.jsonl.zst"), os.path.join(place, "debs")
    whole = json.loads(hearth("verify", alone, "--recipe", recipe, "--all", "-q", "--json").out)
    assert whole["verified"] and whole["packages_gone"] == 0 and len(whole["segments"]) == 2, whole
    os.mkdir(os.path.join(place, "away"))
    for name in ("p03", "p10"):
        shutil.move(os.path.join(there, file_name(name, "1:2-1")), os.path.join(place, "away"))
    rows = [json.loads(row) for row in zstd_read(read(manifest)).splitlines()]
    left = [row for row in rows if row["metadata"]["place"][:3] not in ("p03", "p10")]
    assert len(left) == len(rows) - 10 and len(rows) == 55, len(rows)
    said = f"2 packages are gone, of which the manifest is believed: p03 1:2-1, p10 1:2-1; {len(left)} of {len(rows)} documents read again"
    ended = hearth("verify", alone + "/", "--recipe", recipe, "-q")
    assert ended.code == 0 and said in ended.out and "no step was trained again" in ended.out and "verified, but for 2 packages that are gone" in ended.out, ended
    ended = hearth("verify", os.path.join(place, "run"), "--recipe", recipe, "-q", "--all")  # a run has its corpus: every step of it
    assert ended.code == 0 and said in ended.out and "ok      steps 5 to 8, trained again" in ended.out, ended
    value = json.loads(hearth("verify", alone, "--recipe", recipe, "-q", "--json").out)
    assert value["verified"] and value["packages_gone"] == 2 and value["segments"] == [], value

    kept = {path: read(path) for path in (manifest, os.path.join(alone, "corpus.json"), os.path.join(alone, "log.jsonl"), os.path.join(alone, "state.json"))}
    for row, old, new, words in ((7, b"GPL-2.0-or-later", b"CC0-1.0", ["line 7, license", "expected CC0-1.0, found GPL-2.0-or-later"]),
                                 (2, rows[1]["id"][:8].encode(), b"00000000", ["line 2, id", "00000000"]), (55, None, None, None), (4, None, None, ["line 4, place"])):
        changed = zstd_read(kept[manifest]).splitlines(keepends=True)
        if old is None:
            del changed[row - 1]
        else:
            assert old in changed[row - 1]
            changed[row - 1] = changed[row - 1].replace(old, new, 1)
        write(zstd_write(b"".join(changed)), manifest)
        ended = hearth("verify", alone, "--recipe", recipe, "-q")
        assert ended.code == 1 and "DIFFERS sources" in ended.out and "SHA-256 of its lines" in ended.out, ended
        # its hash written anew, and the chain
        replace(alone, "corpus.json", json.loads(kept[os.path.join(alone, "corpus.json")])["sha256"].encode(), sha256(b"".join(changed)).encode())
        forge_alone(alone, lambda log: log[0].update(corpus=sha256(read(alone, "corpus.json"))))
        ended = hearth("verify", alone, "--recipe", recipe, "-q")
        if words is None:  # of a package that is gone: nobody here can tell
            assert ended.code == 0, ended
        else:
            assert ended.code == 1 and any("DIFFERS sources" in text and all(w in text for w in words) for text in ended.out.splitlines()), (words, ended)
        for path, data in kept.items():
            write(data, path)
    os.remove(manifest)
    ended = hearth("verify", alone, "--recipe", recipe, "-q")
    assert ended.code == 1 and "DIFFERS sources" in ended.out and "alone.manifest.jsonl.zst" in ended.out, ended


@test
def packages_that_are_gone_count():
    """Of a source that was cut after so many documents: those of the packages that are gone are among them."""
    first, long, short = "p03" + "x" * 120, "p04" + "y" * 150, "p06"  # the second name has no room beside the first one, the third has
    names = ["p00", "p01", "p02", first, long, "p05", short, "p07", "p08", "p09"]
    place, recipe = run_of_packages("cut", names, documents=38)
    rows = [json.loads(row)["metadata"]["place"] for row in zstd_read(read(place, "alone.manifest.jsonl.zst")).splitlines()]
    assert len(rows) == 38 and rows[-1].startswith("p07"), rows
    for gone, left in (((first, long, short), 23), ((first, long, short, "p07"), 20)):  # the last one is cut
        for name in gone:
            if os.path.exists(os.path.join(place, "debs", file_name(name, "1:2-1"))):
                os.remove(os.path.join(place, "debs", file_name(name, "1:2-1")))
        said = f"{len(gone)} packages are gone, of which the manifest is believed: {first} 1:2-1 …; {left} of 38 documents read again"
        ended = hearth("verify", os.path.join(place, "alone"), "--recipe", recipe, "-q")
        assert ended.code == 0 and said in ended.out, ended


@test
def other_sources():
    """The recipe is the same, byte by byte, and so is all that the run holds; one source is another."""
    elsewhere = os.path.join(PLACE.name, "elsewhere")
    os.mkdir(elsewhere)
    shutil.copy(RECIPE, elsewhere)
    shutil.copytree(os.path.join(PLACE.name, "texts"), os.path.join(elsewhere, "texts"))
    assert hearth("verify", WHOLE, "--recipe", os.path.join(elsewhere, "recipe.yaml"), "-q").code == 0
    replace(elsewhere, "texts/text-07.txt", b"Anna", b"Anne")
    ended = hearth("verify", WHOLE, "--recipe", os.path.join(elsewhere, "recipe.yaml"), "-q")
    assert ended.code == 1 and "DIFFERS corpus, built again from its sources" in ended.out, ended
    other = write_recipe(elsewhere, seed=8)
    ended = hearth("verify", WHOLE, "--recipe", other, "-q")
    assert ended.code == 1 and "DIFFERS sources" in ended.out, ended


@test
def no_run():
    one_line(hearth("verify", PLACE.name), 1, "log.jsonl")
    one_line(hearth("verify", os.path.join(PLACE.name, "nowhere")), 1, "nowhere")
    one_line(hearth("verify", WHOLE, "--segments", "0"), 2, "segments")


def add(number, name, tamper, words):
    def function():
        check(name, tamper, words)
    function.__name__ = name.replace(" ", "_")
    test(function)


# All take two minutes under sanitizers: every sixth there, unless make check-long wants all.
EVERY = 6 if "HEARTH_SANITIZED" in os.environ and "HEARTH_TESTS_ALL" not in os.environ else 1
assert len(TAMPERINGS) >= 40
for entry, row in enumerate(TAMPERINGS[::EVERY]):
    add(entry, *row)
main()
