#!/usr/bin/env python3
"""Answers as published models write them, token by token: test_tokens.py ENCODE_TOOL ANSWER_TOOL. Prints TAP.

Real vocabularies with the special and added tokens that the models' files name, and their published templates. Text is
encoded by the real vocabulary (encode_tool); what the model writes as one token of its own is that token's id. The same
marks spelled in ordinary tokens are text. A vocabulary or template that is not here is a line with SKIP.
"""
import functools
import json
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tokenizer"))
import vocabularies as v  # noqa: E402

TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Weather.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}}}]
PARIS = '{"name": "get_weather", "arguments": {"city": "Paris"}}'
LLAMA_PARIS = PARIS.replace("arguments", "parameters")
CALL = ("get_weather", {"city": "Paris"})

# Added tokens with their published ids; True: special.
QWEN = {"<|endoftext|>": (151643, True), "<|im_start|>": (151644, True), "<|im_end|>": (151645, True), "<tool_call>": (151657, False),
        "</tool_call>": (151658, False), "<tool_response>": (151665, False), "</tool_response>": (151666, False), "<think>": (151667, False),
        "</think>": (151668, False)}
DISTILL = {"<｜end▁of▁sentence｜>": (151643, True), "<｜User｜>": (151644, False), "<｜Assistant｜>": (151645, False),
           "<｜begin▁of▁sentence｜>": (151646, True), "<think>": (151648, False), "</think>": (151649, False)}
LLAMA = {"<|begin_of_text|>": (128000, True), "<|end_of_text|>": (128001, True), "<|start_header_id|>": (128006, True),
         "<|end_header_id|>": (128007, True), "<|eom_id|>": (128008, True), "<|eot_id|>": (128009, True), "<|python_tag|>": (128010, True)}
