"""`manage.py load_demo`: a believable year of some 500 customers."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from rewards.demo import FEWEST, MOST

PACKAGES = ("factory", "faker", "time_machine")


class Command(BaseCommand):
    """Fills an empty database, once; a load that was cut off is completed."""

    help = "Load the demo: customers with a year of orders, points, corrections and notes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How many customers."""
        parser.add_argument(
            "--customers",
            type=_number,
            default=500,
            help=f"how many customers, {FEWEST} to {MOST} (default: 500)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and say what there is."""
        if not settings.DEBUG:
            raise CommandError(
                "The demo has sign-ins whose password everybody knows; it loads with DEBUG=true "
                "only."
            )
        try:
            from rewards.demo import cases, loading
        except ModuleNotFoundError as error:
            if error.name not in PACKAGES:
                raise
            raise CommandError(
                f"The demo needs the development packages; “{error.name}” is missing. "
                "`make install` installs them."
            ) from error
        if loading.is_loaded():
            self.stdout.write("The demo's data is there already.")
            return
        if loading.is_in_use():
            self.stdout.write("This database holds other data; the demo's is not added to it.")
            return
        self.stdout.write("Loading the demo's data ...")
        try:
            loaded = loading.load(options["customers"], self._say)
        except loading.DoesNotAddUp as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{loaded.customers:,} customers, {loaded.acts:,} acts in {loaded.seconds:.0f} s; "
            f"the ledger adds up.\n\nCustomers to remember:\n{cases.table()}\n\n"
            f"API key of “{loading.KEY_NAME}”, shown only now:\n  {loaded.api_key}"
        )

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _number(text: str) -> int:
    if not text.isdigit() or not FEWEST <= int(text) <= MOST:
        raise ArgumentTypeError(f"enter a number from {FEWEST} to {MOST}")
    return int(text)
