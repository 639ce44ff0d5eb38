# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waits for what the module of the same name has asked EKS to do."""

from __future__ import annotations

from typing import Any

from ..plugin_utils._polling import PollingActionBase


class ActionModule(PollingActionBase):
    module = "streamops.kafka_eks.eks_addons"
    carried = ("asked",)

    def is_done(self, result: dict[str, Any]) -> bool:
        """Add-ons that are not to be waited for may still be on their way."""
        wait_for = result["invocation"]["module_args"]["wait_for"]
        pending = set(result["pending"])
        return not (pending if wait_for is None else pending & set(wait_for))
