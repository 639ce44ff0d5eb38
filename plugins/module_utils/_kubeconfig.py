# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kubeconfig file of an EKS cluster: what it should say, and writing it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_dump, yaml_load

from ._aws_data import AwsError

Document = dict[str, Any]

MODE = 0o600
# What would put a secret into the file.
SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def find_aws_program() -> str:
    """The aws program, as an absolute path: the file is used from other shells than this one."""
    beside = Path(sys.executable).with_name("aws")
    if os.access(beside, os.X_OK):
        return str(beside)
    if on_path := shutil.which("aws"):
        return str(Path(on_path).absolute())
    raise AwsError(
        f"The aws program, with which clients get a token of the cluster, is neither beside {sys.executable} nor on the PATH: "
        "install awscli, as requirements.txt does."
    )


def check_environment(environment: Mapping[str, str]) -> None:
    for name in SECRET_VARIABLES:
        if name in environment:
            raise AwsError(
                f"The kubeconfig's environment would write the secret {name} into a file: name a profile with AWS_PROFILE, and a "
                "file with AWS_SHARED_CREDENTIALS_FILE where it is not the usual one."
            )


def document(
    cluster: str, endpoint: str, authority: str, region: str, aws_program: str, environment: Mapping[str, str]
) -> Document:
    """The file's content; the context has the cluster's name."""
    arguments = ["--region", region, "eks", "get-token", "--cluster-name", cluster, "--output", "json"]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "current-context": cluster,
        "clusters": [{"name": cluster, "cluster": {"server": endpoint, "certificate-authority-data": authority}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
        "users": [
            {
                "name": cluster,
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1beta1",
                        "command": aws_program,
                        "args": arguments,
                        "env": [{"name": name, "value": value} for name, value in sorted(environment.items())],
                        "interactiveMode": "Never",
                        "provideClusterInfo": False,
                    }
                },
            }
        ],
    }


def read(path: Path, cluster: str) -> Document | None:
    """What the file says; refused when it is of more than this cluster."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise AwsError(f"The kubeconfig {path} cannot be read ({error}): name another path, or correct it.") from None
    try:
        content = yaml_load(text)
        others = [context["name"] for context in content["contexts"] if context["name"] != cluster]
    except Exception:
        # The parser has no base of its own for its errors that could be named without importing it.
        others = ["something that is no kubeconfig"]
    if others:
        raise AwsError(
            f"The kubeconfig {path} holds more than cluster '{cluster}' ({', '.join(map(str, others))}), so it is left alone: give "
            "the cluster a file of its own."
        )
    return dict(content)


def shown(content: Document | None) -> Document:
    """What of a file may be printed: where it leads and how its token is got, nothing that could be a secret."""
    if content is None:
        return {}
    plugin: Document = next((user["user"].get("exec") or {} for user in content.get("users") or []), {})
    return {
        "context": content.get("current-context"),
        "server": next((cluster["cluster"].get("server") for cluster in content.get("clusters") or []), None),
        "command": [plugin.get("command"), *(plugin.get("args") or [])],
        "environment": {item["name"]: item["value"] for item in plugin.get("env") or []},
    }


def write(path: Path, content: Document) -> None:
    """Replace the file as a whole, readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made with mode 0600, and beside its place, so that no reader ever finds half a file.
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=".kubeconfig-", delete=False, encoding="utf-8"
    ) as file:
        file.write(yaml_dump(content, sort_keys=False, default_flow_style=False))
    Path(file.name).replace(path)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777
