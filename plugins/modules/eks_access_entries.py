#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_access_entries
short_description: Who may use an EKS cluster
version_added: 0.1.0
description:
  - Makes the access entries of a list be as they are written, with their policies and groups, or removes them. Policies and groups
    of these entries that are not written are taken away.
  - Other entries are left alone and returned.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  state:
    description: Whether the entries of the list are to exist.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description:
      - Whether entries of the type V(STANDARD) that are not in the list are removed, with O(state=present). Those of nodes, of AWS's
        own services and of the one who runs this are kept.
    type: bool
    default: false
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
      type:
        description:
          - What the principal is. V(STANDARD) is for people and programs, the others are for the roles of nodes. Managed node
            groups have theirs from EKS. It cannot be changed afterwards.
        type: str
        choices: [STANDARD, EC2, EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX]
        default: STANDARD
      username:
        description:
          - Name of the principal in Kubernetes, with O(entries[].type=STANDARD). Without it EKS chooses, and the name of an existing
            entry is kept.
        type: str
      groups:
        description: Groups of Kubernetes to which the principal belongs, with O(entries[].type=STANDARD).
        type: list
        elements: str
        default: []
      policies:
        description: Access policies of the principal, with O(entries[].type=STANDARD) and O(entries[].type=EC2).
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
  tags:
    description: Further tags of the entries.
    type: dict
    default: {}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes
  - streamops.kafka_eks.aws_account
notes:
  - An entry belongs to one IAM user or role, not to its ARN. When a role is deleted and made again, its old entry no longer lets it in, and
    EKS does not show that. Remove the entry with O(state=absent) and make it again.
  - It may take EKS some seconds until an entry counts.
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

- name: Let the nodes join that Karpenter starts
  streamops.kafka_eks.eks_access_entries:
    cluster_name: kafka-on-eks
    region: us-west-2
    entries:
      - principal: arn:aws:iam::111122223333:role/KarpenterNodeRole-kafka-on-eks
        type: EC2_LINUX

- name: Somebody has left
  streamops.kafka_eks.eks_access_entries:
    cluster_name: kafka-on-eks
    region: us-west-2
    state: absent
    entries:
      - principal: arn:aws:iam::111122223333:user/alice
"""

RETURN = r"""
principals:
  description: The ARNs of the entries of the list, in its order.
  returned: always
  type: list
  sample: ["arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/us-west-2/AWSReservedSSO_Admin_0123456789abcdef"]
others:
  description: The ARNs of the entries that are left beside those of the list, without those of AWS's own services.
  returned: always
  type: list
  sample: ["arn:aws:iam::111122223333:role/kafka-on-eks-us-west-2-node", "arn:aws:iam::111122223333:user/alice"]
