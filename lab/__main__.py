"""The lab's command line: python -m lab COMMAND."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time

from lab import build, host
from lab.place import REPO, place


def say(text: str) -> None:
    print(text, flush=True)


def check() -> None:
    host.check()
    say("This machine has what the lab needs.")


def setup() -> None:
    began = time.monotonic()
    packages()
    # The rest runs in the virtual environment that the packages have made.
    done = subprocess.run([str(build.VENV / "bin/python"), "-m", "lab", "programs"], cwd=REPO, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    say(f"Set-up is complete ({time.monotonic() - began:.0f} s).")


def packages() -> None:
    host.check()
    build.make_packages(say)


def programs() -> None:
    build.make_programs(place(), say)


def up() -> None:
    from lab import process

    host.check()
    process.up(place(), say)


def down() -> None:
    from lab import process

    process.down(place(), say)


def status() -> None:
    from lab import process

    process.status(place(), say)


def main() -> None:
    commands = {f.__name__: f for f in (check, setup, packages, programs, up, down, status)}
    parser = argparse.ArgumentParser(
        prog="lab", description="The local lab: an emulated AWS, a real Kubernetes control plane, real Kafka."
    )
    parser.add_argument("command", choices=commands)
    # A kill ends it as Ctrl-C does: with what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        commands[parser.parse_args().command]()
    except (host.HostError, build.BuildError) as error:
        sys.exit(f"lab: {error}")
    except BrokenPipeError:  # of `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        sys.exit(f"lab: {error}: mend that and run the same command again.")
    except KeyboardInterrupt:
        sys.exit("lab: interrupted; run the same command again to go on.")


if __name__ == "__main__":
    main()
