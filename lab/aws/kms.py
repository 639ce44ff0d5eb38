"""Keys, where moto is not as KMS is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.utils import unix_time, utcnow
from moto.kms.models import Key, KmsBackend
from moto.kms.responses import KmsResponse

from lab.aws import patching

# What is refused of a key that is pending deletion (table of key states in the KMS developer guide); the key comes first.
REFUSED = (
    "create_alias", "disable_key", "disable_key_rotation", "enable_key", "enable_key_rotation", "encrypt", "generate_data_key",
    "schedule_key_deletion", "tag_resource", "untag_resource", "update_alias", "update_key_description",
)  # fmt: skip
ROTATION = 365  # days, where nobody says otherwise


def install() -> None:
    for operation in ("schedule_key_deletion", "cancel_key_deletion", "enable_key", "disable_key"):
        patching.replace(KmsBackend, by_arn, name=operation)
    for operation in REFUSED:
        patching.replace(KmsBackend, unless_pending, name=operation)
    patching.replace(KmsResponse, enable_key_rotation, get_key_rotation_status)


def by_arn(original: Callable[..., Any], kms: KmsBackend, key_id: str, *args: Any, **kwargs: Any) -> Any:
    """A key is named by its ARN as well as by its id."""
    return original(key_id.rpartition("/")[2], *args, **kwargs)


def unless_pending(original: Callable[..., Any], kms: KmsBackend, *args: Any, **kwargs: Any) -> Any:
    named = str(args[0] if args else next(iter(kwargs.values())))
    key = kms.keys.get(kms.any_id_to_key_id(named))
    if key and key.key_state == "PendingDeletion":
        raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    return original(*args, **kwargs)


def enable_key_rotation(original: Callable[..., str], response: KmsResponse) -> str:
    """moto has no period."""
    answer = original()
    key = _key(response)
    days = response._get_param("RotationPeriodInDays")
    key.rotation_period = days or getattr(key, "rotation_period", ROTATION)  # type: ignore[attr-defined]
    return answer


def get_key_rotation_status(original: Callable[..., str], response: KmsResponse) -> str:
    answer, key = json.loads(original()), _key(response)
    answer["KeyRotationEnabled"] &= key.key_state != "PendingDeletion"
    if answer["KeyRotationEnabled"]:
        days = getattr(key, "rotation_period", ROTATION)
        answer |= {"RotationPeriodInDays": days, "NextRotationDate": unix_time(utcnow() + timedelta(days=days))}
    return json.dumps({"KeyId": key.id, **answer})


def _key(response: KmsResponse) -> Key:
    return response.kms_backend.describe_key(response._get_param("KeyId"))


def usable_key(kms: KmsBackend, arn: str) -> Key | None:
    """The key for a service that shall encrypt with it."""
    key = kms.keys.get(kms.get_key_id(arn))
    return key if key and key.key_state == "Enabled" else None
