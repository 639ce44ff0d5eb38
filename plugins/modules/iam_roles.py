#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_roles
short_description: IAM roles of a cluster
version_added: 0.1.0
description:
  - Makes, repairs or removes a list of IAM roles with their trust policies and managed policies, in one call.
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

import json
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _iam
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError, Request, roles_path


def present(aws: Aws, path: str, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    arns: dict[str, str | None] = {}
    plan: list[Request] = []
    for role in params["roles"]:
        name = role["name"]
        raw = find(aws, name, params["cluster_name"])
        now = _iam.found(raw, aws.read(_iam.reads(name))["attached"]) if raw else None
        want = _iam.wanted(role, path, params["cluster_name"], params["tags"], aws.caller.partition)
        then = _iam.target(name, now, want)
        plan += _iam.requests(name, now, then, json.dumps(role["trust_policy"]))
        before |= {name: now} if now else {}
        after[name] = then
        arns[name] = raw["Arn"] if raw else None
    if not check_mode:
        made = aws.send(plan, {})
        arns |= {ref.name: arn for ref, arn in made.items()}
    return {"changed": bool(plan), "diff": {"before": before, "after": after}, "roles": arns}


def absent(aws: Aws, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    before: dict[str, Any] = {}
    plan: list[Request] = []
    for role in params["roles"]:
        name = role["name"]
        if raw := find(aws, name, params["cluster_name"]):
            belongings = aws.read(_iam.removal_reads(name))
            before[name] = _iam.found(raw, belongings["attached"])
            plan += _iam.removal(name, belongings)
    if not check_mode:
        aws.send(plan, {})
    return {"changed": bool(plan), "diff": {"before": before, "after": {}}}


def find(aws: Aws, name: str, cluster: str) -> dict[str, Any] | None:
    role: dict[str, Any] | None = aws.find(_iam.get_role(name))
    if role:
        _iam.require_owned(role, name, cluster)
    return role


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
                },
            },
            "tags": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        if params["state"] == "present":
            _iam.check(params["roles"])
        aws = Aws(get_aws_connection_info(module), params["account_id"])
        if params["state"] == "present":
            path = roles_path(aws.region, params["cluster_name"])
            result = present(aws, path, params, module.check_mode)
        else:
            result = absent(aws, params, module.check_mode)
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
