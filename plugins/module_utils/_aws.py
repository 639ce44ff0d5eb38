# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The AWS APIs in plain dicts. The only file that imports botocore."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ._aws_data import AwsError, Ref, Request
from ._quotas import quota_met

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        CredentialRetrievalError,
        HTTPClientError,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
        SSOError,
    )
    from botocore.exceptions import ConnectionError as NotConnected
except ImportError:
    pass  # AnsibleAWSModule has the sentence for it, before anything here is called.

# Region, endpoint, and what else boto3 takes.
Connection: TypeAlias = "tuple[str | None, str | None, dict[str, Any]]"

ACCOUNT_ARGUMENT: dict[str, Any] = {"account_id": {"type": "str"}}
# Read by the action plugins, which do the waiting.
WAIT_ARGUMENTS: dict[str, Any] = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 1800},
    "poll_interval": {"type": "int", "default": 15},
}

PAUSE = 3  # seconds between two looks
SETTLING = 60  # seconds until what was made is known to every server of AWS
ATTEMPTS = 8
CONNECTIONS = 8  # at once; botocore's pool has room for ten
FIRST_ATTEMPTS = 3  # of the first call: that nobody listens at an endpoint is then known in seconds

NOT_FOUND = ("ResourceNotFoundException", "NoSuchEntity", "NotFoundException")  # the last one is KMS's
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
REMEDIES = {
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
        "get new credentials and run again: it goes on where it stopped",
    ),
    **dict.fromkeys(
        ("AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"),
        "use credentials that are valid for this account and region",
    ),
    **dict.fromkeys(
        ("RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"),
        "run again later: it goes on where it stopped",
    ),
}


