#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_preflight_info
short_description: Refuse a Kubernetes cluster on which Kafka could not run
version_added: 0.1.0
description:
  - Fails with everything that would keep Kafka's pods from being placed, before anything is made. Otherwise they would wait, and whoever waits for
    them would be told only at the end of the time.
  - Nodes are not asked for where somebody adds them when they are needed - Karpenter, by a NodePool with the label of the pool, or the cluster autoscaler.
author:
  - streamops.kafka_eks contributors (@streamops)
extends_documentation_fragment:
  - streamops.kafka_eks.kubernetes
  - streamops.kafka_eks.attributes.info
options:
  storage_class:
    description: The storage class that must exist.
    type: str
  kafka:
    description:
      - The Kafka cluster. While there is none, claims of an earlier one of its name are refused, since their volumes belong to that one's id and the
        pods of another end when they see them.
    type: dict
    suboptions:
      name:
        description: Its name.
        type: str
        required: true
      namespace:
        description: Its namespace.
        type: str
        required: true
  pools:
    description: The pods that are to be placed, of which each needs a node of its own.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The value of the label C(kafka-eks.streamops.io/pool) that the nodes must have. They may have a taint of the same key and value.
        type: str
        required: true
      pods:
        description: How many there are.
        type: int
        required: true
      zones:
        description: Over how many zones they are spread evenly. With V(1) zones do not matter.
        type: int
        default: 1
      requests:
        description: What each of them asks of a node, such as C(cpu) and C(memory).
        type: dict
        default: {}
  rights:
    description: What the identity of O(context) must be allowed. One that may do everything is not asked further.
    type: list
    elements: dict
    default: []
    suboptions:
      verbs:
        description: The verbs, such as V(create).
        type: list
        elements: str
        required: true
      resources:
        description: The resources, as C(kubectl auth can-i) takes them, such as V(pods/portforward) and V(kafkas.kafka.strimzi.io).
        type: list
        elements: str
        required: true
      namespace:
        description: The namespace; without one, the whole cluster.
        type: str
"""

EXAMPLES = r"""
- name: Refuse a cluster that has no room for three brokers
  streamops.kafka_eks.kubernetes_preflight_info:
    kubeconfig: ~/.kube/config
    context: production
    storage_class: fast
    kafka: {name: data-on-eks, namespace: kafka}
    pools:
      - {name: broker, pods: 3, zones: 3, requests: {cpu: "6", memory: 58Gi}}
    rights:
      - {verbs: [create, patch], resources: [namespaces]}
      - {verbs: [create], resources: [pods/portforward], namespace: kafka}
"""

RETURN = r"""
found:
  description: Where the pods of each pool can run, a line each.
  returned: success
  type: list
  elements: str
  sample: ["broker: 3 nodes for 3 pods, in the zones a, b, c"]
"""

from collections.abc import Callable
from typing import Any, TypeVar

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._kubernetes import CONNECTION_OPTIONS, Cluster, KubernetesError, connect
from ..module_utils._kubernetes_preflight import (
    EVERYTHING,
    Pool,
    Right,
    claims_problem,
    found_lines,
    is_provided_for,
    nodes_problems,
    pool_of,
    rights_of,
    rights_problem,
    storage_class_problem,
    storage_class_warning,
)
from ..module_utils._readiness_kubernetes import CLUSTER_LABEL

T = TypeVar("T")

ARGUMENT_SPEC = {
    **CONNECTION_OPTIONS,
    "storage_class": {"type": "str"},
    "kafka": {
        "type": "dict",
        "options": {"name": {"type": "str", "required": True}, "namespace": {"type": "str", "required": True}},
    },
    "pools": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "pods": {"type": "int", "required": True},
            "zones": {"type": "int", "default": 1},
            "requests": {"type": "dict", "default": {}},
        },
    },
    "rights": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "verbs": {"type": "list", "elements": "str", "required": True},
            "resources": {"type": "list", "elements": "str", "required": True},
            "namespace": {"type": "str"},
        },
    },
}

STORAGE_CLASS = ("storage.k8s.io/v1", "StorageClass")
CLAIM = ("v1", "PersistentVolumeClaim")
KAFKA = ("kafka.strimzi.io/v1beta2", "Kafka")
NODE_POOL = ("karpenter.sh/v1", "NodePool")
# What the cluster autoscaler writes, on whatever cloud.
AUTOSCALER = ("v1", "ConfigMap", "cluster-autoscaler-status", "kube-system")


class Unfit(Exception):
    """Its text is the sentences that the user reads."""


def run(cluster: Cluster, params: dict[str, Any], warn: Callable[[str], object]) -> dict[str, Any]:
    # The first question shows whether anybody answers.
    cluster.served("v1", "Node")
    missing = rights_problem(_missing(cluster, rights_of(params["rights"])))
    if missing:
        # Without them the rest could not even be looked at.
        raise Unfit(missing)
    pools = [pool_of(options) for options in params["pools"]]
    problems = []
    if params["storage_class"]:
        found = cluster.get(*STORAGE_CLASS, params["storage_class"])
        known = [] if found else [one["metadata"]["name"] for one in cluster.list(*STORAGE_CLASS)]
        problems.append(storage_class_problem(params["storage_class"], found, known))
        warning = storage_class_warning(found, max((pool.zones for pool in pools), default=1)) if found else ""
        if warning:
            warn(warning)
    if params["kafka"]:
        problems.append(_earlier_cluster(cluster, **params["kafka"]))
    nodes = cluster.list("v1", "Node") if pools else []
    problems += nodes_problems(_not_provided_for(cluster, pools), nodes)
    if any(problems):
        raise Unfit(" ".join(filter(None, problems)))
    return {"changed": False, "found": found_lines(pools, nodes)}


def _missing(cluster: Cluster, rights: list[Right]) -> list[Right]:
    if not rights or cluster.may(EVERYTHING.verb, EVERYTHING.resource):
        return []
    return [right for right in rights if not cluster.may(right.verb, right.resource, right.namespace)]


def _earlier_cluster(cluster: Cluster, name: str, namespace: str) -> str:
    if cluster.served(*KAFKA) and cluster.get(*KAFKA, name, namespace):
        return ""
    return claims_problem(name, namespace, cluster.list(*CLAIM, namespace, f"{CLUSTER_LABEL}={name}"))


def _not_provided_for(cluster: Cluster, pools: list[Pool]) -> list[Pool]:
    """The pools whose nodes have to be there."""
    if pools and cluster.served(*NODE_POOL):
        node_pools = _if_allowed(lambda: cluster.list(*NODE_POOL)) or []
        pools = [pool for pool in pools if not is_provided_for(pool, node_pools)]
    return [] if pools and _if_allowed(lambda: cluster.get(*AUTOSCALER)) else pools


def _if_allowed(look: Callable[[], T]) -> T | None:
    try:
        return look()
    except KubernetesError as error:
        if error.status == 403:
            return None
        raise


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        with connect(module.params["kubeconfig"], module.params["context"]) as cluster:
            result = run(cluster, module.params, module.warn)
    except (KubernetesError, Unfit) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
