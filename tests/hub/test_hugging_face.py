#!/usr/bin/env python3
"""Hugging Face's own client and hearth over one hub and one cache: each finds what the other fetched, and works on at the same time.
Prints TAP; skips where python3 has no huggingface_hub."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from place import Place, big, ended, gguf, model_files, read  # noqa: E402
from server import Hub, sha256  # noqa: E402
from tap import Skip, main, test  # noqa: E402


def client(place, code, *arguments):
    """Runs code with huggingface_hub in the place; what it prints."""
    if subprocess.run([sys.executable, "-c", "import huggingface_hub"], capture_output=True).returncode:
        raise Skip("python3 has no huggingface_hub")
    env = {**place.env, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    made = subprocess.run([sys.executable, "-c", "import sys\nfrom huggingface_hub import *\n" + code, *arguments], env=env, capture_output=True, timeout=120)
    assert made.returncode == 0, made.stderr.decode()[-3000:]
    return made.stdout.decode().strip()


@test
def it_finds_what_hearth_fetched():
    files = model_files()
    with Hub() as hub, Place(hub) as place:
        commit = hub.add_repository("org/name", files)
        place.good("pull", "org/name")
        seen = len(hub.log)
        path = client(place, "print(snapshot_download('org/name', local_files_only=True))")
        assert path == os.path.join(place.repository("org/name"), "snapshots", commit), path
        assert not [e for e in hub.log[seen:] if "org/name" in e.path], hub.log[seen:]
        assert client(place, "print(hf_hub_download('org/name', 'config.json', local_files_only=True))") == os.path.join(path, "config.json")
        scan = json.loads(client(place, "import json\ni = scan_cache_dir()\nr, = i.repos\nprint(json.dumps([r.repo_id, r.size_on_disk, sorted(f.file_name for v in r.revisions "
                                        "for f in v.files), [list(v.refs) for v in r.revisions], len(i.warnings)]))"))
        taken = ["README.md", "config.json", "model.safetensors"]
        assert scan == ["org/name", sum(len(files[n]) for n in taken), taken, [["main"]], 0], scan
        bodies = len(hub.bodies())
        client(place, "print(snapshot_download('org/name', allow_patterns=['*.json', '*.safetensors', '*.md']))")
        assert len(hub.bodies()) == bodies, "its own fetch takes hearth's files"


@test
def hearth_finds_what_it_fetched():
    files = model_files()
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/name", files)
        hub.add_repository("org/gguf", {"m.Q4_0.gguf": gguf()})
        path = client(place, "print(snapshot_download('org/name'))")
        client(place, "print(hf_hub_download('org/gguf', 'm.Q4_0.gguf'))")
        rows = {m["name"]: m for m in json.loads(place.good("list", "--json").out)}
        assert set(rows) == {"org/name", "org/gguf"} and rows["org/name"]["path"] == path, rows
        assert rows["org/name"]["bytes"] == sum(map(len, files.values()))
        assert json.loads(place.good("show", "org/name", "--json").out)["path"] == path
        place.good("show", "org/gguf:Q4_0")
        bodies = len(hub.bodies())
        assert "all here before" in place.good("pull", "org/name").out and len(hub.bodies()) == bodies
        place.good("rm", "org/name")
        assert client(place, "print(len(scan_cache_dir().repos))") == "1"


@test
def both_at_once_fetch_it_once():
    content = big()
    digest = sha256(content)
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/big", {"big.gguf": content})
        client(place, "")
        hub.fault(digest, "slow:20000*5")
        process = place.start("pull", "org/big", "--json")
        while hub.sent(digest) < 100_000:
            assert process.poll() is None
        path = client(place, "print(snapshot_download('org/big'))")
        made = ended(process)
        assert made.code == 0 and json.loads(made.out)["path"] == path, made
        assert hub.sent(digest) == len(content) and read(path, "big.gguf") == content


@test
def hearth_goes_on_beside_its_partial_files():
    content = big()
    digest = sha256(content)
    with Hub() as hub, Place(hub) as place:
        hub.add_repository("org/big", {"big.gguf": content})
        client(place, "")
        hub.fault(digest, "drop:1000000*100")
        place.run("pull", "org/big", "--retries", "0")
        hub.faults.clear()
        path = client(place, "print(snapshot_download('org/big'))")
        assert read(path, "big.gguf") == content, "what hearth began is not taken for its own beginning"
        assert "all here before" in place.good("pull", "org/big").out
        left = json.loads(place.good("prune", "--hours", "0", "--json").out)["paths"]
        assert [os.path.basename(p) for p in left] == [digest + ".hearth-partial", digest + ".hearth-partial.parts"], left
        assert place.blobs("org/big") == [digest]


main()
