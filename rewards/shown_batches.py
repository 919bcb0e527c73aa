"""A mass adjustment in words: how far it is, what it would do, and what it did."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty_admin.common.templatetags.ui import money, signed, units
from rewards.actions.mass_adjustments.running import SILENCE
from rewards.models import MassAdjustment

_Status = MassAdjustment.Status


@dataclass(frozen=True, slots=True)
class Progress:
    """Long work as components/progress.html shows it; without a total its length is unknown."""

    label: str
    done: int
    total: int
    hint: str


@dataclass(frozen=True, slots=True)
class Sum:
    """One fact of the strip."""

    label: str
    value: str
    hint: str = ""


def progress_of(batch: MassAdjustment) -> Progress | None:
    """How far the worker is, or None when there is nothing to do."""
    if not batch.is_working:
        return None
    hint = _("You can leave this page and come back.")
    if timezone.now() - batch.heartbeat_at > SILENCE:
        hint = _("No worker has gone on with this for a while. It continues by itself, soon.")
    if batch.status == _Status.CHECKING:
        label = _("Checking %(rows)s rows") % {"rows": units(batch.rows)}
        return Progress(label, 0, 0, hint)
    if batch.status == _Status.APPLYING:
        return Progress(_("Applying rows"), batch.done, batch.good, hint)
    return Progress(_("Undoing rows"), batch.done, batch.applied, hint)


def sums_of(batch: MassAdjustment) -> list[Sum]:
    """The strip of facts, from when the file has been checked."""
    if batch.status in {_Status.CHECKING, _Status.DISCARDED}:
        return []
    plural = batch.program.unit_plural
    people = ngettext("for %(n)s customer", "for %(n)s customers", batch.customers)
    faulty = ngettext("%(n)s row can't be applied", "%(n)s rows can't be applied", batch.bad)
    rows = Sum(
        _("Rows"),
        units(batch.rows),
        faulty % {"n": units(batch.bad)} if batch.bad else _("all good"),
    )
    sums = [
        rows,
        Sum(_("Credits"), signed(batch.credits), plural),
        Sum(_("Debits"), signed(-batch.debits), plural),
        Sum(
            _("Cost"),
            money(batch.cost, batch.program.currency),
            people % {"n": units(batch.customers)},
        ),
    ]
    return [*sums, _last_sum(batch)]


def _last_sum(batch: MassAdjustment) -> Sum:
    if batch.status == _Status.READY:
        short = ngettext(
            "has too little for its debits",
            "have too little for their debits",
            batch.short_accounts,
        )
        hint = short if batch.short_accounts else _("all covered")
        return Sum(_("Accounts short"), units(batch.short_accounts), hint)
    if batch.status in {_Status.UNDOING, _Status.UNDONE}:
        rows = ngettext("in %(n)s row", "in %(n)s rows", batch.short_rows)
        hint = rows % {"n": units(batch.short_rows)} if batch.short_rows else ""
        return Sum(_("Spent already"), units(batch.shortfall), hint)
    hint = _("nothing was moved for them") if batch.refused else ""
    return Sum(_("Refused"), units(batch.refused), hint)


def consequences_of(batch: MassAdjustment) -> list[str]:
    """What applying it will do, in sentences."""
    program = batch.program
    rows = ngettext("%(n)s row", "%(n)s rows", batch.good) % {"n": units(batch.good)}
    people = ngettext("%(n)s customer", "%(n)s customers", batch.customers)
    people %= {"n": units(batch.customers)}
    lines = [_("%(rows)s for %(customers)s") % {"rows": rows, "customers": people}]
    if batch.credits:
        cost = money(batch.cost, program.currency)
        words = {"units": program.units(batch.credits), "cost": cost}
        lines.append(_("%(units)s are credited, at a cost of %(cost)s") % words)
    if batch.debits:
        lines.append(_("%(units)s are taken off") % {"units": program.units(batch.debits)})
    if batch.bad:
        faulty = ngettext(
            "%(n)s faulty row is left out", "%(n)s faulty rows are left out", batch.bad
        )
        lines.append(faulty % {"n": units(batch.bad)})
    if batch.short_accounts:
        short = ngettext(
            "%(n)s account has too little for its debits: such rows are refused",
            "%(n)s accounts have too little for their debits: such rows are refused",
            batch.short_accounts,
        )
        lines.append(short % {"n": units(batch.short_accounts)})
    return [*lines, _("No message is sent")]


def undoing_of(batch: MassAdjustment) -> list[str]:
    """What undoing it will do, in sentences."""
    below = batch.program.clawback_below_zero
    return [
        ngettext(
            "%(n)s row is taken back",
            "%(n)s rows are taken back, the last one first",
            batch.applied,
        )
        % {"n": units(batch.applied)},
        _("Debits give back to the lots they came from; expired ones get the program's grace"),
        _("Where credits have been spent, balances may go below zero")
        if below
        else _("Credits that have been spent stay spent and are listed"),
        _("It can't be applied again, other than by uploading the file anew"),
    ]
