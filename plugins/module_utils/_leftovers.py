# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is left of a cluster in an account, and whether it costs money."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ._aws_data import OWNER_TAG, Request, roles_path, tags_of


@dataclass(frozen=True)
class Kind:
    """One kind of EC2 resource: where it is found, when it is gone, what it costs."""

    type: str
    operation: str
    answer: str
    id_key: str
    billable: bool
    reason: str
    gone: tuple[str, ...] = ()
    made_by_kubernetes: bool = False


@dataclass(frozen=True)
class Leftover:
    type: str
    id: str
    name: str
    billable: bool
    kept: bool
    reason: str


RESIDUE = "costs nothing, but is of no use without the cluster"
KINDS = (
    Kind(
        "instance",
        "describe_instances",
        "Reservations",
        "InstanceId",
        True,
        "is billed by the second until it is terminated",
        gone=("shutting-down", "terminated"),
        made_by_kubernetes=True,
    ),
    Kind(
        "volume",
        "describe_volumes",
        "Volumes",
        "VolumeId",
        True,
        "is billed by its size until it is deleted",
        made_by_kubernetes=True,
    ),
    Kind(
        "nat_gateway",
        "describe_nat_gateways",
        "NatGateways",
        "NatGatewayId",
        True,
        "is billed by the hour and by its traffic",
        gone=("deleted", "failed"),
    ),
    Kind("address", "describe_addresses", "Addresses", "AllocationId", True, "is billed by the hour, used or not"),
    Kind(
        "endpoint",
        "describe_vpc_endpoints",
        "VpcEndpoints",
        "VpcEndpointId",
        True,
        "is billed by the hour in each zone",
        gone=("deleted", "Deleted"),
    ),
    Kind(
        "network_interface",
        "describe_network_interfaces",
        "NetworkInterfaces",
        "NetworkInterfaceId",
        False,
        "costs nothing, but keeps its subnet from being removed",
        made_by_kubernetes=True,
    ),
    Kind(
        "security_group",
        "describe_security_groups",
        "SecurityGroups",
        "GroupId",
        False,
        "costs nothing, but keeps its VPC from being removed",
        made_by_kubernetes=True,
    ),
    Kind("subnet", "describe_subnets", "Subnets", "SubnetId", False, RESIDUE),
    Kind("route_table", "describe_route_tables", "RouteTables", "RouteTableId", False, RESIDUE),
    Kind("internet_gateway", "describe_internet_gateways", "InternetGateways", "InternetGatewayId", False, RESIDUE),
    Kind("vpc", "describe_vpcs", "Vpcs", "VpcId", False, RESIDUE),
    Kind(
        "launch_template",
        "describe_launch_templates",
        "LaunchTemplates",
        "LaunchTemplateId",
        False,
        RESIDUE,
        made_by_kubernetes=True,
    ),
)
# Types whose data somebody may want to use again.
KEEPABLE = ("volume", "kms_key", "log_group")


def _tags(kind: Kind, cluster: str) -> dict[str, str]:
    """The tags by which resources of a kind are known, whoever made them."""
    tags = {OWNER_TAG: cluster}
    if kind.made_by_kubernetes:
        tags[f"kubernetes.io/cluster/{cluster}"] = "owned"
    if kind.type == "network_interface":
        tags["cluster.k8s.amazonaws.com/name"] = cluster
    return tags


def reads(cluster: str, region: str) -> dict[str, Request]:
    """The requests that find what is left; those of EC2 are named by their kind and a tag."""
    about = f"What is left of '{cluster}'"
    found = {
        f"{kind.type} {key}": Request(
            about,
            "ec2",
            kind.operation,
            {"Filter" if kind.type == "nat_gateway" else "Filters": [{"Name": f"tag:{key}", "Values": [value]}]},
            kind.answer,
        )
        for kind in KINDS
        for key, value in _tags(kind, cluster).items()
    }
    logs = {"logGroupNamePrefix": f"/aws/eks/{cluster}/"}
    return {
        **found,
        "log_group": Request(about, "logs", "describe_log_groups", logs, "logGroups"),
        "role": Request(about, "iam", "list_roles", {"PathPrefix": roles_path(region, cluster)}, "Roles"),
        "instance_profile": Request(
            about,
            "iam",
            "list_instance_profiles",
            {"PathPrefix": f"/karpenter/{region}/{cluster}/"},
            "InstanceProfiles",
        ),
        # SQS leaves the list out where there is none.
        "queue": Request(about, "sqs", "list_queues", {"QueueNamePrefix": f"{cluster}-karpenter"}),
        "event_rule": Request(about, "events", "list_rules", {"NamePrefix": f"{cluster}-karpenter-"}, "Rules"),
        "tagged": _tagged(about, ["kms:key", "elasticloadbalancing:loadbalancer"], OWNER_TAG, cluster),
        "tagged_by_kubernetes": _tagged(
            about, ["elasticloadbalancing:loadbalancer"], f"kubernetes.io/cluster/{cluster}", "owned"
        ),
    }


