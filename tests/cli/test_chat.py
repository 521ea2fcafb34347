#!/usr/bin/env python3
"""`hearth run` as a person uses it: a conversation at a pseudo-terminal. Prints TAP."""

import json
import os
import re
import shutil
import signal
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pty_run import Session  # noqa: E402
from tap import HEARTH, Skip, chat_gguf, folder, good, good_json, main, stories, test  # noqa: E402

PROMPT = "> "


def model_in(place):
    path = os.path.join(place, "chat.gguf")
    return path if os.path.exists(path) else chat_gguf(place, "chat.gguf")


class Chat:
    """hearth run in a folder of its own; `ask` waits for the closing line and the next prompt."""

    def __init__(self, place, *options, model=None, columns=100, **more):
        self.place = place
        self.state = os.path.join(place, "state")
        self.session = Session([HEARTH, "run", model or model_in(place), "--color", "never", "--temperature", "0", *options], columns=columns,
                               XDG_STATE_HOME=self.state, **more)
        self.greeting = self.session.expect(re.compile(r"/help\s+tells\s+more\."))
        self.session.expect(PROMPT)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.session.close()

    def ask(self, text):
        """The answer's text and the closing line's numbers."""
        self.session.send(text + "\r")
        shown = self.session.expect(re.compile(r"(\d+) prompt tokens[^\n]*\r\n"))
        self.session.expect(PROMPT)
        prompt, answer = (int(n) for n in re.search(r"(\d+) prompt tokens.*?(\d+) answer tokens", shown).groups())
        return shown, prompt, answer

    def command(self, text, until):
        self.session.send(text + "\r")
        shown = self.session.expect(until)
        self.session.expect(PROMPT)
        return shown

    def saved(self, name="saved.json"):
        path = os.path.join(self.place, name)
        self.command(f"/save! {path}", "messages are in")
        with open(path, encoding="utf-8") as lines:
            return json.load(lines)["messages"]

    def leave(self):
        self.session.send("\x04")
        return self.session.wait()


@test
def a_conversation_is_kept_and_ctrl_d_leaves():
    with folder() as place, Chat(place, "-n", "10") as chat:
        assert "compute native" in chat.greeting and "Llama" in chat.greeting, chat.greeting
        _, first, answer = chat.ask("Tell me a story")
        assert answer == 10
        _, second, _ = chat.ask("Go on")
        assert second > first + 10, (first, second)
        messages = chat.saved()
        assert [m["role"] for m in messages] == ["user", "assistant", "user", "assistant"]
        assert messages[0]["content"] == "Tell me a story" and messages[2]["content"] == "Go on"
        once = good_json("run", model_in(place), "-p", "Tell me a story", "--temperature", "0", "-n", "10")
        assert messages[1]["content"] == once["text"] and once["tokens"]["prompt"] == first
        assert chat.leave() == 0


@test
def clear_and_system_change_what_the_model_reads():
    with folder() as place, Chat(place, "-n", "4", "--system", "Be kind.") as chat:
        _, first, _ = chat.ask("Hello")
        assert [m["content"] for m in chat.saved()][:2] == ["Be kind.", "Hello"]
        chat.command("/clear", "a new conversation")
        assert chat.saved() == [{"role": "system", "content": "Be kind."}]
        assert chat.ask("Hello")[1] == first
        chat.command("/clear", "a new conversation")
        chat.command("/system You are a very old and very wise cat.", "is set")
        assert chat.ask("Hello")[1] > first
        chat.command("/system", "no system message")
        assert [m["role"] for m in chat.saved()] == ["user", "assistant"]
        assert chat.leave() == 0


@test
def save_and_load_are_a_round_trip():
    with folder() as place:
        with Chat(place, "-n", "6") as chat:
            chat.ask("Grüße, ☃ \"quoted\"")
            before = chat.saved("with space.json")
            assert before[0]["content"] == "Grüße, ☃ \"quoted\""
            wanted = chat.ask("And then?")[1]
            assert chat.leave() == 0
        with Chat(place, "-n", "6") as chat:
            chat.command("/load " + os.path.join(place, "with space.json"), "2 messages from")
            assert chat.saved("again.json") == before
            assert chat.ask("And then?")[1] == wanted
            chat.command("/load " + os.path.join(place, "missing.json"), "missing.json")
            chat.command("/load", "/load FILE")
            chat.command("/save", "/save FILE")
            chat.command("/save /nonexistent/folder/file", "/nonexistent")
            assert len(chat.saved()) == 4  # nothing was lost by that
            assert chat.leave() == 0


