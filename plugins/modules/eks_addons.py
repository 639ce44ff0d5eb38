#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_addons
short_description: The add-ons of an EKS cluster
version_added: 0.1.0
description:
  - Makes, changes in place or removes a list of add-ons. All are started together and waited for together.
  - A version is chosen when an add-on is made, or when the cluster has another version of Kubernetes than when it was last looked at.
    Otherwise the version that is installed is kept, until another one is named.
  - After an upgrade of the cluster, an add-on whose version EKS does not offer for the new version of Kubernetes, and a
    C(kube-proxy) that is older than the cluster, get the version that EKS prefers. That this was looked at is kept in the tag
    C(kafka-eks/kubernetes).
  - Add-ons belong to their cluster, so those of the list that somebody else has installed are taken over.
  - A version that EKS does not offer, and a configuration that the schema of the add-on does not allow, are refused before
    anything is done.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  state:
    description:
      - Whether the add-ons are to exist. V(absent) removes those of the list, or all of the cluster when the list is empty.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description: Whether add-ons of the cluster that are not in the list are removed, with O(state=present).
    type: bool
    default: false
  addons:
    description: The add-ons.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the add-on, such as V(vpc-cni).
        type: str
        required: true
      version:
        description:
          - Version of the add-on. Without it a new add-on gets the one that EKS prefers for the cluster's version of Kubernetes, and
            an existing one keeps what it has.
        type: str
      configuration:
        description:
          - Configuration of the add-on, as a whole. It is compared as data with what EKS holds as text. Without it what the add-on has
            is left.
        type: dict
      pod_identity:
        description:
          - The IAM roles of the add-on's service accounts. Without it what the add-on has is left. An empty list takes the roles away.
        type: list
        elements: dict
        suboptions:
          service_account:
            description: Name of the service account.
            type: str
            required: true
          role:
            description: Name or ARN of the IAM role.
            type: str
            required: true
  kubernetes_version:
    description:
      - Version of Kubernetes that the cluster is to have, such as V("1.35"). It is used in check mode only, where the cluster may
        not be there or not be upgraded yet. Otherwise the version of the cluster counts.
    type: str
  resolve_conflicts:
    description:
      - Whose values count for fields of the add-on's objects that somebody else has set, V(OVERWRITE) for EKS's and V(PRESERVE) for
        theirs. With V(NONE) such fields make the add-on fail.
      - Without it, EKS's count when the add-on is made and when O(addons[].configuration) is given, and theirs otherwise.
    type: str
    choices: [NONE, OVERWRITE, PRESERVE]
  tags:
    description: Further tags of the add-ons.
    type: dict
    default: {}
  wait:
    description: Whether to wait until it is done.
    type: bool
    default: true
  wait_for:
    description:
      - Names of the add-ons that are waited for, with O(wait=true). The others are started and may still be on their way afterwards.
        Without it all are waited for. Names that are not in the list count for nothing.
    type: list
    elements: str
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 1800
  poll_interval:
    description: Seconds between two looks.
    type: int
    default: 15
  asked:
    description: What the passes before this one have asked of EKS. Set by the action of this module while it waits.
    type: dict
    default: {}
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - streamops.kafka_eks.attributes
  - streamops.kafka_eks.aws_account
notes:
  - Add-ons that are Deployments, such as C(coredns), stay DEGRADED until a node has joined. That is waited for. What does not heal by
    itself is an error at once.
  - An add-on that has failed is an error, and the next run tries it again, once. One whose update failed is updated again. One that
    could not be made or removed is removed, without its pods, and made anew as the list says.
  - Configurations are checked by their schema only where jsonschema is installed. EKS checks them too, but only when others may
    already have been changed.
seealso:
  - module: streamops.kafka_eks.eks_cluster
  - module: streamops.kafka_eks.eks_nodegroups
  - module: streamops.kafka_eks.eks_pod_identity_associations
"""

EXAMPLES = r"""
- name: Install the add-ons, and wait for those that nodes need to join
  streamops.kafka_eks.eks_addons:
    cluster_name: kafka-on-eks
    region: us-west-2
    addons:
      - name: vpc-cni
        configuration:
          enableNetworkPolicy: "true"
          env:
            ENABLE_PREFIX_DELEGATION: "true"
            WARM_PREFIX_TARGET: "1"
        pod_identity:
          - service_account: aws-node
            role: kafka-on-eks-us-west-2-vpc-cni
      - name: kube-proxy
      - name: eks-pod-identity-agent
      - name: coredns
    wait_for: [vpc-cni, kube-proxy, eks-pod-identity-agent]

