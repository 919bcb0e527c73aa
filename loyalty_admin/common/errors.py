"""Domain errors: a code for machines and a sentence for people.

Actions raise them; each edge (form, API, CSV row) renders them its own way.
"""

from __future__ import annotations


class DomainError(Exception):
    """An act that the domain refuses.

    `code` names the kind of refusal, `field` the input it belongs to ("" when it
    belongs to none), `status` what HTTP calls it.
    """

    code = "refused"
    status = 422

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotAllowed(DomainError):
    """The actor lacks the permission."""

    code = "not-allowed"
    status = 403


class NotFound(DomainError):
    """The thing does not exist, or the actor may not know that it does."""

    code = "not-found"
    status = 404


class InvalidInput(DomainError):
    """A value that can't be right, whatever the state of the database."""

    code = "invalid-input"


class Conflict(DomainError):
    """The state of the database forbids it."""

    code = "conflict"
    status = 409


class IdempotencyConflict(Conflict):
    """The same idempotency key came with other input."""

    code = "idempotency-key-reused"


class InsufficientBalance(Conflict):
    """A debit larger than what can be spent."""

    code = "insufficient-balance"


class AlreadyReversed(Conflict):
    """The operation has been undone before."""

    code = "already-reversed"


class NotReversible(Conflict):
    """The operation is of a kind that can't be undone."""

    code = "not-reversible"


class StaleView(Conflict):
    """What the actor saw is no longer what is there."""

    code = "stale"


class NotEnrolled(Conflict):
    """The customer is not a member, so the ledger is closed to them."""

    code = "not-enrolled"
