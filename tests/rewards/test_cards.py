"""Stamp cards: full ones give their reward, the overflow begins the next (RW-8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from rewards.actions import cards
from rewards.actions.cards import fill_many
from rewards.actions.redemptions import cancel_redemption
from rewards.actions.settling import settle_account
from rewards.models import Account, Allocation, Entry, Lot, Operation, Program, Redemption
from tests.factories import AccountFactory, ProgramFactory
from tests.rewards.ledger import (
    SYSTEM,
    adjust,
    assert_adds_up,
    balance_of,
    debit,
    lots_of,
)
from tests.rewards.shop import a_card_program

pytestmark = pytest.mark.django_db


def an_account(**fields: Any) -> Account:
    account: Account = AccountFactory(program=a_card_program(**fields))
    return account


def cards_of(account: Account) -> list[tuple[int | None, str, int]]:
    """The cards filled so far as (number, status, stamps)."""
    filled = Redemption.objects.filter(account=account).order_by("position")
    return list(filled.values_list("position", "status", "units"))


def test_rw_8_a_full_card_gives_its_reward_and_the_overflow_begins_the_next() -> None:
    account = an_account()
    adjust(account, 9)
    assert cards_of(account) == []
    adjust(account, 4)
    assert cards_of(account) == [(1, "outstanding", 10)]
    assert balance_of(account) == 3
    assert lots_of(account) == [0, 3]
    redemption = Redemption.objects.get()
    assert (redemption.source, redemption.reward.name) == ("card", "Free coffee")
    operation = redemption.operation
    assert operation is not None
    assert operation.kind == Operation.Kind.REDEEM
    entry = operation.entries.get()
    assert (entry.kind, entry.amount, entry.balance_after) == (Entry.Kind.SPENT, -10, 3)
    took = Allocation.objects.filter(entry=entry).order_by("pk").values_list("amount", flat=True)
    assert list(took) == [9, 1]
    assert_adds_up()


def test_rw_8_one_credit_may_fill_several_cards() -> None:
    account = an_account(size=3)
    adjust(account, 2)
    adjust(account, 9)
    assert cards_of(account) == [(number, "outstanding", 3) for number in (1, 2, 3)]
    assert (balance_of(account), lots_of(account)) == (2, [0, 2])
    assert_adds_up()


def test_rw_8_a_slip_of_the_finger_fills_a_bounded_number_of_cards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cards, "MOST", 2)
    account = an_account(size=3)
    adjust(account, 12)
    assert (len(cards_of(account)), balance_of(account)) == (2, 6)
    adjust(account, 1)
    assert (len(cards_of(account)), balance_of(account)) == (4, 1)
    assert_adds_up()


def test_rw_8_without_a_reward_of_its_own_a_full_card_stays() -> None:
    account = AccountFactory(program=ProgramFactory(stamps=True))
    adjust(account, 23)
    assert (cards_of(account), balance_of(account)) == ([], 23)


def test_rw_8_a_cancelled_card_gives_its_stamps_back_and_the_next_credit_fills_one() -> None:
    account = an_account()
    adjust(account, 12)
    card = Redemption.objects.get()
    cancel_redemption(actor=SYSTEM, redemption_id=card.pk, idempotency_key="cancel-1")
    assert cards_of(account) == [(1, "cancelled", 10)]
    assert balance_of(account) == 12
    adjust(account, 1)
    assert cards_of(account) == [(1, "cancelled", 10), (2, "outstanding", 10)]
    assert balance_of(account) == 3
    assert_adds_up()


def test_rw_8_stamps_that_expired_meanwhile_fill_no_card() -> None:
    account = an_account(expiry=Program.Expiry.PER_LOT, expiry_days=30)
    adjust(account, 6)
    Lot.objects.filter(account=account).update(expires_at=timezone.now() - timedelta(minutes=1))
    adjust(account, 5)
    assert (cards_of(account), balance_of(account)) == ([], 5)
    adjust(account, 5)
    assert (len(cards_of(account)), balance_of(account)) == (1, 0)
    assert_adds_up()


def test_rw_8_stamps_that_are_pending_fill_the_card_when_they_become_available() -> None:
    account = an_account(size=2)
    adjust(account, 1)
    entry = Entry.objects.create(
        operation=Operation.objects.get(),
        account=account,
        customer_id=account.customer_id,
        bucket=Entry.Bucket.PENDING,
        kind=Entry.Kind.EARNED,
        amount=2,
        balance_after=2,
        occurred_at=timezone.now(),
    )
    Lot.objects.create(
        account=account,
        customer_id=account.customer_id,
        entry=entry,
        granted=2,
        remaining=2,
        is_pending=True,
        available_at=timezone.now() + timedelta(days=3),
    )
    Account.objects.filter(pk=account.pk).update(pending=2)
    settle_account(customer_id=account.customer_id, program_id=account.program_id)
    assert cards_of(account) == []
    later = timezone.now() + timedelta(days=4)
    settle_account(customer_id=account.customer_id, program_id=account.program_id, now=later)
    assert (len(cards_of(account)), balance_of(account)) == (1, 1)
    assert_adds_up()


def test_rw_8_a_debit_takes_stamps_off_the_card() -> None:
    account = an_account()
    adjust(account, 9)
    debit(account, 4)
    adjust(account, 4)
    assert (cards_of(account), balance_of(account)) == ([], 9)


def test_rw_8_many_accounts_are_filled_as_one_is() -> None:
    program = a_card_program()
    accounts = [AccountFactory(program=program) for _ in range(4)]
    Program.objects.filter(pk=program.pk).update(card_reward=None)
    for account, stamps in zip(accounts, (9, 10, 25, 0), strict=True):
        if stamps:
            adjust(account, stamps)
    Program.objects.filter(pk=program.pk).update(card_reward=program.card_reward)
    ids = [account.pk for account in reversed(accounts)]
    for _ in range(2):  # a second time there is nothing left to fill
        with transaction.atomic():
            fill_many(SYSTEM, ids, timezone.now())
    assert [len(cards_of(account)) for account in accounts] == [0, 1, 2, 0]
    assert [balance_of(account) for account in accounts] == [9, 0, 5, 0]
    assert_adds_up()
