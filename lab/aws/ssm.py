"""The public parameters that name EKS's machine images, which moto does not have."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from moto.core.utils import utcnow
from moto.ssm.models import Parameter, SimpleSystemManagerBackend

from lab.aws import patching, versions

EKS_IMAGE = re.compile(
    r"/aws/service/eks/optimized-ami/(?P<kubernetes>[\d.]+)/amazon-linux-2023/(?P<architecture>arm64|x86_64)/standard/recommended/"
    r"(?P<what>image_id|release_version)"
)


class PublicParameter(Parameter):
    """moto leaves what CloudFormation needs of it open."""

    def is_created(self) -> bool:
        return True

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return False


def install() -> None:
    patching.replace(SimpleSystemManagerBackend, get_parameter, get_parameters)


def get_parameter(
    original: Callable[..., Parameter | None], ssm: SimpleSystemManagerBackend, name: str
) -> Parameter | None:
    match = EKS_IMAGE.fullmatch(name)
    if match is None or match["kubernetes"] not in versions.KUBERNETES:
        return original(name)
    release = versions.release(match["kubernetes"])
    digest = hashlib.sha256(f"{release}-{match['architecture']}".encode()).hexdigest()
    value = f"ami-{digest[:17]}" if match["what"] == "image_id" else release
    kind = "aws:ec2:image" if match["what"] == "image_id" else "text"
    return PublicParameter(ssm.account_id, name, value, "String", None, None, None, utcnow(), 1, kind)


def get_parameters(
    original: Callable[..., dict[str, Parameter]], ssm: SimpleSystemManagerBackend, names: list[str]
) -> dict[str, Parameter]:
    found = {name: parameter for name in names if EKS_IMAGE.fullmatch(name) and (parameter := ssm.get_parameter(name))}
    return {**original([name for name in names if name not in found]), **found}
