# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waits in the process of Ansible, because the output of a module cannot be seen while it runs."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._argocd_look import ARGUMENT_SPEC, Look, Wanted, Watch, wanted_from
from ..module_utils._kubernetes import KubernetesError, NotAnswering, NotServed, Unreachable, connect
from ..module_utils._waiting import Seen, TimedOut, wait_for


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
        return Seen(look.ready, look.progress, look, next_look=1.0)


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        check_mode = self._task.check_mode
        wanted = wanted_from(arguments, write=not check_mode)
        try:
            with connect(arguments["kubeconfig"], arguments["context"]) as cluster:
                watch = Watch(cluster, wanted)
                return _looked_once(watch, wanted) if check_mode else _waited(watch, wanted, arguments["timeout"])
        except (Unreachable, NotServed) as error:
            if check_mode:
                return {"changed": False, "ready": False, "msg": f"It would wait for {wanted}. {error}"}
            return {"failed": True, "ready": False, "msg": str(error)}
        except KubernetesError as error:
            return {"failed": True, "ready": False, "msg": str(error)}


def _looked_once(watch: Watch, wanted: Wanted) -> dict[str, Any]:
    look = watch.look()
    text = f"{wanted} is {wanted.state}." if look.ready else f"It would wait for {wanted}: {look.missing}."
    return {**look.as_result(), "changed": False, "msg": text}


def _waited(watch: Watch, wanted: Wanted, timeout: float) -> dict[str, Any]:
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
            f"{wanted} is not {wanted.state} after {late.seconds:.0f} s: {why.rstrip('.')}; "
            "mend what is named, or raise timeout, and run it again."
        )
    except Hopeless as hopeless:
        look = hopeless.look
        failure = f"{wanted} will not become {wanted.state} by waiting: {str(hopeless).rstrip('.')}; correct it and run it again."
    result = {**look.as_result(), "changed": False, "seconds": round(time.monotonic() - began, 1)}
    return {**result, "failed": True, "msg": failure} if failure else result
