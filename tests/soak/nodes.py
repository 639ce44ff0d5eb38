"""Renews Kafka's machines, and restarts its pods, killed again and again at every stage, and where EC2 has no machines for a while.

make soak
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO))

from tests.killing import kill_at

BIN = Path(sys.executable).parent
PORT = "18600"
ENVIRONMENT = {
    **os.environ,
    "LAB_DIR": str(REPO / ".lab/soak"),
    "LAB_PORT": PORT,
    "ANSIBLE_NOCOLOR": "1",
    "PYTHONUNBUFFERED": "1",
}
# What the playbook says when it is at a stage, and how many seconds later it is killed.
NODES = (
    ("it waits for a new node", 0.0),
    ("it waits for a new node", 4.0),
    ("it waits for a new node", 8.0),
    ("it waits for a new node", 12.0),
    ("it waits for a new node", 16.0),
    ("runs again", 0.0),
    ("runs again", 1.5),
)
PODS = (
    ("the operator is asked to restart it", 0.0),
    ("the operator is asked to restart it", 3.0),
    ("runs again", 0.0),
)
ZONES = ("us-west-2a", "us-west-2b", "us-west-2c")


def playbook(name: str, **settings: object) -> list[str]:
    return [str(BIN / "ansible-playbook"), f"playbooks/{name}.yml", "--extra-vars", json.dumps(settings)]


def run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=REPO, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-6000:]}{done.stderr[-3000:]}")
    return done.stdout


def renewed(output: str) -> set[str]:
    return set(re.findall(r"(data-on-eks-\w+-\d) runs again", output))


def kill_everywhere(scope: str, stages: tuple[tuple[str, float], ...]) -> None:
    command = playbook("rolling_restart", rolling_restart_scope=scope)
    for words, after in stages:
        if not kill_at(command, lambda line, words=words: words in line, after, ENVIRONMENT):
            sys.exit(f"The rolling restart ended before it said '{words}': correct {Path(__file__).name}.")
        print(f"rolling_restart of {scope} killed {after} s after '{words}'", flush=True)
    print(f"rolling_restart of {scope} after {len(stages)} kills: {sorted(renewed(run(command)))}", flush=True)


def control(method: str, what: str, **body: object) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/lab/{what}", json.dumps(body).encode(), method=method)
    urllib.request.urlopen(request).close()


def wait_out_a_shortage() -> None:
    """Karpenter asks EC2 again three minutes after it was refused."""
    command = playbook("rolling_restart")
    control("PATCH", "settings", no_capacity=[f"r8g.4xlarge:{zone}" for zone in ZONES])
    began = time.monotonic()
    with subprocess.Popen(command, cwd=REPO, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # for the type checker: PIPE was asked for
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "EC2 has no r8g.4xlarge" in line:
                control("PATCH", "settings", no_capacity=[])
    if process.returncode or len(renewed("".join(lines))) != 6:
        sys.exit(f"The rolling restart did not outlast a shortage:\n{''.join(lines[-40:])}")
    print(f"rolling_restart outlasted a shortage: {time.monotonic() - began:.0f} s", flush=True)


def take_a_machine_back() -> None:
    """EC2 announces it, and only the broker on it is moved."""
    name, machine = kubectl(
        *("get", "nodeclaims", "-l", "karpenter.sh/nodepool=broker", "-o"),
        "jsonpath={.items[0].metadata.name} {.items[0].status.providerID}",
    ).split()
    control("POST", "interruptions", instance=machine.rpartition("/")[2])
    kubectl("wait", f"nodeclaim/{name}", "--for=jsonpath={.metadata.deletionTimestamp}", "--timeout=60s")
    moved = renewed(run(playbook("rolling_restart", rolling_restart_only_drifted=True)))
    if len(moved) != 1:
        sys.exit(f"Of the machine that EC2 takes back these were moved: {sorted(moved)}.")
    print(f"rolling_restart moved {moved} from a machine that EC2 takes back", flush=True)


def kubectl(*arguments: str) -> str:
    return run([str(REPO / ".lab/bin/kubectl"), f"--kubeconfig={ENVIRONMENT['LAB_DIR']}/kubeconfig", *arguments])


def names(*what: str) -> list[str]:
    """Of those that are not about to go."""
    template = "{{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}} {{end}}{{end}}"
    return kubectl("get", *what, "-o", f"go-template={template}").split()


def require_nothing_left() -> None:
    placeholders = names("pods", "-n", "kafka", "-l", "kafka-eks.streamops.io/placeholder")
    cordoned = names("nodes", "--field-selector=spec.unschedulable=true")
    machines = names("nodeclaims")
    if placeholders or cordoned or len(machines) != 6:
        sys.exit(f"This is left: pods {placeholders}, nodes {cordoned}; the machines are {machines}.")


def main() -> None:
    lab = [str(BIN / "python"), "-m", "lab"]
    run([*lab, "down"])
    run([*lab, "up"])
    try:
        run(playbook("site"))
        kill_everywhere("nodes", NODES)
        require_nothing_left()
        kill_everywhere("pods", PODS)
        wait_out_a_shortage()
        take_a_machine_back()
        require_nothing_left()
        if "changed=0 " not in run(playbook("rolling_restart", rolling_restart_only_drifted=True)):
            sys.exit("A rolling restart of what has drifted changed something after a complete one.")
    finally:
        run([*lab, "down"])


if __name__ == "__main__":
    main()
