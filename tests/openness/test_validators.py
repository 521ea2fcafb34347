#!/usr/bin/env python3
"""What hearth openness docs writes, held against validators of PyPI: cyclonedx-python-lib[json-validation], spdx-python-model (the classes that SPDX
generates from its own shapes), huggingface_hub, and, where the network lets it fetch its shapes, spdx3-validate. Prints TAP."""

import io
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))
from tap import SOURCE, Skip, good, main, test  # noqa: E402

TEMPORARY = tempfile.mkdtemp(prefix="hearth-validators-")


def papers(name):
    out = os.path.join(TEMPORARY, name)
    if not os.path.isdir(out):
        good("openness", "docs", os.path.join(SOURCE, "models", name), "--out", out, "--provider", "Somebody", "--url", "https://example.org/model", "-q")
    return out


def text_of(name, file):
    with open(os.path.join(papers(name), file), encoding="utf-8") as opened:
        return opened.read()


MODELS = ("debian-reader", "hearthside")


@test
def cyclonedx_accepts_the_bill():
    try:
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator
        validator = JsonStrictValidator(SchemaVersion.V1_6)
        assert validator.validate_str('{"bomFormat": "CycloneDX"}') is not None  # it can refuse
    except Exception as missing:
        raise Skip(f"no cyclonedx-python-lib[json-validation]: {missing}") from None
    for name in MODELS:
        problem = validator.validate_str(text_of(name, "model.cdx.json"))
        assert problem is None, problem


@test
def spdx_classes_read_and_write_the_bill():
    try:
        from spdx_python_model import v3_0_1 as spdx
    except ImportError:
        raise Skip("no spdx-python-model") from None
    for name in MODELS:
        whole = text_of(name, "model.spdx.json")
        found = spdx.SHACLObjectSet()
        spdx.JSONLDDeserializer().read(io.StringIO(whole), found)
        assert not found.missing_ids and len(list(found.foreach_type("ai_AIPackage"))) == 1 and len(list(found.foreach_type("dataset_DatasetPackage"))) == 1
        spdx.JSONLDSerializer().write(found, io.BytesIO())  # checks what is mandatory
        broken = spdx.SHACLObjectSet()
        refused = False
        try:
            spdx.JSONLDDeserializer().read(io.StringIO(whole.replace('"model"', '"soul"', 1)), broken)
            spdx.JSONLDSerializer().write(broken, io.BytesIO())
        except Exception:
            refused = True
        assert refused, "it takes everything"


@test
def spdx3_validate_accepts_the_bill():
    program = shutil.which("spdx3-validate") or os.path.join(os.path.dirname(sys.executable), "spdx3-validate")
    if not os.path.exists(program):
        raise Skip("no spdx3-validate")
    for name in MODELS:
        ended = subprocess.run([program, "-q", "-j", os.path.join(papers(name), "model.spdx.json")], capture_output=True, text=True, timeout=600, check=False)
        if "URLError" in ended.stderr or "urlopen" in ended.stderr:
            raise Skip("it fetches SPDX's shapes, and there is no network")
        assert ended.returncode == 0, ended.stdout + ended.stderr


@test
def the_hub_reads_the_card():
    try:
        from huggingface_hub import ModelCard
    except ImportError:
        raise Skip("no huggingface_hub") from None
    for name, licence in (("debian-reader", "gpl-3.0"), ("hearthside", "cc0-1.0")):
        data = ModelCard.load(os.path.join(papers(name), "README.md")).data
        assert data.license == licence and data.pipeline_tag == "text-generation" and data.eval_results[0].metric_type == "bits_per_byte"


try:
    main()
finally:
    shutil.rmtree(TEMPORARY, ignore_errors=True)
