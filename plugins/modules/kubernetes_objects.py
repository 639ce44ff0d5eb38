#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_objects
short_description: Apply, patch or remove many Kubernetes objects at once
version_added: 0.1.0
description:
  - Brings a list of objects to a cluster by server-side apply, patches or removes them, in one invocation.
  - Everything is tried without effect first, so that an object the API server refuses is reported before any other is applied.
  - Namespaces are applied first, then definitions of new kinds, which are waited for, then the rest in the order of O(objects).
    Removal goes the other way round.
  - A namespace that it creates gets the label C(app.kubernetes.io/managed-by=kafka-eks). One without that label is somebody else's and is never removed,
    nor is one that still has PersistentVolumeClaims.
  - In check mode it also answers for a cluster, a namespace or a kind that does not exist yet, so that a whole playbook can be checked on an empty account.
  - Values of Secrets are shown as marks that only tell equal from different ones. Set C(no_log) on the task nevertheless when
    O(objects) carries Secrets, because Ansible writes the arguments of a module to the system log.
author:
  - streamops.kafka_eks contributors (@streamops)
extends_documentation_fragment:
  - streamops.kafka_eks.kubernetes
options:
  objects:
    description:
      - The manifests. Each needs C(apiVersion), C(kind) and C(metadata.name), and C(metadata.namespace) unless its kind has none.
      - With O(state=absent) the rest of a manifest is not looked at, with O(state=patched) it holds the fields to be changed.
    type: list
    elements: dict
    required: true
  state:
    description:
      - V(present) applies the objects, V(absent) removes them, V(patched) changes the given fields of those that exist, by a
        merge patch, and leaves the others absent. To apply a part of a manifest would remove the fields that were applied before.
      - With V(absent) and V(patched), what is absent already is fine, and so is a kind that the cluster does not serve, or a
        cluster that is gone.
    type: str
    choices: [present, absent, patched]
    default: present
  wait:
    description:
      - With O(state=present), wait until every CustomResourceDefinition, Deployment, EC2NodeClass, Job, KafkaTopic, KafkaUser, Namespace, NodePool
        and StatefulSet of the list is ready in its latest generation. One that says that it will never be ready ends the waiting at once.
      - With O(state=absent), wait until every object is gone; definitions of kinds, then namespaces, are removed when the objects before them are.
    type: bool
    default: false
  wait_timeout:
    description: Seconds after which waiting is given up.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    description: Changes nothing and reports what would change.
  diff_mode:
    support: full
    description: Shows each changed object before and after, as YAML.
"""

EXAMPLES = r"""
- name: Create the topics
  streamops.kafka_eks.kubernetes_objects:
    kubeconfig: ~/.kube/kafka-on-eks.yaml
    context: kafka-on-eks
    objects: "{{ lookup('ansible.builtin.template', 'topics.yaml.j2') | from_yaml_all }}"
    wait: true
    wait_timeout: 180

- name: Create a namespace and a storage class
  streamops.kafka_eks.kubernetes_objects:
    kubeconfig: ~/.kube/kafka-on-eks.yaml
    context: kafka-on-eks
    objects:
      - apiVersion: v1
        kind: Namespace
        metadata:
          name: kafka
      - apiVersion: storage.k8s.io/v1
        kind: StorageClass
        metadata:
          name: gp3
        provisioner: ebs.csi.aws.com
        volumeBindingMode: WaitForFirstConsumer

- name: Have the operator leave a topic in Kafka when its resource is deleted
  streamops.kafka_eks.kubernetes_objects:
    kubeconfig: ~/.kube/kafka-on-eks.yaml
    context: kafka-on-eks
    state: patched
    objects:
      - apiVersion: kafka.strimzi.io/v1beta2
        kind: KafkaTopic
        metadata:
          name: my-topic
          namespace: kafka
          annotations:
            strimzi.io/managed: "false"

- name: Remove the topics and wait until Kafka has deleted them
  streamops.kafka_eks.kubernetes_objects:
    kubeconfig: ~/.kube/kafka-on-eks.yaml
    context: kafka-on-eks
    state: absent
    objects:
      - apiVersion: kafka.strimzi.io/v1beta2
        kind: KafkaTopic
        metadata:
          name: my-topic
          namespace: kafka
    wait: true
