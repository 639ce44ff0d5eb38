from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.utils import utcnow

from lab.aws import identity
from lab.aws.access import policy_arn
from lab.aws.model import AccessEntry
from lab.tokens import PREFIX, TokenRefused, review, user_info, verify

ENDPOINT = "http://127.0.0.1:17400"
ACCOUNT = "123456789012"
ROLE = identity.Caller(
    access_key="ASIAROLE",
    secret_key="secret/of+the=role",
    session_token="session/token==",
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/ada@example.org",
    user_id="AROADEPLOYER:ada@example.org",
    account_id=ACCOUNT,
    principal_arn=f"arn:aws:iam::{ACCOUNT}:role/team/deployer",
    expires=datetime(2999, 1, 1),
)
USER = identity.Caller(
    access_key="AKIAUSER",
    secret_key="secret of the user",
    session_token=None,
    arn=f"arn:aws:iam::{ACCOUNT}:user/ada",
    user_id="AIDAADA",
    account_id=ACCOUNT,
    principal_arn=f"arn:aws:iam::{ACCOUNT}:user/ada",
)
CALLERS = {caller.access_key: caller for caller in (ROLE, USER)}


def make_url(
    caller: identity.Caller, cluster: str | None = "kafka", endpoint: str | None = ENDPOINT, **options: Any
) -> str:
    """A URL as `aws eks get-token` makes it, with botocore."""
    client = boto3.client(
        "sts",
        "us-west-2",
        endpoint_url=endpoint,
        aws_access_key_id=caller.access_key,
        aws_secret_access_key=caller.secret_key,
        aws_session_token=caller.session_token,
    )
    if cluster:
        client.meta.events.register(
            "before-sign.sts.*", lambda request, **_: request.headers.add_header("x-k8s-aws-id", cluster)
        )
    operation = options.pop("operation", "get_caller_identity")
    return str(client.generate_presigned_url(operation, Params=options, ExpiresIn=60, HttpMethod="GET"))


def to_token(url: str) -> str:
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def check(token: str, cluster: str = "kafka", now: datetime | None = None, callers: Any = CALLERS) -> identity.Caller:
    return verify(token, cluster, (ENDPOINT,), callers.get, now or utcnow())


@pytest.mark.parametrize(
    ("caller", "endpoint"),
    [
        pytest.param(ROLE, ENDPOINT, id="role"),
        pytest.param(USER, ENDPOINT, id="user"),
        pytest.param(ROLE, "https://sts.us-west-2.amazonaws.com", id="signed for AWS's regional STS"),
        pytest.param(USER, "https://sts.amazonaws.com", id="signed for AWS's global STS"),
    ],
)
def test_a_good_token_tells_its_maker(caller, endpoint):
    assert check(to_token(make_url(caller, endpoint=endpoint))) == caller


def flip_signature(url: str) -> str:
    return url[:-1] + ("0" if url[-1] != "0" else "1")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param(lambda: flip_signature(make_url(ROLE)), "signature does not match", id="changed signature"),
        pytest.param(lambda: make_url(ROLE).replace("us-west-2", "us-east-1"), "signature does not match", id="changed scope"),
        pytest.param(lambda: make_url(ROLE).replace("Expires=60", "Expires=61"), "signature does not match", id="changed expiry"),
        pytest.param(lambda: make_url(ROLE, "other"), "another cluster than kafka", id="other cluster"),
        pytest.param(lambda: make_url(replace(ROLE, secret_key="guess")), "signature does not match", id="wrong secret"),
        pytest.param(lambda: make_url(ROLE, None), "must cover the headers", id="cluster not signed"),
        pytest.param(lambda: make_url(ROLE, endpoint="https://sts.example.org"), "not for STS", id="other host"),
        pytest.param(
            lambda: make_url(ROLE, endpoint="https://sts.us-west-2.amazonaws.com.example.org"), "not for STS", id="host that looks alike"
        ),
        pytest.param(lambda: make_url(ROLE, endpoint="http://sts.us-west-2.amazonaws.com"), "not for STS", id="STS without TLS"),
        pytest.param(lambda: make_url(ROLE, operation="get_session_token"), "asks for GetSessionToken", id="other action"),
        pytest.param(lambda: make_url(ROLE) + "&RoleArn=x", "parts that get-token does not make", id="other parameter"),
        pytest.param(lambda: make_url(ROLE) + "&Action=GetCallerIdentity", "parts that get-token", id="parameter twice"),
        pytest.param(lambda: make_url(ROLE).partition("&X-Amz-Date")[0], "lacks X-Amz-Date", id="cut off"),
        pytest.param(lambda: make_url(replace(USER, access_key="AKIAOTHER")), "AKIAOTHER belongs to nobody", id="unknown key"),
        pytest.param(lambda: make_url(replace(ROLE, session_token=None)), "session token", id="no session token"),
        pytest.param(lambda: make_url(replace(ROLE, session_token="x")), "session token", id="other session token"),
    ],
)  # fmt: skip
def test_a_bad_token_is_refused_with_its_reason(url, reason):
    with pytest.raises(TokenRefused, match=reason):
        check(to_token(url()))


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        pytest.param("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "not one of aws eks get-token", id="service account"),
        pytest.param(PREFIX + "%%%", "not base64url", id="no base64"),
        pytest.param(PREFIX + "_w", "not base64url", id="no text"),
        pytest.param(PREFIX, "not for STS", id="empty"),
    ],
)
def test_what_is_no_token(token, reason):
    with pytest.raises(TokenRefused, match=reason):
        check(token)


