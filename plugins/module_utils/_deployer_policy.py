# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the person or pipeline that runs the playbooks must be allowed in AWS, and no more.

One statement for each way in which something is allowed: what is made must be tagged as the cluster's, what is changed or
removed must carry its tag, its path or its name, and reads that AWS does not narrow down are for everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._aws_data import OWNER_TAG, roles_path

Conditions = Mapping[str, Mapping[str, Any]]

# Of IAM, without white space.
LONGEST_POLICY = 6144
MOST_POLICIES = 10

# Those of AWS that the cluster's roles get.
ROLE_POLICIES = (
    "AmazonEBSCSIDriverEKSClusterScopedPolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKSClusterPolicy",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonSSMManagedInstanceCore",
)
# Services that make a role of their own in the account when they are used for the first time.
LINKED_SERVICES = ("autoscaling.amazonaws.com", "eks.amazonaws.com", "eks-nodegroup.amazonaws.com")
# Services to which the cluster's roles are handed.
ROLE_TAKERS = ("ec2.amazonaws.com", "eks.amazonaws.com", "pods.eks.amazonaws.com")


@dataclass(frozen=True)
class Statement:
    sid: str
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Conditions = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": sorted(self.actions),
            "Resource": list(self.resources),
            **({"Condition": self.conditions} if self.conditions else {}),
        }


@dataclass(frozen=True)
class Scope:
    """The cluster for which somebody is allowed something."""

    cluster: str
    region: str
    account: str
    partition: str = "aws"
    permissions_boundary: str | None = None

    def arns(self, service: str, *resources: str) -> list[str]:
        return [f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}" for resource in resources]

    def ec2(self, *kinds: str) -> list[str]:
        return self.arns("ec2", *(f"{kind}/*" for kind in kinds))

    def iam(self, *resources: str) -> list[str]:
        return [f"arn:{self.partition}:iam::{self.account}:{resource}" for resource in resources]

    @property
    def roles(self) -> list[str]:
        return self.iam(f"role{roles_path(self.region, self.cluster)}*")

    @property
    def as_ours(self) -> Conditions:
        """What is made is tagged as ours."""
        return {"StringEquals": {f"aws:RequestTag/{OWNER_TAG}": self.cluster}}

    @property
    def is_ours(self) -> Conditions:
        return {"StringEquals": {f"aws:ResourceTag/{OWNER_TAG}": self.cluster}}

    @property
    def in_region(self) -> Conditions:
        return {"StringEquals": {"aws:RequestedRegion": self.region}}

    @property
    def in_bounds(self) -> Conditions:
        return (
            {"StringEquals": {"iam:PermissionsBoundary": self.permissions_boundary}}
            if self.permissions_boundary
            else {}
        )


def _of(service: str, *actions: str) -> list[str]:
    return [f"{service}:{action}" for action in actions]


def network(scope: Scope) -> list[Statement]:
    made = {
        "elastic-ip": "AllocateAddress",
        "internet-gateway": "CreateInternetGateway",
        "natgateway": "CreateNatGateway",
        "route-table": "CreateRouteTable",
        "security-group": "CreateSecurityGroup",
        "subnet": "CreateSubnet",
        "vpc": "CreateVpc",
        "vpc-endpoint": "CreateVpcEndpoint",
    }
    # Making one of these uses others, which must be ours as well.
    inside = ("CreateNatGateway", "CreateRouteTable", "CreateSecurityGroup", "CreateSubnet", "CreateVpcEndpoint")
    changed = (
        *("AssociateRouteTable", "AssociateVpcCidrBlock", "AttachInternetGateway", "AuthorizeSecurityGroupIngress"),
        *("CreateRoute", "DeleteInternetGateway", "DeleteNatGateway", "DeleteRoute", "DeleteRouteTable"),
        *("DeleteSecurityGroup", "DeleteSubnet", "DeleteVpc", "DeleteVpcEndpoints", "DetachInternetGateway"),
        *("DisassociateRouteTable", "ModifyVpcAttribute", "ModifyVpcEndpoint", "ReleaseAddress", "ReplaceRoute"),
        *("ReplaceRouteTableAssociation", "RevokeSecurityGroupIngress"),
    )
    return [
        Statement("MakeNetwork", _of("ec2", *made.values()), scope.ec2(*made), scope.as_ours),
        Statement(
            "MakeInNetwork",
            _of("ec2", *inside),
            scope.ec2("elastic-ip", "route-table", "security-group", "subnet", "vpc"),
            scope.is_ours,
        ),
        Statement("TagNew", ["ec2:CreateTags"], scope.ec2("*"), _creating(scope, made.values())),
        Statement("ChangeNetwork", _of("ec2", *changed, "CreateTags"), scope.ec2(*made), scope.is_ours),
        # AWS does with them what makes the name of an endpoint lead to it, and what reaches services of another region.
        Statement(
            "NameEndpoints",
            ["route53:AssociateVPCWithHostedZone"],
            [f"arn:{scope.partition}:route53:::hostedzone/*"],
        ),
        Statement("ReachOtherRegions", ["vpce:AllowMultiRegion"], scope.ec2("vpc-endpoint")),
    ]


