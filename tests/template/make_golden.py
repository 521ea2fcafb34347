"""Writes the expected texts of tests/template: python3 tests/template/make_golden.py FIXTURES

Needs transformers and jinja2. FIXTURES/templates/*.jinja are read, not copied: what is committed are the conversations,
the SHA-256 of each rendering, and a few renderings in full."""
import collections
import hashlib
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import conversations  # noqa: E402
import language  # noqa: E402
import reference  # noqa: E402

HERE = pathlib.Path(__file__).parent
IN_FULL = {"Qwen-Qwen3-0.6B": ["tool answered", "unicode"], "meta-llama-Llama-3.1-8B-Instruct": ["tools offered"],
           "google-gemma-2-2b-it": ["unicode"], "openai-gpt-oss-120b": ["tools offered"]}


def write(name, data):
    text = json.dumps(data, ensure_ascii=False, indent=0, separators=(",", ":"))
    (HERE / name).write_text(text + "\n", encoding="utf-8")
    print(name, len(text))


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def templates(folder):
    found = {}
    for path in sorted(folder.glob("*.jinja")):
        source = path.read_text(encoding="utf-8")
        expected = {}
        for name, variables in conversations.CONVERSATIONS.items():
            kind, text = reference.render(source, variables)
            if kind == "out" and name in IN_FULL.get(path.stem, []):
                expected[name] = {"text": text}
            elif kind == "out":
                expected[name] = sha256(text)
            else:
                expected[name] = {kind: text}
        found[path.name] = {"sha256": sha256(source), "expected": expected}
    return found


def main():
    write("conversations.json", {"now": reference.NOW, "conversations": conversations.CONVERSATIONS})
    write("templates.json", templates(pathlib.Path(sys.argv[1]) / "templates"))
    cases = []
    for source in language.cases():
        kind, text = reference.render(source, language.V)
        cases.append({"source": source, kind: text})
    write("language.json", {"now": reference.NOW, "variables": language.V, "cases": cases})
    print(len(cases), collections.Counter(k for c in cases for k in c if k != "source"))


if __name__ == "__main__":
    main()
