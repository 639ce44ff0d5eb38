#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_preflight_info
short_description: Whether a cluster can be made as it is wanted
version_added: 0.1.0
description:
  - Asks AWS and this machine everything that can be known before anything is made, and judges it in one go. Who calls, quotas
    against what will be used and what is in use, instance types in the chosen zones, versions, permissions, local programs, and
    settings that contradict each other.
  - A check that fails is no failure of the module, so that all of them are known at once. What cannot be asked, for lack of a
    permission or because the API is not there, is V(unknown).
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster. What carries its tag counts as there already.
    type: str
    required: true
  network:
    description: Settings of the network, as of M(streamops.kafka_eks.vpc_network).
    type: dict
    default: {}
    suboptions:
      cidr:
        description: Block of the VPC.
        type: str
        default: 10.1.0.0/16
      secondary_cidr:
        description: Second block of the VPC.
        type: str
        default: 100.64.0.0/16
      zone_count:
        description: Number of zones.
        type: int
        default: 3
      zone_ids:
        description: Ids of the zones.
        type: list
        elements: str
        default: []
      public:
        description: Whether there are public subnets.
        type: bool
        default: true
      nat:
        description: How private subnets reach the internet.
        type: str
        choices: [per_zone, single, none]
        default: per_zone
      interface_endpoints:
        description: Services that are reached by interface endpoints.
        type: list
        elements: str
        default: []
  public_access_cidrs:
    description: Who may reach the API server from the internet; nobody means that it has a private endpoint only.
    type: list
    elements: str
    default: []
  nodegroups:
    description:
      - Node groups, in the form of M(streamops.kafka_eks.eks_nodegroups). Of each are read V(name), V(instance_types),
        V(desired_size) or else V(min_size), V(ami_type), V(capacity_type), V(root_volume) and V(labels).
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
        description: Instance types, of which any may be launched. None where the pool has requirements instead.
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
        description:
          - What they are for. Those of the name of a node group, or of the value of its label
            C(kafka-eks.streamops.io/pool), are attached to its instances, one to each.
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
        description: IOPS of each.
        type: int
      throughput:
        description: Throughput of each in MiB/s.
        type: int
  kafka:
    description: How Kafka is laid out.
    type: dict
    suboptions:
      brokers:
        description: Number of brokers.
        type: int
        required: true
      controllers:
        description: Number of controllers.
        type: int
        required: true
      zones:
        description: Number of zones that each are spread over.
        type: int
        required: true
      replication_factor:
        description: Copies of each partition.
        type: int
        required: true
      min_insync_replicas:
        description: Copies that a write with acks=all needs.
        type: int
        required: true
  kubernetes_version:
    description: Version of Kubernetes that the cluster is to have.
    type: str
    required: true
  support_type:
    description: Support policy of the cluster.
    type: str
    choices: [STANDARD, EXTENDED]
    default: STANDARD
  karpenter_version:
    description: Version of Karpenter, where it is to run.
    type: str
  strimzi_version:
    description: Version of Strimzi, where it is to run.
    type: str
  kafka_version:
    description: Version of Kafka that Strimzi is to run.
    type: str
  argocd_version:
    description: Version of Argo CD, where it is to run.
    type: str
  actions:
    description:
      - Actions of IAM that the caller's policies are asked about, with AWS's simulation and for all resources. Without any, those of
        the deployer's policy are asked about, each for the resources and under the conditions that the policy names.
    type: list
    elements: str
    default: []
  helm:
    description: The Helm program.
    type: str
    default: helm
  packages:
    description:
      - Python packages that the playbooks need, as lines of a requirements file. They are looked for in the Python that runs this
        module.
    type: list
    elements: str
    default: []
  skip:
    description:
      - Names of checks that are not to be judged, such as V(quota_addresses), or of a whole kind of them, such as V(quota).
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes.info
  - streamops.kafka_eks.aws_account
seealso:
  - module: streamops.kafka_eks.cost_estimate
