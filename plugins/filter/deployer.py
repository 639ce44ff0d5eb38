# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The policies of the one who deploys a cluster."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._deployer_policy import partition_of, policies


def deployer_policies(
    cluster: object, region: str, account_id: str, permissions_boundary: str | None = None
) -> dict[str, Any]:
    if not (isinstance(cluster, str) and re.fullmatch(r"[0-9A-Za-z][\w-]{0,99}", cluster, re.ASCII)):
        raise AnsibleFilterError(f"deployer_policies cannot use '{cluster}': give it the name of an EKS cluster.")
    if not re.fullmatch(r"\d{12}", str(account_id)):
        raise AnsibleFilterError(
            f"deployer_policies cannot use the account_id '{account_id}': give all twelve digits, in quotes."
        )
    return policies(cluster, region, str(account_id), partition_of(region), permissions_boundary)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        return {"deployer_policies": deployer_policies}
