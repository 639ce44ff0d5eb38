"""Clusters, their versions and their updates."""

from __future__ import annotations

import base64
import contextlib
import uuid
from collections.abc import Iterable
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.subnets import Subnet
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends

from lab.aws import access, identity, kms, plane, quotas, versions
from lab.aws.clock import Transition
from lab.aws.faults import Failure
from lab.aws.model import (
    Cluster,
    InUse,
    InvalidParameter,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    NotOnTheLab,
    Operations,
    Resource,
    find,
    look_at,
    look_at_all,
)

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
UPDATES = {  # parameter of update-cluster-config -> type of the update, and its name in the update's parameters
    "logging": ("LoggingUpdate", "ClusterLogging"),
    "accessConfig": ("AccessConfigUpdate", "AuthenticationMode"),
    "upgradePolicy": ("UpgradePolicyUpdate", "UpgradePolicy"),
    "zonalShiftConfig": ("ZonalShiftConfigUpdate", "ZonalShiftConfig"),
    "deletionProtection": ("DeletionProtectionUpdate", "DeletionProtection"),
    "controlPlaneScalingConfig": ("ControlPlaneScalingConfigUpdate", "UpdatedTier"),
}
NETWORK_UPDATES = {  # the same for the fields of its resourcesVpcConfig
    "subnetIds": ("VpcConfigUpdate", "Subnets"),
    "securityGroupIds": ("VpcConfigUpdate", "SecurityGroups"),
    "endpointPublicAccess": ("EndpointAccessUpdate", "EndpointPublicAccess"),
    "endpointPrivateAccess": ("EndpointAccessUpdate", "EndpointPrivateAccess"),
    "publicAccessCidrs": ("EndpointAccessUpdate", "PublicAccessCidrs"),
}


def logging_document(enabled: Iterable[str]) -> dict[str, Any]:
    """How EKS shows which logs are on: it always names all of them."""
    on = set(enabled)
    groups = ([t for t in LOG_TYPES if t in on], True), ([t for t in LOG_TYPES if t not in on], False)
    return {"clusterLogging": [{"types": types, "enabled": enabled} for types, enabled in groups if types]}


def enabled_logs(document: dict[str, Any], before: Iterable[str] = ()) -> set[str]:
    logs = set(before)
    for group in document.get("clusterLogging", []):
        logs = logs | set(group["types"]) if group.get("enabled") else logs - set(group["types"])
    return logs


