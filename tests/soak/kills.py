"""Kills site.yml and cleanup.yml in the middle of their tasks, again and again, and expects the next run to go on.

make soak
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO))

from lab.process import family

BIN = Path(sys.executable).parent
ENVIRONMENT = {
    **os.environ,
    "LAB_DIR": str(REPO / ".lab/soak"),
    "LAB_PORT": "18600",
    "ANSIBLE_NOCOLOR": "1",
    "PYTHONUNBUFFERED": "1",
}

# The task to kill in, and how many seconds after it began.
SITE = (
    ("network : ", 1.0),
    ("eks_cluster : ", 1.5),
    ("Create the node groups", 1.5),
    ("strimzi_operator : Create the namespaces", 1.0),
    ("strimzi_operator : Install", 1.5),
    ("kafka_cluster : Create the node pools", 1.0),
    ("kafka_cluster : Wait until", 10.0),
    ("kafka_cluster : Prove", 1.5),
    ("kafka_topics : Create", 1.0),
)
CLEANUP = (
    ("kafka_topics : Remove", 0.7),
    ("kafka_cluster : Remove the node pools", 3.0),
    ("strimzi_operator : Remove", 1.0),
    ("eks_cluster : Remove", 1.5),
    ("network : ", 1.0),
)


def playbook(name: str, *arguments: str) -> list[str]:
    return [str(BIN / "ansible-playbook"), f"playbooks/{name}.yml", *arguments]


def kill_in(command: list[str], task: str, after: float) -> bool:
    """Run a playbook and kill it, with all that it started, in the given task; False where it never got there."""
    with subprocess.Popen(
        command,
        cwd=REPO,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None  # for the type checker: PIPE was asked for
        for line in process.stdout:
            if line.startswith("TASK [") and task in line and "Validating arguments" not in line:
                time.sleep(after)
                # Ansible's workers are in sessions of their own, so that no signal to a group reaches them.
                for pid in family(process.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                return True
    return False


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
