"""Every request has an actor, and nobody gets past the sign-in by accident."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from loyalty_admin.common.actor import Actor, ActorKind
from loyalty_admin.common.client_ip import client_ip
from loyalty_admin.staff.models import User
from loyalty_admin.staff.permissions import actor_of

ANONYMOUS = Actor(kind=ActorKind.STAFF, label="anonymous")


class ActorMiddleware:
    """Sets `request.actor` from the signed-in user; strangers may do nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = request.user
        request.actor = (  # type: ignore[attr-defined]
            actor_of(user, request_id=request_id(request), ip=client_ip(request))
            if isinstance(user, User)
            else ANONYMOUS
        )
        return self.get_response(request)


def request_id(request: HttpRequest) -> str:
    """The id that ties log lines, audit records and the response header together."""
    return getattr(request, "request_id", "") or request.headers.get("X-Request-ID", "")[:64]
