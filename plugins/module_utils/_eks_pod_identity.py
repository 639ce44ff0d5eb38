# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pod identity associations: which IAM role a service account of an EKS cluster acts as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Look, Request, is_owned, missing_tags, tags_of
from ._eks import Role, about_cluster

Properties = dict[str, Any]


def about_association(key: str, cluster: str) -> str:
    return f"Pod identity association of '{key}' in {about_cluster(cluster)}"


def association_key(association: Mapping[str, Any]) -> str:
    """What there is one association of: a service account, as an option or EKS names it."""
    account = association.get("service_account") or association["serviceAccount"]
    return f"{association['namespace']}/{account}"


def is_role(given: str, arn: str | None, account: str) -> bool:
    """Whether a role that is given by name or ARN has this ARN: an account has one role of a name, whatever its path."""
    if given.startswith("arn:") or arn is None:
        return given == arn
    return arn.split(":")[4] == account and arn.rpartition("/")[2] == given


def check_associations(associations: Sequence[Mapping[str, Any]], state: str, cluster: str) -> None:
    keys = [association_key(association) for association in associations]
    for key, association in zip(keys, associations, strict=True):
        if state == "present" and not association["role"]:
            raise AwsError(f"{about_association(key, cluster)} has no role, without which it cannot be made: name it.")
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise AwsError(
            f"{about_association(twice[0], cluster)} is in the list more than once: a service account has one role, so keep one."
        )


def list_associations(cluster: str) -> Request:
    about = f"Pod identity associations of {about_cluster(cluster)}"
    return Request(about, "eks", "list_pod_identity_associations", {"clusterName": cluster}, "associations")


def describe_association(cluster: str, key: str, identifier: str) -> Request:
    arguments = {"clusterName": cluster, "associationId": identifier}
    return Request(
        about_association(key, cluster), "eks", "describe_pod_identity_association", arguments, "association"
    )


def refuse_those_of_addons(listed: Mapping[str, Mapping[str, Any]], wanted: Sequence[str], cluster: str) -> None:
    """Add-ons look after their own associations; the list is the short one, which says whose each is."""
    for key in wanted:
        if owner := listed.get(key, {}).get("ownerArn"):
            addon = owner.split("/")[2]
            raise AwsError(
                f"{about_association(key, cluster)} belongs to the add-on '{addon}', so it is left alone: give the role as "
                "pod_identity of that add-on (eks_addons), or take the service account out of this list."
            )


def wanted_association(
    association: Mapping[str, Any], role: Role, target: Role | None, tags: Mapping[str, str]
) -> Properties:
    """An association of the list as it should be; what is none in it is left as it is."""
    wanted = {
        "role": role.arn,
        # No target is an empty text for EKS, too.
        "target_role": target.arn if target else association["target_role"],
        "disable_session_tags": association["disable_session_tags"],
        "tags": dict(tags),
    }
    return {key: value for key, value in wanted.items() if value is not None}


def _found_association(association: Mapping[str, Any]) -> Properties:
    return {
        "role": association["roleArn"],
        "target_role": association.get("targetRoleArn") or "",
        "disable_session_tags": association.get("disableSessionTags") or False,
        "tags": tags_of(association),
    }


def present_associations(
    found: Mapping[str, Mapping[str, Any] | None],
    wanted: Mapping[str, Properties],
    patience: Mapping[str, tuple[str, ...]],
    cluster: str,
) -> Look:
    """The associations of the list; what EKS says of roles that were just made is waited for."""
    before: Properties = {}
    after: Properties = {}
    requests: list[Request] = []
    for key, want in wanted.items():
        association = found.get(key)
        if association is None:
            after[key] = want
            requests.append(_creation(key, want, patience[key], cluster))
            continue
        before[key] = now = _found_association(association)
        after[key] = then = {**now, **want, "tags": {**now["tags"], **want["tags"]}}
        requests += _updates(key, association, now, then, patience[key], cluster)
    return Look(before, after, requests)


# Names of an association's properties, here and as parameters of EKS.
PARAMETERS = {
    "role": "roleArn",
    "target_role": "targetRoleArn",
    "disable_session_tags": "disableSessionTags",
}


def _creation(key: str, want: Properties, patience: tuple[str, ...], cluster: str) -> Request:
    namespace, _separator, account = key.partition("/")
    arguments = {
        "clusterName": cluster,
        "namespace": namespace,
        "serviceAccount": account,
        "tags": want["tags"],
        **{PARAMETERS[name]: value for name, value in want.items() if name in PARAMETERS and value != ""},
    }
    about = about_association(key, cluster)
    return Request(about, "eks", "create_pod_identity_association", arguments, patience=patience)


def _updates(
    key: str,
    association: Mapping[str, Any],
    now: Properties,
    then: Properties,
    patience: tuple[str, ...],
    cluster: str,
) -> list[Request]:
    about = about_association(key, cluster)
    updates = []
    if changes := {parameter: then[name] for name, parameter in PARAMETERS.items() if now[name] != then[name]}:
        arguments = {"clusterName": cluster, "associationId": association["associationId"], **changes}
        updates.append(Request(about, "eks", "update_pod_identity_association", arguments, patience=patience))
    if tags := missing_tags(now["tags"], then["tags"]):
        arguments = {"resourceArn": association["associationArn"], "tags": tags}
        updates.append(Request(about, "eks", "tag_resource", arguments))
    return updates


def absent_associations(found: Mapping[str, Mapping[str, Any] | None], cluster: str) -> Look:
    """The associations that are to go, without those of add-ons."""
    left = {key: association for key, association in found.items() if association and not association.get("ownerArn")}
    return Look(
        {key: _found_association(association) for key, association in left.items()},
        {},
        [
            Request(
                about_association(key, cluster),
                "eks",
                "delete_pod_identity_association",
                {"clusterName": cluster, "associationId": association["associationId"]},
            )
            for key, association in left.items()
        ],
    )


def ours(found: Mapping[str, Mapping[str, Any] | None], cluster: str) -> dict[str, Mapping[str, Any] | None]:
    """Those that carry our tag."""
    return {key: association for key, association in found.items() if association and is_owned(association, cluster)}


def owner_tags(tags: Mapping[str, str], cluster: str) -> dict[str, str]:
    return {**tags, OWNER_TAG: cluster}
