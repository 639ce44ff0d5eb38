"""How moto is put right from outside."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.core.exceptions import ServiceException


class Refused(ServiceException):
    """An error of AWS by its code. moto looks for the code in the model of the service in whose module the class is: not in this one."""


def replace(owner: type, *corrections: Callable[..., Any], name: str = "") -> None:
    """Put functions in the place of the methods of the same names; what each replaces is its first argument."""
    for correction in corrections:
        _replace(owner, name or correction.__name__, correction)


def _replace(owner: type, name: str, correction: Callable[..., Any]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return correction(functools.partial(original, self), self, *args, **kwargs)

    setattr(owner, name, method)


def add(owner: type, *operations: Callable[..., Any]) -> None:
    """Give moto methods that it lacks."""
    for operation in operations:
        setattr(owner, operation.__name__, operation)