"""

RETURN = r"""
objects:
  description: What was done with each object, in the order of the work.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: KafkaTopic
      namespace: kafka
      name: my-topic
      action: created
  contains:
    kind:
      description: Its kind.
      returned: success
      type: str
      sample: KafkaTopic
    namespace:
      description: Its namespace, empty when its kind has none.
      returned: success
      type: str
      sample: kafka
    name:
      description: Its name.
      returned: success
      type: str
      sample: my-topic
    action:
      description: One of V(created), V(updated), V(unchanged), V(deleted), V(absent) and V(kept).
      returned: success
      type: str
      sample: created
cluster_reachable:
  description:
    - Whether there was a cluster to ask.
    - It can only be V(false) in check mode and with O(state=absent) or O(state=patched); everything else fails without a cluster.
  returned: success
  type: bool
  sample: true
msg:
  description: Why there was no cluster to ask.
  returned: when RV(cluster_reachable) is V(false)
  type: str
  sample: "The kubeconfig /home/me/.kube/kafka-on-eks.yaml does not exist: create the cluster first, which writes it, or name another file."
"""

import contextlib
import functools
import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.yaml import yaml_dump

from ..module_utils._kubernetes import (
    CONNECTION_OPTIONS,
    FIELD_MANAGER,
    Cluster,
    KubernetesError,
    NoKubeconfig,
    NotAnswering,
    Unreachable,
    connect,
)
from ..module_utils._objects import (
    BadObjects,
    Key,
    Object,
    change_in,
    check,
    comparable,
    in_order,
    key_of,
    kinds_defined_by,
    masked,
    rank,
    secret_values,
    state_of,
    what_holds,
)
from ..module_utils._waiting import Seen, TimedOut, wait_for

ARGUMENT_SPEC = {
    **CONNECTION_OPTIONS,
    "objects": {"type": "list", "elements": "dict", "required": True},
    "state": {"type": "str", "choices": ["present", "absent", "patched"], "default": "present"},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 120},
}

DEFINITION_SECONDS = 60
MANAGED_BY = "app.kubernetes.io/managed-by"


@dataclass(frozen=True)
class Change:
    """What has to be done with one object, or was done."""

    key: Key
    action: str
    before: Object | None = None
    after: Object | None = None

    @property
    def changed(self) -> bool:
        return self.action in ("created", "updated", "deleted")


@dataclass(frozen=True)
class Waiter:
    """How long to wait, and by which clock."""

    timeout: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep

    def until_none(self, missing: Callable[[], dict[Key, str]], doing: str) -> None:
        def look() -> Seen[None]:
            left = missing()
            return Seen(not left, "; ".join(f"{key} ({text})" for key, text in sorted(left.items())), None, 1.0)

        try:
            wait_for(look, self.timeout, lambda line: None, self.clock, self.sleep)
        except TimedOut as late:
            raise KubernetesError(
                f"Still {doing} after {late.seconds:.0f} s: {late}; "
                "mend what is named, or raise wait_timeout, and run it again."
            ) from None


def marked(cluster: Cluster | None, objects: Sequence[Object]) -> list[Object]:
    """The objects, namespaces that are not there yet or were made so with a label that tells whose they are."""
    return [_with_mark(obj) if _is_ours(cluster, obj) else obj for obj in objects]


def _is_ours(cluster: Cluster | None, obj: Object) -> bool:
    if obj["kind"] != "Namespace":
        return False
    before = cluster.get("v1", "Namespace", obj["metadata"]["name"]) if cluster else None
    return before is None or _has_mark(before)


def _with_mark(obj: Object) -> Object:
    labels = {**(obj["metadata"].get("labels") or {}), MANAGED_BY: FIELD_MANAGER}
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}}


def _has_mark(obj: Object) -> bool:
    return (obj["metadata"].get("labels") or {}).get(MANAGED_BY) == FIELD_MANAGER


def plan_present(cluster: Cluster | None, objects: Sequence[Object], check_mode: bool) -> list[Change]:
    """Find out what applying would do; whatever the API server refuses, it refuses here."""
    defined = kinds_defined_by(objects)
    changes: list[Change] = []
    new_namespaces: set[str] = set()
    for obj in in_order(objects):
        key = key_of(obj)
        if cluster is None or _cannot_be_tried(cluster, key, defined, new_namespaces, check_mode):
            change = Change(key, "created", None, obj)
        else:
            change = _tried(cluster, obj, key, check_mode)
        if key.kind == "Namespace" and change.action == "created":
            new_namespaces.add(key.name)
        changes.append(change)
    return changes


def _cannot_be_tried(
    cluster: Cluster,
    key: Key,
    defined: dict[tuple[str, str], bool],
    new_namespaces: set[str],
    check_mode: bool,
) -> bool:
    """Whether the kind or the namespace of the object is still to be made."""
    if not cluster.served(key.api_version, key.kind):
        namespaced = defined.get((key.api_version, key.kind))
        if namespaced and not key.namespace:
            raise BadObjects(f"{key} cannot be applied: its kind needs a namespace; set metadata.namespace.")
        return check_mode or namespaced is not None
    return key.namespace in new_namespaces


def _tried(cluster: Cluster, obj: Object, key: Key, check_mode: bool) -> Change:
    before = cluster.get(key.api_version, key.kind, key.name, key.namespace)
    if before and before["metadata"].get("deletionTimestamp"):
        raise KubernetesError(
            f"{key} cannot be applied: it is being deleted since {before['metadata']['deletionTimestamp']} "
            f"and still held by {what_holds(before)}; wait until it is gone, or release it, and run it again."
        )
    try:
        after = cluster.apply(obj, dry_run=True)
    except KubernetesError as error:
        if check_mode and before is None and error.status == 404:
            # Its namespace would have been made by an earlier task.
            return Change(key, "created", None, obj)
        raise
    if before is None:
        return Change(key, "created", None, obj)
    before, after = comparable(before), comparable(after)
    return Change(key, "unchanged" if before == after else "updated", before, after)


def present(cluster: Cluster, objects: Sequence[Object], changes: Sequence[Change], waiter: Waiter, wait: bool) -> None:
    """Carry the plan out."""
    wanted = {key_of(obj): obj for obj in objects}
    definitions = [change.key for change in changes if change.key.kind == "CustomResourceDefinition"]
    waited_for = False
    for change in changes:
        if definitions and not waited_for and change.key.kind not in ("Namespace", "CustomResourceDefinition"):
            _wait_for_kinds(cluster, definitions, kinds_defined_by(objects), waiter)
            waited_for = True
        if change.changed:
            cluster.apply(wanted[change.key])
    if wait:
        waiter.until_none(lambda: _not_ready(cluster, list(wanted)), "not ready")


def _wait_for_kinds(
    cluster: Cluster, definitions: list[Key], kinds: dict[tuple[str, str], bool], waiter: Waiter
) -> None:
    short = Waiter(min(waiter.timeout, DEFINITION_SECONDS), waiter.clock, waiter.sleep)
    short.until_none(lambda: _not_ready(cluster, definitions), "not established")
    # Discovery follows the condition by a moment.
    short.until_none(
        lambda: {
            Key(api_version, kind, "", "(kind)"): "not yet served"
            for api_version, kind in kinds
            if not cluster.served(api_version, kind)
        },
        "not served",
    )


def _not_ready(cluster: Cluster, keys: Sequence[Key]) -> dict[Key, str]:
    left: dict[Key, str] = {}
    for key in keys:
        obj = cluster.get(key.api_version, key.kind, key.name, key.namespace)
        if obj is None:
            left[key] = "somebody deleted it"
            continue
        state = state_of(obj)
        if state.final:
            raise KubernetesError(f"{key} will not become ready: {state.text}; correct it and run it again.")
        if not state.done:
            left[key] = state.text
    return left


def plan_patched(cluster: Cluster | None, objects: Sequence[Object]) -> list[Change]:
    """Find out what patching would do; whatever the API server refuses, it refuses here."""
    changes: list[Change] = []
    for obj in objects:
        key = key_of(obj)
        before = _found(cluster, key)
        if cluster is None or before is None:
            changes.append(Change(key, "absent"))
            continue
        after = cluster.patch(*_address(key)[:3], change_in(obj), key.namespace, dry_run=True)
        before, after = comparable(before), comparable(after)
        changes.append(Change(key, "unchanged" if before == after else "updated", before, after))
    return changes


def patched(cluster: Cluster, objects: Sequence[Object], changes: Sequence[Change]) -> None:
    """Carry the plan out."""
    wanted = {key_of(obj): change_in(obj) for obj in objects}
    for change in changes:
        if change.changed:
            cluster.patch(*_address(change.key)[:3], wanted[change.key], change.key.namespace)


def plan_absent(cluster: Cluster | None, objects: Sequence[Object]) -> list[Change]:
    """Find out what is there to be removed."""
    going = {key_of(obj) for obj in objects}
    changes: list[Change] = []
    for obj in reversed(in_order(objects)):
        key = key_of(obj)
        before = _found(cluster, key)
        if cluster is None or before is None:
            changes.append(Change(key, "absent"))
        elif key.kind == "Namespace" and _must_stay(cluster, before, going):
            changes.append(Change(key, "kept"))
        else:
            changes.append(Change(key, "deleted", comparable(before)))
    return changes


def _must_stay(cluster: Cluster, namespace: Object, going: set[Key]) -> bool:
    """Whether a namespace is somebody else's, or has data that nobody has asked to remove."""
    claims = cluster.list("v1", "PersistentVolumeClaim", namespace["metadata"]["name"])
    return not _has_mark(namespace) or any(key_of(claim) not in going for claim in claims)


