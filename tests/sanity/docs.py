"""Writes what is generated of the documentation: the table of options in each role's README, from its argument spec, and the
example of the deployer's policies. With --check, fails where that changes anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


def write_readme(role: Path) -> None:
    command = [str(Path(sys.executable).parent / "aar-doc"), str(role), "markdown"]
    subprocess.run(command, cwd=REPO, check=True, stdout=subprocess.DEVNULL)


def deployer_policies() -> dict[Path, str]:
    sys.path.insert(0, str(REPO / ".ansible/collections"))
    from ansible_collections.streamops.kafka_eks.plugins.module_utils._deployer_policy import policies

    documents = policies("kafka-on-eks", "us-west-2", "111122223333")
    return {
        REPO / f"docs/deployer_policy/{name}.json": json.dumps(document, indent=2) + "\n"
        for name, document in documents.items()
    }


def main() -> None:
    check = "--check" in sys.argv
    stale = []
    for role in sorted((REPO / "roles").iterdir()):
        readme = role / "README.md"
        before = readme.read_text()
        write_readme(role)
        if check and readme.read_text() != before:
            readme.write_text(before)
            stale.append(readme)
    for path, text in deployer_policies().items():
        if check and not (path.exists() and path.read_text() == text):
            stale.append(path)
        elif not check:
            path.write_text(text)
    if stale:
        sys.exit(f"{', '.join(str(path.relative_to(REPO)) for path in stale)}: not what the code says; run make docs.")


if __name__ == "__main__":
    main()
