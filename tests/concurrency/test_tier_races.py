"""RW-11: many who reach or change a step at one moment; with a control without the lock."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest
from django.db import IntegrityError

from activity.models import Event
from loyalty_admin.common.errors import AlreadyReversed, StaleView
from rewards.actions import locking
from rewards.actions.tiers import evaluate_all
from rewards.models import Account, Program, Redemption, TierMembership
from rewards.selectors.integrity import find_discrepancies
from tests.concurrency.threads import together
from tests.factories import ReasonCodeFactory, RewardFactory
from tests.rewards.ladders import a_climber, a_ladder, give_tier, stands_on, tier, undo_change
from tests.rewards.ledger import adjust, assert_adds_up, balance_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

EVERYBODY = 12


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the row locks away: what remains must show that they were needed."""
    monkeypatch.setattr(locking, "FOR_UPDATE", "")


def _climber() -> Account:
    """Somebody one credit away from a step that gives 50 units and a reward."""
    program = a_ladder()
    tier(program, "Silver", entry_units=50, entry_reward=RewardFactory(program=program, stock=99))
    account = a_climber(program)
    adjust(account, 99)
    return account


def _crossed() -> tuple[Account, list[object]]:
    account, reason = _climber(), ReasonCodeFactory(code="test")
    acts: list[Callable[[], object]] = [
        partial(adjust, account, 1, reason_id=reason.pk) for _ in range(EVERYBODY)
    ]
    return account, list(together(acts))


def test_rw_11_a_step_that_many_reach_at_once_gives_once() -> None:
    account, outcomes = _crossed()
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert stands_on(account) == "Silver"
    assert TierMembership.objects.count() == 1
    assert Redemption.objects.count() == 1
    assert balance_of(account) == 99 + EVERYBODY + 50
    assert_adds_up()


def test_control_without_the_lock_the_step_goes_wrong(no_locks: None) -> None:
    account, outcomes = _crossed()
    failed = [outcome for outcome in outcomes if isinstance(outcome, IntegrityError)]
    assert failed or balance_of(account) != 99 + EVERYBODY + 50 or find_discrepancies()


def test_rw_11_of_two_who_change_what_both_saw_one_is_told() -> None:
    account = _climber()
    acts = [
        partial(give_tier, account, name, seen=0, trigger_rewards=True)
        for name in ("Silver", "Gold") * 4
    ]
    outcomes = together(acts)
    assert sum(isinstance(outcome, Event) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, StaleView) for outcome in outcomes) == 7
    assert TierMembership.objects.count() == 1
    assert_adds_up()


def test_rw_11_the_same_change_many_times_at_once_happens_once() -> None:
    account = _climber()
    act = partial(give_tier, account, "Gold", trigger_rewards=True, idempotency_key=str(uuid4()))
    outcomes = together([act] * 8)
    assert len({outcome.pk for outcome in outcomes if isinstance(outcome, Event)}) == 1
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert balance_of(account) == 149
    assert_adds_up()


def test_rw_11_a_change_is_undone_once_by_many() -> None:
    account = _climber()
    change = give_tier(account, "Silver", trigger_rewards=True)
    outcomes = together([partial(undo_change, change) for _ in range(8)])
    assert sum(isinstance(outcome, Event) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyReversed) for outcome in outcomes) == 7
    assert balance_of(account) == 99
    assert_adds_up()


def test_rw_11_two_nights_at_once_move_everybody_once() -> None:
    program = a_ladder(Program.TierBasis.NONE)
    tier(program, "Silver", entry_units=50)
    accounts = [a_climber(program) for _ in range(20)]
    for account in accounts:
        adjust(account, 100)
    Program.objects.update(tier_basis=Program.TierBasis.LIFETIME_UNITS)
    outcomes = together([evaluate_all] * 3)
    assert sum(outcome for outcome in outcomes if isinstance(outcome, int)) == 20
    assert TierMembership.objects.count() == 20
    assert {balance_of(account) for account in accounts} == {150}
    assert_adds_up()
