"""The left navigation: a registry that apps fill in AppConfig.ready()."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from loyalty_admin.common.actor import Actor


class Group(StrEnum):
    """The groups of the navigation, in the order in which they stand."""

    SERVICE = "service"
    PROGRAMS = "programs"
    INSIGHT = "insight"


GROUP_LABELS: dict[Group, str | Promise] = {
    # The first group needs no heading: it is where the day is spent.
    Group.SERVICE: "",
    Group.PROGRAMS: _("Programs"),
    Group.INSIGHT: _("Insight"),
}


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry: shown to actors with the permission; lower `order` comes first."""

    group: Group
    label: str | Promise
    url_name: str
    icon: str
    permission: str
    order: int = 100


@dataclass(frozen=True, slots=True)
class NavLink:
    """An entry as one request sees it."""

    label: str | Promise
    url: str
    icon: str
    current: bool


@dataclass(frozen=True, slots=True)
class NavGroup:
    """A group with the entries that this actor may open."""

    label: str | Promise
    links: list[NavLink]


_items: dict[str, NavItem] = {}


def register(item: NavItem) -> None:
    """Add an entry; registering the same URL name again replaces it."""
    _items[item.url_name] = item


def registered() -> list[NavItem]:
    """All entries in the order in which they stand."""
    groups = list(Group)
    return sorted(_items.values(), key=lambda i: (groups.index(i.group), i.order, i.url_name))


def navigation_for(request: HttpRequest) -> list[NavGroup]:
    """The groups and entries that the actor of this request may open, the current one marked."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        return []
    visible = [
        (item, reverse(item.url_name)) for item in registered() if actor.may(item.permission)
    ]
    current = _section(request.path, [url for _item, url in visible])
    return list(_grouped(visible, current))


def _section(path: str, urls: list[str]) -> str:
    """The longest of the URLs that the path lies under, or an empty string."""
    return max((url for url in urls if path.startswith(url)), key=len, default="")


def _grouped(visible: list[tuple[NavItem, str]], current: str) -> Iterator[NavGroup]:
    for group in Group:
        links = [
            NavLink(item.label, url, item.icon, current=url == current)
            for item, url in visible
            if item.group is group
        ]
        if links:
            yield NavGroup(GROUP_LABELS[group], links)
