"""The AWS layer as a whole: planned on an empty account, built in spite of what goes wrong, upgraded, removed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import OWNER_TAG
from ansible_collections.streamops.kafka_eks.plugins.module_utils._deployer_policy import policies

from lab.aws import faults, settings

CLUSTER = "kafka-on-eks"
EKS, ADDONS, NODES = "Start the EKS cluster", "Install the add-ons", "Create the node groups"


# A first run makes so many; between any two of them it may be killed.
WRITES = 94


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "writes" in metafunc.fixturenames:
        every = metafunc.config.getoption("--every-write")
        metafunc.parametrize("writes", range(1, WRITES) if every else (3, 21, 44, 57, 66, 77, 90))


@pytest.fixture
def empty(new_layer: Callable[..., Any], aws: Any) -> Any:
    return new_layer(aws)


def changed(results: dict[str, Any]) -> dict[str, Any]:
    return {task: result["diff"] for task, result in results.items() if result["changed"]}


def test_an_empty_account_is_planned_whole_and_nothing_is_made(empty: Any) -> None:
    plan = empty.build(check=True)
    assert set(changed(plan)) == set(plan)
    assert empty.account.all_writes == []
    assert all(result["diff"]["before"] in ({}, "", None) for task, result in plan.items() if "kubeconfig" not in task)


def test_a_first_run_makes_as_many_writes_as_it_is_killed_after(empty: Any) -> None:
    empty.account.all_writes.clear()
    empty.build()
    assert len(empty.account.all_writes) == WRITES, "set WRITES to what a first run makes now"


# What goes wrong on the way: the error says what to do, and the next run goes on.


def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(empty: Any, writes: int) -> None:
    empty.account.kill_after = writes
    with pytest.raises(BaseException, match=r"^$"):
        empty.build()
    empty.account.kill_after = None
    empty.build()
    assert changed(empty.build()) == {}
    filters = [{"Name": f"tag:{OWNER_TAG}", "Values": [CLUSTER]}]
    assert len(empty.account.ec2.describe_vpcs(Filters=filters)["Vpcs"]) == 1
    assert len(empty.account.ec2.describe_addresses(Filters=filters)["Addresses"]) == 3
    assert len(empty.account.kms.list_keys()["Keys"]) == 2


def test_throttling_and_outages_are_sat_out(empty: Any) -> None:
    settings.change(
        seed=7,
        refusals=[
            {"action": "*", "fault": "throttling", "rate": 0.1, "times": 20},
            {"action": "*", "fault": "outage", "rate": 0.03, "times": 20},
        ],
    )
    empty.build()
    assert all(rule.times is not None and rule.times < 20 for rule in faults.current.rules)
    settings.change(refusals=[])
    assert changed(empty.build()) == {}


def test_credentials_that_expire_on_the_way_are_told_and_the_next_run_goes_on(empty: Any) -> None:
    settings.change(refusals=[{"action": "*", "fault": "expired", "after": 120}])
    with pytest.raises(
        Exception, match=r"ExpiredToken.*get new credentials and run again: it goes on where it stopped"
    ):
        empty.build()
    settings.change(refusals=[])
    empty.build()
    assert changed(empty.build()) == {}


def test_a_quota_that_is_met_half_way_is_named(empty: Any) -> None:
    settings.change(quotas={"ec2/L-1216C47A": 2})
    with pytest.raises(Exception, match=r"Node group 'core'.*CREATE_FAILED.*VcpuLimitExceeded"):
        empty.build()
    settings.change(quotas={})
    repaired = empty.build(eks_cluster_replace_failed_nodegroups=True)
    assert NODES in changed(repaired)
    assert changed(empty.build()) == {}


def test_too_few_addresses_are_found_before_anything_is_made(empty: Any) -> None:
    settings.change(quotas={"ec2/L-0263D0A3": 2})
    with pytest.raises(Exception, match=r"Elastic IP addresses.*L-0263D0A3"):
        empty.build()
    assert empty.account.all_writes == []


def test_an_ailing_addon_shows_what_it_suffers_from(empty: Any) -> None:
    empty.build()
    empty.account.eks.delete_addon(clusterName=CLUSTER, addonName="coredns")
    empty.account.eks.get_waiter("addon_deleted").wait(
        clusterName=CLUSTER, addonName="coredns", WaiterConfig={"Delay": 0}
    )
    reason = {"code": "AccessDenied", "message": "the service role may not"}
    settings.change(failures=[{"action": "add-on create", "resource": "*coredns", **reason, "times": 9}])
    with pytest.raises(Exception, match="'coredns'.*AccessDenied: the service role may not"):
        empty.build()
    settings.change(failures=[])
    empty.build()
    assert changed(empty.build()) == {}


# Who deploys


def allow(account: Any) -> None:
    for name, document in policies(CLUSTER, "us-west-2", account.id).items():
        arn = account.iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]
        account.iam.attach_role_policy(RoleName="platform-engineer", PolicyArn=arn)
    settings.change(authorization=True)


def test_the_documented_policy_is_enough_to_build_and_to_remove(empty: Any) -> None:
    allow(empty.account)
    assert set(changed(empty.build(check=True)))
    empty.build()
    assert changed(empty.build()) == {}
    empty.remove()
    left = empty.account.run("aws_leftovers_info", cluster_name=CLUSTER, keep=["kms_key", "volume"])["leftovers"]
    assert [(one["type"], one["kept"]) for one in left] == [("kms_key", True)]
    assert changed(empty.remove()) == {}


@pytest.mark.parametrize(
    "action",
    [
        "ec2:CreateVpc",
        "ec2:CreateNatGateway",
        "ec2:CreateTags",
        "ec2:CreateLaunchTemplate",
        "kms:CreateKey",
        "iam:CreateRole",
        "iam:PassRole",
        "logs:CreateLogGroup",
        "eks:CreateCluster",
        "eks:CreateAccessEntry",
        "eks:CreateAddon",
        "eks:CreateNodegroup",
        "sqs:CreateQueue",
        "events:PutRule",
        "events:PutTargets",
        "eks:CreatePodIdentityAssociation",
    ],
)
def test_without_one_of_its_actions_the_missing_one_is_named(empty: Any, action: str) -> None:
    allow(empty.account)
    settings.change(denied={empty.account.deployer: [action]})
    with pytest.raises(Exception, match=f"{action}.*allow {action}"):
        empty.build()


@pytest.mark.parametrize(
    "action",
    [
        "eks:DeleteNodegroup",
        "eks:DeleteCluster",
        "iam:DeleteRole",
        "kms:ScheduleKeyDeletion",
        "ec2:DeleteVpc",
        "sqs:DeleteQueue",
    ],
)
def test_nor_is_anything_removed_without_the_action_for_it(empty: Any, action: str) -> None:
    allow(empty.account)
    empty.build()
    settings.change(denied={empty.account.deployer: [action]})
    with pytest.raises(Exception, match=f"{action}.*allow {action}"):
        empty.remove()
    settings.change(denied={})
    empty.remove()
    assert changed(empty.remove()) == {}


# Upgrades


def test_an_upgrade_takes_the_cluster_then_its_addons_then_its_nodes(empty: Any) -> None:
    older = {"eks_cluster_version": "1.34"}
    empty.build(**older)
    assert changed(empty.build(**older)) == {}
    empty.account.all_writes.clear()
    assert set(changed(empty.build(check=True))) == {EKS, ADDONS, NODES}
    assert empty.account.all_writes == []
    assert set(changed(empty.build())) >= {EKS, ADDONS, NODES}
    order = [name for name in empty.account.all_writes if name.startswith("Update")]
    assert order[0] == "UpdateClusterVersion"
    assert order.index("UpdateAddon") < order.index("UpdateNodegroupVersion")
    group = empty.account.eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName="core")["nodegroup"]
    proxy = empty.account.eks.describe_addon(clusterName=CLUSTER, addonName="kube-proxy")["addon"]
    assert group["version"] == "1.35"
    assert proxy["addonVersion"].startswith("v1.35.")
    assert changed(empty.build()) == {}


def test_what_is_newest_moves_and_nothing_changes(empty: Any) -> None:
    empty.build()
    settings.change(newest_image="20991231")
    assert changed(empty.build()) == {}
