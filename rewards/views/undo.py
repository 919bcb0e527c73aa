"""Undo of what was done by hand: one press, from a toast, the timeline or the history."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from loyalty_admin.common.errors import DomainError, NotFound
from loyalty_admin.common.htmx import done, refused, render
from loyalty_admin.common.templatetags.ui import signed, units
from loyalty_admin.staff.permissions import Perm, requires
from rewards.actions.undo import reverse_operation
from rewards.models import Operation
from rewards.places import CHANGED


@requires(Perm.BALANCE_UNDO)
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, customer_id: int, operation_id: int) -> HttpResponse:
    """Ask (GET) and undo (POST). An operation is undone once, so its id is the key."""
    operation = get_object_or_404(Operation, pk=operation_id, customer_id=customer_id)
    points = reverse("rewards:points", args=[customer_id])
    if request.method != "POST":
        return _ask(request, operation, points)
    try:
        reversal = reverse_operation(
            actor=request.actor,  # type: ignore[attr-defined]
            operation_id=operation_id,
            idempotency_key=f"undo:{operation_id}:{request.actor.user_id}",  # type: ignore[attr-defined]
        )
    except NotFound as error:
        raise Http404(error.message) from error
    except DomainError as error:
        return refused(request, message=error.message, next_url=points)
    entry = reversal.entries.order_by("pk")[0]
    words = {
        "before": units(entry.balance_after - entry.amount),
        "after": units(entry.balance_after),
    }
    message = _("Undone: balance %(before)s → %(after)s.") % words
    return done(request, message=message, next_url=points, events=(CHANGED,))


def _ask(request: HttpRequest, operation: Operation, points: str) -> HttpResponse:
    lines = [
        _("%(program)s: %(amount)s")
        % {"program": entry.account.program.name, "amount": signed(-entry.amount)}
        for entry in operation.entries.select_related("account__program")
    ]
    context = {
        "lines": lines,
        "close_url": points,
        "action_url": reverse("rewards:undo", args=[operation.customer_id, operation.pk]),
        "title": _("Undo this?"),
        "label": _("Undo"),
    }
    return render(request, "rewards/undo.html", context, partial="dialog")
