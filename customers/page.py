"""The customer's page: the shell around the panels and parts that apps serve by URL.

A tab's URL opened in a browser gives the whole page: the shell asks the views of the facts
and asides for their parts in this process, so one request brings everything and no script
is needed. With htmx a tab brings its panel alone, and a part loads itself again when
something happened that it tells of.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.shortcuts import render as django_render
from django.urls import resolve, reverse
from django.utils.safestring import SafeString, mark_safe

from activity.models import ContactPoint
from customers import selectors
from customers.contacts import readable
from customers.hooks import CustomerChip, customer_chips
from customers.models import Customer
from customers.panels import (
    Piece,
    Tab,
    Text,
    Verb,
    register_aside,
    register_facts,
    register_tab,
    register_verb,
)
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import NotFound
from loyalty_admin.common.htmx import is_fragment, render
from loyalty_admin.common.profile import Context

TEMPLATE = "customers/profile.html"
STATUS_TONES = {Customer.Status.MEMBER: "ok", Customer.Status.REMOVED: "bad"}
STATE_TONES = {
    ContactPoint.State.OK: "ok",
    ContactPoint.State.BLOCKED: "bad",
    ContactPoint.State.OPTED_OUT: "warn",
}


@dataclass(frozen=True, slots=True)
class ShownTab:
    """A tab as this actor sees it for this customer."""

    key: str
    label: Text
    url: str
    count: int | None
    current: bool


@dataclass(frozen=True, slots=True)
class ShownVerb:
    """A verb that this actor may use on this customer."""

    label: Text
    icon: str
    url: str
    primary: bool
    tucked: bool
    danger: bool
    dialog: bool = True


@dataclass(frozen=True, slots=True)
class ShownPart:
    """A part of the page, rendered, with where and when it loads itself again."""

    key: str
    url: str
    trigger: str
    html: SafeString


@dataclass(frozen=True, slots=True)
class ShownContact:
    """A contact point as people read it, with its state in words and as a tone."""

    kind: str
    value: str
    state: str
    tone: str
    reason: str


class CustomerPage:
    """Shows panels and parts; see `loyalty_admin.common.profile`."""

    def panel(
        self, request: HttpRequest, customer_id: int, tab: str, template: str, context: Context
    ) -> HttpResponse:
        """The panel alone for htmx, the page with the panel in it otherwise."""
        customer = customer_of(request, customer_id)
        piece = register_tab[tab]
        shown = {
            **context,
            "customer": customer,
            "panel_url": request.get_full_path(),
            "panel_key": tab,
            "panel_trigger": piece.trigger,
            "panel_template": template,
        }
        if not is_fragment(request):
            shown |= shell(request, customer, piece)
        return render(request, TEMPLATE, shown)

    def part(
        self, request: HttpRequest, customer_id: int, template: str, context: Context
    ) -> HttpResponse:
        """The part alone; a redirect to the page for whoever opens its URL by hand."""
        customer = customer_of(request, customer_id)
        if not (is_fragment(request) or getattr(request, "composing", False)):
            return redirect("customers:profile", customer_id)
        return django_render(request, template, {**context, "customer": customer})


def customer_of(request: HttpRequest, customer_id: int) -> Customer:
    """The customer of this request, read once however many views make the page.

    Raises Http404 for an unknown one.
    """
    known: Customer | None = getattr(request, "page_customer", None)
    if known is None or known.pk != customer_id:
        try:
            known = selectors.customer(customer_id)
        except NotFound as error:
            raise Http404(error.message) from error
        request.page_customer = known  # type: ignore[attr-defined]
    return known


def shell(request: HttpRequest, customer: Customer, current: Tab) -> dict[str, Any]:
    """Everything around the panel."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    verbs = list(_verbs(register_verb.open_to(actor), customer))
    return {
        "status_tone": STATUS_TONES.get(Customer.Status(customer.status), ""),
        "chips": chips_of(customer),
        "contacts": contacts_of(customer),
        "tabs": list(_tabs(register_tab.open_to(actor), customer, current)),
        "verbs": [verb for verb in verbs if not verb.tucked],
        "tucked_verbs": [verb for verb in verbs if verb.tucked],
        "is_removed": customer.status == Customer.Status.REMOVED,
        "facts": _parts(request, register_facts.open_to(actor), customer),
        "asides": _parts(request, register_aside.open_to(actor), customer),
        "shell_url": reverse("customers:profile", args=[customer.pk]),
    }


def chips_of(customer: Customer) -> list[CustomerChip]:
    """What apps say of the customer beside the name, as `customers/chips.html` takes it."""
    return [chip for chips in customer_chips(customer) for chip in chips]


def contacts_of(customer: Customer) -> list[ShownContact]:
    """The customer's contact points, e-mail addresses first; asked once per customer."""
    prefetch_related_objects([customer], "contact_points")
    return [
        ShownContact(
            kind=point.get_kind_display(),
            value=readable(point.kind, point.value),
            state=point.get_state_display(),
            tone=STATE_TONES[ContactPoint.State(point.state)],
            reason=point.state_reason,
        )
        for point in customer.contact_points.all()
    ]


def _tabs(tabs: Iterable[Tab], customer: Customer, current: Tab) -> Iterable[ShownTab]:
    for tab in tabs:
        is_current = tab.key == current.key
        if is_current or tab.offered(customer):
            count = tab.count(customer.pk) if tab.count else None
            yield ShownTab(tab.key, tab.label, tab.url(customer.pk), count, is_current)


def _verbs(verbs: Iterable[Verb], customer: Customer) -> Iterable[ShownVerb]:
    for verb in verbs:
        if verb.offered(customer):
            yield ShownVerb(
                verb.label,
                verb.icon,
                verb.url(customer.pk),
                verb.primary,
                verb.tucked,
                verb.danger,
            )


def _parts(request: HttpRequest, pieces: Iterable[Piece], customer: Customer) -> list[ShownPart]:
    return [
        ShownPart(piece.key, url, piece.trigger, _composed(request, url))
        for piece in pieces
        for url in [piece.url(customer.pk)]
    ]


def _composed(request: HttpRequest, url: str) -> SafeString:
    """What the view behind the URL answers to a request for a part."""
    response = answer_of(url, request, composing=True)
    # It was rendered, and escaped, by a template of our own.
    return mark_safe(response.content.decode())  # noqa: S308


def answer_of(url: str, request: HttpRequest, *, composing: bool) -> HttpResponse:
    """What the view behind the URL answers to whoever made this request."""
    inner = copy(request)
    inner.method, inner.path, inner.path_info, inner.GET = "GET", url, url, QueryDict()
    inner.composing = composing  # type: ignore[attr-defined]
    match = resolve(url)
    response: HttpResponse = match.func(inner, *match.args, **match.kwargs)
    return response
