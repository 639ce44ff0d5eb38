from __future__ import annotations

import pytest

from lab.aws import settings


def test_the_newest_release_is_found(aws):
    settings.change(newest_image="20260301")
    assert aws.run("eks_image_info", kubernetes_version="1.35")["newest"] == "al2023@v20260301"
    assert aws.writes == []


def test_a_release_that_exists_is_fine(aws):
    result = aws.run("eks_image_info", kubernetes_version="1.35", aliases=["al2023@v20251205"], check=True)
    assert (result["changed"], result["newest"]) == (False, "al2023@v20260101")


@pytest.mark.parametrize(
    ("version", "aliases", "sentence"),
    [
        pytest.param(
            "1.35", ["al2023@v20250101"], "no machine image al2023@v20250101 for Kubernetes 1.35", id="release"
        ),
        pytest.param("1.35", ["al2023@latest"], "each new release would have all nodes replaced", id="latest"),
        pytest.param("1.35", ["bottlerocket@v1.2.3"], "is no release of Amazon Linux 2023", id="another family"),
        pytest.param("1.99", [], "no machine image of Amazon Linux 2023 for Kubernetes 1.99", id="Kubernetes"),
    ],
)
def test_what_does_not_exist_is_named(aws, version, aliases, sentence):
    assert sentence in aws.run("eks_image_info", kubernetes_version=version, aliases=aliases)["msg"]
