"""The Cluster Operator: makes what Kafka resources and node pools ask for, one small step after another."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lab.strimzi import model, objects, rolling, statuses
from lab.strimzi.api import Api, ApiError, serve_health
from lab.strimzi.lease import Lease
from lab.strimzi.model import Object, Problem
from lab.strimzi.quorum import Quorum
from lab.strimzi.work import Work, log, watch


@dataclass(frozen=True)
class Settings:
    """The operator's environment, with the names of the real one."""

    namespaces: list[str]
    interval: float
    timeout: float
    images: model.Images
    lease: tuple[str, str, str] | None  # namespace, name, own identity

    @classmethod
    def read(cls, env: dict[str, str]) -> Settings:
        lease = None
        if env.get("STRIMZI_LEADER_ELECTION_ENABLED") == "true":
            lease = (
                env["STRIMZI_LEADER_ELECTION_LEASE_NAMESPACE"],
                env["STRIMZI_LEADER_ELECTION_LEASE_NAME"],
                env["STRIMZI_LEADER_ELECTION_IDENTITY"],
            )
        images = model.Images(
            kafka=dict(line.split("=", 1) for line in env["STRIMZI_KAFKA_IMAGES"].split()),
            init=env["STRIMZI_DEFAULT_KAFKA_INIT_IMAGE"],
            topic_operator=env["STRIMZI_DEFAULT_TOPIC_OPERATOR_IMAGE"],
            user_operator=env["STRIMZI_DEFAULT_USER_OPERATOR_IMAGE"],
        )
        namespaces = [name.strip() for name in env["STRIMZI_NAMESPACE"].split(",")]
        interval, timeout = (
            float(env[f"STRIMZI_{name}_MS"]) / 1000 for name in ("FULL_RECONCILIATION_INTERVAL", "OPERATION_TIMEOUT")
        )
        return cls(namespaces, interval, timeout, images, lease)


