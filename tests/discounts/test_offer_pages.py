"""Offers on screen: list, one offer, forms; with and without scripts."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from discounts.models import Offer
from loyalty_admin.staff.models import User
from tests.factories import DiscountCodeFactory, OfferFactory, RewardFactory, UserFactory
from tests.queries import assert_queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> Client:
    """A browser in which a store admin is signed in."""
    client.force_login(UserFactory(name="Sofía", store_admin=True))
    return client


def _form(**fields: Any) -> dict[str, Any]:
    values = {
        "name": "Ten off coffee",
        "kind": "percentage",
        "value": "10",
        "currency": "eur",
        "value_cap": "20",
        "minimum_spend": "30,00",
        "categories": "COFFEE\n\n TEA ",
        "skus": "",
        "valid_days": "90",
        "usage_limit": "1",
        "prefix": "gld",
    }
    return values | fields


def test_dc_3_an_offer_is_made_and_says_what_it_is(admin: Client) -> None:
    response = admin.post(reverse("discounts:offer-new"), _form(), follow=True)
    offer = Offer.objects.get()
    assert response.redirect_chain == [(reverse("discounts:offer", args=[offer.pk]), 302)]
    text = response.content.decode()
    assert "10 % off, at most €20.00, from €30.00, on COFFEE, TEA, usable once" in text
    assert "GLD-7KQ4-M2XP-9RTVW" in text
    assert "Created" in text
    assert "Sofía" in text
    assert (offer.currency, offer.categories) == ("EUR", ["COFFEE", "TEA"])


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("value", "101", "Enter a percentage from 1 to 100."),
        ("value", "ten", "Enter an amount such as 12.50."),
        ("value", "1e3", "Enter an amount such as 12.50."),
        ("value", "NaN", "Enter an amount such as 12.50."),
        ("currency", "EUX", "is not a currency"),
        ("valid_days", "0", "greater than or equal to 1"),
        ("prefix", "a-b", "letters A–Z and digits"),
        ("name", "", "This field is required."),
    ],
)
def test_ev_1_a_mistake_is_said_beside_its_field_and_what_was_typed_stays(
    admin: Client, field: str, typed: str, said: str
) -> None:
    response = admin.post(reverse("discounts:offer-new"), _form(**{field: typed}))
    assert response.status_code == 422
    (error,) = response.context["form"].errors[field]
    assert said in error
    text = response.content.decode()
    assert f'id="offer_{field}_error"' in text
    assert 'value="30,00"' in text
    assert not Offer.objects.exists()


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("1,200", 1200), ("1.200,50", "1200.50"), ("12,5", "12.50"), ("1 200", 1200)],
)
def test_amounts_are_read_as_people_write_them(admin: Client, typed: str, stored: Any) -> None:
    fields = _form(kind="fixed", value=typed, value_cap="")
    admin.post(reverse("discounts:offer-new"), fields)
    assert str(Offer.objects.get().value) == f"{float(stored):.2f}"


def test_ev_2_a_form_sent_twice_makes_one_offer(admin: Client) -> None:
    for _ in range(2):
        assert admin.post(reverse("discounts:offer-new"), _form()).status_code == 302
    assert Offer.objects.count() == 1


def test_an_edit_says_what_becomes_of_the_codes_before_it_is_saved(admin: Client) -> None:
    offer = OfferFactory(name="Ten off coffee", currency="EUR")
    DiscountCodeFactory.create_batch(2, offer=offer)
    page = admin.get(reverse("discounts:offer-edit", args=[offer.pk]))
    assert 'value="5"' in page.content.decode()
    seen = page.context["form"]["seen"].value()
    fields = _form(seen=seen)
    preview = admin.get(reverse("discounts:offer-preview"), {**fields, "offer": offer.pk})
    said = preview.content.decode()
    assert "2 codes that can still be used keep their value and their end." in said
    assert "The new limits hold for 2 codes" in said
    response = admin.post(reverse("discounts:offer-edit", args=[offer.pk]), fields)
    assert response.status_code == 302
    offer.refresh_from_db()
    assert offer.kind == "percentage"


def test_the_preview_asks_for_what_is_missing_and_says_what_is_wrong(admin: Client) -> None:
    url = reverse("discounts:offer-preview")
    assert "Fill in what is missing" in admin.get(url, _form(name="")).content.decode()
    said = admin.get(url, _form(value="200")).content.decode()
    assert "Enter a percentage from 1 to 100." in said
    assert admin.get(url, _form(offer="999999")).status_code == 404


def test_ev_3_a_stale_form_is_told_so_and_may_be_sent_again(admin: Client) -> None:
    offer = OfferFactory()
    url = reverse("discounts:offer-edit", args=[offer.pk])
    seen = admin.get(url).context["form"]["seen"].value()
    Offer.objects.filter(pk=offer.pk).update(valid_days=10)
    response = admin.post(url, _form(seen=seen))
    assert response.status_code == 422
    text = response.content.decode()
    assert "Somebody has changed this offer meanwhile." in text
    assert "Now it says: €5.00 off, usable once within 10 days." in text
    again = response.context["form"]["seen"].value()
    assert admin.post(url, _form(seen=again)).status_code == 302


def test_switching_off_offers_to_undo_and_is_refused_while_a_reward_needs_it(
    admin: Client,
) -> None:
    offer = OfferFactory()
    off = reverse("discounts:offer-off", args=[offer.pk])
    response = admin.post(off, headers={"HX-Request": "true"})
    assert reverse("discounts:offer-on", args=[offer.pk]) in response.content.decode()
    assert "offer-changed" in response["HX-Trigger"]
    offer.refresh_from_db()
    assert not offer.is_active
    promised = RewardFactory(code=True, name="€5 off")
    response = admin.post(
        reverse("discounts:offer-off", args=[promised.offer_id]), headers={"HX-Request": "true"}
    )
    assert response.status_code == 409
    assert "“€5 off” still promises codes of this offer." in response.content.decode()


@pytest.mark.parametrize(("traits", "writes"), [({"auditor": True}, False), ({}, False)])
def test_who_may_only_read_sees_no_way_to_change(
    client: Client, traits: dict[str, Any], writes: bool
) -> None:
    user: User = UserFactory(**traits)
    client.force_login(user)
    offer = OfferFactory()
    for url in (reverse("discounts:offer_list"), reverse("discounts:offer", args=[offer.pk])):
        text = client.get(url).content.decode()
        assert offer.name in text
        assert (reverse("discounts:offer-new") in text) is writes
        assert (reverse("discounts:offer-edit", args=[offer.pk]) in text) is writes


def test_an_empty_list_says_what_to_do(admin: Client, client: Client) -> None:
    assert "Make the first offer" in admin.get(reverse("discounts:offer_list")).content.decode()


def test_the_pages_of_offers_cost_the_same_however_many_there_are(admin: Client) -> None:
    offers = OfferFactory.create_batch(3)
    admin.get(reverse("discounts:offer_list"))
    with assert_queries("offers: list"):
        admin.get(reverse("discounts:offer_list"))
    with assert_queries("offers: one"):
        admin.get(reverse("discounts:offer", args=[offers[0].pk]))
