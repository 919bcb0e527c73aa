"""What offers ask of the apps above."""

from __future__ import annotations

from collections.abc import Sequence

from loyalty_admin.common.hooks import Hook

offer_promised: Hook[[int], Sequence[str]] = Hook("offer_promised")
"""Read, with the offer locked: the names of what promises codes of this offer right now and
so can't do without it."""
