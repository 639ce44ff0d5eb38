#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_cluster
short_description: An EKS cluster
version_added: 0.1.0
description:
  - Makes, changes in place, upgrades or removes an EKS cluster. It knows access entries only, no aws-auth, and its creator gets no
    rights by having made it. Its private endpoint is always on. It is made without add-ons; those of
    M(streamops.kafka_eks.eks_addons) take their place.
  - All that EKS can change is changed in place, one thing after the other, since EKS takes one change at a time. What it cannot
    change is refused, and so is an update that has failed, with EKS's reasons.
  - A cluster that exists without the tag C(kafka-eks/cluster) is somebody else's and refused.
  - A run that was interrupted is finished by the next one.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  name:
    description: Name of the cluster.
    type: str
    required: true
  state:
    description: Whether the cluster is to exist. V(absent) turns deletion protection off first.
    type: str
    choices: [present, absent]
    default: present
  version:
    description:
      - Version of Kubernetes, such as V("1.35"). Required with O(state=present).
      - A running cluster is upgraded by one minor version a run; upgrade its add-ons and node groups before the next one. Nodes may be
        three minor versions older than it at most. It does not go back.
      - A version that is out of support is refused, and one in extended support without O(support_type=EXTENDED).
    type: str
  role:
    description: Name or ARN of the IAM role of the control plane. Required with O(state=present).
    type: str
  subnets:
    description:
      - Ids of the subnets in which the control plane has its network interfaces. Without them a new cluster gets the intra
        subnets that carry its tag, as M(streamops.kafka_eks.vpc_network) makes them, and an existing one keeps those it has.
      - A cluster can be moved to others of the same zones in its VPC.
    type: list
    elements: str
  security_groups:
    description:
      - Ids of security groups that these network interfaces have beside the one that EKS makes. Without this option an existing
        cluster keeps those it has.
    type: list
    elements: str
  public_access_cidrs:
    description:
      - IPv4 blocks from which the API server can be reached from the internet. Without any it can be reached from the VPC only.
        V(0.0.0.0/0) is refused.
    type: list
    elements: str
    default: []
  service_cidr:
    description: IPv4 block of the addresses of Kubernetes services, for a new cluster only. Without it EKS chooses.
    type: str
  logs:
    description: The logs that the control plane writes to CloudWatch.
    type: list
    elements: str
    choices: [api, audit, authenticator, controllerManager, scheduler]
    default: [api, audit, authenticator, controllerManager, scheduler]
  deletion_protection:
    description: Whether EKS refuses to delete the cluster.
    type: bool
    default: true
  support_type:
    description:
      - What EKS does when standard support of the version ends. V(STANDARD) upgrades the cluster, V(EXTENDED) keeps it for a higher
        price.
    type: str
    choices: [STANDARD, EXTENDED]
    default: STANDARD
  scaling_tier:
    description: Capacity that the control plane has at least. What is above V(standard) costs more.
    type: str
    choices: [standard, tier-xl, tier-2xl, tier-4xl, tier-8xl]
    default: standard
  zonal_shift:
    description: Whether traffic may be moved away from an impaired zone, by AWS or by you.
    type: bool
    default: true
  encryption_key:
    description:
      - Alias or ARN of the KMS key that encrypts the data of the API server, secrets among them. Without it EKS uses a key of its own.
      - A cluster that has none can be given one. EKS does not change it and does not take it away.
    type: str
  tags:
    description: Further tags of the cluster.
    type: dict
    default: {}
  wait:
    description: Whether to wait until it is done.
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
  asked:
    description: What the passes before this one have asked of EKS. Set by the action of this module while it waits.
    type: dict
    default: {}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes
  - streamops.kafka_eks.aws_account
seealso:
  - module: streamops.kafka_eks.eks_access_entries
  - module: streamops.kafka_eks.eks_addons
  - module: streamops.kafka_eks.eks_kubeconfig
  - module: streamops.kafka_eks.eks_nodegroups
"""

EXAMPLES = r"""
- name: Create the cluster
  streamops.kafka_eks.eks_cluster:
    name: kafka-on-eks
    region: us-west-2
    version: "1.35"
    role: kafka-on-eks-us-west-2-cluster
    encryption_key: alias/kafka-eks/kafka-on-eks/cluster
    public_access_cidrs: [203.0.113.7/32]

- name: Remove the cluster
  streamops.kafka_eks.eks_cluster:
    name: kafka-on-eks
    region: us-west-2
    state: absent
"""

RETURN = r"""
cluster:
  description: The cluster as it was seen last; none where there is none.
  returned: always
  type: dict
  sample:
    name: kafka-on-eks
    arn: arn:aws:eks:us-west-2:111122223333:cluster/kafka-on-eks
    status: ACTIVE
    health_issues: []
    version: "1.35"
    endpoint: https://0123456789ABCDEF0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com
    role_arn: arn:aws:iam::111122223333:role/kafka-on-eks-us-west-2-cluster
    vpc_id: vpc-0a1b2c3d4e5f60718
    security_group_id: sg-0a1b2c3d4e5f60718
    oidc_issuer: https://oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
in_progress:
  description: Whether EKS is still at work. Never when O(wait=true) and the task has succeeded.
  returned: always
  type: bool
  sample: false
progress:
  description: What EKS is still at work on, in a sentence.
  returned: always
  type: str
  sample: "EKS cluster 'kafka-on-eks' is CREATING."
asked:
  description: The id of the update that EKS was asked for, by the name of the cluster.
  returned: always
  type: dict
  sample: {}
