"""The steps of a ladder as a store admin sets them up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from activity.models import AuditRecord
from loyalty_admin.common.errors import Conflict, InvalidInput, NotAllowed, NotFound, StaleView
from rewards.actions.ladder import change_tier_step, create_tier, says_now, switch_tier
from rewards.models import Program, Tier
from tests.factories import (
    ProgramFactory,
    RewardFactory,
    TierMembershipFactory,
    UserFactory,
    actor_for,
)
from tests.rewards.ledger import SYSTEM, account_of

pytestmark = pytest.mark.django_db

GOLD: dict[str, Any] = {
    "name": "Gold", "threshold": Decimal(500), "multiplier": Decimal("1.5"), "entry_units": 100,
    "entry_reward_id": None,
}  # fmt: skip
HTMX = {"HX-Request": "true"}


@pytest.fixture
def program() -> Program:
    """A program whose ladder counts points."""
    made: Program = ProgramFactory(tier_basis="lifetime_units")
    return made


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(UserFactory(store_admin=True, name="Inés"))
    return client


def gold(program: Program, **fields: Any) -> Tier:
    return create_tier(actor=SYSTEM, program_id=program.pk, **(GOLD | fields))


def page(name: str, *args: int) -> str:
    return reverse(f"rewards:{name}", args=args)


def test_rw_11_a_step_is_made_once_changed_and_switched(program: Program) -> None:
    reward = RewardFactory(name="Free coffee")
    tier = gold(program, entry_reward_id=reward.pk)
    assert gold(program, entry_reward_id=reward.pk) == tier

    change_tier_step(actor=SYSTEM, tier_id=tier.pk, **(GOLD | {"threshold": Decimal(600)}))
    for on in (False, False, True):
        switch_tier(actor=SYSTEM, tier_id=tier.pk, is_active=on)

    tier.refresh_from_db()
    assert (tier.threshold, tier.entry_reward, tier.is_active) == (Decimal(600), None, True)
    created, changed, *switched = AuditRecord.objects.filter(object_type="tier").order_by("pk")
    assert (created.after or {})["entry_reward"] == "Free coffee"
    assert ((changed.before or {})["threshold"], (changed.after or {})["threshold"]) == (
        "500", "600",
    )  # fmt: skip
    assert [(record.verb, record.after) for record in switched] == [
        ("tier.switched", {"is_active": False}),
        ("tier.switched", {"is_active": True}),
    ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "silver"}, "name"),
        ({"name": "G" * 41}, "name"),
        ({"threshold": Decimal(0)}, "threshold"),
        ({"threshold": Decimal(100)}, "threshold"),
        ({"threshold": Decimal("99.5")}, "threshold"),
        ({"multiplier": Decimal("0.9")}, "multiplier"),
        ({"multiplier": Decimal(100)}, "multiplier"),
        ({"entry_units": -1}, "entry_units"),
        ({"entry_reward_id": 2**40}, "entry_reward"),
    ],
)
def test_rw_11_a_step_that_can_not_be_names_its_field(
    program: Program, wrong: dict[str, Any], field: str
) -> None:
    gold(program, name="Silver", threshold=Decimal(100))

    with pytest.raises(InvalidInput) as refusal:
        gold(program, **wrong)

    assert refusal.value.field == field
    assert Tier.objects.count() == 1


def test_a_reward_that_is_off_is_given_to_nobody(program: Program) -> None:
    with pytest.raises(InvalidInput) as refusal:
        gold(program, entry_reward_id=RewardFactory(is_active=False).pk)
    assert refusal.value.field == "entry_reward"


def test_a_ladder_needs_something_that_counts() -> None:
    with pytest.raises(Conflict):
        gold(ProgramFactory())
    with pytest.raises(NotFound):
        switch_tier(actor=SYSTEM, tier_id=1, is_active=True)
    spend = ProgramFactory(tier_basis="window_spend")
    assert gold(spend, threshold=Decimal("99.50")).threshold == Decimal("99.50")


def test_ev_3_a_step_changed_meanwhile_is_told(program: Program) -> None:
    tier = gold(program)
    seen = says_now(tier)
    change_tier_step(actor=SYSTEM, tier_id=tier.pk, seen=seen, **(GOLD | {"entry_units": 5}))

    with pytest.raises(StaleView):
        change_tier_step(actor=SYSTEM, tier_id=tier.pk, seen=seen, **(GOLD | {"entry_units": 9}))

    tier.refresh_from_db()
    assert tier.entry_units == 5


def test_only_store_admins_set_ladders_up(program: Program) -> None:
    tier, lead = gold(program), actor_for(lead=True)

    with pytest.raises(NotAllowed):
        create_tier(actor=lead, program_id=program.pk, **GOLD)
    with pytest.raises(NotAllowed):
        change_tier_step(actor=lead, tier_id=tier.pk, **GOLD)
    with pytest.raises(NotAllowed):
        switch_tier(actor=lead, tier_id=tier.pk, is_active=False)


def test_ad_1_a_tier_is_added_in_a_dialog_that_says_who_will_stand_on_it(
    admin: Client, program: Program
) -> None:
    for balance in (100, 600, 700):
        account_of(balance, program=program)
    sent = {"name": "Gold", "threshold": "500", "multiplier": "1,5", "entry_units": "10"}

    foreseen = admin.get(page("step-new-preview", program.pk), sent, headers=HTMX)
    assert "Have earned it by now: 2 customers of 3 members, 67 %." in foreseen.text
    assert "They get 20 points for it, worth €0.20 in all." in foreseen.text
    done = admin.post(page("step-new", program.pk), sent, headers=HTMX)

    assert "program-changed" in done["HX-Trigger"]
    tier = Tier.objects.get()
    assert (tier.threshold, tier.multiplier, tier.entry_units) == (Decimal(500), Decimal("1.5"), 10)
    text = admin.get(page("tiers")).text
    assert "earns 1.5 times as much; 10 points on arrival, once" in text
    assert "Tier “Gold” made" in admin.get(page("program", program.pk)).text


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"threshold": ""}, "threshold"), ({"threshold": "0"}, "threshold"),
     ({"multiplier": "0,5"}, "multiplier"), ({"entry_units": "-5"}, "entry_units"),
     ({"entry_reward": "999"}, "entry_reward"), ({"name": ""}, "name")],
)  # fmt: skip
def test_ev_1_the_dialog_comes_back_with_what_is_wrong(
    admin: Client, program: Program, wrong: dict[str, str], field: str
) -> None:
    sent = {"name": "Gold", "threshold": "500", "multiplier": "1", "entry_units": ""} | wrong

    response = admin.post(page("step-new", program.pk), sent, headers=HTMX)

    assert response.status_code == 422
    assert set(response.context["form"].errors) == {field}
    assert not Tier.objects.exists()


def test_ad_1_taking_a_step_out_says_who_stands_on_it_and_is_undone(
    admin: Client, program: Program
) -> None:
    tier = gold(program)
    TierMembershipFactory(tier=tier)
    off, on = page("step-off", program.pk, tier.pk), page("step-on", program.pk, tier.pk)

    assert "On it now: 1 customer, who keep it for 30 days." in admin.get(off, headers=HTMX).text
    assert on in admin.post(off, headers=HTMX).text

    tier.refresh_from_db()
    assert not tier.is_active
    admin.post(on, headers=HTMX)
    tier.refresh_from_db()
    assert tier.is_active


def test_without_a_basis_the_way_to_it_is_shown(admin: Client) -> None:
    program = ProgramFactory()

    response = admin.get(page("step-new", program.pk), follow=True)

    assert response.redirect_chain[0][0] == page("program", program.pk)
    assert "what counts for its tiers" in response.text
