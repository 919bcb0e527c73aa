"""Every act of the ledger in any order, in two programs, against a model of three lines.

After each step the database's invariants hold and each balance is what the model says.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import AlreadyReversed, DomainError, InsufficientBalance
from rewards.actions.earning import earn_for_order
from rewards.actions.settling import settle_account
from rewards.models import Account, Lot, Operation, Program
from rewards.selectors.integrity import find_discrepancies
from tests.factories import (
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    OrderFactory,
    OrderLineFactory,
    ProgramFactory,
    StoreFactory,
)
from tests.rewards.ledger import adjust, debit, undo

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
PROGRAMS = st.sampled_from([0, 1])
UNITS = st.integers(min_value=1, max_value=60)


class LedgerMachine(RuleBasedStateMachine):
    """One customer with a program that never goes below zero and one that may."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[Operation] = []
        self.example = transaction.atomic()
        # Rolled back afterwards, as Django's own TestCase does around durable actions.
        self.example._from_testcase = True  # type: ignore[attr-defined]
        self.example.__enter__()
        self.clock = time_machine.travel(START, tick=False)
        self.time = self.clock.start()

    @initialize()
    def open(self) -> None:
        """Two programs with a rule each; the second is pending for two days and lapses in ten."""
        self.customer = CustomerFactory()
        self.store = StoreFactory()
        self.programs = [
            ProgramFactory(),
            ProgramFactory(
                pending_days=2,
                expiry=Program.Expiry.PER_LOT,
                expiry_days=10,
                clawback_below_zero=True,
            ),
        ]
        for program in self.programs:
            EarningRuleVersionFactory(rule=EarningRuleFactory(program=program))

    def _account(self, index: int) -> Account:
        program = self.programs[index]
        found = Account.objects.filter(customer=self.customer, program=program).first()
        return found or Account(customer=self.customer, program=program)

    @rule(euros=st.integers(min_value=0, max_value=90))
    def earn(self, euros: int) -> None:
        """An order earns in both programs at once."""
        order = OrderFactory(
            store=self.store,
            customer=self.customer,
            placed_at=datetime.now(UTC),
            total=Decimal(euros),
        )
        line = OrderLineFactory(order=order, total=Decimal(euros))
        earned = earn_for_order(Actor.system("test"), order, [line])
        assert [earning.units for earning in earned] == ([euros, euros] if euros else [])

    @rule(index=PROGRAMS, units=UNITS, days=st.none() | st.integers(1, 9))
    def credit(self, index: int, units: int, days: int | None) -> None:
        """A credit by hand."""
        self.done.append(adjust(self._account(index), units, expires_in_days=days))

    @rule(index=PROGRAMS, percent=st.integers(1, 110))
    def spend(self, index: int, percent: int) -> None:
        """A debit: done when the spendable balance covers it, refused whole otherwise."""
        account = self._account(index)
        spendable = self._spendable(account)
        units = max(1, spendable * percent // 100)
        try:
            self.done.append(debit(account, units))
        except InsufficientBalance:
            assert units > spendable
        else:
            assert units <= spendable

    @precondition(lambda self: self.done)
    @rule(which=st.integers(0, 10**6), latest=st.booleans())
    def undo(self, which: int, latest: bool) -> None:
        """Undo, and undo again: the second time is refused, and a retry changes nothing."""
        self._undo(self.done.pop(-1 if latest else which % len(self.done)))

    def _undo(self, operation: Operation) -> None:
        key = str(uuid4())
        try:
            first = undo(operation, idempotency_key=key)
        except InsufficientBalance:
            assert operation.kind == Operation.Kind.ADJUST
            return
        assert undo(operation, idempotency_key=key) == first
        with pytest.raises(AlreadyReversed):
            undo(operation)

    @precondition(lambda self: self.done)
    @rule(count=st.integers(2, 6))
    def unwind(self, count: int) -> None:
        """Undo the oldest acts first: units that are gone, debts, and what pays them."""
        for _ in range(min(count, len(self.done))):
            self._undo(self.done.pop(0))
            self.adds_up()

    @rule(index=PROGRAMS)
    def refused(self, index: int) -> None:
        """More than there is leaves no trace."""
        before = Operation.objects.filter(customer=self.customer).count()
        with pytest.raises(DomainError):
            adjust(self._account(index), -(10**6))
        assert Operation.objects.filter(customer=self.customer).count() == before

    @rule(days=st.integers(min_value=1, max_value=6))
    def pass_time(self, days: int) -> None:
        """Days go by."""
        self.time.shift(timedelta(days=days))

    @rule(index=PROGRAMS)
    def sweep(self, index: int) -> None:
        """What is due is released and expired; nothing that is due stays behind."""
        account = self._account(index)
        if account.pk:
            settle_account(customer_id=account.customer_id, program_id=account.program_id)
            now, open_lots = datetime.now(UTC), Lot.objects.filter(account=account, remaining__gt=0)
            assert not open_lots.filter(expires_at__lte=now, is_pending=False).exists()
            assert not open_lots.filter(available_at__lte=now, is_pending=True).exists()

    @staticmethod
    def _spendable(account: Account) -> int:
        """What can be spent now: lots that have begun and not ended, less the debt."""
        now = datetime.now(UTC)
        lots = [
            lot
            for lot in Lot.objects.filter(account_id=account.pk, remaining__gt=0)
            if lot.available_at <= now and not (lot.expires_at and lot.expires_at <= now)
        ]
        return sum(lot.remaining for lot in lots) - account.debt

    @invariant()
    def adds_up(self) -> None:
        """The whole ledger, after each step."""
        assert find_discrepancies() == []

    def teardown(self) -> None:
        """Leave nothing behind for the next example."""
        self.clock.stop()
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)


@pytest.mark.django_db
def test_the_ledger_adds_up_after_any_acts_in_any_order() -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=60,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
