"""RW-11: a tier changed by hand, on screen and by action, and its undo."""

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

from activity.models import AuditRecord, Event
from customers.models import Customer
from loyalty_admin.common.errors import (
    AlreadyReversed,
    Conflict,
    IdempotencyConflict,
    InvalidInput,
    NotAllowed,
    NotEnrolled,
    NotFound,
    StaleView,
)
from rewards.actions.redemption_states import mark_redemption_used
from rewards.actions.tiers import change_tier, evaluate_all
from rewards.actions.tiers.changing import BelowEarned
from rewards.models import Account, Operation, Program, Redemption, TierMembership
from tests.factories import ProgramFactory, RewardFactory, TierFactory, UserFactory, actor_for
from tests.queries import assert_queries
from tests.rewards.ladders import (
    a_climber,
    a_ladder,
    give_tier,
    membership,
    stands_on,
    steps_of,
    tier,
    undo_change,
)
from tests.rewards.ledger import adjust, assert_adds_up, balance_of, debit

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


def test_rw_11_a_change_says_who_why_and_until_when() -> None:
    account = a_climber()
    adjust(account, 120)
    actor = actor_for(UserFactory(name="Marta"))
    event = give_tier(account, "Gold", actor=actor, until=NOW + 30 * DAY, internal_note="A VIP")
    row = membership(account)
    assert row is not None
    assert (row.tier.name, row.source, row.internal_note) == ("Gold", "manual", "A VIP")
    assert (row.floor, row.floor_until, row.lapses_at) == (
        row.tier, NOW + 30 * DAY, NOW + 30 * DAY,
    )  # fmt: skip
    assert (event.data["from"], event.data["to"], event.data["why"]) == (
        "Silver", "Gold", "by_hand",
    )  # fmt: skip
    audit: Any = AuditRecord.objects.filter(verb="tier.changed").latest("pk")
    assert (audit.actor_label, audit.after["internal_note"]) == ("Marta", "A VIP")
    assert audit.before["tier"] == "Silver"
    assert steps_of(account) == ["Silver", "Gold"]


def test_rw_11_less_than_what_is_earned_is_refused_with_the_reason() -> None:
    account = a_climber()
    adjust(account, 500)
    for name in ("Silver", None):
        with pytest.raises(BelowEarned, match="Gold has been earned") as refusal:
            give_tier(account, name)
        assert refusal.value.field == "tier"
    give_tier(account, "Platinum")
    give_tier(account, "Gold")  # as much as is earned is fine
    assert steps_of(account) == ["Gold", "Platinum", "Gold"]


def test_rw_11_what_can_not_be_is_refused() -> None:
    account = a_climber()
    with pytest.raises(InvalidInput, match="no tier already"):
        give_tier(account, None)
    with pytest.raises(InvalidInput, match="in the future"):
        give_tier(account, "Gold", until=NOW)
    give_tier(account, "Gold", until=NOW + DAY)
    with pytest.raises(InvalidInput, match="how it is"):
        give_tier(account, "Gold", until=NOW + DAY)
    give_tier(account, "Gold", until=NOW + 2 * DAY)
    with pytest.raises(InvalidInput, match="nothing to end"):
        give_tier(account, None, until=NOW + DAY)
    tier(account.program, "Platinum", is_active=False)
    with pytest.raises(InvalidInput, match="not in use"):
        give_tier(account, "Platinum")
    with pytest.raises(InvalidInput, match="1,000"):
        give_tier(account, "Silver", internal_note="x" * 1001)
    with pytest.raises(NotAllowed):
        give_tier(account, "Silver", actor=actor_for(auditor=True))
    with pytest.raises(NotFound):
        give_tier(Account(customer_id=10**9, program=account.program), "Silver")
    with pytest.raises(Conflict, match="has no tiers"):
        change_tier(
            actor=actor_for(), customer_id=account.customer_id, tier_id=None,
            program_id=ProgramFactory().pk, idempotency_key="other",
        )  # fmt: skip
    Customer.objects.update(status=Customer.Status.REMOVED)
    with pytest.raises(NotEnrolled):
        give_tier(account, "Silver")
    assert steps_of(account) == ["Gold", "Gold"]


