"""Many at the same moment: real threads, each with a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def together(acts: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """Run the acts at once and return what each returned or raised, in order.

    Every thread opens its connection before the barrier lets them all go.
    """
    barrier = Barrier(len(acts))

    def run(act: Callable[[], T]) -> T | Exception:
        connection.ensure_connection()
        try:
            barrier.wait(timeout=60)
            return act()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
