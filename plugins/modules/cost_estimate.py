#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cost_estimate
short_description: What a Kafka cluster on EKS costs a month
version_added: 0.1.0
description:
  - Lists what of a cluster is billed and what that amounts to in a month of 730 hours, before anything is made.
  - The prices are those of a table in the collection, in which each figure has its source and date, or those of AWS's Pricing API.
    What has no price in either is named and left out of the total; nothing is guessed.
  - Prices are on demand, in USD, without taxes, discounts and commitments. Traffic to the internet, load balancers, snapshots,
    requests to KMS, and what Amazon Managed Prometheus stores and is asked are not part of it.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  extended_support:
    description: Whether the cluster's Kubernetes version is in extended support, which costs more.
    type: bool
    default: false
  nodegroups:
    description:
      - Node groups, in the form of M(streamops.kafka_eks.eks_nodegroups). Of each are read V(name), the first of V(instance_types),
        V(desired_size) or else V(min_size), V(capacity_type) and V(root_volume).
    type: list
    elements: dict
    default: []
  node_pools:
    description: Pools of nodes that Karpenter launches.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the pool, which is also the value of the label C(kafka-eks.streamops.io/pool) of its nodes.
        type: str
        required: true
      instance_types:
        description: Instance types, of which the first one is priced. None where the pool has requirements instead.
        type: list
        elements: str
        default: []
      size:
        description: How many nodes there will be for good.
        type: int
        default: 0
      temporary:
        description: How many there will be besides, which come and go with their pods. They count against quotas, but are not priced.
        type: int
        default: 0
      spot:
        description: Whether they are spot instances.
        type: bool
        default: false
      zones:
        description: Names of the zones in which they may be. Without any, all of the network.
        type: list
        elements: str
        default: []
      root_size:
        description: Size of their root volumes, as Kubernetes writes it.
        type: str
        default: 50Gi
      root_iops:
        description: IOPS of their root volumes.
        type: int
        default: 3000
      root_throughput:
        description: Throughput of their root volumes in MiB/s.
        type: int
        default: 125
  volumes:
    description: Volumes besides those of the nodes.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What they are for.
        type: str
        required: true
      count:
        description: How many there are.
        type: int
        required: true
      size:
        description: Size of each, as Kubernetes writes it, such as V(1000Gi).
        type: str
        required: true
      type:
        description: Their EBS type.
        type: str
        choices: [gp3, io2, st1]
        default: gp3
      iops:
        description: IOPS of each; of gp3 only what is over 3000 is billed.
        type: int
      throughput:
        description: Throughput of each in MiB/s; of gp3 only what is over 125 is billed.
        type: int
  zones:
    description: Number of zones that the cluster lies in.
    type: int
    default: 3
  nat_gateways:
    description: Number of NAT gateways. Each has a public address, which is billed too.
    type: int
    default: 0
  nat_data:
    description: Data through NAT gateways, in GiB a month.
    type: float
    default: 0
  interface_endpoints:
    description: Number of interface endpoints. Each is billed in every zone.
    type: int
    default: 0
  endpoint_data:
    description: Data through interface endpoints, in GiB a month.
    type: float
    default: 0
  load:
    description:
      - Records that are written and read all the time. What of it crosses zones is billed in both directions. Clients are taken to
        be spread over the zones as evenly as replicas are.
    type: dict
    suboptions:
      produced:
        description: What producers write, in MiB/s.
        type: float
        required: true
      consumed:
        description: What all consumers read together, in MiB/s.
        type: float
        required: true
      replication_factor:
        description: Copies of each record.
        type: int
        default: 3
      rack_aware:
        description: Whether consumers read from a replica in their own zone (C(client.rack)).
        type: bool
        default: false
  kms_keys:
    description: Number of KMS keys.
    type: int
    default: 0
  logs:
    description: Logs written to CloudWatch, in GiB a month.
    type: float
    default: 0
  logs_stored:
    description: Logs that CloudWatch keeps, in GiB.
    type: float
    default: 0
  metrics:
    description: What is written to Amazon Managed Prometheus.
    type: dict
    suboptions:
      series:
        description: Number of series.
        type: int
        required: true
      scrape_interval:
        description: Seconds between two samples of a series.
        type: int
        default: 30
  refresh:
    description:
      - Whether to ask AWS's Pricing API, which needs the permission C(pricing:GetProducts) and answers in us-east-1 only. Where it
        has no price, that of the table stands.
    type: bool
    default: false
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes.info
  - streamops.kafka_eks.aws_account
