"""Pages over HTTP and their statements alone, beside bare ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import connection
from django.urls import reverse
from django.utils.http import urlencode

from activity.models import ContactPoint
from customers.models import Customer, Order
from customers.search import query_of, search_page
from customers.selectors import LIST_SIZE, newest_customers
from loyalty_admin.common.paging import AFTER, encode_cursor
from tests.bench.measuring import race
from tests.bench.population import OLD_TERM
from tests.bench.report import Effort, Line, limited, time_line
from tests.bench.server import Browser

EMPTY = "/bench/empty/"
BARE_LIST = "/bench/list/"
PLAIN = "/plain"
DEEP_ROW = 4_000 * LIST_SIZE
SAME = "same middleware"
FEW = "startproject's"
SEARCH_GOAL = 60.0  # milliseconds

_BARE = (
    "SELECT id, external_id, name, document, language, status, joined_at, listed_at "
    "FROM customers_customer"
)
# As many rows of the same types that no store is read for: what reading rows takes anyway.
_CLOCK = f"""
SELECT i, 'C000000' || i, 'Ana María García Pérez', '12345678A', 'es', 'member', now(), now()
FROM generate_series(1, {LIST_SIZE + 1}) AS i
"""
_NEWEST = f"ORDER BY listed_at DESC, id DESC LIMIT {LIST_SIZE + 1}"


@dataclass(frozen=True, slots=True)
class Search:
    """A kind of search and terms of that kind."""

    what: str
    terms: Sequence[str]

    def term(self) -> str:
        """Any of its terms."""
        return random.choice(self.terms)


def searches(size: int) -> list[Search]:
    """Terms that many, few, none or only old customers have, and short ones."""
    some = [random.randint(1, size) for _ in range(100)]
    absent = ["xylophonist", "garciano", "turnerez", "mariapeter", "nobody@example.com"]
    return [
        Search("common term", ["García", "maria", "garcia maria", "example.com", "sevilla"]),
        Search("rare term", [f"person{i}@example" for i in some] + [f"c{i:07d}" for i in some]),
        Search("absent term", absent),
        Search("old customers' term", [OLD_TERM, OLD_TERM.lower(), OLD_TERM[:6]]),
        Search("2 characters", ["an", "ga", "ju", "zz"]),
    ]


def measure_lists(browser: Browser, effort: Effort, size: int) -> list[Line]:
    """The customer list at its beginning and deep down: the page and its statement."""
    url = reverse("customers:list")
    at, pk = Customer.objects.order_by("-listed_at", "-pk").values_list("listed_at", "pk")[
        min(DEEP_ROW, size - 2 * LIST_SIZE)
    ]
    deep = {AFTER: encode_cursor([at, pk])}
    bare_deep = urlencode({"at": at.isoformat(), "id": pk})
    lines = []
    for what, params, bare, key in (
        ("list, first page", {}, BARE_LIST, None),
        ("list, deep page", deep, f"{BARE_LIST}?{bare_deep}", (at, pk)),
    ):
        paths = {
            "ours": f"{url}?{urlencode(params)}",
            "same": bare,
            "few": f"{PLAIN}{bare}",
            "empty": EMPTY,
        }
        pages = {name: _load(browser, path) for name, path in paths.items()}
        took = race(pages, rounds=effort.page_rounds, block=effort.page_block)
        ours, clock = took["ours"], took["empty"]
        lines += [
            time_line(what, ours, f"bare list, {SAME}", took["same"], goal=3, clock=clock),
            time_line(what, ours, f"bare list, {FEW}", took["few"], goal=3),
        ]
        where = "WHERE (listed_at, id) < (%s, %s)" if key else ""
        ways = {
            "ours": _replay(partial(newest_customers, params)),
            "bare": _statement(f"{_BARE} {where} {_NEWEST}", key),
            "clock": _statement(_CLOCK),
        }
        sql = race(ways, rounds=effort.rounds, block=effort.block)
        lines.append(
            time_line(
                f"{what}: SQL", sql["ours"], "bare query", sql["bare"], goal=1.5, clock=sql["clock"]
            )
        )
    return lines


def measure_search(browser: Browser, effort: Effort, size: int) -> list[Line]:
    """Searches of every kind: the page, and the statement alone."""
    url = reverse("customers:list")
    kinds = searches(size)
    pages = {kind.what: _load_any(browser, url, kind) for kind in kinds}
    took = race(
        pages | {EMPTY: _load(browser, EMPTY)}, rounds=effort.page_rounds, block=effort.page_block
    )
    ways = {kind.what: _search(kind) for kind in kinds}
    newest = _statement(f"{_BARE} {_NEWEST}")
    sql = race(ways | {_NEWEST: newest}, rounds=effort.page_rounds, block=effort.page_block)
    lines = []
    for kind in kinds:
        page = time_line(f"search, {kind.what}", took[kind.what], "empty page", took[EMPTY])
        lines += [
            limited(page, p95=SEARCH_GOAL),
            time_line(f"search, {kind.what}: SQL", sql[kind.what], "newest, bare", sql[_NEWEST]),
        ]
    return lines


def measure_find(browser: Browser, effort: Effort) -> list[Line]:
    """Find anything by whole keys, which leads straight to the one thing."""
    url = reverse("customers:find")
    numbers = Order.objects.order_by("?").values_list("number", flat=True)[:50]
    points = ContactPoint.objects.order_by("?").values_list("value", flat=True)[:50]
    ids = Customer.objects.order_by("?").values_list("external_id", flat=True)[:50]
    keys = {
        "find, order number": list(numbers),
        "find, e-mail or phone": list(points),
        "find, external id": [str(value) for value in ids],
    }
    ways = {what: _follow_any(browser, url, values) for what, values in keys.items()}
    took = race(
        ways | {"empty": _load(browser, EMPTY)},
        rounds=effort.page_rounds,
        block=effort.page_block,
    )
    return [
        time_line(what, took[what], "empty page", took["empty"], goal=2, clock=took["empty"])
        for what in keys
    ]


def _load(browser: Browser, path: str) -> Callable[[], object]:
    return partial(browser.get, path)


def _load_any(browser: Browser, url: str, kind: Search) -> Callable[[], object]:
    return lambda: browser.get(f"{url}?{urlencode({'q': kind.term()})}")


def _follow_any(browser: Browser, url: str, values: Sequence[str]) -> Callable[[], object]:
    return lambda: browser.get(f"{url}?{urlencode({'q': random.choice(values)})}", expect=302)


def _search(kind: Search) -> Callable[[], object]:
    return lambda: search_page(query_of(kind.term()), {}, LIST_SIZE)


def _statement(sql: str, params: Any = None) -> Callable[[], object]:
    def run() -> object:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall()

    return run


def _replay(read: Callable[[], object]) -> Callable[[], object]:
    """The one statement that `read` sends, without what Python makes of its rows."""
    sent: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        read()
    ((sql, params),) = sent
    return _statement(sql, params)