@dataclass(frozen=True)
class Caller:
    """Whose credentials these are."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1]


class Aws:
    """AWS as one caller in one account and region."""

    def __init__(self, connection: Connection, account_id: str | None, patience: int = SETTLING):
        """The connection is what get_aws_connection_info of amazon.aws makes of a module's options; patience is in seconds."""
        region, endpoint, settings = connection
        if not region:
            raise AwsError("No AWS region is set: name it with the option region.")
        self.region = region
        self._make_client = functools.partial(
            _session(settings.get("profile_name")).client,
            region_name=region,
            endpoint_url=endpoint,
            **{key: value for key, value in settings.items() if key not in ("profile_name", "aws_config")},
        )
        self._config = settings.get("aws_config")
        self._clients: dict[str, Any] = {}
        self._patience = patience
        self.caller = Caller("", "the caller")
        self.caller = self._identify(account_id)

    def _identify(self, expected: str | None) -> Caller:
        if expected is not None and not (len(expected) == 12 and expected.isdecimal()):
            raise AwsError(f"The account_id '{expected}' is not one of AWS: give all twelve digits, in quotes.")
        identity = self.call(Request("The caller's identity", "sts", "get_caller_identity", {}))
        caller = Caller(identity["Account"], identity["Arn"])
        if expected is not None and caller.account != expected:
            raise AwsError(
                f"These credentials belong to account {caller.account} ({caller.arn}), but account {expected} is the one to "
                "work in: use credentials of that account, or correct the account_id."
            )
        return caller

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            attempts = FIRST_ATTEMPTS if service == "sts" else ATTEMPTS
            config = Config(
                retries={"mode": "adaptive", "total_max_attempts": attempts},
                connect_timeout=10,
                read_timeout=60,
                user_agent_extra="streamops.kafka_eks",
            )
            try:
                self._clients[service] = self._make_client(service, config=config.merge(self._config or Config()))
            except (BotoCoreError, ValueError) as error:
                raise AwsError(
                    f"AWS cannot be asked with these settings ({_one_line(error)}): correct the options or variables for region, "
                    "endpoint and credentials."
                ) from None
        return self._clients[service]

    def call(self, request: Request) -> Any:
        """Make one call, with all of its pages, and return what the request wants of the answer."""
        client = self._client(request.service)
        try:
            if client.can_paginate(request.operation):
                response = client.get_paginator(request.operation).paginate(**request.arguments).build_full_result()
            else:
                response = getattr(client, request.operation)(**request.arguments)
        except (ClientError, BotoCoreError) as error:
            raise _translated(error, request.about, client, request.operation, self.caller.arn) from None
        # Some deletions of EC2 answer 200 and say here what they did not do.
        for failed in response.get("Unsuccessful") or []:
            undone = ClientError({"Error": failed["Error"]}, request.operation)
            raise _translated(undone, request.about, client, request.operation, self.caller.arn)
        return functools.reduce(lambda part, key: part[key], filter(None, request.answer.split(".")), response)

    def find(self, request: Request) -> Any:
        """Make one call; None when AWS's code says that the thing is not there."""
        try:
            return self.call(request)
        except AwsError as error:
            if error.code in NOT_FOUND:
                return None
            raise

    def read(self, requests: Mapping[str, Request]) -> dict[str, Any]:
        """Make independent calls side by side."""
        return self._side_by_side(self.call, requests)

    def find_all(self, requests: Mapping[str, Request]) -> dict[str, Any]:
        """The same for things that may not be there: None where AWS's code says so."""
        return self._side_by_side(self.find, requests)

    def attempt_all(self, requests: Mapping[str, Request]) -> dict[str, Any]:
        """The same where each may fail for itself: the AwsError stands in the place of the answer."""
        return self._side_by_side(self._attempt, requests)

    def _attempt(self, request: Request) -> Any:
        try:
            return self.call(request)
        except AwsError as error:
            return error

    def _side_by_side(self, ask: Callable[[Request], Any], requests: Mapping[str, Request]) -> dict[str, Any]:
        for service in {request.service for request in requests.values()}:
            self._client(service)  # making clients is not safe in threads, using them is
        with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
            return dict(zip(requests, pool.map(ask, requests.values()), strict=True))

    def send(self, steps: Sequence[Request], ids: Mapping[Ref, str]) -> dict[Ref, str]:
        """Carry out the steps in order; returns the ids with those of what was made."""
        known = dict(ids)
        for step in steps:
            arguments = _resolved(step.arguments, known)
            answer = self._patiently(step, arguments, fresh=len(known) > len(ids))
            if step.makes:
                known[step.makes] = answer
        return known

    def send_all(self, plans: Iterable[Sequence[Request]]) -> dict[Ref, str]:
        """Carry out independent plans side by side, the steps of each in order; returns the ids of what was made."""
        plans = list(plans)
        for service in {step.service for plan in plans for step in plan}:
            self._client(service)
        with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
            made = list(pool.map(lambda plan: self.send(plan, {}), plans))
        return {ref: one for ids in made for ref, one in ids.items()}

    def _patiently(self, request: Request, arguments: Mapping[str, Any], fresh: bool) -> Any:
        sent = replace(request, arguments=arguments)
        attempts = max(1, self._patience // PAUSE)
        for attempt in range(1, attempts + 1):
            try:
                return self.call(sent)
            except AwsError as error:
                # A server of AWS that has not heard yet of what another one has just made.
                unheard = fresh and (error.code.endswith(".NotFound") or error.code in NOT_FOUND)
                if attempt == attempts or not (unheard or error.code in request.patience):
                    raise
            time.sleep(PAUSE)
        raise AssertionError("The last attempt returns or raises.")


def _session(profile: str | None) -> Any:
    """One for all services: each session reads botocore's lists of endpoints and services anew."""
    try:
        return boto3.session.Session(profile_name=profile)
    except ProfileNotFound as error:
        raise AwsError(f"{error}: name one of those in the AWS configuration, or none.") from None


def _resolved(value: Any, ids: Mapping[Ref, str]) -> Any:
    if isinstance(value, Ref):
        return ids[value]
    if isinstance(value, Mapping):
        return {key: _resolved(item, ids) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_resolved(item, ids) for item in value]
    return value


def _translated(error: Exception, about: str, client: Any, operation: str, caller: str) -> AwsError:
    action = f"{client.meta.service_model.signing_name}:{client.meta.method_to_api_mapping.get(operation, operation)}"
    if isinstance(error, ClientError):
        code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        return AwsError(
            f"{about}: AWS refused {action} with {code} ({_one_line(message)}); {_remedy(code, _denied(message) or action, caller)}.",
            code,
        )
    if isinstance(error, (HTTPClientError, NotConnected)):
        return AwsError(
            f"{about}: {client.meta.endpoint_url} gives no answer to {action} ({_one_line(error)}); check that it runs, the "
            "network, the region and the endpoint_url, where one is set."
        )
    if isinstance(error, (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, SSOError)):
        return AwsError(
            f"{about}: there are no usable AWS credentials ({_one_line(error)}); log in (aws sso login, aws configure) or "
            "name a profile, and run again."
        )
    return AwsError(f"{about}: {action} could not be asked ({_one_line(error)}); correct what it names and run again.")


def _denied(message: str) -> str:
    """The action that the caller lacks, which may be another one than that of the request: tagging, handing a role over."""
    match = re.search(r"not authorized to perform: ([\w-]+:\w+)", message)
    return match[1] if match else ""


def _remedy(code: str, action: str, caller: str) -> str:
    if code in DENIED:
        return f"allow {action} to {caller}"
    if code in REMEDIES:
        return REMEDIES[code]
    if "LimitExceeded" in code:
        return f"have {quota_met(code)} raised (Service Quotas) or remove what is not needed, and run again: it goes on where it stopped"
    return "correct what it names and run again"


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