@pytest.mark.parametrize(
    ("passed", "reason"),
    [
        pytest.param(timedelta(minutes=14), None, id="after 14 minutes it still counts, whatever X-Amz-Expires says"),
        pytest.param(timedelta(minutes=16), "expired at", id="after 16 minutes it has expired"),
        pytest.param(timedelta(minutes=-4), None, id="clocks differ a little"),
        pytest.param(timedelta(minutes=-6), "future", id="clocks differ too much"),
    ],
)
def test_how_long_a_token_counts(passed, reason):
    token = to_token(make_url(ROLE))
    if reason is None:
        assert check(token, now=utcnow() + passed) == ROLE
    else:
        with pytest.raises(TokenRefused, match=reason):
            check(token, now=utcnow() + passed)


def test_expired_credentials_count_no_more():
    expired = replace(ROLE, expires=utcnow() - timedelta(seconds=1))
    with pytest.raises(TokenRefused, match="credentials ASIAROLE have expired"):
        check(to_token(make_url(expired)), callers={"ASIAROLE": expired})


def entry(username: str, groups: tuple[str, ...] = (), policies: tuple[str, ...] = ()) -> AccessEntry:
    document = {"username": username, "kubernetesGroups": list(groups)}
    scope = {"accessScope": {"type": "cluster", "namespaces": []}}
    return AccessEntry(document, {policy_arn(name): scope for name in policies})


@pytest.mark.parametrize(
    ("caller", "username", "expected"),
    [
        pytest.param(
            ROLE,
            f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/{{{{SessionName}}}}",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/ada-example.org",
            id="role with a path",
        ),
        pytest.param(USER, USER.arn, USER.arn, id="user"),
        pytest.param(ROLE, "{{AccountID}}:{{SessionNameRaw}}", f"{ACCOUNT}:ada@example.org", id="template"),
    ],
)
def test_user_info(caller, username, expected):
    entries = {caller.principal_arn: entry(username, ("viewers",), ("AmazonEKSClusterAdminPolicy",))}
    info = user_info(caller, entries)
    assert info["username"] == expected
    assert info["groups"] == ["viewers", "eks-access-policy:AmazonEKSClusterAdminPolicy"]
    assert info["extra"]["canonicalArn"] == [caller.principal_arn]


def test_without_an_access_entry_nobody_comes_in():
    # The entry of the role's name without its path is another role's.
    entries = {f"arn:aws:iam::{ACCOUNT}:role/deployer": entry("admin")}
    with pytest.raises(TokenRefused, match=f"no access entry for {ROLE.principal_arn}"):
        user_info(ROLE, entries)


def test_review():
    def refuse(token: str) -> dict[str, Any]:
        raise TokenRefused(f"not {token}")

    request = {"kind": "TokenReview", "spec": {"token": "t"}}
    assert review(request, lambda token: {"username": token})["status"] == {
        "authenticated": True,
        "user": {"username": "t"},
    }
    answer = review(request, refuse)
    assert (answer["apiVersion"], answer["kind"]) == ("authentication.k8s.io/v1", "TokenReview")
    assert answer["status"] == {"authenticated": False, "error": "not t"}


class TestFindCaller:
    """From the access keys that the emulated account gave out."""

    @pytest.fixture
    def iam(self):
        with mock_aws(config={"core": {"reset_boto3_session": False}}):
            yield boto3.client("iam")

    def assume(self, role: str) -> str:
        session = boto3.client("sts", "us-west-2").assume_role(RoleArn=role, RoleSessionName="ada")
        return str(session["Credentials"]["AccessKeyId"])

    def test_a_role_has_its_path(self, iam):
        role = iam.create_role(RoleName="deployer", Path="/team/", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        caller = identity.find_caller(self.assume(role))
        assert (caller.principal_arn, caller.session_name) == (role, "ada")
        assert caller.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/ada"

    def test_a_role_that_is_gone_is_nobody(self, iam):
        role = iam.create_role(RoleName="deployer", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        key = self.assume(role)
        iam.delete_role(RoleName="deployer")
        assert identity.find_caller(key) is None

    def test_a_user_counts_while_the_key_is_active(self, iam):
        arn = iam.create_user(UserName="ada", Path="/team/")["User"]["Arn"]
        key = iam.create_access_key(UserName="ada")["AccessKey"]
        assert identity.find_caller(key["AccessKeyId"]).principal_arn == arn
        iam.update_access_key(UserName="ada", AccessKeyId=key["AccessKeyId"], Status="Inactive")
        assert identity.find_caller(key["AccessKeyId"]) is None

    def test_a_stranger_is_nobody(self, iam):
        assert identity.find_caller("AKIAIOSFODNN7EXAMPLE") is None


def test_secrets_are_not_shown():
    assert ROLE.secret_key not in repr(ROLE)
    assert str(ROLE.session_token) not in repr(ROLE)
