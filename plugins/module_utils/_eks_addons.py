# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Add-ons of an EKS cluster: which versions they get, and what one look at them leads to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible.module_utils.common.yaml import yaml_load

from ._aws_data import OWNER_TAG, AwsError, Look, Ref, Request, joined, listed, missing_tags, tags_of
from ._eks import NO_REASON, Role, about_cluster, issue_list, issues, minor_of

try:
    import jsonschema
    from yaml import YAMLError

    HAS_JSONSCHEMA = True
except ImportError:
    HAS_JSONSCHEMA = False  # EKS checks configurations too, later.

Properties = dict[str, Any]

# The version of Kubernetes for which the add-on's version was looked at; so an upgrade of the cluster is seen for free.
CHECKED_TAG = "kafka-eks/kubernetes"
KUBE_PROXY = "kube-proxy"  # must not be older than the cluster, though EKS offers it
UNSETTLED = ("CREATING", "DELETING", "UPDATING")
FAILED = ("CREATE_FAILED", "DELETE_FAILED", "UPDATE_FAILED")
OFFERED_SHOWN = 5
AGAIN = "run again: it is then tried once more"
# Faults that no waiting heals, and what does.
HOPELESS = {
    "AccessDenied": "give EKS its rights in the cluster back (the cluster roles of eks:addon-manager)",
    "AddonSubscriptionNeeded": "subscribe to it in the AWS Marketplace",
    "AdmissionRequestDenied": "let the admission policy or webhook that is named let it pass",
    "ConfigurationConflict": "take back what somebody else has changed in its objects, or set resolve_conflicts to OVERWRITE",
    "UnsupportedAddonModification": "take back what somebody else has changed in its objects",
}


@dataclass(frozen=True)
class Offer:
    """The versions of an add-on for a version of Kubernetes, newest first."""

    versions: Sequence[str]
    default: str


@dataclass(frozen=True)
class AddonsLook(Look):
    """A look that also tells at which add-ons EKS is still at work."""

    pending: tuple[str, ...] = ()


@dataclass(frozen=True)
class Addon:
    """An add-on as it should be; what is none is left as it is."""

    name: str
    version: str | None
    configuration: Properties | None
    roles: Mapping[str, Role] | None  # by service account
    tags: Mapping[str, str]
    resolve_conflicts: str | None

    @property
    def pod_identity(self) -> dict[str, str] | None:
        return None if self.roles is None else {account: role.arn for account, role in sorted(self.roles.items())}

    @property
    def patience(self) -> tuple[str, ...]:
        return next((role.patience for role in (self.roles or {}).values() if role.is_new), ())


def about_addon(name: str, cluster: str) -> str:
    return f"Add-on '{name}' of {about_cluster(cluster)}"


def check_addons(addons: Sequence[Mapping[str, Any]], version: str | None) -> None:
    """Refuse what no state of the account can make right."""
    names = [addon["name"] for addon in addons]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise AwsError(f"Add-on '{twice[0]}' is in the list more than once: keep one.")
    for addon in addons:
        accounts = [identity["service_account"] for identity in addon["pod_identity"] or []]
        if twice := sorted({account for account in accounts if accounts.count(account) > 1}):
            raise AwsError(
                f"Add-on '{addon['name']}' has the service account '{twice[0]}' in pod_identity more than once: it has one role, so "
                "keep one."
            )
    if version is not None and not re.fullmatch(r"1\.\d\d", version):
        raise AwsError(
            f"kubernetes_version: '{version}' is not a version of Kubernetes; give one such as \"1.35\", in quotes, so that it is "
            "not taken for a number."
        )


def list_addons(cluster: str) -> Request:
    return Request(f"Add-ons of {about_cluster(cluster)}", "eks", "list_addons", {"clusterName": cluster}, "addons")


def describe_addon(cluster: str, name: str) -> Request:
    arguments = {"clusterName": cluster, "addonName": name}
    return Request(about_addon(name, cluster), "eks", "describe_addon", arguments, "addon")


def describe_offers(kubernetes: str) -> Request:
    about = f"Add-ons for Kubernetes {kubernetes}"
    return Request(about, "eks", "describe_addon_versions", {"kubernetesVersion": kubernetes}, "addons")


