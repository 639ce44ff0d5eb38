"""What both operators share: events noticed by kopf, worked off one at a time, and everything again at an interval."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import kopf

log = logging.getLogger("lab.strimzi")
DEBOUNCE = 0.3  # several events of one moment are one piece of work
AGAIN = 2.0  # for what waits or has failed


class Work:
    """A queue of keys, each with the time when it is due. `do` says whether its key is settled."""

    def __init__(
        self,
        do: Callable[[str, bool], bool],
        interval: float,
        may: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.do, self.interval, self.may, self.clock = do, interval, may, clock
        self.due: dict[str, float] = {}
        self.full: dict[str, float] = {}  # when each key is due for a look at everything, changed or not
        self.changed = threading.Condition()

    def notice(self, key: str) -> None:
        with self.changed:
            self.due[key] = min(self.due.get(key, float("inf")), self.clock() + DEBOUNCE)
            self.changed.notify()

    def run(self) -> None:
        while True:
            key = self._next()
            if not self.may():
                self._again(key, AGAIN)
                continue
            began = self.clock()
            everything = self.full.get(key, 0.0) <= began
            try:
                settled = self.do(key, everything)
            except Exception:
                log.exception("%s: will be tried again", key)
                settled = False
            else:
                if everything:
                    self.full[key] = began + self.interval
            self._again(key, self.full[key] - self.clock() if settled else AGAIN)

    def _next(self) -> str:
        with self.changed:
            while True:
                key = min(self.due, key=self.due.__getitem__, default=None)
                now = self.clock()
                if key is not None and self.due[key] <= now:
                    del self.due[key]
                    return key
                self.changed.wait(None if key is None else self.due[key] - now)

    def _again(self, key: str, after: float) -> None:
        with self.changed:
            self.due.setdefault(key, self.clock() + after)


def watch(
    work: Work, resources: Iterable[tuple[str, ...]], notice: Callable[..., Any], namespaces: list[str], **filters: Any
) -> None:
    """Run the operator: kopf watches, a thread works. Events only: kopf must leave no trace on the resources."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(kopf.login_with_service_account)
    for resource in resources:
        kopf.on.event(*resource, registry=registry, **filters)(notice)

    @kopf.on.startup(registry=registry)
    def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.scanning.disabled = True

    def work_or_die() -> None:
        try:
            work.run()
        finally:
            os._exit(1)  # the container is restarted; kopf alone would watch for nobody

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for library in ("kopf", "kafka"):
        logging.getLogger(library).setLevel(logging.WARNING)
    threading.Thread(target=work_or_die, daemon=True).start()
    everywhere = namespaces == ["*"]
    kopf.run(registry=registry, standalone=True, clusterwide=everywhere, namespaces=[] if everywhere else namespaces)
