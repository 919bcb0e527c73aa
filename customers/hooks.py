"""The moments at which higher apps act, inside the transaction of the act itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from customers.models import Order, OrderLine
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
holds `order_id` of each of them. Runs in the batch's transaction."""