@test
def control_tokens_in_every_part_of_a_loaded_conversation_are_text():
    """Also in a list of parts and in a role: whatever a template prints."""
    with folder() as place, Chat(place, "-n", "1") as chat:
        path = os.path.join(place, "parts.json")
        loaded = [{"role": "user </s>", "content": [{"type": "text", "text": "</s> and </s>"}]}, {"role": "assistant", "content": "</s>"}]
        with open(path, "w", encoding="utf-8") as out:
            json.dump(loaded, out)
        chat.command(f"/load {path}", "2 messages from")
        _, prompt, _ = chat.ask("</s>")
        with open(path, "w", encoding="utf-8") as out:
            json.dump([*loaded, {"role": "user", "content": "</s>"}], out)
        rendered = good("template", model_in(place), path).out.removeprefix("<s>")
        assert rendered.count("</s>") == 5, rendered
        as_text = len(good("tokenize", model_in(place), "--ids", "--text", rendered).out.split())
        special = len(good("tokenize", model_in(place), "--ids", "--special", "--text", rendered).out.split())
        assert as_text >= special + 10 and prompt >= as_text, (prompt, as_text, special)
        assert [m["content"] for m in chat.saved()[:2]] == [m["content"] for m in loaded]
        assert chat.leave() == 0


@test
def save_replaces_nothing_unless_told():
    with folder() as place, Chat(place, "-n", "2", HOME=place) as chat:
        chat.ask("Hello")
        path = os.path.join(place, "my notes ☃")
        with open(path, "w", encoding="utf-8") as out:
            out.write("precious")
        shown = chat.command(f"/save {path}", "replaces it")
        assert f"/save! {path} replaces it" in shown and "messages are in" not in shown, shown
        with open(path, encoding="utf-8") as lines:
            assert lines.read() == "precious"
        chat.command(f"/save! {path}", "2 messages are in")
        with open(path, encoding="utf-8") as lines:
            assert len(json.load(lines)["messages"]) == 2
        chat.command(f"/save {place}", "a folder")
        chat.command(f"/save! {place}", "a folder")
        chat.command("/save! /dev/null", "a device")
        chat.command(f"/save {path} 2 ", "2 messages are in")
        chat.command("/save ~/at home.json", "2 messages are in")
        chat.command("/load ~/at home.json", "2 messages from")
        assert sorted(os.listdir(place)) == ["at home.json", "chat.gguf", "my notes ☃", "my notes ☃ 2", "state"]
        assert chat.leave() == 0


@test
def several_lines_are_one_text():
    with folder() as place, Chat(place, "-n", "2") as chat:
        chat.session.send("one \\\r")
        chat.session.expect(". ")
        chat.ask("two")
        chat.session.send('"""\r')
        chat.session.expect(". ")
        chat.session.send("three\r")
        chat.session.expect(". ")
        chat.session.send("\r")
        chat.session.expect(". ")
        chat.ask('four"""')
        chat.ask('"""five six"""')
        assert [m["content"] for m in chat.saved() if m["role"] == "user"] == ["one \ntwo", "three\n\nfour", "five six"]
        assert chat.leave() == 0


@test
def what_is_pasted_is_one_text():
    """As terminals mark it. Its newlines do not end the text, and nothing in it is a key."""
    with folder() as place, Chat(place, "-n", "2") as chat:
        for pasted, wanted in (("one\rtwo", "one\ntwo"), ("a\r\nb\n\nc\r", "a\nb\n\nc\n"), ("tab\there\x15\x1b[31m\x1b\x1b[2ä☃", "tab\there[31m[2ä☃"),
                               ("back\\\rslash\\\\\r/exit", "back\\\nslash\\\\\n/exit"), ('"""x\ry\\\rz"""', "x\ny\\\nz"), ("/etc/passwd is", "/etc/passwd is")):
            chat.session.send("\x1b[200~" + pasted + "\x1b[201~\r")
            chat.session.expect("prompt tokens")
            chat.session.expect(PROMPT)
            assert chat.saved()[-2]["content"] == wanted, (pasted, chat.saved()[-2])
        chat.session.send("\x1b[200~gone\rand gone\x1b[2")
        chat.session.expect("and gone")
        chat.session.send("\x03")
        chat.session.expect("^C")
        chat.session.expect(PROMPT)
        chat.ask("kept")
        assert chat.saved()[-2]["content"] == "kept"
        chat.session.send("/exit\r")
        assert chat.session.wait() == 0
        assert chat.session.shown.rfind(b"\x1b[?2004l") > chat.session.shown.rfind(b"\x1b[?2004h") > 0


