#!/usr/bin/env python3
"""What was published as a vulnerability of another program that reads models, as files of this project's own making: one
test for each, named after it. Prints TAP. docs/security.md has the table.

Each file stands for the class of the fault as its advisory tells it; none is somebody's exploit."""

import json
import os
import resource
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "cli")]
from hostile_files import ARRAY, Gguf, STRING, U32, byte_level, text  # noqa: E402
from tap import environment, hearth, main, one_line, test  # noqa: E402


def head(tensors, keys, version=3):
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


def tensor(name, dims, kind=0, offset=0):
    return text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


def show(content, *words, command=("show",), name="model.gguf"):
    """The command refuses a file with this content in one line with these words, and takes no memory for what it promises."""
    with tempfile.TemporaryDirectory(prefix="hearth-public-") as folder:
        path = os.path.join(folder, name)
        if isinstance(content, bytes):
            with open(path, "wb") as out:
                out.write(content)
        else:
            content.write(path)
        ended = hearth(*command, path, env=environment())
        one_line(ended, 1, path, *words)
    # of the largest child so far, in KiB; a sanitizer's shadow counts, too
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1 << 20


@test
def cve_2024_21802_more_dimensions_than_the_array_for_them_holds():
    for dims in (5, 8, 64):
        show(head(1, 0) + tensor("t", [1] * dims) + bytes(4096), "tensor t: expected 1 to 4 dimensions")
    show(head(1, 0) + text("t") + struct.pack("<I", 2**32 - 1) + bytes(4096), "tensor t: expected 1 to 4 dimensions, found 4294967295")


@test
def cve_2024_21825_an_arrays_length_wraps_when_it_is_multiplied():
    for kind in (8, 9, 0, 4, 12):  # strings, arrays, numbers of 1, 4 and 8 bytes
        for count in (2**60 + 1, 2**61, 2**62 + 1, 2**63, 2**64 - 1):
            show(head(0, 1) + text("k") + struct.pack("<IIQ", 9, kind, count) + bytes(64), "key k: expected as many as 64 bytes can hold")


