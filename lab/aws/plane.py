"""What stands behind an emulated EKS cluster: a control plane that nodes can join, or nothing at all."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class PlaneError(Exception):
    """What the control plane cannot do, in a sentence for the user."""


@dataclass(frozen=True)
class Access:
    """What describe-cluster tells clients."""

    endpoint: str
    certificate_authority: bytes  # PEM
    service_cidr: str


@dataclass(frozen=True)
class Node:
    """A machine of a node group, as Kubernetes shall see it."""

    name: str
    provider_id: str
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]]
    capacity: Mapping[str, str]


class ControlPlane(Protocol):
    """Nothing here blocks: EKS answers while the real thing starts, stops and lets nodes join."""

    def start(self, cluster: str) -> Access:
        """Begin to start; refused with a PlaneError where another cluster has the control plane."""

    def is_ready(self) -> bool:
        """Whether clients are answered; a PlaneError when it never will be."""

    def set_nodes(self, nodegroup: str, nodes: Sequence[Node]) -> bool:
        """Make the group's nodes be these, and tell whether all of them are Ready."""

    def stop(self) -> None:
        """Begin to stop, and forget all data."""

    def is_gone(self) -> bool:
        """Whether nothing is left of it."""


class Record:
    """Nothing stands behind the cluster: it is ready as soon as its states have passed. For unit tests."""

    def start(self, cluster: str) -> Access:
        certificate = b"-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n"
        return Access(
            f"https://{uuid.uuid4().hex.upper()}.gr7.us-west-2.eks.amazonaws.com", certificate, "172.20.0.0/16"
        )

    def is_ready(self) -> bool:
        return True

    def set_nodes(self, nodegroup: str, nodes: Sequence[Node]) -> bool:
        return True

    def stop(self) -> None:
        pass

    def is_gone(self) -> bool:
        return True


current: ControlPlane = Record()  # lab.cloud puts the real one here
