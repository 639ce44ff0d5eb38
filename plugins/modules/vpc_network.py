#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: vpc_network
short_description: The whole network of an EKS cluster
version_added: 0.1.0
description:
  - Makes, repairs or removes the VPC of a cluster with all that belongs to it. A second block for nodes and pods, public,
    private and intra subnets in each zone, internet gateway, NAT gateways with their addresses, route tables and the gateway
    endpoint of S3.
  - What is there is found by the tag C(kafka-eks/cluster) and the name. What is missing or has drifted is made good, so that
    a run which was interrupted is finished by the next one. What does not carry the tag is never touched, nor are tags,
    routes and blocks which somebody added.
  - What AWS cannot change in place, and blocks that overlap, are refused before anything is made.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster. It is the name of the VPC and the value of the tag C(kafka-eks/cluster).
    type: str
    required: true
  state:
    description: Whether the network is to exist.
    type: str
    choices: [present, absent]
    default: present
  cidr:
    description:
      - Block of the VPC, from /16 to /20. Public and intra subnets are cut from it.
    type: str
    default: 10.1.0.0/16
  secondary_cidr:
    description:
      - Second block of the VPC, from /16 to /24. The private subnets, in which nodes and pods live, are cut from it.
    type: str
    default: 100.64.0.0/16
  zone_count:
    description:
      - Number of zones, from 2 to 4. The first ones by zone id are taken, without those in which EKS cannot run. Zones in
        which the network already is are kept.
    type: int
    default: 3
  nat:
    description:
      - How private subnets reach the internet. V(per_zone) has a NAT gateway in each zone, V(single) one for all, which is
        cheaper and ends with its zone, and V(none) has no way out.
    type: str
    choices: [per_zone, single, none]
    default: per_zone
  tags:
    description: Further tags for everything that is made.
    type: dict
    default: {}
  wait_timeout:
    description: Seconds to wait for NAT gateways, and for what keeps a part from being removed.
    type: int
    default: 600
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes
  - streamops.kafka_eks.aws_account
seealso:
  - module: streamops.kafka_eks.vpc_network_info
"""

EXAMPLES = r"""
- name: Make the network
  streamops.kafka_eks.vpc_network:
    cluster_name: kafka-on-eks
    region: us-west-2

- name: Make a cheaper network for a trial
  streamops.kafka_eks.vpc_network:
    cluster_name: kafka-trial
    region: us-west-2
    nat: single

- name: Remove the network
  streamops.kafka_eks.vpc_network:
    cluster_name: kafka-on-eks
    region: us-west-2
    state: absent
"""

RETURN = r"""
vpc_id:
  description: Id of the VPC; none where it is only planned.
  returned: when O(state=present)
  type: str
  sample: vpc-0a1b2c3d4e5f60718
subnets:
  description: The subnets by kind, V(public), V(private) and V(intra), each in the order of the zone ids.
  returned: when O(state=present)
  type: dict
  sample:
    private:
      - id: subnet-0a1b2c3d4e5f60718
        name: kafka-on-eks-private-usw2-az1
        zone: us-west-2b
        zone_id: usw2-az1
        cidr: 100.64.0.0/18
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _network
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError


def present(aws: Aws, settings: _network.Settings, check_mode: bool) -> dict[str, Any]:
    _network.check(settings)
    now = _network.look(aws.read, settings.cluster)
    plan = _network.address_plan(settings.cidr, settings.secondary_cidr)
    zones = _network.choose_zones(aws.call(_network.ZONES), settings.zone_count, plan, now.network)
    then = _network.target(_network.wanted(settings, zones), now, settings.cluster)
    ids = now.ids if check_mode else aws.send(_network.steps(now, then), now.ids)
    return {
        "changed": then != now.network,
        "diff": _network.difference(now.network, then),
        **_network.summary(then, ids),
    }


def absent(aws: Aws, cluster: str, check_mode: bool) -> dict[str, Any]:
    now = _network.look(aws.read, cluster)
    steps = _network.removal(now, cluster)
    if not check_mode:
        try:
            aws.send(steps, now.ids)
        except AwsError as error:
            if error.code != "DependencyViolation":
                raise
            left = _network.leftovers(aws.read(_network.leftover_reads(now, cluster)))
            raise AwsError(
                f"{error} What AWS does not delete with the VPC is still there: {left}.", error.code
            ) from None
    return {"changed": bool(steps), "diff": _network.difference(now.network, {})}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "cidr": {"type": "str", "default": "10.1.0.0/16"},
            "secondary_cidr": {"type": "str", "default": "100.64.0.0/16"},
            "zone_count": {"type": "int", "default": 3},
            "nat": {"type": "str", "choices": ["per_zone", "single", "none"], "default": "per_zone"},
            "tags": {"type": "dict", "default": {}},
            "wait_timeout": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        aws = Aws(get_aws_connection_info(module), params["account_id"], patience=params["wait_timeout"])
        if params["state"] == "absent":
            result = absent(aws, params["cluster_name"], module.check_mode)
        else:
            settings = _network.Settings(
                cluster=params["cluster_name"],
                region=aws.region,
                cidr=params["cidr"],
                secondary_cidr=params["secondary_cidr"],
                zone_count=params["zone_count"],
                nat=params["nat"],
                tags=params["tags"],
            )
            result = present(aws, settings, module.check_mode)
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
