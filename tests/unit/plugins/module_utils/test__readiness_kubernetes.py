"""The recorded cluster, and what each deviation from it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness_kafka import Expected
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness_kubernetes import (
    kubernetes_checks,
    operator_version,
    quantity,
    spec_changed_at,
)

Change = Callable[[Any], None]


@pytest.fixture
def cluster(recorded_cluster) -> Any:
    return recorded_cluster


def not_ready(reason: str, message: str = "what is wrong", since: str = "2026-11-22T16:40:00Z") -> dict[str, str]:
    return {"type": "NotReady", "status": "True", "reason": reason, "message": message, "lastTransitionTime": since}


def warning(reason: str) -> dict[str, str]:
    return {**not_ready(reason), "type": "Warning"}


READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-22T16:36:08.737523601Z"}


def test_the_recorded_cluster_passes_every_check(cluster) -> None:
    assert {check.name: (check.verdict, check.evidence) for check in kubernetes_checks(cluster.seen())} == {
        "operator": ("pass", "strimzi-cluster-operator-1 is ready and watches kafka"),
        "kafka": ("pass", "ready in generation 1"),
        "applied": ("pass", "Kafka 3.9.1 with 2 listeners"),
        "pools": ("pass", "broker, controller with 6 nodes"),
        "pod-sets": ("pass", "all pods of 2 sets are current and ready"),
        "nodes": ("pass", "6 pods have a node"),
        "pods": ("pass", "6 pods are ready"),
        "placement": ("pass", "no node is shared and the zones are used"),
        "claims": ("pass", "6 claims are bound and as large as asked"),
        "components": ("pass", "1 deployments are available"),
        "endpoints": ("pass", "the bootstrap service leads to 3 brokers"),
    }


def test_it_knows_what_kafka_should_answer(cluster) -> None:
    expected = Expected("A84um1RmTxm5hzfp737mnA", frozenset({0, 1, 2}), frozenset({3, 4, 5}), racks=True)
    assert cluster.seen().expected() == expected


def test_a_missing_resource_is_all_there_is_to_say(cluster) -> None:
    (check,) = kubernetes_checks(replace(cluster.seen(), kafka=None))
    assert (check.name, check.verdict, check.evidence) == ("kafka", "final", "there is no Kafka kafka/data-on-eks")


def steps(path: str) -> list[str | int]:
    """Of pods|NAME|status: its parts."""
    return [int(part) if part.isdigit() else part for part in path.split("|")]


def setting(path: str, value: Any) -> Change:
    def change(cluster: Any) -> None:
        place: Any = vars(cluster)
        *way, last = steps(path)
        for step in way:
            place = place[step]
        place[last] = value

    return change


def removing(path: str) -> Change:
    def change(cluster: Any) -> None:
        place: Any = vars(cluster)
        *way, last = steps(path)
        for step in way:
            place = place[step]
        del place[last]

    return change


def conditions(*found: dict[str, str]) -> Change:
    return lambda cluster: cluster.conditions(*found)


def both(*changes: Change) -> Change:
    def change(cluster: Any) -> None:
        for one in changes:
            one(cluster)

    return change


def unstarted(cluster: Any) -> None:
    del cluster.kafka["status"], cluster.kafka["metadata"]["annotations"]


ZONE = "topology.kubernetes.io/zone"
ZONE_WITHOUT_KAFKA = both(
    setting(f"nodes|fake-r8g-b|metadata|labels|{ZONE}", "us-east-1a"),
    setting("nodes|other", {"kind": "Node", "metadata": {"name": "other", "labels": {ZONE: "us-east-1b"}}}),
)
TWO_ZONES = {"pod": {"topologySpreadConstraints": [{"topologyKey": ZONE, "minDomains": 2}]}}
POD = "pods|data-on-eks-broker-0"
PAUSED = {"type": "ReconciliationPaused", "status": "True"}
STUCK = {"name": "kafka", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
UNSCHEDULED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/6 nodes are available: 6 Insufficient memory.",
}


@pytest.mark.parametrize(
    ("change", "name", "verdict", "evidence"),
    [
        pytest.param(
            setting("operators", None),
            "operator",
            "warn",
            "this identity may not look for the Strimzi operator in other namespaces",
            id="operator: not allowed to look",
        ),
        pytest.param(
            setting("operators", []),
            "operator",
            "fail",
            "no Strimzi operator watches the namespace kafka",
            id="operator: none",
        ),
        pytest.param(
            setting("operators|0|spec|containers|0|env|0|value", "default, prod"),
            "operator",
            "fail",
            "no Strimzi operator watches the namespace kafka: those in strimzi-system watch others",
            id="operator: watches others",
        ),
        pytest.param(
            setting("operators|0|status", {"phase": "Pending"}),
            "operator",
            "fail",
            "strimzi-cluster-operator-1 is not ready: Pending",
            id="operator: not ready",
        ),
        pytest.param(
            setting("kafka|metadata|generation", 2),
            "kafka",
            "fail",
            "the operator has seen generation 1 of 2",
            id="kafka: Ready, but of an earlier generation",
        ),
        pytest.param(
            removing("kafka|status"),
            "kafka",
            "fail",
            "the operator has seen generation none of 1",
            id="kafka: no status",
        ),
        pytest.param(
            unstarted,
            "kafka",
            "final",
            "this operator ignores it without the annotation strimzi.io/kraft and strimzi.io/node-pools: enabled",
            id="kafka: ignored by this operator",
        ),
        pytest.param(
            both(unstarted, setting("operators|0|spec|containers|0|image", "quay.io/strimzi/operator:1.2.0")),
            "kafka",
            "fail",
            "the operator has seen generation none of 1",
            id="kafka: newer operators need no annotation",
        ),
        pytest.param(
            setting("kafka|metadata|annotations|strimzi.io/pause-reconciliation", "true"),
            "kafka",
            "final",
            "its reconciliation is paused; remove the annotation strimzi.io/pause-reconciliation",
            id="kafka: paused",
        ),
        pytest.param(
            conditions(PAUSED),
            "kafka",
            "fail",
            "its reconciliation was paused and has not been taken up again",
            id="kafka: was paused",
        ),
        pytest.param(conditions(), "kafka", "fail", "it has no condition Ready yet", id="kafka: no conditions"),
        pytest.param(
            conditions(not_ready("Creating", "Kafka cluster is being deployed")),
            "kafka",
            "fail",
            "Creating: Kafka cluster is being deployed",
            id="kafka: first deployment",
        ),
        pytest.param(
            conditions(not_ready("FatalProblem", "Pod is unschedulable or is not starting")),
            "kafka",
            "fail",
            "FatalProblem: Pod is unschedulable or is not starting",
            id="kafka: heals when a node joins",
        ),
        pytest.param(
            conditions(not_ready("InvalidConfigurationException", "ConfigMap kafka-metrics does not exist")),
            "kafka",
            "fail",
            "InvalidConfigurationException: ConfigMap kafka-metrics does not exist",
            id="kafka: heals when the ConfigMap comes",
        ),
        pytest.param(
            conditions(not_ready("InvalidResourceException", since="2026-11-22T16:33:00Z")),
            "kafka",
            "fail",
            "InvalidResourceException: what is wrong",
            id="kafka: invalid, but a pool is younger than that judgement",
        ),
        pytest.param(
            conditions(warning("KafkaStorage"), READY),
            "kafka",
            "final",
            "KafkaStorage: what is wrong",
            id="kafka: Ready with a change that is ignored",
        ),
        pytest.param(
            conditions(warning("ScaleDownPreventionCheck"), READY),
            "kafka",
            "fail",
            "ScaleDownPreventionCheck: what is wrong",
            id="kafka: heals when partitions have moved",
        ),
        pytest.param(
            conditions(warning("DeprecatedFields"), warning("KafkaMinInsyncReplicas"), READY),
            "kafka",
            "warn",
            "ready in generation 1, but DeprecatedFields: what is wrong; KafkaMinInsyncReplicas: what is wrong",
            id="kafka: harmless warnings",
        ),
        pytest.param(
            setting("kafka|spec|kafka|version", "3.9.0"),
            "applied",
            "fail",
            "kafkaVersion is 3.9.1 instead of 3.9.0",
            id="applied: another version runs",
        ),
        pytest.param(
            setting("kafka|spec|kafka|metadataVersion", "3.9"),
            "applied",
            "pass",
            "Kafka 3.9.1 with 2 listeners",
            id="applied: short metadata version",
        ),
        pytest.param(
            removing("kafka|status|clusterId"), "applied", "fail", "the cluster has no id yet", id="applied: no id"
        ),
        pytest.param(
            setting("kafka|status|kafkaNodePools", [{"name": "broker"}]),
            "applied",
            "fail",
            "the operator knows the pools broker instead of broker, controller",
            id="applied: a pool is unknown",
        ),
        pytest.param(
            setting("kafka|status|listeners|1", {"name": "mtls"}),
            "applied",
            "fail",
            "the listener mtls has no address",
            id="applied: a listener without an address",
        ),
        pytest.param(
            setting("operators|0|spec|containers|0|image", "quay.io/strimzi/operator:0.51.0"),
            "applied",
            "fail",
            "it was last reconciled by the operator 0.47.0, not by 0.51.0",
            id="applied: not yet by the new operator",
        ),
        pytest.param(
            setting("kafka|status|autoRebalance|state", "RebalanceOnScaleUp"),
            "applied",
            "warn",
            "partitions are being moved: RebalanceOnScaleUp",
            id="applied: rebalancing",
        ),
        pytest.param(
            setting("pools|broker|metadata|generation", 2),
            "pools",
            "fail",
            "the operator has not yet seen generation 2 of broker",
            id="pools: changed",
        ),
        pytest.param(
            setting("pools|broker|spec|replicas", 4),
            "pools",
            "fail",
            "broker has 3 replicas and the ids [0, 1, 2] instead of 4",
            id="pools: scale-up or reverted scale-down",
        ),
        pytest.param(
            setting("pools|controller|status|nodeIds", [2, 3, 4]),
            "pools",
            "fail",
            "id 2 belongs to broker and controller",
            id="pools: shared id",
        ),
        pytest.param(
            setting("pools|broker|status|roles", ["broker", "controller"]),
            "pools",
            "fail",
            "broker runs with the roles broker, controller",
            id="pools: other roles",
        ),
        pytest.param(
            setting("pools", {}),
            "pools",
            "fail",
            "no KafkaNodePool has the label strimzi.io/cluster=data-on-eks",
            id="pools: none",
        ),
        pytest.param(
            removing("sets|controller"),
            "pod-sets",
            "fail",
            "StrimziPodSet data-on-eks-controller does not exist yet",
            id="pod-sets: missing",
        ),
        pytest.param(
            setting("sets|broker|status|readyPods", 2),
            "pod-sets",
            "fail",
            "data-on-eks-broker: pods 3, currentPods 3, readyPods 2 of 3",
            id="pod-sets: one is not ready",
        ),
        pytest.param(
            setting("sets|broker|status|conditions", [{"type": "Error", "status": "true", "reason": "Oops"}]),
            "pod-sets",
            "fail",
            "data-on-eks-broker: Oops",
            id="pod-sets: an error in lower case",
        ),
        pytest.param(removing(POD), "pods", "fail", "data-on-eks-broker-0 does not exist", id="pods: missing"),
        pytest.param(
            setting("pools|broker|status|nodeIds", [0, 1]),
            "pods",
            "fail",
            "data-on-eks-broker-2 should not exist",
            id="pods: one too many",
        ),
        pytest.param(
            setting(f"{POD}|metadata|deletionTimestamp", "2026-11-22T16:50:00Z"),
            "pods",
            "fail",
            "data-on-eks-broker-0 is being deleted",
            id="pods: going",
        ),
        pytest.param(
            setting(f"{POD}|status", {"phase": "Pending", "conditions": [UNSCHEDULED]}),
            "pods",
            "fail",
            "data-on-eks-broker-0 is not ready: Unschedulable: 0/6 nodes are available: 6 Insufficient memory.",
            id="pods: no place",
        ),
        pytest.param(
            setting(f"{POD}|spec|nodeName", None),
            "nodes",
            "fail",
            "data-on-eks-broker-0 has no node: no reason given",
            id="nodes: none found",
        ),
        pytest.param(
            setting(f"{POD}|status|containerStatuses", [STUCK]),
            "pods",
            "fail",
            "data-on-eks-broker-0 is not ready: kafka CrashLoopBackOff",
            id="pods: crashing",
        ),
        pytest.param(
            setting(f"{POD}|metadata|annotations|strimzi.io/manual-rolling-update", "true"),
            "pods",
            "fail",
            "data-on-eks-broker-0 waits for a restart that was asked for",
            id="pods: restart asked for",
        ),
        pytest.param(
            setting(f"{POD}|metadata|annotations|strimzi.io/revision", "earlier"),
            "pods",
            "fail",
            "data-on-eks-broker-0 still runs an earlier revision",
            id="pods: Ready in the middle of a roll",
        ),
        pytest.param(
            setting(f"{POD}|metadata|annotations|strimzi.io/kafka-version", "3.9.0"),
            "pods",
            "fail",
            "data-on-eks-broker-0 runs Kafka 3.9.0 instead of 3.9.1",
            id="pods: an earlier Kafka",
        ),
        pytest.param(
            setting(f"{POD}|spec|nodeName", "fake-r8g-b"),
            "placement",
            "final",
            "2 brokers share the node fake-r8g-b, brokers use 2 of 3 zones (us-east-1b, us-east-1c)",
            id="placement: shared node",
        ),
        pytest.param(
            both(setting(f"{POD}|spec|nodeName", "fake-r8g-b"), removing("kafka|spec|kafka|rack")),
            "placement",
            "warn",
            "2 brokers share the node fake-r8g-b, brokers use 2 of 3 zones (us-east-1b, us-east-1c)",
            id="placement: nobody asked for racks",
        ),
        pytest.param(
            both(setting(f"{POD}|spec|nodeName", "fake-r8g-b"), removing("pods|data-on-eks-broker-1|spec|nodeName")),
            "placement",
            "fail",
            "brokers use 2 of 3 zones (us-east-1b, us-east-1c)",
            id="placement: not all are placed yet",
        ),
        pytest.param(
            setting("nodes|fake-r8g-a|metadata|labels", {}),
            "placement",
            "pass",
            "no node is shared and the zones are used",
            id="placement: no more zones than there are",
        ),
        pytest.param(
            ZONE_WITHOUT_KAFKA,
            "placement",
            "final",
            "brokers use 2 of 3 zones (us-east-1a, us-east-1c), controllers use 2 of 3 zones (us-east-1a, us-east-1c)",
            id="placement: a zone without Kafka",
        ),
        pytest.param(
            both(
                ZONE_WITHOUT_KAFKA,
                setting("pools|broker|spec|template", TWO_ZONES),
                setting("pools|controller|spec|template", TWO_ZONES),
            ),
            "placement",
            "pass",
            "no node is shared and the zones are used",
            id="placement: a zone without Kafka, which was not asked for",
        ),
        pytest.param(
            removing("claims|data-on-eks-broker-0"),
            "claims",
            "fail",
            "claim data-0-data-on-eks-broker-0 does not exist",
            id="claims: missing",
        ),
        pytest.param(
            setting("claims|data-on-eks-broker-0|status", {"phase": "Pending"}),
            "claims",
            "fail",
            "claim data-0-data-on-eks-broker-0 is Pending",
            id="claims: not bound",
        ),
        pytest.param(
            setting("pools|broker|spec|storage|volumes|0|size", "2Ti"),
            "claims",
            "fail",
            "claim data-0-data-on-eks-broker-0 has 1000Gi instead of 2Ti, "
            "claim data-0-data-on-eks-broker-1 has 1000Gi instead of 2Ti, "
            "claim data-0-data-on-eks-broker-2 has 1000Gi instead of 2Ti",
            id="claims: too small",
        ),
        pytest.param(
            setting("claims|data-on-eks-broker-0|status|conditions", [{"type": "Resizing", "status": "True"}]),
            "claims",
            "fail",
            "claim data-0-data-on-eks-broker-0 is being resized: no reason given",
            id="claims: resizing",
        ),
        pytest.param(
            setting("claims|data-on-eks-broker-0|spec|storageClassName", "gp2"),
            "claims",
            "fail",
            "claim data-0-data-on-eks-broker-0 is of the class gp2 instead of gp3",
            id="claims: another class",
        ),
        pytest.param(
            setting("pools|broker|spec|storage", {"type": "ephemeral"}),
            "claims",
            "pass",
            "3 claims are bound and as large as asked",
            id="claims: ephemeral storage has none",
        ),
        pytest.param(
            setting("deployment|status|availableReplicas", 0),
            "components",
            "fail",
            "data-on-eks-entity-operator: 0 of 1 replicas available, 1 up to date",
            id="components: unavailable",
        ),
        pytest.param(
            setting("kafka|spec|cruiseControl", {}),
            "components",
            "fail",
            "Deployment data-on-eks-cruise-control does not exist yet",
            id="components: missing",
        ),
        pytest.param(
            setting("budget|status|currentHealthy", 4),
            "components",
            "fail",
            "disruption budget data-on-eks-kafka: 4 of 5 pods are healthy",
            id="components: budget",
        ),
        pytest.param(
            setting("slice|endpoints|0|conditions|ready", False),
            "endpoints",
            "fail",
            "the bootstrap service leads to 2 of 3 brokers",
            id="endpoints: one is away",
        ),
    ],
)
def test_what_is_wrong_is_named(cluster, change, name, verdict, evidence) -> None:
    change(cluster)
    found = {check.name: check for check in kubernetes_checks(cluster.seen())}[name]
    assert (found.verdict, found.evidence) == (verdict, evidence)


@pytest.mark.parametrize(
    ("reason", "message", "verdict"),
    [
        pytest.param(
            "UnsupportedKafkaVersionException", "Unsupported Kafka.spec.kafka.version: 3.9.7.", "final", id="version"
        ),
        pytest.param("InvalidConfigurationException", "KafkaNodePools are enabled, but no", "final", id="no pools"),
        pytest.param(
            "InvalidResourceException", "The Kafka cluster kc is invalid: [At least one", "final", id="no role"
        ),
        pytest.param("UnforceableProblem", "KafkaQuorumCheck cannot be initialised", "fail", id="starting"),
        pytest.param("KubernetesClientException", "Failure executing: POST at", "fail", id="refused by Kubernetes"),
    ],
)
def test_conditions_that_bad_input_was_seen_to_get(cluster, recorded_conditions, reason, message, verdict) -> None:
    text = next(found for kind, found in recorded_conditions if kind == reason and found.startswith(message))
    cluster.conditions(not_ready(reason, text))
    assert kubernetes_checks(cluster.seen())[1].verdict == verdict


@pytest.fixture
def recorded_conditions(request) -> list[tuple[str, str]]:
    lines = (request.path.parents[2] / "fixtures/strimzi/bad-inputs-conditions.txt").read_text().splitlines()
    found = [line.strip().split(" | ", 2) for line in lines if line.strip().startswith("NotReady True")]
    return [(reason, message) for _, reason, message in found]


@pytest.mark.parametrize(
    ("file", "verdict", "evidence"),
    [
        pytest.param(
            "kafka-cr-status-06-live-storage-shrink", "final", "KafkaStorage: The desired Kafka storage", id="shrink"
        ),
        pytest.param("kafka-cr-status-12-scale-up-rebalance", "pass", "ready in generation", id="scaled up"),
        pytest.param("kafka-cr-status-13-scale-down", "fail", "NullPointerException: Cannot invoke", id="scaled down"),
    ],
)
def test_recorded_states_of_a_live_cluster(cluster, recorded, file, verdict, evidence) -> None:
    cluster.kafka = recorded(file)
    for pool in cluster.pools.values():
        pool["metadata"]["creationTimestamp"] = cluster.kafka["metadata"]["creationTimestamp"]
    check = kubernetes_checks(cluster.seen())[1]
    assert check.verdict == verdict and check.evidence.startswith(evidence)


@pytest.mark.parametrize(
    ("file", "verdict", "evidence"),
    [
        pytest.param("kafkatopic--orders", "pass", "orders: ready", id="ready"),
        pytest.param("kafkatopic--bad-config", "final", "orders: KafkaError: ", id="refused for good"),
        pytest.param("kafkatopic--bad-rf", "fail", "orders: KafkaError: ", id="too few brokers, which may come back"),
        pytest.param(None, "fail", "KafkaTopic kafka/orders does not exist", id="missing"),
    ],
)
def test_the_canary_topic(cluster, recorded, file, verdict, evidence) -> None:
    cluster.canary_name = "orders"
    cluster.canary = recorded(file) if file else None
    check = kubernetes_checks(cluster.seen())[-1]
    assert (check.name, check.verdict) == ("canary-topic", verdict) and check.evidence.startswith(evidence)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param([], "2026-11-22T16:33:42+00:00", id="never since it was made"),
        pytest.param([{"time": "2026-11-22T17:00:00Z"}], "2026-11-22T17:00:00+00:00", id="by somebody"),
        pytest.param(
            [{"time": "2026-11-22T17:00:00Z", "subresource": "status"}],
            "2026-11-22T16:33:42+00:00",
            id="only its status",
        ),
    ],
)
def test_the_time_of_the_last_change_of_a_spec(cluster, fields, expected) -> None:
    cluster.kafka["metadata"]["managedFields"] = fields or None
    if fields:
        fields.append({"time": "2026-11-22T16:33:42Z"})
    assert spec_changed_at(cluster.kafka).isoformat() == expected


@pytest.mark.parametrize(
    ("variable", "watches"),
    [
        pytest.param({"value": ""}, True, id="empty is all"),
        pytest.param({"value": "prod,kafka"}, True, id="a list"),
        pytest.param({"valueFrom": {"fieldRef": {}}}, False, id="its own namespace"),
    ],
)
def test_which_namespaces_an_operator_watches(cluster, variable, watches) -> None:
    cluster.operators[0]["spec"]["containers"][0]["env"] = [{"name": "STRIMZI_NAMESPACE", **variable}]
    assert (kubernetes_checks(cluster.seen())[0].verdict == "pass") is watches


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param("quay.io/strimzi/operator:0.47.0", (0, 47, 0), id="released"),
        pytest.param("mirror:5000/strimzi/operator:1.2.0-arm", (1, 2, 0), id="a port before it"),
        pytest.param("quay.io/strimzi/operator@sha256:12ab", None, id="by digest"),
    ],
)
def test_version_of_the_operator(image, expected) -> None:
    assert operator_version([{"spec": {"containers": [{"image": image}]}}]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("100Gi", 100 * 2**30, id="binary"),
        pytest.param("2Ti", 2 * 2**40, id="larger"),
        pytest.param("5G", 5e9, id="decimal"),
        pytest.param("1.5k", 1500, id="fraction"),
        pytest.param(1024, 1024, id="number"),
        pytest.param("1500m", 1.5, id="milli"),
    ],
)
def test_quantity(text, expected) -> None:
    assert quantity(text) == expected


def test_what_is_no_quantity_is_refused() -> None:
    with pytest.raises(ValueError, match="abc is not a quantity"):
        quantity("abc")
