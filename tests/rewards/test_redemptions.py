"""Redeeming (RW-5, RW-6): what is taken, what is given, and each reason why not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from activity.models import AuditRecord, Event
from customers.models import Customer
from discounts.models import DiscountCode, Offer
from loyalty_admin.common.errors import (
    Conflict,
    DomainError,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidInput,
    NotAllowed,
    NotEnrolled,
    NotFound,
    StaleView,
)
from rewards.actions.redemptions import give_reward
from rewards.models import Operation, Program, Redemption, Reward, Tier, TierMembership
from rewards.selectors.obstacles import LimitReached, NotOffered, SoldOut, TierTooLow
from tests.factories import ProgramFactory, actor_for
from tests.rewards.ledger import SYSTEM, account_of, adjust, assert_adds_up, balance_of
from tests.rewards.redemptions import a_code_reward, a_reward, cancel, redeem

pytestmark = pytest.mark.django_db


def test_rw_5_a_reward_takes_its_cost_and_gives_its_code() -> None:
    account = account_of(1740)
    reward = a_code_reward(account.program, 500)
    with time_machine.travel(datetime(2026, 11, 22, 10, tzinfo=UTC), tick=False):
        redemption = redeem(account, reward)
    assert balance_of(account) == 1240
    assert redemption.operation is not None
    assert redemption.operation.kind == Operation.Kind.REDEEM
    assert (redemption.units, redemption.status) == (500, Redemption.Status.OUTSTANDING)
    code = DiscountCode.objects.get(redemption=redemption)
    assert code.code.startswith("GLD-")
    assert (code.customer_id, code.source) == (account.customer_id, DiscountCode.Source.REDEMPTION)
    assert redemption.expires_at == code.expires_at == datetime(2027, 2, 20, 10, tzinfo=UTC)
    assert_adds_up()


def test_rw_5_timeline_and_audit_tell_of_it() -> None:
    account = account_of(700)
    redemption = redeem(account, a_code_reward(account.program, 500))
    event = Event.objects.get(kind="reward.redeemed")
    assert (event.object_id, event.customer_id) == (redemption.pk, account.customer_id)
    assert (event.data["before"], event.data["after"], event.data["units"]) == (700, 200, 500)
    assert redemption.code is not None
    assert event.data["code"] == redemption.code.code
    record = AuditRecord.objects.get(verb="reward.redeemed")
    assert (record.object_type, record.object_id) == ("redemption", redemption.pk)
    assert record.before is None


def test_rw_6_what_is_no_code_can_be_used_for_its_own_days() -> None:
    account = account_of(300)
    for days, ends in ((None, None), (30, timedelta(days=30))):
        reward = a_reward(account.program, valid_days=days)
        redemption = redeem(account, reward)
        assert redemption.code is None
        lasts = redemption.expires_at - redemption.created_at if redemption.expires_at else None
        assert lasts == ends


def test_rw_5_the_same_request_twice_redeems_once() -> None:
    account = account_of(300)
    reward, other = a_reward(account.program), a_reward(account.program, name="Bag")
    first = redeem(account, reward, idempotency_key="form:1")
    assert redeem(account, reward, idempotency_key="form:1") == first
    assert balance_of(account) == 200
    with pytest.raises(IdempotencyConflict):
        redeem(account, other, idempotency_key="form:1")
    with pytest.raises(InvalidInput):
        redeem(account, reward, idempotency_key="card:1")
    assert_adds_up()


def test_rw_5_a_stale_balance_is_told() -> None:
    account = account_of(300)
    with pytest.raises(StaleView):
        redeem(account, a_reward(account.program), expected_balance=250)
    redeem(account, a_reward(account.program), expected_balance=300)


def _tier(program: Program, threshold: int, name: str) -> Tier:
    return Tier.objects.create(program=program, name=name, threshold=threshold)


NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "error", "sentence"),
    [
        ({"cost": 560}, InsufficientBalance, "260 points missing: “Mug” costs 560 points"),
        ({"is_active": False}, NotOffered, "“Mug” is not offered any more."),
        (
            {"starts_at": NOW + timedelta(days=1)},
            NotOffered,
            "“Mug” can be had from 2 Jun 2026 on.",
        ),
        ({"ends_at": NOW}, NotOffered, "“Mug” could be had until 1 Jun 2026."),
        ({"stock": 3, "taken": 3}, SoldOut, "“Mug” is sold out."),
        ({"stock": 0}, SoldOut, "“Mug” is sold out."),
        ({"per_customer": 0}, LimitReached, "The limit of “Mug” is 0"),
    ],
)
def test_rw_5_each_refusal_says_what_is_missing(
    fields: dict[str, Any], error: type[DomainError], sentence: str
) -> None:
    account = account_of(300)
    reward = a_reward(account.program, **fields)
    with time_machine.travel(NOW, tick=False), pytest.raises(error) as refusal:
        redeem(account, reward)
    assert sentence in refusal.value.message
    assert refusal.value.field == "reward"
    assert balance_of(account) == 300
    assert not Redemption.objects.exists()
    assert_adds_up()


def test_rw_6_a_reward_whose_offer_is_switched_off_is_not_offered() -> None:
    account = account_of(500)
    reward = a_code_reward(account.program)
    Offer.objects.update(is_active=False)
    with pytest.raises(NotOffered):
        redeem(account, reward)
    assert _give(reward).code is not None


def test_rw_6_a_reward_of_a_tier_is_for_those_who_stand_on_it_or_above() -> None:
    account = account_of(300)
    silver, gold, platinum = (
        _tier(account.program, threshold, name)
        for threshold, name in ((100, "Silver"), (500, "Gold"), (900, "Platinum"))
    )
    reward = a_reward(account.program, minimum_tier=gold)
    with pytest.raises(TierTooLow) as refusal:
        redeem(account, reward)
    assert refusal.value.message == "“Mug” is for Gold members and above."
    stands = TierMembership.objects.create(
        customer=account.customer, program=account.program, tier=silver, source="earned",
        since=timezone.now(), idempotency_key="1", actor_kind="system", actor_label="test",
    )  # fmt: skip
    with pytest.raises(TierTooLow):
        redeem(account, reward)
    for tier in (gold, platinum):
        stands.tier = tier
        stands.save()
        redeem(account, reward)
    assert balance_of(account) == 100


def test_rw_6_the_limit_for_each_customer_counts_what_was_not_cancelled() -> None:
    account = account_of(300)
    reward = a_reward(account.program, per_customer=1)
    first = redeem(account, reward)
    with pytest.raises(LimitReached) as refusal:
        redeem(account, reward)
    assert "limit of “Mug” is 1" in refusal.value.message
    cancel(first)
    redeem(account, reward)
    redeem(account_of(100, program=account.program), reward)


def test_rw_6_stock_goes_with_each_and_returns_with_a_cancellation() -> None:
    account = account_of(300)
    reward = a_reward(account.program, stock=1)
    redemption = redeem(account, reward)
    reward.refresh_from_db()
    assert reward.taken == 1
    with pytest.raises(SoldOut):
        redeem(account, reward)
    cancel(redemption)
    reward.refresh_from_db()
    assert reward.taken == 0
    redeem(account, reward)


def test_rw_6_stock_that_was_limited_later_gets_back_only_what_it_gave() -> None:
    account = account_of(300)
    reward = a_reward(account.program)
    before = redeem(account, reward)
    Reward.objects.update(stock=1)
    redeem(account, reward)
    cancel(before)
    reward.refresh_from_db()
    assert reward.taken == 1


def test_rw_5_only_members_of_running_programs_redeem() -> None:
    account = account_of(300)
    reward = a_reward(account.program)
    Program.objects.update(status=Program.Status.PAUSED)
    with pytest.raises(Conflict, match="is not running"):
        redeem(account, reward)
    Program.objects.update(status=Program.Status.ACTIVE)
    Customer.objects.update(status=Customer.Status.REMOVED)
    with pytest.raises(NotEnrolled):
        redeem(account, reward)
    with pytest.raises(NotFound):
        redeem(account, Reward(pk=10**9))
    with pytest.raises(NotAllowed):
        redeem(account, reward, actor=actor_for(auditor=True))


def test_rw_5_expired_units_are_not_spent() -> None:
    account = account_of()
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        adjust(account, 100, expires_in_days=1)
    adjust(account, 50)
    with pytest.raises(InsufficientBalance, match="50 points missing"):
        redeem(account, a_reward(account.program))


def _give(reward: Reward, **fields: Any) -> Redemption:
    account = account_of(program=reward.program)
    common: dict[str, Any] = {
        "actor": SYSTEM,
        "account": account,
        "reward": reward,
        "source": Redemption.Source.TIER,
        "idempotency_key": f"tier:{account.pk}",
        "at": timezone.now(),
    }
    return give_reward(**common | fields)


def test_rw_6_what_is_due_is_given_even_where_it_has_run_out() -> None:
    reward = a_reward(ProgramFactory(), stock=1, is_active=False)
    first, second = _give(reward), _give(reward)
    assert (first.from_stock, second.from_stock) == (True, False)
    assert second.status == Redemption.Status.OUTSTANDING
    reward.refresh_from_db()
    assert reward.taken == 1
    event = Event.objects.filter(kind="reward.given").latest("pk")
    assert (event.data["reward"], event.data["source"]) == ("Mug", "tier")


def test_rw_6_what_was_given_has_a_code_of_its_own_kind_and_is_given_once() -> None:
    reward = a_code_reward(ProgramFactory())
    first = _give(reward, idempotency_key="tier:1")
    assert first.code is not None
    assert first.code.source == DiscountCode.Source.TIER
    assert _give(reward, idempotency_key="tier:1") == first
    assert DiscountCode.objects.count() == 1
