#!/usr/bin/env python3
"""/openapi.json: what every endpoint answers is valid under it, errors and the parts of streams too, and each request that is sent here. Needs
jsonschema (tests/requirements.txt). Prints TAP."""

import json
import os

from support import BERT, MALFORMED, OWN, ROOT, Server, Skip, folder, main, test, trace_index, write_model

try:
    import jsonschema
    import referencing
except ImportError:
    jsonschema = None

PLACE = folder()
CHAT = write_model(os.path.join(PLACE.name, "scripted"))
BAD = write_model(os.path.join(PLACE.name, "malformed"), MALFORMED)
S = None
CAME = {}  # what came of each response's event
HELLO = [{"role": "user", "content": "Hello"}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Weather.", "parameters": PARAMETERS}}
CHATS = {"model": "chat", "messages": HELLO, "temperature": 0}
MESSAGE = {"model": "chat", "messages": HELLO, "max_tokens": 60}
ATOOL = {"name": "get_weather", "description": "Weather.", "input_schema": PARAMETERS}
RTOOL = {"type": "function", "name": "get_weather", "parameters": PARAMETERS}
SCORES = {"logprobs": True, "top_logprobs": 2}
# Requests of each endpoint; each is also sent streamed where it can be.
REQUESTS = {
    "/v1/chat/completions": [CHATS, {**CHATS, **SCORES, "n": 2, "reasoning_effort": "none"}, {**CHATS, "tools": [TOOL], "tool_choice": "auto"},
                             {**CHATS, "stop": "ve", "stream_options": None}],
    "/v1/completions": [{"model": "own", "prompt": "The ", "max_tokens": 4}, {"model": "own", "prompt": ["A", "B"], "max_tokens": 3, "logprobs": 2, "echo": True}],
    "/v1/embeddings": [{"model": "bert", "input": "one"}, {"model": "bert", "input": ["one", "two"], "encoding_format": "base64"}],
    "/v1/responses": [{"model": "chat", "input": "Hello"}, {"model": "chat", "input": "Hello", "temperature": 0, "tools": [RTOOL]},
                      {"model": "chat", "input": "Hello", "temperature": 0, "max_output_tokens": 3},
                      {"model": "bad", "input": "Hello", "temperature": 0, "tools": [RTOOL]},
                      {"model": "own", "input": "Hello", "max_output_tokens": 4, "include": ["message.output_text.logprobs"], "top_logprobs": 2}],
    "/tokenize": [{"model": "own", "prompt": "one"}, {"model": "own", "content": "one"}],
    "/detokenize": [{"model": "own", "tokens": [40, 41]}],
    "/v1/score": [{"model": "own", "prompt": "The dog"}],
    "/v1/trace": [{"model": "own", "text": " Ann is in the barn."}, {"model": "own", "prompt": "Where is Ann?", "text": "She is not here.", "documents": 1, "context": 4}],
    "/api/chat": [CHATS | {"options": {"seed": 1}}, {**CHATS, **SCORES, "think": False}, {**CHATS, "tools": [TOOL]}, {"model": "chat", "messages": []}],
    "/api/generate": [{"model": "own", "prompt": "The ", "raw": True, "options": {"num_predict": 4}}, {"model": "chat", "prompt": "Hello", "think": False},
                      {"model": "own"}],
    "/api/embed": [{"model": "bert", "input": ["one"]}],
    "/api/embeddings": [{"model": "bert", "prompt": "one"}],
    "/api/show": [{"model": "chat"}, {"model": "bert"}, {"model": "own"}],
    "/api/pull": [],
    "/v1/messages": [MESSAGE, {**MESSAGE, "thinking": {"type": "enabled", "budget_tokens": 1024}}, {**MESSAGE, "tools": [ATOOL], "system": "Short."},
                     {**MESSAGE, "stop_sequences": ["ve"], "max_tokens": 2}],
    "/v1/messages/count_tokens": [{"model": "chat", "messages": HELLO}],
}
GETS = {"/v1/models/{model}": "/v1/models/own", "/api/hearth/models/{model}": "/api/hearth/models/own", "/page/{file}": "/page/base.css"}
FILE = json.load(open(os.path.join(os.path.dirname(ROOT), "src", "serve", "openapi.json"), encoding="utf-8"))

NAMED = json.loads(json.dumps(FILE).replace('"#/components/', '"urn:api#/components/'))   # for schemas that are looked at by themselves


def check(value, schema, what):
    root = referencing.Registry().with_resource("urn:api", referencing.Resource(contents=NAMED, specification=referencing.jsonschema.DRAFT202012))
    try:
        jsonschema.Draft202012Validator(schema, registry=root, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER).validate(value)
    except jsonschema.ValidationError as error:
        raise AssertionError(f"{what}: {error.message} at {list(error.absolute_path)} in {json.dumps(value)[:600]}") from None


def answer(method, path, body=None, address=None):
    """Asks, and holds what comes, in one piece or as a stream, against the description. How many values that were."""
    what = f"{method.upper()} {path} {str(body)[:200]}"
    status, headers, text = S.send(method.upper(), address or path, body)
    responses = NAMED["paths"][path][method]["responses"]
    content = responses[str(status) if str(status) in responses else f"{status // 100}XX"]["content"]
    kind = headers["Content-Type"].split(";")[0]
    assert kind in content, (what, status, kind)
    if kind == "application/json":
        check(json.loads(text), content[kind]["schema"], what)
        return status, 1
    if kind.startswith("text/") and kind != "text/event-stream":
        return status, 1
    lines = text.decode().splitlines()
    values = [line.removeprefix("data: ") for line in lines if line and not line.startswith("event: ")]
    made = [json.loads(v) for v in values if v != "[DONE]"]
    for value in made:
        check(value, content[kind]["x-event-schema"], what)
        if path == "/v1/responses":
            CAME[value["type"]] = value
    return status, len(made)


def needed():
    if jsonschema is None:
        raise Skip("python3 has no jsonschema")


@test
def the_file_is_served_as_it_is():
    assert S.get("/openapi.json") == (200, FILE)
    assert FILE["openapi"] == "3.1.0" and {p for p in FILE["paths"] if "post" in FILE["paths"][p]} == set(REQUESTS)


@test
def what_is_read_is_valid():
    needed()
    for path, methods in FILE["paths"].items():
        if "get" in methods:
            assert answer("get", path, address=GETS.get(path))[0] == 200, path
    assert answer("get", "/v1/models/{model}", address="/v1/models/nobody")[0] == 404


@test
def what_is_asked_and_answered_is_valid():
    needed()
    for path, bodies in REQUESTS.items():
        op = NAMED["paths"][path]["post"]
        schema = op["requestBody"]["content"]["application/json"]["schema"]
        streams = len(op["responses"]["200"]["content"]) > 1
        for body in bodies:
            for more in ({"stream": False}, {"stream": True}) if streams else ({},):
                sent = {**body, **more}
                check(sent, schema, "request of " + path)
                status, count = answer("post", path, sent)
                assert status == 200 and count >= 1, (path, sent, status)
                assert not more.get("stream") or count > 1 or "messages" not in body or not body["messages"], (path, sent)


@test
def each_event_of_a_response_is_described_and_came():
    needed()
    schema = NAMED["components"]["schemas"]["ResponseEvent"]
    described = [t for event in schema["anyOf"] for t in event["properties"]["type"].get("enum", [event["properties"]["type"].get("const")])]
    assert sorted(described) == sorted(CAME), set(described) ^ set(CAME)
    for value in CAME.values():
        for wrong in ({**value, "type": "response.other"}, {**value, "more": 1}, *({k: v for k, v in value.items() if k != left} for left in value)):
            try:
                check(wrong, schema, "")
            except AssertionError:
                continue
            raise AssertionError(f"passes: {wrong}")


@test
def what_is_refused_is_valid():
    needed()
    for path in REQUESTS:
        for body in (b"", b"{", b"[]", {}, {"model": "nobody", "messages": HELLO, "prompt": "x", "input": "x", "tokens": [1], "text": "x", "max_tokens": 1},
                     {"model": 5, "messages": 5, "prompt": 5, "input": 5, "tokens": 5, "text": 5, "name": 5}):
            if (path, body) == ("/api/pull", {"model": "nobody", "messages": HELLO, "prompt": "x", "input": "x", "tokens": [1], "text": "x", "max_tokens": 1}):
                continue  # would go and look for it
            status, _ = answer("post", path, body)
            assert status in (400, 404) or (status == 200 and body == {}), (path, body, status)


with Server(f"chat={CHAT}", f"own={OWN}", f"bert={BERT}", f"bad={BAD}", "--trace", f"own={trace_index(PLACE)}") as S:
    main()
