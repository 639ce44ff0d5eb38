#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_nodegroups
short_description: The managed node groups of an EKS cluster
version_added: 0.1.0
description:
  - Makes, changes in place, upgrades or removes a list of node groups. All are started together and waited for together.
  - Each has a launch template of its own, C(<cluster>-<node group>), that this module makes, keeps and removes. With it machines
    demand tokens for their metadata, have an encrypted root volume, and carry tags. EKS chooses the image.
  - What EKS cannot change is refused before anything is done, and so is an update that has failed, with EKS's reasons.
  - Nodes are replaced, one after the other or as O(nodegroups[].max_unavailable) says, when the version of Kubernetes or the launch
    template changes, that is O(nodegroups[].root_volume), O(nodegroups[].metadata_hop_limit) or O(tags).
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  state:
    description:
      - Whether the node groups are to exist. V(absent) removes those of the list, or all of the cluster when the list is empty, and
        their launch templates.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description: Whether node groups of the cluster that are not in the list are removed, with O(state=present).
    type: bool
    default: false
  replace_failed:
    description:
      - Whether node groups that EKS could not make are removed and made anew. Otherwise they are an error. One that fails again is an
        error in any case.
    type: bool
    default: false
  force:
    description:
      - Whether nodes are replaced even when their pods cannot be evicted, which disruption budgets may be there to prevent. Otherwise
        EKS gives up after a time, and this module tells so.
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
        description: Types of machines, of the architecture of O(nodegroups[].ami_type). Required with O(state=present).
        type: list
        elements: str
      ami_type:
        description: What the nodes run.
        type: str
        choices: [AL2023_ARM_64_STANDARD, AL2023_x86_64_STANDARD]
        default: AL2023_ARM_64_STANDARD
      capacity_type:
        description: How the machines are bought.
        type: str
        choices: [ON_DEMAND, SPOT]
        default: ON_DEMAND
      version:
        description:
          - Version of Kubernetes, such as V("1.35"). Without it that of the cluster, which the nodes follow when it is upgraded.
        type: str
      release_version:
        description:
          - Release of EKS's image, such as V(1.35.0-20260120). Without it the newest is chosen when nodes get a new version of
            Kubernetes, and kept otherwise.
        type: str
      min_size:
        description: Least number of nodes.
        type: int
        default: 1
      desired_size:
        description:
          - Number of nodes. Without it there are O(nodegroups[].min_size) at first, and afterwards it is left to others, such as an
            autoscaler.
        type: int
      max_size:
        description: Greatest number of nodes.
        type: int
        default: 1
      max_unavailable:
        description: How many nodes are replaced at a time. One, unless O(nodegroups[].max_unavailable_percentage) is given.
        type: int
      max_unavailable_percentage:
        description: The same in per cent of the nodes.
        type: int
      node_repair:
        description: Whether EKS reboots or replaces nodes that it finds unhealthy.
        type: bool
        default: false
      metadata_hop_limit:
        description:
          - How far answers of a machine's metadata service may travel. With V(1) they do not reach pods, so that pods cannot act as
            the node.
        type: int
        default: 1
      root_volume:
        description: The root volume, a gp3 one, encrypted with the account's key of EBS.
        type: dict
        default: {}
        suboptions:
          size:
            description: Size in GiB. There should be room for two sets of container images, and for logs.
            type: int
            default: 50
          iops:
            description: Operations in a second.
            type: int
            default: 3000
          throughput:
            description: Throughput in MiB/s.
            type: int
            default: 125
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
    description: Further tags of the node groups, of their launch templates, and of machines, volumes and network interfaces.
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
  asked:
    description: What the passes before this one have asked of EKS. Set by the action of this module while it waits.
    type: dict
    default: {}
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
  description: The state of each node group that was found, as it was seen last.
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
asked:
  description: The ids of the updates that EKS was asked for, by the names of the node groups, and which of these were made.
  returned: always
  type: dict
  sample:
    broker: creation
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _eks, _eks_nodegroups
from ..module_utils._aws import ACCOUNT_ARGUMENT, WAIT_ARGUMENTS, Aws
from ..module_utils._aws_data import OWNER_TAG, AwsError, Look, result


