# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an Application of Argo CD says of itself: whether its change is applied and healthy, and what is stuck about it.

An Application has no observed generation, and right after a change its status still speaks of the old specification, often
well. So everything is judged by what the status says that it was compared to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ._jobs import NEVER_STARTS, waiting
from ._objects import Object, seen_by_controller, state_of, what_holds
from ._readiness import Check, judged, listed

VERSION = "argoproj.io/v1alpha1"
REFRESH = "argocd.argoproj.io/refresh"
COMPONENT_LABEL = "app.kubernetes.io/component"
# Without one of these nothing an Application says is news.
COMPONENTS = ("application-controller", "repo-server", "redis")

ERROR_CONDITIONS = (
    "ComparisonError",
    "DeletionError",
    "InvalidSpecError",
    "OrphanedResourceWarning",
    "RepeatedResourceWarning",
    "SharedResourceWarning",
    "SyncError",
    "UnknownError",
)
ENDED_BADLY = ("Failed", "Error")
_COMMAND = re.compile(r"`(\S+ \S+) [^`]+`")
WORKLOADS = ("DaemonSet", "Deployment", "StatefulSet")


@dataclass(frozen=True)
class Nudge:
    """A push for an Application that would else stay as it is for minutes, or for ever."""

    kind: Literal["refresh", "sync", "terminate"]
    why: str
    # A merge patch of the Application.
    change: Object


@dataclass(frozen=True)
class Seen:
    """Everything that one look found."""

    name: str
    namespace: str
    application: Object | None
    # Argo CD's own workloads; None: this identity may not see them.
    components: Sequence[Object] | None = ()
    # What the Application has made and what runs for it, looked at only when it is not healthy.
    workloads: Sequence[Object] = ()
    pods: Sequence[Object] = ()


