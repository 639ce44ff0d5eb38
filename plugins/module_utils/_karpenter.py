# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a pod has no node, as Karpenter says it: in events, and at the NodeClaim that it makes for the pod. Pools stay ready."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from ._objects import condition, holds, reason_of

Object = dict[str, Any]

LONGEST = 240
# What of a pod's requirements tells most, and how Karpenter writes it.
_WANTED = {
    "type": re.compile(r"node\.kubernetes\.io/instance-type In \[([^\]]+)\]"),
    "zone": re.compile(r"topology\.kubernetes\.io/zone In \[([^\]]+)\]"),
    "cpu": re.compile(r'"cpu":"([^"]+)"'),
    "memory": re.compile(r'"memory":"([^"]+)"'),
}
# Clauses of pools that are not for the pod; their label and taint say so.
_OF_ANOTHER_POOL = ("did not tolerate taint", "incompatible requirements, key kafka-eks.streamops.io/pool")
_NO_OFFERING = "required offering"
_POOL = re.compile(r"karpenter\.sh/nodepool In \[([^\]]+)\]")
_CLAIM = re.compile(r"nodeclaim/([\w.-]+)")
_REFUSAL = re.compile(r"fleet error\(s\), (?P<code>\w+): (?P<message>.*?)(?: \(aws-error-code.*)?$", re.DOTALL)
_SHORTAGE = re.compile(r"sufficient (?P<type>\S+) capacity .*?\((?P<zone>[a-z0-9-]+)\)")


@dataclass(frozen=True)
class Said:
    """What Karpenter has said of pods and machines. Events go after an hour."""

    events: Sequence[Object] = ()
    claims: Sequence[Object] = ()  # NodeClaims

    def about(self, reason: str) -> list[Object]:
        return [event for event in self.events if event["reason"] == reason and _is_karpenters(event)]


def why_unplaced(pod: Object, said: Said) -> str:
    """What Karpenter said last of a pod: that it found no machine for it, or what became of the one that it launches; or nothing."""
    uid = pod["metadata"]["uid"]
    words = [
        event
        for reason in ("FailedScheduling", "Nominated")
        for event in said.about(reason)
        if event["involvedObject"].get("uid") == uid
    ]
    if not words:
        return ""
    last = _newest(words)
    if last["reason"] == "Nominated":
        return _machine(last["message"], said)
    message = last["message"]
    return "; ".join(filter(None, (_condensed(message), _barren(message, said), _shortage(message, said))))


def _is_karpenters(event: Object) -> bool:
    return "karpenter" in (event.get("reportingComponent"), (event.get("source") or {}).get("component"))


def _newest(events: Sequence[Object]) -> Object:
    return max(events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))


def _machine(message: str, said: Said) -> str:
    """What the machine that is meant for the pod is at."""
    named = _CLAIM.search(message)
    if named is None:
        return ""
    claim = next((one for one in said.claims if one["metadata"]["name"] == named[1]), None)
    if claim is not None:
        return _progress(claim)
    # Karpenter gives one up at once when EC2 refuses it, and after a quarter of an hour when it has not joined. Of the next one it
    # tells the pod some minutes later.
    refused = [one for one in said.about("InsufficientCapacityError") if one["involvedObject"]["name"] == named[1]]
    if refused:
        return _refusal(_newest(refused)["message"])
    pool = named[1].rpartition("-")[0]
    others = [one for one in said.claims if one["metadata"]["name"].rpartition("-")[0] == pool]
    return next(filter(None, map(_progress, others)), "")


def _progress(claim: Object) -> str:
    name, launched = claim["metadata"]["name"], condition(claim, "Launched") or {}
    if not holds(claim, "Launched"):
        return f"NodeClaim {name} is not launched ({reason_of(launched)})"
    machine = f"machine {claim['status']['providerID'].rpartition('/')[2]} (NodeClaim {name})"
    if not holds(claim, "Registered"):
        return (
            f"{machine}, launched at {launched.get('lastTransitionTime')}, has not joined the cluster; if it never does, see the access entry "
            "of its role, its way to the API server and its console output"
        )
    if not holds(claim, "Initialized"):
        return f"{machine} is not ready for pods ({reason_of(condition(claim, 'Initialized'))})"
    return ""


def _condensed(message: str) -> str:
    """A clause for each pool, of which the one that comes nearest counts, without the labels that every node has."""
    clauses = message.removeprefix("Failed to schedule pod, ").split("; ")
    clause = next((one for one in clauses if not one.startswith(_OF_ANOTHER_POOL)), clauses[0])
    words, dummy, requirements = clause.partition(", requirements=")
    wanted = [f"{name} {match[1]}" for name, form in _WANTED.items() if (match := form.search(requirements))]
    return shorten(f"Karpenter: {words}" + (f" ({', '.join(wanted)})" if wanted else ""), LONGEST, placeholder=" ...")


def _barren(message: str, said: Said) -> str:
    """Of a pool for which there is no machine at all Karpenter does not speak to the pod, only of the others."""
    pool = re.search(r"In \[([\w.-]+)\] not in", message)
    words = [
        event
        for event in said.about("NoCompatibleInstanceTypes")
        if pool and event["involvedObject"].get("name") == pool[1]
    ]
    return f"NodePool {pool[1]}: {_newest(words)['message']}" if pool and words else ""


def _shortage(message: str, said: Said) -> str:
    """Why EC2 refused what the pod could use, which Karpenter then does not ask for again for some minutes."""
    pool = _POOL.search(message)
    if pool is None or _NO_OFFERING not in message:
        return ""
    refused = [
        event
        for event in said.about("InsufficientCapacityError")
        if event["involvedObject"]["name"].rpartition("-")[0] == pool[1] and _concerns(event["message"], message)
    ]
    return _refusal(_newest(refused)["message"]) if refused else ""


def _concerns(refusal: str, message: str) -> bool:
    """Whether a type and a zone that EC2 has run out of are ones that the pod could use."""
    match = _SHORTAGE.search(refusal)
    return match is None or (match["type"] in message and match["zone"] in message)


def _refusal(message: str) -> str:
    match = _REFUSAL.search(message)
    if match is None:
        return shorten(message, LONGEST, placeholder=" ...")
    if shortage := _SHORTAGE.search(match["message"]):
        return f"EC2 has no {shortage['type']} in {shortage['zone']} just now ({match['code']})"
    return shorten(f"EC2 refuses it: {match['code']}: {match['message'].split('. ')[0]}", LONGEST, placeholder=" ...")
