#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: event_rules
short_description: Rules of EventBridge with their targets
version_added: 0.1.0
description:
  - Makes, repairs or removes a list of rules of the default event bus, each with its targets, in one call.
  - Targets that the list does not have are taken away. A rule that somebody has disabled is enabled again.
  - A target that EventBridge does not take makes this module fail, though AWS answers as if all was well.
  - A rule that exists without the tag C(kafka-eks/cluster) of this cluster is somebody else's and refused.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster, the value of the tag C(kafka-eks/cluster).
    type: str
    required: true
  state:
    description: Whether the rules of the list are to exist.
    type: str
    choices: [present, absent]
    default: present
  rules:
    description: The rules. With O(state=absent) only their names count.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the rule, unique in account and region.
        type: str
        required: true
      description:
        description: What the rule is for.
        type: str
        default: ""
      event_pattern:
        description: Which events it is for; required with O(state=present).
        type: dict
      targets:
        description: Where the events go, five at most.
        type: list
        elements: dict
        default: []
        suboptions:
          id:
            description: Name of the target, unique in the rule.
            type: str
            required: true
          arn:
            description: ARN of what gets the events. Its own policy must let EventBridge use it.
            type: str
            required: true
  tags:
    description: Further tags of the rules.
    type: dict
    default: {}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes
  - streamops.kafka_eks.aws_account
seealso:
  - module: streamops.kafka_eks.sqs_queue
"""

EXAMPLES = r"""
- name: Tell Karpenter of spot interruptions
  streamops.kafka_eks.event_rules:
    cluster_name: kafka-on-eks
    region: us-west-2
    rules:
      - name: kafka-on-eks-karpenter-spot-interruption
        event_pattern:
          source: [aws.ec2]
          detail-type: [EC2 Spot Instance Interruption Warning]
        targets:
          - id: karpenter
            arn: arn:aws:sqs:us-west-2:111122223333:kafka-on-eks

- name: Remove the rule
  streamops.kafka_eks.event_rules:
    cluster_name: kafka-on-eks
    region: us-west-2
    state: absent
    rules:
      - name: kafka-on-eks-karpenter-spot-interruption
"""

RETURN = r"""
rules:
  description: The ARNs of the rules of the list by name, also of those that are only planned.
  returned: when O(state=present)
  type: dict
  sample:
    kafka-on-eks-karpenter-spot-interruption: arn:aws:events:us-west-2:111122223333:rule/kafka-on-eks-karpenter-spot-interruption
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _event_rules
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError, Request


def run(aws: Aws, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    cluster, rules, is_wanted = params["cluster_name"], params["rules"], params["state"] == "present"
    seen = _event_rules.look(aws.find_all, aws.read, [rule["name"] for rule in rules])
    before = {name: now for name, now in seen.items() if now}
    for name, now in before.items():
        _event_rules.require_owned(now, name, cluster)
    after: dict[str, Any] = {}
    plan: list[Request] = []
    if is_wanted:
        prefix = f"arn:{aws.caller.partition}:events:{aws.region}:{aws.caller.account}:rule/"
        for rule in rules:
            name, now = rule["name"], seen[rule["name"]]
            after[name] = _event_rules.target(rule, now, cluster, params["tags"], prefix + name)
            plan += _event_rules.requests(name, now, after[name])
    else:
        plan = [request for name, now in before.items() for request in _event_rules.removal(name, now)]
    if not check_mode:
        for request in plan:
            _event_rules.require_done(request, aws.call(request))
    arns = {"rules": {name: rule["arn"] for name, rule in after.items()}} if is_wanted else {}
    return {"changed": bool(plan), "diff": {"before": before, "after": after}, **arns}


def main() -> None:
    targets = {"id": {"type": "str", "required": True}, "arn": {"type": "str", "required": True}}
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "rules": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "description": {"type": "str", "default": ""},
                    "event_pattern": {"type": "dict"},
                    "targets": {"type": "list", "elements": "dict", "default": [], "options": targets},
                },
            },
            "tags": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        _event_rules.check(params["rules"], params["state"] == "present")
        aws = Aws(get_aws_connection_info(module), params["account_id"])
        result = run(aws, params, module.check_mode)
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
