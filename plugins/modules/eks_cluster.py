#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_cluster
short_description: An EKS cluster
version_added: 0.1.0
description:
  - Makes, changes in place or removes an EKS cluster. It knows access entries only, no aws-auth, and its creator gets no
    rights by having made it. Its private endpoint is always on.
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
    description: Version of Kubernetes, such as V("1.35"). A running cluster is not upgraded. Required with O(state=present).
    type: str
  role:
    description: Name or ARN of the IAM role of the control plane. Required with O(state=present).
    type: str
  subnets:
    description:
      - Ids of the subnets in which the control plane has its network interfaces. Without them a new cluster gets the intra
        subnets that carry its tag, as M(streamops.kafka_eks.vpc_network) makes them, and an existing one keeps those it has.
    type: list
    elements: str
  public_access_cidrs:
    description:
      - IPv4 blocks from which the API server can be reached from the internet. Without any it can be reached from the VPC only.
        V(0.0.0.0/0) is refused.
    type: list
    elements: str
    default: []
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
  encryption_key_arn:
    description: KMS key for the secrets of the cluster, for a new cluster only. Without it EKS uses a key of its own.
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
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes
  - streamops.kafka_eks.aws_account
seealso:
  - module: streamops.kafka_eks.eks_access_entries
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
"""

from datetime import UTC, datetime
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _eks, _eks_cluster
from ..module_utils._aws import ACCOUNT_ARGUMENT, WAIT_ARGUMENTS, Aws
from ..module_utils._aws_data import AwsError, Look, result


def look(aws: Aws, params: dict[str, Any], check_mode: bool) -> tuple[dict[str, Any] | None, Look]:
    name = params["name"]
    cluster: dict[str, Any] | None = aws.find(_eks.describe_cluster(name))
    if cluster:
        _eks.require_owned(cluster, name)
    if params["state"] == "absent":
        return cluster, _eks_cluster.absent_cluster(cluster, name)
    subnets = params["subnets"]
    if not cluster and not subnets:
        subnets = _eks.find_subnets(aws.call, name, "intra", check_mode)
    settings = _eks_cluster.ClusterSettings(
        name=name,
        version=params["version"],
        role=_eks.find_role(aws.find, params["role"], check_mode, datetime.now(UTC)),
        subnets=subnets,
        public_access_cidrs=params["public_access_cidrs"],
        logs=params["logs"],
        deletion_protection=params["deletion_protection"],
        support_type=params["support_type"],
        encryption_key_arn=params["encryption_key_arn"],
        tags=params["tags"],
    )
    return cluster, _eks_cluster.present_cluster(cluster, settings)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            **WAIT_ARGUMENTS,
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "version": {"type": "str"},
            "role": {"type": "str"},
            "subnets": {"type": "list", "elements": "str"},
            "public_access_cidrs": {"type": "list", "elements": "str", "default": []},
            "logs": {
                "type": "list",
                "elements": "str",
                "choices": list(_eks_cluster.LOG_TYPES),
                "default": list(_eks_cluster.LOG_TYPES),
            },
            "deletion_protection": {"type": "bool", "default": True},
            "support_type": {"type": "str", "choices": ["STANDARD", "EXTENDED"], "default": "STANDARD"},
            "encryption_key_arn": {"type": "str", "no_log": False},
            "tags": {"type": "dict", "default": {}},
        },
        required_if=[("state", "present", ("version", "role"))],
        supports_check_mode=True,
    )
    params = module.params
    try:
        if params["state"] == "present":
            _eks_cluster.check_cluster(params["name"], params["version"], params["public_access_cidrs"])
        aws = Aws(get_aws_connection_info(module), params["account_id"])
        cluster, seen = look(aws, params, module.check_mode)
        if not module.check_mode:
            aws.send(seen.requests, {})
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(cluster=_eks_cluster.cluster_summary(cluster), **result(seen, module.check_mode))


if __name__ == "__main__":
    main()
