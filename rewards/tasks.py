"""What the ledger does by itself: release, expire, check. Beat's times stand in the settings."""

from __future__ import annotations

import structlog
from celery import shared_task
from django.utils import timezone

from loyalty_admin.common.actor import Actor
from rewards.actions import event_reports, redemption_states
from rewards.actions.integrity import check_ledgers
from rewards.actions.mass_adjustments.running import run_batch, wake_silent_batches
from rewards.actions.sweeping import sweep
from rewards.actions.tiers import evaluate_all
from rewards.actions.warning import warn_of_expiry

log = structlog.get_logger(__name__)

BATCH = 500


@shared_task
def settle_due_accounts() -> int:
    """Release and expire what is due, batch by batch; returns how many accounts were settled.

    Each batch commits by itself, so a run that is cut off loses nothing and the next one goes
    on; two runs at once share the accounts out.
    """
    return sum(batch.accounts for batch in sweep())


@shared_task
def warn_of_expiry_nightly() -> int:
    """Tell of what expires in the days to come, batch by batch; returns how many warnings."""
    return sum(warn_of_expiry())


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
def earn_birthdays() -> int:
    """Credit the members whose birthday is today; returns how many earned."""
    return event_reports.earn_birthdays(timezone.localdate())


@shared_task
def evaluate_tiers() -> int:
    """Move whom time has moved on the ladders; returns how many. See `evaluate_all`."""
    return evaluate_all()


@shared_task
def check_ledgers_nightly() -> int:
    """Check every account, keep the result, and shout when one does not add up."""
    result = check_ledgers(actor=Actor.system("check_ledgers"))
    if result.discrepancies:
        log.error("ledger_does_not_add_up", discrepancies=len(result.discrepancies))
    return len(result.discrepancies)


@shared_task
def run_mass_adjustment(batch_id: int) -> int:
    """Check, apply or undo a mass adjustment to its end; returns how many steps it took.

    Each step commits by itself, so a worker that dies loses nothing and the next one goes on.
    """
    return run_batch(batch_id)


@shared_task
def wake_mass_adjustments() -> int:
    """Go on with the mass adjustments that nobody works on; returns how many there are."""
    return wake_silent_batches()
