"""Keyset pages as links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.http import urlencode

from loyalty_admin.common.paging import AFTER, BEFORE, Page


def is_paged(parameters: Mapping[str, str]) -> bool:
    """Whether these are the parameters of another page than the first."""
    return bool(parameters.get(AFTER) or parameters.get(BEFORE))


def links(page: Page[Any], url: str, parameters: Mapping[str, str | int]) -> dict[str, object]:
    """What components/pager.html takes; empty parameters are left out of the URLs."""
    kept = {name: value for name, value in parameters.items() if value}
    return {
        "has_newer": page.newer is not None,
        "has_older": page.older is not None,
        "newer_url": f"{url}?{urlencode({**kept, BEFORE: page.newer or ''})}",
        "older_url": f"{url}?{urlencode({**kept, AFTER: page.older or ''})}",
        "summary": "",
    }
