"""What the audit log can be filtered by."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from activity.models import AuditRecord

MAX_ID = 2**63 - 1
NOT_A_DAY = {"invalid": _("Enter a day such as 2026-11-30.")}


def _day() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def _start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


class AuditFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Verb, actor, days in the store's time zone, customer; `verbs` and `actors` are those in use.

    Nothing is shown for a filter that can't be understood.
    """

    verb = django_filters.ChoiceFilter(label=_("What"), empty_label=_("Everything"))
    actor = django_filters.ChoiceFilter(
        label=_("Who"), field_name="actor_label", empty_label=_("Everybody")
    )
    since = django_filters.DateFilter(
        label=_("From"), method="from_day", widget=_day(), error_messages=NOT_A_DAY
    )
    until = django_filters.DateFilter(
        label=_("To"), method="to_day", widget=_day(), error_messages=NOT_A_DAY
    )
    customer = django_filters.NumberFilter(
        label=_("Customer number"),
        field_name="customer_id",
        min_value=1,
        max_value=MAX_ID,
        decimal_places=0,
    )

    class Meta:
        model = AuditRecord
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, verbs: list[str], actors: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["verb"].extra["choices"] = [(verb, verb) for verb in verbs]
        self.filters["actor"].extra["choices"] = [(actor, actor) for actor in actors]

    def from_day(self, rows: QuerySet[AuditRecord], name: str, day: date) -> QuerySet[AuditRecord]:
        """From the first moment of the day on; a range of times can walk the index."""
        return rows.filter(at__gte=_start_of(day))

    def to_day(self, rows: QuerySet[AuditRecord], name: str, day: date) -> QuerySet[AuditRecord]:
        """To the last moment of the day."""
        return rows if day == date.max else rows.filter(at__lt=_start_of(day + timedelta(days=1)))

    @property
    def rows(self) -> QuerySet[AuditRecord]:
        """The records that pass; none when a filter is wrong."""
        rows: QuerySet[AuditRecord] = self.qs if self.is_valid() else self.queryset.none()
        return rows

    @property
    def applied(self) -> dict[str, str]:
        """The filters that are set, as they stand in the URL."""
        return {name: value for name in self.filters if (value := self.data.get(name, "").strip())}
