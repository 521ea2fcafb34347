#!/usr/bin/env python3
"""Models that are well-formed files and lie in one place, through the real program. Prints TAP.

    test_hostile_models.py [WORD…]      only the classes with one of these words

Each case is a small whole model with one thing changed. `hearth run`, and for every fourth `hearth show`, must end by themselves within 5 seconds of
processor time, with an answer (exit code 0) or one line on stderr that names the file (or, once it runs, the token) (1). A case says which, and what the line of
`run` must say. Every base is tried unchanged first, so that a refusal is of the change. docs/security.md lists the classes."""

import concurrent.futures
import copy
import os
import struct
import subprocess
import sys
import tempfile
import threading

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli")]
import tap  # noqa: E402
from hostile_files import ARRAY, BOOL, F32, FLOAT, Folder, Gguf, I32, MXFP4, Q4_0, Q4_K, Q6_K, Q8_0, STRING, U32, U64, byte_level  # noqa: E402

SECONDS_MOST = 5
NAN, INFINITY = float("nan"), float("inf")
BIG = (2**31 - 1, 2**31, 2**32 - 1)
BASES = {}
# Every third of the cases under sanitizers, where each process takes long to begin and end, unless make check-long wants all.
EVERY = 3 if "HEARTH_SANITIZED" in os.environ and "HEARTH_TESTS_ALL" not in os.environ else 1
ENVIRONMENT = tap.environment()
# What a line may call a key of config.json, beside the key itself: the number that the model has of it.
PLACES = {"hidden_size": ("width",), "intermediate_size": ("MLP width", "tensor "), "num_hidden_layers": ("layers",),
          "num_attention_heads": ("heads", "key heads", "head size"), "num_key_value_heads": ("key heads",), "head_dim": ("head size",),
          "vocab_size": ("vocabulary",), "max_position_embeddings": ("context length",), "rms_norm_eps": ("norm epsilon",),
          "rope_theta": ("RoPE base frequency",), "rope_parameters": ("rope_scaling", "RoPE scaling"),
          "num_local_experts": ("experts", "experts per token", "tensor ", "layers"), "num_experts_per_tok": ("experts per token",),
          "bits": ("quantization_config",)}


def base(name):
    """A fresh copy of one of the models that answer."""
    if name not in BASES:
        makers = {"gguf": Gguf, **{f"type {kind}": lambda kind=kind: Gguf(width=256, heads=4, ffn=256, kind=kind) for kind in (Q8_0, Q4_0, Q4_K, Q6_K)}, "byte-level": lambda: byte_level(Gguf()), "experts": experts}
        BASES[name] = makers[name]() if name in makers else Folder(name)
    return copy.deepcopy(BASES[name])


def experts():
    """The GGUF model with four experts."""
    model = Gguf()
    for part, ne in {"gate": (32, 64, 4), "up": (32, 64, 4), "down": (64, 32, 4)}.items():
        del model.tensors[f"blk.0.ffn_{part}.weight"]
        model.put(f"blk.0.ffn_{part}_exps.weight", FLOAT, ne)
    model.put("blk.0.ffn_gate_inp.weight", FLOAT, (32, 4))
    return model.key("llama.expert_count", U32, 4).key("llama.expert_used_count", U32, 2)