def _creating(scope: Scope, actions: Iterable[str]) -> Conditions:
    """Tags are given while something is made, and to nothing else."""
    return {"StringEquals": {**scope.as_ours["StringEquals"], "ec2:CreateAction": sorted(actions)}}


def cluster(scope: Scope) -> list[Statement]:
    name = scope.cluster
    parts = scope.arns(
        "eks",
        f"cluster/{name}",
        *(f"{kind}/{name}/*" for kind in ("access-entry", "addon", "nodegroup", "podidentityassociation")),
    )
    used = (
        *("AssociateAccessPolicy", "AssociateEncryptionConfig", "CreateAccessEntry", "CreateAddon", "CreateNodegroup"),
        *("CreatePodIdentityAssociation", "DeleteAccessEntry", "DeleteAddon", "DeleteCluster", "DeleteNodegroup"),
        *("DeletePodIdentityAssociation", "DescribeAccessEntry", "DescribeAddon", "DescribeCluster"),
        *("DescribeNodegroup", "DescribePodIdentityAssociation", "DescribeUpdate", "DisassociateAccessPolicy"),
        *("ListAccessEntries", "ListAddons", "ListAssociatedAccessPolicies", "ListNodegroups"),
        *("ListPodIdentityAssociations", "TagResource", "UpdateAccessEntry", "UpdateAddon", "UpdateClusterConfig"),
        *("UpdateClusterVersion", "UpdateNodegroupConfig", "UpdateNodegroupVersion"),
        "UpdatePodIdentityAssociation",
    )
    of_a_template = {"ArnLike": {"ec2:LaunchTemplate": scope.ec2("launch-template")[0]}}
    return [
        # EKS does not narrow this one down by the cluster's name.
        Statement("MakeCluster", ["eks:CreateCluster"], ["*"], _both(scope.as_ours, scope.in_region)),
        Statement("UseCluster", _of("eks", *used), parts),
        Statement("MakeLaunchTemplates", ["ec2:CreateLaunchTemplate"], scope.ec2("launch-template"), scope.as_ours),
        Statement(
            "TagLaunchTemplates",
            ["ec2:CreateTags"],
            scope.ec2("launch-template"),
            _creating(scope, ["CreateLaunchTemplate"]),
        ),
        Statement(
            "ChangeLaunchTemplates",
            _of("ec2", "CreateLaunchTemplateVersion", "CreateTags", "DeleteLaunchTemplate", "ModifyLaunchTemplate"),
            scope.ec2("launch-template"),
            scope.is_ours,
        ),
        # Before it makes a node group, EKS tries whether its caller could start the nodes.
        Statement("StartNodesAsTemplated", ["ec2:RunInstances"], scope.ec2("launch-template", "subnet"), scope.is_ours),
        Statement(
            "StartNodes",
            ["ec2:RunInstances"],
            [
                *scope.ec2("instance", "network-interface", "security-group", "volume"),
                f"arn:{scope.partition}:ec2:{scope.region}::image/*",
            ],
            of_a_template,
        ),
        Statement(
            "TagNodes",
            ["ec2:CreateTags"],
            scope.ec2("instance", "network-interface", "volume"),
            _creating(scope, ["RunInstances"]),
        ),
        Statement(
            "HandRolesOver",
            ["iam:PassRole"],
            scope.roles,
            {"StringEquals": {"iam:PassedToService": list(ROLE_TAKERS)}},
        ),
        Statement(
            "LetServicesMakeTheirRoles",
            ["iam:CreateServiceLinkedRole"],
            scope.iam(*(f"role/aws-service-role/{service}/*" for service in LINKED_SERVICES)),
            {"StringEquals": {"iam:AWSServiceName": list(LINKED_SERVICES)}},
        ),
    ]


