"""Fingerprints of input, so that a retry is told from another act with the same key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from django.core.serializers.json import DjangoJSONEncoder

from loyalty_admin.common.errors import IdempotencyConflict, InvalidInput

MAX_KEY_LENGTH = 200


def fingerprint(values: Mapping[str, object]) -> str:
    """SHA-256 over the canonical JSON of the input, as hexadecimal digits."""
    canonical = json.dumps(values, cls=DjangoJSONEncoder, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def check_key(key: str) -> None:
    """Raise InvalidInput unless the key can be stored."""
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise InvalidInput(
            f"The idempotency key must be 1 to {MAX_KEY_LENGTH} printable characters.",
            field="idempotency_key",
        )


def check_same_input(stored: str, given: str) -> None:
    """Raise IdempotencyConflict when a key comes back with other input."""
    if stored != given:
        raise IdempotencyConflict(
            "This request was made before with other values. Start again with a new one.",
            field="idempotency_key",
        )
