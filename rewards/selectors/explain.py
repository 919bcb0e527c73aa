"""RW-14: why a balance is what it is, on any day, in sentences to paste to the customer.

The sentences are made from the entries up to the end of that day, so they add up: what was
earned, plus and less everything else, is the balance that the first sentence names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty_admin.common.templatetags.ui import date_in_words, units
from rewards.models import Entry, Operation, Program, Redemption, Shortfall
from rewards.selectors.balances import Holding
from rewards.selectors.movements import latest_movements, named

Available, Pending = Entry.Bucket.AVAILABLE, Entry.Bucket.PENDING
Kind = Operation.Kind


@dataclass(frozen=True, slots=True)
class Explanation:
    """The sentences, and the numbers that they are made of, in units."""

    balance: int
    pending: int
    parts: Mapping[str, int]
    sentences: list[str]

    @property
    def text(self) -> str:
        """All sentences, for the clipboard."""
        return "\n".join(self.sentences)


def explain_balance(holding: Holding, on: date, *, today: date, time_zone: str) -> Explanation:
    """Explain what `holding` stood at when the day `on` ended in `time_zone`.

    Six queries at most.
    """
    end = datetime.combine(on + timedelta(days=1), time.min, ZoneInfo(time_zone))
    entries = Entry.objects.filter(account_id=holding.account_id, occurred_at__lt=end)
    program, parts = holding.program, _parts(entries)
    balance = sum(parts.values())
    pending = entries.filter(bucket=Pending).aggregate(sum=Sum("amount"))["sum"] or 0
    sentences = [_opening(program, balance, on, today)]
    sentences += _summing_up(program, parts, *_sources(entries, end))
    if on == today:
        sentences += _outlook(holding)
    elif pending:
        words = {"units": named(program, pending)}
        sentences.append(_("Another %(units)s were not yet available then.") % words)
    sentences += _shortfalls(holding, end)
    sentences += latest_movements(program, entries)
    return Explanation(balance, pending, parts, sentences)


def _parts(entries: QuerySet[Entry]) -> dict[str, int]:
    """The available entries by what they were, in the order in which they are told."""
    card = Redemption.objects.filter(operation=OuterRef("operation"), source=Redemption.Source.CARD)
    available = entries.filter(bucket=Available).annotate(
        of_card=Exists(card), undone=F("operation__reverses__kind")
    )
    undone = Q(operation__kind=Kind.REVERSE)
    adjusted, spent = Q(kind=Entry.Kind.ADJUSTED), Q(kind=Entry.Kind.SPENT)
    told = {
        "earned": Q(kind__in=[Entry.Kind.EARNED, Entry.Kind.RELEASED]),
        "added": adjusted & Q(amount__gt=0),
        "cancelled": undone & Q(undone=Kind.REDEEM),
        "reinstated": Q(operation__kind=Kind.REINSTATE),
        "returned": undone & ~Q(undone=Kind.REDEEM) & Q(amount__gt=0),
        "rewards": spent & Q(operation__kind=Kind.REDEEM, of_card=False),
        "cards": spent & Q(of_card=True),
        "spent": spent & ~Q(operation__kind=Kind.REDEEM),
        "removed": adjusted & Q(amount__lt=0),
        "refunded": Q(operation__kind=Kind.REFUND),
        "taken_back": undone & ~Q(undone=Kind.REDEEM) & Q(amount__lt=0),
        "expired": Q(kind=Entry.Kind.EXPIRED),
    }
    sums = available.aggregate(
        **{name: Sum("amount", filter=which) for name, which in told.items()}
    )
    return {name: int(value or 0) for name, value in sums.items()}


def _sources(entries: QuerySet[Entry], end: datetime) -> tuple[int, int]:
    """How many orders, and how many other occasions, brought what was available then.

    What was pending is told apart.
    """
    there = Q(bucket=Available) | Q(lot__is_pending=False, lot__available_at__lt=end)
    counted = entries.filter(there, kind=Entry.Kind.EARNED).aggregate(
        orders=Count("operation__order", distinct=True),
        others=Count("operation", distinct=True, filter=Q(operation__order=None)),
    )
    return int(counted["orders"]), int(counted["others"])


def _opening(program: Program, balance: int, on: date, today: date) -> str:
    sign = "−" if balance < 0 else ""
    words = {"units": sign + named(program, balance), "day": date_in_words(on)}
    if on == today:
        return _("Today, %(day)s, you have %(units)s.") % words
    return _("At the end of %(day)s you had %(units)s.") % words


def _earned(orders: int, others: int) -> str:
    on_orders = ngettext("on %(orders)s order", "on %(orders)s orders", orders)
    on_others = ngettext("on %(others)s other occasion", "on %(others)s other occasions", others)
    if not others:
        return _("earned %(units)s") + " " + on_orders
    if not orders:
        phrase = ngettext("on %(others)s occasion", "on %(others)s occasions", others)
        return _("earned %(units)s") + " " + phrase
    return _("earned %(units)s") + " " + on_orders + " " + _("and") + " " + on_others


def _summing_up(program: Program, parts: Mapping[str, int], orders: int, others: int) -> list[str]:
    told = {
        "earned": _earned(orders, others),
        "added": _("received %(units)s as a credit by our staff"),
        "cancelled": _("got %(units)s back for cancelled rewards"),
        "reinstated": _("got %(units)s back that had expired"),
        "returned": _("got %(units)s back"),
        "rewards": _("spent %(units)s on rewards"),
        "cards": _("filled cards with %(units)s"),
        "spent": _("spent %(units)s"),
        "removed": _("had %(units)s taken off by our staff"),
        "refunded": _("had %(units)s taken back, because orders were refunded or cancelled"),
        "taken_back": _("had %(units)s taken back, because a credit was undone"),
        "expired": _("lost %(units)s because they expired"),
    }
    counts = {"orders": units(orders), "others": units(others)}
    clauses = [
        phrase % {"units": named(program, parts[name]), **counts}
        for name, phrase in told.items()
        if parts[name]
    ]
    if not clauses:
        return [_("Nothing had been earned or spent until then.")]
    if len(clauses) == 1:
        return [_("In all you %s.") % clauses[0]]
    words = {"first": ", ".join(clauses[:-1]), "last": clauses[-1]}
    return [_("In all you %(first)s and %(last)s.") % words]


def _outlook(holding: Holding) -> list[str]:
    program, sentences = holding.program, []
    if holding.pending and holding.available_at:
        words = {
            "units": named(program, holding.pending),
            "day": date_in_words(holding.available_at),
        }
        sentences.append(_("Another %(units)s become available from %(day)s on.") % words)
    if holding.expiring and holding.expires_at:
        words = {
            "units": named(program, holding.expiring),
            "day": date_in_words(holding.expires_at),
        }
        idle = program.expiry == Program.Expiry.INACTIVITY
        phrase = (
            _("%(units)s expire on %(day)s unless you earn or spend before.")
            if idle
            else _("%(units)s expire on %(day)s unless you use them before.")
        )
        sentences.append(phrase % words)
    if program.card_size and holding.balance > 0:
        words = {
            "stamps": named(program, holding.balance % program.card_size),
            "size": units(program.card_size),
        }
        sentences.append(_("Your card has %(stamps)s of %(size)s.") % words)
    if holding.debt:
        words = {"units": named(program, holding.debt)}
        sentences.append(_("The next %(units)s that you earn make up for what is missing.") % words)
    return sentences


def _shortfalls(holding: Holding, end: datetime) -> list[str]:
    short = Shortfall.objects.filter(account_id=holding.account_id, occurred_at__lt=end).aggregate(
        units=Sum("amount")
    )
    if not short["units"]:
        return []
    words = {"units": named(holding.program, short["units"])}
    return [_("%(units)s more should have been taken back, but had been spent by then.") % words]
