#!/usr/bin/env python3
"""Ollama's interface by the standard library alone: chats, texts, streams, what is refused, pulling. Prints TAP."""

import json
import os
import sys

from support import BERT, OWN, ROOT, Server, folder, main, test, write_model

sys.path.insert(0, os.path.join(ROOT, "hub"))
from place import gguf  # noqa: E402
from server import Hub  # noqa: E402
from scripted_model import TEMPLATE  # noqa: E402
from tap import good_json  # noqa: E402

PLACE = folder()
CHAT = write_model(os.path.join(PLACE.name, "scripted"))
HUB = Hub().__enter__()
os.environ.update(HF_ENDPOINT=HUB.url, HF_HOME=os.path.join(PLACE.name, "hf"), HOME=PLACE.name, OLLAMA_MODELS=os.path.join(PLACE.name, "ollama"))
S = Server(f"chat={CHAT}", f"own={OWN}", f"bert={BERT}")
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Weather.",
                                           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]
HELLO = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}], "options": {"temperature": 0}}
TEXT = {"model": "own", "prompt": "The ", "options": {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "num_predict": 16, "seed": 5}}
NUMBERS = ["total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration"]


def lines(path, body):
    status, headers, text = S.send("POST", path, body)
    assert status == 200 and headers["Content-Type"] == "application/x-ndjson", (status, headers, text)
    made = [json.loads(line) for line in text.decode().splitlines()]
    assert all(not m["done"] for m in made[:-1]) and made[-1]["done"], made
    return made


def refused(path, body, status, *words):
    found, made = S.post(path, body)
    assert found == status and list(made) == ["error"], (found, made)
    for word in words:
        assert word in made["error"], (word, made)


def chat_joined(made):
    m = [line["message"] for line in made]
    return ("".join(x["content"] for x in m), "".join(x.get("thinking", "") for x in m), [c for x in m for c in x.get("tool_calls", [])])


@test
def a_chat_is_the_same_streamed_and_not():
    whole = S.good("/api/chat", {**HELLO, "stream": False})
    made = lines("/api/chat", HELLO)
    message = whole["message"]
    assert message == {"role": "assistant", "content": "Four, STOP and go.", "thinking": "Hm, two and two: STOP?"}, whole
    assert chat_joined(made) == (message["content"], message["thinking"], []), (made, whole)
    assert whole["done"] and whole["done_reason"] == made[-1]["done_reason"] == "stop" and whole["created_at"].endswith("Z")
    for name in NUMBERS:
        assert isinstance(whole[name], int) and isinstance(made[-1][name], int), (name, whole)
    assert whole["eval_count"] == made[-1]["eval_count"] > 0 and whole["total_duration"] > whole["eval_duration"] > 0, whole


@test
def thinking_is_switched():
    assert S.good("/api/chat", {**HELLO, "stream": False, "think": False})["message"] == {"role": "assistant", "content": "Five."}
    assert S.good("/api/chat", {**HELLO, "stream": False, "think": True})["message"]["thinking"]
    assert S.good("/api/chat", {**HELLO, "stream": False, "think": "high"})["message"]["thinking"]


@test
def tools_are_called_and_answered():
    asked = {**HELLO, "tools": TOOLS}
    whole = S.good("/api/chat", {**asked, "stream": False})
    call = whole["message"]["tool_calls"][0]
    assert call["function"] == {"index": 0, "name": "get_weather", "arguments": {"city": "Paris"}} and call["id"], whole
    text, _, calls = chat_joined(lines("/api/chat", asked))
    assert (text, calls[0]["function"]) == (whole["message"]["content"], call["function"])
    more = [*HELLO["messages"], whole["message"], {"role": "tool", "tool_name": "get_weather", "content": "21 degrees"}]
    assert S.good("/api/chat", {**asked, "messages": more, "stream": False})["message"]["content"] == "It is 21."


