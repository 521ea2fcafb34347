#!/usr/bin/env python3
"""Writes tests/plan/golden.json: how many parameters transformers makes of the configurations beside it and of those under
tests/model/golden/families, on PyTorch's meta device, where weights have shapes and no memory.

"active" leaves out the experts that a token is not sent to. Needs transformers and PyTorch (tests/requirements.txt).

    make_golden.py [NAME...]     of a configuration or a folder: the other numbers stay"""

import json
import pathlib
import sys

import torch
import transformers

HERE = pathlib.Path(__file__).parent
FAMILIES = HERE.parent / "model" / "golden" / "families"


def count(path):
    values = json.loads(path.read_text())
    values = values.get("text_config", values)  # of a model of several parts
    values.pop("time_step_limit", None)  # of state spaces: an infinity, which is no JSON
    values.pop("quantization_config", None)  # how the published file stores them; the weights are the same
    config = transformers.AutoConfig.for_model(values.pop("model_type"), **values)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    values_of = dict(model.named_parameters())  # tied ones once
    experts = {name: p.numel() for name, p in values_of.items() if ".experts." in name}
    everything = sum(p.numel() for p in values_of.values())
    buffers = sum(b.numel() for name, b in model.named_buffers() if name.endswith("e_score_correction_bias"))
    used = next((getattr(config, k) for k in ("num_experts_per_tok", "num_experts_per_token") if hasattr(config, k)), 0)
    total = next((getattr(config, k) for k in ("n_routed_experts", "num_local_experts", "num_experts") if hasattr(config, k)), 0)
    routed = sum(experts.values())
    return {"parameters": everything + buffers,
            "active": everything + buffers - (routed - routed // total * used if routed else 0)}


def main():
    golden = json.loads((HERE / "golden.json").read_text()) if len(sys.argv) > 1 else {}
    paths = sorted(HERE.glob("*-*.json")) + sorted(FAMILIES.glob("*/config.json"))
    for path in paths:
        name = path.stem if path.parent == HERE else "families/" + path.parent.name
        if len(sys.argv) > 1 and name.removeprefix("families/") not in sys.argv[1:]:
            continue
        golden[name] = count(path)
        print(name, golden[name])
    (HERE / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
