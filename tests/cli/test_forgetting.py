#!/usr/bin/env python3
"""What `hearth run` forgets of long conversations. Prints TAP."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import TEMPLATE, chat_folder, chat_gguf, folder, good, good_json, hearth, main, one_line, test  # noqa: E402

SYSTEM = {"role": "system", "content": "Be kind."}


def conversation(exchanges, last):
    """Exchanges of many lengths, some with two answers or a tool's, and a question."""
    messages = [SYSTEM]
    for n in range(exchanges):
        messages += [{"role": "user", "content": f"Tell me story {n}" + " again" * (n * 7 % 5)},
                     {"role": "assistant", "content": f"Story {n} is" + " short" * (n * 5 % 7)}]
        if n % 10 == 0:
            messages += [{"role": "tool", "content": f"Page {n}"}, {"role": "assistant", "content": "The end."}]
    return messages + [{"role": "user", "content": last}]


def without(messages, forgotten):
    """The system message, and all from the question on that comes after so many."""
    questions = [i for i, m in enumerate(messages) if m["role"] == "user"]
    return [SYSTEM] + messages[questions[forgotten]:]


def written(place, messages):
    path = os.path.join(place, "messages.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(messages, out)
    return path


def tokens_of(model, place, messages):
    text = good_json("template", model, written(place, messages))["text"]
    return len(good("tokenize", model, "--ids", "--special", "--no-bos", "--text", text).out.split())


def forgotten_in(text):
    told = re.search(r"the oldest exchange is forgotten|the (\d+) oldest exchanges are forgotten", text)
    return 0 if told is None else int(told.group(1) or 1)


def run(model, path, *options):
    return "run", model, "--messages", path, "--temperature", "0", "-n", "8", *options


@test
def of_thousands_of_messages_as_few_as_can_be_are_forgotten():
    with folder() as place:
        model = chat_gguf(place)
        messages = conversation(1500, "And now?")
        assert len(messages) > 3000
        for context in (128, 256, 512):
            answered = hearth(*run(model, written(place, messages), "--context", str(context)), stdin="")
            forgotten = forgotten_in(answered.err)
            assert answered.code == 0 and 1400 < forgotten < 1500, answered
            kept = without(messages, forgotten)
            # Eight tokens are left to the answer; they would not be with one exchange more.
            assert tokens_of(model, place, kept) <= context - 8 < tokens_of(model, place, without(messages, forgotten - 1)), (context, forgotten)
            again = hearth(*run(model, written(place, kept), "--context", str(context)), stdin="")
            assert again.out == answered.out and forgotten_in(again.err) == 0, (answered, again)


@test
def every_number_of_exchanges_can_be_the_fewest():
    with folder() as place:
        model = chat_gguf(place)
        messages = conversation(7, "And now?")
        for wanted in range(8):
            kept = without(messages, wanted)
            context = tokens_of(model, place, kept) + 8
            answered = good(*run(model, written(place, messages), "--context", str(context)), stdin="")
            assert forgotten_in(answered.err) == wanted, (wanted, answered)
            assert answered.out == good(*run(model, written(place, kept), "--context", str(context)), stdin="").out


@test
def a_last_question_that_does_not_fit_is_refused():
    with folder() as place:
        model = chat_gguf(place)
        messages = conversation(1500, "word " * 150)
        size = tokens_of(model, place, without(messages, 1500))
        assert size > 128
        one_line(hearth(*run(model, written(place, messages), "--context", "128"), stdin=""), 1, f"{size} tokens", "--context sets it")


@test
def a_template_that_needs_an_old_message_is_heard_only_where_that_is_forgotten():
    """Templates raise where there is no question among the user's messages, which may be results of tools."""
    with folder() as place:
        model = chat_folder(place)
        with open(os.path.join(model, "chat_template.jinja"), "w", encoding="utf-8") as out:
            out.write("{% set found = namespace(query=false) %}{% for m in messages %}{% if 'story 6' in m.content %}"
                      "{% set found.query = true %}{% endif %}{% endfor %}"
                      "{% if not found.query %}{{ raise_exception('no query') }}{% endif %}" + TEMPLATE)
        messages = conversation(9, "And now?")
        sizes = [tokens_of(model, place, without(messages, n)) for n in range(7)]
        for wanted in (1, 4, 6):
            answered = good(*run(model, written(place, messages), "--context", str(sizes[wanted] + 8)), stdin="")
            assert forgotten_in(answered.err) == wanted, (wanted, answered)
        one_line(hearth(*run(model, written(place, messages), "--context", str(sizes[6] + 7)), stdin=""), 1, "no query")


main()
