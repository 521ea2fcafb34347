#!/usr/bin/env python3
"""Training by several ranks: measured here, and by the model of docs/scaling.md on other machines.

    bench/scaling.py measure RECIPE [RANKSxTHREADS …]     tokens per second of dry runs; the corpus is made once, in a folder of its own
    bench/scaling.py model --values P --tokens T --flops F --bandwidth B [--latency S]"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile

HEARTH = os.path.join(os.environ.get("HEARTH_BUILD", "build"), "hearth")
SETTINGS = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "OMPI_MCA_hwloc_base_binding_policy": "none"}
PIECE, BLOCK, PEERS = 1 << 24, 4096, 32  # src/train/shares.c


def measure(arguments):
    folder = arguments.folder or tempfile.mkdtemp(prefix="hearth scaling ")
    rates = {case: [] for case in arguments.cases}
    for _ in range(arguments.rounds):
        for case in arguments.cases:
            ranks, threads = case.split("x")
            command = [HEARTH, "train", arguments.recipe, "-o", folder, "--dry-run", "-q", "--json", "--threads", threads]
            command = command if ranks == "1" else ["mpirun", "-n", ranks, *command]
            made = json.loads(subprocess.run(command, env={**os.environ, **SETTINGS}, check=True, capture_output=True).stdout)
            rates[case].append((made["tokens_per_second"], made["bytes_per_step"]))
    print("ranks x threads   tokens/s   bytes a step")
    for case, found in rates.items():
        print(f"{case:15} {statistics.median(rate for rate, _ in found):10.0f} {found[0][1]:14}")
    if not arguments.folder:
        shutil.rmtree(folder)


def model(arguments):
    """Seconds of a step: products, transfer, messages; nothing of it overlaps."""
    print("ranks   compute s   transfer s   messages s   efficiency   GB sent by a rank")
    values, operations = arguments.values, 6 * arguments.values * arguments.tokens
    for ranks in (1, 8, 64, 512, 1024, 2048, 4096):
        compute = operations / arguments.flops / ranks
        sent = 8 * values * (ranks - 1) / ranks
        pieces = -(-(values // ranks) // max(PIECE // ranks // BLOCK * BLOCK, BLOCK)) if ranks > 1 else 0
        rounds = (pieces + 1) * -(-(ranks - 1) // PEERS)
        messages = (pieces + 1) * (ranks - 1) * arguments.overhead + (rounds + 6) * arguments.latency + 6 * (ranks - 1) * arguments.overhead
        whole = compute + sent / arguments.bandwidth + messages
        print(f"{ranks:5} {compute:11.1f} {sent / arguments.bandwidth:12.2f} {messages:12.2f} {100 * operations / arguments.flops / ranks / whole:11.0f}% {sent / 1e9:19.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    measured = verbs.add_parser("measure")
    measured.add_argument("recipe")
    measured.add_argument("cases", nargs="*", default=["1x1", "1x2", "2x1"])
    measured.add_argument("--rounds", type=int, default=3)
    measured.add_argument("--folder", help="a run's folder with its corpus, which stays")
    measured.set_defaults(run=measure)
    modelled = verbs.add_parser("model")
    modelled.add_argument("--values", type=float, required=True, help="parameters")
    modelled.add_argument("--tokens", type=float, required=True, help="of a step")
    modelled.add_argument("--flops", type=float, required=True, help="operations a second that a rank's step reaches")
    modelled.add_argument("--bandwidth", type=float, required=True, help="bytes a second, in and out of a rank at once")
    modelled.add_argument("--latency", type=float, default=5e-6, help="seconds of a round")
    modelled.add_argument("--overhead", type=float, default=1e-6, help="seconds of a message at its sender")
    modelled.set_defaults(run=model)
    arguments = parser.parse_args()
    arguments.run(arguments)


main()
