from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from lab.strimzi.api import ApiError
from lab.strimzi.cluster import ClusterOperator, Settings
from lab.strimzi.lease import Lease
from lab.strimzi.quorum import Quorum
from tests.unit.lab.strimzi_cases import IMAGES, kafka, pools

Object = dict[str, Any]
SETTINGS = Settings(["kafka"], 120, 300, IMAGES, None)


class Api:
    """An API server in memory, with a little of what controllers would do."""

    def __init__(self, *items: Object) -> None:
        self.items: dict[tuple[str, str], Object] = {}
        self.calls: list[str] = []
        for item in items:
            self.items[item["kind"], item["metadata"]["name"]] = item

    def names(self, kind: str) -> list[str]:
        return [name for found, name in self.items if found == kind]

    def get(self, kind: str, _: str | None, name: str) -> Object | None:
        return deepcopy(self.items.get((kind, name)))

    def list(self, kind: str, *_: str | None) -> list[Object]:
        return [deepcopy(item) for (found, _), item in self.items.items() if found == kind]

    def apply(self, item: Object) -> None:
        kind, name = item["kind"], item["metadata"]["name"]
        self.calls.append(f"apply {kind} {name}")
        old = self.items.get((kind, name), {"metadata": {"uid": f"uid-{name}", "generation": 1}})
        new = old | deepcopy(item)
        new["metadata"] = old["metadata"] | deepcopy(item["metadata"])
        self.items[kind, name] = new

    def create(self, item: Object) -> None:
        name = item["metadata"].get("name") or item["note"]
        self.calls.append(f"create {item['kind']} {name}")
        made = deepcopy(item)
        made["metadata"] |= {"uid": f"uid-{name}-{len(self.calls)}", "creationTimestamp": datetime.now(UTC).isoformat()}
        self.items[item["kind"], name] = made

    def replace(self, item: Object) -> None:
        self.items[item["kind"], item["metadata"]["name"]] = deepcopy(item)

    def merge(self, item: Object, patch: Object) -> None:
        annotations = self.items[item["kind"], item["metadata"]["name"]]["metadata"].setdefault("annotations", {})
        for key, value in patch["metadata"]["annotations"].items():
            annotations.pop(key, None) if value is None else annotations.update({key: value})

    def set_status(self, item: Object, status: Object) -> None:
        self.items[item["kind"], item["metadata"]["name"]]["status"] = deepcopy(status)

    def delete(self, kind: str, _: str | None, name: str, uid: str | None = None) -> None:
        self.calls.append(f"delete {kind} {name}")
        self.items.pop((kind, name), None)

    def start_pods(self) -> None:
        for kind, name in self.items:
            if kind == "Pod":
                self.items[kind, name]["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}

    def status(self, kind: str = "Kafka", name: str = "data-on-eks") -> Object:
        found: Object = self.items[kind, name].get("status", {})
        for item in found.get("conditions", []):
            item.pop("lastTransitionTime", None)
        return found


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    """A new Kafka that nobody has looked at yet; Kafka itself always answers that all is well."""
    monkeypatch.setattr(Quorum, "active_controller", lambda _: 3)
    monkeypatch.setattr(Quorum, "trouble", lambda _: "")
    items = [
        kafka(),
        *pools(),
        {"kind": "ConfigMap", "metadata": {"name": "kafka-metrics"}, "data": {"kafka-metrics-config.yml": ""}},
    ]
    for item in items:
        item.pop("status", None)
    return Api(*items)


def settle(api: Api, operator: ClusterOperator) -> None:
    """Look again and again, with pods and Deployments that start at once, until there is nothing left to do."""
    for _ in range(40):
        api.start_pods()
        for kind, name in api.items:
            if kind == "Deployment":
                api.items[kind, name]["status"] = {
                    "observedGeneration": 1,
                    "updatedReplicas": 1,
                    "availableReplicas": 1,
                }
        if operator.reconcile_namespace("kafka", False):
            return
    raise AssertionError(api.status())


def operator_of(api: Api) -> ClusterOperator:
    return ClusterOperator(api, SETTINGS)  # type: ignore[arg-type] # a double


def test_a_cluster_comes_up(api: Api) -> None:
    operator = operator_of(api)
    assert not operator.reconcile_namespace("kafka", True)
    assert api.status()["conditions"][0]["reason"] == "Creating"
    assert api.status()["observedGeneration"] == 0
    assert api.status("KafkaNodePool", "broker")["nodeIds"] == [0, 1, 2]
    assert len(api.names("Pod")) == 6
    assert api.names("Deployment") == []
    api.start_pods()
    assert not operator.reconcile_namespace("kafka", False)
    assert api.names("Deployment") == ["data-on-eks-entity-operator"]
    settle(api, operator)
    assert api.status()["conditions"] == [{"type": "Ready", "status": "True"}]
    assert api.status()["observedGeneration"] == 1
    assert api.status("StrimziPodSet", "data-on-eks-broker") == {
        "pods": 3,
        "currentPods": 3,
        "readyPods": 3,
        "observedGeneration": 1,
    }


def test_a_settled_cluster_is_left_alone(api: Api) -> None:
    operator = operator_of(api)
    settle(api, operator)
    api.calls.clear()
    settle(api, operator)
    assert api.calls == []
    operator.reconcile_namespace("kafka", True)
    assert "apply Service data-on-eks-kafka-bootstrap" in api.calls


def test_a_change_rolls_one_pod_after_the_other(api: Api) -> None:
    operator = operator_of(api)
    settle(api, operator)
    api.calls.clear()
    api.items["Kafka", "data-on-eks"]["spec"]["kafka"]["config"]["num.partitions"] = 3
    settle(api, operator)
    ended = [call.rpartition("-")[2] for call in api.calls if call.startswith("delete Pod")]
    assert ended == ["4", "5", "3", "0", "1", "2"]
    order = [call.split()[0] for call in api.calls if call.split()[1] == "Pod"]
    assert order == ["delete", "create"] * 6
    assert "Rolling Pod data-on-eks-controller-4 due to Pod has old revision" in api.names("Event")


def test_nothing_goes_down_while_kafka_is_in_trouble(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    operator = operator_of(api)
    settle(api, operator)
    monkeypatch.setattr(Quorum, "trouble", lambda _: "partition a-0 to be in sync")
    api.items["Kafka", "data-on-eks"]["spec"]["kafka"]["config"]["num.partitions"] = 3
    assert not operator.reconcile_namespace("kafka", False)
    assert len(api.names("Pod")) == 6
    assert (
        operator.said["kafka/data-on-eks"]
        == "waits for partition a-0 to be in sync before data-on-eks-controller-4 is restarted"
    )


def test_a_request_to_roll_a_podset_reaches_each_pod(api: Api) -> None:
    operator = operator_of(api)
    settle(api, operator)
    api.calls.clear()
    api.items["StrimziPodSet", "data-on-eks-broker"]["metadata"]["annotations"]["strimzi.io/manual-rolling-update"] = (
        "true"
    )
    settle(api, operator)
    assert [call for call in api.calls if call.startswith("delete Pod")] == [
        f"delete Pod data-on-eks-broker-{n}" for n in (0, 1, 2)
    ]
    assert (
        "strimzi.io/manual-rolling-update"
        not in api.items["StrimziPodSet", "data-on-eks-broker"]["metadata"]["annotations"]
    )


def test_pods_come_back_even_where_the_kafka_is_paused(api: Api) -> None:
    operator = operator_of(api)
    settle(api, operator)
    resource = api.items["Kafka", "data-on-eks"]
    resource["metadata"]["annotations"]["strimzi.io/pause-reconciliation"] = "true"
    resource["metadata"]["generation"] = 2
    del api.items["Pod", "data-on-eks-broker-1"]
    assert operator.reconcile_namespace("kafka", False)
    assert "data-on-eks-broker-1" in api.names("Pod")
    assert api.status()["conditions"] == [{"type": "ReconciliationPaused", "status": "True"}]
    assert api.status()["observedGeneration"] == 1


def test_without_its_annotations_a_kafka_gets_no_status(api: Api) -> None:
    del api.items["Kafka", "data-on-eks"]["metadata"]["annotations"]
    assert operator_of(api).reconcile_namespace("kafka", True)
    assert api.status() == {}
    assert api.calls == []


def test_bad_input_is_told_and_has_seen_the_generation(api: Api) -> None:
    api.items["Kafka", "data-on-eks"]["spec"]["kafka"]["version"] = "3.9.7"
    assert operator_of(api).reconcile_namespace("kafka", True)
    assert api.status()["conditions"][0]["reason"] == "UnsupportedKafkaVersionException"
    assert api.status()["observedGeneration"] == 1
    assert api.status("KafkaNodePool", "broker") == {}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(None, "ConfigMap kafka-metrics does not exist", id="no ConfigMap"),
        pytest.param(
            {"other": ""},
            "ConfigMap kafka-metrics does not contain specified key kafka-metrics-config.yml",
            id="no key",
        ),
    ],
)
def test_metrics_settings_must_exist(api: Api, data: Object | None, message: str) -> None:
    if data is None:
        del api.items["ConfigMap", "kafka-metrics"]
    else:
        api.items["ConfigMap", "kafka-metrics"]["data"] = data
    operator_of(api).reconcile_namespace("kafka", True)
    assert api.status()["conditions"] == [
        {"type": "NotReady", "status": "True", "reason": "InvalidConfigurationException", "message": message}
    ]
    # As on the real one, claims and Services are there by then.
    assert len(api.names("PersistentVolumeClaim")) == 6
    assert api.names("Pod") == []


