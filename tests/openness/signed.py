"""What the tests of signatures share: a place, hearth run there, a model that hearth signed."""

import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "cli")]
import tamper  # noqa: E402
from tap import Skip, environment, hearth  # noqa: E402

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def place():
    return tempfile.TemporaryDirectory(prefix="hearth sign ", dir=MEMORY)


def run(*arguments, passphrase=None, **more):
    return hearth(*arguments, env=environment(**({"HEARTH_PASSPHRASE": passphrase} if passphrase else {})), **more)


def good(*arguments, **more):
    ended = run(*arguments, **more)
    assert ended.code == 0 and ended.err == "", ended
    return ended.out


_first = {}


def signed(folder):
    """A model that hearth signed; made once and copied."""
    if shutil.which("openssl") is None:
        raise Skip("no openssl")
    if not _first:
        keep = _first["folder"] = place()
        m = tamper.Model(keep.name)
        tamper.make_key(m.key)
        good("sign", m.path, "--key", m.key)
    shutil.copytree(_first["folder"].name, folder, dirs_exist_ok=True, symlinks=True)
    m = tamper.Model(folder)
    return m


def check(m, *more):
    trust = [word for anchor in m.anchors for word in ("--chain", anchor)] if m.anchors else ["--key", m.public]
    return run("verify-signature", m.path, *trust, *more)
