"""A real Chromium without a window, spoken to over its DevTools protocol: two pipes, JSON with a NUL behind it. What it asked of
the network, what it said in its console and which dialogs it opened are kept for the tests to look at."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

WAIT_S = 120   # machines that test are busy


def find_chromium():
    """Its path, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hearth-chromium-", ignore_cleanup_errors=True)
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()
        arguments = [find_chromium(), "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self.folder.name}", "--no-first-run",
                     "--no-default-browser-check", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     "--disable-extensions", "--disable-gpu", "--disable-dev-shm-usage", "--password-store=basic", "--mute-audio",
                     "--force-device-scale-factor=1", "--hide-scrollbars"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")   # Chromium refuses otherwise; the tests' pages are our own

        def pipes():
            # Both ends away from 3 and 4 first: they may lie there.
            a, b = os.dup(to_read), os.dup(from_write)
            a, b = (os.dup(a), os.dup(b))
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        preexec_fn=pipes, pass_fds=(3, 4), start_new_session=True)
        os.close(to_read)
        os.close(from_write)
        self.out = os.fdopen(to_write, "wb", buffering=0)
        self.came = os.fdopen(from_read, "rb")
        self.lock = threading.Condition()
        self.answers, self.listeners, self.number = {}, [], 0
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        try:
            self.send("Browser.close")
            self.process.wait(timeout=20)
        except (TimeoutError, subprocess.TimeoutExpired, OSError):
            self.process.kill()
            self.process.wait()
        self.out.close()
        self.folder.cleanup()

    def _read(self):
        rest = b""
        while True:
            some = self.came.read1(1 << 16)
            if not some:
                return
            *messages, rest = (rest + some).split(b"\0")
            for raw in messages:
                message = json.loads(raw)
                with self.lock:
                    if "id" in message:
                        self.answers[message["id"]] = message
                    for listen in self.listeners:
                        listen(message)
                    self.lock.notify_all()

    def begin(self, method, session=None, **parameters):
        """Sends; the answer is not waited for."""
        with self.lock:
            self.number += 1
            message = {"id": self.number, "method": method, "params": parameters}
            if session is not None:
                message["sessionId"] = session
            self.out.write(json.dumps(message).encode() + b"\0")
            return self.number

    def send(self, method, session=None, **parameters):
        number = self.begin(method, session, **parameters)
        with self.lock:
            if not self.lock.wait_for(lambda: number in self.answers, timeout=WAIT_S):
                raise TimeoutError(f"Chromium does not answer {method}")
            answer = self.answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, url, **options):
        return Tab(self, url, **options)


class Tab:
    """A page in a profile of its own. `script` runs before any of the page's."""

    def __init__(self, browser, url, width=1280, height=900, dark=False, script=""):
        self.browser = browser
        self.requests, self.posted, self.console, self.dialogs = [], [], [], []
        self.context = browser.send("Target.createBrowserContext")["browserContextId"]
        self.target = browser.send("Target.createTarget", url="about:blank", browserContextId=self.context)["targetId"]
        self.session = browser.send("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        browser.listeners.append(self._listen)
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.send("Page.addScriptToEvaluateOnNewDocument", source=script)
        self.size(width, height)
        self.colours(dark)
        self.go(url)

    def _listen(self, message):
        if message.get("sessionId") != self.session:
            return
        method, p = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(p["request"]["url"])
            if p["request"]["method"] == "POST":
                self.posted.append(p["request"])
        elif method == "Runtime.exceptionThrown":
            details = p["exceptionDetails"]
            self.console.append("exception: " + details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and p["type"] in ("error", "warning"):
            self.console.append(f"{p['type']}: " + " ".join(str(a.get("value", a.get("description"))) for a in p["args"]))
        elif method == "Log.entryAdded" and p["entry"]["level"] in ("error", "warning"):
            self.console.append(f"{p['entry']['level']}: {p['entry']['text']}")
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(p["message"])
            self.browser.begin("Page.handleJavaScriptDialog", self.session, accept=True)

    def send(self, method, **parameters):
        return self.browser.send(method, self.session, **parameters)

    def size(self, width, height):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def colours(self, dark):
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                                                          {"name": "prefers-reduced-motion", "value": "reduce"}])

    def go(self, url):
        self.send("Page.navigate", url=url)
        self.wait("document.documentElement.dataset.ready === 'true' || document.querySelector('main.plain') !== null")

    def reload(self):
        self.js("delete document.documentElement.dataset.ready")
        self.send("Page.reload")
        self.wait("document.documentElement.dataset.ready === 'true'")

    def js(self, expression):
        """The value of an expression, awaited; an exception is one here."""
        made = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in made:
            raise AssertionError(made["exceptionDetails"].get("exception", {}).get("description", made["exceptionDetails"]["text"]))
        return made["result"].get("value")

    def wait(self, condition, seconds=WAIT_S):
        end = time.monotonic() + seconds
        while True:
            try:
                value = self.js(condition)
                if value:
                    return value
            except (AssertionError, RuntimeError):
                value = "an exception"   # between two documents
            assert time.monotonic() < end, f"it did not come to {condition}: {value}"
            time.sleep(0.03)

    # ---- as somebody who uses it ----

    def click(self, selector):
        """With the mouse, in its middle: what covers it gets the click."""
        self.wait(f"document.querySelector({json.dumps(selector)}) !== null")
        x, y = self.js(f"""(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: "nearest"}});
            const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text):
        self.send("Input.insertText", text=text)

    def press(self, key, code=None, alt=False, shift=False):
        numbers = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowUp": 38, "ArrowDown": 40, " ": 32}
        what = {"key": key, "code": code or key, "modifiers": (1 if alt else 0) + (8 if shift else 0),
                "windowsVirtualKeyCode": numbers.get(key, ord(key[0].upper()))}
        if key == "Enter":
            what["text"] = "\r"
        self.send("Input.dispatchKeyEvent", type="keyDown", **what)
        self.send("Input.dispatchKeyEvent", type="keyUp", **{k: v for k, v in what.items() if k != "text"})

    def attach(self, selector, *paths):
        """Files into a field for files."""
        found = self.send("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")["result"]["objectId"]
        self.send("DOM.setFileInputFiles", files=list(paths), objectId=found)

    def picture(self):
        return base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])

    def downloaded(self, press):
        """Name and bytes of the file that `press` makes the page give."""
        with tempfile.TemporaryDirectory() as place:
            self.browser.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=place, browserContextId=self.context)
            press()
            end = time.monotonic() + WAIT_S
            while True:
                names = [n for n in os.listdir(place) if not n.endswith(".crdownload") and not n.startswith(".")]
                if names:
                    with open(os.path.join(place, names[0]), "rb") as file:
                        return names[0], file.read()
                assert time.monotonic() < end, "nothing was downloaded"
                time.sleep(0.03)

    def close(self):
        self.browser.listeners.remove(self._listen)
        self.browser.send("Target.disposeBrowserContext", browserContextId=self.context)
