"""Measures what the project promises, all in one run on a lab of its own, and prints each figure beside its bound.

    python benchmarks/run.py            about five minutes; the lab must be built (make setup)

Seconds depend on the machine, which is why no test looks at them; counts and the ratio of the second run to the first do not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))

from lab.process import family, table

BIN = Path(sys.executable).parent
LAB_DIR = REPO / ".lab/benchmark"
ENVIRONMENT = {
    **os.environ,
    "LAB_DIR": str(LAB_DIR),
    "LAB_PORT": "18500",
    "ANSIBLE_CALLBACK_PLUGINS": str(REPO / "benchmarks/callback_plugins"),
    "ANSIBLE_CALLBACKS_ENABLED": "invocations",
}


@dataclass(frozen=True)
class Figure:
    what: str
    value: float
    bound: float | None = None
    unit: str = ""

    def row(self) -> tuple[str, ...]:
        bound = "" if self.bound is None else f"{self.bound:g}"
        ratio = "" if not self.bound else f"{self.value / self.bound:.2f}"
        return self.what, f"{self.value:.4g}", bound, ratio, self.unit


def run(*command: str) -> float:
    began = time.monotonic()
    done = subprocess.run(command, cwd=REPO, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return time.monotonic() - began


def playbook(name: str) -> tuple[float, dict[str, Any], Counter[str]]:
    """Seconds, what the callback counted, and the AWS requests by service and action."""
    log = LAB_DIR / "run/aws-requests.log"
    before = len(log.read_text().splitlines()) if log.exists() else 0
    with tempfile.NamedTemporaryFile() as counts:
        ENVIRONMENT["BENCHMARK_COUNTS"] = counts.name
        seconds = run(str(BIN / "ansible-playbook"), f"playbooks/{name}.yml")
        counted = json.loads(Path(counts.name).read_text())
    return seconds, counted, Counter(log.read_text().splitlines()[before:])


def memory() -> float:
    """GiB of all processes below the lab's, shared pages counted once."""
    total = 0
    for pid in family(int((LAB_DIR / "run/pid").read_text())):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024**2


def readiness() -> float:
    """Seconds of one verdict on a healthy cluster, without the start of Ansible itself."""
    ansible = (str(BIN / "ansible"), "lab")
    arguments = {
        "name": "data-on-eks",
        "namespace": "kafka",
        "listener": "plain",
        "canary_topic": "kafka-eks-canary",
        "kubeconfig": str(LAB_DIR / "kubeconfig"),
        "context": "kafka-on-eks",
    }
    bare = min(run(*ansible, "-m", "ansible.builtin.debug") for _ in range(3))
    return (
        min(
            run(*ansible, "-m", "streamops.kafka_eks.kafka_cluster_ready", "-a", json.dumps(arguments))
            for _ in range(3)
        )
        - bare
    )


def main() -> None:
    lab = (str(BIN / "python"), "-m", "lab")
    run(*lab, "down")
    try:
        start = run(*lab, "up")
        first, _, first_requests = playbook("site")
        second, counted, second_requests = playbook("site")
        figures = [
            Figure("lab start, everything built", start, 20, "s"),
            Figure("site.yml on an empty account", first, 360, "s"),
            Figure("site.yml again", second, None, "s"),
            Figure("again / first", second / first),
            Figure("module invocations of a no-op run", len(counted["invocations"]), 40),
            Figure("changed by a no-op run", counted["changed"], 0),
            Figure("AWS requests of the first run", first_requests.total()),
            Figure("AWS requests of a no-op run", second_requests.total()),
            Figure("readiness verdict on a healthy cluster", readiness(), 5, "s"),
            Figure("memory of the lab with Kafka", memory(), 6, "GiB"),
        ]
    finally:
        run(*lab, "down")
    print(table(("FIGURE", "MEASURED", "BOUND", "MEASURED/BOUND", "UNIT"), [figure.row() for figure in figures]))
    print(
        "\nModules of the no-op run: "
        + ", ".join(f"{n} x {name}" for name, n in Counter(counted["invocations"]).most_common())
    )
    print("AWS requests of the no-op run: " + ", ".join(f"{n} x {name}" for name, n in second_requests.most_common(12)))


if __name__ == "__main__":
    main()
