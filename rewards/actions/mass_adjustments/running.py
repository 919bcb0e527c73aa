"""What a worker does with a batch: one step to a transaction, until nothing is left.

A worker that is killed loses the step it was in, and the next one does it again. Whoever takes
a step holds the batch's lock and finds in the batch which step is next, so two workers take
turns and do nothing twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from activity.actions.recording import Act, record_audit
from loyalty_admin.common.actor import Actor
from rewards.actions.mass_adjustments.actors import revived
from rewards.actions.mass_adjustments.applying import Chunk, apply_chunk
from rewards.actions.mass_adjustments.batches import lock_batch, wake
from rewards.actions.mass_adjustments.checking import check_rows
from rewards.actions.mass_adjustments.undoing import undo_chunk
from rewards.models import MassAdjustment

CHECKED = "mass_adjustment.checked"
APPLIED = "mass_adjustment.applied"
UNDONE = "mass_adjustment.undone"
SILENCE = timedelta(minutes=2)
"""After so long without a sign of life, somebody else goes on with a batch."""

_Status = MassAdjustment.Status


def run_batch(batch_id: int) -> int:
    """Do everything that is left to do for a batch; how many steps that took.

    The system does this, in the name of whoever set the batch going.
    """
    steps = 0
    while take_step(batch_id):
        steps += 1
    return steps


def take_step(batch_id: int) -> bool:
    """Check a batch, or apply or undo one chunk of it; False when there is nothing to do."""
    with transaction.atomic(durable=True):
        batch = lock_batch(batch_id)
        if not batch.is_working:
            return False
        batch.heartbeat_at = timezone.now()
        if batch.status == _Status.CHECKING:
            check_rows(batch)
            told = {"rows": batch.rows, "good": batch.good}
            _record(Actor.system("mass_adjustments"), CHECKED, batch, told)
        elif batch.status == _Status.APPLYING:
            _apply(batch)
        else:
            _undo(batch)
        return True


def _apply(batch: MassAdjustment) -> None:
    actor = revived(batch.applied_by)
    batch.position += 1
    _add(batch, apply_chunk(actor, batch, batch.position))
    if batch.position >= batch.chunks:
        batch.status, batch.applied_at = _Status.APPLIED, timezone.now()
        told = {"rows": batch.applied, "refused": batch.refused}
        _record(actor, APPLIED, batch, told)
    batch.save()


def _undo(batch: MassAdjustment) -> None:
    actor = revived(batch.undone_by)
    _add(batch, undo_chunk(actor, batch, batch.position))
    batch.position -= 1
    if batch.position <= 0:
        batch.status, batch.undone_at = _Status.UNDONE, timezone.now()
        told = {"rows": batch.done, "short_rows": batch.short_rows, "shortfall": batch.shortfall}
        _record(actor, UNDONE, batch, told)
    batch.save()


def _add(batch: MassAdjustment, chunk: Chunk) -> None:
    batch.done += chunk.done
    batch.refused += chunk.refused
    batch.short_rows += chunk.short_rows
    batch.shortfall += chunk.shortfall


def _record(actor: Actor, verb: str, batch: MassAdjustment, told: dict[str, int]) -> None:
    after = {"status": batch.status, **told}
    record_audit(actor, Act(verb, "mass_adjustment", batch.pk, after=after))


def wake_silent_batches(*, now: datetime | None = None) -> int:
    """Have workers go on with the batches that nobody works on; how many there are.

    The system does this. Each is woken once in `SILENCE`, however long it waits for a worker.
    """
    now = now or timezone.now()
    with transaction.atomic(durable=True):
        silent = MassAdjustment.objects.select_for_update(skip_locked=True).filter(
            status__in=MassAdjustment.WORKING, heartbeat_at__lt=now - SILENCE
        )
        batches = list(silent.order_by("pk").values_list("pk", flat=True))
        MassAdjustment.objects.filter(pk__in=batches).update(heartbeat_at=now)
        for batch_id in batches:
            wake(batch_id)
    return len(batches)
