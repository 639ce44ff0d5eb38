# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An action that runs its module again and again until the module says that AWS is done."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._waiting import Seen, TimedOut, wait_for

Result = dict[str, Any]

DISPLAY = Display()


class Failed(Exception):
    """The module failed; its result is what the task returns."""

    def __init__(self, result: Result):
        super().__init__(result.get("msg", ""))
        self.result = result


class PollingActionBase(ActionBase):
    """The module makes one pass and returns; what it has left to AWS is waited for here, where it can be watched."""

    module: str
    # What a pass returns and the next one is given.
    carried: tuple[str, ...] = ()

    def is_done(self, result: Result) -> bool:
        """Whether nothing is left that is to be waited for."""
        return not result["in_progress"]

    def run(self, tmp: None = None, task_vars: Result | None = None) -> Result:
        super().run(tmp, task_vars)
        passes: list[Result] = []

        def look() -> Seen[Result]:
            known = {name: passes[-1][name] for name in self.carried if passes}
            result: Result = self._execute_module(
                module_name=self.module, module_args={**self._task.args, **known}, task_vars=task_vars
            )
            if result.get("failed"):
                raise Failed(result)
            passes.append(result)
            # As the module has understood them, with their defaults.
            asked = result["invocation"]["module_args"]
            done = self.is_done(result) or not asked["wait"]
            return Seen(done, result["progress"], result, next_look=asked["poll_interval"])

        try:
            # The first pass also tells how long to wait.
            first = [look()]
            timeout = first[0].value["invocation"]["module_args"]["wait_timeout"]
            last = wait_for(lambda: first.pop() if first else look(), timeout, DISPLAY.display)
            return _summed(last.value, passes)
        except TimedOut as late:
            sentence = (
                f"{late} It was waited for {late.seconds:.0f} s: give wait_timeout more, or run again, which goes on."
            )
            return {**_summed(late.seen.value, passes), "failed": True, "msg": sentence}
        except Failed as failure:
            return _summed(failure.result, passes)


def _summed(last: Result, passes: list[Result]) -> Result:
    """The last pass, with what all of them have changed; the first to change anything tells all that was to be done."""
    changing = [result for result in passes if result["changed"]]
    difference = {"diff": changing[0]["diff"]} if changing and "diff" in changing[0] else {}
    return {**last, **difference, "changed": bool(changing)}
