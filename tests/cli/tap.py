"""What the tests of the command line share: TAP lines, running hearth, fixtures."""

import json
import os
import struct
import subprocess
import sys
import tempfile

SOURCE = os.environ.get("HEARTH_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("HEARTH_BUILD") or os.path.join(SOURCE, "build")
HEARTH = os.path.join(BUILD, "hearth")
FIXTURES = os.environ.get("HEARTH_FIXTURES") or os.path.join(os.path.dirname(SOURCE), "shared", "fixtures")

_tests = []


def test(function):
    """Registers a test; its name is the line that TAP shows. It fails by an exception, skips by Skip."""
    _tests.append(function)
    return function


class Skip(Exception):
    pass


def main():
    print(f"1..{len(_tests)}")
    failed = 0
    wanted = sys.argv[1:]
    for number, function in enumerate(_tests, 1):
        name = function.__name__.replace("_", " ")
        if wanted and not any(w in function.__name__ for w in wanted):
            print(f"ok {number} - {name} # SKIP not asked for")
            continue
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception as error:  # a failed assertion, a time-out, a missing key: all are failures of this test
            failed += 1
            frame = error.__traceback__
            while frame.tb_next:
                frame = frame.tb_next
            where = f"{os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}"
            for line in f"{where}: {type(error).__name__}: {error}".splitlines()[:40]:
                print("# " + line)
            print(f"not ok {number} - {name}", flush=True)
    sys.exit(1 if failed else 0)


def environment(**more):
    """The test's own surroundings: no colours, no settings of the person who runs it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "LC_", "HEARTH_ISA"))}
    kept.update({"LANG": "C.UTF-8", "TERM": "xterm", "COLUMNS": "80"})
    kept.pop("NO_COLOR", None)
    kept.update(more)
    return kept


class Ended:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}\nstdout: {self.out[:2000]}\nstderr: {self.err[:2000]}"


def hearth(*arguments, stdin=b"", timeout=120, env=None, **options):
    """Runs hearth without a terminal; stdin is bytes or text."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    if "stdin_file" in options:
        source = {"stdin": options.pop("stdin_file")}
    else:
        source = {"input": stdin}
    made = subprocess.run([HEARTH, *arguments], capture_output=True, timeout=timeout, env=env or environment(), **source, **options)
    return Ended(made.returncode, made.stdout.decode(), made.stderr.decode())


def good(*arguments, **options):
    ended = hearth(*arguments, **options)
    assert ended.code == 0, ended
    return ended


def good_json(*arguments, **options):
    return json.loads(good(*arguments, "--json", **options).out)


def one_line(ended, code, *words):
    """The failure is told in one line on stderr that begins with hearth and has these words; stdout is empty."""
    assert ended.code == code, ended
    assert ended.out == "", ended
    assert ended.err.startswith("hearth") and ended.err.count("\n") == 1 and ended.err.endswith("\n"), ended
    for word in words:
        assert word in ended.err, f"{word!r} missing: {ended}"


def fixture(*names):
    path = os.path.join(FIXTURES, *names)
    if not os.path.exists(path):
        raise Skip(f"fixture {'/'.join(names)} is absent")
    return path


def stories():
    return fixture("stories260K", "stories260K-f32.gguf")


def tiny():
    return fixture("tinystories-656k")


TEMPLATE = """{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}
{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"""


def chat_gguf(place, name="stories with a template ☃.gguf"):
    """stories260K with a chat template among its metadata. What is put in is as long as a multiple of the file's
    alignment, 32, so that everything behind it moves by that and stays right."""
    with open(stories(), "rb") as file:
        old = file.read()
    magic, version, tensors, entries = struct.unpack_from("<4sIQQ", old)
    key, text = b"tokenizer.chat_template", TEMPLATE.encode()
    text += b"{#" + b" " * (-(8 + len(key) + 4 + 8 + len(text) + 4) % 32) + b"#}"
    entry = struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, len(text)) + text
    assert len(entry) % 32 == 0
    path = os.path.join(place, name)
    with open(path, "wb") as file:
        file.write(struct.pack("<4sIQQ", magic, version, tensors, entries + 1) + entry + old[24:])
    return path


def chat_folder(place, name="kleines Modell ☃"):
    """tinystories-656k with a chat template."""
    path = os.path.join(place, name)
    os.mkdir(path)
    for file in os.listdir(tiny()):
        os.symlink(os.path.join(os.path.abspath(tiny()), file), os.path.join(path, file))
    with open(os.path.join(path, "chat_template.jinja"), "w", encoding="utf-8") as out:
        out.write(TEMPLATE)
    return path


def folder():
    return tempfile.TemporaryDirectory(prefix="hearth test ")
