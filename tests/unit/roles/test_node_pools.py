from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Render = Callable[..., list[dict[str, Any]]]
LABEL = "kafka-eks.streamops.io/pool"
NEWEST = {"__node_pools_images": {"newest": "al2023@v20260101"}}


@pytest.fixture(scope="session")
def problems(crd_validator: Callable[[str, str], Any]) -> Callable[[dict[str, Any]], list[str]]:
    return crd_validator("karpenter-crds", "karpenter-crds")


@pytest.fixture
def objects(render: Render) -> Callable[..., dict[str, Any]]:
    def rendered(**settings: Any) -> dict[str, Any]:
        made = render("node_pools", "node_pools.yml.j2", **{**NEWEST, "__node_pools_present": {}, **settings})
        return {f"{one['kind']} {one['metadata']['name']}": one["spec"] for one in made}

    return rendered


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="defaults"),
        pytest.param({"node_pools_isolated": True, "node_pools_zones": ["us-west-2a"]}, id="isolated, one zone"),
        pytest.param(
            {
                "node_pools_classes": [
                    {"name": "all", "ami_alias": "al2023@v20251205", "volume": {"size": "20Gi", "kms_key": "arn:k"}}
                ],
                "node_pools_pools": [
                    {"name": "spot", "class": "all", "capacity_types": ["spot"], "expire_after": "24h", "weight": 10}
                ],
            },
            id="own ones",
        ),
    ],
)
def test_they_are_what_karpenter_accepts(
    render: Render, problems: Callable[[dict[str, Any]], list[str]], settings: dict[str, Any]
) -> None:
    made = render("node_pools", "node_pools.yml.j2", **{**NEWEST, "__node_pools_present": {}, **settings})
    assert {one["metadata"]["name"]: problems(one) for one in made} == {one["metadata"]["name"]: [] for one in made}


def test_the_validator_finds_an_unknown_field(render: Render, problems: Callable[[dict[str, Any]], list[str]]) -> None:
    made = render("node_pools", "node_pools.yml.j2", **NEWEST, __node_pools_present={})[0]
    made["spec"]["amiFamilly"] = "AL2023"
    assert problems(made) == ["Additional properties are not allowed ('amiFamilly' was unexpected)"]


@pytest.mark.parametrize("pool", ["broker", "controller"])
def test_nothing_that_karpenter_decides_takes_a_node_of_kafka_away(objects: Any, pool: str) -> None:
    spec = objects()[f"NodePool {pool}"]
    assert spec["disruption"] == {
        "consolidationPolicy": "WhenEmpty",
        "consolidateAfter": "Never",
        "budgets": [{"nodes": "0"}],
    }
    assert spec["template"]["spec"]["expireAfter"] == "Never"
    # With one, a machine that drifts would be drained though pods forbid it.
    assert "terminationGracePeriod" not in spec["template"]["spec"]


@pytest.mark.parametrize(
    ("pool", "tainted"), [("broker", True), ("controller", True), ("load", True), ("general", False)]
)
def test_a_pool_is_known_by_its_label_and_taint(objects: Any, pool: str, tainted: bool) -> None:
    template = objects()[f"NodePool {pool}"]["template"]
    assert template["metadata"]["labels"] == {LABEL: pool}
    taints = [{"key": LABEL, "value": pool, "effect": "NoSchedule"}]
    assert template["spec"].get("taints", []) == (taints if tainted else [])


def test_brokers_get_the_machines_that_are_named_on_demand(objects: Any) -> None:
    spec = objects(node_pools_broker_instance_types=["r8g.2xlarge", "r7g.2xlarge"])["NodePool broker"]
    wanted = {one["key"]: one["values"] for one in spec["template"]["spec"]["requirements"]}
    assert wanted["node.kubernetes.io/instance-type"] == ["r8g.2xlarge", "r7g.2xlarge"]
    assert wanted["karpenter.sh/capacity-type"] == ["on-demand"]


def existing(**aliases: str) -> dict[str, Any]:
    return {
        "resources": [
            {"metadata": {"name": name}, "spec": {"amiSelectorTerms": [{"alias": alias}]}}
            for name, alias in aliases.items()
        ]
    }


@pytest.mark.parametrize(
    ("present", "given", "unpinned", "changed", "alias"),
    [
        pytest.param({}, None, ["kafka", "general"], [], "al2023@v20260101", id="new: the newest"),
        pytest.param(
            existing(kafka="al2023@v20251112", general="al2023@v20251112"), None, [], [], "al2023@v20251112", id="kept"
        ),
        pytest.param(
            existing(kafka="al2023@v20251112"), None, ["general"], [], "al2023@v20251112", id="one of two is new"
        ),
        pytest.param(
            existing(kafka="al2023@v20251112", general="al2023@v20251112"),
            "al2023@v20251205",
            [],
            [{"key": "kafka", "value": "al2023@v20251205"}],
            "al2023@v20251205",
            id="another one is named",
        ),
        pytest.param(
            existing(kafka="al2023@v20251205", general="al2023@v20251112"),
            "al2023@v20251205",
            [],
            [],
            "al2023@v20251205",
            id="as named",
        ),
    ],
)
def test_a_class_is_pinned_once(
    objects: Any,
    evaluate: Callable[..., Any],
    present: dict[str, Any],
    given: str | None,
    unpinned: list[str],
    changed: list[Any],
    alias: str,
) -> None:
    named = {"ami_alias": given} if given else {}
    settings = {
        "__node_pools_present": present,
        "node_pools_classes": [{"name": "kafka", "volume": {}, **named}, {"name": "general", "volume": {}}],
    }
    assert set(evaluate("node_pools", "__node_pools_unpinned", **settings)) == set(unpinned)
    assert evaluate("node_pools", "__node_pools_changed", **settings) == changed
    assert objects(**settings)["EC2NodeClass kafka"]["amiSelectorTerms"] == [{"alias": alias}]