def test_what_the_api_server_refuses_is_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(item: Object) -> None:
        raise ApiError(400, "PATCH", "https://kubernetes/api/v1/persistentvolumeclaims", "quantities must match")

    monkeypatch.setattr(api, "apply", refuse)
    assert not operator_of(api).reconcile_namespace("kafka", True)
    (found,) = api.status()["conditions"]
    assert found["reason"] == "KubernetesClientException"
    assert (
        found["message"]
        == "Failure executing: PATCH at: https://kubernetes/api/v1/persistentvolumeclaims. Message: quantities must match."
    )


@pytest.mark.parametrize(
    ("storage_class", "warned"),
    [
        pytest.param({"allowVolumeExpansion": True}, None, id="may grow"),
        pytest.param(
            {},
            "Storage Class gp3 does not support resizing of volumes. PVC data-0-data-on-eks-broker-0 cannot be resized.",
            id="may not grow",
        ),
        pytest.param(
            None, "Storage Class gp3 not found. PVC data-0-data-on-eks-broker-0 cannot be resized.", id="unknown class"
        ),
    ],
)
def test_claims_grow(api: Api, storage_class: Object | None, warned: str | None) -> None:
    operator = operator_of(api)
    settle(api, operator)
    if storage_class is not None:
        api.items["StorageClass", "gp3"] = storage_class
    api.items["KafkaNodePool", "broker"]["spec"]["storage"]["volumes"][0]["size"] = "2000Gi"
    settle(api, operator)
    claim = api.items["PersistentVolumeClaim", "data-0-data-on-eks-broker-0"]
    assert claim["spec"]["resources"]["requests"]["storage"] == ("1000Gi" if warned else "2000Gi")
    first = api.status()["conditions"][0]
    assert first.get("message") == warned


