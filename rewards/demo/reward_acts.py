"""What people do in the demo's year with rewards, tiers and orders that come back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from customers.actions.customers import remove_customer
from customers.actions.refunds import cancel_order, record_refund
from customers.models import Customer, Order
from rewards.actions.event_reports import Report, record_event
from rewards.actions.redemption_states import mark_redemption_used
from rewards.actions.redemptions import cancel_redemption, redeem_reward
from rewards.actions.tiers import change_tier
from rewards.demo.acts import TILL, World
from rewards.demo.catalogue import AGENT, LEAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem:
    """The customer buys a reward."""

    at: datetime
    customer: str
    name: str
    reward: str
    by: str = AGENT

    def perform(self, world: World) -> None:
        """Issue it, and remember it for who cancels or uses it."""
        name = f"{self.customer}:{self.name}"
        redemption = redeem_reward(
            actor=world.staff[self.by],
            customer_id=world.customers[self.customer],
            reward_id=world.rewards[self.reward],
            idempotency_key=world.key(name),
        )
        world.redemptions[name] = redemption.pk


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRedemption:
    """They did not mean to; staff gives the units back."""

    at: datetime
    customer: str
    name: str
    reason: str
    by: str = AGENT

    def perform(self, world: World) -> None:
        """Cancel it."""
        name = f"{self.customer}:{self.name}"
        cancel_redemption(
            actor=world.staff[self.by],
            redemption_id=world.redemptions[name],
            idempotency_key=world.key(f"{name}:cancel"),
            reason=self.reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UseReward:
    """They use what they bought, at the counter."""

    at: datetime
    customer: str
    name: str
    by: str = AGENT

    def perform(self, world: World) -> None:
        """Mark it used, unless an earlier run has."""
        mark_redemption_used(
            actor=world.staff[self.by],
            redemption_id=world.redemptions[f"{self.customer}:{self.name}"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GoesBack:
    """The customer's last order is refunded by its first line, or cancelled."""

    at: datetime
    customer: str
    cancelled: bool = False

    def perform(self, world: World) -> None:
        """Tell what came back, as the till does."""
        customer_id = world.customers[self.customer]
        orders = Order.objects.filter(customer=customer_id, placed_at__lt=self.at)
        order = orders.select_related("store").order_by("-placed_at", "-pk")[0]
        key = world.key(f"{self.customer}:back:{order.number}")
        store = order.store.code
        if self.cancelled:
            cancel_order(
                actor=TILL, store=store, order_number=order.number, idempotency_key=key,
                cancelled_at=self.at, reason="Never left the shop",
            )  # fmt: skip
        else:
            record_refund(
                actor=TILL, store=store, order_number=order.number, number=f"R-{order.number}",
                refunded_at=self.at, idempotency_key=key,
            )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTier:
    """Staff puts the customer on a step, for some days."""

    at: datetime
    customer: str
    tier: str
    days: int
    note: str
    by: str = LEAD

    def perform(self, world: World) -> None:
        """Change it, with what the step gives."""
        change_tier(
            actor=world.staff[self.by],
            customer_id=world.customers[self.customer],
            program_id=world.programs["points"],
            tier_id=world.tiers[self.tier],
            until=self.at + timedelta(days=self.days),
            internal_note=self.note,
            trigger_rewards=True,
            idempotency_key=world.key(f"{self.customer}:tier:{self.tier}"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Happens:
    """The web shop tells of a review, or of a friend."""

    at: datetime
    customer: str
    kind: str
    reference: str

    def perform(self, world: World) -> None:
        """Report it."""
        report = Report(self.customer, self.kind, self.at, self.reference)
        key = world.key(f"{self.customer}:{self.kind}:{self.reference}")
        record_event(actor=TILL, report=report, idempotency_key=key)


@dataclass(frozen=True, slots=True)
class Remove:
    """A member leaves the programme."""

    at: datetime
    customer: str

    def perform(self, world: World) -> None:
        """Take them out, unless an earlier run has."""
        customer = Customer.objects.get(pk=world.customers[self.customer])
        if customer.status == Customer.Status.MEMBER:
            remove_customer(
                actor=world.staff[AGENT], customer_id=customer.pk, reason="Asked to leave"
            )
