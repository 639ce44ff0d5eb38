"""Measures what the project promises, all in one run on a lab of its own, and prints each figure beside its bound.

    python -m benchmarks.run            about five minutes; the lab must be built (make setup)

Seconds depend on the machine, which is why no test looks at them; counts and the ratio of the second run to the first do not.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from benchmarks.measure import BIN, REPO, Figure, Machine, show
from lab.process import family

MACHINE = Machine(REPO / ".lab/benchmark", 18500)


def memory() -> float:
    """GiB of all processes below the lab's, shared pages counted once."""
    total = 0
    for pid in family(int((MACHINE.folder / "run/pid").read_text())):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024**2


def readiness() -> float:
    """Seconds of one verdict on a healthy cluster, without the start of Ansible itself."""
    arguments = {
        "name": "data-on-eks",
        "namespace": "kafka",
        "listener": "plain",
        "canary_topic": "kafka-eks-canary",
        "kubeconfig": str(MACHINE.folder / "kubeconfig"),
        "context": "kafka-on-eks",
    }
    bare = min(MACHINE.ad_hoc("ansible.builtin.debug", {}) for _ in range(3))
    return min(MACHINE.ad_hoc("streamops.kafka_eks.kafka_cluster_ready", arguments) for _ in range(3)) - bare


def main() -> None:
    lab = (str(BIN / "python"), "-m", "lab")
    MACHINE.run(*lab, "down")
    try:
        start = MACHINE.run(*lab, "up")
        first = MACHINE.play("playbooks/site.yml")
        second = MACHINE.play("playbooks/site.yml")
        figures = [
            Figure("lab start, everything built", start, 20, "s"),
            Figure("site.yml on an empty account", first.seconds, 360, "s"),
            Figure("site.yml again", second.seconds, None, "s"),
            Figure("again / first", second.seconds / first.seconds),
            Figure("module invocations of a no-op run", len(second.counted["invocations"]), 40),
            Figure("changed by a no-op run", second.counted["changed"], 0),
            Figure("AWS requests of the first run", first.requests.total()),
            Figure("AWS requests of a no-op run", second.requests.total()),
            Figure("readiness verdict on a healthy cluster", readiness(), 5, "s"),
            Figure("memory of the lab with Kafka", memory(), 6, "GiB"),
        ]
    finally:
        MACHINE.run(*lab, "down")
    show(figures)
    modules = Counter(second.counted["invocations"]).most_common()
    print("\nModules of the no-op run: " + ", ".join(f"{n} x {name}" for name, n in modules))
    print("AWS requests of the no-op run: " + ", ".join(f"{n} x {name}" for name, n in second.requests.most_common(12)))


if __name__ == "__main__":
    main()
