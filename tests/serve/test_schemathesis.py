#!/usr/bin/env python3
"""schemathesis over the OpenAPI file: requests that keep to it and requests that do not, of each endpoint but /api/pull, which would fetch. No
answer is a server's error, and each is of a status, a kind and a shape that the file has. Prints TAP."""

import importlib.util
import json
import os
import re
import subprocess
import sys

from support import BERT, OWN, ROOT, Server, Skip, folder, main, test, write_model

PLACE = folder()
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
EXAMPLES = os.environ.get("HEARTH_EXAMPLES", "15")


def narrowed():
    """The file with the names of models that are there, and short answers: what is asked goes as deep as it can."""
    with open(os.path.join(os.path.dirname(ROOT), "src", "serve", "openapi.json"), encoding="utf-8") as file:
        made = json.load(file)
    del made["paths"]["/api/pull"]
    for name, schema in made["components"]["schemas"].items():
        fields = schema.get("properties", {})
        if name.endswith("Request") or name == "OllamaName":
            fields["model"] = {"enum": ["bert"] if "Embed" in name else ["chat", "own"]}
        for field in ("max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict"):
            if field in fields and "Request" in name or name == "OllamaOptions" and field in fields:
                fields[field] = {"type": "integer", "minimum": 1, "maximum": 6}
        if "n" in fields:
            fields["n"] = {"type": "integer", "minimum": 1, "maximum": 4}
    path = os.path.join(PLACE.name, "openapi.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(made, file)
    return path, sum(len(methods) for methods in made["paths"].values())


@test
def no_request_is_a_servers_error():
    if importlib.util.find_spec("schemathesis") is None:
        raise Skip("python3 has no schemathesis")
    chat = write_model(os.path.join(PLACE.name, "scripted"))
    path, count = narrowed()
    with Server(f"chat={chat}", f"own={OWN}", f"bert={BERT}", "--context", "128") as s:
        made = subprocess.run([sys.executable, "-m", "schemathesis.cli", "run", path, "--url", s.url, "--checks", CHECKS, "--max-examples", EXAMPLES,
                               "--seed", "1", "--phases", "examples,coverage,fuzzing", "--mode", "all", "--request-timeout", "60", "--no-color",
                               "--generation-database", "none"], capture_output=True, text=True, cwd=PLACE.name, timeout=1500)
        assert s.get("/health") == (200, {"status": "ok"})
    for line in made.stdout.splitlines()[-40:]:
        print("# " + line)
    tested = re.search(r"Operations:.*|API Operations:.*|Tested: \d+.*", made.stdout)
    assert made.returncode == 0, re.sub(r"curl .*", "", made.stdout)[-6000:] + made.stderr[-2000:]
    assert re.search(rf"Tested: {count}\b", made.stdout), (count, tested)


main()