def test_a_lost_claim_is_made_again(api: Api) -> None:
    operator = operator_of(api)
    settle(api, operator)
    del api.items["PersistentVolumeClaim", "data-0-data-on-eks-broker-0"]
    settle(api, operator)
    assert "data-0-data-on-eks-broker-0" in api.names("PersistentVolumeClaim")


async def notice(operator: ClusterOperator, **event: Any) -> None:
    await operator.notice(**event)


def test_what_has_no_namespace_goes_with_its_kafka_and_comes_back_with_the_next(api: Api) -> None:
    import asyncio

    operator = operator_of(api)
    settle(api, operator)
    gone = api.items.pop(("Kafka", "data-on-eks"))
    asyncio.run(notice(operator, event={"type": "DELETED"}, body=gone, namespace="kafka", name="data-on-eks"))
    operator.reconcile_namespace("kafka", False)
    assert api.names("ClusterRoleBinding") == []
    gone["metadata"]["uid"] = "another"
    api.items["Kafka", "data-on-eks"] = gone
    settle(api, operator)
    assert api.names("ClusterRoleBinding") == ["strimzi-kafka-data-on-eks-kafka-init"]


def test_settings_have_the_names_of_the_real_operator() -> None:
    env = {
        "STRIMZI_NAMESPACE": "kafka,strimzi-system",
        "STRIMZI_FULL_RECONCILIATION_INTERVAL_MS": "120000",
        "STRIMZI_OPERATION_TIMEOUT_MS": "300000",
        "STRIMZI_KAFKA_IMAGES": "3.9.0=quay.io/strimzi/kafka:0.47.0-kafka-3.9.0\n3.9.1=quay.io/strimzi/kafka:0.47.0-kafka-3.9.1\n",
        "STRIMZI_DEFAULT_KAFKA_INIT_IMAGE": "quay.io/strimzi/operator:0.47.0",
        "STRIMZI_DEFAULT_TOPIC_OPERATOR_IMAGE": "quay.io/strimzi/operator:0.47.0",
        "STRIMZI_DEFAULT_USER_OPERATOR_IMAGE": "quay.io/strimzi/operator:0.47.0",
        "STRIMZI_LEADER_ELECTION_ENABLED": "false",
    }
    assert Settings.read(env) == Settings(["kafka", "strimzi-system"], 120, 300, IMAGES, None)
    lease = {
        f"STRIMZI_LEADER_ELECTION_{key}": value
        for key, value in {"ENABLED": "true", "LEASE_NAMESPACE": "n", "LEASE_NAME": "l", "IDENTITY": "i"}.items()
    }
    assert Settings.read(env | lease).lease == ("n", "l", "i")


