#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_access_entries
short_description: Who may use an EKS cluster
version_added: 0.1.0
description:
  - Makes the access entries of a list be as they are written, with their policies and groups. Policies and groups of these
    entries that are not written are taken away.
  - Other entries are left alone and returned, without those that EKS makes for nodes.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  entries:
    description: The entries.
    type: list
    elements: dict
    required: true
    suboptions:
      principal:
        description:
          - ARN of an IAM user or role, with its path, or V(caller) for the one that runs this. A caller in an assumed role
            stands for the role.
        type: str
        required: true
      groups:
        description: Groups of Kubernetes to which the principal belongs.
        type: list
        elements: str
        default: []
      policies:
        description: Access policies of the principal.
        type: list
        elements: dict
        default: []
        suboptions:
          policy:
            description: Name or ARN of the access policy.
            type: str
            required: true
          scope:
            description: Where the policy applies.
            type: str
            choices: [cluster, namespace]
            default: cluster
          namespaces:
            description: The namespaces, with the scope V(namespace).
            type: list
            elements: str
            default: []
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
- name: Let the deployer administer and the developers look
  streamops.kafka_eks.eks_access_entries:
    cluster_name: kafka-on-eks
    region: us-west-2
    entries:
      - principal: caller
        policies:
          - policy: AmazonEKSClusterAdminPolicy
      - principal: arn:aws:iam::111122223333:role/developers
        policies:
          - policy: AmazonEKSViewPolicy
            scope: namespace
            namespaces: [kafka]
"""

RETURN = r"""
principals:
  description: The ARNs of the entries of the list, in its order.
  returned: always
  type: list
  sample: ["arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/us-west-2/AWSReservedSSO_Admin_0123456789abcdef"]
unmanaged:
  description: The ARNs of other entries, of people and programs.
  returned: always
  type: list
  sample: ["arn:aws:iam::111122223333:user/alice"]
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _eks, _eks_access
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError, Request

CALLER = "caller"


def run(aws: Aws, cluster: str, entries: list[dict[str, Any]], check_mode: bool) -> dict[str, Any]:
    wanted = {
        principal(aws, entry["principal"]): _eks_access.wanted_entry(entry, aws.caller.partition) for entry in entries
    }
    listed = aws.find(_eks_access.list_entries(cluster))
    if listed is None and not check_mode:
        raise AwsError(f"{_eks.about_cluster(cluster)} is not there: make the cluster before its access entries.")
    before: dict[str, Any] = {}
    requests: list[Request] = []
    for arn, want in wanted.items():
        now = found(aws, cluster, arn) if arn in (listed or []) else None
        before |= {arn: now} if now else {}
        requests += _eks_access.entry_requests(cluster, arn, now, want)
    if not check_mode:
        aws.send(requests, {})
    others = (aws.call(_eks_access.describe_entry(cluster, arn)) for arn in listed or [] if arn not in wanted)
    return {
        "changed": bool(requests),
        "diff": {"before": before, "after": wanted},
        "principals": list(wanted),
        "unmanaged": [entry["principalArn"] for entry in others if entry["type"] == "STANDARD"],
    }


def principal(aws: Aws, given: str) -> str:
    if given != CALLER:
        _eks_access.check_principal(given)
        return given
    caller = _eks_access.principal_of(aws.caller.arn)
    return caller.arn or str(aws.call(_eks.get_role(caller.role_name or ""))["Arn"])


def found(aws: Aws, cluster: str, arn: str) -> dict[str, Any]:
    return _eks_access.found_entry(
        aws.call(_eks_access.describe_entry(cluster, arn)), aws.call(_eks_access.list_entry_policies(cluster, arn))
    )


def main() -> None:
    policies = {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "policy": {"type": "str", "required": True},
            "scope": {"type": "str", "choices": ["cluster", "namespace"], "default": "cluster"},
            "namespaces": {"type": "list", "elements": "str", "default": []},
        },
    }
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "cluster_name": {"type": "str", "required": True},
            "entries": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "principal": {"type": "str", "required": True},
                    "groups": {"type": "list", "elements": "str", "default": []},
                    "policies": policies,
                },
            },
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        aws = Aws(get_aws_connection_info(module), params["account_id"])
        result = run(aws, params["cluster_name"], params["entries"], module.check_mode)
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
