"""Which pod to create, restart or wait for next: pure functions over the desired and the present pods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lab.strimzi.model import Cluster, Object, Problem
from lab.strimzi.objects import owner_of


@dataclass(frozen=True)
class Step:
    """The next step towards up-to-date, ready pods: restart one, wait, or (neither) nothing."""

    restart: Object | None = None
    why: str = ""
    wait: str = ""


# A pod that has not even started by now will not by waiting; without it a node that is about to join would look like a fault.
STUCK_AFTER = 60.0
_NOT_STARTING = {
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "CreateContainerConfigError",
}


def next_step(
    cluster: Cluster,
    wanted: Mapping[str, Object],
    pods: Mapping[str, Object],
    active_controller: Callable[[], int | None],
    now: datetime,
    timeout: float,
) -> Step:
    """One pod at a time: what is not ready first, then controllers with the active one last, then brokers."""
    names = {cluster.pod_name(pool, node): (pool, node) for pool in cluster.pools for node in pool.node_ids}
    missing = [name for name in names if name not in pods or "deletionTimestamp" in pods[name]["metadata"]]
    if missing:
        return Step(wait=f"{missing[0]} to be created")
    reasons = {name: _restart_reason(pods[name], wanted[name]) for name in names}
    unready = [name for name in names if not is_ready(pods[name])]
    for name in unready:
        if reasons[name]:
            return Step(restart=pods[name], why=reasons[name])
    for name in unready:
        _give_up(pods[name], now, timeout)
    if unready:
        return Step(wait=f"{unready[0]} to be ready")
    stale = [name for name in names if reasons[name]]
    if not stale:
        return Step()
    active = active_controller()
    first = min(
        stale, key=lambda name: ("controller" not in names[name][0].roles, names[name][1] == active, names[name][1])
    )
    return Step(restart=pods[first], why=reasons[first])


def _restart_reason(pod: Object, wanted: Object) -> str:
    annotations = pod["metadata"].get("annotations", {})
    if annotations.get("strimzi.io/revision") != wanted["metadata"]["annotations"]["strimzi.io/revision"]:
        return "Pod has old revision"
    if annotations.get("strimzi.io/manual-rolling-update") == "true":
        return "Pod was manually annotated to be rolled"
    return ""


def is_ready(pod: Object) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", []))


def _give_up(pod: Object, now: datetime, timeout: float) -> None:
    status = pod.get("status", {})
    conditions = status.get("conditions", [])
    since = next(
        (c["lastTransitionTime"] for c in conditions if c["type"] == "Ready" and c.get("lastTransitionTime")),
        pod["metadata"]["creationTimestamp"],
    )
    age = (now - datetime.fromisoformat(since)).total_seconds()
    reasons = {c.get("reason") for c in conditions if c["type"] == "PodScheduled" and c["status"] == "False"}
    for container in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        reasons.add(container.get("state", {}).get("waiting", {}).get("reason"))
    if age > STUCK_AFTER and (reasons & {"Unschedulable", *_NOT_STARTING} or status.get("phase") == "Failed"):
        raise Problem("FatalProblem", "Pod is unschedulable or is not starting")
    if age > timeout:
        meta = pod["metadata"]
        raise Problem(
            "TimeoutException",
            f"Exceeded timeout of {timeout * 1000:.0f}ms while waiting for Pods resource {meta['name']} in namespace {meta['namespace']} to be ready",
        )


def podset_pods(podset: Object, pods: Mapping[str, Object]) -> tuple[list[Object], list[Object], Object]:
    """The pods a StrimziPodSet lacks, those it has too many of, and its status."""
    wanted = {pod["metadata"]["name"]: pod for pod in podset["spec"]["pods"]}
    owned = {
        name: pod for name, pod in pods.items()
        if any(owner["uid"] == podset["metadata"]["uid"] for owner in pod["metadata"].get("ownerReferences", []))
    }  # fmt: skip
    lacking = []
    for name, pod in wanted.items():
        if name not in pods:
            meta = pod["metadata"] | {"ownerReferences": owner_of(podset, controller=True)}
            lacking.append(pod | {"metadata": meta})
    surplus = [pod for name, pod in owned.items() if name not in wanted and "deletionTimestamp" not in pod["metadata"]]
    present = [pod for name, pod in owned.items() if name in wanted]
    status = {
        "pods": len(wanted),
        "currentPods": sum(not _restart_reason(pod, wanted[pod["metadata"]["name"]]) for pod in present),
        "readyPods": sum(map(is_ready, present)),
        "observedGeneration": podset["metadata"]["generation"],
    }
    return lacking, surplus, status
