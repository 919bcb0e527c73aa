"""Find anything: the box on every page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from customers.find import find
from loyalty_admin.common.htmx import is_fragment, render
from loyalty_admin.staff.permissions import Perm, requires

SHOWN = 20


@requires(Perm.CUSTOMERS_VIEW)
@require_safe
def find_anything(request: HttpRequest) -> HttpResponse:
    """What `q` is or may be; goes straight to the one thing whose key it is.

    With htmx the results are suggestions under the box, and Enter comes here without.
    """
    typed = request.GET.get("q", "")
    actor = request.actor  # type: ignore[attr-defined]
    if is_fragment(request):
        return render(request, "customers/find.html", {"answer": find(typed, actor)})
    answer = find(typed, actor, limit=SHOWN)
    if only := answer.only:
        return redirect(only.url)
    return render(request, "customers/find.html", {"answer": answer})
