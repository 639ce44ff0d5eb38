"""Kills site.yml and cleanup.yml in the middle of their tasks, again and again, and expects the next run to go on.

make soak
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO))

from tests.killing import kill_at

BIN = Path(sys.executable).parent
ENVIRONMENT = {
    **os.environ,
    "LAB_DIR": str(REPO / ".lab/soak"),
    "LAB_PORT": "18600",
    "ANSIBLE_NOCOLOR": "1",
}

# The task to kill in, and how many seconds after it began.
SITE = (
    ("network : ", 1.0),
    ("eks_cluster : ", 1.5),
    ("Create the node groups", 1.5),
    ("karpenter : Create the IAM roles", 1.0),
    ("karpenter : Releases | Install", 2.0),
    ("node_pools : Create the classes", 1.0),
    ("argocd : Install", 2.0),
    ("strimzi_operator : Create the namespaces", 1.0),
    ("strimzi_operator : Create the Application", 1.0),
    ("strimzi_operator : Wait until", 1.5),
    ("kafka_cluster : Create the node pools", 1.0),
    ("kafka_cluster : Wait until", 10.0),
    ("kafka_cluster : Prove", 1.5),
    ("kafka_topics : Create", 1.0),
)
CLEANUP = (
    ("kafka_topics : Remove", 0.7),
    ("kafka_cluster : Remove the node pools", 3.0),
    ("strimzi_operator : Delete the Application", 1.0),
    ("argocd : Remove Argo CD", 1.0),
    ("node_pools : Remove the pools", 1.0),
    ("node_pools : Remove the machines", 1.5),
    ("node_pools : Remove the classes", 1.0),
    ("karpenter : Remove the releases", 1.5),
    ("eks_cluster : Remove", 1.5),
    ("network : ", 1.0),
)


def playbook(name: str, *arguments: str) -> list[str]:
    return [str(BIN / "ansible-playbook"), f"playbooks/{name}.yml", *arguments]


def kill_in(command: list[str], task: str, after: float) -> bool:
    """Kill a playbook in the given task; False where it never got there."""

    def is_task(line: str) -> bool:
        return line.startswith("TASK [") and task in line and "Validating arguments" not in line

    return kill_at(command, is_task, after, ENVIRONMENT)


def finish(command: list[str]) -> str:
    done = subprocess.run(command, cwd=REPO, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} did not go on after the kills:\n{done.stdout[-6000:]}{done.stderr[-3000:]}")
    return done.stdout.strip().splitlines()[-1]


def main() -> None:
    lab = [str(BIN / "python"), "-m", "lab"]
    subprocess.run([*lab, "down"], cwd=REPO, env=ENVIRONMENT, check=True)
    subprocess.run([*lab, "up"], cwd=REPO, env=ENVIRONMENT, check=True)
    cleanup = playbook("cleanup", "-e", "kafka_eks_cleanup_confirm=kafka-on-eks")
    try:
        for command, points in ((playbook("site"), SITE), (cleanup, CLEANUP)):
            for task, after in points:
                if not kill_in(command, task, after):
                    sys.exit(f"{command[1]} has no task named '{task}' any more: correct {Path(__file__).name}.")
                print(f"{command[1]} killed {after} s into '{task}'", flush=True)
            print(f"{command[1]} after {len(points)} kills: {finish(command)}", flush=True)
            again = finish(command)
            print(f"{command[1]} again: {again}", flush=True)
            if "changed=0 " not in again:
                sys.exit(f"{command[1]} changed something in a run after a complete one.")
    finally:
        subprocess.run([*lab, "down"], cwd=REPO, env=ENVIRONMENT, check=True)


if __name__ == "__main__":
    main()
