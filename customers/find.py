"""Find anything: whole keys first, then customers by any part of what is known of them.

An app adds a kind of key that it knows with `register_source` in its `AppConfig.ready()`:
the source answers, with one indexed query, the things whose key is exactly what was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from customers.models import Customer
from customers.page import STATUS_TONES
from customers.search import Query, exact_matches, query_of, search_page
from customers.selectors import orders_numbered
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.templatetags.ui import money
from loyalty_admin.staff.permissions import Perm

SUGGESTED = 8
"""How many customers the box under the top bar suggests."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something that was found: where it is and how it is shown in a list of results."""

    url: str
    title: str
    detail: str = ""
    icon: str = "user"
    chip_label: str | Promise = ""
    chip_tone: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of key: asked for actors with the permission, lower `order` first."""

    key: str
    permission: str
    find: Callable[[Query], Sequence[Found]]
    order: int = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found: by a whole key, else by parts of it."""

    query: Query
    exact: Sequence[Found]
    similar: Sequence[Found]

    @property
    def only(self) -> Found | None:
        """The one thing whose key was typed, when there is exactly one."""
        return self.exact[0] if len(self.exact) == 1 else None


_sources: dict[str, Source] = {}


def register_source(source: Source) -> None:
    """Add a source; registering its key again replaces it."""
    _sources[source.key] = source


def find(typed: str, actor: Actor, limit: int = SUGGESTED) -> Answer:
    """What the actor may see of what was typed; parts are only looked for without an exact hit."""
    query = query_of(typed)
    if not query.text:
        return Answer(query, (), ())
    exact = list(_exact(query, actor))
    similar: list[Found] = []
    if not exact and actor.may(Perm.CUSTOMERS_VIEW):
        similar = [found_customer(row) for row in search_page(query, {}, limit).rows]
    return Answer(query, exact, similar)


def _exact(query: Query, actor: Actor) -> Iterable[Found]:
    for source in sorted(_sources.values(), key=lambda source: (source.order, source.key)):
        if actor.may(source.permission):
            yield from source.find(query)


def found_customer(customer: Customer) -> Found:
    """A customer as a result."""
    known = (customer.document, customer.external_id if customer.name else "")
    return Found(
        url=reverse("customers:profile", args=[customer.pk]),
        title=str(customer),
        detail=" · ".join(text for text in known if text),
        chip_label=customer.get_status_display(),
        chip_tone=STATUS_TONES.get(Customer.Status(customer.status), ""),
    )


def order_url(order_id: int, customer_id: int | None) -> str:
    """Where the order is seen best: among its customer's orders, or alone when it has none."""
    if customer_id is None:
        return reverse("customers:order", args=[order_id])
    panel = reverse("customers:orders", args=[customer_id])
    return f"{panel}?{urlencode({'order': order_id})}#order-{order_id}"


def find_customers(query: Query) -> list[Found]:
    """Customers by external id, document, e-mail address or phone number."""
    return [found_customer(customer) for customer in exact_matches(query)]


def find_orders(query: Query) -> list[Found]:
    """Orders by number, as printed on the receipt: with or without a # before it."""
    number = query.text.removeprefix("#").strip()
    return [
        Found(
            url=order_url(order.id, order.customer_id),
            title=_("Order %(number)s") % {"number": f"#{order.number}"},
            detail=f"{order.store} · {order.customer or _('customer unknown')}",
            icon="receipt-text",
            value=money(order.total, order.currency),
        )
        for order in orders_numbered(number, SUGGESTED)
    ]


def register_own() -> None:
    """The sources of this app."""
    register_source(Source("customers", Perm.CUSTOMERS_VIEW, find_customers, order=10))
    register_source(Source("orders", Perm.ORDERS_VIEW, find_orders, order=20))
