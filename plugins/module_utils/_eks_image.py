# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Releases of EKS's machine image for Amazon Linux 2023, as the public parameters of SSM name them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ._aws_data import AwsError, Request

ARCHITECTURES = ("arm64", "x86_64")
ALIAS = re.compile(r"al2023@v(\d{8})")
RELEASE = re.compile(r"[\d.]+-(\d{8})")


def require_pinned(aliases: Sequence[str]) -> None:
    for alias in aliases:
        if not ALIAS.fullmatch(alias):
            raise AwsError(
                f"The machine image '{alias}' is no release of Amazon Linux 2023: write it as al2023@vYYYYMMDD, since with al2023@latest "
                "each new release would have all nodes replaced."
            )


def _parameter(kubernetes: str, architecture: str, which: str, what: str) -> str:
    return f"/aws/service/eks/optimized-ami/{kubernetes}/amazon-linux-2023/{architecture}/standard/{which}/{what}"


def newest(kubernetes: str) -> Request:
    name = _parameter(kubernetes, ARCHITECTURES[0], "recommended", "release_version")
    about = f"The newest machine image for Kubernetes {kubernetes}"
    return Request(about, "ssm", "get_parameters", {"Names": [name]}, "Parameters")


def given(kubernetes: str, aliases: Sequence[str]) -> Request:
    """All releases in one call; what SSM does not know is not in the answer."""
    names = {_release_parameter(kubernetes, alias): None for alias in aliases}
    about = f"The machine images {', '.join(aliases)} for Kubernetes {kubernetes}"
    return Request(about, "ssm", "get_parameters", {"Names": list(names)})


def _release_parameter(kubernetes: str, alias: str) -> str:
    architecture, day = ARCHITECTURES[0], alias.partition("@")[2]
    image = f"amazon-eks-node-al2023-{architecture}-standard-{kubernetes}-{day}"
    return _parameter(kubernetes, architecture, image, "image_id")


def alias_of(kubernetes: str, parameters: Sequence[dict[str, str]]) -> str:
    match = RELEASE.fullmatch(parameters[0]["Value"]) if parameters else None
    if match is None:
        raise AwsError(
            f"EKS has no machine image of Amazon Linux 2023 for Kubernetes {kubernetes} in this region: choose another version."
        )
    return f"al2023@v{match[1]}"


def require_known(kubernetes: str, aliases: Sequence[str], answer: Mapping[str, Any]) -> None:
    unknown = answer.get("InvalidParameters") or []
    missing = [alias for alias in aliases if _release_parameter(kubernetes, alias) in unknown]
    if missing:
        raise AwsError(
            f"EKS has no machine image {', '.join(missing)} for Kubernetes {kubernetes} in this region: name another release, "
            "as https://github.com/awslabs/amazon-eks-ami/releases lists them."
        )
