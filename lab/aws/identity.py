"""Who calls: from an access key to the caller and to the IAM principal behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from moto.iam.exceptions import NotFoundException
from moto.iam.models import get_account_id_from, iam_backends
from moto.sts.models import sts_backends


@dataclass(frozen=True)
class Caller:
    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    arn: str  # as sts get-caller-identity says it
    user_id: str
    account_id: str
    principal_arn: str  # the IAM user, or the IAM role with its path, which the caller's ARN lacks
    expires: datetime | None = None

    @property
    def session_name(self) -> str:
        return self.arn.rpartition("/")[2]


def find_caller(access_key: str) -> Caller | None:
    """The owner of an access key, or None where the key or the role behind it does not exist."""
    account = get_account_id_from(access_key)
    iam = iam_backends[account]["aws"]
    session = sts_backends[account]["aws"].get_assumed_role_from_access_key(access_key)
    if session is not None:
        try:
            role = iam.get_role(session.arn.split("/")[1])
        except NotFoundException:
            return None
        return Caller(
            access_key,
            session.secret_access_key,
            session.session_token,
            session.arn,
            session.user_id,
            account,
            role.arn,
            session.expiration,
        )
    for user in iam.users.values():
        for key in user.access_keys:
            if key.access_key_id == access_key and key.status == "Active":
                return Caller(access_key, key.secret_access_key, None, user.arn, user.id, account, user.arn)
    return None
