"""What people do in the demo's year; each act goes through the action that does it in earnest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from django.db import transaction

from activity.actions.notes import add_note, pin_note
from activity.actions.recording import Act as AuditedAct
from activity.actions.recording import record_audit
from activity.models import ContactPoint, Note
from customers.actions.customers import (
    Identity,
    create_customer,
    enrol_customer,
    set_contact_point,
)
from customers.actions.order_checks import DraftLine, OrderDraft
from customers.actions.orders import record_order
from loyalty_admin.common.actor import Actor
from rewards.actions.balances import DEFAULT_COMMENT, adjust_balance, debit_balance
from rewards.actions.undo import reverse_operation
from rewards.demo.catalogue import AGENT, CURRENCY
from rewards.demo.people import Person
from rewards.tasks import settle_due_accounts

TILL = Actor.system("till")
SIGN_UP = Actor.system("sign-up")


@dataclass(slots=True)
class World:
    """What acts need of the database: who acts, and the keys of what there is."""

    seed: int
    staff: dict[str, Actor]
    reasons: dict[str, int]
    programs: dict[str, int]
    rewards: dict[str, int]
    tiers: dict[str, int]
    customers: dict[str, int] = field(default_factory=dict)
    operations: dict[str, int] = field(default_factory=dict)
    redemptions: dict[str, int] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """The idempotency key of an act: the same in every run, so that a second is a replay."""
        return f"demo-{self.seed}:{name}"


class Act(Protocol):
    """Something that happens at a time."""

    @property
    def at(self) -> datetime:
        """When it happens."""

    def perform(self, world: World) -> None:
        """Let it happen, at what is now; once, however often it is asked for."""


@dataclass(frozen=True, slots=True)
class Join:
    """A customer becomes known, as a member or as a guest."""

    at: datetime
    person: Person

    def perform(self, world: World) -> None:
        """Create the customer unless an earlier run has."""
        person = self.person
        if person.external_id in world.customers:
            return
        customer = create_customer(
            actor=SIGN_UP,
            identity=Identity(
                name=person.name,
                external_id=person.external_id,
                document=person.document,
                address=person.address,
                language=person.language,
            ),
            email=person.email,
            phone=person.phone,
            enrol=person.member,
        )
        world.customers[person.external_id] = customer.pk


@dataclass(frozen=True, slots=True)
class Enrol:
    """A guest becomes a member."""

    at: datetime
    customer: str

    def perform(self, world: World) -> None:
        """Enrol them."""
        enrol_customer(actor=SIGN_UP, customer_id=world.customers[self.customer])


@dataclass(frozen=True, slots=True)
class Buy:
    """An order comes in. `customer` is None for a checkout of nobody known."""

    at: datetime
    customer: str | None
    store: str
    lines: Sequence[DraftLine]
    number: str = ""

    def perform(self, world: World) -> None:
        """Record it with what it earns."""
        draft = OrderDraft(
            number=self.number,
            store=self.store,
            placed_at=self.at,
            currency=CURRENCY,
            customer_external_id=self.customer,
            lines=self.lines,
        )
        key = world.key(f"order:{self.store}:{self.number}")
        record_order(actor=TILL, draft=draft, idempotency_key=key)


@dataclass(frozen=True, slots=True)
class Settle:
    """A new day: what is due becomes available, what is old expires."""

    at: datetime

    def perform(self, world: World) -> None:
        """As the worker does it every few minutes."""
        settle_due_accounts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust:
    """Staff puts a balance right. `name` tells it from the customer's other acts."""

    at: datetime
    customer: str
    name: str
    amount: int
    reason: str
    internal_note: str
    customer_comment: str = DEFAULT_COMMENT
    expires_in_days: int | None = None
    program: str = "points"
    by: str = AGENT

    def perform(self, world: World) -> None:
        """Adjust, and remember the operation for who undoes it."""
        name = f"{self.customer}:{self.name}"
        operation = adjust_balance(
            actor=world.staff[self.by],
            customer_id=world.customers[self.customer],
            program_id=world.programs[self.program],
            amount=self.amount,
            reason_id=world.reasons[self.reason],
            idempotency_key=world.key(name),
            internal_note=self.internal_note,
            customer_comment=self.customer_comment,
            expires_in_days=self.expires_in_days,
        )
        world.operations[name] = operation.pk


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """The customer pays with points at the counter."""

    at: datetime
    customer: str
    name: str
    amount: int
    reference: str
    by: str = AGENT

    def perform(self, world: World) -> None:
        """Take the points, and remember the operation for who undoes it."""
        name = f"{self.customer}:{self.name}"
        operation = debit_balance(
            actor=world.staff[self.by],
            customer_id=world.customers[self.customer],
            program_id=world.programs["points"],
            amount=self.amount,
            idempotency_key=world.key(name),
            reference=self.reference,
        )
        world.operations[name] = operation.pk


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """Staff takes back what was done under `name`."""

    at: datetime
    customer: str
    name: str
    by: str = AGENT

    def perform(self, world: World) -> None:
        """Reverse the operation."""
        name = f"{self.customer}:{self.name}"
        reverse_operation(
            actor=world.staff[self.by],
            operation_id=world.operations[name],
            idempotency_key=world.key(f"{name}:undo"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteNote:
    """Staff writes down what a customer said."""

    at: datetime
    customer: str
    name: str
    channel: Note.Channel
    body: str
    pinned: bool = False
    by: str = AGENT

    def perform(self, world: World) -> None:
        """Write it, and pin it."""
        actor, customer_id = world.staff[self.by], world.customers[self.customer]
        note = add_note(
            actor=actor,
            customer_id=customer_id,
            channel=self.channel,
            body=self.body,
            idempotency_key=world.key(f"{self.customer}:{self.name}"),
        )
        if self.pinned:
            pin_note(actor=actor, customer_id=customer_id, note_id=note.pk, pinned=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddContact:
    """The customer gives another address or number."""

    at: datetime
    customer: str
    kind: ContactPoint.Kind
    value: str
    by: str = AGENT

    def perform(self, world: World) -> None:
        """Add it."""
        set_contact_point(
            actor=world.staff[self.by],
            customer_id=world.customers[self.customer],
            kind=self.kind,
            value=self.value,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFails:
    """A message came back, or the customer wants none.

    What messages learn about a contact point has no action of its own: the row is written
    here, with its audit record.
    """

    at: datetime
    customer: str
    kind: ContactPoint.Kind
    state: ContactPoint.State
    reason: str

    def perform(self, world: World) -> None:
        """Set the state of all their contact points of this kind."""
        customer_id = world.customers[self.customer]
        points = ContactPoint.objects.filter(customer=customer_id, kind=self.kind)
        with transaction.atomic(durable=True):
            for point in points.exclude(state=self.state).select_for_update():
                before = {"state": point.state}
                point.state, point.state_reason = self.state, self.reason
                point.save(update_fields=["state", "state_reason"])
                after = {"state": point.state, "reason": point.state_reason}
                verb = "customer.contact_state_changed"
                act = AuditedAct(verb, "contact_point", point.pk, customer_id, before, after)
                record_audit(Actor.system("messages"), act)
