"""Runs ansible-test sanity on a copy: it insists on a path that ends in ansible_collections/NAMESPACE/NAME."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
COPY = REPO / ".ansible/sanity/ansible_collections/streamops/kafka_eks"
# What is not part of the collection is not judged by the rules for collections.
LEFT_OUT = ("lab/", "benchmarks/", "extensions/", "tests/unit/", "tests/sanity/", "tests/conftest.py", ".")

# ansible-test downloads pip's installer from a host that closed networks do not reach. Python has one too.
GET_PIP = textwrap.dedent(
    """
    import runpy, subprocess, sys
    # In a process of its own: ensurepip points pip's configuration at /dev/null.
    subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
    sys.argv = ["pip", "install", *(a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel"))]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
    """
)
GET_PIP_NAME = "get_pip_24_2.py"  # as ansible-core 2.19 names it


def main() -> None:
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=REPO, capture_output=True, text=True, check=True
    )
    shutil.rmtree(COPY, ignore_errors=True)
    for name in files.stdout.splitlines():
        if not name.startswith(LEFT_OUT) and (REPO / name).is_file():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPO / name, COPY / name)
    # Whose documentation fragments ours extend.
    for namespace in ("amazon", "kubernetes"):
        link = COPY.parents[1] / namespace
        link.unlink(missing_ok=True)
        link.symlink_to(REPO / ".ansible/collections/ansible_collections" / namespace)
    # Else it asks our own repository, which ignores the copy, and finds nothing to test.
    subprocess.run(["git", "init", "-q"], cwd=COPY, check=True)
    # A home of its own: other projects' ansible-test shall not find our installer.
    home = REPO / ".ansible/sanity/home"
    cache = home / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / GET_PIP_NAME).write_text(GET_PIP)
    python = ".".join(map(str, sys.version_info[:2]))
    program = str(Path(sys.executable).parent / "ansible-test")
    environment = {**os.environ, "HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    # Only one version of Python: shims of others on PATH make it fail.
    done = subprocess.run(
        [program, "sanity", "--python", python, "--color", "no", *sys.argv[1:]], cwd=COPY, env=environment, check=False
    )
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
