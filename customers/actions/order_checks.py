"""What an order has to be before it is written, whoever sends it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import InvalidInput, NotAllowed
from loyalty_admin.common.money import check_currency, check_precision
from loyalty_admin.staff.models import Store

MAX_LINES = 5_000
MAX_MONEY = Decimal("999999999999.99")
MAX_QUANTITY = Decimal("999999999.999")
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
CLOCK_DRIFT = timedelta(days=1)
"""A till's clock may be ahead of ours by this much."""


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One line to be recorded; `total` is what was paid after discounts."""

    sku: str
    product: str
    category: str
    quantity: Decimal
    total: Decimal
    discount: Decimal


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """An order to be recorded. `enrol` makes a customer who is not a member yet one."""

    number: str
    store: str
    placed_at: datetime
    currency: str
    customer_external_id: str | None
    lines: Sequence[DraftLine]
    enrol: bool = False


def store_of(actor: Actor, code: str) -> Store | None:
    """The store with this code; None when there is none. Raises NotAllowed for another's."""
    store = Store.objects.filter(code=code).first()
    if actor.store_id is not None and (store is None or store.pk != actor.store_id):
        # Whether another store exists is not this key's business.
        raise NotAllowed("This key may record the orders of its own store only.", field="store")
    return store


def open_store_of(actor: Actor, code: str) -> Store:
    """The store with this code, where it can sell. Raises NotAllowed, InvalidInput."""
    store = store_of(actor, code)
    if store is None:
        raise InvalidInput(f"There is no store with the code “{code}”.", field="store")
    if not store.is_active:
        raise InvalidInput(f"The store “{store.code}” is closed.", field="store")
    return store


def check_order(draft: OrderDraft, store: Store) -> None:
    """Raise InvalidInput, naming the field, unless this can be an order of the store."""
    check_text(draft.number, "number", 60)
    if draft.customer_external_id is not None:
        check_text(draft.customer_external_id, "customer_external_id", 80)
    check_time(draft.placed_at, "placed_at")
    check_currency(draft.currency)
    if draft.currency != store.currency:
        raise InvalidInput(
            f"The store {store.code} sells in {store.currency}, not in {draft.currency}.",
            field="currency",
        )
    if not 1 <= len(draft.lines) <= MAX_LINES:
        raise InvalidInput(f"An order has 1 to {MAX_LINES:,} lines.", field="lines")
    for index, line in enumerate(draft.lines):
        _check_line(line, draft.currency, f"lines[{index}]")
    for name in ("total", "discount"):
        if sum(getattr(line, name) for line in draft.lines) > MAX_MONEY:
            raise InvalidInput(f"The lines add up to more than {MAX_MONEY:,}.", field="lines")


def check_text(value: str, field: str, length: int, *, may_be_empty: bool = False) -> None:
    """Raise InvalidInput for text that is empty, too long or not printable."""
    if not value and not may_be_empty:
        raise InvalidInput("This must not be empty.", field=field)
    if len(value) > length:
        raise InvalidInput(f"At most {length} characters; got {len(value)}.", field=field)
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value):
        raise InvalidInput("Control characters are not text.", field=field)


def check_time(at: datetime, field: str) -> None:
    """Raise InvalidInput for a time without its offset, before 1970 or in the future."""
    if at.tzinfo is None:
        raise InvalidInput("Say the offset from UTC, as in 2026-05-01T18:30:00+02:00.", field=field)
    if at < EARLIEST:
        raise InvalidInput("This is before 1970.", field=field)
    if at > timezone.now() + CLOCK_DRIFT:
        raise InvalidInput("This is in the future.", field=field)


def _check_line(line: DraftLine, currency: str, path: str) -> None:
    check_text(line.sku, f"{path}.sku", 60)
    check_text(line.product, f"{path}.product", 200, may_be_empty=True)
    check_text(line.category, f"{path}.category", 80, may_be_empty=True)
    check_quantity(line.quantity, f"{path}.quantity")
    for name in ("total", "discount"):
        check_amount(getattr(line, name), currency, f"{path}.{name}")


def check_quantity(quantity: Decimal, field: str) -> None:
    """Raise InvalidInput unless so many items, to the gram, can stand on a line."""
    _check_number(quantity, MAX_QUANTITY, field)
    if quantity != quantity.quantize(Decimal("0.001")):
        raise InvalidInput("A quantity has at most 3 decimal places.", field=field)


def check_amount(amount: Decimal, currency: str, field: str) -> None:
    """Raise InvalidInput unless so much money can stand on a line."""
    _check_number(amount, MAX_MONEY, field)
    check_precision(amount, currency, field=field)


def _check_number(value: Decimal, most: Decimal, field: str) -> None:
    if not value.is_finite():
        raise InvalidInput("This is not a number.", field=field)
    if value < 0:
        raise InvalidInput("Less than zero; an order has no negative lines.", field=field)
    if value > most:
        raise InvalidInput(f"At most {most:,}.", field=field)
