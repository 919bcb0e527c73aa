"""Customers to remember: one for each thing that people call about.

| Customer                | What they show                                                     |
|-------------------------|--------------------------------------------------------------------|
| Ana Pérez               | e-mail blocked; 1,240 points, 90 pending, 200 expire in 12 days    |
| Order #10433            | a guest's checkout on the web: nobody has claimed its 40 points    |
| Gus Guest               | never enrolled, so four orders earned nothing                      |
| Paula Pending           | last week's order is still pending: 45 points                      |
| Rita Removed            | left the programme with 310 points                                 |
| Olu Kazeem              | buys for a hotel: 12,905 points                                    |
| Carl Corrected          | −150 by mistake, undone an hour later                              |
| Eva Expired             | 320 points expired last month; 45 are left                         |
| Rosa Refunded           | an order went back when its points were spent: 30 are missing      |
| Cora Cancelled          | redeemed €5 off by accident, cancelled: 640 points again           |
| Stan Stamps             | a full coffee card, and 3 stamps on the next                       |
| Tina Tier               | Gold by hand for half a year                                       |
| Nora New                | joined today: no order, no points                                  |
| Max Many                | 300 orders in a year                                               |
| Iker Opted-out          | answered STOP: no SMS any more                                     |
| Zoë O'Brien-Łukasiewicz | a name and a note with characters that break careless pages        |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from django.conf import settings

from activity.models import ContactPoint, Note
from rewards.demo.acts import (
    Act,
    Adjust,
    Buy,
    ContactFails,
    Spend,
    Undo,
    WriteNote,
)
from rewards.demo.catalogue import LEAD
from rewards.demo.people import Person, dni, email_of
from rewards.demo.programs import CARD, FIVE_OFF, GOLD
from rewards.demo.reward_acts import (
    CancelRedemption,
    ChangeTier,
    GoesBack,
    Happens,
    Redeem,
    Remove,
)
from rewards.demo.shopping import at_shop_time, basket, basket_of, coffees, split, spread

CLAIM_NUMBER, ANA_NUMBER = "10433", "10482"
EXPIRY = timedelta(days=14 + 365)
"""From an order to the end of its points: pending, then a year."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Days and times of day as the shop sees them, counted from the day that is now."""

    now: datetime
    rng: Random

    def on(self, days_ago: int, time: str = "") -> datetime:
        """A moment that many days ago, at a time of day or at any time the shop is open."""
        day = self.now - timedelta(days=days_ago)
        if not time:
            return at_shop_time(self.rng, day, online=False)
        hour, minute = map(int, time.split(":"))
        local = day.astimezone(ZoneInfo(settings.STORE_TIME_ZONE))
        return local.replace(hour=hour, minute=minute, second=0, microsecond=0)

    def ago(self, **span: float) -> datetime:
        """So long before now."""
        return self.now - timedelta(**span)


@dataclass(frozen=True, slots=True)
class Case:
    """A customer to remember: by which name, what for, and what they do."""

    name: str
    shows: str
    acts: Callable[[Clock, Person], Iterator[Act]]
    joined_days_ago: int = 500
    member: bool = True
    phone: str = ""
    document: str = ""


def person_of(case: Case, clock: Clock, external_id: str, number: int) -> Person:
    """The person of a case; `number` makes their phone number and document."""
    joined = clock.on(case.joined_days_ago, "11:20") if case.joined_days_ago else None
    return Person(
        external_id=external_id,
        name=case.name,
        joined=joined or clock.ago(minutes=20),
        email=email_of(case.name),
        phone=case.phone or f"+346123001{number:02d}",
        document=case.document or dni(20_300_100 + 37 * number),
        address=f"Calle de la Luna {7 * number}, 2º B, 28004 Madrid",
        member=case.member,
    )


def _orders(
    clock: Clock, person: Person, units: int, orders: int, first: int, last: int
) -> Iterator[Act]:
    """So many orders from `first` to `last` days ago that earn exactly `units`."""
    days = spread(clock.rng, clock.ago(days=first), clock.ago(days=last), orders)
    for day, total in zip(days, split(clock.rng, units, orders), strict=True):
        store = clock.rng.choice(("gran-via", "gran-via", "retiro", "web"))
        at = at_shop_time(clock.rng, day, online=False)
        yield Buy(at, person.external_id, store, basket_of(clock.rng, total))


def _order(clock: Clock, person: Person, days_ago: int, total: str, store: str) -> Buy:
    lines = basket_of(clock.rng, Decimal(total))
    return Buy(clock.on(days_ago), person.external_id, store, lines)


