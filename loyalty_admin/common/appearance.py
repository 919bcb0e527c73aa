"""Light, dark or as the system says: one cookie, one POST view, no JavaScript."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

THEMES = ("system", "light", "dark")
COOKIE = "theme"
COOKIE_AGE = 365 * 24 * 60 * 60
"""A year, in seconds."""


def theme_of(request: HttpRequest) -> str:
    """The theme that this browser chose; `system` when none or nonsense."""
    theme = request.COOKIES.get(COOKIE, "")
    return theme if theme in THEMES else "system"


@login_not_required
@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember the theme and go back to where the person was."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(
        target, {request.get_host()}, require_https=request.is_secure()
    ):
        target = "/"
    response = redirect(target)
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        response.set_cookie(
            COOKIE,
            theme,
            max_age=COOKIE_AGE,
            samesite="Lax",
            secure=request.is_secure(),
            httponly=True,
        )
    return response
