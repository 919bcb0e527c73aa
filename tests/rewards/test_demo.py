"""The demo's data: whole after a cut, there once, and as its cases promise."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import TestCase, override_settings

from activity.models import ContactPoint, Event, Note
from customers.models import Customer, Order
from loyalty_admin.common.actor import Actor
from rewards.actions.integrity import check_ledgers
from rewards.demo import FEWEST, cases
from rewards.demo.acts import Adjust, Buy, Join, Spend, Undo, WriteNote
from rewards.demo.loading import _beginning
from rewards.demo.plan import plan
from rewards.demo.reward_acts import CancelRedemption, Redeem, UseReward
from rewards.management.commands.load_demo import Command
from rewards.models import Account, Lot, Operation, Redemption, Shortfall, TierMembership

CUSTOMERS = 20
NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)


def load(**options: Any) -> str:
    """What the command says."""
    out = StringIO()
    with override_settings(DEBUG=True):
        call_command("load_demo", stdout=out, **options)
    return out.getvalue()


class PowerCut(BaseException):
    """What no code expects."""


def cut(_command: Command, line: str) -> None:
    """End the load when it says that it is half done."""
    done, _, of = line.partition(" of ")
    if int(done.split()[-1].replace(",", "")) > int(of.split()[0].replace(",", "")) / 2:
        raise PowerCut


def sums() -> tuple[int, ...]:
    models = (Customer, Order, Operation, Event, Note, Account, ContactPoint)
    return tuple(model.objects.count() for model in models)


class LoadedDemoTests(TestCase):
    """Of a demo that was cut off half way and loaded again, here with its fewest customers."""

    printed: str

    @classmethod
    def setUpTestData(cls) -> None:
        with patch.object(Command, "_say", cut), pytest.raises(PowerCut):
            load(customers=CUSTOMERS)
        assert Order.objects.exists()
        # Another number is no longer asked for: what was begun is completed.
        cls.printed = load(customers=FEWEST)

    def test_everything_planned_was_done_once(self) -> None:
        now, customers = _beginning(FEWEST)
        assert customers == CUSTOMERS
        acts = plan(now, customers)
        kinds = Operation.Kind

        def planned(*types: type) -> int:
            return sum(isinstance(act, types) for act in acts)

        def done(kind: Operation.Kind) -> int:
            return Operation.objects.filter(kind=kind).count()

        assert Customer.objects.count() == planned(Join) == CUSTOMERS
        assert Order.objects.count() == planned(Buy)
        assert done(kinds.ADJUST) == planned(Adjust)
        assert done(kinds.DEBIT) == planned(Spend)
        assert done(kinds.REVERSE) == planned(Undo, CancelRedemption) > 0
        bought = Redemption.objects.filter(source="spent")
        assert bought.count() == planned(Redeem) > 0
        assert bought.filter(status="used").count() == planned(UseReward)
        assert Note.objects.count() == planned(WriteNote)
        assert Event.objects.filter(kind="order.recorded").count() == planned(Buy) - 1

    def test_a_second_load_adds_nothing(self) -> None:
        before = sums()
        assert load() == "The demo's data is there already.\n"
        assert sums() == before

    def test_the_ledger_adds_up(self) -> None:
        assert check_ledgers(actor=Actor.system("test")).discrepancies == []

    def test_cases_have_what_they_promise(self) -> None:
        balances = {
            account.customer.name: (account.balance, account.pending)
            for account in Account.objects.filter(program__code="points").select_related("customer")
        }
        stamps = dict(
            Account.objects.filter(program__code="coffee-card").values_list(
                "customer__name", "balance"
            )
        )
        tiers = dict(
            TierMembership.objects.filter(ended_at=None).values_list("customer__name", "tier__name")
        )
        assert balances["Ana Pérez"] == (1240, 90)
        assert balances["Olu Kazeem"] == (12_905, 0)
        assert balances["Paula Pending"][1] == 45
        assert balances["Rita Removed"] == (310, 0)
        assert balances["Carl Corrected"] == (420, 0)
        assert balances["Eva Expired"] == (45, 0)
        assert balances["Rosa Refunded"] == (0, 0)
        assert Shortfall.objects.get(customer__name="Rosa Refunded").amount == 30
        assert balances["Cora Cancelled"] == (640, 0)
        assert tiers["Tina Tier"] == "Gold"
        assert tiers["Ana Pérez"] == "Gold"
        assert stamps["Ana Pérez"] == 7
        assert stamps["Stan Stamps"] == 3
        assert Redemption.objects.filter(customer__name="Stan Stamps", source="card").count() == 1
        assert not {"Gus Guest", "Nora New"} & balances.keys()
        assert Order.objects.get(number="10433").customer is None
        assert Customer.objects.get(orders__number="10482").name == "Ana Pérez"
        assert Order.objects.filter(customer__name="Max Many").count() == 300

    def test_what_expired_did_so_on_its_day(self) -> None:
        expired = Event.objects.get(customer__name="Eva Expired", kind="ledger.expired")
        assert expired.data["units"] == 320
        lot = Lot.objects.get(customer__name="Eva Expired", granted=320)
        assert lot.expires_at is not None
        # The next morning, that is: an hour more when the clocks have been set back.
        assert timedelta(0) <= expired.occurred_at - lot.expires_at <= timedelta(hours=25)

    def test_contact_points_have_their_states(self) -> None:
        states = set(
            ContactPoint.objects.exclude(state="ok").values_list("customer__name", "kind", "state")
        )
        assert ("Ana Pérez", "email", "blocked") in states
        assert ("Iker Opted-out", "phone", "opted_out") in states

    def test_every_sign_in_signs_in(self) -> None:
        for _, email, password in settings.DEMO_SIGN_INS:
            self.client.logout()
            answer = self.client.post("/accounts/login/", {"login": email, "password": password})
            assert answer.status_code == 302, email

    def test_cases_and_the_key_are_printed(self) -> None:
        for case in cases.CASES:
            assert case.name in self.printed
            assert case.name in (cases.__doc__ or "")
        assert "la_" in self.printed.splitlines()[-1]


def test_the_same_moment_gives_the_same_plan() -> None:
    assert plan(NOW, CUSTOMERS) == plan(NOW, CUSTOMERS)
    assert len(cases.CASES) < FEWEST


def test_the_numbers_to_remember_find_nothing_else() -> None:
    people = [act.person for act in plan(NOW, 500) if isinstance(act, Join)]
    found = [
        person.name
        for person in people
        for number in (cases.ANA_NUMBER, cases.CLAIM_NUMBER)
        if number in f"{person.document} {person.phone} {person.external_id}"
    ]
    assert found == []


def test_a_year_has_what_happens_in_one() -> None:
    acts = plan(NOW, 150)
    orders = [act for act in acts if isinstance(act, Buy)]
    lines = [line for order in orders for line in order.lines]
    assert acts == sorted(acts, key=lambda act: act.at)
    assert acts[-1].at <= NOW
    assert len({order.number for order in orders}) == len(orders)
    assert any(line.discount for line in lines)
    assert any(not line.total and line.quantity for line in lines)
    assert any(not line.quantity for line in lines)


def test_production_has_no_demo() -> None:
    with override_settings(DEBUG=False), pytest.raises(CommandError, match="DEBUG=true"):
        call_command("load_demo")


def test_a_missing_package_is_named() -> None:
    hidden = {name: module for name, module in sys.modules.items() if "rewards.demo." in name}
    with patch.dict(sys.modules, {"time_machine": None}):
        for name in [*hidden, "rewards.demo"]:
            del sys.modules[name]
        with pytest.raises(CommandError, match=r"time_machine.*make install"):
            load()


@pytest.mark.django_db
def test_other_data_is_left_alone() -> None:
    Customer.objects.create(name="Somebody real")
    assert "holds other data" in load()
    assert Customer.objects.count() == 1
