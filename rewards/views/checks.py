"""RW-15: the results of the nightly check that every balance adds up."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from loyalty_admin.common.htmx import render
from loyalty_admin.staff.permissions import Perm, requires
from rewards.models import LedgerCheck

SHOWN = 30


@requires(Perm.AUDIT_VIEW)
@require_safe
def checks(request: HttpRequest) -> HttpResponse:
    """The last runs, newest first, with what they found."""
    runs = list(LedgerCheck.objects.all()[:SHOWN])
    return render(request, "rewards/checks.html", {"runs": runs})
