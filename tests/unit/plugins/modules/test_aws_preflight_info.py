from __future__ import annotations

import json
from datetime import datetime

import botocore.exceptions
import pytest

from lab.aws import settings, versions

ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
GROUPS = [
    {"name": "core", "instance_types": ["m8g.large"], "desired_size": 2},
    {
        "name": "broker",
        "instance_types": ["r8g.4xlarge"],
        "desired_size": 3,
        "labels": {"kafka-eks.streamops.io/pool": "broker"},
    },
]
WANTED = {
    "cluster_name": "demo",
    "kubernetes_version": "1.35",
    "public_access_cidrs": ["203.0.113.7/32"],
    "nodegroups": GROUPS,
    "volumes": [{"name": "broker", "count": 3, "size": "1000Gi"}],
}


@pytest.fixture(autouse=True)
def calendar(monkeypatch):
    """One that does not run out."""

    def version(name, standard, extended):
        known = versions.KubernetesVersion(
            name, datetime(2024, 1, 1), datetime(standard, 1, 1), datetime(extended, 1, 1)
        )
        monkeypatch.setitem(versions.KUBERNETES, name, known)

    version("1.35", 2099, 2100)
    version("1.30", 2025, 2026)


@pytest.fixture
def account(aws):
    """One in which the caller may do everything."""
    aws.iam.put_role_policy(RoleName="platform-engineer", PolicyName="all", PolicyDocument=json.dumps(ALL))
    return aws


@pytest.fixture
def helm(tmp_path):
    program = tmp_path / "helm"
    program.write_text("#!/bin/sh\necho v3.19.0+g3d8990f\n")
    program.chmod(0o755)
    return str(program)


def judged(aws, **arguments):
    result = aws.run("aws_preflight_info", **{**WANTED, **arguments})
    assert not result.get("failed"), result["msg"]
    assert not result["changed"]
    found = {}
    for check in result["checks"]:
        found.setdefault(check["check"], []).append((check["status"], check["sentence"]))
    return found


def test_all_is_well_in_an_empty_account(account, helm):
    found = judged(account, helm=helm, packages=["boto3", "ansible-core==2.19.0"])
    assert {status for checks in found.values() for status, _ in checks} == {"ok"}, found
    assert set(found) == {
        *("identity", "permissions", "network_settings", "quota_vpcs", "quota_internet_gateways", "quota_addresses"),
        *("quota_nat_gateways", "quota_vcpus", "quota_gp3_storage", "quota_clusters", "quota_nodegroups"),
        *("offering_core", "offering_broker", "ebs_broker", "kubernetes", "helm", "aws_program", "package_boto3"),
        *("package_ansible-core", "endpoint_access", "volume_broker"),
    }
    assert set(account.writes) == {"SimulatePrincipalPolicy"}, "it is to change nothing"
    assert account.requests[0] == "GetCallerIdentity"


def test_it_is_the_same_in_check_mode(account):
    assert account.run("aws_preflight_info", check=True, **WANTED) == account.run("aws_preflight_info", **WANTED)


def test_what_is_there_is_needed_no_more(account):
    account.finish("vpc_network", cluster_name="demo")
    found = judged(account)
    assert not {"quota_vpcs", "quota_addresses", "quota_nat_gateways"} & found.keys()
    assert [status for status, _ in found["network_settings"]] == ["ok"]
    assert {status for status, _ in found["offering_broker"]} == {"ok"}


@pytest.mark.parametrize(
    ("quota", "check", "words"),
    [
        ("ec2/L-0263D0A3", "quota_addresses", "3 more addresses are needed, but 0 of 1 are in use"),
        ("vpc/L-F678F1CE", "quota_vpcs", "1 more VPC is needed, but 1 of 1 are in use"),
        ("ec2/L-1216C47A", "quota_vcpus", "52 more vCPUs are needed, but 0 of 1 are in use"),
        ("ebs/L-7A658B76", "quota_gp3_storage", "3.17 more TiB are needed, but 0 of 1 are in use"),
    ],
)
def test_an_exhausted_quota_is_told(account, quota, check, words):
    settings.change(quotas={quota: 1})
    (status, sentence), *_ = judged(account)[check]
    assert status == "failed"
    assert words in sentence


