#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_leftovers_info
short_description: What is left of a cluster in an AWS account
version_added: 0.1.0
description:
  - Lists everything that still carries the tags or names of a cluster, whoever made it, and tells what of it is billed.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  keep:
    description: Types that are left on purpose. They are listed all the same, as kept.
    type: list
    elements: str
    choices: [volume, kms_key, log_group]
    default: []
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes.info
  - streamops.kafka_eks.aws_account
"""

EXAMPLES = r"""
- name: List what is left
  streamops.kafka_eks.aws_leftovers_info:
    cluster_name: kafka-on-eks
    region: us-west-2
    keep: [volume]
  register: left

- name: Show what is still billed
  ansible.builtin.debug:
    msg: "{{ left.leftovers | selectattr('billable') | rejectattr('kept') }}"
"""

RETURN = r"""
leftovers:
  description: What is left, what is billed first.
  returned: always
  type: list
  elements: dict
  sample:
    - type: nat_gateway
      id: nat-0a1b2c3d4e5f60718
      name: kafka-on-eks-nat-usw2-az1
      billable: true
      kept: false
      reason: is billed by the hour and by its traffic
lines:
  description: The same for people.
  returned: always
  type: list
  elements: str
  sample: ["nat_gateway nat-0a1b2c3d4e5f60718 (kafka-on-eks-nat-usw2-az1) is billed by the hour and by its traffic"]
"""

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _eks, _leftovers
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "cluster_name": {"type": "str", "required": True},
            "keep": {"type": "list", "elements": "str", "choices": list(_leftovers.KEEPABLE), "default": []},
        },
        supports_check_mode=True,
    )
    cluster, params = module.params["cluster_name"], module.params
    try:
        aws = Aws(get_aws_connection_info(module), params["account_id"])
        raw = aws.read(_leftovers.reads(cluster, aws.region))
        keys = aws.find_all(_leftovers.key_reads(raw, cluster)).values()
        eks_cluster = aws.find(_eks.describe_cluster(cluster))
    except AwsError as error:
        module.fail_json(**error.failure)
    found = _leftovers.leftovers(raw, cluster, eks_cluster, keys, params["keep"])
    module.exit_json(changed=False, leftovers=found, lines=_leftovers.lines(found))


if __name__ == "__main__":
    main()
