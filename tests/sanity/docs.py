"""Writes the table of options into each role's README from its argument spec; with --check, fails where that changes anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


def main() -> None:
    check = "--check" in sys.argv
    stale = []
    for role in sorted((REPO / "roles").iterdir()):
        readme = role / "README.md"
        before = readme.read_text()
        command = [str(Path(sys.executable).parent / "aar-doc"), str(role), "markdown"]
        subprocess.run(command, cwd=REPO, check=True, stdout=subprocess.DEVNULL)
        if check and readme.read_text() != before:
            readme.write_text(before)
            stale.append(str(readme.relative_to(REPO)))
    if stale:
        sys.exit(f"{', '.join(stale)}: not what the argument spec says; run make docs.")


if __name__ == "__main__":
    main()
