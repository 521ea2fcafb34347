#!/usr/bin/env python3
"""OpenAI's interface by the standard library alone: every endpoint, streamed and not, and what is refused. Prints TAP."""

import base64
import json
import os
import shutil
import struct

from support import BERT, MALFORMED, OWN, Server, Skip, folder, main, test, timeless, write_model
from tap import good_json

PLACE = folder()
CHAT = write_model(os.path.join(PLACE.name, "scripted"))
BAD = write_model(os.path.join(PLACE.name, "malformed"), MALFORMED)
S = Server(f"chat={CHAT}", f"own={OWN}", f"bert={BERT}", f"bad={BAD}", "--max-body", "200000")
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "Weather.",
                                            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
ASK = {"model": "chat", "temperature": 0, "messages": [{"role": "user", "content": "Hello"}]}
TEXT = {"model": "own", "temperature": 1, "top_k": 0, "min_p": 0, "top_p": 1, "max_tokens": 24, "prompt": "The "}


def joined(events, index=0):
    """A streamed chat answer put together again: text, thinking, calls, reason, logprobs."""
    text = thought = ""
    calls, tokens, reason = [], [], None
    for event in events:
        for choice in event["choices"]:
            if choice["index"] == index:
                delta = choice["delta"]
                text += delta.get("content") or ""
                thought += delta.get("reasoning_content") or ""
                for call in delta.get("tool_calls", []):
                    if "id" in call:
                        calls.append({key: value for key, value in call.items() if key != "index"})
                    else:  # a piece of its arguments
                        calls[-1]["function"]["arguments"] += call["function"]["arguments"]
                    assert call["index"] == len(calls) - 1
                tokens += (choice["logprobs"] or {}).get("content", [])
                reason = choice["finish_reason"] or reason
    return text, thought, calls, reason, tokens


