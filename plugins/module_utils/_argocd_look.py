# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One look at an Application of Argo CD after the other. What the module and the action plugin argocd_application_ready share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Any, Literal

from ._argocd import (
    ENDED_BADLY,
    VERSION,
    Nudge,
    Seen,
    has_settled,
    is_about_this_spec,
    is_of_this_spec,
    judge,
    judge_removal,
    nudge_for,
    pods_that_never_start,
    workload_keys,
)
from ._kubernetes import CONNECTION_OPTIONS, Cluster, KubernetesError
from ._objects import Object
from ._readiness import Check, summary

ARGUMENT_SPEC: dict[str, Any] = {
    **CONNECTION_OPTIONS,
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": "argocd"},
    "state": {"type": "str", "choices": ["ready", "absent"], "default": "ready"},
    "timeout": {"type": "int", "default": 600},
}

ARGOCD_SELECTOR = "app.kubernetes.io/part-of=argocd"
# So long nothing changes before it is nudged; a Deployment that comes up tells something more often.
STUCK_SECONDS = 20.0
# So long a pod fails to start, or an error or Degraded stays, before nobody believes any more that it will heal.
HOPELESS_SECONDS = 30.0


@dataclass(frozen=True)
class Wanted:
    """Which Application is looked at, and for what."""

    name: str
    namespace: str
    state: Literal["ready", "absent"] = "ready"
    # Whether it may be nudged.
    write: bool = True

    def __str__(self) -> str:
        return f"Application {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Look:
    """What one look saw."""

    checks: tuple[Check, ...]
    revision: str = ""
    nudges: tuple[str, ...] = ()
    next_look: float = 1.0

    @property
    def good(self) -> bool:
        return not any(check.bad for check in self.checks)

    @property
    def ready(self) -> bool:
        return self.good

    @property
    def hopeless(self) -> bool:
        return any(check.verdict == "final" for check in self.checks)

    @property
    def missing(self) -> str:
        return summary(self.checks)

    @property
    def progress(self) -> str:
        """What is missing, short enough for a line that is printed again and again."""
        return "; ".join(f"{check.name}: {shorten(check.evidence, 120)}" for check in self.checks if check.bad)

    def as_result(self) -> dict[str, Any]:
        return {
            "ready": self.ready,
            "checks": [check.as_result() for check in self.checks],
            "revision": self.revision,
            "nudges": list(self.nudges),
        }


def wanted_from(arguments: Mapping[str, Any], write: bool = True) -> Wanted:
    """From arguments that went through ARGUMENT_SPEC."""
    return Wanted(arguments["name"], arguments["namespace"], arguments["state"], write)


@dataclass
class Watch:
    """Looks again and again, and remembers since when things are as they are."""

    cluster: Cluster
    wanted: Wanted
    clock: Callable[[], float] = time.monotonic
    nudges: list[str] = field(default_factory=list)
    _since: dict[object, float] = field(default_factory=dict)
    _first: bool = True
    _asked_for_errors: bool = False

    def look(self) -> Look:
        seen = gather(self.cluster, self.wanted)
        if self.wanted.state == "absent":
            return Look(judge_removal(seen))
        checks = judge(seen)
        if any(check.bad for check in checks) and seen.application is not None:
            checks = self._believed(seen.application, seen, checks)
        # Patched only now: what is returned is what was seen before.
        if not any(check.verdict == "final" for check in checks):
            self._push(seen.application, checks)
        self._first = False
        revision = ((seen.application or {}).get("status") or {}).get("sync", {}).get("revision") or ""
        return Look(checks, revision, tuple(self.nudges))

    def _believed(self, application: Object, seen: Seen, checks: tuple[Check, ...]) -> tuple[Check, ...]:
        """The checks, those that will stay bad marked as final."""
        bad = {check.name for check in checks if check.bad}
        state = (application.get("status") or {}).get("operationState") or {}
        hopeless = set()
        if self._lasts("errors", "conditions" in bad and self._asked_for_errors) and has_settled(application):
            hopeless.add("conditions")
        failed = state.get("phase") in ENDED_BADLY and is_of_this_spec(application, state)
        if failed and not self._first and has_settled(application):
            hopeless.add("operation")
        degraded = _health(application) == "Degraded" and is_about_this_spec(application)
        if self._lasts("degraded", degraded and not bad & {"sync", "operation"}):
            hopeless.add("health")
        if self._lasts("pods", any(pods_that_never_start(seen.pods))):
            hopeless.add("workloads")
        return tuple(Check(c.name, "final", c.evidence) if c.name in hopeless else c for c in checks)

    def _lasts(self, what: object, holds: bool, seconds: float = HOPELESS_SECONDS) -> bool:
        """Whether something holds for so long already."""
        if not holds:
            self._since.pop(what, None)
            return False
        return self.clock() - self._since.setdefault(what, self.clock()) >= seconds

    def _push(self, application: Object | None, checks: tuple[Check, ...]) -> None:
        pending = any(check.bad for check in checks)
        same = ("same", tuple((check.name, check.evidence) for check in checks))
        for known in [key for key in self._since if isinstance(key, tuple) and key != same]:
            del self._since[known]
        stuck = self._lasts(same, pending, STUCK_SECONDS)
        # Errors that come up later are asked about once too: the registry of a chart may have been away for a moment.
        errors = any(check.name == "conditions" and check.bad for check in checks) and not self._asked_for_errors
        nudge = nudge_for(application, self._first or errors, stuck) if pending and self.wanted.write else None
        if nudge is None:
            return
        self._since.pop(same, None)
        self._asked_for_errors = self._asked_for_errors or errors
        if self._write(nudge):
            self.nudges.append(f"{nudge.kind}: {nudge.why}")

    def _write(self, nudge: Nudge) -> bool:
        try:
            self.cluster.patch(VERSION, "Application", self.wanted.name, nudge.change, self.wanted.namespace)
        except KubernetesError as error:
            # Somebody has deleted it since, or this identity may only look.
            if error.status in (403, 404):
                return False
            raise
        return True


def gather(cluster: Cluster, wanted: Wanted) -> Seen:
    """What is needed to judge an Application; its workloads only when it is not healthy."""
    if wanted.state == "absent" and not cluster.served(VERSION, "Application"):
        return Seen(wanted.name, wanted.namespace, None)
    application = cluster.get(VERSION, "Application", wanted.name, wanted.namespace)
    components = _listed(cluster, wanted.namespace)
    if application is None or wanted.state == "absent" or _health(application) == "Healthy":
        return Seen(wanted.name, wanted.namespace, application, components)
    workloads, pods = [], []
    for kind, namespace, name in workload_keys(application):
        workload = cluster.get("apps/v1", kind, name, namespace)
        if workload is None:
            continue
        workloads.append(workload)
        labels = (workload["spec"]["selector"].get("matchLabels") or {}).items()
        pods += cluster.list("v1", "Pod", namespace, ",".join(f"{label}={value}" for label, value in labels))
    return Seen(wanted.name, wanted.namespace, application, components, workloads, pods)


def _health(application: Object) -> str:
    return str(((application.get("status") or {}).get("health") or {}).get("status") or "")


def _listed(cluster: Cluster, namespace: str) -> list[Object] | None:
    try:
        kinds = ("Deployment", "StatefulSet")
        return [obj for kind in kinds for obj in cluster.list("apps/v1", kind, namespace, ARGOCD_SELECTOR)]
    except KubernetesError as error:
        if error.status == 403:
            return None
        raise