def identity(scope: Scope) -> list[Statement]:
    """Roles, keys and the log group."""
    keys = scope.arns("kms", "key/*")
    aliases = f"alias/kafka-eks/{scope.cluster}/*"
    policies = [f"arn:{scope.partition}:iam::aws:policy/{name}" for name in ROLE_POLICIES]
    group = f"log-group:/aws/eks/{scope.cluster}/cluster"
    read_keys = _of("kms", "DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags")
    alias_keys = _of("kms", "CreateAlias", "DeleteAlias", "UpdateAlias")
    changed_roles = (
        *("DeleteRole", "DeleteRolePolicy", "DetachRolePolicy", "GetRolePolicy", "ListAttachedRolePolicies"),
        *("ListInstanceProfilesForRole", "ListRolePolicies", "TagRole", "UpdateAssumeRolePolicy", "UpdateRole"),
    )
    changed_keys = (
        *("CancelKeyDeletion", "CreateGrant", "DisableKeyRotation", "EnableKey", "EnableKeyRotation", "PutKeyPolicy"),
        *("ScheduleKeyDeletion", "UpdateKeyDescription"),
    )
    used_group = (
        *("AssociateKmsKey", "CreateLogGroup", "DeleteLogGroup", "DisassociateKmsKey", "ListTagsForResource"),
        *("PutRetentionPolicy", "TagResource"),
    )
    return [
        Statement(
            "MakeRoles",
            _of("iam", "CreateRole", "PutRolePermissionsBoundary", "PutRolePolicy"),
            scope.roles,
            scope.in_bounds,
        ),
        Statement(
            "AttachPolicies",
            ["iam:AttachRolePolicy"],
            scope.roles,
            _both({"ArnEquals": {"iam:PolicyARN": policies}}, scope.in_bounds),
        ),
        Statement("ChangeRoles", _of("iam", *changed_roles), scope.roles),
        # EKS makes one for each node group, Karpenter for each class of nodes; a role cannot be removed while it is in one.
        Statement(
            "EmptyInstanceProfiles",
            ["iam:RemoveRoleFromInstanceProfile"],
            scope.iam("instance-profile/eks-*", f"instance-profile/karpenter/{scope.region}/{scope.cluster}/*"),
        ),
        Statement("MakeKeys", ["kms:CreateKey"], ["*"], _both(scope.as_ours, scope.in_region)),
        # KMS knows no difference between the tags of a new key and those of one that is there; those of others are spared.
        Statement(
            "TagKeys",
            ["kms:TagResource"],
            keys,
            _both(scope.as_ours, {"StringEqualsIfExists": scope.is_ours["StringEquals"]}),
        ),
        Statement("ChangeKeys", [*read_keys, *alias_keys, *_of("kms", *changed_keys)], keys, scope.is_ours),
        Statement("NameKeys", alias_keys, scope.arns("kms", aliases)),
        # Whatever an alias of ours leads to: to find out whose it is, and to take the alias away from it.
        Statement(
            "FollowAliases",
            [*read_keys, *alias_keys],
            keys,
            {"ForAnyValue:StringLike": {"kms:ResourceAliases": aliases}},
        ),
        Statement("UseLogGroup", _of("logs", *used_group), scope.arns("logs", group, f"{group}:*")),
    ]


