"""Add-ons: records with the states, versions and refusals of EKS. Nothing is installed; the lab's nodes do their work."""

from __future__ import annotations

import uuid
from typing import Any

import yaml
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from lab.aws import access, versions
from lab.aws.model import Addon, Cluster, InUse, InvalidParameter, Operations, Transition, find, look_at, look_at_all

MODEL = "eks::addon"
NO_ADDON = "No addon: {name} found in cluster: {cluster}"


def _require_configuration(text: str) -> None:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError:
        values = None
    if not isinstance(values, dict):
        raise InvalidParameter(
            "ConfigurationValue provided in request is not supported: it is not a JSON or YAML object"
        )


class AddonOperations(Operations):
    def _offer(self, cluster: Cluster, name: str) -> versions.AddonOffer:
        try:
            return versions.addon(name, cluster.document["version"])
        except KeyError:
            raise InvalidParameter(f"Addon {name} specified is not supported") from None

    def _changes(self, cluster: Cluster, name: str) -> dict[str, Any]:
        """What the request asks of the add-on, checked."""
        changes = self.given("addonVersion", "configurationValues", "serviceAccountRoleArn")
        self.require_implemented("resolveConflicts", "podIdentityAssociations", "tags", *changes)
        if changes.get("addonVersion", "") not in ("", *self._offer(cluster, name).versions):
            raise InvalidParameter("Addon version specified is not supported")
        if "configurationValues" in changes:
            _require_configuration(changes["configurationValues"])
        if "serviceAccountRoleArn" in changes:
            self.require_role(changes["serviceAccountRoleArn"])
        for association in self.param("podIdentityAssociations") or []:
            self.require_role(association["roleArn"])
        return changes

    def _associate(self, cluster: Cluster, document: dict[str, Any]) -> None:
        """Replace the pod identity associations that the add-on owns."""
        self._dissociate(cluster, document)
        owned = [
            access.new_association(
                self, cluster, {"namespace": "kube-system", **association, "ownerArn": document["addonArn"]}
            )
            for association in self.param("podIdentityAssociations")
        ]
        document["podIdentityAssociations"] = [association["associationArn"] for association in owned]

    @staticmethod
    def _dissociate(cluster: Cluster, document: dict[str, Any]) -> None:
        for association in list(cluster.associations.values()):
            if association.get("ownerArn") == document["addonArn"]:
                del cluster.associations[association["associationId"]]

    def create_addon(self) -> ActionResult:
        cluster, name = self.cluster, self.param("addonName")
        offer, changes = self._offer(cluster, name), self._changes(cluster, name)
        if name in cluster.addons:
            raise InUse("Addon already exists.")
        cluster.require_active()
        document: dict[str, Any] = {
            "addonName": name,
            "clusterName": cluster.name,
            "status": "CREATING",
            "addonVersion": offer.default,
            "health": {"issues": []},
            "addonArn": self.arn("addon", cluster.name, name, str(uuid.uuid4())),
            "createdAt": utcnow(),
            "modifiedAt": utcnow(),
            "tags": self.param("tags") or {},
            **changes,
        }
        if self.param("podIdentityAssociations"):
            self._associate(cluster, document)

        def healthy() -> bool:
            return not offer.needs_nodes or any(nodegroup.instances for nodegroup in cluster.nodegroups.values())

        cluster.addons[name] = Addon(document, Transition(MODEL, "CREATING", "ACTIVE"), is_healthy=healthy)
        return ActionResult({"addon": document})

    def describe_addon(self) -> ActionResult:
        cluster, name = self.cluster, self.param("addonName")
        addon = look_at(cluster.addons, name, NO_ADDON.format(name=name, cluster=cluster.name))
        return ActionResult({"addon": addon.document})

    def list_addons(self) -> ActionResult:
        return ActionResult({"addons": look_at_all(self.cluster.addons)})

    def update_addon(self) -> ActionResult:
        cluster, name = self.cluster, self.param("addonName")
        addon = find(cluster.addons, name, NO_ADDON.format(name=name, cluster=cluster.name))
        changes = self._changes(cluster, name)
        names = {"addonVersion": "AddonVersion", "configurationValues": "ConfigurationValues"}
        params = {names.get(key, "ServiceAccountRoleArn"): value for key, value in changes.items()}
        update = addon.update("AddonUpdate", params, then=lambda: addon.document.update(changes))
        if self.param("podIdentityAssociations") is not None:
            self._associate(cluster, addon.document)
        return ActionResult({"update": update})

    def delete_addon(self) -> ActionResult:
        cluster, name = self.cluster, self.param("addonName")
        addon = find(cluster.addons, name, NO_ADDON.format(name=name, cluster=cluster.name))
        self._dissociate(cluster, addon.document)
        transition = Transition(MODEL, "DELETING", "DELETED", then=lambda: cluster.addons.pop(name))
        return ActionResult({"addon": addon.move(transition)})

    def describe_addon_versions(self) -> ActionResult:
        self.require_implemented("kubernetesVersion", "maxResults")
        asked = self.param("kubernetesVersion")
        if asked not in (None, *versions.KUBERNETES):
            raise InvalidParameter(f"Kubernetes version {asked} is not supported")
        name = self.param("addonName")
        return ActionResult(
            {
                "addons": [
                    versions.addon_document(addon, [asked] if asked else list(versions.KUBERNETES))
                    for addon in versions.addon_names()
                    if name in (None, addon)
                ]
            }
        )
