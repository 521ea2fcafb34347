#!/usr/bin/env python3
"""The frame of the command line: options, errors, help, manual pages, documentation pages, completion. Prints TAP."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import BUILD, HEARTH, SOURCE, Ended, Skip, environment, good, good_json, hearth, main, one_line, test  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def commands():
    listed = re.search(r"^Commands:\n((?:  .*\n)+)", good("help").out, re.M)[1]
    return re.findall(r"^  ([a-z-]+) ", listed, re.M)


def table_options(command):
    return sorted(set(re.findall(r"^(?:  -.,|     ) (--[a-z0-9-]+)", good("help", command).out, re.M)))


@test
def errors_are_as_recorded():
    """golden/errors.txt: `$ arguments`, then what stderr has and the exit status. UPDATE=1 writes it anew."""
    path = os.path.join(HERE, "golden", "errors.txt")
    with open(path, encoding="utf-8") as lines:
        wanted = lines.read()
    made = []
    for line in re.findall(r"^\$ hearth(.*)$", wanted, re.M):
        ended = hearth(*line.split())
        assert ended.out == "" and ended.err.count("\n") == 1, f"{line}: {ended}"
        made.append(f"$ hearth{line}\n{ended.err}exit {ended.code}\n")
    if os.environ.get("UPDATE"):
        with open(path, "w", encoding="utf-8") as out:
            out.write("\n".join(made))
    assert "\n".join(made) == wanted, "\n".join(made)


NUMBERS = {  # the command's options with a number, and the bounds that its errors state
    "run": {"--temperature": (0, 100), "--top-p": (0, 1), "--min-p": (0, 1), "--typical": (0, 1), "--repetition-penalty": (0.01, 100),
            "--presence-penalty": (-100, 100), "--frequency-penalty": (-100, 100), "--top-k": (0, 4194304), "--max-tokens": (1, 10**9),
            "--context": (1, 2**26), "--draft-tokens": (1, 63), "--penalty-window": (0, 2**26), "--seed": (0, 2**63 - 1), "--threads": (1, 256)},
    "pull": {"--connections": (1, 32), "--retries": (0, 1000), "--threads": (1, 256)},
    "score": {"--window": (2, 2**26), "--stride": (1, 2**26), "--threads": (1, 256)},
    "bench": {"--depth": (1, 2**26), "--context": (2, 2**26), "--rounds": (1, 101), "--threads": (1, 256)},
}


@test
def numbers_are_read_whole_and_within_their_bounds():
    real = ("--temperature", "--top-p", "--min-p", "--typical", "--repetition-penalty", "--presence-penalty", "--frequency-penalty")
    for command, options in NUMBERS.items():
        numeric = set(re.findall(r"(--[a-z-]+) (?:N|X|P)$", good("help", command, env=environment(COLUMNS="200")).out.replace("  ", "\n"), re.M))
        assert numeric == set(options), (command, numeric ^ set(options))
        for option, (least, most) in options.items():
            junk = ["", " ", "x", "1x", "0x10", "nan", "inf", "-inf", "infinity", "1e999", " 1", "1 ", "1,5", "--", "1_0", "١", "-", "+", ".", "1-1"]
            step = 0.001 if option in real else 1
            outside = [str(least - step), str(most + step), "-1000000000000", "99999999999999999999999"]
            if option not in real:
                junk += ["1.5", "1e3", "1.0", "+1", "18446744073709551616", "18446744073709551615"]
            for value in junk + outside:
                for words in ([option, value], [f"{option}={value}"]):
                    one_line(hearth(command, "/nonexistent", *words), 2, f"hearth {command}: {option} takes a ", f" from {least} to {most}, not \"{value}\"")
            inside = [str(least), str(most)] + (["+1", ".5", "1.", "1e-999", "1E0"] if option in real and most >= 1 and least <= 0 else ["00001" if least < 2 else "2"])
            for value in inside:
                one_line(hearth(command, "/nonexistent", f"{option}={value}", stdin="x"), 1, "/nonexistent")


@test
def help_goes_to_stdout_in_every_form():
    overview = good("help")
    assert overview.err == "" and overview.out == good("--help").out == good("-h").out == good().out
    for command in commands():
        page = good("help", command)
        assert page.err == "" and page.out.startswith(f"hearth {command} - ")
        assert page.out == good(command, "--help").out == good(command, "-h").out
        assert f"Usage: hearth {command} [OPTIONS]" in page.out and "Exit status:" in page.out
    assert good("--version").out == good("-V").out == good("version").out
    assert "-V, --version" in overview.out and "`--version`" in good("help", "--markdown").out and "version" in good("help", "--man").out


@test
def help_overview_is_as_recorded():
    path = os.path.join(HERE, "golden", "help.txt")
    made = good("help").out
    if os.environ.get("UPDATE"):
        with open(path, "w", encoding="utf-8") as out:
            out.write(made)
    with open(path, encoding="utf-8") as lines:
        assert lines.read() == made, made


@test
def what_model_may_be_and_statuses_and_variables_stand_in_every_form():
    shown = good("help", env=environment(COLUMNS="200")).out
    forms = [shown, good("help", "--markdown").out.replace("`", ""), good("help", "--man").out.replace("\\-", "-").replace("\\fB", "")]
    for heading, least in (("MODEL is, in this order", 3), ("Exit status", 6), ("Environment", 6)):
        rows = re.findall(r"^  (\S+) ", re.search(rf"^{heading}:\n((?:  .*\n)+)", shown, re.M)[1], re.M)
        assert len(rows) >= least, (heading, rows)
        for form in forms:
            assert all(re.search(rf"(^|\W){re.escape(row)}\W", form) for row in rows), (heading, rows, form)
    for command in commands():
        brief = re.sub(r"\s+", " ", good("help", command).out.rsplit("\nExit status:", 1)[1])
        assert re.findall(r"(\d+) [a-z]", brief) == re.findall(r"^- `(\d+)`", good("help", "--markdown", command).out, re.M), brief


@test
def help_fits_a_narrow_terminal():
    import pty_run

    for width in (32, 40, 60, 80, 200):
        for command in [[], *([c] for c in commands())]:
            text = re.sub(r"\033\[[0-9;]*m", "", pty_run.output([HEARTH, "help", *command], columns=width))
            bare = max((line for line in text.splitlines() if not line.startswith(("  $ ", "    "))), key=len)
            assert len(bare) <= width, (width, command, bare)


@test
def every_command_has_a_page_and_every_page_a_command():
    pages = {name[:-3] for name in os.listdir(os.path.join(SOURCE, "docs", "commands")) if name.endswith(".md")}
    assert pages == set(commands()) | {"hearth"}, (pages, commands())
    for page in sorted(pages):
        with open(os.path.join(SOURCE, "docs", "commands", page + ".md"), encoding="utf-8") as lines:
            made = good("help", "--markdown", *([] if page == "hearth" else [page])).out
            assert lines.read() == made, f"docs/commands/{page}.md differs from hearth help --markdown {page}"


@test
def options_stand_in_help_manual_page_and_completions():
    scripts = {shell: good("help", "--completion", shell).out for shell in ("bash", "zsh", "fish")}
    for command in commands():
        options = table_options(command)
        assert "--threads" in options and "--quiet" in options, options
        manual = good("help", "--man", command).out.replace("\\-", "-")
        page = good("help", "--markdown", command).out
        for option in options:
            assert option in manual and f"`{option}`" in page, (command, option)
            assert option in scripts["bash"] and option in scripts["zsh"], (command, option)
            assert f"-l {option[2:]}" in scripts["fish"], (command, option)
        prose = page.split("\n---\n")[0].split("\n## Examples\n")[0]
        for named in set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", prose)):
            assert named in options or command == "help", f"{command}: the page names {named}, which is no option"


@test
def examples_use_options_that_exist():
    for command in commands():
        examples = re.findall(r"^  \$ (.*)$", good("help", command).out, re.M)
        assert examples or command in ("version",), command
        for part in [part for line in examples for part in line.split("|")]:
            words = re.match(r"\s*hearth ([a-z-]+)(.*)", part)
            if words:
                assert words[1] in commands(), part
                for named in re.findall(r"(?<!\S)--[a-z][a-z0-9-]+", words[2]):
                    assert named in table_options(words[1]), part


@test
def manual_pages_are_clean():
    if not shutil.which("mandoc"):
        raise Skip("mandoc is not installed")
    for command in ["", *commands()]:
        page = good("help", "--man", *([command] if command else [])).out
        lint = subprocess.run(["mandoc", "-Tlint"], input=page.encode(), capture_output=True, timeout=20)
        assert lint.returncode == 0 and lint.stdout == b"", lint.stdout.decode()
        shown = subprocess.run(["mandoc", "-Tascii"], input=page.encode(), capture_output=True, timeout=20).stdout
        assert b"EXIT STATUS" in re.sub(rb".\x08", b"", shown)


@test
def the_build_makes_a_manual_page_for_each_command():
    made = {name for name in os.listdir(os.path.join(BUILD, "packaging")) if name.endswith(".1")}
    assert made == {"hearth.1"} | {f"hearth-{c}.1" for c in commands()}, made


@test
def options_are_read_in_every_spelling():
    wanted = good("version").out
    for spelling in (["--threads", "2", "version"], ["version", "--threads=2"], ["--threads=2", "--", "version"], ["version", "-q", "--color", "never"],
                     ["version", "--color=always"], ["version", "-q", "-q", "--"]):
        assert good(*spelling).out == wanted, spelling
    one_line(hearth("version", "--", "--json"), 2, "--json", "too many")


@test
def colour_follows_option_and_environment():
    import pty_run

    assert "\033[" in pty_run.output([HEARTH, "help"])
    assert "\033[" not in pty_run.output([HEARTH, "help"], NO_COLOR="1")
    assert "\033[" not in pty_run.output([HEARTH, "help"], TERM="dumb")
    assert "\033[" not in pty_run.output([HEARTH, "help", "--color", "never"])
    assert "\033[" in good("help", "--color=always").out
    assert "\033[" not in good("help").out


@test
def lost_output_is_a_failure():
    with open("/dev/full", "wb") as full:
        for arguments in (["version"], ["help"], ["version", "--json"]):
            made = subprocess.run([HEARTH, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=20, env=environment())
            one_line(Ended(made.returncode, "", made.stderr.decode()), 1, "standard output", "space")
    shut = subprocess.run(["sh", "-c", f'"{HEARTH}" version >&-'], stderr=subprocess.PIPE, timeout=20, env=environment())
    one_line(Ended(shut.returncode, "", shut.stderr.decode()), 1, "standard output")
    nothing = subprocess.run(["sh", "-c", f'"{HEARTH}" version <&- 2>&-'], stdout=subprocess.PIPE, timeout=20, env=environment())
    assert nothing.returncode == 0 and nothing.stdout.startswith(b"hearth ")


@test
def a_closed_pipe_ends_quietly():
    made = subprocess.run(["sh", "-c", f'"{HEARTH}" help | head -n 1'], capture_output=True, timeout=20, env=environment())
    assert made.stderr == b"" and made.stdout.count(b"\n") == 1, made


@test
def version_as_json():
    made = good_json("version")
    assert made["version"] == good("version").out.split()[1]


def completion_file(shell):
    file = tempfile.NamedTemporaryFile("w", suffix=f".{shell}", delete=False)
    file.write(good("help", "--completion", shell).out)
    file.close()
    return file.name


@test
def bash_completes():
    if not shutil.which("bash"):
        raise Skip("bash is not installed")
    script = completion_file("bash")

    def complete(line):
        words = line.split(" ")
        quoted = " ".join("'" + w + "'" for w in words)
        made = subprocess.run(["bash", "--norc", "-c", f'set -u; source "{script}"; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; '
                               '_hearth; printf "%s\\n" "${COMPREPLY[@]-}"'], capture_output=True, text=True, timeout=20)
        assert made.stderr == "", made.stderr
        return made.stdout.split()

    assert complete("hearth vers") == ["version"] and sorted(complete("hearth ver")) == ["verify", "verify-signature", "version"]
    assert complete("hearth --ver") == ["--version"] and complete("hearth run --ver") == []
    assert complete("hearth --threads 2 hel") == ["help"] and complete("hearth --color never -q hel") == ["help"]
    assert complete("hearth help --comp") == ["--completion"]
    assert complete("hearth help --completion fi") == ["fish"]
    assert complete("hearth version --color = al") == ["always"]
    assert complete("hearth version --js") == ["--json"]
    assert set(complete("hearth help ")) == set(commands())
    os.unlink(script)


@test
def zsh_completes():
    if not shutil.which("zsh"):
        raise Skip("zsh is not installed")
    import pty_run

    script = completion_file("zsh")
    with tempfile.TemporaryDirectory() as home:
        shell = pty_run.Session(["zsh", "-f", "-i"], columns=200, HOME=home, PS1="READY> ", PROMPT="READY> ")
        shell.expect("READY> ")
        shell.send("autoload -U compinit; compinit -u -D; zstyle ':completion:*' menu no; PROMPT='NE''XT> '\r")
        shell.expect("NEXT> ")
        shell.send(f"source {script}; PROMPT='DO''NE> '\r")
        shell.expect("DONE> ")
        shell.send("hearth vers\t")
        shell.expect("ion")  # after the bell of an ambiguous beginning, or at once
        shell.send("--jso\t")
        shell.expect("--json")
        shell.send("\x15hearth help --completion fi\t")
        shell.expect("fish")
        shell.close()
    os.unlink(script)


@test
def fish_completes():
    if not shutil.which("fish"):
        raise Skip("fish is not installed")
    script = completion_file("fish")
    with tempfile.TemporaryDirectory() as home:

        def complete(line):
            made = subprocess.run(["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"], capture_output=True, text=True,
                                  timeout=20, env=environment(HOME=home))
            assert made.stderr == "", made.stderr
            return [entry.split("\t")[0] for entry in made.stdout.splitlines()]

        assert complete("hearth vers") == ["version"] and sorted(complete("hearth ver")) == ["verify", "verify-signature", "version"]
        assert complete("hearth --ver") == ["--version"]
        assert complete("hearth version --js") == ["--json"]
        assert complete("hearth help --completion fi") == ["fish"]
        assert complete("hearth help vers") == ["version"]
    os.unlink(script)


main()
