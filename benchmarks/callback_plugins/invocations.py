"""Counts what a playbook run did: module invocations (loop items each), changes, seconds of each task."""

from __future__ import annotations

DOCUMENTATION = """
name: invocations
type: aggregate
short_description: Counts module invocations
description: Writes the number of module invocations and changes to the file that the variable BENCHMARK_COUNTS names.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

# These run inside ansible-playbook itself and start no module.
NO_MODULE = {
    "ansible.builtin.assert",
    "ansible.builtin.debug",
    "ansible.builtin.validate_argument_spec",
    "ansible.builtin.include_tasks",
}


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "invocations"

    def __init__(self) -> None:
        super().__init__()
        self.actions: list[str] = []
        self.tasks: list[dict[str, Any]] = []
        self._began = (0.0, 0)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._began = self._now()

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self._began = self._now()

    @staticmethod
    def _now() -> tuple[float, int]:
        """The time, and how many requests the emulated AWS has logged."""
        log = os.environ.get("BENCHMARK_REQUEST_LOG")
        return time.monotonic(), len(Path(log).read_text().splitlines()) if log and Path(log).exists() else 0

    def v2_runner_on_ok(self, result: Any) -> None:
        action = result.task.resolved_action or result.task.action
        seconds, requests = (now - before for now, before in zip(self._now(), self._began, strict=True))
        self.tasks.append({"action": action, "seconds": seconds, "requests": requests})
        if action not in NO_MODULE:
            items = result.result.get("results")
            ran = (
                [item for item in items if not item.get("skipped")]
                if isinstance(items, list) and result.task.loop
                else [result]
            )
            self.actions += [action] * len(ran)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if path := os.environ.get("BENCHMARK_COUNTS"):
            counted = {
                "invocations": self.actions,
                "changed": sum(stats.changed.values()),
                "tasks": self.tasks,
            }
            Path(path).write_text(json.dumps(counted))
