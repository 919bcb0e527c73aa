"""`manage.py import_orders`: everything that is right comes in once, however the file looks."""

from __future__ import annotations

import csv
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
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from activity.models import AuditRecord
from customers import hooks
from customers.models import Customer, Order, OrderLine
from customers.order_import import writing
from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.models import Store
from rewards.actions.integrity import check_ledgers
from tests.customers.ledger_dump import dump
from tests.customers.order_csv import COLUMNS, make_orders, write_csv
from tests.factories import EarningRuleVersionFactory, StoreFactory

pytestmark = pytest.mark.django_db

HEADER = ",".join(COLUMNS)
ROW = "1001,2026-05-01 18:30:00,C-1,S-1,SKU-1,Coffee beans,GROCERY,1,12.50,0.10"


@pytest.fixture(autouse=True)
def _a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(path: Path | str, *options: str) -> str:
    out = StringIO()
    call_command("import_orders", str(path), *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def write(text: str | bytes, name: str = "orders.csv") -> Path:
    path = Path(name)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def rows(*lines: str) -> Path:
    return write("\n".join([HEADER, *lines]) + "\n")


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


REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty"),
    "zip": (b"PK\x03\x04 and more", "zip archive"),
    "zip in gzip": (gzip.compress(b"PK\x03\x04 and more"), "zip archive"),
    "utf-16": (f"{HEADER}\n{ROW}\n".encode("utf-16"), "UTF-16"),
    "damaged gzip": (gzip.compress(f"{HEADER}\n{ROW}\n".encode() * 900)[:-40], "damaged"),
    "missing columns": (b"order_number,store\n1,2\n", "lacks “placed_at”, “customer_external_id”"),
    "semicolons": (HEADER.replace(",", ";").encode(), "separated by commas"),
    "twice": (f"{HEADER},sku\n".encode(), "“sku” more than once"),
    "binary": (b"\x00\xff\x00\n", "no header in UTF-8"),
    "one endless line": (f"{HEADER}\n".encode() + b"x" * 3_000_000, "longer than 1,000,000"),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_is_none_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(write(content))
    assert not Order.objects.exists()
    assert not list(Path.cwd().glob("*.errors.csv"))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--time-zone=Mars/Olympus", "not a time zone"),
        ("--currency=EURO", "not a currency"),
        ("--batch=0", "at least 1"),
    ],
)
def test_a_wrong_option_is_refused(option: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(rows(ROW), option)
    assert not Order.objects.exists()


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandError, match=r"nowhere\.csv can't be read"):
        run("nowhere.csv")


def test_a_header_alone_is_an_import_of_nothing() -> None:
    assert "Recorded 0 orders" in run(write(HEADER))


@contextmanager
def undone() -> Iterator[None]:
    """What happens in here has not happened afterwards."""
    point = transaction.savepoint()
    yield
    transaction.savepoint_rollback(point)


def run_rejected(path: Path, *options: str) -> list[list[str]]:
    """Import a file with faults; the rows of the file that tells of them."""
    with pytest.raises(CommandError, match="left out") as caught:
        run(path, *options)
    assert caught.value.returncode == 2
    with Path("orders.csv.errors.csv").open(encoding="utf-8", newline="") as file:
        header, *faults = csv.reader(file)
    assert header == ["line", "order_number", "field", "message"]
    return faults


