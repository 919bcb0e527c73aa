"""Changes below the activity app: announced here, written to the audit log there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.hooks import Hook


@dataclass(frozen=True, slots=True)
class Change:
    """What changed: the verb, the object, and its values before and after (None: not there)."""

    verb: str
    object_type: str
    object_id: int
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None


changed: Hook[[Actor, Change], None] = Hook("changed")
"""Something was changed by this actor; receivers write in the same transaction."""
