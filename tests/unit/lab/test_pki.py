from __future__ import annotations

import base64
import ipaddress
import json
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import DNSName, load_pem_x509_certificate
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from lab.pki import SERVER_NAMES, Authority, kubeconfig, service_account_key, write_private

ADDRESSES = ("127.0.0.1", "10.244.0.1", "10.96.0.1")


@pytest.fixture(scope="module")
def authority():
    return Authority()


def policy(authority: Authority) -> PolicyBuilder:
    return PolicyBuilder().store(Store([load_pem_x509_certificate(authority.certificate)]))


@pytest.mark.parametrize(
    "name",
    [
        *(pytest.param(DNSName(name), id=name) for name in SERVER_NAMES),
        *(pytest.param(x509.IPAddress(ipaddress.ip_address(address)), id=address) for address in ADDRESSES),
    ],
)
def test_the_server_is_trusted_under_all_its_names(authority, name):
    server = load_pem_x509_certificate(authority.server(*ADDRESSES).certificate)
    policy(authority).build_server_verifier(name).verify(server, [])


def test_the_server_is_not_trusted_under_other_names_or_by_others(authority):
    server = load_pem_x509_certificate(authority.server(*ADDRESSES).certificate)
    for trusted, name in ((authority, "example.org"), (Authority(), "localhost")):
        with pytest.raises(VerificationError):
            policy(trusted).build_server_verifier(DNSName(name)).verify(server, [])


@pytest.mark.parametrize(
    ("user", "group"),
    [
        pytest.param("kubernetes-admin", "system:masters", id="with a group"),
        pytest.param("system:kube-scheduler", None, id="without"),
    ],
)
def test_a_client_says_who_it_is(authority, user, group):
    pair = authority.client(user, group)
    certificate = load_pem_x509_certificate(pair.certificate)
    certificate.verify_directly_issued_by(load_pem_x509_certificate(authority.certificate))
    subject = certificate.subject
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [user]
    organizations = [name.value for name in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    assert organizations == ([group] if group else [])
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    assert load_pem_private_key(pair.key, None).public_key() == certificate.public_key()


def test_kubernetes_can_read_the_service_account_key():
    # It takes the public key out of this form of a private one, not out of PKCS #8.
    assert service_account_key().startswith(b"-----BEGIN EC PRIVATE KEY-----")


def test_a_kubeconfig_has_everything_in_it(authority):
    pair = authority.client("kubernetes-admin", "system:masters")
    config = json.loads(kubeconfig("https://127.0.0.1:17401", authority.certificate, pair))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    assert cluster.keys() == {"server", "certificate-authority-data"}
    assert base64.b64decode(cluster["certificate-authority-data"]) == authority.certificate
    assert base64.b64decode(user["client-key-data"]) == pair.key
    assert config["current-context"] == config["contexts"][0]["name"]


def test_files_are_private_even_where_others_were_not(tmp_path):
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
