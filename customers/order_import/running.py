"""An import from the file to the last batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection

from customers.order_import import staging
from customers.order_import.checking import Terms, check_lines, check_orders
from customers.order_import.comparing import leave_out_recorded, number_orders
from customers.order_import.faults import count_faults, write_faults
from customers.order_import.opening import OrderFile, open_orders
from customers.order_import.writing import Batch, write_batch
from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.permissions import Perm, authorise

BATCH_SIZE = 20_000  # orders

Tell = Callable[[str], None]


@dataclass(slots=True)
class Summary:
    """What an import did. `units` is what was earned in all programs together."""

    rows: int = 0
    orders: int = 0
    lines: int = 0
    customers: int = 0
    units: int = 0
    skipped: int = 0
    rejected: int = 0
    faults: int = 0
    seconds: float = 0.0
    ignored: list[str] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Count what a batch wrote."""
        self.orders += batch.orders
        self.lines += batch.lines
        self.customers += batch.customers
        self.units += batch.units


class Progress:
    """What an import tells while it works; the command draws it."""

    def reading(self, file: OrderFile) -> Iterator[None]:
        """Advanced after each block that was read."""
        while True:
            yield

    def stage(self, text: str) -> None:
        """Another step begins."""

    def writing(self, batch: Batch, done: int, orders: int) -> None:
        """A batch is committed; `done` of `orders` are."""


def import_orders(
    *,
    actor: Actor,
    path: Path,
    terms: Terms,
    errors: Path,
    dry_run: bool = False,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
) -> Summary:
    """Record the orders of a CSV file, plain or gzip, with what they earn.

    Orders with a faulty row are left out and told of in the file `errors`; orders that were
    recorded before are skipped. With `dry_run` nothing is written, and the summary says what
    would be, except for units. Raises FileRefusedError for a file that is no CSV of orders.
    """
    authorise(actor, Perm.ORDERS_RECORD)
    progress, summary, started = progress or Progress(), Summary(), time.monotonic()
    with _alone(progress.stage), _tables():
        with open_orders(path) as file:
            summary.ignored = file.header.ignored
            summary.rows = staging.stage(file, progress.reading(file)).rows
        progress.stage("Checking")
        check_lines()
        check_orders(terms)
        summary.skipped = leave_out_recorded()
        summary.faults, summary.rejected = count_faults()
        write_faults(errors)
        orders, lines, customers = number_orders()
        if dry_run:
            summary.orders, summary.lines, summary.customers = orders, lines, customers
        else:
            _write(actor, orders, batch_size, summary, progress)
    summary.seconds = time.monotonic() - started
    return summary


def _write(
    actor: Actor, orders: int, batch_size: int, summary: Summary, progress: Progress
) -> None:
    for first in range(1, orders + 1, batch_size):
        last = min(first + batch_size - 1, orders)
        batch = write_batch(actor=actor, first=first, last=last)
        summary.add(batch)
        progress.writing(batch, last, orders)


@contextmanager
def _tables() -> Iterator[None]:
    staging.prepare()
    try:
        yield
    finally:
        # A broken connection has dropped them already, and must not hide what broke it.
        if connection.is_usable():
            staging.clear()
            staging.restore()


@contextmanager
def _alone(tell: Tell) -> Iterator[None]:
    """Wait for another import to end: its orders would look new to this one."""
    name = "customers.order_import"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        if not cursor.fetchone()[0]:
            tell("Waiting for another import to end")
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
