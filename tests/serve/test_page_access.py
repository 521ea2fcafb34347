#!/usr/bin/env python3
"""The page for everybody: axe-core finds nothing wrong with any view, in light and in dark, wide and narrow. Needs the file
axe.min.js (PyPI's axe-core-python carries it); prints TAP."""

import json
import os
import subprocess
import tempfile

from page_support import DONE, RICH, ask, browser, need_chromium, write_speaker
from support import OWN, Server, Skip, main, test, write_model

PLACE = tempfile.TemporaryDirectory()
SPEAKER = write_speaker(os.path.join(PLACE.name, "speaker"), ["Zero.", RICH])
THINKER = write_model(os.path.join(PLACE.name, "thinker"))
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]


def axe():
    """Its text, from wherever python3 keeps packages."""
    where = "import axe_core_python as a, os; print(os.path.join(os.path.dirname(a.__file__), 'axe.min.js'))"
    found = subprocess.run(["python3", "-c", where], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        raise Skip("no axe-core-python here (tests/requirements.txt)")
    with open(found.stdout.strip(), encoding="utf-8") as file:
        return file.read()


def look(tab, name):
    """In both colours and two widths."""
    passed = 0
    for width in (1280, 390):
        tab.size(width, 900)
        for dark in (False, True):
            tab.colours(dark)
            made = tab.js("""axe.run(document, { resultTypes: ["violations"] }).then((r) => ({ passes: r.passes.length,
                wrong: r.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 150) + " " + (n.any[0]?.message ?? "")).join("; ")}`) }))""")
            assert made["wrong"] == [], (name, width, "dark" if dark else "light", made["wrong"])
            passed += made["passes"]
    assert passed > 60, (name, passed)   # that it looked
    tab.size(1280, 900)


@test
def every_view_is_accessible():
    need_chromium()
    source = axe()
    with Server(OWN, SPEAKER, THINKER) as server:
        tab = browser().open(server.url + "/")
        tab.js(source + "; 0")
        look(tab, "an empty chat")
        tab.click("#settings-open")
        look(tab, "settings")
        tab.js(f"document.getElementById('set-tools').value = {json.dumps(json.dumps(TOOLS))}")
        tab.click("#settings .primary")
        tab.wait("!document.getElementById('settings').open")
        tab.press("h", "KeyH", alt=True)
        look(tab, "help")
        tab.press("Escape")
        tab.js("document.getElementById('model').value = 'speaker'")
        ask(tab, "1")
        tab.wait("document.querySelector('.answer .hljs-keyword') !== null && document.querySelectorAll('.katex').length === 2")
        tab.js("document.getElementById('model').value = 'thinker'")
        ask(tab, "the weather?")
        tab.js("document.querySelectorAll('.message details').forEach((d) => { d.open = true; })")
        tab.click(".act-edit")
        look(tab, "a chat")
        tab.js("document.getElementById('model').options[0].value = 'nobody'; document.getElementById('model').selectedIndex = 0")
        ask(tab, "x", done=False)
        tab.wait(DONE)
        look(tab, "an error")
        tab.js("location.hash = '#/models/hearthside'")
        tab.wait("document.querySelector('#model-about pre') !== null")
        look(tab, "models")
        tab.js("location.hash = '#/live'")
        tab.wait("document.querySelectorAll('canvas').length === 5 && document.querySelector('#live-errors table') !== null")
        look(tab, "the live view")
        tab.go(server.url + "/licences")
        tab.js(source + "; 0")
        look(tab, "licences")
        tab.close()


try:
    main()
finally:
    browser.close()
