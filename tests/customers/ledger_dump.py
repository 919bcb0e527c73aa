"""Everything that orders leave behind, without ids and without when it was recorded."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from activity.models import Event
from customers.models import Customer, Order, OrderLine
from rewards.models import Account, Allocation, Entry, Lot, Operation

Rows = list[tuple[object, ...]]
TABLES = (Customer, Order, OrderLine, Account, Operation, Entry, Lot, Allocation, Event)

WHO = ("customer__external_id",)
WHOSE = ("account__customer__external_id", "account__program__code")
OPERATION = (
    "kind", "order__store__code", "order__number", "reverses", "reason", "internal_note",
    "customer_comment", "reference", "counts_for_tier", "idempotency_key", "fingerprint",
    "occurred_at",
)  # fmt: skip
ENTRY = (
    "bucket", "kind", "amount", "balance_after", "rule_version", "multiplier", "occurred_at",
)  # fmt: skip
ACCOUNT = ("program__code", "balance", "pending", "debt", "expires_at")
LOT = ("granted", "remaining", "is_pending", "available_at", "expires_at")
ORDER = ("store__code", "number", "placed_at", "currency", "total", "discount", "status")
LINE = ("position", "sku", "product", "category", "quantity", "total", "discount")
CUSTOMER = ("name", "language", "status", "joined_at", "created_at", "search_text")


def dump() -> dict[str, Rows]:
    """What is in the tables of customers, orders, ledgers and timelines, in a stable order."""
    with connection.cursor() as cursor:
        # Tables that were filled a moment ago: without this the planner takes them for empty.
        cursor.execute(f"ANALYZE {', '.join(model._meta.db_table for model in TABLES)}")
    key = ("operation__idempotency_key",)
    entry = ("entry__operation__idempotency_key", "entry__rule_version")
    return {
        "customers": _sorted(Customer.objects.values_list("external_id", *CUSTOMER)),
        "orders": _sorted(Order.objects.values_list(*WHO, *ORDER)),
        "lines": _sorted(
            OrderLine.objects.values_list("order__store__code", "order__number", *WHO, *LINE)
        ),
        "accounts": _sorted(Account.objects.values_list(*WHO, *ACCOUNT)),
        "operations": _sorted(Operation.objects.values_list(*WHO, *OPERATION)),
        # In the order of their ids: the ledger is read in that order.
        "entries": list(Entry.objects.order_by("id").values_list(*key, *WHO, *WHOSE, *ENTRY)),
        "lots": list(Lot.objects.order_by("id").values_list(*entry, *WHO, *WHOSE, *LOT)),
        "allocations": list(
            Allocation.objects.order_by("id").values_list(
                *entry, "lot__entry__rule_version", *WHO, "amount"
            )
        ),
        "events": _sorted(
            (*row, str(sorted(data.items())))
            for *row, data in Event.objects.values_list(*WHO, "kind", "occurred_at", "data")
        ),
    }


def _sorted(rows: Iterable[tuple[object, ...]]) -> Rows:
    return sorted(rows, key=str)
