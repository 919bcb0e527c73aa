"""Adjust and debit as actions, beside the least that the ORM and bare SQL can do."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import local
from typing import Any
from uuid import uuid4

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.models import ReasonCode
from loyalty_admin.staff.permissions import actor_of
from rewards.actions.balances import adjust_balance, debit_balance
from rewards.models import Account, Allocation, Entry, Lot, Operation, Program
from tests.bench.measuring import Call, race
from tests.bench.report import Effort, Line, rate_line
from tests.bench.server import bench_user

AMOUNT = 5
SAMPLE = 20_000
"""From so many accounts each act chooses one at random."""

_CREDIT_AT_ONCE = """
WITH account AS (
    UPDATE rewards_account SET balance = balance + 5
    WHERE customer_id = %(customer)s AND program_id = %(program)s RETURNING id, balance
), operation AS (
    INSERT INTO rewards_operation
        (customer_id, kind, internal_note, customer_comment, reference, counts_for_tier,
         idempotency_key, fingerprint, occurred_at, recorded_at, actor_kind, actor_label)
    VALUES (%(customer)s, 'adjust', '', '', '', true, %(key)s, '', now(), now(), 'system', 'bare')
    RETURNING id
), entry AS (
    INSERT INTO rewards_entry
        (operation_id, account_id, customer_id, bucket, kind, amount, balance_after, occurred_at)
    SELECT operation.id, account.id, %(customer)s, 'available', 'adjusted', 5, balance, now()
    FROM account, operation RETURNING id, account_id
)
INSERT INTO rewards_lot
    (account_id, customer_id, entry_id, granted, remaining, is_pending, available_at)
SELECT account_id, %(customer)s, id, 5, 5, false, now() FROM entry
"""
_DEBIT_AT_ONCE = """
WITH account AS (
    UPDATE rewards_account SET balance = balance - 5
    WHERE customer_id = %(customer)s AND program_id = %(program)s RETURNING id, balance
), operation AS (
    INSERT INTO rewards_operation
        (customer_id, kind, internal_note, customer_comment, reference, counts_for_tier,
         idempotency_key, fingerprint, occurred_at, recorded_at, actor_kind, actor_label)
    VALUES (%(customer)s, 'debit', '', '', '', true, %(key)s, '', now(), now(), 'system', 'bare')
    RETURNING id
), entry AS (
    INSERT INTO rewards_entry
        (operation_id, account_id, customer_id, bucket, kind, amount, balance_after, occurred_at)
    SELECT operation.id, account.id, %(customer)s, 'available', 'spent', -5, balance, now()
    FROM account, operation RETURNING id
), lot AS (
    UPDATE rewards_lot SET remaining = remaining - 5 WHERE id = (
        SELECT lot.id FROM rewards_lot lot JOIN account ON account.id = lot.account_id
        WHERE remaining >= 5 ORDER BY expires_at NULLS LAST, lot.id LIMIT 1) RETURNING id
)
INSERT INTO rewards_allocation (entry_id, lot_id, customer_id, amount)
SELECT entry.id, lot.id, %(customer)s, 5 FROM entry, lot
"""
_LOCK = (
    "SELECT id, balance FROM rewards_account WHERE customer_id = %s AND program_id = %s FOR UPDATE"
)
_OPERATION = """
INSERT INTO rewards_operation
    (customer_id, kind, internal_note, customer_comment, reference, counts_for_tier,
     idempotency_key, fingerprint, occurred_at, recorded_at, actor_kind, actor_label)
VALUES (%s, %s, '', '', '', true, %s, '', now(), now(), 'system', 'bare') RETURNING id
"""
_ENTRY_AND_LOT = """
WITH entry AS (
    INSERT INTO rewards_entry
        (operation_id, account_id, customer_id, bucket, kind, amount, balance_after, occurred_at)
    VALUES (%s, %s, %s, 'available', %s, %s, %s, now()) RETURNING id, account_id, customer_id
)
INSERT INTO rewards_lot
    (account_id, customer_id, entry_id, granted, remaining, is_pending, available_at)
