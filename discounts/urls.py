"""Where the pages of offers are."""

from django.urls import path

from discounts.views import offers

app_name = "discounts"

urlpatterns = [
    path("offers/", offers.offer_list, name="offer_list"),
    path("offers/new/", offers.offer_new, name="offer-new"),
    path("offers/preview/", offers.offer_preview, name="offer-preview"),
    path("offers/<int:offer_id>/", offers.offer, name="offer"),
    path("offers/<int:offer_id>/edit/", offers.offer_edit, name="offer-edit"),
    path("offers/<int:offer_id>/on/", offers.offer_on, name="offer-on"),
    path("offers/<int:offer_id>/off/", offers.offer_off, name="offer-off"),
]
