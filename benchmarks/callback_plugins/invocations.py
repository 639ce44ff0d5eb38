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

    def v2_runner_on_ok(self, result: Any) -> None:
        action = result.task.resolved_action or result.task.action
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
            Path(path).write_text(json.dumps({"invocations": self.actions, "changed": sum(stats.changed.values())}))
