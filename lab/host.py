"""What the lab asks of the machine it runs on, and what to do where that is missing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

GIB = 1024**3
DISK_TO_BUILD = 6 * GIB  # seen: about 5 GiB with Go's own caches
DISK_TO_RUN = 2 * GIB
MEMORY = 6 * GIB

USER_NAMESPACES = (
    "allow them (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces=10000, and on Ubuntu "
    "kernel.apparmor_restrict_unprivileged_userns=0), or run the lab as root"
)


class HostError(Exception):
    """The machine lacks something: what, and the remedy, in one sentence."""


@dataclass(frozen=True)
class Requirement:
    """One thing the machine must have; `missing` gives the sentence to print, or None."""

    name: str
    missing: Callable[[], str | None]


def _linux() -> str | None:
    if sys.platform != "linux":
        return f"the lab needs Linux namespaces, and this is {sys.platform}: use a Linux machine or virtual machine"
    return None


def _python() -> str | None:
    if sys.version_info < (3, 11):
        version = ".".join(map(str, sys.version_info[:2]))
        return f"ansible-core 2.19 needs Python 3.11 or newer, and this is {version}: run make PYTHON=python3.11 (or newer)"
    return None


def _venv() -> str | None:
    # ensurepip is the part that Debian and Ubuntu leave out of their python3.
    probe = subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True, check=False)
    if probe.returncode:
        return "Python's venv module is missing: install it (Debian and Ubuntu: apt install python3-venv)"
    return None


def _program(name: str, package: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        # /sbin and /usr/sbin are not on every user's PATH.
        if shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return None
        return f"the program {name} is missing: install {package} (Debian and Ubuntu: apt install {package})"

    return missing


def _user_namespaces() -> str | None:
    # Root makes the other namespaces without one.
    own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *own, "--net", "--mount", "--ipc", "--pid", "--fork", "ip", "link", "set", "lo", "up"]
    environment = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    try:
        probe = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except FileNotFoundError:
        return None  # reported as a missing program
    if probe.returncode:
        return f"this machine forbids user namespaces ({probe.stderr.strip()}): {USER_NAMESPACES}"
    return None


def _memory() -> str | None:
    have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if have < MEMORY:
        return f"six Kafka processes and a control plane need {MEMORY // GIB} GiB of memory, and this machine has {have / GIB:.1f}: use a larger one"
    return None


REQUIREMENTS = (
    Requirement("Linux", _linux),
    Requirement("Python 3.11 or newer", _python),
    Requirement("venv", _venv),
    Requirement("iproute2", _program("ip", "iproute2")),
    Requirement("util-linux (unshare)", _program("unshare", "util-linux")),
    Requirement("util-linux (nsenter)", _program("nsenter", "util-linux")),
    Requirement("user namespaces", _user_namespaces),
    Requirement("memory", _memory),
)


def problems(requirements: tuple[Requirement, ...] = REQUIREMENTS) -> Iterator[str]:
    """The sentence of every requirement that is not met."""
    for requirement in requirements:
        if sentence := requirement.missing():
            yield sentence


def check(requirements: tuple[Requirement, ...] = REQUIREMENTS) -> None:
    """Raise HostError with everything that is missing at once, so that it can be mended in one go."""
    if found := list(problems(requirements)):
        raise HostError("This machine cannot run the lab: " + "; ".join(found) + ".")


def require_disk(folder: Path, needed: int, purpose: str) -> None:
    """Refuse to begin what would end half-way on a full disk."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise HostError(
            f"The disk of {folder} has {free / GIB:.1f} GiB free, and {purpose} needs {needed / GIB:.0f}: "
            "free some space or set LAB_DIR to a folder on another disk."
        )


def require_ports(ports: tuple[int, ...]) -> None:
    """Refuse to start where another program listens on one of the lab's ports."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise HostError(
                    f"Port {port} of 127.0.0.1 cannot be used ({error.strerror}): end the program that listens there, "
                    "or choose other ports with LAB_PORT."
                ) from error
