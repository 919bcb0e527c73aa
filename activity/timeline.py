"""What the lines of a timeline look like: a registry that every app fills for its own events.

An app registers its kinds in `<app>/timeline.py`, imported by its `AppConfig.ready()`:

    register(LineType("note.added", Group.NOTES, _("Note"), "pencil", "info", render))

`render(event, extra)` makes a `Line` from what the event recorded; `context(events)` may look
up what has become of its objects since then, once for all the events of a page that share the
function. Templates escape every text.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from activity.models import Event
from loyalty_admin.common.actor import Actor, ActorKind

Text = str | Promise
Extra = Mapping[Any, Any]
Context = Callable[[Sequence[Event]], Extra]

log = structlog.get_logger(__name__)


class Group(StrEnum):
    """What the timeline can be filtered by, in the order of the filter."""

    ORDERS = "orders"
    EARNINGS = "earnings"
    BALANCE = "balance"
    REWARDS = "rewards"
    NOTES = "notes"
    EDITS = "edits"


GROUP_LABELS: dict[Group, Text] = {
    Group.ORDERS: _("Orders"),
    Group.EARNINGS: _("Earnings"),
    Group.BALANCE: _("Balance"),
    Group.REWARDS: _("Rewards"),
    Group.NOTES: _("Notes"),
    Group.EDITS: _("Edits"),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """A small state on a line. Tones: ok, warn, bad, info, accent, or none."""

    label: Text
    tone: str = ""


@dataclass(frozen=True, slots=True)
class LineAction:
    """What can be done about a line: a link, a dialog, or an act at once (`method` post).

    With a `permission`, only actors who hold it are offered it.
    """

    label: Text
    url: str
    method: Literal["get", "post"] = "get"
    dialog: bool = False
    permission: str = ""

    @property
    def post(self) -> bool:
        """Whether the action acts at once."""
        return self.method == "post"


@dataclass(frozen=True, slots=True)
class Line:
    """What one event says. `icon` and `tone` are those of its type unless given here."""

    title: Text
    body: Text = ""
    chips: Sequence[Chip] = ()
    actions: Sequence[LineAction] = ()
    href: str = ""
    icon: str = ""
    tone: str | None = None


Render = Callable[[Event, Extra], Line]


@dataclass(frozen=True, slots=True)
class LineType:
    """How events of one kind are shown: their group, name, lucide icon, tone and sentence."""

    kind: str
    group: Group
    label: Text
    icon: str
    tone: str
    render: Render
    context: Context | None = None


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line with what its type and its event add, as the template takes it."""

    id: int | None
    title: Text
    url: str
    body: Text
    chips: Sequence[Chip]
    actions: Sequence[LineAction]
    icon: str
    tone: str
    actor: str
    occurred_at: datetime
    json_url: str
    time_style: str


_types: dict[str, LineType] = {}


def register(*line_types: LineType) -> None:
    """Add line types; registering a kind again replaces it."""
    for line_type in line_types:
        _types[line_type.kind] = line_type


def type_of(kind: str) -> LineType:
    """The line type of a kind; a plain one for a kind that nobody registered."""
    return _types.get(kind) or LineType(
        kind=kind, group=Group.EDITS, label=_in_words(kind), icon="circle-dot", tone="",
        render=_plain,
    )  # fmt: skip


def groups() -> list[Group]:
    """The groups that have kinds, in the order of the filter."""
    used = {line_type.group for line_type in _types.values()}
    return [group for group in Group if group in used]


def kinds_in(group: Group) -> list[str]:
    """The kinds of a group."""
    return sorted(kind for kind, line_type in _types.items() if line_type.group is group)


def lines_for(events: Iterable[Event], actor: Actor) -> list[ShownLine]:
    """The events as lines, in their order, with what this actor may do about them.

    Calls each context function once, however many events there are.
    """
    events = list(events)
    by_context: dict[Context, list[Event]] = defaultdict(list)
    for event in events:
        if context := type_of(event.kind).context:
            by_context[context].append(event)
    extras = {context: context(those) for context, those in by_context.items()}
    return [_shown(event, extras, actor) for event in events]


def as_json(event: Event) -> str:
    """Everything that the event recorded, as readable JSON."""
    complete = {
        "id": event.pk,
        "kind": event.kind,
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "customer_id": event.customer_id,
        "object_id": event.object_id,
        "actor": {
            "kind": event.actor_kind,
            "label": event.actor_label,
            "user_id": event.actor_user_id,
        },
        "data": event.data,
    }
    return json.dumps(complete, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)


def _shown(event: Event, extras: Mapping[Context, Extra], actor: Actor) -> ShownLine:
    line_type = type_of(event.kind)
    extra = extras.get(line_type.context, {}) if line_type.context else {}
    try:
        line = line_type.render(event, extra)
    except (LookupError, TypeError, ValueError, AttributeError):
        # One event that was written differently must not hide all the others.
        log.exception("timeline_line_not_rendered", event_id=event.pk, kind=event.kind)
        line = Line(title=line_type.label)
    return shown(
        line,
        actor,
        icon=line_type.icon,
        tone=line_type.tone,
        # What a till or a job did is no news; what a colleague did is.
        author=event.actor_label if event.actor_kind == ActorKind.STAFF else "",
        occurred_at=event.occurred_at,
        event=event,
    )


def shown(
    line: Line,
    actor: Actor,
    *,
    icon: str,
    tone: str,
    author: str,
    occurred_at: datetime,
    event: Event | None = None,
) -> ShownLine:
    """The line as this actor is shown it, on the timeline (with its event) or above it."""
    return ShownLine(
        id=event.pk if event else None,
        title=line.title,
        url=line.href,
        body=line.body,
        chips=line.chips,
        actions=[a for a in line.actions if not a.permission or actor.may(a.permission)],
        icon=line.icon or icon,
        tone=tone if line.tone is None else line.tone,
        actor=author,
        occurred_at=occurred_at,
        json_url=reverse("activity:event", args=[event.customer_id, event.pk]) if event else "",
        time_style="time" if event else "relative",
    )


def _in_words(kind: str) -> str:
    """`code.was_issued` becomes `Code was issued`."""
    return kind.replace(".", " ").replace("_", " ").capitalize()


def _plain(event: Event, extra: Extra) -> Line:
    return Line(title=_in_words(event.kind))
