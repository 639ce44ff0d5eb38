"""Where the lab keeps what it makes, and which ports it publishes: the one answer for all its parts."""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

PORTS = 8  # that a lab uses: the published ones and those inside
REPO = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Place:
    """The folder and the first port of one lab. What is built is shared by all labs of a checkout."""

    root: Path
    port: int
    bin: Path = REPO / ".lab/bin"
    cache: Path = REPO / ".lab/cache"
    time_scale: float = 0.0  # how slow the emulated AWS is at its start, see lab/aws/clock.py

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def facts(self) -> Path:
        """What inventories/lab reads: endpoints, credentials, paths."""
        return self.root / "lab.json"

    @property
    def status(self) -> Path:
        return self.run / "status.json"

    @property
    def published(self) -> tuple[int, int, int]:
        """AWS endpoint, API server, chart registry."""
        return self.port, self.port + 1, self.port + 2

    @property
    def environment(self) -> dict[str, str]:
        """What every part of the lab is told."""
        return {
            "LAB_REPO": str(REPO),
            "LAB_DIR": str(self.root),
            "LAB_PORT": str(self.port),
            "LAB_AWS_TIME_SCALE": str(self.time_scale),
            # Not through the symbolic links of a virtual environment: a container sees real folders only.
            "LAB_PYTHON": os.path.realpath(sys.executable),
            "LAB_PYTHON_BASE": os.path.realpath(sys.base_prefix),
            "LAB_PACKAGES": sysconfig.get_path("purelib"),
            "LAB_BIN": str(self.bin),
            "LAB_CACHE": str(self.cache),
        }


def place() -> Place:
    """The lab that the environment names: LAB_DIR (default .lab beside this folder), LAB_PORT (default 17400), and
    LAB_AWS_TIME_SCALE (default 0)."""
    port = os.environ.get("LAB_PORT") or "17400"
    if not port.isdecimal() or not 1024 <= int(port) <= 65535 - PORTS:
        sys.exit(
            f"lab: LAB_PORT is '{port}', which is no free range of ports: set it to a number from 1024 to {65535 - PORTS}."
        )
    scale = os.environ.get("LAB_AWS_TIME_SCALE") or "0"
    try:
        time_scale = float(scale)
    except ValueError:
        time_scale = -1.0
    if not 0 <= time_scale <= 1:
        sys.exit(
            f"lab: LAB_AWS_TIME_SCALE is '{scale}': set it to a number from 0, with which nothing takes time, to 1, as slow as AWS."
        )
    return Place(Path(os.environ.get("LAB_DIR") or REPO / ".lab").absolute(), int(port), time_scale=time_scale)
