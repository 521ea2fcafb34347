#!/usr/bin/env python3
"""The server as ollama, anthropic, langchain-openai and litellm see it, where python3 has them (tests/requirements.txt). Prints TAP."""

import asyncio
import importlib
import importlib.metadata
import json
import os

from support import BERT, OWN, Server, Skip, folder, main, test, write_model

os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP="True", LANGCHAIN_TRACING_V2="false", NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")
PLACE = folder()
CHAT = write_model(os.path.join(PLACE.name, "scripted"))
S = None
HELLO = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SMALL = {"type": "object", "properties": {"n": {"enum": [1, 2, 3]}}, "required": ["n"], "additionalProperties": False}


def package(name):
    try:
        made = importlib.import_module(name)
    except ImportError:
        raise Skip(f"python3 has no {name}") from None
    print(f"# {name} {importlib.metadata.version(name.replace('_', '-'))}", flush=True)
    return made


def get_weather(city: str) -> str:
    """Weather.

    Args:
      city: Where.
    """
    return city


# ---- ollama


def ollama():
    made = package("ollama")
    return made, made.Client(host=S.url)


@test
def ollama_chats():
    made, c = ollama()
    whole = c.chat("chat", HELLO, options={"temperature": 0})
    assert whole.message.content == "Four, STOP and go." and whole.message.thinking == "Hm, two and two: STOP?" and whole.done_reason == "stop", whole
    assert whole.eval_count > 0 and whole.total_duration > whole.eval_duration > 0 and whole.created_at
    parts = list(c.chat("chat", HELLO, stream=True, think=True, options=made.Options(temperature=0, seed=3)))
    assert "".join(p.message.content or "" for p in parts) == whole.message.content and parts[-1].done, parts
    assert "".join(p.message.thinking or "" for p in parts) == whole.message.thinking
    assert c.chat("chat", HELLO, think=False).message.content == "Five."


@test
def ollama_calls_tools():
    _, c = ollama()
    asked = c.chat("chat", HELLO, tools=[get_weather], options={"temperature": 0})
    call = asked.message.tool_calls[0].function
    assert (call.name, call.arguments) == ("get_weather", {"city": "Paris"}), asked
    result = {"role": "tool", "content": "21", "tool_name": "get_weather"}
    assert c.chat("chat", [*HELLO, asked.message, result], tools=[get_weather], options={"temperature": 0}).message.content == "It is 21."


@test
def ollama_keeps_to_a_schema():
    _, c = ollama()
    made = c.chat("chat", HELLO, format=SMALL, options={"temperature": 2, "seed": 4})
    assert json.loads(made.message.content)["n"] in (1, 2, 3), made


@test
def ollama_generates_and_embeds():
    made, c = ollama()
    asked = {"options": {"temperature": 1, "seed": 5, "num_predict": 12}, "raw": True}
    whole = c.generate("own", "The ", **asked)
    assert "".join(p.response for p in c.generate("own", "The ", stream=True, **asked)) == whole.response != "", whole
    first = c.generate("chat", "Hello", system="Short.", think=False)
    assert first.response == "Five." and c.generate("chat", "Again", context=first.context, think=False).response == "Five."
    vectors = c.embed("bert", ["one", "two"])
    assert len(vectors.embeddings) == 2 and c.embeddings("bert", "one").embedding == vectors.embeddings[0]


@test
def ollama_lists_and_shows():
    made, c = ollama()
    assert [m.model for m in c.list().models] == ["chat", "own", "bert"]
    shown = c.show("chat")
    assert shown.capabilities == ["completion", "tools", "thinking"] and shown.modelinfo["general.architecture"] == "llama", shown
    assert "chat" in [m.model for m in c.ps().models]
    assert c.generate("own", keep_alive=0).done_reason == "unload"
    try:
        c.chat("nobody", HELLO)
        raise AssertionError("a model that is not there")
    except made.ResponseError as error:
        assert error.status_code == 404 and "nobody" in error.error, error

    async def chat():
        return [p.message.content async for p in await made.AsyncClient(host=S.url).chat("chat", HELLO, stream=True, think=False)]

    assert "".join(asyncio.run(chat())) == "Five."


# ---- anthropic


def anthropic():
    made = package("anthropic")
    return made, made.Anthropic(base_url=S.url, api_key="none", max_retries=0)


TOOL = {"name": "get_weather", "description": "Weather.", "input_schema": SCHEMA}


