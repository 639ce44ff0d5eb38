"""What all EKS operations share: resources in the shape of the API, how their states pass, how requests are refused."""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar
from urllib.parse import unquote

from moto.core.exceptions import ServiceException
from moto.core.responses import BaseResponse
from moto.core.utils import utcnow
from moto.eks.models import EKSBackend, eks_backends
from moto.iam.models import Role, iam_backends

from lab.aws import faults, iam
from lab.aws.clock import Span, Transition
from lab.aws.faults import Failure

NO_NODES = Failure(
    "InsufficientNumberOfReplicas",
    "The add-on is unhealthy because all deployments have all pods unscheduled no nodes available to schedule pods",
)

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


def health(failure: Failure | None) -> dict[str, Any]:
    """How EKS shows what ails something."""
    issues = [{"code": failure.code, "message": failure.message, "resourceIds": []}] if failure else []
    return {"issues": issues}


@dataclass
class Stateful:
    """A document in the shape of the API whose status is on its way."""

    document: dict[str, Any]
    transition: Transition

    def look(self) -> dict[str, Any]:
        """Only describe and list operations look; others take the document as it was seen last."""
        self.document["status"] = self.transition.look()
        return self.document


@dataclass
class Update(Stateful):
    def look(self) -> dict[str, Any]:
        super().look()
        if failure := self.transition.failure:
            self.document["errors"] = [{"errorCode": failure.code, "errorMessage": failure.message, "resourceIds": []}]
        return self.document


@dataclass
class Resource(Stateful, ABC):
    """What can be updated."""

    updates: dict[str, Update] = field(default_factory=dict)
    check: Callable[[], Failure | None] = lambda: None  # what ails it, where it is not told to
    past: list[Span] = field(default_factory=list)  # what went on in it that is no longer to be seen
    ailing: ClassVar[str] = "DEGRADED"  # the status of what is of use, but not in good health

    @property
    @abstractmethod
    def label(self) -> str:
        """What faults and the timeline call it."""

    @abstractmethod
    def require_active(self) -> None:
        """Refuse to change what is not in a state for it."""

    @abstractmethod
    def action_of(self, update: str) -> str:
        """What the clock calls an update of a type."""

    @property
    def is_updating(self) -> bool:
        return any(update.document["status"] == "InProgress" for update in self.updates.values())

    @property
    def finished(self) -> list[Span]:
        """What went on in it, as far as it is over: it came before what begins now."""
        spans = [*self.past, self.transition.span, *(update.transition.span for update in self.updates.values())]
        return [span for span in spans if span.ended is not None]

    def look(self) -> dict[str, Any]:
        for update in self.updates.values():
            update.look()
        super().look()
        failure = self.transition.failure
        if self.document["status"] == "ACTIVE":
            failure = faults.current.ailments.get(self.label) or self.check()
            self.document["status"] = self.ailing if failure else "ACTIVE"
            if self.is_updating:
                self.document["status"] = "UPDATING"
        self.document["health"] = health(failure)
        return self.document

    def move(self, transition: Transition) -> dict[str, Any]:
        self.past.append(self.transition.span)
        self.transition = transition
        self.document["status"] = transition.status
        return self.document

    def update(
        self,
        kind: str,
        params: Mapping[str, Any],
        done: Callable[[], bool] = lambda: True,
        then: Callable[[], object] = lambda: None,
        otherwise: Callable[[Failure], object] = lambda failure: None,
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

        def is_over() -> None:
            if self.document["status"] == "UPDATING":
                self.document["status"] = "ACTIVE"

        def finished() -> None:
            then()
            is_over()

        def failed() -> None:
            assert transition.failure
            otherwise(transition.failure)
            is_over()

        transition = Transition(
            self.action_of(kind),
            self.label,
            "InProgress",
            "Successful",
            done,
            finished,
            failed="Failed",
            otherwise=failed,
            needs=self.finished,
        )
        self.updates[document["id"]] = Update(document, transition)
        if self.document["status"] in ("ACTIVE", self.ailing):
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
    ailing: ClassVar[str] = "ACTIVE"

    @property
    def name(self) -> str:
        return str(self.document["name"])

    @property
    def label(self) -> str:
        return f"cluster {self.name}"

    def action_of(self, update: str) -> str:
        return {
            "VersionUpdate": "cluster version update",
            "AssociateEncryptionConfig": "cluster encryption update",
        }.get(update, "cluster config update")

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
    launch_failure: Failure | None = None  # why there are fewer instances than desired

    @property
    def label(self) -> str:
        return f"node group {self.document['nodegroupName']}"

    def action_of(self, update: str) -> str:
        return "node group update"

    def require_active(self) -> None:
        if self.document["status"] not in ("ACTIVE", "DEGRADED"):
            name = self.document["nodegroupName"]
            raise InUse(f"Nodegroup {name} cannot be updated as it is currently not in Active State")


@dataclass
class Addon(Resource):
    update_failure: Failure | None = None

    @property
    def label(self) -> str:
        return f"add-on {self.document['addonName']}"

    def action_of(self, update: str) -> str:
        return "add-on update"

    def look(self) -> dict[str, Any]:
        super().look()
        if self.update_failure and not self.is_updating:
            self.document.update(status="UPDATE_FAILED", health=health(self.update_failure))
        return self.document

    def require_active(self) -> None:
        if self.document["status"] not in ("ACTIVE", "DEGRADED", "UPDATE_FAILED"):
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
        if arn not in roles or not iam.is_known(roles[arn]):
            raise InvalidParameter(
                f"Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not correct"
            )
        return roles[arn]

    def make_linked_role(self, service: str) -> None:
        """The role by which a service works in the account, which it makes when it is used first."""
        backend = iam_backends[self.current_account]["aws"]
        if iam.linked_role(backend, service) is None:
            backend.create_service_linked_role(service, "", "")
