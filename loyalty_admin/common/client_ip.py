"""Where a request comes from, as far as that can be trusted."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str | None:
    """The caller's IP address; None when it is not known.

    Only what our own proxy appends to X-Forwarded-For, its last entry, is true: callers can
    write whatever they like before it.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS_PROXY:
        address = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or address
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))  # PostgreSQL knows no zones
    except ValueError:
        return None
