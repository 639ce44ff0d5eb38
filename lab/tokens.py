"""EKS tokens: the check that EKS makes of what `aws eks get-token` says, offline and for the emulated account."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lab.aws.access import groups
from lab.aws.identity import Caller
from lab.aws.model import AccessEntry

PREFIX = "k8s-aws-v1."
# EKS goes by the date of the signature; the X-Amz-Expires of the URL (60 s) has no meaning for it.
LIFETIME = timedelta(minutes=15)
CLOCK_SKEW = timedelta(minutes=5)
CLUSTER_HEADER = "x-k8s-aws-id"
STS = re.compile(r"https://sts\.([a-z0-9-]+\.)?amazonaws\.com")
PARAMETERS = {
    "Action", "Version", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
    "X-Amz-Security-Token", "X-Amz-Signature",
}  # fmt: skip


class TokenRefused(Exception):
    """Why a token does not authenticate."""


def _presigned_url(token: str) -> str:
    if not token.startswith(PREFIX):
        raise TokenRefused("the token is not one of aws eks get-token")
    text = token.removeprefix(PREFIX)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise TokenRefused("the token is not base64url") from None


def _parameters(url: str, endpoints: Collection[str]) -> dict[str, str]:
    """The parameters of a URL that asks STS who the caller is, and nothing else."""
    parts = urlsplit(url)
    endpoint = f"{parts.scheme}://{parts.netloc}"
    if endpoint not in endpoints and not STS.fullmatch(endpoint):
        raise TokenRefused(f"the token's URL is for {endpoint}, not for STS")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    parameters = dict(pairs)
    if parts.path not in ("", "/") or len(parameters) != len(pairs) or not set(parameters) <= PARAMETERS:
        raise TokenRefused("the token's URL has parts that get-token does not make")
    if missing := PARAMETERS - {"X-Amz-Security-Token", "X-Amz-Expires"} - set(parameters):
        raise TokenRefused(f"the token's URL lacks {', '.join(sorted(missing))}")
    if parameters["Action"] != "GetCallerIdentity":
        raise TokenRefused(f"the token's URL asks for {parameters['Action']}, not for GetCallerIdentity")
    if sorted(parameters["X-Amz-SignedHeaders"].split(";")) != ["host", CLUSTER_HEADER]:
        raise TokenRefused(f"the token's signature must cover the headers host and {CLUSTER_HEADER}")
    return parameters


def _require_fresh(date: str, now: datetime) -> None:
    try:
        signed = datetime.strptime(date, "%Y%m%dT%H%M%SZ")
    except ValueError:
        raise TokenRefused(f"the token's date {date} cannot be read") from None
    if now > signed + LIFETIME:
        raise TokenRefused(f"the token expired at {signed + LIFETIME:%H:%M:%S} UTC")
    if now < signed - CLOCK_SKEW:
        raise TokenRefused("the token is dated in the future")


def _signature(url: str, cluster: str, caller: Caller, date: str, region: str) -> str:
    """What the signature must be if the caller made the URL for the cluster."""
    request = AWSRequest("GET", re.sub("&?X-Amz-Signature=[^&]*", "", url), headers={CLUSTER_HEADER: cluster})
    request.context["timestamp"] = date
    credentials = Credentials(caller.access_key, caller.secret_key, caller.session_token)
    signer = SigV4QueryAuth(credentials, "sts", region)
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


def verify(
    token: str,
    cluster: str,
    endpoints: Collection[str],
    find_caller: Callable[[str], Caller | None],
    now: datetime,
) -> Caller:
    """Who made the token for the cluster, or TokenRefused. Times are UTC without saying so, as moto's are."""
    url = _presigned_url(token)
    parameters = _parameters(url, endpoints)
    date = parameters["X-Amz-Date"]
    _require_fresh(date, now)
    scope = re.fullmatch(r"(\w+)/(\d{8})/([a-z0-9-]+)/sts/aws4_request", parameters["X-Amz-Credential"])
    if scope is None or scope[2] != date[:8] or parameters["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256":
        raise TokenRefused("the token is not signed for STS")
    caller = find_caller(scope[1])
    if caller is None:
        raise TokenRefused(f"the access key {scope[1]} belongs to nobody in the account, or its role is gone")
    if caller.expires and now > caller.expires:
        raise TokenRefused(f"the temporary credentials {scope[1]} have expired")
    if parameters.get("X-Amz-Security-Token") != caller.session_token:
        raise TokenRefused(f"the token's session token is not that of {scope[1]}")
    if not hmac.compare_digest(_signature(url, cluster, caller, date, scope[3]), parameters["X-Amz-Signature"]):
        # The cluster's name is in the signature only, so these cases cannot be told apart.
        raise TokenRefused(
            f"the signature does not match: the token was changed, made with another secret, or for another cluster than {cluster}"
        )
    return caller


def user_info(caller: Caller, entries: Mapping[str, AccessEntry]) -> dict[str, Any]:
    """Who the caller is for Kubernetes: what the access entry of the IAM principal says."""
    entry = entries.get(caller.principal_arn)
    if entry is None:
        raise TokenRefused(f"the cluster has no access entry for {caller.principal_arn}")
    username = str(entry.document["username"])
    for name, value in {
        "SessionName": caller.session_name.replace("@", "-"),
        "SessionNameRaw": caller.session_name,
        "AccountID": caller.account_id,
        "AccessKeyID": caller.access_key,
    }.items():
        username = username.replace("{{" + name + "}}", value)
    return {
        "username": username,
        "uid": f"aws-iam-authenticator:{caller.account_id}:{caller.user_id.partition(':')[0]}",
        "groups": groups(entry),
        "extra": {
            "arn": [caller.arn],
            "canonicalArn": [caller.principal_arn],
            "accessKeyId": [caller.access_key],
            "sessionName": [caller.session_name],
        },
    }


def review(request: Mapping[str, Any], authenticate: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """Answer a TokenReview (authentication.k8s.io/v1)."""
    try:
        status = {"authenticated": True, "user": authenticate(str(request["spec"]["token"]))}
    except TokenRefused as reason:
        status = {"authenticated": False, "error": str(reason)}
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}
