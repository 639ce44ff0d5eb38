#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: vpc_network_info
short_description: Find the network of an EKS cluster
version_added: 0.1.0
description:
  - Finds the VPC and the subnets of a cluster by the tag C(kafka-eks/cluster), so that a playbook can be run on a machine
    that did not make them.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes.info
  - streamops.kafka_eks.aws_account
seealso:
  - module: streamops.kafka_eks.vpc_network
"""

EXAMPLES = r"""
- name: Find the network
  streamops.kafka_eks.vpc_network_info:
    cluster_name: kafka-on-eks
    region: us-west-2
  register: network

- name: Show the private subnets
  ansible.builtin.debug:
    msg: "{{ network.subnets.private | map(attribute='id') }}"
"""

RETURN = r"""
vpc_id:
  description: Id of the VPC; none where there is no network.
  returned: always
  type: str
  sample: vpc-0a1b2c3d4e5f60718
subnets:
  description: The subnets by kind, V(public), V(private) and V(intra), each in the order of the zone ids.
  returned: always
  type: dict
  sample:
    private:
      - id: subnet-0a1b2c3d4e5f60718
        name: kafka-on-eks-private-usw2-az1
        zone: us-west-2b
        zone_id: usw2-az1
        cidr: 100.64.0.0/18
"""

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError
from ..module_utils._network import summary
from ..module_utils._network_look import look


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={**ACCOUNT_ARGUMENT, "cluster_name": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    try:
        aws = Aws(get_aws_connection_info(module), module.params["account_id"])
        now = look(aws.read, module.params["cluster_name"])
    except AwsError as error:
        module.fail_json(**error.failure)
    module.exit_json(changed=False, **summary(now.network, now.ids))


if __name__ == "__main__":
    main()
