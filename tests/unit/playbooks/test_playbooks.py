"""The rules that the playbooks keep: what they may hold, and that cleaning up never builds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).resolve().parents[3]
PLAYBOOKS = sorted((REPO / "playbooks").glob("*.yml"))
PLAYBOOK_PROGRAM = str(Path(sys.executable).parent / "ansible-playbook")


def plays(playbook: Path) -> list[dict[str, Any]]:
    return [play for play in yaml.safe_load(playbook.read_text()) if "hosts" in play]


def list_tasks(playbook: str, *arguments: str) -> str:
    """The tasks that would run; Ansible lists the checks of arguments with every tag, so they tell nothing."""
    command = [PLAYBOOK_PROGRAM, "--list-tasks", playbook, *arguments]
    tasks = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True).stdout
    return "".join(line for line in tasks.splitlines(keepends=True) if "Validating arguments" not in line)


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.name)
def test_plays_hold_hosts_defaults_and_roles_only(playbook: Path) -> None:
    work = "tasks" if playbook.name == "cleanup.yml" else "roles"
    for play in plays(playbook):
        assert set(play) <= {"name", "hosts", "gather_facts", "module_defaults", work}
        assert play["gather_facts"] is False


@pytest.mark.parametrize("playbook", [p for p in PLAYBOOKS if p.name != "cleanup.yml"], ids=lambda path: path.name)
def test_each_role_has_one_tag_its_own_name(playbook: Path) -> None:
    for play in plays(playbook):
        for role in play["roles"]:
            name = role["role"].removeprefix("streamops.kafka_eks.")
            # The kubeconfig is how the others reach the cluster. "always" would run it in site.yml too, where the load
            # test is asked for by its tag only.
            alone = {"gitops.yml": "argocd", "loadtest.yml": "load_test"}
            expected = alone.get(playbook.name, "always") if name == "kubeconfig" else name
            assert role["tags"] == [expected]


def test_cleanup_runs_no_task_that_builds() -> None:
    tasks = re.findall(r"^\s+(\S+) : (.+?)\tTAGS: \[(.*)\]$", list_tasks("playbooks/cleanup.yml"), re.MULTILINE)
    built = set()
    for role in {role for role, _, _ in tasks} - {"streamops.kafka_eks.leftovers", "streamops.kafka_eks.kubeconfig"}:
        main = yaml.safe_load((REPO / "roles" / role.rpartition(".")[2] / "tasks/main.yml").read_text())
        absent = yaml.safe_load((REPO / "roles" / role.rpartition(".")[2] / "tasks/absent.yml").read_text())
        built |= {(role, task["name"]) for task in main} - {(role, task["name"]) for task in absent}
    assert tasks, "ansible-playbook --list-tasks printed no task: has its form changed?"
    assert not built & {(role, name) for role, name, _ in tasks}


def test_site_runs_the_load_test_only_when_asked() -> None:
    assert "load_test" not in list_tasks("playbooks/site.yml")
    assert "load_test" in list_tasks("playbooks/site.yml", "--tags", "loadtest")
    assert "load_test" in list_tasks("playbooks/loadtest.yml")


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.name)
def test_without_an_inventory_nothing_runs(playbook: Path) -> None:
    environment = {**os.environ, "ANSIBLE_INVENTORY": "/dev/null", "ANSIBLE_NOCOLOR": "1"}
    result = subprocess.run(
        [PLAYBOOK_PROGRAM, "--list-tasks", str(playbook)],
        cwd=REPO,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "No inventory was given: add -i inventories/lab or -i inventories/aws." in result.stderr


@pytest.mark.parametrize(
    "folder, name",
    [
        pytest.param(".", "playbooks/site.yml", id="from the root"),
        pytest.param("playbooks", "site.yml", id="from playbooks"),
        pytest.param(".", "streamops.kafka_eks.site", id="by its name in the collection"),
    ],
)
def test_site_is_found_in_three_ways(folder: str, name: str) -> None:
    result = subprocess.run(
        [PLAYBOOK_PROGRAM, "--list-tasks", name], cwd=REPO / folder, capture_output=True, text=True, check=True
    )
    assert "streamops.kafka_eks.kafka_cluster" in result.stdout
