"""From the lines of the file to rows: what each says, or what is wrong with it.

One record is one physical line, so that every row has a line number and one broken quote
can't swallow the rest of the file. Whatever needs no look at the database is checked here.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import NamedTuple

from django.conf import settings

from customers.order_import.opening import LONGEST_LINE
from customers.order_import.reading import CONTROL
from loyalty_admin.common.errors import InvalidInput
from rewards.actions.balances import MAX_EXPIRY_DAYS
from rewards.actions.mass_adjustments.opening import COLUMNS, OPTIONAL, SourceFile, decoded
from rewards.actions.moving import MAX_UNITS

_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}([.,' \u00a0\u202f’][0-9]{3})+")
_FRACTION = re.compile(r"[+-]?[0-9]*[.,][0-9]+")
_MINUS = str.maketrans({"−": "-", "–": "-"})
FORMULA = ("=", "@")
"""What a spreadsheet may run. A sign alone is none: comments begin with “+40 for you”."""

KEY_LENGTH, CODE_LENGTH, NOTE_LENGTH, COMMENT_LENGTH, SHOWN = 254, 40, 1000, 200, 40


class Row(NamedTuple):
    """A record in the order in which it is stored; `problem` is empty or says what is wrong.

    The outcome is `bad` already when the line could not be taken apart.
    """

    line: int
    key: str
    amount_text: str
    amount: int | None
    reason_code: str
    internal_note: str
    customer_comment: str
    expires_in_days: int | None
    problem: str
    outcome: str = "read"


def read_rows(file: SourceFile) -> Iterator[Row]:
    """The rows behind the header; empty lines are passed over.

    Raises InvalidInput for a file with too many of them, or that is no text in lines.
    """
    reader, rows, number = _Reader(file), 0, 1
    while line := file.content.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise InvalidInput(
                f"Line {number:,} is too long. Lines have to end with a line feed.", field="file"
            )
        if row := reader.row(number, line):
            rows += 1
            if rows > settings.MASS_ADJUSTMENT_MAX_ROWS:
                most = settings.MASS_ADJUSTMENT_MAX_ROWS
                raise InvalidInput(
                    f"The file has more than {most:,} rows. Split it into several files.",
                    field="file",
                )
            yield row
    if not rows:
        raise InvalidInput("The file has a header and nothing below it.", field="file")


class _Reader:
    def __init__(self, file: SourceFile) -> None:
        self.delimiter, self.encoding, self.width = file.delimiter, file.encoding, len(file.names)
        self.blank = ',;" \t\r\n'
        places = {name: index for index, name in enumerate(file.names)}
        # A column that the file does not have is found in an empty cell behind the last one.
        self.places = [places.get(name, self.width) for name in COLUMNS + OPTIONAL]

    def row(self, number: int, line: bytes) -> Row | None:
        text = decoded(line, self.encoding).rstrip("\r\n")
        if not text.strip(self.blank):
            return None
        try:
            values = self._values(text)
        except ValueError as error:
            return self._unreadable(number, text, str(error))
        return checked(number, *(values[place].strip() for place in self.places))

    def _values(self, text: str) -> list[str]:
        if CONTROL.search(text):
            raise ValueError("The line holds control characters, which are no text.")
        values = text.split(self.delimiter)
        if '"' in text:
            try:
                values = next(csv.reader([text], delimiter=self.delimiter, strict=True))
            except (csv.Error, StopIteration) as error:
                raise ValueError(
                    "The quotes are broken: a record is one line, and a quote inside a quoted "
                    "value is written twice."
                ) from error
        if any(value.strip() for value in values[self.width :]):
            raise ValueError(
                f"The line has {len(values)} columns, the header {self.width}: put text that "
                f"contains a “{self.delimiter}” in quotes, and write amounts like 1000."
            )
        # Spreadsheets leave out what is empty at the end of a line.
        return [*values[: self.width], *[""] * (self.width + 1 - len(values[: self.width]))]

    def _unreadable(self, number: int, text: str, problem: str) -> Row:
        cells = CONTROL.sub("�", text).replace('"', "").split(self.delimiter)
        cells += [""] * (self.width + 1)
        key, amount = (cells[place].strip() for place in self.places[:2])
        return Row(number, key[:KEY_LENGTH], amount[:SHOWN], None, "", "", "", None, problem, "bad")


def checked(
    number: int, key: str, amount: str, reason: str, note: str, comment: str, days: str
) -> Row:
    """The row with all that is wrong with its values."""
    problems: list[str] = []
    units = _units(amount, problems)
    lifetime = _days(days, problems)
    if not key:
        problems.append("The customer is missing.")
    elif key.startswith(FORMULA) or len(key) > KEY_LENGTH:
        problems.append(f"“{key[:SHOWN]}” is no key of a customer, it looks like a formula.")
    if len(reason) > CODE_LENGTH:
        problems.append(f"“{reason[:SHOWN]}…” is no code of a reason.")
    for name, text, longest in (
        ("internal note", note, NOTE_LENGTH),
        ("customer comment", comment, COMMENT_LENGTH),
    ):
        if len(text) > longest:
            problems.append(f"The {name} has {len(text):,} characters; {longest:,} fit.")
        if text.startswith(FORMULA):
            problems.append(
                f"The {name} begins with “{text[0]}”, as formulas do; begin it with a letter."
            )
    return Row(
        number,
        key[:KEY_LENGTH],
        amount[:SHOWN],
        units,
        reason[:CODE_LENGTH],
        note[:NOTE_LENGTH],
        comment[:COMMENT_LENGTH],
        lifetime,
        " ".join(problems),
    )


def _units(text: str, problems: list[str]) -> int | None:
    plain = text.translate(_MINUS)
    if _WHOLE.fullmatch(plain):
        units = int(plain)
        if 0 < abs(units) <= MAX_UNITS:
            return units
        if units:
            problems.append(f"The amount {text} is too large; the most is {MAX_UNITS:,}.")
        else:
            problems.append("An adjustment by zero changes nothing.")
    else:
        problems.append(_no_amount(plain, text[:SHOWN]))
    return None


def _no_amount(plain: str, shown: str) -> str:
    if not plain:
        return "The amount is missing; write a whole number such as 40 or -40."
    if plain.startswith(FORMULA):
        return f"The amount “{shown}” is a formula; write its result, such as 40."
    if _GROUPED.fullmatch(plain):
        right = re.sub(r"[^0-9+-]", "", plain)
        return (
            f"The amount “{shown}” could be read in two ways: write {right} without a separator "
            "if that is what it means."
        )
    if _FRACTION.fullmatch(plain):
        return f"The amount “{shown}” is not whole; there are no parts of a unit."
    return f"The amount “{shown}” is not a whole number such as 40 or -40, without separators."


def _days(text: str, problems: list[str]) -> int | None:
    if not text:
        return None
    if re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= MAX_EXPIRY_DAYS:
        return int(text)
    problems.append(
        f"“{text[:SHOWN]}” is no number of days until expiry: write 1 to {MAX_EXPIRY_DAYS}, "
        "or nothing for the program's rule."
    )
    return None
