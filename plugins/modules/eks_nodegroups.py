#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_nodegroups
short_description: The managed node groups of an EKS cluster
version_added: 0.1.0
description:
  - Makes, changes in place or removes a list of node groups. All are started together and waited for together.
  - Sizes, labels, taints and tags are changed in place. What EKS cannot change is refused before anything is done.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  state:
    description:
      - Whether the node groups are to exist. V(absent) removes those of the list, or all of the cluster when the list is empty.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description: Whether node groups of the cluster that are not in the list are removed, with O(state=present).
    type: bool
    default: false
  nodegroups:
    description: The node groups.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the node group.
        type: str
        required: true
      role:
        description: Name or ARN of the IAM role of the nodes. Required with O(state=present).
        type: str
      subnets:
        description:
          - Ids of the subnets. Without them a new node group gets the private subnets that carry the cluster's tag, and an existing
            one keeps those it has.
        type: list
        elements: str
      instance_types:
        description: Types of machines, of one architecture. Required with O(state=present).
        type: list
        elements: str
      ami_type:
        description: What the nodes run.
        type: str
        default: AL2023_ARM_64_STANDARD
      capacity_type:
        description: How the machines are bought.
        type: str
        choices: [ON_DEMAND, SPOT]
        default: ON_DEMAND
      min_size:
        description: Least number of nodes.
        type: int
        default: 1
      desired_size:
        description: Number of nodes.
        type: int
        default: 1
      max_size:
        description: Greatest number of nodes.
        type: int
        default: 1
      disk_size:
        description: Size of the root volume in GiB. Without it EKS chooses.
        type: int
      labels:
        description: Labels of the nodes.
        type: dict
        default: {}
      taints:
        description: Taints of the nodes.
        type: list
        elements: dict
        default: []
        suboptions:
          key:
            description: Key of the taint.
            type: str
            required: true
          value:
            description: Value of the taint.
            type: str
            default: ""
          effect:
            description: What happens to pods that do not tolerate the taint.
            type: str
            choices: [NoSchedule, NoExecute, PreferNoSchedule]
            required: true
  tags:
    description: Further tags of the node groups.
    type: dict
    default: {}
  wait:
    description: Whether to wait until it is done.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 1800
  poll_interval:
    description: Seconds between two looks.
    type: int
    default: 15
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes
  - streamops.kafka_eks.aws_account
seealso:
  - module: streamops.kafka_eks.eks_cluster
"""

EXAMPLES = r"""
- name: Create the node groups of Kafka
  streamops.kafka_eks.eks_nodegroups:
    cluster_name: kafka-on-eks
    region: us-west-2
    nodegroups:
      - name: broker
        role: kafka-on-eks-us-west-2-node
        instance_types: [r8g.4xlarge]
        min_size: 3
        desired_size: 3
        max_size: 3
        labels:
          kafka-eks.streamops.io/pool: broker
        taints:
          - key: kafka-eks.streamops.io/pool
            value: broker
            effect: NoSchedule

- name: Remove all node groups
  streamops.kafka_eks.eks_nodegroups:
    cluster_name: kafka-on-eks
    region: us-west-2
    state: absent
"""

RETURN = r"""
nodegroups:
  description: The state of each node group as it was seen last.
  returned: always
  type: dict
  sample:
    broker: ACTIVE
in_progress:
  description: Whether EKS is still at work. Never when O(wait=true) and the task has succeeded.
  returned: always
  type: bool
  sample: false
progress:
  description: What EKS is still at work on, in a sentence.
  returned: always
  type: str
  sample: "Node groups of EKS cluster 'kafka-on-eks': broker is CREATING."
"""

from datetime import UTC, datetime
from typing import Any, TypeAlias

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _eks, _eks_nodegroups
from ..module_utils._aws import ACCOUNT_ARGUMENT, WAIT_ARGUMENTS, Aws
from ..module_utils._aws_data import OWNER_TAG, AwsError, Look, joined, result

Found: TypeAlias = "dict[str, dict[str, Any] | None]"


def find(aws: Aws, params: dict[str, Any], check_mode: bool) -> Found:
    cluster, names = params["cluster_name"], [group["name"] for group in params["nodegroups"]]
    existing = aws.find(_eks_nodegroups.list_nodegroups(cluster))
    if existing is None and params["state"] == "present" and not check_mode:
        raise AwsError(f"{_eks.about_cluster(cluster)} is not there: make the cluster before its node groups.")
    everything = params["purge"] or (params["state"] == "absent" and not names)
    wanted = {*names, *(existing or [])} if everything else set(names)
    return {
        name: aws.find(_eks_nodegroups.describe_nodegroup(cluster, name)) if name in (existing or []) else None
        for name in sorted(wanted)
    }


def present(aws: Aws, params: dict[str, Any], found: Found, check_mode: bool) -> Look:
    cluster, nodegroups = params["cluster_name"], params["nodegroups"]
    now = datetime.now(UTC)
    roles = {
        given: _eks.find_role(aws.find, given, check_mode, now) for given in {group["role"] for group in nodegroups}
    }
    private = None
    if any(found[group["name"]] is None and not group["subnets"] for group in nodegroups):
        private = _eks.find_subnets(aws.call, cluster, "private", check_mode)
    wanted = {
        group["name"]: _eks_nodegroups.wanted_nodegroup(
            group,
            roles[group["role"]],
            group["subnets"] or (private if found[group["name"]] is None else None),
            {**params["tags"], OWNER_TAG: cluster},
        )
        for group in nodegroups
    }
    others = {name: group for name, group in found.items() if name not in wanted}
    return joined(
        _eks_nodegroups.present_nodegroups(
            found, wanted, {group["name"]: roles[group["role"]] for group in nodegroups}, cluster
        ),
        _eks_nodegroups.absent_nodegroups(others, cluster),
    )


def main() -> None:
    taints = {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "key": {"type": "str", "required": True, "no_log": False},
            "value": {"type": "str", "default": ""},
            "effect": {"type": "str", "choices": list(_eks_nodegroups.TAINT_EFFECTS), "required": True},
        },
    }
    nodegroups = {
        "name": {"type": "str", "required": True},
        "role": {"type": "str"},
        "subnets": {"type": "list", "elements": "str"},
        "instance_types": {"type": "list", "elements": "str"},
        "ami_type": {"type": "str", "default": "AL2023_ARM_64_STANDARD"},
        "capacity_type": {"type": "str", "choices": ["ON_DEMAND", "SPOT"], "default": "ON_DEMAND"},
        "min_size": {"type": "int", "default": 1},
        "desired_size": {"type": "int", "default": 1},
        "max_size": {"type": "int", "default": 1},
        "disk_size": {"type": "int"},
        "labels": {"type": "dict", "default": {}},
        "taints": taints,
    }
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            **WAIT_ARGUMENTS,
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "purge": {"type": "bool", "default": False},
            "nodegroups": {"type": "list", "elements": "dict", "default": [], "options": nodegroups},
            "tags": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    params, check_mode = module.params, module.check_mode
    try:
        if params["state"] == "present":
            _eks_nodegroups.check_nodegroups(params["nodegroups"])
        aws = Aws(get_aws_connection_info(module), params["account_id"])
        found = find(aws, params, check_mode)
        if params["state"] == "present":
            seen = present(aws, params, found, check_mode)
        else:
            seen = _eks_nodegroups.absent_nodegroups(found, params["cluster_name"])
        if not check_mode:
            aws.send(seen.requests, {})
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    states = {name: group["status"] for name, group in found.items() if group}
    module.exit_json(nodegroups=states, **result(seen, check_mode))


if __name__ == "__main__":
    main()