"""

from datetime import UTC, datetime
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _eks, _eks_cluster, _eks_nodegroups, _kms
from ..module_utils._aws import ACCOUNT_ARGUMENT, DENIED, WAIT_ARGUMENTS, Aws
from ..module_utils._aws_data import AwsError, Look, result


def find(aws: Aws, name: str, asked: dict[str, str]) -> tuple[dict[str, Any] | None, bool]:
    """The cluster, and whether what was asked of it is still being done."""
    about = _eks.about_cluster(name)
    updates = {one: _eks.describe_update(about, name, update) for one, update in asked.items()}
    found = aws.find_all({"": _eks.describe_cluster(name), **updates})
    cluster: dict[str, Any] | None = found.pop("")
    if cluster:
        _eks.require_owned(cluster, name)
    return cluster, bool(_eks.still_updating(found, _eks.about_cluster))


def wanted(
    aws: Aws, params: dict[str, Any], cluster: dict[str, Any] | None, planned: bool
) -> _eks_cluster.ClusterSettings:
    now, subnets, key = datetime.now(UTC), params["subnets"], params["encryption_key"]
    key_in_use = _eks_cluster.encryption_key(cluster) if cluster else None
    if not cluster and not subnets:
        subnets = _eks.find_subnets(aws.call, params["name"], "intra", planned)
    return _eks_cluster.ClusterSettings(
        name=params["name"],
        version=params["version"],
        role=_eks.find_role(aws.find, params["role"], planned, now, [cluster["roleArn"]] if cluster else []),
        subnets=subnets,
        security_groups=params["security_groups"],
        public_access_cidrs=params["public_access_cidrs"],
        service_cidr=params["service_cidr"],
        logs=params["logs"],
        deletion_protection=params["deletion_protection"],
        support_type=params["support_type"],
        scaling_tier=params["scaling_tier"],
        zonal_shift=params["zonal_shift"],
        encryption_key=_kms.find_key(aws.find, key, planned, now, key_in_use) if key else None,
        tags=params["tags"],
    )


def check(aws: Aws, settings: _eks_cluster.ClusterSettings, cluster: dict[str, Any] | None) -> None:
    """Refuse what AWS would refuse, as far as it can be known, before anything is done."""
    name = settings.name
    if _eks_cluster.needs_calendar(cluster, settings):
        try:
            _eks_cluster.check_support(settings, aws.call(_eks_cluster.describe_versions()))
        except AwsError as error:
            if error.code not in DENIED:  # EKS knows its calendar in any case
                raise
    if cluster is None:
        return
    if cluster["version"] != settings.version:
        names = aws.call(_eks_nodegroups.list_nodegroups(name))
        groups = aws.find_all({one: _eks_nodegroups.describe_nodegroup(name, one) for one in names})
        left = {one: group for one, group in groups.items() if group}
        _eks_cluster.check_upgrade(name, cluster["version"], settings.version, left)
    now = cluster["resourcesVpcConfig"]["subnetIds"]
    if settings.subnets is not None and set(settings.subnets) != set(now):
        subnets = aws.call(_eks.describe_subnets(name, {*now, *settings.subnets}))
        _eks_cluster.check_move(name, now, settings.subnets, subnets)


def look(aws: Aws, params: dict[str, Any], check_mode: bool) -> tuple[dict[str, Any] | None, Look, dict[str, str]]:
    name = params["name"]
    cluster, updating = find(aws, name, params["asked"])
    if params["state"] == "absent":
        seen = _eks_cluster.absent_cluster(cluster, name, updating)
    else:
        settings = wanted(aws, params, cluster, check_mode)
        if cluster is None or (cluster["status"] == "ACTIVE" and not updating):
            check(aws, settings, cluster)
        seen = _eks_cluster.present_cluster(cluster, settings, updating)
    return cluster, seen, params["asked"] if updating else {}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            **WAIT_ARGUMENTS,
            **_eks.ASKED_ARGUMENT,
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "version": {"type": "str"},
            "role": {"type": "str"},
            "subnets": {"type": "list", "elements": "str"},
            "security_groups": {"type": "list", "elements": "str"},
            "public_access_cidrs": {"type": "list", "elements": "str", "default": []},
            "service_cidr": {"type": "str"},
            "logs": {
                "type": "list",
                "elements": "str",
                "choices": list(_eks_cluster.LOG_TYPES),
                "default": list(_eks_cluster.LOG_TYPES),
            },
            "deletion_protection": {"type": "bool", "default": True},
            "support_type": {"type": "str", "choices": ["STANDARD", "EXTENDED"], "default": "STANDARD"},
            "scaling_tier": {"type": "str", "choices": list(_eks_cluster.TIERS), "default": _eks_cluster.TIERS[0]},
            "zonal_shift": {"type": "bool", "default": True},
            "encryption_key": {"type": "str", "no_log": False},
            "tags": {"type": "dict", "default": {}},
        },
        required_if=[("state", "present", ("version", "role"))],
        supports_check_mode=True,
    )
    params = module.params
    try:
        if params["state"] == "present":
            _eks_cluster.check_cluster(
                params["name"], params["version"], params["public_access_cidrs"], params["service_cidr"]
            )
        aws = Aws(get_aws_connection_info(module), params["account_id"])
        cluster, seen, asked = look(aws, params, module.check_mode)
        if not module.check_mode:
            asked |= _eks.updates_of(aws.send(seen.requests, {}))
    except AwsError as error:
        module.fail_json(**error.failure)
    summary = _eks_cluster.cluster_summary(cluster)
    if summary and summary["health_issues"]:
        module.warn(
            f"{_eks.about_cluster(params['name'])} is {summary['status']}, but EKS names what may harm it: "
            f"{'; '.join(summary['health_issues'])}."
        )
    module.exit_json(cluster=summary, asked=asked, **result(seen, module.check_mode))


if __name__ == "__main__":
    main()
