# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be said of Kubernetes objects without asking a cluster: their order, their difference, their state."""

from __future__ import annotations

import copy
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

# What the operators write while a broker is away, which heals when it is back; with one away, there are too few of them too.
HEALING_REASONS = (
    "InvalidReplicationFactorException",
    "TimeoutException",
    "DisconnectException",
    "NotControllerException",
)

# What the API server writes into every object; a difference there is nobody's change.
SERVER_FIELDS = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")
# Repeats a whole manifest, a Secret's data included.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class BadObjects(ValueError):
    """Its text is the sentence the user reads."""


@dataclass(frozen=True, order=True)
class Key:
    """What identifies an object in a cluster."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]


@dataclass(frozen=True)
class State:
    """How far an object is. final: waiting longer will not help."""

    done: bool
    text: str
    final: bool = False


def key_of(obj: Object) -> Key:
    metadata = obj["metadata"]
    return Key(obj["apiVersion"], obj["kind"], metadata.get("namespace") or "", metadata["name"])


def check(objects: Sequence[Any]) -> None:
    """Refuse what cannot be applied or deleted by its name."""
    seen: dict[tuple[str, str, str, str], int] = {}
    for place, obj in enumerate(objects, start=1):
        where = f"Object {place} of {len(objects)}"
        if not isinstance(obj, Mapping):
            raise BadObjects(f"{where} is not a mapping but {type(obj).__name__}: write it as a Kubernetes manifest.")
        metadata = obj.get("metadata")
        missing = [field for field in ("apiVersion", "kind") if not _text(obj.get(field))]
        if not (isinstance(metadata, Mapping) and _text(metadata.get("name"))):
            missing.append("metadata.name")
        if missing:
            known = _text(obj.get("kind")) or "unknown kind"
            raise BadObjects(f"{where} ({known}) has no {' and no '.join(missing)}: complete its manifest.")
        key = key_of(dict(obj))
        # Two versions of one group are two views of the same object.
        same = (key.group, key.kind, key.namespace, key.name)
        if same in seen:
            raise BadObjects(f"{where} is {key}, as is object {seen[same]}: leave one of the two.")
        seen[same] = place


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def rank(kind: str) -> int:
    """Namespaces come first, then the definitions of new kinds, then everything else."""
    return {"Namespace": 0, "CustomResourceDefinition": 1}.get(kind, 2)


def in_order(objects: Sequence[Object]) -> list[Object]:
    """By rank; within one, as it was written."""
    return sorted(objects, key=lambda obj: rank(obj["kind"]))


def kinds_defined_by(objects: Sequence[Object]) -> dict[tuple[str, str], bool]:
    """(apiVersion, kind) -> whether it is namespaced, for each kind that a definition among the objects brings."""
    return {
        (f"{spec['group']}/{version['name']}", spec["names"]["kind"]): spec["scope"] == "Namespaced"
        for spec in (obj["spec"] for obj in objects if obj["kind"] == "CustomResourceDefinition")
        for version in spec["versions"]
        if version.get("served")
    }


def change_in(obj: Object) -> Object:
    """What a manifest says beyond naming its object: as a merge patch."""
    metadata = {field: value for field, value in obj["metadata"].items() if field not in ("name", "namespace")}
    rest = {field: value for field, value in obj.items() if field not in ("apiVersion", "kind", "metadata")}
    return {**rest, "metadata": metadata} if metadata else rest


def comparable(obj: Object) -> Object:
    """The part of an object that its authors answer for."""
    plain = copy.deepcopy({name: value for name, value in obj.items() if name != "status"})
    metadata = plain["metadata"]
    for field in SERVER_FIELDS:
        metadata.pop(field, None)
    if "annotations" in metadata:
        metadata["annotations"].pop(LAST_APPLIED, None)
    for field in ("annotations", "labels"):
        if not metadata.get(field):
            metadata.pop(field, None)
    return plain


def masked(obj: Object, salt: bytes) -> Object:
    """The object as a person may see it: marks, which tell equal values from different ones, stand for the values of a
    Secret, and for the schemas of a CustomResourceDefinition, whose thousands of lines would hide everything else.

    The salt makes the mark useless outside of one run: a short password could otherwise be found by trying.
    """
    if obj["kind"] == "CustomResourceDefinition":
        versions = [
            {name: _mark(value, salt) if name == "schema" else value for name, value in version.items()}
            for version in obj["spec"]["versions"]
        ]
        return {**obj, "spec": {**obj["spec"], "versions": versions}}
    if obj["kind"] != "Secret":
        return obj
    shown = dict(obj)
    for field in ("data", "stringData"):
        if isinstance(obj.get(field), Mapping):
            shown[field] = {name: _mark(value, salt) for name, value in obj[field].items()}
    return shown


def _mark(value: object, salt: bytes) -> str:
    return f"(hidden, mark {hmac.new(salt, str(value).encode(), hashlib.sha256).hexdigest()[:8]})"


def secret_values(objects: Sequence[Object]) -> set[str]:
    """Every value that must not be seen in any output."""
    return {
        str(value)
        for obj in objects
        if obj["kind"] == "Secret"
        for field in ("data", "stringData")
        for value in (obj.get(field) or {}).values()
        if value
    }


def condition(obj: Object, kind: str) -> Object | None:
    """The condition of this type; the last one, should there be several."""
    found = [one for one in (obj.get("status") or {}).get("conditions") or [] if one.get("type") == kind]
    return found[-1] if found else None


def holds(obj: Object, kind: str) -> bool:
    # StrimziPodSets write "true", everything else "True".
    found = condition(obj, kind)
    return found is not None and str(found.get("status")).lower() == "true"


def reason_of(found: Object | None) -> str:
    """Reason and message of a condition, as one phrase."""
    words = [str(found[field]).strip() for field in ("reason", "message") if found and found.get(field)]
    return ": ".join(" ".join(word.split()) for word in words) or "no reason given"


def seen_by_controller(obj: Object) -> bool:
    """A condition of an earlier generation says nothing of the present spec."""
    observed = (obj.get("status") or {}).get("observedGeneration")
    return observed is not None and observed >= obj["metadata"].get("generation", 0)


def _not_yet_seen(obj: Object) -> State:
    return State(False, f"its controller has not yet seen generation {obj['metadata'].get('generation')}")


def _strimzi_entity(obj: Object) -> State:
    if not seen_by_controller(obj):
        return _not_yet_seen(obj)
    if holds(obj, "Ready") or holds(obj, "Unmanaged"):
        return State(True, "ready")
    ready, not_ready = condition(obj, "Ready"), condition(obj, "NotReady")
    if ready or not_ready:
        reason = reason_of(ready or not_ready)
        return State(False, reason, final=not any(name in reason for name in HEALING_REASONS))
    return State(False, "it has no condition yet")


def _deployment(obj: Object) -> State:
    if not seen_by_controller(obj):
        return _not_yet_seen(obj)
    wanted = obj["spec"].get("replicas", 1)
    status = obj["status"]
    updated, available, all_of_them = (
        status.get(field) or 0 for field in ("updatedReplicas", "availableReplicas", "replicas")
    )
    text = f"{available} of {wanted} replicas available, {updated} up to date"
    if all_of_them > updated:
        text += f", {all_of_them - updated} old"
    return State(updated == available == all_of_them == wanted, text)


def _definition(obj: Object) -> State:
    names = condition(obj, "NamesAccepted")
    if names and names["status"] == "False":
        return State(False, reason_of(names), final=True)
    return State(holds(obj, "Established"), "established" if holds(obj, "Established") else "not yet established")


def _job(obj: Object) -> State:
    if holds(obj, "Complete"):
        return State(True, "complete")
    if holds(obj, "Failed"):
        return State(False, reason_of(condition(obj, "Failed")), final=True)
    status = obj.get("status") or {}
    return State(False, f"{status.get('succeeded') or 0} pods succeeded, {status.get('active') or 0} active")


def _namespace(obj: Object) -> State:
    phase = (obj.get("status") or {}).get("phase")
    return State(phase == "Active", str(phase or "no phase yet"))


def _karpenters(obj: Object) -> State:
    """A class or a pool of nodes. Each condition says itself for which generation it holds."""
    generation = obj["metadata"].get("generation", 0)
    ready = condition(obj, "Ready")
    if ready is None or ready.get("observedGeneration", 0) < generation:
        return _not_yet_seen(obj)
    if ready.get("status") == "True":
        return State(True, "ready")
    parts = [
        f"{one['type']} {reason_of(one)}"
        for one in obj["status"]["conditions"]
        if one is not ready and one.get("status") != "True"
    ]
    return State(False, "; ".join(parts) or reason_of(ready))


# The kinds that can be waited for. Of every other kind, to exist is all that can be asked.
STATES: Mapping[str, Callable[[Object], State]] = {
    "CustomResourceDefinition": _definition,
    "Deployment": _deployment,
    "EC2NodeClass": _karpenters,
    "Job": _job,
    "KafkaTopic": _strimzi_entity,
    "KafkaUser": _strimzi_entity,
    "Namespace": _namespace,
    "NodePool": _karpenters,
    "StatefulSet": _deployment,
}


def state_of(obj: Object) -> State:
    judge = STATES.get(obj["kind"])
    return judge(obj) if judge else State(True, "exists")


def what_holds(obj: Object) -> str:
    """Why an object that is being deleted is still there."""
    metadata = obj["metadata"]
    holders = [*(metadata.get("finalizers") or []), *((obj.get("spec") or {}).get("finalizers") or [])]
    words = [f"finalizers {', '.join(holders)}"] if holders else []
    words += [
        " ".join(str(one["message"]).split())
        for one in (obj.get("status") or {}).get("conditions") or []
        # An Application has only conditions that are true.
        if obj["kind"] in ("Application", "Namespace") and one.get("status", "True") == "True" and one.get("message")
    ]
    words += [
        f"{one['type']} {reason_of(one)}"
        for one in (obj.get("status") or {}).get("conditions") or []
        if obj["kind"] == "NodeClaim" and one.get("status") != "True"
    ]
    return "; ".join(words) or "nothing that its object names"
