from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

RUN = {"msg": "20261123T215000Z"}
ALL = ["producer", "consumer", "high_throughput", "sustained", "burst"]

Objects = list[dict[str, Any]]


@pytest.fixture
def given(render: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """What the role's values are computed from: the settings of a test and the stages that follow from them."""

    def values(**settings: Any) -> dict[str, Any]:
        stages = render("load_test", "stages.yml.j2", **settings)
        return {"__load_test_run": RUN, "__load_test_stages": stages[0] if stages else [], **settings}

    return values


@pytest.fixture
def jobs(render: Callable[..., Objects], given: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def rendered(**settings: Any) -> dict[str, Any]:
        values = given(**settings)
        each = [
            render("load_test", "job.yml.j2", **values, __load_test_stage=stage)
            for stage in values["__load_test_stages"]
        ]
        assert [len(objects) for objects in each] == [1] * len(each)
        return {objects[0]["metadata"]["name"]: objects[0] for objects in each}

    return rendered


def container(job: dict[str, Any]) -> dict[str, Any]:
    (only,) = job["spec"]["template"]["spec"]["containers"]
    return dict(only)


def arguments(job: dict[str, Any]) -> dict[str, str]:
    return dict(argument.split("=", 1) for argument in container(job)["command"][1:])


def test_profiles_have_their_real_sizes(given: Callable[..., dict[str, Any]]) -> None:
    fields = ("name", "kind", "topic", "partitions", "records", "record_size", "throughput", "config")
    everything = {"acks": "all"}
    assert [tuple(stage[field] for field in fields) for stage in given(load_test_profiles=ALL)["__load_test_stages"]] == [
        ("producer", "producer", "load-test-producer", 3, 100_000_000, 100, -1, everything),
        ("consumer_fill", "producer", "load-test-consumer", 3, 100_000_000, 100, -1, everything),
        ("consumer", "consumer", "load-test-consumer", 3, 100_000_000, 100, -1, {}),
        ("high_throughput", "producer", "load-test-high-throughput", 12, 100_000_000, 100, -1, everything),
        ("sustained", "producer", "load-test-sustained", 3, 60_000_000, 1024, 100_000,
         {"acks": "all", "batch.size": 16384, "linger.ms": 5}),
        ("burst", "producer", "load-test-burst", 3, 10_000_000, 512, -1, {"acks": "1", "batch.size": 32768}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "settings, records, throughput",
    [
        pytest.param({}, {"sustained": 60_000_000}, 100_000, id="as they are"),
        pytest.param({"load_test_scale": 0.0005}, {"sustained": 30_000}, 100_000, id="the lab"),
        pytest.param({"load_test_scale": "0.0005"}, {"sustained": 30_000}, 100_000, id="from the command line"),
        pytest.param({"load_test_scale": 1e-9}, {"sustained": 1}, 100_000, id="never none"),
        pytest.param({"load_test_clients": 8}, {"sustained": 7_500_000}, 12_500, id="shared by producers"),
        pytest.param(
            {"load_test_profiles": "consumer", "load_test_clients": 3, "load_test_scale": 1e-6},
            {"consumer_fill": 33, "consumer": 99},
            -1,
            id="each consumer reads all that the producers wrote",
        ),
    ],
)
def test_numbers_are_scaled_and_shared(
    given: Callable[..., dict[str, Any]], settings: dict[str, Any], records: dict[str, int], throughput: int
) -> None:
    found = given(**{"load_test_profiles": ["sustained"], **settings})["__load_test_stages"]
    assert {stage["name"]: stage["records"] for stage in found} == records
    assert {stage["throughput"] for stage in found} == {throughput}


def test_jobs_run_once_on_the_load_pool_and_leave_by_themselves(jobs: Callable[..., dict[str, Any]]) -> None:
    found = jobs(load_test_profiles=ALL, load_test_clients=2)
    assert list(found) == [
        "load-test-producer",
        "load-test-consumer-fill",
        "load-test-consumer",
        "load-test-high-throughput",
        "load-test-sustained",
        "load-test-burst",
    ]
    for job in found.values():
        spec, pod = job["spec"], job["spec"]["template"]["spec"]
        assert (spec["parallelism"], spec["completions"], spec["backoffLimit"]) == (2, 2, 0)
        assert (spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (3600, 86400)
        assert (pod["restartPolicy"], pod["nodeSelector"]) == ("Never", {"kafka-eks.streamops.io/pool": "load"})
        assert pod["tolerations"][0]["value"] == "load"
        assert container(job)["image"] == "quay.io/strimzi/kafka:0.47.0-kafka-3.9.0"
        assert container(job)["resources"]["requests"] == {"cpu": "2", "memory": "2Gi"}
        environment = {variable["name"]: variable["value"] for variable in container(job)["env"]}
        assert environment["JAVA_TOOL_OPTIONS"] == "-Duser.language=en -Duser.country=US"
        assert environment["KAFKA_HEAP_OPTS"] == "-Xmx1g"
        assert job["metadata"]["labels"] == spec["template"]["metadata"]["labels"]
        assert job["metadata"]["labels"]["kafka-eks.streamops.io/run"] == RUN["msg"]


def test_clients_are_asked_for_what_their_profile_says(jobs: Callable[..., dict[str, Any]]) -> None:
    found = jobs(load_test_scale=0.0005)
    assert container(found["load-test-producer"])["command"][0] == "/opt/kafka/bin/kafka-producer-perf-test.sh"
    assert arguments(found["load-test-producer"]) == {
        "--topic": "load-test-producer",
        "--num-records": "50000",
        "--record-size": "100",
        "--throughput": "-1",
        "--producer.config": "/etc/load-test/producer.properties",
    }
    assert container(found["load-test-consumer"])["command"][0] == "/opt/kafka/bin/kafka-consumer-perf-test.sh"
    assert arguments(found["load-test-consumer"]) == {
        "--bootstrap-server": "data-on-eks-kafka-bootstrap.kafka.svc:9092",
        "--topic": "load-test-consumer",
        "--messages": "50000",
        "--timeout": "60000",
        "--consumer.config": "/etc/load-test/consumer.properties",
    }


def test_each_client_finds_its_settings(
    render: Callable[..., Objects], jobs: Callable[..., dict[str, Any]], given: Callable[..., dict[str, Any]]
) -> None:
    settings, *topics = render("load_test", "topics.yml.j2", **given(load_test_profiles=ALL))
    assert (settings["kind"], {topic["kind"] for topic in topics}) == ("ConfigMap", {"KafkaTopic"})
    for job in jobs(load_test_profiles=ALL).values():
        file = (arguments(job).get("--producer.config") or arguments(job)["--consumer.config"]).rpartition("/")[2]
        assert file in settings["data"]
        assert job["spec"]["template"]["spec"]["volumes"] == [
            {"name": "settings", "configMap": {"name": settings["metadata"]["name"]}}
        ]
    assert settings["data"]["sustained.properties"].split() == [
        "bootstrap.servers=data-on-eks-kafka-bootstrap.kafka.svc:9092",
        "acks=all",
        "batch.size=16384",
        "linger.ms=5",
    ]


def test_topics_are_bounded_and_still_hold_what_is_to_be_read(
    render: Callable[..., Objects], given: Callable[..., dict[str, Any]]
) -> None:
    filled = [stage for stage in given(load_test_profiles=ALL)["__load_test_stages"] if stage["topic_bytes"]]
    topics = render("load_test", "topics.yml.j2", **given(load_test_profiles=ALL))[1:]
    assert [topic["metadata"]["name"] for topic in topics] == [stage["topic"] for stage in filled]
    for stage, topic in zip(filled, topics, strict=True):
        assert topic["metadata"]["labels"]["strimzi.io/cluster"] == "data-on-eks"
        assert (topic["spec"]["partitions"], topic["spec"]["replicas"]) == (stage["partitions"], 3)
        config = topic["spec"]["config"]
        assert config["min.insync.replicas"] == 2
        assert config["retention.bytes"] * stage["partitions"] >= 1.5 * stage["records"] * stage["record_size"]
        assert stage["topic_bytes"] == stage["partitions"] * (config["retention.bytes"] + config["segment.bytes"])


def test_what_is_made_is_what_is_removed(
    render: Callable[..., Objects], jobs: Callable[..., dict[str, Any]], given: Callable[..., dict[str, Any]]
) -> None:
    def keys(objects: Objects) -> list[tuple[str, ...]]:
        return sorted((o["apiVersion"], o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]) for o in objects)

    made = render("load_test", "topics.yml.j2", **given(load_test_profiles=ALL))
    made += jobs(load_test_profiles=ALL).values()
    # Whatever this run is asked for, an earlier one may have been asked for more.
    assert keys(render("load_test", "leftovers.yml.j2", load_test_profiles=[])) == keys(made)


@pytest.mark.parametrize(
    "settings, refused",
    [
        pytest.param({}, [], id="defaults"),
        pytest.param({"load_test_profiles": ALL}, [], id="all profiles"),
        pytest.param({"load_test_profiles": "burst, sustained"}, [], id="profiles from the command line"),
        pytest.param({"load_test_profiles": ["producer", "warp"]}, ["profiles"], id="unknown profile"),
        pytest.param({"load_test_profiles": []}, ["profiles"], id="no profile"),
        pytest.param({"load_test_thresholds": {"burst": {}, "consumer_fill": {}}}, [], id="limits of what is not run"),
        pytest.param({"load_test_thresholds": {"warp": {}}}, ["thresholds"], id="limits of an unknown profile"),
        pytest.param({"load_test_scale": 0}, ["scale"], id="nothing to send"),
        pytest.param({"load_test_scale": "0.5", "load_test_clients": "2"}, [], id="numbers from the command line"),
        pytest.param({"load_test_clients": 0}, ["clients"], id="no clients"),
        pytest.param({"load_test_run_id": "../etc"}, ["run"], id="a run that is no label"),
        pytest.param({"load_test_run_id": "a" * 64}, ["run"], id="a run that is too long"),
        pytest.param({"load_test_run_id": "n"}, [], id="a short run"),
        pytest.param({"load_test_replication_factor": 4}, ["replication"], id="more copies than brokers"),
        pytest.param({"load_test_min_insync_replicas": 4}, ["replication"], id="more copies needed than there are"),
        pytest.param({"load_test_broker_storage": "64Gi"}, [], id="just enough disk"),
        pytest.param({"load_test_broker_storage": "60Gi"}, ["disk"], id="too little disk"),
        pytest.param(
            {"kafka_cluster_broker_storage": "20Gi"}, ["disk"], id="the size that the inventory gives brokers"
        ),
        pytest.param({"kafka_cluster_broker_storage": "20Gi", "load_test_scale": 0.0005}, [], id="the lab"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    evaluate: Callable[..., Any], given: Callable[..., dict[str, Any]], settings: dict[str, Any], refused: list[str]
) -> None:
    rules = evaluate("load_test", "__load_test_rules", **given(**settings))
    assert [rule["name"] for rule in rules if not rule["that"]] == refused


def test_refusals_say_what_to_do(evaluate: Callable[..., Any], given: Callable[..., dict[str, Any]]) -> None:
    rules = evaluate("load_test", "__load_test_rules", **given(load_test_profiles=["warp"], load_test_scale=0))
    sentences = {rule["name"]: rule["else"] for rule in rules}
    assert sentences["profiles"] == (
        "load_test_profiles names warp, which is no profile: choose from burst, consumer, high_throughput, producer, sustained."
    )
    assert sentences["scale"] == "load_test_scale is 0, which leaves no records: set it over 0."
