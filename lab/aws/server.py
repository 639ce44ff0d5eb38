"""moto over HTTP, with a log of the requests and a clear answer to those that the lab cannot serve."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.exceptions import HTTPException
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Response

from lab.aws import clock, events, gate, settings
from lab.aws.model import NotOnTheLab

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
SERVICES = {"aps": "amp", "servicequotas": "service-quotas"}  # name in the signature -> botocore's, where they differ


class Endpoint(DomainDispatcherApplication):
    """All AWS services on one address."""

    def __init__(self, log: Path | None = None) -> None:
        super().__init__(_create_backend_app)
        self._log = log

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        if request.path.startswith("/lab/"):
            return controls(request)(environ, start_response)
        environ["wsgi.input"] = io.BytesIO(request.get_data(parse_form_data=False))
        service, action = described(request)
        if self._log and not request.path.startswith("/moto-api"):
            with self._log.open("a") as log:
                log.write(f"{service}\t{action}\n")
        try:
            response = Response.from_app(super().__call__, environ)
            # moto answers in HTML where it has no route, and 501 where a route leads nowhere.
            if response.status_code == 501 or (response.status_code == 404 and response.mimetype == "text/html"):
                raise NotImplementedError
        except NotImplementedError as error:
            detail = f" with {error}" if isinstance(error, NotOnTheLab) else ""
            message = f"{service} {action}{detail} is not implemented on the lab."
            response = refusal(request, 501, "NotImplemented", message)
        except Exception as error:
            logging.exception("%s %s", service, action)
            response = refusal(
                request, 500, "InternalFailure", f"The lab's {service} {action} failed: {error!r}; see its log."
            )
        return response(environ, start_response)


def _create_backend_app(service: Any) -> Any:
    if service is None:
        raise NotImplementedError
    return create_backend_app(service)


def controls(request: Request) -> Response:
    """What can be set and seen of the emulated AWS itself."""
    with gate.LOCK:
        match (request.method, request.path):
            case ("GET", "/lab/settings"):
                answer: Any = settings.shown()
            case ("PATCH", "/lab/settings"):
                try:
                    settings.change(**json.loads(request.get_data()))
                except (TypeError, ValueError) as error:
                    return Response(f"{error}\n", 400)
                answer = settings.shown()
            case ("GET", "/lab/timeline"):
                answer = clock.current.timeline()
            case ("DELETE", "/lab/timeline"):
                clock.current.spans.clear()
                answer = clock.current.timeline()
            case ("POST", "/lab/interruptions"):
                answer = json.loads(request.get_data())
                try:
                    events.interrupt(**answer)
                except (TypeError, ValueError) as error:
                    return Response(f"{error}\n", 400)
            case _:
                there = "GET and PATCH /lab/settings, GET and DELETE /lab/timeline, POST /lab/interruptions"
                return Response(f"There are {there}.\n", 404)
    return Response(json.dumps(answer, indent=1) + "\n", mimetype="application/json")


def described(request: Request) -> tuple[str, str]:
    """The service and the action that a request is for."""
    match = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", request.headers.get("Authorization", ""))
    service = match.group(1) if match else ""
    target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    action = target or request.values.get("Action", "")
    if not action:
        try:
            operation, _ = get_service_router(SERVICES.get(service, service)).match(request)
            action = str(operation.name)
        except (UnknownServiceError, HTTPException, NotImplementedError):
            action = f"{request.method} {request.path}"
    return service, action


def refusal(request: Request, status: int, code: str, message: str) -> Response:
    if request.mimetype == "application/x-www-form-urlencoded":
        # The clients of both protocols that ask with forms, query and ec2, understand this form of an error.
        error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        return Response(f"<Response><Errors>{error}</Errors></Response>", status, mimetype="text/xml")
    return Response(
        json.dumps({"__type": code, "message": message}),
        status,
        {"x-amzn-ErrorType": code},
        mimetype="application/json",
    )


def serve(application: Application, port: int, handler: Any = MotoRequestHandler) -> BaseWSGIServer:
    """Serve on loopback, on threads that end with the process."""
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=handler)
    threading.Thread(target=server.serve_forever, name=f"port {server.port}", daemon=True).start()
    return server
