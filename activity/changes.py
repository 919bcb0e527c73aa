"""The history of one object on its own page: who changed what, newest first, from the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise

from activity.diff import Difference, differences
from activity.models import AuditRecord
from activity.selectors import records_of

Text = str | Promise


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A record, what it is called, and what it changed; a record of the making shows nothing."""

    record: AuditRecord
    title: Text
    differences: list[Difference]


def changes_of(object_id: int, titles: Mapping[str, Text]) -> list[ShownChange]:
    """The last changes of one object; `titles` names its verbs. One query."""
    return [
        ShownChange(
            record,
            titles[record.verb],
            differences(record.before, record.after) if record.before is not None else [],
        )
        for record in records_of(object_id, list(titles))
    ]
