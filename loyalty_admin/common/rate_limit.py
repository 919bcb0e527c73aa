"""How many requests a client may make: a fixed window of one minute, counted in Valkey."""

from __future__ import annotations

from dataclasses import dataclass
from time import time as now

import structlog
from django.core.cache import cache

WINDOW = 60  # seconds

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of the window; `reset` is in seconds."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool

    def headers(self) -> dict[str, str]:
        """What the client is told, whatever the answer."""
        headers = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }
        return headers | ({"Retry-After": str(self.reset)} if self.exceeded else {})


def count(name: str, limit: int) -> Allowance | None:
    """Count one request of the client; None when nobody can count, so that selling goes on."""
    at = now()
    window = int(at // WINDOW)
    key = f"rate:{name}:{window}"
    try:
        cache.add(key, 0, timeout=2 * WINDOW)
        used = cache.incr(key)
    except Exception as error:  # the cache raises what its driver raises
        log.warning("rate limit not counted", client=name, error=str(error))
        return None
    return Allowance(
        limit=limit,
        remaining=max(limit - used, 0),
        reset=max(int((window + 1) * WINDOW - at), 1),
        exceeded=used > limit,
    )
