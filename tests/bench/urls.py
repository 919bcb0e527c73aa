"""The floors beside the real pages."""

from django.urls import include, path

from tests.bench import floor_views

urlpatterns = [
    path("bench/empty/", floor_views.empty),
    path("bench/list/", floor_views.bare_list),
    path("", include("loyalty_admin.urls")),
]
