#!/usr/bin/env python3
"""Every command on real small models: results, JSON, and what happens when things are wrong. Prints TAP."""

import hashlib
import json
import math
import os
import re
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pty_run  # noqa: E402
from tap import (HEARTH, TEMPLATE, Ended, Skip, chat_folder, chat_gguf, environment, fixture, folder, good, good_json, hearth, main, one_line, stories, test, tiny)  # noqa: E402

def golden():
    with open(fixture("stories260K", "golden.json"), encoding="utf-8") as lines:
        wanted = json.load(lines)
    wanted["text"] = wanted["text"].lstrip(" ")  # the space that SentencePiece puts before a text
    return wanted


# ---- tokenize, detokenize


@test
def tokenize_gives_the_ids_of_the_golden_file():
    wanted = golden()
    text = wanted["text"]
    made = good("tokenize", stories(), "--ids", "--text", text).out.split()
    assert [int(i) for i in made] == wanted["ids"][: len(made)], made
    assert len(made) > 60
    assert good("tokenize", stories(), "--ids", stdin=text).out.split() == made
    assert good("tokenize", stories(), "--ids", "--no-bos", "--text", text).out.split() == made[1:]


@test
def tokenize_prints_pieces():
    lines = good("tokenize", stories(), "--text", "Once upon\n").out.splitlines()
    assert lines[0].split() == ["1", "<s>"], lines
    assert lines[1].split()[0] == "403" and lines[1].endswith('Once"'), lines
    assert lines[-1].endswith('"\\n"'), lines


@test
def tokenize_takes_a_tokenizer_alone():
    golden_files = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tokenizer", "golden")
    with open(os.path.join(golden_files, "files.json"), encoding="utf-8") as source:
        rows = {row["name"]: row for row in json.load(source)}
    for name, more in (("bpe-bytes", []), ("unigram", []), ("tiktoken cl100k_base", ["--encoding", "cl100k_base"]), ("tekken.json", [])):
        path = os.path.join(golden_files, rows[name]["file"])
        case = rows[name]["cases"][3]
        assert [int(i) for i in good("tokenize", path, "--ids", "--no-bos", "--text", case["text"], *more).out.split()] == case["plain"], name
        assert good_json("detokenize", path, *more, *map(str, case["plain"]))["text"] == case["decoded"], name
    ranks = os.path.join(golden_files, "small.tiktoken")
    one_line(hearth("tokenize", ranks, "--text", "x"), 1, f"hearth tokenize: {ranks}: encoding: ", "cl100k_base", "--encoding")
    one_line(hearth("tokenize", ranks, "--text", "x", "--encoding", "cl"), 1, "encoding", "cl100k_base")
    one_line(hearth("show", os.path.join(golden_files, "unigram.model")), 1, "unigram.model")


@test
def tokenize_as_json_shows_bytes_that_are_no_character():
    made = good_json("tokenize", stories(), "--text", "a☃")
    assert made["count"] == len(made["tokens"])
    assert made["tokens"][0] == {"id": 1, "text": "<s>", "special": True}, made
    assert [t["bytes"] for t in made["tokens"] if "bytes" in t] == ["e2", "98", "83"], made


@test
def special_tokens_in_text_are_text_unless_asked():
    plain = good_json("tokenize", tiny(), "--no-bos", "--text", "<|end_story|>")
    assert 2 not in [t["id"] for t in plain["tokens"]], plain
    special = good_json("tokenize", tiny(), "--no-bos", "--special", "--text", "<|end_story|>")
    assert [t["id"] for t in special["tokens"]] == [2], special


@test
def detokenize_undoes_tokenize_byte_for_byte():
    ascii = "Once upon a time,\n\n  two  spaces end\n"  # tinystories has no bytes to fall back to
    for model, text in ((stories(), ascii + "\tund ünïcödé ☃ 👩‍👩‍👧\n"), (tiny(), ascii)):
        ids = good("tokenize", model, "--ids", stdin=text).out
        assert good("detokenize", model, stdin=ids).out == text, model
        assert good("detokenize", model, *ids.split()).out == text
        assert good_json("detokenize", model, *ids.split())["text"] == text
    assert good("detokenize", stories(), "--special", "1", "403").out.startswith("<s>")


@test
def detokenize_refuses_what_is_no_id():
    one_line(hearth("detokenize", stories(), "512"), 1, "512", "511")
    one_line(hearth("detokenize", stories(), "--", "-1"), 1, "-1")
    one_line(hearth("detokenize", stories(), stdin="403 x7"), 1, "x7", "standard input")
    one_line(hearth("detokenize", stories(), stdin="403 \0 404"), 1, "NUL", "standard input")
    for wrong in ("+1", "0x1", "1.0", "1e1", "99999999999999999999", "18446744073709551617", "1_0"):
        one_line(hearth("detokenize", stories(), wrong), 1, f'"{wrong}"', "from 0 to 511")


# ---- template