class ClusterOperator:
    def __init__(self, api: Api, settings: Settings) -> None:
        self.api, self.settings = api, settings
        # What was last applied for each Kafka (by its uid), so that it is not sent again.
        self.applied: dict[str, dict[tuple[str, str], str]] = {}
        self.deleted: set[tuple[str, str]] = set()
        self.said: dict[str, str] = {}
        self.lease = Lease(api, *settings.lease) if settings.lease else None
        self.work = Work(self.reconcile_namespace, settings.interval, self.lease.held if self.lease else lambda: True)

    def run(self) -> None:
        for kind in ("Kafka", "KafkaNodePool", "StrimziPodSet"):
            try:
                self.api.list(kind, None if self.settings.namespaces == ["*"] else self.settings.namespaces[0])
            except ApiError as error:
                raise SystemExit(
                    f"{kind} cannot be read ({error}): install Strimzi's definitions, then the operator."
                ) from error
        if self.lease:
            threading.Thread(target=self.lease.keep, daemon=True).start()
        serve_health(8080, lambda: True)
        resources = (("kafka.strimzi.io", "v1beta2", "kafkas"), ("kafka.strimzi.io", "v1beta2", "kafkanodepools"),
                     ("core.strimzi.io", "v1beta2", "strimzipodsets"), ("", "v1", "pods"))  # fmt: skip
        watch(self.work, resources, self.notice, self.settings.namespaces)

    async def notice(self, event: Any, body: Any, namespace: str | None, name: str | None, **_: Any) -> None:
        if event["type"] == "DELETED" and body.get("kind") == "Kafka":
            self.deleted.add((str(namespace), str(name)))
        if body.get("kind") != "Pod" or body["metadata"].get("labels", {}).get("strimzi.io/kind") == "Kafka":
            self.work.notice(str(namespace))

    # --- one look at a namespace ---

    def reconcile_namespace(self, namespace: str, everything: bool) -> bool:
        for gone in [key for key in self.deleted if key[0] == namespace]:
            # The garbage collector does not take what has no namespace.
            self.api.delete("ClusterRoleBinding", None, objects.init_binding(*gone))
            self.deleted.discard(gone)
        pools = self.api.list("KafkaNodePool", namespace)
        settled = True
        for kafka in self.api.list("Kafka", namespace):
            self.deleted.discard((namespace, kafka["metadata"]["name"]))
            if "deletionTimestamp" not in kafka["metadata"]:
                if everything:
                    self.applied.pop(kafka["metadata"]["uid"], None)
                settled = self.reconcile(kafka, model.pools_of(kafka, pools)) and settled
        for podset in self.api.list("StrimziPodSet", namespace):
            if "deletionTimestamp" not in podset["metadata"]:
                self.keep_pods(podset)
        return settled

    def keep_pods(self, podset: Object) -> None:
        """The controller of StrimziPodSets: it runs on where a Kafka is paused or wrong."""
        meta = podset["metadata"]
        lacking, surplus, status = rolling.podset_pods(podset, self._pods(meta["namespace"]))
        for pod in lacking:
            log.info("%s/%s: creating pod %s", meta["namespace"], meta["name"], pod["metadata"]["name"])
            self.api.create(pod)
        for pod in surplus:
            self.api.delete("Pod", meta["namespace"], pod["metadata"]["name"], pod["metadata"]["uid"])
        self._set_status(podset, status)

    def reconcile(self, kafka: Object, pools: list[Object]) -> bool:
        """Go one step; returns whether the cluster is as it should be, or cannot be."""
        meta = kafka["metadata"]
        name = f"{meta['namespace']}/{meta['name']}"
        if not model.is_managed(kafka):
            self._say(
                name, "is left alone: it lacks the annotations strimzi.io/kraft and strimzi.io/node-pools: enabled"
            )
            return True
        if model.is_paused(kafka):
            self._set_status(kafka, statuses.paused_status(kafka))
            return True
        if not kafka.get("status"):
            self._set_status(kafka, statuses.creating_status())
        warnings: list[Object] = []
        try:
            podsets = {item["metadata"]["name"]: item for item in self.api.list("StrimziPodSet", meta["namespace"])}
            cluster = model.plan(kafka, pools, podsets, self.settings.images)
            warnings += cluster.warnings
            wait = self.carry_out(cluster, podsets, warnings)
        except (Problem, ApiError) as error:
            reason = error.reason if isinstance(error, Problem) else "KubernetesClientException"
            self._say(name, f"is not ready: {reason}: {error}")
            self._set_status(kafka, statuses.not_ready_status(kafka, reason, str(error), warnings))
            # What time alone may heal is looked at again soon, bad input when it changes.
            return reason not in ("FatalProblem", "TimeoutException", "KubernetesClientException")
        if wait:
            self._say(name, f"waits for {wait}")
            return False
        self._say(name, "is ready")
        self._set_status(kafka, statuses.ready_status(cluster, warnings))
        return True

    def carry_out(self, cluster: model.Cluster, podsets: dict[str, Object], warnings: list[Object]) -> str:
        """Make the cluster's objects and restart one pod if need be; returns what has to be waited for."""
        for pool in cluster.pools:
            self._set_status(pool.resource, statuses.pool_status(cluster, pool))
        warnings += self._apply_claims(cluster)
        self._apply(cluster, objects.access(cluster))
        self._require_metrics(cluster)
        self._spread_roll_request(cluster, podsets)
        nodes = objects.nodes(cluster)
        self._apply(cluster, nodes)
        wanted = {
            pod["metadata"]["name"]: pod
            for item in nodes
            if item["kind"] == "StrimziPodSet"
            for pod in item["spec"]["pods"]
        }
        quorum = Quorum(cluster.replication_address)
        pods = self._pods(cluster.namespace)
        step = rolling.next_step(
            cluster, wanted, pods, quorum.active_controller, datetime.now(UTC), self.settings.timeout
        )
        if step.restart:
            if rolling.is_ready(step.restart) and (trouble := quorum.trouble()):
                return f"{trouble} before {step.restart['metadata']['name']} is restarted"
            self._restart(cluster, step.restart, step.why)
            return f"{step.restart['metadata']['name']} to be restarted"
        return step.wait or self._entity_operator(cluster)

    def _apply_claims(self, cluster: model.Cluster) -> list[Object]:
        warnings = []
        present = {item["metadata"]["name"]: item for item in self.api.list("PersistentVolumeClaim", cluster.namespace)}
        for claim in objects.claims(cluster):
            name = claim["metadata"]["name"]
            if name not in present:
                self.api.apply(claim)
                continue
            old = present[name]["spec"]
            resized = old["resources"] != claim["spec"]["resources"]
            if resized and (refusal := self._resize_refusal(name, old.get("storageClassName"))):
                warnings.append(model.condition("Warning", "PvcResizingWarning", refusal))
            else:
                self._apply(cluster, [claim])
        return warnings

    def _resize_refusal(self, claim: str, storage_class: str | None) -> str:
        found = self.api.get("StorageClass", None, storage_class) if storage_class else {"allowVolumeExpansion": False}
        if found is None:
            return f"Storage Class {storage_class} not found. PVC {claim} cannot be resized."
        if not found.get("allowVolumeExpansion"):
            return f"Storage Class {storage_class} does not support resizing of volumes. PVC {claim} cannot be resized."
        return ""

    def _require_metrics(self, cluster: model.Cluster) -> None:
        if reference := objects.metrics_reference(cluster):
            name, key = reference
            found = self.api.get("ConfigMap", cluster.namespace, name)
            if found is None:
                raise Problem("InvalidConfigurationException", f"ConfigMap {name} does not exist")
            if key not in found.get("data", {}):
                raise Problem("InvalidConfigurationException", f"ConfigMap {name} does not contain specified key {key}")

    def _spread_roll_request(self, cluster: model.Cluster, podsets: dict[str, Object]) -> None:
        """A request to roll a StrimziPodSet becomes one for each of its pods, so that it survives the operator."""
        request = "strimzi.io/manual-rolling-update"
        for pool in cluster.pools:
            podset = podsets.get(f"{cluster.name}-{pool.name}")
            if podset and podset["metadata"].get("annotations", {}).get(request) == "true":
                for name, pod in self._pods(cluster.namespace).items():
                    if name in (cluster.pod_name(pool, node) for node in pool.node_ids):
                        self.api.merge(pod, {"metadata": {"annotations": {request: "true"}}})
                self.api.merge(podset, {"metadata": {"annotations": {request: None}}})

    def _restart(self, cluster: model.Cluster, pod: Object, why: str) -> None:
        meta = pod["metadata"]
        reason = "PodHasOldRevision" if why == "Pod has old revision" else "ManualRollingUpdate"
        event = {
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"generateName": "strimzi-event-", "namespace": cluster.namespace},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": "Normal", "action": "StrimziInitiatedPodRestart", "reason": reason, "note": f"Rolling Pod {meta['name']} due to {why}",
            "reportingController": "strimzi.io/cluster-operator", "reportingInstance": os.environ.get("HOSTNAME", "strimzi-cluster-operator"),
            "regarding": {key: cluster.kafka[key] for key in ("apiVersion", "kind")} | {key: cluster.kafka["metadata"][key] for key in ("name", "namespace", "uid")},
        }  # fmt: skip
        log.info("%s/%s: rolling pod %s due to %s", cluster.namespace, cluster.name, meta["name"], why)
        self.api.create(event)
        self.api.delete("Pod", cluster.namespace, meta["name"], meta["uid"])

    def _entity_operator(self, cluster: model.Cluster) -> str:
        wanted = objects.entity_operator(cluster)
        name = f"{cluster.name}-entity-operator"
        if not wanted:
            self.api.delete("Deployment", cluster.namespace, name)
            return ""
        self._apply(cluster, wanted)
        found = self.api.get("Deployment", cluster.namespace, name) or {"metadata": {"generation": 1}}
        status = found.get("status", {})
        seen = status.get("observedGeneration") == found["metadata"]["generation"]
        return (
            ""
            if seen and status.get("updatedReplicas") and status.get("availableReplicas")
            else f"Deployment {name} to be ready"
        )

    # --- small ones ---

    def _pods(self, namespace: str) -> dict[str, Object]:
        return {
            pod["metadata"]["name"]: pod
            for pod in self.api.list("Pod", namespace, "strimzi.io/kind=Kafka,strimzi.io/controller=strimzipodset")
        }

    def _apply(self, cluster: model.Cluster, wanted: Iterable[Object]) -> None:
        applied = self.applied.setdefault(cluster.kafka["metadata"]["uid"], {})
        for item in wanted:
            key, text = (item["kind"], item["metadata"]["name"]), json.dumps(item, sort_keys=True)
            if applied.get(key) != text:
                self.api.apply(item)
                applied[key] = text

    def _say(self, name: str, text: str) -> None:
        """Log what is new about a Kafka; a look every other second must not fill the log."""
        if self.said.get(name) != text:
            log.info("Kafka %s %s", name, text)
            self.said[name] = text

    def _set_status(self, resource: Object, status: Object) -> None:
        new = statuses.with_times(resource.get("status"), status, datetime.now(UTC))
        if new is not None:
            self.api.set_status(resource, new)
            resource["status"] = new


def run() -> None:
    ClusterOperator(Api.in_cluster(), Settings.read(dict(os.environ))).run()
