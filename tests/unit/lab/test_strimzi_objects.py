from __future__ import annotations

from operator import itemgetter
from typing import Any

import pytest

from lab.strimzi import objects
from lab.strimzi.model import Cluster, plan
from tests.unit.lab.strimzi_cases import IMAGES, cluster, kafka, observed, pools

Object = dict[str, Any]
# What TLS brings, and so the lab leaves out.
CERTIFICATES = {"cluster-ca", "broker-certs", "client-ca-cert"}
# Set by the API server, or by what is not done here.
ELSEWHERE = {"ready-files", "kube-api-access-49x5f", "kube-api-access-s2wsm"}


def everything(found: Cluster) -> dict[tuple[str, str], Object]:
    made = [*objects.claims(found), *objects.access(found), *objects.nodes(found), *objects.entity_operator(found)]
    return {(item["kind"], item["metadata"]["name"]): item for item in made}


def pod(name: str, found: Cluster | None = None) -> Object:
    sets = [item for (kind, _), item in everything(found or cluster()).items() if kind == "StrimziPodSet"]
    return next(item for podset in sets for item in podset["spec"]["pods"] if item["metadata"]["name"] == name)


def test_objects_and_their_owners() -> None:
    made = everything(cluster())
    nodes = [
        f"data-on-eks-{name}"
        for name in ("broker-0", "broker-1", "broker-2", "controller-3", "controller-4", "controller-5")
    ]
    owners = {
        **{("ConfigMap", name): "KafkaNodePool" for name in nodes},
        **{("PersistentVolumeClaim", f"data-0-{name}"): None for name in nodes},
        ("ClusterRoleBinding", "strimzi-kafka-data-on-eks-kafka-init"): None,
        ("Deployment", "data-on-eks-entity-operator"): "Kafka",
        ("PodDisruptionBudget", "data-on-eks-kafka"): "Kafka",
        ("Role", "data-on-eks-entity-operator"): "Kafka",
        ("RoleBinding", "data-on-eks-entity-topic-operator-role"): "Kafka",
        ("RoleBinding", "data-on-eks-entity-user-operator-role"): "Kafka",
        ("Service", "data-on-eks-kafka-bootstrap"): "Kafka",
        ("Service", "data-on-eks-kafka-brokers"): "Kafka",
        ("ServiceAccount", "data-on-eks-entity-operator"): "Kafka",
        ("ServiceAccount", "data-on-eks-kafka"): "Kafka",
        ("StrimziPodSet", "data-on-eks-broker"): "KafkaNodePool",
        ("StrimziPodSet", "data-on-eks-controller"): "KafkaNodePool",
    }
    assert {
        key: item["metadata"].get("ownerReferences", [{"kind": None}])[0]["kind"] for key, item in made.items()
    } == owners


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param("ConfigMap", "data-on-eks-broker-0", id="configmap"),
        pytest.param("Deployment", "data-on-eks-entity-operator", id="entity operator"),
        pytest.param("PersistentVolumeClaim", "data-0-data-on-eks-broker-0", id="claim"),
        pytest.param("PodDisruptionBudget", "data-on-eks-kafka", id="disruption budget"),
        pytest.param("Service", "data-on-eks-kafka-bootstrap", id="bootstrap"),
        pytest.param("Service", "data-on-eks-kafka-brokers", id="brokers"),
        pytest.param("StrimziPodSet", "data-on-eks-broker", id="podset"),
    ],
)
def test_labels_and_owners_are_those_of_the_real_operator(kind: str, name: str) -> None:
    mine, real = everything(cluster())[kind, name]["metadata"], observed(f"{kind.lower()}--{name}")["metadata"]
    assert mine["labels"] == real["labels"]
    assert mine.get("ownerReferences") == real.get("ownerReferences")


def test_claim_and_budget_are_those_of_the_real_operator() -> None:
    made = everything(cluster())
    claim, real = (
        made["PersistentVolumeClaim", "data-0-data-on-eks-broker-0"],
        observed("persistentvolumeclaim--data-0-data-on-eks-broker-0"),
    )
    assert claim["spec"].items() <= real["spec"].items()
    assert claim["metadata"]["annotations"].items() <= real["metadata"]["annotations"].items()
    assert (
        made["PodDisruptionBudget", "data-on-eks-kafka"]["spec"]
        == observed("poddisruptionbudget--data-on-eks-kafka")["spec"]
    )


