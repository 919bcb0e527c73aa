"""The last movements of a balance, each in a sentence; see `rewards.selectors.explain`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from activity.models import Event
from loyalty_admin.common.templatetags.ui import date_in_words, money, units
from rewards.models import EarningRuleVersion, Entry, Operation, Program, Redemption

LATEST = 5
"""So many of the last movements are told one by one."""

Trigger = EarningRuleVersion.Trigger
Kind = Operation.Kind

_OPERATION = ("order__store", "reverses__redemption__reward", "redemption__reward")


def latest_movements(program: Program, entries: QuerySet[Entry]) -> list[str]:
    """The last of these entries, newest first, with a heading. Two queries at most."""
    related = [f"operation__{name}" for name in _OPERATION]
    moved = entries.exclude(bucket=Entry.Bucket.PENDING, kind=Entry.Kind.RELEASED)
    latest = list(
        moved.select_related("rule_version", *related).order_by("-occurred_at", "-pk")[:LATEST]
    )
    returned = _returned(latest)
    lines = [
        _("%(day)s: %(what)s.")
        % {"day": date_in_words(entry.occurred_at), "what": _what(program, entry, returned)}
        for entry in latest
    ]
    return [_("The last movements:"), *lines] if lines else []


def named(program: Program, amount: int) -> str:
    """The amount with the unit's name, for a sentence."""
    name = program.unit_singular if abs(amount) == 1 else program.unit_plural
    return f"{units(abs(amount))} {name}"


def _returned(entries: Sequence[Entry]) -> dict[int, list[Mapping[str, Any]]]:
    """What each lot got back when a reward was cancelled, by the redemption's key."""
    cancelled = [
        redemption.pk
        for entry in entries
        if entry.kind == Entry.Kind.REVERSED and (redemption := _cancelled(entry.operation))
    ]
    if not cancelled:
        return {}
    events = Event.objects.filter(
        customer=entries[0].customer_id, kind="reward.cancelled", object_id__in=cancelled
    )
    return {event.object_id: event.data["lots"] for event in events if event.object_id}


def _cancelled(operation: Operation) -> Redemption | None:
    """The redemption that the operation cancelled, if it did."""
    paid = operation.reverses
    return getattr(paid, "redemption", None) if paid and paid.kind == Kind.REDEEM else None


def _what(
    program: Program, entry: Entry, returned: Mapping[int, Sequence[Mapping[str, Any]]]
) -> str:
    operation, words = entry.operation, {"units": named(program, entry.amount)}
    match entry.kind:
        case Entry.Kind.EARNED:
            return _("you earned %(units)s") % words + _earned_for(entry)
        case Entry.Kind.RELEASED:
            return _("%(units)s became available") % words
        case Entry.Kind.EXPIRED:
            return _("%(units)s expired") % words
        case Entry.Kind.SPENT:
            return _spent(operation, words)
        case Entry.Kind.ADJUSTED:
            credited = _("our staff credited %(units)s") % words
            taken_off = _("our staff took %(units)s off") % words
            return (credited if entry.amount > 0 else taken_off) + _comment(operation)
    return _reversed(program, entry, words, returned)


def _earned_for(entry: Entry) -> str:
    what = _for_order(entry.operation) if entry.operation.order else _for_event(entry)
    if entry.multiplier != 1:
        times = {"times": f"{entry.multiplier.normalize():f}"}
        what += _(", multiplied by %(times)s for your tier") % times
    return what


def _for_order(operation: Operation) -> str:
    order = operation.order
    assert order is not None
    words = {
        "number": order.number,
        "store": order.store.name,
        "total": money(order.total, order.currency),
    }
    return _(" for order #%(number)s at %(store)s (%(total)s)") % words


def _for_event(entry: Entry) -> str:
    phrases = {
        Trigger.SIGN_UP: _(" for joining"),
        Trigger.NEWSLETTER: _(" for subscribing to the newsletter"),
        Trigger.REVIEW: _(" for a review"),
        Trigger.REFERRAL: _(" for bringing a friend"),
        Trigger.BIRTHDAY: _(" for your birthday"),
    }
    version = entry.rule_version
    return phrases.get(Trigger(version.trigger), "") if version else ""


def _spent(operation: Operation, words: Mapping[str, str]) -> str:
    redemption: Redemption | None = getattr(operation, "redemption", None)
    if redemption is None:
        return _("you spent %(units)s") % words + _comment(operation)
    bought = {**words, "reward": redemption.reward.name}
    if redemption.source == Redemption.Source.CARD:
        return _("%(units)s filled a card, which gave you “%(reward)s”") % bought
    return _("you spent %(units)s on “%(reward)s”") % bought


def _reversed(
    program: Program,
    entry: Entry,
    words: dict[str, str],
    returned: Mapping[int, Sequence[Mapping[str, Any]]],
) -> str:
    operation = entry.operation
    if redemption := _cancelled(operation):
        cancelled = {**words, "reward": redemption.reward.name}
        sentence = _("you got %(units)s back, because “%(reward)s” was cancelled") % cancelled
        return sentence + _lots(program, returned.get(redemption.pk, []))
    if operation.kind == Kind.REINSTATE:
        return _("you got %(units)s back that had expired") % words
    if operation.kind == Kind.REFUND and operation.order:
        number = {**words, "number": operation.order.number}
        return (
            _("%(units)s were taken back, because order #%(number)s was refunded or cancelled")
            % number
        )
    got, taken = _("you got %(units)s back") % words, _("%(units)s were taken back") % words
    return (got if entry.amount > 0 else taken) + _comment(operation)


def _lots(program: Program, lots: Sequence[Mapping[str, Any]]) -> str:
    """How long what came back stays: `: 200 points until 4 December, …`."""
    told = []
    for lot in lots:
        until = parse_datetime(lot["expires_at"]) if lot["expires_at"] else None
        words = {"units": named(program, lot["units"]), "day": until and date_in_words(until)}
        if until is None:
            told.append(_("%(units)s for good") % words)
        elif lot["had_expired"]:
            phrase = _("%(units)s, which had expired meanwhile, until %(day)s")
            told.append(phrase % words)
        else:
            told.append(_("%(units)s until %(day)s") % words)
    return ": " + "; ".join(told) if told else ""


def _comment(operation: Operation) -> str:
    if operation.customer_comment:
        return _(" (“%s”)") % operation.customer_comment
    if operation.reference:
        return _(" (receipt %s)") % operation.reference
    return ""
