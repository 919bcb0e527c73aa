"""Which rewards customers have: one customer's, everybody's, and who has the one in question.

Searching works like that of customers (`customers.search`): the newest redemptions are looked
at first; only when they hold too few is the index of customers asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from customers.search import Query, conditions_of, exact_matches, starting_with
from loyalty_admin.common.errors import InvalidInput, NotFound
from loyalty_admin.common.paging import AFTER, BEFORE, Page, decode_cursor, keyset_page
from rewards.models import Redemption

LIST_SIZE = 50
PAST_SIZE = 25
OUTSTANDING_SHOWN = 100
PROBED = 10_000
"""How many of the newest redemptions are looked at before the index of customers is asked."""
SHORT_ANSWERS = 200
"""How many customers a term answers that is too short for the index."""

Status = Redemption.Status
PAST = (Status.USED, Status.CANCELLED, Status.EXPIRED)
"""What is over; everything else can still be used."""
_RELATED = ("reward__program", "code", "tier", "operation__reversed_by")
_SHOWN = (
    "customer_id", "source", "units", "status", "created_at", "expires_at", "closed_at",
    "closing_note", "reward__name", "reward__program__name", "reward__program__unit_singular",
    "reward__program__unit_plural", "code__code", "tier__name", "operation__customer_id",
    "operation__reversed_by__reverses_id",
)  # fmt: skip
_CUSTOMER = ("customer__name", "customer__external_id", "customer__document")


def outstanding_count(customer_id: int) -> int:
    """How many rewards the customer can still use."""
    return Redemption.objects.filter(customer_id=customer_id, status=Status.OUTSTANDING).count()


def outstanding_of(customer_id: int) -> list[Redemption]:
    """What the customer can still use, soonest end first. One query."""
    rows = _with_rewards(Redemption.objects.filter(customer_id=customer_id))
    rows = rows.filter(status=Status.OUTSTANDING).order_by("expires_at", "pk")
    return list(rows[:OUTSTANDING_SHOWN])


def past_of(customer_id: int, status: str, params: Mapping[str, str]) -> Page[Redemption]:
    """A page of what is over, of one status or all. Raises InvalidInput for a damaged cursor."""
    rows = _with_rewards(Redemption.objects.filter(customer_id=customer_id))
    rows = rows.filter(status=status) if status else rows.filter(status__in=PAST)
    return keyset_page(rows, by="created_at", params=params, size=PAST_SIZE)


def redemption_page(query: Query, status: str, params: Mapping[str, str]) -> Page[Redemption]:
    """A page of everybody's redemptions, newest first, of one status or all.

    `query` is a code, or what a customer is known by: document, e-mail address, name. Three
    queries at most. Raises InvalidInput for a damaged cursor.
    """
    rows = _with_rewards(Redemption.objects.select_related("customer"), *_CUSTOMER)
    if status:
        rows = rows.filter(status=status)
    if query.text:
        customers = starting_with(query, SHORT_ANSWERS) if query.is_short else exact_matches(query)
        if customers or query.is_short:
            rows = rows.filter(customer__in=[customer.pk for customer in customers])
        else:
            rows = rows.filter(pk__in=_found(query, status, params))
    return keyset_page(rows, by="created_at", params=params, size=LIST_SIZE)


def redemption_of(customer_id: int, redemption_id: int) -> Redemption:
    """One redemption of a customer. Raises NotFound when it is not theirs."""
    rows = Redemption.objects.select_related(*_RELATED, "customer", "account__program")
    found = rows.filter(pk=redemption_id, customer_id=customer_id).first()
    if found is None:
        raise NotFound("There is no such redemption.")
    return found


def _with_rewards(rows: QuerySet[Redemption], *more: str) -> QuerySet[Redemption]:
    """With what a row of a table says: to make whole objects costs more than the query."""
    return rows.select_related(*_RELATED).only(*_SHOWN, *more)


_FIND = """
WITH coded AS MATERIALIZED (
    SELECT redemption.id, redemption.created_at
    FROM discounts_discountcode AS code
    JOIN rewards_redemption AS redemption ON redemption.code_id = code.id
    WHERE code.code = %s AND {shown}
), newest AS MATERIALIZED (
    SELECT id, created_at FROM (
        SELECT redemption.id, redemption.created_at, redemption.customer_id
        FROM rewards_redemption AS redemption
        WHERE {shown} AND NOT EXISTS (SELECT FROM coded)
        ORDER BY created_at {way}, id {way} LIMIT {probed}
    ) AS probed
    JOIN LATERAL (
        SELECT search_text FROM customers_customer WHERE id = probed.customer_id OFFSET 0
    ) AS customer ON {matches}
    ORDER BY created_at {way}, id {way} LIMIT {limit}
), enough AS MATERIALIZED (
    SELECT (SELECT count(*) FROM newest) = {limit} OR EXISTS (SELECT FROM coded) AS yes
), theirs AS MATERIALIZED (
    SELECT id FROM customers_customer WHERE {matches} AND NOT (SELECT yes FROM enough)
)
SELECT id FROM coded
UNION ALL SELECT id FROM newest WHERE (SELECT yes FROM enough)
UNION ALL (
    SELECT id FROM (
        SELECT redemption.id, redemption.created_at
        FROM theirs
        JOIN rewards_redemption AS redemption ON redemption.customer_id = theirs.id
        WHERE {shown} OFFSET 0
    ) AS indexed
    ORDER BY created_at {way}, id {way} LIMIT {limit}
)
"""


def _found(query: Query, status: str, params: Mapping[str, str]) -> list[int]:
    """The ids of one page and one more, by code or by anything that is known of a customer."""
    backwards = bool(params.get(BEFORE))
    cursor = params.get(BEFORE) or params.get(AFTER)
    key = _key(cursor) if cursor else ()
    matches, terms = conditions_of(query.words)
    shown, values = ["true"], list[Any]()
    if status:
        shown.append("redemption.status = %s")
        values.append(status)
    if cursor:
        side = ">" if backwards else "<"
        shown.append(f"(redemption.created_at, redemption.id) {side} (%s, %s)")
        values.extend(key)
    statement = _FIND.format(
        shown=" AND ".join(shown),
        matches=" AND ".join(matches),
        way="ASC" if backwards else "DESC",
        probed=PROBED,
        limit=LIST_SIZE + 1,
    )
    with connection.cursor() as found:
        found.execute(statement, [query.text.upper(), *values, *values, *terms, *terms, *values])
        return [pk for (pk,) in found.fetchall()]


def _key(cursor: str) -> tuple[datetime, int]:
    """When the row was made and its id. Raises InvalidInput for a cursor of something else."""
    at, pk = decode_cursor(cursor, 2)
    if not isinstance(at, datetime) or at.tzinfo is None or not isinstance(pk, int):
        raise InvalidInput("This page link is damaged.", field="cursor")
    return at, pk
