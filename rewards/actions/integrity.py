"""The check of the ledger, run and remembered."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.models import Account, LedgerCheck
from rewards.selectors.integrity import find_discrepancies


def check_ledgers(*, actor: Actor) -> LedgerCheck:
    """Check every account and store the result.

    The result row is the record of the act; nothing of a customer changes.
    """
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    started_at = timezone.now()
    with transaction.atomic(durable=True):
        discrepancies = [found.as_json() for found in find_discrepancies()]
        return LedgerCheck.objects.create(
            started_at=started_at,
            accounts=Account.objects.count(),
            discrepancies=discrepancies,
        )
