"""The screens of earning rules: what is asked, what is left out, and what the preview says."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from activity.models import AuditRecord
from rewards.actions.programs import RuleTerms, create_rule, publish_rule
from rewards.models import EarningRule, EarningRuleVersion, Program
from tests.factories import (
    CustomerFactory,
    OrderFactory,
    OrderLineFactory,
    ProgramFactory,
    StoreFactory,
    UserFactory,
)
from tests.rewards.ledger import SYSTEM

pytestmark = pytest.mark.django_db

EURO = {
    "name": "Each euro", "trigger": "order", "units": "1", "measure": "amount", "per": "1,00",
    "currency": "EUR", "multiplied_by_tier": "on",
}  # fmt: skip
HTMX = {"HX-Request": "true"}


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(UserFactory(store_admin=True, name="Inés"))
    return client


@pytest.fixture
def program() -> Program:
    made: Program = ProgramFactory()
    return made


@pytest.fixture
def rule(program: Program) -> EarningRule:
    """One point for each euro."""
    terms = RuleTerms(units=1, per=Decimal(1), currency="EUR")
    return create_rule(actor=SYSTEM, program_id=program.pk, name="Each euro", terms=terms)


def page(name: str, *args: int) -> str:
    return reverse(f"rewards:{name}", args=args)


def errors_of(response: Any) -> set[str]:
    return set(response.context["form"].errors)


def test_ad_1_a_rule_is_made_as_it_was_typed(admin: Client, program: Program) -> None:
    StoreFactory(code="gran-via")
    sent = EURO | {
        "categories": " COFFEE, TEA ,COFFEE", "skus": "C-1; C-2", "stores": ["gran-via"],
        "channels": ["shop"], "starts_at": "2026-12-01T09:00", "ends_at": "2026-12-31T00:00",
        "cap_per_order": "1,000", "cap_per_day": "2000", "multiplied_by_tier": "",
    }  # fmt: skip

    done = admin.post(page("rule-new", program.pk), sent, follow=True)

    version = EarningRuleVersion.objects.get()
    assert (version.categories, version.skus) == (["COFFEE", "TEA"], ["C-1", "C-2"])
    assert (version.stores, version.channels) == (["gran-via"], ["shop"])
    assert (version.cap_per_order, version.cap_per_day) == (1000, 2000)
    assert not version.multiplied_by_tier
    assert timezone.localtime(version.starts_at).hour == 9
    assert "“Each euro” was saved: 1 point for each €1.00 of COFFEE or TEA" in done.text


def test_ad_1_what_makes_no_sense_for_a_trigger_is_left_out(
    admin: Client, program: Program
) -> None:
    sent = EURO | {
        "name": "Welcome", "trigger": "sign_up", "units": "100", "per": "nonsense",
        "categories": "COFFEE", "channels": ["web"], "cap_per_order": "many",
    }  # fmt: skip

    assert admin.post(page("rule-new", program.pk), sent).status_code == 302

    version = EarningRuleVersion.objects.get()
    assert (version.trigger, version.measure, version.per) == ("sign_up", "order", Decimal(1))
    assert (version.categories, version.channels, version.cap_per_order) == ([], [], None)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"units": ""}, "units"),
        ({"units": "0"}, "units"),
        ({"units": "1.5"}, "units"),
        ({"per": ""}, "per"),
        ({"per": "0"}, "per"),
        ({"per": "1,000"}, "per"),
        ({"currency": "USD"}, "currency"),
        ({"stores": ["nowhere"]}, "stores"),
        ({"categories": "C" * 81}, "categories"),
        ({"cap_per_day": "0"}, "cap_per_day"),
        ({"starts_at": "2026-12-01T09:00", "ends_at": "2026-12-01T09:00"}, "ends_at"),
        ({"ends_at": "tomorrow"}, "ends_at"),
    ],
)
def test_ev_1_bad_input_is_said_beside_its_field(
    admin: Client, program: Program, wrong: dict[str, Any], field: str
) -> None:
    response = admin.post(page("rule-new", program.pk), EURO | {"skus": "C-1"} | wrong)

    assert (response.status_code, errors_of(response)) == (422, {field})
    assert response.context["form"]["skus"].value() == "C-1"
    assert not EarningRule.objects.exists()


def test_ev_2_a_rule_sent_twice_is_made_once(admin: Client, program: Program) -> None:
    for _ in range(2):
        assert admin.post(page("rule-new", program.pk), EURO).status_code == 302

    assert EarningRuleVersion.objects.count() == 1
    taken = admin.post(page("rule-new", program.pk), EURO | {"units": "2"})
    assert (taken.status_code, errors_of(taken)) == (422, {"name"})


def test_ad_2_the_draft_of_a_version_is_compared_with_the_one_in_force(
    admin: Client, program: Program, rule: EarningRule
) -> None:
    member = CustomerFactory()
    for total in ("10.00", "20.50"):
        order = OrderFactory(
            customer=member, total=Decimal(total), placed_at=timezone.now() - timedelta(days=2)
        )
        OrderLineFactory(order=order, total=Decimal(total))
    sent = EURO | {"units": "3", "per": "1", "seen_number": "1"}

    foreseen = admin.get(page("rule-preview", program.pk, rule.pk), sent, headers=HTMX)
    looked_at = admin.post(page("rule-edit", program.pk, rule.pk), sent | {"preview": "1"})

    for words in (
        "It will say: 3 points for each €1.00.",
        "Now: 30 points, worth €0.30; earned 2 times by 1 customer",
        "With this: 90 points, worth €0.90; earned 2 times by 1 customer",
        "Difference: +60 points, +€0.60",
        "Customers who get more: 1; less: 0",
    ):
        assert words in foreseen.text
        assert words in looked_at.text
    assert rule.versions.count() == 1


def test_rw_2_a_new_version_stands_beside_what_was_said_before(
    admin: Client, program: Program, rule: EarningRule
) -> None:
    url, later = page("rule-edit", program.pk, rule.pk), timezone.now() + timedelta(days=3)
    sent = EURO | {"units": "2", "seen_number": "1"}

    admin.post(url, sent)
    admin.post(url, sent)  # sent twice
    to_come = f"{timezone.localtime(later):%Y-%m-%dT%H:%M}"
    admin.post(url, sent | {"units": "5", "seen_number": "2", "effective_from": to_come})

    shown = admin.get(page("program", program.pk)).context["rules"][0]
    assert shown.now.sentence == "2 points for each €1.00"
    assert [version.sentence for version in shown.later] == ["5 points for each €1.00"]
    assert [version.sentence for version in shown.before] == ["1 point for each €1.00"]
    past = admin.post(url, sent | {"seen_number": "3", "effective_from": "2020-01-01T00:00"})
    assert errors_of(past) == {"effective_from"}
    assert AuditRecord.objects.filter(verb="rule.published").count() == 3


def test_ev_3_a_version_published_meanwhile_is_told(
    admin: Client, program: Program, rule: EarningRule
) -> None:
    terms = RuleTerms(units=7, per=Decimal(1), currency="EUR")
    publish_rule(actor=SYSTEM, rule_id=rule.pk, terms=terms)
    sent = EURO | {"units": "2", "seen_number": "1"}

    refused = admin.post(page("rule-edit", program.pk, rule.pk), sent)

    assert refused.status_code == 422
    assert "Version 2 was published meanwhile." in refused.text
    again = refused.context["form"]["seen_number"].value()
    assert again == "2"
    admin.post(page("rule-edit", program.pk, rule.pk), sent | {"seen_number": again})
    assert rule.versions.count() == 3


def test_ad_1_a_rule_is_switched_off_and_back_on_by_undo(
    admin: Client, program: Program, rule: EarningRule
) -> None:
    off, on = page("rule-off", program.pk, rule.pk), page("rule-on", program.pk, rule.pk)

    assert "From now on it earns nothing" in admin.get(off, headers=HTMX).text
    assert on in admin.post(off, headers=HTMX).text

    rule.refresh_from_db()
    assert not rule.is_active
    admin.post(on, headers=HTMX)
    rule.refresh_from_db()
    assert rule.is_active


def test_a_rule_belongs_to_its_program(admin: Client, rule: EarningRule) -> None:
    other = ProgramFactory()

    for name in ("rule-edit", "rule-preview", "rule-on", "rule-off"):
        assert admin.get(page(name, other.pk, rule.pk)).status_code == 404
