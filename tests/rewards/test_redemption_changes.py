"""What becomes of a redemption (RW-6, RW-7): cancelled, used, removed, opened again, expired."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from activity.models import AuditRecord, Event
from customers.models import Customer
from discounts.actions.codes import CodeUsed, use_code
from discounts.models import DiscountCode
from loyalty_admin.common.errors import (
    AlreadyReversed,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotEnrolled,
    NotFound,
    NotReversible,
)
from rewards.actions.redemption_states import (
    expire_redemptions,
    remove_redemption,
    reopen_redemption,
)
from rewards.actions.redemptions import give_reward
from rewards.models import Account, Allocation, Lot, Operation, Redemption, Reward
from tests.factories import AccountFactory, ProgramFactory, actor_for
from tests.rewards.ledger import (
    SYSTEM,
    account_of,
    adjust,
    assert_adds_up,
    balance_of,
    lots_of,
    undo,
)
from tests.rewards.redemptions import a_code_reward, a_reward, cancel, redeem, use

pytestmark = pytest.mark.django_db
Status = Redemption.Status


def _three_lots() -> tuple[Account, Redemption]:
    """500 redeemed of 200 for 30 days, 200 for 100 days and 300 for good."""
    account: Account = AccountFactory(program=ProgramFactory(grace_days=14))
    adjust(account, 200, expires_in_days=30)
    adjust(account, 200, expires_in_days=100)
    adjust(account, 300)
    return account, redeem(account, a_code_reward(account.program, 500))


def test_rw_7_cancelling_a_redemption_gives_each_lot_back_what_it_gave() -> None:
    start, later = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    with time_machine.travel(start, tick=False):
        account, redemption = _three_lots()
    assert lots_of(account) == [0, 0, 200]
    with time_machine.travel(later, tick=False):
        cancelled = cancel(redemption, reason="By accident")
    assert lots_of(account) == [200, 200, 300]
    ends = list(Lot.objects.order_by("pk").values_list("expires_at", flat=True))
    # The first had expired: it comes back for the program's grace. The others keep their day.
    assert ends == [later + timedelta(days=14), start + timedelta(days=100), None]
    assert balance_of(account) == 700
    assert (cancelled.status, cancelled.closing_note) == (Status.CANCELLED, "By accident")
    assert_adds_up()
    with time_machine.travel(later + timedelta(days=15), tick=False):
        adjust(account, -1)
    assert balance_of(account) == 499
    assert_adds_up()


def test_rw_7_the_reversal_names_the_operation_and_each_lot() -> None:
    _, redemption = _three_lots()
    cancel(redemption)
    reversal = Operation.objects.get(kind=Operation.Kind.REVERSE)
    assert reversal.reverses_id == redemption.operation_id
    given = Allocation.objects.filter(entry__operation=redemption.operation_id)
    returned = Allocation.objects.filter(entry__operation=reversal)
    assert {(a.lot_id, a.amount) for a in given} == {(a.lot_id, -a.amount) for a in returned}


def test_rw_7_the_timeline_says_which_lot_got_back_what() -> None:
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        account, redemption = _three_lots()
    with time_machine.travel(datetime(2026, 3, 1, tzinfo=UTC), tick=False):
        cancel(redemption)
    data = Event.objects.get(kind="reward.cancelled").data
    assert (data["before"], data["after"], data["units"]) == (200, 700, 500)
    lots = sorted((lot["units"], lot["had_expired"]) for lot in data["lots"])
    assert lots == [(100, False), (200, False), (200, True)]
    record = AuditRecord.objects.get(verb="reward.cancelled")
    assert record.before == {"status": "outstanding"}
    assert record.customer_id == account.customer_id


def test_rw_7_the_code_is_voided() -> None:
    _, redemption = _three_lots()
    cancel(redemption, reason="By accident")
    code = DiscountCode.objects.get()
    assert (code.status, code.void_reason) == (DiscountCode.Status.VOIDED, "By accident")


def test_rw_7_refused_with_the_reason_when_the_code_has_been_used() -> None:
    account, redemption = _three_lots()
    code = DiscountCode.objects.get()
    use_code(actor=SYSTEM, code=code, at=timezone.now())
    with pytest.raises(CodeUsed) as refusal:
        cancel(redemption)
    assert code.code in refusal.value.message
    assert "was used on" in refusal.value.message
    redemption.refresh_from_db()
    assert redemption.status == Status.OUTSTANDING
    assert balance_of(account) == 200
    assert_adds_up()


def test_rw_7_refused_with_the_reason_when_the_reward_has_been_used() -> None:
    account = account_of(100)
    redemption = redeem(account, a_reward(account.program))
    use(redemption)
    with pytest.raises(Conflict, match=r"was used on .* can't be cancelled"):
        cancel(redemption)
    assert balance_of(account) == 0


def test_rw_7_cancelled_once_and_a_retry_gets_the_first_answer() -> None:
    account = account_of(100)
    redemption = redeem(account, a_reward(account.program))
    cancel(redemption, idempotency_key="cancel:1")
    again = cancel(redemption, idempotency_key="cancel:1")
    assert (again, again.status) == (redemption, Status.CANCELLED)
    with pytest.raises(AlreadyReversed, match="taken away on"):
        cancel(redemption, idempotency_key="cancel:2")
    assert balance_of(account) == 100
    assert_adds_up()


def test_rw_7_what_was_given_without_units_is_not_cancelled_but_removed() -> None:
    account = account_of(program=ProgramFactory())
    redemption = give_reward(
        actor=SYSTEM, account=account, reward=a_reward(account.program), at=timezone.now(),
        source=Redemption.Source.TIER, idempotency_key="tier:1",
    )  # fmt: skip
    with pytest.raises(NotReversible, match="given, not bought"):
        cancel(redemption)
    removed = _remove(redemption, reason="Given to the wrong person")
    assert (removed.status, removed.is_removed) == (Status.CANCELLED, True)


def test_rw_7_the_stamps_of_a_full_card_come_back_and_are_not_taken_again_at_once() -> None:
    program = ProgramFactory(stamps=True, card_size=5)
    program.card_reward = a_reward(program, 5, name="Coffee")
    program.save()
    account = account_of(7, program=program)
    card = Redemption.objects.get()
    assert (card.source, card.position, balance_of(account)) == ("card", 1, 2)
    cancel(card)
    assert balance_of(account) == 7
    assert Redemption.objects.count() == 1
    adjust(account, 1)
    assert Redemption.objects.latest("pk").position == 2
    assert balance_of(account) == 3
    assert_adds_up()


def test_rw_7_where_everything_lapsed_by_inactivity_units_come_back_with_grace() -> None:
    program = ProgramFactory(expiry="inactivity", expiry_days=30, grace_days=14)
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        account = account_of(100, program=program)
        redemption = redeem(account, a_reward(program, 60))
    later = datetime(2026, 3, 1, tzinfo=UTC)
    with time_machine.travel(later, tick=False):
        cancel(redemption)
    account.refresh_from_db()
    assert (account.balance, account.expires_at) == (60, later + timedelta(days=14))
    assert_adds_up()


def test_rw_7_an_expired_reward_can_be_cancelled_too() -> None:
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        account = account_of(100)
        redemption = redeem(account, a_reward(account.program, valid_days=10))
    assert _expire() == 1
    cancel(redemption)
    assert balance_of(account) == 100
    assert_adds_up()


def test_rw_7_a_redemption_is_cancelled_not_undone() -> None:
    account = account_of(100)
    redemption = redeem(account, a_reward(account.program))
    assert redemption.operation is not None
    with pytest.raises(NotReversible):
        undo(redemption.operation)


def test_rw_7_units_that_come_back_pay_a_debt_first() -> None:
    account = account_of(program=ProgramFactory(clawback_below_zero=True))
    credit = adjust(account, 100)
    redemption = redeem(account, a_reward(account.program))
    undo(credit)
    assert balance_of(account) == -100
    cancel(redemption)
    account.refresh_from_db()
    assert (account.balance, account.debt) == (0, 0)
    assert_adds_up()


def _expire() -> int:
    return expire_redemptions(now=timezone.now(), limit=10)


def _remove(redemption: Redemption, reason: str = "Abuse") -> Redemption:
    return remove_redemption(actor=SYSTEM, redemption_id=redemption.pk, reason=reason)


def _reopen(redemption: Redemption) -> Redemption:
    return reopen_redemption(actor=SYSTEM, redemption_id=redemption.pk)


def test_rw_6_marking_used_uses_the_code_and_can_be_undone() -> None:
    _, redemption = _three_lots()
    use(redemption)
    used = use(redemption)
    assert (used.status, DiscountCode.objects.get().status) == (Status.USED, "used")
    assert Event.objects.filter(kind="reward.used").count() == 1
    opened = _reopen(redemption)
    assert (opened.status, opened.closed_at) == (Status.OUTSTANDING, None)
    assert DiscountCode.objects.get().status == "available"
    assert Event.objects.get(kind="reward.reopened").data["was"] == "used"


def test_rw_6_removing_gives_no_units_back_and_can_be_undone() -> None:
    account = account_of(100)
    reward = a_code_reward(account.program, 100, stock=1)
    redemption = redeem(account, reward)
    removed = _remove(redemption)
    assert (removed.status, removed.closing_note) == (Status.CANCELLED, "Abuse")
    assert balance_of(account) == 0
    assert DiscountCode.objects.get().status == "voided"
    assert Reward.objects.get().taken == 0
    _remove(redemption)
    assert Event.objects.filter(kind="reward.removed").count() == 1
    _reopen(redemption)
    assert DiscountCode.objects.get().status == "available"
    assert Reward.objects.get().taken == 1
    cancel(redemption)
    assert balance_of(account) == 100
    assert_adds_up()


def test_rw_6_removing_needs_a_reason() -> None:
    account = account_of(100)
    redemption = redeem(account, a_reward(account.program))
    for reason in ("", "  ", "x" * 201, "\x00"):
        with pytest.raises(InvalidInput) as refusal:
            _remove(redemption, reason)
        assert refusal.value.field == "reason"


def test_rw_6_what_somebody_else_has_taken_is_not_opened_again() -> None:
    account = account_of(200)
    reward = a_reward(account.program, stock=1)
    redemption = redeem(account, reward)
    _remove(redemption)
    redeem(account, reward)
    with pytest.raises(Conflict, match="sold out meanwhile"):
        _reopen(redemption)
    Reward.objects.update(stock=None)
    assert _reopen(redemption).from_stock is False


def test_rw_6_a_cancelled_or_expired_reward_is_not_opened_again() -> None:
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        account = account_of(300)
        cancelled = redeem(account, a_reward(account.program))
        expired = redeem(account, a_reward(account.program, valid_days=1))
    cancel(cancelled)
    _expire()
    with pytest.raises(Conflict, match="Redeem it again"):
        _reopen(cancelled)
    with pytest.raises(Conflict, match="has expired"):
        _reopen(expired)
    with pytest.raises(Conflict, match="expired on 2026-01-02"):
        use(expired)
    with pytest.raises(Conflict, match="taken away already"):
        use(cancelled)


def test_rw_6_nothing_is_used_while_a_customer_is_out_of_the_programme() -> None:
    account = account_of(100)
    redemption = redeem(account, a_reward(account.program, valid_days=1))
    Customer.objects.update(status=Customer.Status.REMOVED)
    with pytest.raises(NotEnrolled):
        use(redemption)
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        assert _expire() == 0


def test_rw_6_redemptions_expire_once_and_tell_so() -> None:
    account = account_of(300)
    due, later, never = (
        redeem(account, a_reward(account.program, valid_days=days)) for days in (1, 9, None)
    )
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        assert _expire() == 1
        assert _expire() == 0
    states = [Redemption.objects.get(pk=r.pk).status for r in (due, later, never)]
    assert states == [Status.EXPIRED, Status.OUTSTANDING, Status.OUTSTANDING]
    event = Event.objects.get(kind="reward.expired")
    assert (event.object_id, event.data["reward"]) == (due.pk, "Mug")
    record = AuditRecord.objects.get(verb="reward.expired")
    assert record.before == {"status": "outstanding"}
    assert record.after is not None
    assert record.after["status"] == "expired"


def test_rw_6_changes_need_the_permission_and_a_redemption() -> None:
    account = account_of(100)
    redemption = redeem(account, a_reward(account.program))
    nobody = actor_for(auditor=True)
    with pytest.raises(NotAllowed):
        cancel(redemption, actor=nobody)
    with pytest.raises(NotAllowed):
        use(redemption, actor=nobody)
    for act in (cancel, use, _remove, _reopen):
        with pytest.raises(NotFound):
            act(Redemption(pk=10**9))
