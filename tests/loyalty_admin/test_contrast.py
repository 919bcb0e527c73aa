"""Every text colour of the tokens on every ground it stands on, light and dark: WCAG 2.2 AA."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[2] / "static" / "css" / "tokens.css"
GROUNDS = ("page", "card", "line-2")
TONES = ("ok", "warn", "bad", "info", "accent")

PAIRS = [
    *[(ink, ground) for ink in ("ink", "ink-2", "ink-3") for ground in (*GROUNDS, "accent-soft")],
    *[(tone, ground) for tone in TONES for ground in (*GROUNDS, f"{tone}-soft")],
    *[("ink", f"{tone}-soft") for tone in TONES],
    ("ink-3", "bad-soft"),
    ("accent-ink", "accent"),
    ("accent-ink", "accent-hover"),
    ("bad-ink", "bad"),
    ("bad-ink", "bad-hover"),
]
"""Text on ground: at least 4.5 to 1."""

EDGES = [("field-line", "page"), ("field-line", "card"), ("accent", "page"), ("accent", "card")]
"""What shows where a control is, and where the focus is: at least 3 to 1."""


def _tokens() -> dict[str, tuple[str, str]]:
    pattern = r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)"
    return {name: (light, dark) for name, light, dark in re.findall(pattern, TOKENS.read_text())}


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG of two colours, 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_itself() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_texts_can_be_read(theme: int) -> None:
    tokens = _tokens()
    weak = {
        pair: round(ratio, 2)
        for pair in PAIRS
        if (ratio := contrast(tokens[pair[0]][theme], tokens[pair[1]][theme])) < 4.5
    }
    assert weak == {}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_controls_can_be_seen(theme: int) -> None:
    tokens = _tokens()
    weak = {
        pair: round(ratio, 2)
        for pair in EDGES
        if (ratio := contrast(tokens[pair[0]][theme], tokens[pair[1]][theme])) < 3
    }
    assert weak == {}