@pytest.mark.parametrize(
    ("found", "named", "doubtful"),
    [
        pytest.param("1.35", {}, [], id="an image for this Kubernetes"),
        pytest.param("1.34", {}, ["al2023@v20251205"], id="only for another"),
        pytest.param(None, {}, ["al2023@v20251205"], id="none"),
        pytest.param("1.34", {"ami_alias": "al2023@v20260101"}, [], id="another release is named"),
    ],
)
def test_an_image_that_is_kept_is_looked_up_after_an_upgrade(
    render: Render, found: str | None, named: dict[str, str], doubtful: list[str]
) -> None:
    present = existing(kafka="al2023@v20251205", stranger="al2023@v20251112")
    images = [{"name": f"amazon-eks-node-al2023-arm64-standard-{found}-v20251205"}] if found else []
    present["resources"][0]["status"] = {"amis": images}
    settings = {
        "__node_pools_kubernetes": "1.35",
        "__node_pools_present": present,
        "node_pools_classes": [{"name": "kafka", **named}],
    }
    assert render("node_pools", "unfit.yml.j2", **settings) == ([doubtful] if doubtful else [])


def test_one_release_is_named_for_all_classes_that_have_none_of_their_own(evaluate: Callable[..., Any]) -> None:
    settings = {
        "node_pools_ami_alias": "al2023@v20260101",
        "node_pools_classes": [{"name": "kafka", "ami_alias": "al2023@v20251205"}, {"name": "general"}],
    }
    given = evaluate("node_pools", "__node_pools_given", **settings)
    assert given == {"kafka": "al2023@v20251205", "general": "al2023@v20260101"}


def test_members_of_kafka_need_a_machine_in_every_zone(render: Render) -> None:
    assert render("node_pools", "offered.yml.j2") == [
        [
            {"name": "broker", "instance_types": ["r8g.4xlarge"], "every_zone": True},
            {"name": "controller", "instance_types": ["m8g.large"], "every_zone": True},
            {"name": "load", "instance_types": ["c8g.2xlarge"], "every_zone": False},
        ]
    ]


def test_pools_that_name_no_machine_are_not_asked_for(render: Render) -> None:
    assert render("node_pools", "offered.yml.j2", node_pools_pools=[{"name": "any", "class": "general"}]) == []


def test_machines_and_volumes_say_whose_they_are(objects: Any) -> None:
    spec = objects(node_pools_tags={"team": "data"})["EC2NodeClass kafka"]
    assert spec["tags"] == {
        "team": "data",
        "kafka-eks/cluster": "kafka-on-eks",
        "ebs.csi.aws.com/cluster-name": "kafka-on-eks",
    }
    assert spec["metadataOptions"]["httpTokens"] == "required"
    assert all(device["ebs"]["encrypted"] for device in spec["blockDeviceMappings"])


def test_without_a_way_to_iam_the_instance_profile_is_named(objects: Any) -> None:
    spec = objects(node_pools_isolated=True)["EC2NodeClass kafka"]
    assert spec["instanceProfile"] == "kafka-on-eks-us-west-2-karpenter-node"
    assert "role" not in spec


def test_only_pods_that_forbid_it_are_removed_with_their_machine(evaluate: Callable[..., Any]) -> None:
    kept = {"karpenter.sh/do-not-disrupt": "true"}
    pods = [
        {"metadata": {"name": "plain"}, "spec": {"nodeName": "one"}},
        {"metadata": {"name": "annotated", "annotations": {"team": "data"}}, "spec": {"nodeName": "one"}},
        {"metadata": {"name": "kept", "annotations": kept}, "spec": {"nodeName": "one"}},
        {"metadata": {"name": "elsewhere", "annotations": kept}, "spec": {"nodeName": "two"}},
        {"metadata": {"name": "nowhere", "annotations": kept}, "spec": {}},
    ]
    claims = [{"status": {"nodeName": "one"}}, {"status": {}}]
    seen = {"__node_pools_claims": {"resources": claims}, "__node_pools_pods": {"resources": pods}}
    found = evaluate("node_pools", "__node_pools_undisturbable", **seen)
    assert [pod["metadata"]["name"] for pod in found] == ["kept"]
    assert evaluate("node_pools", "__node_pools_undisturbable", __node_pools_claims={}, __node_pools_pods={}) == []
