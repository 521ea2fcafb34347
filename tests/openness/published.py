"""What the tests of hearth publish share: a model, a hub that it is published to, a home with a token."""

import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "cli"), os.path.join(os.path.dirname(HERE), "hub")]
from place import Place, files_under, model_files, read  # noqa: E402
from writing_hub import WritingHub  # noqa: E402

TOKEN = "hf_mayWrite"
CARD = b"---\nlicense: apache-2.0\n---\n# A model\n"


def put(folder, files):
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content)
    return folder


def model(place, **more):
    files = {**model_files(), "README.md": CARD, "big.safetensors": random.Random(3).randbytes(300_000), "empty": b"", "sub/notes.txt": b"x" * 200, **more}
    return put(os.path.join(place.name, "a model"), files)


class World:
    def __init__(self, part=None, **more):
        self.hub = WritingHub(part=part, **more)
        self.place = Place(self.hub, HF_TOKEN=TOKEN)
        self.model = model(self.place)
        self.hub.add_repository("me/mine", {".gitattributes": b"x"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hub.close()
        self.place.cleanup()

    def publish(self, *more, to="hf:me/mine", **env):
        return self.place.run("publish", self.model, to, "-q", *more, **env)

    def here(self):
        return {name: read(self.model, name) for name in files_under(self.model) if not name.startswith(".")}

    def is_published(self, name="me/mine"):
        there = dict(self.hub.files_of(name))
        there.pop(".gitattributes")
        assert there == self.here(), sorted(there)
