"""`manage.py import_orders FILE`: orders from a CSV file, plain or gzip."""

from __future__ import annotations

import sys
import zoneinfo
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from customers.order_import.checking import Terms
from customers.order_import.opening import COLUMNS, FileRefusedError, OrderFile
from customers.order_import.running import BATCH_SIZE, Progress, Summary, import_orders
from customers.order_import.writing import Batch
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import InvalidInput
from loyalty_admin.common.money import check_currency

SOME_REJECTED = 2
"""The exit code when rows were rejected; all others are recorded."""


class Command(BaseCommand):
    """Records the orders of a file; those that are there already are skipped."""

    help = (
        f"Record the orders of a CSV file, plain or gzip, with the columns {', '.join(COLUMNS)} "
        "and, if you like, currency. Times are those of the store. May be stopped and started "
        f"again at any moment. Exits with {SOME_REJECTED} when rows were rejected."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file, and what holds for all of it."""
        add = parser.add_argument
        add("file", type=Path)
        add("--dry-run", action="store_true", help="check everything, write nothing")
        add("--errors", type=Path, help="where rejected rows are told of (default: beside you)")
        add("--currency", default="", help="of orders without one (default: the store's)")
        add(
            "--time-zone",
            default=settings.STORE_TIME_ZONE,
            help=f"of stores that are new (default: {settings.STORE_TIME_ZONE})",
        )
        add("--batch", type=int, default=BATCH_SIZE, help="orders in one transaction")
        add("--known-stores-only", action="store_true", help="reject orders of unknown stores")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and tell."""
        errors = options["errors"] or Path(f"{options['file'].name}.errors.csv")
        try:
            summary = import_orders(
                actor=Actor.system("import_orders"),
                path=options["file"],
                terms=_terms(options),
                errors=errors,
                dry_run=options["dry_run"],
                batch_size=_batch_size(options["batch"]),
                progress=self._progress(),
            )
        except (FileRefusedError, InvalidInput) as error:
            raise CommandError(str(error)) from error
        self._tell(summary, dry_run=options["dry_run"])
        if summary.faults:
            raise CommandError(
                f"{summary.faults:,} faults in {summary.rejected:,} orders, which were left out; "
                f"see {errors}.",
                returncode=SOME_REJECTED,
            )

    def _progress(self) -> Progress:
        is_seen = hasattr(sys.stderr, "isatty") and sys.stderr.isatty()
        return Bars() if is_seen else Lines(self)

    def _tell(self, summary: Summary, *, dry_run: bool) -> None:
        if summary.ignored:
            self.stdout.write(f"Columns that were not looked at: {', '.join(summary.ignored)}.")
        verb = "Would record" if dry_run else "Recorded"
        self.stdout.write(
            f"{verb} {summary.orders:,} orders, {summary.lines:,} lines, "
            f"{summary.customers:,} new customers"
            + ("." if dry_run else f"; {summary.units:,} units earned.")
        )
        self.stdout.write(
            f"{summary.rows:,} rows read, {summary.skipped:,} orders skipped as recorded before, "
            f"{summary.rejected:,} rejected, in {summary.seconds:.1f} s."
        )


def _terms(options: dict[str, Any]) -> Terms:
    if options["time_zone"] not in zoneinfo.available_timezones():
        raise CommandError(f"“{options['time_zone']}” is not a time zone such as Europe/Madrid.")
    if options["currency"]:
        check_currency(options["currency"])
    return Terms(
        currency=options["currency"],
        new_currency=settings.DEFAULT_CURRENCY,
        time_zone=options["time_zone"],
        known_stores_only=options["known_stores_only"],
    )


def _batch_size(orders: int) -> int:
    if orders < 1:
        raise CommandError("A batch has at least 1 order.")
    return orders


class Lines(Progress):
    """A line for each step and batch, for logs."""

    def __init__(self, command: BaseCommand) -> None:
        self.command = command

    def stage(self, text: str) -> None:
        """Another step begins."""
        self.command.stdout.write(f"{text} ...")

    def writing(self, batch: Batch, done: int, orders: int) -> None:
        """A batch is committed."""
        self.command.stdout.write(f"{done:,} of {orders:,} orders")


class Bars(Progress):
    """A bar for reading and one for writing, for people."""

    def __init__(self) -> None:
        self.bar: tqdm[Any] | None = None

    def reading(self, file: OrderFile) -> Iterator[None]:
        """Advanced after each block that was read."""
        with tqdm(total=file.size, unit="B", unit_scale=True, desc="Reading") as bar:
            while True:
                bar.update(file.raw.tell() - bar.n)
                yield

    def stage(self, text: str) -> None:
        """Another step begins."""
        tqdm.write(f"{text} ...", file=sys.stderr)

    def writing(self, batch: Batch, done: int, orders: int) -> None:
        """A batch is committed."""
        if self.bar is None:
            self.bar = tqdm(total=orders, unit=" orders", desc="Writing")
        self.bar.update(done - self.bar.n)
        if done == orders:
            self.bar.close()
