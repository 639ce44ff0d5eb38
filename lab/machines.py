"""Machines that were launched for the cluster by EC2 itself, as Karpenter does: they join as its nodes, and leave when they end.

On AWS the machine's own bootstrap and the cloud's node controller do this.
"""

from __future__ import annotations

import base64
import email
import logging
import threading
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import urllib3
import yaml
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.instances import Instance

from lab.aws import access, clock, gate
from lab.aws.eks import find_cluster
from lab.aws.model import Cluster
from lab.aws.nodegroups import KUBERNETES_NAMES, capacity
from lab.aws.plane import Node
from lab.control_plane import LocalControlPlane

PERIOD = 1.0
CLUSTER_TAG = "eks:eks-cluster-name"
NODE_CONFIG = "application/node.eks.aws"
# Taints that an add-on's daemon takes off when it is up: the lab's are up at once.
DAEMONS = {"ebs.csi.aws.com/agent-not-ready": "aws-ebs-csi-driver"}


class CannotJoin(Exception):
    """Why a machine stays outside: it is only ever said in its own log."""


def node_config(user_data: str) -> Mapping[str, Any]:
    """What the machine is told to be as a node: the last NodeConfig in its user data."""
    archive = email.message_from_bytes(base64.b64decode(user_data))
    parts = [part for part in archive.walk() if part.get_content_type() == NODE_CONFIG]
    if not parts:
        raise CannotJoin("its user data has no NodeConfig")
    spec: Mapping[str, Any] = yaml.safe_load(str(parts[-1].get_payload()))["spec"]
    return spec


def labels_of(kubelet: Mapping[str, Any]) -> dict[str, str]:
    texts = [
        flag.partition("=")[2].strip('"') for flag in kubelet.get("flags", []) if flag.startswith("--node-labels=")
    ]
    return dict(pair.split("=", 1) for text in texts for pair in text.split(",") if pair)


def join(ec2: EC2Backend, cluster: Cluster, machine: Instance) -> Node:
    """The machine as a node, where it is one of the cluster."""
    require_entry(ec2, cluster, machine)
    spec = node_config(str(machine.user_data or ""))
    if spec["cluster"]["name"] != cluster.name:
        raise CannotJoin(f"it is told to join {spec['cluster']['name']}")
    subnet = ec2.get_subnet(str(machine.subnet_id))
    zone, kubelet = subnet.availability_zone, spec["kubelet"]
    config = kubelet.get("config", {})
    name, architecture = machine.private_dns_name, str(ec2.amis[machine.image_id].architecture)
    size = capacity(machine.instance_type)
    return Node(
        name=name,
        provider_id=f"aws:///{zone}/{machine.id}",
        labels={
            **labels_of(kubelet),
            "topology.kubernetes.io/region": ec2.region_name,
            "topology.kubernetes.io/zone": zone,
            "topology.k8s.aws/zone-id": subnet.availability_zone_id,
            "node.kubernetes.io/instance-type": machine.instance_type,
            "kubernetes.io/arch": KUBERNETES_NAMES[architecture],
            "kubernetes.io/os": "linux",
            "kubernetes.io/hostname": name,
        },
        taints=[
            taint for taint in config.get("registerWithTaints") or [] if DAEMONS.get(taint["key"]) not in cluster.addons
        ],
        capacity={**size, "pods": str(config.get("maxPods", size["pods"])), "ephemeral-storage": disk(ec2, machine)},
    )


def require_entry(ec2: EC2Backend, cluster: Cluster, machine: Instance) -> None:
    association = ec2.iam_instance_profile_associations.get(machine.id)
    if association is None:
        raise CannotJoin("it has no instance profile")
    roles = [role.arn for role in association.iam_instance_profile.roles]
    if not any(arn in cluster.entries and cluster.entries[arn].document["type"] == access.NODE for arn in roles):
        raise CannotJoin(
            f"the cluster has no access entry of the type {access.NODE} for {', '.join(roles) or 'no role'}"
        )


def disk(ec2: EC2Backend, machine: Instance) -> str:
    sizes = [ec2.volumes[device.volume_id].size for _, device in machine.get_block_device_mapping]
    return f"{max(sizes, default=8)}Gi"


class Machines:
    """Looks once a second: from launch to node takes longer than that on AWS."""

    def __init__(self, control_plane: LocalControlPlane, region: str) -> None:
        self._control_plane, self._region = control_plane, region
        self._outside: dict[str, str] = {}  # why a machine did not join, as it was last said

    def run(self, ended: threading.Event) -> None:
        while not ended.wait(PERIOD):
            try:
                self.look()
            except urllib3.exceptions.HTTPError as error:
                logging.warning("Machines are not looked after now, and will be later: %s", error)
            except Exception:
                logging.exception("Machines could not be looked after")

    def look(self) -> None:
        api = self._control_plane.api
        if api is None:
            return
        nodes = {node["spec"]["providerID"]: node["metadata"] for node in api.launched_nodes()}
        with gate.LOCK:
            wanted, running = self._wanted(set(nodes))
        for node in wanted:
            api.register_node(node)
            logging.info("%s has joined as %s", node.provider_id, node.name)
        for provider_id, metadata in nodes.items():
            if provider_id.rpartition("/")[2] not in running and "deletionTimestamp" not in metadata:
                api.delete_node(metadata["name"])
                logging.info("%s has ended: the node %s goes", provider_id, metadata["name"])

    def _wanted(self, present: set[str]) -> tuple[list[Node], set[str]]:
        """The nodes that are to be made, and the machines that run."""
        ec2 = ec2_backends[DEFAULT_ACCOUNT_ID][self._region]
        cluster = find_cluster(self._control_plane.cluster)
        running = [machine for machine in ec2.all_instances() if machine.state == "running"]
        nodes = []
        for machine in running:
            tags = {tag["key"]: tag["value"] for tag in machine.get_tags()}
            if cluster is None or tags.get(CLUSTER_TAG) != cluster.name or not is_up(machine):
                continue
            if any(one.endswith(machine.id) for one in present):
                continue
            try:
                nodes.append(join(ec2, cluster, machine))
            except CannotJoin as reason:
                if self._outside.get(machine.id) != str(reason):
                    self._outside[machine.id] = str(reason)
                    logging.warning("%s cannot join %s: %s", machine.id, cluster.name, reason)
        return nodes, {machine.id for machine in running}


def is_up(machine: Instance) -> bool:
    return clock.current.has_passed("instance join", machine.launch_time.replace(tzinfo=UTC).timestamp())
