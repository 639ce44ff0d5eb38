#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: log_group
short_description: A CloudWatch log group with its retention
version_added: 0.1.0
description:
  - Makes, repairs or removes a log group. AWS makes those of its services itself when they are missing, and keeps what is
    in them for ever, so the group comes before the service.
  - A group that was made by AWS is taken over. One that carries the tag C(kafka-eks/cluster) of another cluster is refused, and so
    is one without the tag while there is an EKS cluster of this name that does not carry it either.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  name:
    description: Name of the group.
    type: str
    required: true
  cluster_name:
    description: Name of the cluster, the value of the tag C(kafka-eks/cluster).
    type: str
    required: true
  state:
    description: Whether the group is to exist. Removing it removes all that is in it.
    type: str
    choices: [present, absent]
    default: present
  retention_days:
    description: Days after which what is in the group is removed.
    type: int
    choices: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]
    default: 30
  kms_key:
    description:
      - Alias or ARN of the KMS key for what is in the group. Its policy must let CloudWatch use it. Without it CloudWatch uses a key
        of its own. What is in the group already stays encrypted as it is.
    type: str
  tags:
    description: Further tags of the group.
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
- name: Create the log group of the control plane
  streamops.kafka_eks.log_group:
    name: /aws/eks/kafka-on-eks/cluster
    cluster_name: kafka-on-eks
    region: us-west-2
    retention_days: 90
    kms_key: alias/kafka-eks/kafka-on-eks/cluster
"""

RETURN = r"""
name:
  description: Name of the group.
  returned: always
  type: str
  sample: /aws/eks/kafka-on-eks/cluster
"""

from datetime import UTC, datetime
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _eks, _kms, _log_group
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import OWNER_TAG, AwsError


def run(aws: Aws, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    name, is_wanted, given = params["name"], params["state"] == "present", params["kms_key"]
    group = _log_group.of_name(aws.call(_log_group.find(name)), name)
    now = _log_group.found(group, aws.call(_log_group.read_tags(group))) if group else None
    if now and OWNER_TAG not in now["tags"]:
        # It was made by EKS, perhaps for somebody else's cluster of this name, whose logs it keeps.
        _eks.require_no_foreign(aws.find, params["cluster_name"])
    in_use = now["kms_key"] if now else None
    key = _kms.find_key(aws.find, given, check_mode, datetime.now(UTC), in_use) if given and is_wanted else None
    settings = _log_group.Settings(name, params["cluster_name"], params["retention_days"], key, params["tags"])
    # Also whether it may be removed is found out here.
    then = _log_group.target(settings, now)
    if is_wanted:
        requests = _log_group.requests(settings, group["arn"].removesuffix(":*") if group else "", now, then)
    else:
        requests = [_log_group.removal(name)] if group else []
    if not check_mode:
        aws.send(requests, {})
    diff = {"before": now or {}, "after": then if is_wanted else {}}
    return {"changed": bool(requests), "diff": diff, "name": name}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "name": {"type": "str", "required": True},
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "retention_days": {"type": "int", "choices": list(_log_group.RETENTION_DAYS), "default": 30},
            "kms_key": {"type": "str", "no_log": False},
            "tags": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    try:
        aws = Aws(get_aws_connection_info(module), module.params["account_id"])
        result = run(aws, module.params, module.check_mode)
    except AwsError as error:
        module.fail_json(**error.failure)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
