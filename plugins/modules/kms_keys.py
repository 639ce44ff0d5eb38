#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: kms_keys
short_description: KMS keys of a cluster
version_added: 0.1.0
description:
  - Makes, repairs or removes a list of symmetric KMS keys with their aliases, policies and rotation, in one call.
  - A key is known by its alias. A key that was made for an alias and is not found by it (the alias was moved or deleted, or a run
    was killed before it made the alias) is found by its tags C(kafka-eks/cluster) and C(kafka-eks/alias), and used again. So is one
    whose deletion is pending, until it is over.
  - An alias of a key that does not carry the tag C(kafka-eks/cluster) of this cluster is somebody else's and refused. So is a new key
    while there is an EKS cluster of this name that does not carry the tag either.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster, the value of the tag C(kafka-eks/cluster).
    type: str
    required: true
  state:
    description:
      - Whether the keys are to exist. V(absent) removes the aliases and schedules the deletion of the keys. What was encrypted with
        a key can never be read again once it is deleted.
    type: str
    choices: [present, absent]
    default: present
  keys:
    description: The keys.
    type: list
    elements: dict
    required: true
    suboptions:
      alias:
        description: Alias of the key. Begins with V(alias/).
        type: str
        required: true
      description:
        description: What the key is for.
        type: str
        default: ""
      policy_statements:
        description:
          - Statements of the key's policy beside the one that lets IAM policies of the account say who may use the key. That one is
            always there, so that nobody is locked out.
        type: list
        elements: dict
        default: []
      rotation:
        description: Whether KMS makes new key material from time to time.
        type: bool
        default: true
      rotation_period_days:
        description: Days between two rotations, V(90) to V(2560). Without it a new key is rotated every 365 days, and a key that is
          there keeps its period.
        type: int
  pending_window_days:
    description:
      - Days, V(7) to V(30), for which O(state=absent) leaves a way back. A key whose deletion is pending cannot be used and costs
        nothing.
    type: int
    default: 30
  tags:
    description: Further tags of the keys.
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
- name: Create the keys of the cluster
  streamops.kafka_eks.kms_keys:
    cluster_name: kafka-on-eks
    region: us-west-2
    keys:
      - alias: alias/kafka-eks/kafka-on-eks/cluster
        description: Secrets and control-plane logs of the EKS cluster kafka-on-eks
        policy_statements:
          - Effect: Allow
            Principal: {Service: logs.us-west-2.amazonaws.com}
            Action: [kms:Encrypt, kms:Decrypt, kms:GenerateDataKey]
            Resource: "*"
            Condition:
              ArnEquals:
                kms:EncryptionContext:aws:logs:arn: arn:aws:logs:us-west-2:111122223333:log-group:/aws/eks/kafka-on-eks/cluster
      - alias: alias/kafka-eks/kafka-on-eks/volumes

- name: Remove the key of the cluster, and leave a week for a change of mind
  streamops.kafka_eks.kms_keys:
    cluster_name: kafka-on-eks
    region: us-west-2
    keys: [{alias: alias/kafka-eks/kafka-on-eks/cluster}]
    pending_window_days: 7
    state: absent
"""

RETURN = r"""
keys:
  description: The keys by alias; all is null for a key that is only planned.
  returned: when O(state=present)
  type: dict
  sample:
    alias/kafka-eks/kafka-on-eks/cluster:
      arn: arn:aws:kms:us-west-2:111122223333:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f
      id: 0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f
      state: Enabled
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _eks, _kms
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError, Ref, Request


def look(aws: Aws, params: dict[str, Any], all_keys: bool) -> dict[str, _kms.Observed]:
    aliases = [key["alias"] for key in params["keys"]]
    return _kms.look(aws.read, aws.find_all, params["cluster_name"], aliases, all_keys)


def present(aws: Aws, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    seen = look(aws, params, all_keys=False)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    plan: list[Request] = []
    for key in params["keys"]:
        alias = key["alias"]
        own = seen[alias].keys[0] if seen[alias].keys else None
        document = _kms.policy(key, aws.caller.account, aws.caller.partition)
        now = _kms.found(own, seen[alias].leads_to) if own else None
        then = _kms.target(alias, own, now, _kms.wanted(key, document, params["cluster_name"], params["tags"]))
        plan += _kms.requests(alias, seen[alias], now, then, document)
        before |= {alias: now} if now else {}
        after[alias] = then
    if set(after) - set(before):
        _eks.require_no_foreign(aws.find, params["cluster_name"])
    ids = {Ref("key", alias): observed.keys[0].id for alias, observed in seen.items() if observed.keys}
    if not check_mode:
        ids = aws.send(plan, ids)
    prefix = f"arn:{aws.caller.partition}:kms:{aws.region}:{aws.caller.account}:key/"
    keys = {alias: ids.get(Ref("key", alias)) for alias in seen}
    return {
        "changed": bool(plan),
        "diff": {"before": before, "after": after},
        "keys": {
            alias: {"arn": prefix + key if key else None, "id": key, "state": after[alias]["state"] if key else None}
            for alias, key in keys.items()
        },
    }


def absent(aws: Aws, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    before: dict[str, Any] = {}
    plan: list[Request] = []
    for alias, observed in look(aws, params, all_keys=True).items():
        if requests := _kms.removal(alias, observed, params["pending_window_days"]):
            before[alias] = _kms.left(observed)
            plan += requests
    if not check_mode:
        aws.send(plan, {})
    return {"changed": bool(plan), "diff": {"before": before, "after": {}}}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "keys": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "no_log": False,
                "options": {
                    "alias": {"type": "str", "required": True},
                    "description": {"type": "str", "default": ""},
                    "policy_statements": {"type": "list", "elements": "dict", "default": []},
                    "rotation": {"type": "bool", "default": True},
                    "rotation_period_days": {"type": "int"},
                },
            },
            "pending_window_days": {"type": "int", "default": 30},
            "tags": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        _kms.check(params["keys"], params["pending_window_days"])
        aws = Aws(get_aws_connection_info(module), params["account_id"])
        result = (present if params["state"] == "present" else absent)(aws, params, module.check_mode)
    except AwsError as error:
        module.fail_json(**error.failure)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
