"""How the ledger's events look on the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from activity.models import Event
from activity.timeline import Chip, Extra, Group, Line, LineAction, LineType, register
from loyalty_admin.common.templatetags.ui import date_in_words, signed, units
from loyalty_admin.staff.permissions import Perm
from rewards.actions.balances import ADJUSTED, SPENT
from rewards.actions.settling import RELEASED
from rewards.actions.undo import REVERSED
from rewards.models import Operation


@dataclass(frozen=True, slots=True)
class State:
    """What has become of an operation since: its reason's label, and whether it was undone."""

    reason: str
    undone: bool


def _states(events: Sequence[Event]) -> dict[int, State]:
    rows = Operation.objects.filter(
        pk__in=[event.object_id for event in events if event.object_id]
    ).values_list("pk", "reason__label", "reversed_by__pk")
    return {pk: State(reason or "", undone is not None) for pk, reason, undone in rows}


def _unit(event: Event) -> str:
    one = abs(event.data["units"]) == 1
    return str(event.data["unit_singular" if one else "unit_plural"])


def _change(event: Event) -> str:
    return _("balance %(before)s → %(after)s") % {
        "before": units(event.data["before"]),
        "after": units(event.data["after"]),
    }


def _state_of(event: Event, extra: Extra) -> State:
    state: State = extra.get(event.object_id) or State("", undone=False)
    return state


def _manual(event: Event, extra: Extra, title: str, sentences: list[str]) -> Line:
    state = _state_of(event, extra)
    chips = [Chip(state.reason)] if state.reason else []
    actions = []
    if state.undone:
        chips.append(Chip(_("Undone"), "warn"))
    else:
        url = reverse("rewards:undo", args=[event.customer_id, event.object_id])
        actions.append(LineAction(_("Undo"), url, "post", permission=Perm.BALANCE_UNDO))
    body = " · ".join(sentence for sentence in sentences if sentence)
    return Line(title=title, body=body, chips=chips, actions=actions, href=_history(event))


def _history(event: Event) -> str:
    url = reverse("rewards:points", args=[event.customer_id])
    return f"{url}?program={event.data['program_id']}"


def _adjusted(event: Event, extra: Extra) -> Line:
    data = event.data
    title = _("%(program)s adjusted by %(amount)s") % {
        "program": data["program"],
        "amount": signed(data["units"]),
    }
    expires = parse_datetime(data["expires_at"]) if data["expires_at"] else None
    sentences = [
        _change(event),
        _("Internal: %s") % data["internal_note"] if data["internal_note"] else "",
        _("Customer sees “%s”") % data["customer_comment"] if data["customer_comment"] else "",
        _("Expires %s") % date_in_words(expires) if expires else "",
        _batch(event),
    ]
    return _manual(event, extra, title, sentences)


def _batch(event: Event) -> str:
    """Where it was one of many that came in a file."""
    number = event.data.get("batch")
    return _("From mass adjustment %s") % number if number else ""


def _short(event: Event) -> str:
    """What could not be taken back; only a file that is undone leaves it at that."""
    missing = event.data.get("shortfall")
    return _("%s more had been spent already") % units(missing) if missing else ""


def _spent(event: Event, extra: Extra) -> Line:
    data = event.data
    amount = {"amount": units(-data["units"]), "unit": _unit(event)}
    title = _("Spent %(amount)s %(unit)s at the counter") % amount
    sentences = [
        _change(event),
        _("Receipt %s") % data["reference"] if data["reference"] else "",
        _("Internal: %s") % data["internal_note"] if data["internal_note"] else "",
    ]
    return _manual(event, extra, title, sentences)


def _reversed(event: Event, extra: Extra) -> Line:
    data = event.data
    amount = {"amount": signed(data["units"]), "unit": _unit(event)}
    if data["kind"] == Operation.Kind.DEBIT:
        title = _("Spending undone: %(amount)s %(unit)s") % amount
    elif data["kind"] == Operation.Kind.REINSTATE:
        title = _("Reinstatement undone: %(amount)s %(unit)s") % amount
    else:
        title = _("Adjustment undone: %(amount)s %(unit)s") % amount
    sentences = (_change(event), _short(event), _batch(event))
    body = " · ".join(sentence for sentence in sentences if sentence)
    return Line(title=title, body=body, href=_history(event))


def _released(event: Event, extra: Extra) -> Line:
    amount = {"amount": units(event.data["units"]), "unit": _unit(event)}
    title = _("%(amount)s %(unit)s became available") % amount
    return Line(title=title, body=_change(event), href=_history(event))


def register_all() -> None:
    """Make the timeline know them."""
    balance, earnings = Group.BALANCE, Group.EARNINGS
    _l = gettext_lazy
    register(
        LineType(ADJUSTED, balance, _l("Adjusted"), "diff", "", _adjusted, _states),
        LineType(SPENT, balance, _l("Spent"), "shopping-basket", "accent", _spent, _states),
        LineType(REVERSED, balance, _l("Undone"), "undo-2", "warn", _reversed),
        LineType(RELEASED, earnings, _l("Became available"), "lock-open", "ok", _released),
    )
