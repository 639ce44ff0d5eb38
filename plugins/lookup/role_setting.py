# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: role_setting
short_description: The value that a role of this collection would use for one of its settings
version_added: 0.1.0
description:
  - Returns the variable of that name where there is one, else the default of the role, with what its template refers to.
  - For roles that check or report what another one is going to do, without repeating its defaults.
  - A value of another type than the role's argument spec says is refused as the role itself would.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  _terms:
    description: The name of the role, without that of the collection, and the name of the setting.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show how many brokers there will be
  ansible.builtin.debug:
    msg: "{{ lookup('streamops.kafka_eks.role_setting', 'kafka_cluster', 'kafka_cluster_brokers') }}"
"""

RETURN = r"""
_raw:
  description: The value.
  type: list
  elements: raw
"""

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.lookup import LookupBase

ROLES = Path(__file__).resolve().parents[2] / "roles"


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        if len(terms) != 2 or not all(isinstance(term, str) for term in terms):
            raise AnsibleError(f"The lookup role_setting was given {terms}: give it a role and one of its settings.")
        role, setting = terms
        defaults = self._file(role, "defaults")
        if not defaults:
            roles = sorted(path.parents[1].name for path in ROLES.glob("*/defaults/main.yml"))
            raise AnsibleError(f"This collection has no role '{role}' with defaults: name one of {', '.join(roles)}.")
        given = variables or {}
        if setting not in defaults and setting not in given:
            raise AnsibleError(
                f"Role '{role}' has no default of a setting '{setting}': name one of {', '.join(defaults)}."
            )
        # In Ansible's order: what the role keeps for itself is stronger than what is given.
        everything = {**defaults, **given, **self._file(role, "vars")}
        value = self._templar.copy_with_new_env(available_variables=everything).template(everything[setting])
        self._refuse_wrong_type(role, setting, value)
        return [value]

    def _refuse_wrong_type(self, role: str, setting: str, value: Any) -> None:
        spec = self._loader.load_from_file(str(ROLES / role / "meta/argument_specs.yml"))
        options = spec["argument_specs"]["main"]["options"]
        if setting in options:
            checked = {key: options[setting][key] for key in ("type", "elements", "choices") if key in options[setting]}
            errors = ArgumentSpecValidator({setting: checked}).validate({setting: value}).error_messages
            if errors:
                raise AnsibleError(f"Role '{role}': {'; '.join(errors)}.")

    def _file(self, role: str, kind: str) -> dict[str, Any]:
        """The role's variables of a kind; none where it has none."""
        file = ROLES / role / kind / "main.yml"
        return dict(self._loader.load_from_file(str(file), trusted_as_template=True) or {}) if file.is_file() else {}
