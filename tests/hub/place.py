"""What the tests of hearth pull share: a home of their own, models out of the committed goldens, and running hearth there."""

import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))
from tap import HEARTH, SOURCE, Ended, environment, hearth  # noqa: E402

GOLDEN = os.path.join(SOURCE, "tests", "model", "golden")


def read(*names):
    with open(os.path.join(*names), "rb") as file:
        return file.read()


def model_files():
    """A Hugging Face folder, complete but for a tokenizer."""
    return {"config.json": read(GOLDEN, "llama-gqa", "config.json"), "model.safetensors": read(GOLDEN, "llama-gqa", "model.safetensors"),
            "README.md": b"---\nlicense: apache-2.0\n---\n# A model\n", ".gitattributes": b"*.bin\n", "pytorch_model.bin": b"\x80pickle" * 1000}


def gguf():
    return read(GOLDEN, "llama-gqa.gguf")


def big(size=6_000_000, seed=1):
    return b"GGUF" + random.Random(seed).randbytes(size - 4)


class Place(tempfile.TemporaryDirectory):
    """A home with nothing in it, and the environment that belongs to it."""

    def __init__(self, hub, **more):
        super().__init__(prefix="hearth hub ")
        self.hub = hub
        kept = {k: v for k, v in environment().items() if not k.lower().endswith("_proxy") and not k.startswith(("HF_", "HUGGING", "OLLAMA_", "TRANSFORMERS_", "SSL_CERT_", "CURL_CA_"))}
        self.env = {**kept, "HOME": self.name, "HF_ENDPOINT": hub.url, **more}
        self.cache = os.path.join(self.name, ".cache", "huggingface", "hub")
        self.store = os.path.join(self.name, ".local", "share", "openhearth", "models")
        self.ollama = os.path.join(self.name, ".ollama", "models")

    def __enter__(self):
        return self

    def run(self, *arguments, **more):
        return hearth(*arguments, env={**self.env, **more}, timeout=60)

    def start(self, *arguments):
        return subprocess.Popen([HEARTH, *arguments], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def good(self, *arguments, **more):
        ended = self.run(*arguments, **more)
        assert ended.code == 0, ended
        return ended

    def repository(self, name):
        return os.path.join(self.cache, "models--" + name.replace("/", "--"))

    def blobs(self, name):
        folder = os.path.join(self.repository(name), "blobs")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def ended(process):
    out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out.decode(), err.decode())


def files_under(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)
