#!/usr/bin/env python3
"""hearth plan: parameters as transformers counts them (golden.json, by make_golden.py), bytes as the formats say, bounds as
their definition says, splits that leave no layer out. Prints TAP."""

import json
import os
import pathlib
import sys

HERE = pathlib.Path(os.path.abspath(__file__)).parent
sys.path.insert(0, str(HERE.parent / "cli"))
from tap import folder, good, good_json, hearth, main, one_line, test  # noqa: E402

MODELS = HERE.parent / "model" / "golden"
GOLDEN = json.loads((HERE / "golden.json").read_text())
LLAMA = HERE / "llama-3.1-405b.json"
DEEPSEEK = HERE / "deepseek-r1.json"
QWEN3_NEXT = HERE / "qwen3-next-80b.json"
COMMON = ("--threads", "1", "--disk", "2", "--bandwidth", "50")
BLOCKS = {"F32": (1, 4), "BF16": (1, 2), "F16": (1, 2), "Q8_0": (32, 34), "Q6_K": (256, 210), "Q5_K": (256, 176), "Q4_K": (256, 144),
          "Q4_0": (32, 18), "Q3_K": (256, 110), "Q2_K": (256, 84)}


def plan(path, *more):
    return good_json("plan", str(path), *COMMON, *more)


def close(a, b, tolerance=1e-6):
    return abs(a - b) <= tolerance * max(abs(a), abs(b))


