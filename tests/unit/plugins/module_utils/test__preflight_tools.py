from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._preflight_tools import helm, packages


@pytest.mark.parametrize(
    ("path", "answer", "status", "words"),
    [
        ("/bin/helm", "v3.19.0+g3d8990f\n", "ok", "/bin/helm is Helm 3.19.0."),
        ("/bin/helm", "v3.8.0", "ok", "3.8.0"),
        ("/bin/helm", "v3.7.2", "failed", "install 3.8 or newer"),
        ("/bin/helm", "v4.0.1+g12500dd", "low", "prefer Helm 3"),
        ("/bin/helm", "command not known", "failed", "does not tell its version (command not known)"),
        (None, "", "failed", "There is no program helm"),
    ],
)
def test_helm_is_judged_by_what_it_says(path, answer, status, words):
    check = helm(path, "helm", answer)
    assert (check.check, check.status) == ("helm", status)
    assert words in check.sentence


@pytest.mark.parametrize(
    ("line", "installed", "status", "words"),
    [
        ("boto3==1.44.5", "1.44.5", "ok", "has boto3 1.44.5"),
        ("boto3>=1.40", "1.44.5", "ok", "has boto3 1.44.5"),
        ("boto3==1.44.5", "1.50.0", "ok", "has boto3 1.50.0"),
        ("boto3==1.44.5", "1.9.9", "low", "older than 1.44.5"),
        ("boto3", "1.9.9", "ok", "has boto3 1.9.9"),
        ("boto3==1.44.5", None, "failed", "has no package boto3: install it (boto3==1.44.5)"),
    ],
)
def test_packages_are_compared_with_the_requirements(line, installed, status, words):
    (check,) = packages([line], {"boto3": installed}, "/bin/python")
    assert (check.check, check.status) == ("package_boto3", status)
    assert words in check.sentence


def test_other_lines_are_no_packages():
    assert not list(packages(["# What is needed.", "", "-r other.txt"], {}, "/bin/python"))
