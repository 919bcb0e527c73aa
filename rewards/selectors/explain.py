"""RW-14: why a balance is what it is, on any day, in sentences to paste to the customer.

The sentences are made from the entries up to the end of that day, so they add up: what was
earned, plus and less everything else, is the balance that the first sentence names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty_admin.common.templatetags.ui import date_in_words, money, units
from rewards.models import Entry, Program
from rewards.selectors.balances import Holding

LATEST = 5
"""So many of the last movements are told one by one."""

Available, Pending = Entry.Bucket.AVAILABLE, Entry.Bucket.PENDING


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
    """Explain what `holding` stood at when the day `on` ended in `time_zone`. Three queries."""
    end = datetime.combine(on + timedelta(days=1), time.min, ZoneInfo(time_zone))
    entries = Entry.objects.filter(account_id=holding.account_id, occurred_at__lt=end)
    parts = _parts(entries)
    balance = sum(parts.values())
    pending = entries.filter(bucket=Pending).aggregate(sum=Sum("amount"))["sum"] or 0
    sentences = [_opening(holding.program, balance, on, today)]
    sentences += _summing_up(holding.program, parts, _orders(entries, end))
    if on == today:
        sentences += _outlook(holding)
    elif pending:
        words = {"units": _units(holding.program, pending)}
        sentences.append(_("Another %(units)s were not yet available then.") % words)
    sentences += _latest(holding.program, entries)
    return Explanation(balance, pending, parts, sentences)


def _parts(entries: QuerySet[Entry]) -> dict[str, int]:
    """The available entries by what they were, in the order in which they are told."""
    available = entries.filter(bucket=Available)
    sums = available.aggregate(
        earned=Sum("amount", filter=Q(kind__in=[Entry.Kind.EARNED, Entry.Kind.RELEASED])),
        added=Sum("amount", filter=Q(kind=Entry.Kind.ADJUSTED, amount__gt=0)),
        removed=Sum("amount", filter=Q(kind=Entry.Kind.ADJUSTED, amount__lt=0)),
        spent=Sum("amount", filter=Q(kind=Entry.Kind.SPENT)),
        expired=Sum("amount", filter=Q(kind=Entry.Kind.EXPIRED)),
        returned=Sum("amount", filter=Q(kind=Entry.Kind.REVERSED, amount__gt=0)),
        taken_back=Sum("amount", filter=Q(kind=Entry.Kind.REVERSED, amount__lt=0)),
    )
    return {name: int(value or 0) for name, value in sums.items()}


def _orders(entries: QuerySet[Entry], end: datetime) -> int:
    """How many orders brought what was available then; pending ones are told apart."""
    there = Q(bucket=Available) | Q(lot__is_pending=False, lot__available_at__lt=end)
    counted = entries.filter(there, kind=Entry.Kind.EARNED).aggregate(
        orders=Count("operation__order", distinct=True)
    )
    return int(counted["orders"])


def _units(program: Program, amount: int) -> str:
    name = program.unit_singular if abs(amount) == 1 else program.unit_plural
    return f"{units(amount)} {name}"


def _opening(program: Program, balance: int, on: date, today: date) -> str:
    words = {"units": _units(program, balance), "day": date_in_words(on)}
    if on == today:
        return _("Today, %(day)s, you have %(units)s.") % words
    return _("At the end of %(day)s you had %(units)s.") % words


def _summing_up(program: Program, parts: Mapping[str, int], orders: int) -> list[str]:
    told = {
        "earned": ngettext(
            "earned %(units)s on %(orders)s order",
            "earned %(units)s on %(orders)s orders",
            orders,
        ),
        "added": _("received %(units)s as a credit by our staff"),
        "returned": _("got %(units)s back"),
        "spent": _("spent %(units)s"),
        "removed": _("had %(units)s taken off by our staff"),
        "taken_back": _("had %(units)s taken back, because a credit was undone"),
        "expired": _("lost %(units)s because they expired"),
    }
    clauses = [
        phrase % {"units": _units(program, abs(parts[name])), "orders": units(orders)}
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
            "units": _units(program, holding.pending),
            "day": date_in_words(holding.available_at),
        }
        sentences.append(_("Another %(units)s become available from %(day)s on.") % words)
    if holding.expiring and holding.expires_at:
        words = {
            "units": _units(program, holding.expiring),
            "day": date_in_words(holding.expires_at),
        }
        sentences.append(_("%(units)s expire on %(day)s unless you use them before.") % words)
    if holding.debt:
        words = {"units": _units(program, holding.debt)}
        sentences.append(_("The next %(units)s that you earn make up for what is missing.") % words)
    return sentences


def _latest(program: Program, entries: QuerySet[Entry]) -> list[str]:
    moved = entries.exclude(bucket=Pending, kind=Entry.Kind.RELEASED)
    latest = moved.select_related("operation__order__store", "operation__reverses").order_by(
        "-occurred_at", "-pk"
    )[:LATEST]
    lines = [_movement(program, entry) for entry in latest]
    return [_("The last movements:"), *lines] if lines else []


def _movement(program: Program, entry: Entry) -> str:
    phrases = {
        Entry.Kind.EARNED: _("you earned %(units)s"),
        Entry.Kind.RELEASED: _("%(units)s became available"),
        Entry.Kind.SPENT: _("you spent %(units)s"),
        Entry.Kind.EXPIRED: _("%(units)s expired"),
        Entry.Kind.ADJUSTED: _("our staff credited %(units)s")
        if entry.amount > 0
        else _("our staff took %(units)s off"),
        Entry.Kind.REVERSED: _("you got %(units)s back")
        if entry.amount > 0
        else _("%(units)s were taken back"),
    }
    phrase = phrases[Entry.Kind(entry.kind)] % {"units": _units(program, abs(entry.amount))}
    words = {"day": date_in_words(entry.occurred_at), "what": phrase, "why": _why(entry)}
    return _("%(day)s: %(what)s%(why)s.") % words


def _why(entry: Entry) -> str:
    operation = entry.operation
    if operation.order:
        order = operation.order
        words = {
            "number": order.number,
            "store": order.store.name,
            "total": money(order.total, order.currency),
        }
        return _(" for order #%(number)s at %(store)s (%(total)s)") % words
    if operation.customer_comment:
        return _(" (“%s”)") % operation.customer_comment
    if operation.reference:
        return _(" (receipt %s)") % operation.reference
    return ""
