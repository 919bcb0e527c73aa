"""What becomes of an ordinary customer within the year."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from activity.models import ContactPoint, Note
from rewards.demo.acts import (
    Act,
    AddContact,
    Adjust,
    Buy,
    ContactFails,
    Enrol,
    Join,
    Spend,
    Undo,
    WriteNote,
)
from rewards.demo.catalogue import AGENT, LEAD
from rewards.demo.people import Person
from rewards.demo.programs import FIVE_OFF
from rewards.demo.reward_acts import CancelRedemption, GoesBack, Redeem, UseReward
from rewards.demo.shopping import at_shop_time, basket, cost, spread

MOST_ORDERS = 60
REWARDS = (("Free shipping", 200), (FIVE_OFF, 500))
PER_YEAR = 365.0

WRONGS = (
    ("missing-points", (15, 90), "Till 2 was offline, receipt seen", "Points of your visit"),
    ("guest-checkout", (10, 60), "Checked out as a guest, order found", "Points of your order"),
    ("late-delivery", (50, 100), "Parcel came four days late", "Sorry for the delay"),
    ("damaged-item", (50, 150), "Photo of the broken pot received", "Sorry for the damage"),
    ("goodwill", (20, 80), "Long wait on Saturday", "A small thank you"),
    ("counter-mistake", (-40, -5), "Scanned twice, agreed with the customer", "Scanned twice"),
    ("other", (5, 50), "Agreed with the store", "Manual adjustment"),
)

TALKS = (
    (Note.Channel.PHONE, "Asked when the points arrive. Told about the 14 days."),
    (Note.Channel.PHONE, "Wants to be called after 17:00 only."),
    (Note.Channel.EMAIL, "Sent the receipt of the missing order. Points added."),
    (Note.Channel.CHAT, "Could not find the balance in the app. Read it out."),
    (Note.Channel.STORE, "Picked up a replacement for the broken teapot."),
    (Note.Channel.STORE, "Buys for the office on Mondays, needs an invoice."),
    (Note.Channel.SOCIAL, "Complained about the queue in Gran Vía. Apologised, all good."),
    (Note.Channel.PHONE, "Allergic to nuts, asked which cakes are safe."),
    (Note.Channel.EMAIL, "Moving to Valencia in spring, keeps the number."),
)


def life_of(rng: Random, person: Person, begin: datetime, now: datetime) -> Iterator[Act]:
    """From joining to now. Orders begin with the year, or with the customer."""
    yield Join(person.joined, person)
    buys = list(_buys(rng, person, max(person.joined, begin), now))
    yield from buys
    member_since = person.joined
    if not person.member:
        if rng.random() > 0.3 or len(buys) < 2:
            return
        member_since = buys[len(buys) // 2].at + timedelta(minutes=5)
        yield Enrol(member_since, person.external_id)
    earning = [buy for buy in buys if buy.at > member_since]
    if earning and rng.random() < 0.06:
        later = min(earning[-1].at + timedelta(days=2), now - timedelta(minutes=1))
        if later > earning[-1].at:
            yield GoesBack(at=later, customer=person.external_id, cancelled=rng.random() < 0.4)
    yield from _wrongs(rng, person, max(member_since, begin), now)
    yield from _spending(rng, earning)
    yield from _talks(rng, person, max(person.joined, begin), now)
    yield from _contacts(rng, person, max(person.joined, begin), now)


def _buys(rng: Random, person: Person, first: datetime, now: datetime) -> Iterator[Buy]:
    share = (now - first).days / PER_YEAR
    visits = min(int(rng.lognormvariate(1.65, 1.0) * share), MOST_ORDERS)
    favourite = rng.choices(("gran-via", "retiro", "valencia", "web"), (32, 26, 18, 24))[0]
    if first == person.joined and (not person.member or rng.random() < 0.75):
        # Most people become known when they buy something.
        store = "web" if rng.random() < 0.2 else favourite
        yield Buy(first + timedelta(minutes=4), person.external_id, store, basket(rng))
    for day in spread(rng, first, now, visits):
        store = favourite if rng.random() < 0.8 else "web"
        at = at_shop_time(rng, day, online=store == "web")
        if first < at < now:
            yield Buy(at, person.external_id, store, basket(rng))


def _wrongs(rng: Random, person: Person, first: datetime, now: datetime) -> Iterator[Act]:
    """Sometimes staff puts something right, and sometimes takes that back."""
    if rng.random() > 0.16 or now - first < timedelta(days=60):
        return
    customer, at = person.external_id, first + rng.uniform(0.3, 0.95) * (now - first)
    reason, (least, most), note, comment = rng.choice(WRONGS)
    amount = rng.randint(least, most)
    if amount < 0:
        # A credit first, so that there is something to take.
        yield Adjust(
            at=at - timedelta(hours=2),
            customer=customer,
            name="credit",
            amount=-2 * amount,
            reason="missing-points",
            internal_note="Receipt seen at the counter",
        )
    yield Adjust(
        at=at,
        customer=customer,
        name="wrong",
        amount=amount,
        reason=reason,
        internal_note=note,
        customer_comment=comment,
        expires_in_days=rng.choice((None, None, 90, 365)),
        by=rng.choice((AGENT, AGENT, LEAD)),
    )
    if rng.random() < 0.2:
        later = at + timedelta(minutes=rng.randint(2, 50))
        yield Undo(at=later, customer=customer, name="wrong", by=LEAD)


def _spending(rng: Random, buys: list[Buy]) -> Iterator[Act]:
    """Who has a few hundred points spends some, never more than has surely arrived."""
    spent = arrived = visit = 0
    for number, buy in enumerate(buys):
        released = buy.at - timedelta(days=15)
        while buys[visit].at < released:
            arrived += int(cost(buys[visit].lines))
            visit += 1
        can = (arrived - spent) // 100 * 100
        if can < 200 or rng.random() > 0.25:
            continue
        at = buy.at + timedelta(minutes=1)
        if rng.random() < 0.5:
            reward, amount = rng.choice([each for each in REWARDS if each[1] <= can])
            spent += amount
            yield from _redeemed(rng, buy.customer or "", f"reward-{number}", reward, at)
            continue
        amount = rng.randrange(100, min(can, 500) + 1, 100)
        spent += amount
        yield Spend(
            at=at,
            customer=buy.customer or "",
            name=f"spend-{number}",
            amount=amount,
            reference=f"T-{rng.randint(10_000, 99_999)}",
        )


def _redeemed(rng: Random, customer: str, name: str, reward: str, at: datetime) -> Iterator[Act]:
    """A reward, which most people use soon after, and few did not mean to have."""
    yield Redeem(at=at, customer=customer, name=name, reward=reward)
    chance, later = rng.random(), at + timedelta(minutes=rng.randint(3, 40))
    if chance < 0.5:
        yield UseReward(at=later, customer=customer, name=name)
    elif chance < 0.6:
        yield CancelRedemption(
            at=later, customer=customer, name=name, reason="Redeemed by accident"
        )


def _talks(rng: Random, person: Person, first: datetime, now: datetime) -> Iterator[Act]:
    if rng.random() > 0.25:
        return
    days = spread(rng, first, now, rng.randint(1, 2))
    for number, (day, (channel, body)) in enumerate(
        zip(days, rng.sample(TALKS, len(days)), strict=True)
    ):
        at = at_shop_time(rng, day, online=False)
        if first < at < now:
            yield WriteNote(
                at=at,
                customer=person.external_id,
                name=f"note-{number}",
                channel=channel,
                body=body,
                pinned=rng.random() < 0.15,
                by=rng.choice((AGENT, AGENT, LEAD)),
            )


def _contacts(rng: Random, person: Person, first: datetime, now: datetime) -> Iterator[Act]:
    at = first + rng.uniform(0.2, 0.9) * (now - first)
    kind = ContactPoint.Kind.EMAIL
    if rng.random() < 0.05:
        value = person.email.replace("@example.com", "@example.org")
        yield AddContact(at=at, customer=person.external_id, kind=kind, value=value)
    if rng.random() < 0.03:
        yield ContactFails(
            at=at,
            customer=person.external_id,
            kind=kind,
            state=ContactPoint.State.BLOCKED,
            reason="The mailbox is full (552 5.2.2)",
        )
