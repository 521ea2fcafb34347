#!/usr/bin/env python3
"""What hearth published, read back by huggingface_hub; and what huggingface_hub would send for the same folder, beside it. Prints TAP."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "cli"), os.path.join(os.path.dirname(HERE), "hub")]
from tap import Skip, main, test  # noqa: E402
from published import TOKEN, World  # noqa: E402
from place import files_under, read  # noqa: E402

os.environ["HF_HUB_DISABLE_XET"] = "1"
try:
    import huggingface_hub
except ImportError:
    huggingface_hub = None


@test
def huggingface_hub_reads_what_was_published():
    if huggingface_hub is None:
        raise Skip("python3 has no huggingface_hub")
    for part in (None, 100_000):
        with World(part) as w:
            assert w.publish("--create").code == 0
            there = huggingface_hub.snapshot_download("me/mine", endpoint=w.hub.url, token=TOKEN, cache_dir=os.path.join(w.place.name, "theirs"))
            names = [n for n in files_under(there) if n != ".gitattributes"]
            assert names == sorted(w.here()), names
            assert all(read(there, n) == read(w.model, n) for n in names)


@test
def huggingface_hub_finds_nothing_to_add():
    if huggingface_hub is None:
        raise Skip("python3 has no huggingface_hub")
    with World() as w:
        assert w.publish().code == 0
        puts, commits = list(w.hub.puts), list(w.hub.commits)
        api = huggingface_hub.HfApi(endpoint=w.hub.url, token=TOKEN)
        api.upload_folder(repo_id="me/mine", folder_path=w.model, commit_message="theirs", ignore_patterns=[".*"])  # a repository has its own .gitattributes
        assert (w.hub.puts, w.hub.commits) == (puts, commits), (w.hub.puts, w.hub.commits)
        with open(os.path.join(w.model, "sub", "notes.txt"), "ab") as out:
            out.write(b"and more")
        api.upload_folder(repo_id="me/mine", folder_path=w.model, commit_message="theirs", ignore_patterns=[".*"])  # it can tell
        assert w.hub.commits == [*commits, "theirs"], w.hub.commits
        w.is_published()


if __name__ == "__main__":
    main()
