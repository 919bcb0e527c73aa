"""What an audit record changed, value by value, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

MISSING = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One changed value; None where there was or is none."""

    name: str
    before: str | None
    after: str | None


def differences(
    before: Mapping[str, object] | None, after: Mapping[str, object] | None
) -> list[Difference]:
    """The values that differ, in the order in which they were written down."""
    before, after = before or {}, after or {}
    names = dict.fromkeys((*before, *after))
    return [
        Difference(name.replace("_", " "), _said(before, name), _said(after, name))
        for name in names
        if before.get(name, MISSING) != after.get(name, MISSING)
        and (before.get(name) not in ("", None) or after.get(name) not in ("", None))
    ]


def in_words(change: Difference) -> str:
    """`balance: 10 → 50`, or `balance: 50` where there was none before."""
    if change.before is None:
        return f"{change.name}: {change.after}"
    return f"{change.name}: {change.before} → {change.after or '–'}"


def _said(values: Mapping[str, object], name: str) -> str | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
