"""Programs as their pages show them: facts, settings and changes, each in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.forms import ChoiceField, Field
from django.utils.translation import gettext as _

from activity.diff import Difference, differences
from activity.models import AuditRecord
from loyalty_admin.common.templatetags.ui import units
from rewards.forms.ladder import TierForm
from rewards.forms.programs import ProgramForm
from rewards.models import Program
from rewards.selectors.programs import (
    Figures,
    Ladder,
    ShownProgram,
    ShownRule,
    ShownTier,
)
from rewards.selectors.words import (
    basis_in_words,
    expiry_in_words,
    rule_in_words,
    threshold_in_words,
    unit_value_in_words,
    worth,
)

TONES = {Program.Status.ACTIVE: "ok", Program.Status.PAUSED: "warn", Program.Status.DRAFT: ""}


@dataclass(frozen=True, slots=True)
class Row:
    """A program in the list."""

    program: Program
    tone: str
    value: str
    expiry: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of the strip."""

    label: str
    value: str
    hint: str


@dataclass(frozen=True, slots=True)
class Step:
    """A tier in its ladder."""

    shown: ShownTier
    threshold: str


@dataclass(frozen=True, slots=True)
class ShownLadder:
    """A ladder with what counts for it."""

    program: Program
    counts: str
    steps: list[Step]


@dataclass(frozen=True, slots=True)
class Change:
    """Who changed what, and from what to what."""

    record: AuditRecord
    title: str
    changes: list[Difference] = field(default_factory=list)


def shown_row(shown: ShownProgram) -> Row:
    """A program as the list shows it."""
    program = shown.program
    expiry = _("Never") if program.expiry == Program.Expiry.NEVER else expiry_in_words(program)
    return Row(program, tone_of(program), unit_value_in_words(program), expiry, shown.figures)


def tone_of(program: Program) -> str:
    """The colour of its status."""
    return TONES[Program.Status(program.status)]


def facts_in_words(program: Program, figures: Figures) -> list[Fact]:
    """Who holds what of it."""
    each = unit_value_in_words(program)
    return [
        Fact(_("Members holding it"), units(figures.members), _("with units or pending ones")),
        Fact(
            _("Outstanding"),
            units(figures.outstanding),
            _("%(units)s, worth %(worth)s")
            % {"units": program.unit_plural, "worth": worth(program, figures.outstanding)},
        ),
        Fact(_("Pending"), units(figures.pending), _("not to be spent yet")),
        Fact(_("A unit is worth"), each, _("costs and liability are counted by it")),
    ]


def settings_in_words(program: Program) -> list[tuple[str, str]]:
    """How its units behave, as pairs of name and words."""
    return list(_settings(program))


def _settings(program: Program) -> Iterator[tuple[str, str]]:
    days = _("%s days")
    yield _("Kind"), f"{program.get_kind_display()} ({program.code})"
    yield _("Units"), f"{program.units(1)}, {program.units(2)}"
    yield _("Worth"), _("%(value)s each") % {"value": unit_value_in_words(program)}
    yield _("Rounding"), program.get_rounding_display()
    if program.pending_days:
        yield _("Can be spent"), _("%s days after the order") % units(program.pending_days)
    else:
        yield _("Can be spent"), _("at once")
    yield _("Expire"), expiry_in_words(program)
    if program.expiry != Program.Expiry.NEVER:
        warned = _("%s days before") % units(program.warning_days)
        yield _("Customers are warned"), warned if program.warning_days else _("never")
        back = _("for %s days") % units(program.reinstate_days)
        yield _("Can be given back"), back if program.reinstate_days else _("never")
        yield _("What comes back expired stays"), days % units(program.grace_days)
    if program.clawback_below_zero:
        yield _("A refund of spent units"), _("leaves the customer owing them")
    else:
        yield _("A refund of spent units"), _("takes what is there; the shortfall is noted")
    if program.card_size:
        yield _("A card has"), program.units(program.card_size)
        reward = f"“{program.card_reward}”" if program.card_reward else _("nothing yet")
        yield _("A full card gives"), reward
    yield _("Tiers count"), basis_in_words(program)


def ladder_in_words(ladder: Ladder) -> ShownLadder:
    """A ladder with the words for what it counts and asks."""
    program = ladder.program
    steps = [
        Step(shown, threshold_in_words(program, shown.tier.threshold)) for shown in ladder.tiers
    ]
    return ShownLadder(program, basis_in_words(program), steps)


def shown_changes(
    program: Program, records: Sequence[AuditRecord], rules: Sequence[ShownRule], ladder: Ladder
) -> list[Change]:
    """The history of the program, its rules and its tiers, newest first."""
    names = {("rule", shown.rule.pk): shown.rule.name for shown in rules}
    names |= {("tier", shown.tier.pk): shown.tier.name for shown in ladder.tiers}
    said = {
        (shown.rule.pk, version.number): rule_in_words(version, program)
        for shown in rules
        for version in shown.rule.versions.all()
    }
    return [_change(record, names, said) for record in records]


def _change(
    record: AuditRecord,
    names: Mapping[tuple[str, int], str],
    said: Mapping[tuple[int, int], str],
) -> Change:
    pk = record.object_id or 0
    name = {"name": names.get((record.object_type, pk), "")}
    on = bool((record.after or {}).get("is_active"))
    if record.verb == "rule.published":
        return _published(record, name["name"], said)
    if record.verb in ("rule.switched", "tier.switched"):
        title = _("“%(name)s” switched on") if on else _("“%(name)s” switched off")
        return Change(record, title % name)
    titles = {
        "program.created": _("Program made"),
        "program.changed": _("Settings changed"),
        "program.activated": _("Started"),
        "program.paused": _("Paused"),
        "tier.created": _("Tier “%(name)s” made") % name,
        "tier.step_changed": _("Tier “%(name)s” changed") % name,
    }
    title = titles[record.verb]
    if record.before is None or record.verb in ("program.activated", "program.paused"):
        return Change(record, title)
    asked = ProgramForm if record.object_type == "program" else TierForm
    return Change(record, title, _differences(record, asked.base_fields))


def _published(record: AuditRecord, name: str, said: Mapping[tuple[int, int], str]) -> Change:
    after, pk = record.after or {}, record.object_id or 0
    number = int(after.get("number", 1))
    before, now = said.get((pk, number - 1)), said.get((pk, number))
    words = {"name": name, "number": number}
    title = _("Rule “%(name)s” made") if number == 1 else _("“%(name)s”, version %(number)s")
    return Change(record, title % words, [Difference(_("says"), before, now)])


def _differences(record: AuditRecord, fields: Mapping[str, Field]) -> list[Difference]:
    """What differs, by the labels of the form and in the words of its choices."""
    found = []
    for change in differences(record.before, record.after):
        name = change.name.replace(" ", "_")
        asked: Any = fields.get(name)
        label = str(asked.label) if asked else change.name
        plain = type(asked) is ChoiceField  # what is chosen of rows is told by name already
        choices: dict[Any, Any] = dict(fields[name].choices) if plain else {}  # type: ignore[attr-defined]
        before, after = (
            str(choices.get(value, value)) if value is not None else None
            for value in (change.before, change.after)
        )
        found.append(Difference(label, before, after))
    return found
