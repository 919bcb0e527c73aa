"""How customers and orders look on the timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from activity.models import ContactPoint, Event
from activity.timeline import Chip, Extra, Group, Line, LineType, register
from customers.actions.customers import CONTACT_CHANGED, CREATED, ENROLLED, UPDATED
from customers.actions.orders import RECORDED
from customers.contacts import readable
from customers.models import Customer
from loyalty_admin.common.templatetags.ui import date_in_words, money, units

FIELDS = {
    "name": gettext_lazy("name"),
    "external_id": gettext_lazy("id"),
    "document": gettext_lazy("document"),
    "address": gettext_lazy("address"),
    "language": gettext_lazy("language"),
}


def _recorded(event: Event, extra: Extra) -> Line:
    data = event.data
    earned = list(_earned(data["earned"]))
    title = (
        _("Earned %(units)s") % {"units": ", ".join(earned)} if earned else _("Bought something")
    )
    panel = reverse("customers:orders", args=[event.customer_id])
    return Line(
        title=title,
        body=_sentence(data),
        chips=_pending(data),
        href=f"{panel}?order={event.object_id}#order-{event.object_id}",
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
    edits = Group.EDITS
    register(
        LineType(RECORDED, Group.ORDERS, gettext_lazy("Order"), "plus", "ok", _recorded),
        LineType(CREATED, edits, gettext_lazy("Became known"), "user-plus", "", _created),
        LineType(ENROLLED, edits, gettext_lazy("Joined"), "id-card", "accent", _enrolled),
        LineType(UPDATED, edits, gettext_lazy("Details changed"), "pencil", "", _updated),
        LineType(CONTACT_CHANGED, edits, gettext_lazy("Contact"), "at-sign", "", _contact_changed),
    )
