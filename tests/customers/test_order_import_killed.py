"""Imports as real processes: killed without a warning, started again, and two at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection

from customers.actions.order_checks import OrderDraft
from customers.actions.orders import record_order
from customers.models import Order
from loyalty_admin.common.actor import Actor
from rewards.actions.integrity import check_ledgers
from tests.customers.drafts import a_line
from tests.customers.ledger_dump import Rows, dump
from tests.customers.order_csv import STORES, MadeOrder, make_orders, write_csv
from tests.factories import (
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    StoreFactory,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

ORDERS = make_orders(600)
BATCH = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    program = ProgramFactory(code="points")
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=program))
    stamps = ProgramFactory(code="stamps", stamps=True)
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=stamps), measure="order", per=1)
    return write_csv(tmp_path / "orders.csv", ORDERS)


@pytest.fixture(autouse=True)
def _nobody_is_left_over() -> Iterator[None]:
    yield
    for process in _started:
        process.kill()
        process.communicate()
    _started.clear()


_started: list[subprocess.Popen[str]] = []


def start(path: Path, *options: str) -> subprocess.Popen[str]:
    """`manage.py import_orders` as a process of its own, on the database of the tests."""
    url = urlsplit(os.environ["DATABASE_URL"])
    name = connection.settings_dict["NAME"]
    address = urlunsplit(url._replace(path=f"/{name}"))
    process = subprocess.Popen(
        [sys.executable, "manage.py", "import_orders", str(path), f"--batch={BATCH}", *options],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": address, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    _started.append(process)
    return process


def finish(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    return out


def kill_after(process: subprocess.Popen[str], lines: int) -> None:
    """End it by SIGKILL when it has told of so many steps."""
    assert process.stdout is not None
    for _ in range(lines):
        assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL


def undisturbed(path: Path) -> dict[str, Rows]:
    """What an import leaves behind that nobody disturbs."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE customers_order, customers_customer CASCADE")
    finish(start(path))
    return dump()


def assert_adds_up() -> None:
    assert check_ledgers(actor=Actor.system("test")).discrepancies == []


def test_killed_at_any_moment_it_ends_with_the_same_ledger(path: Path) -> None:
    seen = []
    for lines in (1, 2, 5, 9):  # while checking, and after some batches more each time
        kill_after(start(path), lines)
        seen.append(Order.objects.count())
        assert seen[-1] % BATCH == 0, "a batch is written whole or not at all"
        assert_adds_up()
    assert 0 < seen[-1] < len(ORDERS), "the last one was killed half way"
    finish(start(path))
    killed = dump()

    assert_adds_up()
    assert len(killed["orders"]) == len(ORDERS)
    assert killed == undisturbed(path)


def test_two_at_a_time_record_each_order_once(path: Path) -> None:
    processes = [start(path) for _ in range(2)]
    told = [finish(process) for process in processes]

    assert sorted("Recorded 600 orders" in out for out in told) == [False, True]
    assert sorted("600 orders skipped" in out for out in told) == [False, True]
    assert_adds_up()
    assert dump() == undisturbed(path)


def test_tills_may_send_the_same_orders_meanwhile(path: Path) -> None:
    """Whoever comes first records an order; the other one finds it there."""
    for code, zone in STORES.items():
        StoreFactory(code=code, time_zone=zone)
    process = start(path)
    assert process.stdout is not None
    process.stdout.readline()  # it has begun
    late = ORDERS[::-7]
    recorded = [
        record_order(actor=Actor.system("till"), draft=_draft(order), idempotency_key="-")
        for order in late
    ]
    finish(process)

    assert any(one.created for one in recorded), "the till was never first: nothing was raced"
    assert Order.objects.count() == len(ORDERS)
    assert_adds_up()
    left = {name: sorted(rows, key=str) for name, rows in dump().items()}
    alone = {name: sorted(rows, key=str) for name, rows in undisturbed(path).items()}
    for name in ("orders", "lines", "operations", "accounts"):
        assert left[name] == alone[name], name


def _draft(order: MadeOrder) -> OrderDraft:
    return OrderDraft(
        number=order.number,
        store=order.store,
        placed_at=order.instant,
        currency="EUR",
        customer_external_id=order.customer or None,
        enrol=True,
        lines=[
            a_line(
                sku=line["sku"],
                product=line["product"],
                category=line["category"],
                quantity=Decimal(line["quantity"]),
                total=Decimal(line["line_total"]),
                discount=Decimal(line["line_discount"]),
            )
            for line in order.lines
        ],
    )