def test_a_type_that_is_not_offered_is_told(account):
    settings.change(not_offered=["r8g.4xlarge:us-west-2b"])
    ((status, sentence),) = judged(account)["offering_broker"]
    assert status == "failed"
    assert "r8g.4xlarge is not offered in usw2-az" in sentence
    groups = [{"name": "core", "instance_types": ["m9z.large"], "desired_size": 2}]
    ((status, sentence),) = judged(account, nodegroups=groups)["offering_core"]
    assert (status, sentence) == (
        "failed",
        "Node group 'core': EC2 has no instance type m9z.large in us-west-2: choose another one.",
    )


def test_pools_of_karpenter_are_judged_as_node_groups_are(account):
    settings.change(not_offered=["c8g.2xlarge:us-west-2a", "r8g.4xlarge:us-west-2b"])
    pools = [
        {"name": "broker", "instance_types": ["r8g.4xlarge"], "size": 3},
        {"name": "controller", "instance_types": ["m9z.large"], "size": 3},
        {"name": "load", "instance_types": ["c8g.2xlarge"], "temporary": 1, "zones": ["us-west-2a"]},
        {"name": "general"},
    ]
    found = judged(account, nodegroups=[], node_pools=pools)
    offered = {name: checks for name, checks in found.items() if name.startswith("offering")}
    assert {name: [status for status, _ in checks] for name, checks in offered.items()} == {
        "offering_broker": ["failed"],
        "offering_controller": ["failed"],
        "offering_load": ["failed"],
    }
    assert "Pool 'broker': r8g.4xlarge is not offered in usw2-az" in offered["offering_broker"][0][1]
    assert "EC2 has no instance type m9z.large" in offered["offering_controller"][0][1]
    assert "56 more vCPUs are needed" in found["quota_vcpus"][0][1]


def test_pools_by_requirements_alone_are_told(account):
    found = judged(account, nodegroups=[], node_pools=[{"name": "broker", "size": 3}])
    ((status, sentence),) = found["offering_broker"]
    assert status == "unknown"
    assert "Pool 'broker' has requirements instead of instance types" in sentence


def test_a_version_that_has_ended_is_told(account):
    ((status, sentence),) = judged(account, kubernetes_version="1.30")["kubernetes"]
    assert status == "failed"
    assert "EKS ended its support of Kubernetes 1.30 on 2026-01-01 and makes no cluster of it: choose" in sentence


def test_a_cluster_that_is_too_far_behind_is_told(account):
    account.make_cluster()
    found = judged(account, kubernetes_version="1.37")
    ((status, sentence),) = found["kubernetes_upgrade"]
    assert status == "failed"
    assert "set 1.36 first" in sentence
    assert "no more clusters are needed" in found["quota_clusters"][0][1]


def test_a_cluster_of_the_name_that_is_somebody_elses_is_told(account):
    account.make_cluster()
    assert "cluster_name" not in judged(account)
    arn = account.eks.describe_cluster(name="demo")["cluster"]["arn"]
    account.eks.untag_resource(resourceArn=arn, tagKeys=["kafka-eks/cluster"])
    ((status, sentence),) = judged(account)["cluster_name"]
    assert status == "failed"
    assert "choose another name" in sentence


def test_versions_that_do_not_go_together_are_told(account):
    found = judged(
        account, strimzi_version="1.2.0", kafka_version="3.9.0", karpenter_version="1.8.0", argocd_version="3.0.6"
    )
    statuses = {name: found[name][0][0] for name in ("strimzi", "kafka_version", "karpenter", "argocd")}
    assert statuses == {"strimzi": "ok", "kafka_version": "failed", "karpenter": "failed", "argocd": "low"}


