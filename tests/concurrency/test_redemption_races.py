"""Many who want the same reward at the same moment; each race with a control without its guard."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.db.models import Q
from django.utils import timezone

from activity.models import Event
from loyalty_admin.common.errors import AlreadyReversed, InsufficientBalance
from rewards.actions import locking, redemption_parts
from rewards.actions.redemption_states import expire_redemptions
from rewards.models import Account, Redemption, Reward
from rewards.selectors.integrity import find_discrepancies
from rewards.selectors.obstacles import LimitReached, SoldOut
from tests.concurrency.threads import together
from tests.factories import ProgramFactory
from tests.rewards.ledger import account_of, assert_adds_up, balance_of
from tests.rewards.redemptions import a_code_reward, a_reward, cancel, redeem, use

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

Outcomes = list[Redemption | Exception]


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the row locks of accounts away: what remains must show that they were needed."""
    monkeypatch.setattr(locking, "FOR_UPDATE", "")


@pytest.fixture
def no_stock_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust what was read before: the statement that takes one no longer asks."""
    monkeypatch.setattr(redemption_parts, "IN_STOCK", Q())


def _count(outcomes: Outcomes, kind: type[object]) -> int:
    return sum(isinstance(outcome, kind) for outcome in outcomes)


def _last_items() -> tuple[Reward, Outcomes]:
    """Twenty customers want one of three."""
    program = ProgramFactory()
    reward = a_reward(program, stock=3)
    accounts = [account_of(100, program=program) for _ in range(20)]
    return reward, together([partial(redeem, account, reward) for account in accounts])


def test_rw_6_of_twenty_customers_three_get_the_last_three() -> None:
    reward, outcomes = _last_items()
    assert (_count(outcomes, Redemption), _count(outcomes, SoldOut)) == (3, 17)
    reward.refresh_from_db()
    assert reward.taken == 3
    assert Redemption.objects.count() == 3
    assert_adds_up()


def test_control_without_the_check_the_last_item_meets_the_constraint(
    no_stock_check: None,
) -> None:
    _, outcomes = _last_items()
    assert _count(outcomes, SoldOut) < 17


def _at_the_limit() -> Outcomes:
    account = account_of(2000)
    reward = a_reward(account.program, per_customer=2)
    return together([partial(redeem, account, reward) for _ in range(20)])


def test_rw_6_the_limit_of_a_customer_holds_at_any_concurrency() -> None:
    outcomes = _at_the_limit()
    assert (_count(outcomes, Redemption), _count(outcomes, LimitReached)) == (2, 18)
    assert_adds_up()


def test_control_without_the_lock_the_limit_is_passed(no_locks: None) -> None:
    outcomes = _at_the_limit()
    assert _count(outcomes, LimitReached) < 18


def _of_one_balance() -> tuple[Account, Outcomes]:
    account = account_of(300)
    reward = a_code_reward(account.program, 100)
    return account, together([partial(redeem, account, reward) for _ in range(20)])


def test_rw_5_a_balance_is_spent_once() -> None:
    account, outcomes = _of_one_balance()
    assert (_count(outcomes, Redemption), _count(outcomes, InsufficientBalance)) == (3, 17)
    assert balance_of(account) == 0
    assert_adds_up()


def test_control_without_the_lock_a_balance_goes_wrong(no_locks: None) -> None:
    account, outcomes = _of_one_balance()
    done = _count(outcomes, Redemption)
    assert done != 3 or balance_of(account) != 0 or find_discrepancies()


def _twins() -> Outcomes:
    account = account_of(2000)
    act = partial(redeem, account, a_reward(account.program), idempotency_key=str(uuid4()))
    return together([act] * 20)


def test_rw_5_the_same_request_twenty_times_at_once_redeems_once() -> None:
    outcomes = _twins()
    assert not _count(outcomes, Exception)
    assert len({outcome.pk for outcome in outcomes if isinstance(outcome, Redemption)}) == 1
    assert_adds_up()


def test_control_without_the_lock_a_twin_fails(no_locks: None) -> None:
    assert _count(_twins(), Exception)


def _cancelled_at_once() -> tuple[Account, Outcomes]:
    account = account_of(100)
    redemption = redeem(account, a_reward(account.program, stock=5))
    return account, together([partial(cancel, redemption) for _ in range(20)])


def test_rw_7_a_redemption_is_cancelled_once_by_twenty_people() -> None:
    account, outcomes = _cancelled_at_once()
    assert (_count(outcomes, Redemption), _count(outcomes, AlreadyReversed)) == (1, 19)
    assert balance_of(account) == 100
    assert Reward.objects.get().taken == 0
    assert_adds_up()


def test_rw_7_either_cancelled_or_used_never_both() -> None:
    for _ in range(5):
        account = account_of(100)
        redemption = redeem(account, a_code_reward(account.program, 100))
        outcomes = together([partial(cancel, redemption), partial(use, redemption)] * 4)
        redemption.refresh_from_db()
        assert redemption.code is not None
        both = (redemption.status, redemption.code.status)
        assert both in {("cancelled", "voided"), ("used", "used")}
        assert balance_of(account) == (100 if redemption.status == "cancelled" else 0)
        assert _count(outcomes, Redemption)
    assert_adds_up()


def test_rw_6_two_workers_expire_each_redemption_once() -> None:
    account = account_of(1000)
    reward = a_reward(account.program, 10, valid_days=1)
    for _ in range(60):
        redeem(account, reward)
    later = timezone.now() + timedelta(days=2)

    def work() -> int:
        expired = 0
        while batch := expire_redemptions(now=later, limit=7):
            expired += batch
        return expired

    assert sum(count for count in together([work] * 4) if isinstance(count, int)) == 60
    assert Event.objects.filter(kind="reward.expired").count() == 60
    assert not Redemption.objects.exclude(status="expired").exists()


def test_rw_7_either_cancelled_or_expired_first_and_told_so() -> None:
    for _ in range(5):
        account = account_of(100)
        redemption = redeem(account, a_reward(account.program, valid_days=1))
        Redemption.objects.update(expires_at=timezone.now())
        expire = partial(expire_redemptions, now=timezone.now(), limit=9)
        acts: list[Callable[[], object]] = [partial(cancel, redemption), expire]
        together(acts)
        redemption.refresh_from_db()
        assert redemption.status == "cancelled"
        assert balance_of(account) == 100
    assert_adds_up()
