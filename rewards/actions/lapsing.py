"""When the units of whole accounts lapse, where the expiry policy of their program changes."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils import timezone

from rewards.models import Program

# Locked in the order of the keys, as everybody locks accounts.
_DATE = """
WITH locked AS (
    SELECT id FROM rewards_account
    WHERE program_id = %(program)s AND (balance > 0 OR pending > 0 OR expires_at IS NOT NULL)
    ORDER BY id FOR UPDATE
)
UPDATE rewards_account AS a SET expires_at = {date} FROM locked WHERE a.id = locked.id
"""
_ANEW = "CASE WHEN a.balance > 0 OR a.pending > 0 THEN %(now)s + %(days)s * interval '24 hours' END"
_LATER = "a.expires_at + %(days)s * interval '24 hours'"


def date_accounts(program: Program, expiry: str, days: int) -> None:
    """What a change of the expiry policy means for who holds units now, set-based.

    Nobody's units lapse sooner than they were promised: where the time gets shorter, it is
    short from the next sign of life on.
    """
    inactivity = Program.Expiry.INACTIVITY
    values: dict[str, Any] = {
        "program": program.pk,
        "now": timezone.now(),
        "days": program.expiry_days,
    }
    if program.expiry == inactivity and expiry != inactivity:
        date = _ANEW
    elif program.expiry == inactivity and program.expiry_days > days:
        date, values["days"] = _LATER, program.expiry_days - days
    elif program.expiry != inactivity and expiry == inactivity:
        date = "NULL"
    else:
        return
    with connection.cursor() as cursor:
        cursor.execute(_DATE.format(date=date), values)