FAULTS: dict[str, tuple[str, str, str]] = {
    "negative quantity": (ROW.replace(",1,12.50", ",-1,12.50"), "quantity", "less than zero"),
    "negative total": (ROW.replace("12.50", "-12.50"), "line_total", "less than zero"),
    "too many decimals": (ROW.replace("12.50", "12.505"), "line_total", "2 after the point"),
    "huge": (ROW.replace("12.50", "9" * 13), "line_total", "12 digits before"),
    "no number": (ROW.replace("12.50", "12 EUR"), "line_total", "not a number"),
    "not a number": (ROW.replace("12.50", "NaN"), "line_total", "not a number"),
    "exponent": (ROW.replace("12.50", "1e3"), "line_total", "not a number"),
    "no total": (ROW.replace("12.50", ""), "line_total", "empty; write 0"),
    "a decimal comma": (ROW.replace("12.50", '"12,50"'), "line_total", "not a number"),
    "discount": (ROW.replace("0.10", "x"), "line_discount", "not a number"),
    "no sku": (ROW.replace("SKU-1", ""), "sku", "is empty"),
    "long product": (ROW.replace("Coffee", "x" * 200), "product", "longer than 200"),
    "European date": (ROW.replace("2026-05-01 18:30:00", "01/05/2026 18:30"), "placed_at",
                      "not a time such as 2026-05-01 18:30:00"),
    "American date": (ROW.replace("2026-05-01 18:30:00", "5/1/26 6:30 PM"), "placed_at",
                      "not a time such as"),
    "Unix time": (ROW.replace("2026-05-01 18:30:00", "1777653000"), "placed_at", "not a time"),
    "with offset": (ROW.replace("18:30:00", "18:30:00+02:00"), "placed_at", "not a time"),
    "no such day": (ROW.replace("05-01", "02-30"), "placed_at", "does not exist"),
    "no time": (ROW.replace("2026-05-01 18:30:00", ""), "placed_at", "is empty"),
    "future": (ROW.replace("2026", "2999"), "placed_at", "in the future"),
    "past": (ROW.replace("2026", "1969"), "placed_at", "before 1970"),
    "no number of the order": (ROW.replace("1001", ""), "order_number", "is empty"),
    "no store": (ROW.replace("S-1", ""), "store", "is empty"),
    "long customer": (ROW.replace("C-1", "C" * 81), "customer_external_id", "longer than 80"),
    "column missing": (ROW.removesuffix(",0.10"), "", "has 9 columns, the header 10"),
    "column too many": (f"{ROW},", "", "has 11 columns, the header 10"),
    "broken quotes": (ROW.replace("Coffee", '"Coffee'), "", "broken quotes"),
    "quote in a word": (ROW.replace("Coffee", '"Cof"fee'), "", "broken quotes"),
    "NUL": (ROW.replace("Coffee", "Cof\x00fee"), "product", "control characters"),
    "carriage return": (ROW.replace("Coffee", "Cof\rfee"), "product", "control characters"),
}  # fmt: skip


@pytest.mark.parametrize(("row", "field", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_faulty_row_is_told_of_and_its_order_left_out(row: str, field: str, message: str) -> None:
    good = ROW.replace("1001", "2002")
    faults = run_rejected(rows(good, row, good.replace("2002", "2003")))

    line, _number, found, text = faults[0]
    assert (line, found) == ("3", field)
    assert message in text
    assert set(Order.objects.values_list("number", flat=True)) == {"2002", "2003"}


def test_bytes_that_are_no_utf_8_are_told_of() -> None:
    bad = ROW.replace("Coffee", "Café").encode("latin-1")
    path = write(b"\n".join([HEADER.encode(), ROW.replace("1001", "2002").encode(), bad]))
    faults = run_rejected(path)

    assert faults[0][0] == "3"
    assert "is not UTF-8: byte 0xE9" in faults[0][3]
    assert Order.objects.get().number == "2002"


@pytest.mark.parametrize("broken", [ROW.replace("12.50", "x"), ROW.replace("Coffee", '"C')])
def test_one_bad_line_leaves_its_whole_order_out(broken: str) -> None:
    other = ROW.replace("1001", "2002")
    faults = run_rejected(rows(ROW, other, broken, ROW))

    assert "4" in {fault[0] for fault in faults}
    assert {fault[1] for fault in faults} == {"1001"}
    assert [order.number for order in Order.objects.all()] == ["2002"]


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("C-1", "C-2", "customer_external_id"),
        ("C-1", "", "customer_external_id"),
        ("18:30:00", "18:31:00", "placed_at"),
    ],
)
def test_an_order_that_contradicts_itself_is_left_out(old: str, new: str, field: str) -> None:
    faults = run_rejected(rows(ROW, ROW, ROW.replace(old, new)))

    assert [(fault[0], fault[2]) for fault in faults] == [("4", field)]
    assert "on line 2 of the same order" in faults[0][3]
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("12.50", "12.51", "line_total"),
        ("C-1", "C-2", "customer_external_id"),
        ("18:30:00", "18:31:00", "placed_at"),
        ("Coffee", "Tea", "order_number"),
        ("SKU-1", "SKU-2", "order_number"),
    ],
)
def test_an_order_that_is_recorded_is_never_rewritten(old: str, new: str, field: str) -> None:
    EarningRuleVersionFactory()
    run(rows(ROW))
    before = dump()
    faults = run_rejected(rows(ROW.replace(old, new)))

    assert (faults[0][0], faults[0][2]) == ("2", field)
    assert "recorded before" in faults[0][3]
    assert dump() == before