def _ana(clock: Clock, person: Person) -> Iterator[Act]:
    """700 points of one order, of which 500 are spent: the other 200 expire in 12 days."""
    customer = person.external_id
    yield _order(clock, person, EXPIRY.days - 12, "700.00", "retiro")
    yield from _orders(clock, person, units=1000, orders=38, first=350, last=20)
    yield _order(clock, person, 9, "28.60", "web")
    yield Adjust(
        at=clock.on(3, "17:12"),
        customer=customer,
        name="guest-checkout",
        amount=40,
        reason="guest-checkout",
        internal_note=f"guest checkout of #{CLAIM_NUMBER}",
        expires_in_days=365,
    )
    yield WriteNote(
        at=clock.on(3, "17:20"),
        customer=customer,
        name="cup",
        channel=Note.Channel.PHONE,
        body="Called about a broken cup. Sent goodwill coupon, told her it lasts 30 days.",
    )
    lines = basket_of(clock.rng, Decimal("62.40"))
    yield Buy(clock.on(3, "18:05"), customer, "gran-via", lines, number=ANA_NUMBER)
    yield ContactFails(
        at=clock.ago(minutes=40),
        customer=customer,
        kind=ContactPoint.Kind.EMAIL,
        state=ContactPoint.State.BLOCKED,
        reason="The mailbox does not exist (550 5.1.1)",
    )
    yield Adjust(
        at=clock.on(30, "11:05"),
        customer=customer,
        name="paper card",
        program=CARD,
        amount=7,
        reason="other",
        internal_note="Brought her paper card, seven stamps on it",
        customer_comment="Stamps of your paper card",
    )
    yield Redeem(at=clock.ago(minutes=35), customer=customer, name="five", reward=FIVE_OFF)


def _gus(clock: Clock, person: Person) -> Iterator[Act]:
    for days_ago, total in ((70, "18.40"), (41, "33.10"), (22, "12.90"), (5, "47.25")):
        yield _order(clock, person, days_ago, total, "web")


def _paula(clock: Clock, person: Person) -> Iterator[Act]:
    yield from _orders(clock, person, units=140, orders=4, first=200, last=40)
    yield _order(clock, person, 6, "45.80", "gran-via")


def _rita(clock: Clock, person: Person) -> Iterator[Act]:
    yield from _orders(clock, person, units=310, orders=7, first=300, last=60)
    yield WriteNote(
        at=clock.on(12, "12:40"),
        customer=person.external_id,
        name="leaves",
        channel=Note.Channel.EMAIL,
        body="Wants to leave the programme. Told her that the points are lost with it.",
    )
    yield Remove(clock.on(12, "12:45"), person.external_id)


def _olu(clock: Clock, person: Person) -> Iterator[Act]:
    yield from _orders(clock, person, units=12_905, orders=26, first=360, last=20)
    yield WriteNote(
        at=clock.on(140, "10:05"),
        customer=person.external_id,
        name="hotel",
        channel=Note.Channel.STORE,
        body="Buys for Hotel Sol, every other Tuesday. Needs an invoice each time.",
        pinned=True,
    )


def _carl(clock: Clock, person: Person) -> Iterator[Act]:
    customer = person.external_id
    yield from _orders(clock, person, units=420, orders=9, first=330, last=30)
    yield Adjust(
        at=clock.on(8, "16:10"),
        customer=customer,
        name="mistake",
        amount=-150,
        reason="counter-mistake",
        internal_note="Order scanned twice",
        customer_comment="Scanned twice",
    )
    yield Undo(at=clock.on(8, "17:15"), customer=customer, name="mistake", by=LEAD)
    yield WriteNote(
        at=clock.on(8, "17:20"),
        customer=customer,
        name="sorry",
        channel=Note.Channel.PHONE,
        body="They were two orders after all. Points given back, apologised.",
        by=LEAD,
    )


def _eva(clock: Clock, person: Person) -> Iterator[Act]:
    yield _order(clock, person, EXPIRY.days + 30, "320.00", "valencia")
    yield _order(clock, person, 25, "45.60", "valencia")


def _rosa(clock: Clock, person: Person) -> Iterator[Act]:
    """An order of 60 goes back after 150 of 180 points were spent: 30 are left to take."""
    customer = person.external_id
    yield _order(clock, person, 90, "120.50", "retiro")
    yield _order(clock, person, 40, "60.20", "web")
    yield Spend(
        at=clock.on(20, "12:10"), customer=customer, name="spend", amount=150, reference="T-31077"
    )
    yield GoesBack(at=clock.on(6, "10:30"), customer=customer)


