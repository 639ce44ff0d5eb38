# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An action that looks at something in a Kubernetes cluster until it is as wanted.

It looks in the process of Ansible, because the output of a module cannot be seen while it runs.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._kubernetes import Cluster, KubernetesError, NotAnswering, NotServed, Unreachable, connect
from ..module_utils._waiting import Seen, TimedOut, wait_for


class Look(Protocol):
    """What one look saw."""

    # Nothing is missing now; ready also asks for how long.
    good: bool
    ready: bool
    # Waiting longer will not help.
    hopeless: bool
    # What is missing: all of it, and short enough for a line that is printed again and again.
    missing: str
    progress: str
    next_look: float

    def as_result(self) -> dict[str, Any]: ...


class Watch(Protocol):
    def look(self) -> Look: ...


class Hopeless(Exception):
    """Waiting longer will not help."""

    def __init__(self, look: Look):
        super().__init__(look.missing)
        self.look = look


class Patience:
    """Turns looks into what wait_for wants, and overlooks an API server that is away for a while."""

    def __init__(self, watch: Watch):
        self._watch = watch
        self._last: Look | None = None

    def look(self) -> Seen[Look]:
        try:
            look = self._watch.look()
        except NotAnswering as error:
            # It has answered before: this one is restarting, and not a wrong address.
            if self._last is None:
                raise
            return Seen(False, str(error), self._last)
        self._last = look
        if look.hopeless:
            raise Hopeless(look)
        return Seen(look.ready, "" if look.good else look.progress, look, look.next_look)


class WatchingActionBase(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    argument_spec: dict[str, Any]
    required_if: list[Any] = []

    def wanted(self, arguments: dict[str, Any], write: bool) -> Any:
        """What is waited for: its text is its name in messages."""
        raise NotImplementedError

    def watch(self, cluster: Cluster, wanted: Any) -> AbstractContextManager[Watch]:
        raise NotImplementedError

    def goal(self, wanted: Any) -> str:
        return "ready"

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=self.argument_spec, required_if=self.required_if)
        check_mode = self._task.check_mode
        wanted = self.wanted(arguments, write=not check_mode)
        try:
            with (
                connect(arguments["kubeconfig"], arguments["context"]) as cluster,
                self.watch(cluster, wanted) as watch,
            ):
                if check_mode:
                    return self._looked_once(watch, wanted)
                return self._waited(watch, wanted, arguments["timeout"])
        except (Unreachable, NotServed) as error:
            if check_mode:
                return {"changed": False, "ready": False, "msg": f"It would wait for {wanted}. {error}"}
            return {"failed": True, "ready": False, "msg": str(error)}
        except KubernetesError as error:
            return {"failed": True, "ready": False, "msg": str(error)}

    def _looked_once(self, watch: Watch, wanted: Any) -> dict[str, Any]:
        look = watch.look()
        return {
            **look.as_result(),
            # One look is no proof, but all that can be said without waiting.
            "ready": look.good,
            "changed": False,
            "msg": f"{wanted} looks {self.goal(wanted)}."
            if look.good
            else f"It would wait for {wanted}: {look.missing.rstrip('.')}.",
        }

    def _waited(self, watch: Watch, wanted: Any, timeout: float) -> dict[str, Any]:
        began = time.monotonic()
        display = Display()
        failure = ""
        try:
            look = wait_for(Patience(watch).look, timeout, lambda line: display.display(f"{wanted}: {line}")).value
        except TimedOut as late:
            look = late.seen.value
            # The line that was printed is too short for an error; but the API server may have gone since that look.
            why = look.missing if late.seen.state in ("", look.progress) else late.seen.state
            failure = (
                f"{wanted} is not {self.goal(wanted)} after {late.seconds:.0f} s: {why.rstrip('.')}; "
                "mend what is named, or raise timeout, and run it again."
            )
        except Hopeless as hopeless:
            look = hopeless.look
            failure = (
                f"{wanted} will not become {self.goal(wanted)} by waiting: {str(hopeless).rstrip('.')}; "
                "correct it and run it again."
            )
        result = {**look.as_result(), "changed": False, "seconds": round(time.monotonic() - began, 1)}
        return {**result, "failed": True, "msg": failure} if failure else result
