"""Accounts in which time has something to do, and everything that it leaves behind in them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from activity.models import AuditRecord, Event
from rewards.actions.settling import settle_account
from rewards.models import Account, Allocation, Entry, Lot, Operation
from tests.factories import AccountFactory, CustomerFactory
from tests.rewards.ledger import adjust

DAY = timedelta(days=1)
_LOT = ("granted", "remaining", "is_pending", "available_at", "expires_at")
_ENTRY = ("bucket", "kind", "amount", "balance_after", "occurred_at", "multiplier", "rule_version")
_OPERATION = (
    "kind", "fingerprint", "occurred_at", "counts_for_tier", "internal_note", "customer_comment",
    "reference", "reverses", "reason", "order", "actor_kind", "actor_label", "actor_user",
)  # fmt: skip
_AUDIT = (
    "verb", "object_type", "before", "after", "request_id", "ip", "actor_kind", "actor_label",
)  # fmt: skip


def holder(name: str = "", status: str = "member", **fields: object) -> Account:
    """An account of a customer with this external id."""
    known = {"external_id": name} if name else {}
    account: Account = AccountFactory(customer=CustomerFactory(status=status, **known), **fields)
    return account


def give(account: Account, units: int, expires_at: datetime | None = None) -> Lot:
    """A lot of so many units that can be spent until `expires_at`."""
    lot: Lot = adjust(account, units).entries.get().lot
    lot.expires_at = expires_at
    lot.save(update_fields=["expires_at"])
    account.refresh_from_db()
    return lot


def expired(account: Account, units: int) -> Operation:
    """Units that expired a moment ago and can be reinstated: the operation that took them."""
    give(account, units, timezone.now() - timedelta(seconds=1))
    settle_account(customer_id=account.customer_id, program_id=account.program_id)
    return Operation.objects.filter(customer_id=account.customer_id, kind="expire").latest("pk")


def promise(
    account: Account, units: int, available_at: datetime, expires_at: datetime | None = None
) -> Lot:
    """A lot of so many units that is pending until `available_at`."""
    operation = Operation.objects.create(
        customer_id=account.customer_id, kind="earn", occurred_at=available_at - 14 * DAY,
        idempotency_key=f"promise:{Operation.objects.count()}", fingerprint="",
        actor_kind="system", actor_label="test",
    )  # fmt: skip
    account.pending += units
    account.save(update_fields=["pending"])
    entry = Entry.objects.create(
        operation=operation, account=account, customer_id=account.customer_id, bucket="pending",
        kind="earned", amount=units, balance_after=account.pending,
        occurred_at=operation.occurred_at,
    )  # fmt: skip
    return Lot.objects.create(
        account=account, customer_id=account.customer_id, entry=entry, granted=units,
        remaining=units, is_pending=True, available_at=available_at, expires_at=expires_at,
    )  # fmt: skip


def left_behind(account: Account, events: tuple[str, ...]) -> dict[str, object]:
    """What the ledger, the timeline and the audit log have on an account, without ids.

    `events` are the kinds of the timeline to look at.
    """
    entries = Entry.objects.filter(account=account).order_by("pk")
    lots = list(Lot.objects.filter(account=account).order_by("pk"))
    place = {lot.pk: number for number, lot in enumerate(lots)}
    operations = Operation.objects.filter(customer=account.customer_id).order_by("pk")
    known: dict[int | None, int] = {
        operation.pk: number for number, operation in enumerate(operations)
    }
    by_time = operations.filter(kind__in=("expire", "release"))
    told = Event.objects.filter(customer=account.customer_id, kind__in=events).order_by("pk")
    audited = AuditRecord.objects.filter(customer=account.customer_id, verb__in=events)
    return {
        "account": Account.objects.values_list("balance", "pending", "debt", "expires_at").get(
            pk=account.pk
        ),
        "lots": list(Lot.objects.filter(pk__in=place).order_by("pk").values_list(*_LOT)),
        "operations": list(by_time.values_list(*_OPERATION)),
        "keys": [
            (known[o.pk], o.idempotency_key.split(":")[0], len(o.idempotency_key)) for o in by_time
        ],
        "entries": [(known[pk], *row) for pk, *row in entries.values_list("operation_id", *_ENTRY)],
        "allocations": [
            (known[operation], place[lot], amount)
            for operation, lot, amount in Allocation.objects.filter(lot__in=place)
            .order_by("pk")
            .values_list("entry__operation_id", "lot_id", "amount")
        ],
        "events": [
            (known[pk], *row)
            for pk, *row in told.values_list(
                "object_id", "kind", "data", "occurred_at", "actor_kind", "actor_label"
            )
        ],
        "audit": [
            (known[pk], *row)
            for pk, *row in audited.order_by("pk").values_list("object_id", *_AUDIT)
        ],
    }