"""

EXAMPLES = r"""
- name: Ask whether three brokers can be had
  streamops.kafka_eks.aws_preflight_info:
    cluster_name: kafka-on-eks
    region: us-west-2
    kubernetes_version: "1.35"
    strimzi_version: 0.47.0
    kafka_version: 3.9.0
    public_access_cidrs: [203.0.113.7/32]
    nodegroups:
      - {name: broker, instance_types: [r8g.4xlarge], desired_size: 3}
    volumes:
      - {name: broker, count: 3, size: 1000Gi}
  register: preflight

- name: Fail with all that is not right at once
  ansible.builtin.assert:
    that: preflight.checks | selectattr('status', 'equalto', 'failed') | length == 0
    fail_msg: "{{ preflight.lines | join('\n') }}"
"""

RETURN = r"""
checks:
  description: What was asked and how it is judged.
  returned: always
  type: list
  elements: dict
  contains:
    check:
      description: Name of the check, by which it can be skipped.
      type: str
      sample: quota_addresses
    status:
      description:
        - V(ok), V(low) where it works but should be looked at, V(failed), V(unknown) where it could not be asked, or V(skipped).
      type: str
      sample: failed
    sentence:
      description: What was found, and what to do.
      type: str
      sample: >-
        Elastic IP addresses: 3 more addresses are needed, but 5 of 5 are in use: have quota L-0263D0A3 (ec2) raised to 8 or more,
        or remove what is not needed.
extended_support:
  description: Whether the wanted version of Kubernetes is in extended support today, which costs more.
  returned: always
  type: bool
  sample: false
lines:
  description: The same as a table for people, what fails first.
  returned: always
  type: list
  elements: str
  sample: ["ok       identity  The caller is arn:aws:iam::123456789012:role/deployer, of account 123456789012, in us-west-2."]
