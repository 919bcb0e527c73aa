"""The time zones that stores can be in."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones


@cache
def known_time_zones() -> frozenset[str]:
    """The names of the IANA list."""
    return frozenset(available_timezones())