def _cora(clock: Clock, person: Person) -> Iterator[Act]:
    customer = person.external_id
    yield from _orders(clock, person, units=640, orders=8, first=300, last=30)
    yield Redeem(at=clock.on(4, "18:02"), customer=customer, name="five", reward=FIVE_OFF)
    yield CancelRedemption(
        at=clock.on(4, "18:20"), customer=customer, name="five", reason="Tapped it by accident"
    )


def _stan(clock: Clock, person: Person) -> Iterator[Act]:
    """Thirteen coffees: a full card, and three stamps on the next one."""
    for day in spread(clock.rng, clock.ago(days=120), clock.ago(days=2), 13):
        at = at_shop_time(clock.rng, day, online=False)
        yield Buy(at, person.external_id, "gran-via", coffees(clock.rng, 1))


def _tina(clock: Clock, person: Person) -> Iterator[Act]:
    customer = person.external_id
    yield from _orders(clock, person, units=230, orders=5, first=200, last=30)
    yield ChangeTier(
        at=clock.on(10, "13:15"), customer=customer, tier=GOLD, days=180,
        note="Was Gold at the shop that we took over",
    )  # fmt: skip
    yield Happens(at=clock.on(5, "20:40"), customer=customer, kind="review", reference="R-5512")


def _nothing(clock: Clock, person: Person) -> Iterator[Act]:
    yield from ()


def _max(clock: Clock, person: Person) -> Iterator[Act]:
    for day in spread(clock.rng, clock.ago(days=360), clock.ago(days=1), 300):
        at = at_shop_time(clock.rng, day, online=False)
        yield Buy(at, person.external_id, "retiro", basket(clock.rng)[:2])


def _iker(clock: Clock, person: Person) -> Iterator[Act]:
    yield from _orders(clock, person, units=260, orders=8, first=300, last=25)
    at = clock.on(17, "09:48")
    yield ContactFails(
        at=at,
        customer=person.external_id,
        kind=ContactPoint.Kind.PHONE,
        state=ContactPoint.State.OPTED_OUT,
        reason=f"Answered STOP on {at:%d %b %Y}",
    )


def _zoe(clock: Clock, person: Person) -> Iterator[Act]:
    yield from _orders(clock, person, units=88, orders=3, first=180, last=30)
    yield WriteNote(
        at=clock.on(15, "13:30"),
        customer=person.external_id,
        name="odd",
        channel=Note.Channel.CHAT,
        body='Wrote: <script>alert("hello")</script> & asked for 2 × “Crème brûlée” 🍮 — ½ price?',
    )


CASES = (
    Case(
        "Ana Pérez",
        "e-mail blocked; 1,240 points, 90 pending, 200 expire in 12 days",
        _ana,
        joined_days_ago=985,
        phone="+34612345678",
        document="12345678Z",
    ),
    Case("Gus Guest", "never enrolled, so four orders earned nothing", _gus, 75, member=False),
    Case("Paula Pending", "last week's order is still pending: 45 points", _paula, 240),
    Case("Rita Removed", "left the programme with 310 points", _rita),
    Case("Olu Kazeem", "buys for a hotel: 12,905 points", _olu, phone="+2348031234567"),
    Case("Carl Corrected", "−150 by mistake, undone an hour later", _carl),
    Case("Eva Expired", "320 points expired last month; 45 are left", _eva, 640),
    Case("Rosa Refunded", "an order went back when its points were spent: 30 are missing", _rosa),
    Case("Cora Cancelled", "redeemed €5 off by accident, cancelled: 640 points again", _cora),
    Case("Stan Stamps", "a full coffee card, and 3 stamps on the next", _stan, 150),
    Case("Tina Tier", "Gold by hand for half a year", _tina, 320),
    Case("Nora New", "joined today: no order, no points", _nothing, 0),
    Case("Max Many", "300 orders in a year", _max),
    Case("Iker Opted-out", "answered STOP: no SMS any more", _iker, 410),
    Case(
        "Zoë O'Brien-Łukasiewicz",
        "a name and a note with characters that break careless pages",
        _zoe,
        190,
    ),
)

UNCLAIMED = "a guest's checkout on the web: nobody has claimed its 40 points"


def unclaimed_order(rng: Random, at: datetime) -> Buy:
    """The order of a customer whom nobody knows."""
    return Buy(at, None, "web", basket_of(rng, Decimal("40.75")), number=CLAIM_NUMBER)


def table() -> str:
    """The cases as lines to print."""
    rows = [(case.name, case.shows) for case in CASES]
    rows.insert(1, (f"Order #{CLAIM_NUMBER}", UNCLAIMED))
    return "\n".join(f"  {name:<24} {shows}" for name, shows in rows)