def test_another_number_of_lines_is_another_order() -> None:
    free = ROW.replace("12.50", "0").replace("0.10", "0")
    run(rows(ROW, free))
    for changed in ([ROW], [ROW, free, free]):
        assert "other lines" in run_rejected(rows(*changed))[0][3]


def test_a_store_sells_in_its_own_currency() -> None:
    StoreFactory(code="S-1", currency="USD")
    faults = run_rejected(rows(ROW), "--currency=EUR")
    assert faults == [["2", "1001", "currency", "the store S-1 sells in USD, not in EUR"]]


def test_the_column_currency_counts() -> None:
    path = write(f"{HEADER},currency\n{ROW},EUR\n{ROW.replace('1001', '1002')},GBP\n")
    assert run_rejected(path)[0][:3] == ["3", "1002", "currency"]
    path = write(f"{HEADER},currency\n{ROW.replace('1001', '1003')},EURO\n")
    assert "not a currency" in run_rejected(path)[0][3]


def test_yen_have_no_decimals() -> None:
    faults = run_rejected(rows(ROW, ROW.replace("1001", "2002").replace("12.50", "12")
                               .replace("0.10", "0")), "--currency=JPY")  # fmt: skip
    assert [(fault[1], fault[2]) for fault in faults] == [("1001", "line_total")]


def test_unknown_stores_can_be_refused() -> None:
    StoreFactory(code="S-1")
    faults = run_rejected(
        rows(ROW, ROW.replace("1001", "1002").replace("S-1", "S-9")), "--known-stores-only"
    )
    assert [(fault[1], fault[2]) for fault in faults] == [("1002", "store")]
    assert Order.objects.count() == 1


def test_a_closed_store_is_refused() -> None:
    StoreFactory(code="S-1", is_active=False)
    assert "closed" in run_rejected(rows(ROW))[0][3]


def test_the_file_of_faults_is_no_spreadsheet_formula() -> None:
    faults = run_rejected(rows(ROW.replace("1001", "=1+1").replace("12.50", "x")))
    assert faults[0][1] == "'=1+1"


def test_faults_go_where_they_are_asked_to(tmp_path: Path) -> None:
    target = tmp_path / "other" / "faults.csv"
    target.parent.mkdir()
    with pytest.raises(CommandError, match=r"faults\.csv"):
        run(rows(ROW.replace("12.50", "x")), f"--errors={target}")
    assert target.read_text().count("\n") == 2


def test_a_thousand_wrong_rows_are_all_told_of() -> None:
    kinds: list[Any] = list(FAULTS.values())
    wrong = [kinds[number % 6][0].replace("1001", f"{number}") for number in range(1000)]
    assert len(run_rejected(rows(ROW, *wrong))) == 1000
    assert Order.objects.count() == 1