def test_missing_permissions_are_told(aws):
    ((status, sentence),) = judged(aws)["permissions"]
    assert status == "failed"
    assert "ec2:AllocateAddress" in sentence
    ((status, sentence),) = judged(aws, actions=["eks:CreateCluster"])["permissions"]
    assert sentence.startswith(
        f"The policies of {aws.deployer} do not allow eks:CreateCluster, at least not as it is needed"
    )


def test_what_may_not_be_asked_is_unknown(account):
    denied = (
        "SimulatePrincipalPolicy",
        "GetServiceQuota",
        "DescribeInstances",
        "DescribeClusterVersions",
        "ListClusters",
    )

    def refuse(operation):
        if operation in denied:
            error = {"Error": {"Code": "AccessDenied", "Message": "no"}}
            return botocore.exceptions.ClientError(error, operation)
        return None

    account.refuse = refuse
    found = judged(account)
    assert found["permissions"][0][0] == "unknown"
    assert "allow iam:SimulatePrincipalPolicy to" in found["permissions"][0][1]
    assert {found[f"quota_{name}"][0][0] for name in ("vcpus", "clusters", "vpcs")} == {"unknown"}
    assert "allow servicequotas:GetServiceQuota to" in found["quota_vcpus"][0][1]
    assert "EKS could not be asked" in found["kubernetes"][0][1]


def test_a_plan_that_cannot_be_asked_for_is_unknown(account):
    def refuse(operation):
        error = {"Error": {"Code": "UnauthorizedOperation", "Message": "no"}}
        return botocore.exceptions.ClientError(error, operation) if operation == "DescribeAvailabilityZones" else None

    account.refuse = refuse
    found = judged(account)
    assert found["network_plan"][0][0] == "unknown"
    assert found["offering"][0][0] == "unknown"


def test_contradictions_are_told_once(account):
    found = judged(
        account,
        network={"nat": "single", "public": False, "zone_count": 2},
        kafka={"brokers": 3, "controllers": 3, "zones": 3, "replication_factor": 4, "min_insync_replicas": 2},
        public_access_cidrs=["0.0.0.0/0"],
    )
    statuses = {name: [status for status, _ in checks] for name, checks in found.items()}
    assert statuses["network_settings"] == ["failed"]
    assert "network_plan" not in statuses
    assert statuses["kafka_replication"] == statuses["kafka_zones"] == statuses["endpoint_access"] == ["failed"]


def test_a_network_in_the_way_is_told(account):
    account.finish("vpc_network", cluster_name="demo")
    ((status, sentence),) = judged(account, network={"cidr": "10.9.0.0/16"})["network_plan"]
    assert status == "failed"
    assert "cannot change in place" in sentence


def test_checks_can_be_skipped(account):
    settings.change(quotas={"ec2/L-0263D0A3": 1})
    result = account.run("aws_preflight_info", **WANTED, skip=["quota_addresses", "offering"])
    statuses = {check["check"]: check["status"] for check in result["checks"]}
    assert statuses["quota_addresses"] == statuses["offering_core"] == statuses["offering_broker"] == "skipped"
    assert statuses["quota_vpcs"] == "ok"


def test_programs_and_packages_are_looked_for(account, tmp_path):
    found = judged(account, helm=str(tmp_path / "helm"), packages=["no-such-package==1.0"])
    assert found["helm"][0][0] == found["package_no-such-package"][0][0] == "failed"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"account_id": "999999999999"}, "belong to account 123456789012"),
        ({"nodegroups": [{"name": "core"}]}, "Node group 'core' cannot be read"),
        (
            {"volumes": [{"name": "broker", "count": 3, "size": "many"}]},
            "The size 'many' is none that Kubernetes knows",
        ),
    ],
)
def test_only_what_cannot_be_judged_is_a_failure(account, arguments, words):
    result = account.run("aws_preflight_info", **{**WANTED, **arguments})
    assert result["failed"]
    assert words in result["msg"]