@pytest.mark.parametrize("name", ["data-on-eks-kafka-bootstrap", "data-on-eks-kafka-brokers"])
def test_services_are_those_of_the_real_operator(name: str) -> None:
    mine, real = everything(cluster())["Service", name]["spec"], observed(f"service--{name}")["spec"]
    assert mine["selector"] == real["selector"]
    assert mine.get("publishNotReadyAddresses") == real.get("publishNotReadyAddresses")
    users = [port for port in mine["ports"] if port["name"] == "tcp-plain"]
    assert users == [{"name": "tcp-plain", "port": 9092, "targetPort": "tcp-plain", "protocol": "TCP"}]
    assert [port for port in mine["ports"] if port not in users] == [
        port for port in real["ports"] if port["name"] not in ("tcp-scram", "tcp-mtls")
    ]


@pytest.mark.parametrize("name", ["data-on-eks-broker-0", "data-on-eks-controller-3"])
def test_pods_are_those_of_the_real_operator(name: str) -> None:
    mine, real = pod(name), observed(f"pod--{name}")
    topology = {key for key in real["metadata"]["labels"] if key.startswith("topology.kubernetes.io/")}
    assert mine["metadata"]["labels"] == {k: v for k, v in real["metadata"]["labels"].items() if k not in topology}
    assert set(mine["metadata"]["annotations"]) == {
        k for k in real["metadata"]["annotations"] if "-cert" not in k and "-ca-" not in k
    }
    for key in ("affinity", "hostname", "restartPolicy", "securityContext", "serviceAccountName", "subdomain", "terminationGracePeriodSeconds",
                "topologySpreadConstraints"):  # fmt: skip
        assert mine["spec"][key] == real["spec"][key], key
    names = [volume["name"] for volume in mine["spec"]["volumes"]]
    assert sorted(names) == sorted({volume["name"] for volume in real["spec"]["volumes"]} - CERTIFICATES - ELSEWHERE)
    (own,), (theirs,) = mine["spec"]["containers"], real["spec"]["containers"]
    for key in ("args", "env", "image", "name", "resources"):
        assert own[key] == theirs[key], key
    assert own["readinessProbe"].items() <= theirs["readinessProbe"].items()
    assert own["livenessProbe"].items() <= theirs["livenessProbe"].items()
    mounts = [mount for mount in theirs["volumeMounts"] if mount["name"] in names]
    by_name = itemgetter("name")
    assert sorted(own["volumeMounts"], key=by_name) == sorted(mounts, key=by_name)
    ports = [port for port in theirs["ports"] if port["name"] not in ("tcp-scram", "tcp-mtls")]
    assert [port for port in own["ports"] if port["name"] != "tcp-plain"] == ports
    assert [item["name"] for item in mine["spec"].get("initContainers", [])] == [
        item["name"] for item in real["spec"].get("initContainers", [])
    ]


@pytest.mark.parametrize("name", ["data-on-eks-broker-0", "data-on-eks-controller-3"])
def test_server_config_is_that_of_the_real_operator_but_for_tls(name: str) -> None:
    def lines(item: Object) -> dict[str, str]:
        text = item["data"]["server.config"]
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))

    mine, real = lines(everything(cluster())["ConfigMap", name]), lines(observed(f"configmap--{name}"))
    listeners = {"listeners", "advertised.listeners", "listener.security.protocol.map"}
    same = {key for key in mine if key not in listeners and not key.startswith("config.providers")}
    assert {key: mine[key] for key in same} == {key: real.get(key) for key in same}
    unlike = {key for key in real if key not in mine}
    tls = (
        "ssl.",
        "sasl.",
        "listener.name.",
        "cruise.control.",
        "config.providers",
        "authorizer.",
        "super.users",
        "metric.reporters",
    )
    assert [key for key in unlike if not key.startswith(tls)] == []
    assert all(
        mine[key].replace("PLAIN-9092", "").split("://")[0].split(",")[0] in real[key]
        for key in ("listeners", "advertised.listeners")
    )


