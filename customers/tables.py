"""The customer list as its template takes it.

Plain rows and a plain template: a table library would cost more than the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from babel.numbers import format_compact_decimal, format_decimal
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from activity.models import ContactPoint
from customers import hooks
from customers.contacts import readable
from customers.models import Customer
from customers.page import STATE_TONES, STATUS_TONES
from customers.selectors import Total, primary_contacts
from loyalty_admin.common.templatetags.ui import user_locale

MILLION = 1_000_000
UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Row:
    """A customer as a row; `cells` are those of the columns that other apps added.

    `contact_state` says in words that the contact point can't be reached; "" when it can.
    """

    url: str
    name: str
    initials: str
    contact: str
    contact_tone: str
    contact_state: str | Promise
    status: str | Promise
    status_tone: str
    cells: Sequence[tuple[str, str]]
    joined_at: datetime | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with the heads of the added columns."""

    heads: Sequence[str]
    rows: Sequence[Row]


def customer_table(customers: Sequence[Customer]) -> Table:
    """These customers as a table, in their order."""
    ids = [customer.pk for customer in customers]
    contacts = primary_contacts(ids) if ids else {}
    columns = [column for app in hooks.list_columns(ids) for column in app]
    return Table(
        heads=[column.label for column in columns],
        rows=[_row(customer, contacts.get(customer.pk), columns) for customer in customers],
    )


def _row(
    customer: Customer,
    contact: tuple[str, str, str] | None,
    columns: Sequence[hooks.ListColumn],
) -> Row:
    kind, value, state = contact or ("", "", "")
    return Row(
        url=reverse("customers:profile", args=[customer.pk]),
        name=str(customer),
        initials=customer.initials,
        contact=readable(kind, value),
        contact_tone=_STATE_TONES.get(state, ""),
        contact_state=_UNREACHABLE.get(state, ""),
        status=customer.get_status_display(),
        status_tone=_STATUS_TONES.get(customer.status, ""),
        cells=[(column.label, column.values.get(customer.pk, UNKNOWN)) for column in columns],
        joined_at=customer.joined_at,
    )


# By the plain values that rows carry, once for all rows.
_STATE_TONES = {state.value: tone for state, tone in STATE_TONES.items()}
_UNREACHABLE = {state.value: state.label for state in STATE_TONES if state != ContactPoint.State.OK}
_STATUS_TONES = {status.value: tone for status, tone in STATUS_TONES.items()}


def in_words(total: Total) -> str:
    """2,469 when counted; about 1.02 million when estimated."""
    locale = user_locale()
    if total.exact:
        return str(format_decimal(total.number, locale=locale))
    if total.number >= MILLION:
        about = format_compact_decimal(
            total.number, format_type="long", fraction_digits=2, locale=locale
        )
    else:
        about = format_decimal(round(total.number, -3), locale=locale)
    return _("about %(number)s") % {"number": about}
