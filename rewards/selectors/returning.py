"""What a cancelled redemption gives back to which lot, in words: before it is done, and after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from loyalty_admin.common.templatetags.ui import date_in_words, units
from rewards.models import Account, Allocation, Redemption
from rewards.selectors.preview import Preview


def lot_sentence(
    amount: int, granted_at: datetime, expires_at: datetime | None, *, had_expired: bool
) -> str:
    """What one lot gets back and until when it lasts; with grace, when it had expired."""
    words = {
        "units": units(amount),
        "granted": date_in_words(granted_at),
        "ends": date_in_words(expires_at) if expires_at else "",
    }
    if had_expired:
        return (
            _("%(units)s to the lot of %(granted)s, which had expired: now until %(ends)s") % words
        )
    if expires_at:
        return _("%(units)s to the lot of %(granted)s, until %(ends)s") % words
    return _("%(units)s to the lot of %(granted)s, which never expires") % words


def preview_cancellation(redemption: Redemption, at: datetime) -> Preview:
    """What cancelling a redemption that was paid for will do. Two queries."""
    account = Account.objects.select_related("program").get(pk=redemption.account_id)
    program, amount = account.program, redemption.units
    words = {
        "units": program.units(amount),
        "before": units(account.balance),
        "after": units(account.balance + amount),
    }
    lines = [_("%(units)s return: balance %(before)s → %(after)s") % words]
    taken = Allocation.objects.filter(entry__operation=redemption.operation_id)
    lines += _lots(list(taken.select_related("lot__entry").order_by("pk")), program.grace_days, at)
    if redemption.code:
        lines.append(_("The code %s is deleted") % redemption.code.code)
    return Preview([*lines, _("No message is sent")])


def _lots(taken: Sequence[Allocation], grace_days: int, at: datetime) -> list[str]:
    told = []
    for allocation in taken:
        ends = allocation.lot.expires_at
        had_expired = ends is not None and ends <= at
        if had_expired:
            ends = at + timedelta(days=grace_days)
        granted_at = allocation.lot.entry.occurred_at
        told.append(lot_sentence(allocation.amount, granted_at, ends, had_expired=had_expired))
    return told
