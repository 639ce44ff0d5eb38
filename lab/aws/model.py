"""What all EKS operations share: resources in the shape of the API, how their states pass, how requests are refused."""

from __future__ import annotations

import json
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote

from moto.core.common_types import TYPE_RESPONSE
from moto.core.exceptions import ServiceException
from moto.core.responses import BaseResponse
from moto.core.utils import utcnow
from moto.eks.models import EKSBackend, eks_backends
from moto.iam.models import Role, iam_backends
from moto.moto_api import state_manager
from moto.moto_api._internal.managed_state_model import ManagedState

from lab.aws.plane import PlaneError

NO_NODES = {
    "code": "InsufficientNumberOfReplicas",
    "message": "The add-on is unhealthy because all deployments have all pods unscheduled no nodes available to schedule pods",
}
_LOCK = threading.RLock()  # moto serves each request on a thread of its own
MODELS = ("eks::cluster", "eks::nodegroup", "eks::addon", "eks::update")
for _model in MODELS:
    state_manager.register_default_transition(_model, {"progression": "manual", "times": 1})


R = TypeVar("R", bound="Stateful")
V = TypeVar("V")


class InvalidParameter(ServiceException):
    code = "InvalidParameterException"


class InvalidRequest(ServiceException):
    code = "InvalidRequestException"


class NotFound(ServiceException):
    code = "ResourceNotFoundException"


class InUse(ServiceException):
    code = "ResourceInUseException"


class LimitExceeded(ServiceException):
    code = "ResourceLimitExceededException"


class NotOnTheLab(NotImplementedError):
    """What follows "with" in the sentence that an operation is not implemented on the lab."""


class Transition:
    """A status on its way to another. It moves when it is looked at, as moto is told for the model
    (/moto-api/state-manager/set-transition), and not before what stands behind it is done."""

    def __init__(
        self,
        model: str,
        start: str,
        end: str,
        done: Callable[[], bool] = lambda: True,
        then: Callable[[], object] = lambda: None,
        failed: str = "FAILED",
    ) -> None:
        self._state = ManagedState(model, [(start, end)])
        self._end, self._done, self._then, self._failed = end, done, then, failed
        self.status = start
        self.failure: str | None = None

    def look(self) -> str:
        if self.failure is None and self.status != self._end:
            try:
                if self._done():
                    self._state.advance()
                    self.status = str(self._state.status)
            except PlaneError as error:
                self.status, self.failure = self._failed, str(error)
            if self.status == self._end:
                self._then()
        return self.status


@dataclass
class Stateful:
    """A document in the shape of the API whose status is on its way."""

    document: dict[str, Any]
    transition: Transition

    def look(self) -> dict[str, Any]:
        """Only describe and list operations look; others take the document as it was seen last."""
        self.document["status"] = self.transition.look()
        if reason := self.transition.failure:
            # Updates show the one, everything else the other.
            self.document["errors"] = [{"errorCode": "Unknown", "errorMessage": reason}]
            self.document["health"] = {"issues": [{"code": "InternalFailure", "message": reason}]}
        return self.document


@dataclass
class Resource(Stateful, ABC):
    """What can be updated."""

    updates: dict[str, Stateful] = field(default_factory=dict)

    @property
    def is_updating(self) -> bool:
        return any(update.document["status"] == "InProgress" for update in self.updates.values())

    @abstractmethod
    def require_active(self) -> None:
        """Refuse to change what is not in a state for it."""

    def look(self) -> dict[str, Any]:
        for update in self.updates.values():
            update.look()
        super().look()
        if self.document["status"] == "ACTIVE" and self.is_updating:
            self.document["status"] = "UPDATING"
        return self.document

    def move(self, transition: Transition) -> dict[str, Any]:
        self.transition = transition
        self.document["status"] = transition.status
        return self.document

    def update(
        self,
        kind: str,
        params: Mapping[str, Any],
        done: Callable[[], bool] = lambda: True,
        then: Callable[[], object] = lambda: None,
    ) -> dict[str, Any]:
        """Begin the one update that may be in progress, and return it as the API shows it."""
        self.require_active()
        document: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "type": kind,
            "status": "InProgress",
            "createdAt": utcnow(),
            "errors": [],
            "params": [
                {"type": name, "value": value if isinstance(value, str) else json.dumps(value)}
                for name, value in params.items()
            ],
        }

        def finished() -> None:
            then()
            if self.document["status"] == "UPDATING":
                self.document["status"] = "ACTIVE"

        transition = Transition("eks::update", "InProgress", "Successful", done, finished, failed="Failed")
        self.updates[document["id"]] = Stateful(document, transition)
        if self.document["status"] == "ACTIVE":
            self.document["status"] = "UPDATING"
        self.document["modifiedAt"] = utcnow()
        return document


