#!/usr/bin/env python3
"""The page of hearth serve in a real Chromium, against the real server: conversations with the model that is in the program, and
with one that says what a test wants. Prints TAP."""

import json
import os
import re
import tempfile

from page_support import DONE, RICH, ROOT, Cut, ask, body, browser, need_chromium, texts, write_speaker
from support import OWN, Server, main, test, write_model

PLACE = tempfile.TemporaryDirectory()
BARN = "Tom has a red ball. Ann sleeps in the barn. Where is Ann?"
POLICY = {"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'", "font-src 'self'",
          "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"}


def at(name):
    return os.path.join(PLACE.name, name)


# An endless answer fits into what the server keeps for a slow reader.
SHORTER = "localStorage.setItem('hearth.settings', JSON.stringify({ max_tokens: 1000 }));"


def write(name, data):
    with open(at(name), "wb") as file:
        file.write(data)
    return at(name)


SPEAKER = write_speaker(at("speaker"), ["Zero.", "One.", RICH])
THINKER = write_model(at("thinker"))


def quiet(tab, server):
    """Nothing was said in the console, nobody else was asked."""
    assert tab.console == [], tab.console
    assert all(r.startswith(server.url) or r.startswith("blob:" + server.url) for r in tab.requests), tab.requests


# ---- without a browser


@test
def files_have_strict_headers():
    with Server(OWN) as server:
        status, headers, page = server.send("GET", "/")
        assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8", headers
        assert set(headers["Content-Security-Policy"].split("; ")) == POLICY, headers
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer", headers
        status, again, nothing = server.send("GET", "/", headers={"If-None-Match": headers["ETag"]})
        assert (status, nothing) == (304, b"") and again["Content-Security-Policy"] == headers["Content-Security-Policy"], again
        assert server.send("HEAD", "/")[0] == 200
        for path in re.findall(rb'(?:src|href)="(/[^"]*)"', page):
            status, headers, _ = server.send("GET", path.decode())
            assert status == 200 and set(headers["Content-Security-Policy"].split("; ")) == POLICY, path
        for path in ("/page/", "/page/nothing.js", "/page/../LICENSE", "/page/lib", "/page/__proto__"):
            status, _, answer = server.send("GET", path)
            assert status == 404 and json.loads(answer)["error"]["code"] == "unknown_url", (path, answer)
        assert server.send("POST", "/", {})[0] == 405


@test
def licences_are_served():
    with Server(OWN) as server:
        _, _, page = server.send("GET", "/licences")
        wanted = {"marked": b"MarkedJS", "dompurify": b"Heiderich", "highlight": b"Sagalaev", "katex": b"Khan Academy", "katex-fonts": b"Khan Academy",
                  "chart": b"Chart.js Contributors", "LICENSE": b"Apache License"}
        links = re.findall(rb'href="/page/licences/([^"]*)"', page)
        assert {link.decode() for link in links} == set(wanted), links
        for name, owner in wanted.items():
            status, headers, text = server.send("GET", "/page/licences/" + name)
            assert status == 200 and headers["Content-Type"] == "text/plain; charset=utf-8" and owner in text, name


@test
def our_files_name_no_address_outside():
    folder = os.path.join(os.path.dirname(ROOT), "web")
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = file.read()
        found = [a for a in re.findall(r"""["'(=]\s*((?:https?:)?//[^"'\s)]*)""", text) if a != "http://www.w3.org/2000/svg"]
        assert not found, (name, found)
        if name.endswith((".js", ".html")) and name != "dom.js":
            assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text), name