def plain(value: Any) -> Any:
    """Without empty values: the status leaves them out."""
    if isinstance(value, Mapping):
        kept = {name: plain(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in (None, "", [], {}, False)}
    return [plain(one) for one in value] if isinstance(value, list) else value


def is_about_this_spec(application: Object) -> bool:
    """Whether the last comparison was to the present specification."""
    compared, spec = _status(application, "sync").get("comparedTo") or {}, application["spec"]
    fields = ("source", "sources", "destination", "ignoreDifferences")
    return all(plain(compared.get(field)) == plain(spec.get(field)) for field in fields)


def is_of_this_spec(application: Object, operation_state: Object) -> bool:
    """Whether an operation applies the present specification."""
    sync = operation_state.get("syncResult") or (operation_state.get("operation") or {}).get("sync") or {}
    spec = application["spec"]
    return all(plain(sync.get(field)) == plain(spec.get(field)) for field in ("source", "sources"))


def judge(seen: Seen) -> tuple[Check, ...]:
    """Whether the present specification is applied and healthy."""
    application = seen.application
    if application is None:
        return *_components(seen), Check("application", "final", "it does not exist")
    if application["metadata"].get("deletionTimestamp"):
        return *_components(seen), Check("application", "final", _deletion(application))
    checks = (_comparison(application), _sync(application), _operation(application), _conditions(application))
    return *_components(seen), *checks, _health(application), *_pods(seen)


def judge_removal(seen: Seen) -> tuple[Check, ...]:
    """Whether the Application and, if it has the finalizer for it, what it made are gone."""
    application = seen.application
    if application is None:
        return (Check("application", "pass", "it is gone"),)
    if not application["metadata"].get("deletionTimestamp"):
        return (Check("application", "final", "nobody has asked for its deletion"),)
    conditions = _conditions(application)
    found = [conditions] if conditions.bad else []
    held = bool(application["metadata"].get("finalizers"))
    return *(_components(seen) if held else ()), Check("application", "fail", _deletion(application)), *found


def nudge_for(application: Object | None, first: bool, stuck: bool) -> Nudge | None:
    """What to do about an Application that does not come on by itself.

    first: nobody knows since when it is so. stuck: nothing about it has changed for a while.
    """
    if application is None or application["metadata"].get("deletionTimestamp") or _is_refreshing(application):
        return None
    state = _status(application, "operationState")
    if state.get("phase") == "Running" and not is_of_this_spec(application, state):
        # Argo CD itself would try the old one to its last retry first.
        if state.get("finishedAt") or stuck:
            text = f"its operation still retries {_revision(state)}, which is not wanted any more"
            return Nudge("terminate", text, {"status": {"operationState": {"phase": "Terminating"}}})
        return None
    if first and _errors(application, besides="SyncError"):
        # Argo CD remembers for an hour what a chart failed with.
        return Nudge("refresh", "its errors may be history", _refreshed("hard"))
    if first and state.get("phase") in ENDED_BADLY and is_of_this_spec(application, state):
        # Argo CD never tries the same specification a second time.
        return Nudge("sync", "its last operation had failed before", {"operation": _operation_of(application["spec"])})
    return Nudge("refresh", "nothing about it has changed for a while", _refreshed("normal")) if stuck else None


def has_settled(application: Object) -> bool:
    """Whether its errors are those of the present specification: nothing is asked of Argo CD that it has not done."""
    return not _is_refreshing(application) and "operation" not in application


def pods_that_never_start(pods: Iterable[Object]) -> Iterator[str]:
    for pod in pods:
        for reason, text in waiting(pod):
            if reason in NEVER_STARTS:
                yield f"{pod['metadata']['name']} ({text})"
                break


def workload_keys(application: Object) -> list[tuple[str, str, str]]:
    """(kind, namespace, name) of what runs pods for it."""
    return [
        (one["kind"], one["namespace"], one["name"])
        for one in _status(application, "resources") or []
        if one.get("group") == "apps" and one["kind"] in WORKLOADS
    ]


# --- the checks --------------------------------------------------------------------------------------------------------


def _components(seen: Seen) -> tuple[Check, ...]:
    """Argo CD itself; nothing, when it is not known."""
    if seen.components is None:
        return ()
    found = [obj for obj in seen.components if (obj["metadata"].get("labels") or {}).get(COMPONENT_LABEL) in COMPONENTS]
    if not found:
        text = f"there is none in the namespace {seen.namespace}: install it (role argocd), or name the namespace that has it"
        return (Check("argocd", "final", text),)
    paused = [_named(obj) for obj in found if obj["spec"].get("replicas") == 0]
    if paused:
        text = f"it is paused ({listed(paused)} scaled to 0), and does nothing before it is scaled up"
        return (Check("argocd", "final", text),)
    late = [f"{_named(obj)} ({state_of(obj).text})" for obj in found if not state_of(obj).done]
    return (judged("argocd", late, f"{len(found)} workloads run"),)


def _comparison(application: Object) -> Check:
    if _is_refreshing(application):
        return Check("comparison", "fail", "a refresh is asked for")
    if not is_about_this_spec(application):
        return Check("comparison", "fail", "the present specification is not compared yet")
    return Check("comparison", "pass", f"it is about revision {_status(application, 'sync').get('revision') or 'none'}")


def _sync(application: Object) -> Check:
    status = _status(application, "sync").get("status") or "unknown"
    if status == "Synced":
        return Check("sync", "pass", status)
    if status == "Unknown":  # what it calls everything when it cannot compare
        return Check("sync", "fail", status)
    late = [
        f"{one['kind']} {one['name']}" for one in _status(application, "resources") or [] if one.get("status") == status
    ]
    return judged("sync", [f"{status}: {late[0]}", *late[1:]] if late else [status], "")


def _operation(application: Object) -> Check:
    if "operation" in application:
        return Check("operation", "fail", _operation_text(application))
    state = _status(application, "operationState")
    if not state:
        return Check("operation", "pass", "none was needed")
    if state.get("phase") != "Succeeded":
        return Check("operation", "fail", _operation_text(application))
    reconciled, finished = _time(_status(application, "reconciledAt")), _time(state.get("finishedAt"))
    if not (reconciled and finished and reconciled >= finished):
        return Check("operation", "fail", "what it did is not compared yet")
    return Check("operation", "pass", "Succeeded")


def _operation_text(application: Object) -> str:
    state = _status(application, "operationState")
    return ": ".join(filter(None, (str(state.get("phase") or "waiting to begin"), _words(state.get("message")))))


def _errors(application: Object, besides: str = "") -> list[str]:
    return [
        f"{one['type']}: {_words(one.get('message'))}"
        for one in _status(application, "conditions") or []
        if one.get("type") in ERROR_CONDITIONS and one["type"] != besides
    ]


def _conditions(application: Object) -> Check:
    return judged("conditions", _errors(application), "no error")


def _health(application: Object) -> Check:
    status = _status(application, "health").get("status") or "unknown"
    return Check("health", "pass" if status == "Healthy" else "fail", status)


def _pods(seen: Seen) -> tuple[Check, ...]:
    """What holds its workloads up; nothing, when they were not looked at."""
    never = list(pods_that_never_start(seen.pods))
    late = [
        f"{_named(obj)} ({state_of(obj).text})"
        for obj in seen.workloads
        if not (state_of(obj).done and seen_by_controller(obj))
    ]
    return (judged("workloads", never or late, "all run"),) if never or late else ()


def _deletion(application: Object) -> str:
    return (
        f"it is being deleted since {application['metadata']['deletionTimestamp']}, held by {what_holds(application)}"
    )


# --- reading it --------------------------------------------------------------------------------------------------------


def _words(message: object) -> str:
    """In one line, and without the hundreds of arguments of the commands that it cites."""
    return _COMMAND.sub(r"`\1 ...`", " ".join(str(message or "").split()))


def _status(application: Object, field: str) -> Any:
    return (application.get("status") or {}).get(field) or {}


def _is_refreshing(application: Object) -> bool:
    return REFRESH in (application["metadata"].get("annotations") or {})


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _revision(state: Object) -> str:
    sync = (state.get("operation") or {}).get("sync") or {}
    return str(sync.get("revision") or ", ".join(sync.get("revisions") or []) or "an earlier specification")


def _refreshed(how: str) -> Object:
    return {"metadata": {"annotations": {REFRESH: how}}}


def _operation_of(spec: Object) -> Object:
    """What Argo CD's own command line asks for."""
    policy = spec.get("syncPolicy") or {}
    sync = {"prune": (policy.get("automated") or {}).get("prune"), "syncOptions": policy.get("syncOptions")}
    operation = {"initiatedBy": {"username": "kafka-eks"}, "retry": policy.get("retry"), "sync": plain(sync)}
    return {name: value for name, value in operation.items() if value is not None}


def _named(obj: Object) -> str:
    return f"{obj['kind']} {obj['metadata']['namespace']}/{obj['metadata']['name']}"
