"""What orders earned, line by line and by which rule, or why they earned nothing (CU-5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.utils.translation import gettext as _

from customers.hooks import LineEarning, OrderEarning
from customers.lines_left import left_of, lines_sold, remaining
from customers.models import Customer, Order, OrderLine
from rewards.actions.earning import earning_key, versions_in_force
from rewards.models import EarningRuleVersion, Entry, Operation, Program, Shortfall
from rewards.refund_rules import counted, units_left
from rewards.rules import applies, covers, line_shares


def earnings_of(orders: Sequence[Order]) -> Mapping[int, OrderEarning]:
    """What these orders earned, by `Order.pk`. Two queries at most.

    Of an order that was completed again, what it earned then.
    """
    by_order: dict[int, list[Entry]] = defaultdict(list)
    for entry in _entries(orders):
        by_order[entry.operation.order_id or 0].append(entry)
    entries = {order.pk: _since_completed(order, by_order[order.pk]) for order in orders}
    versions = _versions([order for order in orders if not entries[order.pk]])
    return {
        order.pk: _earned(order, entries[order.pk])
        if entries[order.pk]
        else _nothing(order, versions)
        for order in orders
    }


def _entries(orders: Sequence[Order]) -> QuerySet[Entry]:
    """What these orders brought and what was taken back, with what could not be, by account."""
    missing = Shortfall.objects.filter(
        operation__order=OuterRef("operation__order"),
        operation__gt=OuterRef("operation"),
        account=OuterRef("account"),
    )
    return (
        Entry.objects.filter(
            operation__order__in=[order.pk for order in orders],
            operation__kind__in=(Operation.Kind.EARN, Operation.Kind.REFUND),
            kind__in=(Entry.Kind.EARNED, Entry.Kind.REVERSED),
        )
        .select_related("rule_version__rule__program", "lot", "operation")
        .annotate(
            missing=Subquery(
                missing.order_by().values("account").annotate(sum=Sum("amount")).values("sum")
            )
        )
        .order_by("pk")
    )


def _since_completed(order: Order, entries: Sequence[Entry]) -> list[Entry]:
    key = earning_key(order.store.code, order.number, order.completions)
    first = next((e.pk for e in entries if e.operation.idempotency_key == key), None)
    return [] if first is None else [entry for entry in entries if entry.pk >= first]


def _versions(orders: Sequence[Order]) -> list[EarningRuleVersion]:
    """The rules that the newest of these orders met: enough to say why nothing came of it."""
    placed = [order.placed_at for order in orders if order.customer_id]
    return versions_in_force(max(placed)) if placed else []


def _earned(order: Order, entries: Sequence[Entry]) -> OrderEarning:
    by_line: dict[int, list[LineEarning]] = {line.pk: [] for line in order.lines.all()}
    totals, taken, missing = Totals(), Totals(), Totals()
    for entry in entries:
        version = entry.rule_version
        if version is None:
            continue
        program = version.rule.program
        if entry.kind == Entry.Kind.REVERSED:
            taken.add(program, -entry.amount)
            continue
        totals.add(program, entry.amount)
        missing.set(program, entry.missing or 0)  # type: ignore[attr-defined]
        for line, earning in by_lines(order, entry, version):
            by_line[line.pk].append(earning)
    pending = [e.lot.available_at for e in entries if e.amount > 0 and e.lot.is_pending]
    return OrderEarning(
        total=totals.in_words(),
        taken_back=taken.in_words(),
        missing=missing.in_words(),
        pending_until=max(pending, default=None),
        lines=by_line,
    )


class Totals:
    """Units by program."""

    def __init__(self) -> None:
        self._units: dict[Program, int] = defaultdict(int)

    def add(self, program: Program, units: int) -> None:
        """Count more of them."""
        self._units[program] += units

    def set(self, program: Program, units: int) -> None:
        """There are so many."""
        self._units[program] = units

    def in_words(self) -> str:
        """As in "62 points, 1 stamp"; "" when there are none."""
        return ", ".join(program.units(units) for program, units in self._units.items() if units)


def by_lines(
    order: Order, entry: Entry, version: EarningRuleVersion
) -> Iterator[tuple[OrderLine, LineEarning]]:
    """What each line brought of what one rule gave, and what a refund took back of that."""
    lines, program = list(order.lines.all()), version.rule.program
    sold = lines_sold(order, lines)
    left = remaining(left_of(line) for line in lines)
    if order.status == Order.Status.CANCELLED:
        left = []
    keeps = units_left(
        version, order, entry.amount, sold=sold, left=left, multiplier=entry.multiplier
    )
    shares = shares_of(version, sold, entry.amount, entry.multiplier)
    kept = shares_of(version, counted(version, sold, left), keeps, entry.multiplier)
    back = entry.amount - keeps
    for line in lines:
        if line.pk not in shares:
            gone = _("It had gone back before")
            yield line, LineEarning(program.name, "", reason=gone)
            continue
        share = shares[line.pk]
        # What one line lost by rounding, another has won: only what went back in all counts.
        taken = min(max(share - kept.get(line.pk, 0), 0), back)
        back -= taken
        earning = line_earning(line, version, share)
        yield line, replace(earning, taken_back=program.units(taken)) if taken else earning


def shares_of(
    version: EarningRuleVersion, lines: Sequence[OrderLine], units: int, multiplier: Decimal
) -> dict[int, int]:
    """What each line brings of the units, by `OrderLine.pk`."""
    shares = line_shares(version, version.rule.program, lines, units, multiplier=multiplier)
    return {line.pk: share for line, share in zip(lines, shares, strict=True)}


def line_earning(line: OrderLine, version: EarningRuleVersion, share: int) -> LineEarning:
    """What a rule gave for a line, or why nothing."""
    program = version.rule.program
    if share:
        return LineEarning(program.name, program.units(share), rule=version.rule.name)
    if not covers(version, line):
        reason = _("Excluded: “%s” does not count this category or product") % version.rule.name
    elif version.measure == EarningRuleVersion.Measure.ORDER:
        reason = _("“%s” counts once for the whole order") % version.rule.name
    elif not line.total:
        reason = _("Nothing was paid for it")
    else:
        reason = _("Too little for a whole unit, counted with the lines around it")
    return LineEarning(program.name, "", reason=reason)


def _nothing(order: Order, versions: Sequence[EarningRuleVersion]) -> OrderEarning:
    customer = order.customer
    if customer is None:
        return OrderEarning(total="", reason=_("A guest order: nobody claimed it yet."))
    return OrderEarning(total="", reason=_why_not(order, customer) or why(order, versions))


def _why_not(order: Order, customer: Customer) -> str:
    if customer.status == Customer.Status.GUEST:
        return _("%s is not a member yet; only members earn.") % customer
    if customer.status == Customer.Status.REMOVED:
        return _("%s was taken out of the programme; only members earn.") % customer
    if customer.joined_at and order.recorded_at < customer.joined_at:
        return _("It came in before %s became a member.") % customer
    return ""


def why(order: Order, versions: Sequence[EarningRuleVersion]) -> str:
    """Why an order of a member earns nothing by these rules, as a sentence."""
    if not versions:
        return _("No earning rule was in force.")
    if not order.total:
        return _("Nothing was paid, so nothing was earned.")
    if not any(applies(version, order) for version in versions):
        return _("No rule counts orders of this store, currency or date.")
    return _("Too little for a whole unit, or only products that no rule counts.")
