"""RW-6 on screen: the catalogue, one reward, its picture, and the forms that change it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from rewards.actions.pictures import MAX_BYTES
from rewards.models import Program, Reward, RewardPicture
from tests.factories import OfferFactory, ProgramFactory, RewardFactory, TierFactory, UserFactory
from tests.queries import assert_queries
from tests.rewards.pictures import a_picture, a_pictured_reward

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> Client:
    """A browser in which a store admin is signed in."""
    client.force_login(UserFactory(name="Sofía", store_admin=True))
    return client


@pytest.fixture
def program() -> Program:
    """A points program, one cent a point."""
    made: Program = ProgramFactory(name="Points")
    return made


def _form(program: Program | None = None, **fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": "Free coffee",
        "description": "Any size",
        "cost": "1,000",
        "kind": "product",
        "stock": "80",
        "per_customer": "2",
        "starts_at": "2026-12-01T00:00",
        "ends_at": "2026-12-31T23:59",
    }
    if program:
        values["program"] = program.pk
    return {name: value for name, value in (values | fields).items() if value is not None}


def _file(content: bytes, name: str = "mug.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="image/png")


def test_rw_6_a_reward_is_made_with_its_picture_and_shown(admin: Client, program: Program) -> None:
    tier, offer = TierFactory(program=program, name="Gold"), OfferFactory()
    form = _form(
        program, kind="code", offer=offer.pk, minimum_tier=tier.pk, picture=_file(a_picture())
    )
    response = admin.post(reverse("rewards:reward-new"), form, follow=True)
    reward = Reward.objects.get()
    assert response.redirect_chain == [(reverse("rewards:reward", args=[reward.pk]), 302)]
    assert (reward.cost, reward.stock, reward.minimum_tier) == (1000, 80, tier)
    assert reward.starts_at == datetime(2026, 11, 30, 23, tzinfo=UTC)  # midnight in Madrid
    text = response.content.decode()
    assert "Picture of Free coffee" in text
    listed = admin.get(reverse("rewards:catalogue")).content.decode()
    for said in ("Free coffee", "1,000 points", "80 of 80", "Gold and above", "2 each"):
        assert said in listed
    assert reverse("rewards:reward-picture", args=[reward.pk, reward.picture.digest]) in listed


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("cost", "0", "from 1 to"),
        ("cost", "many", "Enter a whole number such as 40."),
        ("cost", "", "Enter a whole number such as 500."),
        ("stock", "-1", "Enter a whole number such as 40."),
        ("kind", "code", ""),
        ("ends_at", "2026-11-01T00:00", "The end must come after the start."),
        ("ends_at", "soon", "valid date/time"),
        ("program", "", "Choose the program whose units buy it."),
    ],
)
def test_ev_1_a_mistake_is_said_beside_its_field_and_what_was_typed_stays(
    admin: Client, program: Program, field: str, typed: str, said: str
) -> None:
    response = admin.post(reverse("rewards:reward-new"), _form(program) | {field: typed})
    assert response.status_code == 422
    at = "offer" if typed == "code" else field
    (error,) = response.context["form"].errors[at]
    assert said in error
    text = response.content.decode()
    assert f'id="reward_{at}_error"' in text
    assert 'value="Any size"' in text
    assert not Reward.objects.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"MZ\x90\x00", "This is no PNG, JPEG or WebP picture."),
        (b"x" * (MAX_BYTES + 1), "at most 1 MB can be taken"),
        (b"", "The submitted file is empty."),
    ],
    ids=["no picture", "too large", "empty"],
)
def test_ev_1_a_bad_picture_is_said_beside_its_field(
    admin: Client, program: Program, content: bytes, said: str
) -> None:
    form = _form(program, picture=_file(content))
    response = admin.post(reverse("rewards:reward-new"), form)
    assert response.status_code == 422
    (error,) = response.context["form"].errors["picture"]
    assert said in error
    assert 'value="Free coffee"' in response.content.decode()
    assert not Reward.objects.exists()


def test_a_good_picture_in_a_refused_form_has_to_be_chosen_again(
    admin: Client, program: Program
) -> None:
    form = _form(program, cost="0", picture=_file(a_picture()))
    response = admin.post(reverse("rewards:reward-new"), form)
    assert "Choose the picture again" in response.content.decode()


def test_rw_6_an_edit_says_what_it_means_and_keeps_what_is_gone(
    admin: Client, program: Program
) -> None:
    reward = RewardFactory(program=program, name="Free coffee", stock=80, taken=35, cost=500)
    url = reverse("rewards:reward-edit", args=[reward.pk])
    page = admin.get(url)
    assert "Nothing changes." in page.content.decode()
    form = _form(seen=page.context["form"]["seen"].value())
    preview = reverse("rewards:reward-preview")
    said = admin.get(preview, {**form, "reward": reward.pk}).content.decode()
    assert "From now on it costs 1,000 points, worth €10.00." in said
    said = admin.get(preview, {**form, "reward": reward.pk, "stock": "34"}).content.decode()
    assert "35 are gone already" in said
    refused = admin.post(url, form | {"stock": "34"})
    assert refused.status_code == 422
    assert refused.context["form"].errors["stock"]
    response = admin.post(url, form, follow=True)
    assert "From now on it costs 1,000 points" in response.content.decode()
    assert "45 of 80" in response.content.decode()


def test_ev_3_a_stale_form_is_told_so_and_may_be_sent_again(
    admin: Client, program: Program
) -> None:
    reward = RewardFactory(program=program)
    url = reverse("rewards:reward-edit", args=[reward.pk])
    seen = admin.get(url).context["form"]["seen"].value()
    Reward.objects.filter(pk=reward.pk).update(cost=7)
    response = admin.post(url, _form(seen=seen))
    assert response.status_code == 422
    text = response.content.decode()
    assert "Somebody has changed this reward meanwhile." in text
    assert "Now it costs 7 points" in text
    again = response.context["form"]["seen"].value()
    assert admin.post(url, _form(seen=again)).status_code == 302


def test_the_preview_of_a_new_reward_tells_all_of_it(admin: Client, program: Program) -> None:
    url = reverse("rewards:reward-preview")
    said = admin.get(url, _form(program)).content.decode()
    for sentence in (
        "It is called “Free coffee”.",
        "There are 80 in all; 0 are gone, 80 can still be had.",
        "Each customer can have it 2 times.",
        "Every member can have it.",
        "It can be had from 1 Dec 2026, 00:00 until 31 Dec 2026, 23:59.",
    ):
        assert sentence in said
    assert "Fill in what is missing" in admin.get(url).content.decode()
    assert admin.get(url, {"reward": "999999"}).status_code == 404


def test_a_picture_is_kept_by_browsers_for_good_and_known_again(
    admin: Client, program: Program
) -> None:
    made = a_pictured_reward(program)
    url = reverse("rewards:reward-picture", args=[made["reward_id"], made["digest"]])
    first = admin.get(url)
    assert first["Content-Type"] == "image/webp"
    assert first["Cache-Control"] == "private, max-age=31536000, immutable"
    assert first["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in first["Content-Security-Policy"]
    again = admin.get(url, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    gone = reverse("rewards:reward-picture", args=[made["reward_id"], "0" * 64])
    assert admin.get(gone).status_code == 404


def test_a_picture_is_taken_away_and_exchanged_in_the_form(admin: Client, program: Program) -> None:
    made = a_pictured_reward(program)
    url = reverse("rewards:reward-edit", args=[made["reward_id"]])
    fields = _form(kind="code", offer=made["offer_id"])
    admin.post(url, fields | {"picture": _file(a_picture(size=(9, 9)))})
    assert RewardPicture.objects.get().digest != made["digest"]
    assert "Take the picture away" in admin.get(url).content.decode()
    admin.post(url, fields | {"remove_picture": "on"})
    assert not RewardPicture.objects.exists()


def test_switching_off_offers_to_undo(admin: Client, program: Program) -> None:
    reward = RewardFactory(program=program)
    response = admin.post(
        reverse("rewards:reward-off", args=[reward.pk]), headers={"HX-Request": "true"}
    )
    assert reverse("rewards:reward-on", args=[reward.pk]) in response.content.decode()
    assert "reward-changed" in response["HX-Trigger"]
    reward.refresh_from_db()
    assert not reward.is_active


def test_the_form_offers_what_can_be_chosen(admin: Client, program: Program) -> None:
    off, on = OfferFactory(is_active=False), OfferFactory()
    mine, other = TierFactory(program=program), TierFactory()
    reward = RewardFactory(program=program)
    form = admin.get(reverse("rewards:reward-edit", args=[reward.pk])).context["form"]
    assert set(form.fields["offer"].queryset) == {on}
    assert set(form.fields["minimum_tier"].queryset) == {mine}
    form = admin.get(reverse("rewards:reward-new"), {"program": program.pk}).context["form"]
    assert set(form.fields["minimum_tier"].queryset) == {mine, other}
    assert str(form["program"].value()) == str(program.pk)
    assert off not in form.fields["offer"].queryset


def test_who_may_only_read_sees_no_way_to_change(client: Client, program: Program) -> None:
    client.force_login(UserFactory(auditor=True))
    reward = RewardFactory(program=program)
    for url in (reverse("rewards:catalogue"), reverse("rewards:reward", args=[reward.pk])):
        text = client.get(url).content.decode()
        assert reward.name in text
        assert reverse("rewards:reward-new") not in text
        assert reverse("rewards:reward-edit", args=[reward.pk]) not in text


def test_the_catalogue_can_be_narrowed_to_a_program(admin: Client, program: Program) -> None:
    mine, other = RewardFactory(program=program, name="Mine"), RewardFactory(name="Other")
    url = reverse("rewards:catalogue")
    text = admin.get(url, {"program": program.pk}, headers={"HX-Request": "true"}).content.decode()
    assert mine.name in text
    assert other.name not in text
    assert "<html" not in text
    assert other.name in admin.get(url, {"program": "x"}).content.decode()


def test_an_empty_catalogue_says_what_to_do(admin: Client) -> None:
    assert "Make the first reward" in admin.get(reverse("rewards:catalogue")).content.decode()


def test_the_pages_of_rewards_cost_the_same_however_many_there_are(
    admin: Client, program: Program
) -> None:
    made = a_pictured_reward(program)
    RewardFactory.create_batch(3, program=program, code=True)
    admin.get(reverse("rewards:catalogue"))
    with assert_queries("rewards: catalogue"):
        admin.get(reverse("rewards:catalogue"))
    with assert_queries("rewards: one"):
        admin.get(reverse("rewards:reward", args=[made["reward_id"]]))
