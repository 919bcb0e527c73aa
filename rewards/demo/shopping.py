"""What stands on receipts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from django.conf import settings

from customers.actions.order_checks import DraftLine
from rewards.demo.catalogue import COFFEES, GEAR, LOOSE_TEA, OTHERS, SAMPLE, Product

CENT = Decimal("0.01")
GRAM = Decimal("0.001")
NOTHING = Decimal("0.00")


def at_shop_time(rng: Random, day: datetime, *, online: bool) -> datetime:
    """A moment of that day at which people buy: shops close at night, the web does not."""
    first, last = (7, 23) if online else (9, 20)
    local = day.astimezone(ZoneInfo(settings.STORE_TIME_ZONE))
    return local.replace(
        hour=rng.randint(first, last), minute=rng.randint(0, 59), second=0, microsecond=0
    )


def basket(rng: Random) -> list[DraftLine]:
    """One to five lines: mostly coffee, sometimes with a discount, a gift or a weighing error."""
    shelves = (COFFEES, OTHERS, GEAR)
    lines = []
    for _ in range(rng.choices((1, 2, 3, 4, 5), (30, 32, 20, 12, 6))[0]):
        shelf = rng.choices(shelves, (55, 40, 5))[0]
        lines.append(_line(rng, rng.choice(shelf)))
    if rng.random() < 0.04:
        lines.append(_draft(SAMPLE, Decimal(1), NOTHING, discount=SAMPLE.price))
    if rng.random() < 0.02:
        lines.append(_draft(LOOSE_TEA, Decimal(0), NOTHING))
    return lines


def basket_of(rng: Random, total: Decimal) -> list[DraftLine]:
    """Lines without coffee, which counts double, that cost exactly `total`."""
    lines, left = [], total
    pieces = [product for product in OTHERS if not product.weighed]
    for product in rng.sample(pieces, rng.randint(1, 4)):
        if product.price <= left / 2:
            quantity = Decimal(max(int(left / 3 / product.price), 1))
            lines.append(_draft(product, quantity, quantity * product.price))
            left -= quantity * product.price
    # Loose tea is weighed, so that any amount is the price of some of it.
    lines.append(_draft(LOOSE_TEA, (left / LOOSE_TEA.price).quantize(GRAM), left))
    return lines


def coffees(rng: Random, cups: int) -> list[DraftLine]:
    """So many cups of coffee at the counter."""
    cup = rng.choice([product for product in COFFEES if product.price < 5])
    return [_draft(cup, Decimal(cups), cups * cup.price)]


def split(rng: Random, units: int, parts: int) -> list[Decimal]:
    """`parts` totals, in money, whose whole units add up to `units`."""
    weights = [rng.uniform(0.5, 1.5) for _ in range(parts)]
    shares = [int(units * weight / sum(weights)) for weight in weights]
    shares[-1] += units - sum(shares)
    return [Decimal(share) + Decimal(rng.randint(0, 19)) / 20 for share in shares]


def spread(rng: Random, first: datetime, last: datetime, visits: int) -> list[datetime]:
    """Days between two moments, in their order."""
    seconds = (last - first).total_seconds()
    return sorted(first + timedelta(seconds=rng.uniform(0, seconds)) for _ in range(visits))


def cost(lines: Sequence[DraftLine]) -> Decimal:
    """What is paid for them."""
    return sum((line.total for line in lines), NOTHING)


def _line(rng: Random, product: Product) -> DraftLine:
    if product.weighed:
        quantity = Decimal(rng.randint(80, 400)) / 1000
    else:
        quantity = Decimal(rng.choices((1, 2, 3, 6), (74, 18, 6, 2))[0])
    full = (product.price * quantity).quantize(CENT)
    discount = NOTHING
    if rng.random() < 0.12:
        discount = (full * rng.choice((10, 15, 20, 25)) / 100).quantize(CENT)
    return _draft(product, quantity, full - discount, discount=discount)


def _draft(
    product: Product, quantity: Decimal, total: Decimal, discount: Decimal = NOTHING
) -> DraftLine:
    return DraftLine(
        sku=product.sku,
        product=product.name,
        category=product.category,
        quantity=quantity,
        total=total,
        discount=discount,
    )
