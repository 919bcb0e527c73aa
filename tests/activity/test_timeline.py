"""The registry of line types: what it makes of events, known or not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder

from activity import timeline
from activity.models import Event
from activity.timeline import Chip, Extra, Group, Line, LineAction, LineType, lines_for, register
from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.permissions import Perm

SYSTEM = Actor.system("test")
READER = Actor(SYSTEM.kind, "reader", permissions=frozenset({Perm.CUSTOMERS_VIEW}))
AT = datetime(2026, 11, 19, 17, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kinds that a test registers are gone after it."""
    monkeypatch.setattr(timeline, "_types", dict(timeline._types))
    return iter(())


def event(kind: str, pk: int = 1, **data: Any) -> Event:
    return Event(
        pk=pk, kind=kind, customer_id=7, object_id=pk * 10, occurred_at=AT, data=data,
        actor_kind="staff", actor_label="Marta",
    )  # fmt: skip


def line_type(kind: str, render: timeline.Render, **more: Any) -> LineType:
    return LineType(kind, Group.BALANCE, "Label", "diff", "info", render, **more)


def test_a_kind_renders_as_its_app_says() -> None:
    def render(event: Event, extra: Extra) -> Line:
        return Line(
            title=f"Adjusted by {event.data['units']}",
            body="Balance 1 → 2",
            chips=[Chip("Undone", "warn")],
            href="/x/",
        )

    register(line_type("test.adjusted", render))

    (line,) = lines_for([event("test.adjusted", units=40)], SYSTEM)

    assert (line.title, line.body, line.url) == ("Adjusted by 40", "Balance 1 → 2", "/x/")
    assert (line.icon, line.tone, line.actor, line.occurred_at) == ("diff", "info", "Marta", AT)
    assert line.chips == [Chip("Undone", "warn")]


def test_a_line_may_look_other_than_its_type() -> None:
    register(line_type("test.one", lambda event, extra: Line("A", icon="minus", tone="")))

    (line,) = lines_for([event("test.one")], SYSTEM)

    assert (line.icon, line.tone) == ("minus", "")


def test_an_unknown_kind_renders_plainly() -> None:
    (line,) = lines_for([event("spaceship.has_landed")], SYSTEM)

    assert line.title == "Spaceship has landed"
    assert line.json_url


def test_an_event_that_its_type_cannot_read_hides_no_other() -> None:
    register(line_type("test.strict", lambda event, extra: Line(event.data["missing"])))

    lines = lines_for([event("test.strict"), event("test.strict", 2, missing="there")], SYSTEM)

    assert [line.title for line in lines] == ["Label", "there"]


def test_a_context_is_asked_once_for_all_its_events() -> None:
    asked: list[list[int]] = []

    def context(events: Sequence[Event]) -> dict[int, str]:
        asked.append([event.pk for event in events])
        return {event.pk: f"extra {event.pk}" for event in events}

    def render(event: Event, extra: Extra) -> Line:
        return Line(extra[event.pk])

    register(line_type("test.a", render, context=context))
    register(line_type("test.b", render, context=context))

    lines = lines_for([event("test.a", 1), event("test.b", 2), event("test.a", 3)], SYSTEM)

    assert asked == [[1, 2, 3]]
    assert [line.title for line in lines] == ["extra 1", "extra 2", "extra 3"]


def test_actions_are_offered_to_who_may_use_them() -> None:
    actions = [
        LineAction("View", "/view/"),
        LineAction("Undo", "/undo/", "post", permission=Perm.BALANCE_UNDO),
    ]
    register(line_type("test.done", lambda event, extra: Line("Done", actions=actions)))

    (for_all,) = lines_for([event("test.done")], SYSTEM)
    (for_reader,) = lines_for([event("test.done")], READER)

    assert [(action.label, action.post) for action in for_all.actions] == [
        ("View", False),
        ("Undo", True),
    ]
    assert [action.label for action in for_reader.actions] == ["View"]


def test_the_filter_has_the_groups_in_use() -> None:
    register(line_type("test.done", lambda event, extra: Line("Done")))

    assert Group.BALANCE in timeline.groups()
    assert "test.done" in timeline.kinds_in(Group.BALANCE)
    assert "note.added" in timeline.kinds_in(Group.NOTES)


def test_the_record_of_an_event_is_complete() -> None:
    there = event("test.done", note="<b>ñ</b>")

    record = json.loads(timeline.as_json(there))

    assert record["data"] == {"note": "<b>ñ</b>"}
    assert record["actor"] == {"kind": "staff", "label": "Marta", "user_id": None}
    assert record["occurred_at"] == json.loads(json.dumps(AT, cls=DjangoJSONEncoder))