@test
def lines_are_edited():
    with folder() as place, Chat(place, "-n", "2") as chat:
        chat.ask("wrld\x1b[D\x1b[D\x1b[Do\x01Hello \x05!\x7f?")  # left, insert, to the beginning, to the end, backspace
        chat.ask("naïve\x7f\x7f\x7fe☃\x7f")  # backspace takes whole characters
        chat.ask("gone\x15kept")  # Ctrl-U
        assert [m["content"] for m in chat.saved() if m["role"] == "user"] == ["Hello world?", "nae", "kept"]
        assert chat.leave() == 0


@test
def history_is_walked_and_kept():
    with folder() as place:
        with Chat(place, "-n", "2") as chat:
            chat.ask("first question")
            chat.ask("second question")
            chat.ask("\x1b[A\x1b[A!")
            assert chat.leave() == 0
        with Chat(place, "-n", "2") as chat:
            chat.ask("\x10 again")  # Ctrl-P: the last line of the last conversation
            assert chat.saved()[0]["content"] == "first question! again"
            assert chat.leave() == 0
        path = os.path.join(place, "state", "openhearth", "history")
        assert os.path.exists(path)
        assert os.stat(path).st_mode & 0o077 == 0, oct(os.stat(path).st_mode)


@test
def two_conversations_keep_one_history():
    with folder() as place:
        with Chat(place, "-n", "2") as first:
            first.ask("before both")
            assert first.leave() == 0
        with Chat(place, "-n", "2") as one, Chat(place, "-n", "2") as two:
            one.ask("from the one")
            two.ask("from the other \\ ☃ äöü")
            one.ask("again the one")
            assert one.leave() == 0
            assert two.leave() == 0
        with Chat(place, "-n", "2") as last:
            last.ask("\x10\x10\x10\x10")  # Ctrl-P: the first line of all
            last.ask("\x10\x10 ")  # the second but last
            asked = [m["content"] for m in last.saved() if m["role"] == "user"]
            assert asked == ["before both", "from the other \\ ☃ äöü "], asked
            assert last.leave() == 0
        names = os.listdir(os.path.join(place, "state", "openhearth"))
        assert names == ["history"], names


@test
def ctrl_c_stops_the_answer_and_not_the_program():
    with folder() as place, Chat(place, "-n", "100000000", "--logit-bias", "2=-inf") as chat:
        chat.session.send("Tell me a very long story\r")
        chat.session.expect("\r\n")
        time.sleep(1.0)
        chat.session.send("\x03")
        shown = chat.session.expect("interrupted")
        assert len(shown) > 20, shown
        chat.session.expect(PROMPT)
        messages = chat.saved()
        assert [m["role"] for m in messages] == ["user", "assistant"] and len(messages[1]["content"]) > 20
        chat.session.send("Another one\r")
        time.sleep(0.7)
        chat.session.signal(signal.SIGINT)
        chat.session.expect("interrupted")
        chat.session.expect(PROMPT)
        assert chat.leave() == 0


@test
def keys_typed_during_an_answer_are_read_after_it():
    with folder() as place, Chat(place, "-n", "150", "--logit-bias", "2=-inf") as chat:
        chat.session.send("Tell me a story\r")
        chat.session.expect("\r\n")
        chat.session.expect(re.compile("[a-z]{3}"))
        chat.session.send("gone\x15wrld\x1b[D\x1b[D\x1b[Do\r\x04")  # Ctrl-U, arrows, Return, Ctrl-D
        answer = chat.session.expect("prompt tokens")
        assert "gone" not in answer and "wrld" not in answer, answer
        chat.session.expect("prompt tokens")
        assert chat.session.wait() == 0
        with open(os.path.join(chat.state, "openhearth", "history"), encoding="utf-8") as lines:
            asked = lines.read()
        assert "world" in asked and "gone" not in asked, asked


