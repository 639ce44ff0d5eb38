"""The deployer's policies allow what the collection asks of AWS, all of it and nothing else, and no more than they must.

Resources and conditions are checked against what AWS says it looks at (fixtures/iam), since no emulator evaluates them.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import boto3
import pytest
import yaml
from ansible_collections.streamops.kafka_eks.plugins.module_utils._deployer_policy import (
    LONGEST_POLICY,
    MOST_POLICIES,
    policies,
)

REPO = Path(__file__).resolve().parents[4]
AUTHORIZATION = yaml.safe_load((REPO / "tests/unit/fixtures/iam/service_authorization.yml").read_text())
POLICIES = policies("kafka-on-eks", "us-west-2", "111122223333")
STATEMENTS = {statement["Sid"]: statement for policy in POLICIES.values() for statement in policy["Statement"]}
ALLOWED = {action for statement in STATEMENTS.values() for action in statement["Action"]}

# boto3's names of the services that the collection uses. sts needs no permission for what it is asked.
SERVICES = (
    *("ec2", "eks", "events", "iam", "kms", "logs", "pricing", "resourcegroupstaggingapi", "service-quotas", "sqs"),
    "ssm",
)
PREFIXES = {"resourcegroupstaggingapi": "tag"}
# What AWS asks for beside the action of the same name, by the actions that lead to it.
TAGS_ON_CREATION = "ec2:CreateTags"
IMPLIED = {
    "ec2:AllocateAddress": [TAGS_ON_CREATION],
    "ec2:CreateInternetGateway": [TAGS_ON_CREATION],
    "ec2:CreateLaunchTemplate": [TAGS_ON_CREATION],
    "ec2:CreateNatGateway": [TAGS_ON_CREATION],
    "ec2:CreateRouteTable": [TAGS_ON_CREATION],
    "ec2:CreateSecurityGroup": [TAGS_ON_CREATION],
    "ec2:CreateSubnet": [TAGS_ON_CREATION],
    "ec2:CreateVpc": [TAGS_ON_CREATION],
    "ec2:CreateVpcEndpoint": [
        TAGS_ON_CREATION,
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "route53:AssociateVPCWithHostedZone",
        "vpce:AllowMultiRegion",
    ],
    "eks:CreateAccessEntry": ["eks:TagResource", "iam:PassRole"],
    "eks:CreateAddon": ["eks:CreatePodIdentityAssociation", "eks:TagResource", "iam:PassRole"],
    "eks:CreateCluster": [
        "eks:TagResource",
        "iam:CreateServiceLinkedRole",
        "iam:PassRole",
        "kms:CreateGrant",
        "kms:DescribeKey",
    ],
    "eks:CreateNodegroup": [
        TAGS_ON_CREATION,
        "ec2:RunInstances",
        "eks:TagResource",
        "iam:CreateServiceLinkedRole",
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "iam:PassRole",
    ],
    "eks:CreatePodIdentityAssociation": ["eks:TagResource", "iam:GetRole", "iam:PassRole"],
    "eks:DeleteAddon": ["eks:DeletePodIdentityAssociation"],
    "eks:UpdateAddon": [
        "eks:CreatePodIdentityAssociation",
        "eks:DeletePodIdentityAssociation",
        "eks:UpdatePodIdentityAssociation",
        "iam:PassRole",
    ],
    "eks:UpdateNodegroupVersion": ["ec2:RunInstances", "iam:PassRole"],
    "eks:UpdatePodIdentityAssociation": ["iam:PassRole"],
    "events:PutRule": ["events:TagResource"],
    "iam:CreateRole": ["iam:TagRole"],
    "kms:CreateKey": ["kms:PutKeyPolicy", "kms:TagResource"],
    "logs:CreateLogGroup": ["logs:TagResource"],
    "sqs:CreateQueue": ["sqs:TagQueue"],
}
# What roles have modules of amazon.aws ask.
STOCK = {
    "amazon.aws.iam_instance_profile": (
        *("AddRoleToInstanceProfile", "CreateInstanceProfile", "DeleteInstanceProfile", "GetInstanceProfile"),
        *("ListInstanceProfileTags", "RemoveRoleFromInstanceProfile", "TagInstanceProfile"),
    ),
}
# What may be asked about everything, where AWS does not narrow it down.
READING = ("Describe", "Get", "List", "Simulate")
# Statements about things of AWS that carry neither a name nor a tag of ours.
NARROW_BY_KIND = ("EmptyInstanceProfiles", "NameEndpoints", "ReachOtherRegions")


def asked() -> dict[str, str]:
    """The actions of all requests that the collection can send, and a file that sends each.

    Operations stand in the code as texts, in requests and in tables. Each text that is the name of an operation of a
    service that the same file names counts; where it names none, all services do.
    """
    clients = {
        service: boto3.client(service, "us-west-2", aws_access_key_id="x", aws_secret_access_key="x")
        for service in SERVICES
    }
    found = {}
    for path in sorted((REPO / "plugins").rglob("*.py")):
        texts = {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        for service in [service for service in SERVICES if service in texts] or SERVICES:
            methods = clients[service].meta.method_to_api_mapping
            prefix = PREFIXES.get(service, clients[service].meta.service_model.signing_name)
            for text in texts & methods.keys():
                found[f"{prefix}:{methods[text]}"] = path.name
            for text in texts & set(clients[service].waiter_names):
                operation = clients[service].get_waiter(text).config.operation
                found[f"{prefix}:{operation}"] = path.name
    return found


ASKED = asked()
NEEDED = {
    **{implied: action for action in ASKED for implied in IMPLIED.get(action, ())},
    **{f"iam:{action}": module for module, actions in STOCK.items() for action in actions},
    **ASKED,
}


def test_everything_that_is_asked_of_aws_is_allowed():
    missing = {action: why for action, why in NEEDED.items() if action not in ALLOWED}
    assert not missing, "_deployer_policy.py lacks these (action: what needs it)"


def test_nothing_else_is_allowed():
    assert not ALLOWED - NEEDED.keys(), "_deployer_policy.py allows what nothing asks for"


def test_every_service_is_known_here():
    """Else the two tests above would pass over what is asked of it."""
    services = {
        node.args[1].value
        for path in (REPO / "plugins").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Request", "Wait")
        if len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
    }
    assert "kms" in services
    assert services <= {*SERVICES, "sts"}


def test_the_code_that_is_read_for_this_is_all_there():
    """A change of form must not make them pass over everything."""
    assert {"eks:CreateCluster", "ec2:CreateVpc", "iam:CreateRole", "kms:CreateKey", "logs:CreateLogGroup"} <= set(
        ASKED
    )
    assert len(ASKED) > 100


def condition_keys(statement):
    """Without the names of tags, and without what all of AWS knows."""
    keys = {key.partition("/")[0] for keys in statement.get("Condition", {}).values() for key in keys}
    return keys - {"aws:RequestedRegion"}


def concerns(resource, kind):
    """Whether what a statement is about may be of a kind of resources."""
    one, other = (arn.partition("*")[0] for arn in (resource, kind))
    return one.startswith(other) or other.startswith(one)


def effective(action):
    """The types of resources for which an action is really allowed, and the statements that have no effect on it."""
    service = action.partition(":")[0]
    arns = {
        name: arn.format(partition="aws", region="us-west-2", account="111122223333")
        for name, arn in AUTHORIZATION["arns"].get(service, {}).items()
    }
    types, void = set(), []
    for sid, statement in STATEMENTS.items():
        if action not in statement["Action"]:
            continue
        works = {
            name
            for name, keys in AUTHORIZATION["actions"][action].items()
            if condition_keys(statement) <= set(keys)
            and any(
                resource == "*" if name == "none" else concerns(resource, arns[name.rstrip("?")])
                for resource in statement["Resource"]
            )
        }
        types |= works
        void += [] if works else [sid]
    return types, void


@pytest.mark.parametrize("action", sorted(ALLOWED))
def test_an_action_is_allowed_on_what_aws_looks_at_and_under_conditions_that_it_knows(action):
    assert action in AUTHORIZATION["actions"], "look it up and add it: see the README of tests/unit/fixtures/iam"
    types, void = effective(action)
    required = {name for name in AUTHORIZATION["actions"][action] if not name.endswith("?")}
    assert required <= types
    assert not void


@pytest.mark.parametrize("sid", sorted(STATEMENTS))
def test_a_statement_is_narrow(sid):
    statement = STATEMENTS[sid]
    reads = all(action.partition(":")[2].startswith(READING) for action in statement["Action"])
    assert not any("*" in action for action in statement["Action"])
    named = all("kafka-on-eks" in resource for resource in statement["Resource"])
    assert reads or named or statement.get("Condition") or sid in NARROW_BY_KIND
    if statement["Resource"] == ["*"] and not reads:
        assert "aws:RequestTag" in condition_keys(statement)


@pytest.mark.parametrize("action", sorted(action for action in ALLOWED if action.startswith("ec2:Delete")))
def test_only_what_carries_the_cluster_s_tag_is_removed(action):
    statements = [statement for statement in STATEMENTS.values() if action in statement["Action"]]
    expected = {"StringEquals": {"aws:ResourceTag/kafka-eks/cluster": "kafka-on-eks"}}
    assert [statement["Condition"] for statement in statements] == [expected]


def test_roles_are_handed_to_services_of_nodes_and_pods_only():
    statement = STATEMENTS["HandRolesOver"]
    assert statement["Resource"] == ["arn:aws:iam::111122223333:role/kafka-eks/us-west-2/kafka-on-eks/*"]
    assert statement["Condition"] == {
        "StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "eks.amazonaws.com", "pods.eks.amazonaws.com"]}
    }


def test_with_a_boundary_no_role_is_made_or_widened_outside_of_it():
    boundary = "arn:aws:iam::111122223333:policy/boundary"
    bounded = policies("kafka-on-eks", "us-west-2", "111122223333", permissions_boundary=boundary)
    statements = [statement for policy in bounded.values() for statement in policy["Statement"]]
    for action in ("AttachRolePolicy", "CreateRole", "PutRolePermissionsBoundary", "PutRolePolicy"):
        (statement,) = (one for one in statements if f"iam:{action}" in one["Action"])
        assert statement["Condition"]["StringEquals"] == {"iam:PermissionsBoundary": boundary}


@pytest.mark.parametrize(
    ("cluster", "region", "partition"),
    [
        ("kafka-on-eks", "us-west-2", "aws"),
        # A longer name makes names of roles that IAM does not take.
        ("x" * (64 - len("-us-gov-west-1-ebs-csi")), "us-gov-west-1", "aws-us-gov"),
    ],
)
def test_iam_takes_them(cluster, region, partition):
    boundary = f"arn:{partition}:iam::111122223333:policy/a/rather/long/path/of/an/organisation/permissions-boundary"
    found = policies(cluster, region, "111122223333", partition, boundary)
    assert len(found) <= MOST_POLICIES
    assert all(len(name) <= 128 for name in found)
    assert all(len(json.dumps(document, separators=(",", ":"))) <= LONGEST_POLICY for document in found.values())
    assert f"arn:{partition}:iam::111122223333:role/kafka-eks/{region}/{cluster}/*" in json.dumps(found)


def test_the_documented_policies_are_those_of_the_table():
    folder = REPO / "docs/deployer_policy"
    written = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    assert written == POLICIES, "run make docs"