@test
def cve_2024_21836_the_count_of_tensors_wraps_when_it_is_multiplied():
    for size in (64, 72, 88, 128, 200, 224):
        show(head(2**64 // size + 1, 0) + bytes(512), "byte 8: tensor count")


@test
def cve_2024_23605_the_count_of_values_wraps_when_it_is_multiplied():
    for size in (32, 40, 48, 56, 64):
        show(head(0, 2**64 // size + 1) + bytes(512), "byte 16: metadata count")


@test
def cve_2024_23496_a_strings_length_wraps_when_one_is_added():
    for length in (2**64 - 1, 2**64 - 2, 2**63 - 1, 2**32 - 1):
        show(head(0, 1) + struct.pack("<Q", length) + bytes(64), "byte 32: metadata key: expected")
        show(head(0, 1) + text("k") + struct.pack("<IQ", 8, length) + bytes(64), "key k: expected")
        show(head(1, 0) + struct.pack("<Q", length) + bytes(64), "byte 32: tensor name: expected")


@test
def cve_2024_32878_what_is_freed_when_reading_ends_early_was_never_set():
    with tempfile.TemporaryDirectory(prefix="hearth-public-") as folder:
        path = os.path.join(folder, "whole.gguf")
        model = Gguf().key("general.languages", ARRAY, (STRING, ["en", "de"]))
        model.write(path)
        with open(path, "rb") as file:
            whole = file.read(1200)
    for end in range(24, len(whole), 53):  # within and between keys, strings and arrays, of which later ones were never read
        show(whole[:end], "byte ")


@test
def cve_2024_34359_a_template_reaches_for_the_interpreter():
    with tempfile.TemporaryDirectory(prefix="hearth-public-") as folder:
        mark = os.path.join(folder, "mark")
        path = os.path.join(folder, "model.gguf")
        for source in ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ cycler.__init__.__globals__.os.popen('touch MARK').read() }}",
                       "{{ self.__init__.__globals__.__builtins__.__import__('os').system('touch MARK') }}",
                       "{{ messages.__class__.__base__.__subclasses__() }}", "{{ namespace.__init__.__globals__['os'].system('touch MARK') }}",
                       "{% for c in ().__class__.__base__.__subclasses__() %}{{ c }}{% endfor %}",
                       "{{ (raise_exception|attr('__globals__'))['os'].system('touch MARK') }}", "{% include '/etc/passwd' %}", "{% import 'os' as os %}"):
            Gguf().key("tokenizer.chat_template", STRING, source.replace("MARK", mark)).write(path)
            ended = hearth("template", path, stdin=json.dumps([{"role": "user", "content": "x"}]), env=environment())
            one_line(ended, 1, "chat template")
            assert not os.path.exists(mark) and "root:" not in ended.err, ended


@test
def cve_2024_37032_a_manifests_digest_is_a_path():
    with tempfile.TemporaryDirectory(prefix="hearth-public-") as folder:
        Gguf().write(os.path.join(folder, "outside"))
        place = os.path.join(folder, "models", "manifests", "registry.ollama.ai", "library", "m")
        os.makedirs(place)
        os.makedirs(os.path.join(folder, "models", "blobs"))
        for digest in ("../../outside", "sha256:../../outside", "sha256-../../outside", os.path.join(folder, "outside"), "sha256:" + "0" * 63 + "/",
                       "sha256:" + "a" * 64 + "/../../../outside", "sha512:" + "a" * 64):
            layer = {"mediaType": "application/vnd.ollama.image.model", "digest": digest, "size": 1}
            with open(os.path.join(place, "latest"), "w", encoding="utf-8") as out:
                json.dump({"schemaVersion": 2, "config": layer, "layers": [layer]}, out)
            for command in ("show", "run"):
                ended = hearth(command, "ollama:m", env=environment(OLLAMA_MODELS=os.path.join(folder, "models"), HOME=folder))
                one_line(ended, 1, "expected a digest")
        assert os.path.exists(os.path.join(folder, "outside"))


@test
def cve_2024_39720_a_file_of_four_bytes():
    show(b"GGUF", "byte 4: version")
    show(b"GGU", "byte 0: magic")


@test
def cve_2024_39721_a_path_that_is_read_without_end():
    with tempfile.TemporaryDirectory(prefix="hearth-public-") as folder:
        pipe = os.path.join(folder, "pipe")
        os.mkfifo(pipe)
        for path in ("/dev/zero", "/dev/urandom", pipe):
            for command in (["show", path], ["tokenize", path, "--text", "x"], ["quantize", path, "q4_0", os.path.join(folder, "out")],
                            ["convert", path, os.path.join(folder, "out")]):
                one_line(hearth(*command, env=environment()), 1, path, "found a device or a pipe")


@test
def cve_2024_39722_a_name_tells_which_files_there_are():
    with tempfile.TemporaryDirectory(prefix="hearth-public-") as folder:
        with open(os.path.join(folder, "secret"), "w", encoding="utf-8") as out:
            out.write("{}")
        env = environment(HOME=os.path.join(folder, "a", "b"), OLLAMA_MODELS=os.path.join(folder, "a", "models"))
        for form in ("ollama:../../{}", "ollama:x/../../../{}", "hf:../../{}", "hf:a/b@../../../../{}", "hf:a/b:../../../../../{}"):
            said = {name: hearth("show", form.format(name), env=env) for name in ("secret", "absent")}
            assert all(ended.code in (1, 2) for ended in said.values()), said
            assert said["secret"].err.replace("secret", "absent") == said["absent"].err, said


@test
def cve_2025_0312_what_a_model_needs_is_not_in_it():
    for key in ("general.architecture", *(f"llama.{name}" for name in ("block_count", "embedding_length", "attention.head_count", "context_length",
                                                                        "feed_forward_length"))):
        model = Gguf()
        del model.keys[key]
        show(model, f"key {key}: expected a value, found none")
    for key in ("tokens", "scores", "model"):
        model = Gguf()
        del model.keys["tokenizer.ggml." + key]
        show(model, "tokenizer", command=("run", "--raw", "-p", "a", "-n", "1"))
    for name in list(Gguf().tensors):
        model = Gguf()
        del model.tensors[name]
        if name != "output.weight":  # without it the embedding is used
            show(model, "tensor " + name.split("_")[0], command=("run", "--raw", "-p", "a", "-n", "1"))
    show(head(0, 0), "general.architecture")


@test
def cve_2025_0315_memory_for_what_a_small_file_promises():
    for kind in (0, 4, 8, 9, 12):
        for count in (2**27, 2**31, 2**40):
            show(head(0, 1) + text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, kind, count) + bytes(100), "as many as 100 bytes can hold")
    for length in (2**27, 2**31, 2**40):
        show(head(0, 1) + text("k") + struct.pack("<IQ", 8, length) + bytes(100), "key k")
    show(head(2**27, 2**27) + bytes(100), "count")
    show(head(1, 0) + tensor("t", [2**20, 2**20]) + bytes(100), "tensor t: expected 4398046511104 bytes of data")


