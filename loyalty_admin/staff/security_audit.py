"""What people change about their own sign-in goes to the audit log, too."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.dispatch import Signal
from django.http import HttpRequest

from loyalty_admin.common.changes import Change, changed
from loyalty_admin.common.client_ip import client_ip
from loyalty_admin.staff.middleware import request_id
from loyalty_admin.staff.models import User
from loyalty_admin.staff.permissions import actor_of

VERBS: dict[Signal, str] = {
    account.password_changed: "user.password_changed",
    account.password_set: "user.password_set",
    account.password_reset: "user.password_reset",
    mfa.authenticator_added: "user.second_factor_added",
    mfa.authenticator_removed: "user.second_factor_removed",
    mfa.authenticator_reset: "user.second_factor_renewed",
}


def connect() -> None:
    """Write down every such change from now on."""
    for signal in VERBS:
        signal.connect(_write_down, dispatch_uid="staff.security_audit")


def _write_down(
    *,
    signal: Signal,
    request: HttpRequest,
    user: User,
    authenticator: Authenticator | None = None,
    **_more: Any,
) -> None:
    # Who resets a password is not signed in yet: the request's own actor would be a stranger.
    actor = actor_of(user, request_id=request_id(request), ip=client_ip(request))
    kind = {"type": str(authenticator.type)} if authenticator else None
    is_gone = signal is mfa.authenticator_removed
    before, after = (kind, None) if is_gone else (None, kind)
    changed(actor, Change(VERBS[signal], "user", user.pk, before, after))
