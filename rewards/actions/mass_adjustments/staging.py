"""The rows of the file into the database, by COPY."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from django.db import connection

from customers.order_import.reading import ESCAPES
from rewards.actions.mass_adjustments.reading import Row

TOGETHER = 2_000
"""Rows that are sent at once."""

_COPY = f"COPY rewards_massadjustmentrow (batch_id, {', '.join(Row._fields)}) FROM STDIN"


def store_rows(batch_id: int, rows: Iterable[Row]) -> int:
    """Store the rows of a batch; answers how many there are."""
    count = 0
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for block in _blocks(rows):
            count += len(block)
            copy.write("".join(_line(batch_id, row) for row in block))
    return count


def _blocks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while block := list(islice(iterator, TOGETHER)):
        yield block


def _line(batch_id: int, row: Row) -> str:
    cells = (
        "\\N" if cell is None else cell.translate(ESCAPES) if isinstance(cell, str) else str(cell)
        for cell in row
    )
    return f"{batch_id}\t{chr(9).join(cells)}\n"