def describe_schema(name: str, version: str) -> Request:
    arguments = {"addonName": name, "addonVersion": version}
    about = f"Configuration of add-on '{name}' {version}"
    return Request(about, "eks", "describe_addon_configuration", arguments, "configurationSchema")


def kubernetes_version(cluster: Mapping[str, Any] | None, given: str | None, planned: bool) -> str | None:
    """The version of Kubernetes that the add-ons run on; in a plan, the one that the same run would bring about."""
    if cluster is None:
        return given
    has = str(cluster["version"])
    if planned and given and minor_of(given) > minor_of(has):
        return f"1.{minor_of(has) + 1}"
    return has


def offers_of(addons: Sequence[Mapping[str, Any]], kubernetes: str) -> dict[str, Offer]:
    offers = {}
    for addon in addons:
        compatible = {
            version["addonVersion"]: one["defaultVersion"]
            for version in addon["addonVersions"]
            for one in version["compatibilities"]
            if one["clusterVersion"] == kubernetes
        }
        if versions := sorted(compatible, key=_order, reverse=True):
            default = next((version for version in versions if compatible[version]), versions[0])
            offers[addon["addonName"]] = Offer(versions, default)
    return offers


def _order(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def must_choose(found: Mapping[str, Any] | None, version: str | None, kubernetes: str | None) -> bool:
    """Whether the version that an add-on gets depends on what EKS offers; an installed one is kept (rule 6 of the design)."""
    return (
        found is None
        or found["status"] in FAILED
        or (version is not None and version != found["addonVersion"])
        or tags_of(found).get(CHECKED_TAG) != kubernetes
    )


def chosen_version(
    name: str, installed: str | None, named: str | None, offers: Mapping[str, Offer], kubernetes: str
) -> str:
    """The version that an add-on gets: the named one, the installed one while it fits, or the one that EKS prefers."""
    if name not in offers:
        raise AwsError(
            f"Add-on '{name}' is not offered for Kubernetes {kubernetes}: take it out of the list, or name one of {listed(sorted(offers))}."
        )
    offer = offers[name]
    if named is not None:
        if named not in offer.versions:
            newest = listed(offer.versions[:OFFERED_SHOWN])
            raise AwsError(
                f"Add-on '{name}' has no version {named} for Kubernetes {kubernetes}: name one that EKS offers, the newest are {newest}, or "
                "none for the one that EKS prefers."
            )
        return named
    fits = installed in offer.versions
    behind = name == KUBE_PROXY and installed is not None and _order(installed)[:2] < [1, minor_of(kubernetes)]
    return installed if installed is not None and fits and not behind else offer.default


def unknown_version(named: str | None, kubernetes: str | None) -> str:
    """What stands for a version that cannot be looked up yet."""
    default = f"the default for Kubernetes {kubernetes}" if kubernetes else "the default for the cluster's Kubernetes"
    return named or default


def configuration_of(addon: Mapping[str, Any]) -> Any:
    """The configuration as data; EKS keeps it as the text that it was given."""
    text = addon.get("configurationValues") or "{}"
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return yaml_load(text) or {}
    except YAMLError:
        return text


def check_configuration(name: str, version: str | None, schema: str | None, configuration: Properties | None) -> None:
    """Refuse what the add-on's schema does not allow, where it has one."""
    if not schema or not HAS_JSONSCHEMA:
        return
    document = json.loads(schema)
    validator = jsonschema.validators.validator_for(document, default=jsonschema.Draft7Validator)(document)
    if error := jsonschema.exceptions.best_match(validator.iter_errors(configuration)):
        where = ".".join(map(str, error.absolute_path)) or "its configuration"
        reason = " ".join(error.message.split())
        raise AwsError(
            f"Add-on '{name}' {version} cannot be configured so, at {where}: {reason}; correct it by the schema that "
            f"aws eks describe-addon-configuration --addon-name {name} --addon-version {version} prints."
        )


def found_addon(addon: Mapping[str, Any], pod_identity: Mapping[str, str] | None) -> Properties:
    """An add-on as it is; its pod identity only where it was read."""
    return {
        "version": addon["addonVersion"],
        "configuration": configuration_of(addon),
        **({} if pod_identity is None else {"pod_identity": dict(sorted(pod_identity.items()))}),
        "tags": tags_of(addon),
    }


def owner_tags(tags: Mapping[str, str], cluster: str, kubernetes: str | None) -> dict[str, str]:
    return {**tags, OWNER_TAG: cluster, **({CHECKED_TAG: kubernetes} if kubernetes else {})}


def present_addons(
    found: Mapping[str, Mapping[str, Any] | None],
    identities: Mapping[str, Mapping[str, str]],
    wanted: Sequence[Addon],
    tried: Mapping[str, str],
    cluster: str,
) -> AddonsLook:
    """One look at the add-ons that are to be there; all are started together and waited for together.

    What failed before is tried again, but not what was already tried: that has its reason, or EKS's next to it.
    """
    before: Properties = {}
    after: Properties = {}
    requests: list[Request] = []
    waiting: dict[str, str] = {}
    for want in wanted:
        name, addon = want.name, found[want.name]
        if addon is None:
            after[name] = _target({"configuration": {}, "tags": {}}, want)
            requests.append(_creation(want, cluster))
            waiting[name] = "is being created"
            continue
        status = addon["status"]
        now = found_addon(addon, identities.get(name, {}) if want.roles is not None else None)
        then = _target(now, want)
        before[name], after[name] = now, then
        if status in FAILED:
            if name in tried:
                raise AwsError(_failure(addon, tried[name], cluster))
            before[name], after[name] = {**now, "status": status}, {**then, "status": "ACTIVE"}
        if status in UNSETTLED:
            waiting[name] = f"is {status}"
        elif status in ("CREATE_FAILED", "DELETE_FAILED"):
            # Of what is half made or half gone, only the removal is sure to work. Pods that it has go on, and are taken over.
            requests.append(_removal(name, cluster, preserve=True))
            waiting[name] = f"is made anew after {issues(addon)}"
        else:
            changes = _changes(addon, now, then, want, cluster)
            requests += changes
            if any(request.operation == "update_addon" for request in changes):
                waiting[name] = f"is being changed after {issues(addon)}" if status in FAILED else "is being changed"
            elif status == "DEGRADED":
                _refuse_hopeless(addon, cluster)
                waiting[name] = f"is DEGRADED ({issues(addon)})"
    return _look(before, after, requests, waiting, cluster)


def absent_addons(found: Mapping[str, Mapping[str, Any] | None], tried: Mapping[str, str], cluster: str) -> AddonsLook:
    """One look at the add-ons that are to go."""
    left = {name: addon for name, addon in found.items() if addon is not None}
    requests = []
    waiting = {}
    for name, addon in left.items():
        status = addon["status"]
        if status == "DELETE_FAILED" and name in tried:
            raise AwsError(_failure(addon, tried[name], cluster))
        if status in UNSETTLED:
            waiting[name] = f"is {status}"
        else:
            requests.append(_removal(name, cluster))
            waiting[name] = "is being removed"
    before = {name: found_addon(addon, None) for name, addon in left.items()}
    return _look(before, {}, requests, waiting, cluster)


def held(look: AddonsLook, cluster: Mapping[str, Any]) -> AddonsLook:
    """EKS changes add-ons only while it is not at work on the cluster itself."""
    if not look.requests or cluster["status"] not in ("CREATING", "PENDING", "UPDATING"):
        return look
    progress = f"{about_cluster(cluster['name'])} is {cluster['status']}, and its add-ons wait for that."
    return replace(look, requests=(), in_progress=True, progress=progress)


def together(one: AddonsLook, other: AddonsLook) -> AddonsLook:
    look = joined(one, other)
    return AddonsLook(
        look.before, look.after, look.requests, look.in_progress, look.progress, (*one.pending, *other.pending)
    )


def _look(
    before: Properties, after: Properties, requests: Sequence[Request], waiting: Mapping[str, str], cluster: str
) -> AddonsLook:
    states = listed(f"{name} {state}" for name, state in waiting.items())
    progress = f"Add-ons of {about_cluster(cluster)}: {states}." if waiting else ""
    return AddonsLook(before, after, requests, bool(waiting), progress, tuple(waiting))


def _target(now: Properties, want: Addon) -> Properties:
    """An add-on as it is to be, from how it is."""
    given = {"version": want.version, "configuration": want.configuration, "pod_identity": want.pod_identity}
    return {
        **now,
        **{key: value for key, value in given.items() if value is not None},
        "tags": {**now["tags"], **want.tags},
    }


def _creation(want: Addon, cluster: str) -> Request:
    arguments = {
        "clusterName": cluster,
        "addonName": want.name,
        "addonVersion": want.version,
        "resolveConflicts": want.resolve_conflicts or "OVERWRITE",
        "tags": dict(want.tags),
        **({"configurationValues": _text(want.configuration)} if want.configuration else {}),
        **({"podIdentityAssociations": _associations(want)} if want.roles else {}),
    }
    return _request(want.name, cluster, "create_addon", arguments, "addon.addonArn", want.patience)


def _changes(addon: Mapping[str, Any], now: Properties, then: Properties, want: Addon, cluster: str) -> list[Request]:
    changes = []
    failed = addon["status"] in FAILED
    arguments: Properties = {}
    if failed or now["version"] != then["version"]:
        arguments["addonVersion"] = then["version"]
    if now.get("pod_identity") != then.get("pod_identity"):
        arguments["podIdentityAssociations"] = _associations(want)
    if arguments or now["configuration"] != then["configuration"]:
        # EKS forgets what an update leaves out.
        if want.configuration is not None:
            arguments["configurationValues"] = _text(want.configuration)
        elif addon.get("configurationValues"):
            arguments["configurationValues"] = addon["configurationValues"]
        if addon.get("serviceAccountRoleArn") and not then.get("pod_identity"):
            arguments["serviceAccountRoleArn"] = addon["serviceAccountRoleArn"]
        # What is written counts, what is not written is left: also what was changed in the cluster.
        arguments |= {
            "clusterName": cluster,
            "addonName": want.name,
            "resolveConflicts": want.resolve_conflicts or ("PRESERVE" if want.configuration is None else "OVERWRITE"),
        }
        changes.append(_request(want.name, cluster, "update_addon", arguments, "update.id", want.patience))
    # Afterwards: they say for which Kubernetes the version was looked at.
    if tags := missing_tags(now["tags"], then["tags"]):
        arguments = {"resourceArn": addon["addonArn"], "tags": tags}
        changes.append(Request(about_addon(want.name, cluster), "eks", "tag_resource", arguments))
    return changes


def _removal(name: str, cluster: str, preserve: bool = False) -> Request:
    arguments = {"clusterName": cluster, "addonName": name, **({"preserve": True} if preserve else {})}
    return _request(name, cluster, "delete_addon", arguments, "addon.addonArn")


def _request(
    name: str,
    cluster: str,
    operation: str,
    arguments: Mapping[str, Any],
    answer: str,
    patience: tuple[str, ...] = (),
) -> Request:
    """What EKS does in its own time; its id is kept under the name of the add-on."""
    return Request(about_addon(name, cluster), "eks", operation, arguments, answer, Ref("addon", name), patience)


def _text(configuration: Properties | None) -> str:
    return json.dumps(configuration, sort_keys=True)


def _associations(want: Addon) -> list[dict[str, str]]:
    return [{"serviceAccount": account, "roleArn": arn} for account, arn in (want.pod_identity or {}).items()]


def _refuse_hopeless(addon: Mapping[str, Any], cluster: str) -> None:
    codes = [issue["code"] for issue in addon["health"]["issues"]]
    if remedies := [HOPELESS[code] for code in dict.fromkeys(codes) if code in HOPELESS]:
        about = about_addon(addon["addonName"], cluster)
        raise AwsError(f"{about} is DEGRADED ({issues(addon)}): {'; '.join(remedies)}, and run again.")


def _failure(addon: Mapping[str, Any], errors: str, cluster: str) -> str:
    about = about_addon(addon["addonName"], cluster)
    reasons = "; ".join(filter(None, [errors, *issue_list(addon)])) or NO_REASON
    codes = [code for code in HOPELESS if code in reasons]
    remedy = "; ".join(HOPELESS[code] for code in codes) or "correct what is named"
    return f"{about} is {addon['status']} ({reasons}): {remedy}, and {AGAIN}."


def configures(addon: Mapping[str, Any] | None, want: Addon) -> bool:
    """Whether an add-on is to get another configuration than it has."""
    return bool(want.configuration) and (addon is None or configuration_of(addon) != want.configuration)


def states(found: Mapping[str, Mapping[str, Any] | None]) -> dict[str, dict[str, str]]:
    """Add-ons as modules return them."""
    return {
        name: {"status": addon["status"], "version": addon["addonVersion"]} for name, addon in found.items() if addon
    }
