"""How expiry looks on the timeline: warned of, expired, reinstated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from activity.models import Event
from activity.timeline import Chip, Extra, Group, Line, LineAction, LineType, register
from loyalty_admin.common.templatetags.ui import date_in_words, units
from loyalty_admin.staff.permissions import Perm
from rewards.actions.reinstating import REINSTATED
from rewards.actions.settling import EXPIRED
from rewards.actions.warning import EXPIRING
from rewards.models import Operation
from rewards.selectors.expired import Fate, fates_of
from rewards.timeline.redemptions import lots_in_words


def _fates(events: Sequence[Event]) -> Mapping[int, Fate]:
    return fates_of([event.object_id for event in events if event.object_id])


def _undone(events: Sequence[Event]) -> Mapping[int, bool]:
    """Which of the reinstatements were undone."""
    ids = [event.object_id for event in events if event.object_id]
    rows = Operation.objects.filter(pk__in=ids).values_list("pk", "reversed_by__pk")
    return {pk: undone is not None for pk, undone in rows}


def _amount(event: Event) -> str:
    amount = event.data["units"]
    return f"{units(amount)} {event.data['unit_singular' if amount == 1 else 'unit_plural']}"


def _change(event: Event) -> str:
    words = {"before": units(event.data["before"]), "after": units(event.data["after"])}
    return _("balance %(before)s → %(after)s") % words


def _history(event: Event) -> str:
    url = reverse("rewards:points", args=[event.customer_id])
    return f"{url}?program={event.data['program_id']}"


def _expired(event: Event, extra: Extra) -> Line:
    fate: Fate | None = extra.get(event.object_id)
    sentences, chips, actions = [_change(event)], [], []
    if fate and fate.reinstated:
        chips.append(Chip(_("Reinstated"), "ok"))
    elif fate and fate.until >= timezone.now():
        url = reverse("rewards:reinstate", args=[event.customer_id, event.object_id])
        actions.append(
            LineAction(_("Reinstate"), url, dialog=True, permission=Perm.BALANCE_REINSTATE)
        )
    elif fate and fate.until > event.occurred_at:
        day = date_in_words(fate.until)
        sentences.append(_("could be reinstated until %(day)s") % {"day": day})
    return Line(
        title=_("%s expired") % _amount(event),
        body=" · ".join(sentences),
        chips=chips,
        actions=actions,
        href=_history(event),
    )


def _expiring(event: Event, extra: Extra) -> Line:
    words = {
        "amount": _amount(event),
        "day": date_in_words(date.fromisoformat(event.data["expires_on"])),
    }
    one = event.data["units"] == 1
    title = _("%(amount)s expires on %(day)s") if one else _("%(amount)s expire on %(day)s")
    return Line(title=title % words, body=event.data["program"], href=_history(event))


def _reinstated(event: Event, extra: Extra) -> Line:
    data, chips, actions = event.data, [], []
    if extra.get(event.object_id):
        chips.append(Chip(_("Undone"), "warn"))
    else:
        url = reverse("rewards:undo", args=[event.customer_id, event.object_id])
        actions.append(LineAction(_("Undo"), url, "post", permission=Perm.BALANCE_UNDO))
    sentences = [_change(event), *lots_in_words(data["lots"])]
    if data["internal_note"]:
        sentences.append(_("Internal: %s") % data["internal_note"])
    return Line(
        title=_("%s reinstated") % _amount(event),
        body=" · ".join(sentences),
        chips=chips,
        actions=actions,
        href=_history(event),
    )


def register_all() -> None:
    """Make the timeline know them."""
    group, _l = Group.BALANCE, gettext_lazy
    register(
        LineType(EXPIRED, group, _l("Expired"), "hourglass", "bad", _expired, _fates),
        LineType(EXPIRING, group, _l("Expires soon"), "clock-alert", "warn", _expiring),
        LineType(REINSTATED, group, _l("Reinstated"), "history", "ok", _reinstated, _undone),
    )
