"""`manage.py create_program`."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from rewards.models import EarningRuleVersion, Program

pytestmark = pytest.mark.django_db


def test_without_options_it_earns_a_point_per_whole_unit_of_money() -> None:
    out = StringIO()
    call_command("create_program", stdout=out)

    program = Program.objects.get()
    assert (program.code, program.status, program.rounding) == ("points", "active", "down")
    assert (program.pending_days, program.expiry) == (0, "never")
    version = EarningRuleVersion.objects.get()
    assert (version.units, version.per, version.currency) == (1, Decimal(1), "EUR")
    assert (version.measure, version.effective_from) == ("amount", None)
    assert out.getvalue() == "Points (active): 1 for each 1 EUR spent.\n"


def test_every_option_counts() -> None:
    call_command(
        "create_program", "--code=stamps", "--name=Stamps", "--kind=stamps", "--currency=USD",
        "--unit", "stamp", "stamps", "--unit-value=0.5", "--units=2", "--per=3",
        "--measure=items", "--rounding=up", "--pending-days=7", "--expiry-days=90", "--draft",
        stdout=StringIO(),
    )  # fmt: skip

    program, version = Program.objects.get(), EarningRuleVersion.objects.get()
    assert (program.kind, program.status, program.rounding) == ("stamps", "draft", "up")
    assert (program.unit_singular, program.unit_value) == ("stamp", Decimal("0.5"))
    assert (program.pending_days, program.expiry, program.expiry_days) == (7, "per_lot", 90)
    assert (version.units, version.per, version.measure) == (2, Decimal(3), "items")


@pytest.mark.parametrize(
    "option", ["--per=x", "--per=0", "--units=0", "--currency=EURO", "--code=no code"]
)
def test_what_is_wrong_is_said_and_nothing_is_half_made(option: str) -> None:
    with pytest.raises(CommandError):
        call_command("create_program", option)
    assert not Program.objects.exists()


def test_a_code_is_given_once() -> None:
    call_command("create_program", stdout=StringIO())
    with pytest.raises(CommandError, match="code"):
        call_command("create_program")