@dataclass
class AccessEntry:
    document: dict[str, Any]
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)  # by ARN


@dataclass
class Cluster(Resource):
    nodegroups: dict[str, Nodegroup] = field(default_factory=dict)
    addons: dict[str, Addon] = field(default_factory=dict)
    entries: dict[str, AccessEntry] = field(default_factory=dict)  # by ARN of the principal
    associations: dict[str, dict[str, Any]] = field(default_factory=dict)  # of pod identities, by id
    interfaces: list[str] = field(default_factory=list)  # network interfaces of the control plane

    @property
    def name(self) -> str:
        return str(self.document["name"])

    def require_active(self) -> None:
        if self.is_updating:
            raise InUse(f"Cluster {self.name} currently has an update in progress")
        if self.document["status"] != "ACTIVE":
            raise InvalidRequest(f"Cluster '{self.name}' is not in ACTIVE status")

    def tagged(self) -> dict[str, dict[str, str]]:
        """The tags of everything that belongs to the cluster, by ARN."""
        documents = [
            (self.document, "arn"),
            *((n.document, "nodegroupArn") for n in self.nodegroups.values()),
            *((a.document, "addonArn") for a in self.addons.values()),
            *((e.document, "accessEntryArn") for e in self.entries.values()),
            *((a, "associationArn") for a in self.associations.values()),
        ]
        return {document[key]: document["tags"] for document, key in documents}


@dataclass
class Nodegroup(Resource):
    instances: list[str] = field(default_factory=list)

    def require_active(self) -> None:
        if self.document["status"] != "ACTIVE":
            name = self.document["nodegroupName"]
            raise InUse(f"Nodegroup {name} cannot be updated as it is currently not in Active State")


@dataclass
class Addon(Resource):
    is_healthy: Callable[[], bool] = lambda: True

    def look(self) -> dict[str, Any]:
        super().look()
        self.document["health"] = {"issues": []}
        if self.document["status"] == "ACTIVE" and not self.is_healthy():
            self.document["status"] = "DEGRADED"
            self.document["health"] = {"issues": [NO_NODES]}
        return self.document

    def require_active(self) -> None:
        if self.document["status"] not in ("ACTIVE", "DEGRADED"):
            name, status = self.document["addonName"], self.document["status"]
            raise InUse(f"Addon {name} cannot be updated as it is currently in {status} state")


def look_at_all(resources: dict[str, R]) -> list[str]:
    """The names of the resources that are still there after a look."""
    for resource in list(resources.values()):
        resource.look()
    return sorted(resources)


def look_at(resources: dict[str, R], name: str, message: str) -> R:
    if name in resources:
        resources[name].look()
    return find(resources, name, message)


def find(things: Mapping[str, V], name: str, message: str) -> V:
    if name not in things:
        raise NotFound(message)
    return things[name]


class Operations(BaseResponse):
    """The parent of the classes that implement operations of EKS, one method for each."""

    def __init__(self) -> None:
        super().__init__(service_name="eks")
        self.automated_parameter_parsing = True

    @property
    def backend(self) -> EKSBackend:
        return eks_backends[self.current_account][self.region]

    @property
    def clusters(self) -> dict[str, Cluster]:
        # moto's backend keeps them, so that its reset forgets them; nothing else of it is used.
        clusters: dict[str, Any] = self.backend.clusters
        return clusters

    @property
    def cluster(self) -> Cluster:
        """The cluster that the request names."""
        name = self.param("name")
        return find(self.clusters, name, f"No cluster found for name: {name}.")

    def param(self, name: str) -> Any:
        value = self._get_param(name)
        return unquote(value) if name in self.uri_match else value

    def given(self, *names: str) -> dict[str, Any]:
        """Those of the named parameters that the request gives."""
        return {name: self.param(name) for name in names if self.param(name) is not None}

    def require_implemented(self, *names: str) -> None:
        """Nothing that the request asks for is passed over in silence."""
        everywhere = {"name", "clusterName", "nodegroupName", "addonName", "clientRequestToken"}
        given = {name for name, value in self.params.items() if value != []}  # lists of a query are never absent
        unknown = given - {*names, *everywhere}
        if unknown:
            raise NotOnTheLab(f"the parameters {', '.join(sorted(unknown))}")

    def arn(self, kind: str, *rest: str) -> str:
        return f"arn:aws:eks:{self.region}:{self.current_account}:{kind}/" + "/".join(rest)

    def require_role(self, arn: str) -> Role:
        roles = {role.arn: role for role in iam_backends[self.current_account]["aws"].get_roles()}
        if arn not in roles:
            raise InvalidParameter(
                f"Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not correct"
            )
        return roles[arn]

    def call_action(self) -> TYPE_RESPONSE:
        with _LOCK:
            return super().call_action()
