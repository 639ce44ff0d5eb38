"""The Lease by which one of several Cluster Operators acts and the others stand by."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import urllib3

from lab.strimzi.api import Api, ApiError
from lab.strimzi.work import log

SECONDS = 15


class Lease:
    """Holds the Lease: only the operator that does may act."""

    def __init__(self, api: Api, namespace: str, name: str, identity: str) -> None:
        self.api, self.namespace, self.name, self.identity = api, namespace, name, identity
        self.until = 0.0

    def held(self) -> bool:
        return time.monotonic() < self.until

    def keep(self) -> None:
        while True:
            try:
                if self.take():
                    self.until = time.monotonic() + SECONDS
            except (ApiError, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                log.warning("the lease %s was not renewed: %s", self.name, error)
            time.sleep(2 if not self.held() else SECONDS / 3)

    def take(self) -> bool:
        now = datetime.now(UTC)
        stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        mine = {"holderIdentity": self.identity, "leaseDurationSeconds": SECONDS, "renewTime": stamp}
        lease = self.api.get("Lease", self.namespace, self.name)
        if lease is None:
            meta = {"name": self.name, "namespace": self.namespace}
            spec = mine | {"acquireTime": stamp, "leaseTransitions": 0}
            self.api.create({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec})
            return True
        spec = lease["spec"]
        if spec.get("holderIdentity") != self.identity:
            expiry = datetime.fromisoformat(spec["renewTime"]) + timedelta(seconds=spec["leaseDurationSeconds"])
            if now < expiry:
                return False
            spec |= {"acquireTime": stamp, "leaseTransitions": spec["leaseTransitions"] + 1}
        self.api.replace(lease | {"spec": spec | mine})
        return True
