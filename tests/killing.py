"""Runs a command and kills it where its output has certain words.

python tests/killing.py 'runs again' ansible-playbook playbooks/rolling_restart.yml
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))

from lab.process import family


def kill_at(
    command: list[str],
    is_there: Callable[[str], bool],
    after: float = 0.0,
    environment: Mapping[str, str] | None = None,
) -> bool:
    """Kill it, with all that it started, some seconds after the line; False where it ended without one."""
    unbuffered = {**(os.environ if environment is None else environment), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=REPO, env=unbuffered, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None  # for the type checker: PIPE was asked for
        for line in process.stdout:
            if is_there(line):
                time.sleep(after)
                # Ansible's workers are in sessions of their own, so that no signal to a group reaches them.
                for pid in family(process.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                return True
    return False


def main() -> None:
    words, *command = sys.argv[1:]

    def is_there(line: str) -> bool:
        print(line, end="", flush=True)
        return words in line

    if not kill_at(command, is_there):
        sys.exit(f"It ended before it said '{words}'.")


if __name__ == "__main__":
    main()