- name: Move an add-on to a version
  streamops.kafka_eks.eks_addons:
    cluster_name: kafka-on-eks
    region: us-west-2
    addons:
      - name: coredns
        version: v1.13.2-eksbuild.1

- name: Remove an add-on
  streamops.kafka_eks.eks_addons:
    cluster_name: kafka-on-eks
    region: us-west-2
    state: absent
    addons:
      - name: metrics-server
"""

RETURN = r"""
addons:
  description: State and version of each add-on as it was seen last.
  returned: always
  type: dict
  sample:
    vpc-cni:
      status: ACTIVE
      version: v1.20.4-eksbuild.2
pending:
  description: Names of the add-ons at which EKS is still at work.
  returned: always
  type: list
  elements: str
  sample: [coredns]
asked:
  description: What EKS was asked for, by the name of the add-on.
  returned: always
  type: dict
  sample: {}
in_progress:
  description: Whether EKS is still at work. Never when O(wait=true) without O(wait_for) and the task has succeeded.
  returned: always
  type: bool
  sample: true
progress:
  description: What EKS is still at work on, in a sentence.
  returned: always
  type: str
  sample: "Add-ons of EKS cluster 'kafka-on-eks': coredns is CREATING."
"""

from datetime import UTC, datetime
from typing import Any, TypeAlias

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils import _eks, _eks_addons, _eks_pod_identity
from ..module_utils._aws import ACCOUNT_ARGUMENT, DENIED, WAIT_ARGUMENTS, Aws
from ..module_utils._aws_data import AwsError, result

Raw: TypeAlias = dict[str, Any]


def look(aws: Aws, params: Raw, check_mode: bool) -> tuple[Raw, _eks_addons.AddonsLook]:
    """The add-ons as they are, and what that leads to."""
    name, present = params["cluster_name"], params["state"] == "present"
    names = [addon["name"] for addon in params["addons"]]
    requests = {addon: _eks_addons.describe_addon(name, addon) for addon in names}
    everything = params["purge"] if present else not names
    listing = {"": _eks_addons.list_addons(name)} if everything else {}
    # The cluster and the list have names that no add-on has.
    seen = aws.find_all({"/": _eks.describe_cluster(name), **listing, **requests})
    cluster, others = seen.pop("/"), seen.pop("", None) or []
    if cluster:
        _eks.require_owned(cluster, name)
    elif present and not check_mode:
        raise AwsError(f"{_eks.about_cluster(name)} is not there: make the cluster before its add-ons.")
    seen |= aws.find_all({addon: _eks_addons.describe_addon(name, addon) for addon in others if addon not in seen})
    tried = reasons(aws, name, seen, params["asked"])
    leaving = {addon: one for addon, one in seen.items() if not (present and addon in names)}
    addons = _eks_addons.absent_addons(leaving, tried, name)
    if present:
        addons = _eks_addons.together(start(aws, params, cluster, seen, tried, check_mode), addons)
    return seen, _eks_addons.held(addons, cluster) if cluster and not check_mode else addons


def start(
    aws: Aws, params: Raw, cluster: Raw | None, seen: Raw, tried: dict[str, str], check_mode: bool
) -> _eks_addons.AddonsLook:
    name, addons = params["cluster_name"], params["addons"]
    kubernetes = _eks_addons.kubernetes_version(cluster, params["kubernetes_version"], check_mode)
    versions = choose(aws, addons, seen, kubernetes, may_fail=cluster is None)
    identities = associations(aws, name, addons, seen)
    tags = _eks_addons.owner_tags(params["tags"], name, kubernetes)
    wanted = [
        _eks_addons.Addon(
            name=addon["name"],
            version=versions.get(addon["name"]) or _eks_addons.unknown_version(addon["version"], kubernetes),
            configuration=addon["configuration"],
            roles=roles(aws, addon["pod_identity"], identities.get(addon["name"], {}), check_mode),
            tags=tags,
            resolve_conflicts=params["resolve_conflicts"],
        )
        for addon in addons
    ]
    schemas = aws.find_all(
        {
            addon.name: _eks_addons.describe_schema(addon.name, versions[addon.name])
            for addon in wanted
            if addon.name in versions and _eks_addons.configures(seen[addon.name], addon)
        }
    )
    for addon in wanted:
        _eks_addons.check_configuration(addon.name, addon.version, schemas.get(addon.name), addon.configuration)
    return _eks_addons.present_addons(seen, identities, wanted, tried, name)


def choose(aws: Aws, addons: list[Raw], seen: Raw, kubernetes: str | None, may_fail: bool) -> dict[str, str]:
    """The version of each add-on; one call tells what is offered for all, and only when something depends on it."""
    kept = {
        addon["name"]: seen[addon["name"]]["addonVersion"]
        for addon in addons
        if not _eks_addons.must_choose(seen[addon["name"]], addon["version"], kubernetes)
    }
    if len(kept) == len(addons) or kubernetes is None:
        return kept
    try:
        offers = _eks_addons.offers_of(aws.call(_eks_addons.describe_offers(kubernetes)), kubernetes)
    except AwsError as error:
        if may_fail and error.code in DENIED:
            return kept
        raise
    chosen = {
        addon["name"]: _eks_addons.chosen_version(
            addon["name"], (seen[addon["name"]] or {}).get("addonVersion"), addon["version"], offers, kubernetes
        )
        for addon in addons
        if addon["name"] not in kept
    }
    return kept | chosen


def associations(aws: Aws, cluster: str, addons: list[Raw], seen: Raw) -> dict[str, dict[str, str]]:
    """The role of each service account, of the add-ons for which the list says any."""
    owned = {
        arn: addon["name"]
        for addon in addons
        if addon["pod_identity"] is not None
        for arn in (seen[addon["name"]] or {}).get("podIdentityAssociations") or []
    }
    found = aws.find_all(
        {
            arn: _eks_pod_identity.describe_association(cluster, name, arn.rpartition("/")[2])
            for arn, name in owned.items()
        }
    )
    identities: dict[str, dict[str, str]] = {}
    for arn, association in found.items():
        if association:
            identities.setdefault(owned[arn], {})[association["serviceAccount"]] = association["roleArn"]
    return identities


def roles(aws: Aws, wanted: list[Raw] | None, has: dict[str, str], check_mode: bool) -> dict[str, _eks.Role] | None:
    """The roles of service accounts; what an account has already is not looked up."""
    if wanted is None:
        return None
    found = {}
    for identity in wanted:
        account, given = identity["service_account"], identity["role"]
        arn = has.get(account)
        if arn and _eks_pod_identity.is_role(given, arn, aws.caller.account):
            found[account] = _eks.Role(arn)
        else:
            found[account] = _eks.find_role(aws.find, given, check_mode, datetime.now(UTC))
    return found


def reasons(aws: Aws, cluster: str, seen: Raw, asked: dict[str, str]) -> dict[str, str]:
    """What the passes before have tried, with EKS's reasons where an update has failed."""
    failed = {
        name: _eks.describe_update(_eks_addons.about_addon(name, cluster), cluster, asked[name], addonName=name)
        for name, addon in seen.items()
        if addon and addon["status"] == "UPDATE_FAILED" and name in asked
    }
    updates = aws.find_all(failed)
    return {name: _eks.update_errors(updates.get(name)) for name in asked}


