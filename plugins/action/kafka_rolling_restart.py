# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Renews members one by one in the process of Ansible, because the output of a module cannot be seen while it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils import _renewal
from ..module_utils._karpenter import why_unplaced
from ..module_utils._karpenter_look import CLAIM, what_karpenter_said
from ..module_utils._kubernetes import Cluster, KubernetesError, NotAnswering, NotServed, Unreachable, connect
from ..module_utils._readiness_look import ARGUMENT_SPEC as READINESS_SPEC
from ..module_utils._readiness_look import Wanted, Watch, served_version, wanted_from
from ..module_utils._waiting import Seen, TimedOut, wait_for
from ..plugin_utils._watching import Hopeless, Patience

ARGUMENT_SPEC = {
    **{name: spec for name, spec in READINESS_SPEC.items() if name != "scope"},
    "listener": {"type": "str", "required": True},
    "scope": {"type": "str", "choices": [_renewal.NODES, _renewal.PODS], "default": _renewal.NODES},
    "only_drifted": {"type": "bool", "default": False},
}

Object = dict[str, Any]


class Stopped(Exception):
    """Why it goes no further. Its text is what was seen, and what to do."""


class Renewal:
    """A cluster that is renewed; what is done next follows from what is there."""

    def __init__(self, cluster: Cluster, watch: Watch, wanted: Wanted, timeout: float):
        self._cluster, self._watch, self._wanted, self._timeout = cluster, watch, wanted, timeout
        self._version = served_version(cluster, "kafka.strimzi.io", "Kafka")
        self.moves: dict[str, str] = {}

    def look(self) -> _renewal.Seen:
        cluster, namespace, name = self._cluster, self._wanted.namespace, self._wanted.name
        kafka = cluster.get(self._version, "Kafka", name, namespace)
        if kafka is None:
            raise Stopped(f"there is no Kafka {namespace}/{name}: name one that exists.")
        members = f"{_renewal.CLUSTER_LABEL}={name},strimzi.io/name={name}-kafka"
        return _renewal.Seen(
            kafka=kafka,
            pods=cluster.list("v1", "Pod", namespace, members),
            nodes=cluster.list("v1", "Node"),
            claims=cluster.list(*CLAIM) if cluster.served(*CLAIM) else [],
            placeholders=cluster.list("v1", "Pod", namespace, f"{_renewal.PLACEHOLDER_LABEL}=true"),
        )

    def mark(self, scope: str, only_drifted: bool) -> tuple[_renewal.Mark, bool]:
        """What an earlier run has begun, or what this one is to do; and which of them it is."""
        seen = self.look()
        begun = _renewal.mark_of(seen.kafka)
        if begun and begun.scope != scope:
            raise Stopped(f"an earlier run has begun with {begun.scope} and did not finish: finish it first.")
        if begun:
            self._say("an earlier run has begun and did not finish: this one goes on with it.")
        mark = begun or _renewal.new_mark(seen, scope, only_drifted)
        if strangers := _renewal.unclaimed(seen, mark):
            raise Stopped(
                f"the nodes {', '.join(strangers)} were not launched by Karpenter, so only their owner can renew them: renew them as "
                "they were made, or restart the pods alone (scope: pods)."
            )
        return mark, begun is not None

    def ask_kafka(self) -> None:
        """Which controller is the active one: it goes last."""
        self._watch.look()

    def due(self, mark: _renewal.Mark) -> list[str]:
        return [pod["metadata"]["name"] for pod in _renewal.order(self.look(), mark, self._watch.leader)]

    def go(self, mark: _renewal.Mark) -> None:
        try:
            self._go(mark)
        except KubernetesError as error:
            raise Stopped(f"{str(error).rstrip('.')}; run it again: it goes on where it stopped.") from None

    def _go(self, mark: _renewal.Mark) -> None:
        self._prove_ready("before anything is done")
        self._annotate(mark.text)
        self._retire(mark)
        while due := self.due(mark):
            self._renew(mark, due[0])
            self._prove_ready(f"after {due[0]} was renewed")
            self._retire(mark)
        self._annotate(None)

    def _annotate(self, text: str | None) -> None:
        change = {"metadata": {"annotations": {_renewal.MARK: text}}}
        self._cluster.patch(self._version, "Kafka", self._wanted.name, change, self._wanted.namespace)

    def _prove_ready(self, when: str) -> None:
        try:
            wait_for(Patience(self._watch).look, self._timeout, self._say)
        except TimedOut as late:
            raise Stopped(
                f"{self._wanted} is not ready {when}, after {late.seconds:.0f} s: {late.seen.value.missing}; mend what is named and run it "
                "again: it goes on where it stopped."
            ) from None
        except Hopeless as hopeless:
            raise Stopped(
                f"{self._wanted} will not become ready {when}: {hopeless}; correct it and run it again: it goes on where it stopped."
            ) from None
        finally:
            self._watch.close()  # a member that restarts takes its connections along

    def _renew(self, mark: _renewal.Mark, name: str) -> None:
        before = self._place_of(name)
        try:
            wait_for(lambda: self._try_step(mark, name), self._timeout, lambda line: self._say(f"{name}: {line}"))
        except TimedOut as late:
            self._remove_placeholders()
            raise Stopped(
                f"{name} was not renewed within {late.seconds:.0f} s: {late}; mend what is named, or raise timeout, and run it again: it goes "
                "on with this one."
            ) from None
        after = self._place_of(name)
        self.moves[name] = f"{before} to {after}" if mark.scope == _renewal.NODES else f"on {after}"
        self._say(f"{name} runs again, on {after}.")

    def _try_step(self, mark: _renewal.Mark, name: str) -> Seen[None]:
        try:
            return self._step(mark, name)
        except NotAnswering as error:
            # It has answered before: it is away for a while.
            return Seen(False, str(error).rstrip("."), None)

    def _step(self, mark: _renewal.Mark, name: str) -> Seen[None]:
        """One look, with what it calls for."""
        seen = self.look()
        if _renewal.is_renewed(seen, mark, name):
            self._remove_placeholders()
            return Seen(True, "", None)
        pod = next((pod for pod in seen.pods if pod["metadata"]["name"] == name), None)
        if pod is None or _renewal.is_rolling(pod) or not _renewal.is_due(seen, mark, pod):
            return Seen(False, self._trouble(pod), None)
        if mark.scope == _renewal.NODES and not self._make_room(seen, mark, pod):
            return Seen(False, self._waits_for_node(seen, pod), None)
        change = {"metadata": {"annotations": {_renewal.ROLLING: "true"}}}
        self._cluster.patch("v1", "Pod", name, change, self._wanted.namespace)
        return Seen(False, "the operator is asked to restart it", None)

    def _make_room(self, seen: _renewal.Seen, mark: _renewal.Mark, pod: Object) -> bool:
        """Have a new node for the member, and only then no more pods on its old one."""
        node = seen.node_of(pod)  # it has one, or it would not be due
        if _renewal.spare(seen, mark, pod, node) is None:
            if not any(one["metadata"]["name"] == _renewal.placeholder_name(pod) for one in seen.placeholders):
                self._cluster.apply(_renewal.placeholder(pod, node))
            return False
        self._remove_placeholders()
        self._cluster.patch("v1", "Node", node["metadata"]["name"], {"spec": {"unschedulable": True}})
        return True

    def _waits_for_node(self, seen: _renewal.Seen, pod: Object) -> str:
        waiting = [one for one in seen.placeholders if one["metadata"]["name"] == _renewal.placeholder_name(pod)]
        why = self._why_unplaced(waiting[0]) if waiting else ""
        return f"it waits for a new node{f'; {why}' if why else ''}"

    def _trouble(self, pod: Object | None) -> str:
        why = self._why_unplaced(pod) if pod and not pod["spec"].get("nodeName") else ""
        return f"{_renewal.trouble_of(pod)}{f'; {why}' if why else ''}"

    def _why_unplaced(self, pod: Object) -> str:
        return why_unplaced(pod, what_karpenter_said(self._cluster, self._wanted.namespace))

    def _place_of(self, name: str) -> str:
        pod = self._cluster.get("v1", "Pod", name, self._wanted.namespace) or {}
        return str(pod.get("spec", {}).get("nodeName") or "no node")

    def _remove_placeholders(self) -> None:
        for one in self.look().placeholders:
            self._cluster.delete("v1", "Pod", one["metadata"]["name"], self._wanted.namespace)

    def _retire(self, mark: _renewal.Mark) -> None:
        for claim in _renewal.retired(self.look(), mark):
            self._cluster.delete(*CLAIM, claim["metadata"]["name"])

    def _say(self, line: str) -> None:
        Display().display(line if line.startswith(str(self._wanted)) else f"{self._wanted}: {line}")


