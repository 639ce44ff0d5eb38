# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a pod has no node, as Karpenter says it: it does so in events only, its own objects stay ready."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from textwrap import shorten
from typing import Any

Object = dict[str, Any]

NAMESPACE = "default"  # of the events about objects that have none
LONGEST = 240
_KEYS = {"node.kubernetes.io/instance-type": "type", "topology.kubernetes.io/zone": "zone"}
_SHORTAGE = re.compile(r"fleet error\(s\), (\w+): .*?sufficient (\S+) capacity .*?\(([a-z0-9-]+)\)")


def why_unplaced(pod: Object, events: Iterable[Object]) -> str:
    """What Karpenter said last of a pod that it found no machine for, and of the machines that it did not get; or nothing."""
    events = list(events)
    uid = pod["metadata"]["uid"]
    about = [event for event in events if event["involvedObject"].get("uid") == uid and _is_karpenters(event)]
    refusals = [event for event in about if event["reason"] == "FailedScheduling"]
    if not refusals:
        return ""
    message = _newest(refusals)["message"]
    return "; ".join(filter(None, (_condensed(message), _barren(message, events), _shortage(message, events))))


def _is_karpenters(event: Object) -> bool:
    return "karpenter" in (event.get("reportingComponent"), (event.get("source") or {}).get("component"))


def _newest(events: Sequence[Object]) -> Object:
    return max(events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))


def _condensed(message: str) -> str:
    """A clause for each pool, of which the one that comes nearest counts, without the labels that every node has."""
    clauses = message.removeprefix("Failed to schedule pod, ").split("; ")
    clause = next((one for one in clauses if "no instance type" in one), clauses[0])
    words, _, requirements = clause.partition(", requirements=")
    wanted = [
        f"{name} {match[1]}"
        for key, name in _KEYS.items()
        if (match := re.search(re.escape(key) + r" In \[([^\]]+)\]", requirements))
    ]
    return shorten(f"Karpenter: {words}" + (f" ({', '.join(wanted)})" if wanted else ""), LONGEST, placeholder=" ...")


def _barren(message: str, events: Sequence[Object]) -> str:
    """Of a pool for which there is no machine at all Karpenter does not speak to the pod, only of the others."""
    pool = re.search(r"In \[([\w.-]+)\] not in", message)
    said = [
        event
        for event in events
        if event["reason"] == "NoCompatibleInstanceTypes" and pool and event["involvedObject"].get("name") == pool[1]
    ]
    return f"NodePool {pool[1]}: {_newest(said)['message']}" if pool and said else ""


def _shortage(message: str, events: Sequence[Object]) -> str:
    """What EC2 did not have of the machines that the pod could use."""
    failed = [event for event in events if event["reason"] == "InsufficientCapacityError" and _is_karpenters(event)]
    match = _SHORTAGE.search(_newest(failed)["message"]) if failed else None
    if match is None or match[2] not in message or match[3] not in message:
        return ""
    return f"EC2 has no {match[2]} in {match[3]} just now ({match[1]})"