def cooked(modes):
    return modes & (termios.ICANON | termios.ECHO | termios.ISIG) == termios.ICANON | termios.ECHO | termios.ISIG


@test
def the_terminal_is_given_back_however_it_ends():
    with folder() as place:
        for busy in (False, True):
            for number, code in ((signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, -signal.SIGQUIT)):
                with Chat(place, "-n", "100000000", "--logit-bias", "2=-inf") as chat:
                    if busy:
                        chat.session.send("Tell me a story\r")
                        chat.session.expect(re.compile("\r\n.*[a-z]{3}", re.S))
                    assert not cooked(chat.session.modes())
                    chat.session.signal(number)
                    assert chat.session.wait() == code, (number, chat.session.text())
                    assert cooked(chat.session.left), (busy, number)
                    assert chat.session.shown.rfind(b"\x1b[?2004l") > chat.session.shown.rfind(b"\x1b[?2004h") > 0
        for arguments in ([os.path.join(place, "missing.gguf")], [model_in(place), "--context", "100000"]):
            session = Session([HEARTH, "run", *arguments])
            assert session.wait() in (1, 2) and cooked(session.left), session.text()


@test
def a_stopped_conversation_goes_on():
    """Ctrl-Z, then fg, in a shell: the shell has its own modes in between."""
    if not shutil.which("bash"):
        raise Skip("bash is not installed")
    with folder() as place:
        model = model_in(place)
        shell = Session(["bash", "--norc", "--noediting", "-i"], columns=200, XDG_STATE_HOME=os.path.join(place, "state"), PS1="shell$ ")
        shell.expect("shell$ ")
        shell.send(f"'{HEARTH}' run '{model}' -n 100000000 --logit-bias 2=-inf --color never\r")
        shell.expect("/help tells more.")
        shell.expect(PROMPT)
        for busy in (False, True):
            shell.send("Hel" if not busy else "lo\r")
            shell.expect(re.compile("\r\n.*[a-z]{3}", re.S) if busy else "Hel")
            shell.send("\x1a")
            shell.expect("Stopped")
            shell.expect("shell$ ")
            assert cooked(shell.modes())
            shell.send("fg\r")
            shell.expect("--color never")
            shell.expect("> Hel" if not busy else re.compile("[a-z]{3}"))  # the line again, or more of the answer
            assert not shell.modes() & (termios.ICANON | termios.ECHO)
        shell.send("\x03")
        shell.expect("interrupted")
        shell.expect(PROMPT)
        path = os.path.join(place, "saved.json")
        shell.send(f"/save {path}\r")
        shell.expect("messages are in")
        shell.expect(PROMPT)
        with open(path, encoding="utf-8") as lines:
            assert json.load(lines)["messages"][0]["content"] == "Hello"
        shell.send("\x04")
        shell.expect("shell$ ")
        shell.send("exit\r")
        assert shell.wait() == 0


@test
def ctrl_c_at_the_prompt_empties_the_line():
    with folder() as place, Chat(place, "-n", "2") as chat:
        for typed in ("not this", "\x00", "\x00not this"):
            chat.session.send(typed + "\x03")  # Ctrl-Space does not quote what follows
            chat.session.expect("^C")
            chat.session.expect(PROMPT)
        for _ in range(20):  # as fast as a finger can
            chat.session.signal(signal.SIGINT)
            time.sleep(0.01)
        chat.session.expect("^C")
        chat.session.expect(PROMPT)
        time.sleep(0.3)
        chat.session.seen = len(chat.session.shown)
        chat.session.send('"""\rnor this\x03')
        chat.session.expect("^C")
        chat.session.expect(PROMPT)
        chat.ask("but this")
        assert [m["content"] for m in chat.saved() if m["role"] == "user"] == ["but this"]
        assert chat.leave() == 0


