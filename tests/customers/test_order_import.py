"""`manage.py import_orders`: everything that is right comes in once, however the file looks."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction

from activity.models import AuditRecord
from customers import hooks
from customers.models import Customer, Order, OrderLine
from customers.order_import import writing
from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.models import Store
from rewards.actions.integrity import check_ledgers
from tests.customers.importing import HEADER, ROW, rows, run, write
from tests.customers.ledger_dump import dump
from tests.customers.order_csv import make_orders, write_csv
from tests.factories import EarningRuleVersionFactory, StoreFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def undone() -> Iterator[None]:
    """What happens in here has not happened afterwards."""
    point = transaction.savepoint()
    yield
    transaction.savepoint_rollback(point)


def test_orders_come_in_with_stores_customers_and_lines() -> None:
    EarningRuleVersionFactory()
    out = run(
        rows(
            ROW,
            "1001,2026-05-01 18:30:00,C-1,S-1,SKU-2,,,0,0.00,0",
            "0999,2026-04-01T09:00,C-1,S-1,SKU-1,Coffee beans,GROCERY,2,20.00,1.00",
            "1001,2026-05-02 10:00:00,,S-2,SKU-1,Coffee beans,GROCERY,0.455,3.20,0",
        )
    )

    assert "Recorded 3 orders, 4 lines, 1 new customers; 32 units earned." in out
    customer = Customer.objects.get()
    assert (customer.external_id, customer.status, customer.search_text) == ("C-1", "member", "c-1")
    assert customer.joined_at == datetime(2026, 4, 1, 7, 0, tzinfo=UTC), "their first order, UTC"
    stores = Store.objects.order_by("code").values_list("code", "currency", "time_zone")
    assert list(stores) == [(code, "EUR", "Europe/Madrid") for code in ("S-1", "S-2")]
    order = Order.objects.get(number="1001", store__code="S-1")
    assert (order.total, order.discount) == (Decimal("12.50"), Decimal("0.10"))
    assert order.placed_at == datetime(2026, 5, 1, 16, 30, tzinfo=UTC)
    lines = list(order.lines.values_list("position", "sku", "product", "quantity", "customer_id"))
    assert lines == [
        (1, "SKU-1", "Coffee beans", Decimal(1), customer.pk),
        (2, "SKU-2", "", Decimal(0), customer.pk),
    ]
    assert Order.objects.get(store__code="S-2").customer is None
    record = AuditRecord.objects.get(verb="orders.imported")
    assert (record.after or {})["orders"] == 3
    assert not list(Path.cwd().glob("*.errors.csv"))


def test_the_same_file_again_adds_nothing(tmp_path: Path) -> None:
    EarningRuleVersionFactory()
    path = write_csv(tmp_path / "made.csv", make_orders(300))
    run(path)
    before = dump()
    out = run(path)

    assert "Recorded 0 orders" in out
    assert "300 orders skipped" in out
    assert dump() == before


def test_a_file_that_grew_adds_what_is_new(tmp_path: Path) -> None:
    EarningRuleVersionFactory()
    orders = make_orders(300)
    with undone():
        run(write_csv(tmp_path / "whole.csv", orders))
        whole = dump()
    run(write_csv(tmp_path / "half.csv", orders[:140]))
    assert "140 orders skipped" in run(tmp_path / "whole.csv", "--batch=50")
    assert dump() == whole


def test_lines_of_several_orders_may_alternate(tmp_path: Path) -> None:
    EarningRuleVersionFactory()
    orders = make_orders(100)
    with undone():
        run(write_csv(tmp_path / "sorted.csv", orders))
        one = dump()
    run(write_csv(tmp_path / "mixed.csv", orders, mixed=True), "--batch=7")
    other = dump()

    assert {name for name in one if one[name] != other[name]} == {"lines"}, "only their positions"
    assert len(one["lines"]) == len(other["lines"])


def test_a_dry_run_writes_nothing_and_says_what_would_be() -> None:
    out = run(rows(ROW, ROW.replace("1001", "1002")), "--dry-run")

    assert "Would record 2 orders, 2 lines, 1 new customers." in out
    for model in (Order, OrderLine, Customer, Store, AuditRecord):
        assert not model._default_manager.exists()


def failing_at_the_third_batch() -> list[Any]:
    """The receivers of the hook, and one that fails at its third call."""
    calls: list[str] = []

    def fail(_actor: Actor, table: str) -> None:
        calls.append(table)
        if len(calls) == 3:
            raise RuntimeError("power cut")

    return [*hooks.orders_imported._receivers, fail]


def test_a_batch_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    EarningRuleVersionFactory()
    path = write_csv(tmp_path / "made.csv", make_orders(90))
    with undone():
        run(path)
        whole = dump()
    with monkeypatch.context() as patch:
        patch.setattr(hooks.orders_imported, "_receivers", failing_at_the_third_batch())
        with pytest.raises(RuntimeError, match="power cut"):
            run(path, "--batch=20")
    assert Order.objects.count() == 40
    assert check_ledgers(actor=Actor.system("test")).discrepancies == []
    run(path, "--batch=20")
    assert dump() == whole


def test_control_without_the_transaction_half_a_batch_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_csv(tmp_path / "made.csv", make_orders(90))
    monkeypatch.setattr(hooks.orders_imported, "_receivers", failing_at_the_third_batch())
    monkeypatch.setattr(writing, "transaction", SimpleNamespace(atomic=lambda **_: nullcontext()))
    with pytest.raises(RuntimeError, match="power cut"):
        run(path, "--batch=20")
    assert Order.objects.count() == 60


def test_people_see_bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    out = run(write_csv(tmp_path / "made.csv", make_orders(60)), "--batch=20")

    assert "Reading: 100%" in terminal.getvalue()
    assert "Writing: 100%" in terminal.getvalue()
    assert "of 60 orders" not in out, "the lines are for logs"


def test_the_session_is_left_as_it_was() -> None:
    run(rows(ROW))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'import_%%'")
        assert cursor.fetchone() == (0,)
        cursor.execute("SHOW enable_nestloop")
        assert cursor.fetchone() == ("on",)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(gzip.compress(f"{HEADER}\n{ROW}\n".encode()), id="gzip"),
        pytest.param(b"\xef\xbb\xbf" + f"{HEADER}\n{ROW}\n".encode(), id="byte order mark"),
        pytest.param(f"{HEADER}\r\n{ROW}\r\n".encode(), id="Windows line ends"),
        pytest.param(f"{HEADER}\n{ROW}".encode(), id="no line end at the end"),
        pytest.param(f"{HEADER}\n\n{ROW}\n\n".encode(), id="empty lines"),
        pytest.param(f"{HEADER}\n{ROW.replace(',', ' , ')}\n".encode(), id="spaces"),
        pytest.param('"{}"\n"{}"\n'.format(HEADER.replace(",", '","'), ROW.replace(",", '","'))
                     .encode(), id="quotes everywhere"),
        pytest.param(f"{HEADER.upper()}\n{ROW}\n".encode(), id="capitals"),
        pytest.param(f"{HEADER},colour\n{ROW},red\n".encode(), id="another column"),
        pytest.param(f"{HEADER},currency\n{ROW},EUR\n".encode(), id="currency"),
        pytest.param("{}\n{}\n".format(*(",".join(reversed(line.split(","))) for line in
                     (HEADER, ROW))).encode(), id="columns in another order"),
    ],
)  # fmt: skip
def test_files_may_look_different(content: bytes) -> None:
    run(write(content, "orders.dat"))

    line = OrderLine.objects.select_related("order__store", "order__customer").get()
    assert (line.sku, line.product, line.total) == ("SKU-1", "Coffee beans", Decimal("12.50"))
    assert (line.order.number, line.order.store.code) == ("1001", "S-1")
    assert line.order.customer is not None
    assert line.order.customer.external_id == "C-1"


def test_text_survives_as_it_is() -> None:
    product = 'Jam, "the best", C:\\new \\N 中文 🎁'
    quoted = product.replace('"', '""')
    run(rows(ROW.replace("Coffee beans", f'"{quoted}"')))
    assert OrderLine.objects.get().product == product


def test_times_are_those_of_the_store() -> None:
    StoreFactory(code="S-1", time_zone="America/New_York")
    run(rows(ROW, ROW.replace("1001", "1002").replace("S-1", "S-2")), "--time-zone=Asia/Tokyo")

    times = dict(Order.objects.values_list("store__code", "placed_at"))
    assert times["S-1"] == datetime(2026, 5, 1, 22, 30, tzinfo=UTC)
    assert times["S-2"] == datetime(2026, 5, 1, 9, 30, tzinfo=UTC)


def test_a_new_store_sells_in_the_currency_that_is_given() -> None:
    run(rows(ROW), "--currency=USD")
    assert Store.objects.get().currency == Order.objects.get().currency == "USD"
