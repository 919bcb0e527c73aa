"""What is wrong with a file is named by line and field, and nothing is half-written."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from customers.models import Order
from tests.customers.importing import HEADER, ROW, rows, run, run_rejected, write
from tests.customers.ledger_dump import dump
from tests.factories import EarningRuleVersionFactory, StoreFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


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
