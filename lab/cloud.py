"""The lab's main process, inside the sandbox: the emulated AWS, and everything that is started on its behalf.

    lab sandbox -publish ... -local 10.244.0.1/16 -local 10.96.0.1/16 -- python -m lab.cloud

It has no database: the account is empty at each start, and all ends with this process.
"""

from __future__ import annotations

import configparser
import contextlib
import io
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow
from moto.iam.models import iam_backends
from moto.sts.models import AssumedRole, sts_backends
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from lab import place as places
from lab import pod_identity, tokens
from lab.aws import eks, identity, plane, server, settings
from lab.components import Components
from lab.control_plane import ADDRESS, LocalControlPlane
from lab.machines import Machines
from lab.pki import write_private
from lab.place import REPO, Place

REGION = "us-west-2"
ROLE = "platform-engineer"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:root"},
        }
    ],
}
POLICIES = REPO / "docs/deployer_policy"  # an example, for the cluster and the region of the inventories
A_LONG_TIME = 10 * 365 * 24 * 3600  # a lab is left alone for days, and its credentials are for nothing else


def make_deployer(policies: Path = POLICIES) -> AssumedRole:
    """Whoever uses the lab is an assumed role with a path, as in most companies, and may do what the documentation says is needed."""
    iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    role = iam.create_role(ROLE, json.dumps(TRUST), "/lab/", None, "The user of the lab", [], None)
    for path in sorted(policies.glob("*.json")):
        document = re.sub(r"\b\d{12}\b", DEFAULT_ACCOUNT_ID, path.read_text())
        iam.attach_role_policy(iam.create_policy("", "/lab/", document, path.stem, []).arn, ROLE)
    return sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assume_role(
        region_name=REGION,
        role_session_name="lab",
        role_arn=role.arn,
        policy="",
        duration=A_LONG_TIME,
        external_id="",
    )


def facts(place: Place, deployer: AssumedRole) -> dict[str, str]:
    """What inventories/lab knows about the lab."""
    return {
        "endpoint_url": f"http://127.0.0.1:{place.port}",
        "region": REGION,
        "account_id": DEFAULT_ACCOUNT_ID,
        "access_key": deployer.access_key_id,
        "secret_key": deployer.secret_access_key,
        "session_token": deployer.session_token,
        "kubeconfig": str(place.root / "kubeconfig"),
        "chart_registry": f"oci://127.0.0.1:{place.port + 2}",
        "pod_identity_url": f"http://127.0.0.1:{place.port + 5}{pod_identity.PATH}",
        "helm": str(place.bin / "helm"),
        "aws_config_file": str(place.root / "aws/config"),
        "aws_credentials_file": str(place.root / "aws/credentials"),
    }


def aws_files(known: Mapping[str, str]) -> dict[str, bytes]:
    """The AWS command line's two files, with a profile "lab"."""
    config, credentials = configparser.RawConfigParser(), configparser.RawConfigParser()
    config["profile lab"] = {"region": known["region"], "endpoint_url": known["endpoint_url"], "output": "json"}
    credentials["lab"] = {
        "aws_access_key_id": known["access_key"],
        "aws_secret_access_key": known["secret_key"],
        "aws_session_token": known["session_token"],
    }
    files = {}
    for name, parser in (("config", config), ("credentials", credentials)):
        text = io.StringIO()
        parser.write(text)
        files[name] = text.getvalue().encode()
    return files


def authenticate(token: str, control_plane: LocalControlPlane, endpoint: str) -> dict[str, Any]:
    """Who a token of `aws eks get-token` stands for in the lab's cluster."""
    cluster = eks.find_cluster(control_plane.cluster)
    if cluster is None:
        raise tokens.TokenRefused("the account has no such cluster")
    caller = tokens.verify(token, cluster.name, (endpoint,), identity.find_caller, utcnow())
    return tokens.user_info(caller, cluster.entries)


def webhook(check: Callable[[str], dict[str, Any]]) -> server.Application:
    """The API server's question about a token, as a web application."""

    @Request.application
    def application(request: Request) -> Response:
        answer = tokens.review(json.loads(request.get_data()), check)
        if "error" in answer["status"]:
            logging.info("token refused: %s", answer["status"]["error"])
        return Response(json.dumps(answer), mimetype="application/json")

    return application


def push_charts(place: Place, registry: str) -> None:
    """The registry keeps what it has in memory, so each start fills it anew."""
    host, _, port = registry.partition(":")
    deadline = time.monotonic() + 10
    while True:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            break
        if time.monotonic() > deadline:
            sys.exit(f"The chart registry does not answer at {registry}: its log is {place.run / 'logs/registry.log'}.")
        time.sleep(0.05)
    for chart in sorted([*(place.cache / "charts").glob("*/*.tgz"), *(place.cache / "karpenter").glob("*.tgz")]):
        repository = f"oci://{registry}/{chart.parent.name}"
        command = [str(place.bin / "helm"), "push", str(chart), repository, "--plain-http"]
        pushed = subprocess.run(command, capture_output=True, text=True, check=False)
        if pushed.returncode:
            sys.exit(f"The chart {chart.name} could not be pushed to the registry: {pushed.stderr.strip()}.")


def require_sandbox() -> None:
    """Outside, the API server would listen to the world."""
    with socket.socket() as probe:
        try:
            probe.bind((ADDRESS, 0))
        except OSError:
            sys.exit(f"lab.cloud runs inside the lab's sandbox only, where {ADDRESS} is local: start it with make lab.")


def run(place: Place, ended: threading.Event) -> None:
    """The lab, until the event is set."""
    logs = place.run / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    components = Components(logs, place.status)
    try:
        components.note("aws", "lab.log", os.getpid())
        endpoint, token_webhook = f"http://127.0.0.1:{place.port}", f"http://127.0.0.1:{place.port + 5}"
        control_plane = LocalControlPlane(place, components, token_webhook)
        plane.current = control_plane
        settings.change(time_scale=place.time_scale, authorization=True, strangers_are_root=False)
        known = facts(place, make_deployer())
        server.serve(server.Endpoint(place.run / "aws-requests.log"), place.port)
        answers = {pod_identity.PATH: pod_identity.agent(control_plane, REGION)}
        questions = webhook(lambda token: authenticate(token, control_plane, endpoint))
        server.serve(DispatcherMiddleware(questions, answers), place.port + 5, WSGIRequestHandler)
        machines = Machines(control_plane, REGION)
        threading.Thread(target=machines.run, args=(ended,), name="machines", daemon=True).start()
        registry = f"127.0.0.1:{place.port + 2}"
        components.start("registry", [str(place.bin / "lab"), "registry", "-addr", registry])
        push_charts(place, registry)
        (place.root / "aws").mkdir(mode=0o700, exist_ok=True)
        for name, content in aws_files(known).items():
            write_private(place.root / "aws" / name, content)
        # Last of all: whoever started the lab takes the file for its word that it is ready.
        write_private(place.facts, json.dumps(known, indent=1).encode())
        ended.wait()
    finally:
        components.close()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # the request log is its own file
    require_sandbox()
    ended = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: ended.set())
    run(replace(places.place(), bin=Path(os.environ["LAB_BIN"]), cache=Path(os.environ["LAB_CACHE"])), ended)


if __name__ == "__main__":
    main()
