#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_pod_identity_associations
short_description: Which IAM roles the service accounts of an EKS cluster act as
version_added: 0.1.0
description:
  - Makes the pod identity associations of a list be as they are written, or removes them.
  - Associations that belong to an add-on are never touched. Give those as O(streamops.kafka_eks.eks_addons#module:addons[].pod_identity).
  - Other associations are left alone.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  state:
    description: Whether the associations of the list are to exist.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description:
      - Whether associations that carry the tag C(kafka-eks/cluster) of this cluster, but are not in the list, are removed, with
        O(state=present).
    type: bool
    default: false
  associations:
    description: The associations, one for each service account.
    type: list
    elements: dict
    required: true
    suboptions:
      namespace:
        description: Namespace of the service account.
        type: str
        required: true
      service_account:
        description: Name of the service account.
        type: str
        required: true
      role:
        description: Name or ARN of the IAM role that its pods act as. Required with O(state=present).
        type: str
      target_role:
        description:
          - Name or ARN of another role, often of another account, that O(associations[].role) takes on for the pods. Without it
            an association keeps the one it has. An empty text takes it away.
        type: str
      disable_session_tags:
        description:
          - Whether EKS adds no tags, such as the namespace and the service account, to the session of the role. Without it an
            association keeps what it has, and a new one gets the tags.
        type: bool
  tags:
    description: Further tags of the associations.
    type: dict
    default: {}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes
  - streamops.kafka_eks.aws_account
notes:
  - Pods get the role when they start. Those that run keep what they have until they are started again.
  - The add-on C(eks-pod-identity-agent) must be on the nodes.
seealso:
  - module: streamops.kafka_eks.eks_addons
  - module: streamops.kafka_eks.iam_roles
"""

EXAMPLES = r"""
- name: Let Kafka's pods and Prometheus act as their roles
  streamops.kafka_eks.eks_pod_identity_associations:
    cluster_name: kafka-on-eks
    region: us-west-2
    associations:
      - namespace: kafka
        service_account: data-on-eks-kafka
        role: kafka-on-eks-us-west-2-kafka
      - namespace: kube-prometheus-stack
        service_account: kube-prometheus-stack-prometheus
        role: kafka-on-eks-us-west-2-prometheus

- name: Take the role from a service account
  streamops.kafka_eks.eks_pod_identity_associations:
    cluster_name: kafka-on-eks
    region: us-west-2
    state: absent
    associations:
      - namespace: kafka
        service_account: data-on-eks-kafka
"""

RETURN = r"""
roles:
  description: ARN of the role of each service account of the list, without those that have none.
  returned: always
  type: dict
  sample:
    kafka/data-on-eks-kafka: arn:aws:iam::111122223333:role/kafka-eks/us-west-2/kafka-on-eks/kafka-on-eks-us-west-2-kafka
"""

from datetime import UTC, datetime
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _eks, _eks_pod_identity
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError, Look, joined


def run(aws: Aws, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    cluster, associations = params["cluster_name"], params["associations"]
    _eks_pod_identity.check_associations(associations, params["state"], cluster)
    seen = aws.find_all(
        {"cluster": _eks.describe_cluster(cluster), "associations": _eks_pod_identity.list_associations(cluster)}
    )
    if seen["cluster"]:
        _eks.require_owned(seen["cluster"], cluster)
    elif params["state"] == "present" and not check_mode:
        raise AwsError(f"{_eks.about_cluster(cluster)} is not there: make the cluster before its associations.")
    listed = {_eks_pod_identity.association_key(each): each for each in seen["associations"] or []}
    names = [_eks_pod_identity.association_key(each) for each in associations]
    if params["state"] == "present":
        _eks_pod_identity.refuse_those_of_addons(listed, names, cluster)
    everything = params["purge"] and params["state"] == "present"
    found = aws.find_all(
        {
            key: _eks_pod_identity.describe_association(cluster, key, each["associationId"])
            for key, each in listed.items()
            if not each.get("ownerArn") and (everything or key in names)
        }
    )
    if params["state"] == "absent":
        look = _eks_pod_identity.absent_associations(found, cluster)
    else:
        others = {key: each for key, each in found.items() if key not in names}
        look = joined(
            present(aws, params, found, check_mode),
            _eks_pod_identity.absent_associations(_eks_pod_identity.ours(others, cluster), cluster),
        )
    if not check_mode:
        aws.send(look.requests, {})
    return {
        "changed": bool(look.requests),
        "diff": {"before": look.before, "after": look.after},
        "roles": {key: look.after[key]["role"] for key in names if key in look.after},
    }


def present(aws: Aws, params: dict[str, Any], found: dict[str, Any], check_mode: bool) -> Look:
    cluster, now = params["cluster_name"], datetime.now(UTC)

    def role(given: str, arn: str | None) -> _eks.Role:
        if arn and _eks_pod_identity.is_role(given, arn, aws.caller.account):
            return _eks.Role(arn)
        return _eks.find_role(aws.find, given, check_mode, now)

    wanted, patience = {}, {}
    for association in params["associations"]:
        key = _eks_pod_identity.association_key(association)
        has = found.get(key) or {}
        own = role(association["role"], has.get("roleArn"))
        given = association["target_role"]
        target = role(given, has.get("targetRoleArn")) if given else None
        tags = _eks_pod_identity.owner_tags(params["tags"], cluster)
        wanted[key] = _eks_pod_identity.wanted_association(association, own, target, tags)
        patience[key] = own.patience or (target.patience if target else ())
    return _eks_pod_identity.present_associations(found, wanted, patience, cluster)


def main() -> None:
    associations = {
        "namespace": {"type": "str", "required": True},
        "service_account": {"type": "str", "required": True},
        "role": {"type": "str"},
        "target_role": {"type": "str"},
        "disable_session_tags": {"type": "bool"},
    }
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "purge": {"type": "bool", "default": False},
            "associations": {"type": "list", "elements": "dict", "required": True, "options": associations},
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
