"""EKS as this project uses it, in the place of moto's own."""

from __future__ import annotations

from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.eks import urls
from moto.eks.models import eks_backends

from lab.aws.access import AccessOperations
from lab.aws.addons import AddonOperations
from lab.aws.clusters import ClusterOperations
from lab.aws.model import Cluster
from lab.aws.nodegroups import NodegroupOperations


class EKSResponse(ClusterOperations, NodegroupOperations, AddonOperations, AccessOperations):
    """An operation that none of the parents has is refused as not implemented."""


def install() -> None:
    """Must happen before the first request to EKS: moto reads its routes then."""
    urls.url_paths.clear()
    # Which operation a request is follows from botocore's model, so one route serves all.
    urls.url_paths["{0}/(?P<path>.+)$"] = EKSResponse.dispatch


def find_cluster(name: str | None) -> Cluster | None:
    """A cluster of the account, in whatever region."""
    clusters: list[Any] = [
        backend.clusters.get(name or "") for backend in list(eks_backends[DEFAULT_ACCOUNT_ID].values())
    ]
    return next(filter(None, clusters), None)