@test
def results_belong_to_calls():
    """By name to the first of that name, else in order. The template shows whose result it is; a token is a byte here, so OpenAI's
    interface, where each result says it, has to count as many."""
    template = TEMPLATE.replace("{{ m.role }}", "{{ m.role }}{% if m.role == 'tool' %}{{ m.name }} {{ m.tool_call_id }}{% endif %}")
    asked = ["one", "seven", "one", "fourteen"]
    ids = ["a", "bbbbb", "ccccccccccc", "ddddddddddddddddddddddd"]
    results = [("seven", 1), (None, 1), ("one", 0), (None, 3)]
    calls = [{"id": i, "function": {"name": n, "arguments": {}}} for i, n in zip(ids, asked)]
    with Server("chat=" + write_model(os.path.join(PLACE.name, "named"), template=template)) as s:
        for count in range(len(results)):
            mine = [*HELLO["messages"], {"role": "assistant", "content": "", "tool_calls": calls[:1]}, {"role": "tool", "content": ""},
                    {"role": "assistant", "content": "", "tool_calls": calls}]
            theirs = [*HELLO["messages"], {"role": "assistant", "content": "", "tool_calls": [
                {**c, "type": "function", "function": {**c["function"], "arguments": "{}"}} for c in calls]}]
            theirs[1:1] = [{**theirs[1], "tool_calls": theirs[1]["tool_calls"][:1]}, {"role": "tool", "content": "", "tool_call_id": "a"}]
            for name, which in results[:count + 1]:
                mine.append({"role": "tool", "content": "", **({"tool_name": name} if name else {})})
                theirs.append({"role": "tool", "content": "", "tool_call_id": ids[which]})
            asks = {"model": "chat", "temperature": 0, "max_tokens": 1}
            a = s.good("/api/chat", {"model": "chat", "stream": False, "options": {"temperature": 0, "num_predict": 1}, "messages": mine})
            b = s.good("/v1/chat/completions", {**asks, "messages": theirs})
            assert a["prompt_eval_count"] == b["usage"]["prompt_tokens"], (count, a, b)


@test
def texts_may_have_zero_bytes():
    """A token is a byte here, each text's as many as where it has other bytes."""
    count = lambda path, **more: S.good(path, {  # noqa: E731
        "model": "chat", "stream": False, "options": {"temperature": 0, "num_predict": 1}, **more})["prompt_eval_count"]
    for zero, other in (("a\0bc", "axbc"), ("\0", "x"), ("\0bc", "xbc")):
        assert count("/api/generate", prompt=zero) == count("/api/generate", prompt=other) > 0, zero
        assert count("/api/generate", prompt="p", system=zero) == count("/api/generate", prompt="p", system=other), zero
        assert count("/api/generate", prompt="p", template=zero) == count("/api/generate", prompt="p", template=other), zero
        assert count("/api/chat", messages=[{"role": "user", "content": zero}]) == count("/api/chat", messages=[{"role": "user", "content": other}])


@test
def stops_and_lengths():
    whole = S.good("/api/chat", {**HELLO, "stream": False, "think": False, "options": {"temperature": 0, "stop": ["ve"]}})
    assert whole["message"]["content"] == "Fi" and whole["done_reason"] == "stop", whole
    whole = S.good("/api/chat", {**HELLO, "stream": False, "options": {"temperature": 0, "num_predict": 2}})
    assert whole["done_reason"] == "length" and whole["eval_count"] == 2, whole


@test
def texts_are_generated_as_completions_are():
    raw = {**TEXT, "raw": True, "stream": False}
    whole = S.good("/api/generate", raw)
    other = S.good("/v1/completions", {"model": "own", "prompt": "The ", "temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "max_tokens": 16,
                                       "seed": 5})
    assert whole["response"] == other["choices"][0]["text"] and "context" not in whole, (whole, other)
    made = lines("/api/generate", {**TEXT, "raw": True})
    assert "".join(m["response"] for m in made) == whole["response"] and len(made) > 2
    assert S.good("/api/generate", {**raw, "options": {**TEXT["options"], "seed": 6}})["response"] != whole["response"]


@test
def a_generated_answer_goes_on():
    asked = {"model": "chat", "prompt": "Hello", "system": "Be short.", "think": False, "stream": False, "options": {"temperature": 0}}
    first = S.good("/api/generate", asked)
    with_system = S.good("/v1/chat/completions", {"model": "chat", "temperature": 0, "reasoning_effort": "none", "messages": [
        {"role": "system", "content": "Be short."}, {"role": "user", "content": "Hello"}]})
    assert first["response"] == "Five." and first["prompt_eval_count"] == with_system["usage"]["prompt_tokens"], (first, with_system)
    assert len(first["context"]) == first["prompt_eval_count"] + first["eval_count"], first
    second = S.good("/api/generate", {**asked, "system": "", "context": first["context"]})
    assert second["context"][:len(first["context"])] == first["context"] and second["response"] == "Five.", second
    other = S.good("/api/generate", {**asked, "template": "{% for m in messages %}{{ m.content }}{% endfor %}<|plain|>"})
    assert other["response"] == "Five." and other["prompt_eval_count"] < first["prompt_eval_count"], other


