# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which versions go together."""

from __future__ import annotations

from collections.abc import Callable

from ..module_utils._versions import karpenter_check


def karpenter_refusal(version: object, kubernetes: str) -> str:
    check = karpenter_check(str(version), str(kubernetes))
    return check.sentence if check.status == "failed" else ""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., str]]:
        return {"karpenter_refusal": karpenter_refusal}
