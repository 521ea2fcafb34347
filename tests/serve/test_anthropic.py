#!/usr/bin/env python3
"""Anthropic's interface by the standard library alone: messages in one piece and as events, tools, what is refused. Prints TAP."""

import json
import os

from support import MALFORMED, OWN, Server, folder, main, test, write_model

PLACE = folder()
CHAT = write_model(os.path.join(PLACE.name, "scripted"))
BAD = write_model(os.path.join(PLACE.name, "malformed"), MALFORMED)
S = Server(f"chat={CHAT}", f"own={OWN}", f"bad={BAD}")
TOOLS = [{"name": "get_weather", "description": "Weather.", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]
HELLO = {"model": "chat", "max_tokens": 100, "temperature": 0, "messages": [{"role": "user", "content": "Hello"}]}
THINK = {**HELLO, "thinking": {"type": "enabled", "budget_tokens": 1024}}


def events(body):
    """Each event by its name; names and types agree."""
    status, headers, text = S.send("POST", "/v1/messages", {**body, "stream": True})
    assert status == 200 and headers["Content-Type"].startswith("text/event-stream"), (status, headers, text)
    made = []
    for part in text.decode().split("\n\n")[:-1]:
        name, data = part.split("\n")
        made.append(json.loads(data.removeprefix("data: ")))
        assert name == "event: " + made[-1]["type"], part
    return made


def joined(made):
    """The message that the events say."""
    assert [e["type"] for e in made[:2]] == ["message_start", "ping"] and [e["type"] for e in made[-2:]] == ["message_delta", "message_stop"], made
    message, blocks = made[0]["message"], []
    open_block = None
    for e in made[2:-2]:
        if e["type"] == "content_block_start":
            assert open_block is None and e["index"] == len(blocks)
            open_block = dict(e["content_block"])
            text = ""
        elif e["type"] == "content_block_delta":
            delta = e["delta"]
            assert e["index"] == len(blocks)
            if delta["type"] == "text_delta":
                open_block["text"] += delta["text"]
            elif delta["type"] == "thinking_delta":
                open_block["thinking"] += delta["thinking"]
            elif delta["type"] == "input_json_delta":
                text += delta["partial_json"]
            else:
                assert delta["type"] == "signature_delta", delta
        else:
            assert e["type"] == "content_block_stop" and e["index"] == len(blocks), e
            if text:
                open_block["input"] = json.loads(text)
            blocks.append(open_block)
            open_block = None
    assert open_block is None
    return {**message, **made[-2]["delta"], "content": blocks, "usage": made[-2]["usage"]}


def same_as_whole(body):
    whole = S.good("/v1/messages", body)
    made = joined(events(body))
    kept = lambda m: {**m, "id": "", "usage": {"in": sum(m["usage"][k] for k in m["usage"] if "input" in k), "out": m["usage"]["output_tokens"]}}  # noqa: E731
    assert kept(made) == kept(whole), (made, whole)
    assert whole["id"].startswith("msg_") and whole["type"] == "message" and whole["role"] == "assistant" and whole["model"] == "chat"
    return whole


def refused(body, status, kind, *words, path="/v1/messages"):
    found, made = S.post(path, body)
    assert found == status and made["type"] == "error" and made["error"]["type"] == kind, (found, made)
    for word in words:
        assert word in made["error"]["message"], (word, made)


@test
def a_message_is_the_same_as_its_events():
    whole = same_as_whole(HELLO)
    assert whole["content"] == [{"type": "text", "text": "Five."}] and whole["stop_reason"] == "end_turn" and whole["stop_sequence"] is None, whole
    whole = same_as_whole(THINK)
    assert [b["type"] for b in whole["content"]] == ["thinking", "text"] and "Hm, two and two" in whole["content"][0]["thinking"], whole
    assert whole["content"][1]["text"] == "Four, STOP and go.", whole


@test
def tools_are_called_and_answered():
    asked = {**HELLO, "tools": TOOLS, "tool_choice": {"type": "auto"}}
    whole = same_as_whole(asked)
    call = whole["content"][-1]
    assert whole["stop_reason"] == "tool_use" and (call["name"], call["input"]) == ("get_weather", {"city": "Paris"}), whole
    pieces = [e["delta"]["partial_json"] for e in events(asked) if e.get("delta", {}).get("type") == "input_json_delta"]
    assert len(pieces) == 3 and "".join(pieces) == '{"city":"Paris"}', pieces  # they come as they are written
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": "21 degrees"}]}
    more = [*HELLO["messages"], {"role": "assistant", "content": whole["content"]}, {"role": "user", "content": [result]}]
    made = same_as_whole({**asked, "messages": more})
    assert made["content"] == [{"type": "text", "text": "It is 21."}] and made["stop_reason"] == "end_turn", made
    refused({**asked, "messages": [*more[:1], *more[2:]]}, 400, "invalid_request_error", "tool_use_id")
    assert same_as_whole({**asked, "tool_choice": {"type": "none"}})["content"][0]["text"] == "Five."


@test
def a_call_that_turns_out_malformed_is_no_input():
    """Its block never closes: the stream ends with an error. The length behind a whole call leaves that whole, too."""
    asked = {**HELLO, "tools": TOOLS, "tool_choice": {"type": "auto"}}
    made = events({**asked, "model": "bad"})
    assert made[-1]["type"] == "error" and made[-1]["error"]["type"] == "api_error" and "not valid JSON" in made[-1]["error"]["message"], made
    assert made[-2]["delta"]["type"] == "input_json_delta" and "message_delta" not in [e["type"] for e in made], made
    cut = joined(events({**asked, "max_tokens": 7}))
    assert cut["content"][-1]["input"] == {"city": "Paris"} and cut["stop_reason"] == "max_tokens", cut


@test
def stops_and_lengths():
    whole = same_as_whole({**HELLO, "stop_sequences": ["zzz", "ve"]})
    assert (whole["stop_reason"], whole["stop_sequence"], whole["content"][0]["text"]) == ("stop_sequence", "ve", "Fi"), whole
    own = S.good("/v1/messages", {"model": "own", "max_tokens": 40, "messages": [{"role": "user", "content": "Ann sleeps in the barn. Where is Ann?"}]})
    assert (own["stop_reason"], own["stop_sequence"]) == ("end_turn", None), own  # its line's end, for which nobody asked
    whole = same_as_whole({**THINK, "max_tokens": 2})
    assert whole["stop_reason"] == "max_tokens" and whole["usage"]["output_tokens"] == 2, whole


@test
def prompts_are_those_of_the_other_interfaces():
    body = {**HELLO, "system": [{"type": "text", "text": "Be"}, {"type": "text", "text": "short.", "cache_control": {"type": "ephemeral"}}]}
    other = S.good("/v1/chat/completions", {"model": "chat", "temperature": 0, "reasoning_effort": "none", "messages": [
        {"role": "system", "content": "Be\nshort."}, {"role": "user", "content": "Hello"}]})
    usage = S.good("/v1/messages", body)["usage"]
    tokens = other["usage"]["prompt_tokens"]
    assert usage["input_tokens"] + usage["cache_read_input_tokens"] == tokens, (usage, other)
    assert S.good("/v1/messages/count_tokens", {k: body[k] for k in ("model", "messages", "system")}) == {"input_tokens": tokens}
    assert S.good("/v1/messages/count_tokens", {**body, "system": "Be\nshort."}) == {"input_tokens": tokens}
    assert events(body)[0]["message"]["usage"]["input_tokens"] == tokens
    assert S.good("/v1/messages/count_tokens", {**body, "tools": TOOLS})["input_tokens"] > tokens


@test
def what_is_wrong_is_told_in_anthropics_shape():
    bad = "invalid_request_error"
    refused({**HELLO, "model": "nobody"}, 404, "not_found_error", "nobody")
    refused({k: HELLO[k] for k in ("model", "messages")}, 400, bad, "max_tokens: Field required")
    refused({"model": "chat", "max_tokens": 1}, 400, bad, "messages: Field required")
    refused({"model": "chat", "max_tokens": 1}, 400, bad, "messages: Field required", path="/v1/messages/count_tokens")
    refused({**HELLO, "messages": []}, 400, bad, "messages")
    refused({**HELLO, "messages": [{"role": "system", "content": "x"}]}, 400, bad, "messages.0.role")
    refused({**HELLO, "messages": [{"role": "user", "content": 5}]}, 400, bad, "messages.0.content")
    refused({**HELLO, "messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}, 400, bad, "image")
    refused({**HELLO, "messages": [*HELLO["messages"], {"role": "assistant", "content": "So"}]}, 400, bad, "last")
    refused({**HELLO, "temperature": 2}, 400, bad, "temperature")
    refused({**HELLO, "tools": [{"type": "web_search_20250305", "name": "web_search"}]}, 400, bad, "web_search")
    refused({**HELLO, "tools": TOOLS, "tool_choice": {"type": "tool", "name": "other"}}, 400, bad, "other")
    refused({**HELLO, "mcp_servers": [{"type": "url"}]}, 400, bad, "mcp_servers")
    refused({**HELLO, "thinking": {"type": "maybe"}}, 400, bad, "thinking")
    refused({**HELLO, "system": [{"type": "image"}]}, 400, bad, "system")
    status, _, body = S.send("POST", "/v1/messages", b"{")
    assert status == 400 and json.loads(body)["error"]["type"] == bad, body
    status, made = S.get("/v1/messages")
    assert status == 405 and made["type"] == "error", made


with S:
    main()
