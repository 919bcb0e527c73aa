"""Who does something: a member of staff, an API key or a job. Never nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class ActorKind(StrEnum):
    """The three kinds of actor that can write."""

    STAFF = "staff"
    API_KEY = "api_key"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """The author of an act, with what it may do and where it came from.

    `permissions` is None for the system, which may do everything; staff and API
    keys carry exactly what `loyalty_admin.staff.permissions` gives them.
    """

    kind: ActorKind
    label: str
    user_id: int | None = None
    api_key_id: int | None = None
    store_id: int | None = None
    permissions: frozenset[str] | None = field(default_factory=frozenset)
    request_id: str = ""
    ip: str | None = None

    @classmethod
    def system(cls, job: str) -> Actor:
        """The actor of a job or a command, named after it (`expiry`, `import`)."""
        return cls(kind=ActorKind.SYSTEM, label=job, permissions=None)

    def may(self, permission: str) -> bool:
        """Whether this actor holds the named permission."""
        return self.permissions is None or permission in self.permissions
