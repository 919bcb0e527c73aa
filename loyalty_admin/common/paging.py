"""Keyset paging: any depth costs the same, and rows that arrive meanwhile shift nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.dateparse import parse_datetime

from loyalty_admin.common.errors import InvalidInput

M = TypeVar("M", bound=Model)

AFTER = "after"
BEFORE = "before"


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """One page of rows with the cursors to its neighbours (None at the ends)."""

    rows: list[M]
    newer: str | None
    older: str | None


def encode_cursor(values: Sequence[object]) -> str:
    """An opaque, URL-safe cursor for the key of one row."""
    raw = json.dumps(list(values), default=datetime.isoformat, separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, length: int) -> list[object]:
    """The key that `encode_cursor` took. Raises InvalidInput for anything else."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.urlsafe_b64decode(padded.encode()))
        if not isinstance(values, list) or len(values) != length:
            raise _damaged()
        return [_revive(value) for value in values]
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _damaged() from error


def _damaged() -> InvalidInput:
    return InvalidInput("This page link is damaged.", field="cursor")


def _revive(value: object) -> object:
    if isinstance(value, str):
        return parse_datetime(value) or value
    if value is None or isinstance(value, int):
        return value
    raise _damaged()


def _key_in(model: type[Model], by: str, cursor: str) -> tuple[object, int]:
    """The cursor's value of `by` and its primary key. Raises InvalidInput for other types."""
    value, pk = decode_cursor(cursor, 2)
    field: Any = model._meta.get_field(by)
    try:
        value = getattr(field, "output_field", field).to_python(value)
    except (TypeError, ValueError, ValidationError) as error:
        raise _damaged() from error
    naive = isinstance(value, datetime) and value.tzinfo is None
    if value is None or naive or not isinstance(pk, int):
        raise _damaged()
    return value, pk


def keyset_page(
    queryset: QuerySet[M], *, by: str, params: Mapping[str, str], size: int = 50
) -> Page[M]:
    """A page of `queryset`, largest `by` first and then largest primary key first.

    `params` are the query parameters: `after` holds the cursor of the last row seen,
    `before` that of the first one. `by` must be a column without nulls.
    """
    cursor, backwards = params.get(AFTER, ""), False
    if before := params.get(BEFORE, ""):
        cursor, backwards = before, True
    if cursor:
        value, pk = _key_in(queryset.model, by, cursor)
        side = "gt" if backwards else "lt"
        # The first condition lets the index start at the value; the second breaks ties.
        queryset = queryset.filter(
            Q(**{f"{by}__{side}e": value}), Q(**{f"{by}__{side}": value}) | Q(**{f"pk__{side}": pk})
        )
    order = (by, "pk") if backwards else (f"-{by}", "-pk")
    rows = list(queryset.order_by(*order)[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    has_newer = more if backwards else bool(cursor)
    has_older = bool(rows) if backwards else more
    return Page(
        rows=rows,
        newer=_cursor_of(rows[0], by) if rows and has_newer else None,
        older=_cursor_of(rows[-1], by) if rows and has_older else None,
    )


def _cursor_of(row: Any, by: str) -> str:
    return encode_cursor([getattr(row, by), row.pk])
