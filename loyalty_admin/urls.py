"""Where everything is."""

from django.contrib import admin
from django.urls import include, path

from loyalty_admin.common import appearance, health, styleguide

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("appearance/", appearance.set_theme, name="appearance"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("styleguide/<slug:kind>/", styleguide.dialog, name="styleguide-dialog"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
