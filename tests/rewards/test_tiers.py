"""RW-11: up at once, down after the window and the grace, never below what was given by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from activity.models import Event
from customers.actions.customers import enrol_customer
from customers.models import Customer, Order, Refund
from rewards.actions.tiers import evaluate, evaluate_all, evaluate_many
from rewards.actions.tiers.spending import follow_spending
from rewards.models import Account, Operation, Program, Redemption, TierMembership
from rewards.selectors.tiers import multiplier_at, standing_of
from tests.factories import (
    CustomerFactory,
    OrderFactory,
    ProgramFactory,
    RewardFactory,
    TierFactory,
)
from tests.queries import assert_queries
from tests.rewards.ladders import (
    a_climber,
    a_ladder,
    give_tier,
    membership,
    stands_on,
    steps_of,
    tier,
)
from tests.rewards.ledger import SYSTEM, adjust, debit, undo

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


def test_rw_11_moves_up_at_once() -> None:
    account = a_climber()
    adjust(account, 99)
    assert stands_on(account) == ""
    adjust(account, 1)
    assert stands_on(account) == "Silver"
    adjust(account, 400)
    assert stands_on(account) == "Gold"
    assert steps_of(account) == ["Silver", "Gold"]
    event = Event.objects.filter(kind="tier.changed").latest("pk")
    assert (event.data["from"], event.data["to"], event.data["why"]) == ("Silver", "Gold", "earned")
    assert Decimal(event.data["measure"]) == 500


def test_rw_11_what_is_spent_or_undone_or_not_counted_moves_nobody_wrongly() -> None:
    account = a_climber()
    adjust(account, 300, counts_for_tier=False)
    assert stands_on(account) == ""
    credit = adjust(account, 100)
    debit(account, 350)
    assert stands_on(account) == "Silver"
    spent = debit(account, 10)
    undo(spent)
    adjust(account, -40)
    place = standing_of(account.customer_id, account.program, at=datetime.now(UTC))
    assert place is not None
    assert place.standing.measure == 100
    undo(adjust(account, 60))
    adjust(account, 500)
    undo(credit)
    place = standing_of(account.customer_id, account.program, at=datetime.now(UTC))
    assert place is not None
    assert place.standing.measure == 500


def test_rw_11_down_after_the_window_and_the_grace(clock: time_machine.Traveller) -> None:
    program = a_ladder(Program.TierBasis.WINDOW_UNITS, tier_window_days=90, tier_grace_days=30)
    account = a_climber(program)
    adjust(account, 500)
    _later(clock, 60)
    adjust(account, 120)
    _later(clock, 89)
    assert evaluate_all() == 0
    assert stands_on(account) == "Gold"
    _later(clock, 90)
    assert evaluate_all() == 1
    row = membership(account)
    assert row is not None
    assert (row.tier.name, row.lapses_at) == ("Gold", START + 120 * DAY)
    _later(clock, 119)
    assert evaluate_all() == 0  # the first date stays
    _later(clock, 120)
    evaluate_all()
    assert stands_on(account) == "Silver"
    event = Event.objects.filter(kind="tier.changed").latest("pk")
    assert (event.data["why"], event.actor_kind) == ("lapsed", "system")
    _later(clock, 150)
    evaluate_all()
    _later(clock, 181)
    evaluate_all()
    assert stands_on(account) == ""
    assert evaluate_all() == 0
    assert steps_of(account) == ["Gold", "Silver"]


def test_rw_11_who_earns_enough_within_the_grace_stays(clock: time_machine.Traveller) -> None:
    program = a_ladder(Program.TierBasis.WINDOW_UNITS, tier_window_days=90)
    account = a_climber(program)
    adjust(account, 500)
    _later(clock, 91)
    evaluate_all()
    assert getattr(membership(account), "lapses_at", None) is not None
    adjust(account, 499)
    assert getattr(membership(account), "lapses_at", None) is not None
    adjust(account, 1)
    assert getattr(membership(account), "lapses_at", 0) is None
    _later(clock, 125)
    assert evaluate_all() == 0
    assert stands_on(account) == "Gold"


def test_rw_11_a_tier_given_by_hand_is_a_floor_until_its_end(
    clock: time_machine.Traveller,
) -> None:
    account = a_climber()
    adjust(account, 100)
    give_tier(account, "Gold", until=START + 30 * DAY)
    assert stands_on(account) == "Gold"
    _later(clock, 10)
    adjust(account, 900)
    row = membership(account)
    assert row is not None
    assert (row.tier.name, row.floor and row.floor.name) == ("Platinum", "Gold")
    _later(clock, 29)
    assert evaluate_all() == 0
    other = a_climber(account.program)
    give_tier(other, "Gold", until=START + 60 * DAY)
    _later(clock, 59)
    assert evaluate_all() == 0
    assert stands_on(other) == "Gold"
    _later(clock, 60)
    assert evaluate_all() == 1
    assert stands_on(other) == ""
    assert Event.objects.filter(kind="tier.changed").latest("pk").data["why"] == "ended"
    assert stands_on(account) == "Platinum"


def test_rw_11_a_floor_that_was_earned_meanwhile_outlives_its_end_by_the_grace(
    clock: time_machine.Traveller,
) -> None:
    program = a_ladder(Program.TierBasis.WINDOW_UNITS, tier_window_days=20, tier_grace_days=30)
    account = a_climber(program)
    give_tier(account, "Gold", until=START + 40 * DAY)
    adjust(account, 500)
    assert getattr(membership(account), "lapses_at", 0) is None
    _later(clock, 21)
    evaluate_all()
    _later(clock, 45)
    assert evaluate_all() == 0
    assert stands_on(account) == "Gold"
    _later(clock, 51)
    evaluate_all()
    assert stands_on(account) == ""


def test_rw_11_a_floor_for_good_never_ends(clock: time_machine.Traveller) -> None:
    account = a_climber()
    give_tier(account, "Gold")
    _later(clock, 3000)
    assert evaluate_all() == 0
    assert stands_on(account) == "Gold"


def test_rw_11_a_program_without_a_ladder_costs_no_query() -> None:
    account = a_climber(ProgramFactory())
    with assert_queries("rewards: evaluate, no ladder"):
        evaluate(SYSTEM, account, START)
    climber = a_climber()
    with assert_queries("rewards: evaluate, nothing changes"):
        evaluate(SYSTEM, climber, START)


def test_rw_11_the_multiplier_is_that_of_the_step_on_that_day(
    clock: time_machine.Traveller,
) -> None:
    account = a_climber()
    ask = (account.customer_id, [account.program_id])
    adjust(account, 100)
    _later(clock, 10)
    adjust(account, 400)
    _later(clock, 20)
    assert multiplier_at(*ask, START - DAY) == {}
    assert multiplier_at(*ask, START) == {account.program_id: Decimal("1.2")}
    assert multiplier_at(*ask, START + 9 * DAY) == {account.program_id: Decimal("1.2")}
    assert multiplier_at(*ask, START + 10 * DAY) == {account.program_id: Decimal("1.5")}
    tier(account.program, "Gold", multiplier=1)
    assert multiplier_at(*ask, START + 20 * DAY) == {}


def test_rw_11_for_who_is_not_a_member_time_stands_still(clock: time_machine.Traveller) -> None:
    program = a_ladder(Program.TierBasis.WINDOW_UNITS, tier_window_days=30, tier_grace_days=0)
    account = a_climber(program)
    adjust(account, 500)
    Customer.objects.update(status=Customer.Status.REMOVED)
    _later(clock, 60)
    assert evaluate_all() == 0
    assert stands_on(account) == "Gold"
    Customer.objects.update(status=Customer.Status.MEMBER)
    Program.objects.update(status=Program.Status.PAUSED)
    assert evaluate_all() == 0
    Program.objects.update(status=Program.Status.ACTIVE)
    assert evaluate_all() == 1
    assert stands_on(account) == ""


def test_rw_11_who_comes_back_has_the_grace_to_keep_the_step(
    clock: time_machine.Traveller,
) -> None:
    program = a_ladder(Program.TierBasis.WINDOW_UNITS, tier_window_days=30, tier_grace_days=10)
    account = a_climber(program)
    adjust(account, 500)
    _later(clock, 31)
    evaluate_all()
    Customer.objects.update(status=Customer.Status.REMOVED)
    _later(clock, 300)
    assert evaluate_all() == 0
    enrol_customer(actor=SYSTEM, customer_id=account.customer_id)
    assert evaluate_all() == 0
    row = membership(account)
    assert row is not None
    assert (row.tier.name, row.lapses_at) == ("Gold", START + 310 * DAY)


def test_rw_11_a_guest_who_spent_enough_stands_on_a_step_on_joining() -> None:
    program = a_ladder(Program.TierBasis.WINDOW_SPEND)
    guest = CustomerFactory(guest=True)
    OrderFactory(customer=guest, total=Decimal(600), placed_at=datetime.now(UTC) - DAY)
    assert evaluate_all() == 0
    enrol_customer(actor=SYSTEM, customer_id=guest.pk)
    assert stands_on(Account.objects.get(customer=guest, program=program)) == "Gold"


def test_rw_11_a_step_that_is_switched_off_is_left_after_the_grace(
    clock: time_machine.Traveller,
) -> None:
    account = a_climber()
    adjust(account, 500)
    tier(account.program, "Gold", is_active=False)
    evaluate_all()
    assert stands_on(account) == "Gold"
    _later(clock, 30)
    evaluate_all()
    assert stands_on(account) == "Silver"


def test_rw_11_money_counts_less_refunds_and_without_what_was_cancelled(
    clock: time_machine.Traveller,
) -> None:
    program = a_ladder(Program.TierBasis.WINDOW_SPEND, tier_window_days=30)
    customer = CustomerFactory()
    an_order = {"customer": customer, "store__currency": "EUR", "placed_at": START - DAY}
    OrderFactory(**an_order, total=Decimal("900.00"), status=Order.Status.CANCELLED)
    OrderFactory(**an_order, total=Decimal("900.00"), currency="USD")
    OrderFactory(**an_order | {"placed_at": START - 31 * DAY}, total=Decimal("900.00"))
    order = OrderFactory(**an_order, total=Decimal("600.00"), status="partly")
    Refund.objects.create(
        order=order, customer=customer, number="R1", refunded_at=START, total=Decimal("100.01"),
        fingerprint="", actor_kind="system", actor_label="test",
    )  # fmt: skip
    follow_spending(SYSTEM, order, [])
    account = Account.objects.get(customer=customer, program=program)
    assert stands_on(account) == "Silver"
    place = standing_of(customer.pk, program, at=START)
    assert place is not None
    assert (place.standing.measure, place.missing) == (Decimal("499.99"), Decimal("0.01"))
    OrderFactory(**an_order, total=Decimal("0.01"))
    assert evaluate_all() == 1
    assert stands_on(account) == "Gold"


def test_rw_11_many_are_moved_as_each_alone() -> None:
    program = a_ladder()
    tier(program, "Silver", entry_reward=RewardFactory(program=program, stock=2))
    accounts = [a_climber() for _ in range(2)] + [a_climber(program) for _ in range(4)]
    program.tier_basis = Program.TierBasis.NONE  # nobody moves while the credits come in
    program.save()
    for account, units in zip(accounts, (100, 0, 99, 100, 500, 5000), strict=True):
        if units:
            adjust(Account.objects.get(pk=account.pk), units)
    program.tier_basis = Program.TierBasis.LIFETIME_UNITS
    program.save()
    evaluate_many(SYSTEM, [account.pk for account in accounts], datetime.now(UTC))
    assert [stands_on(account) for account in accounts] == [
        "Silver", "", "", "Silver", "Gold", "Platinum",
    ]  # fmt: skip
    assert Redemption.objects.filter(source="tier", reward__program=program).count() == 3
    assert TierMembership.objects.filter(customer=accounts[5].customer_id).count() == 1


def test_rw_11_what_was_taken_back_comes_off_the_day_on_which_it_was_earned(
    clock: time_machine.Traveller,
) -> None:
    program = a_ladder(Program.TierBasis.WINDOW_UNITS, tier_window_days=30)
    account = a_climber(program)
    old = adjust(account, 400)
    _later(clock, 40)
    adjust(account, 100)
    undo(old)
    place = standing_of(account.customer_id, program, at=START + 40 * DAY)
    assert place is not None
    assert place.standing.measure == 100
    assert stands_on(account) == "Silver"


def test_a_step_made_later_is_given_by_the_next_night() -> None:
    account = a_climber()
    adjust(account, 2000)
    TierFactory(program=account.program, name="Diamond", threshold=2000)
    assert evaluate_all() == 1
    assert stands_on(account) == "Diamond"
    assert Operation.objects.filter(customer=account.customer_id).count() == 1