def one_run(arguments):
    """The exit code and stderr of `hearth COMMAND MODEL …`; an AssertionError where it ended in a way that it must not."""
    with subprocess.Popen([tap.HEARTH, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          env=ENVIRONMENT) as process:
        timer = threading.Timer(120, process.kill)
        timer.start()
        said = process.stderr.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        timer.cancel()
    seconds = usage.ru_utime + usage.ru_stime
    assert seconds < SECONDS_MOST, f"{seconds:.1f} seconds of processor time: {said[:500]}"
    assert process.returncode in (0, 1) and "Sanitizer" not in said and "runtime error" not in said, f"exit {process.returncode}: {said[:2000]}"
    if process.returncode == 1:
        assert said.count("\n") == 1 and said.startswith(f"hearth {arguments[0]}: {arguments[1]}"), f"not one line that names the file: {said[:500]!r}"
    return process.returncode, said


def try_model(model, path, wanted, more, show):
    """wanted: None for an answer, else what the line must say, or several of which it must say one."""
    model.write(path)
    wanted = (wanted,) if isinstance(wanted, str) else wanted
    threads = () if show else ("--threads", "1")  # with more a run waits for the cores that others use
    code, said = one_run(["run", path, "--raw", "-p", "aab", "-n", "4", *threads, *more])
    if wanted is None:
        assert code == 0, f"expected an answer: {said}"
    else:
        assert code == 1 and any(part in said for part in wanted), f"expected one of {wanted}, exit {code}: {said}"
    if show:
        one_run(["show", path])


def check(cases):
    """cases: (what, model, wanted[, options of run])."""
    cases = cases[::EVERY if len(cases) > 20 else 1]
    with tempfile.TemporaryDirectory(prefix="hearth-hostile-") as folder:
        def one(number):
            what, model, wanted, *more = cases[number]
            try:
                try_model(model, os.path.join(folder, f"{number}" if isinstance(model, Folder) else f"{number}.gguf"), wanted, more, number % 4 == 0)
            except AssertionError as error:
                return f"{what[:80]}: {error}"
            return None
        with concurrent.futures.ThreadPoolExecutor(max(2, len(os.sched_getaffinity(0)))) as pool:
            problems = [problem for problem in pool.map(one, range(len(cases))) if problem]
        assert not problems, "\n".join(problems)


def keys(name, kind, values, wanted, of="gguf"):
    """One case for each value of a key of GGUF."""
    return [(f"{name} {value}", base(of).key(name, kind, value), wanted) for value in values]


def configs(of, name, values, wanted=""):
    """One case for each value of config.json's `name`, "a/b" for a key within a key. The line names it, unless `wanted` says better."""
    cases = []
    for value in values:
        model = base(of)
        place = model.config
        *parents, last = name.split("/")
        parts = wanted if wanted != "" else tuple(f": {what}" for what in (f"{last}:", *PLACES.get(last, ())))
        for parent in parents:
            place = place[parent]
        place[last] = value
        cases.append((f"{of} {name} {value}", model, parts))
    return cases


def without(model, part):
    """The model less every tensor with this in its name."""
    for name in [name for name in model.tensors if part in name]:
        del model.tensors[name]
    return model


@tap.test
def models_left_as_they_are_answer():
    names = ("gguf", "byte-level", "experts", "llama-gqa", "families/mixtral", "families/gpt-oss", "families/gpt-oss-mxfp4", "families/llama-gptq",
             "families/llama-gptq-ordered", "families/llama-awq", "families/llama-fp8-blocks", "families/llama-fp8-rows", "families/llama-fp8-one")
    check([(name, base(name), None) for name in names])


@tap.test
def shapes_in_gguf_that_are_zero_odd_or_huge():
    cases = []
    for name, place in (("block_count", "layers"), ("embedding_length", (": width: expected", ": attention.head_count: expected a divisor")),
                        ("feed_forward_length", ": MLP width: expected"), ("attention.head_count", ": attention.head_count: expected a divisor"),
                        ("attention.head_count_kv", "key heads"), ("context_length", "context length"), ("attention.key_length", ": head size: expected"),
                        ("rope.dimension_count", "RoPE dimensions"), ("attention.sliding_window", None)):
        zero = None if name in ("attention.key_length", "attention.sliding_window") else place
        cases += keys("llama." + name, U32, (0,), zero)
        cases += keys("llama." + name, U32, BIG, place)
        cases += keys("llama." + name, U64, (2**32, 2**32 + 1, 2**63, 2**64 - 1), "llama." + name)
        cases += keys("llama." + name, STRING, ("1",), "llama." + name)
        lists = "tensor blk.0.attn_k.weight: expected shape" if name == "attention.head_count_kv" else "llama." + name  # may be a list
        cases += keys("llama." + name, ARRAY, ((U32, [1, 1]),), lists)
        cases += keys("llama." + name, I32, (-1,), "llama." + name)
    cases += keys("llama.attention.head_count", U32, (3, 5), "divisor")
    cases += keys("llama.attention.head_count_kv", U32, (3,), "key heads")
    cases += keys("llama.rope.dimension_count", U32, (1, 15), "RoPE dimensions")
    cases += keys("llama.rope.dimension_count", U32, (17, 18, 32), "RoPE dimensions: expected 2 to 16")
    cases += keys("llama.attention.key_length", U32, (15, 17), ": head size: expected an even number")
    cases += keys("llama.block_count", U32, (2,), "blk.1")
    beyond = base("gguf").key("llama.block_count", U32, 1025).key("llama.nextn_predict_layers", U32, 1)
    beyond.put("blk.1024.nextn.eh_proj.weight", FLOAT, (64, 32))   # one layer too many, counted among those beyond
    cases.append(("block_count 1025 with one beyond", beyond, "layers"))
    check(cases)


@tap.test
def reals_in_gguf_that_are_no_numbers():
    cases = []
    for name in ("rope.freq_base", "rope.scaling.factor", "attention.layer_norm_rms_epsilon", "attention.scale", "embedding_scale",
                 "residual_scale", "logit_scale", "attn_logit_softcapping", "final_logit_softcapping"):
        cases += keys("llama." + name, F32, (NAN, INFINITY, -INFINITY, -1.0), "positive number")
    cases += keys("llama.rope.freq_base", F32, (0.0,), "positive number")
    cases += keys("llama.attention.layer_norm_rms_epsilon", F32, (0.0,), "positive number")
    cases += keys("llama.rope.freq_base", F32, (1e-38, 1e29), None)
    for name in ("factor", "attn_factor", "yarn_beta_fast", "yarn_beta_slow"):
        for value in (NAN, INFINITY, 0.0, -1.0):
            model = base("gguf").key("llama.rope.scaling.type", STRING, "yarn").key("llama.rope.scaling.factor", F32, 2.0)
            cases.append((f"yarn {name} {value}", model.key("llama.rope.scaling." + name, F32, value), "RoPE"))
    for value in (0, 2**31, 2**32 - 1):
        model = base("gguf").key("llama.rope.scaling.type", STRING, "yarn").key("llama.rope.scaling.factor", F32, 2.0)
        cases.append((f"original {value}", model.key("llama.rope.scaling.original_context_length", U32, value), "RoPE scaling original"))
    for value in (0.0, -1.0, NAN, INFINITY):
        model = base("gguf")
        model.tensors["rope_freqs.weight"] = [FLOAT, (8,), struct.pack("<8f", *[1.0] * 7, value), None]
        cases.append((f"rope_freqs {value}", model, "tensor rope_freqs.weight"))
    check(cases)


@tap.test
def shapes_in_config_json_that_are_zero_odd_or_huge():
    cases = []
    for name in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
                 "vocab_size", "max_position_embeddings"):
        cases += configs("llama-gqa", name, (*((0,) if name != "head_dim" else ()), -1, *BIG, 2**32, 2**63 - 1, 1.5, "64", [1], {}, True, 1e300))
    cases += configs("llama-gqa", "num_attention_heads", (3, 7))
    cases += configs("llama-gqa", "head_dim", (1, 15, 17))
    cases += configs("llama-gqa", "vocab_size", (63, 65), "tensor")
    cases += configs("llama-gqa", "rms_norm_eps", (0, -1, 1e300, "a"))
    cases += configs("llama-gqa", "rope_theta", (0, -1, 1e300, "a", [1]))
    cases += configs("llama-gqa", "architectures", ([], "x", [7], ["../x"], ["a" * 100000]))
    cases += configs("llama-gqa", "rope_parameters", ([1], {"rope_type": "\u0007"}, {"rope_type": "linear", "factor": 0, "rope_theta": 1},
                     {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1,
                      "original_max_position_embeddings": 64, "rope_theta": 10000}, {"rope_type": "yarn", "factor": -4, "rope_theta": 10000}))
    cases += configs("families/gpt-oss", "layer_types", ([], ["x"] * 4, [7] * 4, ["full_attention"] * 3), "layer_types")
    cases += configs("families/gpt-oss", "sliding_window", (-1, 2**32, 2**63 - 1, "a"), "sliding_window")
    cases += configs("families/gpt-oss", "sliding_window", (1, *BIG), None)
    check(cases)


