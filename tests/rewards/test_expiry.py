"""RW-9: what time does to accounts at rest, set-based, and by what it finds them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse

from loyalty_admin.celery import app
from rewards.actions import bulk_settling, sweeping
from rewards.actions.settling import EXPIRED, RELEASED, settle_account
from rewards.actions.sweeping import sweep
from rewards.models import Account, Entry, Lot, Operation, Program, Redemption
from rewards.selectors import due
from rewards.tasks import settle_due_accounts
from tests.factories import ProgramFactory, UserFactory
from tests.rewards.expiry import DAY, give, holder, left_behind, promise
from tests.rewards.ledger import account_of, adjust, assert_adds_up, balance_of, debit, undo
from tests.rewards.redemptions import a_reward

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
PAST, FUTURE = NOW - DAY, NOW + 30 * DAY


def _everything(side: str, programs: Sequence[Program]) -> list[Account]:
    """An account for each thing that may be due, alone and together."""
    points, indebted, lapsing, stamps = programs
    accounts = {
        name: holder(f"{side}-{name}", program=points)
        for name in ("two lots", "both", "spent", "at once", "nothing")
    }
    give(accounts["two lots"], 30, PAST)
    give(accounts["two lots"], 20, PAST - DAY)
    give(accounts["two lots"], 7, FUTURE)
    promise(accounts["both"], 11, PAST, FUTURE)
    promise(accounts["both"], 12, PAST - DAY)
    promise(accounts["both"], 13, FUTURE)
    give(accounts["both"], 5, PAST)
    give(accounts["spent"], 40, PAST)
    debit(accounts["spent"], 15)
    promise(accounts["at once"], 9, PAST - DAY, PAST)
    give(accounts["nothing"], 3, FUTURE)
    accounts["in debt"] = _in_debt(holder(f"{side}-in debt", program=indebted))
    for name, ends in {"lapsed": PAST, "not yet": FUTURE, "nothing left": PAST}.items():
        account = accounts[name] = holder(f"{side}-{name}", program=lapsing)
        if name != "nothing left":
            give(account, 50)
            give(account, 6, PAST)
            promise(account, 8, PAST)
            promise(account, 4, FUTURE)
        Account.objects.filter(pk=account.pk).update(expires_at=ends)
    late = accounts["late"] = holder(f"{side}-late", program=lapsing)
    promise(late, 21, PAST)
    card = accounts["card"] = holder(f"{side}-card", program=stamps)
    give(card, 2, PAST)
    give(card, 1, FUTURE)
    promise(card, 4, PAST, FUTURE + DAY)
    promise(card, 7, PAST)
    return list(accounts.values())


def _in_debt(account: Account) -> Account:
    credit = adjust(account, 25)
    debit(account, 25)
    undo(credit)
    promise(account, 10, PAST, FUTURE + DAY)
    promise(account, 20, PAST - DAY, FUTURE)
    account.refresh_from_db()
    assert account.debt == 25
    return account


def test_rw_9_the_sweep_writes_what_settling_account_by_account_writes() -> None:
    programs = [
        ProgramFactory(),
        ProgramFactory(clawback_below_zero=True),
        ProgramFactory(expiry=Program.Expiry.INACTIVITY, expiry_days=90, grace_days=20),
        ProgramFactory(stamps=True, card_size=5),
    ]
    Program.objects.filter(pk=programs[-1].pk).update(card_reward=a_reward(programs[-1], 5))
    with time_machine.travel(NOW - 40 * DAY, tick=False):
        single, bulk = _everything("single", programs), _everything("bulk", programs)
    for account in single:
        settle_account(customer_id=account.customer_id, program_id=account.program_id, now=NOW)
    batches = list(sweep(now=NOW))
    assert sum(batch.accounts for batch in batches) == 13
    assert Redemption.objects.filter(source="card").count() == 4
    for one, many in zip(single, bulk, strict=True):
        kinds = (EXPIRED, RELEASED)
        assert left_behind(one, kinds) == left_behind(many, kinds), one.customer.external_id
    assert_adds_up()
    assert list(sweep(now=NOW)) == []


def test_rw_9_the_sweep_settles_what_is_due_and_nothing_else(client: Client) -> None:
    due, waiting = holder(), holder()
    give(due, 5, datetime(2026, 1, 1, tzinfo=UTC))
    adjust(waiting, 7, expires_in_days=1)
    assert settle_due_accounts() == 1
    assert settle_due_accounts() == 0
    assert (balance_of(due), balance_of(waiting)) == (0, 7)
    assert Entry.objects.filter(kind="expired").count() == 1
    client.force_login(UserFactory())
    timeline = client.get(reverse("activity:timeline", args=[due.customer_id]))
    assert "5 points expired" in timeline.content.decode()
    assert_adds_up()


def test_rw_9_an_account_of_many_lots_gets_one_operation_with_one_entry() -> None:
    account = holder()
    lots = [give(account, units, PAST) for units in (1, 2, 3)]
    list(sweep(now=NOW))
    entry = Entry.objects.get(kind="expired")
    assert (entry.amount, entry.balance_after) == (-6, 0)
    assert [(a.lot_id, a.amount) for a in entry.allocations.order_by("pk")] == [
        (lot.pk, lot.remaining) for lot in lots
    ]
    assert Operation.objects.get(kind="expire").idempotency_key.startswith("expire:")


def test_cu_7_time_stands_still_for_who_was_taken_out_of_the_programme() -> None:
    program = ProgramFactory(expiry=Program.Expiry.INACTIVITY, expiry_days=90)
    account = holder(program=program)
    give(account, 5, PAST)
    promise(account, 3, PAST)
    Account.objects.update(expires_at=PAST)
    account.customer.status = "removed"
    account.customer.save()
    assert list(sweep(now=NOW)) == []
    assert bulk_settling.lock_free([account.pk]) == []
    account.customer.status = "member"
    account.customer.save()
    assert [batch.lots for batch in sweep(now=NOW)] == [1, 2]
    assert balance_of(account) == 0


def test_rw_9_units_lapse_by_inactivity_and_a_later_order_starts_their_time_anew() -> None:
    account = account_of(
        100, program=ProgramFactory(expiry=Program.Expiry.INACTIVITY, expiry_days=90)
    )
    assert account.expires_at
    assert list(sweep(now=account.expires_at - DAY)) == []
    assert [batch.lots for batch in sweep(now=account.expires_at)] == [1]
    assert _account(account) == (0, None)
    adjust(account, 7)
    assert _account(account)[1] is not None
    assert_adds_up()


def _account(account: Account) -> tuple[int, datetime | None]:
    return Account.objects.values_list("balance", "expires_at").get(pk=account.pk)


def test_batches_hold_no_more_lots_than_they_may() -> None:
    accounts = [holder() for _ in range(5)]
    for account in accounts:
        give(account, 1, PAST)
        give(account, 2, PAST)
    batches = due.accounts_to_expire(NOW, lots=4)
    assert batches == [[a.pk for a in accounts[i : i + 2]] for i in (0, 2, 4)]
    assert [batch.lots for batch in sweep(now=NOW, lots=4)] == [4, 4, 2]
    assert_adds_up()


def test_one_account_that_can_not_be_settled_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts = [holder() for _ in range(9)]
    for account in accounts:
        give(account, 5, PAST)
    bad, tried = accounts[4], []

    def failing(account_ids: Sequence[int], now: datetime) -> tuple[int, int]:
        tried.append(list(account_ids))
        if bad.pk in account_ids:
            raise DatabaseError("broken")
        return bulk_settling.expire_many(account_ids, now)

    work = sweeping.Work(due.accounts_to_expire, failing)
    monkeypatch.setattr(sweeping, "EXPIRE", work)
    assert sum(batch.accounts for batch in sweep(now=NOW)) == 8
    assert [balance_of(account) for account in accounts] == [0] * 4 + [5] + [0] * 4
    assert tried.count([bad.pk]) == 1, "it is not tried again in the same sweep"
    monkeypatch.undo()
    assert sum(batch.accounts for batch in sweep(now=NOW)) == 1
    assert_adds_up()


def test_an_account_that_violates_a_constraint_is_left_as_it_is() -> None:
    good, bad = holder(), holder()
    for account in (good, bad):
        give(account, 5, PAST)
    Account.objects.filter(pk=bad.pk).update(balance=3)
    assert sum(batch.accounts for batch in sweep(now=NOW)) == 1
    assert (balance_of(good), balance_of(bad)) == (0, 3)
    assert Lot.objects.get(account=bad).remaining == 5


# Lots enough that the planner has a choice; none of them is due.
_MANY = """
WITH entry AS (
    INSERT INTO rewards_entry (operation_id, account_id, customer_id, bucket, kind, amount,
                               balance_after, occurred_at)
    SELECT operation_id, account_id, customer_id, bucket, kind, 1, 1, occurred_at
    FROM rewards_entry, generate_series(1, 5000) WHERE account_id = %(account)s
    RETURNING *
)
INSERT INTO rewards_lot (account_id, customer_id, entry_id, granted, remaining, is_pending,
                         available_at, expires_at)
SELECT account_id, customer_id, id, 1, 1, id %% 2 = 0, occurred_at + interval '1 year',
       occurred_at + interval '2 years'
FROM entry;
ANALYZE rewards_lot
"""


def test_what_is_due_is_found_by_its_indexes() -> None:
    statements = [due._IN_BATCHES.format(due=which) for which in (due._EXPIRING, due._RELEASING)]
    account, plan = account_of(1), ""
    with connection.cursor() as cursor:
        cursor.execute(_MANY, {"account": account.pk})
        cursor.execute("SET LOCAL enable_seqscan = off")
        for statement in statements:
            cursor.execute(f"EXPLAIN {statement}", {"now": NOW, "most": 5})
            plan += "\n".join(line for (line,) in cursor.fetchall())
    for index in ("rewards_lot_expiring", "rewards_account_lapsing", "rewards_lot_maturing"):
        assert index in plan


def test_beat_sweeps_every_five_minutes() -> None:
    entry = app.conf.beat_schedule["settle-due-accounts"]
    assert (entry["task"], entry["schedule"]) == (settle_due_accounts.name, 300.0)
