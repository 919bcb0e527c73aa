"""Every act of the ledger in any order, in three programs at once.

After each step the database's invariants hold; each act moves what it says, or is refused
and moves nothing. What an order has left is counted by an arithmetic of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction
from django.db.models import QuerySet, Sum
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

from customers.actions.orders import record_order
from customers.actions.refund_checks import RefundedLine
from customers.actions.refunds import cancel_order, complete_order_again, record_refund
from customers.models import Order
from loyalty_admin.common.errors import (
    AlreadyReversed,
    Conflict,
    DomainError,
    InsufficientBalance,
    NotReversible,
)
from rewards.actions.mass_adjustments.batches import apply_batch, undo_batch, upload_batch
from rewards.actions.mass_adjustments.running import run_batch
from rewards.actions.redemptions import cancel_redemption, redeem_reward
from rewards.actions.reinstating import reinstate_units
from rewards.actions.settling import settle_account
from rewards.actions.sweeping import sweep
from rewards.models import (
    Account,
    Entry,
    Lot,
    MassAdjustment,
    Operation,
    Program,
    Redemption,
    Shortfall,
)
from rewards.selectors.integrity import find_discrepancies
from tests.customers.drafts import a_draft, a_line
from tests.factories import (
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    ReasonCodeFactory,
    RewardFactory,
    StoreFactory,
)
from tests.rewards.ledger import SYSTEM, adjust, balance_of, debit, undo


@contextmanager
def moved(account: Account) -> Iterator[list[int]]:
    """Within: an empty list; afterwards it holds how the balance moved."""
    before, units = account.balance, list[int]()
    if account.pk:
        before = balance_of(account)
    yield units
    account = Account.objects.get(customer=account.customer_id, program=account.program_id)
    units.append(account.balance - before)


START = datetime(2026, 1, 1, 12, tzinfo=UTC)
PROGRAMS = st.sampled_from([0, 1])
UNITS = st.integers(min_value=1, max_value=60)


@dataclass
class Sale:
    """An order as the model knows it: what is left of each line, in whole euros."""

    order: Order
    left: list[int]
    refunds: int = 0
    cancelled: bool = False
    kept: int = 0
    """What had been spent when it was cancelled, so that completing it again earns no more."""
    missing: int = 0
    """What could not be taken back of it before it was last completed."""

    @property
    def refundable(self) -> bool:
        """Whether anything of it can go back."""
        return not self.cancelled and sum(self.left) > 0


class LedgerMachine(RuleBasedStateMachine):
    """One customer with a program that never goes below zero, one that may, and a card."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[Operation] = []
        self.sales: list[Sale] = []
        self.bought: list[Redemption] = []
        self.batches: list[MassAdjustment] = []
        self.example = transaction.atomic()
        # Rolled back afterwards, as Django's own TestCase does around durable actions.
        self.example._from_testcase = True  # type: ignore[attr-defined]
        self.example.__enter__()
        self.clock = time_machine.travel(START, tick=False)
        self.time = self.clock.start()

    @initialize()
    def open(self) -> None:
        """A rule each: the second is pending for two days and lapses in ten; cards hold five."""
        self.customer = CustomerFactory()
        self.store = StoreFactory()
        self.programs: list[Any] = [
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
        self.rewards = [RewardFactory(program=program, cost=25) for program in self.programs]
        self.reason = ReasonCodeFactory(code="test")
        self.stamps = ProgramFactory(stamps=True, code="card", card_size=5)
        coffee = RewardFactory(program=self.stamps, cost=5)
        Program.objects.filter(pk=self.stamps.pk).update(card_reward=coffee)
        EarningRuleVersionFactory(
            rule=EarningRuleFactory(program=self.stamps), measure="order", units=2
        )

    def _account(self, index: int) -> Account:
        program = self.programs[index]
        found = Account.objects.filter(customer=self.customer, program=program).first()
        return found or Account(customer=self.customer, program=program)

    def _moves(self, index: int) -> AbstractContextManager[list[int]]:
        """How the spendable balance moves within; what is due is done before."""
        return moved(self._settled(index))

    def _settled(self, index: int) -> Account:
        account = self._account(index)
        if account.pk:
            settle_account(customer_id=account.customer_id, program_id=account.program_id)
        # What was released has paid debts.
        return self._account(index)

    @rule(euros=st.lists(st.integers(min_value=0, max_value=40), min_size=1, max_size=3))
    def earn(self, euros: list[int]) -> None:
        """An order earns in all programs at once."""
        number = f"O-{len(self.sales)}"
        lines = [a_line(total=Decimal(each)) for each in euros]
        draft = a_draft(
            number=number, store=self.store.code, placed_at=datetime.now(UTC),
            customer_external_id=self.customer.external_id, lines=lines,
        )  # fmt: skip
        recorded = record_order(actor=SYSTEM, draft=draft, idempotency_key=number)
        order = Order.objects.get(pk=recorded.order_id)
        self.sales.append(Sale(order, list(euros)))
        self._check(self.sales[-1])

    def _sum(self, rows: QuerySet[Any]) -> int:
        return int(rows.aggregate(units=Sum("amount"))["units"] or 0)

    def _check(self, sale: Sale) -> None:
        """What the order has brought in the first program is what its lines earn, no more.

        Unless units had been spent when they were to be taken back: those are kept.
        """
        of_order = {"operation__order": sale.order, "account__program": self.programs[0]}
        missing = self._sum(Shortfall.objects.filter(**of_order)) - sale.missing
        due = 0 if sale.cancelled else sum(sale.left)
        assert self._sum(Entry.objects.filter(**of_order)) == max(due, sale.kept) + missing

    @precondition(lambda self: any(sale.refundable for sale in self.sales))
    @rule(which=st.integers(0, 10**6), line=st.integers(0, 2), percent=st.integers(1, 100))
    def refund(self, which: int, line: int, percent: int) -> None:
        """A part of a line goes back, and with it what it earned; told twice, it is one."""
        sales = [sale for sale in self.sales if sale.refundable]
        sale = sales[which % len(sales)]
        lines = [n for n, euros in enumerate(sale.left) if euros]
        position = lines[line % len(lines)]
        euros = max(1, sale.left[position] * percent // 100)
        sale.refunds += 1
        for _ in range(2):
            record_refund(
                actor=SYSTEM, store=self.store.code, order_number=sale.order.number,
                number=f"R-{sale.refunds}", refunded_at=datetime.now(UTC),
                idempotency_key=str(uuid4()),
                lines=[
                    RefundedLine(position=position + 1, quantity=Decimal(0), total=Decimal(euros))
                ],
            )  # fmt: skip
        sale.left[position] -= euros
        self._check(sale)

    @precondition(lambda self: self.sales)
    @rule(which=st.integers(0, 10**6))
    def cancel_or_complete(self, which: int) -> None:
        """A cancelled order leaves nothing; completed again, it earns on what is left."""
        sale = self.sales[which % len(self.sales)]
        act = complete_order_again if sale.cancelled else cancel_order
        if sale.cancelled:
            of_order = {"operation__order": sale.order, "account__program": self.programs[0]}
            sale.kept = self._sum(Entry.objects.filter(**of_order))
            sale.missing = self._sum(Shortfall.objects.filter(**of_order))
        for _ in range(2):
            act(
                actor=SYSTEM,
                store=self.store.code,
                order_number=sale.order.number,
                idempotency_key=str(uuid4()),
            )
        sale.cancelled = not sale.cancelled
        self._check(sale)

    @rule(index=PROGRAMS)
    def redeem(self, index: int) -> None:
        """A reward is bought when the spendable balance covers it."""
        account, reward = self._settled(index), self.rewards[index]
        spendable, key = self._spendable(account), str(uuid4())
        try:
            with moved(account) as units:
                redemption = redeem_reward(
                    actor=SYSTEM, customer_id=self.customer.pk, reward_id=reward.pk,
                    idempotency_key=key,
                )  # fmt: skip
        except InsufficientBalance:
            assert spendable < reward.cost
        else:
            assert units == [-reward.cost]
            assert spendable >= reward.cost
            self.bought.append(redemption)

    @precondition(lambda self: self.bought)
    @rule(which=st.integers(0, 10**6))
    def cancel(self, which: int) -> None:
        """A cancelled reward gives back what it cost, once, whatever has expired meanwhile."""
        redemption = self.bought.pop(which % len(self.bought))
        key, index = str(uuid4()), self.programs.index(redemption.reward.program)
        with self._moves(index) as units:
            for _ in range(2):
                cancel_redemption(actor=SYSTEM, redemption_id=redemption.pk, idempotency_key=key)
        assert units == [redemption.units]
        with pytest.raises(AlreadyReversed):
            cancel_redemption(
                actor=SYSTEM, redemption_id=redemption.pk, idempotency_key=str(uuid4())
            )

    @rule()
    def reinstate(self) -> None:
        """What expired last comes back, once; but for the units of orders that came back."""
        expired = Operation.objects.filter(kind="expire", reversed_by=None).order_by("-pk").first()
        if expired is None:
            return
        entry, key = expired.entries.get(), str(uuid4())
        came_back = (Order.Status.CANCELLED, Order.Status.REFUNDED)
        due = sum(
            allocation.amount
            for allocation in entry.allocations.select_related("lot__entry__operation__order")
            if (order := allocation.lot.entry.operation.order) is None
            or order.status not in came_back
        )
        if not due:
            with pytest.raises(Conflict):
                reinstate_units(actor=SYSTEM, operation_id=expired.pk, idempotency_key=key)
            return
        with moved(entry.account) as units:
            self.done.append(
                reinstate_units(actor=SYSTEM, operation_id=expired.pk, idempotency_key=key)
            )
        assert units == [due]

    @rule(index=PROGRAMS, amounts=st.lists(st.integers(-30, 60), min_size=1, max_size=4))
    def mass_adjust(self, index: int, amounts: list[int]) -> None:
        """A file adjusts row by row what can be, and its undo takes that back."""
        rows = "".join(f"{self.customer.external_id},{amount}\n" for amount in amounts if amount)
        if not rows:
            return
        content = f"customer,amount\n{rows}".encode()
        batch = upload_batch(
            actor=SYSTEM, program_id=self.programs[index].pk, reason_id=self.reason.pk,
            filename="rows.csv", content=BytesIO(content), size=len(content),
            idempotency_key=str(uuid4()),
        )  # fmt: skip
        run_batch(batch.pk)
        batch.refresh_from_db()
        if not batch.good:
            return
        apply_batch(actor=SYSTEM, batch_id=batch.pk, same_file_again=True)
        run_batch(batch.pk)
        self.batches.append(batch)

    @precondition(lambda self: self.batches)
    @rule(which=st.integers(0, 10**6))
    def undo_mass_adjustment(self, which: int) -> None:
        """The whole batch goes back; what was spent is a shortfall or a debt."""
        batch = self.batches.pop(which % len(self.batches))
        undo_batch(actor=SYSTEM, batch_id=batch.pk)
        run_batch(batch.pk)
        batch.refresh_from_db()
        assert batch.status == MassAdjustment.Status.UNDONE

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
        except (InsufficientBalance, NotReversible):
            # Too little is left of a credit, or all of it has expired.
            assert operation.kind in (Operation.Kind.ADJUST, Operation.Kind.REINSTATE)
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

    @rule(at_once=st.booleans())
    def settle(self, at_once: bool) -> None:
        """What is due is released and expired, by the batch or one by one; nothing stays."""
        if at_once:
            list(sweep())
        else:
            self._settled(0)
            self._settled(1)
        now = datetime.now(UTC)
        open_lots = Lot.objects.filter(account__program__in=self.programs, remaining__gt=0)
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

    @invariant()
    def full_cards_gave_their_reward(self) -> None:
        """Each card took its five stamps, and no card is overdue."""
        cards = Redemption.objects.filter(source="card").order_by("position")
        assert [card.position for card in cards] == list(range(1, len(cards) + 1))
        account = Account.objects.filter(program=self.stamps).first()
        assert account is None or account.balance < 5 or account.debt

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
            max_examples=40,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
