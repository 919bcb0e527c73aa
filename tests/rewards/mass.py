"""Short words for tests of mass adjustments."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from uuid import uuid4

from django.db import connection

from activity.models import AuditRecord, Event
from loyalty_admin.common.actor import Actor
from rewards.actions.mass_adjustments.batches import apply_batch, undo_batch, upload_batch
from rewards.actions.mass_adjustments.running import run_batch
from rewards.models import (
    Account,
    Allocation,
    Entry,
    Lot,
    MassAdjustment,
    MassAdjustmentRow,
    Operation,
    Program,
    Shortfall,
)
from tests.factories import ReasonCodeFactory

MARTA = Actor.system("marta")
HEADER = "customer,amount"
Rows = list[tuple[object, ...]]


def upload(program: Program, text: str | bytes, **fields: Any) -> MassAdjustment:
    """A batch of these lines, not checked yet."""
    content = text.encode() if isinstance(text, str) else text
    if "reason_id" not in fields:
        fields["reason_id"] = ReasonCodeFactory(code="test").pk
    common: dict[str, Any] = {"actor": MARTA, "filename": "file.csv"}
    fields = common | {"idempotency_key": str(uuid4())} | fields
    return upload_batch(
        program_id=program.pk, content=BytesIO(content), size=len(content), **fields
    )


def checked(program: Program, *lines: str, header: str = HEADER, **fields: Any) -> MassAdjustment:
    """The same after the dry run."""
    batch = upload(program, "\n".join([header, *lines]), **fields)
    run_batch(batch.pk)
    batch.refresh_from_db()
    return batch


def applied(program: Program, *lines: str, **fields: Any) -> MassAdjustment:
    """The same after it was applied."""
    batch = checked(program, *lines, **fields)
    apply_batch(actor=MARTA, batch_id=batch.pk)
    run_batch(batch.pk)
    batch.refresh_from_db()
    return batch


def undone(batch: MassAdjustment) -> MassAdjustment:
    """The batch after it was undone."""
    undo_batch(actor=MARTA, batch_id=batch.pk)
    run_batch(batch.pk)
    batch.refresh_from_db()
    return batch


def row_of(batch: MassAdjustment, line: int) -> MassAdjustmentRow:
    """The row of this line of the file."""
    return MassAdjustmentRow.objects.get(batch=batch, line=line)


def problems_of(batch: MassAdjustment) -> dict[int, str]:
    """What is wrong, by line."""
    rows = MassAdjustmentRow.objects.filter(batch=batch).exclude(problem="")
    return dict(rows.order_by("line").values_list("line", "problem"))


WHO = ("customer__external_id",)
OPERATION = (
    "kind", "reverses__internal_note", "reason__code", "internal_note", "customer_comment",
    "reference", "counts_for_tier", "occurred_at", "actor_kind", "actor_label",
)  # fmt: skip
ENTRY = ("bucket", "kind", "amount", "balance_after", "rule_version", "multiplier", "occurred_at")
LOT = ("granted", "remaining", "is_pending", "available_at", "expires_at")
EVENT = ("kind", "occurred_at", "actor_kind", "actor_label", "data")
AUDIT = ("verb", "object_type", "before", "after", "actor_kind", "actor_label")
NUMBERS = ("batch", "operation", "shortfall", "reverses", "opened", "left", "undoes", "redemption")
"""What is said of a row alone, or is a number of this very database."""


def ledger() -> dict[str, Rows]:
    """Everything that adjustments leave behind, without ids and idempotency keys, by customer."""
    lot = ("lot__entry__operation__customer__external_id", "lot__granted", "lot__expires_at")
    return {
        "accounts": _by_customer(
            Account.objects.values_list(*WHO, "balance", "pending", "debt", "expires_at")
        ),
        "operations": _by_customer(Operation.objects.order_by("pk").values_list(*WHO, *OPERATION)),
        "entries": _by_customer(
            Entry.objects.order_by("pk").values_list(*WHO, "operation__internal_note", *ENTRY)
        ),
        "lots": _by_customer(Lot.objects.order_by("pk").values_list(*WHO, *LOT)),
        "allocations": _by_customer(
            Allocation.objects.order_by("pk").values_list(*WHO, "entry__kind", *lot, "amount")
        ),
        "shortfalls": _by_customer(
            Shortfall.objects.order_by("pk").values_list(*WHO, "amount", "occurred_at")
        ),
        "events": _by_customer(
            (*row, _plain(data))
            for *row, data in Event.objects.order_by("pk").values_list(*WHO, *EVENT)
        ),
        "audit": _by_customer(
            (*row[:3], _plain(row[3]), _plain(row[4]), *row[5:])
            for row in AuditRecord.objects.filter(object_type="operation")
            .order_by("pk")
            .values_list(*WHO, *AUDIT)
        ),
    }


def _by_customer(rows: Any) -> Rows:
    """Sorted by customer and stable within: whose turn it is first does not matter."""
    return sorted(rows, key=lambda row: str(row[0]))


def _plain(data: dict[str, Any] | None) -> str:
    return str(sorted((k, v) for k, v in (data or {}).items() if k not in NUMBERS))


def forget_ledger() -> None:
    """Empty the ledger, for the same story told another way."""
    tables = "rewards_operation, rewards_account, rewards_massadjustment, activity_event"
    with connection.cursor() as cursor:
        # A commit would check the keys now.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(f"TRUNCATE {tables}, activity_auditrecord, rewards_tiermembership CASCADE")
