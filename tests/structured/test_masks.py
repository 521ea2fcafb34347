"""Masks are exact: for random grammars and vocabularies, the tokens allowed after random tokens are those that a reader
of its own says can still be completed. The reader tries every derivation of the grammar as it was made, before it was
text: it shares nothing with the program."""
import json
import random
import subprocess
import sys

ALPHABET = ["a", "b", "c", "\u00e9", '"', "\n"]
CLASSES = {"[a-c]": "abc", "[^\"\\\\\\n]": None, "[b\u00e9]": "b\u00e9", ".": None}  # None: computed below


def in_class(name, character):
    if name == ".":
        return True
    if name.startswith("[^"):
        return character not in '"\\\n'
    return character in CLASSES[name]


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def make_item(rng, rules, first, number, depth):
    """What may begin a rule calls only rules of higher numbers, so that none begins with itself."""
    kind = rng.random()
    if kind < 0.35:
        return ("text", "".join(rng.choice(ALPHABET) for _ in range(rng.randint(1, 3))))
    if kind < 0.55:
        return ("class", rng.choice(list(CLASSES)))
    if kind < 0.75:
        lowest = number + 1 if first else 0
        if lowest < rules:
            return ("rule", rng.randrange(lowest, rules))
        return ("text", rng.choice(ALPHABET))
    if depth < 2:
        least = rng.choice([0, 0, 1, 2])
        most = rng.choice([None, None, least + 1, least + 3])
        body = make_choice(rng, rules, first, number, depth + 1)
        return ("times", body, least, most)
    return ("class", "[a-c]")


def make_sequence(rng, rules, first, number, depth):
    items = []
    for _ in range(rng.choice([0, 1, 1, 2, 3]) if depth else rng.choice([0, 1, 2, 2, 3])):
        item = make_item(rng, rules, first, number, depth)
        items.append(item)
        first = first and item[0] not in ("text", "class")
    return ("sequence", items)


def make_choice(rng, rules, first, number, depth):
    return ("choice", [make_sequence(rng, rules, first, number, depth) for _ in range(rng.randint(1, 3))])


def write(node):
    kind = node[0]
    if kind == "text":
        return quote(node[1])
    if kind == "class":
        return node[1]
    if kind == "rule":
        return "r%d" % node[1]
    if kind == "sequence":
        return " ".join(write(item) for item in node[1]) or '""'
    if kind == "choice":
        return " | ".join(write(s) for s in node[1])
    times = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((node[2], node[3]))
    if times is None:
        times = "{%d,%s}" % (node[2], "" if node[3] is None else node[3])
    return "( " + write(node[1]) + " )" + times


class Reader:
    """ends(node, at): where the node can end, and whether the text can end within it with more to come."""

    def __init__(self, rules):
        self.rules = rules
        self.productive = set()
        while True:
            more = {n for n, r in enumerate(rules) if self.produces(r)}
            if more == self.productive:
                break
            self.productive = more

    def produces(self, node):
        kind = node[0]
        if kind == "rule":
            return node[1] in self.productive
        if kind == "sequence":
            return all(self.produces(i) for i in node[1])
        if kind == "choice":
            return any(self.produces(s) for s in node[1])
        if kind == "times":
            return node[2] == 0 or self.produces(node[1])
        return True

    def read(self, text):
        """Whether the text is one of the grammar's, and whether it can become one."""
        self.text, self.memo = text, {}
        ends, partial = self.ends(self.rules[0], 0)
        return len(text) in ends, len(text) in ends or partial

    def ends(self, node, at):
        if not self.produces(node):
            return frozenset(), False
        key = (id(node), at)
        if key not in self.memo:
            self.memo[key] = self.compute(node, at)
        return self.memo[key]

    def compute(self, node, at):
        kind = node[0]
        if kind == "text":
            wanted = node[1].encode()
            left = self.text[at:at + len(wanted)]
            if left == wanted:
                return frozenset([at + len(wanted)]), False
            return frozenset(), len(left) < len(wanted) and wanted.startswith(left)
        if kind == "class":
            return self.read_class(node[1], at)
        if kind == "rule":
            return self.ends(self.rules[node[1]], at)
        if kind == "choice":
            ends, partial = set(), False
            for s in node[1]:
                e, p = self.ends(s, at)
                ends |= e
                partial = partial or p
            return frozenset(ends), partial
        if kind == "sequence":
            here, partial = {at}, False
            for item in node[1]:
                after = set()
                for place in here:
                    e, p = self.ends(item, place)
                    after |= e
                    partial = partial or p
                here = after
            return frozenset(here), partial
        return self.read_times(node, at)

    def read_class(self, name, at):
        left = self.text[at:at + 4]
        if not left:
            return frozenset(), True
        for size in range(1, len(left) + 1):
            try:
                character = left[:size].decode()
            except UnicodeDecodeError as e:
                if e.reason == "unexpected end of data" and size == len(left) and at + size == len(self.text):
                    several = CLASSES[name] is None  # every character beyond ASCII
                    return frozenset(), several or any(c.encode().startswith(left) for c in CLASSES[name])
                continue
            if len(character) == 1:
                return (frozenset([at + size]) if in_class(name, character) else frozenset()), False
        return frozenset(), False

    def read_times(self, node, at):
        body, least, most = node[1:]
        ends, partial, here, seen = set(), False, {at}, set()
        if least == 0:
            ends.add(at)
        count = 0
        while here and (most is None or count < most):
            count += 1
            after = set()
            for place in here:
                e, p = self.ends(body, place)
                after |= e
                partial = partial or p
            if count >= least:
                ends |= after
            if count >= least and (most is None):
                after -= seen
                seen |= after
            if count > 200:
                break
            here = after
        return frozenset(ends), partial


