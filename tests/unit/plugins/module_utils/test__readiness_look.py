from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _readiness_look
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kafka import KafkaTrouble
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import KubernetesError, NotServed
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness_kafka import (
    Broker,
    Kafka,
    Partition,
    Quorum,
    Replica,
    RoundTrip,
)
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness_kubernetes import kubernetes_checks
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness_look import (
    ARGUMENT_SPEC,
    Wanted,
    Watch,
    gather,
    wanted_from,
)
from ansible_collections.streamops.kafka_eks.plugins.modules.kafka_cluster_ready import DOCUMENTATION

ARGUMENTS = {
    "name": "data-on-eks",
    "namespace": "kafka",
    "scope": "all",
    "listener": "scram",
    "ca_secret": None,
    "user_secret": "kafka-eks-probe",
    "canary_topic": "orders",
    "timeout": 900,
}
HEALTHY = Kafka(
    cluster_id="A84um1RmTxm5hzfp737mnA",
    brokers=tuple(Broker(number, "zone") for number in (0, 1, 2)),
    quorum=Quorum(3, 9, tuple(Replica(n, 1000, 9) for n in (3, 4, 5)), tuple(Replica(n, 1000, 9) for n in (0, 1, 2))),
    fetch_timeout_ms=2000,
    partitions=(Partition("orders", 0, 0, (0, 1, 2), (0, 1, 2)),),
    min_in_sync={"orders": 2},
    canary="orders",
    round_trips=tuple(RoundTrip(number, number) for number in (0, 1, 2)),
)


def wanted(**changes: Any) -> Wanted:
    return wanted_from({**ARGUMENTS, **changes})


def secret(name: str, **data: str) -> dict[str, Any]:
    values = {key.replace("__", "."): value for key, value in data.items()}
    return {"kind": "Secret", "metadata": {"name": name, "namespace": "kafka"}, "data": values}


class FakeSession:
    """Says what it is told to say; remembers how it was opened."""

    opened: list[FakeSession] = []
    answers: list[Kafka | KafkaTrouble] = []

    def __init__(self, access, tunnel_reasons):
        self.access, self.tunnel_reasons, self.closed = access, tunnel_reasons, False
        self.asked: list[str | None] = []
        FakeSession.opened.append(self)

    def look(self, canary: str | None) -> Kafka:
        self.asked.append(canary)
        answer = FakeSession.answers.pop(0) if FakeSession.answers else HEALTHY
        if isinstance(answer, KafkaTrouble):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def sessions(monkeypatch) -> list[FakeSession]:
    monkeypatch.setattr(_readiness_look, "Session", FakeSession)
    monkeypatch.setattr(FakeSession, "opened", [])
    monkeypatch.setattr(FakeSession, "answers", [])
    return FakeSession.opened


@pytest.fixture
def cluster(recorded_cluster, recorded, fake_cluster) -> Any:
    recorded_cluster.canary = recorded("kafkatopic--orders")
    secrets = [secret("data-on-eks-cluster-ca-cert", ca__crt="Q0E="), secret("kafka-eks-probe", password="cHc=")]
    return fake_cluster(*recorded_cluster.objects(), *secrets)


def test_a_healthy_cluster_is_ready_at_the_second_look(cluster, sessions) -> None:
    with Watch(cluster, wanted()) as watch:
        first, second = watch.look(), watch.look()
    assert (first.good, first.ready, second.ready) == (True, False, True)
    assert second.bootstrap_servers == "data-on-eks-kafka-bootstrap.kafka.svc:9092"
    assert [check.name for check in second.checks][-5:] == [
        "canary-topic",
        "brokers",
        "quorum",
        "replicas",
        "round-trip",
    ]
    assert second.as_result()["path"] == "tunnel"
    (session,) = sessions
    assert (session.asked, session.closed) == (["orders", "orders"], True)
    assert (session.access.user, session.access.password, session.access.ca) == ("kafka-eks-probe", "pw", "CA")


def test_a_pod_replaced_between_two_looks_starts_over(cluster, sessions) -> None:
    with Watch(cluster, wanted()) as watch:
        watch.look()
        cluster.stored["Pod", "kafka", "data-on-eks-broker-1"]["metadata"]["uid"] = "replaced"
        assert [watch.look().ready, watch.look().ready] == [False, True]


def test_kafka_is_not_asked_before_kubernetes_is_well(cluster, sessions) -> None:
    cluster.stored["Pod", "kafka", "data-on-eks-broker-1"]["status"]["phase"] = "Pending"
    with Watch(cluster, wanted()) as watch:
        look = watch.look()
    assert (look.good, look.hopeless, sessions) == (False, False, [])
    assert look.missing.startswith("pods: data-on-eks-broker-1 is not ready")
    assert look.as_result()["checks"][-1]["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        pytest.param("kubernetes", {"operator", "pods"}, id="kubernetes"),
        pytest.param("kafka", {"brokers", "quorum"}, id="kafka"),
        pytest.param("all", {"operator", "pods", "brokers", "quorum"}, id="all"),
    ],
)
def test_the_scope(cluster, sessions, scope, names) -> None:
    with Watch(cluster, wanted(scope=scope)) as watch:
        found = {check.name for check in watch.look().checks}
    assert found & {"operator", "pods", "brokers", "quorum"} == names


def test_after_a_trouble_it_connects_anew_and_says_why(cluster, sessions) -> None:
    FakeSession.answers[:] = [KafkaTrouble("the brokers refuse the user name")]
    with Watch(cluster, wanted()) as watch:
        assert watch.look().missing == "kafka-access: the brokers refuse the user name"
        assert watch.look().good
    assert [session.closed for session in sessions] == [True, True]


