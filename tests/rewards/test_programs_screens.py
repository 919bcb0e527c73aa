"""The screens of programs: read by everybody, changed by store admins, nothing lost on the way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from activity.models import AuditRecord
from rewards.actions.programs import change_program, says_now
from rewards.models import EarningRule, Program
from tests.factories import (
    EarningRuleVersionFactory,
    ProgramFactory,
    RewardFactory,
    TierFactory,
    TierMembershipFactory,
    UserFactory,
)
from tests.queries import assert_queries
from tests.rewards.ledger import SYSTEM, account_of

pytestmark = pytest.mark.django_db

POINTS = {
    "kind": "points", "code": "points", "name": "Club points", "unit_singular": "",
    "unit_plural": "", "unit_value": "0,01", "currency": "eur", "rounding": "down",
    "pending_days": "14", "expiry": "never", "expiry_days": "", "warning_days": "30",
    "reinstate_days": "60", "grace_days": "30", "card_size": "", "tier_basis": "none",
    "tier_window_days": "365", "tier_grace_days": "30",
}  # fmt: skip
HTMX = {"HX-Request": "true"}


@pytest.fixture
def admin(client: Client) -> Client:
    """Inés sets things up."""
    client.force_login(UserFactory(store_admin=True, name="Inés"))
    return client


def page(name: str, *args: int) -> str:
    return reverse(f"rewards:{name}", args=args)


def errors_of(response: Any) -> dict[str, list[str]]:
    return {name: list(told) for name, told in response.context["form"].errors.items()}


def test_ad_1_a_program_is_made_and_its_page_says_it_in_words(admin: Client) -> None:
    response = admin.post(page("program-new"), POINTS, follow=True)

    program = Program.objects.get()
    assert response.redirect_chain == [(page("program", program.pk), 302)]
    assert (program.status, program.unit_value) == ("draft", Decimal("0.01"))
    assert (program.currency, program.unit_plural) == ("EUR", "points")
    for words in ("“Club points” was made as a draft.", "14 days after the order", "Program made"):
        assert words in response.text
    assert "Inés" in response.text


def test_ad_1_stamps_have_a_card_and_points_have_none(admin: Client) -> None:
    stamps = POINTS | {"kind": "stamps", "code": "card", "card_size": ""}

    assert errors_of(admin.post(page("program-new"), stamps)) == {
        "card_size": ["Say how many stamps fill a card, such as 10."]
    }
    admin.post(page("program-new"), stamps | {"card_size": "10"})
    admin.post(page("program-new"), POINTS | {"card_size": "nonsense"})  # hidden for points

    sizes = dict(Program.objects.values_list("code", "card_size"))
    assert sizes == {"card": 10, "points": None}
    assert Program.objects.get(code="card").unit_singular == "stamp"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"code": "club points"}, "code"),
        ({"unit_value": "a cent"}, "unit_value"),
        ({"unit_value": "-1"}, "unit_value"),
        ({"unit_value": "0.00001"}, "unit_value"),
        ({"currency": "EURO"}, "currency"),
        ({"pending_days": "soon"}, "pending_days"),
        ({"pending_days": "99999"}, "pending_days"),
        ({"expiry": "per_lot"}, "expiry_days"),
        ({"expiry": "inactivity", "expiry_days": "0"}, "expiry_days"),
        ({"tier_basis": "window_units", "tier_window_days": ""}, "tier_window_days"),
        ({"name": "a\x00b"}, "name"),
    ],
)
def test_ev_1_bad_input_is_said_beside_its_field_and_what_was_typed_stays(
    admin: Client, wrong: dict[str, str], field: str
) -> None:
    response = admin.post(page("program-new"), POINTS | wrong)

    assert response.status_code == 422
    assert set(errors_of(response)) == {field}
    assert response.context["form"]["warning_days"].value() == "30"
    assert not Program.objects.exists()


def test_ev_2_a_form_sent_twice_acts_once_and_a_taken_code_is_said(admin: Client) -> None:
    for _ in range(2):
        assert admin.post(page("program-new"), POINTS).status_code == 302
    assert Program.objects.count() == 1
    assert AuditRecord.objects.filter(verb="program.created").count() == 1

    taken = admin.post(page("program-new"), POINTS | {"name": "Others"})
    assert (taken.status_code, list(errors_of(taken))) == (422, ["code"])


def test_ad_1_a_change_is_previewed_saved_and_stands_in_the_history(admin: Client) -> None:
    program = ProgramFactory(name="Points")
    account_of(500, program=program)
    sent = POINTS | {"name": "Points", "pending_days": "0", "unit_value": "0.02"}
    sent |= {"unit_singular": "point", "unit_plural": "points", "seen": ""}
    url = page("program-edit", program.pk)

    foreseen = admin.get(page("program-preview", program.pk), sent, headers=HTMX)
    looked_at = admin.post(url, sent | {"preview": "1"})

    for response in (foreseen, looked_at):
        assert "500 points that are out are worth €10.00 instead of €5.00." in response.text
    program.refresh_from_db()
    assert program.unit_value == Decimal("0.01")

    saved = admin.post(url, sent, follow=True)
    program.refresh_from_db()
    assert program.unit_value == Decimal("0.02")
    assert "Settings changed" in saved.text
    assert "<del>0.0100</del>" in saved.text
    assert program.code != "points"  # the code is for good


def test_ev_3_two_people_on_one_program(admin: Client) -> None:
    program = ProgramFactory(name="Points")
    url = page("program-edit", program.pk)
    seen = admin.get(url).context["form"]["seen"].value()
    change_program(actor=SYSTEM, program_id=program.pk, name="Stars")
    sent = POINTS | {"name": "Points", "unit_value": "0.05", "seen": seen}

    refused = admin.post(url, sent)

    assert refused.status_code == 422
    assert "Somebody has changed this program meanwhile." in refused.text
    program.refresh_from_db()
    assert (program.name, program.unit_value) == ("Stars", Decimal("0.01"))
    again = refused.context["form"]["seen"].value()
    assert again == says_now(program)
    assert admin.post(url, sent | {"seen": again}).status_code == 302


def test_ad_1_pausing_asks_first_and_is_undone_from_the_toast(admin: Client) -> None:
    program = ProgramFactory()
    account_of(500, program=program)
    url = page("program-pause", program.pk)

    assert "1 member with 500 points can&#x27;t earn or spend" in admin.get(url, headers=HTMX).text
    done = admin.post(url, headers=HTMX)

    assert page("program-start", program.pk) in done.text
    assert "program-changed" in done["HX-Trigger"]
    program.refresh_from_db()
    assert program.status == "paused"
    admin.post(page("program-start", program.pk), headers=HTMX)
    program.refresh_from_db()
    assert program.is_running
    titles = [change.title for change in admin.get(page("program", program.pk)).context["changes"]]
    assert titles == ["Started", "Paused"]


def test_a_draft_can_not_be_paused(admin: Client) -> None:
    program = ProgramFactory(status="draft")

    refused = admin.post(page("program-pause", program.pk), headers=HTMX)

    assert refused.status_code == 409
    assert "It is a draft" in refused.text


def test_everybody_with_the_ledger_reads_and_finds_no_button(client: Client) -> None:
    version = EarningRuleVersionFactory()
    TierFactory(program=version.rule.program)
    client.force_login(UserFactory())

    for url in (page("programs"), page("program", version.rule.program_id), page("tiers")):
        response = client.get(url)
        assert response.status_code == 200
        assert "/new/" not in response.text
        assert "/edit/" not in response.text
    assert "Points &amp; stamps" in response.text  # the navigation


def test_an_empty_store_is_told_what_to_do(admin: Client) -> None:
    assert "Make the first program" in admin.get(page("programs")).text
    assert "No program has tiers" in admin.get(page("tiers")).text
    program = ProgramFactory(status="draft")
    text = admin.get(page("program", program.pk)).text
    for words in ("Make the first rule", "This program has no tiers", "This program is a draft"):
        assert words in text


def test_the_pages_ask_as_often_however_much_there_is(admin: Client) -> None:
    program = ProgramFactory(tier_basis="lifetime_units", stamps=True)
    for number in range(4):
        EarningRuleVersionFactory(rule__program=program)
        TierMembershipFactory(tier__program=program)
        RewardFactory(program=program)
        account_of(50, program=ProgramFactory())
        change_program(actor=SYSTEM, program_id=program.pk, name=f"Card {number}")
    for name, url in (
        ("programs", page("programs")),
        ("program", page("program", program.pk)),
        ("program settings", page("program-edit", program.pk)),
        ("tiers", page("tiers")),
        ("rule form", page("rule-edit", program.pk, EarningRule.objects.all()[0].pk)),
    ):
        with assert_queries(f"rewards: {name}"):
            admin.get(url)
