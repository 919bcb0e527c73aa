"""Who set a batch going: kept with it, so that the worker writes in their name."""

from __future__ import annotations

from typing import Any

from loyalty_admin.common.actor import Actor, ActorKind

_KEPT = ("kind", "label", "user_id", "store_id", "request_id", "ip")


def kept(actor: Actor) -> dict[str, Any]:
    """The actor as plain values."""
    return {name: getattr(actor, name) for name in _KEPT}


def revived(values: dict[str, Any]) -> Actor:
    """The actor of `kept`; what it may do was looked at when it acted."""
    return Actor(**{**values, "kind": ActorKind(values["kind"])})
