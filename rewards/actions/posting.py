"""The one door to the ledger: an operation with its entries, lots and allocations.

`post` writes them all, and the new totals of the accounts, in one statement: one round
trip instead of six. The caller holds the locks of the accounts (`rewards.actions.locking`)
and has computed what the statement writes; the constraints have the last word.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from activity.actions.recording import authored
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.idempotency import fingerprint
from rewards.models import Account, Entry, Lot, Operation, Program


@dataclass(frozen=True, slots=True)
class NewLot:
    """The units that a credit brings. `remaining` is less than the credit when it pays a debt."""

    remaining: int
    available_at: datetime
    expires_at: datetime | None
    is_pending: bool = False


@dataclass(frozen=True, slots=True)
class Take:
    """Units taken from a lot; a negative amount gives them back."""

    lot: Lot
    amount: int


_ASKED = (
    "kind",
    "customer_id",
    "order_id",
    "reverses_id",
    "reason_id",
    "internal_note",
    "customer_comment",
    "reference",
    "counts_for_tier",
)
"""The columns of an operation that its author chose."""


_SIGNS_OF_LIFE = (Entry.Kind.EARNED, Entry.Kind.SPENT, Entry.Kind.ADJUSTED)


@dataclass(slots=True)
class Posting:
    """An operation to be written, and the entries that `add` collected for it."""

    actor: Actor
    customer_id: int
    kind: Operation.Kind
    idempotency_key: str
    occurred_at: datetime
    fingerprint: str = ""
    order_id: int | None = None
    reverses_id: int | None = None
    reason_id: int | None = None
    internal_note: str = ""
    customer_comment: str = ""
    reference: str = ""
    counts_for_tier: bool = True
    entries: list[dict[str, object]] = field(default_factory=list)
    takes: list[dict[str, object]] = field(default_factory=list)
    accounts: dict[int, Account] = field(default_factory=dict)
    released: list[int] = field(default_factory=list)

    def sign(self, **more: object) -> None:
        """Fingerprint what was asked for: the columns of the operation and `more`.

        The author counts, the time does not: a retry is the same person asking again.
        """
        asked = {name: getattr(self, name) for name in _ASKED}
        self.fingerprint = fingerprint({"user": self.actor.user_id, **asked, **more})

    def add(
        self,
        account: Account,
        kind: Entry.Kind,
        amount: int,
        *,
        bucket: Entry.Bucket = Entry.Bucket.AVAILABLE,
        lot: NewLot | None = None,
        takes: Sequence[Take] = (),
        rule_version_id: int | None = None,
        multiplier: Decimal = Decimal(1),
    ) -> None:
        """Add one entry and move the account's running total, in units.

        `multiplier` is the tier's, for what was earned.
        """
        if bucket == Entry.Bucket.AVAILABLE:
            account.balance += amount
            balance_after = account.balance
        else:
            account.pending += amount
            balance_after = account.pending
        self.accounts[account.pk] = account
        self._postpone_lapse(account, kind, amount)
        position = len(self.entries)
        self.entries.append(
            {
                "position": position,
                "account_id": account.pk,
                "bucket": bucket,
                "kind": kind,
                "amount": amount,
                "balance_after": balance_after,
                "rule_version_id": rule_version_id,
                "multiplier": str(multiplier),
                "granted": amount if lot else None,
                "remaining": lot.remaining if lot else None,
                "is_pending": lot.is_pending if lot else None,
                "available_at": lot.available_at if lot else None,
                "expires_at": lot.expires_at if lot else None,
            }
        )
        for take in takes:
            self.takes.append(
                {
                    "number": len(self.takes),
                    "position": position,
                    "lot_id": take.lot.pk,
                    "amount": take.amount,
                    "expires_at": take.lot.expires_at,
                }
            )

    def _postpone_lapse(self, account: Account, kind: Entry.Kind, amount: int) -> None:
        """Where units lapse by inactivity: what the customer does starts their time anew.

        What comes back after everything lapsed stays for the program's grace.
        """
        program = account.program
        if program.expiry != Program.Expiry.INACTIVITY:
            return
        lapses = account.expires_at
        if kind in _SIGNS_OF_LIFE:
            anew = self.occurred_at + timedelta(days=program.expiry_days)
            account.expires_at = anew if lapses is None else max(lapses, anew)
        elif amount > 0 and lapses is None:
            account.expires_at = self.occurred_at + timedelta(days=program.grace_days)

    def release(self, account: Account, lot: Lot) -> None:
        """Move a pending lot into the balance, where it pays the account's debt first."""
        paid = min(account.debt, lot.remaining)
        account.debt -= paid
        self.add(account, Entry.Kind.RELEASED, -lot.remaining, bucket=Entry.Bucket.PENDING)
        takes = [Take(lot, paid)] if paid else []
        self.add(account, Entry.Kind.RELEASED, lot.remaining, takes=takes)
        lot.remaining -= paid
        lot.is_pending = False
        self.released.append(lot.pk)


