"""What an entry of the ledger is, as the history calls it, and what it came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty_admin.common.templatetags.ui import units
from rewards.models import EarningRuleVersion, Entry, Operation, Program, Redemption
from rewards.rules import line_shares
from rewards.selectors.expired import reinstatable_until

Kind, Trigger = Operation.Kind, EarningRuleVersion.Trigger


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """An entry with its name, the products that brought it, and what could not be taken back.

    What expired can be reinstated until `until`; None for everything else.
    """

    entry: Entry
    what: str
    products: str
    missing: str
    until: datetime | None = None

    @property
    def in_time(self) -> bool:
        """Whether it can be reinstated now."""
        return self.until is not None and self.until >= timezone.now()


def shown_entries(
    entries: Sequence[Entry], program: Program, *, products: bool = False
) -> list[ShownEntry]:
    """The entries of `history_page`, in words. `products` asks which lines brought what."""
    return [
        ShownEntry(
            entry,
            name_of(entry),
            _products(entry, program) if products else "",
            _missing(entry, program),
            _until(entry, program),
        )
        for entry in entries
    ]


def name_of(entry: Entry) -> str:
    """What happened, in a few words."""
    tell = _NAMES.get(Kind(entry.operation.kind))
    return tell(entry) if tell else str(entry.get_kind_display())


def origin_of(entry: Entry, product: str = "") -> str:
    """Where the units of a credit came from: the order's line, the reason, or the event."""
    operation = entry.operation
    if operation.order:
        words = {"order": operation.order, "store": operation.order.store.name}
        order = _("order %(order)s at %(store)s") % words
        return f"{product}, {order}" if product else order[:1].upper() + order[1:]
    if operation.kind != Kind.ADJUST:
        return name_of(entry)
    why = operation.reason.label if operation.reason else operation.customer_comment
    return _("Adjusted by hand: %s") % why if why else _("Adjusted by hand")


def _earned(entry: Entry) -> str:
    told = {
        Trigger.SIGN_UP: _("Earned for signing up"),
        Trigger.NEWSLETTER: _("Earned for subscribing to the newsletter"),
        Trigger.REVIEW: _("Earned for a review"),
        Trigger.REFERRAL: _("Earned for bringing a friend"),
        Trigger.BIRTHDAY: _("Earned for a birthday"),
    }
    version = entry.rule_version
    return told.get(Trigger(version.trigger), _("Earned")) if version else _("Earned")


def _redeemed(entry: Entry) -> str:
    redemption = _redemption_of(entry.operation)
    if redemption is None:
        return _("Spent on a reward")
    words = {"reward": redemption.reward.name, "number": units(redemption.position)}
    if redemption.source == Redemption.Source.CARD:
        return _("Card %(number)s full: %(reward)s") % words
    return _("Spent on %(reward)s") % words


def _refunded(entry: Entry) -> str:
    order = entry.operation.order
    if order is None:
        return _("Taken back")
    if entry.operation.idempotency_key.startswith("cancel:"):
        return _("Taken back: order %s cancelled") % order
    return _("Taken back: order %s refunded") % order


def _reversed(entry: Entry) -> str:
    original = entry.operation.reverses
    if original is not None and original.kind == Kind.REDEEM:
        redemption = _redemption_of(original)
        name = redemption.reward.name if redemption else ""
        return _("Redemption cancelled: %s") % name if name else _("Redemption cancelled")
    return _("Given back") if entry.amount > 0 else _("Taken back")


def _reinstated(_entry: Entry) -> str:
    return _("Reinstated")


_NAMES: dict[Operation.Kind, Callable[[Entry], str]] = {
    Kind.EARN: _earned,
    Kind.REDEEM: _redeemed,
    Kind.REFUND: _refunded,
    Kind.REVERSE: _reversed,
    Kind.REINSTATE: _reinstated,
}


def _redemption_of(operation: Operation) -> Redemption | None:
    return getattr(operation, "redemption", None)


def _products(entry: Entry, program: Program) -> str:
    """The products of the lines that brought the entry: `Croissant × 2, Muffin`."""
    order, version = entry.operation.order, entry.rule_version
    if order is None or version is None or entry.kind != Entry.Kind.EARNED:
        return ""
    lines = list(order.lines.all())
    shares = line_shares(version, program, lines, entry.amount, multiplier=entry.multiplier)
    return ", ".join(
        f"{line.product or line.sku} × {units(share)}" if share > 1 else line.product or line.sku
        for line, share in zip(lines, shares, strict=True)
        if share
    )


def _until(entry: Entry, program: Program) -> datetime | None:
    reinstated = getattr(entry.operation, "reversed_by", None) is not None
    if entry.kind != Entry.Kind.EXPIRED or reinstated or not program.reinstate_days:
        return None
    return reinstatable_until(program, entry.occurred_at)


def _missing(entry: Entry, program: Program) -> str:
    missing = getattr(entry, "missing", None)
    if not missing:
        return ""
    return _("%s could not be taken back: spent already") % program.units(missing)
