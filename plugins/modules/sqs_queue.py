#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: sqs_queue
short_description: An SQS queue with its policy
version_added: 0.1.0
description:
  - Makes, repairs or removes a standard queue, encrypted with a key of SQS's own.
  - A queue that exists without the tag C(kafka-eks/cluster) of this cluster is somebody else's and refused.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  name:
    description: Name of the queue.
    type: str
    required: true
  cluster_name:
    description: Name of the cluster, the value of the tag C(kafka-eks/cluster).
    type: str
    required: true
  state:
    description: Whether the queue is to exist. Removing it removes the messages that are in it.
    type: str
    choices: [present, absent]
    default: present
  retention_seconds:
    description: Seconds after which a message that nobody has taken is removed, V(60) to V(1209600).
    type: int
    default: 345600
  policy:
    description: Who may use the queue beside those of its account whose own policies allow it.
    type: dict
    default: {}
  tags:
    description: Further tags of the queue.
    type: dict
    default: {}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes
  - streamops.kafka_eks.aws_account
notes:
  - The name of a queue that was just removed is free again after a minute, which is waited for.
"""

EXAMPLES = r"""
- name: Create the queue that tells Karpenter of interruptions
  streamops.kafka_eks.sqs_queue:
    name: kafka-on-eks
    cluster_name: kafka-on-eks
    region: us-west-2
    retention_seconds: 300
    policy:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Principal: {Service: [events.amazonaws.com, sqs.amazonaws.com]}
          Action: sqs:SendMessage
          Resource: arn:aws:sqs:us-west-2:111122223333:kafka-on-eks
"""

RETURN = r"""
arn:
  description: ARN of the queue, also of one that is only planned.
  returned: always
  type: str
  sample: arn:aws:sqs:us-west-2:111122223333:kafka-on-eks
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _sqs_queue
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError


def run(aws: Aws, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    name, cluster, is_wanted = params["name"], params["cluster_name"], params["state"] == "present"
    settings = _sqs_queue.Settings(name, cluster, params["retention_seconds"], params["policy"], params["tags"])
    _sqs_queue.check(settings)
    url = _sqs_queue.of_name(aws.call(_sqs_queue.find(name)), name)
    now = _sqs_queue.found(aws.read(_sqs_queue.reads(name, url))) if url else None
    if now:
        _sqs_queue.require_owned(now, name, cluster)
    then = _sqs_queue.target(settings, now) if is_wanted else {}
    if not is_wanted:
        requests = [_sqs_queue.removal(name, url)] if url else []
    elif url and now:
        requests = _sqs_queue.changes(settings, url, now, then)
    else:
        requests = [_sqs_queue.creation(settings, then)]
    if not check_mode:
        aws.send(requests, {})
    return {
        "changed": bool(requests),
        "diff": {"before": now or {}, "after": then},
        "arn": f"arn:{aws.caller.partition}:sqs:{aws.region}:{aws.caller.account}:{name}",
    }


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "name": {"type": "str", "required": True},
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "retention_seconds": {"type": "int", "default": 345600},
            "policy": {"type": "dict", "default": {}},
            "tags": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    try:
        aws = Aws(get_aws_connection_info(module), module.params["account_id"])
        result = run(aws, module.params, module.check_mode)
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
