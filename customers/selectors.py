"""What is read of customers and their orders; searching stands in `customers.search`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from django.db import connection
from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce

from activity.models import ContactPoint
from customers.lines_left import with_refunds
from customers.models import Customer, Order, OrderLine
from loyalty_admin.common.errors import NotFound
from loyalty_admin.common.paging import Page, keyset_page

LIST_SIZE = 50
ORDERS_SIZE = 25
END_OF_TIME = datetime.max.replace(tzinfo=UTC)
COUNTED = 50_000
"""Up to how many customers the list counts them exactly."""


def customer(customer_id: int) -> Customer:
    """The customer. Raises NotFound."""
    found = Customer.objects.defer("search_text").filter(pk=customer_id).first()
    if found is None:
        raise NotFound("There is no such customer.")
    return found


def order_count(customer_id: int) -> int:
    """How many orders the customer has."""
    return Order.objects.filter(customer_id=customer_id).count()


@dataclass(frozen=True, slots=True)
class Total:
    """How many rows a table has: exactly when small, about when large."""

    number: int
    exact: bool


_COUNT = """
SELECT reltuples::bigint,
    CASE WHEN reltuples < %(small)s THEN (SELECT count(*) FROM customers_customer) END
FROM pg_class WHERE oid = 'customers_customer'::regclass
"""


def customer_total() -> Total:
    """How many customers there are. Counted up to 50,000, estimated beyond: a count reads all."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"small": COUNTED})
        about, counted = cursor.fetchone()
    return Total(about, exact=False) if counted is None else Total(counted, exact=True)


def newest_customers(params: Mapping[str, str]) -> Page[Customer]:
    """A page of all customers, newest joiners first. Raises InvalidInput for a damaged cursor."""
    rows = Customer.objects.defer("search_text", "address")
    return keyset_page(rows, by="listed_at", params=params, size=LIST_SIZE)


def primary_contacts(customer_ids: Sequence[int]) -> dict[int, tuple[str, str, str]]:
    """By customer id the kind, value and state of the first e-mail address, else phone number."""
    points = ContactPoint.objects.filter(customer_id__in=customer_ids).order_by("kind", "id")
    primary: dict[int, tuple[str, str, str]] = {}
    for customer_id, *point in points.values_list("customer_id", "kind", "value", "state"):
        primary.setdefault(customer_id, (point[0], point[1], point[2]))
    return primary


def orders_of(
    customer: Customer, params: Mapping[str, str], asked: int | None = None
) -> Page[Order]:
    """A page of a customer's orders with their lines, newest first.

    With `asked`, the id of an order, the page that it is on: the first, or one that starts
    with it. An order that is not the customer's is on no page.
    """
    rows = _with_lines(Order.objects.filter(customer=customer))
    if asked:
        far_down = _placed_at_if_far_down(customer.pk, asked)
        rows, params = rows.filter(placed_at__lte=Coalesce(far_down, END_OF_TIME)), {}
    page = keyset_page(rows, by="placed_at", params=params, size=ORDERS_SIZE)
    for order in page.rows:
        order.customer = customer
    return page


def _placed_at_if_far_down(customer_id: int, order_id: int) -> Subquery:
    newer = Order.objects.filter(customer_id=customer_id, placed_at__gt=OuterRef("placed_at"))
    count = newer.order_by().values("customer_id").annotate(n=Count("pk")).values("n")
    order = (
        Order.objects.filter(pk=order_id, customer_id=customer_id)
        .annotate(newer=Subquery(count))
        .filter(newer__gte=ORDERS_SIZE // 2)
    )
    return Subquery(order.values("placed_at"))


def orders_by_number(number: str, store_id: int | None, params: Mapping[str, str]) -> Page[Order]:
    """A page of all orders, or of those with exactly this number, newest first."""
    rows = Order.objects.select_related("store", "customer")
    if number:
        rows = rows.filter(number=number)
    if store_id:
        rows = rows.filter(store_id=store_id)
    return keyset_page(rows, by="placed_at", params=params, size=LIST_SIZE)


@dataclass(frozen=True, slots=True)
class NumberedOrder:
    """An order as find anything shows it; `customer` is "" when it is unknown."""

    id: int
    number: str
    total: Decimal
    currency: str
    store: str
    customer_id: int | None
    customer: str


_NUMBERED = """
SELECT o.id, o.number, o.total, o.currency, s.name, o.customer_id,
    coalesce(nullif(c.name, ''), c.external_id, '')
FROM customers_order o
JOIN staff_store s ON s.id = o.store_id
LEFT JOIN customers_customer c ON c.id = o.customer_id
WHERE o.number = %s ORDER BY o.placed_at DESC, o.id DESC LIMIT %s
"""


def orders_numbered(number: str, limit: int) -> list[NumberedOrder]:
    """The orders with exactly this number, newest first. Plain SQL: every keystroke asks."""
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERED, [number, limit])
        return [NumberedOrder(*row) for row in cursor.fetchall()]


def order_with_lines(order_id: int) -> Order:
    """One order with its store, customer and lines. Raises NotFound."""
    order = _with_lines(Order.objects.filter(pk=order_id)).select_related("customer").first()
    if order is None:
        raise NotFound("There is no such order.")
    return order


def _with_lines(orders: QuerySet[Order]) -> QuerySet[Order]:
    lines = with_refunds(OrderLine.objects.all())
    return orders.select_related("store").prefetch_related(Prefetch("lines", lines))