@test
def a_model_is_described():
    with Server(OWN, THINKER) as server:
        status, made = server.get("/api/hearth/models/hearthside")
        assert status == 200 and made["licence"] == "CC0-1.0" and made["parameters"] == 876544, made
        assert made["sources"] == [{"name": "hearthside", "licence": "CC0-1.0", "evidence": "docs/hearthside.md", "language": "en",
                                    "kind": "generator", "documents": 20000}], made["sources"]
        with open(os.path.join(os.path.dirname(ROOT), "models", "hearthside", "recipe.yaml"), encoding="utf-8") as file:
            assert made["recipe"] == file.read()
        status, made = server.get("/api/hearth/models/thinker")
        assert status == 200 and made["name"] == "thinker" and "recipe" not in made and made["licence"] is None, made
        assert PLACE.name not in json.dumps(made), "a path of this machine's"
        assert server.get("/api/hearth/models/nobody")[0] == 404
        write("thinker/recipe.yaml", b"recipe: 1\nname: [")
        status, made = server.get("/api/hearth/models/thinker")
        os.unlink(at("thinker/recipe.yaml"))
        assert status == 200 and made["recipe_error"] and PLACE.name not in made["recipe_error"], made


# ---- conversations


@test
def a_whole_conversation():
    need_chromium()
    with Server(OWN) as server:
        tab = browser().open(server.url + "/")
        ask(tab, BARN)
        assert texts(tab) == [BARN, "Ann is in the barn."], texts(tab)
        ask(tab, "Mia has a green hat. What has Mia?")
        assert len(texts(tab)) == 4 and texts(tab)[3], texts(tab)
        assert [m["role"] for m in body(tab.posted[1])["messages"]] == ["user", "assistant", "user"]
        about = tab.js("document.querySelector('.answer .about').textContent")
        assert re.fullmatch(r"hearthside · \d+ tokens · ([\d.]+ tokens/s · )?seed \d+", about), about   # it may come at once
        assert str(body(tab.posted[0])["seed"]) in about
        tab.click(".answer .act-retry")   # of the first answer: what came after it is gone
        tab.wait("document.querySelectorAll('.message').length === 2 && " + DONE)
        assert texts(tab) == [BARN, "Ann is in the barn."] and body(tab.posted[2])["seed"] != body(tab.posted[0])["seed"]
        quiet(tab, server)
        tab.close()


@test
def conversations_are_kept():
    need_chromium()
    with Server(OWN, SPEAKER) as server:
        tab = browser().open(server.url + "/")
        tab.js("document.getElementById('model').value = 'speaker'; document.getElementById('model').dispatchEvent(new Event('change'))")
        ask(tab, "0")
        tab.click("#new")
        tab.wait("document.querySelectorAll('.message').length === 0")
        ask(tab, "1")
        tab.reload()
        tab.wait("document.querySelectorAll('.message').length === 2")
        assert texts(tab) == ["1", "One."], texts(tab)
        titles = "[...document.querySelectorAll('.list .open')].map((e) => e.textContent)"
        assert tab.js(titles) == ["1", "0"]
        assert tab.js("document.getElementById('model').value") == "speaker"
        tab.press("ArrowDown", alt=True)
        tab.wait("document.querySelector('.message .text').innerText === '0'")
        tab.click("#rename")
        tab.js("document.getElementById('rename-text').value = ''")
        tab.type("Nought <b>")
        tab.press("Enter")
        tab.wait(titles + "[1] === 'Nought <b>'")
        tab.click(".list li:nth-child(2) button:last-child")
        tab.wait("document.querySelectorAll('.list li').length === 1")
        assert tab.dialogs == ["Delete “Nought <b>”? It is kept nowhere else."], tab.dialogs
        tab.reload()
        assert tab.js(titles) == ["1"]
        quiet(tab, server)
        tab.close()