@tap.test
def experts_that_disagree_with_the_tensors():
    cases = []
    for value in (1, 3, 5, 64):
        cases += keys("llama.expert_count", U32, (value,), "exp", "experts")
    cases += keys("llama.expert_count", U32, (*BIG, 1000000), "experts: expected 1 to", "experts")
    cases += keys("llama.expert_count", U32, (0,), "tensor", "experts")
    cases += keys("llama.expert_used_count", U32, (0, 5, *BIG), "experts per token", "experts")
    cases += keys("llama.expert_feed_forward_length", U32, (0, 32, *BIG), "exp", "experts")
    cases += keys("llama.expert_shared_feed_forward_length", U32, BIG, "shared expert width", "experts")
    cases += keys("llama.expert_gating_func", U32, (4, 2**32 - 1), "expert_gating_func", "experts")
    cases += keys("llama.expert_weights_scale", F32, (NAN, INFINITY, -1.0), "expert weights scale", "experts")
    for groups, used in ((3, 1), (2, 3), (2, 0), (2**32 - 1, 1), (4, 1), (2**31, 2**31)):
        model = base("experts").key("llama.expert_group_count", U32, groups).key("llama.expert_group_used_count", U32, used)
        cases.append((f"groups {groups} {used}", model, "expert groups"))
    cases.append(("no router", without(base("experts"), "gate_inp"), "ffn_gate_inp"))
    cases.append(("no experts, and a count", base("gguf").key("llama.expert_count", U32, 4).key("llama.expert_used_count", U32, 2), "tensor blk.0.ffn_"))
    model = base("experts")
    model.put("blk.0.ffn_up_exps.weight", FLOAT, (32, 64, 3))
    cases.append(("one list shorter", model, "tensor blk.0.ffn_up_exps.weight: expected shape [4, 64, 32], found shape [3, 64, 32]"))
    cases += configs("families/mixtral", "num_local_experts", (0, 1, 4, 6, -1, *BIG, "5"))
    cases += configs("families/mixtral", "num_experts_per_tok", (0, 6, -1, *BIG))
    for value in (NAN, INFINITY, -INFINITY):
        for what in ("gate_inp", "gate_exps"):
            model = base("experts")
            name = f"blk.0.ffn_{what}.weight"
            model.tensors[name][2] = struct.pack("<f", value) * (len(model.tensors[name][2]) // 4)
            cases.append((f"{name} all {value}", model, None))
    check(cases)


@tap.test
def delta_nets_that_disagree_with_the_tensors():
    of = "families/qwen3-next"
    cases = [(of, base(of), None)]
    for name, place in (("linear_conv_kernel_dim", "taps of the convolution"), ("linear_num_key_heads", "key heads of the delta net"),
                        ("linear_num_value_heads", "value heads of the delta net"), ("linear_key_head_dim", "key size of the delta net"),
                        ("linear_value_head_dim", "value size of the delta net")):
        cases += configs(of, name, (0, *BIG), (place, "layer_types") if name == "linear_conv_kernel_dim" else place)
        cases += configs(of, name, (-1, 2**32, "4", 1.5), name)
    cases += configs(of, "linear_conv_kernel_dim", (1, 17), "taps of the convolution")
    cases += configs(of, "linear_conv_kernel_dim", (2, 3, 16), "conv1d.weight: expected shape")
    cases += configs(of, "linear_num_key_heads", (3, 4), ("key heads of the delta net", "in_proj_qkvz"))
    cases += configs(of, "linear_num_value_heads", (3, 4096), ("key heads of the delta net", "in_proj_ba"))
    cases += configs(of, "linear_value_head_dim", (4096,), "tensor")
    cases += configs(of, "layer_types", (["linear_attention"] * 4, ["full_attention"] * 4), "tensor model.layers.")
    cases += configs(of, "layer_types", ([], ["x"] * 4, [7] * 4, ["linear_attention"] * 3), "layer_types")
    cases += configs("families/mixtral", "layer_types", (["linear_attention"] * 4,), "layer_types")
    for name in ("A_log", "dt_bias", "conv1d.weight", "in_proj_ba.weight", "in_proj_qkvz.weight", "linear_attn.norm.weight", "linear_attn.out_proj.weight"):
        cases.append((f"no {name}", without(base(of), "layers.1.linear_attn." + name.removeprefix("linear_attn.")), name))
    check(cases)


@tap.test
def vocabularies_in_gguf_that_disagree_with_themselves():
    cases = []
    size = base("gguf").vocabulary
    for name, kind in (("scores", F32), ("token_type", I32)):
        for count in (0, 1, size - 1):
            cases.append((f"{name} {count}", base("gguf").key("tokenizer.ggml." + name, ARRAY, (kind, [1] * count)), f"tokenizer.ggml.{name}: expected one element for each token"))
        cases.append((f"{name} strings", base("gguf").key("tokenizer.ggml." + name, ARRAY, (STRING, ["1"] * size)), "tokenizer.ggml." + name))
        cases.append((f"{name} no array", base("gguf").key("tokenizer.ggml." + name, U32, 1), "tokenizer.ggml." + name))
    cases += keys("tokenizer.ggml.token_type", ARRAY, ((I32, [2**31 - 1] * size), (I32, [-1] * size), (I32, [6] * size)), None)[:2]
    cases += keys("tokenizer.ggml.scores", ARRAY, ((F32, [NAN] * size),), "NaN")
    cases += keys("tokenizer.ggml.scores", ARRAY, ((F32, [INFINITY] * size), (F32, [-INFINITY] * size)), None)
    for name in ("bos_token_id", "eos_token_id", "unknown_token_id", "eot_token_id", "eom_token_id"):
        cases += keys("tokenizer.ggml." + name, U32, (size, 2**31), "tokenizer.ggml." + name)
        cases += keys("tokenizer.ggml." + name, U64, (2**32, 2**63), "tokenizer.ggml." + name)
        cases += keys("tokenizer.ggml." + name, I32, (-2,), "tokenizer.ggml." + name)
        cases += keys("tokenizer.ggml." + name, STRING, ("1",), "tokenizer.ggml." + name)
    pieces = base("gguf").keys["tokenizer.ggml.tokens"][1][1]
    for what, changed, wanted in (("fewer than rows", pieces[:200], "token id: expected an id of the vocabulary"), ("twice the same", pieces[:-1] + ["a"], "token"),
                                  ("empty", [], "tokenizer.ggml.tokens"), ("all empty", [""] * size, None)):
        count = len(changed)
        model = base("gguf").key("tokenizer.ggml.tokens", ARRAY, (STRING, changed)).key("tokenizer.ggml.scores", ARRAY, (F32, [0.0] * count))
        cases.append((what, model.key("tokenizer.ggml.token_type", ARRAY, (I32, ([2, 3, 3] + [6] * 256 + [1] * 3)[:count])), wanted))
    more = pieces + [f"token{i}" for i in range(1000)] + ["aab"]
    model = base("gguf").key("tokenizer.ggml.tokens", ARRAY, (STRING, more)).key("tokenizer.ggml.scores", ARRAY, (F32, [0.0] * len(more)))
    cases.append(("more than rows", model.key("tokenizer.ggml.token_type", ARRAY, (I32, [2, 3, 3] + [6] * 256 + [1] * 1004)), "token: expected an id of the vocabulary"))
    check(cases)


@tap.test
def tokens_and_merges_that_cannot_be():
    cases = []
    tokens = base("byte-level").keys["tokenizer.ggml.tokens"][1][1]
    for merge, wanted in (("q zz", "merge 2"), ("a b", "'ab'"), ("zz a", "merge 2"), ("a", "tokenizer.ggml.merges[2]"), ("", "tokenizer.ggml.merges[2]"),
                          ("a ", "tokenizer.ggml.merges[2]"), (" a", "tokenizer.ggml.merges[2]"), (b"\xff \xfe", "merge 2"), (b"\xed\xa0\x80 a", "merge 2")):
        cases.append((f"merge {merge!r}", base("byte-level").key("tokenizer.ggml.merges", ARRAY, (STRING, ["a a", "aa a", merge])), wanted))
    cases.append(("merges that are numbers", base("byte-level").key("tokenizer.ggml.merges", ARRAY, (U32, [1, 2])), "tokenizer.ggml.merges"))
    cases += keys("tokenizer.ggml.pre", STRING, ("x", "", "a" * 100000), "tokenizer.ggml.pre", "byte-level")
    cases += keys("tokenizer.ggml.model", STRING, ("x", "", "gpt2\0"), "tokenizer.ggml.model")
    for what, token in (("overlong UTF-8", b"\xc0\xaf"), ("a surrogate", b"\xed\xa0\x80"), ("beyond U+10FFFF", b"\xf4\x90\x80\x80"), ("cut off", b"\xe2\x96"),
                        ("NUL", b"a\0b"), ("control sequences", b"\x1b]0;x\x07"), ("1 MB", b"x" * 1000000)):
        for of in ("gguf", "byte-level"):
            model = base(of)
            names = list(model.keys["tokenizer.ggml.tokens"][1][1])
            names[-1] = token
            cases.append((f"{of}, a token that is {what}", model.key("tokenizer.ggml.tokens", ARRAY, (STRING, names)), None))
    cases.append(("a token of the vocabulary twice", base("byte-level").key("tokenizer.ggml.tokens", ARRAY, (STRING, tokens[:-1] + ["aa"])), "token"))
    check(cases)


@tap.test
def weights_that_are_no_numbers():
    cases = []
    for kind, places, each in ((Q8_0, (0,), 34), (Q4_0, (0,), 18), (Q4_K, (0, 2), 144), (Q6_K, (208,), 210)):
        for bits in (0x7E00, 0x7C00, 0xFC00, 0x7BFF):
            for place in places:
                model = base(f"type {kind}")
                for name in ("blk.0.attn_q.weight", "blk.0.ffn_up.weight", "token_embd.weight", "output.weight"):
                    entry = model.tensors[name]
                    data = bytearray(entry[2])
                    for at in range(place, len(data), each * 7):
                        data[at:at + 2] = struct.pack("<H", bits)
                    entry[2] = bytes(data)
                cases.append((f"type {kind}, scale at {place} 0x{bits:04x}", model, None, "--temperature", "1"))
    for exponent in (0, 255):
        model = Gguf(kind=MXFP4)
        entry = model.tensors["output.weight"]
        entry[2] = b"".join(bytes([exponent]) + entry[2][at + 1:at + 17] for at in range(0, len(entry[2]), 17))
        cases.append((f"MXFP4 scale {exponent}", model, None))
    for value in (NAN, INFINITY, -INFINITY, 3.4e38):
        for name in base("gguf").tensors:
            model = base("gguf")
            model.tensors[name][2] = struct.pack("<f", value) * (len(model.tensors[name][2]) // 4)
            cases.append((f"{name} all {value}", model, None, "--temperature", "1"))
    for options in (("--temperature", "0"), ("--top-k", "0", "--typical", "0.5"), ("--min-p", "0.5", "--repetition-penalty", "1.5"), ("--compute", "f32")):
        model = base("gguf")
        model.tensors["output.weight"][2] = struct.pack("<f", NAN) * (len(model.tensors["output.weight"][2]) // 4)
        cases.append((f"{options}", model, None, *options))
    check(cases)


@tap.test
def folders_quantised_by_gptq_and_awq():
    cases = []
    for of in ("families/llama-gptq", "families/llama-awq"):
        name = "quantization_config/"
        cases += configs(of, name + "group_size", (0, -2, 2**32, 1.5, "32", None), "group_size")
        cases += configs(of, name + "group_size", (1, 7, 16, 33, 48, 96, 128, *BIG), "groups of a multiple of 32 that divide a row")
        cases += configs(of, name + "group_size", (64, -1), "tensor")
        cases += configs(of, name + "bits", (0, 2, 3, 8, -1, 2**32, "4"))
        cases += configs(of, name + "quant_method", ("", "x", 7, None), "quant_method")
        cases += configs(of, name + "quant_method", ("fp8", "mxfp4"), "quantization_config")
        cases += configs(of, "quantization_config", ([], "gptq", {}, None), "quantization_config")
        for part, shape in ((".qweight", (4, 64)), (".qweight", (64, 64)), (".qweight", (64,)), (".qzeros", (1, 8)), (".qzeros", (2, 7)), (".qzeros", (64,)),
                            (".scales", (1, 64)), (".scales", (2, 63)), (".scales", (64,))):
            model = base(of)
            name = model.named("q_proj" + part)
            cases.append((f"{of} {part} {shape}", model.reshape("q_proj" + part, shape), f"tensor {name}: expected shape ["))
        for part in (".qweight", ".qzeros", ".scales"):
            model = base(of)
            name = model.named("q_proj" + part)
            del model.tensors[name]
            cases.append((f"{of} without {part}", model, "q_proj"))
            model = base(of)
            entry = model.tensors[name]
            entry[0], entry[2] = "F32", bytes(4 * (len(entry[2]) // (2 if part == ".scales" else 4)))
            cases.append((f"{of} {part} of F32", model, "q_proj"))
        for bits in (0x7E00, 0x7C00, 0xFC00):
            cases.append((f"{of} scales 0x{bits:04x}", base(of).reshape("q_proj.scales", (2, 64), struct.pack("<H", bits)), None))
    for index in (2, -1, 2**31 - 1, -2**31):
        model = base("families/llama-gptq-ordered")
        cases.append((f"g_idx {index}", model.reshape("q_proj.g_idx", (64,), struct.pack("<i", index)), "g_idx: expected groups that there are"))
    for shape in ((63,), (65,), (1, 64), ()):
        cases.append((f"g_idx {shape}", base("families/llama-gptq").reshape("q_proj.g_idx", shape), "g_idx: expected shape [64]"))
    check(cases)


@tap.test
def folders_quantised_in_fp8():
    cases = []
    for of, part in (("families/llama-fp8-blocks", "q_proj.weight_scale_inv"), ("families/llama-fp8-rows", "q_proj.weight_scale"),
                     ("families/llama-fp8-one", "q_proj.weight_scale")):
        model = base(of)
        del model.tensors[model.named(part)]
        cases.append((f"{of} without scales", model, "q_proj.weight_scale"))
        for shape in ((3, 2), (2, 3), (1, 2), (159, 1), (1, 160), (4,), (1, 1, 1)):
            cases.append((f"{of} scales {shape}", base(of).reshape(part, shape), "q_proj.weight_scale"))
        for value in (NAN, INFINITY, -1.0, 0.0):
            shape = base(of).tensors[base(of).named(part)][1]
            cases.append((f"{of} scales {value}", base(of).reshape(part, shape, struct.pack("<f", value)), None))
        model = base(of)
        entry = model.tensors[model.named(part)]
        entry[0], entry[2] = "U8", bytes(len(entry[2]) // 4)
        cases.append((f"{of} scales of U8", model, "q_proj.weight_scale"))
        name = base(of).named("q_proj.weight")
        shape = base(of).tensors[name][1]
        cases.append((f"{of} all of no number", base(of).reshape("q_proj.weight", shape, b"\x7f") if name.endswith("weight") else base(of), None))
    check(cases)


@tap.test
def folders_of_gpt_oss():
    cases = []
    of = "families/gpt-oss-mxfp4"
    for part in ("self_attn.sinks", "gate_up_proj_blocks", "gate_up_proj_scales", "down_proj_blocks", "down_proj_scales", "gate_up_proj_bias",
                 "down_proj_bias", "router.weight", "router.bias"):
        model = base(of)
        name = model.named(part)
        del model.tensors[name]
        cases.append((f"without {part}", model, "tensor " + name.replace("_blocks", "").replace("_scales", "")))
    for part, shapes in (("self_attn.sinks", ((3,), (5,), (4, 1), ())), ("gate_up_proj_blocks", ((3, 64, 2, 16), (4, 63, 2, 16), (4, 64, 1, 16), (4, 64, 2, 15), (4, 64, 32))),
                         ("gate_up_proj_scales", ((3, 64, 2), (4, 64, 1), (4, 64, 3), (4, 128))), ("down_proj_blocks", ((4, 64, 2, 16), (5, 64, 1, 16))),
                         ("gate_up_proj_bias", ((4, 63), (3, 64), (256,))), ("router.weight", ((3, 64), (4, 63)))):
        for shape in shapes:
            cases.append((f"{part} {shape}", base(of).reshape(part, shape), f"tensor {base(of).named(part)}: expected shape ["))
    cases += configs(of, "num_local_experts", (1, 3, 5, 0, *BIG))
    cases += configs(of, "intermediate_size", (16, 31, 64))
    cases += configs(of, "swiglu_limit", (-1, 1e300, "7"))
    for value in (0, 255):
        cases.append((f"scales {value}", base(of).reshape("gate_up_proj_scales", (4, 64, 2), bytes([value])), None))
    for bits in (0x7FC0, 0x7F80, 0xFF80):
        cases.append((f"sinks 0x{bits:04x}", base(of).reshape("self_attn.sinks", (4,), struct.pack("<H", bits)), None))
        cases.append((f"router 0x{bits:04x}", base(of).reshape("router.weight", (4, 64), struct.pack("<H", bits)), None))
    # MXFP4 where there are no experts
    model = base("llama-gqa")
    name = model.named("q_proj.weight")
    del model.tensors[name]
    model.tensors[name.replace(".weight", "_blocks")] = ["U8", [1, 1, 1, 16], bytes(16)]
    model.tensors[name.replace(".weight", "_scales")] = ["U8", [1, 1, 1], bytes(1)]
    cases.append(("blocks without experts", model, "MXFP4 experts"))
    check(cases)


@tap.test
def tokenizers_of_folders_that_disagree_with_the_model():
    cases = []
    for what, change, wanted in (
            ("more tokens than rows", lambda t: t["model"]["vocab"].update({f"x{i}": 64 + i for i in range(100)}), None),
            ("an added token far away", lambda t: t["added_tokens"].append({"id": 2**31, "content": "zz", "special": True}), "added_tokens"),
            ("an id of 2^63 - 1", lambda t: t["model"]["vocab"].update({"zz": 2**63 - 1}), "model.vocab"),
            ("an id of -1", lambda t: t["model"]["vocab"].update({"zz": -1}), "model.vocab"),
            ("a merge outside", lambda t: t["model"]["merges"].append("q zz"), "merge"),
            ("a lone surrogate", lambda t: t["model"]["vocab"].update({"\ud800": 63}), "tokenizer.json")):
        model = base("llama-gqa")
        change(model.files["tokenizer.json"])
        cases.append((what, model, wanted))
    for text, wanted in (("[" * 100000, "tokenizer.json"), ("{\"a\":1,\"a\":2}", "tokenizer.json"), ("{\"model\":" * 200 + "1" + "}" * 200, "tokenizer.json")):
        model = base("llama-gqa")
        model.files["tokenizer.json"] = text
        cases.append((text[:20], model, wanted))
    for text, wanted in (("{\"a\":" * 200 + "1" + "}" * 200, "config.json: byte 640: JSON: expected at most 128 levels"),
                         ("[" + "[]," * 300000 + "x", "config.json: line 1 column"), ("{\"hidden_size\": 1, \"hidden_size\": 2}", "config.json: line 1 column"),
                         ("{\"a\": \"" + "x" * (64 << 20) + "\"}", "config.json: more than 67108864 bytes")):
        model = base("llama-gqa")
        model.config = text
        cases.append((text[:20], model, wanted))
    for ids in (64, -1, 2**31, 2**63 - 1, [64], [1] * 100000, "x", [[1]]):
        model = base("llama-gqa")
        model.files["generation_config.json"] = {"eos_token_id": ids}
        cases.append((f"ends {str(ids)[:20]}", model, None))  # ids that no token has end nothing
    check(cases)


@tap.test
def models_that_convert_reads_otherwise_than_run():
    with tempfile.TemporaryDirectory(prefix="hearth-hostile-") as folder:
        # a matrix stored in three ways: more entries than tensors
        model = base("families/llama-fp8-one")
        for name in [name for name in model.tensors if name.endswith("_proj.weight")]:
            rows, cols = model.tensors[name][1]
            stem = name.removesuffix(".weight")
            model.tensors[stem + ".qweight"] = ["I32", [cols // 8, rows], bytes(rows * cols // 2)]
            model.tensors[stem + "_blocks"] = ["U8", [2, rows, cols // 32, 16], bytes(rows * cols)]
        path = os.path.join(folder, "ways")
        model.write(path)
        code, said = one_run(["convert", path, os.path.join(folder, "ways.gguf")])
        assert code == 1 and "a matrix that is stored in one way" in said, said
        # one long token in a vocabulary of scores, whose merges are all ways to cut tokens
        model = base("gguf")
        names = list(model.keys["tokenizer.ggml.tokens"][1][1])
        names[-1] = b"x" * 1000000
        path = os.path.join(folder, "long.gguf")
        model.key("tokenizer.ggml.tokens", ARRAY, (STRING, names)).write(path)
        code, said = one_run(["convert", path, os.path.join(folder, "long")])
        assert code == 0, said


if __name__ == "__main__":
    tap.main()
