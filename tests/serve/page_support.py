"""What the tests of the page share: a Chromium, models that say what a test wants, and somebody who chats."""

import json
import socket
import threading

from browser import Browser, find_chromium
from support import ROOT, Skip

import scripted_model

RICH = """# A title

Text with **weight**, `code`, [a link](https://example.org/) and $e^{i\\pi} + 1 = 0$.

| planet | moons |
|--------|------:|
| Earth  |     1 |
| Mars   |     2 |

```python
def answer(question: str) -> int:
    return 42  # always
```

- [x] done
- [ ] to do

$$\\int_0^1 x^2\\,dx = \\frac{1}{3}$$

> Quoted."""


def write_speaker(path, texts):
    """A model that answers "0" with the first text, "1" with the second, and "endless" without an end."""
    names = [f"<|say{i}|>" for i in [*range(len(texts)), "endless"]]
    before = scripted_model.SPECIAL
    scripted_model.SPECIAL = [*before, *names]
    try:
        chains = [[name, text, "<|im_end|>"] for name, text in zip(names, texts)]
        chains += [["<|sayendless|>", "tick ", "tock "], ["tock ", "tick "]]
        return scripted_model.write_model(path, chains, "<|say{{ messages[-1].content }}|>")
    finally:
        scripted_model.SPECIAL = before


def need_chromium():
    if find_chromium() is None:
        raise Skip("no chromium here (scripts/setup long installs it)")


class Cut:
    """Stands between browser and server. Behind the first piece of an answer that has `mark` in it nothing comes any more; close() ends the connection there."""

    def __init__(self, port, mark):
        self.to, self.mark = ("127.0.0.1", port), mark
        self.closed = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                browsers, _ = self.listener.accept()
            except OSError:
                return  # closed
            servers = socket.create_connection(self.to)
            threading.Thread(target=self.hand_on, args=(browsers, servers, None), daemon=True).start()
            threading.Thread(target=self.hand_on, args=(servers, browsers, self.mark), daemon=True).start()

    def hand_on(self, from_, to, mark):
        try:
            while data := from_.recv(4096):
                to.sendall(data)
                if mark is not None and mark in data:
                    self.closed.wait()
                    break
        except OSError:
            pass  # the other end went
        for s in (from_, to):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.closed.set()
        self.listener.close()


class Once:
    """A browser that is started when it is first wanted."""

    made = None

    def __call__(self):
        need_chromium()
        if self.made is None:
            self.made = Browser()
        return self.made

    def close(self):
        if self.made is not None:
            self.made.__exit__()


browser = Once()

DONE = "document.querySelector('.message:last-child.answer .acts:not([hidden])') !== null"


def ask(tab, text, done=True):
    tab.js("document.getElementById('question').focus()")
    tab.type(text)
    tab.press("Enter")
    if done:
        tab.wait(DONE)


def texts(tab):
    """What the messages say, without what stands around it."""
    return tab.js("[...document.querySelectorAll('.message .text')].map((e) => e.innerText.trim())")


def body(posted):
    return json.loads(posted["postData"])


__all__ = ["DONE", "Cut", "RICH", "ROOT", "ask", "body", "browser", "need_chromium", "texts", "write_speaker"]
