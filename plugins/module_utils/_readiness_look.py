# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One look at a Kafka cluster, from both sides. What the module and the action plugin kafka_cluster_ready share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from textwrap import shorten
from typing import Any, Literal, Self

from ._kafka import KafkaTrouble, Session, access_to
from ._karpenter import Said
from ._karpenter_look import what_karpenter_said
from ._kube_tunnel import Admission, Pod, Tunnel
from ._kubernetes import CONNECTION_OPTIONS, Cluster, KubernetesError, NotServed, Object
from ._objects import holds
from ._readiness import Check, remember, summary
from ._readiness_kafka import kafka_checks
from ._readiness_kubernetes import CLUSTER_LABEL, POOL_LABEL, Kubernetes, kubernetes_checks
from ._waiting import SECONDS_BETWEEN_LOOKS

ARGUMENT_SPEC: dict[str, Any] = {
    **CONNECTION_OPTIONS,
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "scope": {"type": "str", "choices": ["all", "kubernetes", "kafka"], "default": "all"},
    "listener": {"type": "str"},
    # Names of Secrets, which are no secrets.
    "ca_secret": {"type": "str", "no_log": False},
    "user_secret": {"type": "str", "no_log": False},
    "canary_topic": {"type": "str"},
    "timeout": {"type": "int", "default": 900},
}
REQUIRED_IF = [("scope", "all", ["listener"]), ("scope", "kafka", ["listener"])]

# The newer first: a cluster that serves both stores the older one, but new resources are written in the newer.
STRIMZI_VERSIONS = ("v1", "v1beta2")
OPERATOR_SELECTOR = "strimzi.io/kind=cluster-operator"
NOT_ASKED = "not asked before the checks above pass"
SECONDS_BETWEEN_GOOD_LOOKS = 1.0


@dataclass(frozen=True)
class Wanted:
    """Which cluster is looked at, and how."""

    name: str
    namespace: str
    scope: Literal["all", "kubernetes", "kafka"]
    listener: str | None
    ca_secret: str | None
    user_secret: str | None
    canary_topic: str | None
    # Whether a record may be written into the canary topic.
    write: bool = True

    def __str__(self) -> str:
        return f"Kafka {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Look:
    """What one look saw; ready only when the look before it saw the same."""

    checks: tuple[Check, ...]
    exists: bool
    ready: bool = False
    bootstrap_servers: str = ""

    @property
    def good(self) -> bool:
        return not any(check.bad for check in self.checks)

    @property
    def hopeless(self) -> bool:
        return any(check.verdict == "final" for check in self.checks)

    @property
    def missing(self) -> str:
        return summary(self.checks) or "one more good look"

    @property
    def next_look(self) -> float:
        return SECONDS_BETWEEN_GOOD_LOOKS if self.good else SECONDS_BETWEEN_LOOKS

    @property
    def progress(self) -> str:
        """What is missing, short enough for a line that is printed again and again."""
        bad = [check for check in self.checks if check.bad]
        if not bad:
            return "one more good look"
        names = ", ".join(check.name for check in bad)
        passed = len(self.checks) - len(bad)
        # Nothing else gets on before the pods have nodes, so what keeps them from that is told first.
        cause = next((check for check in bad if check.name == "nodes"), bad[0])
        return f"{passed} of {len(self.checks)} checks pass, not yet {names}; {shorten(cause.evidence, 240)}"

    def as_result(self) -> dict[str, Any]:
        return {
            "ready": self.ready,
            "checks": [check.as_result() for check in self.checks],
            "bootstrap_servers": self.bootstrap_servers,
            "path": "tunnel",
        }


def wanted_from(arguments: Mapping[str, Any], write: bool = True) -> Wanted:
    """From arguments that went through ARGUMENT_SPEC."""
    fields = ("name", "namespace", "scope", "listener", "ca_secret", "user_secret", "canary_topic")
    return Wanted(**{field: arguments[field] for field in fields}, write=write)


