"""What the benchmarks share: commands that are timed, and figures beside their bounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.process import table

REPO = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


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


def show(figures: Iterable[Figure]) -> None:
    print(table(("FIGURE", "MEASURED", "BOUND", "MEASURED/BOUND", "UNIT"), [figure.row() for figure in figures]))


@dataclass(frozen=True)
class Played:
    seconds: float
    counted: dict[str, Any]  # by the callback: invocations, changed, and of each task its action, seconds and requests
    requests: Counter[str]  # of AWS, by service and action


class Machine:
    """Runs commands against one lab."""

    def __init__(self, folder: Path, port: int):
        self.folder, self.port = folder, port
        self._environment = {
            **os.environ,
            "LAB_DIR": str(folder),
            "LAB_PORT": str(port),
            "ANSIBLE_CALLBACK_PLUGINS": str(REPO / "benchmarks/callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "invocations",
        }

    @property
    def request_log(self) -> Path:
        return self.folder / "run/aws-requests.log"

    def run(self, *command: str, **environment: str) -> float:
        """Seconds; a command that fails ends the benchmark."""
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=REPO,
            env={**self._environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            shown = " ".join(command)[:300]
            sys.exit(f"{shown} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return time.monotonic() - began

    def play(self, playbook: str, *arguments: str) -> Played:
        before = len(self._requests())
        with tempfile.NamedTemporaryFile() as counts:
            seconds = self.run(
                str(BIN / "ansible-playbook"),
                playbook,
                *arguments,
                BENCHMARK_COUNTS=counts.name,
                BENCHMARK_REQUEST_LOG=str(self.request_log),
            )
            counted = json.loads(Path(counts.name).read_text())
        return Played(seconds, counted, Counter(self._requests()[before:]))

    def ad_hoc(self, module: str, arguments: dict[str, Any]) -> float:
        """Seconds of one module, with the start of Ansible."""
        return self.run(str(BIN / "ansible"), "lab", "-m", module, "-a", json.dumps(arguments))

    def _requests(self) -> list[str]:
        return self.request_log.read_text().splitlines() if self.request_log.exists() else []
