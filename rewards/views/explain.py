"""RW-14: a balance explained, for any day, ready to be read out or pasted."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from customers.selectors import customer as customer_by_id
from loyalty_admin.common.errors import NotFound
from loyalty_admin.common.htmx import render
from loyalty_admin.staff.permissions import Perm, requires
from rewards.forms.explain import ExplainForm
from rewards.models import Program
from rewards.selectors.balances import holding_of
from rewards.selectors.explain import explain_balance


@requires(Perm.LEDGER_VIEW)
@require_safe
def dialog(request: HttpRequest, customer_id: int) -> HttpResponse:
    """The sentences, and a form that asks for another day or program."""
    try:
        customer = customer_by_id(customer_id)
    except NotFound as error:
        raise Http404(error.message) from error
    today = timezone.localdate()
    asked = request.GET.dict()
    asked.setdefault("on", today.isoformat())
    if "program" not in asked and (first := Program.objects.filter(status="active").first()):
        asked["program"] = str(first.pk)
    form = ExplainForm(asked)
    form.fields["on"].widget.attrs["max"] = today.isoformat()
    context: dict[str, Any] = {
        "customer": customer,
        "form": form,
        "url": reverse("rewards:explain", args=[customer_id]),
        "close_url": reverse("rewards:points", args=[customer_id]),
    }
    if form.is_valid() and form.cleaned_data["on"] > today:
        form.add_error("on", _("Choose a day that has come."))
    if not form.is_valid():
        return render(request, "rewards/explain.html", context, partial="dialog", status=422)
    zone = timezone.get_current_timezone_name()
    holding = holding_of(customer_id, form.cleaned_data["program"].pk, time_zone=zone)
    on = form.cleaned_data["on"]
    context["explanation"] = explain_balance(holding, on, today=today, time_zone=zone)
    return render(request, "rewards/explain.html", context, partial="dialog")