@test
def llama_3_1_405b_is_counted_right():
    made = plan(LLAMA, "--context", "131072")
    assert made["parameters"] == made["active_parameters"] == GOLDEN["llama-3.1-405b"]["parameters"] == 405853388800, made
    norms = 126 * 2 * 16384 + 16384
    rows = {row["format"]: row for row in made["formats"]}
    assert set(rows) == set(BLOCKS), rows
    for name, (values, size) in BLOCKS.items():
        assert rows[name]["file_bytes"] == (405853388800 - norms) // values * size + 4 * norms, (name, rows[name])
    embedding = 128256 * 16384
    assert rows["F16"]["bytes_per_token"] == 2 * (405853388800 - norms - embedding) + 4 * norms, rows["F16"]
    # BF16 in the lossless form: 12 bits, a table of 16 bytes for 1,024, and a 128th for blocks that stay raw
    lossless = 12.125 / 8 * (405853388800 - norms - embedding) * 129 / 128
    assert close(rows["BF16"]["bytes_per_token"], lossless + 4 * norms, 1e-4), (rows["BF16"], lossless)
    # 126 layers, 8 heads of 128, keys and values
    assert made["estimate"]["cache_bytes"] == 126 * 8 * 128 * 2 * 2 * 131072, made["estimate"]
    values = 126 * 8 * 128 * 2 * 131072
    assert made["cache"][-1] == {"tokens": 131072, "native_bytes": 2 * values, "f32_bytes": 4 * values, "q8_0_bytes": values // 32 * 34,
                                 "q4_0_bytes": values // 32 * 18}, made["cache"]
    assert made["estimate"]["type"] == "BF16" and not made["estimate"]["fits"], made["estimate"]


@test
def deepseek_r1_is_counted_right():
    made = plan(DEEPSEEK, "--type", "Q8_0", "--context", "8192")
    assert made["parameters"] == GOLDEN["deepseek-r1"]["parameters"] == 671026419200, made
    assert made["active_parameters"] == GOLDEN["deepseek-r1"]["active"] == 37552297472, made
    # a position: 512 + 64 values for keys, as many for values, 61 layers
    assert made["estimate"]["cache_bytes"] == 61 * 2 * 576 * 2 * 8192, made["estimate"]
    quarter = plan(DEEPSEEK, "--type", "Q8_0", "--context", "8192", "--cache", "q4_0")["estimate"]
    assert quarter["cache"] == "q4_0" and quarter["cache_bytes"] == 61 * 2 * 576 * 8192 // 32 * 18, quarter
    assert made["estimate"]["bytes_per_token"] - quarter["bytes_per_token"] == made["estimate"]["cache_bytes"] - quarter["cache_bytes"], quarter
    embedding = 129280 * 7168
    routers = 58 * 256 * 7168
    by_values = (made["active_parameters"] - embedding - routers) / 32 * 34 + 4 * routers + 61 * 2 * 576 * 2 * 8192
    assert close(made["estimate"]["bytes_per_token"], by_values, 1e-4), (made["estimate"], by_values)  # norms are F32, too


@test
def qwen3_next_is_counted_right():
    made = plan(QWEN3_NEXT, "--type", "BF16", "--context", "8192")
    assert made["parameters"] == GOLDEN["qwen3-next-80b"]["parameters"] == 79674391296, made
    assert made["active_parameters"] == GOLDEN["qwen3-next-80b"]["active"] == 3874929408, made
    # 12 layers of 2 heads of 256; in 36 layers 32 states of 128 x 128 and 3 rows of 8192, twice with the checkpoint
    states = 36 * (32 * 128 * 128 + 3 * 8192) * 4
    assert made["estimate"]["cache_bytes"] == 12 * 2 * 256 * 2 * 2 * 8192 + 2 * states, made["estimate"]
    # every fourth layer has keys and values, the others a state
    split = plan(QWEN3_NEXT, "--type", "BF16", "--context", "8192", "--machines", "5")["split"]
    assert sum(share["cache_bytes"] for share in split) == made["estimate"]["cache_bytes"], split
    for share in split:
        layers = range(share["first_layer"], share["first_layer"] + share["layers"])
        attention = sum((i + 1) % 4 == 0 for i in layers)
        assert share["cache_bytes"] == attention * 2 * 256 * 2 * 2 * 8192 + (share["layers"] - attention) * 2 * states // 36, share


@test
def bounds_are_bytes_over_speed():
    made = plan(LLAMA, "--type", "Q4_0", "--memory", "300GB", "--context", "1024")
    estimate, machine = made["estimate"], made["machine"]
    assert estimate["fits"] and estimate["disk_bytes_per_token"] == 0 and estimate["decode_from_disk_tokens_per_second"] is None, estimate
    assert machine["read_gb_s"] == 50 and estimate["prefill_tokens_per_second"] is None, made
    assert close(estimate["decode_tokens_per_second"], machine["read_gb_s"] * 1e9 / estimate["bytes_per_token"]), made
    assert machine["memory_bytes"] == 300 * 10**9 and machine["disk_gb_s"] == 2, machine
    half = plan(LLAMA, "--type", "Q4_0", "--memory", "100GB", "--context", "1024")["estimate"]
    weights = next(row for row in made["formats"] if row["format"] == "Q4_0")["bytes_per_token"]
    assert not half["fits"] and close(half["disk_bytes_per_token"], weights - (100e9 - half["cache_bytes"])), half
    assert close(half["decode_from_disk_tokens_per_second"], 2e9 / half["disk_bytes_per_token"]), half
    assert half["machines_needed"] == 3, half


@test
def of_experts_a_share_comes_from_disk():
    made = plan(DEEPSEEK, "--type", "Q4_K", "--memory", "200GB", "--context", "1024")["estimate"]
    # what every token reads stays; of 8 experts of 256 in each of 58 layers the share that found no room
    experts = 58 * 256 * 3 * 7168 * 2048 // 256 * 144
    fixed = made["file_bytes"] - experts - 129280 * 7168 // 256 * 144
    kept = (200e9 - made["cache_bytes"] - fixed) / experts
    assert close(made["disk_bytes_per_token"], experts * 8 / 256 * (1 - kept), 1e-4), (made, kept)


@test
def a_split_leaves_no_layer_out():
    for path, layers in ((LLAMA, 126), (DEEPSEEK, 61)):
        for machines in (1, 2, 7, layers):
            made = plan(path, "--type", "Q8_0", "--machines", str(machines))
            parts = made["split"]
            assert len(parts) == machines and parts[0]["first_layer"] == 0, parts
            for before, after in zip(parts, parts[1:]):
                assert after["first_layer"] == before["first_layer"] + before["layers"] and after["layers"] > 0, parts
            assert sum(p["layers"] for p in parts) == layers
            assert sum(p["weights_bytes"] for p in parts) == made["estimate"]["weights_bytes"], parts
            most = max(p["weights_bytes"] + p["cache_bytes"] for p in parts)
            whole = made["estimate"]["weights_bytes"] + made["estimate"]["cache_bytes"]
            layer = max(p["weights_bytes"] / p["layers"] for p in parts[:-1]) if machines > 1 else 0
            assert whole / machines <= most + 61 and most <= whole / machines + 1.1 * layer, (machines, most, whole / machines, layer)


@test
def windows_are_read_as_far_as_they_reach():
    config = json.loads((MODELS / "families" / "mistral-window" / "config.json").read_text())
    config["max_position_embeddings"] = 65536
    with folder() as place:
        reads = {}
        for window in (None, 64):
            path = os.path.join(place, "windowed.json")
            with open(path, "w", encoding="utf-8") as out:
                json.dump({**config, "sliding_window": window}, out)
            reads[window] = [plan(path, "--context", str(n))["estimate"]["bytes_per_token"] for n in (64, 65536)]
    heads = config["num_key_value_heads"] * config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
    assert reads[64][0] == reads[64][1] == reads[None][0], reads
    assert reads[None][1] - reads[None][0] == config["num_hidden_layers"] * heads * 2 * 2 * (65536 - 64), reads


@test
def this_machine_is_measured():
    made = good_json("plan", str(LLAMA), "--type", "Q8_0", "--threads", "1")
    machine, estimate = made["machine"], made["estimate"]
    assert machine["memory_bytes"] > 0 and machine["disk_gb_s"] is None and estimate["decode_from_disk_tokens_per_second"] is None, made
    rate = machine["int8_gops"] * 1e9 / 2 / (405853388800 - 2 * 128256 * 16384 - 16384)
    assert rate > 0 and close(estimate["prefill_tokens_per_second"], rate), (estimate, rate)


@test
def text_says_the_same():
    text = good("plan", str(DEEPSEEK), "--type", "Q4_K", "--machines", "3", "--memory", "1.5 TB", *COMMON).out
    for part in ("671,026,419,200, 37,552,297,472 for each token", "DeepSeek", "Q6_K", "fits", "machine", "0-"):
        assert part in text, (part, text)


@test
def what_is_wrong_is_named():
    with folder() as place:
        path = os.path.join(place, "other.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump({**json.loads(LLAMA.read_text()), "num_key_value_heads": 7}, out)
        one_line(hearth("plan", path), 1, path, "key heads", "7")
    for wrong, word in ((("--type", "Q9"), "--type"), (("--memory", "12 apples"), "--memory"), (("--machines", "127"), "--machines")):
        ended = hearth("plan", str(LLAMA), *COMMON, *wrong)
        assert ended.code in (1, 2) and word in ended.err, ended


main()
