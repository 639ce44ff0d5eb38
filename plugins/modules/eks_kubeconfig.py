#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_kubeconfig
short_description: The kubeconfig file of an EKS cluster
version_added: 0.1.0
description:
  - Writes a kubeconfig that reaches one cluster, with a context of the cluster's name. Its user gets tokens from the C(aws)
    program, so that the file holds no secret.
  - A file that holds other clusters is refused, so that nobody's own kubeconfig is ever changed.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster and of the context.
    type: str
    required: true
  path:
    description: The file. It is readable by its owner only.
    type: path
    required: true
  state:
    description: Whether the file is to exist.
    type: str
    choices: [present, absent]
    default: present
  cluster_required:
    description:
      - Whether it is an error that there is no cluster. Otherwise a cluster that is not there has no file, and one that was left
        is removed.
    type: bool
    default: true
  environment:
    description:
      - Environment variables with which the C(aws) program gets the token, such as C(AWS_PROFILE). Secrets are refused.
    type: dict
    default: {}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes
  - streamops.kafka_eks.aws_account
seealso:
  - module: streamops.kafka_eks.eks_cluster
"""

EXAMPLES = r"""
- name: Write the kubeconfig
  streamops.kafka_eks.eks_kubeconfig:
    cluster_name: kafka-on-eks
    region: us-west-2
    path: ~/.kube/kafka-on-eks.yaml
    environment:
      AWS_PROFILE: production
"""

RETURN = r"""
path:
  description: The file.
  returned: always
  type: str
  sample: /home/me/.kube/kafka-on-eks.yaml
context:
  description: The context to use of it.
  returned: always
  type: str
  sample: kafka-on-eks
"""

from pathlib import Path
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _eks, _eks_cluster, _kubeconfig
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError


def present(aws: Aws, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    name, path = params["cluster_name"], Path(params["path"])
    _kubeconfig.check_environment(params["environment"])
    program = _kubeconfig.find_aws_program()
    now = _kubeconfig.read(path, name)
    cluster = aws.find(_eks.describe_cluster(name)) or {}
    if cluster:
        _eks.require_owned(cluster, name)
    # Being made, it has no address yet; being deleted, soon none any more.
    is_usable = cluster.get("endpoint") and cluster.get("status") != "DELETING"
    if not is_usable and not params["cluster_required"]:
        return absent(params, check_mode)
    if not check_mode:
        _eks_cluster.require_reachable(cluster, name)
    then = _kubeconfig.document(
        name,
        cluster.get("endpoint"),
        cluster.get("certificateAuthority", {}).get("data"),
        aws.region,
        program,
        params["environment"],
    )
    changed = now != then or _kubeconfig.mode_of(path) != _kubeconfig.MODE
    if changed and not check_mode:
        _kubeconfig.write(path, then)
    return {"changed": changed, "diff": {"before": _kubeconfig.shown(now), "after": _kubeconfig.shown(then)}}


def absent(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    path = Path(params["path"])
    now = _kubeconfig.read(path, params["cluster_name"])
    if now is not None and not check_mode:
        path.unlink()
    return {"changed": now is not None, "diff": {"before": _kubeconfig.shown(now), "after": {}}}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "cluster_name": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "cluster_required": {"type": "bool", "default": True},
            "environment": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        if params["state"] == "absent":
            result = absent(params, module.check_mode)
        else:
            aws = Aws(get_aws_connection_info(module), params["account_id"])
            result = present(aws, params, module.check_mode)
    except AwsError as error:
        module.fail_json(**error.failure)
    module.exit_json(**result, path=params["path"], context=params["cluster_name"])


if __name__ == "__main__":
    main()