@test
def anthropic_creates_messages():
    made, c = anthropic()
    asked = {"model": "chat", "max_tokens": 2000, "messages": HELLO, "extra_body": {"temperature": 0}}
    whole = c.messages.create(**asked, system="Be short.", stop_sequences=["ve"])
    assert whole.content[0].text == "Fi" and (whole.stop_reason, whole.stop_sequence) == ("stop_sequence", "ve") and whole.usage.output_tokens, whole
    thinking = c.messages.create(**asked, thinking={"type": "enabled", "budget_tokens": 1024})
    assert [b.type for b in thinking.content] == ["thinking", "text"] and thinking.content[1].text == "Four, STOP and go.", thinking
    count = c.messages.count_tokens(model="chat", messages=HELLO)
    usage = c.messages.create(**asked).usage
    assert count.input_tokens == usage.input_tokens + usage.cache_read_input_tokens > 0
    try:
        c.messages.create(**{**asked, "model": "nobody"})
        raise AssertionError("a model that is not there")
    except made.NotFoundError as error:
        assert error.body["error"]["type"] == "not_found_error", error


@test
def anthropic_streams():
    _, c = anthropic()
    with c.messages.stream(model="chat", max_tokens=2000, messages=HELLO, thinking={"type": "enabled", "budget_tokens": 1024}) as stream:
        text = "".join(stream.text_stream)
        last = stream.get_final_message()
    assert text == "Four, STOP and go." and last.content[0].thinking == "Hm, two and two: STOP?" and last.stop_reason == "end_turn", last
    assert last.usage.output_tokens > 0


@test
def anthropic_calls_tools():
    _, c = anthropic()
    asked = {"model": "chat", "max_tokens": 200, "tools": [TOOL], "extra_body": {"temperature": 0}}
    with c.messages.stream(messages=HELLO, **asked) as stream:
        first = stream.get_final_message()
    call = first.content[-1]
    assert first.stop_reason == "tool_use" and (call.name, call.input) == ("get_weather", {"city": "Paris"}), first
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "21"}
    more = [*HELLO, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    assert c.messages.create(messages=more, **asked).content[0].text == "It is 21."
    one = {**TOOL, "input_schema": {**SCHEMA, "properties": {"city": {"enum": ["Oslo", "Rome"]}}, "additionalProperties": False}}
    forced = c.messages.create(messages=HELLO, tool_choice={"type": "tool", "name": "get_weather"}, **{**asked, "tools": [one], "max_tokens": 2000})
    assert forced.stop_reason == "tool_use" and forced.content[-1].input["city"] in ("Oslo", "Rome"), forced


# ---- langchain


@test
def langchain_chats_streams_and_calls():
    made = package("langchain_openai")
    c = made.ChatOpenAI(base_url=S.url + "/v1", api_key="none", model="chat", temperature=0, max_retries=0)
    whole = c.invoke("Hello")
    assert whole.content == "Four, STOP and go." and whole.usage_metadata["output_tokens"] > 0, whole
    assert "".join(p.content for p in c.stream("Hello")) == whole.content
    assert [m.content for m in c.batch(["Hello", "Hello again"])] == [whole.content] * 2
    tool = {"type": "function", "function": {"name": "get_weather", "description": "Weather.", "parameters": SCHEMA}}
    assert c.bind_tools([tool]).invoke("Hello").tool_calls[0]["args"] == {"city": "Paris"}
    small = {"title": "small", "description": "A number.", **SMALL}
    assert c.with_structured_output(small, method="json_schema", strict=True).invoke("Hello")["n"] in (1, 2, 3)


@test
def langchain_embeds():
    made = package("langchain_openai")
    c = made.OpenAIEmbeddings(base_url=S.url + "/v1", api_key="none", model="bert", check_embedding_ctx_length=False)
    vectors = c.embed_documents(["one", "two"])
    assert len(vectors) == 2 and c.embed_query("one") == vectors[0]


# ---- litellm


@test
def litellm_asks_by_three_interfaces():
    made = package("litellm")
    made.telemetry = False
    ways = {"openai/chat": {"api_base": S.url + "/v1", "api_key": "none"}, "ollama_chat/chat": {"api_base": S.url},
            "anthropic/chat": {"api_base": S.url, "api_key": "none"}}
    for name, where in ways.items():
        whole = made.completion(model=name, messages=HELLO, temperature=0, max_tokens=50, **where)
        text = whole.choices[0].message.content
        assert text in ("Four, STOP and go.", "Five.") and whole.usage.completion_tokens > 0, (name, whole)
        parts = made.completion(model=name, messages=HELLO, temperature=0, max_tokens=50, stream=True, **where)
        assert "".join(p.choices[0].delta.content or "" for p in parts) == text, name
    try:
        made.completion(model="openai/nobody", messages=HELLO, max_retries=0, **ways["openai/chat"])
        raise AssertionError("a model that is not there")
    except made.NotFoundError:
        pass
    vectors = made.embedding(model="openai/bert", input=["one"], encoding_format="float", **ways["openai/chat"])
    assert len(vectors.data[0]["embedding"]) > 0


with Server(f"chat={CHAT}", f"own={OWN}", f"bert={BERT}") as S:
    main()