@test
def sigterm_leaves_cleanly():
    with folder() as place:
        for busy in (False, True):
            with Chat(place, "-n", "100000000" if busy else "2", "--logit-bias", "2=-inf") as chat:
                if busy:
                    chat.session.send("Tell me a story\r")
                    time.sleep(0.7)
                else:
                    chat.ask("remember me")
                chat.session.signal(signal.SIGTERM)
                assert chat.session.wait() == 143, chat.session.text()
        with open(os.path.join(place, "state", "openhearth", "history"), encoding="utf-8") as lines:
            assert "remember" in lines.read()


@test
def words_help_stats_exit_and_unknown():
    with folder() as place, Chat(place, "-n", "3") as chat:
        chat.session.resize(40)
        shown = chat.command("/help", "several lines")
        assert max(len(line) for line in shown.splitlines()) <= 40, shown
        for word in ("/help", "/clear", "/system", "/save", "/load", "/stats", "/exit"):
            assert word in shown, shown
        chat.ask("Hello")
        shown = chat.command("/stats", "loaded in")
        assert "2 messages" in shown and "of 512 tokens" in shown and "3 tokens in" in shown, shown
        chat.command("/clera", "did you mean /clear?")
        chat.command("/frobnicate", "/help tells")
        chat.session.send("\r")  # an empty line is no question
        chat.session.expect(PROMPT)
        assert len(chat.saved()) == 2
        chat.session.send("/exit\r")
        assert chat.session.wait() == 0


def exchanges_forgotten(shown):
    told = re.findall(r"the oldest exchange is forgotten|the (\d+) oldest exchanges are forgotten", shown)
    return sum(int(number or 1) for number in told)


@test
def a_full_context_forgets_the_oldest_and_says_so():
    with folder() as place, Chat(place, "-n", "20", "--context", "128", "--system", "Be kind.") as chat:
        forgot = 0
        for number in range(8):
            shown, prompt, answer = chat.ask(f"Tell me story number {number}")
            assert prompt + 20 <= 128 and answer <= 20, (prompt, answer)
            forgot += exchanges_forgotten(shown)
        messages = chat.saved()
        assert forgot >= 3, forgot
        assert messages[0] == {"role": "system", "content": "Be kind."}
        users = [m["content"] for m in messages if m["role"] == "user"]
        assert users == [f"Tell me story number {n}" for n in range(forgot, 8)], users
        assert messages[1]["role"] == "user" and messages[-1]["role"] == "assistant"
        # The last answer is what the model gives to exactly what was kept.
        kept = os.path.join(place, "kept.json")
        with open(kept, "w", encoding="utf-8") as out:
            json.dump({"messages": messages[:-1]}, out)
        rendered = good_json("template", model_in(place), kept)["text"].removeprefix("<s>")
        again = good_json("run", model_in(place), "--raw", "-p", rendered, "--temperature", "0", "-n", "20", "--context", "128")
        assert again["text"] == messages[-1]["content"], (again["text"], messages[-1]["content"])
        assert chat.leave() == 0


