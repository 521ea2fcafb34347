"""JSON-Schema-Test-Suite (2020-12) and JSONTestSuite, from the fixtures, against the grammars made of schemas.

What is valid must be accepted in one of the spellings that docs/structured-output.md allows (members in any order that
the grammar may want, whole numbers without a point); what is invalid must be refused in each. A schema with a keyword that
is not supported must be refused with the keyword's name. Skips without HEARTH_FIXTURES.

With --table it prints the share supported, a line a file."""
import itertools
import json
import os
import pathlib
import subprocess
import sys

# Valid under the suite, refused by us on purpose (docs/structured-output.md): formats are asserted.
ASSERTED = {"format.json"}
# Files that are about what no schema sent to us can have: other documents, dialects.
OUT_OF_SCOPE = set()


class Tool:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, texts, **what):
        what["texts"] = [t.hex() if isinstance(t, bytes) else t.encode("utf-8", "surrogatepass").hex() for t in texts]
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def spellings(value, most=400):
    """Texts of a value: members in every order, as far as that stays few."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return [json.dumps(value, ensure_ascii=False)]
    if isinstance(value, (int, float)):
        texts = [json.dumps(value)]
        if isinstance(value, float) and value == int(value) and abs(value) < 1e300:
            texts.append(str(int(value)))
        return texts
    if isinstance(value, list):
        lists = itertools.product(*[spellings(v, 24) for v in value])
        return ["[" + ", ".join(items) + "]" for items in itertools.islice(lists, most)]
    texts = []
    for order in itertools.islice(itertools.permutations(value.items()), 120):
        members = itertools.product(*[spellings(v, 24) for _, v in order])
        for items in itertools.islice(members, 24):
            pairs = (json.dumps(k, ensure_ascii=False) + ": " + v for (k, _), v in zip(order, items))
            texts.append("{" + ", ".join(pairs) + "}")
    return texts[:most]


def run_schemas(tool, folder):
    rows, wrong = [], []
    for path in sorted(folder.glob("*.json")):
        supported = total = cases = 0
        for group in json.loads(path.read_text()):
            total += 1
            texts, owners = [], []
            for i, test in enumerate(group["tests"]):
                for text in spellings(test["data"]):
                    texts.append(text)
                    owners.append(i)
            answer = tool.ask(texts, schema=group["schema"])
            if answer["status"] != "ok":
                none = answer["status"] == "bad argument" and not any(t["valid"] for t in group["tests"])
                if none:  # a schema that allows nothing, refused as such
                    supported += 1
                    cases += len(group["tests"])
                elif not answer["error"].startswith("#"):
                    wrong.append(f"{path.name}: {group['description']}: {answer['error']}")
                if "--refused" in sys.argv:
                    print(f"{path.name}: {group['description']}: {answer['error']}")
                continue
            supported += 1
            for i, test in enumerate(group["tests"]):
                cases += 1
                accepted = any(a for a, o in zip(answer["accepts"], owners) if o == i)
                if accepted != test["valid"] and not (path.name in ASSERTED and test["valid"]):
                    wrong.append(f"{path.name}: {group['description']}: {test['description']}: "
                                 f"{'accepted' if accepted else 'refused'} {json.dumps(test['data'])}")
        rows.append((path.name, supported, total, cases))
    return rows, wrong


def strip_space(text):
    """White space between tokens taken out: what is between ours."""
    out, inside, i = [], False, 0
    while i < len(text):
        c = text[i]
        if inside:
            out.append(c)
            if c == "\\":
                i += 1
                out.append(text[i])
            elif c == '"':
                inside = False
        elif c not in " \t\n\r":
            out.append(c)
            inside = c == '"'
        i += 1
    return "".join(out)


def run_parsing(tool, folder):
    wrong, count = [], [0, 0]
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        if path.name.startswith("n_") and len(data) < 100000:
            count[0] += 1
            if any(tool.ask([data], schema=True)["accepts"]) or any(tool.ask([data], json_object=True)["accepts"]):
                wrong.append(f"{path.name} is accepted")
        elif path.name.startswith("y_"):
            count[1] += 1
            text = strip_space(data.decode())
            if not all(tool.ask([text], schema=True)["accepts"]):
                wrong.append(f"{path.name} is refused")
            if all(tool.ask([text], json_object=True)["accepts"]) != text.startswith("{"):
                wrong.append(f"{path.name} as an object")
    return wrong, count


def main():
    fixtures = os.environ.get("HEARTH_FIXTURES") or os.path.join(os.environ.get("HEARTH_SOURCE", "."), "../shared/fixtures")
    folder = pathlib.Path(fixtures) / "grammars"
    if not folder.is_dir():
        print("1..0 # SKIP no fixtures")
        return 0
    tool = Tool(sys.argv[1])
    rows, wrong = run_schemas(tool, folder / "json-schema-test-suite")
    bad, parsed = run_parsing(tool, folder / "json-parsing" / "test_parsing")
    if "--table" in sys.argv:
        for name, supported, total, cases in rows:
            print(f"{name:30} {supported:3} of {total:3} schemas, {cases} cases")
    groups, total = sum(r[1] for r in rows), sum(r[2] for r in rows)
    print(f"# {groups} of {total} schemas, {sum(r[3] for r in rows)} cases; {parsed[0]} texts refused, {parsed[1]} accepted")
    for line in wrong + bad:
        print("#", line)
    print("1..3")
    print(("not ok" if wrong else "ok") + " 1 - JSON-Schema-Test-Suite")
    print(("not ok" if bad else "ok") + " 2 - JSONTestSuite")
    few = groups < 0.5 * total
    print(("not ok" if few else "ok") + " 3 - at least half of the suite's schemas are supported")
    return 1 if wrong or bad or few else 0


if __name__ == "__main__":
    sys.exit(main())
