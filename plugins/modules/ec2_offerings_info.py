#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_offerings_info
short_description: Whether EC2 offers the instance types that pools of nodes name
version_added: 0.1.0
description:
  - Finds in which zones EC2 offers the types, and refuses types that it does not know, and zones in which a pool would have no machine.
  - Karpenter calls such a pool ready, and says only of the pods that find no node that no instance type fits.
  - Whether EC2 has machines of a type left is not known before one is launched.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the EKS cluster, in whose private subnets the nodes are.
    type: str
    required: true
  pools:
    description: The pools.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the pool.
        type: str
        required: true
      instance_types:
        description: Types, of which one must be offered.
        type: list
        elements: str
        required: true
      every_zone:
        description: Whether one must be offered in every zone, as for pods whose volume is in one, or in any.
        type: bool
        default: false
  zones:
    description: Names of the zones. Without any, those of the private subnets.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes.info
  - streamops.kafka_eks.aws_account
"""

EXAMPLES = r"""
- name: See whether brokers can be in every zone
  streamops.kafka_eks.ec2_offerings_info:
    cluster_name: kafka-on-eks
    pools:
      - {name: broker, instance_types: [r8g.4xlarge, r7g.4xlarge], every_zone: true}
    region: us-west-2
"""

RETURN = r"""
offered:
  description: The zones of each type.
  returned: always
  type: dict
  sample: {r8g.4xlarge: [us-west-2a, us-west-2b, us-west-2c]}
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _pool_types
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError

POOL_SPEC = {
    "name": {"type": "str", "required": True},
    "instance_types": {"type": "list", "elements": "str", "required": True},
    "every_zone": {"type": "bool", "default": False},
}


def run(aws: Aws, params: dict[str, Any]) -> dict[str, Any]:
    found = aws.read(_pool_types.requests(params["pools"], params["cluster_name"]))
    offered = _pool_types.zones_by_type(found["offered"])
    zones = params["zones"] or [subnet["AvailabilityZone"] for subnet in found["subnets"]]
    _pool_types.require_offered(params["pools"], offered, zones, aws.region)
    return {"changed": False, "offered": offered}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "cluster_name": {"type": "str", "required": True},
            "pools": {"type": "list", "elements": "dict", "required": True, "options": POOL_SPEC},
            "zones": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        aws = Aws(get_aws_connection_info(module), module.params["account_id"])
        result = run(aws, module.params)
    except AwsError as error:
        module.fail_json(**error.failure)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
