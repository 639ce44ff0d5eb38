#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_roles
short_description: IAM roles of a cluster
version_added: 0.1.0
description:
  - Makes, repairs or removes a list of IAM roles with their trust policies, managed and inline policies, in one call.
  - What a role may is what the list says. Policies that somebody else has attached or written into it are removed and shown.
  - The roles have the path C(/kafka-eks/<region>/<cluster>/), by which the roles of a cluster are found again.
  - A role that exists without the tag C(kafka-eks/cluster) of this cluster is somebody else's and refused.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster, the value of the tag C(kafka-eks/cluster).
    type: str
    required: true
  state:
    description: Whether the roles are to exist.
    type: str
    choices: [present, absent]
    default: present
  roles:
    description: The roles.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the role, unique in the account whatever its path.
        type: str
        required: true
      trust_policy:
        description: Who may take the role; required with O(state=present).
        type: dict
      policies:
        description: ARNs of managed policies, or names of those of AWS. Others are detached.
        type: list
        elements: str
        default: []
      inline_policies:
        description: Policies that are part of the role, documents by name. Others are removed.
        type: dict
        default: {}
      description:
        description: What the role is for.
        type: str
        default: ""
      max_session_duration:
        description: Seconds for which the role can be taken at once, V(3600) to V(43200).
        type: int
        default: 3600
  permissions_boundary:
    description:
      - ARN of a policy that bounds what the roles may, whatever their own policies allow. Without it a boundary that is there is kept.
    type: str
  tags:
    description: Further tags of the roles.
    type: dict
    default: {}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes
  - streamops.kafka_eks.aws_account
"""

EXAMPLES = r"""
- name: Create the role of the cluster
  streamops.kafka_eks.iam_roles:
    cluster_name: kafka-on-eks
    region: us-west-2
    roles:
      - name: kafka-on-eks-us-west-2-cluster
        trust_policy:
          Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Principal: {Service: eks.amazonaws.com}
              Action: sts:AssumeRole
        policies: [AmazonEKSClusterPolicy]

- name: Create a role of the cluster's network plugin, bounded as the organisation wants it
  streamops.kafka_eks.iam_roles:
    cluster_name: kafka-on-eks
    region: us-west-2
    permissions_boundary: arn:aws:iam::111122223333:policy/boundary
    roles:
      - name: kafka-on-eks-us-west-2-vpc-cni
        description: Network plugin of kafka-on-eks
        trust_policy:
          Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Principal: {Service: pods.eks.amazonaws.com}
              Action: [sts:AssumeRole, sts:TagSession]
        policies: [AmazonEKS_CNI_Policy]

- name: Remove the role of the cluster
  streamops.kafka_eks.iam_roles:
    cluster_name: kafka-on-eks
    region: us-west-2
    roles:
      - name: kafka-on-eks-us-west-2-cluster
    state: absent
"""

RETURN = r"""
roles:
  description: The ARNs by name; none for a role that is only planned.
  returned: when O(state=present)
  type: dict
  sample:
    kafka-on-eks-us-west-2-cluster: arn:aws:iam::111122223333:role/kafka-eks/us-west-2/kafka-on-eks/kafka-on-eks-us-west-2-cluster
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _iam
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError, Request, roles_path


def look(aws: Aws, params: dict[str, Any], removal: bool) -> dict[str, _iam.Found | None]:
    names = [role["name"] for role in params["roles"]]
    return _iam.look(aws.read, aws.find_all, names, params["cluster_name"], removal)


def present(aws: Aws, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    cluster = params["cluster_name"]
    path, boundary = roles_path(aws.region, cluster), params["permissions_boundary"]
    raw = look(aws, params, removal=False)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    plan: list[Request] = []
    for role in params["roles"]:
        name = role["name"]
        there = raw[name]
        now = _iam.found(there) if there else None
        want = _iam.wanted(role, path, cluster, params["tags"], aws.caller.partition, boundary)
        then = _iam.target(name, now, want)
        plan += _iam.requests(name, now, then, role)
        before |= {name: now} if now else {}
        after[name] = then
    arns = {name: there.role["Arn"] if there else None for name, there in raw.items()}
    if not check_mode:
        arns |= {ref.name: arn for ref, arn in aws.send(plan, {}).items()}
    return {"changed": bool(plan), "diff": {"before": before, "after": after}, "roles": arns}


def absent(aws: Aws, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    there = {name: found for name, found in look(aws, params, removal=True).items() if found}
    if not check_mode:
        aws.send([request for name, found in there.items() for request in _iam.removal(name, found)], {})
    before = {name: _iam.found(found) for name, found in there.items()}
    return {"changed": bool(there), "diff": {"before": before, "after": {}}}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "roles": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "trust_policy": {"type": "dict"},
                    "policies": {"type": "list", "elements": "str", "default": []},
                    "inline_policies": {"type": "dict", "default": {}},
                    "description": {"type": "str", "default": ""},
                    "max_session_duration": {"type": "int", "default": 3600},
                },
            },
            "permissions_boundary": {"type": "str"},
            "tags": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        if params["state"] == "present":
            _iam.check(params["roles"])
        aws = Aws(get_aws_connection_info(module), params["account_id"])
        result = (present if params["state"] == "present" else absent)(aws, params, module.check_mode)
    except AwsError as error:
        module.fail_json(**error.failure)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
