"""How customers and orders look on the timeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from activity.models import ContactPoint, Event
from activity.timeline import Chip, Extra, Group, Line, LineAction, LineType, register
from customers.actions.claims import CLAIMED, UNCLAIMED, is_standing
from customers.actions.customers import CONTACT_CHANGED, CREATED, ENROLLED, REMOVED, UPDATED
from customers.actions.orders import RECORDED
from customers.actions.refunds import CANCELLED, COMPLETED_AGAIN, REFUNDED
from customers.contacts import readable
from customers.models import Customer, Order
from loyalty_admin.common.templatetags.ui import date_in_words, money, units
from loyalty_admin.staff.permissions import Perm

FIELDS = {
    "name": gettext_lazy("name"),
    "external_id": gettext_lazy("id"),
    "document": gettext_lazy("document"),
    "address": gettext_lazy("address"),
    "language": gettext_lazy("language"),
    "birth_date": gettext_lazy("birth date"),
}
REFUNDED_LINES = 3
"""So many lines of a refund are named."""


def _recorded(event: Event, extra: Extra) -> Line:
    data = event.data
    earned = list(_earned(data["earned"]))
    title = (
        _("Earned %(units)s") % {"units": ", ".join(earned)} if earned else _("Bought something")
    )
    return Line(
        title=title,
        body=_sentence(data),
        chips=_pending(data),
        href=_order_url(event),
        icon="" if earned else "receipt-text",
        tone=None if earned else "",
    )


def _sentence(data: Mapping[str, Any]) -> str:
    total, eligible = data["total"], data.get("eligible")
    parts = [
        _("Order %(number)s") % {"number": f"#{data['number']}"},
        data["store_name"],
        money(total, data["currency"]),
    ]
    if eligible is not None and Decimal(eligible) != Decimal(total):
        amount = money(eligible, data["currency"])
        parts[-1] = _("%(total)s, of which %(eligible)s earns") % {
            "total": parts[-1],
            "eligible": amount,
        }
    return " · ".join(parts)


def _earned(earnings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What it earned in each program; several rules of one program are one sum."""
    programs: dict[tuple[str, str], int] = {}
    for earning in earnings:
        key = (earning["program"], earning["unit_name"])
        programs[key] = programs.get(key, 0) + earning["units"]
    return (f"{units(total)} {name}" for (_program, name), total in programs.items())


def _pending(data: Mapping[str, Any]) -> list[Chip]:
    days = {earning["pending_until"] for earning in data["earned"] if earning["pending_until"]}
    now = timezone.now()
    moments = sorted(moment for day in days if (moment := parse_datetime(day)) and moment > now)
    return [Chip(_("Pending until %(day)s") % {"day": date_in_words(moment)}) for moment in moments]


def _refunded(event: Event, extra: Extra) -> Line:
    data = event.data
    amount = {"amount": money(data["total"], data["currency"])}
    is_over = data["status"] == Order.Status.REFUNDED
    title = _("Order refunded: %(amount)s") if is_over else _("Order refunded in part: %(amount)s")
    went_back = [
        f"{units(Decimal(line['quantity']).normalize())} × {line['product'] or line['sku']}"
        for line in data["lines"][:REFUNDED_LINES]
    ]
    if more := len(data["lines"]) - len(went_back):
        went_back.append(_("and %(more)s more") % {"more": more})
    body = [_named(data), ", ".join(went_back), *_taken_back(data["taken_back"])]
    return Line(title=title % amount, body=_sentences(body), href=_order_url(event))


def _cancelled(event: Event, extra: Extra) -> Line:
    data = event.data
    reason = f"“{data['reason']}”" if data["reason"] else ""
    body = [_named(data), reason, *_taken_back(data["taken_back"])]
    return Line(title=_("Order cancelled"), body=_sentences(body), href=_order_url(event))


def _completed_again(event: Event, extra: Extra) -> Line:
    return _late(event, _("Order completed again"))


def _orders_of(events: Sequence[Event]) -> dict[int, Order]:
    """The orders as they are now, by id."""
    return Order.objects.in_bulk({event.object_id for event in events if event.object_id})


def _claimed(event: Event, extra: Extra) -> Line:
    line = _late(event, _("Order claimed"))
    order = extra.get(event.object_id)
    if order is None or not is_standing(order, event):
        return line
    url = reverse("customers:claim-undo", args=[event.customer_id, event.pk])
    undo = LineAction(_("Undo"), url, "post", permission=Perm.ORDERS_CLAIM)
    return replace(line, actions=[undo])