class Watch:
    """Looks again and again, and keeps the connections to Kafka from one look to the next."""

    def __init__(self, cluster: Cluster, wanted: Wanted):
        self._cluster = cluster
        self._wanted = wanted
        self._good_pods: frozenset[str] | None = None
        self._pods: list[Pod] = []
        self._tunnel: Tunnel | None = None
        self._session: Session | None = None
        self.leader: int | None = None  # the active controller, once Kafka was asked

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of Kafka; the next look connects anew."""
        if self._session:
            self._session.close()
        if self._tunnel:
            self._tunnel.close()
        self._session = self._tunnel = None

    def look(self) -> Look:
        seen = gather(self._cluster, self._wanted)
        checks: list[Check] = []
        if self._wanted.scope != "kafka" or seen.kafka is None:
            checks += kubernetes_checks(seen)
        if self._wanted.scope != "kubernetes" and seen.kafka is not None:
            pending = any(check.bad for check in checks)
            checks += [Check("kafka-side", "unknown", NOT_ASKED)] if pending else self._kafka_side(seen, seen.kafka)
        ready, self._good_pods = remember(checks, seen.pod_uids(), self._good_pods)
        return Look(tuple(checks), seen.kafka is not None, ready, _bootstrap(seen.kafka, self._wanted.listener))

    def _kafka_side(self, seen: Kubernetes, kafka: Object) -> list[Check]:
        brokers = {pool["metadata"]["name"] for pool in seen.pools if "broker" in pool["spec"]["roles"]}
        self._pods = [
            Pod(
                pod["metadata"]["name"],
                (pod.get("status") or {}).get("podIP"),
                holds(pod, "Ready") and pod["metadata"]["labels"].get(POOL_LABEL) in brokers,
            )
            for pod in seen.pods
        ]
        try:
            if self._session is None:
                self._session = self._connect(kafka)
            found = self._session.look(self._wanted.canary_topic if self._wanted.write else None)
        except KafkaTrouble as trouble:
            self.close()
            return [
                Check("kafka-access", "final" if trouble.final else "fail", str(trouble)),
                Check("kafka-side", "unknown", NOT_ASKED),
            ]
        self.leader = found.quorum.leader
        return kafka_checks(found, seen.expected())

    def _connect(self, kafka: Object) -> Session:
        wanted = self._wanted
        listeners = {one["name"]: one for one in kafka["spec"]["kafka"]["listeners"]}
        listener = listeners.get(wanted.listener)
        if listener is None:
            raise KafkaTrouble(f"it has no listener {wanted.listener}, only {', '.join(sorted(listeners))}", final=True)
        if listener["type"] not in ("internal", "cluster-ip"):
            raise KafkaTrouble(
                f"the listener {wanted.listener} is of the type {listener['type']}; "
                "only internal ones are reached through the API server",
                final=True,
            )
        bootstrap = _bootstrap(kafka, wanted.listener)
        if not bootstrap:
            raise KafkaTrouble(f"the listener {wanted.listener} has no address in the status yet")
        ca_secret = self._secret(wanted.ca_secret or f"{wanted.name}-cluster-ca-cert") if listener.get("tls") else None
        user_secret = self._secret(wanted.user_secret) if wanted.user_secret else None
        admission = Admission(wanted.name, wanted.namespace, frozenset({listener["port"]}))
        self._tunnel = tunnel = Tunnel(admission, lambda: self._pods, self._dial)
        access = access_to(listener, bootstrap, tunnel.url, ca_secret, user_secret)
        return Session(access, lambda: tunnel.reasons)

    def _secret(self, name: str) -> Object:
        found = self._cluster.get("v1", "Secret", name, self._wanted.namespace)
        if found is None:
            raise KafkaTrouble(f"the Secret {self._wanted.namespace}/{name} does not exist")
        return found

    def _dial(self, pod: str, port: int) -> Any:
        return self._cluster.forward(pod, self._wanted.namespace, port)


def _bootstrap(kafka: Object | None, listener: str | None) -> str:
    for one in ((kafka or {}).get("status") or {}).get("listeners") or []:
        if one.get("name") == listener:
            return str(one.get("bootstrapServers") or "")
    return ""


def served_version(cluster: Cluster, group: str, kind: str) -> str:
    """The version in which the cluster serves a kind of Strimzi."""
    for version in STRIMZI_VERSIONS:
        if cluster.served(f"{group}/{version}", kind):
            return f"{group}/{version}"
    raise NotServed(
        f"The cluster does not know the kind {kind} of {group}: install the Strimzi operator with its "
        "CustomResourceDefinitions first (role strimzi_operator)."
    )


def gather(cluster: Cluster, wanted: Wanted) -> Kubernetes:
    """Everything the Kubernetes side is judged by, with about a dozen requests."""
    namespace = wanted.namespace
    version = served_version(cluster, "kafka.strimzi.io", "Kafka")
    seen = Kubernetes(
        name=wanted.name,
        namespace=namespace,
        kafka=cluster.get(version, "Kafka", wanted.name, namespace),
        canary_name=wanted.canary_topic,
    )
    if seen.kafka is None:
        return seen
    of_cluster = f"{CLUSTER_LABEL}={wanted.name}"
    of_nodes = f"{of_cluster},strimzi.io/name={wanted.name}-kafka"
    pod_set_version = served_version(cluster, "core.strimzi.io", "StrimziPodSet")
    pods = cluster.list("v1", "Pod", namespace, of_nodes)
    return replace(
        seen,
        pools=cluster.list(version, "KafkaNodePool", namespace, of_cluster),
        pod_sets=cluster.list(pod_set_version, "StrimziPodSet", namespace, of_nodes),
        pods=pods,
        said=what_karpenter_said(cluster, namespace)
        if any(not pod["spec"].get("nodeName") for pod in pods)
        else Said(),
        nodes=cluster.list("v1", "Node"),
        claims=cluster.list("v1", "PersistentVolumeClaim", namespace, of_cluster),
        deployments=cluster.list("apps/v1", "Deployment", namespace, of_cluster),
        budgets=cluster.list("policy/v1", "PodDisruptionBudget", namespace, of_cluster),
        endpoint_slices=cluster.list(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            namespace,
            f"kubernetes.io/service-name={wanted.name}-kafka-bootstrap",
        ),
        operators=_operators(cluster),
        canary=cluster.get(version, "KafkaTopic", wanted.canary_topic, namespace) if wanted.canary_topic else None,
    )


def _operators(cluster: Cluster) -> list[Object] | None:
    try:
        return cluster.list("v1", "Pod", label_selector=OPERATOR_SELECTOR)
    except KubernetesError as error:
        if error.status == 403:
            return None
        raise
