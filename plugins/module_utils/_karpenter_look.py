# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks for what Karpenter has said, where there is a Karpenter and the caller may ask."""

from __future__ import annotations

from ._karpenter import Said
from ._kubernetes import Cluster, KubernetesError, Object

CLAIM = ("karpenter.sh/v1", "NodeClaim")
NAMESPACE = "default"  # of the events about objects that have none


def what_karpenter_said(cluster: Cluster, namespace: str) -> Said:
    """Of the pods of a namespace, and of the machines that are launched for them."""
    if not cluster.served(*CLAIM):
        return Said()
    events = [event for one in sorted({namespace, NAMESPACE}) for event in _listed(cluster, "v1", "Event", one)]
    return Said(events, _listed(cluster, *CLAIM))


def _listed(cluster: Cluster, api_version: str, kind: str, namespace: str | None = None) -> list[Object]:
    try:
        return cluster.list(api_version, kind, namespace)
    except KubernetesError as error:
        if error.status == 403:
            return []
        raise
