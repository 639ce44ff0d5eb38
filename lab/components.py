"""The processes of a lab: started, watched and ended together; a file says how they are."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.pki import write_private

RUNNING, STOPPED = "running", "stopped"


@dataclass
class _Component:
    log: Path
    pid: int
    process: subprocess.Popen[bytes] | None = None  # None: this process itself
    state: str = RUNNING
    is_ending: bool = False


class Components:
    """Each component logs to a file of its own. One that ends by itself is reported and not started again:
    a lab that heals itself would hide what is wrong with it."""

    def __init__(self, logs: Path, status: Path) -> None:
        self._logs, self._status = logs, status
        self._components: dict[str, _Component] = {}
        self._lock = threading.RLock()

    def note(self, name: str, log: str, pid: int) -> None:
        """Show a part that runs in a process which is no component."""
        with self._lock:
            self._components[name] = _Component(self._logs / log, pid)
            self._write()

    def start(self, name: str, command: Sequence[str]) -> None:
        log = self._logs / f"{name}.log"
        with self._lock:
            with log.open("ab") as output:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            component = _Component(log, process.pid, process)
            self._components[name] = component
            self._write()
        threading.Thread(target=self._watch, args=(component, process), name=f"watch {name}", daemon=True).start()

    def _watch(self, component: _Component, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        with self._lock:
            component.state = STOPPED if component.is_ending else f"failed (exit code {code})"
            self._write()

    def failure(self, *names: str) -> str | None:
        """What is wrong with the first of these that has ended by itself."""
        with self._lock:
            for name in names:
                component = self._components.get(name)
                if component and component.state not in (RUNNING, STOPPED):
                    return f"{name} has {component.state}: its log is {component.log}"
        return None

    def stop(self, *names: str, patience: float = 1.0) -> None:
        """End components, all of them at once. Their data goes with them, so nobody waits long for a clean end."""
        with self._lock:
            ending = [c for name in names if (c := self._components.get(name)) and c.state == RUNNING and c.process]
            for component in ending:
                component.is_ending = True
        processes = [component.process for component in ending if component.process]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + patience
        for process in processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def close(self) -> None:
        self.stop(*self._components)

    def _write(self) -> None:
        components = [
            {
                "name": name,
                "state": component.state,
                "pid": component.pid if component.state == RUNNING else None,
                "log": str(component.log),
            }
            for name, component in self._components.items()
        ]
        write_private(self._status, json.dumps({"components": components}, indent=1).encode())