@test
def cve_2025_0317_an_alignment_of_zero_is_divided_by():
    show(Gguf().key("general.alignment", U32, 0), "key general.alignment: expected a power of two")
    for key in ("llama.attention.head_count", "llama.embedding_length", "llama.block_count", "llama.attention.head_count_kv", "llama.rope.dimension_count"):
        show(Gguf().key(key, U32, 0), "found 0")
    show(head(1, 0) + tensor("t", [0]) + bytes(100), "tensor t: expected dimensions of at least 1")
    show(head(1, 0) + tensor("t", [32], 10**6) + bytes(100), "tensor t: expected a supported number format")


@test
def cve_2025_49847_a_tokens_length_is_narrowed_before_it_is_compared():
    """A token longer than any buffer, printed and decoded; one that is longer than a file may say it is."""
    with tempfile.TemporaryDirectory(prefix="hearth-public-") as folder:
        path = os.path.join(folder, "model.gguf")
        long = "x" * 3_000_000
        model = Gguf()
        tokens = [*model.keys["tokenizer.ggml.tokens"][1][1][:-1], long]
        model.key("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)).write(path)
        ended = hearth("detokenize", path, str(len(tokens) - 1), env=environment())
        assert ended.code == 0 and ended.out.strip() == long, ended.code
    promised = b"".join(text(name) for name in ("tokenizer.ggml.tokens",)) + struct.pack("<IIQ", 9, 8, 2)
    for length in (2**31, 2**31 + 5, 2**32 + 5, 2**63 + 5):
        show(head(0, 1) + promised + text("a") + struct.pack("<Q", length) + bytes(100), "key tokenizer.ggml.tokens: expected")


@test
def cve_2025_52566_more_tokens_than_there_was_room_for():
    """A text that gives as many tokens as it has bytes, and one that gives few: all of them come, and give the text again."""
    with tempfile.TemporaryDirectory(prefix="hearth-public-") as folder:
        for make, word, count in ((Gguf, "\u00e9", 600_001),  # a space before the first
                                  (lambda: byte_level(Gguf()), "q", 300_000), (lambda: byte_level(Gguf()), "aaa", 450_000)):
            path = os.path.join(folder, "model.gguf")
            make().write(path)
            said = word * 300_000
            ended = hearth("tokenize", path, "--ids", "--no-bos", stdin=said, env=environment())
            assert ended.code == 0, ended
            assert len(ended.out.split()) == count, len(ended.out.split())
            back = hearth("detokenize", path, stdin=ended.out, env=environment())
            assert back.code == 0 and back.out.strip() == said, (back.code, len(back.out))


@test
def cve_2025_53630_the_sizes_of_tensors_wrap_when_they_are_added():
    for sizes in ((2**60, 2**60), (2**61 - 32, 8), (2**62, 2**62, 2**62, 2**62), (8, 2**64 - 8), (2**42 + 1, 2**20)):
        table, offset = b"", 0
        for number, size in enumerate(sizes):
            table += tensor(f"t{number}", [size], 0, offset % 2**64)
            offset += (size * 4 + 31) // 32 * 32
        show(head(len(sizes), 0) + table + bytes(256), "tensor t")
    for dims in ([2**42 + 1, 2**22], [2**32, 2**32], [2**63, 2], [2**21, 2**21, 2**21, 4]):
        show(head(1, 0) + tensor("t", dims) + bytes(256), "tensor t: expected")


if __name__ == "__main__":
    main()