def absent(cluster: Cluster, changes: Sequence[Change], waiter: Waiter, wait: bool) -> None:
    """Carry the plan out."""
    going = [change.key for change in changes if change.changed]
    # Definitions and namespaces take everything inside with them, so with time to wait they go last.
    ranks = itertools.groupby(going, lambda key: rank(key.kind))
    for stage in [list(group[1]) for group in ranks] if wait else [going]:
        for key in stage:
            cluster.delete(*_address(key))
        if wait:
            waiter.until_none(functools.partial(_not_gone, cluster, stage), "there")


def _not_gone(cluster: Cluster, keys: Sequence[Key]) -> dict[Key, str]:
    found = {key: cluster.get(*_address(key)) for key in keys}
    return {key: f"held by {what_holds(obj)}" for key, obj in found.items() if obj}


def _found(cluster: Cluster | None, key: Key) -> Object | None:
    if cluster is None or not cluster.served(key.api_version, key.kind):
        return None
    return cluster.get(*_address(key))


def _address(key: Key) -> tuple[str, str, str, str]:
    return key.api_version, key.kind, key.name, key.namespace


def result_of(changes: Sequence[Change], salt: bytes) -> dict[str, Any]:
    """What the module returns of a plan; nothing of a Secret's values is in it."""
    return {
        "changed": any(change.changed for change in changes),
        "objects": [
            {
                "kind": change.key.kind,
                "namespace": change.key.namespace,
                "name": change.key.name,
                "action": change.action,
            }
            for change in changes
        ],
        "diff": [
            {
                "before_header": str(change.key),
                "after_header": str(change.key),
                "before": _shown(change.before, salt),
                "after": _shown(change.after, salt),
            }
            for change in changes
            if change.changed
        ],
    }


