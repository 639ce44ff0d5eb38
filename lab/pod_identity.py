"""What the add-on eks-pod-identity-agent answers on every node: temporary credentials for the role of a pod's service account."""

from __future__ import annotations

import json
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sts.models import sts_backends
from werkzeug.wrappers import Request, Response

from lab.aws import gate, server
from lab.aws.eks import find_cluster
from lab.control_plane import LocalControlPlane

PATH = "/v1/credentials"
AUDIENCE = "pods.eks.amazonaws.com"
LIFETIME = 6 * 3600


class NoIdentity(Exception):
    """Why a pod gets no credentials."""


def credentials(control_plane: LocalControlPlane, token: str, region: str) -> dict[str, Any]:
    """In the form of the SDKs' container credentials."""
    api = control_plane.api
    account = api.service_account_of(token, AUDIENCE) if api else None
    if account is None:
        raise NoIdentity(f"the token is not one of this cluster's service accounts for {AUDIENCE}")
    namespace, name = account
    with gate.LOCK:
        cluster = find_cluster(control_plane.cluster)
        found = [
            association
            for association in (cluster.associations.values() if cluster else ())
            if (association["namespace"], association["serviceAccount"]) == account
        ]
        if not found:
            raise NoIdentity(f"the service account {namespace}/{name} has no pod identity association")
        if cluster and "eks-pod-identity-agent" not in cluster.addons:
            raise NoIdentity("the cluster does not have the add-on eks-pod-identity-agent")
        session = sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assume_role(
            region_name=region,
            role_session_name=f"eks-{cluster.name if cluster else ''}-{name}",
            role_arn=found[0]["roleArn"],
            policy="",
            duration=LIFETIME,
            external_id="",
        )
    return {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "Token": session.session_token,
        "AccountId": DEFAULT_ACCOUNT_ID,
        "Expiration": session.expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def agent(control_plane: LocalControlPlane, region: str) -> server.Application:
    @Request.application
    def application(request: Request) -> Response:
        try:
            answer = credentials(control_plane, request.headers.get("Authorization", ""), region)
        except NoIdentity as reason:
            return Response(f"{reason}\n", 404)
        return Response(json.dumps(answer), mimetype="application/json")

    return application
