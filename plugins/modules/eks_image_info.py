#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_image_info
short_description: Releases of the machine image that EKS offers for nodes
version_added: 0.1.0
description:
  - Finds the newest release of Amazon Linux 2023 for a version of Kubernetes, and refuses releases that do not exist.
  - Karpenter says of those only in its log that it does not find them.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  kubernetes_version:
    description: Version of Kubernetes, in quotes.
    type: str
    required: true
  aliases:
    description: Releases that must exist, in the form in which Karpenter names them.
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
- name: Find the newest release, and see whether another one exists
  streamops.kafka_eks.eks_image_info:
    kubernetes_version: "1.35"
    aliases: [al2023@v20260101]
    region: us-west-2
"""

RETURN = r"""
newest:
  description: The newest release.
  returned: always
  type: str
  sample: al2023@v20260101
"""

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _eks_image
from ..module_utils._aws import ACCOUNT_ARGUMENT, Aws
from ..module_utils._aws_data import AwsError


def run(aws: Aws, params: dict[str, Any]) -> dict[str, Any]:
    kubernetes, aliases = params["kubernetes_version"], params["aliases"]
    requests = {"newest": _eks_image.newest(kubernetes)}
    if aliases:
        requests["given"] = _eks_image.given(kubernetes, aliases)
    found = aws.read(requests)
    _eks_image.require_known(kubernetes, aliases, found.get("given", {}))
    return {"changed": False, "newest": _eks_image.alias_of(kubernetes, found["newest"])}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            "kubernetes_version": {"type": "str", "required": True},
            "aliases": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        _eks_image.require_pinned(module.params["aliases"])
        aws = Aws(get_aws_connection_info(module), module.params["account_id"])
        result = run(aws, module.params)
    except AwsError as error:
        module.fail_json(**error.failure)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