@test
def a_context_that_fills_in_an_answer_forgets_and_goes_on():
    with folder() as place:
        old = [{"role": role, "content": f"{role} says {n}"} for n in (1, 2) for role in ("user", "assistant")]
        path = os.path.join(place, "old.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump(old, out)
        with Chat(place, "--context", "192", "--logit-bias", "2=-inf") as chat:
            chat.command(f"/load {path}", "4 messages from")
            shown, prompt, answer = chat.ask("Go on")
            assert exchanges_forgotten(shown) == 2, shown
            assert "the context of 192 tokens is full" in shown.rsplit("prompt tokens", 1)[1], shown
            assert prompt + answer > 192 and prompt < 144, (prompt, answer)
            messages = chat.saved()
            assert [m["content"] for m in messages[:-1]] == ["Go on"], messages
            assert len(messages[-1]["content"]) > 150, messages
            assert chat.leave() == 0


@test
def a_question_that_does_not_fit_is_refused_and_forgotten():
    with folder() as place, Chat(place, "-n", "2", "--context", "64") as chat:
        chat.ask("Hello")
        chat.command("word " * 100, "--context sets it")
        users = [m["content"] for m in chat.saved() if m["role"] == "user"]
        assert not any("word" in u for u in users), users
        chat.ask("Hello again")
        assert chat.leave() == 0


@test
def a_question_that_never_fits_makes_nothing_forgotten():
    with folder() as place, Chat(place, "-n", "2", "--context", "128", "--system", "Be kind.") as chat:
        chat.ask("One")
        chat.ask("Two")
        before = chat.saved()
        assert len(before) == 5
        shown = chat.command("word " * 100, "--context sets it")
        assert exchanges_forgotten(shown) == 0, shown
        assert chat.saved() == before
        assert exchanges_forgotten(chat.ask("word " * 20)[0]) == 1  # one that fits when the oldest is forgotten
        assert len(chat.saved()) == 5
        assert chat.leave() == 0


@test
def a_question_that_never_fits_leaves_thousands_of_messages():
    loaded = [{"role": "system", "content": "Be kind."}]
    for n in range(1500):
        loaded += [{"role": "user", "content": f"Tell me story {n}"}, {"role": "assistant", "content": "Once" + " upon" * (n % 4)}]
    with folder() as place, Chat(place, "-n", "2", "--context", "128") as chat:
        path = os.path.join(place, "loaded.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump(loaded, out)
        chat.command(f"/load {path}", "3001 messages from")
        shown = chat.command("word " * 100, "--context sets it")
        assert exchanges_forgotten(shown) == 0, shown
        assert chat.saved() == loaded
        forgot = exchanges_forgotten(chat.ask("Go on")[0])
        assert 1400 < forgot < 1500, forgot
        assert chat.saved()[:-1] == loaded[:1] + loaded[1 + 2 * forgot:] + [{"role": "user", "content": "Go on"}]
        assert chat.leave() == 0


@test
def ctrl_c_while_an_answer_is_moved_keeps_what_was_said():
    """The context is full all the time: half of the work is feeding again what is kept."""
    with folder() as place, Chat(place, "-n", "100000000", "--context", "32", "--logit-bias", "2=-inf") as chat:
        for _ in range(8):
            chat.session.send("Tell me a very long story\r")
            chat.session.expect(re.compile("\r\n.*[a-z]{3}", re.S))
            until = time.monotonic() + 0.4
            while time.monotonic() < until:
                chat.session._read(0.01)
            chat.session.signal(signal.SIGINT)
            shown = chat.session.expect("interrupted")
            chat.session.expect(PROMPT)
        messages = chat.saved()
        assert messages[-1]["role"] == "assistant" and messages[-1]["content"], messages
        assert chat.leave() == 0


@test
def a_model_without_template_completes_each_line():
    with folder() as place, Chat(place, "-n", "5", "--raw", model=stories()) as chat:
        _, first, _ = chat.ask("Once upon a time")
        assert chat.ask("Once upon a time")[1] == first
        chat.command("/save x.json", "chat template")
        assert chat.leave() == 0


@test
def a_narrow_terminal_and_a_resize_keep_the_line():
    with folder() as place, Chat(place, "-n", "2", columns=24) as chat:
        text = "a line that is much longer than the terminal is wide"
        chat.session.send(text[:20])
        chat.session.expect(text[:20])
        chat.session.resize(60)
        chat.session.expect("\r\x1b[J> " + text[:20])  # over itself, not behind itself
        chat.ask(text[20:])
        assert chat.saved()[0]["content"] == text
        assert chat.leave() == 0


@test
def keys_are_read_raw_as_soon_as_the_prompt_shows():
    """A Ctrl-D that the terminal's cooked mode takes is lost."""
    with folder() as place, Chat(place, "-n", "2") as chat:
        for number in range(40):
            chat.session.send(" \r")  # nothing to answer: the next prompt comes at once
            chat.session.expect(PROMPT)
            assert termios.tcgetattr(chat.session.terminal)[3] & termios.ICANON == 0, number
        assert chat.leave() == 0


@test
def no_state_folder_is_no_failure():
    with folder() as place:
        closed = os.path.join(place, "a file, no folder")
        open(closed, "w").close()
        with Chat(place, "-n", "2") as chat:
            chat.leave()
        session = Session([HEARTH, "run", model_in(place), "--color", "never", "-n", "2"], XDG_STATE_HOME=closed)
        session.expect(PROMPT)
        session.send("Hello\r")
        session.expect("answer tokens")
        session.expect(PROMPT)
        session.send("\x04")
        assert session.wait() == 0


main()