def main():
    sys.setrecursionlimit(20000)
    process = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 7)
    grammars = int(sys.argv[3]) if len(sys.argv) > 3 else 30
    wrong, masks, empty = [], 0, 0
    for number in range(grammars):
        count = rng.randint(1, 4)
        rules = [make_choice(rng, count, True, n, 0) for n in range(count)]
        reader = Reader(rules)
        text = "root ::= r0\n" + "".join("r%d ::= %s\n" % (n, write(r)) for n, r in enumerate(rules))
        tokens = {"".join(rng.choice(ALPHABET) for _ in range(rng.randint(2, 5))) for _ in range(40)}
        tokens |= {"".join(rng.choice("abcdefgh XYZ") for _ in range(rng.randint(2, 20))) for _ in range(40)}
        tokens = sorted(tokens)
        sequences = [[rng.randrange(1 << 20) for _ in range(5)] for _ in range(3)]
        process.stdin.write(json.dumps({"gbnf": text, "tokens": tokens, "sequences": sequences}) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        if answer["status"] != "ok":
            empty += 1
            if answer["status"] != "bad argument" or reader.produces(rules[0]):
                wrong.append(f"grammar {number}: {answer['error']}\n{text}")
            continue
        # Single bytes: those of the alphabet and a few others.
        candidates = [(i, bytes([i])) for i in (97, 98, 99, 100, 34, 10, 92, 0xc3, 0xa9, 0xf0, 0x80, 0xff, 0)]
        candidates += [(256 + i, t.encode()) for i, t in enumerate(tokens)]
        for sequence, rows in zip(sequences, answer["masks"]):
            so_far = b""
            for wish, ids in zip(sequence + [0], rows):
                if len(so_far) > 40:
                    break
                masks += 1
                allowed = set(ids)
                likely = [c for c in candidates if c[0] in allowed]
                for i, bytes_ in rng.sample(candidates, 20) + rng.sample(likely, min(10, len(likely))):
                    if (i in allowed) != reader.read(so_far + bytes_)[1]:
                        wrong.append(f"grammar {number} after {so_far!r}: {bytes_!r} allowed: {i in allowed}\n{text}")
                end = 257 + len(tokens)
                if (end in allowed) != reader.read(so_far)[0]:
                    wrong.append(f"grammar {number} after {so_far!r}: end allowed: {end in allowed}\n{text}")
                if ids:
                    token = ids[wish % len(ids)]
                    so_far += bytes([token]) if token < 256 else tokens[token - 256].encode() if token < end - 1 else b""
    print(f"# {grammars} grammars, {empty} without any text, {masks} masks")
    for line in wrong[:5]:
        print("# " + line.replace("\n", "\n# "))
    print("1..1")
    print(("not ok" if wrong else "ok") + " 1 - masks are what can be completed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
