"""Who calls the API: a key in `Authorization: Bearer`, counted and noted."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.client_ip import client_ip
from loyalty_admin.common.rate_limit import Allowance, count
from loyalty_admin.staff.middleware import request_id
from loyalty_admin.staff.models import ApiKey
from loyalty_admin.staff.permissions import actor_of_key

NOTED_EVERY = timedelta(minutes=1)


class RateLimited(Exception):
    """The key has made more requests than it may in this minute."""


class KeyAuth(HttpBearer):
    """Lets requests with a key that is in force pass, as the actor of that key."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        """The key's actor; None when there is no such key. Raises RateLimited."""
        prefix, _, secret = token.strip().partition(".")
        key = ApiKey.objects.filter(prefix=prefix[:12], revoked_at=None).first()
        if key is None or not key.matches(secret):
            return None
        allowance = count(f"key:{key.pk}", settings.API_REQUESTS_PER_MINUTE)
        request.allowance = allowance  # type: ignore[attr-defined]
        if allowance and allowance.exceeded:
            raise RateLimited
        _note_use(key)
        actor = actor_of_key(key, request_id=request_id(request), ip=client_ip(request))
        request.actor = actor  # type: ignore[attr-defined]
        return actor


def allowance_of(request: HttpRequest) -> Allowance | None:
    """What the caller has left in this minute, once it is known who calls."""
    return getattr(request, "allowance", None)


def _note_use(key: ApiKey) -> None:
    """Remember that the key is in use, at most once a minute: a till asks all the time."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - NOTED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - NOTED_EVERY)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
