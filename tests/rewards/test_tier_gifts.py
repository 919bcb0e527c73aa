"""RW-11: what a step gives to whoever reaches it, once in a lifetime."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from activity.models import Event
from rewards.actions.tiers import evaluate_all
from rewards.models import Program, Redemption
from tests.factories import (
    RewardFactory,
)
from tests.rewards.ladders import (
    a_climber,
    a_ladder,
    give_tier,
    stands_on,
    steps_of,
    tier,
)
from tests.rewards.ledger import adjust, assert_adds_up, balance_of, undo

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The tenth of January, until a test moves on."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def _later(clock: time_machine.Traveller, days: int) -> None:
    clock.move_to(START + days * DAY)


def test_rw_11_each_step_on_the_way_gives_once_in_a_lifetime(
    clock: time_machine.Traveller,
) -> None:
    program = a_ladder(Program.TierBasis.WINDOW_UNITS, tier_window_days=30, tier_grace_days=0)
    coffee, cake = RewardFactory(program=program), RewardFactory(program=program, stock=1)
    tier(program, "Silver", entry_units=10, entry_reward=coffee)
    tier(program, "Gold", entry_units=50, entry_reward=cake)
    account = a_climber(program)
    adjust(account, 600)  # two steps at once
    assert stands_on(account) == "Gold"
    assert balance_of(account) == 660
    given = Redemption.objects.filter(customer=account.customer, source="tier")
    assert {redemption.reward for redemption in given} == {coffee, cake}
    _later(clock, 31)
    evaluate_all()
    assert stands_on(account) == ""
    adjust(account, 600)
    assert stands_on(account) == "Gold"
    assert balance_of(account) == 1260
    assert given.count() == 2
    assert steps_of(account) == ["Gold", "Gold"]
    assert_adds_up()


def test_rw_11_gifts_triggered_by_hand_before_are_not_given_again() -> None:
    program = a_ladder()
    tier(program, "Gold", entry_units=50, entry_reward=RewardFactory(program=program))
    account = a_climber(program)
    give_tier(account, "Gold", trigger_rewards=True)
    assert balance_of(account) == 50
    give_tier(account, None)
    adjust(account, 500)
    assert stands_on(account) == "Gold"
    assert balance_of(account) == 550
    assert Redemption.objects.filter(customer=account.customer).count() == 1
    again = give_tier(account, "Gold", trigger_rewards=True)
    assert again.data["gifts"] == []
    assert balance_of(account) == 550


def test_rw_11_gifts_do_not_count_towards_the_next_step() -> None:
    program = a_ladder()
    tier(program, "Silver", entry_units=400)
    account = a_climber(program)
    adjust(account, 100)
    assert (stands_on(account), balance_of(account)) == ("Silver", 500)


def test_rw_11_stamps_that_a_step_gives_fill_a_card() -> None:
    program = a_ladder(stamps=True)
    program.card_reward = RewardFactory(program=program)
    program.save()
    tier(program, "Silver", entry_units=5)
    account = a_climber(program)
    adjust(account, 96)
    assert balance_of(account) == 6
    adjust(account, 4)
    assert Redemption.objects.filter(source="card").count() == 10
    assert balance_of(account) == 5


def test_rw_11_undo_of_a_mistyped_credit_takes_back_the_step_that_it_brought() -> None:
    program = a_ladder()
    tier(program, "Silver", entry_units=10)
    tier(program, "Gold", entry_units=50, entry_reward=RewardFactory(program=program))
    account = a_climber(program)
    adjust(account, 120)
    mistake = adjust(account, 1000)
    assert (stands_on(account), balance_of(account)) == ("Platinum", 1180)
    undo(mistake)
    assert (stands_on(account), balance_of(account)) == ("Silver", 130)
    assert Redemption.objects.get().status == "cancelled"
    assert Event.objects.filter(kind="tier.changed").latest("pk").data["why"] == "undone"
    adjust(account, 500)
    assert (stands_on(account), balance_of(account)) == ("Gold", 680)
    undo(adjust(account, 5))  # brought no step, and takes none
    assert stands_on(account) == "Gold"
    assert_adds_up()
