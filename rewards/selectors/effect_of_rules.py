"""What a change of a rule will do, said before it is done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from loyalty_admin.common.templatetags.ui import date_in_words, signed, units
from rewards.models import Program
from rewards.selectors.effect import DAYS, Comparison, Outcome, compare_rule
from rewards.selectors.preview import Preview
from rewards.selectors.words import Terms, customers, rule_in_words, worth


def preview_rule(
    program: Program,
    current: Terms | None,
    draft: Terms,
    *,
    effective_from: datetime | None = None,
) -> Preview:
    """What a rule's draft will do, by the last days of real orders. One query or two."""
    lines = [_("It will say: %s.") % rule_in_words(draft, program)]
    if current:
        since = date_in_words(effective_from) if effective_from else _("now")
        lines.append(
            _("It holds for orders placed from %s on; units earned before stay as they are.")
            % since
        )
    if program.status != Program.Status.ACTIVE:
        lines.append(_("Nothing is earned before the program is active."))
    compared = compare_rule(program, current, draft)
    if compared is None:
        lines.append(
            _("Each time costs %(worth)s; how often it will happen nobody can know.")
            % {"worth": worth(program, draft.units)}
        )
        return Preview(lines)
    return Preview([*lines, *_compared(program, compared, has_current=current is not None)])


def preview_switch(program: Program, current: Terms | None, is_active: bool) -> Preview:
    """What switching a rule on or off will do, by the last days of real orders."""
    if current is None:
        return Preview([_("It says nothing yet.")])
    compared = compare_rule(program, current, None)
    lines = [_("It says: %s.") % rule_in_words(current, program)]
    if compared:
        told = _outcome(program, compared.now)
        lines.append(_("In the last %(days)s days: %(told)s.") % {"days": DAYS, "told": told})
    if is_active:
        lines.append(_("From now on it earns; orders that came in meanwhile stay as they are."))
    else:
        lines.append(_("From now on it earns nothing; units earned by it stay."))
    return Preview(lines, "" if is_active else "warn")


def _compared(program: Program, compared: Comparison, *, has_current: bool) -> Iterator[str]:
    words = {"count": units(compared.looked_at), "days": DAYS}
    if compared.is_partial:
        yield _("Looked at: the newest %(count)s orders of the last %(days)s days") % words
    else:
        yield _("Looked at: the last %(days)s days") % words
    if has_current:
        yield _("Now: %s") % _outcome(program, compared.now)
        yield _("With this: %s") % _outcome(program, compared.draft)
    else:
        yield _("With this: %s") % _outcome(program, compared.draft)
        return
    change = compared.draft.units - compared.now.units
    if not change and not compared.more and not compared.fewer:
        yield _("No difference for anybody.")
        return
    sign = "+" if change > 0 else ""
    yield _("Difference: %(units)s %(unit)s, %(worth)s") % {
        "units": signed(change),
        "unit": program.unit_plural,
        "worth": sign + worth(program, change),
    }
    words = {"more": units(compared.more), "fewer": units(compared.fewer)}
    yield _("Customers who get more: %(more)s; less: %(fewer)s") % words


def _outcome(program: Program, outcome: Outcome) -> str:
    if not outcome.units:
        return _("nobody earns anything")
    return _("%(units)s, worth %(worth)s; earned %(times)s times by %(customers)s") % {
        "times": units(outcome.times),
        "units": program.units(outcome.units),
        "worth": worth(program, outcome.units),
        "customers": customers(outcome.customers),
    }
