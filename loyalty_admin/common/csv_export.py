"""CSV for people with spreadsheets: streamed row by row, and no cell is run as a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
BATCH = 500
"""Rows that leave together: one by one, sending them would cost more than making them."""


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, value: str) -> str:
        return value


def safe_cell(value: object) -> object:
    """The value, quoted with an apostrophe where a spreadsheet would take text for a formula."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value


def csv_response(
    filename: str, header: Sequence[str], rows: Iterable[Sequence[object]]
) -> StreamingHttpResponse:
    """A download that is made while it is sent, so its size does not matter."""
    response = StreamingHttpResponse(_lines(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def _lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    write = csv.writer(_Echo()).writerow
    # The mark at the beginning tells spreadsheets that this is UTF-8.
    batch = ["\ufeff" + str(write(header))]
    for row in rows:
        batch.append(str(write([safe_cell(value) for value in row])))
        if len(batch) >= BATCH:
            yield "".join(batch)
            batch.clear()
    yield "".join(batch)