def counted(usage):
    """What does not follow from what the cache held, or from what guessing cost."""
    return [usage[key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")] + [usage["completion_tokens_details"]["reasoning_tokens"]]


def same_as_whole(body):
    whole = S.good("/v1/chat/completions", body)
    events = S.events("/v1/chat/completions", {**body, "stream_options": {"include_usage": True}})
    assert events[-1]["choices"] == [] and counted(events[-1]["usage"]) == counted(whole["usage"]), (events[-1], whole["usage"])
    for i, choice in enumerate(whole["choices"]):
        message = choice["message"]
        logprobs = (choice["logprobs"] or {}).get("content", [])
        assert joined(events, i) == (message["content"] or "", message.get("reasoning_content", ""), message.get("tool_calls", []),
                                     choice["finish_reason"], logprobs), (i, events, whole)
    return whole


@test
def models_are_listed_and_shown():
    status, made = S.get("/v1/models")
    assert status == 200 and [m["id"] for m in made["data"]] == ["chat", "own", "bert", "bad"], made
    assert S.get("/v1/models/own")[1]["object"] == "model"
    status, made = S.get("/v1/models/nobody")
    assert status == 404 and made["error"]["code"] == "model_not_found", made


@test
def an_answer_that_ignores_its_end_goes_on_to_its_length():
    """Past the stops that the model brings along, too; not past those of the request."""
    asked = {"model": "own", "temperature": 0, "max_tokens": 150, "messages": [{"role": "user", "content": "Ann sleeps in the barn. Where is Ann?"}]}
    ended, whole = (S.good("/v1/chat/completions", {**asked, "ignore_eos": ignore}) for ignore in (False, True))
    assert ended["choices"][0]["finish_reason"] == "stop" and ended["usage"]["completion_tokens"] < 150, ended
    assert whole["choices"][0]["finish_reason"] == "length" and whole["usage"]["completion_tokens"] == 150, whole
    text = whole["choices"][0]["message"]["content"]
    word = text.split()[-1]
    stopped = S.good("/v1/chat/completions", {**asked, "ignore_eos": True, "stop": word})["choices"][0]
    assert stopped["finish_reason"] == "stop" and stopped["message"]["content"] == text[:text.index(word)], (stopped, text)


@test
def an_answer_has_its_parts_streamed_or_not():
    made = same_as_whole(ASK)
    choice = made["choices"][0]
    assert choice["message"]["content"] == "Four, STOP and go.", made
    assert choice["message"]["reasoning_content"].strip() == "Hm, two and two: STOP?", made
    assert choice["finish_reason"] == "stop" and made["object"] == "chat.completion", made
    usage = made["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"], usage
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 3, usage
    assert made["system_fingerprint"].startswith("hc1-"), made


@test
def stop_texts_end_an_answer_and_not_its_thinking():
    made = same_as_whole({**ASK, "stop": ["STOP", "never"]})
    assert made["choices"][0]["message"]["content"] == "Four, " and made["choices"][0]["finish_reason"] == "stop", made


@test
def thinking_is_switched_off():
    for off in ({"chat_template_kwargs": {"enable_thinking": False}}, {"reasoning_effort": "none"}):
        message = same_as_whole({**ASK, **off})["choices"][0]["message"]
        assert message["content"] == "Five." and "reasoning_content" not in message, message


@test
def lengths_end_an_answer():
    for name in ("max_tokens", "max_completion_tokens"):
        made = same_as_whole({**ASK, name: 3})
        assert made["choices"][0]["finish_reason"] == "length" and made["usage"]["completion_tokens"] == 3, made


@test
def tools_are_called_and_their_results_read():
    made = same_as_whole({**ASK, "tools": [WEATHER]})
    message = made["choices"][0]["message"]
    assert made["choices"][0]["finish_reason"] == "tool_calls" and message["content"] == "I look.", made
    call = message["tool_calls"][0]
    assert call["type"] == "function" and call["function"]["name"] == "get_weather", call
    assert json.loads(call["function"]["arguments"]) == {"city": "Paris"}, call
    after = [*ASK["messages"], message, {"role": "tool", "tool_call_id": call["id"], "content": "21"}]
    answer = S.good("/v1/chat/completions", {**ASK, "tools": [WEATHER], "messages": after})
    assert answer["choices"][0]["message"]["content"] == "It is 21.", answer
    assert same_as_whole({**ASK, "tools": [WEATHER], "tool_choice": "none"})["choices"][0]["message"]["content"].startswith("Four")


@test
def content_may_come_in_parts():
    parts = [{"role": "user", "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]}]
    assert S.good("/v1/chat/completions", {**ASK, "messages": parts})["choices"][0]["message"]["content"].startswith("Four")
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]
    status, made = S.post("/v1/chat/completions", {**ASK, "messages": image})
    assert status == 400 and made["error"]["code"] == "unsupported" and "image_url" in made["error"]["message"], made


@test
def several_answers_and_log_probabilities():
    body = {**ASK, "n": 3, "temperature": 1.5, "top_k": 0, "top_p": 1, "min_p": 0, "seed": 7, "max_tokens": 12, "logprobs": True, "top_logprobs": 3,
            "model": "own", "stop": ["never"]}
    made = same_as_whole(body)
    texts = [c["message"]["content"] for c in made["choices"]]
    assert len(set(texts)) == 3, texts
    alone = S.good("/v1/chat/completions", {**body, "n": 1, "seed": 8})
    assert alone["choices"][0]["message"]["content"] == texts[1], (alone, texts)
    for choice in made["choices"]:
        content = choice["logprobs"]["content"]
        assert bytes(b for t in content for b in t["bytes"]).decode(errors="replace") == choice["message"]["content"], choice
        for t in content:
            top = [x["logprob"] for x in t["top_logprobs"]]
            assert len(top) == 3 and top == sorted(top, reverse=True) and t["logprob"] <= top[0] <= 0, t


@test
def biases_and_penalties_are_heeded():
    ids = S.good("/tokenize", {"model": "chat", "prompt": "</think>"})["tokens"]
    made = S.good("/v1/chat/completions", {**ASK, "logit_bias": {str(ids[0]): -100}, "max_tokens": 30})
    assert not made["choices"][0]["message"]["content"].startswith("Four"), made
    plain = S.good("/v1/completions", TEXT)
    for more in ({"presence_penalty": 2}, {"frequency_penalty": 2}, {"seed": 5}):
        other = S.good("/v1/completions", {**TEXT, **more})
        assert other["choices"][0]["text"] != plain["choices"][0]["text"], more


@test
def completions_are_what_run_continues():
    run = good_json("run", OWN, "--raw", "-p", "The fire", "-n", "16", "-t", "0", "--stop", "never")
    made = S.good("/v1/completions", {"model": "own", "prompt": "The fire", "max_tokens": 16, "temperature": 0, "stop": "never"})
    assert made["choices"][0]["text"] == run["text"] and made["usage"]["prompt_tokens"] == run["tokens"]["prompt"], (made, run)


@test
def completions_of_many_prompts_with_echo_and_scores():
    prompts = ["The fire", "A day"]
    made = S.good("/v1/completions", {**TEXT, "prompt": prompts, "n": 2, "echo": True, "logprobs": 2, "max_tokens": 4})
    assert [c["index"] for c in made["choices"]] == [0, 1, 2, 3], made
    for choice in made["choices"]:
        assert choice["text"].startswith(prompts[choice["index"] // 2]), choice
        lists = choice["logprobs"]
        assert len({len(lists[key]) for key in lists}) == 1 and lists["token_logprobs"][0] is None, lists
        assert "".join(lists["tokens"]) == choice["text"], choice
        assert [choice["text"][o:o + len(t)] for o, t in zip(lists["text_offset"], lists["tokens"])] == lists["tokens"], lists
    ids = S.good("/tokenize", {"model": "own", "prompt": "The fire"})["tokens"]
    one = S.good("/v1/completions", {**TEXT, "prompt": ids, "echo": True, "logprobs": 1, "max_tokens": 0})
    scored = S.good("/v1/score", {"model": "own", "prompt": "The fire"})
    assert one["choices"][0]["logprobs"]["token_logprobs"] == scored["logprobs"] and one["usage"]["completion_tokens"] == 0, (one, scored)
    told = good_json("score", OWN, "--per-token", stdin="The fire")
    assert scored["logprobs"] == [t["log_probability"] for t in told["per_token"]], (scored, told)


@test
def the_context_is_that_which_memory_has():
    long = shutil.copytree(CHAT, os.path.join(PLACE.name, "long"))
    with open(os.path.join(long, "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    positions = config["max_position_embeddings"] = 2**26
    # no memory holds them: a position's keys and values take 8 bytes for each of the model's values, and half of what is free is taken
    if os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2 > 8 * config["hidden_size"] * positions:
        raise Skip("this machine has memory for every context")
    with open(os.path.join(long, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f)
    with Server(f"long={long}", "--cache", "f32") as s:
        told = s.good("/tokenize", {"model": "long", "prompt": "Hello"})["max_model_len"]
        assert 0 < told < positions and told % 64 == 0, told
        assert s.good("/v1/chat/completions", {**ASK, "model": "long"})["choices"][0]["finish_reason"] == "stop"


@test
def streamed_completions_are_the_same():
    body = {**TEXT, "logprobs": 1, "echo": True, "n": 2}
    whole = S.good("/v1/completions", body)
    events = S.events("/v1/completions", body)
    for choice in whole["choices"]:
        mine = [c for e in events for c in e["choices"] if c["index"] == choice["index"]]
        assert "".join(c["text"] for c in mine) == choice["text"], (mine, choice)
        for key in choice["logprobs"]:
            assert [x for c in mine for x in (c["logprobs"] or {key: []})[key]] == choice["logprobs"][key], key


SCHEMA = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer", "minimum": 0, "maximum": 99}},
          "required": ["name", "age"], "additionalProperties": False}


def without_blanks(model):
    """These models would rather write blanks than anything else that JSON allows: forbidden, they get on."""
    blanks = {S.good("/tokenize", {"model": model, "prompt": c, "add_special_tokens": False})["tokens"][0] for c in (" ", "\t", "\n", "\r")}
    return {"logit_bias": {str(token): -100 for token in blanks}, "max_tokens": 200}


def fits_schema(text):
    made = json.loads(text)
    assert set(made) == {"name", "age"} and isinstance(made["name"], str) and len(made["name"]) <= 8 and 0 <= made["age"] <= 99, made


@test
def answers_have_the_form_that_is_asked_for():
    """At any temperature; the scripted model would rather say something else, and think before it."""
    formats = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": SCHEMA}}
    for model, more in (("chat", {}), ("own", {"temperature": 2, "top_k": 0, "top_p": 1, "min_p": 0, "seed": 3})):
        body = {**ASK, **more, "model": model, "response_format": formats, **without_blanks(model)}
        message = same_as_whole(body)["choices"][0]
        assert message["finish_reason"] == "stop", message
        assert message["message"].get("reasoning_content") == ("Hm, two and two: STOP?" if model == "chat" else None), message
        fits_schema(message["message"]["content"])
    for off in ({"chat_template_kwargs": {"enable_thinking": False}}, {"reasoning_effort": "none"}):
        message = S.good("/v1/chat/completions", {**ASK, **off, "response_format": formats, **without_blanks("chat")})["choices"][0]["message"]
        assert "reasoning_content" not in message, message
        fits_schema(message["content"])
    made = same_response({"model": "own", "input": "Hello", "text": {"format": {"type": "json_schema", "name": "flag", "schema": {"enum": ["on", "off"]}}}})
    assert made["output"][0]["content"][0]["text"] in ('"on"', '"off"'), made
    free = S.good("/v1/completions", {**TEXT, "response_format": {"type": "json_object"}, "max_tokens": 120, "temperature": 0})
    assert free["choices"][0]["finish_reason"] == "length" or isinstance(json.loads(free["choices"][0]["text"]), dict), free
    rhyme = S.good("/v1/completions", {**TEXT, "grammar": "root ::= (\"yes\" | \"no\") \"!\"", "n": 8})
    assert {c["text"] for c in rhyme["choices"]} <= {"yes!", "no!"}, rhyme


@test
def forms_that_cannot_be_enforced_are_refused():
    table = [({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
             ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "invalid_type"),
             ({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "nothing"}}}},
              "response_format.json_schema.schema", "invalid_schema"),
             ({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "array", "uniqueItems": True}}}},
              "response_format.json_schema.schema", "invalid_schema"),
             ({"grammar": "root ::= ("}, "grammar", "invalid_schema"),
             ({"grammar": "root ::= \"a\"", "response_format": {"type": "json_object"}}, "grammar", "invalid_value")]
    for more, param, code in table:
        status, made = S.post("/v1/chat/completions", {**ASK, **more})
        assert (status, made["error"]["param"], made["error"]["code"]) == (400, param, code), (more, status, made)


@test
def calls_can_be_required_and_named():
    clock = {"type": "function", "function": {"name": "clock", "parameters": {"$ref": "#/$defs/zone", "$defs": {"zone": {
        "type": "object", "properties": {"zone": {"enum": ["UTC", "CET"]}}, "required": ["zone"], "additionalProperties": False}}}}}
    weather = {"type": "function", "function": {"name": "get_weather", "parameters": {
        "type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}}, "required": ["city"], "additionalProperties": False}}}
    for choice, names in (("required", {"clock", "get_weather"}), ({"type": "function", "function": {"name": "clock"}}, {"clock"})):
        made = same_as_whole({**ASK, "tools": [weather, clock], "tool_choice": choice, **without_blanks("chat")})["choices"][0]
        call = made["message"]["tool_calls"][0]["function"]
        assert made["finish_reason"] == "tool_calls" and made["message"]["content"] is None and call["name"] in names, made
        arguments = json.loads(call["arguments"])
        assert arguments in ([{"zone": "UTC"}, {"zone": "CET"}] if call["name"] == "clock" else [{"city": "Paris"}, {"city": "Rome"}]), made
    events = S.events("/v1/chat/completions", {**ASK, "tools": [clock], "tool_choice": "required", **without_blanks("chat")})
    deltas = [c for e in events for choice in e["choices"] for c in choice["delta"].get("tool_calls", [])]
    assert deltas[0]["function"] == {"name": "clock", "arguments": ""} and deltas[0]["id"] and len(deltas) > 4, deltas
    assert all("id" not in d and d["index"] == 0 for d in deltas[1:]), deltas
    assert "".join(d["function"]["arguments"] for d in deltas) in ('{"zone":"UTC"}', '{"zone":"CET"}'), deltas
    status, made = S.post("/v1/chat/completions", {**ASK, "model": "own", "tools": [clock], "tool_choice": "required"})
    assert status == 400 and made["error"]["param"] == "tools" and made["error"]["code"] == "unsupported", made


def response_events(body):
    """The events of a streamed response, after a look at their numbers and names."""
    status, headers, text = S.send("POST", "/v1/responses", {**body, "stream": True})
    assert status == 200 and headers["Content-Type"].startswith("text/event-stream"), (status, text)
    blocks = [block.split("\ndata: ", 1) for block in text.decode().split("\n\n") if block]
    events = [json.loads(data) for _, data in blocks]
    assert [name for name, _ in blocks] == ["event: " + e["type"] for e in events], blocks
    assert [e["sequence_number"] for e in events] == list(range(len(events))), events
    assert [e["type"] for e in events[:2]] == ["response.created", "response.in_progress"], events
    return events


def same_response(body):
    """The answer in one piece, after a look whether its events tell the same."""
    whole = S.good("/v1/responses", body)
    events = response_events(body)
    last = events[-1]
    assert last["type"] == "response." + whole["status"], last
    bare = lambda items: [{k: v for k, v in item.items() if k != "id"} for item in items]  # noqa: E731
    assert bare(last["response"]["output"]) == bare(whole["output"]), (last, whole)
    assert [e["item"] for e in events if e["type"] == "response.output_item.done"] == last["response"]["output"]
    for index, item in enumerate(last["response"]["output"]):
        mine = [e for e in events if e.get("output_index") == index]
        assert mine[0]["type"] == "response.output_item.added" and mine[-1]["type"] == "response.output_item.done", mine
        assert {e.get("item_id", item["id"]) for e in mine} == {item["id"]}, mine
        grown = "".join(e["delta"] for e in mine if e["type"].endswith(".delta"))
        assert grown == (item["arguments"] if item["type"] == "function_call" else item["content"][0]["text"]), (grown, item)
    return whole


@test
def responses_have_their_items():
    made = same_response({"model": "chat", "temperature": 0, "instructions": "Be kind.", "input": "Hello"})
    assert made["status"] == "completed" and made["error"] is None and made["instructions"] == "Be kind.", made
    thought, message = made["output"]
    assert thought["type"] == "reasoning" and thought["content"][0]["text"].strip() == "Hm, two and two: STOP?", made
    assert message["content"][0]["text"] == "Four, STOP and go." and message["status"] == "completed", made
    assert made["usage"]["total_tokens"] == made["usage"]["input_tokens"] + made["usage"]["output_tokens"], made
    cut = same_response({"model": "chat", "temperature": 0, "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}],
                         "max_output_tokens": 6})
    assert cut["status"] == "incomplete" and cut["incomplete_details"] == {"reason": "max_output_tokens"}, cut
    lean = same_response({"model": "own", "input": "The fire", "temperature": 0, "max_output_tokens": 5, "top_logprobs": 2,
                          "include": ["message.output_text.logprobs"]})
    part = lean["output"][0]["content"][0]
    assert "".join(t["token"] for t in part["logprobs"]) == part["text"] and len(part["logprobs"][0]["top_logprobs"]) == 2, lean


@test
def responses_call_tools_and_read_their_results():
    tool = {"type": "function", **WEATHER["function"]}
    body = {"model": "chat", "temperature": 0, "tools": [tool], "input": [{"role": "user", "content": "Hello"}]}
    made = same_response(body)
    call = made["output"][-1]
    assert call["type"] == "function_call" and call["name"] == "get_weather" and json.loads(call["arguments"]) == {"city": "Paris"}, made
    pieces = [e["delta"] for e in response_events(body) if e["type"] == "response.function_call_arguments.delta"]
    assert len(pieces) == 3, pieces  # they come as they are written
    after = [*body["input"], *made["output"], {"type": "function_call_output", "call_id": call["call_id"], "output": "21"}]
    assert same_response({**body, "input": after})["output"][-1]["content"][0]["text"] == "It is 21."


@test
def a_call_that_was_streamed_ends_as_what_it_is():
    """Whole, cut by the length, or malformed; what the length cuts behind a whole one changes nothing about it."""
    body = {"model": "chat", "temperature": 0, "tools": [{"type": "function", **WEATHER["function"]}], "input": "Hello"}
    for most, status in ((7, "completed"), (6, "completed"), (5, "incomplete")):
        last = response_events({**body, "max_output_tokens": most})[-1]
        assert last["type"] == "response.incomplete", last
        assert last["response"]["output"][-1]["type"] == "function_call" and last["response"]["output"][-1]["status"] == status, (most, last)
    *_, item, last = response_events({**body, "model": "bad"})
    assert item["type"] == "response.output_item.done" and item["item"]["status"] == "incomplete", item
    assert item["item"]["arguments"] == '{"city":"Paris"oops}', item
    assert last["type"] == "response.failed" and last["response"]["status"] == "failed" and last["response"]["output"][-1] == item["item"], last
    assert "not valid JSON" in last["response"]["error"]["message"] and last["response"]["error"]["code"] == "server_error", last
    whole = S.good("/v1/responses", {**body, "model": "bad"})
    assert [i["type"] for i in whole["output"]] == ["message"] and "oops" in whole["output"][0]["content"][0]["text"], whole
    calls, reason = joined(S.events("/v1/chat/completions", {**ASK, "model": "bad", "tools": [WEATHER]}))[2:4]
    assert calls[0]["function"]["arguments"] == '{"city":"Paris"oops}' and reason == "tool_calls", calls


@test
def a_call_without_marks_that_turns_out_malformed_is_none():
    """Llama's: an answer that begins with {."""
    path = os.path.join(PLACE.name, "unmarked")
    chain = ["<|offered|>", "{\"name\": \"get_weather\", ", "\"parameters\": {\"city\":", " \"Paris\"", " oops }}\n", "<|im_end|>"]
    template = "{%- if tools %}{# \"parameters\": dictionary of argument name #}{{ tools | tojson }}{% endif -%}<|offered|>"
    with Server("unmarked=" + write_model(path, [chain], template)) as s:
        body = {"temperature": 0, "tools": [{"type": "function", **WEATHER["function"]}], "input": "Hello", "stream": True}
        text = s.send("POST", "/v1/responses", body)[2].decode()
        assert "function_call_arguments.delta" in text, text
        last = json.loads(text.rstrip().rpartition("\ndata: ")[2])
        assert last["type"] == "response.failed" and last["response"]["output"][0]["status"] == "incomplete", last


@test
def responses_refuse_by_name():
    table = [({}, "input", "missing_required_parameter"), ({"input": 3}, "input", "invalid_type"), ({"input": [3]}, "input[0]", "invalid_type"),
             ({"input": [{"type": "web_search_call"}]}, "input[0]", "unsupported"), ({"input": "a", "previous_response_id": "x"}, "previous_response_id", "unsupported"),
             ({"input": "a", "background": True}, "background", "unsupported"), ({"input": "a", "tools": [{"type": "web_search"}]}, "tools[0].type", "invalid_value"),
             ({"input": "a", "max_output_tokens": 0}, "max_output_tokens", "invalid_value"),
             ({"input": [{"role": "king", "content": "a"}]}, "input[0].role", "invalid_value"),
             ({"input": "a", "text": {"format": {"type": "xml"}}}, "text.format.type", "invalid_value")]
    for body, param, code in table:
        status, made = S.post("/v1/responses", {"model": "chat", **body})
        assert (status, made["error"]["param"], made["error"]["code"]) == (400, param, code), (body, status, made)


@test
def vectors_are_those_of_embed():
    texts = ["the cat", "a dog"]
    made = S.good("/v1/embeddings", {"model": "bert", "input": texts})
    told = good_json("embed", BERT, stdin="\n".join(texts) + "\n")
    mine = [row["embedding"] for row in made["data"]]
    theirs = told["embeddings"]
    assert [[struct.pack("<f", x) for x in v] for v in mine] == [[struct.pack("<f", x) for x in v] for v in theirs], (mine[0][:4], told)
    packed = S.good("/v1/embeddings", {"model": "bert", "input": texts[0], "encoding_format": "base64"})["data"][0]["embedding"]
    assert base64.b64decode(packed) == struct.pack(f"<{len(mine[0])}f", *mine[0])
    short = S.good("/v1/embeddings", {"model": "bert", "input": texts[0], "dimensions": 8})["data"][0]["embedding"]
    assert len(short) == 8, short


@test
def vectors_of_tokens_are_those_of_their_text():
    """A text of zero bytes, too."""
    for text in ("The fire", 50 * "\0" + "ab"):
        ids = S.good("/tokenize", {"model": "own", "prompt": text, "add_special": False})["tokens"]
        rows = S.good("/v1/embeddings", {"model": "own", "input": [ids]})["data"] + S.good("/v1/embeddings", {"model": "own", "input": text})["data"]
        assert rows[0] == rows[1], (text, ids, rows[0]["embedding"][:3], rows[1]["embedding"][:3])


@test
def tokens_go_and_come():
    ids = S.good("/tokenize", {"model": "own", "prompt": "The fire"})["tokens"]
    assert S.good("/detokenize", {"model": "own", "tokens": ids})["prompt"] == "The fire"


@test
def what_is_wrong_is_refused_by_name():
    chat, text, vectors = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
    table = [
        (chat, {"messages": 3}, 400, "messages", "invalid_type"),
        (chat, {"messages": []}, 400, "messages", "invalid_value"),
        (chat, {}, 400, "messages", "missing_required_parameter"),
        (chat, {"messages": [3]}, 400, "messages[0]", "invalid_type"),
        (chat, {"messages": [{"role": "king", "content": ""}]}, 400, "messages[0].role", "invalid_value"),
        (chat, {"messages": [{"role": "user", "content": 3}]}, 400, "messages[0].content", "invalid_type"),
        (chat, {"messages": [{"role": "tool", "content": "x"}]}, 400, "messages[0]", "invalid_type"),
        (chat, {**ASK, "model": "nobody"}, 404, "model", "model_not_found"),
        (chat, {**ASK, "model": 5}, 400, "model", "invalid_type"),
        (chat, {**ASK, "model": "bert"}, 400, "model", "unsupported"),
        (chat, {**ASK, "temperature": "hot"}, 400, "temperature", "invalid_type"),
        (chat, {**ASK, "temperature": -1}, 400, "temperature", "invalid_value"),
        (chat, {**ASK, "top_p": 1.5}, 400, "top_p", "invalid_value"),
        (chat, {**ASK, "n": 0}, 400, "n", "invalid_value"),
        (chat, {**ASK, "n": 1.5}, 400, "n", "invalid_type"),
        (chat, {**ASK, "max_tokens": 0}, 400, "max_tokens", "invalid_value"),
        (chat, {**ASK, "seed": -4}, 400, "seed", "invalid_value"),
        (chat, {**ASK, "seed": 2**63 - 1}, 400, "seed", "invalid_value"),
        (chat, {**ASK, "seed": 9223372036854775808.0}, 400, "seed", "invalid_value"),
        (chat, {**ASK, "stop": "x" * 1001}, 400, "stop", "invalid_value"),
        (chat, {**ASK, "stop": "\0x"}, 400, "stop", "invalid_value"),
        (chat, {**ASK, "logit_bias": {"01": 1}}, 400, "logit_bias", "invalid_value"),
        (chat, {**ASK, "logit_bias": {str(i): 1 for i in range(1025)}}, 400, "logit_bias", "invalid_value"),
        (chat, {**ASK, "tools": [WEATHER], "tool_choice": "required", "response_format": {"type": "json_object"}}, 400, "tool_choice", "invalid_value"),
        (chat, {**ASK, "stop": [""]}, 400, "stop", "invalid_type"),
        (chat, {**ASK, "stop": {"a": 1}}, 400, "stop", "invalid_type"),
        (chat, {**ASK, "stream": "yes"}, 400, "stream", "invalid_type"),
        (chat, {**ASK, "stream_options": {}}, 400, "stream_options", "invalid_value"),
        (chat, {**ASK, "top_logprobs": 2}, 400, "top_logprobs", "invalid_value"),
        (chat, {**ASK, "logprobs": True, "top_logprobs": 21}, 400, "top_logprobs", "invalid_value"),
        (chat, {**ASK, "logit_bias": {"a": 1}}, 400, "logit_bias", "invalid_value"),
        (chat, {**ASK, "logit_bias": {"1": 500}}, 400, "logit_bias", "invalid_value"),
        (chat, {**ASK, "tools": {}}, 400, "tools", "invalid_type"),
        (chat, {**ASK, "tools": [{"type": "web"}]}, 400, "tools[0].type", "invalid_value"),
        (chat, {**ASK, "tools": [{"type": "function", "function": {}}]}, 400, "tools[0].function.name", "invalid_type"),
        (chat, {**ASK, "tool_choice": "required"}, 400, "tool_choice", "invalid_value"),
        (chat, {**ASK, "tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}}, 400, "tool_choice", "invalid_value"),
        (chat, {**ASK, "model": "own", "messages": [{"role": "user", "content": "fire " * 400}]}, 400, "messages", "context_length_exceeded"),
        (text, {"model": "own"}, 400, "prompt", "missing_required_parameter"),
        (text, {**TEXT, "prompt": ""}, 400, "prompt", "invalid_value"),
        (text, {**TEXT, "prompt": {"a": 1}}, 400, "prompt", "invalid_type"),
        (text, {**TEXT, "prompt": [1, 1 << 40]}, 400, "prompt", "invalid_value"),
        (text, {**TEXT, "suffix": "end"}, 400, "suffix", "unsupported"),
        (text, {**TEXT, "best_of": 3}, 400, "best_of", "unsupported"),
        (text, {**TEXT, "max_tokens": 0}, 400, "max_tokens", "invalid_value"),
        (vectors, {"model": "bert"}, 400, "input", "missing_required_parameter"),
        (vectors, {"model": "bert", "input": ""}, 400, "input", "invalid_value"),
        (vectors, {"model": "bert", "input": "a", "dimensions": 100000}, 400, "dimensions", "invalid_value"),
        (vectors, {"model": "bert", "input": "a", "encoding_format": "hex"}, 400, "encoding_format", "invalid_value"),
        ("/tokenize", {"model": "own"}, 400, "prompt", "missing_required_parameter"),
        ("/detokenize", {"model": "own", "tokens": ["a"]}, 400, "tokens", "invalid_value"),
        ("/v1/score", {"model": "bert", "prompt": "a b"}, 400, "model", "unsupported"),
    ]
    for path, body, wanted, param, code in table:
        status, made = S.post(path, body)
        error = made.get("error", {})
        assert (status, error.get("param"), error.get("code")) == (wanted, param, code), (path, body, status, made)
        assert error["message"] and error["type"] == "invalid_request_error", made
        if "stream" not in body and "stream_options" not in body:
            status, made = S.post(path, {**body, "stream": True})
            assert status == wanted, (path, body, status)


@test
def unknown_fields_and_nulls_are_nobodys_business():
    more = {"user": "me", "metadata": {}, "store": True, "temperature": None, "stop": None, "tools": None, "tool_choice": None, "n": None}
    plain = S.good("/v1/completions", TEXT)
    assert timeless(S.good("/v1/completions", {**TEXT, "user": "me", "whatever": [1]}))["choices"] == plain["choices"]
    assert S.post("/v1/chat/completions", {**ASK, **more, "max_tokens": 2})[0] == 200


@test
def bodies_that_are_no_json_are_refused():
    for body in (b"", b"{", b"[]", b"{\"a\":1}x", b"\xff\xfe", b"{\"a\":1,\"a\":2}", b"[" * 100000):
        status, _, text = S.send("POST", "/v1/chat/completions", body)
        made = json.loads(text)
        assert status == 400 and made["error"]["code"] == "invalid_json", (body[:10], status, made)
    status, _, text = S.send("POST", "/v1/chat/completions", b" " * 300000)
    assert status == 413 and json.loads(text)["error"]["code"] == "request_too_large", (status, text)


try:
    with S:
        main()
finally:
    PLACE.cleanup()