def test_rw_11_the_same_request_twice_changes_once() -> None:
    account = _with_gifts()
    first = give_tier(account, "Gold", trigger_rewards=True, idempotency_key="form:1")
    assert give_tier(account, "Gold", trigger_rewards=True, idempotency_key="form:1") == first
    with pytest.raises(IdempotencyConflict):
        give_tier(account, "Platinum", idempotency_key="form:1")
    with pytest.raises(IdempotencyConflict):
        give_tier(a_climber(account.program), "Gold", idempotency_key="form:1")
    with pytest.raises(InvalidInput, match="reserved"):
        give_tier(account, "Gold", idempotency_key="tier:1:1:1")
    away = give_tier(account, None, idempotency_key="form:2")
    assert give_tier(account, None, idempotency_key="form:2") == away
    assert balance_of(account) == 50
    assert Event.objects.filter(kind="tier.changed").count() == 2


def test_rw_11_who_saw_something_else_is_told() -> None:
    account = a_climber()
    give_tier(account, "Silver", seen=0)
    with pytest.raises(StaleView, match="it is Silver now"):
        give_tier(account, "Gold", seen=0)
    row = membership(account)
    assert row is not None
    give_tier(account, "Gold", seen=row.pk)
    assert stands_on(account) == "Gold"


def test_rw_11_undo_brings_the_step_before_back_and_takes_the_gifts() -> None:
    account = _with_gifts()
    adjust(account, 120)
    change = give_tier(account, "Gold", until=NOW + 9 * DAY, trigger_rewards=True)
    assert balance_of(account) == 170
    undo = undo_change(change, idempotency_key="undo:tier:1")
    assert stands_on(account) == "Silver"
    assert balance_of(account) == 120
    redemption = Redemption.objects.get()
    assert (redemption.status, redemption.tier) == ("cancelled", None)
    assert (undo.data["taken_units"], undo.data["taken_rewards"]) == (50, ["Cake"])
    assert undo_change(change, idempotency_key="undo:tier:1") == undo
    with pytest.raises(AlreadyReversed):
        undo_change(change)
    adjust(account, 380)  # now they earn it, and get what it gives
    assert (stands_on(account), balance_of(account)) == ("Gold", 550)
    assert Redemption.objects.filter(status="outstanding").count() == 1
    assert_adds_up()


def test_rw_11_undo_leaves_what_was_used_and_spent_and_says_so() -> None:
    account = _with_gifts()
    change = give_tier(account, "Gold", trigger_rewards=True)
    debit(account, 30)
    mark_redemption_used(actor=actor_for(), redemption_id=Redemption.objects.get().pk)
    undo = undo_change(change)
    assert stands_on(account) == ""
    assert (undo.data["taken_units"], undo.data["kept_units"]) == (20, 30)
    assert (undo.data["taken_rewards"], undo.data["kept_rewards"]) == ([], ["Cake"])
    assert balance_of(account) == 0
    assert_adds_up()
    again = give_tier(account, "Gold", trigger_rewards=True)
    assert [gift["reward"] for gift in again.data["gifts"]] == [""]  # the cake was eaten


def test_rw_11_undo_of_a_tier_taken_away_gives_it_back_with_its_end() -> None:
    account = a_climber()
    give_tier(account, "Gold", until=NOW + 9 * DAY)
    change = give_tier(account, None)
    assert stands_on(account) == ""
    undo_change(change)
    row = membership(account)
    assert row is not None
    assert (row.tier.name, row.floor_until, row.lapses_at) == ("Gold", NOW + 9 * DAY, NOW + 9 * DAY)


def test_rw_11_what_has_changed_since_is_not_undone() -> None:
    account = a_climber()
    change = give_tier(account, "Silver")
    adjust(account, 500)
    earned = Event.objects.filter(kind="tier.changed").latest("pk")
    with pytest.raises(Conflict, match="has changed since"):
        undo_change(change)
    with pytest.raises(NotFound):
        undo_change(earned)
    away = give_tier(other := a_climber(account.program), "Silver")
    with pytest.raises(NotFound):
        undo_change(Event(pk=away.pk, customer_id=account.customer_id))
    undo_change(away)
    assert stands_on(other) == ""


def test_rw_11_undo_asks_the_numbers_again(clock: time_machine.Traveller) -> None:
    account = a_climber()
    adjust(account, 120)
    give_tier(account, "Gold", until=NOW + DAY)
    change = give_tier(account, "Platinum")
    clock.move_to(NOW + 2 * DAY)
    undo_change(change)
    assert stands_on(account) == "Silver"  # Gold had ended meanwhile
    assert TierMembership.objects.filter(ended_at=None).count() == 1


# --- on screen


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
