"""Two store admins, or one with a restless finger; each race with a control without the lock."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from rewards.actions import programs
from rewards.actions.programs import (
    RuleTerms,
    change_program,
    create_program,
    create_rule,
    publish_rule,
)
from rewards.models import Account, EarningRule, EarningRuleVersion, Program
from tests.concurrency.threads import together
from tests.factories import CustomerFactory, ProgramFactory, ReasonCodeFactory
from tests.rewards.ledger import SYSTEM, account_of, adjust, assert_adds_up

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

PER_EURO = RuleTerms(units=1, per=Decimal(1), currency="EUR")


def _failures(outcomes: list[Any]) -> list[Exception]:
    return [outcome for outcome in outcomes if isinstance(outcome, Exception)]


def _ten_times(act: Callable[[], Any]) -> list[Any]:
    return together([act] * 10)


def _twin_programs() -> list[Any]:
    return _ten_times(
        partial(
            create_program, actor=SYSTEM, code="points", kind="points", name="Points",
            unit_value=Decimal("0.01"), currency="EUR",
        )
    )  # fmt: skip


def test_ev_2_a_program_made_ten_times_at_once_is_made_once() -> None:
    assert _failures(_twin_programs()) == []
    assert Program.objects.count() == 1


def test_control_without_the_lock_somebody_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "lock_name", lambda name: None)

    assert _failures(_twin_programs())


def test_ev_2_a_rule_and_its_version_sent_ten_times_at_once_are_made_once() -> None:
    program = ProgramFactory()
    make = partial(create_rule, actor=SYSTEM, program_id=program.pk, name="Euro", terms=PER_EURO)

    assert _failures(_ten_times(make)) == []
    rule = EarningRule.objects.get()
    double = RuleTerms(units=2, per=Decimal(1), currency="EUR")
    publish = partial(publish_rule, actor=SYSTEM, rule_id=rule.pk, terms=double, seen_number=1)
    assert _failures(_ten_times(publish)) == []
    assert EarningRuleVersion.objects.count() == 2


def test_a_policy_that_changes_while_accounts_are_opened_and_used_holds_nobody_up() -> None:
    program, reason = ProgramFactory(), ReasonCodeFactory(code="test")
    used = [account_of(10, program=program) for _ in range(4)]
    opened = [Account(customer=CustomerFactory(), program=program) for _ in range(4)]
    acts: list[Callable[[], Any]] = [
        partial(adjust, account, 5, reason_id=reason.pk) for account in (*used, *opened)
    ]
    acts += [
        partial(
            change_program, actor=SYSTEM, program_id=program.pk, expiry=expiry, expiry_days=30
        )
        for expiry in ("inactivity", "never", "inactivity")
    ]  # fmt: skip

    assert _failures(together(acts)) == []

    program.refresh_from_db()
    lapses = program.expiry == Program.Expiry.INACTIVITY
    for account in used:
        account.refresh_from_db()
        assert (account.expires_at is not None) is lapses
    assert_adds_up()
