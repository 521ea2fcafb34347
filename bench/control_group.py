"""A control group with a memory limit, for benches: of version 1 below this process's own, of version 2 below the root (both need root), else systemd-run --user."""

import os
import subprocess
import sys
import time


def own_group():
    """This process's group of version 1 for memory, from the hierarchy's root; "" where it is the root itself."""
    with open("/proc/self/cgroup", encoding="ascii") as lines:
        for line in lines:
            _, names, path = line.rstrip("\n").split(":", 2)
            if "memory" in names.split(","):
                return path.rstrip("/")
    return ""


class Group:
    """A control group with a memory limit; commands run inside."""

    def __init__(self, limit):
        self.prefix, self.folder = None, None
        name = f"hearth-bench-{os.getpid()}"
        for root, knob in (("/sys/fs/cgroup/memory" + own_group(), "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
            folder = os.path.join(root, name)
            try:
                os.mkdir(folder)
            except OSError:
                continue
            self.folder = folder
            try:
                with open(os.path.join(folder, knob), "w", encoding="ascii") as file:
                    file.write(str(limit))
                self.prefix = ["sh", "-c", f'echo $$ >"{folder}/cgroup.procs" && exec "$@"', "sh"]
                return
            except OSError:
                self.close()
        systemd = ["systemd-run", "--user", "--scope", "--quiet", f"--property=MemoryMax={limit}"]
        if subprocess.run([*systemd, "true"], check=False, capture_output=True).returncode == 0:
            self.prefix = systemd
            return
        sys.exit(f"{sys.argv[0]}: no memory limit can be set here: neither a control group nor systemd-run")

    def run(self, *command):
        return subprocess.run([*self.prefix, *command], check=True, capture_output=True, text=True).stdout

    def peak(self):
        """Bytes that the group had at most, the system's cache of files included; None where nobody says."""
        for knob in ("memory.max_usage_in_bytes", "memory.peak"):
            try:
                with open(os.path.join(self.folder or "/nowhere", knob), encoding="ascii") as file:
                    return int(file.read())
            except OSError:
                pass
        return None

    def close(self):
        if self.folder is not None:
            for _ in range(50):
                try:
                    os.rmdir(self.folder)
                    break
                except OSError:
                    time.sleep(0.1)
            self.folder = None
