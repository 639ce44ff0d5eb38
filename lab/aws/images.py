"""The machine images of EKS: as EC2 describes them, and as the public parameters of SSM name them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from moto.core.utils import utcnow
from moto.ec2.models import EC2Backend
from moto.ec2.models.amis import Ami
from moto.ssm.models import Parameter, SimpleSystemManagerBackend

from lab.aws import patching, versions
from lab.aws.ssm import PublicParameter

OLDER = ("20251112", "20251205", "20260101")  # days of releases; the newest one is a setting
# What there is for Amazon Linux 2023; Karpenter asks for all of it, whatever it launches.
VARIANTS = (
    ("arm64", "standard"),
    ("arm64", "nvidia"),
    ("x86_64", "standard"),
    ("x86_64", "nvidia"),
    ("x86_64", "neuron"),
)
PARAMETER = re.compile(
    r"/aws/service/eks/optimized-ami/(?P<kubernetes>[\d.]+)/amazon-linux-2023/(?P<architecture>\w+)/(?P<variant>\w+)/"
    r"(?P<which>recommended|amazon-eks-node-al2023-[\w.-]+)/(?P<what>image_id|release_version)"
)
OWNER = "602401143452"  # EKS's account


@dataclass(frozen=True)
class Image:
    kubernetes: str
    architecture: str
    variant: str
    day: str

    @property
    def name(self) -> str:
        return f"amazon-eks-node-al2023-{self.architecture}-{self.variant}-{self.kubernetes}-v{self.day}"

    @property
    def release(self) -> str:
        return f"{self.kubernetes}.0-{self.day}"

    @property
    def id(self) -> str:
        other = "" if self.variant == "standard" else f"-{self.variant}"
        return f"ami-{hashlib.sha256(f'{self.release}-{self.architecture}{other}'.encode()).hexdigest()[:17]}"


def all_images() -> Iterator[Image]:
    """Newest first."""
    for day in sorted({*OLDER, versions.current.image}, reverse=True):
        for kubernetes in versions.KUBERNETES:
            for architecture, variant in VARIANTS:
                yield Image(kubernetes, architecture, variant, day)


def install() -> None:
    patching.replace(SimpleSystemManagerBackend, get_parameter, get_parameters)
    patching.replace(EC2Backend, describe_images)


def get_parameter(
    original: Callable[..., Parameter | None], ssm: SimpleSystemManagerBackend, name: str
) -> Parameter | None:
    match = PARAMETER.fullmatch(name)
    if match is None:
        return original(name)
    for image in all_images():
        if (image.kubernetes, image.architecture, image.variant) == match.group(1, 2, 3) and match["which"] in (
            "recommended",
            image.name,
        ):
            value, kind = (image.id, "aws:ec2:image") if match["what"] == "image_id" else (image.release, "text")
            return PublicParameter(ssm.account_id, name, value, "String", None, None, None, utcnow(), 1, kind)
    return None


def get_parameters(
    original: Callable[..., dict[str, Parameter]], ssm: SimpleSystemManagerBackend, names: list[str]
) -> dict[str, Parameter]:
    found = {name: parameter for name in names if PARAMETER.fullmatch(name) and (parameter := ssm.get_parameter(name))}
    return {**original([name for name in names if name not in found]), **found}


def describe_images(original: Callable[..., list[Ami]], ec2: EC2Backend, *args: object, **kwargs: object) -> list[Ami]:
    for image in all_images():
        if image.id not in ec2.amis:
            ec2.amis[image.id] = Ami(
                ec2,
                image.id,
                name=image.name,
                description=f"EKS-optimized Kubernetes node based on Amazon Linux 2023, (k8s: {image.kubernetes}.0)",
                owner_id=OWNER,
                owner_alias="amazon",
                public=True,
                virtualization_type="hvm",
                architecture=image.architecture,
                creation_date=datetime.strptime(image.day, "%Y%m%d"),
                hypervisor="xen",
                root_device_type="ebs",
                root_device_name="/dev/xvda",
                region_name=ec2.region_name,
            )
    return original(*args, **kwargs)