@dataclass(frozen=True)
class Found:
    """What there is."""

    cluster: dict[str, Any] | None
    groups: dict[str, dict[str, Any] | None]
    templates: dict[str, _eks_nodegroups.Template]
    updating: set[str]


def find(aws: Aws, params: dict[str, Any]) -> Found:
    cluster, names = params["cluster_name"], [group["name"] for group in params["nodegroups"]]
    present = params["state"] == "present"
    everything = params["purge"] if present else not names
    requests = {"cluster": _eks.describe_cluster(cluster)}
    requests |= {f"group {name}": _eks_nodegroups.describe_nodegroup(cluster, name) for name in names}
    requests |= {
        f"update {name}": _eks.describe_update(
            _eks_nodegroups.about_nodegroup(name, cluster), cluster, update, nodegroupName=name
        )
        for name, update in params["asked"].items()
        if update != _eks_nodegroups.CREATION
    }
    if names:
        requests["templates"] = _eks_nodegroups.describe_templates(cluster, names)
    if present:
        requests["versions"] = _eks_nodegroups.describe_default_versions()
    if everything:
        requests["groups"] = _eks_nodegroups.list_nodegroups(cluster)
        requests["tagged"] = _eks_nodegroups.describe_templates(cluster, None)
    answers = aws.find_all(requests)

    if answers["cluster"]:
        _eks.require_owned(answers["cluster"], cluster)
    tagged = answers.get("tagged") or []
    others = {*(answers.get("groups") or []), *_eks_nodegroups.names_of_templates(tagged, cluster)} - {*names}
    groups = {name: answers[f"group {name}"] for name in names}
    groups |= aws.find_all({name: _eks_nodegroups.describe_nodegroup(cluster, name) for name in sorted(others)})
    templates = [*(answers.get("templates") or []), *tagged]
    updates = {key.removeprefix("update "): found for key, found in answers.items() if key.startswith("update ")}
    return Found(
        answers["cluster"],
        groups,
        _eks_nodegroups.found_templates(templates, answers.get("versions") or [], cluster, groups),
        _eks.still_updating(updates, lambda name: _eks_nodegroups.about_nodegroup(name, cluster)),
    )


def plan(aws: Aws, params: dict[str, Any], found: Found, planned: bool) -> dict[str, _eks_nodegroups.Plan]:
    """What is to be of the node groups of the list; machines of new ones are looked at first."""
    cluster, nodegroups, now = params["cluster_name"], params["nodegroups"], datetime.now(UTC)
    used = {group["nodeRole"] for group in found.groups.values() if group}
    roles = {
        given: _eks.find_role(aws.find, given, planned, now, used) for given in {group["role"] for group in nodegroups}
    }
    new = [group for group in nodegroups if found.groups[group["name"]] is None]
    if new:
        types = {one for group in new for one in group["instance_types"]}
        _eks_nodegroups.check_machines(new, aws.call(_eks_nodegroups.describe_machines(types)), cluster, aws.region)
    private = None
    if any(not group["subnets"] for group in new):
        private = _eks.find_subnets(aws.call, cluster, "private", planned)
    return {
        group["name"]: _eks_nodegroups.plan_nodegroup(
            group,
            cluster,
            found.cluster["version"] if found.cluster else None,
            roles[group["role"]],
            group["subnets"] or (private if group in new else None),
            {**params["tags"], OWNER_TAG: cluster},
        )
        for group in nodegroups
    }


