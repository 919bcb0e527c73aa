"""The moments at which higher apps act, inside the transaction of the act itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from activity.models import ContactPoint
from customers.models import Customer, Order, OrderLine
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.hooks import Hook


@dataclass(frozen=True, slots=True)
class Earning:
    """What an order brought its customer in one program, in units."""

    program_id: int
    program: str
    units: int
    unit_name: str
    pending_until: datetime | None


order_recorded: Hook[[Actor, Order, Sequence[OrderLine]], list[Earning]] = Hook("order_recorded")
"""A new order was written; answers what it earned."""

orders_imported: Hook[[Actor, str], None] = Hook("orders_imported")
"""A batch of new orders was written set-based; the argument names the temporary table that
holds `order_id` of each of them. Runs in the batch's transaction. What an order earned goes
into the temporary table of that name with `_earning` at its end, for the timeline: order_id,
position, program, units, unit_name, pending_until."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An order that was refunded, wholly or in part, or cancelled.

    It carries its store and customer; `left` is what remains of its lines, `key` names the
    withdrawal and `at` is when it was.
    """

    order: Order
    left: Sequence[OrderLine]
    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a withdrawal took back in one program, in units.

    `missing` could not be taken back because it had been spent; `expired` needed not be.
    """

    program_id: int
    program: str
    unit_singular: str
    unit_plural: str
    units: int
    missing: int
    expired: int


order_taken_back: Hook[[Actor, Withdrawal], list[TakenBack]] = Hook("order_taken_back")
"""An order was refunded or cancelled; answers what that took back."""

order_completed_again: Hook[[Actor, Order, Sequence[OrderLine]], list[Earning]] = Hook(
    "order_completed_again"
)
"""A cancelled order was completed again; the lines are what is left of it after refunds."""

order_claimed: Hook[[Actor, Order, Sequence[OrderLine]], list[Earning]] = Hook("order_claimed")
"""An order has found its customer; the lines are what is left of it after refunds."""

customers_imported: Hook[[Actor, str], None] = Hook("customers_imported")
"""New members were written set-based, before their orders; the argument names the temporary
table that holds `id` of each of them. Runs in the batch's transaction."""

customer_enrolled: Hook[[Actor, Customer], None] = Hook("customer_enrolled")
"""A customer became a member, for the first time or again."""

customer_leaving: Hook[[Actor, Customer], None] = Hook("customer_leaving")
"""A member, locked, is about to be taken out of the programme."""

contact_point_changed: Hook[[Actor, ContactPoint], None] = Hook("contact_point_changed")
"""A contact point was added or corrected."""


@dataclass(frozen=True, slots=True)
class LineEarning:
    """What a line brought in one program and by which rule, or why it brought nothing.

    `units` is "" where there are none; then `reason` says why, as a sentence. `taken_back`
    is what a refund or a cancellation took back of it, in units as well.
    """

    program: str
    units: str
    rule: str = ""
    reason: str = ""
    taken_back: str = ""


@dataclass(frozen=True, slots=True)
class OrderEarning:
    """What an order earned: in one sentence, in all and by line (`OrderLine.pk`).

    `total` is short, as in "62 points"; "" when the order earned nothing, and then
    `reason` says why. `pending_until` is None when nothing is pending. `taken_back` is what
    refunds and cancellations took back, `missing` what they could not because it was spent.
    """

    total: str
    reason: str = ""
    pending_until: datetime | None = None
    taken_back: str = ""
    missing: str = ""
    lines: Mapping[int, Sequence[LineEarning]] = field(default_factory=dict)


order_earnings: Hook[[Sequence[Order]], Mapping[int, OrderEarning]] = Hook("order_earnings")
"""Read: what these orders earned, by `Order.pk`. They carry their store and customer, and their
lines prefetched as `customers.lines_left` does. At most two queries, however many orders."""

order_prospects: Hook[[Order, Customer, Sequence[OrderLine]], OrderEarning] = Hook(
    "order_prospects"
)
"""Read: what an order would earn if it were this customer's, or why nothing. It carries its
store; the lines are what is left of it after refunds."""


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A right-aligned column of the customer list: its head, and its text by customer id."""

    label: str
    values: Mapping[int, str]


list_columns: Hook[[Sequence[int]], Sequence[ListColumn]] = Hook("list_columns")
"""Read: columns that an app adds to the list for these customers. At most one query."""


@dataclass(frozen=True, slots=True)
class CustomerChip:
    """A small state beside the name. Tones: ok, warn, bad, info, accent, or none."""

    label: str
    tone: str = ""


customer_chips: Hook[[Customer], Sequence[CustomerChip]] = Hook("customer_chips")
"""Read: what an app says of a customer beside the name. At most one query."""
