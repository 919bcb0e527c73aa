"""What a change of a balance will do, said before it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.utils.translation import gettext as _

from loyalty_admin.common.templatetags.ui import date_in_words, money, units
from rewards.models import Lot, Program
from rewards.selectors.balances import Holding


@dataclass(frozen=True, slots=True)
class Preview:
    """Sentences, with the tone `warn` when it would be refused."""

    lines: list[str]
    tone: str = ""


def preview_change(
    holding: Holding,
    amount: int,
    *,
    expires_at: datetime | None = None,
    comment: str = "",
    tier_effect: str = "",
) -> Preview:
    """What a change by `amount` units will do; `tier_effect` says what it does to the tier.

    One query for a debit, none for a credit.
    """
    program, after = holding.program, holding.balance + amount
    if amount < 0 and after < 0:
        words = {"has": program.units(holding.balance), "amount": units(-amount)}
        refusal = _("The balance is %(has)s; %(amount)s can't be taken from it.") % words
        return Preview([refusal], "warn")
    words = {"before": units(holding.balance), "after": units(after), "unit": program.unit_plural}
    lines = [_("Balance %(before)s → %(after)s %(unit)s") % words]
    lines += _credit(program, amount, expires_at) if amount > 0 else _debit(holding, -amount)
    if tier_effect:
        lines.append(tier_effect)
    if comment:
        lines.append(_("The customer sees “%s”; no message is sent") % comment)
    else:
        lines.append(_("No message is sent"))
    return Preview(lines)


def _credit(program: Program, amount: int, expires_at: datetime | None) -> list[str]:
    if expires_at:
        words = {"units": program.units(amount), "day": date_in_words(expires_at)}
        lifetime = _("The %(units)s expire on %(day)s") % words
    else:
        lifetime = _("They never expire")
    return [lifetime, _("Cost %s") % _cost(program, amount)]


def _debit(holding: Holding, amount: int) -> list[str]:
    """From which lots the units come, the same expiry day told once."""
    taken, left = [], amount
    for expires_at, lots in groupby(_lots(holding), key=lambda lot: lot.expires_at):
        part = min(left, sum(lot.remaining for lot in lots))
        left -= part
        if part:
            taken.append((part, expires_at))
    told = [
        _("%(units)s that expire on %(day)s") % {"units": units(part), "day": date_in_words(day)}
        if day
        else _("%s that never expire") % units(part)
        for part, day in taken
    ]
    lines = [_("Taken from %s") % ", ".join(told)] if told else []
    return [*lines, _("Worth %s") % _cost(holding.program, amount)]


def _lots(holding: Holding) -> list[Lot]:
    lots = Lot.objects.filter(account_id=holding.account_id, remaining__gt=0, is_pending=False)
    return sorted(lots, key=Lot.spending_order)


def _cost(program: Program, amount: int) -> str:
    return money(program.unit_value * amount, program.currency)
