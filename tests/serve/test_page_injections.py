#!/usr/bin/env python3
"""What a model says stays text: 62 strings, said by a model through the server into a real Chromium, and the same ones to the
page's functions, whole and cut off. No script runs, nothing outside is asked, the page stays what it was. Prints TAP."""

import json
import os
import tempfile

from injections import OUTSIDE, TEXTS
from page_support import ask, browser, need_chromium, write_speaker
from support import Server, main, test

PLACE = tempfile.TemporaryDirectory()

# What would tell that something ran: the function that the strings call, and violations of the page's policy.
WATCH = """
(() => {
  const seen = { tripped: 0, violations: [] };
  Object.defineProperty(window, "tripwire", { value: () => { seen.tripped++; }, writable: false, configurable: false });
  Object.defineProperty(window, "seen", { value: seen, writable: false, configurable: false });
  for (const name of ["alert", "print"]) {
    window[name] = () => { seen.tripped++; };
  }
  document.addEventListener("securitypolicyviolation", (e) => seen.violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
})();
"""

# Everything a reader might do to the answer but leave by a link; then what is left in it that should not be.
TOUCH = """
(async (root) => {
  for (let i = 0; i < 3; i++) { await new Promise((r) => setTimeout(r, 20)); }
  const wrong = [];
  const tags = new Set("A ARTICLE H2 DIV SPAN P STRONG EM DEL BR HR PRE CODE BLOCKQUOTE UL OL LI TABLE THEAD TBODY TR TH TD H3 H4 H5 H6 INPUT BUTTON DETAILS SUMMARY".split(" "));
  for (const e of root.querySelectorAll("*")) {
    const formula = e.closest(".katex") !== null;
    for (const kind of ["mouseover", "mouseenter", "focus", "pointerdown", "toggle", "animationstart", "load", "error", "input"]) {
      e.dispatchEvent(new Event(kind, { bubbles: true }));
    }
    if (!formula && !tags.has(e.tagName)) { wrong.push(`<${e.tagName}>`); }
    for (const a of e.attributes) {
      if (a.name.startsWith("on") || ["id", "name", "src", "srcset", "action", "formaction", "ping", "xlink:href"].includes(a.name) ||
          (a.name === "style" && !formula) || (/script:|data:/i.test(a.value) && a.name !== "title" && a.name !== "class" && a.name !== "aria-label")) {
        wrong.push(`${e.tagName} ${a.name}=${a.value}`);
      }
    }
    if (e.tagName === "A" && (!/^(https?:|mailto:)$/.test(e.protocol) || e.target !== "_blank" || !e.relList.contains("noopener"))) {
      wrong.push(`link ${e.outerHTML}`);
    }
  }
  return wrong;
})
"""


def intact(tab, origin, at):
    """The page is itself, nothing ran and nobody else was asked."""
    seen = tab.js("seen")
    assert seen == {"tripped": 0, "violations": []}, (at, seen)
    assert tab.dialogs == [], (at, tab.dialogs)
    outside = [r for r in tab.requests if not r.startswith(origin)]
    assert outside == [], (at, outside)
    assert tab.js("location.href").startswith(origin), (at, tab.js("location.href"))
    assert tab.js("""document.getElementById("question").tagName + document.getElementById("log").className +
        document.body.tagName + (document.head instanceof HTMLHeadElement) + document.forms[0].id""") == "TEXTAREAlogBODYtruecomposer", at
    assert tab.js("""({}).polluted === undefined && getComputedStyle(document.querySelector(".top")).display === "flex" """), at


@test
def what_a_model_says_stays_text():
    """Through the server, streamed: the model has each string as one token."""
    need_chromium()
    with Server(write_speaker(os.path.join(PLACE.name, "speaker"), TEXTS)) as server:
        tab = browser().open(server.url + "/", script=WATCH)
        for first in range(0, len(TEXTS), 16):
            tab.press("n", "KeyN", alt=True)
            tab.wait("document.querySelectorAll('.message').length === 0")
            said = TEXTS[first:first + 16]
            for i in range(len(said)):
                ask(tab, str(first + i), done=False)
                tab.wait(f"document.querySelectorAll('.message.answer .acts:not([hidden])').length === {i + 1}")
            for i, text in enumerate(said):
                shown = tab.js(f"document.querySelectorAll('.message.answer')[{i}].innerText.length")
                assert shown > 20, (first + i, text, shown)
            wrong = tab.js(TOUCH + "(document.getElementById('log'))")
            assert wrong == [], (first, wrong)
            intact(tab, server.url, first)
        tab.reload()   # kept conversations are drawn again
        tab.click(".list li .open")
        intact(tab, server.url, "after a reload")
        assert not any("exception" in line for line in tab.console), tab.console
        tab.close()


