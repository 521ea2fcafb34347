#!/usr/bin/env python3
"""What hearth openness docs writes, held against validators of PyPI: cyclonedx-python-lib[json-validation], spdx-python-model (the classes that SPDX
generates from its own shapes), huggingface_hub, and spdx3-validate (schema and shapes),
where HEARTH_SPDX names a folder with schema.json, spdx-model.ttl and spdx-context.jsonld, or the network lets it fetch them. Prints TAP."""

import contextlib
import email.message
import io
import json
import os
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
import urllib.response

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


class Local(urllib.request.HTTPSHandler):
    """SPDX's published files out of HEARTH_SPDX, a folder, where spdx3-validate and rdflib would fetch them. Nothing else is fetched."""

    def https_open(self, request):
        url = request.full_url
        kind = "json" if url.endswith(".json") else "ld+json" if url.endswith(".jsonld") else None
        name = {"https://spdx.org/schema/3.0.1/spdx-json-schema.json": "schema.json"}.get(url, url.replace("https://spdx.org/rdf/3.0.1/", ""))
        try:
            with open(os.path.join(os.environ["HEARTH_SPDX"], os.path.basename(name)), "rb") as file:
                body = file.read()
        except OSError as error:
            raise urllib.error.URLError(f"{url} is asked for: {error}") from error
        headers = email.message.Message()
        headers["Content-Type"] = f"application/{kind}" if kind else "text/turtle"
        answer = urllib.response.addinfourl(io.BytesIO(body), headers, url, 200)
        answer.msg = "OK"
        return answer


def validate(text, name):
    """What spdx3-validate, as it is, says of it: its result and what it prints."""
    from spdx3_validate.main import main as spdx3_validate

    path = os.path.join(TEMPORARY, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    with contextlib.redirect_stdout(io.StringIO()) as told:
        result = spdx3_validate(["-q", "-j", path])
    return result, told.getvalue()


@test
def spdx3_validate_accepts_the_bill():
    try:
        import spdx3_validate  # noqa: F401
    except ImportError:
        raise Skip("no spdx3-validate") from None
    if "HEARTH_SPDX" in os.environ:
        urllib.request.install_opener(urllib.request.build_opener(Local))
    for name in MODELS:
        try:
            result, told = validate(text_of(name, "model.spdx.json"), f"{name}.json")
        except urllib.error.URLError as error:
            assert "HEARTH_SPDX" not in os.environ, error
            raise Skip("it fetches SPDX's schema, shapes and context; HEARTH_SPDX names a folder of them (CONTRIBUTING.md)") from None
        assert result == 0, told
    bill = json.loads(text_of("hearthside", "model.spdx.json"))
    package = next(one for one in bill["@graph"] if one.get("type") == "ai_AIPackage")
    relation = next(one for one in bill["@graph"] if one.get("relationshipType") == "trainedOn")
    relation["to"] = [bill["@graph"][0]["@id"]]  # a CreationInfo is no element: only the shapes know
    result, told = validate(json.dumps(bill), "broken.json")
    assert result == 1 and "SHACL Validation failed" in told and "ClassConstraintComponent" in told, told
    package["ai_energyConsumption"] = "much"
    result, told = validate(json.dumps(bill), "broken.json")
    assert result == 1 and "JSON Schema validation failed" in told, told


@test
def licences_are_told_as_the_profiles_ask():
    """The rules of the profiles AI and Dataset that SPDX's shapes do not have: one declared and one concluded licence for each package."""
    for name in MODELS:
        graph = json.loads(text_of(name, "model.spdx.json"))["@graph"]
        kinds = {one.get("spdxId"): one["type"] for one in graph}
        packages = [one["spdxId"] for one in graph if one["type"] in ("ai_AIPackage", "dataset_DatasetPackage")]
        assert len(packages) == 2
        for package in packages:
            for kind in ("hasDeclaredLicense", "hasConcludedLicense"):
                to = [one["to"] for one in graph if one.get("relationshipType") == kind and one["from"] == package]
                assert len(to) == 1 and [kinds[one] for one in to[0]] == ["simplelicensing_LicenseExpression"], (package, kind, to)


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
