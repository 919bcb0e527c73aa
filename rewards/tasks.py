"""What the ledger does by itself: release, expire, check. Beat's times stand in the settings."""

from __future__ import annotations

import structlog
from celery import shared_task
from django.db import DatabaseError
from django.utils import timezone

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import DomainError
from rewards.actions import redemption_states
from rewards.actions.integrity import check_ledgers
from rewards.actions.settling import settle_account
from rewards.selectors.due import due_accounts

log = structlog.get_logger(__name__)

BATCH = 500


@shared_task
def settle_due_accounts() -> int:
    """Release and expire what is due, account by account; returns how many were settled.

    Each account commits by itself, so a run that is cut off loses nothing and the next one
    goes on; two runs at once wait for each other's accounts and find nothing left to do.
    """
    settled, last, now = 0, 0, timezone.now()
    while batch := due_accounts(now, after=last, limit=BATCH):
        for last, customer_id, program_id in batch:
            try:
                settle_account(customer_id=customer_id, program_id=program_id, now=now)
                settled += 1
            except (DatabaseError, DomainError):
                # One account that does not add up must not keep all others from expiring.
                log.exception("account_not_settled", account=last)
    return settled


@shared_task
def expire_redemptions() -> int:
    """Expire the rewards whose time to be used is over, batch by batch; returns how many.

    Each batch commits by itself; two runs at once share them out.
    """
    expired, now = 0, timezone.now()
    while batch := redemption_states.expire_redemptions(now=now, limit=BATCH):
        expired += batch
    return expired


@shared_task
def check_ledgers_nightly() -> int:
    """Check every account, keep the result, and shout when one does not add up."""
    result = check_ledgers(actor=Actor.system("check_ledgers"))
    if result.discrepancies:
        log.error("ledger_does_not_add_up", discrepancies=len(result.discrepancies))
    return len(result.discrepancies)
