"""Programs, rules and tiers in sentences, as people read them before and after a change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from babel.numbers import format_currency, format_decimal, get_currency_precision
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty_admin.common.templatetags.ui import date_in_words, money, units, user_locale
from loyalty_admin.staff.models import Store
from rewards.models import EarningRuleVersion, Program, Tier

Trigger = EarningRuleVersion.Trigger
Measure = EarningRuleVersion.Measure


class Terms(Protocol):
    """What a rule says, written down as a version or still a draft."""

    @property
    def trigger(self) -> str: ...
    @property
    def measure(self) -> str: ...
    @property
    def units(self) -> int: ...
    @property
    def per(self) -> Decimal: ...
    @property
    def currency(self) -> str: ...
    @property
    def categories(self) -> Sequence[str]: ...
    @property
    def skus(self) -> Sequence[str]: ...
    @property
    def stores(self) -> Sequence[str]: ...
    @property
    def channels(self) -> Sequence[str]: ...
    @property
    def starts_at(self) -> datetime | None: ...
    @property
    def ends_at(self) -> datetime | None: ...
    @property
    def multiplied_by_tier(self) -> bool: ...
    @property
    def cap_per_order(self) -> int | None: ...
    @property
    def cap_per_day(self) -> int | None: ...
    @property
    def cap_per_customer(self) -> int | None: ...


def unit_value_in_words(program: Program) -> str:
    """What a unit is worth, with all its decimals: €0.01, €0.0025."""
    value, currency = Decimal(program.unit_value).normalize(), program.currency
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > get_currency_precision(currency):
        locale = user_locale()
        return str(format_currency(value, currency, locale=locale, decimal_quantization=False))
    return money(value, currency)


def worth(program: Program, amount: int) -> str:
    """What so many units are worth."""
    return money(program.unit_value * amount, program.currency)


def customers(count: int) -> str:
    """So many customers, in words: `1 customer`, `1,204 customers`."""
    return ngettext("%s customer", "%s customers", count) % units(count)


def number(value: Decimal) -> str:
    """A number as the user writes it: 1.5, 500."""
    return str(format_decimal(value.normalize(), locale=user_locale()))


def expiry_in_words(program: Program) -> str:
    """When units leave: `365 days after they became available`."""
    days = program.expiry_days
    if program.expiry == Program.Expiry.PER_LOT:
        text = ngettext(
            "%(days)s day after they became available",
            "%(days)s days after they became available",
            days,
        )
    elif program.expiry == Program.Expiry.INACTIVITY:
        text = ngettext(
            "all of them, after %(days)s day without earning or spending",
            "all of them, after %(days)s days without earning or spending",
            days,
        )
    else:
        return _("never")
    return text % {"days": units(days)}


def basis_in_words(program: Program) -> str:
    """What counts for the ladder: `points earned in the last 365 days`."""
    words = {"units": program.unit_plural, "days": units(program.tier_window_days)}
    if program.tier_basis == Program.TierBasis.LIFETIME_UNITS:
        return _("%(units)s earned in a lifetime") % words
    if program.tier_basis == Program.TierBasis.WINDOW_UNITS:
        return _("%(units)s earned in the last %(days)s days") % words
    if program.tier_basis == Program.TierBasis.WINDOW_SPEND:
        return _("money spent in the last %(days)s days") % words
    return _("nothing: this program has no tiers")


def threshold_in_words(program: Program, threshold: Decimal) -> str:
    """What a step asks: `500 points`, `€1,000.00`."""
    if program.tier_basis == Program.TierBasis.WINDOW_SPEND:
        return money(threshold, program.currency)
    return program.units(int(threshold))


def tier_gives_in_words(tier: Tier) -> str:
    """What a step gives: `earns 1.5 times as much; 100 points and “Free coffee” on arrival`."""
    given = [tier.program.units(tier.entry_units)] if tier.entry_units else []
    given += [f"“{tier.entry_reward}”"] if tier.entry_reward else []
    said = []
    if tier.multiplier != 1:
        said.append(_("earns %s times as much") % number(tier.multiplier))
    if given:
        said.append(_("%s on arrival, once") % _(" and ").join(given))
    return "; ".join(said) or _("a name, and nothing more")


def rule_in_words(terms: Terms, program: Program) -> str:
    """What a rule says: `1 point for each €1.00 in COFFEE, at most 50 per order`."""
    said = [f"{program.units(terms.units)} {_what(terms)}", *_where(terms, program), *_when(terms)]
    said += _caps(terms, program)
    if terms.multiplied_by_tier and program.tier_basis != Program.TierBasis.NONE:
        said.append(_("times the multiplier of the tier"))
    return ", ".join(said)


def _what(terms: Terms) -> str:
    events = {
        Trigger.SIGN_UP: _("for signing up"),
        Trigger.NEWSLETTER: _("for subscribing to the newsletter"),
        Trigger.REVIEW: _("for each review"),
        Trigger.REFERRAL: _("for each friend brought"),
        Trigger.BIRTHDAY: _("on each birthday"),
    }
    if terms.trigger in events:
        return events[Trigger(terms.trigger)]
    of = _filters(terms)
    if terms.measure == Measure.AMOUNT:
        each = _("for each %s") % money(terms.per, terms.currency)
        return f"{each} {_('of')} {of}" if of else each
    if terms.measure == Measure.ITEMS:
        single = terms.per == 1
        each = _("for each item") if single else _("for every %s items") % number(terms.per)
        return f"{each} {_('of')} {of}" if of else each
    each = _("for each order")
    if not of:
        return each
    return _("%(each)s with something of %(filters)s") % {"each": each, "filters": of}


def _filters(terms: Terms) -> str:
    parts = [_or(terms.categories)] if terms.categories else []
    if terms.skus:
        parts.append(_("the products %s") % _or(terms.skus))
    return _(", of these ").join(parts)


def _where(terms: Terms, program: Program) -> Iterator[str]:
    told = terms.measure == Measure.AMOUNT or terms.trigger != Trigger.ORDER
    if terms.currency != program.currency and not told:
        yield _("for orders in %s") % terms.currency
    if terms.stores:
        yield _("in the stores %s") % _or(terms.stores)
    if terms.channels:
        labels = {str(value): str(label).lower() for value, label in Store.Kind.choices}
        yield _("by %s only") % _or([labels.get(channel, channel) for channel in terms.channels])


def _when(terms: Terms) -> Iterator[str]:
    words = {
        "first": date_in_words(terms.starts_at) if terms.starts_at else "",
        "last": date_in_words(terms.ends_at) if terms.ends_at else "",
    }
    if terms.starts_at and terms.ends_at:
        yield _("from %(first)s until %(last)s") % words
    elif terms.starts_at:
        yield _("from %(first)s on") % words
    elif terms.ends_at:
        yield _("until %(last)s") % words


def _caps(terms: Terms, program: Program) -> Iterator[str]:
    caps = (
        (terms.cap_per_order, _("per order")),
        (terms.cap_per_day, _("per day")),
        (terms.cap_per_customer, _("per customer in all")),
    )
    said = [f"{program.units(cap)} {each}" for cap, each in caps if cap is not None]
    if said:
        yield _("at most %s") % _(" and ").join(said)


def _or(words: Sequence[str]) -> str:
    return _(" or ").join(filter(None, [", ".join(words[:-1]), words[-1]]))
