"""RW-12: whatever somebody uploads, the message says what is wrong and what would be right."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

import pytest

from loyalty_admin.common.errors import InvalidInput
from rewards.actions.mass_adjustments.opening import open_file
from rewards.actions.mass_adjustments.reading import Row, read_rows


def rows_of(content: bytes | str) -> list[Row]:
    data = content.encode() if isinstance(content, str) else content
    return list(read_rows(open_file(BytesIO(data), len(data))))


def refusal(content: bytes | str) -> str:
    with pytest.raises(InvalidInput) as error:
        rows_of(content)
    assert error.value.field == "file"
    return error.value.message


def problem(amount: str = "40", **cells: str) -> str:
    names = ["customer", "amount", *cells]
    quoted = [f'"{value}"' for value in cells.values()]
    (row,) = rows_of(f"{';'.join(names)}\n{';'.join(['C-1', amount, *quoted])}\n")
    return row.problem


def zipped() -> bytes:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("adjustments.csv", "customer,amount\nC-1,40\n")
    return archive.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        ("customer,amount\n", "a header and nothing below it"),
        ("customer,amount\n,\n;;;\n\n", "a header and nothing below it"),
        (zipped(), "a zip archive or a spreadsheet. Unpack it, or save it as CSV"),
        (b"\x1f\x8b\x08\x00rest", "compressed by gzip. Unpack it"),
        (b"\xd0\xcf\x11\xe0rest", "an old spreadsheet"),
        ("customer,amount\nC-1,40".encode("utf-16"), "text in UTF-16. Save it as CSV in UTF-8"),
        ("customer,amount\nC-1,40".encode("utf-16-le"), "not text, or text in UTF-16"),
        ("customer,points\nC-1,40", "lacks the column “amount”; its first line has “customer”,"),
        ("C-1,40\nC-2,40", "lacks the column “customer”, “amount”"),
        ("customer|amount\nC-1|40", "Columns are separated by commas or semicolons."),
        ("customer,amount,Amount\nC-1,40,1", "has the column “amount” more than once"),
        ('customer,"amount\nC-1,40', "is no header"),
        ("customer,amount\r" + "C-1,40\r" * 200_000, "Lines have to end with a line feed."),
        ("customer,amount\n" + "x" * 1_000_001, "Line 2 is too long."),
    ],
)
def test_rw12_a_file_that_is_none_is_refused_as_a_whole(content: Any, message: str) -> None:
    assert message in refusal(content)


def test_rw12_a_file_too_large_is_refused_unread(settings: Any) -> None:
    class Untouched(BytesIO):
        def read(self, *args: Any) -> bytes:
            raise AssertionError("was read")

    with pytest.raises(InvalidInput, match="larger than 20 MB"):
        open_file(Untouched(), 20_000_001)
    settings.MASS_ADJUSTMENT_MAX_ROWS = 3
    assert "more than 3 rows" in refusal("customer,amount\n" + "C-1,40\n" * 4)


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_rw12_every_encoding_and_delimiter_is_understood(
    delimiter: str, encoding: str, ending: str
) -> None:
    lines = ["Customer;AMOUNT;Internal note", 'Núñez;-40;"sí; ""claro"""', "", "Ana;+7;"]
    content = ending.join(lines).replace(";", delimiter).encode(encoding)
    note = f'sí{delimiter} "claro"'
    first, second = rows_of(content)
    assert (first.line, first.key, first.amount, first.internal_note) == (2, "Núñez", -40, note)
    assert (second.line, second.key, second.amount, second.problem) == (4, "Ana", 7, "")


def test_rw12_the_euro_sign_of_windows_is_understood() -> None:
    (row,) = rows_of("customer,amount,customer_comment\nC-1,40,5 € más\n".encode("cp1252"))
    assert row.customer_comment == "5 € más"


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        ("1,000", "“1,000” could be read in two ways: write 1000 without"),
        ("-1.000", "write -1000 without"),
        ("1 000 000", "write 1000000 without"),
        ("1,234.50", "not a whole number such as 40 or -40, without separators"),
        ("12.5", "“12.5” is not whole"),
        ("0,5", "not whole"),
        ("", "The amount is missing; write a whole number such as 40 or -40."),
        ("0", "by zero changes nothing"),
        ("1000000001", "too large; the most is 1,000,000,000"),
        ("99999999999999999999", "not a whole number"),
        ("=40+2", "is a formula; write its result"),
        ("forty", "“forty” is not a whole number"),
        ("４０", "is not a whole number"),
    ],
)
def test_rw12_amounts_that_can_not_be_right(amount: str, message: str) -> None:
    assert message in problem(amount)


@pytest.mark.parametrize(("text", "units"), [("40", 40), ("+40", 40), ("-40", -40), ("−40", -40)])
def test_rw12_amounts_as_people_write_them(text: str, units: int) -> None:
    (row,) = rows_of(f"customer,amount\nC-1, {text} \n")
    assert (row.amount, row.problem) == (units, "")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"internal_note": "=HYPERLINK(1)"}, "The internal note begins with “=”, as formulas do"),
        ({"customer_comment": "@SUM(A1)"}, "The customer comment begins with “@”"),
        ({"internal_note": "x" * 1001}, "has 1,001 characters; 1,000 fit"),
        ({"customer_comment": "x" * 201}, "has 201 characters; 200 fit"),
        ({"expires_in_days": "0"}, "“0” is no number of days until expiry: write 1 to 3650"),
        ({"expires_in_days": "soon"}, "“soon” is no number of days"),
        ({"expires_in_days": "3651"}, "is no number of days"),
    ],
)
def test_rw12_texts_and_days_that_can_not_be_right(cells: dict[str, str], message: str) -> None:
    assert message in problem(**cells)


def test_rw12_a_comment_may_begin_with_a_sign() -> None:
    assert problem(customer_comment="+40 for you", internal_note="- by phone") == ""


def test_rw12_every_fault_of_a_row_is_told() -> None:
    (row,) = rows_of("customer,amount,expires_in_days\n,1.000,never\n")
    assert [part in row.problem for part in ("missing", "two ways", "days")] == [True] * 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'C-1,40,"half open', "The quotes are broken"),
        (b"C-1,1,000,x", "The line has 4 columns, the header 3"),
        (b"C-1,4\x000,x", "control characters"),
        (b"C-1\t2,40,x", "control characters"),
    ],
)
def test_rw12_a_line_that_can_not_be_read_spoils_no_other(line: bytes, message: str) -> None:
    content = b"customer,amount,internal_note\n" + line + b"\nC-2,7\n"
    first, second = rows_of(content)
    assert message in first.problem
    assert (first.line, first.key, first.outcome) == (2, first.key, "bad")
    assert (second.line, second.key, second.amount, second.problem) == (3, "C-2", 7, "")
