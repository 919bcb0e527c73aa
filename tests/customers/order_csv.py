"""Files of orders that never happened, the same for the same seed."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

COLUMNS = [
    "order_number", "placed_at", "customer_external_id", "store", "sku", "product", "category",
    "quantity", "line_total", "line_discount",
]  # fmt: skip
CATEGORIES = ["GROCERY", "PASTRY", "MEAT", "", "FUEL"]
PRODUCTS = ["Coffee beans", 'Jam, "the red one"', "Pão de queijo", "", "C:\\new\ttab?", "中文 🎁"]
STORES = {"S-MAD": "Europe/Madrid", "S-NYC": "America/New_York", "WEB": "Europe/Madrid"}
FIRST = datetime(2026, 4, 1)  # noqa: DTZ001 - the store's own time
DAYS = 74


@dataclass(frozen=True, slots=True)
class MadeOrder:
    """An order as a till knows it; `placed_at` is the store's time."""

    number: str
    placed_at: datetime
    customer: str
    store: str
    lines: Sequence[dict[str, str]]

    @property
    def instant(self) -> datetime:
        """The moment."""
        return self.placed_at.replace(tzinfo=ZoneInfo(STORES[self.store]))

    def rows(self) -> list[list[str]]:
        """The lines as a CSV file has them."""
        head = [self.number, f"{self.placed_at:%Y-%m-%d %H:%M:%S}", self.customer, self.store]
        return [head + [line[name] for name in COLUMNS[4:]] for line in self.lines]

    def body(self, **fields: Any) -> dict[str, Any]:
        """The order as the API takes it."""
        names = {"line_total": "total", "line_discount": "discount"}
        lines = [{names.get(key, key): text for key, text in one.items()} for one in self.lines]
        return {
            "number": self.number,
            "store": self.store,
            "placed_at": self.instant.isoformat(),
            "currency": "EUR",
            "customer_external_id": self.customer or None,
            "enrol": True,
            "lines": lines,
        } | fields


def make_orders(count: int, *, seed: int = 1, customers: int = 50) -> list[MadeOrder]:
    """Orders of some 74 days, in the order of their moments."""
    chance = random.Random(seed)
    orders = [_make(chance, number, customers) for number in range(count)]
    return sorted(orders, key=lambda order: (order.instant, order.number, order.store))


def _make(chance: random.Random, number: int, customers: int) -> MadeOrder:
    day, second = chance.randrange(DAYS), chance.randrange(8 * 3600, 21 * 3600)
    person = chance.randrange(customers + customers // 10)
    return MadeOrder(
        # Two stores may use one number.
        number=f"{1000 + number // 2 * 2 if number % 10 == 1 else 1000 + number}",
        placed_at=FIRST + timedelta(days=day, seconds=second),
        customer=f"C-{person:04d}" if person < customers else "",
        store=list(STORES)[number % 3],
        lines=[_line(chance) for _ in range(chance.choice([1, 1, 2, 3, 5, 9]))],
    )


def _line(chance: random.Random) -> dict[str, str]:
    total = Decimal(chance.choice([0, 99, 250, 1999, chance.randrange(5000)])) / 100
    return {
        "sku": f"SKU-{chance.randrange(20)}",
        "product": chance.choice(PRODUCTS).replace("\t", " "),
        "category": chance.choice(CATEGORIES),
        "quantity": chance.choice(["0", "1", "2", "3", "0.455"]),
        "line_total": f"{total:.2f}",
        "line_discount": chance.choice(["0.00", "0.10", "0"]),
    }


def write_csv(path: Path, orders: Sequence[MadeOrder], *, mixed: bool = False) -> Path:
    """The orders as a CSV file; `mixed` lets lines of several orders alternate."""
    rows = list(_rows(orders))
    if mixed:
        random.Random(7).shuffle(rows)
        rows.sort(key=lambda row: row[1][:10])  # by day only
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return path


def _rows(orders: Sequence[MadeOrder]) -> Iterator[list[str]]:
    for order in orders:
        yield from order.rows()