class ClusterOperations(Operations):
    @property
    def ec2(self) -> EC2Backend:
        return ec2_backends[self.current_account][self.region]

    def create_cluster(self) -> ActionResult:
        optional = ("upgradePolicy", "zonalShiftConfig", "encryptionConfig", "controlPlaneScalingConfig")
        self.require_implemented(
            "version", "roleArn", "resourcesVpcConfig", "kubernetesNetworkConfig", "logging", "tags", "accessConfig",
            "bootstrapSelfManagedAddons", "deletionProtection", *optional,
        )  # fmt: skip
        name, version = self.param("name"), self.param("version") or versions.DEFAULT_KUBERNETES
        if name in self.clusters:
            raise InUse(f"Cluster already exists with name: {name}")
        quotas.require(quotas.CLUSTERS, len(self.clusters))
        offered = versions.KUBERNETES.get(version)
        if offered is None or offered.support(utcnow()) == "UNSUPPORTED":
            raise InvalidParameter("unsupported Kubernetes version")
        self.require_role(self.param("roleArn"))
        self._require_keys(self.param("encryptionConfig") or [])
        asked = self.param("resourcesVpcConfig")
        network = {
            "securityGroupIds": [],
            "endpointPublicAccess": True,
            "endpointPrivateAccess": False,
            "publicAccessCidrs": ["0.0.0.0/0"],
            **asked,
            "vpcId": self._require_network(asked)[0].vpc_id,
        }
        access_config = {"authenticationMode": "CONFIG_MAP", **(self.param("accessConfig") or {})}
        creator_is_admin = access_config.pop("bootstrapClusterCreatorAdminPermissions", True)
        try:
            reached = plane.current.start(name)
        except plane.PlaneError as error:
            raise LimitExceeded(str(error)) from error
        document = {
            "name": name,
            "arn": self.arn("cluster", name),
            "createdAt": utcnow(),
            "version": version,
            "platformVersion": "eks.1",
            "roleArn": self.param("roleArn"),
            "resourcesVpcConfig": network,
            "kubernetesNetworkConfig": {
                "serviceIpv4Cidr": reached.service_cidr,
                "ipFamily": "ipv4",
                **(self.param("kubernetesNetworkConfig") or {}),
            },
            "logging": logging_document(enabled_logs(self.param("logging") or {})),
            "status": "CREATING",
            "certificateAuthority": {},
            "tags": self.param("tags") or {},
            "health": {"issues": []},
            "accessConfig": access_config,
            "upgradePolicy": {"supportType": "EXTENDED"},
            "controlPlaneScalingConfig": {"tier": "standard"},
            "deletionProtection": bool(self.param("deletionProtection")),
            **self.given(*optional),
        }

        def ready() -> None:
            """Clients cannot know these before the cluster is ACTIVE."""
            certificate_authority = base64.b64encode(reached.certificate_authority).decode()
            issuer = f"https://oidc.eks.{self.region}.amazonaws.com/id/{uuid.uuid4().hex.upper()}"
            document["endpoint"] = reached.endpoint
            document["certificateAuthority"] = {"data": certificate_authority}
            document["identity"] = {"oidc": {"issuer": issuer}}
            self._write_logs(cluster)

        cluster = Cluster(
            document,
            Transition(
                "cluster create", f"cluster {name}", "CREATING", "ACTIVE", lambda: plane.current.is_ready(), then=ready
            ),
            check=lambda: self._key_ailment(document),
        )
        self._connect(cluster)
        self.clusters[name] = cluster
        self.make_linked_role("eks.amazonaws.com")
        creator = identity.find_caller(self.access_key)
        if creator and creator_is_admin and access_config["authenticationMode"] != "CONFIG_MAP":
            entry = access.new_entry(self, cluster, creator.principal_arn)
            access.associate(entry, access.policy_arn("AmazonEKSClusterAdminPolicy"), {"type": "cluster"})
        return ActionResult({"cluster": document})

    def _require_keys(self, configs: list[dict[str, Any]]) -> None:
        backend = kms_backends[self.current_account][self.region]
        for config in configs:
            arn = config["provider"]["keyArn"]
            if kms.usable_key(backend, arn) is None:
                raise InvalidParameter(f"The keyArn in encryptionConfig provider is invalid: {arn} is no enabled key")

    def _key_ailment(self, document: dict[str, Any]) -> Failure | None:
        """A cluster without its key cannot read its own secrets."""
        backend = kms_backends[self.current_account][self.region]
        for config in document.get("encryptionConfig", []):
            arn = config["provider"]["keyArn"]
            if kms.usable_key(backend, arn) is None:
                return Failure("KmsKeyDisabled", f"The KMS key {arn} is disabled, pending deletion or gone")
        return None

    def _require_network(self, config: dict[str, Any]) -> list[Subnet]:
        try:
            for group in config.get("securityGroupIds", []):
                if self.ec2.get_security_group_from_id(group) is None:
                    raise InvalidParameter(f"The security group ID '{group}' does not exist")
            subnets = [self.ec2.get_subnet(subnet) for subnet in config["subnetIds"]]
        except EC2ClientError as error:
            raise InvalidParameter(str(error.message)) from error
        if len({subnet.availability_zone for subnet in subnets}) < 2:
            raise InvalidParameter("Subnets specified must be in at least two different AZs")
        if len({subnet.vpc_id for subnet in subnets}) > 1:
            raise InvalidParameter("Subnets specified must belong to the same VPC")
        return subnets

    def _connect(self, cluster: Cluster) -> None:
        """The security group and the network interfaces that EKS makes in the user's VPC."""
        network = cluster.document["resourcesVpcConfig"]
        name = f"eks-cluster-sg-{cluster.name}-{uuid.uuid4().int % 10**9}"
        group = self.ec2.create_security_group(
            name,
            "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, "
            "as well as any managed workloads.",
            network["vpcId"],
            tags={"Name": name, f"kubernetes.io/cluster/{cluster.name}": "owned", "aws:eks:cluster-name": cluster.name},
        )
        network["clusterSecurityGroupId"] = group.id
        self._place(cluster)

    def _place(self, cluster: Cluster) -> None:
        """Make the control plane's network interfaces be in the subnets and security groups of the configuration."""
        network = cluster.document["resourcesVpcConfig"]
        self._displace(cluster)
        for subnet_id in network["subnetIds"][:2]:
            interface = self.ec2.create_network_interface(
                self.ec2.get_subnet(subnet_id),
                [],
                group_ids=[network["clusterSecurityGroupId"], *network["securityGroupIds"]],
                description=f"Amazon EKS {cluster.name}",
            )
            interface.status, interface.requester_managed = "in-use", True
            cluster.interfaces.append(interface.id)

    def _displace(self, cluster: Cluster) -> None:
        while cluster.interfaces:
            self.ec2.enis.pop(cluster.interfaces.pop(), None)

    def _write_logs(self, cluster: Cluster) -> None:
        group = f"/aws/eks/{cluster.name}/cluster"
        logs = logs_backends[self.current_account][self.region]
        if enabled_logs(cluster.document["logging"]) and group not in logs.groups:
            logs.create_log_group(group, {})

    def describe_cluster(self) -> ActionResult:
        name = self.param("name")
        return ActionResult({"cluster": look_at(self.clusters, name, f"No cluster found for name: {name}.").document})

    def list_clusters(self) -> ActionResult:
        return ActionResult({"clusters": look_at_all(self.clusters)})

    def delete_cluster(self) -> ActionResult:
        cluster = self.cluster
        if cluster.document["deletionProtection"] and cluster.document["status"] != "FAILED":
            raise InvalidRequest("Cluster deletion is not allowed while deletion protection is enabled")
        if cluster.nodegroups:
            look_at_all(cluster.nodegroups)
            raise InUse("Cluster has nodegroups attached")
        if cluster.is_updating or cluster.document["status"] == "CREATING":
            raise InUse(f"Cannot delete because cluster {cluster.name} currently has an update in progress")
        if cluster.document["status"] != "DELETING":
            plane.current.stop()
            cluster.move(
                Transition(
                    "cluster delete",
                    cluster.label,
                    "DELETING",
                    "DELETED",
                    done=lambda: plane.current.is_gone(),
                    then=lambda: self._forget(cluster),
                    needs=cluster.finished,
                )
            )
        return ActionResult({"cluster": cluster.document})

    def _forget(self, cluster: Cluster) -> None:
        self._displace(cluster)
        with contextlib.suppress(EC2ClientError):  # somebody uses it: it stays behind, as on AWS
            self.ec2.delete_security_group(group_id=cluster.document["resourcesVpcConfig"]["clusterSecurityGroupId"])
        del self.clusters[cluster.name]

    def update_cluster_config(self) -> ActionResult:
        cluster, document = self.cluster, self.cluster.document
        self.require_implemented("resourcesVpcConfig", *UPDATES)
        network = self.param("resourcesVpcConfig") or {}
        if set(network) - set(NETWORK_UPDATES):
            raise NotOnTheLab(f"the parameters {', '.join(sorted(set(network) - set(NETWORK_UPDATES)))}")
        given = self.given(*UPDATES)
        kinds = {UPDATES[key][0] for key in given} | {NETWORK_UPDATES[key][0] for key in network}
        if len(kinds) != 1:
            raise InvalidParameter("Only one type of update can be allowed.")
        cluster.require_active()
        if network:
            wanted = {"resourcesVpcConfig": {**document["resourcesVpcConfig"], **network}}
            self._require_same_zones(
                document["resourcesVpcConfig"], self._require_network(wanted["resourcesVpcConfig"])
            )
            params = {NETWORK_UPDATES[key][1]: value for key, value in network.items()}
        else:
            ((key, value),) = given.items()
            params = {UPDATES[key][1]: value}
            if key == "logging":
                value = logging_document(enabled_logs(value, enabled_logs(document["logging"])))
            if key == "accessConfig":
                self._require_mode_change(document[key]["authenticationMode"], value["authenticationMode"])
            wanted = {key: value}
        if all(document.get(key) == value for key, value in wanted.items()):
            raise InvalidParameter(f"Cluster is already at the desired configuration with {params}")

        def done() -> None:
            document.update(wanted)
            self._write_logs(cluster)
            if "resourcesVpcConfig" in wanted:
                self._place(cluster)

        return ActionResult({"update": cluster.update(kinds.pop(), params, then=done)})

    def _require_same_zones(self, now: dict[str, Any], subnets: list[Subnet]) -> None:
        before = {self.ec2.get_subnet(subnet).availability_zone for subnet in now["subnetIds"]}
        after = {subnet.availability_zone for subnet in subnets}
        if after != before:
            raise InvalidParameter(
                f"Provided subnets belong to the AZs '{','.join(sorted(after))}'. But they should belong to the exact set of AZs "
                f"'{','.join(sorted(before))}' in which subnets were provided during cluster creation."
            )

    def associate_encryption_config(self) -> ActionResult:
        cluster, configs = self.cluster, self.param("encryptionConfig")
        self.require_implemented("encryptionConfig")
        cluster.require_active()
        if cluster.document.get("encryptionConfig"):
            raise InvalidParameter(f"Encryption is already enabled for cluster {cluster.name} and cannot be changed")
        self._require_keys(configs)
        params = {"EncryptionConfig": configs}
        return ActionResult(
            {
                "update": cluster.update(
                    "AssociateEncryptionConfig", params, then=lambda: cluster.document.update(encryptionConfig=configs)
                )
            }
        )

    def _require_mode_change(self, now: str, to: str) -> None:
        if MODES.index(to) != MODES.index(now) + 1:
            raise InvalidParameter(f"Unsupported authentication mode update from {now} to {to}")

    def update_cluster_version(self) -> ActionResult:
        cluster, to = self.cluster, self.param("version")
        self.require_implemented("version")
        cluster.require_active()
        now = cluster.document["version"]
        if to not in versions.KUBERNETES or versions.KUBERNETES[to].minor != versions.KUBERNETES[now].minor + 1:
            raise InvalidParameter(f"Unsupported Kubernetes minor version update from {now} to {to}")
        params = {"Version": to, "PlatformVersion": "eks.1"}
        return ActionResult(
            {"update": cluster.update("VersionUpdate", params, then=lambda: cluster.document.update(version=to))}
        )

    def _updated(self) -> Resource:
        """What the update belongs to that the request is about."""
        cluster = self.cluster
        if nodegroup := self.param("nodegroupName"):
            return find(cluster.nodegroups, nodegroup, f"No node group found for name: {nodegroup}.")
        if addon := self.param("addonName"):
            return find(cluster.addons, addon, f"No addon: {addon} found in cluster: {cluster.name}")
        return cluster

    def list_updates(self) -> ActionResult:
        return ActionResult({"updateIds": list(self._updated().updates)})

    def describe_update(self) -> ActionResult:
        update = self.param("updateId")
        return ActionResult(
            {"update": look_at(self._updated().updates, update, f"No update found for ID: {update}").document}
        )

    def describe_cluster_versions(self) -> ActionResult:
        now = utcnow()
        self.require_implemented("clusterVersions", "defaultOnly", "includeAll", "versionStatus", "maxResults")
        shown = [
            {
                "clusterVersion": version.name,
                "clusterType": "eks",
                "defaultPlatformVersion": "eks.1",
                "defaultVersion": version.name == versions.DEFAULT_KUBERNETES,
                "releaseDate": version.released,
                "endOfStandardSupportDate": version.end_of_standard_support,
                "endOfExtendedSupportDate": version.end_of_extended_support,
                "status": version.support(now).lower().replace("_", "-"),
                "versionStatus": version.support(now),
            }
            for version in reversed(versions.KUBERNETES.values())
        ]
        asked, status = self.param("clusterVersions"), self.param("versionStatus")
        return ActionResult(
            {
                "clusterVersions": [
                    version
                    for version in shown
                    if (not asked or version["clusterVersion"] in asked)
                    and (not status or version["versionStatus"] == status)
                    and (not self.param("defaultOnly") or version["defaultVersion"])
                    and (self.param("includeAll") or version["versionStatus"] != "UNSUPPORTED")
                ]
            }
        )

    def tag_resource(self) -> ActionResult:
        self._tags().update(self.param("tags"))
        return ActionResult({})

    def untag_resource(self) -> ActionResult:
        for key in self.param("tagKeys"):
            self._tags().pop(key, None)
        return ActionResult({})

    def list_tags_for_resource(self) -> ActionResult:
        return ActionResult({"tags": self._tags()})

    def _tags(self) -> dict[str, str]:
        arn = self.param("resourceArn")
        everything = {arn: tags for cluster in self.clusters.values() for arn, tags in cluster.tagged().items()}
        if arn not in everything:
            raise NotFound(f"No resource found for ARN: {arn}")
        return everything[arn]
