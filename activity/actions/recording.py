"""Timeline and audit: written together with the act they tell of, in its transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.utils import timezone

from activity.models import AuditRecord, Event
from loyalty_admin.common.actor import Actor

Data = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Act:
    """What happened: the verb, the object it happened to, and what changed."""

    verb: str
    object_type: str
    object_id: int | None
    customer_id: int | None = None
    before: Data | None = None
    after: Data | None = None


def record_audit(actor: Actor, act: Act) -> None:
    """Write one audit record."""
    AuditRecord.objects.create(
        verb=act.verb,
        object_type=act.object_type,
        object_id=act.object_id,
        customer_id=act.customer_id,
        before=act.before,
        after=act.after,
        request_id=actor.request_id,
        ip=actor.ip,
        **authored(actor),
    )


_RECORD_ACT = """
WITH event AS (
    INSERT INTO activity_event
        (customer_id, occurred_at, kind, object_id, data, recorded_at,
         actor_kind, actor_label, actor_user_id)
    VALUES (%(customer)s, %(occurred_at)s, %(kind)s, %(object)s, %(data)s, %(now)s,
            %(actor_kind)s, %(actor_label)s, %(actor_user)s)
)
INSERT INTO activity_auditrecord
    (at, verb, object_type, object_id, customer_id, before, after, request_id, ip,
     actor_kind, actor_label, actor_user_id)
VALUES (%(now)s, %(verb)s, %(object_type)s, %(object)s, %(customer)s, %(before)s, %(after)s,
        %(request_id)s, %(ip)s, %(actor_kind)s, %(actor_label)s, %(actor_user)s)
"""


def record_act(actor: Actor, act: Act, *, kind: str, occurred_at: datetime, data: Data) -> None:
    """Write a timeline event and its audit record in one statement, for hot paths.

    `kind` is the line type that renders `data` on the timeline of `act.customer_id`.
    """
    parameters = {
        "customer": act.customer_id,
        "occurred_at": occurred_at,
        "kind": kind,
        "object": act.object_id,
        "data": _json(data),
        "now": timezone.now(),
        "verb": act.verb,
        "object_type": act.object_type,
        "before": _json(act.before),
        "after": _json(act.after),
        "request_id": actor.request_id,
        "ip": actor.ip,
        "actor_kind": actor.kind,
        "actor_label": actor.label,
        "actor_user": actor.user_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECORD_ACT, parameters)


def record_acts(
    actor: Actor, acts: Sequence[tuple[Act, Data]], *, kind: str, occurred_at: datetime
) -> list[Event]:
    """The same for many acts of one kind and moment, each with its data; their events.

    Two statements, however many acts.
    """
    events = [
        Event(
            occurred_at=occurred_at,
            kind=kind,
            object_id=act.object_id,
            data=data,
            **authored(actor) | {"customer_id": act.customer_id},
        )
        for act, data in acts
    ]
    Event.objects.bulk_create(events)
    AuditRecord.objects.bulk_create(
        AuditRecord(
            verb=act.verb,
            object_type=act.object_type,
            object_id=act.object_id,
            customer_id=act.customer_id,
            before=act.before,
            after=act.after,
            request_id=actor.request_id,
            ip=actor.ip,
            **authored(actor),
        )
        for act, _ in acts
    )
    return events


def authored(actor: Actor) -> dict[str, object]:
    """The columns of `Authored` for this actor."""
    return {
        "actor_kind": actor.kind,
        "actor_label": actor.label,
        "actor_user_id": actor.user_id,
    }


def _json(value: Data | None) -> str | None:
    return None if value is None else json.dumps(value, cls=DjangoJSONEncoder)