"""

from datetime import UTC, datetime
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _eks, _eks_access
from ..module_utils._aws import ACCOUNT_ARGUMENT, DENIED, Aws
from ..module_utils._aws_data import AwsError


def run(aws: Aws, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    cluster, entries = params["cluster_name"], params["entries"]
    seen = aws.find_all({"cluster": _eks.describe_cluster(cluster), "entries": _eks_access.list_entries(cluster)})
    if seen["cluster"]:
        _eks.require_owned(seen["cluster"], cluster)
    elif params["state"] == "present" and not check_mode:
        raise AwsError(f"{_eks.about_cluster(cluster)} is not there: make the cluster before its access entries.")
    listed: list[str] = seen["entries"] or []
    principals = [principal(aws, entry["principal"], listed) for entry in entries]
    _eks_access.check_once(principals)
    raw = find(aws, cluster, [arn for arn in listed if arn in principals])
    wanted: dict[str, Any] = {}
    leaving: dict[str, Any] = {}
    if params["state"] == "absent":
        leaving = raw
    else:
        wanted = {
            arn: _eks_access.wanted_entry(entry, params["tags"], cluster, aws.caller.partition)
            for arn, entry in zip(principals, entries, strict=True)
        }
        if params["purge"]:
            leaving = find(aws, cluster, _eks_access.purgeable(listed, principals, aws.caller.arn))
            leaving = {arn: one for arn, one in leaving.items() if one["entry"]["type"] == _eks_access.STANDARD}
    before = {arn: _eks_access.found_entry(entry["entry"], entry["policies"]) for arn, entry in raw.items()}
    after = {arn: _eks_access.target_entry(arn, before.get(arn), want, cluster) for arn, want in wanted.items()}
    patience = check(aws, before, after, check_mode)
    plans = [
        _eks_access.entry_requests(
            cluster,
            arn,
            before.get(arn),
            then,
            raw[arn]["entry"]["accessEntryArn"] if arn in raw else "",
            patience.get(arn, ()),
        )
        for arn, then in after.items()
    ]
    plans += [_eks_access.entry_removal(cluster, arn) for arn in leaving]
    if not check_mode:
        aws.send_all(plans)
    gone = {arn: _eks_access.found_entry(entry["entry"], entry["policies"]) for arn, entry in leaving.items()}
    return {
        "changed": any(plans),
        "diff": {"before": {**before, **gone}, "after": after},
        "principals": principals,
        "others": [
            arn for arn in listed if arn not in principals and arn not in leaving and not _eks_access.is_of_aws(arn)
        ],
    }


def principal(aws: Aws, given: str, listed: list[str]) -> str:
    if given != _eks_access.CALLER:
        return given
    if known := [arn for arn in listed if _eks_access.is_caller(arn, aws.caller.arn)]:
        return known[0]
    caller = _eks_access.principal_of(aws.caller.arn)
    if caller.arn:
        return caller.arn
    try:
        return str(aws.call(_eks.get_role(caller.role_name or ""))["Arn"])
    except AwsError as error:
        if error.code in DENIED:
            raise AwsError(
                f"{error} Or name the ARN of the role, with its path, as principal in the place of caller.", error.code
            ) from None
        raise


def find(aws: Aws, cluster: str, principals: list[str]) -> dict[str, dict[str, Any]]:
    """Entries, with the policies of those that can have any."""
    entries = aws.find_all({arn: _eks_access.describe_entry(cluster, arn) for arn in principals})
    there = {arn: entry for arn, entry in entries.items() if entry}
    policies = aws.find_all(
        {
            arn: _eks_access.list_entry_policies(cluster, arn)
            for arn, entry in there.items()
            if entry["type"] in _eks_access.TYPES_WITH_POLICIES
        }
    )
    return {arn: {"entry": entry, "policies": policies.get(arn) or []} for arn, entry in there.items()}


def check(aws: Aws, before: dict[str, Any], after: dict[str, Any], check_mode: bool) -> dict[str, tuple[str, ...]]:
    """What is new is looked up before anything is done; returns which refusals of new entries heal by themselves."""
    if _eks_access.new_policies(before, after):
        _eks_access.check_known(after, [policy["arn"] for policy in aws.call(_eks_access.list_policies())])
    own = [arn for arn in after if arn not in before and arn.split(":")[4] == aws.caller.account]
    identities = aws.attempt_all({arn: _eks_access.get_identity(arn) for arn in own})
    now = datetime.now(UTC)
    return {arn: _eks_access.patience_with(arn, identity, check_mode, now) for arn, identity in identities.items()}


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
    entries = {
        "principal": {"type": "str", "required": True},
        "type": {
            "type": "str",
            "choices": list(_eks_access.ENTRY_TYPES),
            "default": _eks_access.STANDARD,
        },
        "username": {"type": "str"},
        "groups": {"type": "list", "elements": "str", "default": []},
        "policies": policies,
    }
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "purge": {"type": "bool", "default": False},
            "entries": {"type": "list", "elements": "dict", "required": True, "options": entries},
            "tags": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    try:
        _eks_access.check_entries(module.params["entries"])
        aws = Aws(get_aws_connection_info(module), module.params["account_id"])
        result = run(aws, module.params, module.check_mode)
    except AwsError as error:
        module.fail_json(**error.failure)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
