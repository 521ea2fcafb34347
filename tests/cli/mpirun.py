"""Starting hearth as several ranks, as anybody may: also as root, on fewer cores than ranks, with threads that no core is bound to."""

import functools
import os
import shutil
import subprocess

from tap import HEARTH, Ended, Skip, environment

SETTINGS = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "OMPI_MCA_hwloc_base_binding_policy": "none", "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OMPI_MCA_btl": "self,vader",
            "HWLOC_HIDE_ERRORS": "2"}  # its word on a machine whose /sys is not there is not ours


@functools.cache
def missing():
    """Why there are no ranks here; None: there are."""
    if shutil.which("mpirun") is None:
        return "there is no mpirun here"
    tried = start(1, "train", "/nonexistent/recipe.yaml").communicate(timeout=60)[1]
    return "hearth was built without Open MPI" if b"built without Open MPI" in tried else None


def needs_mpirun():
    if missing():
        raise Skip(missing())


def surroundings(**more):
    env = environment(**SETTINGS, **more)
    if "ASAN_OPTIONS" in env:  # Open MPI keeps what it took to the end
        env["ASAN_OPTIONS"] += ":detect_leaks=0"
    return env


def start(ranks, *arguments):
    return subprocess.Popen(["mpirun", "-n", str(ranks), HEARTH, *arguments], env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def mpirun(ranks, *arguments, timeout=120):
    process = start(ranks, *arguments)
    out, err = process.communicate(timeout=timeout)
    return Ended(process.returncode, out.decode(), err.decode())


def parent_of(number):
    with open(f"/proc/{number}/stat", encoding="utf-8") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[1])


def members(process):
    """The process numbers of the ranks, in order. The process is mpirun, or a script that started it."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit():
                with open(f"/proc/{name}/environ", "rb") as env:
                    rank = [e for e in env.read().split(b"\0") if e.startswith(b"OMPI_COMM_WORLD_RANK=")]
                if rank and process.pid in (parent_of(name), parent_of(parent_of(name))):
                    found.append((int(rank[0].split(b"=")[1]), int(name)))
        except OSError:
            pass  # it ended meanwhile
    return [number for _, number in sorted(found)]


def own_lines(ended):
    """What hearth says, among what mpirun says of how its ranks ended."""
    return [line for line in ended.err.splitlines() if line.startswith("hearth")]


__all__ = ["members", "mpirun", "needs_mpirun", "own_lines", "start", "surroundings"]
