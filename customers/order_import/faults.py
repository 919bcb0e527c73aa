"""What was wrong with the file, as a file for whoever has to correct it."""

from __future__ import annotations

from pathlib import Path

from django.db import connection

_COUNT = """
SELECT count(*), count(DISTINCT (order_number, store)) FROM import_fault
"""

# An apostrophe keeps a spreadsheet from taking a value for a formula.
_COPY = r"""
COPY (
    SELECT line, CASE WHEN order_number ~ '^[=+\-@]' THEN '''' || order_number
                      ELSE order_number END AS order_number,
           field, message
    FROM import_fault ORDER BY line, field
) TO STDOUT WITH (FORMAT csv, HEADER)
"""


def count_faults() -> tuple[int, int]:
    """How many faults there are, and in how many orders."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT)
        faults, orders = cursor.fetchone()
    return int(faults), int(orders)


def write_faults(path: Path) -> None:
    """Write the faults with their line numbers; nothing when there are none."""
    if not count_faults()[0]:
        return
    with path.open("wb") as file, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for block in copy:
            file.write(block)
