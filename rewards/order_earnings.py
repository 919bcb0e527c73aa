"""What orders earned, line by line and by which rule, or why they earned nothing (CU-5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db.models import F
from django.utils.translation import gettext as _

from customers.hooks import LineEarning, OrderEarning
from customers.models import Customer, Order, OrderLine
from rewards.actions.earning import versions_in_force
from rewards.models import EarningRuleVersion, Entry
from rewards.rules import applies, covers, line_shares


def earnings_of(orders: Sequence[Order]) -> Mapping[int, OrderEarning]:
    """What these orders earned, by `Order.pk`. Two queries at most."""
    entries = (
        Entry.objects.filter(
            operation__order__in=[order.pk for order in orders], kind=Entry.Kind.EARNED
        )
        .select_related("rule_version__rule__program", "lot")
        .annotate(order_id=F("operation__order_id"))
        .order_by("pk")
    )
    by_order: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_order[entry.order_id].append(entry)
    without = [order for order in orders if order.pk not in by_order]
    versions = _versions(without)
    return {
        order.pk: _earned(order, by_order[order.pk])
        if order.pk in by_order
        else _nothing(order, versions)
        for order in orders
    }


def _versions(orders: Sequence[Order]) -> list[EarningRuleVersion]:
    """The rules that the newest of these orders met: enough to say why nothing came of it."""
    placed = [order.placed_at for order in orders if order.customer_id]
    return versions_in_force(max(placed)) if placed else []


def _earned(order: Order, entries: Sequence[Entry]) -> OrderEarning:
    lines = list(order.lines.all())
    by_line: dict[int, list[LineEarning]] = {line.pk: [] for line in lines}
    totals: dict[int, int] = defaultdict(int)
    programs = {}
    for entry in entries:
        version = entry.rule_version
        if version is None:
            continue
        program = version.rule.program
        programs[program.pk] = program
        totals[program.pk] += entry.amount
        for line, share in zip(
            lines, line_shares(version, program, lines, entry.amount), strict=True
        ):
            by_line[line.pk].append(_line(line, version, share))
    pending = [entry.lot.available_at for entry in entries if entry.lot.is_pending]
    return OrderEarning(
        total=", ".join(programs[pk].units(amount) for pk, amount in totals.items()),
        pending_until=max(pending, default=None),
        lines=by_line,
    )


def _line(line: OrderLine, version: EarningRuleVersion, share: int) -> LineEarning:
    program = version.rule.program
    if share:
        return LineEarning(program.name, program.units(share), rule=version.rule.name)
    if not covers(version, line):
        reason = _("Excluded: “%s” does not count this category or product") % version.rule.name
    elif not line.total:
        reason = _("Nothing was paid for it")
    else:
        reason = _("Too little for a whole unit, counted with the lines around it")
    return LineEarning(program.name, "", reason=reason)


def _nothing(order: Order, versions: Sequence[EarningRuleVersion]) -> OrderEarning:
    return OrderEarning(total="", reason=_why_nothing(order, versions))


def _why_nothing(order: Order, versions: Sequence[EarningRuleVersion]) -> str:
    customer = order.customer
    if customer is None:
        return _("A guest order: nobody claimed it yet.")
    if customer.status == Customer.Status.GUEST:
        return _("%s is not a member yet; only members earn.") % customer
    if customer.status == Customer.Status.REMOVED:
        return _("%s was taken out of the programme; only members earn.") % customer
    if customer.joined_at and order.recorded_at < customer.joined_at:
        return _("It came in before %s became a member.") % customer
    if not versions:
        return _("No earning rule was in force.")
    if not order.total:
        return _("Nothing was paid, so nothing was earned.")
    if not any(applies(version, order) for version in versions):
        return _("No rule counts orders of this store, currency or date.")
    return _("Too little for a whole unit, or only products that no rule counts.")
