"""What an earning rule can say, and what no rule can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from loyalty_admin.common.errors import InvalidInput
from loyalty_admin.common.money import check_currency
from rewards.actions.moving import MAX_UNITS
from rewards.models import EarningRuleVersion

Trigger = EarningRuleVersion.Trigger
Measure = EarningRuleVersion.Measure

NOWHERE = (Trigger.SIGN_UP, Trigger.BIRTHDAY)
"""What happens in no store and through no channel."""
CAPS = ("cap_per_order", "cap_per_day", "cap_per_customer")


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """What a rule says: `units` for each whole `per` of `measure`, where and when.

    Everything but an order earns `units` each time: its measure is `order`, its `per` 1.
    Empty sequences mean everything. Caps are in units.
    """

    units: int
    per: Decimal
    currency: str
    measure: str = Measure.AMOUNT
    trigger: str = Trigger.ORDER
    categories: Sequence[str] = ()
    skus: Sequence[str] = ()
    stores: Sequence[str] = ()
    channels: Sequence[str] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    multiplied_by_tier: bool = True
    cap_per_order: int | None = None
    cap_per_day: int | None = None
    cap_per_customer: int | None = None


def check_terms(terms: RuleTerms) -> None:
    """Raise InvalidInput, naming the field, for terms that no rule can have."""
    check_currency(terms.currency)
    if terms.trigger not in Trigger.values:
        raise InvalidInput(f"Nothing earns by “{terms.trigger}”.", field="trigger")
    if terms.measure not in Measure.values:
        raise InvalidInput(f"“{terms.measure}” can't be counted.", field="measure")
    if not 1 <= terms.units <= MAX_UNITS:
        raise InvalidInput(f"A rule earns at least 1 unit, at most {MAX_UNITS:,}.", field="units")
    if not terms.per.is_finite() or terms.per <= 0:
        raise InvalidInput("Enter an amount above zero.", field="per")
    if terms.measure == Measure.ORDER and terms.per != 1:
        raise InvalidInput("It earns each time: this is 1 then.", field="per")
    if terms.trigger != Trigger.ORDER:
        _check_event(terms)
    for name in CAPS:
        cap = getattr(terms, name)
        if cap is not None and not 1 <= cap <= MAX_UNITS:
            raise InvalidInput("A cap is at least 1 unit. Leave it empty for none.", field=name)
    if terms.starts_at and terms.ends_at and terms.starts_at >= terms.ends_at:
        raise InvalidInput("The end must come after the start.", field="ends_at")


def _check_event(terms: RuleTerms) -> None:
    """Refuse what only an order has, for everything else."""
    what = Trigger(terms.trigger).label
    if terms.measure != Measure.ORDER:
        raise InvalidInput(
            f"“{what}” has nothing to count, so it earns the same each time.", field="measure"
        )
    for name in ("categories", "skus"):
        if getattr(terms, name):
            raise InvalidInput(f"“{what}” has no lines to choose from.", field=name)
    if terms.cap_per_order is not None:
        raise InvalidInput(
            f"“{what}” is no order; cap it per day or per customer.", field="cap_per_order"
        )
    for name in ("stores", "channels"):
        if terms.trigger in NOWHERE and getattr(terms, name):
            raise InvalidInput(f"“{what}” happens in no store.", field=name)