"""

import datetime
import importlib.metadata
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import (
    _checks,
    _cost,
    _groups,
    _kubeconfig,
    _network,
    _network_quotas,
    _preflight,
    _preflight_permissions,
    _preflight_settings,
    _preflight_tools,
    _quotas,
    _versions,
)
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError
from ..module_utils._checks import Check
from ..module_utils._deployer_policy import Scope


def of_account(aws: Aws, answers: dict[str, Any], wanted: _preflight.Wanted, params: dict[str, Any]) -> Iterator[Check]:
    """What AWS is asked: independent questions side by side, in as few rounds as they allow."""
    arn = aws.caller.arn
    answers = answers | aws.attempt_all(_preflight.more_reads(answers, wanted, arn))
    settings = _preflight_settings.network(wanted.network)
    zones = AwsError(settings.sentence) if settings.status == "failed" else _preflight.zones_of(answers, wanted)
    target = zones if isinstance(zones, AwsError) else _preflight.network_target(answers, wanted, zones)
    reads, quotas = {}, [*_preflight.COUNTED]
    if not isinstance(target, AwsError):
        lacks = _network_quotas.lacking(*target)
        reads = _network_quotas.usage_reads(wanted.cluster, lacks)
        quotas += [_network_quotas.COUNTED[kind][0] for kind in lacks]
    principal = _preflight.principal(answers, arn)
    simulations = _preflight_permissions.requests(principal, _asked(aws, wanted, params)) if principal else {}
    usage = aws.attempt_all(reads | simulations)
    limits = _quotas.read_limits(aws.attempt_all, quotas)

    yield _preflight.identity(aws.caller.account, arn, aws.region)
    yield _preflight_permissions.check([usage.pop(name) for name in simulations], principal, arn)
    yield from _preflight.cluster_name(answers, wanted)
    yield settings
    if isinstance(target, AwsError):
        yield from [_preflight.impossible(target)] if settings.status == "ok" else []
    else:
        yield from _preflight.network_quotas(*target, usage, limits)
    yield from _preflight.quotas(answers, wanted, limits)
    yield from _preflight.offerings(answers, wanted, zones)
    yield from _versions_of(answers, params)


def _asked(aws: Aws, wanted: _preflight.Wanted, params: dict[str, Any]) -> list[_preflight_permissions.Question]:
    if params["actions"]:
        return [_preflight_permissions.Question(params["actions"])]
    caller = aws.caller
    return _preflight_permissions.questions(Scope(wanted.cluster, aws.region, caller.account, caller.partition))


def _versions_of(answers: dict[str, Any], params: dict[str, Any]) -> Iterator[Check]:
    cluster = answers["cluster"]
    versions = _versions.Wanted(
        kubernetes=params["kubernetes_version"],
        support_type=params["support_type"],
        karpenter=params["karpenter_version"],
        strimzi=params["strimzi_version"],
        kafka=params["kafka_version"],
        argocd=params["argocd_version"],
    )
    return _versions.checks(
        versions,
        None if isinstance(cluster, AwsError) else cluster["version"],
        _calendar(answers),
        _today(),
    )


def _calendar(answers: dict[str, Any]) -> dict[str, _versions.Support] | None:
    found = answers["calendar"]
    return None if isinstance(found, AwsError) else _versions.calendar_of(found)


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def of_machine(module: Any) -> Iterator[Check]:
    """What is installed here."""
    given = module.params["helm"]
    path = shutil.which(given)
    answer = module.run_command([path, "version", "--short"])[1] if path else ""
    yield _preflight_tools.helm(path, given, answer)
    try:
        yield Check(
            "aws_program", "ok", f"Clients of the cluster get their tokens from {_kubeconfig.find_aws_program()}."
        )
    except AwsError as error:
        yield Check("aws_program", "failed", str(error))
    names = [re.split(r"[\[=<>!~; #]", line.strip(), maxsplit=1)[0] for line in module.params["packages"]]
    installed = {name: _version_of(name) for name in names if name}
    yield from _preflight_tools.packages(module.params["packages"], installed, sys.executable)


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "cluster_name": {"type": "str", "required": True},
            "network": {
                "type": "dict",
                "default": {},
                "apply_defaults": True,
                "options": {
                    "cidr": {"type": "str", "default": "10.1.0.0/16"},
                    "secondary_cidr": {"type": "str", "default": "100.64.0.0/16"},
                    "zone_count": {"type": "int", "default": 3},
                    "zone_ids": {"type": "list", "elements": "str", "default": []},
                    "public": {"type": "bool", "default": True},
                    "nat": {"type": "str", "choices": ["per_zone", "single", "none"], "default": "per_zone"},
                    "interface_endpoints": {"type": "list", "elements": "str", "default": []},
                },
            },
            "public_access_cidrs": {"type": "list", "elements": "str", "default": []},
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
            "kafka": {
                "type": "dict",
                "options": {
                    name: {"type": "int", "required": True}
                    for name in ("brokers", "controllers", "zones", "replication_factor", "min_insync_replicas")
                },
            },
            "kubernetes_version": {"type": "str", "required": True},
            "support_type": {"type": "str", "choices": ["STANDARD", "EXTENDED"], "default": "STANDARD"},
            "karpenter_version": {"type": "str"},
            "strimzi_version": {"type": "str"},
            "kafka_version": {"type": "str"},
            "argocd_version": {"type": "str"},
            "actions": {"type": "list", "elements": "str", "default": []},
            "helm": {"type": "str", "default": "helm"},
            "packages": {"type": "list", "elements": "str", "default": []},
            "skip": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        aws = Aws(get_aws_connection_info(module), params["account_id"])
        network = _network.Settings(cluster=params["cluster_name"], region=aws.region, tags={}, **params["network"])
        groups = [*map(_groups.group_of, params["nodegroups"]), *map(_groups.pool_of, params["node_pools"])]
        volumes = _cost.volumes_of(params["volumes"])
        kafka = _preflight_settings.Kafka(**params["kafka"]) if params["kafka"] else None
        wanted = _preflight.Wanted(params["cluster_name"], network, groups, volumes)
        answers = aws.attempt_all(_preflight.reads(wanted))
        found = [
            *of_account(aws, answers, wanted, params),
            *of_machine(module),
            *_preflight_settings.checks(network, params["public_access_cidrs"], kafka, groups, volumes),
        ]
    except AwsError as error:
        module.fail_json(**error.failure)
    checks = _checks.skipped(found, params["skip"])
    module.exit_json(
        changed=False,
        checks=[asdict(check) for check in checks],
        extended_support=_versions.is_extended(params["kubernetes_version"], _calendar(answers), _today()),
        lines=_checks.lines(checks),
    )


if __name__ == "__main__":
    main()
