"""RW-11: tiers on screen: the dialog, the strip, the history and the timeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from activity.models import Event
from customers.models import Customer
from rewards.actions.tiers import evaluate_all
from rewards.models import Account, Operation, Program, TierMembership
from tests.factories import RewardFactory, TierFactory, UserFactory
from tests.queries import assert_queries
from tests.rewards.ladders import (
    a_climber,
    a_ladder,
    give_tier,
    membership,
    stands_on,
    tier,
    undo_change,
)
from tests.rewards.ledger import adjust, balance_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def agent(client: Client) -> Client:
    """A browser in which an agent is signed in."""
    client.force_login(UserFactory(name="Marta"))
    return client


def _with_gifts(**fields: Any) -> Account:
    """A climber of a ladder whose Gold gives 50 units and a reward."""
    program = a_ladder(**fields)
    tier(program, "Gold", entry_units=50, entry_reward=RewardFactory(program=program, name="Cake"))
    return a_climber(program)


def _form(account: Account, name: str | None = "Gold", **fields: Any) -> dict[str, Any]:
    row = membership(account)
    chosen = tier(account.program, name).pk if name else 0
    return {
        "tier": f"{account.program_id}:{chosen}",
        "internal_note": "A VIP",
        "idempotency_key": "form:1",
        "seen": f"{account.program_id}:{row.pk if row else 0}",
    } | fields


def _url(name: str, account: Account, *more: int) -> str:
    return reverse(f"rewards:{name}", args=[account.customer_id, *more])


def test_rw_11_the_dialog_changes_closes_and_offers_undo(agent: Client) -> None:
    account = _with_gifts()
    form = _form(account, until="2026-12-04", trigger_rewards="on")
    response = agent.post(_url("tier-change", account), form, headers=HTMX)
    assert response.status_code == 200
    assert set(json.loads(response["HX-Trigger"])) == {"ledger-changed"}
    event = Event.objects.get(kind="tier.changed")
    text = response.content.decode()
    assert "Tier changed: no tier → Gold. Given: 50 points, “Cake”." in text
    assert _url("tier-undo", account, event.pk) in text
    row = membership(account)
    assert row is not None
    assert row.floor_until == datetime(2026, 12, 5, tzinfo=ZoneInfo("Europe/Madrid"))
    assert row.actor_label == "Marta"
    again = agent.post(_url("tier-change", account), form, headers=HTMX)
    assert again.status_code == 200
    assert balance_of(account) == 50
    undone = agent.post(_url("tier-undo", account, event.pk), headers=HTMX)
    assert "Undone: the tier is no tier again." in undone.content.decode()
    assert stands_on(account) == ""


def test_rw_11_what_was_typed_stays_beside_the_reason(agent: Client) -> None:
    account = a_climber()
    adjust(account, 500)
    cases = (
        (_form(account, "Silver"), "Gold has been earned"),
        (_form(account, until="2026-06-14"), "Choose a day in the future"),
        (_form(account, until="next week"), "Enter a date such as 2026-12-31."),
        (_form(account, until="9999-12-31"), "within a hundred years"),
        (_form(account, tier=""), "Choose a tier."),
        (_form(account, tier="1:2:3"), "not one of the available choices"),
        (_form(account, seen=f"{account.program_id}:0"), "has changed meanwhile"),
        (_form(account, idempotency_key="tier:1"), "valid"),
    )
    for form, reason in cases:
        response = agent.post(_url("tier-change", account), form, headers=HTMX)
        assert response.status_code == 422
        text = response.content.decode()
        assert reason in text.replace("&#x27;", "'"), form
        assert "A VIP" in text
    assert TierMembership.objects.count() == 1
    # Who was told of the change may go on with it.
    row = membership(account)
    stale = agent.post(
        _url("tier-change", account), _form(account, "Platinum", seen=f"{account.program_id}:0"),
        headers=HTMX,
    )  # fmt: skip
    assert row is not None
    assert f'value="{account.program_id}:{row.pk}"' in stale.content.decode()


def test_rw_11_the_preview_says_what_will_happen(agent: Client) -> None:
    account = _with_gifts()
    adjust(account, 120)
    url = _url("tier-preview", account)

    def said(**fields: Any) -> str:
        return agent.get(url, _form(account, **fields)).content.decode()

    text = said(until="2026-12-04", trigger_rewards="on")
    assert "Silver → Gold, at least until 4 Dec 2026" in text
    assert "Earns 1.5 times as much from now on, 1.2 times until now" in text
    assert "Gold gives 50 points and “Cake”" in text
    assert "The rewards of Gold are not given" in said()
    assert "for good, unless changed" in said()
    assert "No message is sent" in said()
    give_tier(account, "Gold", trigger_rewards=True)
    assert "Gold has given its rewards before" in said(until="2026-12-04", trigger_rewards="on")
    assert "Gold → no tier" not in said(name=None)
    assert "Silver has been earned" in said(name=None)
    assert "Platinum gives nothing on arrival" in said(name="Platinum")
    assert "Choose a tier" in agent.get(url).content.decode()


def test_rw_11_new_tiers_appear_in_the_dialog(agent: Client) -> None:
    account = a_climber()
    TierFactory(program=account.program, name="Diamond", threshold=5000)
    tier(account.program, "Silver", is_active=False)
    page = agent.get(_url("tier-change", account)).content.decode()
    assert "<strong>Diamond</strong> · from 5,000 points on" in page
    assert "Silver" not in page
    assert "No tier" not in page
    with assert_queries("rewards: tier dialog"):
        agent.get(_url("tier-change", account))
    Program.objects.update(tier_basis=Program.TierBasis.NONE)
    assert (
        "No program that is running has tiers."
        in agent.get(_url("tier-change", account)).content.decode()
    )


def test_rw_11_two_ladders_are_told_apart(agent: Client) -> None:
    points = a_climber(a_ladder(name="Points"))
    miles = a_climber(a_ladder(name="Miles"), customer=points.customer)
    page = agent.get(_url("tier-change", points)).content.decode()
    assert "Points: <strong>Gold" in page
    assert "Miles: <strong>Gold" in page
    agent.post(_url("tier-change", points), _form(miles), headers=HTMX)
    assert (stands_on(points), stands_on(miles)) == ("", "Gold")
    strip = agent.get(reverse("customers:profile", args=[points.customer_id])).content.decode()
    assert "Tier, Points" in strip
    assert "Tier, Miles" in strip


def test_rw_11_the_profile_shows_the_tier_and_the_way_to_the_next(
    agent: Client, clock: time_machine.Traveller
) -> None:
    program = a_ladder(Program.TierBasis.WINDOW_UNITS, tier_window_days=90)
    account = a_climber(program)
    profile = reverse("customers:profile", args=[account.customer_id])

    def shown() -> str:
        return agent.get(profile).content.decode()

    assert "100 points more to Silver" in shown()
    adjust(account, 520)
    assert "480 points more to Platinum" in shown()
    assert '<span class="chip chip--warn">Gold</span>' in shown()
    clock.move_to(NOW + 91 * DAY)
    evaluate_all()
    assert "until 14 Oct 2026, unless 500 points more" in shown()
    give_tier(account, "Gold", until=datetime(2027, 1, 1, tzinfo=ZoneInfo("Europe/Madrid")))
    assert "until 31 Dec 2026" in shown()
    give_tier(account, "Platinum")
    assert "the highest tier" in shown()
    Customer.objects.update(status=Customer.Status.REMOVED)
    assert "Change tier" not in shown()


def test_rw_11_the_strip_brings_the_chips_along_when_it_loads_again(agent: Client) -> None:
    account = a_climber()
    give_tier(account, "Gold")
    with assert_queries("rewards: facts with a tier"):
        part = agent.get(_url("balances", account), headers=HTMX).content.decode()
    assert 'id="customer-chips" hx-swap-oob="true"' in part
    assert '<span class="chip chip--warn">Gold</span>' in part
    page = agent.get(reverse("customers:profile", args=[account.customer_id])).content.decode()
    assert page.count('id="customer-chips"') == 1


def test_rw_11_the_history_lists_every_step(agent: Client) -> None:
    account = a_climber()
    adjust(account, 120)
    give_tier(account, "Gold", internal_note="A VIP")
    with assert_queries("rewards: tier history"):
        page = agent.get(_url("tier-history", account)).content.decode()
    assert "120 points counted: points earned in a lifetime." in page
    assert page.index("Given by hand") < page.index("Earned")
    assert "Internal: A VIP" in page


def test_rw_11_the_timeline_tells_and_offers_undo_while_it_can(agent: Client) -> None:
    account = _with_gifts()
    change = give_tier(account, "Gold", trigger_rewards=True, internal_note="A VIP")
    timeline = reverse("customers:profile", args=[account.customer_id])
    page = agent.get(timeline).content.decode()
    assert "Tier changed by hand: no tier → Gold" in page
    assert "Gave 50 points, “Cake”" in page
    assert _url("tier-undo", account, change.pk) in page
    undo_change(change)
    page = agent.get(timeline).content.decode()
    assert "Change of tier undone: Gold → no tier" in page
    assert "Took back 50 points, “Cake”" in page
    assert _url("tier-undo", account, change.pk) not in page
    refused = agent.post(_url("tier-undo", account, change.pk), headers=HTMX)
    assert (refused.status_code, b"undone already" in refused.content) == (409, True)
    assert agent.get(_url("tier-undo", account, change.pk)).status_code == 200
    assert agent.get(_url("tier-undo", account, 10**9)).status_code == 404
    adjust(account, 100)
    assert "Reached Silver" in agent.get(timeline).content.decode()


def test_rw_11_an_auditor_sees_and_changes_nothing(client: Client) -> None:
    client.force_login(UserFactory(auditor=True))
    account = a_climber()
    assert client.get(_url("tier-history", account)).status_code == 200
    assert client.get(_url("tier-change", account)).status_code == 403
    assert client.post(_url("tier-change", account), _form(account)).status_code == 403
    assert Operation.objects.count() == TierMembership.objects.count() == 0
