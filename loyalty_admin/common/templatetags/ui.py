"""Template tags and filters of the look: icons, numbers, money and time as the user reads them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_time, format_timedelta
from babel.numbers import format_currency, format_decimal
from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext, to_locale
from lucide.templatetags.lucide import lucide

from loyalty_admin.common.appearance import theme_of
from loyalty_admin.common.navigation import NavGroup, navigation_for

register = template.Library()

MINUS = "\u2212"
RECENT_DAYS = 14
"""How many days back a time is told as “3 days ago” and not as a date."""


def user_locale() -> Locale:
    """The locale of Django's active language; plain English writes days before months."""
    return _locale(get_language() or "en")


@lru_cache(maxsize=32)
def _locale(language: str) -> Locale:
    return Locale.parse("en_GB" if language == "en" else to_locale(language))


@register.simple_tag(takes_context=True)
def theme(context: template.RequestContext) -> str:
    """The theme that this browser chose: system, light or dark."""
    request = context.get("request")
    return theme_of(request) if request else "system"


@register.simple_tag(takes_context=True)
def navigation(context: template.RequestContext) -> list[NavGroup]:
    """The groups of the left navigation, with what this actor may open."""
    request = context.get("request")
    return navigation_for(request) if request else []


@register.simple_tag
def icon(name: str, label: str = "", size: int = 16) -> SafeString:
    """A lucide icon as inline SVG: decoration, unless `label` gives it a name."""
    return _icon(str(name), str(label), size)


@lru_cache(maxsize=512)
def _icon(name: str, label: str, size: int) -> SafeString:
    named = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    svg = lucide(name, size=size, stroke_width="1.75", **{"class": "icon"}, **named)
    # The library draws from its own files; the label is escaped by its XML writer.
    return mark_safe("".join(line.strip() for line in svg.splitlines()))  # noqa: S308


@register.filter
def units(value: object) -> str:
    """A whole number in the user's locale: 1,240. An en dash where there is none."""
    number = _number(value)
    return "–" if number is None else _plain(number)


@register.filter
def signed(value: object) -> str:
    """A change with its sign: +40, −40 (a real minus), 0."""
    number = _number(value)
    if number is None:
        return "–"
    return f"+{_plain(number)}" if number > 0 else _plain(number)


def _plain(number: Decimal) -> str:
    return format_decimal(number, locale=user_locale()).replace("-", MINUS)


@register.filter
def money(value: object, currency: str) -> str:
    """An amount in its ISO 4217 currency: €62.40. An en dash where there is none."""
    number = _number(value)
    if number is None:
        return "–"
    return format_currency(number, str(currency), locale=user_locale()).replace("-", MINUS)


def _number(value: object) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


@register.filter
def browser(user_agent: str) -> str:
    """A user agent as people say it: Firefox, Windows. Its own words when it is none of those."""
    # Browsers pose as older ones, so the most particular name comes first.
    names = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
    spoken = {"Edg": "Edge", "OPR": "Opera"}
    name = next((n for n in names if f"{n}/" in user_agent), "")
    systems = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux")
    system = next((s for s in systems if s in user_agent), "")
    if not name:
        return user_agent[:60]
    return ", ".join(filter(None, (spoken.get(name, name), system)))


@register.simple_tag
def when(value: dt.datetime | dt.date | None, style: str = "relative") -> SafeString | str:
    """A `<time>` in the store's zone with the exact time on hover.

    Styles: `relative` (“2 days ago”, a date when longer ago), `time`, `date`, `datetime`.
    An en dash where there is none.
    """
    if value is None:
        return "–"
    locale = user_locale()
    if not isinstance(value, dt.datetime):
        text = _date_text(value, locale)
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), text)
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    exact = f"{format_date(local, 'full', locale)}, {format_time(local, 'short', locale=locale)}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        exact,
        _when_text(local, style, locale),
    )


def _when_text(local: dt.datetime, style: str, locale: Locale) -> str:
    if style == "time":
        return str(format_time(local, "short", locale=locale))
    if style == "datetime":
        return f"{_date_text(local, locale)}, {format_time(local, 'short', locale=locale)}"
    age = timezone.localtime() - local if timezone.is_aware(local) else None
    if style == "date" or age is None or abs(age) >= dt.timedelta(days=RECENT_DAYS):
        return _date_text(local, locale)
    if abs(age) < dt.timedelta(minutes=1):
        return gettext("just now")
    whole = dt.timedelta(days=int(age / dt.timedelta(days=1)))
    # Days up to the second week: “9 days ago” says more than “1 week ago”.
    age, threshold = (whole, 1.9) if abs(whole.days) > 1 else (age, 1)
    return str(format_timedelta(-age, add_direction=True, threshold=threshold, locale=locale))


def _date_text(value: dt.date, locale: Locale) -> str:
    """4 Dec in the current year, 4 Dec 2027 in any other."""
    if value.year == timezone.localdate().year:
        return str(format_skeleton("MMMd", value, locale=locale))
    return str(format_date(value, "medium", locale))


@register.filter
def date_in_words(value: dt.datetime | dt.date) -> str:
    """The date alone, as text for use inside sentences: 4 Dec 2027."""
    local = timezone.localtime(value) if isinstance(value, dt.datetime) else value
    return str(format_datetime(local, "d MMM y", locale=user_locale()))


@register.simple_tag
def day_heading(value: dt.datetime | dt.date) -> str:
    """The heading over a day of a timeline: Today, Yesterday, Thursday 19 November."""
    day = timezone.localtime(value).date() if isinstance(value, dt.datetime) else value
    today = timezone.localdate()
    if day == today:
        return gettext("Today")
    if day == today - dt.timedelta(days=1):
        return gettext("Yesterday")
    locale = user_locale()
    skeleton = "MMMMd" if day.year == today.year else "yMMMMd"
    text = f"{format_date(day, 'EEEE', locale)} {format_skeleton(skeleton, day, locale=locale)}"
    return text[0].upper() + text[1:]
