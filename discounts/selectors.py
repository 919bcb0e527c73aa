"""What is read of offers and codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from babel.numbers import format_decimal
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from discounts.models import DiscountCode, Offer, ValueKind
from loyalty_admin.common.errors import NotFound
from loyalty_admin.common.templatetags.ui import money, units, user_locale

COUNTED = 1000
"""Up to how many usable codes are counted; beyond it is “more than”."""
NAMED = 3
"""How many categories or products a sentence names."""


def offer_by_id(offer_id: int) -> Offer:
    """The offer. Raises NotFound."""
    offer = Offer.objects.filter(pk=offer_id).first()
    if offer is None:
        raise NotFound("There is no such offer.")
    return offer


def offers() -> list[Offer]:
    """All offers, those that are switched on first."""
    return list(Offer.objects.order_by("-is_active", "name"))


def usable_codes(offer_id: int) -> int:
    """How many codes of the offer can still be used, at most COUNTED + 1."""
    codes = DiscountCode.objects.filter(offer=offer_id, status=DiscountCode.Status.AVAILABLE)
    return codes[: COUNTED + 1].count()


def code_by_text(spellings: Sequence[str]) -> list[DiscountCode]:
    """The codes with one of these texts, with their customers."""
    return list(DiscountCode.objects.select_related("customer").filter(code__in=spellings))


def worth(kind: str, value: Decimal, currency: str) -> str:
    """What a code takes off: `10 % off`, `€5.00 off`, `free shipping`, `gift card of €20.00`."""
    if kind == ValueKind.FREE_SHIPPING:
        return _("free shipping")
    if kind == ValueKind.PERCENTAGE:
        number = format_decimal(value, locale=user_locale())
        return _("%(number)s %% off") % {"number": number}
    amount = {"amount": money(value, currency)}
    if kind == ValueKind.GIFT_CARD:
        return _("gift card of %(amount)s") % amount
    return _("%(amount)s off") % amount


def in_words(offer: Offer) -> str:
    """The offer in a sentence: `10 % off, from €30.00, on COFFEE, usable once within 90 days`."""
    sentence = ", ".join(_parts(offer))
    return sentence[0].upper() + sentence[1:]


def _parts(offer: Offer) -> Iterator[str]:
    yield worth(offer.kind, offer.value, offer.currency)
    if offer.value_cap is not None:
        yield _("at most %s") % money(offer.value_cap, offer.currency)
    if offer.minimum_spend:
        yield _("from %s") % money(offer.minimum_spend, offer.currency)
    if offer.categories or offer.skus:
        yield _("on %s") % _listed([*offer.categories, *offer.skus])
    days = {"days": units(offer.valid_days), "uses": units(offer.usage_limit)}
    if offer.usage_limit == 1:
        yield (
            ngettext(
                "usable once within %(days)s day",
                "usable once within %(days)s days",
                offer.valid_days,
            )
            % days
        )
    else:
        yield (
            ngettext(
                "usable %(uses)s times within %(days)s day",
                "usable %(uses)s times within %(days)s days",
                offer.valid_days,
            )
            % days
        )


def _listed(names: Sequence[str]) -> str:
    said = ", ".join(names[:NAMED])
    more = len(names) - NAMED
    return _("%(said)s and %(more)s more") % {"said": said, "more": more} if more > 0 else said


def what_a_change_means(old: Offer, new: Offer, usable: int) -> list[str]:
    """What becomes of the codes that exist; empty when the two say the same."""
    kept = ("kind", "value", "currency", "valid_days")
    shared = ("value_cap", "minimum_spend", "categories", "skus", "usage_limit")
    if not usable:
        return []
    number = _("more than %s") % units(COUNTED) if usable > COUNTED else units(usable)
    words = {"codes": number}
    lines = []
    if any(getattr(old, name) != getattr(new, name) for name in kept):
        lines.append(
            ngettext(
                "%(codes)s code that can still be used keeps its value and its end.",
                "%(codes)s codes that can still be used keep their value and their end.",
                usable,
            )
            % words
        )
    if any(getattr(old, name) != getattr(new, name) for name in shared):
        lines.append(
            ngettext(
                "The new limits hold for %(codes)s code that can still be used, too.",
                "The new limits hold for %(codes)s codes that can still be used, too.",
                usable,
            )
            % words
        )
    return lines
