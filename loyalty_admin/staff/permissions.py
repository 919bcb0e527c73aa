"""The one place that says who may do what.

Actions call `authorise`, views are decorated with `requires`, templates ask
`request.actor.may`, the API builds its actor here: all from the same table.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _

from loyalty_admin.common.actor import Actor, ActorKind
from loyalty_admin.common.errors import NotAllowed

if TYPE_CHECKING:
    from loyalty_admin.staff.models import ApiKey, User


class Perm(StrEnum):
    """The named permissions."""

    CUSTOMERS_VIEW = "customers.view"
    CUSTOMERS_EDIT = "customers.edit"
    ORDERS_VIEW = "orders.view"
    ORDERS_RECORD = "orders.record"
    ORDERS_CLAIM = "orders.claim"
    EVENTS_RECORD = "events.record"
    LEDGER_VIEW = "ledger.view"
    BALANCE_ADJUST = "balance.adjust"
    BALANCE_SPEND = "balance.spend"
    BALANCE_UNDO = "balance.undo"
    BALANCE_REINSTATE = "balance.reinstate"
    BALANCE_MASS_ADJUST = "balance.mass_adjust"
    TIER_CHANGE = "tier.change"
    NOTES_WRITE = "notes.write"
    AUDIT_VIEW = "audit.view"
    PROGRAMS_CONFIGURE = "programs.configure"
    STAFF_MANAGE = "staff.manage"


class Role(models.TextChoices):
    """The jobs that people do here."""

    AGENT = "agent", _("Support agent")
    LEAD = "lead", _("Team lead")
    STORE_ADMIN = "store_admin", _("Store admin")
    AUDITOR = "auditor", _("Auditor")


_READS = frozenset({Perm.CUSTOMERS_VIEW, Perm.ORDERS_VIEW, Perm.LEDGER_VIEW})
_AGENT = _READS | {
    Perm.CUSTOMERS_EDIT,
    Perm.BALANCE_ADJUST,
    Perm.BALANCE_SPEND,
    Perm.BALANCE_UNDO,
    Perm.BALANCE_REINSTATE,
    Perm.TIER_CHANGE,
    Perm.ORDERS_CLAIM,
    Perm.NOTES_WRITE,
}
_LEAD = _AGENT | {Perm.AUDIT_VIEW, Perm.BALANCE_MASS_ADJUST}

PERMISSIONS_OF: dict[str, frozenset[Perm]] = {
    Role.AGENT: _AGENT,
    Role.LEAD: _LEAD,
    Role.STORE_ADMIN: _LEAD | {Perm.PROGRAMS_CONFIGURE, Perm.STAFF_MANAGE},
    Role.AUDITOR: _READS | {Perm.AUDIT_VIEW},
}

API_SCOPES: frozenset[Perm] = frozenset({Perm.ORDERS_RECORD, Perm.EVENTS_RECORD})
"""What an API key can be given."""


def permissions_of(user: User) -> frozenset[str]:
    """The permissions of a member of staff; none when deactivated."""
    if not user.is_active:
        return frozenset()
    if user.is_superuser:
        return frozenset(Perm)
    return frozenset(PERMISSIONS_OF.get(user.role, frozenset()))


def actor_of(user: User, *, request_id: str = "", ip: str | None = None) -> Actor:
    """The actor that a signed-in member of staff is."""
    return Actor(
        kind=ActorKind.STAFF,
        label=user.name or user.email,
        user_id=user.pk,
        store_id=user.store_id,
        permissions=permissions_of(user),
        request_id=request_id,
        ip=ip,
    )


def actor_of_key(key: ApiKey, *, request_id: str = "", ip: str | None = None) -> Actor:
    """The actor that a till or web shop with this API key is."""
    return Actor(
        kind=ActorKind.API_KEY,
        label=key.name,
        api_key_id=key.pk,
        store_id=key.store_id,
        permissions=frozenset(API_SCOPES.intersection(key.scopes)),
        request_id=request_id,
        ip=ip,
    )


def authorise(actor: Actor, permission: Perm) -> None:
    """Raise NotAllowed unless the actor holds the permission. Every action starts here."""
    if not actor.may(permission):
        raise NotAllowed("You are not allowed to do this. Ask a team lead or a store admin.")


View = Callable[..., HttpResponseBase]


def requires(permission: Perm) -> Callable[[View], View]:
    """Let only actors with the permission into a view; the view carries its name."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.actor.may(permission):  # type: ignore[attr-defined]
                raise PermissionDenied
            return view(request, *args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate
