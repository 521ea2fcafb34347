#!/usr/bin/env python3
"""What packaging/ has for operators is well formed: systemd's units, Kubernetes' manifests, the configuration, the Slurm script.
Prints TAP."""

import os
import re
import shutil
import subprocess

from support import Server, main, test
from tap import HEARTH, SOURCE, Skip, folder

PLACE = os.path.join(SOURCE, "packaging")


def read(*names):
    with open(os.path.join(PLACE, *names), encoding="utf-8") as file:
        return file.read()


@test
def systemd_takes_the_units_and_finds_little_exposed():
    if not shutil.which("systemd-analyze"):
        raise Skip("systemd-analyze is absent")
    with folder() as place:
        for name, made in (("hearth.service", "hearth.service"), ("hearth@.service", "hearth@one.service")):
            text = read("systemd", name).replace("/usr/bin/hearth", os.path.realpath("/bin/true"))
            with open(os.path.join(place, made), "w", encoding="utf-8") as file:
                file.write(text)
            path = os.path.join(place, made)
            ended = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, timeout=60, check=False)
            assert ended.returncode == 0 and made not in ended.stderr, ended.stderr
            ended = subprocess.run(["systemd-analyze", "security", "--offline=true", path], capture_output=True, text=True, timeout=60, check=False)
            level = re.search(r"Overall exposure level for \S+: (\d+\.\d)", ended.stdout)
            assert level and float(level[1]) <= 2.0, ended.stdout[-200:] + ended.stderr


@test
def the_configuration_is_read_as_it_is_shipped():
    with Server("--config", os.path.join(PLACE, "serve.yaml")) as server:
        assert server.get("/health")[0] == 200
    commented = re.sub(r"^# ((?:agent-port|drain): )", r"\1", read("serve.yaml"), flags=re.M)
    assert commented.count("\n# ") < read("serve.yaml").count("\n# ")
    with folder() as place:
        path = os.path.join(place, "serve.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(commented.replace("agent-port: 8081", "agent-port: 0"))
        ended = subprocess.run([HEARTH, "serve", "--config", path], capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode != 0 and "agent-port" in ended.stderr, ended.stderr  # what is commented out is an option


@test
def kubernetes_schemas_take_the_manifests():
    try:
        import kubernetes_validate
        import yaml
    except ImportError:
        raise Skip("kubernetes-validate is absent") from None
    kinds = []
    for document in yaml.safe_load_all(read("kubernetes", "hearth.yaml")):
        kubernetes_validate.validate(document, "1.29", strict=True)
        kinds.append(document["kind"])
    assert kinds == ["ConfigMap", "StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy"], kinds


@test
def the_slurm_script_is_bash():
    path = os.path.join(PLACE, "slurm", "serve")
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", path], check=True, timeout=60)
    ended = subprocess.run(["bash", path], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2 and "usage" in ended.stderr, ended


main()