_POST = """
WITH operation AS (
    INSERT INTO rewards_operation
        (customer_id, kind, order_id, reverses_id, reason_id, internal_note, customer_comment,
         reference, counts_for_tier, idempotency_key, fingerprint, occurred_at, recorded_at,
         actor_kind, actor_label, actor_user_id)
    VALUES (%(customer_id)s, %(kind)s, %(order_id)s, %(reverses_id)s, %(reason_id)s,
            %(internal_note)s, %(customer_comment)s, %(reference)s, %(counts_for_tier)s,
            %(idempotency_key)s, %(fingerprint)s, %(occurred_at)s, %(recorded_at)s,
            %(actor_kind)s, %(actor_label)s, %(actor_user_id)s)
    RETURNING id
), draft AS MATERIALIZED (
    SELECT nextval('rewards_entry_id_seq') AS id, d.*
    FROM jsonb_to_recordset(%(entries)s) AS d (
        position int, account_id bigint, bucket text, kind text, amount bigint,
        balance_after bigint, rule_version_id bigint, multiplier numeric, granted bigint,
        remaining bigint,
        is_pending boolean, available_at timestamptz, expires_at timestamptz)
    ORDER BY position
), entry AS (
    INSERT INTO rewards_entry
        (id, operation_id, account_id, customer_id, bucket, kind, amount, balance_after,
         rule_version_id, multiplier, occurred_at)
    SELECT draft.id, operation.id, account_id, %(customer_id)s, bucket, kind, amount,
           balance_after, rule_version_id, multiplier, %(occurred_at)s
    FROM draft, operation
), brought AS MATERIALIZED (
    SELECT nextval('rewards_lot_id_seq') AS lot_id, draft.*
    FROM draft WHERE granted IS NOT NULL
), lot AS (
    INSERT INTO rewards_lot
        (id, account_id, customer_id, entry_id, granted, remaining, is_pending, available_at,
         expires_at)
    SELECT lot_id, account_id, %(customer_id)s, id, granted, remaining, is_pending, available_at,
           expires_at
    FROM brought
), take AS MATERIALIZED (
    SELECT draft.id AS entry_id, t.number, t.lot_id, t.amount, t.expires_at
    FROM jsonb_to_recordset(%(takes)s)
        AS t (number int, position int, lot_id bigint, amount bigint, expires_at timestamptz)
    JOIN draft USING (position)
), allocation AS (
    INSERT INTO rewards_allocation (entry_id, lot_id, customer_id, amount)
    SELECT entry_id, lot_id, %(customer_id)s, amount
    FROM (SELECT entry_id, number, lot_id, amount FROM take
          UNION ALL
          SELECT id, 0, lot_id, granted - remaining FROM brought WHERE remaining < granted) AS a
    ORDER BY entry_id, number
), touched AS (
    SELECT lot_id, sum(amount) AS amount, max(expires_at) AS expires_at
    FROM (SELECT lot_id, amount, expires_at FROM take
          UNION ALL SELECT id, 0, expires_at FROM rewards_lot WHERE id = ANY(%(released)s)) AS t
    GROUP BY lot_id
), changed AS (
    UPDATE rewards_lot SET remaining = rewards_lot.remaining - touched.amount,
                           expires_at = touched.expires_at,
                           is_pending = is_pending AND rewards_lot.id <> ALL(%(released)s)
    FROM touched WHERE rewards_lot.id = touched.lot_id AND rewards_lot.id = ANY(%(lot_ids)s)
), account AS (
    UPDATE rewards_account
    SET balance = a.balance, pending = a.pending, debt = a.debt, expires_at = a.expires_at
    FROM jsonb_to_recordset(%(accounts)s)
        AS a (id bigint, balance bigint, pending bigint, debt bigint, expires_at timestamptz)
    WHERE rewards_account.id = a.id AND rewards_account.id = ANY(%(account_ids)s)
)
SELECT id FROM operation
"""
# The planner takes a JSON for a hundred rows, and would read small tables whole for them;
# the lists of ids tell it how few there are.


def post(posting: Posting) -> Operation:
    """Write the posting and return its operation.

    Raises IntegrityError when a constraint of the ledger would not hold.
    """
    columns: dict[str, Any] = {
        **{name: getattr(posting, name) for name in _ASKED},
        **authored(posting.actor),
        "idempotency_key": posting.idempotency_key,
        "fingerprint": posting.fingerprint,
        "occurred_at": posting.occurred_at,
        "recorded_at": timezone.now(),
    }
    parameters = columns | {
        "entries": json.dumps(posting.entries, default=datetime.isoformat),
        "takes": json.dumps(posting.takes, default=datetime.isoformat),
        "released": posting.released,
        "lot_ids": [*posting.released, *(take["lot_id"] for take in posting.takes)],
        "account_ids": list(posting.accounts),
        "accounts": json.dumps(
            [_totals(account) for account in posting.accounts.values()],
            default=datetime.isoformat,
        ),
    }
    with connection.cursor() as cursor:
        cursor.execute(_POST, parameters)
        (pk,) = cursor.fetchone()
    operation = Operation(pk=pk, **columns)
    operation._state.adding = False
    return operation


def _totals(account: Account) -> dict[str, object]:
    return {
        "id": account.pk,
        "balance": account.balance,
        "pending": account.pending,
        "debt": account.debt,
        "expires_at": account.expires_at,
    }
