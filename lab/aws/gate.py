"""Where every request passes, in process and over HTTP: one at a time, refused where it shall be, before moto sees it."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable
from urllib.parse import parse_qs

import boto3
from moto.core.common_types import TYPE_RESPONSE
from moto.core.errors import COMMON_ERROR_CODES
from moto.core.responses import ActionResult, BaseResponse

from lab.aws import authorization, clock, faults, patching
from lab.aws.faults import Refusal
from lab.aws.patching import Refused

LOCK = threading.RLock()  # moto serves each request on a thread of its own and is not made for it
PREFIXES = {"tagging": "tag", "monitoring": "cloudwatch", "email": "ses"}  # name in the signature -> in IAM's actions
SCOPE = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/")


def install() -> None:
    patching.replace(BaseResponse, call_action)


def service_of(response: BaseResponse) -> str:
    """The service that a request is for, as IAM's actions name it."""
    match = SCOPE.search(response.headers.get("Authorization", ""))
    if match:
        return PREFIXES.get(match["service"], match["service"])
    credential = parse_qs(response.parsed_url.query).get("X-Amz-Credential", [""])[0].split("/")
    return credential[3] if len(credential) == 5 else response.boto3_service_name


def refusal_of_region(response: BaseResponse) -> Refusal | None:
    """On AWS there is no host to ask in a region that does not exist; moto has some answers for it, and errors of its own."""
    match = SCOPE.search(response.headers.get("Authorization", ""))
    if match is None or match["region"] in regions():
        return None
    message = f"Credential should be scoped to a valid region, not '{match['region']}'."
    return Refusal("SignatureDoesNotMatch", message, 403)


@functools.cache
def regions() -> frozenset[str]:
    session = boto3.session.Session()
    partitions = session.get_available_partitions()
    return frozenset(name for partition in partitions for name in session.get_available_regions("ec2", partition))


def call_action(original: Callable[[], TYPE_RESPONSE], response: BaseResponse) -> TYPE_RESPONSE:
    with LOCK:
        clock.current.tick()
        action = f"{service_of(response)}:{response._get_action()}"
        refusal = (
            refusal_of_region(response)
            or faults.current.refusal_of(action)
            or authorization.refusal_of(response, action)
        )
        return answer(response, refusal) if refusal else original()


def answer(response: BaseResponse, refusal: Refusal) -> TYPE_RESPONSE:
    """A refusal as the protocol of the service has it."""
    error = Refused(refusal.code, refusal.message)
    # Else moto warns that the model of the service does not have it: what all services have is in none.
    if refusal.code not in COMMON_ERROR_CODES:
        COMMON_ERROR_CODES.append(refusal.code)
    _, headers, body = response.serialized(ActionResult(error))
    headers = {**headers, "status": str(refusal.status)}
    headers, body = response._enrich_response(headers, body)
    return refusal.status, headers, body
