"""The Stamps tab: the card, what gave each stamp, full cards and the history (RW-8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.actions.refund_checks import RefundedLine
from customers.actions.refunds import cancel_order, record_refund
from rewards.actions.redemptions import cancel_redemption, redeem_reward
from rewards.models import Account, Lot, Program, Redemption
from rewards.selectors.balances import holding_of
from rewards.selectors.cards import Card, Cards, cards_of
from tests.customers.drafts import a_line
from tests.factories import (
    AccountFactory,
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    ReasonCodeFactory,
    RewardFactory,
    StoreFactory,
    UserFactory,
)
from tests.queries import assert_queries
from tests.rewards.ledger import SYSTEM, adjust, assert_adds_up
from tests.rewards.shop import MEASURE, a_card_program, an_order, holder, pastry

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def shop() -> None:
    StoreFactory(code="S-1", name="Gran Vía")


@pytest.fixture
def agent(client: Client) -> Client:
    """A browser in which an agent is signed in."""
    client.force_login(UserFactory(name="Marta"))
    client.get("/find/")  # the session is in the cache from now on
    return client


def seen(account: Account, **params: str) -> Cards:
    account.refresh_from_db()
    return cards_of(account.pk, account.balance, account.program, params=params)


def told(card: Card) -> list[tuple[int, str, str]]:
    """What gave the stamps of a card, as (stamps, order or reason, product)."""
    return [
        (
            group.count,
            str(group.operation.order or group.operation.reason),
            group.product,
        )
        for group in card.stamps
    ]


def _numbers(cards: Cards) -> list[int | None]:
    return [card.redemption.position for card in cards.past if card.redemption]


def panel(client: Client, account: Account, **query: str) -> str:
    url = reverse("rewards:stamps", args=[account.customer_id])
    return client.get(url, query, headers=HTMX).content.decode()


def facts(client: Client, account: Account) -> str:
    url = reverse("rewards:balances", args=[account.customer_id])
    return client.get(url, headers=HTMX).content.decode()


def test_rw_8_each_stamp_is_told_with_its_order_and_line() -> None:
    a_card_program()
    an_order("1", a_line(product="Milk"), pastry("Croissant"), pastry("Muffin"))
    an_order("2", a_line(product="Milk"))
    an_order("3", pastry("Éclair"))
    adjust(holder(), 2, reason_id=ReasonCodeFactory(code="goodwill").pk)
    cards = seen(holder())
    assert told(cards.current) == [(1, "#1", "Croissant"), (1, "#3", "Éclair"), (2, "Goodwill", "")]
    assert (cards.current.filled, cards.current.missing, cards.past) == (4, 6, [])


def test_rw_8_the_overflow_of_one_order_stands_on_two_cards() -> None:
    a_card_program(size=4, measure=MEASURE.ITEMS)
    an_order("1", pastry("Croissant", 3))
    an_order("2", pastry("Muffin", 2), pastry("Éclair", 1))
    cards = seen(holder())
    assert told(cards.past[0]) == [(3, "#1", "Croissant"), (1, "#2", "Muffin")]
    assert told(cards.current) == [(1, "#2", "Muffin"), (1, "#2", "Éclair")]
    assert cards.past[0].redemption == Redemption.objects.get()


def test_rw_8_a_refunded_line_takes_its_own_stamps_off_the_card() -> None:
    a_card_program(measure=MEASURE.ITEMS)
    an_order("1", pastry("Croissant", 3), pastry("Muffin", 2))
    record_refund(
        actor=SYSTEM,
        store="S-1",
        order_number="1",
        number="R-1",
        refunded_at=datetime(2026, 5, 3, 10, tzinfo=UTC),
        idempotency_key="refund",
        lines=[RefundedLine(position=2)],
    )
    assert told(seen(holder()).current) == [(3, "#1", "Croissant")]
    assert_adds_up()


def test_rw_8_a_cancelled_card_shows_what_it_held_and_its_stamps_are_back() -> None:
    a_card_program(size=2)
    an_order("1")
    an_order("2", pastry("Muffin"))
    cancel_redemption(
        actor=SYSTEM, redemption_id=Redemption.objects.get().pk, idempotency_key="cancel"
    )
    cards = seen(holder())
    both = [(1, "#1", "Croissant"), (1, "#2", "Muffin")]
    assert (told(cards.current), told(cards.past[0])) == (both, both)
    an_order("3", pastry("Éclair"))
    cards = seen(holder())
    assert told(cards.current) == [(1, "#3", "Éclair")]
    assert [told(card) for card in cards.past] == [both, both]


def test_rw_8_full_cards_without_a_reward_of_their_own_are_in_hand() -> None:
    program = a_card_program(size=2)
    Program.objects.update(card_reward=None)
    for number in range(1, 6):
        an_order(str(number))
    cards = seen(holder())
    assert told(cards.current) == [(1, "#5", "Croissant")]
    assert [told(card) for card in cards.in_hand] == [
        [(1, "#3", "Croissant"), (1, "#4", "Croissant")],
        [(1, "#1", "Croissant"), (1, "#2", "Croissant")],
    ]
    reward = RewardFactory(program=program, cost=2)
    redeem_reward(
        actor=SYSTEM,
        customer_id=holder().customer_id,
        reward_id=reward.pk,
        idempotency_key="buy",
    )
    assert [told(card) for card in seen(holder()).in_hand] == [
        [(1, "#3", "Croissant"), (1, "#4", "Croissant")]
    ]


def test_rw_8_pending_stamps_are_told_apart(agent: Client) -> None:
    a_card_program(pending_days=3650)
    an_order("1")
    account = holder()
    cards = seen(account)
    assert (cards.current.filled, [group.count for group in cards.coming]) == (0, [1])
    page = panel(agent, account)
    assert "On their way" in page
    assert "Pending until" in page


def test_rw_8_cards_are_paged_newest_first(agent: Client) -> None:
    a_card_program(size=1)
    an_order("1", pastry("Croissant"))
    adjust(holder(), 12)
    cards = seen(holder())
    assert [card.redemption.position for card in cards.past if card.redemption] == [
        *range(13, 3, -1)
    ]
    assert cards.filled.older
    older = seen(holder(), after=cards.filled.older)
    assert _numbers(older) == [3, 2, 1]
    assert told(older.past[-1]) == [(1, "#1", "Croissant")]
    assert "This page link is damaged" in panel(agent, holder(), after="rubbish")


def test_rw_8_the_tab_draws_the_card(agent: Client) -> None:
    a_card_program(size=3)
    for number in "1234":
        an_order(number, pastry("Croissant" if number < "4" else "Muffin"), on=int(number))
    page = panel(agent, holder())
    assert '<li class="is-on" title="Muffin, order #4 at Gran Vía, 4 May 2026">' in page
    assert page.count('<span class="visually-hidden">Free</span>') == 2
    assert "2 stamps more for Free coffee" in page
    assert "Card 1" in page
    assert "Outstanding" in page
    assert "Croissant, order #1 at Gran Vía" in page
    assert "2 stamps" in page


def test_rw_8_the_history_names_the_lines_and_the_cards(agent: Client) -> None:
    a_card_program(size=3, measure=MEASURE.ITEMS)
    an_order("1", pastry("Croissant", 2), pastry("Muffin"))
    cancel_redemption(
        actor=SYSTEM, redemption_id=Redemption.objects.get().pk, idempotency_key="cancel"
    )
    page = panel(agent, holder(), show="history")
    assert "For Croissant × 2, Muffin" in page
    assert "Card 1 full: Free coffee" in page
    assert "Redemption cancelled: Free coffee" in page
    assert "Back to 1 lot" in page
    spent = panel(agent, holder(), show="history", kind="spent")
    assert "For Croissant" not in spent
    assert "Card 1 full" in spent


def test_rw_3_the_history_names_refunds_cancellations_events_and_rewards(agent: Client) -> None:
    program = ProgramFactory()
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=program))
    sign_up = EarningRuleFactory(program=program, name="Welcome")
    EarningRuleVersionFactory(rule=sign_up, trigger="sign_up", units=500, measure="order")
    an_order("1", a_line())
    an_order("2", a_line())
    account = holder()
    reward = RewardFactory(program=program, name="Tote bag", cost=100)
    redeem_reward(
        actor=SYSTEM,
        customer_id=account.customer_id,
        reward_id=reward.pk,
        idempotency_key="buy",
    )
    record_refund(
        actor=SYSTEM,
        store="S-1",
        order_number="1",
        number="R-1",
        refunded_at=datetime(2026, 5, 3, 10, tzinfo=UTC),
        idempotency_key="refund",
    )
    cancel_order(actor=SYSTEM, store="S-1", order_number="2", idempotency_key="cancel")
    url = reverse("rewards:points", args=[account.customer_id])
    page = agent.get(url, headers=HTMX).content.decode()
    for words in (
        "Earned for signing up",
        "Spent on Tote bag",
        "Taken back: order #1 refunded",
        "Taken back: order #2 cancelled",
    ):
        assert words in page


def test_rw_10_the_history_says_what_could_not_be_taken_back(agent: Client) -> None:
    a_card_program(size=4, measure=MEASURE.ITEMS)
    an_order("1", pastry("Croissant", 5))
    cancel_order(actor=SYSTEM, store="S-1", order_number="1", idempotency_key="cancel")
    page = panel(agent, holder(), show="history")
    assert "Taken back: order #1 cancelled" in page
    assert "4 stamps could not be taken back: spent already" in page
    assert_adds_up()


def test_cu_3_the_strip_shows_points_and_the_card(agent: Client) -> None:
    customer = CustomerFactory()
    points = AccountFactory(customer=customer, program=ProgramFactory(name="Points"))
    stamps = AccountFactory(
        customer=customer, program=ProgramFactory(stamps=True, name="Coffee card")
    )
    adjust(points, 1240)
    adjust(stamps, 7)
    strip = facts(agent, stamps)
    assert "1,240" in strip
    assert '7 <span class="facts__of">of 10</span>' in strip
    assert strip.count('<li class="is-on">') == 7
    assert strip.count("<li>") == 3


@pytest.mark.parametrize(
    ("balance", "value", "hint"),
    [
        (0, "0", ""),
        (10, "10", ""),
        (13, "3", "a full card besides"),
        (33, "3", "3 full cards besides"),
    ],
)
def test_cu_3_the_strip_tells_full_cards_in_hand(
    agent: Client, balance: int, value: str, hint: str
) -> None:
    ProgramFactory()
    account = AccountFactory(program=ProgramFactory(stamps=True))
    if balance:
        adjust(account, balance)
    strip = facts(agent, account)
    assert f'{value} <span class="facts__of">of 10</span>' in strip
    assert ("besides" in strip) == bool(hint)
    assert hint in strip


def test_cu_3_a_card_alone_says_what_will_happen_to_it(agent: Client) -> None:
    account = AccountFactory(
        program=ProgramFactory(stamps=True, expiry=Program.Expiry.PER_LOT, expiry_days=30)
    )
    adjust(account, 4)
    strip = facts(agent, account)
    assert '4 <span class="facts__of">of 10</span>' in strip
    assert "Next to expire" in strip


def test_rw_9_units_that_lapse_by_inactivity_expire_next(agent: Client) -> None:
    program = ProgramFactory(expiry=Program.Expiry.INACTIVITY, expiry_days=90)
    account = AccountFactory(program=program)
    adjust(account, 30, expires_in_days=400)
    adjust(account, 20, expires_in_days=10)
    zone = timezone.get_current_timezone_name()
    holding = holding_of(account.customer_id, program.pk, time_zone=zone)
    soonest = Lot.objects.get(granted=20).expires_at
    assert (holding.expires_at, holding.expiring) == (soonest, 20)
    lapse = timezone.now() + timedelta(days=5)
    Account.objects.filter(pk=account.pk).update(expires_at=lapse)
    holding = holding_of(account.customer_id, program.pk, time_zone=zone)
    assert (holding.expires_at, holding.expiring) == (lapse, 50)


def test_cu_3_the_tab_stands_only_where_stamps_exist(agent: Client) -> None:
    account = AccountFactory()
    url = reverse("rewards:stamps", args=[account.customer_id])
    profile = reverse("customers:profile", args=[account.customer_id])
    assert url not in agent.get(profile).content.decode()
    assert "No stamps program is running" in agent.get(url).content.decode()
    ProgramFactory(stamps=True, status=Program.Status.DRAFT)
    assert url not in agent.get(profile).content.decode()
    ProgramFactory(stamps=True)
    assert url in agent.get(profile).content.decode()


def test_rw_8_several_stamps_programs_can_be_chosen(agent: Client) -> None:
    coffee = AccountFactory(program=ProgramFactory(stamps=True, name="Coffee card"))
    lunch = AccountFactory(
        customer=coffee.customer, program=ProgramFactory(stamps=True, name="Lunch card")
    )
    adjust(lunch, 3)
    assert "0</strong>" in panel(agent, coffee)
    chosen = panel(agent, coffee, program=str(lunch.program_id))
    assert "3</strong>" in chosen
    assert "Coffee card" in chosen


def test_whoever_links_to_a_history_need_not_know_the_kind(agent: Client) -> None:
    account = AccountFactory(program=ProgramFactory(stamps=True))
    points = reverse("rewards:points", args=[account.customer_id])
    response = agent.get(points, {"program": account.program_id})
    stamps = reverse("rewards:stamps", args=[account.customer_id])
    assert response.status_code == 302
    assert response["Location"] == f"{stamps}?program={account.program_id}&show=history"


@pytest.mark.parametrize("orders", [3, 45])
def test_the_tab_costs_the_same_however_many_cards(agent: Client, orders: int) -> None:
    ProgramFactory()
    a_card_program(size=3)
    for number in range(orders + 1):
        an_order(str(number))
    account = holder()
    with assert_queries("rewards: stamps panel"):
        panel(agent, account)
    with assert_queries("rewards: stamps history"):
        panel(agent, account, show="history")
