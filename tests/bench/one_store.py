"""Measure one store, in a process of its own: `python -m tests.bench.one_store SIZE RESULTS`.

The environment names its database; the lines go to the file RESULTS as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from tests.bench.report import Effort, Line

SHORT, LONG = 50, 5_000
"""How many events the two customers have whose pages are measured."""


def main(size: int, results: Path, *, quick: bool) -> None:
    """Fill the store unless it is full, measure everything, write the lines down."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"
    os.environ["LOG_LEVEL"] = "ERROR"  # of this process; the server writes its log as ever
    django.setup()
    del os.environ["LOG_LEVEL"]
    from tests.bench import stores
    from tests.bench.report import Effort

    server = os.environ["BENCH_SERVER"]
    if not stores.is_ready(server, size):
        begun = perf_counter()
        stores.make_empty(server, size)
        _fill(size)
        stores.mark_ready(server, size)
        print(f"{size:,} customers made in {perf_counter() - begun:.0f} s", flush=True)
    _tidy()
    lines = _measure(Effort(3, 2, 3, 1) if quick else Effort(), size)
    results.write_text(json.dumps([line.as_json() for line in lines]))


def _fill(size: int) -> None:
    from django.core.management import call_command

    from tests.bench.history import customer_with_history
    from tests.bench.population import populate

    call_command("migrate", verbosity=0)
    program = populate(size)
    for skip, events in enumerate((SHORT, LONG)):
        customer_with_history(program, events, skip=skip)


def _tidy() -> None:
    """Do now what the database would otherwise do in the middle of a measurement."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _measure(effort: Effort, size: int) -> list[Line]:
    from customers.models import Customer
    from rewards.models import Program
    from tests.bench import ledger, pages, profiles
    from tests.bench.server import served

    program = Program.objects.get(code="bench")
    with served() as browser:
        lines = pages.measure_lists(browser, effort, size)
        lines += pages.measure_search(browser, effort, size)
        lines += pages.measure_find(browser, effort)
        busy = Customer.objects.filter(orders__number__startswith="H").distinct().order_by("pk")
        customers = dict(zip((SHORT, LONG), busy, strict=True))
        lines += profiles.measure(browser, effort, customers)
    lines += profiles.measure_check()
    lines += ledger.measure(program, effort)
    return lines


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), quick="--quick" in sys.argv)
