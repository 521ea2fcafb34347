#!/usr/bin/env python3
"""The server as its clients' own packages see it, where python3 has them (tests/requirements.txt). Prints TAP."""

import json
import os
import typing

from support import BERT, OWN, Server, Skip, folder, main, test, write_model

try:
    import openai
except ImportError:
    openai = None

PLACE = folder()
S = None
ASK = {"model": "chat", "temperature": 0, "messages": [{"role": "user", "content": "Hello"}]}
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "Weather.",
                                            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}


def client():
    if openai is None:
        raise Skip("python3 has no openai")
    return openai.OpenAI(base_url=S.url + "/v1", api_key="none", max_retries=0)


@test
def openai_lists_models():
    c = client()
    assert [m.id for m in c.models.list()] == ["chat", "own", "bert"]
    assert c.models.retrieve("own").object == "model"
    try:
        c.models.retrieve("nobody")
        raise AssertionError("a model that is not there")
    except openai.NotFoundError as error:
        assert error.code == "model_not_found", error


@test
def openai_chats():
    c = client()
    made = c.chat.completions.create(**ASK)
    assert made.choices[0].message.content == "Four, STOP and go." and made.choices[0].finish_reason == "stop", made
    assert made.choices[0].message.reasoning_content.strip() == "Hm, two and two: STOP?", made
    assert made.usage.completion_tokens_details.reasoning_tokens == 3 and made.system_fingerprint.startswith("hc1-"), made
    streamed = list(c.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True}))
    assert "".join(x.choices[0].delta.content or "" for x in streamed if x.choices) == made.choices[0].message.content
    assert streamed[-1].usage.total_tokens == made.usage.total_tokens and not streamed[-1].choices
    scored = c.chat.completions.create(**ASK, logprobs=True, top_logprobs=2)
    content = scored.choices[0].logprobs.content
    assert "".join(t.token for t in content).strip() == "Four, STOP and go." and len(content[0].top_logprobs) == 2, content


@test
def openai_calls_tools():
    c = client()
    made = c.chat.completions.create(**ASK, tools=[WEATHER])
    call = made.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather" and json.loads(call.function.arguments) == {"city": "Paris"}, made
    with c.chat.completions.stream(**ASK, tools=[WEATHER]) as stream:
        for _ in stream:
            pass
        streamed = stream.get_final_completion()
    other = streamed.choices[0].message.tool_calls[0]
    assert (other.id, other.function.name, other.function.arguments) == (call.id, call.function.name, call.function.arguments), streamed
    after = [*ASK["messages"], made.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "21"}]
    answer = c.chat.completions.create(**{**ASK, "messages": after}, tools=[WEATHER])
    assert answer.choices[0].message.content == "It is 21.", answer


@test
def openai_is_told_what_is_wrong():
    c = client()
    for wrong, kind in (({"temperature": -1}, openai.BadRequestError), ({"model": "nobody"}, openai.NotFoundError)):
        try:
            c.chat.completions.create(**{**ASK, **wrong})
            raise AssertionError(wrong)
        except kind as error:
            assert error.param == next(iter(wrong)) and error.type == "invalid_request_error", error


@test
def openai_parses_what_a_schema_says():
    client()
    import pydantic

    class Person(pydantic.BaseModel):
        name: typing.Literal["Ann", "Bob"]
        happy: bool

    c = client()
    blanks = {c.post("/../tokenize", cast_to=object, body={"model": "own", "prompt": b})["tokens"][0] for b in " \t\r\n"}  # it would write nothing else
    made = c.chat.completions.parse(model="own", messages=[{"role": "user", "content": "Who?"}], response_format=Person, temperature=0,
                                    logit_bias={str(b): -100 for b in blanks})
    assert isinstance(made.choices[0].message.parsed, Person), made


@test
def openai_completes():
    c = client()
    ask = {"model": "own", "prompt": "The fire", "max_tokens": 12, "temperature": 0.9, "seed": 3, "logprobs": 1, "echo": True}
    made = c.completions.create(**ask)
    streamed = "".join(x.choices[0].text for x in c.completions.create(**ask, stream=True))
    assert made.choices[0].text == streamed and streamed.startswith("The fire"), (made, streamed)
    assert made.choices[0].logprobs.token_logprobs[0] is None and made.usage.completion_tokens == 12, made


@test
def openai_embeds():
    """The package asks for base64 and unpacks it where nobody says a format."""
    c = client()
    packed = c.embeddings.create(model="bert", input=["the cat", "a dog"])
    plain = c.embeddings.create(model="bert", input=["the cat", "a dog"], encoding_format="float")
    assert len(packed.data) == 2 and packed.usage.prompt_tokens > 0, packed
    for a, b in zip(packed.data, plain.data):
        assert len(a.embedding) == len(b.embedding) and all(abs(x - y) < 1e-6 for x, y in zip(a.embedding, b.embedding))


@test
def openai_responds():
    c = client()
    made = c.responses.create(model="chat", input="Hello", temperature=0)
    assert made.output_text == "Four, STOP and go." and made.status == "completed", made
    with c.responses.stream(model="chat", input="Hello", temperature=0) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert final.output_text == made.output_text and "response.output_text.delta" in kinds and kinds[-1] == "response.completed", kinds
    tools = [{"type": "function", "strict": False, **WEATHER["function"]}]
    called = c.responses.create(model="chat", input="Hello", temperature=0, tools=tools)
    call = called.output[-1]
    assert call.type == "function_call" and json.loads(call.arguments) == {"city": "Paris"}, called
    with c.responses.stream(model="chat", input="Hello", temperature=0, tools=tools) as stream:
        pieces = [event.delta for event in stream if event.type == "response.function_call_arguments.delta"]
        streamed = stream.get_final_response().output[-1]
    assert len(pieces) > 1 and streamed.arguments == call.arguments == "".join(pieces), (pieces, streamed)
    after = [{"role": "user", "content": "Hello"}, *called.output, {"type": "function_call_output", "call_id": call.call_id, "output": "21"}]
    assert c.responses.create(model="chat", input=after, temperature=0, tools=called.tools).output_text == "It is 21."


if openai is None:
    main()
try:
    with Server(f"chat={write_model(os.path.join(PLACE.name, 'scripted'))}", f"own={OWN}", f"bert={BERT}") as S:
        main()
finally:
    PLACE.cleanup()