@test
def log_probabilities():
    whole = S.good("/api/chat", {**HELLO, "stream": False, "think": False, "logprobs": True, "top_logprobs": 2})
    assert [t["token"] for t in whole["logprobs"]] == ["Five."] and len(whole["logprobs"][0]["top_logprobs"]) == 2, whole
    made = [t for m in lines("/api/chat", {**HELLO, "think": False, "logprobs": True, "top_logprobs": 2}) for t in m.get("logprobs", [])]
    assert made == whole["logprobs"], made


@test
def models_are_listed_shown_loaded_and_let_go():
    tags = S.get("/api/tags")[1]["models"]
    assert [m["name"] for m in tags] == ["chat", "own", "bert"] and tags[0]["details"]["format"] == "safetensors" and tags[0]["size"] > 0, tags
    shown = S.good("/api/show", {"model": "chat"})
    assert shown["capabilities"] == ["completion", "tools", "thinking"] and shown["model_info"]["general.architecture"] == "llama", shown
    assert shown["model_info"]["llama.context_length"] > 0 and "<|im_start|>" in shown["template"]
    assert S.good("/api/show", {"name": "bert:latest"})["capabilities"] == ["embedding"]
    assert S.good("/api/show", {"name": "ollama:bert"}) == S.good("/api/show", {"name": "ollama:bert:latest"}) == S.good("/api/show", {"name": "bert"})
    load = {"model": "own", "stream": False}
    assert S.good("/api/generate", load)["done_reason"] == "load"
    assert "own" in [m["name"] for m in S.get("/api/ps")[1]["models"]]
    assert S.good("/api/generate", {**load, "keep_alive": 0})["done_reason"] == "unload"
    assert "own" not in [m["name"] for m in S.get("/api/ps")[1]["models"]]
    assert S.good("/api/chat", {**load, "messages": [], "keep_alive": "5m"})["message"] == {"role": "assistant", "content": ""}


@test
def texts_become_vectors():
    made = S.good("/api/embed", {"model": "bert", "input": ["one", "two words"]})
    other = S.good("/v1/embeddings", {"model": "bert", "input": ["one", "two words"]})
    assert made["embeddings"] == [d["embedding"] for d in other["data"]] and made["prompt_eval_count"] == other["usage"]["prompt_tokens"]
    assert S.good("/api/embeddings", {"model": "bert", "prompt": "one"}) == {"embedding": made["embeddings"][0]}
    assert len(S.good("/api/embed", {"model": "bert", "input": "one", "dimensions": 4})["embeddings"][0]) == 4
    refused("/api/embed", {"model": "bert", "input": "word " * 2000, "truncate": False}, 400, "context length")


@test
def the_first_looks_of_a_client():
    assert S.send("GET", "/")[0] == 200
    status, _, body = S.send("HEAD", "/")
    assert status == 200 and body == b"", (status, body)
    assert S.get("/api/version")[1]["version"][0].isdigit()


@test
def what_is_wrong_is_told_in_ollamas_shape():
    refused("/api/chat", {**HELLO, "model": "nobody"}, 404, "nobody")
    refused("/api/chat", {"messages": []}, 400, "model")
    refused("/api/chat", {**HELLO, "messages": [{"role": "user", "content": "x", "images": ["AAAA"]}]}, 400, "images")
    refused("/api/generate", {**TEXT, "images": ["AAAA"]}, 400, "images")
    refused("/api/chat", {**HELLO, "messages": [{"role": "wizard", "content": "x"}]}, 400, "messages[0]")
    refused("/api/chat", {**HELLO, "options": {"temperature": "hot"}}, 400, "temperature")
    refused("/api/chat", {**HELLO, "options": {"mirostat": 1}}, 400, "mirostat")
    refused("/api/chat", {**HELLO, "keep_alive": "soon"}, 400, "duration")
    refused("/api/chat", {**HELLO, "think": 3}, 400, "think")
    refused("/api/chat", {**HELLO, "format": "xml"}, 400, "format")
    refused("/api/generate", {**TEXT, "suffix": "end"}, 400, "suffix")
    refused("/api/generate", {**TEXT, "template": "{{ .Prompt }}"}, 400, "Jinja")
    refused("/api/generate", {**TEXT, "model": "chat", "context": [-1]}, 400, "context")
    refused("/api/embed", {"model": "bert"}, 400, "input")
    refused("/api/nothing", {}, 404, "/api/nothing")
    status, _, body = S.send("POST", "/api/chat", b"{")
    assert status == 400 and list(json.loads(body)) == ["error"]


