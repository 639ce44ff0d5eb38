"""Log groups, where moto is not as CloudWatch Logs is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.kms.models import kms_backends
from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.models import LogGroup, LogsBackend
from moto.logs.responses import LogsResponse

from lab.aws import kms, patching


def install() -> None:
    patching.replace(LogsBackend, create_log_group)
    patching.add(LogsResponse, associate_kms_key, disassociate_kms_key)


def create_log_group(
    original: Callable[..., LogGroup], logs: LogsBackend, log_group_name: str, tags: dict[str, str], **kwargs: Any
) -> LogGroup:
    if kwargs.get("kmsKeyId"):
        _require_key(logs, log_group_name, kwargs["kmsKeyId"])
    return original(log_group_name, tags, **kwargs)


def _require_key(logs: LogsBackend, name: str, arn: str) -> None:
    """The service must be allowed by the key's policy."""
    if not arn.startswith("arn:"):
        raise InvalidParameterException("The specified KMS Key Id is not a key ARN.")
    backend = kms_backends[logs.account_id][logs.region_name]
    key, service = kms.usable_key(backend, arn), f"logs.{logs.region_name}.amazonaws.com"
    if key is None or service not in key.policy:
        where = f"arn:aws:logs:{logs.region_name}:{logs.account_id}:log-group:{name}"
        raise JsonRESTError(
            "AccessDeniedException",
            f"The specified KMS key does not exist or is not allowed to be used with Arn '{where}'",
        )


def associate_kms_key(response: LogsResponse) -> str:
    """moto does not have it, nor the next."""
    logs, name, key = response.logs_backend, response._get_param("logGroupName"), response._get_param("kmsKeyId")
    group = _group(logs, name)
    _require_key(logs, name, key)
    group.kms_key_id = key
    return ""


def disassociate_kms_key(response: LogsResponse) -> str:
    _group(response.logs_backend, response._get_param("logGroupName")).kms_key_id = None
    return ""


def _group(logs: LogsBackend, name: str) -> LogGroup:
    if name not in logs.groups:
        raise ResourceNotFoundException()
    return logs.groups[name]