@test
def template_renders_a_conversation():
    messages = [{"role": "system", "content": "Sei kurz."}, {"role": "user", "content": "Grüße ☃"}]
    with folder() as place:
        model = chat_folder(place)
        wanted = "<|start_story|>[system] Sei kurz.\n[user] Grüße ☃\n"
        assert good("template", model, stdin=json.dumps(messages)).out == wanted + "[assistant]"
        assert good("template", model, "--no-generation-prompt", stdin=json.dumps({"messages": messages})).out == wanted
        path = os.path.join(place, "a conversation.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump(messages, out)
        assert good_json("template", model, path)["text"] == wanted + "[assistant]"
        jinja = os.path.join(place, "other.jinja")
        with open(jinja, "w", encoding="utf-8") as out:
            out.write("{{ messages | length }} {{ strftime_now('%Y-%m-%d') }} {{ eos_token }}")
        assert good("template", model, path, "--template", jinja, "--now", "2024-02-29").out == "2 2024-02-29 <|end_story|>"


@test
def template_refuses_what_is_no_conversation():
    with folder() as place:
        model = chat_folder(place)
        one_line(hearth("template", model, stdin="{"), 1, "standard input", "line 1")
        one_line(hearth("template", model, stdin='"text"'), 1, "hearth template: standard input: expected an array of messages")
        one_line(hearth("template", model, stdin='[{"content": "x"}]'), 1, "hearth template: standard input: message 1: ", "role")
        path = os.path.join(place, "a conversation ☃.json")
        for conversation, told in (("5", "expected an array of messages"), ('{"a": []}', "expected an array of messages"), ('{"messages": {}}', "expected an array"),
                                   ('[{"role": "user", "content": "x"}, 7]', "message 2: expected an object"), ('[{"role": 7}]', "message 1: expected an object")):
            with open(path, "w", encoding="utf-8") as out:
                out.write(conversation)
            one_line(hearth("template", model, path), 1, f"hearth template: {path}: {told}")
        for wrong in ("yesterday", "", "2024-02-30", "2023-02-29", "2024-1-1", " 2024-01-01", "2024-01-01 ", "2024-13-01", "12024-01-01", "2024-01-01T00:00"):
            one_line(hearth("template", model, "--now", wrong, stdin="[]"), 2, "--now", f'"{wrong}"')
        one_line(hearth("template", stories(), stdin="[]"), 1, "chat template", "none")
        jinja = os.path.join(place, "raises.jinja")
        with open(jinja, "w", encoding="utf-8") as out:
            out.write("{{ raise_exception('only cats') }}")
        one_line(hearth("template", model, "--template", jinja, stdin="[]"), 1, "standard input: line 1 of the chat template: only cats")
        with open(jinja, "w", encoding="utf-8") as out:
            out.write("{% for m in messages %}\n{{ m.role + m.content }}{% endfor %}")
        with open(path, "w", encoding="utf-8") as out:
            out.write('[{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [{}], "content": "y"}, {"role": "user"}]')
        one_line(hearth("template", model, path, "--template", jinja), 1, f"hearth template: {path}: message 3, line 2 of the chat template: ", "content")
        with open(jinja, "w", encoding="utf-8") as out:
            out.write("{{ 1 }}\n{{ 1 +")
        one_line(hearth("template", model, path, "--template", jinja), 1, f"hearth template: {jinja}: line 2: ")  # here the template is wrong


# ---- show


@test
def show_tells_what_the_files_say():
    made = good_json("show", stories())
    assert made["container"] == "gguf" and made["family"].startswith("Llama")
    shape = made["shape"]
    assert (shape["layers"], shape["width"], shape["heads"], shape["kv_heads"], shape["vocabulary"], shape["context"]) == (5, 64, 8, 4, 512, 512), shape
    assert shape["mlp"] == 172 and made["chat_template"] is False
    folder_made = good_json("show", tiny())
    with open(os.path.join(tiny(), "config.json"), encoding="utf-8") as lines:
        config = json.load(lines)
    shape = folder_made["shape"]
    assert shape["layers"] == config["num_hidden_layers"] and shape["width"] == config["hidden_size"]
    assert shape["heads"] == config["num_attention_heads"] and shape["kv_heads"] == config["num_key_value_heads"]
    assert shape["context"] == config["max_position_embeddings"] and shape["tied_embeddings"] is True
    assert folder_made["tokenizer"]["bos"] == 1 and folder_made["tokenizer"]["eos"] == 2
    assert folder_made["licence"] == "apache-2.0", folder_made["licence"]
    assert [f["format"] for f in folder_made["formats"]] == ["BF16"]


@test
def show_sums_are_those_of_the_tensors():
    for model in (stories(), tiny()):
        made = good_json("show", model, "--tensors")
        values = sum(math.prod(t["shape"]) for t in made["tensors"])
        assert values == made["parameters"] == sum(f["values"] for f in made["formats"]), made["parameters"]
        assert sum(t["bytes"] for t in made["tensors"]) == sum(f["bytes"] for f in made["formats"])
        shape = made["shape"]
        for row in made["memory"]["kv_cache"]:
            rounded = (row["context"] + 63) // 64 * 64
            least = 2 * shape["layers"] * shape["kv_heads"] * shape["head_dim"] * rounded
            assert 2 * least <= row["native_bytes"] <= 5 * least and 4 * least <= row["f32_bytes"] <= 9 * least, (row, least)
        assert made["memory"]["kv_cache"][-1]["context"] == shape["context"]


@test
def show_and_tokenize_take_a_file_without_weights():
    vocabulary = fixture("tokenizers", "llama.cpp", "ggml-vocab-llama-spm.gguf")
    text = good("show", vocabulary).out
    assert "no weights in it" in text and "parameters" not in text and "32,000 tokens" in text, text
    made = good_json("show", vocabulary, "--tensors")
    assert made["parameters"] == 0 and made["tensors"] == [] and made["memory"]["weights_bytes"] == 0
    assert good("tokenize", vocabulary, "--ids", "-t", "Hello world").out == "1 15043 3186\n"
    one_line(hearth("run", vocabulary, "--raw", "-p", "x"), 1, "ggml-vocab-llama-spm.gguf: weights", "vocabulary alone")


@test
def commands_that_read_a_terminal_say_so():
    for command in ("tokenize", "score", "template", "detokenize"):
        session = pty_run.Session([HEARTH, command, stories(), "--color", "never"])
        session.expect(f"hearth {command}: reads what is typed")
        session.send("\x03")
        assert session.wait() == 130
    quiet = pty_run.Session([HEARTH, "tokenize", stories(), "--ids", "-q"])
    quiet.send("Once\r\x04")
    assert quiet.wait() == 0 and quiet.text().replace("\r\n", "\n") == "Once\n1 403 13\n", quiet.text()


@test
def texts_come_from_named_pipes_too():
    wanted = good("tokenize", stories(), "--ids", "--text", "Once upon a time").out
    with folder() as place:
        pipe = os.path.join(place, "a pipe")
        os.mkfifo(pipe)
        writer = subprocess.Popen(["sh", "-c", f'printf "Once upon a time" > "{pipe}"'])
        assert good("tokenize", stories(), pipe, "--ids").out == wanted
        assert writer.wait(20) == 0
        process = subprocess.Popen([HEARTH, "tokenize", stories(), pipe], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        time.sleep(0.5)  # nobody writes
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        process.communicate()
    assert good("tokenize", stories(), "/dev/stdin", "--ids", stdin="Once upon a time").out == wanted
    one_line(hearth("show", "/dev/null"), 1, "/dev/null", "a device")


@test
def show_prints_for_people():
    text = good("show", tiny()).out
    for word in ("family", "Llama", "2 layers, width 128", "2,048 tokens", "BF16", "apache-2.0", "512 tokens of context"):
        assert word in text, (word, text)
    assert "token_embd.weight" in good("show", stories(), "--tensors").out
    assert "general.architecture = llama" in good("show", stories(), "--metadata").out
    assert "config.json: hidden_size = 128" in good("show", tiny(), "--metadata").out
    assert good_json("show", tiny(), "--metadata")["metadata"]["config.json"]["hidden_size"] == 128
    with folder() as place:
        model = chat_folder(place)
        assert good("show", model, "--template").out.rstrip("\n") == TEMPLATE
        assert good_json("show", model, "--template")["template"].rstrip("\n") == TEMPLATE
    one_line(hearth("show", stories(), "--template"), 1, "chat template", "none")


# ---- score


@test
def score_agrees_with_the_golden_logits():
    wanted = golden()
    text = wanted["text"]
    made = good_json("score", stories(), "--compute", "f32", "--per-token", stdin=text)
    assert [t["id"] for t in made["per_token"]] == wanted["ids"][: made["tokens"]]
    assert made["per_token"][0]["log_probability"] is None
    for position in range(min(47, made["tokens"] - 1)):
        logits = wanted["logits"][position]
        top = max(logits)
        total = math.log(sum(math.exp(x - top) for x in logits)) + top
        expected = logits[wanted["ids"][position + 1]] - total
        got = made["per_token"][position + 1]["log_probability"]
        assert abs(expected - got) < 5e-4, (position, expected, got)
    total = math.fsum(t["log_probability"] for t in made["per_token"][1:])
    assert abs(total - made["log_probability"]) < 1e-3
    assert made["scored"] == made["tokens"] - 1
    assert abs(made["perplexity"] - math.exp(-total / made["scored"])) < 1e-3
    assert abs(made["bits_per_byte"] - -total / math.log(2) / len(text.encode())) < 1e-4


@test
def score_of_a_long_text_goes_in_windows():
    text = (golden()["text"] + "\n") * 5
    whole = good_json("score", stories(), "--window", "128", "--stride", "32", "--per-token", stdin=text)
    assert whole["window"] == 128 and whole["stride"] == 32 and whole["tokens"] > 400
    assert len(whole["per_token"]) == whole["tokens"]
    alone = good_json("score", stories(), "--per-token", stdin=text[: len(golden()["text"])])
    for mine, other in zip(whole["per_token"][:100], alone["per_token"][:100]):
        assert mine == other  # before the first window's end nothing is cut
    again = good_json("score", stories(), "--window", "128", "--stride", "32", "--threads", "1", stdin=text)
    assert again["hash"] == whole["hash"] and len(whole["hash"]) == 64
    numbers = [t["log_probability"] or 0.0 for t in whole["per_token"]]  # printed so that they read back exactly
    assert hashlib.sha256(struct.pack(f"<{len(numbers)}f", *numbers)).hexdigest() == whole["hash"]
    other = good_json("score", stories(), "--window", "128", "--stride", "64", stdin=text)
    assert other["hash"] != whole["hash"]
    text_lines = good("score", stories(), "--per-token", stdin="Once upon a time").out.splitlines()
    assert text_lines[0].split() == ["context", "<s>"] and any(line.startswith("perplexity") for line in text_lines)


@test
def score_refuses_what_makes_no_sense():
    one_line(hearth("score", stories(), "--window", "64", "--stride", "64", stdin="x"), 2, "--stride")
    one_line(hearth("score", stories(), "--window", "1", stdin="x"), 2, "--window")
    one_line(hearth("score", stories(), "--no-bos", stdin=""), 1, "two tokens")
    one_line(hearth("score", stories(), "--window", "513", stdin="Once upon"), 2, "--window: expected at most", "513 of 512")
    good("score", stories(), "--window", "512", stdin="Once upon")
    one_line(hearth("score", stories(), "--stride", "512", stdin="Once upon"), 2, "--stride: expected less than the window", "512 of 512")


# ---- long work shows itself


@test
def long_work_shows_a_bar_at_a_terminal():
    with folder() as place:
        path = os.path.join(place, "long")
        with open(path, "w", encoding="utf-8") as out:
            out.write(golden()["text"] * 150)  # seconds even where it is fast
        bar = re.compile(r"scoring [█░]+ +\d+%  [\d,]+ of [\d,]+ tokens, [\d,]+ tokens/s, (\d+ h )?(\d+ min)?( ?\d+ s)? left")
        session = pty_run.Session([HEARTH, "score", stories(), path, "--threads", "1", "--isa", "scalar", "--window", "512", "--stride", "64"], columns=100)
        session.expect(bar, 60)
        session.resize(30)
        session.expect(re.compile(r"scoring +\d+%  (\d+ h )?(\d+ min)?( ?\d+ s)? left"))
        session.send("\x03")
        began = time.monotonic()
        assert session.wait() == 130 and time.monotonic() - began < 10
        assert session.text().endswith("\r\x1b[K"), session.text()[-80:]
        quiet = pty_run.Session([HEARTH, "score", stories(), path, "-q", "--threads", "1", "--isa", "scalar", "--window", "512", "--stride", "64"])
        time.sleep(3)
        quiet.send("\x03")
        assert quiet.wait() == 130 and quiet.text() in ("", "^C"), quiet.text()
        answer = pty_run.Session([HEARTH, "run", stories(), "--raw", "--json", "-p", "Once", "-n", "1000000", "--threads", "1"], columns=100)
        answer.expect(re.compile(r"answer [█░]+ +\d+%  [\d,]+ of 1,000,000 tokens, [\d,]+ tokens/s"), 60)
        answer.send("\x03")
        assert answer.wait() == 130 and '"interrupted"' in answer.text()
        bench = pty_run.Session([HEARTH, "bench", stories(), "--decode", "400", "--prefill", "500", "--rounds", "101"], columns=100)
        bench.expect(re.compile(r"measuring [█░]+ +\d+%  (\d+ h )?(\d+ min)?( ?\d+ s)? left"), 60)
        bench.send("\x03")
        assert bench.wait() == 130


# ---- bench, doctor, version


@test
def bench_measures_what_was_asked():
    made = good_json("bench", tiny(), "--prefill", "16,64", "--decode", "8", "--rounds", "3", "--threads", "1")
    assert [(r["what"], r["tokens"]) for r in made["results"]] == [("prefill", 16), ("prefill", 64), ("decode", 8)]
    assert made["threads"] == 1 and made["compute"] == "native" and made["limits"]["read_gb_s"] > 0.1
    for row in made["results"]:
        assert len(row["rounds"]) == 3 and row["tokens_per_second"] == sorted(row["rounds"])[1] > 0
        assert row["limit"] > 0 and row["share"] > 0
    text = good("bench", tiny(), "--prefill", "16", "--decode", "0", "--rounds", "1", "--compute", "f32").out
    assert "prefill" in text and "decode" not in text and text.startswith("f32"), text
    one_line(hearth("bench", tiny(), "--prefill", "12,x"), 2, "--prefill", "12,x")
    for wrong in ("-3", "", "x", "1,", ",1", "1,,2", "1 2", " 1", "+1", "0x10", "1.5", "99999999999999999999", "67108865", ",".join(["1"] * 40)):
        one_line(hearth("bench", tiny(), f"--decode={wrong}"), 2, "--decode", "from 0 to 67108864", f'"{wrong[:48]}"')
    one_line(hearth("bench", tiny(), "--prefill", "513"), 1, "513", "512")


@test
def bench_measures_sequences_that_decode_together():
    with tempfile.TemporaryDirectory() as place:
        curve = os.path.join(place, "a curve.svg")
        asked = ("bench", tiny(), "--prefill", "16", "--decode", "4,6", "--batch", "1,3,17", "--depth", "40", "--rounds", "2")
        made = good_json(*asked, "--svg", curve)
        assert [(r["what"], r["tokens"], r["sequences"]) for r in made["results"]] == [
            ("prefill", 16, 1), *[("decode", tokens, n) for tokens in (4, 6) for n in (1, 3, 17)]], made
        for row in made["results"]:
            assert len(row["rounds"]) == 2 and row["tokens_per_second"] > 0 and row["limit"] > 0 and row["share"] > 0
        picture = xml.etree.ElementTree.parse(curve).getroot()  # parses: well-formed
        name = "{http://www.w3.org/2000/svg}"
        assert len(picture.findall(name + "circle")) == 6 and len(picture.findall(name + "polyline")) == 4
        assert os.path.basename(tiny()) in [text.text for text in picture.findall(name + "text")]
        one_line(hearth(*asked, "--svg", os.path.join(place, "no", "such.svg")), 1, "such.svg")
    text = good("bench", tiny(), "--prefill", "0", "--decode", "4", "--rounds", "1", "--batch", "2").out
    assert re.search(r"tokens sequences +tokens/s", text) and re.search(r"^decode +4 +2 ", text, re.M), text
    for wrong in ("0", "1,0", "65", "x", "", "1,,2", "-1", ",".join(["1"] * 33)):
        one_line(hearth("bench", tiny(), f"--batch={wrong}"), 2, "--batch", "from 1 to 64", f'"{wrong[:48]}"')
    one_line(hearth("bench", tiny(), "--svg", "x.svg"), 2, "--svg", "--batch")


@test
def doctor_tells_the_machine():
    made = good_json("doctor", "--threads", "1")
    assert made["cores"]["threads"] == 1 and made["cores"]["affinity"] == len(os.sched_getaffinity(0))
    assert made["limits"]["fp32_gflops"] > 0 and made["limits"]["read_gb_s"] > 0
    assert "scalar" in made["instruction_sets"] and made["isa"] in ("scalar", "avx2", "avx512", "neon")
    assert set(made["libraries"]) | {"glibc"} == {"glibc", "jansson", "pcre2", "utf8proc", "openssl", "libedit", "libcurl"}
    assert all(version[0].isdigit() for version in made["libraries"].values()), made["libraries"]
    forced = good_json("doctor", "--threads", "1", env=environment(HEARTH_ISA="scalar"))
    assert forced["isa"] == "scalar" and forced["isa_chosen_by"] == "HEARTH_ISA"
    text = good("doctor", "--threads", "1", "--isa", "scalar").out
    for word in ("processor", "instructions", "cores", "memory", "bandwidth", "peaks", "libraries", "scalar (--isa)"):
        assert word in text, (word, text)


@test
def version_names_the_contract_and_the_instruction_set():
    made = good_json("version", "--isa", "scalar")
    assert made["isa"] == "scalar" and made["numeric_contract"] >= 1
    assert good("version", "--isa", "scalar").out == f"hearth {made['version']}\nnumeric contract {made['numeric_contract']}\ninstruction set scalar\n"
    other = "neon" if os.uname().machine == "x86_64" else "avx2"
    one_line(hearth("version", "--isa", other), 2, "--isa", other)
    one_line(hearth("version", env=environment(HEARTH_ISA=other)), 1, "HEARTH_ISA", other)
    one_line(hearth("version", env=environment(HEARTH_ISA="frob")), 1, "HEARTH_ISA", "one that this CPU runs: scalar", "found frob")


# ---- run, one answer


def story(*more, **options):
    return good_json("run", stories(), "--raw", "-p", "Once upon a time", *more, **options)


@test
def run_continues_the_golden_story():
    text = golden()["text"]
    made = story("--temperature", "0", "-n", "48", "--compute", "f32")
    assert text.startswith("Once upon a time" + made["text"]) and len(made["text"]) > 80, made["text"]
    assert made["tokens"]["answer"] == 48 and made["finish"] == "length" and made["compute"] == "f32"
    plain = good("run", stories(), "--raw", "-p", "Once upon a time", "--temperature", "0", "-n", "48", "--compute", "f32")
    assert plain.out == made["text"] + "\n" and plain.err == "", plain


@test
def run_and_score_keep_keys_and_values_as_told():
    for cache in ("f32", "f16", "bf16", "q8_0", "q4_0"):
        how = ("--temperature", "0", "-n", "24", "--cache", cache)
        one, other = story(*how, "--threads", "1"), story(*how, "--threads", "3")
        assert one["cache"] == cache and len(one["text"]) > 40 and one["text"] == other["text"], (one, other)
        scored = good_json("score", stories(), "--cache", cache, stdin="Once upon a time there was a girl.")
        assert scored["cache"] == cache and scored["perplexity"] < 10, scored
    assert story("-n", "1")["cache"] == "f16" and story("-n", "1", "--compute", "f32")["cache"] == "f32"


@test
def run_takes_its_prompt_from_everywhere():
    wanted = story("-n", "8")
    assert good_json("run", stories(), "--raw", "-n", "8", stdin="Once upon a time\n")["text"] == wanted["text"]
    both = good_json("run", stories(), "--raw", "-n", "8", "-p", "Once", stdin="upon a time\n\n")
    assert both["text"] == good_json("run", stories(), "--raw", "-n", "8", "-p", "Once\n\nupon a time")["text"]
    shut = subprocess.run(["sh", "-c", f'"{HEARTH}" run "{stories()}" --raw -p "Once upon a time" -n 8 --json <&-'], capture_output=True, timeout=60, env=environment())
    assert json.loads(shut.stdout)["text"] == wanted["text"], shut
    shut = subprocess.run(["sh", "-c", f'"{HEARTH}" run "{stories()}" --raw <&-'], capture_output=True, timeout=60, env=environment())
    one_line(Ended(shut.returncode, shut.stdout.decode(), shut.stderr.decode()), 1, "standard input")
    one_line(hearth("run", stories(), "--raw"), 2, "--prompt")
    one_line(hearth("run", stories(), "--raw", stdin="\n\n"), 2, "--prompt")


@test
def run_is_a_function_of_its_seed():
    first = story("-n", "40", "--seed", "7")
    assert first["sampling"]["seed"] == 7
    assert first["text"] == story("-n", "40", "--seed", "7", "--threads", "1")["text"]
    assert first["text"] == story("-n", "40", "--seed", "7", "--isa", "scalar")["text"]
    assert len({story("-n", "40", "--seed", str(seed))["text"] for seed in range(5)}) >= 4
    assert story("-n", "40")["text"] == story("-n", "40", "--seed", "0")["text"]


@test
def run_documents_its_defaults():
    made = story("-n", "1")["sampling"]
    page = good("help", "--markdown", "run").out
    for option, key in (("temperature", "temperature"), ("top-k", "top_k"), ("top-p", "top_p"), ("min-p", "min_p"), ("typical", "typical"),
                        ("repetition-penalty", "repetition_penalty"), ("presence-penalty", "presence_penalty"),
                        ("frequency-penalty", "frequency_penalty"), ("penalty-window", "penalty_window"), ("seed", "seed")):
        line = next(line for line in page.splitlines() if f"`--{option}`" in line)
        stated = float(line.rsplit("Default: ", 1)[1].rstrip("."))
        assert abs(stated - made[key]) < 1e-6, (option, stated, made[key])


@test
def run_settings_arrive():
    made = story("-n", "1", "--temperature", "1.5", "--top-k", "3", "--top-p", "0.5", "--min-p", "0.25", "--typical", "0.75", "--repetition-penalty",
                 "1.25", "--presence-penalty", "0.5", "--frequency-penalty=-0.5", "--penalty-window", "64", "--seed", "9223372036854775807", "--context", "128")
    assert made["sampling"] == {"temperature": 1.5, "top_k": 3, "top_p": 0.5, "min_p": 0.25, "typical": 0.75, "repetition_penalty": 1.25,
                                "presence_penalty": 0.5, "frequency_penalty": -0.5, "penalty_window": 64, "seed": 9223372036854775807, "logit_bias": []}, made
    assert made["context"] == 128 and made["max_tokens"] == 1 and made["stops"] == []
    plain = good("run", stories(), "--raw", "-p", "Once", "--json", "--stop", "e", "--stop", "zebra ☃", "--logit-bias", "5=-inf", "--logit-bias",
                 "7=0.1", "--logit-bias=7=-2").out
    made = json.loads(plain)
    assert made["max_tokens"] is None and made["stops"] == ["e", "zebra ☃"] and made["stop"] == "e"
    assert made["sampling"]["logit_bias"] == [{"token": 5, "bias": "-inf"}, {"token": 7, "bias": 0.1}, {"token": 7, "bias": -2.0}], made
    for line in ('"temperature": 0.8,', '"top_p": 0.95,', '"min_p": 0.05,', '"bias": 0.1'):  # no digits of binary32
        assert line in plain, (line, plain)
    greedy = story("-n", "20", "--temperature", "0")["text"]
    assert story("-n", "20", "--top-k", "1", "--seed", "3")["text"] == greedy
    penalised = story("-n", "40", "--temperature", "0", "--repetition-penalty", "3")["text"]
    assert penalised != story("-n", "40", "--temperature", "0")["text"]
    assert penalised != story("-n", "40", "--temperature", "0", "--repetition-penalty", "3", "--penalty-window", "2")["text"]


@test
def run_logit_bias_forbids_and_forces():
    first = [t["id"] for t in good_json("tokenize", stories(), "--text", golden()["text"])["tokens"]]
    prompt = len(good_json("tokenize", stories(), "--text", "Once upon a time")["tokens"])
    forced = story("-n", "3", "--temperature", "0", "--logit-bias", "410=1000")["text"]
    assert forced == good("detokenize", stories(), "403", "410", "410", "410").out.replace(good("detokenize", stories(), "403").out, "", 1), forced
    free = story("-n", "1", "--temperature", "0")["text"]
    assert story("-n", "1", "--temperature", "0", "--logit-bias", f"{first[prompt]}=-inf")["text"] != free
    for wrong in ("512=1", "5", "", "=", "5=", "=5", "-1=1", "+5=1", " 5=1", "5= 1", "5=nan", "5=inf", "5=-infinity", "5=0x1", "5=1e7", "5=-1e7", "5=1x",
                  "0x5=1", "5.0=1", "99999999999999999999=1", "18446744073709551616=1"):
        one_line(hearth("run", stories(), "--raw", "-p", "x", "--logit-bias", wrong), 2, "--logit-bias", "an id below 512", "-1000000 to 1000000, or -inf", f'"{wrong}"')


@test
def run_stops_before_a_stop_string():
    made = story("-n", "100", "--temperature", "0", "--stop", "in the park", "--stop", "zebra")
    assert made["finish"] == "stop" and made["stop"] == "in the park"
    assert made["text"].endswith("outside ") and "park" not in made["text"], made
    one_line(hearth("run", stories(), "--raw", "-p", "x", "--stop", "x", "--stop="), 2, "--stop")


@test
def run_with_a_full_context_says_so():
    ended = good("run", stories(), "--raw", "-p", "Once upon a time", "--context", "64", "--temperature", "0")
    assert "context of 64 tokens is full" in ended.err, ended
    made = story("--context", "64", "--temperature", "0")
    assert made["finish"] == "context" and made["tokens"]["prompt"] + made["tokens"]["answer"] == 64, made
    ended = good("run", stories(), "--raw", "-p", "Once upon a time", "--context", "64", "--temperature", "0", "-n", "150")
    assert ended.err == "[the context of 64 tokens is full: each time the older half of the answer is forgotten]\n", ended
    longer = story("--context", "64", "--temperature", "0", "-n", "150")
    assert longer["finish"] == "length" and longer["tokens"]["answer"] == 150, longer
    assert longer["text"].startswith(made["text"]), longer
    one_line(hearth("run", stories(), "--raw", "-p", "Once", "--context", "513"), 2, "--context: expected at most", "513 of 512")
    # What is kept is prompt and the later half of the answer: the model must go on as if given just that.
    one_line(hearth("run", stories(), "--raw", "-p", "Once upon a time " * 40, "--context", "64"), 1, "64", "--context")


@test
def run_refuses_settings_out_of_range():
    for arguments, words in ((["--temperature", "-1"], ["--temperature"]), (["--top-p", "1.5"], ["--top-p"]), (["--temperature", "nan"], ["--temperature"]),
                             (["-n", "0"], ["--max-tokens"]), (["--seed", "-1"], ["--seed"]), (["--seed", "9223372036854775808"], ["--seed"]),
                             (["--compute", "fast"], ["--compute", "native or f32"]), (["--cache", "q5_0"], ["--cache", "q8_0 or q4_0"]), (["--repetition-penalty", "0"], ["--repetition-penalty"])):
        one_line(hearth("run", stories(), "--raw", "-p", "x", *arguments), 2, *words)


@test
def run_uses_the_chat_template():
    with folder() as place:
        for model, bos in ((chat_gguf(place), "<s>"), (chat_folder(place), "<|start_story|>")):
            made = good_json("run", model, "-p", "Tell me a story", "--system", "Be kind.", "--temperature", "0", "-n", "12")
            rendered = "[system] Be kind.\n[user] Tell me a story\n[assistant]"
            messages = json.dumps([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Tell me a story"}])
            assert good("template", model, stdin=messages).out == bos + rendered
            ids = good("tokenize", model, "--special", "--no-bos", "--ids", "--text", bos + rendered).out.split()
            assert made["raw"] is False and made["tokens"]["prompt"] == len(ids), (made, ids)
            if model.endswith(".gguf"):  # here a text's beginning is tokenized alike behind a control token and alone
                raw = good_json("run", model, "--raw", "-p", rendered, "--temperature", "0", "-n", "12")
                assert raw["raw"] is True and made["text"] == raw["text"] and made["tokens"] == raw["tokens"], (made, raw)


@test
def bytes_that_are_no_text_are_taken_whole():
    noise = bytes(range(128)) * 2 + b"\0end"
    with folder() as place:
        chat = chat_gguf(place)
        for model, more in ((stories(), ["--raw"]), (chat, [])):
            made = good_json("run", model, *more, "-n", "1", "--context", "512", stdin=b"a\0b " * 20)["tokens"]["prompt"]
            clean = good_json("run", model, *more, "-n", "1", "--context", "512", stdin=b"a\x01b " * 20)["tokens"]["prompt"]
            assert made == clean, (model, made, clean)
            one_line(hearth("run", model, *more, "--context", "64", stdin=os.urandom(3000) + b"\0" + os.urandom(3000)), 1, "the prompt: ", "64")
        ids = good("tokenize", stories(), "--ids", "--no-bos", stdin=noise).out
        back = subprocess.run([HEARTH, "detokenize", stories()], input=ids.encode(), capture_output=True, timeout=60, env=environment()).stdout
        assert back == noise
        assert good_json("score", stories(), stdin=noise)["tokens"] == len(ids.split()) + 1
        path = os.path.join(place, "noise")
        with open(path, "wb") as out:
            out.write(noise)
        assert good("tokenize", stories(), path, "--ids", "--no-bos").out == ids
        one_line(hearth("template", chat, path), 1, path)


@test
def run_names_the_template_that_refuses():
    with folder() as place:
        model = chat_folder(place)
        with open(os.path.join(model, "chat_template.jinja"), "w", encoding="utf-8") as out:
            out.write("{% for m in messages %}\n{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}{% endfor %}x")
        one_line(hearth("run", model, "-p", "x", "--system", "y"), 1, f"hearth run: the chat template of {model}: line 2: no system role")


@test
def control_tokens_in_a_prompt_are_text():
    with folder() as place:
        for model, end in ((chat_gguf(place), "</s>"), (chat_folder(place), "<|end_story|>")):
            safe = good_json("run", model, "-p", f"a {end} b {end}", "-n", "1")["tokens"]["prompt"]
            plain = good_json("run", model, "-p", "a b", "-n", "1")["tokens"]["prompt"]
            assert safe >= plain + 6, (model, safe, plain)  # tokens of text, not one of control each


@test
def a_model_without_template_says_that_it_continues():
    ended = good("run", stories(), "-p", "Once upon a time", "-n", "5")
    assert "no chat template" in ended.err and "--raw" in ended.err, ended
    assert good("run", stories(), "-p", "Once upon a time", "-n", "5", "--quiet").err == ""
    one_line(hearth("run", stories(), "-p", "x", "--system", "y"), 2, "--system", "template")


@test
def run_at_a_terminal_says_how_fast_and_how():
    shown = pty_run.output([HEARTH, "run", stories(), "--raw", "-p", "Once upon a time", "-n", "8", "--color", "never"])
    assert "prompt tokens" in shown and "8 answer tokens" in shown and "compute native" in shown, shown
    quiet = pty_run.output([HEARTH, "run", stories(), "--raw", "-p", "Once upon a time", "-n", "8", "--color", "never", "-q"])
    assert "tokens" not in quiet, quiet


@test
def control_characters_do_nothing_on_a_terminal():
    """A stand-in for a model that writes escape sequences: byte tokens forced one after the other."""
    escape = next(t["id"] for t in good_json("tokenize", stories(), "--text", "\x1b")["tokens"] if t.get("text") == "\x1b" or t.get("bytes") == "1b")
    arguments = [HEARTH, "run", stories(), "--raw", "-p", "x", "-n", "3", "--temperature", "0", "--logit-bias", f"{escape}=1000", "--color", "never", "-q"]
    shown = pty_run.output(arguments)
    assert "\x1b" not in shown and shown.count("␛") == 3, repr(shown)
    assert subprocess.run(arguments, capture_output=True, stdin=subprocess.DEVNULL, timeout=60, env=environment()).stdout == b"\x1b\x1b\x1b\n"


# ---- what goes wrong


@test
def wrong_models_are_told_in_one_line():
    with folder() as place:
        empty = os.path.join(place, "empty folder")
        os.mkdir(empty)
        noise = os.path.join(place, "noise ☃.gguf")
        with open(noise, "wb") as out:
            out.write(b"not a model at all" * 10)
        nothing = os.path.join(place, "nothing.gguf")
        open(nothing, "wb").close()
        for command in (["show"], ["tokenize", "--text", "x"], ["run", "-p", "x"], ["score"], ["bench"], ["template"], ["detokenize"]):
            stdin = "[]" if command[0] == "template" else "1 2"
            one_line(hearth(command[0], os.path.join(place, "missing.gguf"), *command[1:], stdin=stdin), 1, "missing.gguf")
            one_line(hearth(command[0], empty, *command[1:], stdin=stdin), 1, "empty folder")
            one_line(hearth(command[0], noise, *command[1:], stdin=stdin), 1, "noise ☃.gguf")
            one_line(hearth(command[0], nothing, *command[1:], stdin=stdin), 1, "nothing.gguf")
            if command[0] != "run":  # that answers with the model in the program
                one_line(hearth(*command), 2, "missing operand", "MODEL")


@test
def wrong_files_are_told_in_one_line():
    with folder() as place:
        for command in ("score", "tokenize", "template"):
            one_line(hearth(command, stories(), os.path.join(place, "missing.txt")), 1, "missing.txt")
            one_line(hearth(command, stories(), place), 1, os.path.basename(place))


@test
def no_permission_is_told():
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            raise Skip("runs as root and setpriv is absent")
        drop = ["setpriv", "--reuid", "65534", "--clear-groups"]
    else:
        drop = []
    with folder() as place:
        path = os.path.join(place, "closed.gguf")
        shutil.copy(stories(), path)
        os.chmod(path, 0)
        os.chmod(place, stat.S_IRWXU | stat.S_IXGRP | stat.S_IXOTH | stat.S_IRGRP | stat.S_IROTH)
        if drop and subprocess.run([*drop, HEARTH, "version"], capture_output=True, timeout=20).returncode != 0:
            raise Skip("another user cannot run hearth from here")
        made = subprocess.run([*drop, HEARTH, "show", path], capture_output=True, text=True, timeout=20, env=environment())
        one_line(Ended(made.returncode, made.stdout, made.stderr), 1, "closed.gguf", "ermission")


@test
def names_with_spaces_and_unicode_work():
    with folder() as place:
        path = os.path.join(place, "Geschichten für Ünder ☃.gguf")
        os.symlink(os.path.abspath(stories()), path)
        assert good_json("show", path)["path"].endswith("Ünder ☃.gguf")
        assert good_json("run", path, "--raw", "-p", "Once", "-n", "2")["tokens"]["answer"] == 2


@test
def lost_output_of_a_result_is_a_failure():
    with open("/dev/full", "wb") as full:
        for arguments in (["show", stories()], ["show", stories(), "--json"], ["run", stories(), "--raw", "-p", "Once", "-n", "4"],
                          ["run", stories(), "--raw", "-p", "Once", "-n", "4", "--json"], ["tokenize", stories(), "--text", "x"],
                          ["score", stories(), fixture("stories260K", "SOURCE.txt"), "--per-token"]):
            made = subprocess.run([HEARTH, *arguments], stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60, env=environment())
            one_line(Ended(made.returncode, "", made.stderr.decode()), 1, "standard output", "space")


@test
def head_ends_a_long_answer_quietly():
    began = time.monotonic()
    made = subprocess.run(["sh", "-c", f'"{HEARTH}" run "{stories()}" --raw -p "Once upon a time" -n 1000000 --seed 5 | head -c 200'],
                          capture_output=True, timeout=60, env=environment())
    assert len(made.stdout) == 200 and made.stderr == b"", made
    assert time.monotonic() - began < 30


def endless(**options):
    return subprocess.Popen([HEARTH, "run", stories(), "--raw", "-p", "Once upon a time", "-n", "100000000"], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), **options)


@test
def interrupts_end_one_answer():
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = endless()
        assert process.stdout.read(20)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert process.returncode == code, (process.returncode, err)
        assert out.endswith(b"\n") and b"rror" not in err, err


@test
def an_interrupted_answer_as_json_says_so():
    out = b""
    for seconds in (1, 3, 9, 27):  # a signal that comes while the model is loaded leaves nothing to print
        process = subprocess.Popen([HEARTH, "run", stories(), "--raw", "-p", "Once", "-n", "100000000", "--json"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, env=environment())
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 130, process.returncode
        if out:
            break
    assert json.loads(out)["finish"] == "interrupted"


@test
def a_second_interrupt_ends_what_does_not_stop():
    """Its output goes into a full pipe: the write waits, so that the first signal is not seen."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while os.write(writing, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(writing, True)
    process = subprocess.Popen([HEARTH, "run", stories(), "--raw", "-p", "Once upon a time", "-n", "100"], stdin=subprocess.DEVNULL,
                               stdout=writing, stderr=subprocess.PIPE, env=environment())
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert b"twice" in process.communicate()[1]
    os.close(reading)
    os.close(writing)


@test
def waiting_for_input_can_be_interrupted():
    process = subprocess.Popen([HEARTH, "tokenize", stories()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=20)
    assert process.returncode == 130, process.returncode
    process.communicate()


@test
def work_that_does_not_look_ends_at_once():
    with folder() as place:
        path = os.path.join(place, "long")
        with open(path, "w", encoding="utf-8") as out:
            out.write(golden()["text"] * 100000)
        for arguments in (["tokenize", tiny(), path, "--ids"], ["score", tiny(), path], ["run", tiny(), "--raw", "-n", "1"]):
            with open(path, "rb") as text:
                process = subprocess.Popen([HEARTH, *arguments], stdin=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            out, err = process.communicate(timeout=60)
            assert process.returncode == 130 and time.monotonic() - began < 10 and out == err == b"", (arguments, process.returncode, out[:100], err)
    good("doctor", "--isa", "scalar", "--threads", "1")


# ---- quantize


@test
def quantize_with_a_text_reports_what_it_did():
    with tempfile.TemporaryDirectory(prefix="hearth quantize ") as place:
        text, kept = os.path.join(place, "text"), os.path.join(place, "importance.gguf")
        with open(text, "w", encoding="utf-8") as file:
            file.write("Once upon a time there was a small dog who liked to run. " * 120)
        first, second, third = (os.path.join(place, name) for name in ("a b.gguf", "b.gguf", "c.gguf"))
        made = good_json("quantize", stories(), "q5_1", first, "--importance", text, "--importance-out", kept, "--tensor", "*attn_v*=q8_0",
                         "--tokens", "2000")
        assert made["bytes"] < made["from_bytes"] and any(t["weighted"] for t in made["tensors"]), made
        assert {t["to"] for t in made["tensors"] if "attn_v.weight" in t["name"]} == {"Q8_0"}, made
        found = made["divergence"]
        assert found["mean"] > 0 and found["compared"] > 0, found
        again = good_json("quantize", stories(), "q5_1", second, "--importance", kept, "--tensor", "*attn_v*=q8_0", "--kl", text)
        assert again["bytes"] == made["bytes"] and again["divergence"]["mean"] > 0, again
        assert [t["weighted"] for t in again["tensors"]] == [t["weighted"] for t in made["tensors"]], again
        ended = hearth("quantize", stories(), "q8_0", os.path.join(place, "e.gguf"), "--importance", text, "--tokens", "100", env=environment())
        assert ended.code == 0 and ended.err.endswith("a tenth of 100 tokens is too little to compare on; --kl FILE compares\n"), ended
        ended = hearth("quantize", stories(), "q8_0", third, "--tensor", "nothing*=f16", env=environment())
        assert ended.code == 0 and ended.err.endswith("hearth quantize: --tensor nothing*: no tensor has such a name\n"), ended
        for arguments, code, says in ((["q8_0", third], 1, "expected a new name"), (["q9", "d"], 2, 'unknown type "q9"'),
                                      (["q8_0", "d", "--importance-out", kept], 2, "--importance-out wants --importance"),
                                      (["q8_0", "d", "--importance", stories()], 1, "expected statistics of importance"),
                                      (["q8_0", "-"], 2, "OUT: expected a file"), (["q8_0", "d", "--tensor", "foo"], 2, "expected PATTERN=TYPE"), (["q8_0", "d", "--kl", os.devnull], 2, "at least four tokens")):
            one_line(hearth("quantize", stories(), *arguments, env=environment(), cwd=place), code, says)
        one_line(hearth("convert", stories(), "-", env=environment(), cwd=place), 2, "OUT: expected a file or a folder")
        assert not os.path.exists(os.path.join(place, "d")) and not os.path.exists(os.path.join(place, "-"))


@test
def quantize_tells_when_the_source_was_quantised_already():
    with tempfile.TemporaryDirectory(prefix="hearth quantize ") as place:
        few, more, plain = (os.path.join(place, name) for name in ("few.gguf", "more.gguf", "plain.gguf"))
        first = good_json("quantize", stories(), "q4_0", few)
        assert first["quantised_again"] == 0, first
        ended = good("quantize", few, "q8_0", more)
        count = sum(t["to"] == "Q4_0" for t in first["tensors"])
        assert f"hearth quantize: {count} of {len(first['tensors'])} tensors were quantised in MODEL already" in ended.err, ended
        assert ended.err.count("\n") == 1 and "more bytes than before" in ended.err, ended
        assert f"quantised again  {count} tensors\n" in ended.out, ended
        back = good("quantize", more, "q4_0", os.path.join(place, "e.gguf"), "--json")
        assert json.loads(back.out)["quantised_again"] == count and "more bytes" not in back.err, back
        assert good_json("quantize", few, "f16", plain)["quantised_again"] == 0  # nothing is rounded to few bits
        os.remove(more)
        assert good("quantize", few, "q8_0", more, "-q").err == ""


main()
