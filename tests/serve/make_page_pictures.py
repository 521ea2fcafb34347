#!/usr/bin/env python3
"""Makes docs/images/serve-*.png: the page at three widths, with what a model of the tests says. Needs Chromium and Pillow.

    make_page_pictures.py"""

import io
import os
import tempfile

from page_support import ROOT, ask, browser, write_speaker
from support import OWN, Server

from PIL import Image

IMAGES = os.path.join(os.path.dirname(ROOT), "docs", "images")
SAID = """An unladen **European swallow** keeps a Strouhal number near $\\mathrm{St} = \\frac{fA}{v} \\approx 0.3$, so its speed follows
from how it beats its wings:

| | wing beats | amplitude | speed |
|---|---:|---:|---:|
| European | 15 / s | 22 cm | 11 m/s |
| African | 12 / s | 28 cm | 11 m/s |

```python
def speed(frequency: float, amplitude: float, strouhal: float = 0.3) -> float:
    return frequency * amplitude / strouhal  # metres a second

print(speed(15, 0.22))
```

Both are *estimates*; a laden one is slower."""


def keep(tab, name):
    tab.js("new Promise((r) => setTimeout(r, 500))")
    picture = Image.open(io.BytesIO(tab.picture())).convert("RGB")
    path = os.path.join(IMAGES, f"serve-{name}.png")
    picture.quantize(48, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {os.path.getsize(path) // 1024} KB")


def main():
    with tempfile.TemporaryDirectory() as place, Server("example=" + write_speaker(os.path.join(place, "m"), [SAID])) as server:
        tab = browser().open(server.url + "/", width=1280, height=860)
        # The question is put in the place of the one that the model knows.
        ask(tab, "0")
        tab.js("document.querySelector('.user .text').textContent = 'What is the speed of a swallow?'")
        tab.js("document.querySelectorAll('#chat-title, .list .open').forEach((e) => { e.textContent = 'What is the speed of a swallow?'; })")
        tab.wait("document.querySelector('.answer .hljs-keyword') !== null && document.querySelectorAll('.katex').length === 1")
        tab.js("document.getElementById('log').scrollTop = 0")
        keep(tab, "1280")
        tab.size(820, 860)
        tab.js("document.getElementById('log').scrollTop = 0")
        tab.colours(True)
        keep(tab, "820")
        tab.size(390, 780)
        tab.js("document.getElementById('log').scrollTop = 0")
        tab.colours(False)
        keep(tab, "390")
    with Server(OWN) as server:
        tab = browser().open(server.url + "/#/live", width=1280, height=820, dark=True)
        for i in range(40):
            server.good("/v1/chat/completions", {"messages": [{"role": "user", "content": f"Tom has {'a red ball. ' * (1 + i % 5)}Where is Tom?"}]})
            tab.js(f"new Promise((r) => setTimeout(r, {150 + 40 * (i % 9)}))")
        keep(tab, "live")
        tab = browser().open(server.url + "/#/models", width=1280, height=820)
        tab.wait("document.querySelector('#model-about pre') !== null")
        keep(tab, "models")


try:
    main()
finally:
    browser.close()