def main() -> None:
    pod_identity = {
        "service_account": {"type": "str", "required": True},
        "role": {"type": "str", "required": True},
    }
    addons = {
        "name": {"type": "str", "required": True},
        "version": {"type": "str"},
        "configuration": {"type": "dict"},
        "pod_identity": {"type": "list", "elements": "dict", "options": pod_identity},
    }
    module = AnsibleAWSModule(
        argument_spec={
            **ACCOUNT_ARGUMENT,
            **WAIT_ARGUMENTS,
            **_eks.ASKED_ARGUMENT,
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "purge": {"type": "bool", "default": False},
            "addons": {"type": "list", "elements": "dict", "default": [], "options": addons},
            "kubernetes_version": {"type": "str"},
            "resolve_conflicts": {"type": "str", "choices": ["NONE", "OVERWRITE", "PRESERVE"]},
            "tags": {"type": "dict", "default": {}},
            "wait_for": {"type": "list", "elements": "str"},
        },
        supports_check_mode=True,
    )
    params, check_mode = module.params, module.check_mode
    asked = dict(params["asked"])
    try:
        _eks_addons.check_addons(params["addons"], params["kubernetes_version"])
        aws = Aws(get_aws_connection_info(module), params["account_id"])
        found, seen = look(aws, params, check_mode)
        if not check_mode:
            asked |= {ref.name: made for ref, made in aws.send(seen.requests, {}).items()}
    except AwsError as error:
        module.fail_json(**error.failure)
    module.exit_json(
        addons=_eks_addons.states(found),
        pending=[] if check_mode else list(seen.pending),
        asked=asked,
        **result(seen, check_mode),
    )


if __name__ == "__main__":
    main()
