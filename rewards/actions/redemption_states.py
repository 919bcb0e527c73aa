"""What becomes of a reward that somebody has: used, taken away, opened again, expired."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from customers.models import Customer
from discounts.actions.codes import lock_code, restore_code, use_code, void_code
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import Conflict, InvalidInput, NotEnrolled
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.actions.redemption_parts import (
    check_reason,
    lock_redemption,
    record_redemption,
    return_to_stock,
    take_from_stock,
)
from rewards.models import Redemption

USED, REOPENED, REMOVED = "reward.used", "reward.reopened", "reward.removed"
EXPIRED = "reward.expired"
Status = Redemption.Status


def mark_redemption_used(*, actor: Actor, redemption_id: int) -> Redemption:
    """Note that the reward was handed over; its code is used up. Used already, it stays so.

    Raises NotFound, NotEnrolled while the customer is out of the programme, Conflict when it
    was cancelled or has expired.
    """
    authorise(actor, Perm.BALANCE_UNDO)
    with transaction.atomic(durable=True):
        redemption, now = lock_redemption(redemption_id), timezone.now()
        if redemption.status == Status.USED:
            return redemption
        _check_outstanding(redemption, now)
        if redemption.customer.status == Customer.Status.REMOVED:
            raise NotEnrolled(
                f"{redemption.customer} was taken out of the programme, so “{redemption.reward}” "
                "can't be used. Enrol first."
            )
        if redemption.code_id:
            redemption.code = lock_code(redemption.code_id)
            use_code(actor=actor, code=redemption.code, at=now)
        _close(redemption, Status.USED, "", now)
        record_redemption(actor, redemption, USED, now, {})
        return redemption


def remove_redemption(*, actor: Actor, redemption_id: int, reason: str) -> Redemption:
    """Take a reward away without giving units back; its code is voided, its stock returns.

    Taken away already, it stays so. Raises NotFound, InvalidInput without a reason, Conflict
    when it was used or has expired.
    """
    authorise(actor, Perm.BALANCE_UNDO)
    reason = " ".join(reason.split())
    check_reason(reason)
    if not reason:
        raise InvalidInput("Say why it is taken away.", field="reason")
    with transaction.atomic(durable=True):
        redemption, now = lock_redemption(redemption_id), timezone.now()
        if redemption.is_removed:
            return redemption
        _check_outstanding(redemption, None)
        take_away(actor, redemption, reason, now)
        return redemption


def take_away(actor: Actor, redemption: Redemption, reason: str, at: datetime) -> None:
    """Take away a locked redemption that is outstanding; part of the caller's act."""
    _close(redemption, Status.CANCELLED, reason, at)
    return_to_stock(redemption)
    if redemption.code_id:
        redemption.code = lock_code(redemption.code_id)
        void_code(actor=actor, code=redemption.code, reason=reason, at=at)
    record_redemption(actor, redemption, REMOVED, at, {"reason": reason})


def reopen_redemption(*, actor: Actor, redemption_id: int) -> Redemption:
    """Undo `mark_redemption_used` or `remove_redemption`: it can be used again, and its code.

    Raises NotFound, Conflict when its units went back, it has expired, or all others are gone.
    """
    authorise(actor, Perm.BALANCE_UNDO)
    with transaction.atomic(durable=True):
        redemption, now = lock_redemption(redemption_id), timezone.now()
        before = redemption.status
        if before == Status.OUTSTANDING:
            return redemption
        _check_reopenable(redemption)
        if before == Status.CANCELLED:
            _take_again(redemption)
        redemption.status, redemption.closed_at = Status.OUTSTANDING, None
        redemption.closing_note = ""
        redemption.save(update_fields=["status", "closed_at", "closing_note", "from_stock"])
        if redemption.code_id:
            redemption.code = lock_code(redemption.code_id)
            restore_code(actor=actor, code=redemption.code)
        record_redemption(actor, redemption, REOPENED, now, {"was": before}, before=before)
        return redemption


def _close(redemption: Redemption, status: Redemption.Status, note: str, at: datetime) -> None:
    redemption.status, redemption.closed_at, redemption.closing_note = status, at, note
    redemption.save(update_fields=["status", "closed_at", "closing_note"])