def refusals(kind, status):
    line = f'hearth_errors_total{{kind="{kind}",status="{status}"}} '
    return sum(int(row[len(line):]) for row in S.send("GET", "/metrics")[2].decode().splitlines() if row.startswith(line))


@test
def a_model_is_pulled_and_served():
    HUB.add_repository("org/small", {"small.gguf": gguf()})
    status, headers, text = S.send("POST", "/api/pull", {"model": "hf.co/org/small"})
    made = [json.loads(line) for line in text.decode().splitlines()]
    assert status == 200 and made[0] == {"status": "pulling manifest"} and made[-1] == {"status": "success"}, made
    assert any(m.get("completed") == m.get("total") for m in made[1:-1]), made
    assert any("org/small" in m["name"] for m in S.get("/api/tags")[1]["models"])
    assert S.good("/api/pull", {"model": "hf.co/org/small", "stream": False}) == {"status": "success"}
    refused("/api/pull", {"model": "hf.co/org/nowhere", "stream": False}, 404, "org/nowhere")
    refused("/api/pull", {"model": "/etc/passwd"}, 400, "path")
    before = refusals("not_found", 404)  # what goes wrong in a stream is counted, too
    status, _, text = S.send("POST", "/api/pull", {"model": "hf.co/org/nowhere"})
    assert status == 200 and "org/nowhere" in json.loads(text.splitlines()[-1])["error"] and refusals("not_found", 404) == before + 1, text


@test
def keys_are_asked_for_in_each_interfaces_way():
    file = os.path.join(PLACE.name, "keys.sqlite")
    any_key, narrow, boss = (good_json("keys", "add", name, "--keys", file, *more)["key"] for name, *more in (
        ("any",), ("narrow", "--model", "b"), ("boss", "--admin")))
    with Server(f"a={OWN}", f"b={OWN}", "--keys", file) as s:
        said = {"model": "a", "max_tokens": 2, "messages": [{"role": "user", "content": "Hi"}]}
        assert s.post("/v1/messages", said, **{"x-api-key": any_key})[0] == 200
        status, made = s.post("/v1/messages", said, **{"x-api-key": "none"})
        assert status == 401 and made["type"] == "error" and made["error"]["type"] == "authentication_error", made
        status, made = s.post("/api/chat", said)
        assert status == 401 and list(made) == ["error"], made
        bearer = lambda key: {"Authorization": f"Bearer {key}"}  # noqa: E731
        chat = {"model": "a", "messages": said["messages"], "stream": False, "options": {"num_predict": 2}}
        assert s.post("/api/chat", chat, **bearer(any_key))[0] == 200 and s.post("/api/chat", chat, **bearer(narrow))[0] in (403, 404)
        assert [m["name"] for m in s.get("/api/tags", **bearer(narrow))[1]["models"]] == ["b"]
        assert "a" not in [m["name"] for m in s.get("/api/ps", **bearer(narrow))[1]["models"]]
        unload = {"model": "a", "keep_alive": 0, "stream": False}
        found = [s.post("/api/generate", unload, **bearer(key)) for key in (any_key, boss)]
        assert [x[0] for x in found] == [403, 200], found
        assert s.post("/api/show", {"name": "a"}, **bearer(narrow))[0] == 403 and s.post("/api/show", {"name": "b"}, **bearer(narrow))[0] == 200
        pull = {"model": "hf.co/org/small", "stream": False}
        HUB.add_repository("org/small", {"small.gguf": gguf()})
        assert s.post("/api/pull", pull, **bearer(any_key))[0] == 403 and s.post("/api/pull", pull, **bearer(boss)) == (200, {"status": "success"})
        s.get("/health")   # the call before is over on the server's side, too


with HUB, S:
    main()
