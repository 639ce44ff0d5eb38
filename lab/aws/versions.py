"""What EKS offers: Kubernetes versions with their calendar, and add-ons with their versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text)  # UTC without saying so, as all of moto's times


@dataclass(frozen=True)
class KubernetesVersion:
    name: str
    released: datetime
    end_of_standard_support: datetime
    end_of_extended_support: datetime

    @property
    def minor(self) -> int:
        return int(self.name.split(".")[1])

    def support(self, now: datetime) -> str:
        if now < self.end_of_standard_support:
            return "STANDARD_SUPPORT"
        return "EXTENDED_SUPPORT" if now < self.end_of_extended_support else "UNSUPPORTED"


KUBERNETES = {
    name: KubernetesVersion(name, _day(released), _day(standard), _day(extended))
    for name, released, standard, extended in (
        ("1.31", "2024-09-26", "2025-11-26", "2026-11-26"),
        ("1.32", "2025-01-23", "2026-03-23", "2027-03-23"),
        ("1.33", "2025-05-29", "2026-07-29", "2027-07-29"),
        ("1.34", "2025-10-02", "2026-12-02", "2027-12-02"),
        ("1.35", "2026-01-27", "2027-03-27", "2028-03-27"),
    )
}
DEFAULT_KUBERNETES = "1.35"


@dataclass
class Newest:
    """What moves as time goes by."""

    image: str = "20260101"  # the day of the newest machine image


current = Newest()


def release(kubernetes: str) -> str:
    """The newest release of the machine image for a Kubernetes version."""
    return f"{kubernetes}.0-{current.image}"


@dataclass(frozen=True)
class AddonOffer:
    """An add-on: its versions, newest first. The default is not the newest, as it seldom is on AWS."""

    versions: tuple[str, ...]
    default: str
    kind: str
    needs_nodes: bool  # it is a Deployment, so it is not healthy before a node has joined


def _offer(newest: str, default: str, kind: str, *, needs_nodes: bool = False) -> AddonOffer:
    return AddonOffer((newest, default), default, kind, needs_nodes)


ADDONS = {
    "vpc-cni": _offer("v1.21.1-eksbuild.3", "v1.20.4-eksbuild.2", "networking"),
    "coredns": _offer("v1.13.2-eksbuild.1", "v1.12.4-eksbuild.1", "networking", needs_nodes=True),
    "eks-pod-identity-agent": _offer("v1.3.10-eksbuild.2", "v1.3.10-eksbuild.1", "security"),
    "aws-ebs-csi-driver": _offer("v1.59.0-eksbuild.1", "v1.58.0-eksbuild.1", "storage", needs_nodes=True),
    "metrics-server": _offer("v0.8.1-eksbuild.1", "v0.8.0-eksbuild.4", "observability", needs_nodes=True),
}


ADDON_SETTINGS = {  # some of what configurationValues can hold, and its JSON type
    "vpc-cni": {"env": "object", "init": "object", "enableNetworkPolicy": "string", "nodeAgent": "object"},
    "coredns": {"replicaCount": "integer", "resources": "object", "tolerations": "array", "affinity": "object"},
    "kube-proxy": {"mode": "string", "ipvs": "object", "resources": "object"},
    "eks-pod-identity-agent": {"agent": "object", "resources": "object", "tolerations": "array"},
    "aws-ebs-csi-driver": {"controller": "object", "node": "object", "sidecars": "object"},
    "metrics-server": {"replicas": "integer", "resources": "object", "tolerations": "array"},
}
ADDON_IDENTITIES = {  # service account -> the policy that EKS recommends for its role
    "vpc-cni": {"aws-node": "AmazonEKS_CNI_Policy"},
    "aws-ebs-csi-driver": {"ebs-csi-controller-sa": "service-role/AmazonEBSCSIDriverPolicy"},
}


def all_addon_versions(name: str) -> set[str]:
    return {version for kubernetes in KUBERNETES for version in addon(name, kubernetes).versions}


def addon(name: str, kubernetes: str) -> AddonOffer:
    """What is offered for a Kubernetes version, or a KeyError; kube-proxy is the one whose versions follow it."""
    if name == "kube-proxy":
        return _offer(f"v{kubernetes}.1-eksbuild.2", f"v{kubernetes}.0-eksbuild.2", "networking")
    return ADDONS[name]


def addon_names() -> list[str]:
    return sorted([*ADDONS, "kube-proxy"])


def addon_document(name: str, kubernetes: list[str]) -> dict[str, Any]:
    """An add-on with its versions, as describe-addon-versions shows it."""
    compatibilities: dict[str, list[dict[str, Any]]] = {}
    for cluster_version in kubernetes:
        offer = addon(name, cluster_version)
        for version in offer.versions:
            compatibilities.setdefault(version, []).append(
                {
                    "clusterVersion": cluster_version,
                    "platformVersions": ["*"],
                    "defaultVersion": version == offer.default,
                }
            )
    return {
        "addonName": name,
        "type": offer.kind,
        "owner": "aws",
        "publisher": "eks",
        "addonVersions": [
            {"addonVersion": version, "architecture": ["amd64", "arm64"], "compatibilities": compatible}
            for version, compatible in compatibilities.items()
        ],
    }