def test_listeners_of_a_broker() -> None:
    text = everything(cluster())["ConfigMap", "data-on-eks-broker-1"]["data"]["server.config"].splitlines()
    host = "data-on-eks-broker-1.data-on-eks-kafka-brokers.kafka.svc"
    assert "listeners=REPLICATION-9091://0.0.0.0:9091,PLAIN-9092://0.0.0.0:9092" in text
    assert f"advertised.listeners=REPLICATION-9091://{host}:9091,PLAIN-9092://{host}:9092" in text
    assert (
        "listener.security.protocol.map=CONTROLPLANE-9090:PLAINTEXT,REPLICATION-9091:PLAINTEXT,PLAIN-9092:PLAINTEXT"
        in text
    )


def test_a_node_with_both_roles_does_not_announce_its_controller() -> None:
    both = pools()[:1]
    both[0]["spec"]["roles"] = ["controller", "broker"]
    config = everything(plan(kafka(), both, {}, IMAGES))["ConfigMap", "data-on-eks-broker-0"]["data"][
        "server.config"
    ].splitlines()
    assert "process.roles=broker,controller" in config
    assert (
        "listeners=CONTROLPLANE-9090://0.0.0.0:9090,REPLICATION-9091://0.0.0.0:9091,PLAIN-9092://0.0.0.0:9092" in config
    )
    assert not [line for line in config if line.startswith("advertised.listeners=CONTROLPLANE")]


def test_what_the_operator_sets_itself_is_taken_from_nobody() -> None:
    found = cluster(
        config={
            "listeners": "X://:1",
            "log.dirs": "/x",
            "controller.quorum.fetch.timeout.ms": 5000,
            "log.retention.ms": 1,
        }
    )
    config = everything(found)["ConfigMap", "data-on-eks-broker-0"]["data"]["server.config"]
    assert "X://" not in config
    assert "/x\n" not in config
    assert config.endswith("controller.quorum.fetch.timeout.ms=5000\nlog.retention.ms=1\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(True, "true", id="bool"),
        pytest.param(3, "3", id="int"),
        pytest.param(["a", 1], "a,1", id="list"),
        pytest.param("x", "x", id="str"),
    ],
)
def test_text_of(value: object, text: str) -> None:
    assert objects.text_of(value) == text


def test_a_pool_overrides_the_kafka_resource() -> None:
    them = pools()
    del them[1]["spec"]["resources"], them[1]["spec"]["jvmOptions"], them[1]["spec"]["template"]
    shared: Object = {
        "resources": {"requests": {"cpu": "2"}},
        "jvmOptions": {"-Xmx": "1g", "-XX": {"UseG1GC": True, "UseZGC": False, "MaxGCPauseMillis": 20}},
        "template": {"pod": {"priorityClassName": "high"}, "kafkaContainer": {"env": [{"name": "A", "value": "b"}]}},
        "readinessProbe": {"initialDelaySeconds": 3},
    }
    found = plan(kafka(**shared), them, {}, IMAGES)
    inherits, own = pod("data-on-eks-controller-3", found), pod("data-on-eks-broker-0", found)
    (container,) = inherits["spec"]["containers"]
    assert container["resources"] == {"requests": {"cpu": "2"}}
    assert inherits["spec"]["priorityClassName"] == "high"
    assert {item["name"]: item["value"] for item in container["env"]} == {
        "KAFKA_JMX_EXPORTER_ENABLED": "true", "STRIMZI_KAFKA_GC_LOG_ENABLED": "false", "KAFKA_HEAP_OPTS": "-Xmx1g", "A": "b",
        "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseG1GC -XX:-UseZGC -XX:MaxGCPauseMillis=20",
    }  # fmt: skip
    assert container["readinessProbe"]["initialDelaySeconds"] == 3
    assert "priorityClassName" not in own["spec"]
    assert own["spec"]["containers"][0]["resources"] == pools()[0]["spec"]["resources"]


