"""Discount codes: what they look like, what becomes of them, and that no two are alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from activity.models import AuditRecord
from customers.find import find
from customers.models import Customer
from discounts.actions import codes
from discounts.actions.codes import (
    ALPHABET,
    LENGTH,
    CodeExpired,
    CodeUsed,
    CodeVoided,
    issue_code,
    lock_code,
    new_text,
    restore_code,
    spellings_of,
    use_code,
    void_code,
)
from discounts.models import DiscountCode, Offer
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import NotFound
from loyalty_admin.staff.permissions import actor_of
from tests.concurrency.threads import together
from tests.factories import CustomerFactory, DiscountCodeFactory, OfferFactory, UserFactory

SYSTEM = Actor.system("test")
pytestmark = pytest.mark.django_db


def issue(offer: Offer, customer: Customer | None = None, **fields: Any) -> DiscountCode:
    """A code of this offer, made in a transaction of its own."""
    fields.setdefault("at", timezone.now())
    with transaction.atomic():
        return issue_code(
            actor=SYSTEM,
            offer=offer,
            customer_id=customer.pk if customer else None,
            source=DiscountCode.Source.REDEMPTION,
            **fields,
        )


def act(action: Callable[..., None], code: DiscountCode, **fields: Any) -> DiscountCode:
    """The code after this act on it, locked as callers lock it."""
    with transaction.atomic():
        action(actor=SYSTEM, code=lock_code(code.pk), **fields)
    code.refresh_from_db()
    return code


def test_dc_3_a_code_is_dictated_without_doubt_and_not_to_be_guessed() -> None:
    text = new_text("GLD")
    prefix, *groups = text.split("-")
    assert prefix == "GLD"
    assert [len(group) for group in groups] == [4, 4, 5]
    for alike in ("0O", "1IL", "5S", "8B", "2Z", "UV"):
        assert len(set(alike) & set(ALPHABET)) <= 1, alike
    assert not set("AEIOU01LSBZ") & set(ALPHABET)
    assert LENGTH * math.log2(len(set(ALPHABET))) >= 60
    assert len({new_text("") for _ in range(1000)}) == 1000


def test_a_code_keeps_what_its_offer_said_when_it_was_made() -> None:
    offer, customer, now = OfferFactory(valid_days=30), CustomerFactory(), timezone.now()
    code = issue(offer, customer, at=now)
    Offer.objects.filter(pk=offer.pk).update(value=99, currency="USD")
    code.refresh_from_db()
    assert (code.kind, code.value, code.currency) == ("fixed", Decimal(5), "EUR")
    assert code.expires_at == now + timedelta(days=30)
    assert code.status == DiscountCode.Status.AVAILABLE
    record = AuditRecord.objects.get(verb="code.issued", object_id=code.pk)
    assert record.customer == customer
    assert record.after is not None
    assert record.after["code"] == code.code


def test_a_caller_may_say_how_long_it_can_be_used() -> None:
    now = timezone.now()
    assert issue(OfferFactory(), at=now, valid_days=3).expires_at == now + timedelta(days=3)


def test_a_code_that_is_there_already_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = DiscountCodeFactory()
    drawn = iter([taken.code, taken.code, "GLD-FREE"])
    monkeypatch.setattr(codes, "new_text", lambda _prefix: next(drawn))
    assert issue(OfferFactory()).code == "GLD-FREE"


def test_drawing_ends_when_there_is_nothing_to_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = DiscountCodeFactory()
    monkeypatch.setattr(codes, "new_text", lambda _prefix: taken.code)
    with pytest.raises(IntegrityError):
        issue(OfferFactory())


def test_a_voided_code_can_not_be_used_and_says_who_deleted_it_and_why() -> None:
    code = act(void_code, issue(OfferFactory()), reason="cancelled", at=timezone.now())
    assert (code.status, code.void_reason) == ("voided", "cancelled")
    first = code.voided_at
    act(void_code, code, reason="again", at=timezone.now())
    assert (code.voided_at, code.void_reason) == (first, "cancelled")
    with pytest.raises(CodeVoided):
        act(use_code, code, at=timezone.now())
    assert AuditRecord.objects.filter(verb="code.voided").count() == 1


def test_a_used_code_is_neither_used_again_nor_voided() -> None:
    code = act(use_code, issue(OfferFactory()), at=timezone.now())
    assert code.status == "used"
    with pytest.raises(CodeUsed, match=code.code):
        act(use_code, code, at=timezone.now())
    with pytest.raises(CodeUsed):
        act(void_code, code, reason="", at=timezone.now())


def test_a_code_is_good_until_its_end_and_not_after() -> None:
    code = issue(OfferFactory())
    assert code.expires_at is not None
    with pytest.raises(CodeExpired):
        act(use_code, code, at=code.expires_at)
    assert act(use_code, code, at=code.expires_at - timedelta(seconds=1)).status == "used"


@pytest.mark.parametrize("status", ["used", "voided"])
def test_a_code_that_was_taken_by_mistake_can_be_restored(status: str) -> None:
    code = issue(OfferFactory())
    if status == "used":
        act(use_code, code, at=timezone.now())
    else:
        act(void_code, code, reason="oops", at=timezone.now())
    act(restore_code, code)
    act(restore_code, code)
    assert (code.status, code.used_at, code.voided_at, code.void_reason) == (
        "available", None, None, "",
    )  # fmt: skip
    assert AuditRecord.objects.filter(verb="code.restored").count() == 1


def test_there_is_no_code_to_lock_where_there_is_none() -> None:
    with pytest.raises(NotFound), transaction.atomic():
        lock_code(0)


@pytest.mark.parametrize(
    "typed",
    ["GLD-7KQ4-M2XP-9RTVW", "gld-7kq4-m2xp-9rtvw", "gld7kq4m2xp9rtvw", " GLD 7KQ4 M2XP 9RTVW "],
)
def test_a_code_is_read_in_any_writing(typed: str) -> None:
    assert "GLD-7KQ4-M2XP-9RTVW" in spellings_of(typed)


def test_what_is_no_code_is_left_as_it_is() -> None:
    assert spellings_of("Ana Pérez") == ["ANA PÉREZ"]


def test_cu_2_a_code_typed_anywhere_leads_to_its_customer(client: Client) -> None:
    agent = UserFactory()
    client.force_login(agent)
    code = DiscountCodeFactory(code="GLD-7KQ4-M2XP-9RTVW")
    response = client.get(reverse("customers:find"), {"q": "gld7kq4m2xp9rtvw"})
    assert response.status_code == 302
    assert response["Location"] == reverse("customers:profile", args=[code.customer_id])
    (found,) = find("gld-7kq4-m2xp-9rtvw", actor_of(agent)).exact
    assert (found.value, found.chip_label) == ("€5.00 off", "Available")
    DiscountCodeFactory(code="GLD-7KQ4-M2XP-9RTVX", customer=None)
    assert not find("GLD-7KQ4-M2XP-9RTVX", actor_of(agent)).exact


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_many_who_draw_the_same_codes_at_once_get_different_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twenty draw from three texts and one that is left over, so nearly all collide."""
    offer = OfferFactory()
    fresh = iter([f"GLD-{n}" for n in range(20)])
    drawn: list[str] = []

    def few(_prefix: str) -> str:
        drawn.append("x")
        return f"GLD-SAME-{len(drawn) % 3}" if len(drawn) <= 20 else next(fresh)

    monkeypatch.setattr(codes, "new_text", few)
    made = together([partial(issue, offer)] * 20)
    assert not [outcome for outcome in made if isinstance(outcome, Exception)]
    texts = [outcome.code for outcome in made if isinstance(outcome, DiscountCode)]
    assert len(set(texts)) == 20
    assert len(drawn) > 20


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_code_is_used_once_by_twenty_tills() -> None:
    code = issue(OfferFactory())
    outcomes = together([partial(act, use_code, code, at=timezone.now())] * 20)
    refused = [outcome for outcome in outcomes if isinstance(outcome, CodeUsed)]
    assert len(refused) == 19
    assert AuditRecord.objects.filter(verb="code.used").count() == 1
