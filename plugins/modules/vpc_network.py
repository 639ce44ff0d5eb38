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
    private and intra subnets in each zone, internet gateway, NAT gateways with their addresses, route tables, the gateway
    endpoint of S3, and interface endpoints with their security group.
  - What is there is found by the tag C(kafka-eks/cluster) and the name. What is missing or has drifted is made good, so that
    a run which was interrupted is finished by the next one. What does not carry the tag is never touched, nor are tags,
    routes and blocks which somebody added. Only the rules of the security group are exactly those that are needed.
  - What AWS cannot change in place, blocks that overlap or that AWS does not associate, services that are not offered, and
    what the account's quotas have no room for, are refused before anything is made.
  - All that needs no waiting is done at once. NAT gateways and interface endpoints take minutes to be there or to go. A
    route leads to a NAT gateway only when it is available.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster. It is the name of the VPC and the value of the tag C(kafka-eks/cluster).
    type: str
    required: true
  state:
    description:
      - Whether the network is to exist. It is not removed while network interfaces of others are in use in it, such as those
        of nodes and of the control plane.
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
        which the network already is are kept. It is not looked at when O(zone_ids) are given.
    type: int
    default: 3
  zone_ids:
    description:
      - Ids of the zones, from 2 to 4, such as V(usw2-az1). An id means the same place in every account, which the name of a
        zone does not.
    type: list
    elements: str
    default: []
  public:
    description:
      - Whether there are public subnets and an internet gateway. NAT gateways need them, and load balancers that are reached
        from the internet.
    type: bool
    default: true
  nat:
    description:
      - How private subnets reach the internet. V(per_zone) has a NAT gateway in each zone, V(single) one for all, which is
        cheaper and ends with its zone, and V(none) has no way out.
    type: str
    choices: [per_zone, single, none]
    default: per_zone
  interface_endpoints:
    description:
      - Services that the private subnets reach without a way out, by their short names, such as V(ecr.api) or V(sts). Each
        has an address in each of these subnets, and its usual name leads there. S3 has a gateway endpoint in any case.
      - V(route53) is reached in the region V(us-east-1), wherever the network is, which takes the permission
        C(vpce:AllowMultiRegion).
    type: list
    elements: str
    default: []
  tags:
    description: Further tags for everything that is made.
    type: dict
    default: {}
  wait:
    description:
      - Whether to wait until it is done. Without it, one pass is made, after which an EKS cluster can be made while NAT
        gateways and endpoints come up.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 1800
  poll_interval:
    description: Seconds between two looks.
    type: int
    default: 15
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

- name: Make one without any way to the internet
  streamops.kafka_eks.vpc_network:
    cluster_name: kafka-private
    region: us-west-2
    public: false
    nat: none
    interface_endpoints: [ec2, ecr.api, ecr.dkr, eks, eks-auth, logs, sts]

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
in_progress:
  description: Whether AWS is still at work. Never when O(wait=true) and the task has succeeded.
  returned: always
  type: bool
  sample: false
progress:
  description: What AWS is still at work on, in a sentence.
  returned: always
  type: str
  sample: "Network of 'kafka-on-eks': NAT gateway kafka-on-eks-nat-usw2-az1 is being made."
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _network_endpoints, _network_plan, _network_quotas, _network_steps
from ..module_utils._aws import ACCOUNT_ARGUMENT, WAIT_ARGUMENTS, Aws
from ..module_utils._aws_data import AwsError, Look, result
from ..module_utils._network import Settings, shown, summary
from ..module_utils._network_look import look


def present(aws: Aws, settings: Settings, check_mode: bool) -> dict[str, Any]:
    now = look(aws.read, settings.cluster, zones=True)
    zones = _network_plan.choose_zones(settings, now.zones, now.network)
    then = _network_plan.target(_network_plan.wanted(settings, zones), now, settings.cluster)
    services = _network_endpoints.to_be_placed(now.network, then)
    offers = aws.read(_network_endpoints.offer_reads(settings, services)) if services else {}
    _network_endpoints.refuse_not_offered(
        settings, services, zones, [one for found in offers.values() for one in found]
    )
    _network_quotas.refuse_exhausted(now, then, settings.cluster, aws.read, aws.attempt_all)
    if now.failed and not check_mode:
        aws.send(_network_steps.failed_removal(now), {})
        raise _network_steps.failure(now)
    plan = _network_steps.steps(now, then, settings.region)
    ids = now.ids if check_mode else aws.send(plan.requests, now.ids)
    seen = Look(shown(now.network), shown(then), plan.requests, plan.in_progress, plan.progress(settings.cluster))
    return {**result(seen, check_mode), **summary(then, ids)}


def absent(aws: Aws, cluster: str, check_mode: bool) -> dict[str, Any]:
    now = look(aws.read, cluster, interfaces=True)
    plan = _network_steps.removal(now, cluster)
    sent = []
    if not check_mode:
        for request in plan.requests:
            try:
                aws.send([request], now.ids)
            except AwsError as error:
                if error.code.endswith("NotFound"):
                    continue
                if error.code != "DependencyViolation":
                    raise
                # What that is, the next pass may see.
                plan.others.append(str(error))
                break
            sent.append(request)
    seen = Look(shown(now.network), {}, sent, plan.in_progress, plan.progress(cluster))
    return result(seen, check_mode)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            **WAIT_ARGUMENTS,
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "cidr": {"type": "str", "default": "10.1.0.0/16"},
            "secondary_cidr": {"type": "str", "default": "100.64.0.0/16"},
            "zone_count": {"type": "int", "default": 3},
            "zone_ids": {"type": "list", "elements": "str", "default": []},
            "public": {"type": "bool", "default": True},
            "nat": {"type": "str", "choices": ["per_zone", "single", "none"], "default": "per_zone"},
            "interface_endpoints": {"type": "list", "elements": "str", "default": []},
            "tags": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        aws = Aws(get_aws_connection_info(module), params["account_id"])
        if params["state"] == "absent":
            made = absent(aws, params["cluster_name"], module.check_mode)
        else:
            settings = Settings(
                cluster=params["cluster_name"],
                region=aws.region,
                cidr=params["cidr"],
                secondary_cidr=params["secondary_cidr"],
                zone_count=params["zone_count"],
                zone_ids=params["zone_ids"],
                public=params["public"],
                nat=params["nat"],
                interface_endpoints=params["interface_endpoints"],
                tags=params["tags"],
            )
            _network_plan.check(settings)
            made = present(aws, settings, module.check_mode)
    except AwsError as error:
        module.fail_json(**error.failure)
    module.exit_json(**made)


if __name__ == "__main__":
    main()
