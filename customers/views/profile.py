"""The customer's page and the Details panel."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from customers.page import answer_of, contacts_of, customer_of
from customers.panels import register_tab
from loyalty_admin.common.profile import render_panel
from loyalty_admin.common.templatetags.ui import user_locale
from loyalty_admin.staff.permissions import Perm, requires


@requires(Perm.CUSTOMERS_VIEW)
@require_safe
def profile(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """The customer's page with the first tab that this actor may see."""
    tabs = register_tab.open_to(request.actor)  # type: ignore[attr-defined]
    if not tabs:
        raise PermissionDenied
    return answer_of(tabs[0].url(customer_id), request, composing=False)


@requires(Perm.CUSTOMERS_VIEW)
@require_safe
def details(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Everything that is known of the customer, as a panel."""
    customer = customer_of(request, customer_id)
    context = {
        "contacts": contacts_of(customer),
        "language_name": user_locale().languages.get(customer.language, customer.language),
    }
    return render_panel(request, customer_id, "details", "customers/details.html", context)
