"""RW-12: a mass adjustment writes what single adjustments write, and its undo what theirs does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from activity.actions.recording import Act, record_act
from activity.models import Event
from loyalty_admin.common.errors import DomainError, InsufficientBalance
from rewards.actions.consequences import follow
from rewards.actions.locking import lock_account
from rewards.actions.mass_adjustments import applying, checking, undoing
from rewards.actions.posting import Posting, post
from rewards.actions.settling import settle
from rewards.actions.taking_back import record_shortfalls, take_back
from rewards.actions.tiers import step_back
from rewards.actions.undo import REVERSED, reverse_operation
from rewards.models import Account, Allocation, Operation, Program, Shortfall
from tests.factories import (
    AccountFactory,
    CustomerFactory,
    ProgramFactory,
    ReasonCodeFactory,
    RewardFactory,
    TierFactory,
)
from tests.rewards.ledger import adjust, assert_adds_up, debit
from tests.rewards.mass import MARTA, applied, forget_ledger, ledger, undone

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC)
PEOPLE = ("bare", "rich", "due", "poor", "lots", "gone", "empty")
# customer, amount, days until expiry; several rows of one customer, some of which are refused
ROWS: list[tuple[str, int, int | None]] = [
    ("bare", 40, None), ("rich", -130, None), ("due", -8, None), ("poor", -1_000, None),
    ("lots", -25, None), ("bare", -15, None), ("rich", 60, 10), ("due", 7, None),
    ("empty", -5, None), ("bare", -100, None), ("lots", 50, 400), ("lots", -60, None),
    ("gone", 10, None), ("rich", -10, None), ("bare", 3, 1), ("poor", 1, None),
]  # fmt: skip
HEADER = "customer,amount,expires_in_days,internal_note"


def a_program(**fields: Any) -> Program:
    program: Program = ProgramFactory(grace_days=7, **fields)
    if program.tier_basis != Program.TierBasis.NONE:
        for threshold in (30, 90, 200):
            TierFactory(program=program, name=f"From {threshold}", threshold=threshold)
    if program.card_size == 12:
        Program.objects.update(card_reward=RewardFactory(program=program))
    for name in PEOPLE:
        CustomerFactory(external_id=name, name=name.title())
    return program


def account_in(program: Program, name: str) -> Account:
    customer = CustomerFactory._meta.model.objects.get(external_id=name)
    found = Account.objects.filter(customer=customer, program=program).first()
    return found or AccountFactory.build(customer=customer, program=program)


def before(program: Program) -> None:
    """What everybody holds when the file comes."""
    at = partial(account_in, program)
    adjust(at("rich"), 100)
    adjust(at("rich"), 50, expires_in_days=30)
    adjust(at("due"), 20, expires_in_days=1)
    adjust(at("due"), 10, expires_in_days=90)
    adjust(at("poor"), 30)
    for days in (50, 20, None, 20):
        adjust(at("lots"), 10, expires_in_days=days)
    debit(at("lots"), 3)
    adjust(at("gone"), 10)


def by_hand(program: Program) -> None:
    reason = ReasonCodeFactory(code="test").pk
    for number, (name, amount, days) in enumerate(ROWS):
        try:
            adjust(
                account_in(program, name), amount, actor=MARTA, reason_id=reason,
                expires_in_days=days, internal_note=f"row {number}",
            )  # fmt: skip
        except DomainError:
            continue


def by_file(program: Program) -> Any:
    lines = [
        f"{name},{amount},{days or ''},row {number}"
        for number, (name, amount, days) in enumerate(ROWS)
    ]
    return applied(program, *lines, header=HEADER)


def meanwhile(program: Program) -> None:
    """What happens between applying and undoing: some of it is spent, some expires."""
    for name, amount in (("bare", 20), ("rich", 40)):
        with suppress(InsufficientBalance):  # full cards have taken it already
            debit(account_in(program, name), amount)


def undo_by_hand(program: Program) -> None:
    """The last one first; what was spent stays spent, as when a refund takes back."""
    operations = Operation.objects.filter(kind="adjust", internal_note__startswith="row")
    for operation in operations.order_by("-pk"):
        if operation.entries.get().amount < 0:
            reverse_operation(actor=MARTA, operation_id=operation.pk, idempotency_key=_key())
        else:
            _take_back(operation)


def _take_back(original: Operation) -> None:
    entry = original.entries.select_related("account").get()
    with transaction.atomic():
        account, now = lock_account(original.customer_id, entry.account.program_id), timezone.now()
        posting = Posting(
            actor=MARTA, customer_id=original.customer_id, kind=Operation.Kind.REVERSE,
            idempotency_key=_key(), occurred_at=now, reverses_id=original.pk,
        )  # fmt: skip
        lots = settle(account, now)
        balance = account.balance
        missing = take_back(posting, account, entry, entry.amount, lots)
        operation = post(posting)
        record_shortfalls(operation, [(account, missing)])
        words = account.program.in_words()
        change = {**words, "before": balance, "after": account.balance}
        change["units"] = account.balance - balance
        data = {"kind": original.kind, "changes": [change]} | change
        act = Act(
            REVERSED, "operation", operation.pk, original.customer_id,
            before={"balance": balance}, after={"balance": account.balance},
        )  # fmt: skip
        record_act(MARTA, act, kind=REVERSED, occurred_at=now, data=data)
        step_back(MARTA, account, original, now)
        follow(MARTA, [account], now)


def _key() -> str:
    return f"test:{Operation.objects.count()}"


WAYS: dict[str, dict[str, Any]] = {
    "never": {},
    "per_lot": {"expiry": "per_lot", "expiry_days": 45, "clawback_below_zero": True},
    "inactivity": {"expiry": "inactivity", "expiry_days": 60},
    "stamps": {"stamps": True, "clawback_below_zero": True},
    "cards": {"stamps": True, "card_size": 12},
    "ladder": {"tier_basis": "lifetime_units"},
}


def told(program: Program, *acts: tuple[datetime, Callable[[Program], object]]) -> Any:
    """The ledger after these acts at these times, on an empty one."""
    forget_ledger()
    for at, act in ((START, before), *acts):
        with time_machine.travel(at, tick=False):
            act(program)
    assert_adds_up()
    return ledger()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("chunk", [2, 5000])
def test_rw12_a_file_writes_what_single_adjustments_write(
    way: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "CHUNK", chunk)
    program, later = a_program(**WAYS[way]), START + timedelta(days=3)
    single = told(program, (later, by_hand))
    batch = told(program, (later, by_file))

    for name, rows in single.items():
        assert batch[name] == rows, name
    assert Allocation.objects.count() > 5
    assert Operation.objects.filter(kind="expire").exists() or way == "cards"
    assert Operation.objects.filter(kind="redeem").exists() is (way == "cards")
    assert Event.objects.filter(kind="tier.changed").exists() is (way == "ladder")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("days", [4, 70])
def test_rw12_undoing_a_file_writes_what_undoing_each_writes(
    way: str, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "CHUNK", 3)
    program, later = a_program(**WAYS[way]), START + timedelta(days=3)
    story = [(later, by_hand), (later + timedelta(hours=1), meanwhile)]
    end = later + timedelta(days=days)
    single = told(program, *story, (end, undo_by_hand))

    batches: list[Any] = []
    story[0] = (later, lambda program: batches.append(by_file(program)))
    batch = told(program, *story, (end, lambda _program: undone(batches[0])))

    for name, rows in single.items():
        assert batch[name] == rows, name
    assert Shortfall.objects.exists() is not program.clawback_below_zero
    assert Account.objects.filter(debt__gt=0).exists() is program.clawback_below_zero


def test_control_a_changed_order_of_lots_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: taken from the oldest lot first it does."""
    wrong = applying._TAKE.replace("l.expires_at NULLS LAST, l.id)", "l.id)")
    assert wrong != applying._TAKE
    program, later = a_program(), START + timedelta(days=3)
    single = told(program, (later, by_hand))
    monkeypatch.setattr(applying, "_TAKE", wrong)
    assert told(program, (later, by_file))["allocations"] != single["allocations"]


def test_control_a_changed_undo_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the grace for lots that have expired the comparison fails."""
    wrong = undoing._LOTS.replace("t.part < 0 AND", "false AND")
    assert wrong != undoing._LOTS
    program, later = a_program(), START + timedelta(days=3)
    end, batches = later + timedelta(days=70), list[Any]()
    single = told(program, (later, by_hand), (end, undo_by_hand))
    monkeypatch.setattr(undoing, "_LOTS", wrong)
    by_batch = told(
        program,
        (later, lambda program: batches.append(by_file(program))),
        (end, lambda _program: undone(batches[0])),
    )
    assert by_batch["lots"] != single["lots"]
