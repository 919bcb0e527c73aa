"""Offers: what can be set up, what is refused, and what a change does to codes that exist."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from activity.models import AuditRecord
from discounts.actions import offers as acts
from discounts.actions.offers import (
    OfferTerms,
    change_offer,
    create_offer,
    says_now,
    switch_offer,
)
from discounts.models import Offer, ValueKind
from discounts.selectors import COUNTED, in_words, usable_codes, what_a_change_means
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import (
    Conflict,
    DomainError,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleView,
)
from tests.concurrency.threads import together
from tests.factories import DiscountCodeFactory, OfferFactory, actor_for

SYSTEM = Actor.system("test")
pytestmark = pytest.mark.django_db

TEN_PERCENT = OfferTerms(
    name="Ten off coffee", kind=ValueKind.PERCENTAGE, value=Decimal(10), currency="EUR",
    value_cap=Decimal(20), minimum_spend=Decimal(30), categories=("COFFEE",), prefix="gld",
)  # fmt: skip


def test_dc_3_an_offer_is_said_in_one_sentence() -> None:
    offer = create_offer(actor=SYSTEM, terms=TEN_PERCENT)
    said = "10 % off, at most €20.00, from €30.00, on COFFEE, usable once within 90 days"
    assert in_words(offer) == said
    assert offer.prefix == "GLD"
    record = AuditRecord.objects.get(verb="offer.created", object_id=offer.pk)
    assert record.after is not None
    assert record.after["value"] == "10.00"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "shipping", "value": 0}, "Free shipping, usable once within 90 days"),
        ({"valid_days": 1}, "€5.00 off, usable once within 1 day"),
        (
            {"kind": "gift_card", "usage_limit": 3},
            "Gift card of €5.00, usable 3 times within 90 days",
        ),
        (
            {"categories": ["A", "B"], "skus": ["C", "D", "E"]},
            "€5.00 off, on A, B, C and 2 more, usable once within 90 days",
        ),
    ],
)
def test_every_kind_is_said(fields: dict[str, Any], said: str) -> None:
    assert in_words(OfferFactory.build(**fields)) == said


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("name", {"name": "  "}),
        ("name", {"name": "x" * 81}),
        ("name", {"name": "a\x00b"}),
        ("kind", {"kind": "cashback"}),
        ("value", {"value": Decimal(0)}),
        ("value", {"value": Decimal("100.5")}),
        ("value", {"value": Decimal(-5)}),
        ("value", {"kind": "fixed", "value": Decimal(0), "value_cap": None}),
        ("value", {"kind": "fixed", "value": Decimal("1.005"), "value_cap": None}),
        ("value", {"kind": "fixed", "currency": "JPY", "value": Decimal("1.5"), "value_cap": None}),
        ("value", {"kind": "fixed", "value": Decimal(10**11), "value_cap": None}),
        ("value", {"kind": "shipping", "value": Decimal(5), "value_cap": None}),
        ("value_cap", {"value_cap": Decimal(0)}),
        ("value_cap", {"kind": "fixed"}),
        ("minimum_spend", {"minimum_spend": Decimal(-1)}),
        ("currency", {"currency": "EUX"}),
        ("valid_days", {"valid_days": 0}),
        ("valid_days", {"valid_days": 3651}),
        ("usage_limit", {"usage_limit": 0}),
        ("prefix", {"prefix": "GOLD-50"}),
        ("prefix", {"prefix": "ÑANDÚ"}),
        ("prefix", {"prefix": "ELEVENCHARS"}),
        ("categories", {"categories": ("x" * 81,)}),
        ("skus", {"skus": tuple(map(str, range(101)))}),
    ],
)
def test_ev_1_what_can_not_be_right_is_refused_at_its_field(
    field: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_offer(actor=SYSTEM, terms=replace(TEN_PERCENT, **fields))
    assert caught.value.field == field
    assert not Offer.objects.exists()


def test_ev_2_the_same_offer_sent_twice_is_made_once_and_another_of_its_name_is_refused() -> None:
    first = create_offer(actor=SYSTEM, terms=TEN_PERCENT)
    assert create_offer(actor=SYSTEM, terms=TEN_PERCENT) == first
    with pytest.raises(Conflict) as caught:
        create_offer(actor=SYSTEM, terms=replace(TEN_PERCENT, value=Decimal(20)))
    assert caught.value.field == "name"
    assert AuditRecord.objects.filter(verb="offer.created").count() == 1


def test_only_who_may_configure_writes_offers() -> None:
    agent, offer = actor_for(), OfferFactory()
    attempts = (
        partial(create_offer, actor=agent, terms=TEN_PERCENT),
        partial(change_offer, actor=agent, offer_id=offer.pk, terms=TEN_PERCENT),
        partial(switch_offer, actor=agent, offer_id=offer.pk, is_active=False),
    )
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            attempt()


def test_a_change_is_written_down_and_leaves_codes_as_they_are() -> None:
    offer = create_offer(actor=SYSTEM, terms=TEN_PERCENT)
    code = DiscountCodeFactory(offer=offer)
    changed = change_offer(
        actor=SYSTEM, offer_id=offer.pk, terms=replace(TEN_PERCENT, value=Decimal(15)),
        seen=says_now(offer),
    )  # fmt: skip
    assert changed.value == 15
    code.refresh_from_db()
    assert code.value == 10
    record = AuditRecord.objects.get(verb="offer.changed")
    assert record.before is not None
    assert record.after is not None
    differ = [name for name, value in record.after.items() if value != record.before[name]]
    assert differ == ["value"]


def test_ev_3_what_somebody_else_changed_meanwhile_is_not_overwritten() -> None:
    offer = create_offer(actor=SYSTEM, terms=TEN_PERCENT)
    seen = says_now(offer)
    mine, theirs = replace(TEN_PERCENT, valid_days=30), replace(TEN_PERCENT, usage_limit=2)
    change = partial(change_offer, actor=SYSTEM, offer_id=offer.pk, seen=seen)
    change(terms=theirs)
    with pytest.raises(StaleView):
        change(terms=mine)
    change(terms=theirs)  # the same form sent twice is no conflict
    offer.refresh_from_db()
    assert (offer.valid_days, offer.usage_limit) == (90, 2)
    assert AuditRecord.objects.filter(verb="offer.changed").count() == 1


def test_a_name_that_is_taken_can_not_be_changed_to() -> None:
    taken, offer = OfferFactory(), create_offer(actor=SYSTEM, terms=TEN_PERCENT)
    with pytest.raises(Conflict, match=taken.name) as caught:
        change_offer(actor=SYSTEM, offer_id=offer.pk, terms=replace(TEN_PERCENT, name=taken.name))
    assert caught.value.field == "name"


def test_an_offer_is_switched_off_and_on_once_each() -> None:
    offer = OfferFactory()
    for is_active in (False, False, True, True):
        switched = switch_offer(actor=SYSTEM, offer_id=offer.pk, is_active=is_active)
        assert switched.is_active is is_active
    assert AuditRecord.objects.filter(verb="offer.switched").count() == 2
    with pytest.raises(NotFound):
        switch_offer(actor=SYSTEM, offer_id=0, is_active=True)


def test_a_promised_offer_stays_on(monkeypatch: pytest.MonkeyPatch) -> None:
    offer = OfferFactory()
    monkeypatch.setattr(acts, "offer_promised", lambda _id: [["Tea", "Cake"]])
    with pytest.raises(Conflict, match="“Tea”, “Cake”"):
        switch_offer(actor=SYSTEM, offer_id=offer.pk, is_active=False)
    offer.refresh_from_db()
    assert offer.is_active


def test_what_a_change_means_for_codes_that_exist_is_said() -> None:
    old, usable = OfferFactory(), 12
    dearer = Offer(**acts.state_of(old) | {"value": Decimal(9)})
    narrower = Offer(**acts.state_of(old) | {"minimum_spend": Decimal(9)})
    assert what_a_change_means(old, old, usable) == []
    assert what_a_change_means(old, dearer, 0) == []
    assert what_a_change_means(old, dearer, usable) == [
        "12 codes that can still be used keep their value and their end."
    ]
    assert what_a_change_means(old, narrower, COUNTED + 1) == [
        "The new limits hold for more than 1,000 codes that can still be used, too."
    ]


def test_only_codes_that_can_be_used_are_counted() -> None:
    offer = OfferFactory()
    DiscountCodeFactory.create_batch(2, offer=offer)
    DiscountCodeFactory()
    assert usable_codes(offer.pk) == 2


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_ev_2_twenty_who_send_the_same_offer_at_once_make_one() -> None:
    made = together([partial(create_offer, actor=SYSTEM, terms=TEN_PERCENT)] * 20)
    assert not [outcome for outcome in made if isinstance(outcome, DomainError | Exception)]
    assert Offer.objects.count() == 1
    assert AuditRecord.objects.filter(verb="offer.created").count() == 1
