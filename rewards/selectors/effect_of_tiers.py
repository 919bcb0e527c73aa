"""What a change of a ladder's step will do, said before it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty_admin.common.templatetags.ui import units
from rewards.models import Program, Tier, TierMembership
from rewards.selectors.preview import Preview
from rewards.selectors.standings import MEASURED
from rewards.selectors.words import (
    basis_in_words,
    customers,
    threshold_in_words,
    tier_gives_in_words,
    worth,
)

LOOKED_AT = 5_000
"""Of more members, so many by chance are looked at, so that an answer never takes long."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What counts for the ladder, of members; `of` is how many members there are in all."""

    amounts: list[Decimal]
    of: int

    @property
    def is_sample(self) -> bool:
        """Whether only some of the members were looked at."""
        return self.of > LOOKED_AT

    def between(self, least: Decimal, below: Decimal | None) -> int:
        """How many have at least so much and less than the other; scaled up from a sample."""
        found = sum(least <= a and (below is None or a < below) for a in self.amounts)
        if not self.is_sample or not self.amounts:
            return found
        return round(found * self.of / len(self.amounts))


_MEMBERS = "SELECT count(*) FROM customers_customer WHERE status = 'member'"
_MEASURES = f"""
SELECT measured.amount
FROM (
    SELECT id AS customer_id FROM customers_customer TABLESAMPLE SYSTEM (%(share)s)
    WHERE status = 'member' LIMIT %(most)s
) AS who
CROSS JOIN (SELECT id, tier_basis, tier_window_days, currency FROM rewards_program
            WHERE id = %(program)s) AS program
LEFT JOIN rewards_account AS account
    ON account.customer_id = who.customer_id AND account.program_id = program.id
{MEASURED}
"""


def measures_in(program_id: int) -> Measures:
    """What counts for the program's ladder now, of all members or of some by chance. Two queries.

    A sample takes whole pages of the table, so that it need not be read.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS)
        of = int(cursor.fetchone()[0])
        share = 100.0 if of <= LOOKED_AT else min(100.0, 110.0 * LOOKED_AT / of)
        now = timezone.now()
        cursor.execute(
            _MEASURES, {"share": share, "most": LOOKED_AT, "program": program_id, "at": now}
        )
        return Measures([Decimal(amount) for (amount,) in cursor.fetchall()], of)


def preview_tier(before: Tier | None, after: Tier) -> Preview:
    """What saving the step as `after`, an unsaved copy, will do. Few queries, all bounded."""
    program = after.program
    words = {
        "name": after.name or _("The new tier"),
        "from": threshold_in_words(program, after.threshold),
        "basis": basis_in_words(program),
    }
    lines = [
        _("“%(name)s” begins at %(from)s: %(basis)s.") % words,
        _("It gives: %s.") % tier_gives_in_words(after),
    ]
    others = _steps(program, without=after)
    measures = measures_in(program.pk)
    lines += _standing(measures, after, others)
    lines += _gifts(measures, after, others) if before is None else _changed(before, after)
    return Preview(lines)


def preview_tier_switch(tier: Tier, *, is_active: bool) -> Preview:
    """What putting a step into its ladder, or taking it out, will do."""
    program = tier.program
    if is_active:
        others, measures = _steps(program, without=tier), measures_in(program.pk)
        gifts = _gifts(measures, tier, others)
        return Preview([*_standing(measures, tier, others), *gifts])
    standing = TierMembership.objects.filter(tier=tier, ended_at__isnull=True).count()
    days = {"days": units(program.tier_grace_days), "who": customers(standing)}
    lines = [_("Nobody comes to stand on “%s” any more.") % tier]
    if standing:
        lines.append(_("On it now: %(who)s, who keep it for %(days)s days.") % days)
    return Preview(lines, "warn")


def _steps(program: Program, *, without: Tier) -> list[Tier]:
    tiers = program.tiers.filter(is_active=True).exclude(pk=without.pk)
    return list(tiers.order_by("threshold"))


def _standing(measures: Measures, tier: Tier, others: Sequence[Tier]) -> Iterator[str]:
    count = measures.between(tier.threshold, _next(tier, others))
    words = {
        "count": customers(count),
        "of": units(measures.of),
        "share": units(round(100 * count / measures.of)) if measures.of else "0",
    }
    if measures.is_sample:
        yield _("Have earned it by now: about %(count)s of %(of)s members, %(share)s %%.") % words
    else:
        yield _("Have earned it by now: %(count)s of %(of)s members, %(share)s %%.") % words
    for lower in reversed([other for other in others if other.threshold < tier.threshold]):
        below = customers(measures.between(lower.threshold, tier.threshold))
        yield _("Below it, on “%(tier)s”: %(count)s.") % {"tier": lower.name, "count": below}
        break
    yield _("Who has earned it moves up at the next act, or in the night.")


def _gifts(measures: Measures, tier: Tier, others: Sequence[Tier]) -> Iterator[str]:
    """What the step costs on its first day."""
    count = measures.between(tier.threshold, _next(tier, others))
    if tier.entry_units and count:
        words = {
            "units": tier.program.units(tier.entry_units * count),
            "worth": worth(tier.program, tier.entry_units * count),
        }
        yield _("They get %(units)s for it, worth %(worth)s in all.") % words
    if tier.entry_reward and count:
        yield _("Each gets “%s”, once in a lifetime.") % tier.entry_reward


def _changed(before: Tier, after: Tier) -> Iterator[str]:
    standing = TierMembership.objects.filter(tier=before, ended_at__isnull=True).count()
    if standing and after.threshold > before.threshold:
        words = {"who": customers(standing), "days": units(after.program.tier_grace_days)}
        yield _("On it now: %(who)s; who has too little keeps it for %(days)s days.") % words
    elif standing:
        yield _("On it now: %s.") % customers(standing)
    if standing and after.multiplier != before.multiplier:
        yield _("They earn by the new multiplier from now on; units earned before stay.")
    gifts = ("entry_units", "entry_reward_id")
    if any(getattr(before, name) != getattr(after, name) for name in gifts):
        yield _("Who had its gifts keeps them and gets no others.")


def _next(tier: Tier, others: Sequence[Tier]) -> Decimal | None:
    return next((o.threshold for o in others if o.threshold > tier.threshold), None)
