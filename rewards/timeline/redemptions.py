"""How rewards look on the timeline: bought, given, cancelled, used, taken away, expired."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from activity.models import Event
from activity.timeline import Chip, Extra, Group, Line, LineAction, LineType, register
from loyalty_admin.common.templatetags.ui import date_in_words, units
from loyalty_admin.staff.permissions import Perm
from rewards.actions.redemption_states import EXPIRED, REMOVED, REOPENED, USED
from rewards.actions.redemptions import CANCELLED, GIVEN, REDEEMED
from rewards.models import Redemption
from rewards.selectors.returning import lot_sentence

Status = Redemption.Status
_TONES = {Status.USED: "ok", Status.CANCELLED: "warn", Status.EXPIRED: "bad"}


def _states(events: Sequence[Event]) -> dict[int, Redemption]:
    """The redemptions as they are now, by id."""
    rows = Redemption.objects.select_related("operation__reversed_by").only(
        "status", "operation__id", "operation__reversed_by__id"
    )
    return rows.in_bulk({event.object_id for event in events if event.object_id})


def _redeemed(event: Event, extra: Extra) -> Line:
    data = event.data
    words = {"cost": _amount(event), "reward": data["reward"]}
    sentences = [*_usable(data), _balance(data)]
    return _line(event, extra, _("Redeemed %(cost)s for %(reward)s") % words, sentences)


def _given(event: Event, extra: Extra) -> Line:
    data = event.data
    if data["source"] == Redemption.Source.CARD:
        title = _("Full card: %s") % data["reward"]
    elif data["tier"]:
        title = _("Gift for reaching %(tier)s: %(reward)s") % data
    else:
        title = _("Gift: %s") % data["reward"]
    sentences = _usable(data)
    if data["units"]:
        sentences.append(_balance(data))
    return _line(event, extra, title, sentences)


def _line(event: Event, extra: Extra, title: str, sentences: Sequence[str]) -> Line:
    """A line with what can still be done: cancel what was paid for, take away what was given."""
    redemption = extra.get(event.object_id)
    chips, actions = [], []
    if redemption and redemption.status != Status.OUTSTANDING:
        label = _("Removed") if redemption.is_removed else redemption.get_status_display()
        chips.append(Chip(label, _TONES[redemption.status]))
    elif redemption:
        name = "cancel" if redemption.operation_id else "remove"
        label = _("Cancel redemption") if redemption.operation_id else _("Remove")
        url = _url(name, event)
        actions.append(LineAction(label, url, dialog=True, permission=Perm.BALANCE_UNDO))
    body = " · ".join(sentence for sentence in sentences if sentence)
    return Line(title=title, body=body, chips=chips, actions=actions, href=_tab(event))


def _cancelled(event: Event, extra: Extra) -> Line:
    data = event.data
    title = _("Redemption cancelled: %(reward)s") % data
    sentences = [_("%s returned") % _amount(event), _balance(data), *lots_in_words(data["lots"])]
    sentences += _deleted(data) + _why(data)
    return Line(title=title, body=" · ".join(sentences), href=_tab(event))


def lots_in_words(lots: Sequence[dict[str, Any]]) -> list[str]:
    """Which lot got back what, a sentence for each."""
    told = []
    for lot in lots:
        granted, ends = parse_datetime(lot["granted_at"]), parse_datetime(lot["expires_at"] or "")
        if granted:
            had_expired = lot["had_expired"]
            told.append(lot_sentence(lot["units"], granted, ends, had_expired=had_expired))
    return told


def _used(event: Event, extra: Extra) -> Line:
    data = event.data
    redemption = extra.get(event.object_id)
    actions = []
    if redemption and redemption.status == Status.USED:
        url = _url("reopen", event)
        actions.append(LineAction(_("Undo"), url, "post", permission=Perm.BALANCE_UNDO))
    title = _("Reward used: %(reward)s") % data
    return Line(title=title, body=_code(data), actions=actions, href=_tab(event))


def _removed(event: Event, extra: Extra) -> Line:
    redemption = extra.get(event.object_id)
    actions = []
    if redemption and redemption.is_removed:
        url = _url("reopen", event)
        actions.append(LineAction(_("Undo"), url, "post", permission=Perm.BALANCE_UNDO))
    body = " · ".join([_("No units returned"), *_deleted(event.data), *_why(event.data)])
    title = _("Reward taken away: %(reward)s") % event.data
    return Line(title=title, body=body, actions=actions, href=_tab(event))


def _reopened(event: Event, extra: Extra) -> Line:
    title = _("Reward can be used again: %(reward)s") % event.data
    return Line(title=title, body=_code(event.data), href=_tab(event))


def _expired(event: Event, extra: Extra) -> Line:
    title = _("Reward expired: %(reward)s") % event.data
    return Line(title=title, body=_code(event.data), href=_tab(event))


def _amount(event: Event) -> str:
    amount = event.data["units"]
    name = event.data["unit_singular" if amount == 1 else "unit_plural"]
    return f"{units(amount)} {name}"


def _balance(data: dict[str, Any]) -> str:
    words = {"before": units(data["before"]), "after": units(data["after"])}
    return _("balance %(before)s → %(after)s") % words


def _code(data: dict[str, Any]) -> str:
    return _("Code %s") % data["code"] if data["code"] else ""


def _deleted(data: dict[str, Any]) -> list[str]:
    return [_("Code %s deleted") % data["code"]] if data["code"] else []


def _why(data: dict[str, Any]) -> list[str]:
    return [_("Internal: %s") % data["reason"]] if data["reason"] else []


def _usable(data: dict[str, Any]) -> list[str]:
    ends = parse_datetime(data["expires_at"] or "")
    sentences = [_code(data)]
    if ends:
        sentences.append(_("usable until %s") % date_in_words(ends))
    return [sentence for sentence in sentences if sentence]


def _tab(event: Event) -> str:
    return reverse("rewards:customer-rewards", args=[event.customer_id])


def _url(act: str, event: Event) -> str:
    return reverse(f"rewards:redemption-{act}", args=[event.customer_id, event.object_id])


def register_all() -> None:
    """Make the timeline know them."""
    group, _l = Group.REWARDS, gettext_lazy
    register(
        LineType(REDEEMED, group, _l("Redeemed"), "star", "accent", _redeemed, _states),
        LineType(GIVEN, group, _l("Reward given"), "gift", "accent", _given, _states),
        LineType(CANCELLED, group, _l("Redemption cancelled"), "undo-2", "warn", _cancelled),
        LineType(USED, group, _l("Reward used"), "circle-check", "ok", _used, _states),
        LineType(REMOVED, group, _l("Reward taken away"), "ban", "bad", _removed, _states),
        LineType(REOPENED, group, _l("Reward opened again"), "rotate-ccw", "", _reopened),
        LineType(EXPIRED, group, _l("Reward expired"), "hourglass", "bad", _expired),
    )