def _check_outstanding(redemption: Redemption, at: datetime | None) -> None:
    """Raise Conflict unless it can still be used; at a time, also when it expired before."""
    ends, status = redemption.expires_at, redemption.status
    if status == Status.EXPIRED or (at and ends and ends <= at):
        day = timezone.localtime(ends) if ends else None
        on = f" on {day:%Y-%m-%d}" if day else ""
        raise Conflict(f"“{redemption.reward}” expired{on}.")
    if status == Status.USED:
        raise Conflict(f"“{redemption.reward}” was used already.")
    if status != Status.OUTSTANDING:
        raise Conflict(f"“{redemption.reward}” was taken away already.")


def _check_reopenable(redemption: Redemption) -> None:
    if redemption.status == Status.EXPIRED:
        raise Conflict(f"“{redemption.reward}” has expired, so it can't be opened again.")
    if redemption.source == Redemption.Source.TIER and redemption.tier_id is None:
        raise Conflict(f"“{redemption.reward}” went with its tier, which can give it again.")
    if redemption.status == Status.CANCELLED and not redemption.is_removed:
        raise Conflict(
            f"“{redemption.reward}” was cancelled and its units returned. Redeem it again instead."
        )


def _take_again(redemption: Redemption) -> None:
    if not redemption.from_stock:
        return
    redemption.from_stock = take_from_stock(redemption.reward)
    if not redemption.from_stock and redemption.reward.stock is not None:
        raise Conflict(f"“{redemption.reward}” is sold out meanwhile.")


_EXPIRE = """
WITH due AS (
    SELECT redemption.id
    FROM rewards_redemption AS redemption
    JOIN customers_customer AS customer ON customer.id = redemption.customer_id
    WHERE redemption.status = 'outstanding' AND redemption.expires_at <= %(now)s
      -- For whoever was taken out of the programme, time stands still.
      AND customer.status <> 'removed'
    ORDER BY redemption.expires_at LIMIT %(limit)s
    FOR UPDATE OF redemption SKIP LOCKED
), closed AS (
    UPDATE rewards_redemption AS redemption SET status = 'expired', closed_at = %(now)s
    FROM due WHERE redemption.id = due.id
    RETURNING redemption.*
), told AS MATERIALIZED (
    SELECT closed.id, closed.customer_id, jsonb_build_object(
        'program_id', program.id, 'program', program.name,
        'unit_singular', program.unit_singular, 'unit_plural', program.unit_plural,
        'reward_id', reward.id, 'reward', reward.name, 'code', coalesce(code.code, ''),
        'source', closed.source, 'units', closed.units, 'expires_at', closed.expires_at) AS data
    FROM closed
    JOIN rewards_reward AS reward ON reward.id = closed.reward_id
    JOIN rewards_program AS program ON program.id = reward.program_id
    LEFT JOIN discounts_discountcode AS code ON code.id = closed.code_id
), event AS (
    INSERT INTO activity_event
        (customer_id, occurred_at, kind, object_id, data, recorded_at, actor_kind, actor_label)
    SELECT customer_id, %(now)s, %(kind)s, id, data, clock_timestamp(), %(actor_kind)s, %(actor)s
    FROM told
), audit AS (
    INSERT INTO activity_auditrecord
        (at, verb, object_type, object_id, customer_id, before, after, request_id, actor_kind,
         actor_label)
    SELECT %(now)s, %(kind)s, 'redemption', id, customer_id, '{"status": "outstanding"}',
           data || '{"status": "expired"}', '', %(actor_kind)s, %(actor)s
    FROM told
)
SELECT count(*) FROM closed
"""


def expire_redemptions(*, now: datetime, limit: int) -> int:
    """Expire up to `limit` outstanding redemptions that are past their end; how many there were.

    The system does this, in one statement and transaction. What somebody else holds is left
    for the next run, so any number of workers may do this at once.
    """
    actor = Actor.system("expiry")
    parameters: dict[str, Any] = {
        "now": now,
        "limit": limit,
        "kind": EXPIRED,
        "actor_kind": actor.kind,
        "actor": actor.label,
    }
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_EXPIRE, parameters)
        (expired,) = cursor.fetchone()
    return int(expired)
