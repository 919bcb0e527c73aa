"""Writing to the audit log what was changed or taken elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from activity.actions.recording import Act, record_audit
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.changes import Change
from loyalty_admin.staff.permissions import Perm, authorise

EXPORTED = "audit.exported"


def record_change(actor: Actor, change: Change) -> None:
    """Write down a change that was announced below this app (`loyalty_admin.common.changes`)."""
    act = Act(
        verb=change.verb,
        object_type=change.object_type,
        object_id=change.object_id,
        before=change.before,
        after=change.after,
    )
    record_audit(actor, act)


def record_export(*, actor: Actor, filters: Mapping[str, str]) -> None:
    """Write down that this actor takes a copy of the audit log, and of which part of it."""
    authorise(actor, Perm.AUDIT_VIEW)
    with transaction.atomic(durable=True):
        act = Act(EXPORTED, "audit_log", None, after={"filters": dict(filters)})
        record_audit(actor, act)
