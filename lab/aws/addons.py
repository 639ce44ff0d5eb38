"""Add-ons: records with the states, versions and refusals of EKS. Nothing is installed; the lab's nodes do their work."""

from __future__ import annotations

import json
import uuid
from typing import Any

import yaml
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from lab.aws import access, versions
from lab.aws.clock import Transition
from lab.aws.faults import Failure
from lab.aws.model import (
    NO_NODES,
    Addon,
    Cluster,
    InUse,
    InvalidParameter,
    NotFound,
    Operations,
    find,
    look_at,
    look_at_all,
)

NAMESPACE = "kube-system"  # of all add-ons that the lab knows
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
        """Make the pod identity associations that the add-on owns be those of the request."""
        wanted = {association["serviceAccount"]: association for association in self.param("podIdentityAssociations")}
        owned = {association["serviceAccount"]: association for association in self._owned(cluster, document)}
        for account in owned.keys() - wanted.keys():
            del cluster.associations[owned.pop(account)["associationId"]]
        for account, association in wanted.items():
            if account in owned:
                owned[account].update(roleArn=association["roleArn"], modifiedAt=utcnow())
                continue
            new = {"namespace": NAMESPACE, **association, "ownerArn": document["addonArn"]}
            owned[account] = access.new_association(self, cluster, new)
        document["podIdentityAssociations"] = [association["associationArn"] for association in owned.values()]

    @staticmethod
    def _owned(cluster: Cluster, document: dict[str, Any]) -> list[dict[str, Any]]:
        return [a for a in cluster.associations.values() if a.get("ownerArn") == document["addonArn"]]

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

        def check() -> Failure | None:
            has_nodes = any(nodegroup.instances for nodegroup in cluster.nodegroups.values())
            return None if has_nodes or not offer.needs_nodes else NO_NODES

        transition = Transition(
            "add-on create", f"add-on {name}", "CREATING", "ACTIVE", failed="CREATE_FAILED", needs=cluster.finished
        )
        cluster.addons[name] = Addon(document, transition, check=check)
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
        addon.require_active()
        addon.update_failure = None
        update = addon.update(
            "AddonUpdate",
            params,
            then=lambda: addon.document.update(changes),
            otherwise=lambda failure: setattr(addon, "update_failure", failure),
        )
        if self.param("podIdentityAssociations") is not None:
            self._associate(cluster, addon.document)
        return ActionResult({"update": update})

    def delete_addon(self) -> ActionResult:
        cluster, name = self.cluster, self.param("addonName")
        addon = find(cluster.addons, name, NO_ADDON.format(name=name, cluster=cluster.name))
        for association in self._owned(cluster, addon.document):
            del cluster.associations[association["associationId"]]
        transition = Transition(
            "add-on delete",
            addon.label,
            "DELETING",
            "DELETED",
            then=lambda: self._forget_addon(cluster, addon),
            failed="DELETE_FAILED",
            needs=addon.finished,
        )
        addon.update_failure = None
        return ActionResult({"addon": addon.move(transition)})

    @staticmethod
    def _forget_addon(cluster: Cluster, addon: Addon) -> None:
        cluster.past += addon.finished
        del cluster.addons[addon.document["addonName"]]

    def describe_addon_configuration(self) -> ActionResult:
        self.require_implemented("addonVersion")
        name, version = self.param("addonName"), self.param("addonVersion")
        if name not in versions.addon_names() or version not in versions.all_addon_versions(name):
            raise NotFound(f"Addon {name} with version {version} is not supported")
        properties = {key: {"type": kind} for key, kind in versions.ADDON_SETTINGS.get(name, {}).items()}
        # Without additionalProperties: false, which EKS has: the lab knows some settings only.
        schema = {"$schema": "http://json-schema.org/draft-06/schema#", "type": "object", "properties": properties}
        identities = [
            {"serviceAccount": account, "recommendedManagedPolicies": [f"arn:aws:iam::aws:policy/{policy}"]}
            for account, policy in versions.ADDON_IDENTITIES.get(name, {}).items()
        ]
        return ActionResult(
            {
                "addonName": name,
                "addonVersion": version,
                "configurationSchema": json.dumps(schema),
                "podIdentityConfiguration": identities,
            }
        )

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
