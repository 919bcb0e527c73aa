"""A small store with something of everything on its pages, and a walk over all of those."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.urls import URLResolver, get_resolver, reverse
from django.utils import timezone

from activity.actions.notes import add_note, edit_note, pin_note
from activity.models import ContactPoint, Event
from customers.actions.claims import claim_order
from customers.actions.orders import record_order
from customers.models import Customer, Order
from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.models import User
from rewards.actions.balances import adjust_balance, debit_balance
from rewards.actions.tiers import change_tier
from rewards.actions.undo import reverse_operation
from rewards.actions.warning import warn_of_expiry
from rewards.models import Account, Operation, Program, Redemption
from tests.customers.coming_back import cancel as cancel_order
from tests.customers.coming_back import refund, sell
from tests.customers.drafts import a_draft, a_line
from tests.factories import (
    ContactPointFactory,
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    ReasonCodeFactory,
    StoreFactory,
    TierFactory,
    actor_for,
)
from tests.loyalty_admin.test_permissions import ONLY_POST
from tests.rewards.expiry import expired, give
from tests.rewards.ledger import SYSTEM
from tests.rewards.mass import checked
from tests.rewards.pictures import a_pictured_reward
from tests.rewards.redemptions import a_code_reward, a_reward, cancel, redeem, use
from tests.rewards.shop import a_card_program

BLOCKED, OPTED_OUT = ContactPoint.State.BLOCKED, ContactPoint.State.OPTED_OUT
NO_PAGES = ONLY_POST | {
    "appearance",
    "activity:event",
    "discounts:offer-preview",
    "mfa_download_recovery_codes",
    "rewards:adjust-preview",
    "rewards:mass-adjustment-template",
    "rewards:program-new-preview",
    "rewards:program-preview",
    "rewards:reward-picture",
    "rewards:reward-preview",
    "rewards:rule-new-preview",
    "rewards:rule-preview",
    "rewards:step-new-preview",
    "rewards:step-preview",
    "rewards:spend-preview",
    "rewards:tier-preview",
}
"""Acts, downloads, and what scripts fetch into a page."""


def a_store(user: User) -> dict[str, Any]:
    """A household with orders, corrections and notes; an object for each URL parameter."""
    program = ProgramFactory(name="Points", tier_basis=Program.TierBasis.LIFETIME_UNITS)
    rule, reason = EarningRuleFactory(program=program), ReasonCodeFactory(code="guest-checkout")
    EarningRuleVersionFactory(rule=rule)
    customer = a_customer("Ana Pérez", "HH-0900")
    ContactPointFactory(customer=customer, value="ana@example.com", state=BLOCKED)
    ContactPointFactory(customer=customer, phone=True, value="+34612345678")
    ContactPointFactory(customer=customer, phone=True, value="+34612345679", state=OPTED_OUT)
    order = an_order("31198570044", "HH-0900", datetime(2026, 3, 1, 12, tzinfo=UTC))
    an_order("31198570045", "HH-0900", timezone.now())
    actor, common = actor_for(user), {"customer_id": customer.pk, "program_id": program.pk}
    operation = adjust_balance(
        actor=actor, amount=40, reason_id=reason.pk, internal_note="Guest checkout",
        idempotency_key="adjust", **common,
    )  # fmt: skip
    debit_balance(actor=actor, amount=30, idempotency_key="spend", **common)
    mistake = debit_balance(actor=actor, amount=5, idempotency_key="mistake", **common)
    reverse_operation(actor=actor, operation_id=mistake.pk, idempotency_key="undo")
    note = _an_edited_note(user, customer)
    redemption = _redemptions(common)
    _a_card(actor, reason.pk, customer)
    return {
        **common,
        "claim_id": a_claim(actor, customer),
        "note_id": note,
        "event_id": Event.objects.filter(kind="note.added").latest("pk").pk,
        "batch_id": checked(program, "HH-0900,40", "HH-0900,1.000").pk,
        "operation_id": operation.pk,
        "redemption_id": redemption.pk,
        "expiry_id": _an_expiry(common).pk,
        "order_id": order.pk,
        "rule_id": rule.pk,
        **_a_tier(actor, program, common),
        "kind": "adjust",
        **a_pictured_reward(program),
    }


def a_claim(actor: Actor, customer: Customer) -> int:
    """Guest orders, refunded in part and cancelled; and one that was claimed, by its event."""
    refund(sell("62.40", "3.20", number="31198570046", customer_external_id=None), 2)
    cancel_order(sell("62.40", number="31198570047", customer_external_id="HH-0900"))
    order = sell("40.20", number="31198570048", customer_external_id=None)
    return claim_order(
        actor=actor, order_id=order.pk, customer_id=customer.pk, idempotency_key="claim"
    ).event_id


def _a_card(actor: Actor, reason_id: int, customer: Customer) -> None:
    """A full card and three stamps on the next."""
    program = a_card_program(name="Stamps")
    adjust_balance(
        actor=actor, customer_id=customer.pk, program_id=program.pk, amount=13,
        reason_id=reason_id, idempotency_key="stamps",
    )  # fmt: skip


def _a_tier(actor: Actor, program: Program, common: dict[str, Any]) -> dict[str, int]:
    """A step with another above it, given by hand for a while."""
    gold = TierFactory(program=program, name="Gold")
    TierFactory(program=program, name="Platinum", threshold=10**6)
    change = change_tier(
        actor=actor, tier_id=gold.pk, until=timezone.now() + timedelta(days=30),
        internal_note="Asked for it", idempotency_key="tier change", **common,
    )  # fmt: skip
    return {"tier_id": gold.pk, "change_id": change.pk}


def a_customer(name: str, external_id: str, **fields: Any) -> Customer:
    """A member with this name."""
    customer: Customer = CustomerFactory(name=name, external_id=external_id, **fields)
    return customer


def an_order(number: str, external_id: str, placed_at: datetime, **fields: Any) -> Order:
    """An order of two lines, as a till sends it."""
    draft = a_draft(
        number=number, store=StoreFactory(code="ST-330", name="Gran Vía").code,
        customer_external_id=external_id, placed_at=placed_at, lines=[a_line(), a_line()],
        **fields,
    )  # fmt: skip
    record_order(actor=SYSTEM, draft=draft, idempotency_key=number)
    return Order.objects.get(number=number)


def _an_expiry(common: dict[str, Any]) -> Operation:
    """Two units that can be reinstated, and another one that expires soon."""
    account = Account.objects.get(**common)
    give(account, 1, timezone.now() + timedelta(days=1))
    list(warn_of_expiry())
    return expired(account, 2)


def _redemptions(common: dict[str, Any]) -> Redemption:
    """One of each kind: used, cancelled, given, and one with a code that can still be used."""
    account = Account.objects.get(**common)
    mug = a_reward(account.program, 1, description="Stoneware, 0.3 l")
    use(redeem(account, mug))
    cancel(redeem(account, mug), reason="By accident")
    a_reward(account.program, 1000, name="Espresso machine")
    return redeem(account, a_code_reward(account.program, 2))


def _an_edited_note(user: User, customer: Customer) -> int:
    common: dict[str, Any] = {"actor": actor_for(user), "customer_id": customer.pk}
    note = add_note(channel="phone", body="Called.", idempotency_key="note", **common)
    edit_note(note_id=note.pk, channel="store", body="Came by.", seen_edits=0, **common)
    pin_note(note_id=note.pk, pinned=True, **common)
    add_note(channel="email", body="Wrote, too.", idempotency_key="note 2", **common)
    return note.pk


def pages(objects: dict[str, Any]) -> dict[str, str]:
    """The address of every page of the console, by the name of its URL."""
    return {
        name: reverse(name, kwargs=_given(name, wanted, objects))
        for route, name, wanted in _walk(get_resolver(), "", "")
        if not route.startswith(("accounts/", "admin/", "api/")) and name not in NO_PAGES
    }


def pages_of_the_sign_in() -> dict[str, str]:
    """The same of everything about one's own account; not the ends of signed links."""
    return {
        name: reverse(name)
        for route, name, wanted in _walk(get_resolver(), "", "")
        if route.startswith("accounts/") and not wanted and name not in NO_PAGES
    }


def _given(name: str, wanted: Iterable[str], objects: dict[str, Any]) -> dict[str, Any]:
    missing = set(wanted) - objects.keys()
    assert not missing, f"Give `a_store` something for {missing} of {name}."
    return {key: objects[key] for key in wanted}


def _walk(
    resolver: URLResolver, prefix: str, namespace: str
) -> Iterator[tuple[str, str, Iterable[str]]]:
    """Each URL with a name: its route, its name, and its parameters."""
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern, route, inner)
        elif pattern.name:
            yield route, f"{namespace}{pattern.name}", pattern.pattern.regex.groupindex
