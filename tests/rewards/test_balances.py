"""Adjust (RW-4), the free debit (RW-5) and their place in history, timeline and audit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from activity.models import AuditRecord, Event
from loyalty_admin.common.errors import (
    Conflict,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidInput,
    NotAllowed,
    NotEnrolled,
    NotFound,
    StaleView,
)
from rewards.models import Account, Entry, Lot, Operation, Program
from tests.factories import (
    AccountFactory,
    CustomerFactory,
    ProgramFactory,
    ReasonCodeFactory,
    TierFactory,
    UserFactory,
    actor_for,
)
from tests.rewards.ledger import account_of, adjust, assert_adds_up, balance_of, debit, lots_of

pytestmark = pytest.mark.django_db


def test_rw_4_credit_writes_entry_lot_timeline_and_audit() -> None:
    account = AccountFactory()
    actor = actor_for(name="Marta")

    operation = adjust(
        account,
        40,
        actor=actor,
        internal_note="guest checkout of #10433",
        expires_in_days=365,
        counts_for_tier=False,
    )

    entry = Entry.objects.get(operation=operation)
    assert (entry.amount, entry.balance_after, entry.kind) == (40, 40, Entry.Kind.ADJUSTED)
    lot = Lot.objects.get(entry=entry)
    assert (lot.granted, lot.remaining) == (40, 40)
    assert lot.expires_at == operation.occurred_at + timedelta(days=365)
    assert operation.customer_comment == "Manual adjustment"
    assert (operation.actor_label, operation.counts_for_tier) == ("Marta", False)
    event = Event.objects.get(customer=account.customer, kind="ledger.adjusted")
    assert (event.object_id, event.data["before"], event.data["after"]) == (operation.pk, 0, 40)
    record = AuditRecord.objects.get(object_type="operation", object_id=operation.pk)
    assert (record.before, record.actor_label) == ({"balance": 0}, "Marta")
    assert record.after is not None
    assert record.after["balance"] == 40
    assert_adds_up()


def test_rw_4_credit_expires_by_the_programs_policy_unless_told_otherwise() -> None:
    program = ProgramFactory(expiry=Program.Expiry.PER_LOT, expiry_days=90)
    account = AccountFactory(program=program)
    by_policy = adjust(account, 1)
    told = adjust(account, 1, expires_in_days=7)
    assert _expiry(by_policy) == by_policy.occurred_at + timedelta(days=90)
    assert _expiry(told) == told.occurred_at + timedelta(days=7)
    assert _expiry(adjust(AccountFactory(), 1)) is None


def _expiry(operation: Operation) -> datetime | None:
    return Lot.objects.get(entry__operation=operation).expires_at


def test_rw_4_debit_larger_than_the_balance_is_refused_not_clamped() -> None:
    account = account_of(100)
    with pytest.raises(InsufficientBalance) as refusal:
        adjust(account, -1_000_000)
    assert refusal.value.field == "amount"
    assert "100 points" in refusal.value.message
    assert balance_of(account) == 100
    assert Operation.objects.filter(customer=account.customer).count() == 1
    assert_adds_up()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": 10**12}, "amount"),
        ({"amount": 1, "expires_in_days": 0}, "expires_in_days"),
        ({"amount": 1, "expires_in_days": 10**6}, "expires_in_days"),
        ({"amount": 1, "idempotency_key": ""}, "idempotency_key"),
        ({"amount": 1, "idempotency_key": "x" * 201}, "idempotency_key"),
        ({"amount": 1, "idempotency_key": "order:3:S-1:1001"}, "idempotency_key"),
        ({"amount": 1, "idempotency_key": "undo:1:1"}, "idempotency_key"),
        ({"amount": 1, "internal_note": "x" * 1001}, "internal_note"),
        ({"amount": 1, "customer_comment": "a\x00b"}, "customer_comment"),
    ],
)
def test_rw_4_impossible_input_names_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        adjust(AccountFactory(), **fields)
    assert refusal.value.field == field
    assert not Operation.objects.exists()


def test_debits_take_the_soonest_expiry_first_then_the_oldest() -> None:
    account = AccountFactory()
    adjust(account, 10)
    adjust(account, 20, expires_in_days=60)
    adjust(account, 30, expires_in_days=30)
    adjust(account, 40, expires_in_days=60)
    operation = debit(account, 65)
    assert lots_of(account) == [10, 0, 0, 25]
    allocations = (
        operation.entries.get().allocations.order_by("pk").values_list("amount", flat=True)
    )
    assert list(allocations) == [30, 20, 15]
    assert_adds_up()


def test_rw_5_free_debit_keeps_its_reference() -> None:
    account = account_of(100)
    operation = debit(account, 30, reference="T-0099", customer_comment="Used at the counter")
    assert (operation.kind, operation.reference) == (Operation.Kind.DEBIT, "T-0099")
    assert balance_of(account) == 70
    assert Event.objects.get(kind="ledger.spent").data["reference"] == "T-0099"
    for wrong in (0, -5, 10**12):
        with pytest.raises(InvalidInput):
            debit(account, wrong)
    with pytest.raises(InsufficientBalance):
        debit(account, 71)
    assert_adds_up()


def test_ev_2_the_same_key_acts_once_and_answers_the_same() -> None:
    account = AccountFactory()
    first = adjust(account, 40, idempotency_key="form:1", internal_note="once")
    again = adjust(account, 40, idempotency_key="form:1", internal_note="once")
    assert first == again
    assert balance_of(account) == 40
    assert Event.objects.filter(kind="ledger.adjusted").count() == 1


def test_the_same_key_with_other_input_is_an_error() -> None:
    account = AccountFactory()
    adjust(account, 40, idempotency_key="form:1")
    with pytest.raises(IdempotencyConflict):
        adjust(account, 41, idempotency_key="form:1")
    with pytest.raises(IdempotencyConflict):
        debit(account, 40, idempotency_key="form:1")
    with pytest.raises(IdempotencyConflict):
        adjust(AccountFactory(), 40, idempotency_key="form:1")
    assert balance_of(account) == 40


def test_a_replay_is_answered_even_when_it_could_not_be_done_again() -> None:
    account = account_of(50)
    first = debit(account, 50, idempotency_key="form:2")
    assert debit(account, 50, idempotency_key="form:2") == first


def test_ev_3_a_stale_dialog_is_told_so() -> None:
    account = account_of(100)
    debit(account, 30)
    with pytest.raises(StaleView) as refusal:
        adjust(account, 40, expected_balance=100)
    assert "was 100 and is now 70" in refusal.value.message
    adjust(account, 40, expected_balance=70)
    assert balance_of(account) == 110


def test_only_members_have_balances_that_change() -> None:
    for trait in ("guest", "removed"):
        account = AccountFactory(customer=CustomerFactory(**{trait: True}))
        with pytest.raises(NotEnrolled):
            adjust(account, 1)
        with pytest.raises(NotEnrolled):
            debit(account, 1)


def test_a_program_that_does_not_run_has_balances_that_stand_still() -> None:
    account = account_of(10)
    Program.objects.update(status=Program.Status.PAUSED)
    for act in (adjust, debit):
        with pytest.raises(Conflict, match="is not running"):
            act(account, 1)


def test_unknown_customers_and_programs_are_not_found() -> None:
    account = AccountFactory()
    with pytest.raises(NotFound):
        adjust(Account(customer_id=account.customer_id, program_id=10**9), 1)
    with pytest.raises(NotFound):
        adjust(Account(customer_id=10**9, program_id=account.program_id), 1)


def test_an_auditor_changes_nothing() -> None:
    account, auditor = account_of(10), actor_for(auditor=True)
    for act in (adjust, debit):
        with pytest.raises(NotAllowed):
            act(account, 1, actor=auditor)
    assert balance_of(account) == 10


def test_the_first_credit_opens_the_account() -> None:
    customer, program = CustomerFactory(), ProgramFactory()
    adjust(Account(customer=customer, program=program), 5)
    assert Account.objects.get(customer=customer, program=program).balance == 5


def test_a_reason_in_use_can_not_be_deleted() -> None:
    reason = ReasonCodeFactory()
    adjust(AccountFactory(), 1, reason_id=reason.pk)
    with pytest.raises(Exception, match="protected"):
        reason.delete()


def test_rw_9_units_past_their_date_are_not_spent() -> None:
    account = AccountFactory()
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        adjust(account, 60, expires_in_days=30)
        adjust(account, 40)
    with time_machine.travel(datetime(2026, 2, 1, tzinfo=UTC), tick=False):
        # Refused as a whole, so even the expiry that it found is not half-applied.
        with pytest.raises(InsufficientBalance):
            debit(account, 41)
        assert balance_of(account) == 100
        debit(account, 40)
    assert balance_of(account) == 0
    expired = Entry.objects.get(account=account, kind=Entry.Kind.EXPIRED)
    assert (expired.amount, expired.balance_after) == (-60, 40)
    assert_adds_up()


@pytest.mark.parametrize(
    ("amount", "counts", "says"),
    [
        (40, "on", "Counts towards the tier: 30 points more to Gold then"),
        (70, "on", "Counts towards the tier: reaches Gold"),
        (-20, "on", "Changes nothing about the tier"),
        (70, "", "Does not count for the tier"),
    ],
)
def test_rw_4_the_preview_says_what_becomes_of_the_tier(
    client: Client, amount: int, counts: str, says: str
) -> None:
    program = ProgramFactory(tier_basis="lifetime_units")
    TierFactory(program=program, name="Gold", threshold=100)
    account = account_of(30, program=program)
    client.force_login(UserFactory())
    typed = {"program": program.pk, "amount": amount, "counts_for_tier": counts}
    url = reverse("rewards:adjust-preview", args=[account.customer_id])
    assert says in client.get(url, typed).content.decode()
