"""API requests that are answered once: a retry gets the answer of the first one.

For API clients only: whoever else acts has the key of the act itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.idempotency import check_same_input
from loyalty_admin.common.locks import lock_name
from loyalty_admin.staff.models import RequestRecord


def answer_before(actor: Actor, key: str, print_of_input: str) -> RequestRecord | None:
    """What this very request was answered before, if it was; a twin under way is waited for.

    Call it first in the transaction of the effect. Raises IdempotencyConflict when the key
    came with other input.
    """
    if actor.api_key_id is None:
        return None
    _lock(actor, key)
    record = _find(actor, key)
    if record is not None:
        check_same_input(record.fingerprint, print_of_input)
    return record


def remember_answer(
    actor: Actor, key: str, print_of_input: str, *, status: int, answer: Mapping[str, object]
) -> None:
    """Keep the answer for the retries, in the transaction of the effect."""
    if actor.api_key_id is not None:
        RequestRecord.objects.create(
            api_key_id=actor.api_key_id,
            key=key,
            fingerprint=print_of_input,
            status=status,
            answer=answer,
        )


def _lock(actor: Actor, key: str) -> None:
    """Let a twin of this request wait until we are done."""
    lock_name(f"request:{actor.api_key_id}:{key}")


def _find(actor: Actor, key: str) -> RequestRecord | None:
    return RequestRecord.objects.filter(api_key=actor.api_key_id, key=key).first()
