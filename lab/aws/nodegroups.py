"""Managed node groups: EC2 instances in the emulated account that join the cluster as nodes."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections import Counter
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.instances import Instance
from moto.ec2.utils import convert_tag_spec

from lab.aws import access, plane, quotas, versions
from lab.aws.clock import Transition
from lab.aws.faults import Failure
from lab.aws.model import (
    Cluster,
    InUse,
    InvalidParameter,
    InvalidRequest,
    Nodegroup,
    NotOnTheLab,
    Operations,
    find,
    look_at,
    look_at_all,
)

AMI_TYPES = {"AL2023_x86_64_STANDARD": "x86_64", "AL2023_ARM_64_STANDARD": "arm64"}
KUBERNETES_NAMES = {"x86_64": "amd64", "arm64": "arm64"}
EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
NO_NODEGROUP = "No node group found for name: {name}."


def capacity(instance_type: str) -> dict[str, str]:
    """What a machine brings: its pods are limited by the addresses that the VPC CNI can give it."""
    machine = INSTANCE_TYPES[instance_type]
    network = machine["NetworkInfo"]
    pods = network["MaximumNetworkInterfaces"] * (network["Ipv4AddressesPerInterface"] - 1) + 2
    return {
        "cpu": str(machine["VCpuInfo"]["DefaultVCpus"]),
        "memory": f"{machine['MemoryInfo']['SizeInMiB']}Mi",
        "pods": str(pods),
    }


def architectures(instance_type: str) -> list[str]:
    if instance_type not in INSTANCE_TYPES:
        raise InvalidParameter(f"The following supplied instance types do not exist: [{instance_type}]")
    supported: list[str] = INSTANCE_TYPES[instance_type]["ProcessorInfo"]["SupportedArchitectures"]
    return supported


def require_scaling(scaling: dict[str, int]) -> dict[str, int]:
    low, wanted, high = scaling["minSize"], scaling["desiredSize"], scaling["maxSize"]
    if low > wanted:
        raise InvalidParameter(f"Minimum capacity {low} can't be greater than desired size {wanted}")
    if wanted > high:
        raise InvalidParameter(f"desired capacity {wanted} can't be greater than max size {high}")
    return scaling


def changed_taints(taints: list[dict[str, str]], change: dict[str, Any]) -> list[dict[str, str]]:
    def identity(taint: dict[str, str]) -> tuple[str, str]:
        return taint["key"], taint["effect"]

    new = change.get("addOrUpdateTaints", [])
    gone = {identity(taint) for taint in [*new, *change.get("removeTaints", [])]}
    return [*(taint for taint in taints if identity(taint) not in gone), *new]


class NodegroupOperations(Operations):
    @property
    def _ec2(self) -> EC2Backend:
        return ec2_backends[self.current_account][self.region]

    def create_nodegroup(self) -> ActionResult:
        cluster, name = self.cluster, self.param("nodegroupName")
        optional = ("launchTemplate", "nodeRepairConfig", "remoteAccess")
        self.require_implemented(
            "scalingConfig", "diskSize", "subnets", "instanceTypes", "amiType", "nodeRole", "labels", "taints", "tags",
            "updateConfig", "capacityType", "version", "releaseVersion", *optional,
        )  # fmt: skip
        if name in cluster.nodegroups:
            raise InUse(f"NodeGroup already exists with name {name} and cluster name {cluster.name}")
        if cluster.document["status"] != "ACTIVE":
            raise InvalidRequest(f"Cluster '{cluster.name}' is not in ACTIVE status")
        quotas.require(quotas.NODE_GROUPS, len(cluster.nodegroups))
        role = self.require_role(self.param("nodeRole"))
        for subnet in self.param("subnets"):
            self._require_subnet(subnet)
        template = self._template(self.param("launchTemplate"))
        if template and self.param("diskSize"):
            raise InvalidParameter("Disk size must be specified within the launch template.")
        if template.get("InstanceType") and self.param("instanceTypes"):
            raise InvalidParameter("Instance types must be specified either in the launch template or in the request")
        types = self.param("instanceTypes") or [template.get("InstanceType") or "t3.medium"]
        ami_type = self._ami_type(types)
        version = self.param("version") or cluster.document["version"]
        if version not in versions.KUBERNETES or (
            versions.KUBERNETES[version].minor > versions.KUBERNETES[cluster.document["version"]].minor
        ):
            raise InvalidParameter(f"Requested Nodegroup version {version} is not supported by the cluster's version")
        document: dict[str, Any] = {
            "nodegroupName": name,
            "nodegroupArn": self.arn("nodegroup", cluster.name, name, str(uuid.uuid4())),
            "clusterName": cluster.name,
            "version": version,
            "releaseVersion": self.param("releaseVersion") or versions.release(version),
            "createdAt": utcnow(),
            "modifiedAt": utcnow(),
            "status": "CREATING",
            "capacityType": self.param("capacityType") or "ON_DEMAND",
            "scalingConfig": require_scaling(
                {"minSize": 1, "maxSize": 2, "desiredSize": 2, **(self.param("scalingConfig") or {})}
            ),
            "subnets": self.param("subnets"),
            "amiType": ami_type,
            "nodeRole": role.arn,
            "labels": self.param("labels") or {},
            "taints": self.param("taints") or [],
            "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{uuid.uuid4()}"}]},
            "health": {"issues": []},
            "updateConfig": self.param("updateConfig") or {"maxUnavailable": 1},
            "tags": self.param("tags") or {},
            **self.given(*optional),
            # A launch template that names them has the last word, and they are shown in one place only.
            **({} if template.get("InstanceType") else {"instanceTypes": types}),
            **({} if template else {"diskSize": self.param("diskSize") or 20}),
        }
        nodegroup = Nodegroup(
            document,
            Transition(
                "node group create",
                f"node group {name}",
                "CREATING",
                "ACTIVE",
                done=lambda: self._join(nodegroup),
                failed="CREATE_FAILED",
                needs=cluster.finished,
            ),
            check=lambda: self._ailment(cluster, nodegroup),
        )
        if role.arn not in cluster.entries and cluster.document["accessConfig"]["authenticationMode"] != "CONFIG_MAP":
            access.new_entry(self, cluster, role.arn, access.NODE)
        cluster.nodegroups[name] = nodegroup
        self.make_linked_role("eks-nodegroup.amazonaws.com")
        if not nodegroup.transition.is_doomed:
            self._scale(cluster, nodegroup)
        if nodegroup.launch_failure:
            nodegroup.transition.doom(nodegroup.launch_failure)
        self._try_to_join(nodegroup)
        return ActionResult({"nodegroup": document})

    def _ailment(self, cluster: Cluster, nodegroup: Nodegroup) -> Failure | None:
        template = nodegroup.document.get("launchTemplate")
        if template and template["id"] not in self._ec2.launch_templates:
            return Failure(
                "Ec2LaunchTemplateNotFound", f"The Amazon EC2 launch template {template['id']} could not be found"
            )
        if nodegroup.launch_failure:  # it is tried again and again
            self._scale(cluster, nodegroup)
            self._try_to_join(nodegroup)
        return nodegroup.launch_failure

    def _require_subnet(self, subnet: str) -> None:
        try:
            self._ec2.get_subnet(subnet)
        except EC2ClientError as error:
            raise InvalidParameter(str(error.message)) from error

    def _template(self, named: dict[str, str] | None) -> dict[str, Any]:
        """The data of the launch template that the request names; it gets both name and id, as EKS shows them."""
        if not named:
            return {}
        try:
            template = (
                self._ec2.get_launch_template(named["id"])
                if "id" in named
                else self._ec2.get_launch_template_by_name(named["name"])
            )
            version = template.get_version(named.get("version", "$Default"))
        except EC2ClientError as error:
            raise InvalidParameter(str(error.message)) from error
        named.update(id=template.id, name=template.name, version=str(version.number))
        return version.data

    def _ami_type(self, types: list[str]) -> str:
        offered = {
            ami for ami, architecture in AMI_TYPES.items() if all(architecture in architectures(t) for t in types)
        }
        asked = self.param("amiType")
        if asked is None and offered:
            return min(offered)
        if asked and asked not in AMI_TYPES:
            raise NotOnTheLab(f"AMI type {asked}")
        if asked not in offered:
            raise InvalidParameter(f"[{', '.join(types)}] is not a valid instance type for requested amiType {asked}")
        return str(asked)

    def _instances(self, nodegroup: Nodegroup) -> list[Instance]:
        return [self._ec2.get_instance(instance) for instance in nodegroup.instances]

    def _scale(self, cluster: Cluster, nodegroup: Nodegroup) -> None:
        """Launch or terminate instances until there are as many as desired, spread evenly over the subnets, or EC2 refuses."""
        document = nodegroup.document
        nodegroup.launch_failure = None
        while len(nodegroup.instances) != document["scalingConfig"]["desiredSize"]:
            present = self._instances(nodegroup)
            used = Counter(dict.fromkeys(document["subnets"], 0))
            used.update(instance.subnet_id for instance in present)
            if len(present) < document["scalingConfig"]["desiredSize"]:
                subnet = min(document["subnets"], key=lambda s: used[s])
                try:
                    nodegroup.instances.append(self._launch(cluster, document, subnet))
                except ServiceException as error:
                    nodegroup.launch_failure = Failure(
                        "AsgInstanceLaunchFailures",
                        f"Could not launch On-Demand Instances. {error.code} - {error.message} Launching EC2 instance failed.",
                    )
                    return
            else:
                crowded = max(used, key=lambda s: used[s])
                victim = [instance for instance in present if instance.subnet_id == crowded][-1]
                self._ec2.terminate_instances([victim.id])
                nodegroup.instances.remove(victim.id)

    def _launch(self, cluster: Cluster, document: dict[str, Any], subnet: str) -> str:
        template = self._template(document.get("launchTemplate"))
        tags = convert_tag_spec(template.get("TagSpecifications", []))
        tags["instance"] = {
            **tags.get("instance", {}),
            "eks:cluster-name": cluster.name,
            "eks:nodegroup-name": document["nodegroupName"],
            f"kubernetes.io/cluster/{cluster.name}": "owned",
        }
        reservation = self._ec2.run_instances(
            image_id="",
            count=1,
            user_data=None,
            security_group_names=[],
            security_group_ids=template.get("SecurityGroupIds")
            or [cluster.document["resourcesVpcConfig"]["clusterSecurityGroupId"]],
            instance_type=template.get("InstanceType") or document["instanceTypes"][0],
            is_instance_type_default=False,
            subnet_id=subnet,
            region_name=self.region,
            tags=tags,
        )
        return reservation.instances[0].id

    def _join(self, nodegroup: Nodegroup) -> bool:
        """Let the instances be the nodes of the group, and tell whether all are Ready; those of a group that goes, leave."""
        is_leaving = nodegroup.document["status"] == "DELETING"
        nodes = [] if is_leaving else [self._node(nodegroup.document, i) for i in self._instances(nodegroup)]
        return plane.current.set_nodes(nodegroup.document["nodegroupName"], nodes)

    def _try_to_join(self, nodegroup: Nodegroup) -> None:
        with contextlib.suppress(plane.PlaneError):  # whoever describes the node group is told
            self._join(nodegroup)

    def _node(self, document: dict[str, Any], instance: Instance) -> plane.Node:
        subnet = self._ec2.get_subnet(str(instance.subnet_id))
        zone = subnet.availability_zone
        return plane.Node(
            name=instance.private_dns_name,
            provider_id=f"aws:///{zone}/{instance.id}",
            labels={
                **document["labels"],
                "eks.amazonaws.com/nodegroup": document["nodegroupName"],
                "eks.amazonaws.com/capacityType": document["capacityType"],
                "topology.kubernetes.io/region": self.region,
                "topology.kubernetes.io/zone": zone,
                "topology.k8s.aws/zone-id": subnet.availability_zone_id,
                "node.kubernetes.io/instance-type": instance.instance_type,
                "kubernetes.io/arch": KUBERNETES_NAMES[AMI_TYPES[document["amiType"]]],
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": instance.private_dns_name,
            },
            taints=[
                {"key": taint["key"], "value": taint.get("value", ""), "effect": EFFECTS[taint["effect"]]}
                for taint in document["taints"]
            ],
            capacity=capacity(instance.instance_type),
        )

    def describe_nodegroup(self) -> ActionResult:
        name = self.param("nodegroupName")
        return ActionResult(
            {"nodegroup": look_at(self.cluster.nodegroups, name, NO_NODEGROUP.format(name=name)).document}
        )

    def list_nodegroups(self) -> ActionResult:
        return ActionResult({"nodegroups": look_at_all(self.cluster.nodegroups)})

    def _nodegroup(self) -> Nodegroup:
        name = self.param("nodegroupName")
        return find(self.cluster.nodegroups, name, NO_NODEGROUP.format(name=name))

    def update_nodegroup_config(self) -> ActionResult:
        cluster, nodegroup = self.cluster, self._nodegroup()
        self.require_implemented("labels", "taints", "scalingConfig", "updateConfig", "nodeRepairConfig")
        nodegroup.require_active()
        document = nodegroup.document
        labels, taints = self.param("labels") or {}, self.param("taints") or {}
        scaling = require_scaling({**document["scalingConfig"], **(self.param("scalingConfig") or {})})
        params = {
            **{key[0].upper() + key[1:]: value for key, value in (self.param("scalingConfig") or {}).items()},
            **({"LabelsToAdd": labels["addOrUpdateLabels"]} if labels.get("addOrUpdateLabels") else {}),
            **({"LabelsToRemove": labels["removeLabels"]} if labels.get("removeLabels") else {}),
            **({"TaintsToAdd": taints["addOrUpdateTaints"]} if taints.get("addOrUpdateTaints") else {}),
            **({"TaintsToRemove": taints["removeTaints"]} if taints.get("removeTaints") else {}),
            **{key[0].upper() + key[1:]: value for key, value in (self.param("updateConfig") or {}).items()},
            **self.given("nodeRepairConfig"),
        }
        kept = {key: value for key, value in document["labels"].items() if key not in labels.get("removeLabels", [])}
        document.update(
            self.given("updateConfig", "nodeRepairConfig"),
            labels={**kept, **labels.get("addOrUpdateLabels", {})},
            taints=changed_taints(document["taints"], taints),
            scalingConfig=scaling,
        )
        update = nodegroup.update(
            "ConfigUpdate",
            {key: json.dumps(value) for key, value in params.items()},
            done=lambda: self._join(nodegroup),
        )
        self._scale(cluster, nodegroup)
        self._try_to_join(nodegroup)
        return ActionResult({"update": update})

    def update_nodegroup_version(self) -> ActionResult:
        """The versions change; the instances stay, as the lab has one kind of node only."""
        cluster, nodegroup = self.cluster, self._nodegroup()
        self.require_implemented("version", "releaseVersion", "launchTemplate", "force")
        version = self.param("version") or cluster.document["version"]
        now = nodegroup.document["version"]
        if version not in versions.KUBERNETES or not (
            versions.KUBERNETES[now].minor
            <= versions.KUBERNETES[version].minor
            <= versions.KUBERNETES[cluster.document["version"]].minor
        ):
            raise InvalidParameter(f"Requested Nodegroup version {version} is not supported by the cluster's version")
        template, before = self.param("launchTemplate"), nodegroup.document.get("launchTemplate")
        self._template(template)
        if template and (before or {}).get("id") != template["id"] and (before or {}).get("name") != template["name"]:
            raise InvalidParameter("The launch template must be the one that the node group was created with")
        changes = {
            "version": version,
            "releaseVersion": self.param("releaseVersion") or versions.release(version),
            **({"launchTemplate": template} if template else {}),
        }
        params = {"Version": version, "ReleaseVersion": changes["releaseVersion"]}
        return ActionResult(
            {"update": nodegroup.update("VersionUpdate", params, then=lambda: nodegroup.document.update(changes))}
        )

    def delete_nodegroup(self) -> ActionResult:
        cluster, nodegroup = self.cluster, self._nodegroup()
        name = nodegroup.document["nodegroupName"]
        if nodegroup.is_updating:
            raise InUse(f"Nodegroup {name} currently has an update in progress")
        if nodegroup.document["status"] != "DELETING":
            nodegroup.move(
                Transition(
                    "node group delete",
                    nodegroup.label,
                    "DELETING",
                    "DELETED",
                    done=lambda: self._join(nodegroup),
                    then=lambda: self._forget_nodegroup(cluster, nodegroup),
                    failed="DELETE_FAILED",
                    needs=nodegroup.finished,
                )
            )
            self._try_to_join(nodegroup)
        return ActionResult({"nodegroup": nodegroup.document})

    def _forget_nodegroup(self, cluster: Cluster, nodegroup: Nodegroup) -> None:
        if nodegroup.instances:
            self._ec2.terminate_instances(nodegroup.instances)
        cluster.past += nodegroup.finished
        del cluster.nodegroups[nodegroup.document["nodegroupName"]]
        role = nodegroup.document["nodeRole"]
        entry = cluster.entries.get(role)
        others = {other.document["nodeRole"] for other in cluster.nodegroups.values()}
        if entry and entry.document["type"] == access.NODE and role not in others:
            del cluster.entries[role]
