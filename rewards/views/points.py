"""The Points tab: the balance of a points program and every entry that made it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from loyalty_admin.common.profile import render_panel
from loyalty_admin.staff.permissions import Perm, requires
from rewards.selectors.balances import holdings_of
from rewards.views.facts import hint_of
from rewards.views.history import (
    POINTS,
    Place,
    chosen,
    elsewhere,
    explain_url,
    history_of,
    programs_of,
    theirs,
)


@requires(Perm.LEDGER_VIEW)
@require_safe
def panel(request: HttpRequest, customer_id: int) -> HttpResponse:
    """The balance of one points program and every entry that made it."""
    everything = holdings_of(customer_id, time_zone=timezone.get_current_timezone_name())
    if url := elsewhere(request, everything, POINTS):
        return redirect(url)
    holdings = theirs(everything, POINTS)
    holding = chosen(request, holdings)
    context: dict[str, Any] = {"holding": holding}
    if holding:
        place = Place(POINTS, customer_id, holding.program.pk, {})
        context |= history_of(request, place, holding)
        context |= {
            "hint": hint_of(holding),
            "programs": programs_of(customer_id, holdings, holding),
            "explain_url": explain_url(customer_id, holding),
        }
    return render_panel(request, customer_id, POINTS, "rewards/points.html", context)
