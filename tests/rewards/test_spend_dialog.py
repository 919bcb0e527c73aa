"""The Spend dialog (RW-5): what can be had, what is missing, and what it will do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from discounts.models import DiscountCode
from rewards.models import Account, Operation, Redemption
from tests.factories import (
    AccountFactory,
    CustomerFactory,
    ProgramFactory,
    TierFactory,
    UserFactory,
)
from tests.queries import assert_queries
from tests.rewards.ledger import account_of, adjust, assert_adds_up, balance_of
from tests.rewards.redemptions import a_code_reward, a_reward, redeem

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def agent(client: Client) -> Client:
    """A browser in which an agent is signed in."""
    client.force_login(UserFactory(name="Marta"))
    return client


def _spend_url(account: Account) -> str:
    return reverse("rewards:spend", args=[account.customer_id])


def _spend(client: Client, account: Account, *, htmx: bool = True, **fields: object) -> Any:
    form = {"program": account.program_id, "idempotency_key": "form:1"} | fields
    return client.post(_spend_url(account), form, headers=HTMX if htmx else None)


def test_rw_5_the_dialog_shows_what_can_be_had_and_what_is_missing(agent: Client) -> None:
    account = account_of(240)
    gold = TierFactory(program=account.program, name="Gold")
    had = a_reward(account.program, 10, name="Sticker", per_customer=1)
    redeem(account, had)
    a_reward(account.program, 100, name="Mug")
    a_reward(account.program, 490, name="Bag")
    a_reward(account.program, 20, name="Key", minimum_tier=gold)
    a_reward(account.program, 30, name="Pen", stock=0)
    a_reward(account.program, 40, name="Gone", is_active=False)
    a_reward(account.program, 50, name="Over", ends_at=timezone.now())
    with assert_queries("rewards: spend dialog"):
        text = agent.get(_spend_url(account), headers=HTMX).content.decode()
    for told in (
        "The balance is 230 points.", "130 left then", "260 points missing",
        "Gold members only", "Sold out", "Limit of 1 reached", "Used at the counter",
    ):  # fmt: skip
        assert told in text
    assert "Gone" not in text
    assert "Over" not in text
    assert text.count("disabled") == 4
    assert text.index("Mug") < text.index("Sticker") < text.index("Bag")


def test_rw_5_a_reward_is_redeemed_and_its_code_shown_to_be_copied(agent: Client) -> None:
    account = account_of(1740)
    reward = a_code_reward(account.program)
    response = _spend(agent, account, reward=reward.pk, expected_balance="1740")
    text = response.content.decode()
    assert response.status_code == 200
    assert set(json.loads(response["HX-Trigger"])) == {"ledger-changed"}
    assert "Redeemed 500 points for “€5 off”: balance 1,740 → 1,240." in text
    code = DiscountCode.objects.get()
    assert f'data-copy="{code.code}"' in text
    assert "data-timeless" in text
    redemption = Redemption.objects.get()
    undo_url = reverse("rewards:redemption-cancel", args=[account.customer_id, redemption.pk])
    assert undo_url in text
    undone = agent.post(undo_url, headers=HTMX)
    assert "500 points returned, the balance is 1,740." in undone.content.decode()
    assert balance_of(account) == 1740
    assert_adds_up()


def test_ev_6_without_script_the_dialog_is_a_page_and_the_code_stands_in_the_message(
    agent: Client,
) -> None:
    account = account_of(600)
    reward = a_code_reward(account.program)
    page = agent.get(_spend_url(account)).content.decode()
    assert "<html" in page
    assert f'name="reward" value="{reward.pk}"' in page
    response = _spend(agent, account, htmx=False, reward=reward.pk)
    tab = reverse("rewards:customer-rewards", args=[account.customer_id])
    assert (response.status_code, response["Location"]) == (302, tab)
    text = agent.get(tab).content.decode()
    assert f"balance 600 → 100. {DiscountCode.objects.get().code}" in text


def test_ev_2_a_redemption_sent_twice_is_made_once(agent: Client) -> None:
    account = account_of(600)
    reward = a_reward(account.program)
    for _ in range(2):
        assert _spend(agent, account, reward=reward.pk).status_code == 200
    assert balance_of(account) == 500


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Choose a reward, or “Used at the counter”."),
        ({"reward": "counter"}, "Enter a whole number such as 40."),
        ({"reward": "counter", "amount": "-5"}, "Enter a whole number such as 40."),
        ({"reward": "counter", "amount": "301"}, "The balance is 300 points"),
        ({"reward": "999999"}, "This reward is not offered. Choose another one."),
        ({"reward": "x"}, "This reward is not offered. Choose another one."),
    ],
)
def test_ev_1_bad_input_to_spend_is_told_and_changes_nothing(
    agent: Client, fields: dict[str, Any], message: str
) -> None:
    account = account_of(300)
    a_reward(account.program)
    response = _spend(agent, account, **fields)
    assert response.status_code == 422
    assert message in response.content.decode()
    assert balance_of(account) == 300


def test_ev_3_what_sold_out_meanwhile_is_told_and_can_not_be_chosen_again(agent: Client) -> None:
    account = account_of(300)
    reward = a_reward(account.program, stock=0)
    response = _spend(agent, account, reward=reward.pk)
    text = response.content.decode()
    assert response.status_code == 422
    assert "“Mug” is sold out." in text
    assert 'id="balance_reward_error"' in text
    assert f'value="{reward.pk}" disabled' in text


def test_ev_3_expired_units_are_told_and_the_dialog_counts_anew(agent: Client) -> None:
    account = account_of(50)
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        adjust(account, 100, expires_in_days=1)
    response = _spend(agent, account, reward=a_reward(account.program).pk)
    text = response.content.decode()
    assert response.status_code == 422
    assert "The balance is 50 points." in text
    assert "50 points missing" in text


def test_rw_5_what_was_typed_for_the_counter_does_not_hinder_a_reward(agent: Client) -> None:
    account = account_of(300)
    reward = a_reward(account.program)
    assert _spend(agent, account, reward=reward.pk, amount="forty").status_code == 200
    assert Operation.objects.filter(kind="redeem").count() == 1


def test_rw_5_the_preview_says_what_a_reward_will_do(agent: Client) -> None:
    account = account_of(300)
    reward = a_code_reward(account.program, 100)
    costly = a_reward(account.program, 560)
    url = reverse("rewards:spend-preview", args=[account.customer_id])
    common = {"program": account.program_id}
    text = agent.get(url, common | {"reward": reward.pk}).content.decode()
    for told in ("Balance 300 → 200 points", "A new code for “€5 off”, usable until", "Worth"):
        assert told in text
    refused = agent.get(url, common | {"reward": costly.pk}).content.decode()
    assert "260 points missing: “Mug” costs 560 points" in refused
    assert "preview--warn" in refused
    assert "Choose a reward" in agent.get(url, common).content.decode()
    counter = agent.get(url, common | {"reward": "counter", "amount": "50"}).content.decode()
    assert "Balance 300 → 250 points" in counter


def test_rw_5_each_program_has_its_own_rewards_points_first(agent: Client) -> None:
    account = account_of(100)
    stamps = ProgramFactory(stamps=True, name="Coffee card")
    adjust(AccountFactory(customer=account.customer, program=stamps), 5)
    a_reward(account.program, 90, name="Mug")
    a_reward(stamps, 4, name="Biscuit")
    first = agent.get(_spend_url(account), headers=HTMX).content.decode()
    assert "The balance is 100 points." in first
    assert "Biscuit" not in first
    other = f"{_spend_url(account)}?program={stamps.pk}"
    assert other in first
    text = agent.get(other, headers=HTMX).content.decode()
    assert "The balance is 5 stamps." in text
    assert "Biscuit" in text
    assert 'name="expected_balance" value="5"' in text


def test_rw_5_without_rewards_only_the_counter_is_asked(agent: Client) -> None:
    account = account_of(100)
    text = agent.get(_spend_url(account), headers=HTMX).content.decode()
    assert 'name="reward"' not in text
    assert _spend(agent, account, amount="30").status_code == 200
    assert balance_of(account) == 70


def test_rw_5_without_a_running_program_there_is_nothing_to_spend(agent: Client) -> None:
    customer = CustomerFactory()
    url = reverse("rewards:spend", args=[customer.pk])
    assert "No program is running" in agent.get(url).content.decode()
    assert agent.post(url, {"idempotency_key": "form:1", "amount": "5"}).status_code == 422