def _unclaimed(event: Event, extra: Extra) -> Line:
    body = [_named(event.data), *_taken_back(event.data["taken_back"])]
    return Line(title=_("Claim undone"), body=_sentences(body), href=_order_url(event))


def _late(event: Event, title: str) -> Line:
    data = event.data
    earned = ", ".join(_earned(data["earned"]))
    body = [_named(data), money(data["total"], data["currency"])]
    if placed := parse_datetime(data.get("placed_at", "")):
        body.append(date_in_words(placed))
    body.append(_("earned %(units)s") % {"units": earned} if earned else _("earned nothing"))
    return Line(title=title, body=_sentences(body), chips=_pending(data), href=_order_url(event))


def _taken_back(programs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What was taken back, and what could not be, in a sentence for each program."""
    for taken in programs:
        parts = [_("%(units)s taken back") % {"units": _units(taken, taken["units"])}]
        if taken["missing"]:
            missing = {"units": _units(taken, taken["missing"])}
            parts.append(_("%(units)s could not be: they had been spent") % missing)
        if taken["expired"]:
            expired = {"units": _units(taken, taken["expired"])}
            parts.append(_("%(units)s had expired") % expired)
        yield ", ".join(parts)


def _units(program: Mapping[str, Any], amount: int) -> str:
    return f"{units(amount)} {program['unit_singular' if amount == 1 else 'unit_plural']}"


def _named(data: Mapping[str, Any]) -> str:
    order = _("Order %(number)s") % {"number": f"#{data['number']}"}
    return f"{order} · {data['store_name']}"


def _sentences(parts: Iterable[str]) -> str:
    return " · ".join(part for part in parts if part)


def _order_url(event: Event) -> str:
    panel = reverse("customers:orders", args=[event.customer_id])
    return f"{panel}?order={event.object_id}#order-{event.object_id}"


def _created(event: Event, extra: Extra) -> Line:
    data = event.data
    phone = readable(ContactPoint.Kind.PHONE, data.get("phone", ""))
    known = (data["name"] or data["external_id"], data.get("email", ""), phone)
    return Line(title=_("Became known"), body=" · ".join(text for text in known if text))


def _updated(event: Event, extra: Extra) -> Line:
    before, after = event.data["before"], event.data["after"]
    changes = [
        f"{FIELDS.get(name, name)}: {before[name] or '–'} → {after[name] or '–'}" for name in after
    ]
    return Line(title=_("Details changed"), body="\n".join(changes))


def _enrolled(event: Event, extra: Extra) -> Line:
    came_back = event.data["before"] == Customer.Status.REMOVED
    return Line(title=_("Enrolled again") if came_back else _("Joined the programme"))


def _removed(event: Event, extra: Extra) -> Line:
    reason = event.data["reason"]
    return Line(
        title=_("Taken out of the programme"), body=_("Reason: %s") % reason if reason else ""
    )


def _contact_changed(event: Event, extra: Extra) -> Line:
    kind, before, after = event.data["kind"], event.data["before"], event.data["after"]
    is_phone = kind == ContactPoint.Kind.PHONE
    new = readable(kind, after["value"])
    if before is None:
        return Line(title=_("Phone number added") if is_phone else _("E-mail added"), body=new)
    title = _("Phone number corrected") if is_phone else _("E-mail corrected")
    return Line(title=title, body=f"{readable(kind, before['value'])} → {new}")


def register_all() -> None:
    """Make the timeline know them."""
    edits, orders, _l = Group.EDITS, Group.ORDERS, gettext_lazy
    register(
        LineType(RECORDED, orders, _l("Order"), "plus", "ok", _recorded),
        LineType(REFUNDED, orders, _l("Refund"), "undo-2", "warn", _refunded),
        LineType(CANCELLED, orders, _l("Cancelled"), "circle-x", "bad", _cancelled),
        LineType(COMPLETED_AGAIN, orders, _l("Completed again"), "redo-2", "ok", _completed_again),
        LineType(CLAIMED, orders, _l("Claimed"), "receipt-text", "ok", _claimed, _orders_of),
        LineType(UNCLAIMED, orders, _l("Claim undone"), "undo-2", "warn", _unclaimed),
        LineType(CREATED, edits, _l("Became known"), "user-plus", "", _created),
        LineType(ENROLLED, edits, _l("Joined"), "id-card", "accent", _enrolled),
        LineType(REMOVED, edits, _l("Taken out"), "user-minus", "bad", _removed),
        LineType(UPDATED, edits, _l("Details changed"), "pencil", "", _updated),
        LineType(CONTACT_CHANGED, edits, _l("Contact"), "at-sign", "", _contact_changed),
    )