@test
def a_question_is_edited():
    need_chromium()
    with Server(SPEAKER) as server:
        tab = browser().open(server.url + "/")
        ask(tab, "0")
        ask(tab, "1")
        tab.press("e", "KeyE", alt=True)   # the last
        tab.wait("document.querySelector('.edit textarea') === document.activeElement")
        tab.press("Escape")
        tab.wait("document.querySelector('.edit') === null")
        assert texts(tab) == ["0", "Zero.", "1", "One."]
        tab.click(".act-edit")             # the first
        tab.js("document.querySelector('.edit textarea').value = ''")
        tab.type("1")
        tab.press("Enter")
        tab.wait("document.querySelectorAll('.message').length === 2 && " + DONE)
        assert texts(tab) == ["1", "One."], texts(tab)
        quiet(tab, server)
        tab.close()


@test
def an_answer_says_how_fast_it_came():
    need_chromium()
    came = [(301, 2, "301 tokens · 150 tokens/s"), (50001, 4, "50001 tokens · 12500 tokens/s"), (301, 0.049, "301 tokens"), (301, 0, "301 tokens"),
            (1, 2, "1 tokens"), (0, 2, None), (3, 0.05, "3 tokens · 40.0 tokens/s")]
    messages = [{"role": "assistant", "model": "m", "seed": 7, "tokens": tokens, "seconds": seconds} for tokens, seconds, _ in came]
    kept = {"format": "hearth-conversations", "conversations": [{"id": "rates", "title": "rates", "messages": messages}]}
    with Server(SPEAKER) as server:
        tab = browser().open(server.url + "/")
        tab.attach("#import-file", write("rates.json", json.dumps(kept).encode()))
        tab.wait(f"document.querySelectorAll('.answer').length === {len(came)}")
        said = tab.js("[...document.querySelectorAll('.about')].map((e) => e.textContent)")
        assert said == [" · ".join(part for part in ("m", rate, "seed 7") if part) for _, _, rate in came], said
        quiet(tab, server)
        tab.close()