@pytest.mark.parametrize(
    ("changes", "missing", "hopeless"),
    [
        pytest.param({"listener": "plain"}, "it has no listener plain, only mtls, scram", True, id="no such listener"),
        pytest.param(
            {"user_secret": None}, "the listener scram asks for scram-sha-512, but no user_secret", True, id="no user"
        ),
        pytest.param(
            {"user_secret": "nobody"}, "the Secret kafka/nobody does not exist", False, id="no user Secret yet"
        ),
        pytest.param(
            {"ca_secret": "other-ca"}, "the Secret kafka/other-ca does not exist", False, id="no CA Secret yet"
        ),
    ],
)
def test_what_keeps_it_from_asking_kafka(cluster, sessions, changes, missing, hopeless) -> None:
    with Watch(cluster, wanted(**changes)) as watch:
        look = watch.look()
    assert look.missing.startswith(f"kafka-access: {missing}") and look.hopeless is hopeless


@pytest.mark.parametrize(
    ("listener", "missing", "hopeless"),
    [
        pytest.param({"type": "loadbalancer"}, "is of the type loadbalancer; only internal ones", True, id="external"),
        pytest.param({"name": "late"}, "the listener late has no address in the status yet", False, id="new"),
    ],
)
def test_listeners_that_cannot_be_asked(cluster, sessions, listener, missing, hopeless) -> None:
    spec = cluster.stored["Kafka", "kafka", "data-on-eks"]["spec"]["kafka"]["listeners"]
    spec[0].update(listener)
    with Watch(cluster, wanted(listener=spec[0]["name"], scope="kafka")) as watch:
        look = watch.look()
    assert missing in look.missing and look.hopeless is hopeless


def test_no_record_is_written_where_none_may_be(cluster, sessions) -> None:
    with Watch(cluster, wanted_from(ARGUMENTS, write=False)) as watch:
        watch.look()
    assert sessions[0].asked == [None]


def test_the_tunnel_leads_to_the_pods_of_the_last_look(cluster, sessions, monkeypatch) -> None:
    dialled = []
    monkeypatch.setattr(cluster, "forward", lambda *where: dialled.append(where), raising=False)
    with Watch(cluster, wanted()) as watch:
        watch.look()
        pods = {pod.name: pod for pod in watch._tunnel._pods()}
        watch._tunnel._dial("data-on-eks-broker-0", 9092)
    assert dialled == [("data-on-eks-broker-0", "kafka", 9092)]
    assert pods["data-on-eks-broker-0"].ready_broker and not pods["data-on-eks-controller-3"].ready_broker


def test_a_resource_that_is_not_there(cluster, sessions) -> None:
    with Watch(cluster, wanted(name="another")) as watch:
        look = watch.look()
    assert (look.exists, look.hopeless, look.missing) == (False, True, "kafka: there is no Kafka kafka/another")


@pytest.mark.parametrize(
    ("unserved", "version"),
    [
        pytest.param((), "v1", id="the newer when both are served"),
        pytest.param(("kafka.strimzi.io/v1/Kafka",), "v1beta2", id="the older when it is the only one"),
    ],
)
def test_the_served_version_is_used(cluster, monkeypatch, unserved, version) -> None:
    cluster.unserved.update(unserved)
    asked: list[str] = []
    monkeypatch.setattr(cluster, "get", lambda api_version, *rest: asked.append(api_version))
    gather(cluster, wanted())
    assert asked == [f"kafka.strimzi.io/{version}"]


def test_without_the_definitions_it_says_what_to_install(cluster) -> None:
    cluster.unserved.add("Kafka")
    with pytest.raises(
        NotServed, match="does not know the kind Kafka of kafka.strimzi.io: install the Strimzi operator"
    ):
        gather(cluster, wanted())


def test_karpenter_is_asked_for_a_pod_without_a_node(cluster) -> None:
    pod = cluster.list("v1", "Pod", "kafka", "strimzi.io/pool-name=broker")[0]
    event = {
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "kafka"},
        "reason": "FailedScheduling",
        "message": "Failed to schedule pod, no room",
        "involvedObject": {"uid": pod["metadata"]["uid"]},
        "reportingComponent": "karpenter",
    }
    cluster.stored["Event", "kafka", "e"] = event
    assert not gather(cluster, wanted()).said.events
    del cluster.stored["Pod", "kafka", pod["metadata"]["name"]]["spec"]["nodeName"]
    checks = {check.name: check for check in kubernetes_checks(gather(cluster, wanted()))}
    assert checks["nodes"].evidence == f"{pod['metadata']['name']} has no node: Karpenter: no room"


@pytest.mark.parametrize(
    ("status", "allowed"), [pytest.param(403, True, id="not allowed"), pytest.param(500, False, id="broken")]
)
def test_an_identity_that_may_not_look_everywhere_is_not_stopped_by_it(cluster, monkeypatch, status, allowed) -> None:
    plain = cluster.list

    def listing(api_version: str, kind: str, namespace: str | None = None, label_selector: str = "") -> Any:
        if namespace is None and kind == "Pod":
            raise KubernetesError("no", status)
        return plain(api_version, kind, namespace, label_selector)

    monkeypatch.setattr(cluster, "list", listing)
    if allowed:
        assert gather(cluster, wanted()).operators is None
    else:
        with pytest.raises(KubernetesError):
            gather(cluster, wanted())


def test_the_documentation_tells_of_every_option() -> None:
    own = {name for name in ARGUMENT_SPEC if name not in ("kubeconfig", "context")}
    documented = yaml.safe_load(DOCUMENTATION)["options"]
    assert documented.keys() == own
    for name in own:
        for field in ("type", "default", "choices", "required"):
            assert documented[name].get(field) == ARGUMENT_SPEC[name].get(field)
