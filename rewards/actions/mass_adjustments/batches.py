"""What people do with a batch: upload it, set it going, undo it, discard it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import structlog
from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from activity.actions.recording import Act, authored, record_audit
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import Conflict, InvalidInput, NotFound
from loyalty_admin.common.idempotency import check_same_input, fingerprint
from loyalty_admin.common.locks import lock_name
from loyalty_admin.staff.models import ReasonCode
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.actions.mass_adjustments.actors import kept
from rewards.actions.mass_adjustments.opening import SourceFile, open_file
from rewards.actions.mass_adjustments.reading import read_rows
from rewards.actions.mass_adjustments.staging import store_rows
from rewards.actions.moving import check_own_key
from rewards.models import MassAdjustment, MassAdjustmentRow, Program
from rewards.selectors.batches import same_files

log = structlog.get_logger(__name__)

UPLOADED = "mass_adjustment.uploaded"
STARTED = "mass_adjustment.started"
UNDO_STARTED = "mass_adjustment.undo_started"
DISCARDED = "mass_adjustment.discarded"
DOWNLOADED = "mass_adjustment.downloaded"
TASK = "rewards.tasks.run_mass_adjustment"

_Status = MassAdjustment.Status


def upload_batch(
    *,
    actor: Actor,
    program_id: int,
    reason_id: int | None,
    filename: str,
    content: BinaryIO,
    size: int,
    idempotency_key: str,
    counts_for_tier: bool = True,
) -> MassAdjustment:
    """Store the rows of a file and have them checked; nothing moves yet.

    `reason_id` is for rows without one. Raises InvalidInput naming the field, NotFound,
    IdempotencyConflict.
    """
    authorise(actor, Perm.BALANCE_MASS_ADJUST)
    check_own_key(idempotency_key)
    program = Program.objects.filter(pk=program_id).first()
    if program is None:
        raise NotFound("There is no such program.")
    if not program.is_running:
        raise InvalidInput(f"{program} is not running.", field="program")
    if reason_id is not None and not ReasonCode.objects.filter(pk=reason_id).exists():
        raise InvalidInput("There is no such reason.", field="reason")
    file = open_file(content, size)
    chosen = {"program": program_id, "reason": reason_id, "counts_for_tier": counts_for_tier}
    signed = fingerprint({"user": actor.user_id, "digest": file.digest, **chosen})
    with transaction.atomic(durable=True):
        lock_name(idempotency_key)
        if before := MassAdjustment.objects.filter(idempotency_key=idempotency_key).first():
            check_same_input(before.fingerprint, signed)
            return before
        batch = MassAdjustment.objects.create(
            **authored(actor),
            program=program,
            reason_id=reason_id,
            counts_for_tier=counts_for_tier,
            filename=filename[:200],
            size=size,
            digest=file.digest,
            encoding=file.encoding,
            ignored_columns=file.ignored[:20],
            idempotency_key=idempotency_key,
            fingerprint=signed,
        )
        _store(actor, batch, file)
        return batch


def _store(actor: Actor, batch: MassAdjustment, file: SourceFile) -> None:
    batch.rows = store_rows(batch.pk, read_rows(file))
    batch.save(update_fields=["rows"])
    after = {"file": batch.filename, "rows": batch.rows, "digest": batch.digest}
    _record(actor, UPLOADED, batch, {"status": None}, after | {"program": str(batch.program)})
    wake(batch.pk)


def apply_batch(*, actor: Actor, batch_id: int, same_file_again: bool = False) -> MassAdjustment:
    """Set a checked batch going. Once: a second request finds it going and changes nothing.

    A file that was applied before goes again only with `same_file_again`. Raises NotFound,
    Conflict, InvalidInput naming the field.
    """

    def check(batch: MassAdjustment) -> None:
        if not batch.good:
            raise Conflict("No row of this file can be applied. Correct it and upload it again.")
        if not batch.program.is_running:
            raise Conflict(f"{batch.program} is not running, so its balances can't be changed.")
        # Two who apply the same file at once wait for each other here.
        lock_name(f"mass:{batch.digest}")
        if not same_file_again and same_files(batch):
            raise InvalidInput(
                "The same file has been applied before. Tick the box to apply it again.",
                field="same_file_again",
            )
        batch.applied_by = kept(actor)
        batch.position = batch.done = 0

    return _move(actor, batch_id, _Status.READY, _Status.APPLYING, STARTED, check)


def undo_batch(*, actor: Actor, batch_id: int) -> MassAdjustment:
    """Begin to take a whole applied batch back, once. Raises NotFound, Conflict."""

    def check(batch: MassAdjustment) -> None:
        batch.undone_by = kept(actor)
        batch.position, batch.done = batch.chunks, 0

    return _move(actor, batch_id, _Status.APPLIED, _Status.UNDOING, UNDO_STARTED, check)


def discard_batch(*, actor: Actor, batch_id: int) -> MassAdjustment:
    """Throw an uploaded batch away, with its rows; nothing of it was applied."""

    def check(batch: MassAdjustment) -> None:
        MassAdjustmentRow.objects.filter(batch=batch).delete()

    return _move(actor, batch_id, _Status.READY, _Status.DISCARDED, DISCARDED, check)


_AFTERWARDS: Mapping[str, tuple[str, ...]] = {
    _Status.APPLYING: (_Status.APPLYING, _Status.APPLIED),
    _Status.UNDOING: (_Status.UNDOING, _Status.UNDONE),
    _Status.DISCARDED: (_Status.DISCARDED,),
}
"""Where a batch stands after an act, for whoever asks for that act again."""


def _move(
    actor: Actor,
    batch_id: int,
    from_status: str,
    to_status: str,
    verb: str,
    check: Callable[[MassAdjustment], None],
) -> MassAdjustment:
    authorise(actor, Perm.BALANCE_MASS_ADJUST)
    with transaction.atomic(durable=True):
        batch = lock_batch(batch_id)
        if batch.status in _AFTERWARDS[to_status]:
            return batch
        if batch.status != from_status:
            raise Conflict(f"This file is {batch.get_status_display().lower()}. Look at it again.")
        check(batch)
        before, batch.status = {"status": batch.status}, to_status
        batch.heartbeat_at = timezone.now()
        batch.save()
        _record(actor, verb, batch, before, {"rows": batch.good})
        if batch.is_working:
            wake(batch.pk)
        return batch


def record_download(*, actor: Actor, batch_id: int) -> None:
    """Write down that somebody takes the rows of a batch, with the customers in them."""
    authorise(actor, Perm.AUDIT_VIEW)
    with transaction.atomic(durable=True):
        record_audit(actor, Act(DOWNLOADED, "mass_adjustment", batch_id))


def lock_batch(batch_id: int) -> MassAdjustment:
    """The batch, locked, with its program. Raises NotFound."""
    found = MassAdjustment.objects.select_for_update(of=("self",)).select_related("program")
    batch = found.filter(pk=batch_id).first()
    if batch is None:
        raise NotFound("There is no such mass adjustment.")
    return batch


def wake(batch_id: int) -> None:
    """Have a worker go on with the batch, once this transaction is committed.

    A broker that is down loses nothing: beat looks for batches that nobody works on.
    """

    def send() -> None:
        try:
            current_app.send_task(TASK, args=[batch_id])
        except OperationalError:
            log.warning("mass_adjustment_waits_for_beat", batch=batch_id)

    transaction.on_commit(send)


def _record(
    actor: Actor, verb: str, batch: MassAdjustment, before: dict[str, Any], more: dict[str, Any]
) -> None:
    after = {"status": batch.status, **more}
    record_audit(actor, Act(verb, "mass_adjustment", batch.pk, before=before, after=after))