def _shown(obj: Object | None, salt: bytes) -> str:
    return yaml_dump(masked(obj, salt), sort_keys=False) if obj else ""


def reach(params: dict[str, Any], check_mode: bool) -> tuple[Cluster | None, str]:
    """The cluster; or none, and why, where that is an answer and no error."""
    try:
        cluster = connect(params["kubeconfig"], params["context"])
        # The first question shows whether anybody answers.
        cluster.served("v1", "Namespace")
    except Unreachable as error:
        gone = isinstance(error, NoKubeconfig) or (isinstance(error, NotAnswering) and error.gone)
        if check_mode or (params["state"] != "present" and gone):
            return None, str(error)
        raise
    return cluster, ""


def run(module: AnsibleModule) -> dict[str, Any]:
    params, objects = module.params, module.params["objects"]
    check(objects)
    module.no_log_values.update(secret_values(objects))
    waiter = Waiter(params["wait_timeout"])
    cluster, reason = reach(params, module.check_mode)
    with cluster or contextlib.nullcontext():
        writable = None if module.check_mode else cluster
        if params["state"] == "present":
            objects = marked(cluster, objects)
            changes = plan_present(cluster, objects, module.check_mode)
            if writable:
                present(writable, objects, changes, waiter, params["wait"])
        elif params["state"] == "patched":
            changes = plan_patched(cluster, objects)
            if writable:
                patched(writable, objects, changes)
        else:
            changes = plan_absent(cluster, objects)
            if writable:
                absent(writable, changes, waiter, params["wait"])
    return {
        **result_of(changes, secrets.token_bytes(16)),
        "cluster_reachable": cluster is not None,
        **({"msg": reason} if reason else {}),
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        result = run(module)
    except (KubernetesError, BadObjects) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