def nodes(scope: Scope) -> list[Statement]:
    """What Karpenter needs besides its roles."""
    queue = ("CreateQueue", "DeleteQueue", "GetQueueAttributes", "ListQueueTags", "SetQueueAttributes", "TagQueue")
    rules = (
        *("DeleteRule", "DescribeRule", "ListTagsForResource", "ListTargetsByRule", "PutRule", "PutTargets"),
        *("RemoveTargets", "TagResource"),
    )
    # Only where Karpenter has no way to IAM.
    profile = (
        *("AddRoleToInstanceProfile", "CreateInstanceProfile", "DeleteInstanceProfile", "GetInstanceProfile"),
        *("ListInstanceProfileTags", "RemoveRoleFromInstanceProfile", "TagInstanceProfile"),
    )
    name = f"{scope.cluster}-karpenter"
    images = f"arn:{scope.partition}:ssm:{scope.region}::parameter/aws/service/eks/optimized-ami/*"
    return [
        Statement("UseQueue", _of("sqs", *queue), scope.arns("sqs", name)),
        Statement("UseRules", _of("events", *rules), scope.arns("events", f"rule/{name}-*")),
        Statement(
            "UseInstanceProfile",
            _of("iam", *profile),
            scope.iam(f"instance-profile/{scope.cluster}-{scope.region}-karpenter-node"),
        ),
        Statement("ReadImages", ["ssm:GetParameters"], [images]),
    ]


def reads(scope: Scope) -> list[Statement]:
    ec2 = (
        *("DescribeAddresses", "DescribeAvailabilityZones", "DescribeInstanceTypeOfferings", "DescribeInstanceTypes"),
        *("DescribeInstances", "DescribeInternetGateways", "DescribeLaunchTemplateVersions"),
        *("DescribeLaunchTemplates", "DescribeNatGateways", "DescribeNetworkInterfaces", "DescribeRouteTables"),
        *("DescribeSecurityGroups", "DescribeSubnets", "DescribeVolumes", "DescribeVpcAttribute"),
        *("DescribeVpcEndpointServices", "DescribeVpcEndpoints", "DescribeVpcs"),
    )
    eks = (
        *("DescribeAddonConfiguration", "DescribeAddonVersions", "DescribeClusterVersions", "ListAccessPolicies"),
        "ListClusters",
    )
    return [
        Statement(
            "ReadRegion",
            [
                *_of("ec2", *ec2),
                *_of("eks", *eks),
                "events:ListRules",
                "logs:DescribeLogGroups",
                *_of("servicequotas", "GetAWSDefaultServiceQuota", "GetServiceQuota"),
                "sqs:ListQueues",
                "tag:GetResources",
            ],
            ["*"],
            scope.in_region,
        ),
        # Of services that have no regions, or not all of them.
        Statement("ReadEverywhere", ["iam:ListInstanceProfiles", "iam:ListRoles", "pricing:GetProducts"], ["*"]),
        # Who the caller is and what he may, and whether a name is somebody else's.
        Statement(
            "ReadPrincipals", _of("iam", "GetRole", "GetUser", "SimulatePrincipalPolicy"), scope.iam("role/*", "user/*")
        ),
    ]


PARTS = {"network": network, "cluster": cluster, "identity": identity, "nodes": nodes, "reads": reads}


def _both(one: Conditions, other: Conditions) -> Conditions:
    return {operator: {**one.get(operator, {}), **other.get(operator, {})} for operator in {**one, **other}}


def partition_of(region: str) -> str:
    return next((f"aws-{name}" for name in ("cn", "us-gov") if region.startswith(f"{name}-")), "aws")


def policies(
    cluster: str, region: str, account: str, partition: str = "aws", permissions_boundary: str | None = None
) -> dict[str, dict[str, Any]]:
    """The managed policies of the one who deploys a cluster, documents by name."""
    scope = Scope(cluster, region, account, partition, permissions_boundary)
    return {
        f"{cluster}-{region}-deployer-{part}": {
            "Version": "2012-10-17",
            "Statement": [statement.document() for statement in statements(scope)],
        }
        for part, statements in PARTS.items()
    }
