"""RW-12: the dry run, applying, undoing, and who may ask for what and how often."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import celery
import pytest
from kombu.exceptions import OperationalError

from activity.models import AuditRecord, Event
from customers.models import Customer
from loyalty_admin.common.errors import Conflict, IdempotencyConflict, InvalidInput, NotAllowed
from rewards.actions.mass_adjustments import checking
from rewards.actions.mass_adjustments.batches import apply_batch, discard_batch, undo_batch
from rewards.actions.mass_adjustments.running import run_batch, take_step
from rewards.models import (
    Account,
    MassAdjustment,
    MassAdjustmentRow,
    Operation,
    Program,
    Shortfall,
)
from tests.factories import (
    ContactPointFactory,
    CustomerFactory,
    ProgramFactory,
    ReasonCodeFactory,
    actor_for,
)
from tests.rewards.ledger import account_of, assert_adds_up, balance_of, debit, undo
from tests.rewards.mass import (
    MARTA,
    applied,
    checked,
    problems_of,
    row_of,
    undone,
    upload,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def program() -> Program:
    made: Program = ProgramFactory(unit_value=Decimal("0.02"))
    return made


def member(external_id: str, **fields: Any) -> Customer:
    made: Customer = CustomerFactory(external_id=external_id, **fields)
    return made


def balances(program: Program) -> dict[str | None, int]:
    rows = Account.objects.filter(program=program)
    return dict(rows.values_list("customer__external_id", "balance"))


def test_rw12_the_dry_run_tells_every_bad_row_and_the_sums(program: Program) -> None:
    ana, ben = member("C-1", name="Ana"), member("C-2")
    guest = CustomerFactory(external_id="C-3", name="Gus", guest=True)
    rich = account_of(100, customer=ben, program=program)
    batch = checked(
        program,
        "C-1,40,,", "C-2,-60,,", "C-2,-60,,", "C-1,-90,test,", "C-9,1,,", "C-3,1,,", "C-1,1,nope,",
        "C-1,x,nope,", 'C-1,1,"', "C-2,5,TEST,",
        header="customer,amount,reason,note",
    )  # fmt: skip

    assert problems_of(batch) == {
        4: "The balance is 40 points; 60 can't be taken from it.",
        5: "The balance is 40 points; 90 can't be taken from it.",
        6: "No customer has the external ID, e-mail address, phone number or document “C-9”.",
        7: f"{guest} is not a member, so the balance can't be changed. Enrol first.",
        8: "There is no reason “nope”; the codes are test.",
        9: "The amount “x” is not a whole number such as 40 or -40, without separators. "
        "There is no reason “nope”; the codes are test.",
        10: "The quotes are broken: a record is one line, and a quote inside a quoted value is "
        "written twice.",
    }
    assert batch.status == MassAdjustment.Status.READY
    assert (batch.rows, batch.good, batch.bad, batch.customers) == (10, 5, 5, 2)
    assert (batch.credits, batch.debits, batch.cost) == (45, 210, Decimal("0.90"))
    assert (batch.short_accounts, batch.ignored_columns) == (2, ["note"])
    assert balance_of(rich) == 100
    assert Operation.objects.filter(kind="adjust").count() == 1
    assert not Event.objects.filter(customer=ana).exists()


def test_rw12_customers_are_found_by_any_key_and_never_by_two(program: Program) -> None:
    ana, ben = member("C-1", document="1234A", name="Ana"), member("C-2", name="Ben")
    member("1234A", name="Cleo")
    ContactPointFactory(customer=ana, value="ana@example.com")
    ContactPointFactory(customer=ana, phone=True, value="+34612345678")
    ContactPointFactory(customer=ben, phone=True, value="+34612345679")
    for customer in (ana, ben):
        ContactPointFactory(customer=customer, value="family@example.com")
    keys = [
        "C-1", "Ana@Example.com", "612 34 56 78", "+34612345679", "0034612345679",
        "1234A", "family@example.com", "c-1",
    ]  # fmt: skip
    batch = checked(program, *(f"{key},1" for key in keys))

    rows = MassAdjustmentRow.objects.filter(batch=batch).order_by("line")
    found = [(row.customer_id, row.matched_by) for row in rows[:5]]
    assert found == [
        (ana.pk, "external ID"), (ana.pk, "e-mail"), (ana.pk, "phone"), (ben.pk, "phone"),
        (ben.pk, "phone"),
    ]  # fmt: skip
    told = problems_of(batch)
    assert told[7] == (
        "“1234A” is the external ID of Cleo and the document of Ana: use a key that only one "
        "customer has."
    )
    assert "the e-mail of Ana and the e-mail of Ben" in told[8]
    assert "No customer has" in told[9]
    assert batch.good == 5


def test_rw12_good_rows_are_applied_and_bad_ones_move_nothing(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "CHUNK", 2)
    for number in range(5):
        member(f"C-{number}")
    lines = [f"C-{number},{10 * (number + 1)}" for number in range(5)]
    batch = applied(program, *lines, "C-9,7", "C-0,-4", "C-0,-100", "C-1,5")

    assert balances(program) == {"C-0": 6, "C-1": 25, "C-2": 30, "C-3": 40, "C-4": 50}
    assert batch.status == MassAdjustment.Status.APPLIED
    assert (batch.good, batch.done, batch.refused, batch.applied) == (8, 8, 1, 7)
    assert problems_of(batch)[9] == "The balance is 6 points; 100 can't be taken from it."
    first = row_of(batch, 2)
    assert first.operation is not None
    assert (first.balance_after, first.operation.customer_comment) == (10, "Manual adjustment")
    assert row_of(batch, 8).balance_after == 6
    assert Operation.objects.count() == 7
    assert_adds_up()
    event = Event.objects.filter(kind="ledger.adjusted").earliest("pk")
    assert event.data["batch"] == batch.pk
    verbs = AuditRecord.objects.filter(object_type="mass_adjustment").order_by("pk")
    assert [verb.split(".")[1] for verb in verbs.values_list("verb", flat=True)] == [
        "uploaded", "checked", "started", "applied",
    ]  # fmt: skip


def test_rw12_what_changed_since_the_dry_run_is_refused_not_clamped(program: Program) -> None:
    spender, leaver = account_of(50, program=program), account_of(50, program=program)
    lines = [f"{account.customer.external_id},-40" for account in (spender, leaver)]
    batch = checked(program, *lines)
    assert problems_of(batch) == {}
    debit(spender, 20)
    Customer.objects.filter(pk=leaver.customer_id).update(status="removed")
    apply_batch(actor=MARTA, batch_id=batch.pk)
    run_batch(batch.pk)

    told = problems_of(batch)
    assert told[2] == "The balance is 30 points; 40 can't be taken from it."
    assert "is not a member" in told[3]
    assert (balance_of(spender), balance_of(leaver)) == (30, 50)
    assert Operation.objects.filter(idempotency_key__startswith="mass:").count() == 0


def test_rw12_a_program_that_is_paused_meanwhile_moves_nothing(program: Program) -> None:
    account = account_of(50, program=program)
    batch = checked(program, f"{account.customer.external_id},10")
    Program.objects.update(status=Program.Status.PAUSED)
    with pytest.raises(Conflict, match="not running"):
        apply_batch(actor=MARTA, batch_id=batch.pk)
    MassAdjustment.objects.update(status="applying", applied_by=_kept())
    run_batch(batch.pk)
    assert problems_of(batch) == {2: "Points is not running, so its balances can't be changed."}
    assert balance_of(account) == 50


def _kept() -> dict[str, Any]:
    from rewards.actions.mass_adjustments.actors import kept

    return kept(MARTA)


def test_rw12_undo_brings_every_balance_back_and_lists_what_was_spent(program: Program) -> None:
    one, two = account_of(100, program=program), account_of(30, program=program)
    keys = [account.customer.external_id for account in (one, two)]
    batch = applied(program, f"{keys[0]},-60", f"{keys[1]},50", f"{keys[0]},10")
    debit(two, 70)
    batch = undone(batch)

    assert (balance_of(one), balance_of(two)) == (100, 0)
    assert (batch.status, batch.done, batch.short_rows, batch.shortfall) == ("undone", 3, 1, 40)
    assert problems_of(batch) == {3: "40 of 50 had been spent already and stay so."}
    shortfall = Shortfall.objects.get()
    assert (shortfall.amount, shortfall.account_id) == (40, two.pk)
    assert row_of(batch, 3).shortfall == 40
    assert_adds_up()


def test_rw12_where_the_program_says_so_undo_goes_below_zero(program: Program) -> None:
    Program.objects.update(clawback_below_zero=True)
    account = account_of(program=program)
    batch = applied(program, f"{account.customer.external_id},50")
    debit(account, 45)
    undone(batch)
    account.refresh_from_db()
    assert (account.balance, account.debt) == (-45, 45)
    assert not Shortfall.objects.exists()
    assert "45 of 50 had been spent already: the balance may be below" in problems_of(batch)[2]
    assert_adds_up()


def test_rw12_a_row_undone_by_hand_is_not_undone_again(program: Program) -> None:
    account = account_of(program=program)
    batch = applied(program, f"{account.customer.external_id},50")
    operation = row_of(batch, 2).operation
    assert operation is not None
    by_hand = undo(operation)
    batch = undone(batch)
    assert (balance_of(account), batch.done) == (0, 1)
    assert row_of(batch, 2).reversal_id == by_hand.pk
    assert problems_of(batch) == {2: "Undone by hand before."}


def test_rw12_who_was_removed_meanwhile_is_listed_and_left_alone(program: Program) -> None:
    stays, leaves = account_of(program=program), account_of(program=program)
    batch = applied(program, *(f"{one.customer.external_id},50" for one in (stays, leaves)))
    Customer.objects.filter(pk=leaves.customer_id).update(status="removed")
    batch = undone(batch)
    assert (balance_of(stays), balance_of(leaves)) == (0, 50)
    assert (batch.status, batch.done) == ("undone", 2)
    assert "is not a member" in problems_of(batch)[3]
    assert row_of(batch, 3).outcome == "applied"
    assert_adds_up()


def test_rw12_the_same_file_is_noticed_and_goes_on_only_when_told(program: Program) -> None:
    account = account_of(program=program)
    line = f"{account.customer.external_id},50"
    first, second = applied(program, line), checked(program, line)
    with pytest.raises(InvalidInput) as error:
        apply_batch(actor=MARTA, batch_id=second.pk)
    assert error.value.field == "same_file_again"
    assert balance_of(account) == 50
    apply_batch(actor=MARTA, batch_id=second.pk, same_file_again=True)
    run_batch(second.pk)
    assert balance_of(account) == 100
    undone(second)
    undone(first)
    third = checked(program, line)
    apply_batch(actor=MARTA, batch_id=third.pk)  # nobody has it any more
    assert third.digest == first.digest


def test_rw12_every_act_happens_once(program: Program) -> None:
    account = account_of(program=program)
    line, key = f"{account.customer.external_id},50", str(uuid4())
    batch = upload(program, f"customer,amount\n{line}", idempotency_key=key)
    assert upload(program, f"customer,amount\n{line}", idempotency_key=key).pk == batch.pk
    with pytest.raises(IdempotencyConflict):
        upload(program, f"customer,amount\n{line}0", idempotency_key=key)
    run_batch(batch.pk)
    for act, balance in ((apply_batch, 50), (undo_batch, 0)):
        for _ in range(2):
            act(actor=MARTA, batch_id=batch.pk)
            run_batch(batch.pk)
            act(actor=MARTA, batch_id=batch.pk)
        assert balance_of(account) == balance
    with pytest.raises(Conflict, match="undone"):
        apply_batch(actor=MARTA, batch_id=batch.pk)
    with pytest.raises(Conflict, match="undone"):
        discard_batch(actor=MARTA, batch_id=batch.pk)
    assert not take_step(batch.pk)
    assert Operation.objects.count() == 2


def test_rw12_an_uploaded_file_can_be_discarded(program: Program) -> None:
    batch = checked(program, "C-1,1")
    with pytest.raises(Conflict, match="No row of this file"):
        apply_batch(actor=MARTA, batch_id=batch.pk)
    for _ in range(2):
        discard_batch(actor=MARTA, batch_id=batch.pk)
    batch.refresh_from_db()
    assert batch.status == MassAdjustment.Status.DISCARDED
    assert not MassAdjustmentRow.objects.exists()
    with pytest.raises(Conflict, match="discarded"):
        apply_batch(actor=MARTA, batch_id=batch.pk)


def test_rw12_only_leads_may(program: Program) -> None:
    agent, reason = actor_for(), ReasonCodeFactory().pk
    with pytest.raises(NotAllowed):
        upload(program, "customer,amount\nC-1,1", actor=agent, reason_id=reason)
    batch = checked(program, "C-1,1")
    for act in (apply_batch, undo_batch, discard_batch):
        with pytest.raises(NotAllowed):
            act(actor=agent, batch_id=batch.pk)
    assert upload(program, "customer,amount\nC-1,1", actor=actor_for(lead=True)).rows == 1


def test_rw12_rows_may_lack_a_reason_only_with_a_default(program: Program) -> None:
    member("C-1")
    batch = checked(program, "C-1,1", reason_id=None)
    assert problems_of(batch) == {2: "The reason is missing, and none was chosen for the file."}


def test_rw12_a_customer_may_stand_in_a_file_many_times(program: Program) -> None:
    member("C-1")
    batch = applied(program, *["C-1,10", "C-1,-7"] * 20)
    assert balances(program) == {"C-1": 60}
    assert (batch.chunks, batch.refused) == (40, 0)
    assert_adds_up()


def test_rw12_full_cards_give_their_reward_as_ever() -> None:
    program = ProgramFactory(stamps=True)
    member("C-1")
    applied(program, "C-1,25")
    account = Account.objects.get()
    single = account_of(program=program)
    from tests.rewards.ledger import adjust

    adjust(single, 25)
    assert account.balance == balance_of(single)


def test_rw12_a_broker_that_is_down_loses_nothing(
    program: Program, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def refuse(*_args: Any, **_options: Any) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(celery.current_app, "send_task", refuse)
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        batch = upload(program, "customer,amount\nC-1,1")
    assert len(callbacks) == 1
    assert batch.status == MassAdjustment.Status.CHECKING
