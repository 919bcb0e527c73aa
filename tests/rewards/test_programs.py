"""Programs as a store admin sets them up: checked, paused, and what becomes of what is held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from activity.models import AuditRecord
from loyalty_admin.common.errors import Conflict, InvalidInput, NotAllowed, NotFound, StaleView
from rewards.actions.programs import (
    activate_program,
    change_program,
    create_program,
    pause_program,
    says_now,
)
from rewards.models import Account, Lot, Program
from tests.factories import AccountFactory, ProgramFactory, RewardFactory, actor_for
from tests.rewards.ledger import SYSTEM, account_of, assert_adds_up, lots_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
POINTS: dict[str, Any] = {
    "code": "points", "kind": "points", "name": "Points", "unit_value": Decimal("0.01"),
    "currency": "EUR",
}  # fmt: skip
STAMPS = POINTS | {"code": "card", "kind": "stamps", "name": "Card", "card_size": 10}


def change(program: Program, **behaviour: Any) -> Program:
    return change_program(actor=SYSTEM, program_id=program.pk, **behaviour)


def verbs() -> list[str]:
    return list(AuditRecord.objects.order_by("pk").values_list("verb", flat=True))


def test_rw_1_a_program_keeps_all_that_was_said_of_it() -> None:
    program = create_program(
        actor=SYSTEM, **STAMPS, unit_singular="stamp", unit_plural="stamps", expiry="inactivity",
        expiry_days=180, warning_days=14, reinstate_days=30, tier_basis="window_spend",
        tier_window_days=90, tier_grace_days=10,
    )  # fmt: skip

    program.refresh_from_db()
    assert (program.status, program.card_size, program.warning_days) == ("draft", 10, 14)
    assert (program.expiry, program.expiry_days, program.reinstate_days) == ("inactivity", 180, 30)
    assert (program.tier_basis, program.tier_window_days) == ("window_spend", 90)
    (record,) = AuditRecord.objects.all()
    assert record.after is not None
    assert (record.verb, record.after["card_size"]) == ("program.created", 10)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (POINTS | {"card_size": 10}, "card_size"),
        (STAMPS | {"card_size": None}, "card_size"),
        (STAMPS | {"card_size": 1001}, "card_size"),
        (POINTS | {"expiry": "inactivity"}, "expiry_days"),
        (POINTS | {"expiry": "never", "expiry_days": -1}, "expiry_days"),
        (POINTS | {"tier_basis": "window_units", "tier_window_days": 0}, "tier_window_days"),
        (POINTS | {"tier_basis": "sympathy"}, "tier_basis"),
        (POINTS | {"warning_days": 10**6}, "warning_days"),
    ],
)
def test_rw_1_what_can_not_be_is_said_beside_its_field(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        create_program(actor=SYSTEM, **wrong)

    assert refusal.value.field == field
    assert not Program.objects.exists()
    assert verbs() == []


def test_a_card_gives_an_active_reward_of_its_own_program() -> None:
    program = create_program(actor=SYSTEM, **STAMPS)
    own, other = RewardFactory(program=program), RewardFactory()
    off = RewardFactory(program=program, is_active=False)

    for reward in (other, off):
        with pytest.raises(InvalidInput) as refusal:
            change(program, card_reward=reward)
        assert refusal.value.field == "card_reward"
    change(program, card_reward=own)

    program.refresh_from_db()
    assert program.card_reward == own
    record = AuditRecord.objects.get(verb="program.changed")
    assert (record.before or {})["card_reward"] is None
    assert (record.after or {})["card_reward"] == own.name


def test_the_same_program_made_twice_is_made_once() -> None:
    first = create_program(actor=SYSTEM, **POINTS)

    assert create_program(actor=SYSTEM, **POINTS) == first
    assert verbs() == ["program.created"]
    with pytest.raises(InvalidInput) as refusal:
        create_program(actor=SYSTEM, **(POINTS | {"name": "Others"}))
    assert refusal.value.field == "code"


def test_a_change_that_changes_nothing_leaves_no_trace() -> None:
    program = create_program(actor=SYSTEM, **POINTS)

    change(program, name="Points", rounding="down")

    assert verbs() == ["program.created"]


def test_ev_3_whoever_saw_something_else_is_told() -> None:
    program = ProgramFactory(name="Points")
    program.refresh_from_db()
    seen = says_now(program)
    change(program, name="Stars", seen=seen)

    with pytest.raises(StaleView):
        change(program, unit_value=Decimal("0.05"), seen=seen)
    assert change(program, name="Stars", seen=seen).name == "Stars"  # sent twice

    program.refresh_from_db()
    assert (program.name, program.unit_value) == ("Stars", Decimal("0.01"))


def test_rw_1_a_program_is_started_paused_and_resumed() -> None:
    program = create_program(actor=SYSTEM, **POINTS)
    with pytest.raises(Conflict):
        pause_program(actor=SYSTEM, program_id=program.pk)

    for act in (activate_program, pause_program, pause_program, activate_program):
        act(actor=SYSTEM, program_id=program.pk)

    program.refresh_from_db()
    assert program.is_running
    assert verbs() == [
        "program.created", "program.activated", "program.paused", "program.activated",
    ]  # fmt: skip
    with pytest.raises(NotFound):
        pause_program(actor=SYSTEM, program_id=program.pk + 1)


@time_machine.travel(NOW, tick=False)
def test_rw_1_units_begin_to_lapse_when_the_policy_says_so_and_lots_keep_their_dates() -> None:
    program = ProgramFactory(expiry="per_lot", expiry_days=100)
    holding, empty = account_of(50, program=program), AccountFactory(program=program)
    elsewhere = account_of(50)
    dates = list(Lot.objects.order_by("pk").values_list("expires_at", flat=True))

    change(program, expiry="inactivity", expiry_days=30)

    ends = {a.pk: a.expires_at for a in Account.objects.all()}
    assert ends[holding.pk] == NOW + timedelta(days=30)
    assert ends[empty.pk] is None
    assert ends[elsewhere.pk] is None
    assert list(Lot.objects.order_by("pk").values_list("expires_at", flat=True)) == dates
    assert lots_of(holding) == [50]
    assert_adds_up()

    change(program, expiry="never")
    assert not Account.objects.filter(expires_at__isnull=False).exists()


@time_machine.travel(NOW, tick=False)
def test_rw_1_a_longer_time_moves_the_day_and_a_shorter_one_leaves_it() -> None:
    program = ProgramFactory(expiry="inactivity", expiry_days=30)
    account = account_of(50, program=program)

    change(program, expiry_days=40)
    account.refresh_from_db()
    assert account.expires_at == NOW + timedelta(days=40)

    change(program, expiry_days=10)
    account.refresh_from_db()
    assert account.expires_at == NOW + timedelta(days=40)


def test_only_a_store_admin_starts_and_pauses() -> None:
    program = ProgramFactory()
    lead = actor_for(lead=True)

    for act in (activate_program, pause_program):
        with pytest.raises(NotAllowed):
            act(actor=lead, program_id=program.pk)
    assert verbs() == []
