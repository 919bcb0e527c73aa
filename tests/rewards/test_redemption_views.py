"""Rewards on screen (RW-6, RW-7): the tab, the list, and what can be done about each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.actions.customers import set_contact_point
from customers.actions.searching import refresh_search
from discounts.actions.codes import use_code
from discounts.models import DiscountCode
from rewards.actions.redemptions import give_reward
from rewards.models import Account, Program, Redemption, Reward
from rewards.tasks import expire_redemptions
from tests.factories import (
    AccountFactory,
    CustomerFactory,
    ProgramFactory,
    TierFactory,
    UserFactory,
)
from tests.queries import assert_queries
from tests.rewards.ledger import SYSTEM, account_of, adjust, assert_adds_up, balance_of
from tests.rewards.redemptions import a_code_reward, a_reward, cancel, redeem, use

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def agent(client: Client) -> Client:
    """A browser in which an agent is signed in."""
    client.force_login(UserFactory(name="Marta"))
    return client


def _tab(account: Account) -> str:
    return reverse("rewards:customer-rewards", args=[account.customer_id])


def _act(client: Client, act: str, redemption: Redemption, **fields: str) -> Any:
    url = reverse(f"rewards:redemption-{act}", args=[redemption.customer_id, redemption.pk])
    return client.post(url, fields, headers=HTMX)


def test_rw_6_the_tab_shows_what_can_be_used_and_what_is_over(agent: Client) -> None:
    account = account_of(2000)
    code = redeem(account, a_code_reward(account.program)).code
    assert code is not None
    for name, act in (("Cancelled mug", cancel), ("Used mug", use)):
        act(redeem(account, a_reward(account.program, name=name)))
    give_reward(
        actor=SYSTEM, account=account, reward=a_reward(account.program, name="Birthday cake"),
        source=Redemption.Source.TIER, tier=TierFactory(program=account.program, name="Gold"),
        idempotency_key="tier:1", at=timezone.now(),
    )  # fmt: skip
    with assert_queries("rewards: rewards panel"):
        text = agent.get(_tab(account), headers=HTMX).content.decode()
    usable, over = text.split("Used, cancelled, expired")
    assert f'data-copy="{code.code}"' in usable
    assert "Bought for 500 points" in usable
    assert "For reaching Gold" in usable
    assert "Used mug" not in usable
    assert "Used mug" in over
    assert "Cancelled mug" in over
    only = agent.get(_tab(account), {"status": "used"}, headers=HTMX).content.decode()
    assert "Cancelled mug" not in only
    page = agent.get(_tab(account)).content.decode()
    assert "Rewards<span>2</span>" in page


def test_rw_6_an_empty_tab_says_where_rewards_come_from(agent: Client) -> None:
    account = account_of()
    assert "Nothing that could be used" in agent.get(_tab(account)).content.decode()
    damaged = agent.get(_tab(account), {"after": "x"}, headers=HTMX)
    assert damaged.status_code == 400


def test_rw_6_marking_used_and_removing_offer_undo(agent: Client) -> None:
    account = account_of(200)
    first, second = (redeem(account, a_reward(account.program)) for _ in range(2))
    used = _act(agent, "used", first).content.decode()
    assert "“Mug” marked as used." in used
    reopen = reverse("rewards:redemption-reopen", args=[account.customer_id, first.pk])
    assert reopen in used
    assert "can be used again" in _act(agent, "reopen", first).content.decode()
    missing = _act(agent, "remove", second)
    assert missing.status_code == 422
    assert "Say why it is taken away." in missing.content.decode()
    removed = _act(agent, "remove", second, reason="Abuse").content.decode()
    assert "no units were returned" in removed
    assert "/reopen/" in removed
    assert balance_of(account) == 0


def test_rw_7_the_dialog_says_what_comes_back_to_which_lot(agent: Client) -> None:
    account: Account = AccountFactory(program=ProgramFactory(grace_days=14))
    with time_machine.travel(datetime(2026, 1, 1, 12, tzinfo=UTC), tick=False):
        adjust(account, 200, expires_in_days=30)
        adjust(account, 400)
        redemption = redeem(account, a_code_reward(account.program))
    url = reverse("rewards:redemption-cancel", args=[account.customer_id, redemption.pk])
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False):
        agent.force_login(UserFactory())
        text = agent.get(url, headers=HTMX).content.decode()
        assert "500 points return: balance 100 → 600" in text
        assert "200 to the lot of 1 Jan 2026, which had expired: now until 15 Mar 2026" in text
        assert "300 to the lot of 1 Jan 2026, which never expires" in text
        assert redemption.code is not None
        assert f"The code {redemption.code.code} is deleted" in text
        for _ in range(2):
            assert _act(agent, "cancel", redemption, reason="By accident").status_code == 200
    assert balance_of(account) == 600
    assert_adds_up()


def test_rw_7_a_refusal_says_why_before_and_after_asking(agent: Client) -> None:
    account = account_of(100)
    redemption = redeem(account, a_reward(account.program))
    use(redemption)
    url = reverse("rewards:redemption-cancel", args=[account.customer_id, redemption.pk])
    text = agent.get(url, headers=HTMX).content.decode()
    assert "can&#x27;t be cancelled" in text
    assert 'type="submit"' not in text
    refused = _act(agent, "cancel", redemption)
    assert refused.status_code == 409
    assert "was used on" in refused.content.decode()
    again = _act(agent, "cancel", redemption, reason="")
    assert again.status_code == 422
    assert "<dialog" in again.content.decode()
    assert "was used on" in again.content.decode()


def test_rw_7_a_used_code_is_told_before_it_is_asked(agent: Client) -> None:
    account = account_of(500)
    redemption = redeem(account, a_code_reward(account.program))
    code = DiscountCode.objects.get()
    use_code(actor=SYSTEM, code=code, at=timezone.now())
    url = reverse("rewards:redemption-cancel", args=[account.customer_id, redemption.pk])
    text = agent.get(url, headers=HTMX).content.decode()
    assert f"The code {code} was used on" in text
    assert 'type="submit"' not in text


def test_rw_7_the_redemption_of_another_customer_is_not_found(agent: Client) -> None:
    account = account_of(100)
    redemption = redeem(account, a_reward(account.program))
    for act in ("cancel", "remove", "used", "reopen"):
        url = reverse(f"rewards:redemption-{act}", args=[CustomerFactory().pk, redemption.pk])
        assert agent.post(url).status_code == 404
    assert Redemption.objects.get().status == "outstanding"


def test_rw_13_the_timeline_offers_to_cancel_a_redemption(agent: Client) -> None:
    account = account_of(1740)
    redemption = redeem(account, a_code_reward(account.program))
    timeline = reverse("activity:timeline", args=[account.customer_id])
    text = agent.get(timeline, headers=HTMX).content.decode()
    assert "Redeemed 500 points for €5 off" in text
    assert redemption.code is not None
    assert f"Code {redemption.code.code} · usable until" in text
    assert "balance 1,740 → 1,240" in text
    assert "Cancel redemption" in text
    cancel(redemption, reason="By accident")
    text = agent.get(timeline, headers=HTMX).content.decode()
    assert "Cancel redemption" not in text
    assert "Redemption cancelled: €5 off" in text
    assert "500 points returned · balance 1,240 → 1,740 · 500 to the lot of" in text
    assert "Internal: By accident" in text


def test_rw_13_each_line_of_a_reward_reads_well(agent: Client) -> None:
    account = account_of(300)
    used, removed, expired = (
        redeem(account, a_reward(account.program, valid_days=days)) for days in (None, None, 1)
    )
    use(used)
    _act(agent, "remove", removed, reason="Abuse")
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        assert expire_redemptions() == 1
    timeline = reverse("activity:timeline", args=[account.customer_id])
    text = agent.get(timeline, headers=HTMX).content.decode()
    for told in (
        "Reward used: Mug", "Reward taken away: Mug", "Reward expired: Mug", "Internal: Abuse"
    ):  # fmt: skip
        assert told in text
    assert reverse("rewards:redemption-reopen", args=[account.customer_id, used.pk]) in text
    assert expired.pk


def _listed(client: Client, **query: str) -> str:
    response = client.get(reverse("rewards:redemptions"), query, headers=HTMX)
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.fixture
def three(agent: Client) -> list[Redemption]:
    """Redemptions of three customers; the first has a code."""
    program = ProgramFactory()
    people = [("José Álvarez", "12345678Z"), ("Ana Pérez", "87654321X"), ("Xi Li", "")]
    made: list[Redemption] = []
    for name, document in people:
        customer = CustomerFactory(name=name, document=document)
        account = account_of(1000, program=program, customer=customer)
        reward = a_reward(program) if made else a_code_reward(program)
        made.append(redeem(account, reward))
    return made


def test_rw_7_all_redemptions_newest_first(agent: Client, three: list[Redemption]) -> None:
    with assert_queries("rewards: redemption list"):
        text = _listed(agent)
    assert text.index("Xi Li") < text.index("Ana Pérez") < text.index("José Álvarez")


def test_rw_7_found_by_code_document_email_and_name(agent: Client, three: list[Redemption]) -> None:
    first = three[0]
    set_contact_point(
        actor=SYSTEM, customer_id=three[1].customer_id, kind="email", value="ana@example.com"
    )
    assert first.code is not None
    finds = {
        first.code.code.lower(): "José Álvarez",
        "12345678-z": "José Álvarez",
        "jose alva": "José Álvarez",
        "ALVAREZ": "José Álvarez",
        "ANA@example.com": "Ana Pérez",
        "87654321X": "Ana Pérez",
        "xi": "Xi Li",
    }
    for typed, name in finds.items():
        text = _listed(agent, q=typed)
        assert [n for n in ("José Álvarez", "Ana Pérez", "Xi Li") if n in text] == [name], typed
    assert "No redemption found for “nobody at all”" in _listed(agent, q="nobody at all")
    with assert_queries("rewards: redemption list, search by name"):
        _listed(agent, q="alvarez")


def test_rw_7_the_status_filters_and_the_url_holds_it(
    agent: Client, three: list[Redemption]
) -> None:
    use(three[1])
    assert "Ana Pérez" in _listed(agent, status="used")
    assert "Xi Li" not in _listed(agent, status="used")
    assert "Ana Pérez" not in _listed(agent, status="outstanding", q="ana perez")
    url = reverse("rewards:redemptions")
    assert agent.get(url, {"status": "x"}).status_code == 422
    assert agent.get(url, {"after": "x"}).status_code == 400
    wrong = "WyJhIiwgImIiXQ"  # a cursor of two words
    assert agent.get(url, {"after": wrong, "q": "nobody"}).status_code == 400


def test_rw_7_pages_follow_each_other_also_in_a_search(agent: Client) -> None:
    account = account_of(10_000)
    account.customer.name = "Paula Page"
    account.customer.save()
    reward: Reward = a_reward(account.program, 1)
    refresh_search([account.customer_id])
    for _ in range(55):
        redeem(account, reward)
    for query in ({}, {"q": "paula"}):
        first = agent.get(reverse("rewards:redemptions"), query, headers=HTMX)
        assert len(first.context["redemptions"]) == 50
        older = first.context["page"]["older_url"]
        second = agent.get(older, headers=HTMX)
        assert len(second.context["redemptions"]) == 5
        newer = agent.get(second.context["page"]["newer_url"], headers=HTMX)
        assert newer.context["redemptions"] == first.context["redemptions"]


def test_rw_7_auditors_read_and_may_do_nothing(client: Client) -> None:
    account = account_of(100)
    redemption = redeem(account, a_reward(account.program))
    client.force_login(UserFactory(auditor=True))
    for text in (_listed(client), client.get(_tab(account)).content.decode()):
        assert "Mug" in text
        assert "Mark used" not in text
    assert _act(client, "cancel", redemption).status_code == 403
    assert Program.objects.count() == 1


def test_rw_7_the_history_says_which_lots_got_back_what_and_cancels(agent: Client) -> None:
    account: Account = AccountFactory(program=ProgramFactory(grace_days=14))
    with time_machine.travel(datetime(2026, 1, 1, 12, tzinfo=UTC), tick=False):
        adjust(account, 200, expires_in_days=30)
        adjust(account, 400)
        redemption = redeem(account, a_code_reward(account.program))
    points = reverse("rewards:points", args=[account.customer_id])
    before = agent.get(points, headers=HTMX).content.decode()
    assert "Spent on €5 off" in before
    url = reverse("rewards:redemption-cancel", args=[account.customer_id, redemption.pk])
    assert url in before
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False):
        cancel(redemption)
    after = agent.get(points, headers=HTMX).content.decode()
    assert url not in after
    assert "Redemption cancelled: €5 off" in after
    assert "Back to 2 lots" in after
    assert "200 back to the lot of 1 Jan 2026, expiring on 15 Mar 2026" in after
    assert "300 back to the lot of 1 Jan 2026" in after
