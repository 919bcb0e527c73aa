"""Where everything is; /healthz, /readyz and /metrics are answered by HealthMiddleware."""

from typing import Any, NoReturn

from django.contrib import admin
from django.http import Http404, HttpRequest
from django.urls import include, path
from django.views.generic import RedirectView

from loyalty_admin.api import api_urls
from loyalty_admin.common import appearance, styleguide


def not_here(_request: HttpRequest, **_parameters: Any) -> NoReturn:
    """Answer 404: the address to sign in with is changed by a superuser, who is audited."""
    raise Http404


urlpatterns = [
    path("", RedirectView.as_view(pattern_name="customers:list"), name="home"),
    path("appearance/", appearance.set_theme, name="appearance"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("styleguide/<slug:kind>/", styleguide.dialog, name="styleguide-dialog"),
    path("accounts/email/", not_here),
    path("accounts/confirm-email/", not_here),
    path("accounts/confirm-email/<path:key>", not_here),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", api_urls()),
    path("", include("activity.urls")),
    path("", include("customers.urls")),
    path("", include("discounts.urls")),
    path("", include("rewards.urls")),
]