SELECT account_id, customer_id, id, 5, 5, false, now() FROM entry
"""
_ENTRY_AND_TAKE = """
WITH entry AS (
    INSERT INTO rewards_entry
        (operation_id, account_id, customer_id, bucket, kind, amount, balance_after, occurred_at)
    VALUES (%s, %s, %s, 'available', %s, %s, %s, now()) RETURNING id, account_id, customer_id
), lot AS (
    UPDATE rewards_lot SET remaining = remaining - 5 WHERE id = (
        SELECT lot.id FROM rewards_lot lot WHERE account_id = %s AND remaining >= 5
        ORDER BY expires_at NULLS LAST, lot.id LIMIT 1) RETURNING id
)
INSERT INTO rewards_allocation (entry_id, lot_id, customer_id, amount)
SELECT entry.id, lot.id, customer_id, 5 FROM entry, lot
"""


@dataclass(slots=True)
class Counter:
    """Does the same acts in four ways, each on a random account."""

    program: Program
    actor: Actor
    reason: ReasonCode
    customers: list[int]
    _own: local = field(default_factory=local)

    def adjust(self) -> None:
        """The product's action."""
        adjust_balance(
            actor=self.actor,
            customer_id=random.choice(self.customers),
            program_id=self.program.pk,
            amount=AMOUNT,
            reason_id=self.reason.pk,
            idempotency_key=str(uuid4()),
            internal_note="Checked",
        )

    def debit(self) -> None:
        """The product's action."""
        debit_balance(
            actor=self.actor,
            customer_id=random.choice(self.customers),
            program_id=self.program.pk,
            amount=AMOUNT,
            idempotency_key=str(uuid4()),
            reference="R-1",
        )

    def orm_adjust(self) -> None:
        """Lock, insert, update: no check, no replay, no timeline, no audit."""
        with transaction.atomic():
            account = self._locked()
            entry = self._entry(account, Operation.Kind.ADJUST, Entry.Kind.ADJUSTED, AMOUNT)
            Lot.objects.create(
                account=account,
                customer_id=account.customer_id,
                entry=entry,
                granted=AMOUNT,
                remaining=AMOUNT,
                available_at=entry.occurred_at,
            )
            account.save(update_fields=["balance"])

    def orm_debit(self) -> None:
        """Lock, find a lot, insert, update."""
        with transaction.atomic():
            account = self._locked()
            lots = Lot.objects.filter(account=account, remaining__gte=AMOUNT)
            lot = lots.order_by("expires_at", "pk")[0]
            entry = self._entry(account, Operation.Kind.DEBIT, Entry.Kind.SPENT, -AMOUNT)
            Allocation.objects.create(
                entry=entry, lot=lot, customer_id=account.customer_id, amount=AMOUNT
            )
            lot.remaining -= AMOUNT
            lot.save(update_fields=["remaining"])
            account.save(update_fields=["balance"])

    def _locked(self) -> Account:
        customer = random.choice(self.customers)
        return Account.objects.select_for_update().get(customer=customer, program=self.program)

    def _entry(self, account: Account, kind: str, entry_kind: str, amount: int) -> Entry:
        now = timezone.now()
        account.balance += amount
        operation = Operation.objects.create(
            customer_id=account.customer_id,
            kind=kind,
            idempotency_key=str(uuid4()),
            occurred_at=now,
            actor_kind="system",
            actor_label="orm",
        )
        return Entry.objects.create(
            operation=operation,
            account=account,
            customer_id=account.customer_id,
            kind=entry_kind,
            amount=amount,
            balance_after=account.balance,
            occurred_at=now,
        )

    def at_once(self, statement: str) -> None:
        """One statement through psycopg."""
        parameters = {
            "customer": random.choice(self.customers),
            "program": self.program.pk,
            "key": str(uuid4()),
        }
        self._bare().execute(statement, parameters)

    def in_four(self, kind: str) -> None:
        """Four statements in a transaction through psycopg."""
        bare, customer = self._bare(), random.choice(self.customers)
        adjusts = kind == "adjust"
        amount = AMOUNT if adjusts else -AMOUNT
        with bare.transaction():
            account, balance = _one(bare.execute(_LOCK, [customer, self.program.pk]))
            (operation,) = _one(bare.execute(_OPERATION, [customer, kind, str(uuid4())]))
            entry = [operation, account, customer, "adjusted" if adjusts else "spent", amount]
            entry.append(balance + amount)
            if adjusts:
                bare.execute(_ENTRY_AND_LOT, entry)
            else:
                bare.execute(_ENTRY_AND_TAKE, [*entry, account])
            bare.execute(
                "UPDATE rewards_account SET balance = %s WHERE id = %s", [balance + amount, account]
            )

    def _bare(self) -> psycopg.Connection[Any]:
        """A connection of psycopg's own for this thread."""
        if not hasattr(self._own, "connection"):
            self._own.connection = psycopg.connect(settings.DATABASE_URL, autocommit=True)
        bare: psycopg.Connection[Any] = self._own.connection
        return bare


def _one(cursor: psycopg.Cursor[Any]) -> Any:
    return cursor.fetchone()


def counter(program: Program) -> Counter:
    """Who acts, and on which accounts: members who have enough for the whole bench."""
    reason, _new = ReasonCode.objects.get_or_create(code="bench", defaults={"label": "Bench"})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT customer_id FROM rewards_account WHERE program_id = %s AND balance >= 100 "
            "ORDER BY random() LIMIT %s",
            [program.pk, SAMPLE],
        )
        customers = [pk for (pk,) in cursor.fetchall()]
    return Counter(program, actor_of(bench_user()), reason, customers)


def measure(program: Program, effort: Effort) -> list[Line]:
    """Both acts beside their floors, from one thread and from eight."""
    acts = counter(program)
    lines: list[Line] = []
    kinds: tuple[tuple[str, Callable[[], None], Callable[[], None], str], ...] = (
        ("adjust", acts.adjust, acts.orm_adjust, _CREDIT_AT_ONCE),
        ("debit", acts.debit, acts.orm_debit, _DEBIT_AT_ONCE),
    )
    for kind, ours, orm, statement in kinds:
        ways: dict[str, Call] = {
            "ours": ours,
            "orm": orm,
            "four": partial(acts.in_four, kind),
            "one": partial(acts.at_once, statement),
        }
        timings = race(ways, rounds=effort.rounds, block=effort.block)
        for floor, name, goal in (
            ("orm", "minimal ORM", 0.7),
            ("four", "4 round trips", None),
            ("one", "1 statement", None),
        ):
            lines.append(
                rate_line(kind, timings["ours"], name, timings[floor], effort.block, goal=goal)
            )
        many = {"ours": ours, "orm": orm}
        timings = race(many, rounds=effort.rounds // 2, block=8 * effort.block, threads=8)
        lines.append(
            rate_line(
                f"{kind}, 8 threads",
                timings["ours"],
                "minimal ORM",
                timings["orm"],
                8 * effort.block,
                goal=0.7,
            )
        )
    return lines
