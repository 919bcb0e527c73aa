"""`manage.py create_program`: one program with one rule, ready to earn."""

from __future__ import annotations

from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import DomainError, InvalidInput
from rewards.actions.programs import RuleTerms, check_terms, create_program, create_rule
from rewards.models import EarningRuleVersion, Program

CARD_SIZE = 10


class Command(BaseCommand):
    """Without options: active points, one for each whole 1.00 of an order, that never expire."""

    help = "Create a program with one earning rule."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What the program is and what earns in it."""
        add = parser.add_argument
        add("--code", default="points", help="short name in addresses (default: points)")
        add("--name", default="Points", help="what people call it (default: Points)")
        add("--kind", choices=Program.Kind.values, default=Program.Kind.POINTS)
        add("--currency", default=settings.DEFAULT_CURRENCY, help="ISO 4217 code")
        add("--unit", nargs=2, default=["point", "points"], metavar=("ONE", "MANY"))
        add("--unit-value", default="0.01", help="what a unit is worth (default: 0.01)")
        add("--units", type=int, default=1, help="units earned each time (default: 1)")
        add("--per", default="1", help="... for each of these (default: 1.00 of the currency)")
        add("--measure", choices=EarningRuleVersion.Measure.values, default="amount")
        add("--rounding", choices=Program.Rounding.values, default=Program.Rounding.DOWN)
        add("--pending-days", type=int, default=0, help="days until units can be spent")
        add("--expiry-days", type=int, default=0, help="days a lot lives (default: for ever)")
        add("--card-size", type=int, help=f"stamps that fill a card (default: {CARD_SIZE})")
        add("--draft", action="store_true", help="do not let it earn yet")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create both, or say what is wrong."""
        actor = Actor.system("create_program")
        try:
            terms = RuleTerms(
                units=options["units"],
                per=_amount(options["per"]),
                currency=options["currency"],
                measure=options["measure"],
            )
            check_terms(terms)  # first, so that no program is left without its rule
            _check_code(options["code"])
            program = create_program(actor=actor, **_behaviour(options))
            rule = create_rule(actor=actor, program_id=program.pk, name=_name(terms), terms=terms)
        except DomainError as error:
            where = f"{error.field}: " if error.field else ""
            raise CommandError(f"{where}{error.message}") from error
        self.stdout.write(f"{program.name} ({program.get_status_display().lower()}): {rule.name}.")


def _check_code(code: str) -> None:
    if Program.objects.filter(code=code).exists():
        raise InvalidInput(f"There is a program “{code}” already.", field="code")


def _behaviour(options: dict[str, Any]) -> dict[str, Any]:
    lives = options["expiry_days"]
    singular, plural = options["unit"]
    stamps = options["kind"] == Program.Kind.STAMPS
    return {
        "code": options["code"],
        "kind": options["kind"],
        "name": options["name"],
        "status": Program.Status.DRAFT if options["draft"] else Program.Status.ACTIVE,
        "unit_singular": singular,
        "unit_plural": plural,
        "unit_value": _amount(options["unit_value"]),
        "currency": options["currency"],
        "rounding": options["rounding"],
        "pending_days": options["pending_days"],
        "expiry": Program.Expiry.PER_LOT if lives else Program.Expiry.NEVER,
        "expiry_days": lives,
        "card_size": options["card_size"] or (CARD_SIZE if stamps else None),
    }


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise CommandError(f"“{text}” is not a number such as 1.00.") from error


def _name(terms: RuleTerms) -> str:
    if terms.measure == EarningRuleVersion.Measure.ORDER:
        return f"{terms.units} for each order"
    if terms.measure == EarningRuleVersion.Measure.ITEMS:
        return f"{terms.units} for each {terms.per} items"
    return f"{terms.units} for each {terms.per} {terms.currency} spent"