def present(aws: Aws, params: dict[str, Any], found: Found, check_mode: bool) -> list[Look]:
    cluster = params["cluster_name"]
    if found.cluster is None and not check_mode:
        raise AwsError(f"{_eks.about_cluster(cluster)} is not there: make the cluster before its node groups.")
    plans = plan(aws, params, found, check_mode)
    situation = _eks_nodegroups.Situation(
        cluster=cluster,
        cluster_version=found.cluster["version"] if found.cluster else None,
        templates=with_all_versions(aws, found, plans, cluster),
        updating=found.updating,
        made=params["asked"].keys(),
        force=params["force"],
        replace_failed=params["replace_failed"],
        check_mode=check_mode,
    )
    others = {name: group for name, group in found.groups.items() if name not in plans}
    return [
        *_eks_nodegroups.present_nodegroups(found.groups, plans, situation),
        *_eks_nodegroups.absent_nodegroups(others, found.templates, cluster),
    ]


def with_all_versions(
    aws: Aws, found: Found, plans: dict[str, _eks_nodegroups.Plan], cluster: str
) -> dict[str, _eks_nodegroups.Template]:
    """The launch templates; all versions are read of those whose default one does not decide."""
    names = _eks_nodegroups.undecided_templates(found.groups, found.templates, plans)
    versions = aws.read({name: _eks_nodegroups.describe_all_versions(name, cluster) for name in names})
    read = {name: _eks_nodegroups.with_versions(found.templates[name], versions[name]) for name in names}
    return {**found.templates, **read}


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
    root_volume = {
        "type": "dict",
        "default": {},
        "options": {
            "size": {"type": "int", "default": _eks_nodegroups.ROOT_SIZE},
            "iops": {"type": "int", "default": _eks_nodegroups.ROOT_IOPS},
            "throughput": {"type": "int", "default": _eks_nodegroups.ROOT_THROUGHPUT},
        },
    }
    ami_types = list(_eks_nodegroups.AMI_TYPES)
    nodegroups = {
        "name": {"type": "str", "required": True},
        "role": {"type": "str"},
        "subnets": {"type": "list", "elements": "str"},
        "instance_types": {"type": "list", "elements": "str"},
        "ami_type": {"type": "str", "choices": ami_types, "default": ami_types[0]},
        "capacity_type": {"type": "str", "choices": ["ON_DEMAND", "SPOT"], "default": "ON_DEMAND"},
        "version": {"type": "str"},
        "release_version": {"type": "str"},
        "min_size": {"type": "int", "default": 1},
        "desired_size": {"type": "int"},
        "max_size": {"type": "int", "default": 1},
        "max_unavailable": {"type": "int"},
        "max_unavailable_percentage": {"type": "int"},
        "node_repair": {"type": "bool", "default": False},
        "metadata_hop_limit": {"type": "int", "default": 1},
        "root_volume": root_volume,
        "labels": {"type": "dict", "default": {}},
        "taints": taints,
    }
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            **WAIT_ARGUMENTS,
            **_eks.ASKED_ARGUMENT,
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "purge": {"type": "bool", "default": False},
            "replace_failed": {"type": "bool", "default": False},
            "force": {"type": "bool", "default": False},
            "nodegroups": {"type": "list", "elements": "dict", "default": [], "options": nodegroups},
            "tags": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    params, check_mode = module.params, module.check_mode
    try:
        if params["state"] == "present":
            _eks_nodegroups.check_nodegroups(params["nodegroups"], params["cluster_name"])
        aws = Aws(get_aws_connection_info(module), params["account_id"])
        found = find(aws, params)
        if params["state"] == "present":
            looks = present(aws, params, found, check_mode)
        else:
            looks = _eks_nodegroups.absent_nodegroups(found.groups, found.templates, params["cluster_name"])
        asked = _eks_nodegroups.still_asked(params["asked"], found.updating)
        if not check_mode:
            asked |= _eks_nodegroups.newly_asked(aws.send_all(look.requests for look in looks))
    except AwsError as error:
        module.fail_json(**error.failure)
    seen = _eks_nodegroups.together(looks, params["cluster_name"])
    states = {name: group["status"] for name, group in found.groups.items() if group}
    module.exit_json(nodegroups=states, asked=asked, **result(seen, check_mode))


if __name__ == "__main__":
    main()
