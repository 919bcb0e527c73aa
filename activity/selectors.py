"""What is read of timelines, notes and the audit log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.apps import apps
from django.db import connection
from django.db.models import QuerySet

from activity.models import AuditRecord, Event, Note
from activity.timeline import Group, kinds_in
from loyalty_admin.common.errors import NotFound
from loyalty_admin.common.paging import Page, keyset_page

TIMELINE_SIZE = 30
AUDIT_SIZE = 50
RECORDS_OF_ONE = 30

_DISTINCT = """
WITH RECURSIVE seen AS (
    (SELECT {column} AS value FROM activity_auditrecord ORDER BY {column} LIMIT 1)
    UNION ALL
    SELECT (SELECT {column} FROM activity_auditrecord WHERE {column} > seen.value
            ORDER BY {column} LIMIT 1)
    FROM seen WHERE seen.value IS NOT NULL
)
SELECT value FROM seen WHERE value IS NOT NULL
"""


def check_customer(customer_id: int) -> None:
    """Raise NotFound unless there is such a customer."""
    customers = apps.get_model("customers", "Customer")._default_manager
    if not customers.filter(pk=customer_id).exists():
        raise NotFound("There is no such customer.")


def timeline_page(customer_id: int, group: Group | None, params: Mapping[str, str]) -> Page[Event]:
    """A page of a customer's events, newest first; `params` carry the cursor.

    Raises InvalidInput for a damaged cursor.
    """
    events = Event.objects.filter(customer_id=customer_id)
    if group:
        events = events.filter(kind__in=kinds_in(group))
    return keyset_page(events, by="occurred_at", params=params, size=TIMELINE_SIZE)


def pinned_notes(customer_id: int) -> list[Note]:
    """The customer's pinned notes, newest first."""
    return list(Note.objects.filter(customer_id=customer_id, pinned=True))


def note_of(customer_id: int, note_id: int) -> Note:
    """One note of this customer. Raises NotFound."""
    note = Note.objects.filter(customer_id=customer_id, pk=note_id).first()
    if note is None:
        raise NotFound("There is no such note.")
    return note


def audit_records() -> QuerySet[AuditRecord]:
    """All audit records, with the customers they are about."""
    return AuditRecord.objects.select_related("customer")


def records_of(object_id: int, verbs: Sequence[str]) -> list[AuditRecord]:
    """The newest audit records of one object, found by the verbs that are its own."""
    records = AuditRecord.objects.filter(verb__in=verbs, object_id=object_id)
    return list(records.order_by("-at", "-pk")[:RECORDS_OF_ONE])


def audit_verbs() -> list[str]:
    """Every verb in the audit log, in alphabetical order."""
    return _distinct("verb")


def audit_actors() -> list[str]:
    """Everybody who has written to the audit log, as they were called then."""
    return _distinct("actor_label")


def _distinct(column: str) -> list[str]:
    # Hops from value to value along the index: as quick on fifty million rows as on fifty.
    with connection.cursor() as cursor:
        cursor.execute(_DISTINCT.format(column=column))
        return [str(value) for (value,) in cursor.fetchall()]
