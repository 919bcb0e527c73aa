"""Domain hooks: a lower app announces, higher apps act, all in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Hook(Generic[P, R]):
    """A named moment that other apps attach to in `AppConfig.ready()`.

    Receivers run in the order in which they were attached, inside the caller's
    transaction; an exception of one undoes the whole act.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._receivers: list[Callable[P, R]] = []

    def attach(self, receiver: Callable[P, R]) -> Callable[P, R]:
        """Add a receiver; may be used as a decorator. Attaching twice counts once."""
        if receiver not in self._receivers:
            self._receivers.append(receiver)
        return receiver

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> list[R]:
        """Run every receiver and return what they answered."""
        return [receiver(*args, **kwargs) for receiver in self._receivers]
