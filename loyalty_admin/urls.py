"""Where everything is; /healthz, /readyz and /metrics are answered by HealthMiddleware."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from loyalty_admin.api import api_urls
from loyalty_admin.common import appearance, styleguide

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="customers:list"), name="home"),
    path("appearance/", appearance.set_theme, name="appearance"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("styleguide/<slug:kind>/", styleguide.dialog, name="styleguide-dialog"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", api_urls()),
    path("", include("activity.urls")),
    path("", include("customers.urls")),
    path("", include("rewards.urls")),
]