@test
def an_answer_is_stopped():
    need_chromium()
    with Server(SPEAKER) as server:
        tab = browser().open(server.url + "/", script=SHORTER)
        tab.send("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=6000, uploadThroughput=-1)
        ask(tab, "endless", done=False)
        tab.wait("/tick tock tick/.test(document.querySelector('.answer .text')?.innerText)")
        assert tab.js("document.getElementById('send').hidden") and tab.js("document.querySelector('.answer').ariaBusy") == "true"
        tab.click("#stop")
        tab.wait(DONE)
        tab.send("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        shown = texts(tab)[1]
        assert tab.js("document.querySelector('.about').textContent").endswith("stopped")
        assert len(shown) < 5000, len(shown)   # the whole would fill the context
        tab.wait(f"fetch('/metrics').then((r) => r.text()).then((t) => /^hearth_running 0$/m.test(t))")
        ask(tab, "1")
        assert texts(tab)[3] == "One.", texts(tab)
        tab.reload()
        tab.wait("document.querySelectorAll('.message').length === 4")
        assert texts(tab)[1] == shown
        quiet(tab, server)
        tab.close()


@test
def thinking_is_folded_away_and_calls_are_shown():
    need_chromium()
    with Server(THINKER) as server:
        tab = browser().open(server.url + "/")
        ask(tab, "hello")
        assert texts(tab)[1] == "Four, STOP and go.", texts(tab)
        fold = "document.querySelector('.answer details')"
        assert tab.js(fold + ".open") is False and "two and two" in tab.js(fold + ".textContent")
        tab.click(".answer summary")
        tab.wait(fold + ".open")

        tab.press("s", "KeyS", alt=True)
        tab.js("document.getElementById('set-tools').value = 'no JSON'")
        tab.click("#settings .primary")
        assert "no JSON" in tab.js("document.getElementById('settings-wrong').textContent")
        tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]
        tab.js(f"document.getElementById('set-tools').value = {json.dumps(json.dumps(tools))}")
        tab.click("#settings .primary")
        tab.wait("!document.getElementById('settings').open")
        ask(tab, "the weather?")
        assert body(tab.posted[-1])["tools"] == tools
        assert tab.js("document.querySelector('.call').innerText").startswith("Calls get_weather")
        assert json.loads(tab.js("document.querySelector('.call pre').textContent")) == {"city": "Paris"}
        tab.click(".call textarea")
        tab.type("21 degrees")
        tab.click(".call button")
        tab.wait("document.querySelectorAll('.message').length === 6 && " + DONE)
        assert texts(tab)[-1] == "It is 21.", texts(tab)
        sent = body(tab.posted[-1])["messages"]
        assert sent[-1]["content"] == "21 degrees" and sent[-1]["tool_call_id"] == sent[-2]["tool_calls"][0]["id"], sent
        quiet(tab, server)
        tab.close()


@test
def markdown_becomes_elements():
    need_chromium()
    with Server(SPEAKER) as server:
        tab = browser().open(server.url + "/")
        ask(tab, "2")
        tab.wait("document.querySelector('.answer .hljs-keyword') !== null && document.querySelectorAll('.katex').length === 2")
        answer = "document.querySelector('.answer .text')"
        assert tab.js(answer + ".querySelector('h3').textContent") == "A title"
        assert tab.js(answer + ".querySelectorAll('tbody tr').length") == 2
        assert tab.js(f"getComputedStyle({answer}.querySelector('tbody td:last-child')).textAlign") == "right"
        assert tab.js(answer + ".querySelector('pre').textContent") == "def answer(question: str) -> int:\n    return 42  # always\n"
        assert tab.js(answer + ".querySelectorAll('input[type=checkbox]:disabled').length") == 2 and tab.js(answer + ".querySelectorAll('input:checked').length") == 1
        assert tab.js(f"getComputedStyle({answer}.querySelector('.katex-mathml')).position") == "absolute"   # KaTeX's style is there
        tab.wait("document.fonts.check('16px KaTeX_Math')")
        tab.wait("(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight < 2)(document.getElementById('log'))")
        link = json.loads(tab.js(f"(() => {{ const a = {answer}.querySelector('a'); return JSON.stringify([a.href, a.target, a.rel]); }})()"))
        assert link == ["https://example.org/", "_blank", "noopener noreferrer nofollow"], link
        quiet(tab, server)
        tab.close()


@test
def conversations_leave_and_come_back():
    need_chromium()
    with Server(SPEAKER) as server:
        tab = browser().open(server.url + "/")
        ask(tab, "2")
        name, raw = tab.downloaded(lambda: tab.click("#export-markdown"))
        assert name == "2.md" and raw.decode() == f"# 2\n\n## You\n\n2\n\n## speaker\n\n{RICH}\n\n", raw
        name, raw = tab.downloaded(lambda: tab.click("#export-json"))
        whole = json.loads(raw)
        assert name == "2.json" and whole["conversations"][0]["messages"][1]["text"] == RICH, raw
        tab.click(".list li button:last-child")
        tab.wait("document.querySelectorAll('.list li').length === 0")
        tab.attach("#import-file", write("back.json", raw))
        tab.wait("document.querySelectorAll('.message').length === 2")
        tab.attach("#import-file", at("back.json"))   # again: another conversation, not the same one over it
        tab.wait("document.querySelectorAll('.list li').length === 2")
        for data, wanted in ((b"{", "is no JSON"), (b"[1]", "holds no conversations"), (b'{"format": "hearth-conversations", "conversations": [{"id": 3}]}', "holds no")):
            tab.attach("#import-file", write("wrong.json", data))
            tab.wait(f"document.getElementById('notice').textContent.includes({json.dumps(wanted)})")
            tab.js("document.getElementById('notice').textContent = ''")
        assert tab.js("document.querySelectorAll('.list li').length") == 2
        _, raw = tab.downloaded(lambda: tab.click("#export-all"))
        assert [c["messages"] for c in json.loads(raw)["conversations"]] == 2 * [whole["conversations"][0]["messages"]]
        quiet(tab, server)
        tab.close()


@test
def files_go_with_a_question():
    need_chromium()
    with Server(SPEAKER) as server:
        tab = browser().open(server.url + "/")
        notice = "document.getElementById('notice').textContent"
        tab.attach("#attach-file", write("big.txt", b"x" * (256 * 1024 + 1)))
        tab.wait(notice + ".includes('big.txt has 257 KB')")
        tab.attach("#attach-file", write("picture.png", b"\x89PNG\xff\xfe"))
        tab.wait(notice + ".includes('picture.png is no text in UTF-8')")
        tab.attach("#attach-file", write("zero.txt", b"a\0b"))
        tab.wait(notice + ".includes('zero.txt is no text')")
        assert tab.js("document.querySelectorAll('#files li').length") == 0
        tab.attach("#attach-file", write("notes.md", b"```\nfenced\n```"), write("b.txt", "größer".encode()))
        tab.wait("document.querySelectorAll('#files li').length === 2")
        tab.click("#files li:last-child button")
        tab.wait("document.querySelectorAll('#files li').length === 1")
        ask(tab, "Read this.", done=False)
        tab.wait(DONE)
        assert body(tab.posted[-1])["messages"][0]["content"] == "Read this.\n\nFile notes.md:\n````\n```\nfenced\n```\n````"
        assert tab.js("document.querySelector('.user summary').textContent").startswith("notes.md")
        quiet(tab, server)
        tab.close()


@test
def settings_are_sent_and_kept():
    need_chromium()
    with Server(SPEAKER) as server:
        tab = browser().open(server.url + "/")
        values = {"system": "Be brief.", "temperature": "0.5", "top_p": "0.9", "top_k": "20", "max_tokens": "7", "seed": "42", "key": "secret-key"}
        tab.click("#settings-open")
        for name, value in values.items():
            tab.js(f"document.getElementById('set-{name}').value = {json.dumps(value)}")
        tab.js("document.getElementById('set-theme').value = 'dark'")
        tab.click("#settings .primary")
        tab.wait("!document.getElementById('settings').open")
        assert tab.js("getComputedStyle(document.body).backgroundColor") == "rgb(23, 21, 19)"
        tab.reload()
        assert tab.js("document.documentElement.dataset.theme") == "dark"
        ask(tab, "0")
        sent = body(tab.posted[-1])
        assert sent["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "0"}], sent
        assert {k: sent[k] for k in ("temperature", "top_p", "top_k", "max_tokens", "seed")} == {
            "temperature": 0.5, "top_p": 0.9, "top_k": 20, "max_tokens": 7, "seed": 42}, sent
        assert tab.posted[-1]["headers"]["Authorization"] == "Bearer secret-key"
        assert "secret-key" not in tab.js("JSON.stringify(localStorage)") and "secret-key" in tab.js("JSON.stringify(sessionStorage)")
        tab.click("#settings-open")
        tab.js("document.getElementById('set-temperature').value = '99'")
        tab.click("#settings .primary")
        assert tab.js("document.getElementById('settings').open"), "99 is out of range"
        tab.press("Escape")
        tab.wait("!document.getElementById('settings').open")
        quiet(tab, server)
        tab.close()


# ---- what goes wrong


@test
def storage_that_is_full_or_forbidden_is_told():
    need_chromium()
    full = """
        IDBObjectStore.prototype.put = function (value) { throw new DOMException("full", "QuotaExceededError"); };
        Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };"""
    forbidden = """IDBFactory.prototype.open = () => { throw new DOMException("no", "SecurityError"); };
        for (const name of ["localStorage", "sessionStorage"]) {
          Object.defineProperty(window, name, { get() { throw new DOMException("no", "SecurityError"); } });
        }"""
    with Server(SPEAKER) as server:
        for script, wanted in ((full, "storage is full"), (forbidden, "keeps nothing")):
            tab = browser().open(server.url + "/", script=script)
            if script is forbidden:   # known at once
                tab.wait(f"document.getElementById('notice').textContent.includes('{wanted}')")
            ask(tab, "0")
            if script is full:
                tab.wait(f"document.getElementById('notice').textContent.includes('{wanted}')")
            assert texts(tab) == ["0", "Zero."], texts(tab)   # it works all the same
            tab.click("#settings-open")
            tab.js("document.getElementById('set-key').value = 'k'")
            tab.click("#settings .primary")
            ask(tab, "1")
            assert tab.posted[-1]["headers"]["Authorization"] == "Bearer k"
            tab.close()


@test
def errors_are_shown():
    need_chromium()
    with Server(SPEAKER) as server:
        cut = Cut(server.port, b"tock")
        tab = browser().open(cut.url + "/", script=SHORTER)
        tab.js("document.getElementById('model').options[0].value = 'nobody'")
        ask(tab, "0")
        wrong = "document.querySelector('.message:last-child .wrong').textContent"
        assert tab.js(wrong) == "The model `nobody` does not exist.", tab.js(wrong)
        tab.js("document.getElementById('model').options[0].value = 'speaker'")
        tab.press("r", "KeyR", alt=True)
        tab.wait("document.querySelector('.answer .text')?.innerText === 'Zero.'")
        tab.wait(DONE)   # until then nothing can be asked
        ask(tab, "endless", done=False)
        tab.wait("document.querySelector('.message:last-child .text')?.innerText.startsWith('tick')")
        cut.close()
        tab.wait(DONE)
        tab.wait(wrong + " !== ''")
        assert tab.js(wrong) in ("The connection ended before the answer did.", "network error"), tab.js(wrong)
        assert "tick" in texts(tab)[-1] and len(texts(tab)[-1]) < 4096, texts(tab)[-1]   # what came is kept
        tab.send("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        ask(tab, "1", done=False)
        tab.wait("document.querySelectorAll('.message').length === 6")
        tab.wait(DONE)
        assert tab.js(wrong) == "The server does not answer.", tab.js(wrong) + str(texts(tab))
        tab.close()


# ---- the other views


@test
def the_models_view_says_what_is_known():
    need_chromium()
    with Server(OWN, THINKER) as server:
        tab = browser().open(server.url + "/#/models")
        tab.wait("document.querySelector('#model-about pre') !== null")
        said = tab.js("document.getElementById('model-about').innerText")
        for wanted in ("hearthside", "876,544", "CC0-1.0", "docs/hearthside.md", "steps: 1000"):
            assert wanted in said, (wanted, said)
        tab.click("#model-names li:last-child a")
        tab.wait("document.querySelector('#model-about h2')?.textContent === 'thinker'")
        assert "there is no recipe beside them" in tab.js("document.getElementById('model-about').innerText")
        quiet(tab, server)
        tab.close()


@test
def the_live_view_follows_the_server():
    need_chromium()
    with Server(OWN) as server:
        tab = browser().open(server.url + "/#/live")
        value = "[...document.querySelectorAll('.card')].find((c) => c.innerText.startsWith('%s')).querySelector('.value').innerText"
        tab.wait((value % "Answers so far") + " === '0'")
        asked = [{"role": "user", "content": BARN}]
        server.good("/v1/chat/completions", {"model": "hearthside", "messages": asked})
        server.post("/v1/chat/completions", {"model": "nobody", "messages": asked})
        tab.wait((value % "Answers so far") + " === '1'")
        tab.wait("document.querySelectorAll('canvas').length === 5 && document.querySelector('canvas').ariaLabel.startsWith('Tokens per second, now: answers')")
        assert re.search(r"status 404\s+1$", tab.js("document.getElementById('live-errors').innerText").strip())
        seen = len(tab.requests)
        tab.js("location.hash = '#/'")
        tab.wait("!document.getElementById('view-chat').hidden")
        tab.js("new Promise((r) => setTimeout(r, 2500))")
        assert len(tab.requests) - seen <= 1, "it asks although nobody looks"
        quiet(tab, server)
        tab.close()


@test
def quantiles_of_histograms_are_right():
    """Against a reading by hand of the same text."""
    need_chromium()
    text = ("# TYPE h histogram\n" + "".join(f'h_bucket{{le="{b}"}} {n}\n' for b, n in (("0.1", 0), ("0.2", 50), ("0.4", 90), ("+Inf", 100)))
            + 'h_sum 5\nh_count 100\ne{status="404",kind="a\\"b"} 3\n')
    later = text.replace(" 100", " 200").replace(" 50", " 150").replace(" 90", " 190")
    with Server(OWN) as server:
        tab = browser().open(server.url + "/licences")
        made = tab.js(f"""import("/page/metrics.js").then(({{ readMetrics, quantile, growth, total }}) => {{
            const m = readMetrics({json.dumps(text)});
            const later = readMetrics({json.dumps(later)});
            return [quantile(null, m, "h", 0.25), quantile(null, m, "h", 0.7), quantile(null, m, "h", 0.99), quantile(m, later, "h", 0.5),
                    quantile(m, m, "h", 0.5), growth(m, later, "h_count"), growth(later, m, "h_count"), total(m, "nothing"),
                    m.get("e")[0].labels.get("kind"), m.get("e")[0].value];
        }})""")
        near = [round(v, 9) if isinstance(v, float) else v for v in made]
        assert near == [0.15, 0.3, 0.4, 0.15, None, 100, None, None, 'a\\"b', 3], near
        tab.close()


@test
def a_phone_has_room_enough():
    need_chromium()
    with Server(OWN, SPEAKER) as server:
        tab = browser().open(server.url + "/", width=390, height=780)
        tab.js("document.getElementById('model').value = 'speaker'")
        ask(tab, "2")
        for view in (tab.js("location.hash"), "#/models", "#/live"):
            tab.js(f"location.hash = {json.dumps(view)}")
            tab.wait("document.querySelector('.view:not([hidden]) h1').innerText !== '' && document.querySelectorAll('.view:not([hidden])').length === 1")
            assert tab.js("document.documentElement.scrollWidth") <= 390, view
        tab.js("location.hash = '#/'")
        assert not tab.js("document.getElementById('list').checkVisibility()")
        tab.click("#list-toggle")
        tab.wait("document.getElementById('list').checkVisibility() && document.getElementById('list-toggle').ariaExpanded === 'true'")
        tab.click(".list .open")
        tab.wait("!document.getElementById('list').checkVisibility() && document.querySelectorAll('.message').length === 2")
        quiet(tab, server)
        tab.close()


@test
def keys_do_what_the_help_says():
    need_chromium()
    with Server(SPEAKER) as server:
        tab = browser().open(server.url + "/")
        tab.press("h", "KeyH", alt=True)
        tab.wait("document.getElementById('help').open")
        assert tab.js("document.querySelectorAll('#shortcuts kbd').length") > 15
        tab.press("Escape")
        tab.wait("!document.getElementById('help').open")
        tab.type("two")
        tab.press("Enter", shift=True)
        tab.type("lines")
        assert tab.js("document.getElementById('question').value") == "two\nlines"
        tab.press("Tab")   # the focus goes on, visibly, through everything
        seen = []
        for _ in range(40):
            what = tab.js("""(() => { const e = document.activeElement; const s = getComputedStyle(e);
                return [e.id || e.className || e.tagName, e.tagName === "BODY" || s.outlineStyle !== "none"]; })()""")
            assert what[1], ("no outline", what)
            seen.append(what[0])
            tab.press("Tab")
        for wanted in ("attach", "send", "settings-open", "help-open", "new", "log", "question"):
            assert wanted in seen, (wanted, seen)
        tab.close()


try:
    main()
finally:
    browser.close()