def test_without_a_rack_nothing_looks_at_the_zone() -> None:
    found = kafka()
    del found["spec"]["kafka"]["rack"]
    made = everything(plan(found, pools(), {}, IMAGES))
    assert not [kind for kind, _ in made if kind == "ClusterRoleBinding"]
    assert "rack" not in made["ConfigMap", "data-on-eks-broker-0"]["data"]["server.config"]
    plain = pod("data-on-eks-broker-0", plan(found, pools(), {}, IMAGES))
    assert "initContainers" not in plain["spec"]
    assert plain["spec"]["affinity"] == pools()[0]["spec"]["template"]["pod"]["affinity"]


def test_only_what_a_pod_is_made_from_changes_its_revision() -> None:
    revision = "strimzi.io/revision"
    first, again, changed = (
        pod("data-on-eks-broker-0"),
        pod("data-on-eks-broker-0"),
        pod("data-on-eks-broker-0", cluster(config={"num.partitions": 3})),
    )
    assert first["metadata"]["annotations"][revision] == again["metadata"]["annotations"][revision]
    assert first["metadata"]["annotations"][revision] != changed["metadata"]["annotations"][revision]


def test_claims_that_go_with_the_pool_are_owned_by_it() -> None:
    them = pools()
    them[0]["spec"]["storage"]["volumes"][0]["deleteClaim"] = True
    claim = everything(plan(kafka(), them, {}, IMAGES))["PersistentVolumeClaim", "data-0-data-on-eks-broker-0"]
    assert claim["metadata"]["ownerReferences"][0]["name"] == "broker"
    assert claim["metadata"]["annotations"] == {"strimzi.io/delete-claim": "true"}


def test_the_metadata_volume_comes_first_and_ephemeral_ones_have_no_claim() -> None:
    storage = {
        "type": "jbod",
        "volumes": [
            {"id": 0, "type": "ephemeral"},
            {"id": 2, "type": "persistent-claim", "size": "1Gi", "kraftMetadata": "shared"},
        ],
    }
    assert [(volume.path, volume.claim is None) for volume in objects.volumes(storage)] == [
        ("/var/lib/kafka/data-2", False),
        ("/var/lib/kafka/data-0", True),
    ]
    assert [volume.name for volume in objects.volumes({"type": "persistent-claim", "size": "1Gi"})] == ["data"]


@pytest.mark.parametrize(
    ("wanted", "containers"),
    [
        pytest.param({"topicOperator": {}, "userOperator": {}}, ["topic-operator", "user-operator"], id="both"),
        pytest.param({"topicOperator": {}}, ["topic-operator"], id="topics only"),
        pytest.param({}, [], id="none"),
    ],
)
def test_entity_operator(wanted: Object, containers: list[str]) -> None:
    resource = kafka()
    resource["spec"]["entityOperator"] = wanted
    deployments = [
        item for item in objects.entity_operator(plan(resource, pools(), {}, IMAGES)) if item["kind"] == "Deployment"
    ]
    assert [
        container["name"] for item in deployments for container in item["spec"]["template"]["spec"]["containers"]
    ] == containers


def test_the_entity_operator_is_that_of_the_real_operator() -> None:
    mine, real = (
        everything(cluster())["Deployment", "data-on-eks-entity-operator"]["spec"],
        observed("deployment--data-on-eks-entity-operator")["spec"],
    )
    assert mine["selector"] == real["selector"]
    assert mine["strategy"] == real["strategy"]
    assert mine["template"]["metadata"]["labels"] == real["template"]["metadata"]["labels"]
    for own, theirs in zip(mine["template"]["spec"]["containers"], real["template"]["spec"]["containers"], strict=True):
        assert (own["name"], own["args"], own["image"], own["ports"]) == (
            theirs["name"],
            theirs["args"],
            theirs["image"],
            theirs["ports"],
        )
        env = {item["name"]: item.get("value") for item in theirs["env"]}
        assert all(
            env.get(item["name"]) == item["value"] for item in own["env"] if item["name"] != "STRIMZI_SECURITY_PROTOCOL"
        )


def test_the_metrics_setting_names_a_configmap() -> None:
    assert objects.metrics_reference(cluster()) == ("kafka-metrics", "kafka-metrics-config.yml")
    without = kafka()
    del without["spec"]["kafka"]["metricsConfig"]
    assert objects.metrics_reference(plan(without, pools(), {}, IMAGES)) is None
