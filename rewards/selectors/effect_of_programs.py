"""What a change of a program will do, said before it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty_admin.common.templatetags.ui import date_in_words, units
from rewards.models import Account, Lot, Program
from rewards.selectors.preview import Preview
from rewards.selectors.programs import Figures, figures_of, ladder_of
from rewards.selectors.words import basis_in_words, expiry_in_words, worth

Status, Expiry = Program.Status, Program.Expiry
COUNTED = 10_000
"""Lots and cards are counted up to here; beyond, nobody needs the exact number."""


def preview_status(program: Program, status: str) -> Preview:
    """What pausing, resuming or starting the program will do. At most two queries."""
    figures = figures_of(program.pk)
    return Preview(list(_status(program, figures, status)), "warn" if status == "paused" else "")


def preview_program(before: Program | None, after: Program) -> Preview:
    """What saving the program as `after`, an unsaved copy, will do. Few queries, all bounded."""
    if before is None:
        return Preview(list(_new(after)))
    figures = figures_of(before.pk)
    lines = [line for about in _ABOUT for line in about(before, after, figures)]
    if not lines:
        return Preview([_("Nothing changes.")])
    return Preview(lines)


def _holders(program: Program, figures: Figures) -> str:
    """`1,204 members with 88,310 points`."""
    holders = ngettext("%s member", "%s members", figures.members) % units(figures.members)
    held = program.units(figures.outstanding)
    return _("%(holders)s with %(held)s") % {"holders": holders, "held": held}


def _new(after: Program) -> Iterator[str]:
    yield _("The program begins empty; nobody holds anything.")
    if after.status == Status.ACTIVE:
        yield _("It is active at once: what its rules say is earned from the first order on.")
    else:
        yield _("It is a draft: nobody sees it and nothing is earned until it is started.")
    yield _("Its code and its kind are for good.")


def _status(program: Program, figures: Figures, status: str) -> Iterator[str]:
    who = _holders(program, figures)
    if status == Status.PAUSED:
        if figures.members:
            yield _("%s can't earn or spend until it is resumed.") % who
        else:
            yield _("Nobody holds anything in it; nobody earns until it is resumed.")
        yield _("Orders that come in meanwhile earn nothing in it, and won't later.")
    elif status == Status.ACTIVE:
        count = program.rules.filter(is_active=True).count()
        rules = ngettext("%s rule", "%s rules", count) % units(count)
        yield _("It earns by %s from now on.") % rules if count else _("It has no rule yet.")
        if figures.members:
            yield _("%s can spend again.") % who
    else:
        yield _("%s can't earn or spend while it is a draft.") % who


def _about_status(before: Program, after: Program, figures: Figures) -> Iterator[str]:
    if before.status != after.status:
        yield from _status(before, figures, after.status)


def _about_value(before: Program, after: Program, figures: Figures) -> Iterator[str]:
    if (before.unit_value, before.currency) != (after.unit_value, after.currency):
        yield _("%(held)s that are out are worth %(after)s instead of %(before)s.") % {
            "held": before.units(figures.outstanding),
            "before": worth(before, figures.outstanding),
            "after": worth(after, figures.outstanding),
        }
    if before.currency != after.currency:
        yield _("Its rules go on counting orders in %s until they say otherwise.") % before.currency


def _about_names(before: Program, after: Program, _figures: Figures) -> Iterator[str]:
    words = {"before": before.name, "after": after.name}
    if before.name != after.name:
        yield _("“%(before)s” is called “%(after)s” everywhere; history keeps its words.") % words
    if (before.unit_singular, before.unit_plural) != (after.unit_singular, after.unit_plural):
        words = {"one": after.units(1), "many": after.units(5)}
        yield _("Units are called %(one)s, %(many)s.") % words


def _about_earning(before: Program, after: Program, figures: Figures) -> Iterator[str]:
    if before.rounding != after.rounding:
        words = {"how": str(Program.Rounding(after.rounding).label).lower()}
        yield _("New orders are rounded so: %(how)s. Units earned before stay.") % words
    if before.pending_days != after.pending_days:
        if after.pending_days:
            words = {"days": units(after.pending_days)}
            yield _("Units of new orders can be spent after %(days)s days.") % words
        else:
            yield _("Units of new orders can be spent at once.")
        if figures.pending:
            yield _("%s that are pending keep their dates.") % before.units(figures.pending)
    if before.clawback_below_zero != after.clawback_below_zero:
        if after.clawback_below_zero:
            yield _("A refund of spent units will leave the customer owing them.")
        else:
            yield _("A refund of spent units will take what is there and note the shortfall.")


def _about_expiry(before: Program, after: Program, figures: Figures) -> Iterator[str]:
    if (before.expiry, before.expiry_days) != (after.expiry, after.expiry_days):
        yield _("Units expire from now on: %s.") % expiry_in_words(after)
        if lots := _counted(Lot.objects.filter(account__program=before.pk, remaining__gt=0)):
            yield _("Lots that exist keep their dates: %s.") % lots
        yield from _lapsing(before, after)
    if before.warning_days != after.warning_days and after.expiry != Expiry.NEVER:
        words = {"days": units(after.warning_days)}
        yield _("Customers are warned %(days)s days before; who was warned is not warned anew.") % (
            words
        )
    if before.reinstate_days != after.reinstate_days:
        words = {"days": units(after.reinstate_days)}
        yield _("Expired units can be given back for %(days)s days.") % words
    if before.grace_days != after.grace_days:
        words = {"days": units(after.grace_days)}
        yield _("What comes back expired stays for %(days)s days.") % words


def _lapsing(before: Program, after: Program) -> Iterator[str]:
    if Expiry.INACTIVITY not in (before.expiry, after.expiry):
        return
    holding = Account.objects.filter(program=before.pk).filter(Q(balance__gt=0) | Q(pending__gt=0))
    words = {"accounts": _counted(holding)}
    if not words["accounts"]:
        return
    if after.expiry != Expiry.INACTIVITY:
        yield _("Accounts that do not lapse by inactivity any more: %(accounts)s.") % words
    elif before.expiry != Expiry.INACTIVITY:
        words["day"] = date_in_words(timezone.now() + timedelta(days=after.expiry_days))
        yield _("Accounts that lapse on %(day)s, unless used before: %(accounts)s.") % words
    elif after.expiry_days > before.expiry_days:
        words["days"] = units(after.expiry_days - before.expiry_days)
        yield _("Accounts that lapse %(days)s days later than now: %(accounts)s.") % words
    else:
        yield _("Accounts that keep their day until they are used again: %(accounts)s.") % words


def _about_cards(before: Program, after: Program, _figures: Figures) -> Iterator[str]:
    size = after.card_size
    if before.card_size != size and size:
        words = {"size": after.units(size)}
        yield _("A card is full with %(size)s.") % words
        full = Account.objects.filter(program=before.pk, balance__gte=size)
        if count := _counted(full):
            yield _("Customers whose card is full by that, with their next stamp: %s.") % count
    if before.card_reward != after.card_reward:
        if after.card_reward:
            yield _("From now on a full card gives “%s”.") % after.card_reward
        else:
            yield _("From now on a full card gives nothing.")


def _about_tiers(before: Program, after: Program, _figures: Figures) -> Iterator[str]:
    named = ("tier_basis", "tier_window_days")
    if any(getattr(before, name) != getattr(after, name) for name in named):
        yield _("What counts for its tiers: %s.") % basis_in_words(after)
        standing = sum(tier.members for tier in ladder_of(before).tiers)
        if standing and after.tier_basis == Program.TierBasis.NONE:
            yield _("Customers who stay on their tier, for nobody moves: %s.") % units(standing)
        elif standing:
            yield _("Customers whose tier is worked out anew in the night: %s.") % units(standing)
    if before.tier_grace_days != after.tier_grace_days:
        words = {"days": units(after.tier_grace_days)}
        yield _("Who has too little for a tier keeps it for %(days)s days.") % words


def _counted(rows: QuerySet[Model]) -> str:
    """How many rows, up to a number; nothing for none."""
    count = rows.order_by()[: COUNTED + 1].count()
    if count > COUNTED:
        return _("more than %s") % units(COUNTED)
    return units(count) if count else ""


_ABOUT: tuple[Callable[[Program, Program, Figures], Iterator[str]], ...] = (
    _about_names,
    _about_status,
    _about_value,
    _about_earning,
    _about_expiry,
    _about_cards,
    _about_tiers,
)
