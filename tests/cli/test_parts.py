#!/usr/bin/env python3
"""Thinking and tool calls in `hearth run`, with a model that follows a script. Prints TAP."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pty_run import Session, output  # noqa: E402
from scripted_model import TEMPLATE, write_model  # noqa: E402
from tap import HEARTH, folder, good, good_json, hearth, main, one_line, test  # noqa: E402

TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "The weather. <|im_end|>", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}}}}]
CALL = {"id": "call00000", "name": "get_weather", "arguments": {"city": "Paris"}}


def tools_in(place, value=TOOLS):
    path = os.path.join(place, "tools.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)
    return path


def run(model, *options, prompt="Two and two?"):
    return "run", model, "-p", prompt, "--temperature", "0", *options


@test
def thinking_is_no_part_of_the_answer():
    with folder() as place:
        model = write_model(os.path.join(place, "m"))
        ended = good(*run(model))
        assert ended.out == "Four, STOP and go.\n", ended
        assert ended.err == "[thought: 3 tokens]\n", ended
        assert good(*run(model, "-q")).err == ""
        assert good(*run(model, "--think", "hide")).out == ended.out
        shown = good(*run(model, "--think", "show"))
        assert shown.out == "[thinking]\nHm, two and two: STOP?\n[/thinking]\n\nFour, STOP and go.\n", shown
        assert shown.err == "", shown


@test
def stop_strings_are_not_looked_for_in_thinking():
    with folder() as place:
        made = good_json(*run(write_model(os.path.join(place, "m")), "--stop", "STOP"))
        assert made["text"] == "Four, " and made["finish"] == "stop" and made["stop"] == "STOP", made
        assert made["reasoning"] == "Hm, two and two: STOP?" and made["thinking_tokens"] == 3, made
        assert made["cut_thinking"] is False and made["tool_calls"] == [], made


@test
def off_passes_the_templates_switch_or_says_that_there_is_none():
    with folder() as place:
        off = good(*run(write_model(os.path.join(place, "m")), "--think", "off"))
        assert off.out == "Five.\n" and off.err == "", off
        plain = write_model(os.path.join(place, "plain"), template=TEMPLATE.replace("enable_thinking", "other"))
        said = good(*run(plain, "--think", "off"))
        assert said.out == "Four, STOP and go.\n", said
        assert "has no switch for thinking" in said.err.splitlines()[0], said
        little = write_model(os.path.join(place, "little"), template=TEMPLATE.replace("enable_thinking", "other").replace(
            "<|im_start|>tools", "tools").replace("assistant\n", "assistant {{ reasoning_effort or 'medium' }}\n"))
        assert "asked for little" in good(*run(little, "--think", "off")).err


@test
def a_prompt_that_opens_the_thinking_and_a_limit_that_cuts_it():
    with folder() as place:
        model = write_model(os.path.join(place, "m"))
        made = good_json(*run(model, prompt="open"))
        assert made["reasoning"] == "Still thinking it over" and made["text"] == "Four, STOP and go.", made
        cut = good_json(*run(model, "-n", "2", prompt="open"))
        assert cut["finish"] == "length" and cut["cut_thinking"] is True and cut["text"] == "", cut
        assert cut["reasoning"] == "Still thinking" and cut["thinking_tokens"] == 2, cut
        assert "in the middle of the thinking" in good(*run(model, "-n", "2", prompt="open")).err
        whole = good_json(*run(model, "-n", "5", prompt="open"))
        assert whole["finish"] == "length" and whole["cut_thinking"] is False and whole["text"] == "Four", whole


@test
def calls_are_printed_one_a_line():
    with folder() as place:
        model, tools = write_model(os.path.join(place, "m")), tools_in(place)
        ended = good(*run(model, "--tools", tools))
        text, call = ended.out.splitlines()
        assert text == "I look." and json.loads(call) == CALL, ended
        made = good_json(*run(model, "--tools", tools_in(place, {"tools": TOOLS})))
        assert made["tool_calls"] == [CALL] and made["text"] == "I look." and made["tool_call_problems"] == [], made
        cut = good_json(*run(model, "--tools", tools, "-n", "3"))
        assert cut["tool_calls"] == [] and len(cut["tool_call_problems"]) == 1, cut
        assert cut["text"] == "I look.\n<tool_call>\n{\"name\": \"get_weather\", ", cut


@test
def tools_reach_the_template_and_their_text_stays_text():
    with folder() as place:
        model, tools = write_model(os.path.join(place, "m")), tools_in(place)
        asked = {"messages": [{"role": "user", "content": "Two and two?"}], "tools": TOOLS}
        rendered = good_json("template", model, stdin=json.dumps(asked))["text"]
        assert '"name": "get_weather"' in rendered, rendered
        spelled = len(good("tokenize", model, "--ids", "--special", "--text", rendered).out.split())
        prompt = good_json(*run(model, "--tools", tools))["tokens"]["prompt"]
        assert prompt == spelled + len("<|im_end|>") - 1, (prompt, spelled)  # the description's is ten bytes, not the token


def messages_in(place, value):
    path = os.path.join(place, "messages.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f)
    return path


@test
def a_conversation_from_a_file_is_answered():
    with folder() as place:
        model, tools = write_model(os.path.join(place, "m")), tools_in(place)
        question = {"role": "user", "content": "Two and two?"}
        first = good_json(*run(model, "--tools", tools))
        same = good_json("run", model, "--messages", messages_in(place, [question]), "--tools", tools, "--json", "--temperature", "0", stdin="")
        assert {k: same[k] for k in ("text", "tool_calls", "tokens")} == {k: first[k] for k in ("text", "tool_calls", "tokens")}, (same, first)
        asked = [question, {"role": "assistant", "content": "", "tool_calls": [{"id": CALL["id"], "type": "function", "function": {
            "name": CALL["name"], "arguments": CALL["arguments"]}}]}, {"role": "tool", "tool_call_id": CALL["id"], "content": "4"}]
        rendered = good_json("template", model, stdin=json.dumps({"messages": asked}))["text"]
        result = good_json("run", model, "--messages", messages_in(place, {"messages": asked}), "--json", "--temperature", "0", stdin="")
        assert result["tokens"]["prompt"] == len(good("tokenize", model, "--ids", "--special", "--text", rendered).out.split()), result
        one_line(hearth("run", model, "--messages", messages_in(place, asked[:2]), stdin=""), 2, "--messages", "at its end")
        one_line(hearth("run", model, "--messages", messages_in(place, {"a": 1}), stdin=""), 1, "messages.json")
        one_line(hearth("run", model, "--messages", messages_in(place, asked), "--raw", stdin=""), 2, "--messages")
        both = good_json("run", model, "--messages", messages_in(place, asked[:1]), "-p", "And three?", "--json", "--temperature", "0")
        rendered = good_json("template", model, stdin=json.dumps([question, {"role": "user", "content": "And three?"}]))["text"]
        assert both["tokens"]["prompt"] == len(good("tokenize", model, "--ids", "--special", "--text", rendered).out.split()), both


@test
def wrong_tools_are_refused():
    with folder() as place:
        model = write_model(os.path.join(place, "m"))
        one_line(hearth(*run(model, "--tools", tools_in(place, [{"type": "function"}]))), 1, "tools.json", "tool 1")
        one_line(hearth(*run(model, "--tools", tools_in(place, []))), 1, "tools.json", "a JSON list of tools")
        one_line(hearth(*run(model, "--tools", os.path.join(place, "none.json"))), 1, "none.json")
        one_line(hearth(*run(model, "--raw", "--tools", tools_in(place))), 2, "--tools")
        blind = write_model(os.path.join(place, "blind"), template=TEMPLATE.replace("tools", "no_tools"))
        assert "does not show tools" in good(*run(blind, "--tools", tools_in(place))).err
        mute = write_model(os.path.join(place, "mute"), template=TEMPLATE.replace("tools", "no_tools").replace("tool_call>", "call>"))
        one_line(hearth(*run(mute, "--tools", tools_in(place))), 2, "whose chat template shows tools")


@test
def at_a_terminal_thinking_is_dimmed_and_no_color_is_obeyed():
    with folder() as place:
        model = write_model(os.path.join(place, "m"))
        shown = output([HEARTH, *run(model)])
        assert "\x1b[2mHm, two and two: STOP?\x1b[0m\n\nFour, STOP and go.\n" in shown, repr(shown)
        bare = output([HEARTH, *run(model)], NO_COLOR="1")
        assert "\x1b" not in bare and "[thinking]\nHm, two and two: STOP?\n[/thinking]\n\nFour" in bare, repr(bare)
        hidden = output([HEARTH, *run(model, "--think", "hide")])
        assert "Hm," not in hidden and hidden.count("\n") <= 4, repr(hidden)
        assert re.search(r"\[thought: 1 token\].*\r.*\[thought: 3 tokens\].*\nFour", hidden, re.S), repr(hidden)
        cut = output([HEARTH, *run(model, "-n", "3")])
        assert "in the middle of the thinking" in cut and "\x1b[0m" in cut, repr(cut)


@test
def a_conversation_gives_results_back():
    with folder() as place:
        model, saved = write_model(os.path.join(place, "m")), os.path.join(place, "c.json")
        chat = Session([HEARTH, "run", model, "--color", "never", "--temperature", "0", "--tools", tools_in(place)], columns=120,
                       XDG_STATE_HOME=os.path.join(place, "state"))
        chat.expect("> ")
        chat.send("/tool 5\r")
        chat.expect("a call that waits")
        chat.send("Weather?\r")
        chat.expect("1 of the model's calls wait")
        chat.expect("> ")
        chat.send("/tool 21 degrees\r")
        chat.expect("It is 21.")
        chat.expect("> ")
        chat.send("/go\r")
        chat.expect("/go answers")
        chat.send(f"/save {saved}\r")
        chat.expect("4 messages are in")
        chat.send("\x04")
        assert chat.wait() == 0
        with open(saved, encoding="utf-8") as file:
            messages = json.load(file)["messages"]
        assert messages[1] == {"role": "assistant", "content": "I look.", "tool_calls": [
            {"id": "call00000", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Paris"}}}]}, messages
        assert messages[2] == {"role": "tool", "tool_call_id": "call00000", "name": "get_weather", "content": "21 degrees"}, messages
        assert messages[3] == {"role": "assistant", "content": "It is 21."}, messages
        with open(saved, "w", encoding="utf-8") as file:
            json.dump({"messages": messages[:3]}, file)
        again = Session([HEARTH, "run", model, "--color", "never", "--temperature", "0"], columns=120,
                        XDG_STATE_HOME=os.path.join(place, "state"))
        again.expect("> ")
        again.send(f"/load {saved}\r")
        again.expect("3 messages from")
        again.send("/go\r")
        again.expect("It is 21.")
        again.expect("> ")
        again.send("\x04")
        assert again.wait() == 0


@test
def earlier_thinking_goes_to_the_template_as_reasoning():
    with folder() as place:
        model, saved = write_model(os.path.join(place, "m")), os.path.join(place, "c.json")
        chat = Session([HEARTH, "run", model, "--color", "never", "--temperature", "0"], columns=120,
                       XDG_STATE_HOME=os.path.join(place, "state"))
        chat.expect("> ")
        chat.send("One\r")
        chat.expect(re.compile(r"and go\..*> ", re.S))
        chat.send("Two\r")
        shown = chat.expect(re.compile(r"(\d+) prompt tokens"))
        chat.expect("> ")
        chat.send(f"/save {saved}\r")
        chat.expect("4 messages are in")
        chat.send("\x04")
        assert chat.wait() == 0
        with open(saved, encoding="utf-8") as file:
            messages = json.load(file)["messages"]
        assert messages[1] == {"role": "assistant", "content": "Four, STOP and go.", "reasoning_content": "Hm, two and two: STOP?"}
        # The second prompt is what the template makes of it: no thinking of the first turn.
        rendered = good_json("template", model, stdin=json.dumps(messages[:3]))["text"]
        assert "Hm" not in rendered, rendered
        wanted = len(good("tokenize", model, "--ids", "--special", "--text", rendered).out.split())
        assert f"{wanted} prompt tokens" in shown, (wanted, shown)



WORDS = {"enum": ["four", "five"]}


@test
def an_answer_has_the_form_that_is_asked_for():
    """The model would rather say something else; what it thinks comes before."""
    with folder() as place:
        model, path = write_model(os.path.join(place, "m")), os.path.join(place, "f")
        made = good_json(*run(model, "--schema", json.dumps(WORDS)))
        assert json.loads(made["text"]) in WORDS["enum"] and made["finish"] == "end" and made["form"] == "schema", made
        assert made["reasoning"] == "Hm, two and two: STOP?", made
        with open(path, "w", encoding="utf-8") as file:
            json.dump(WORDS, file)
        for heat in ("0", "2"):
            plain = good_json(*run(model, "--schema", path, "--think", "off", "--temperature", heat))
            assert json.loads(plain["text"]) in WORDS["enum"] and plain["reasoning"] is None, plain
        opened = good_json(*run(model, "--schema", path, prompt="open"))
        assert json.loads(opened["text"]) in WORDS["enum"] and "thinking it over" in opened["reasoning"], opened
        deaf = write_model(os.path.join(place, "deaf"), template=TEMPLATE.replace("enable_thinking", "other"))
        closed = good_json(*run(deaf, "--schema", path, "--think", "off", prompt="open"))
        assert json.loads(closed["text"]) in WORDS["enum"] and closed["reasoning"] is None, closed
        with open(path, "w", encoding="utf-8") as file:
            file.write('root ::= ("yes" | "no") "!"')
        for more in ([], ["--raw"]):
            said = good_json(*run(model, "--grammar", path, *more))
            assert said["text"] in ("yes!", "no!") and said["form"] == "gbnf", said
        own = good("run", "--schema", '{"enum": ["Tom", "Ann"]}', "-p", "Tom has a ball. Who has the ball?").out
        assert own in ('"Tom"\n', '"Ann"\n'), own


@test
def a_conversation_is_held_to_a_form_in_every_answer():
    with folder() as place:
        model = write_model(os.path.join(place, "m"))
        chat = Session([HEARTH, "run", model, "--color", "never", "--temperature", "0", "--think", "off", "--schema", json.dumps(WORDS)], columns=120,
                       XDG_STATE_HOME=os.path.join(place, "state"))
        for _ in range(2):
            chat.expect("> ")
            chat.send("One\r")
            chat.expect(re.compile(r'"(four|five)"'))
        chat.expect("> ")
        chat.send("\x04")
        assert chat.wait() == 0


@test
def forms_that_cannot_be_enforced_are_told_before_an_answer():
    with folder() as place:
        model, path = write_model(os.path.join(place, "m")), os.path.join(place, "f")
        one_line(hearth(*run(model, "--schema", '{"type": "array", "uniqueItems": true}')), 1, "--schema: #/uniqueItems")
        one_line(hearth(*run(model, "--schema", '{"type": ')), 1, "--schema")
        one_line(hearth(*run(model, "--schema", path)), 1, path, "No such file")
        with open(path, "w", encoding="utf-8") as file:
            file.write("root ::= (")
        one_line(hearth(*run(model, "--grammar", path)), 1, f"{path}: line 1")
        one_line(hearth(*run(model, "--schema", path)), 1, path)
        one_line(hearth(*run(model, "--schema", "{}", "--grammar", path)), 2, "--schema, --grammar and --tools exclude each other")
        one_line(hearth(*run(model, "--schema", "{}", "--tools", tools_in(place))), 2, "exclude each other")


main()
