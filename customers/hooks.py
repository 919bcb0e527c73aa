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


customer_enrolled: Hook[[Actor, Customer], None] = Hook("customer_enrolled")
"""A customer became a member, for the first time or again."""

contact_point_changed: Hook[[Actor, ContactPoint], None] = Hook("contact_point_changed")
"""A contact point was added or corrected."""


@dataclass(frozen=True, slots=True)
class LineEarning:
    """What a line brought in one program and by which rule, or why it brought nothing.

    `units` is "" where there are none; then `reason` says why, as a sentence.
    """

    program: str
    units: str
    rule: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OrderEarning:
    """What an order earned: in one sentence, in all and by line (`OrderLine.pk`).

    `total` is short, as in "62 points"; "" when the order earned nothing, and then
    `reason` says why. `pending_until` is None when nothing is pending.
    """

    total: str
    reason: str = ""
    pending_until: datetime | None = None
    lines: Mapping[int, Sequence[LineEarning]] = field(default_factory=dict)


order_earnings: Hook[[Sequence[Order]], Mapping[int, OrderEarning]] = Hook("order_earnings")
"""Read: what these orders earned, by `Order.pk`. They carry their store and customer, and their
lines prefetched. At most two queries, however many orders."""


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A right-aligned column of the customer list: its head, and its text by customer id."""

    label: str
    values: Mapping[int, str]


list_columns: Hook[[Sequence[int]], Sequence[ListColumn]] = Hook("list_columns")
"""Read: columns that an app adds to the list for these customers. At most one query."""
