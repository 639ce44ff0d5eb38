# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waits for what the module of the same name has asked EKS to do."""

from __future__ import annotations

from ..plugin_utils._polling import PollingActionBase


class ActionModule(PollingActionBase):
    module = "streamops.kafka_eks.eks_cluster"
    carried = ("asked",)
