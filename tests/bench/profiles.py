"""The customer's page with a short and a long history, and the check of all ledgers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.models import Customer
from customers.panels import register_tab
from loyalty_admin.staff.permissions import actor_of
from rewards.selectors.integrity import find_discrepancies
from tests.bench.measuring import Call, race
from tests.bench.pages import EMPTY
from tests.bench.report import Effort, Line, count_line, limited, time_line
from tests.bench.server import Browser, bench_user, signed_in_client

PAGE_GOAL = 50.0  # milliseconds
QUERIES_GOAL = 26

_SUM = "SELECT account_id, sum(amount) FROM rewards_entry GROUP BY account_id"


def measure(browser: Browser, effort: Effort, customers: dict[int, Customer]) -> list[Line]:
    """The page as it opens, and then the panel of every other tab, by number of events."""
    lines = []
    for events, customer in customers.items():
        page, panels = _paths(customer)
        ways: dict[str, Call] = {
            "page": partial(browser.get, page),
            "all": _whole(browser, page, panels),
            "empty": partial(browser.get, EMPTY),
        }
        took = race(ways, rounds=effort.page_rounds, block=max(1, effort.page_block // 2))
        what, empty = f"profile, {events:,} events", took["empty"]
        opened = time_line(what, took["page"], "empty page", empty, clock=empty)
        whole = time_line(f"{what}, every tab", took["all"], "empty page", empty, clock=empty)
        lines += [
            limited(opened, p50=PAGE_GOAL),
            whole,
            count_line(f"{what}: queries", _queries(page, []), QUERIES_GOAL),
            count_line(f"{what}, every tab: queries", _queries(page, panels), QUERIES_GOAL),
        ]
    return lines


def measure_check() -> list[Line]:
    """The proof that all ledgers add up, beside the plainest sum of the entries."""
    timings = race({"ours": find_discrepancies, "sum": _sum_entries}, rounds=1, block=1)
    return [time_line("check of all ledgers", timings["ours"], "sum of entries", timings["sum"])]


def _paths(customer: Customer) -> tuple[str, list[str]]:
    tabs = register_tab.open_to(actor_of(bench_user()))
    page = reverse("customers:profile", args=[customer.pk])
    return page, [tab.url(customer.pk) for tab in tabs[1:]]


def _whole(browser: Browser, page: str, panels: Sequence[str]) -> Callable[[], object]:
    def load() -> int:
        return browser.get(page) + sum(browser.get(path, fragment=True) for path in panels)

    return load


def _queries(page: str, panels: Sequence[str]) -> int:
    """How many queries the page and the panels make, those that find out who asks included."""
    client = signed_in_client()
    with CaptureQueriesContext(connection) as queries:
        client.get(page)
        for path in panels:
            client.get(path, headers={"HX-Request": "true"})
    return len(queries)


def _sum_entries() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SUM)
        cursor.fetchall()
