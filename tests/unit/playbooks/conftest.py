"""The AWS layer in process: the tasks of its roles, with their own arguments, against an emulated account."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar, trust_as_template

REPO = Path(__file__).resolve().parents[3]
COLLECTION = "streamops.kafka_eks."
MODULES = yaml.safe_load((REPO / "meta/runtime.yml").read_text())["action_groups"]["aws_account"]

ROLES = ("network", "eks_cluster", "karpenter")
# Its name with the collection's is not known outside a playbook.
lookup_loader.aliases["ansible.builtin.template"] = "template"
WAITING = {"wait_timeout": 60, "poll_interval": 0}

Result = dict[str, Any]


class Failed(Exception):
    pass


class Layer:
    """Runs what cluster.yml, nodes.yml and the AWS part of cleanup.yml run: every task of ours that asks AWS, in order."""

    def __init__(
        self, account: Any, variables: Callable[[str, dict[str, Any]], dict[str, Any]], settings: dict[str, Any]
    ):
        self.account = account
        self.settings = settings
        self._variables = variables

    def build(self, check: bool = False, **settings: Any) -> dict[str, Result]:
        """The results by the name of the task."""
        return self._run(ROLES, "main", check, settings)

    def remove(self, check: bool = False) -> dict[str, Result]:
        return self._run(ROLES[::-1], "absent", check, {})

    def _run(self, roles: Sequence[str], entry: str, check: bool, settings: dict[str, Any]) -> dict[str, Result]:
        results: dict[str, Result] = {}
        handlers: list[tuple[str, dict[str, Any]]] = []
        for role in roles:
            values = self._variables(role, {**self.settings, **settings})
            values["ansible_search_path"] = [str(REPO / "roles" / role)]  # where its templates are
            for task in self._load(role, f"tasks/{entry}.yml"):
                if task.get("ansible.builtin.meta") == "flush_handlers":
                    self._run_tasks(handlers, values, results, check)
                    handlers.clear()
                self._run_tasks([(role, task)], values, results, check)
                if "notify" in task and self._is_true(task.get("changed_when", True), values):
                    handlers += [(role, handler) for handler in self._load(role, "handlers/main.yml")]
        return results

    @staticmethod
    def _load(role: str, file: str) -> list[dict[str, Any]]:
        return list(yaml.safe_load((REPO / "roles" / role / file).read_text()))

    def _run_tasks(
        self, tasks: list[tuple[str, dict[str, Any]]], values: dict[str, Any], results: dict[str, Result], check: bool
    ) -> None:
        values["ansible_check_mode"] = check
        for role, task in tasks:
            module = next((key for key in task if key.removeprefix(COLLECTION) in MODULES), None)
            if module is None or not self._is_true(task.get("when", True), values):
                continue
            arguments = self._template(task[module], {**self._variables(role, self.settings), **values})
            result = self._finish(module.removeprefix(COLLECTION), check, arguments)
            if "register" in task:
                values[task["register"]] = result
            if result.get("failed"):
                raise Failed(f"{task['name']}: {result['msg']}")
            results[task["name"]] = result

    def _finish(self, module: str, check: bool, arguments: dict[str, Any]) -> Result:
        """Through the module's action plugin, where it has one."""
        arguments = {**arguments, "account_id": self.account.id}
        name = f"ansible_collections.streamops.kafka_eks.plugins.action.{module}"
        if not importlib.util.find_spec(name):
            return dict(self.account.run(module, check, **arguments))
        action = object.__new__(importlib.import_module(name).ActionModule)
        action._task = SimpleNamespace(args=arguments, async_val=0, check_mode=check, diff=True)
        action._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="never used"))
        action._execute_module = lambda module_name, module_args, task_vars: {
            **self.account.run(module, check, **module_args)
        }
        return dict(action.run())

    def _is_true(self, condition: Any, values: dict[str, Any]) -> bool:
        if isinstance(condition, list):
            return all(self._is_true(one, values) for one in condition)
        return bool(self._template("{{ (" + str(condition) + ") | bool }}", values))

    @staticmethod
    def _template(value: Any, values: dict[str, Any]) -> Any:
        return Templar(loader=DataLoader(), variables=values).template(_trusted(value))


def _trusted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


@pytest.fixture(scope="session")
def new_layer(role_variables: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Layer]:
    folder = tmp_path_factory.mktemp("layer")

    def new(account: Any, **settings: Any) -> Layer:
        given = {
            "kafka_eks_public_access_cidrs": ["203.0.113.7/32"],
            "kafka_eks_kubernetes_connection": {
                "kubeconfig": str(folder / f"{id(account)}.yaml"),
                "context": "kafka-on-eks",
            },
            "eks_cluster_tags": {"team": "streams"},
            "network_tags": {"team": "streams"},
            "karpenter_tags": {"team": "streams"},
            # The emulated states move when they are looked at.
            **{f"{role}_{option}": value for role in ROLES for option, value in WAITING.items()},
        }
        return Layer(account, role_variables, {**given, **settings})

    return new