def each(tab, statement):
    """What is wrong in a box that `statement` fills, for each `text` in its turn."""
    return tab.js(f"""(async () => {{
        const {{ render }} = await import("/page/markdown.js");
        const {{ sanitise }} = await import("/page/sanitise.js");
        const wrong = [];
        for (const text of {json.dumps(TEXTS)}) {{
            const box = document.createElement("div");
            document.body.append(box);
            {statement}
            wrong.push(...(await ({TOUCH})(box)));
            box.remove();
        }}
        return wrong;
    }})()""")


@test
def beginnings_of_what_it_says_stay_text_too():
    """While an answer streams, it is drawn cut off anywhere."""
    need_chromium()
    with Server("embedded:hearthside") as server:
        tab = browser().open(server.url + "/", script=WATCH)
        wrong = each(tab, """
            const step = Math.max(3, Math.ceil(text.length / 40));
            for (let end = 1; end < text.length; end += step) {
                box.append(render(text.slice(0, end)));
            }""")
        assert wrong == [], wrong[:5]
        intact(tab, server.url, "beginnings")
        tab.close()


@test
def the_sanitiser_alone_would_do():
    """The same strings as HTML, without Markdown before it that keeps elements out. (Its parser reports what the policy would
    refuse, in a document that is never shown.)"""
    need_chromium()
    with Server("embedded:hearthside") as server:
        tab = browser().open(server.url + "/", script=WATCH)
        wrong = each(tab, """
            for (const cut of [0, 1, 2]) {
                box.append(sanitise(text.slice(cut)));
            }
            box.querySelectorAll("a").forEach((a) => { a.target = "_blank"; a.rel = "noopener"; });   // as markdown.js does
            box.querySelectorAll("a:not([href])").forEach((a) => a.remove());""")
        assert wrong == [], wrong[:5]
        assert tab.js("seen.tripped") == 0 and tab.dialogs == []
        tab.js("seen.violations.length = 0")
        intact(tab, server.url, "sanitiser")
        tab.close()


@test
def names_of_files_and_tools_stay_text():
    """What else is shown and comes from outside: titles, file names, names of calls, models, errors, an imported file."""
    need_chromium()
    with Server("embedded:hearthside") as server:
        tab = browser().open(server.url + "/", script=WATCH)
        evil = f"<img src={OUTSIDE}/t.png onerror=tripwire()><script>tripwire()</script>"
        path = os.path.join(PLACE.name, "evil.json")
        conversation = {"id": "__proto__", "title": evil, "created": 1, "updated": 2, "__proto__": {"polluted": 1}, "messages": [
            {"role": "user", "text": evil, "files": [{"name": evil, "text": evil}], "__proto__": {"polluted": 1}},
            {"role": "assistant", "text": "", "reasoning": evil, "calls": [{"id": evil, "name": evil, "arguments": evil}], "model": evil,
             "seed": evil, "finish": "__proto__", "error": evil, "tokens": evil, "seconds": 1, "constructor": {"prototype": {"polluted": 1}}},
            {"role": "tool", "text": evil, "call": evil}]}
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"format": "hearth-conversations", "version": 1, "conversations": [conversation]}, file)
        tab.attach("#import-file", path)
        tab.wait("document.querySelectorAll('.message').length === 3")
        wrong = tab.js(TOUCH + "(document.getElementById('log'))")
        assert wrong == [], wrong
        assert tab.js("document.getElementById('chat-title').textContent") == evil
        intact(tab, server.url, "import")
        tab.close()


try:
    main()
finally:
    browser.close()
