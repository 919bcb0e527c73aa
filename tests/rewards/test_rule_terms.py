"""What a rule can say, what no rule can, and how versions are published."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from activity.models import AuditRecord
from loyalty_admin.common.errors import InvalidInput, NotAllowed, StaleView
from rewards.actions.programs import RuleTerms, check_terms, create_rule, publish_rule, switch_rule
from rewards.models import EarningRule, EarningRuleVersion, Program
from rewards.selectors.words import rule_in_words
from tests.factories import ProgramFactory, actor_for
from tests.rewards.ledger import SYSTEM

pytestmark = pytest.mark.django_db

PER_EURO = RuleTerms(units=1, per=Decimal(1), currency="EUR")
SIGN_UP = replace(PER_EURO, units=100, trigger="sign_up", measure="order")
DAY = datetime(2026, 12, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (replace(PER_EURO, units=0), "units"),
        (replace(PER_EURO, units=10**10), "units"),
        (replace(PER_EURO, per=Decimal(0)), "per"),
        (replace(PER_EURO, per=Decimal("NaN")), "per"),
        (replace(PER_EURO, measure="order", per=Decimal(2)), "per"),
        (replace(PER_EURO, currency="XXQ"), "currency"),
        (replace(PER_EURO, trigger="weather"), "trigger"),
        (replace(PER_EURO, measure="weight"), "measure"),
        (replace(PER_EURO, cap_per_order=0), "cap_per_order"),
        (replace(PER_EURO, cap_per_day=0), "cap_per_day"),
        (replace(PER_EURO, cap_per_customer=-1), "cap_per_customer"),
        (replace(PER_EURO, starts_at=DAY, ends_at=DAY), "ends_at"),
        (replace(SIGN_UP, measure="amount"), "measure"),
        (replace(SIGN_UP, per=Decimal(2)), "per"),
        (replace(SIGN_UP, categories=["COFFEE"]), "categories"),
        (replace(SIGN_UP, skus=["C-1"]), "skus"),
        (replace(SIGN_UP, cap_per_order=5), "cap_per_order"),
        (replace(SIGN_UP, stores=["gran-via"]), "stores"),
        (replace(SIGN_UP, trigger="birthday", channels=["web"]), "channels"),
    ],
)
def test_rw_2_terms_that_no_rule_can_have_name_their_field(wrong: RuleTerms, field: str) -> None:
    program = ProgramFactory()

    with pytest.raises(InvalidInput) as refusal:
        create_rule(actor=SYSTEM, program_id=program.pk, name="Rule", terms=wrong)

    assert refusal.value.field == field
    assert not EarningRule.objects.exists()


@pytest.mark.parametrize("trigger", ["newsletter", "review", "referral"])
def test_rw_2_events_may_be_limited_to_stores(trigger: str) -> None:
    check_terms(replace(SIGN_UP, trigger=trigger, stores=["gran-via"], cap_per_day=100))


def test_rw_2_a_rule_made_twice_is_made_once_and_its_name_is_its_own() -> None:
    program: Program = ProgramFactory()
    made = [
        create_rule(actor=SYSTEM, program_id=program.pk, name="Euro", terms=PER_EURO)
        for _ in range(2)
    ]

    assert made[0] == made[1]
    assert EarningRuleVersion.objects.count() == 1
    with pytest.raises(InvalidInput) as refusal:
        create_rule(actor=SYSTEM, program_id=program.pk, name="euro ", terms=SIGN_UP)
    assert refusal.value.field == "name"
    create_rule(actor=SYSTEM, program_id=ProgramFactory().pk, name="Euro", terms=SIGN_UP)


def test_ev_3_a_version_published_meanwhile_is_told_and_one_sent_twice_is_one() -> None:
    rule = create_rule(actor=SYSTEM, program_id=ProgramFactory().pk, name="Euro", terms=PER_EURO)
    double = replace(PER_EURO, units=2)

    for _ in range(2):
        publish_rule(actor=SYSTEM, rule_id=rule.pk, terms=double, seen_number=1)
    with pytest.raises(StaleView):
        publish_rule(actor=SYSTEM, rule_id=rule.pk, terms=SIGN_UP, seen_number=1)

    assert list(rule.versions.values_list("number", "units")) == [(2, 2), (1, 1)]


def test_a_switch_that_is_there_already_leaves_no_trace() -> None:
    rule = create_rule(actor=SYSTEM, program_id=ProgramFactory().pk, name="Euro", terms=PER_EURO)

    for on in (True, False, False, True):
        switch_rule(actor=SYSTEM, rule_id=rule.pk, is_active=on)

    assert AuditRecord.objects.filter(verb="rule.switched").count() == 2
    with pytest.raises(NotAllowed):
        switch_rule(actor=actor_for(lead=True), rule_id=rule.pk, is_active=False)


def test_rw_2_rules_read_as_sentences() -> None:
    points: Program = ProgramFactory()
    card: Program = ProgramFactory(stamps=True, tier_basis="lifetime_units")
    once = replace(PER_EURO, multiplied_by_tier=False)
    pastry = replace(
        PER_EURO, measure="items", categories=["PASTRY"], stores=["gran-via", "retiro"],
        channels=["shop"], starts_at=DAY, ends_at=DAY + timedelta(days=30), cap_per_day=3,
    )  # fmt: skip
    told = {
        rule_in_words(PER_EURO, points): "1 point for each €1.00",
        rule_in_words(replace(PER_EURO, categories=["COFFEE"], cap_per_order=50), points): (
            "1 point for each €1.00 of COFFEE, at most 50 points per order"
        ),
        rule_in_words(SIGN_UP, points): "100 points for signing up",
        rule_in_words(replace(SIGN_UP, trigger="review", cap_per_day=100), points): (
            "100 points for each review, at most 100 points per day"
        ),
        rule_in_words(replace(once, measure="order", categories=["TEA", "CUPS"]), card): (
            "1 stamp for each order with something of TEA or CUPS"
        ),
        rule_in_words(replace(once, measure="items", per=Decimal(3), currency="USD"), card): (
            "1 stamp for every 3 items, for orders in USD"
        ),
        rule_in_words(pastry, card): (
            "1 stamp for each item of PASTRY, in the stores gran-via or retiro, by shop only, "
            "from 1 Dec 2026 until 31 Dec 2026, at most 3 stamps per day, times the multiplier "
            "of the tier"
        ),
    }
    assert list(told) == list(told.values())
