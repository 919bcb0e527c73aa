"""Field types of the API: exact numbers, printable text, times with their offset."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Annotated, Any

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, Field

_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,10})?", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)", re.ASCII | re.IGNORECASE
)


class StrictSchema(Schema):
    """A body in which a field that we do not know is an error, not a silent loss."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


def _exact(value: Any) -> Any:
    """JSON numbers arrive as int or Decimal; strings must look like one of them."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError('Enter a number, or a string such as "12.50".')
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        raise ValueError(f"“{value[:40]}” is not a number such as 12.50.")
    return value


def _printable(value: str) -> str:
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value):
        raise ValueError("Control characters are not text.")
    return value


def _with_offset(value: Any) -> Any:
    if not isinstance(value, str) or not _TIME.fullmatch(value.strip()):
        raise ValueError(
            "Enter a time in ISO 8601 with its offset, such as 2026-05-01T18:30:00+02:00."
        )
    return value.strip()


Text = Annotated[str, AfterValidator(_printable)]
Instant = Annotated[
    AwareDatetime, BeforeValidator(_with_offset), Field(examples=["2026-05-01T18:30:00+02:00"])
]
Money = Annotated[
    Decimal,
    BeforeValidator(_exact),
    Field(ge=0, max_digits=14, decimal_places=2, examples=["12.50"]),
]
Quantity = Annotated[
    Decimal,
    BeforeValidator(_exact),
    Field(ge=0, max_digits=12, decimal_places=3, examples=["1"]),
]

__all__ = ["Instant", "Money", "Quantity", "StrictSchema", "Text"]
