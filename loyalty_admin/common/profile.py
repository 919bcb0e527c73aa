"""The customer's page, for apps that fill it from below: panels and parts, each with its URL.

A **panel** stands under a tab. Its view ends with `render_panel`: htmx gets the panel alone,
everybody else the whole page with the panel in it, so a tab's URL can be opened, shared and
read without JavaScript. A **part** (facts strip, aside) is small and stands beside every
panel; its view ends with `render_part`.

The app that owns the page says once, with `use`, how the whole is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse

Context = Mapping[str, Any]


class ProfilePage(Protocol):
    """What the app that owns the customer's page provides."""

    def panel(
        self, request: HttpRequest, customer_id: int, tab: str, template: str, context: Context
    ) -> HttpResponse:
        """The panel alone for htmx, the page with the panel in it otherwise."""

    def part(
        self, request: HttpRequest, customer_id: int, template: str, context: Context
    ) -> HttpResponse:
        """The part alone; a redirect to the page for whoever opens its URL by hand."""


_pages: list[ProfilePage] = []


def use(page: ProfilePage) -> None:
    """Set the one page that panels and parts are shown on."""
    _pages[:] = [page]


def render_panel(
    request: HttpRequest,
    customer_id: int,
    tab: str,
    template: str,
    context: Context | None = None,
) -> HttpResponse:
    """Show `template` as the panel of the tab with the key `tab`.

    The template also gets `customer` and `panel_url` (this request's own URL, for links
    that replace the panel: `hx-get` with `hx-target="#panel"`). Raises Http404 for an
    unknown customer.
    """
    return _pages[0].panel(request, customer_id, tab, template, context or {})


def render_part(
    request: HttpRequest, customer_id: int, template: str, context: Context | None = None
) -> HttpResponse:
    """Show `template` as a part of the page. Raises Http404 for an unknown customer."""
    return _pages[0].part(request, customer_id, template, context or {})
