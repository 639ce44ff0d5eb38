from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

TEMPLATE = Path(__file__).resolve().parents[3] / "roles/karpenter/templates/policies.yml.j2"
Evaluate = Callable[..., Any]
INLINE_LIMIT = 10240  # characters of all inline policies of a role together, as IAM counts them


@pytest.fixture
def policies(role_variables: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The policies of the controller. The template is read here, since a lookup would search for it beside a playbook."""

    def rendered(**settings: Any) -> dict[str, Any]:
        values = role_variables("karpenter", settings)
        template = trust_as_template(TEMPLATE.read_text())
        return dict(yaml.safe_load(Templar(loader=DataLoader(), variables=values).template(template)))

    return rendered


def statements(documents: dict[str, Any]) -> dict[str, Any]:
    return {one["Sid"]: one for document in documents.values() for one in document["Statement"]}


@pytest.mark.parametrize("cluster", ["kafka-on-eks", "k" * 100])
def test_the_six_policies_fit_into_the_role(policies: Any, cluster: str) -> None:
    documents = policies(karpenter_cluster_name=cluster)
    assert len(documents) == 6
    assert sum(len(json.dumps(one, separators=(",", ":"))) for one in documents.values()) < INLINE_LIMIT


def test_what_it_may_change_is_of_this_cluster(policies: Any) -> None:
    """Each statement names resources of its own, or ends at the cluster by a condition; reading is not limited."""
    documents = policies()
    del documents["resource-discovery"]
    open_ended = {
        sid
        for sid, one in statements(documents).items()
        if "kafka-on-eks" not in json.dumps([one["Resource"], one.get("Condition", {})])
    }
    # What a machine is launched from belongs to no cluster.
    assert open_ended == {"LaunchFrom"}


def test_it_may_pass_no_other_role_than_that_of_the_nodes(policies: Any) -> None:
    statement = statements(policies())["PassNodeRole"]
    assert statement["Resource"] == (
        "arn:aws:iam::123456789012:role/kafka-eks/us-west-2/kafka-on-eks/kafka-on-eks-us-west-2-karpenter-node"
    )


def test_where_iam_is_out_of_reach_it_makes_no_instance_profiles(policies: Any) -> None:
    assert "MakeInstanceProfiles" in statements(policies())
    assert "MakeInstanceProfiles" not in statements(policies(karpenter_isolated=True))


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_arns_are_of_the_partition(evaluate: Evaluate, region: str, partition: str) -> None:
    arn = evaluate("karpenter", "__karpenter_queue_arn", karpenter_region=region)
    assert arn == f"arn:{partition}:sqs:{region}:123456789012:kafka-on-eks-karpenter"


@pytest.mark.parametrize(
    ("version", "refusal", "refused"),
    [
        ("1.9.0", "", []),
        ("1.9.0", "Kubernetes needs a newer one.", ["Kubernetes"]),
        ("1.8.8", "", ["policies"]),
    ],
)
def test_a_version_that_does_not_fit_is_refused(
    evaluate: Evaluate, version: str, refusal: str, refused: list[str]
) -> None:
    rules = evaluate("karpenter", "__karpenter_version_rules", karpenter_version=version, __karpenter_refusal=refusal)
    assert [rule["name"] for rule in rules if not rule["that"]] == refused


def test_values_of_the_user_are_merged_over_ours(evaluate: Evaluate) -> None:
    values = evaluate(
        "karpenter",
        "__karpenter_values",
        karpenter_values={"settings": {"batchMaxDuration": "2s"}, "logLevel": "debug"},
    )
    assert values["settings"]["clusterName"] == "kafka-on-eks"
    assert values["settings"]["batchMaxDuration"] == "2s"
    assert values["logLevel"] == "debug"


def test_a_machine_that_is_left_is_found_by_its_pool(evaluate: Evaluate) -> None:
    claims = {"resources": [{"metadata": {"labels": {"karpenter.sh/nodepool": name}}} for name in ("b", "a", "b")]}
    assert evaluate("karpenter", "__karpenter_pools", __karpenter_claims=claims) == ["a", "b"]
    assert evaluate("karpenter", "__karpenter_pools", __karpenter_claims={"skipped": True}) == []