def _tagged(about: str, types: list[str], key: str, value: str) -> Request:
    arguments = {"ResourceTypeFilters": types, "TagFilters": [{"Key": key, "Values": [value]}]}
    return Request(about, "resourcegroupstaggingapi", "get_resources", arguments, "ResourceTagMappingList")


def key_reads(raw: Mapping[str, Any], cluster: str) -> dict[str, Request]:
    """The requests for the cluster's keys, by their tags and by their aliases: either may have been lost."""
    tagged = [item["ResourceARN"].rpartition("/")[2] for item in raw["tagged"] if ":kms:" in item["ResourceARN"]]
    aliases = [f"alias/kafka-eks/{cluster}/{name}" for name in ("cluster", "volumes")]
    return {
        key: Request(f"KMS key {key}", "kms", "describe_key", {"KeyId": key}, "KeyMetadata") for key in tagged + aliases
    }


def leftovers(
    raw: Mapping[str, Any],
    cluster: str,
    eks_cluster: Mapping[str, Any] | None,
    keys: Iterable[Mapping[str, Any] | None],
    keep: Sequence[str],
) -> list[dict[str, Any]]:
    """What is left, what costs money first."""
    found = [
        *_of_ec2(raw, cluster, keep),
        *_of_eks(eks_cluster),
        *(
            Leftover(
                "log_group",
                group["arn"].removesuffix(":*"),
                group["logGroupName"],
                True,
                "log_group" in keep,
                "is billed by the size of what is kept in it",
            )
            for group in raw["log_group"]
        ),
        *(
            Leftover(
                "kms_key",
                key["KeyId"],
                key.get("Description", ""),
                True,
                "kms_key" in keep,
                "is billed about 1 USD a month until its deletion is scheduled",
            )
            for key in {key["KeyId"]: key for key in keys if key}.values()
            if key["KeyState"] != "PendingDeletion"
        ),
        *_load_balancers([*raw["tagged"], *raw["tagged_by_kubernetes"]]),
        *(Leftover("role", role["Arn"], role["RoleName"], False, False, RESIDUE) for role in raw["role"]),
        *_of_karpenter(raw, cluster),
    ]
    return [asdict(leftover) for leftover in sorted(found, key=lambda left: (not left.billable, left.type, left.name))]


def lines(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is left, for people."""
    return [
        f"{left['type']} {left['id']}"
        + (f" ({left['name']})" if left["name"] else "")
        + (", kept," if left["kept"] else "")
        + f" {left['reason']}"
        for left in found
    ]


def _of_ec2(raw: Mapping[str, Any], cluster: str, keep: Sequence[str]) -> Iterable[Leftover]:
    for kind in KINDS:
        resources = [resource for key in _tags(kind, cluster) for resource in raw[f"{kind.type} {key}"]]
        if kind.type == "instance":
            resources = [instance for reservation in resources for instance in reservation["Instances"]]
        for resource_id, resource in {resource[kind.id_key]: resource for resource in resources}.items():
            if _state(resource) in kind.gone:
                continue
            tags = tags_of({"Tags": resource.get("Tags") or resource.get("TagSet")})
            is_free = kind.type == "endpoint" and resource["VpcEndpointType"] == "Gateway"
            yield Leftover(
                kind.type,
                resource_id,
                tags.get("Name", resource.get("LaunchTemplateName", "")),
                kind.billable and not is_free,
                kind.type in keep,
                RESIDUE if is_free else kind.reason,
            )


def _state(resource: Mapping[str, Any]) -> str:
    state = resource.get("State", "")
    return str(state["Name"] if isinstance(state, Mapping) else state)


def _of_eks(cluster: Mapping[str, Any] | None) -> Iterable[Leftover]:
    if cluster:
        yield Leftover(
            "eks_cluster", cluster["arn"], cluster["name"], True, False, "is billed by the hour, its nodes too"
        )


def _of_karpenter(raw: Mapping[str, Any], cluster: str) -> Iterable[Leftover]:
    for profile in raw["instance_profile"]:
        yield Leftover("instance_profile", profile["Arn"], profile["InstanceProfileName"], False, False, RESIDUE)
    for url in raw["queue"].get("QueueUrls") or []:
        # It was looked for by the beginning of its name.
        if (name := url.rpartition("/")[2]) == f"{cluster}-karpenter":
            yield Leftover("queue", url, name, False, False, RESIDUE)
    for rule in raw["event_rule"]:
        yield Leftover("event_rule", rule["Arn"], rule["Name"], False, False, RESIDUE)


def _load_balancers(tagged: Sequence[Mapping[str, Any]]) -> Iterable[Leftover]:
    for arn in sorted({item["ResourceARN"] for item in tagged if ":elasticloadbalancing:" in item["ResourceARN"]}):
        yield Leftover(
            "load_balancer", arn, arn.split("/")[-2], True, False, "is billed by the hour and by its traffic"
        )