# V3's ids lie behind a vocabulary that is not here: the marks are added to DeepSeek LLM's.
DEEPSEEK = {name: (102400 + i, False) for i, name in enumerate((
    "<think>", "</think>", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"))}


def split(text):
    """A mark in pieces, so that no added token is found in it: what a model spells."""
    return [text[:3], text[3:]]


def case(what, parts, reasoning="", content="", calls=(), thinks=False, tools=True):
    """parts: a string is ordinary text, a one-element list a token of its own."""
    return {"what": what, "parts": parts, "thinks": thinks, "tools": TOOLS if tools else None,
            "expected": {"reasoning": reasoning, "content": content, "calls": [list(c) for c in calls], "bad": 0}}


def hermes(thinks):
    think = [["<think>"], "\nIt asks for the weather.\n", ["</think>"], "\n\n"] if thinks else []
    said = "It asks for the weather." if thinks else ""
    one = [["<tool_call>"], "\n" + PARIS + "\n", ["</tool_call>"]]
    spelled = split("<tool_call>") + [PARIS] + split("</tool_call>")
    yield case("a call", think + one, reasoning=said, calls=[CALL])
    yield case("text and two calls", think + ["Let me look.\n"] + one + ["\n"] + one, reasoning=said, content="Let me look.", calls=[CALL, CALL])
    yield case("a spelled call is text", think + ["It is written "] + spelled, reasoning=said, content="It is written " + "".join(spelled))
    yield case("a spelled end within a call", think + [["<tool_call>"], '{"name": "get_weather", "arguments": {"city": "', *split("</tool_call>"), '"}}',
                                                       ["</tool_call>"]], reasoning=said, calls=[("get_weather", {"city": "</tool_call>"})])
    yield case("no tools offered", think + ["Look: ", *split("<tool_call>")], reasoning=said, content="Look: <tool_call>", tools=False)
    if thinks:
        yield case("a spelled end of thinking", [["<think>"], "I write ", *split("</think>"), " so", ["</think>"], "Yes."], reasoning="I write </think> so",
                   content="Yes.")
        yield case("a call spelled in the thinking", [["<think>"], *spelled, ["</think>"], "No."], reasoning="".join(spelled), content="No.")


def llama(_):
    yield case("a call as the whole answer", [LLAMA_PARIS], calls=[CALL])
    yield case("after the tag", [["<|python_tag|>"], LLAMA_PARIS], calls=[CALL])
    yield case("a built-in tool", [["<|python_tag|>"], 'brave_search.call(query="weather in Paris")'], calls=[("brave_search", {"query": "weather in Paris"})])
    yield case("a program", [["<|python_tag|>"], "print(1)\nprint(2)"], calls=[("code_interpreter", {"code": "print(1)\nprint(2)"})])
    yield case("a spelled tag is text", ["So: ", *split("<|python_tag|>"), LLAMA_PARIS], content="So: <|python_tag|>" + LLAMA_PARIS)
    yield case("JSON of a tool that was not offered", ['{"name": "other", "parameters": {}}'], content='{"name": "other", "parameters": {}}')
    yield case("JSON behind text", ["Like " + LLAMA_PARIS], content="Like " + LLAMA_PARIS)


def deepseek(_):
    one = [["<｜tool▁calls▁begin｜>"], ["<｜tool▁call▁begin｜>"], "get_weather", ["<｜tool▁sep｜>"], '{"city": "Paris"}', ["<｜tool▁call▁end｜>"],
           ["<｜tool▁calls▁end｜>"]]
    fenced = [["<｜tool▁calls▁begin｜>"], ["<｜tool▁call▁begin｜>"], "function", ["<｜tool▁sep｜>"], 'get_weather\n```json\n{"city": "Paris"}\n```',
              ["<｜tool▁call▁end｜>"], ["<｜tool▁calls▁end｜>"]]
    spelled = [part for mark in one for part in (split(mark[0]) if isinstance(mark, list) else [mark])]
    yield case("a call", one, calls=[CALL])
    yield case("thinking that the prompt opened, then a call", ["Hm.", ["</think>"], "I look.", *one], reasoning="Hm.", content="I look.", calls=[CALL], thinks=True)
    yield case("in a fence, as R1 writes it", [["<think>"], "\nHm.\n", ["</think>"], "\n\n", *fenced], reasoning="Hm.", calls=[CALL])
    yield case("two in a list", one[:-1] + one[1:], calls=[CALL, CALL])
    yield case("spelled, it is text", ["See ", *spelled], content="See " + "".join(spelled))


def distill(_):
    one = '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{"city": "Paris"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
    yield case("thinking in tokens, calls in text", ["Hm.", ["</think>"], "\n\n" + one], reasoning="Hm.", calls=[CALL], thinks=True)
    yield case("a spelled end of thinking", ["I write ", *split("</think>"), ["</think>"], "Yes."], reasoning="I write </think>", content="Yes.", thinks=True)


def rows(fixtures):
    """name, the vocabulary's file, its added tokens, the template, the forms that must be found, the answers."""
    qwen, llama3 = v.qwen_path(), os.path.join(fixtures, "tokenizers", "llama3.2")
    old = os.path.join(fixtures, "tokenizers", "llama.cpp", "ggml-vocab-deepseek-llm.gguf")
    yield "Qwen 2.5", qwen, QWEN, "Qwen-Qwen2.5-7B-Instruct", ["think", "hermes"], hermes(False)
    yield "Qwen 3", qwen, QWEN, "Qwen-Qwen3-0.6B", ["think", "hermes"], hermes(True)
    yield "QwQ", qwen, QWEN, "Qwen-QwQ-32B", ["think", "hermes"], hermes(True)
    yield "Llama 3.1", llama3, LLAMA, "meta-llama-Llama-3.1-8B-Instruct", [None, "llama"], llama(None)
    yield "Llama 3.3", llama3, LLAMA, "meta-llama-Llama-3.3-70B-Instruct", [None, "llama"], llama(None)
    yield "DeepSeek V3.1", old, DEEPSEEK, "deepseek-ai-DeepSeek-V3.1", ["think", "deepseek"], deepseek(None)
    yield "DeepSeek R1 Distill Qwen", qwen, DISTILL, "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", ["think", "deepseek"], distill(None)


@functools.cache
def vocabulary_of(path, fixtures, folder):
    """token: id, and a file that encode_tool encodes with."""
    if path.endswith(".gguf"):
        return {t: i for i, t in enumerate(v.read_gguf(path)["tokenizer.ggml.tokens"][:100000])}, path
    if path.endswith(".tiktoken"):
        return {v.text_of(token): rank for token, rank in v.read_ranks(path).items()}, path
    gguf = os.path.join(folder, "llama3.gguf")
    if not os.path.exists(gguf):
        v.llama3_gguf(fixtures, gguf)
    return v.llama3_parts(fixtures)[0], gguf


def write_tokenizer(path, vocabulary, added):
    """To read answers with: no merges are needed."""
    whole = v.byte_level(vocabulary, [], v.level(), {name: i for name, (i, _) in added.items()})
    for token in whole["added_tokens"]:
        token["special"] = added[token["content"]][1]
    with open(path, "w", encoding="utf-8") as f:
        json.dump(whole, f, ensure_ascii=False)


def encode(tool, encoder, texts):
    data = b"".join(struct.pack("<I", len(raw)) + raw for raw in (text.encode() for text in texts))
    made = subprocess.run([tool, encoder, "plain"], input=data, capture_output=True, check=True).stdout
    out, at = [], 0
    while at < len(made):
        (count,) = struct.unpack_from("<I", made, at)
        out.append(list(struct.unpack_from("<%di" % count, made, at + 4)))
        at += 4 + 4 * count
    return out


def ids_of(tool, encoder, added, cases):
    texts = sorted({part for one in cases for part in one["parts"] if isinstance(part, str)})
    ids = dict(zip(texts, encode(tool, encoder, texts)))
    return [[i for part in one["parts"] for i in (ids[part] if isinstance(part, str) else [added[part[0]][0]])] for one in cases]


def check(encode_tool, answer_tool, row, fixtures, folder):
    name, path, added, template, forms, cases = row
    cases = list(cases)
    vocabulary, encoder = vocabulary_of(path, fixtures, folder)
    mine = os.path.join(folder, "%s %d" % (os.path.basename(path), len(added)), "tokenizer.json")
    if not os.path.exists(mine):
        os.makedirs(os.path.dirname(mine))
        write_tokenizer(mine, vocabulary, added)
    given = [{"ids": ids, "tools": one["tools"], "thinks": one["thinks"]} for ids, one in zip(ids_of(encode_tool, encoder, added, cases), cases)]
    made = subprocess.run([answer_tool, mine, os.path.join(fixtures, "templates", template + ".jinja")], input=json.dumps(given), capture_output=True,
                          text=True, check=False)
    if made.returncode:
        return len(cases), [made.stderr.strip()]
    found, *answers = json.loads(made.stdout)
    wrong = [] if found == forms else ["forms %r, expected %r" % (found, forms)]
    if len(answers) != len(cases):
        wrong.append("%d answers to %d cases" % (len(answers), len(cases)))
    for one, answer in zip(cases, answers):
        answer["calls"] = [[c["name"], c["arguments"]] for c in answer["calls"]]
        if answer != one["expected"]:
            wrong.append("%s: %r, expected %r" % (one["what"], answer, one["expected"]))
    return len(cases), wrong


def main():
    encode_tool, answer_tool = sys.argv[1:3]
    source = os.environ.get("HEARTH_SOURCE", os.path.join(HERE, "..", ".."))
    fixtures = os.environ.get("HEARTH_FIXTURES") or os.path.join(source, "..", "shared", "fixtures")
    failed = number = 0
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(fixtures):
            number += 1
            if not os.path.exists(row[1]) or not os.path.exists(os.path.join(fixtures, "templates", row[3] + ".jinja")):
                print("ok %d - %s # SKIP no vocabulary (scripts/fetch-vocabularies) or no template" % (number, row[0]))
                continue
            count, wrong = check(encode_tool, answer_tool, row, fixtures, folder)
            failed += bool(wrong)
            print("%s %d - %s: %d answers, %d differences" % ("not ok" if wrong else "ok", number, row[0], count, len(wrong)), flush=True)
            for line in wrong:
                print("# " + line)
    print("1..%d" % number)
    return 1 if failed else 0


sys.exit(main())
