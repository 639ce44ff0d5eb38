# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the machine that runs the playbooks has what they need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ._checks import Check
from ._versions import parts

OLDEST_HELM = "3.8"  # the first that pulls charts from OCI registries without being told


def helm(path: str | None, given: str, answer: str) -> Check:
    """The answer is that of helm version --short."""
    if path is None:
        return Check("helm", "failed", f"There is no program {given}: install Helm 3, or say where it is.")
    version = parts(answer.strip())
    if not version:
        return Check(
            "helm",
            "failed",
            f"{path} does not tell its version ({answer.strip()}): install Helm 3, or say where it is.",
        )
    text = ".".join(map(str, version))
    if version < parts(OLDEST_HELM):
        return Check(
            "helm",
            "failed",
            f"{path} is Helm {text}, but charts are pulled from OCI registries: install {OLDEST_HELM} or newer.",
        )
    if version[0] > 3:
        return Check("helm", "low", f"{path} is Helm {text}, with which this collection was not tried: prefer Helm 3.")
    return Check("helm", "ok", f"{path} is Helm {text}.")


def packages(required: Sequence[str], installed: Mapping[str, str | None], python: str) -> Iterator[Check]:
    """Python packages against lines of a requirements file, of which those with an exact or a least version are known."""
    for line in required:
        match = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*(?:(==|>=)\s*([\w.]+))?", line.split("#")[0].strip())
        if not match:
            continue
        name, _operator, least = match.groups()
        check, found = f"package_{name}", installed.get(name)
        if found is None:
            yield Check(
                check,
                "failed",
                f"{python} has no package {name}: install it ({line.strip()}), as requirements.txt does.",
            )
        elif least and parts(found) < parts(least):
            yield Check(
                check,
                "low",
                f"{python} has {name} {found}, older than {least}, with which the collection is tested: upgrade it.",
            )
        else:
            yield Check(check, "ok", f"{python} has {name} {found}.")