@contextlib.contextmanager
def renewal(arguments: dict[str, Any], check_mode: bool) -> Iterator[Renewal]:
    wanted = wanted_from({**arguments, "scope": "all"}, write=not check_mode)
    with connect(arguments["kubeconfig"], arguments["context"]) as cluster, Watch(cluster, wanted) as watch:
        yield Renewal(cluster, watch, wanted, arguments["timeout"])


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        check_mode = self._task.check_mode
        try:
            with renewal(arguments, check_mode) as work:
                return _renewed(work, arguments, check_mode)
        except (Unreachable, NotServed) as error:
            if check_mode:
                return {"changed": False, "renewed": {}, "due": [], "msg": f"It would renew the members. {error}"}
            return {"failed": True, "msg": str(error)}
        except KubernetesError as error:
            return {"failed": True, "msg": str(error)}


def _renewed(work: Renewal, arguments: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"changed": False, "due": [], "renewed": {}}
    try:
        mark, is_begun = work.mark(arguments["scope"], arguments["only_drifted"])
        work.ask_kafka()
        result["due"] = work.due(mark)
        result["changed"] = bool(result["due"]) or is_begun
        if result["changed"] and not check_mode:
            work.go(mark)
    except Stopped as reason:
        done = _renewal.summary(work.moves)
        result |= {
            "changed": bool(work.moves),
            "failed": True,
            "msg": f"The rolling restart stopped: {reason} ({done})",
        }
    return {**result, "renewed": work.moves}