seealso:
  - module: streamops.kafka_eks.aws_preflight_info
"""

EXAMPLES = r"""
- name: Estimate three brokers in three zones
  streamops.kafka_eks.cost_estimate:
    region: us-west-2
    nodegroups:
      - {name: broker, instance_types: [r8g.4xlarge], desired_size: 3}
    volumes:
      - {name: broker, count: 3, size: 1000Gi}
    nat_gateways: 3
    load: {produced: 50, consumed: 100, rack_aware: true}
  register: estimate

- name: Show it
  ansible.builtin.debug:
    msg: "{{ estimate.lines | join('\n') }}"
"""

RETURN = r"""
items:
  description: What is billed and has a price.
  returned: always
  type: list
  elements: dict
  sample:
    - item: "Nodes 'broker': 3 r8g.4xlarge"
      quantity: 2190.0
      unit: hour
      unit_price: 0.94256
      monthly: 2064.21
      currency: USD
      source: AWS price list, in the Go module github.com/cristim/ec2-instances-info, 2025-05-28
unknown:
  description: What is billed and has no price; it is not in the total.
  returned: always
  type: list
  elements: dict
  sample:
    - item: IOPS of 'broker' over the baseline
      quantity: 9000.0
      unit: IOPS-month
total:
  description: Sum of the items in USD.
  returned: always
  type: float
  sample: 2512.71
prices_of:
  description: From when the prices are that were used, the oldest and the newest.
  returned: always
  type: str
  sample: 2024-09-25 to 2026-10-04
lines:
  description: The same as a table for people.
  returned: always
  type: list
  elements: str
  sample: ["Total a month in us-west-2: 2,512.71 USD."]
"""

import datetime
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _cost, _groups, _prices, _pricing_api
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "extended_support": {"type": "bool", "default": False},
            "nodegroups": {"type": "list", "elements": "dict", "default": []},
            "node_pools": _groups.POOL_ARGUMENT,
            "volumes": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "count": {"type": "int", "required": True},
                    "size": {"type": "str", "required": True},
                    "type": {"type": "str", "choices": list(_cost.VOLUME_TYPES), "default": "gp3"},
                    "iops": {"type": "int"},
                    "throughput": {"type": "int"},
                },
            },
            "zones": {"type": "int", "default": 3},
            "nat_gateways": {"type": "int", "default": 0},
            "nat_data": {"type": "float", "default": 0},
            "interface_endpoints": {"type": "int", "default": 0},
            "endpoint_data": {"type": "float", "default": 0},
            "load": {
                "type": "dict",
                "options": {
                    "produced": {"type": "float", "required": True},
                    "consumed": {"type": "float", "required": True},
                    "replication_factor": {"type": "int", "default": 3},
                    "rack_aware": {"type": "bool", "default": False},
                },
            },
            "kms_keys": {"type": "int", "default": 0, "no_log": False},
            "logs": {"type": "float", "default": 0},
            "logs_stored": {"type": "float", "default": 0},
            "metrics": {
                "type": "dict",
                "options": {
                    "series": {"type": "int", "required": True},
                    "scrape_interval": {"type": "int", "default": 30},
                },
            },
            "refresh": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        region = module.region
        if not region:
            raise AwsError("No AWS region is set: name it with the option region.")
        needs = _cost.needs(_cost.plan_of(module.params))
        prices = _prices.of(region, {need.price for need in needs})
        if module.params["refresh"]:
            prices |= _refreshed(module, {need.price for need in needs}, region)
    except AwsError as error:
        module.fail_json(**error.failure)
    found = _cost.estimate(needs, prices)
    module.exit_json(
        changed=False,
        items=found.items,
        unknown=found.unknown,
        total=found.total,
        prices_of=found.prices_of,
        lines=_cost.lines(found, region, module.params["refresh"]),
    )


def _refreshed(module: Any, prices: set[str], region: str) -> dict[str, _prices.Rate]:
    _region, endpoint, settings = get_aws_connection_info(module)
    aws = Aws((_pricing_api.REGION, endpoint, settings), module.params["account_id"])
    answers = aws.read(_pricing_api.requests(sorted(prices), region))
    return _pricing_api.rates(answers, datetime.datetime.now(datetime.UTC).date().isoformat())


if __name__ == "__main__":
    main()
