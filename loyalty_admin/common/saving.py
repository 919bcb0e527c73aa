"""Saving what a person typed: what the model refuses is said beside its field."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db.models import Model

from loyalty_admin.common.errors import InvalidInput


def check_row(row: Model) -> None:
    """Raise InvalidInput, naming the field, for what the row's fields or constraints refuse.

    Whether something else has its name is for the caller to say, in words of its own.
    """
    try:
        row.full_clean(validate_unique=False)
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        raise InvalidInput(messages[0], field="" if name == "__all__" else name) from error


def check_text(text: str, *, field: str, longest: int) -> str:
    """The text with single blanks between its words. Raises InvalidInput if it can't be stored."""
    text = " ".join(text.split())
    if len(text) > longest or not text.isprintable():
        raise InvalidInput(f"Enter at most {longest:,} ordinary characters.", field=field)
    return text