def test_the_lease_is_taken_kept_and_left_to_who_has_it() -> None:
    api = Api()
    first, second = (Lease(api, "strimzi-system", "lease", name) for name in ("first", "second"))  # type: ignore[arg-type] # a double
    assert first.take()
    assert first.take()
    assert not second.take()
    api.items["Lease", "lease"]["spec"]["renewTime"] = "2026-01-01T00:00:00.000000Z"
    assert second.take()
    assert api.items["Lease", "lease"]["spec"]["holderIdentity"] == "second"
    assert api.items["Lease", "lease"]["spec"]["leaseTransitions"] == 1


PARTITION: Object = {
    "leader_id": 3,
    "current_voters": [{"replica_id": 3, "log_end_offset": 500}, {"replica_id": 4, "log_end_offset": 500}],
}


@pytest.mark.parametrize(
    ("voter", "isr", "trouble"),
    [
        pytest.param(500, [0, 1], "", id="well"),
        pytest.param(399, [0, 1], "controller 4 to catch up", id="controller behind"),
        pytest.param(500, [0], "partition a-0 to be in sync", id="replica behind"),
        pytest.param(None, [0, 1], "a controller to lead", id="no leader"),
    ],
)
def test_what_keeps_a_node_from_going_down(
    monkeypatch: pytest.MonkeyPatch, voter: int | None, isr: list[int], trouble: str
) -> None:
    partition = deepcopy(PARTITION)
    if voter is None:
        partition["leader_id"] = -1
    else:
        partition["current_voters"][1]["log_end_offset"] = voter
    topics = [{"name": "a", "partitions": [{"partition_index": 0, "replica_nodes": [0, 1], "isr_nodes": isr}]}]
    monkeypatch.setattr(Quorum, "_ask", lambda _: ({"topics": [{"partitions": [partition]}]}, topics))
    assert Quorum("kafka:9091").trouble() == trouble
    assert Quorum("kafka:9091").active_controller() == partition["leader_id"]
