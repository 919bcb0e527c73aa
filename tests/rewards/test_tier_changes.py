"""RW-11: a tier changed by hand, and its undo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from activity.models import AuditRecord, Event
from customers.models import Customer
from loyalty_admin.common.errors import (
    AlreadyReversed,
    Conflict,
    IdempotencyConflict,
    InvalidInput,
    NotAllowed,
    NotEnrolled,
    NotFound,
    StaleView,
)
from rewards.actions.redemption_states import mark_redemption_used
from rewards.actions.tiers import change_tier
from rewards.actions.tiers.changing import BelowEarned
from rewards.models import Account, Redemption, TierMembership
from tests.factories import ProgramFactory, RewardFactory, UserFactory, actor_for
from tests.rewards.ladders import (
    a_climber,
    a_ladder,
    give_tier,
    membership,
    stands_on,
    steps_of,
    tier,
    undo_change,
)
from tests.rewards.ledger import adjust, assert_adds_up, balance_of, debit

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def _with_gifts(**fields: Any) -> Account:
    """A climber of a ladder whose Gold gives 50 units and a reward."""
    program = a_ladder(**fields)
    tier(program, "Gold", entry_units=50, entry_reward=RewardFactory(program=program, name="Cake"))
    return a_climber(program)


def test_rw_11_a_change_says_who_why_and_until_when() -> None:
    account = a_climber()
    adjust(account, 120)
    actor = actor_for(UserFactory(name="Marta"))
    event = give_tier(account, "Gold", actor=actor, until=NOW + 30 * DAY, internal_note="A VIP")
    row = membership(account)
    assert row is not None
    assert (row.tier.name, row.source, row.internal_note) == ("Gold", "manual", "A VIP")
    assert (row.floor, row.floor_until, row.lapses_at) == (
        row.tier, NOW + 30 * DAY, NOW + 30 * DAY,
    )  # fmt: skip
    assert (event.data["from"], event.data["to"], event.data["why"]) == (
        "Silver", "Gold", "by_hand",
    )  # fmt: skip
    audit: Any = AuditRecord.objects.filter(verb="tier.changed").latest("pk")
    assert (audit.actor_label, audit.after["internal_note"]) == ("Marta", "A VIP")
    assert audit.before["tier"] == "Silver"
    assert steps_of(account) == ["Silver", "Gold"]


def test_rw_11_less_than_what_is_earned_is_refused_with_the_reason() -> None:
    account = a_climber()
    adjust(account, 500)
    for name in ("Silver", None):
        with pytest.raises(BelowEarned, match="Gold has been earned") as refusal:
            give_tier(account, name)
        assert refusal.value.field == "tier"
    give_tier(account, "Platinum")
    give_tier(account, "Gold")  # as much as is earned is fine
    assert steps_of(account) == ["Gold", "Platinum", "Gold"]


def test_rw_11_what_can_not_be_is_refused() -> None:
    account = a_climber()
    with pytest.raises(InvalidInput, match="no tier already"):
        give_tier(account, None)
    with pytest.raises(InvalidInput, match="in the future"):
        give_tier(account, "Gold", until=NOW)
    give_tier(account, "Gold", until=NOW + DAY)
    with pytest.raises(InvalidInput, match="how it is"):
        give_tier(account, "Gold", until=NOW + DAY)
    give_tier(account, "Gold", until=NOW + 2 * DAY)
    with pytest.raises(InvalidInput, match="nothing to end"):
        give_tier(account, None, until=NOW + DAY)
    tier(account.program, "Platinum", is_active=False)
    with pytest.raises(InvalidInput, match="not in use"):
        give_tier(account, "Platinum")
    with pytest.raises(InvalidInput, match="1,000"):
        give_tier(account, "Silver", internal_note="x" * 1001)
    with pytest.raises(NotAllowed):
        give_tier(account, "Silver", actor=actor_for(auditor=True))
    with pytest.raises(NotFound):
        give_tier(Account(customer_id=10**9, program=account.program), "Silver")
    with pytest.raises(Conflict, match="has no tiers"):
        change_tier(
            actor=actor_for(), customer_id=account.customer_id, tier_id=None,
            program_id=ProgramFactory().pk, idempotency_key="other",
        )  # fmt: skip
    Customer.objects.update(status=Customer.Status.REMOVED)
    with pytest.raises(NotEnrolled):
        give_tier(account, "Silver")
    assert steps_of(account) == ["Gold", "Gold"]


def test_rw_11_the_same_request_twice_changes_once() -> None:
    account = _with_gifts()
    first = give_tier(account, "Gold", trigger_rewards=True, idempotency_key="form:1")
    assert give_tier(account, "Gold", trigger_rewards=True, idempotency_key="form:1") == first
    with pytest.raises(IdempotencyConflict):
        give_tier(account, "Platinum", idempotency_key="form:1")
    with pytest.raises(IdempotencyConflict):
        give_tier(a_climber(account.program), "Gold", idempotency_key="form:1")
    with pytest.raises(InvalidInput, match="reserved"):
        give_tier(account, "Gold", idempotency_key="tier:1:1:1")
    away = give_tier(account, None, idempotency_key="form:2")
    assert give_tier(account, None, idempotency_key="form:2") == away
    assert balance_of(account) == 50
    assert Event.objects.filter(kind="tier.changed").count() == 2


def test_rw_11_who_saw_something_else_is_told() -> None:
    account = a_climber()
    give_tier(account, "Silver", seen=0)
    with pytest.raises(StaleView, match="it is Silver now"):
        give_tier(account, "Gold", seen=0)
    row = membership(account)
    assert row is not None
    give_tier(account, "Gold", seen=row.pk)
    assert stands_on(account) == "Gold"


def test_rw_11_undo_brings_the_step_before_back_and_takes_the_gifts() -> None:
    account = _with_gifts()
    adjust(account, 120)
    change = give_tier(account, "Gold", until=NOW + 9 * DAY, trigger_rewards=True)
    assert balance_of(account) == 170
    undo = undo_change(change, idempotency_key="undo:tier:1")
    assert stands_on(account) == "Silver"
    assert balance_of(account) == 120
    redemption = Redemption.objects.get()
    assert (redemption.status, redemption.tier) == ("cancelled", None)
    assert (undo.data["taken_units"], undo.data["taken_rewards"]) == (50, ["Cake"])
    assert undo_change(change, idempotency_key="undo:tier:1") == undo
    with pytest.raises(AlreadyReversed):
        undo_change(change)
    adjust(account, 380)  # now they earn it, and get what it gives
    assert (stands_on(account), balance_of(account)) == ("Gold", 550)
    assert Redemption.objects.filter(status="outstanding").count() == 1
    assert_adds_up()


def test_rw_11_undo_leaves_what_was_used_and_spent_and_says_so() -> None:
    account = _with_gifts()
    change = give_tier(account, "Gold", trigger_rewards=True)
    debit(account, 30)
    mark_redemption_used(actor=actor_for(), redemption_id=Redemption.objects.get().pk)
    undo = undo_change(change)
    assert stands_on(account) == ""
    assert (undo.data["taken_units"], undo.data["kept_units"]) == (20, 30)
    assert (undo.data["taken_rewards"], undo.data["kept_rewards"]) == ([], ["Cake"])
    assert balance_of(account) == 0
    assert_adds_up()
    again = give_tier(account, "Gold", trigger_rewards=True)
    assert [gift["reward"] for gift in again.data["gifts"]] == [""]  # the cake was eaten


def test_rw_11_undo_of_a_tier_taken_away_gives_it_back_with_its_end() -> None:
    account = a_climber()
    give_tier(account, "Gold", until=NOW + 9 * DAY)
    change = give_tier(account, None)
    assert stands_on(account) == ""
    undo_change(change)
    row = membership(account)
    assert row is not None
    assert (row.tier.name, row.floor_until, row.lapses_at) == ("Gold", NOW + 9 * DAY, NOW + 9 * DAY)


def test_rw_11_what_has_changed_since_is_not_undone() -> None:
    account = a_climber()
    change = give_tier(account, "Silver")
    adjust(account, 500)
    earned = Event.objects.filter(kind="tier.changed").latest("pk")
    with pytest.raises(Conflict, match="has changed since"):
        undo_change(change)
    with pytest.raises(NotFound):
        undo_change(earned)
    away = give_tier(other := a_climber(account.program), "Silver")
    with pytest.raises(NotFound):
        undo_change(Event(pk=away.pk, customer_id=account.customer_id))
    undo_change(away)
    assert stands_on(other) == ""


def test_rw_11_undo_asks_the_numbers_again(clock: time_machine.Traveller) -> None:
    account = a_climber()
    adjust(account, 120)
    give_tier(account, "Gold", until=NOW + DAY)
    change = give_tier(account, "Platinum")
    clock.move_to(NOW + 2 * DAY)
    undo_change(change)
    assert stands_on(account) == "Silver"  # Gold had ended meanwhile
    assert TierMembership.objects.filter(ended_at=None).count() == 1
