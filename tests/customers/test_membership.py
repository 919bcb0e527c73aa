"""CU-7: joining, leaving the programme and coming back; nothing is deleted, nothing moves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from activity.models import AuditRecord, Event
from customers.actions.customers import (
    Identity,
    create_customer,
    enrol_customer,
    remove_customer,
    update_customer,
)
from customers.models import Customer
from loyalty_admin.common.errors import Conflict, InvalidInput, NotAllowed, NotEnrolled, NotFound
from rewards.actions.settling import settle_account
from rewards.models import Account, EarningRuleVersion, Lot, Program
from tests.customers.coming_back import SYSTEM, sell
from tests.factories import (
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    UserFactory,
    actor_for,
)
from tests.rewards.ledger import account_of, adjust, assert_adds_up, balance_of, debit

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Any:
    """Stands still unless it is shifted."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def remove(customer: Customer, reason: str = "") -> Customer:
    return remove_customer(actor=SYSTEM, customer_id=customer.pk, reason=reason)


def enrol(customer: Customer, **fields: Any) -> Customer:
    return enrol_customer(actor=SYSTEM, customer_id=customer.pk, **fields)


def sign_up_earns(units: int) -> Program:
    """A program in which joining earns so much."""
    program: Program = ProgramFactory()
    EarningRuleVersionFactory(
        rule=EarningRuleFactory(program=program),
        trigger=EarningRuleVersion.Trigger.SIGN_UP,
        units=units,
    )
    return program


def test_cu_7_who_is_removed_earns_nothing_and_keeps_everything() -> None:
    account = account_of(100)
    customer = account.customer
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=account.program))
    removed = remove(customer, "asked for it")
    assert removed.status == Customer.Status.REMOVED
    order = sell("62.00", customer_external_id=customer.external_id)
    assert (order.customer, balance_of(account)) == (customer, 100)
    with pytest.raises(NotEnrolled):
        debit(account, 10)
    with pytest.raises(NotEnrolled):
        adjust(account, 10)
    told = Event.objects.get(kind="customer.removed")
    assert told.data == {"before": "member", "after": "removed", "reason": "asked for it"}
    assert AuditRecord.objects.filter(verb="customer.removed").count() == 1
    enrol(customer)
    debit(account, 10)
    assert balance_of(account) == 90
    assert_adds_up()


def test_cu_7_removing_and_enrolling_twice_happen_once() -> None:
    customer = CustomerFactory()
    for _ in range(2):
        remove(customer)
    for _ in range(2):
        enrol(customer)
    kinds = Event.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["customer.removed", "customer.enrolled"]


def test_cu_7_coming_back_keeps_the_day_of_joining() -> None:
    customer = CustomerFactory()
    joined = customer.joined_at
    remove(customer)
    again = enrol(customer)
    assert (again.status, again.joined_at) == (Customer.Status.MEMBER, joined)


def test_cu_7_what_fell_due_meanwhile_comes_back_with_the_grace(clock: Any) -> None:
    program = ProgramFactory(grace_days=20)
    account = account_of(program=program)
    for days in (5, 30, 400):
        adjust(account, days, expires_in_days=days)
    clock.shift(timedelta(days=10))
    remove(account.customer)
    assert balance_of(account) == 430  # what was due before expired before
    clock.shift(timedelta(days=90))
    settle_account(customer_id=account.customer_id, program_id=program.pk)
    assert balance_of(account) == 430
    enrol(account.customer)
    now = NOW + timedelta(days=100)
    expiries = Lot.objects.filter(remaining__gt=0).order_by("pk").values_list("expires_at")
    assert [at for (at,) in expiries] == [now + timedelta(days=20), NOW + timedelta(days=400)]
    clock.shift(timedelta(days=21))
    settle_account(customer_id=account.customer_id, program_id=program.pk)
    assert balance_of(account) == 400
    assert_adds_up()


def test_cu_7_an_account_that_lapsed_meanwhile_comes_back_with_the_grace(clock: Any) -> None:
    program = ProgramFactory(expiry=Program.Expiry.INACTIVITY, expiry_days=30, grace_days=20)
    account = account_of(100, program=program)
    remove(account.customer)
    clock.shift(timedelta(days=90))
    enrol(account.customer)
    account.refresh_from_db()
    assert account.expires_at == NOW + timedelta(days=110)
    settle_account(customer_id=account.customer_id, program_id=program.pk)
    assert balance_of(account) == 100


def test_cu_7_signing_up_earns_once_in_a_lifetime() -> None:
    sign_up_earns(50)
    customer = CustomerFactory(guest=True)
    enrol(customer)
    assert Account.objects.get().balance == 50
    remove(customer)
    enrol(customer)
    assert Account.objects.get().balance == 50
    kinds = set(Event.objects.values_list("kind", flat=True))
    assert {"customer.enrolled", "event.earned"} <= kinds
    assert_adds_up()


def test_cu_7_guests_are_not_removed_and_strangers_not_found() -> None:
    with pytest.raises(Conflict, match="is not a member"):
        remove(CustomerFactory(guest=True))
    with pytest.raises(NotFound):
        remove(Customer(pk=7))
    with pytest.raises(NotAllowed):
        remove_customer(actor=actor_for(auditor=True), customer_id=CustomerFactory().pk)
    with pytest.raises(InvalidInput, match="At most 200"):
        remove(CustomerFactory(), "x" * 201)


def test_cu_7_a_birth_date_is_kept_and_corrected() -> None:
    born = date(1985, 3, 31)
    customer = create_customer(actor=SYSTEM, identity=Identity(name="Ana", birth_date=born))
    assert customer.birth_date == born
    assert Event.objects.get(kind="customer.created").data["birth_date"] == "1985-03-31"
    other = Identity(name="Ana", birth_date=date(1986, 3, 31))
    update_customer(actor=SYSTEM, customer_id=customer.pk, identity=other)
    told = Event.objects.get(kind="customer.updated").data
    assert told["after"] == {"birth_date": "1986-03-31"}
    guest = CustomerFactory(guest=True)
    assert enrol(guest, birth_date=born).birth_date == born
    remove(guest)
    assert enrol(guest).birth_date == born


@pytest.mark.parametrize("born", [date(1899, 12, 31), date(2026, 6, 3)])
def test_cu_7_a_birth_date_is_possible(born: date) -> None:
    with pytest.raises(InvalidInput):
        create_customer(actor=SYSTEM, identity=Identity(name="Ana", birth_date=born))
    with pytest.raises(InvalidInput):
        enrol(CustomerFactory(guest=True), birth_date=born)


# On screen


@pytest.fixture
def agent(client: Client) -> Client:
    """A browser with an agent at it."""
    client.force_login(UserFactory())
    return client


def test_cu_7_a_guest_is_enrolled_on_screen(agent: Client) -> None:
    sign_up_earns(50)
    guest = CustomerFactory(guest=True, name="Gil Guest")
    page = f"/customers/{guest.pk}/"
    assert f"{page}enrol/" in agent.get(page).content.decode()
    assert "Enrol Gil Guest" in agent.get(f"{page}enrol/").content.decode()
    response = agent.post(
        f"{page}enrol/", {"birth_date": "1985-03-31"}, headers={"HX-Request": "true"}
    )
    assert response["HX-Redirect"] == page
    text = agent.get(page).content.decode()
    assert "Gil Guest is a member." in text
    assert "Joined the programme" in text
    assert f"{page}enrol/" not in text
    assert "31 Mar 1985" in agent.get(f"{page}details/").content.decode()


def test_cu_7_a_birth_date_in_the_future_is_said_beside_the_field(agent: Client) -> None:
    guest = CustomerFactory(guest=True)
    response = agent.post(f"/customers/{guest.pk}/enrol/", {"birth_date": "2099-03-31"})
    assert response.status_code == 422
    assert "This is in the future." in response.content.decode()
    assert 'value="2099-03-31"' in response.content.decode()
    guest.refresh_from_db()
    assert guest.status == Customer.Status.GUEST


def test_cu_7_taken_out_and_brought_back_on_screen(agent: Client) -> None:
    account = account_of(100)
    page = f"/customers/{account.customer_id}/"
    assert f"{page}remove/" in agent.get(page).content.decode()
    asked = agent.get(f"{page}remove/").content.decode()
    assert "Nothing is deleted" in asked
    assert agent.post(f"{page}remove/", {"reason": "moved away"}).status_code == 302
    text = agent.get(page).content.decode()
    assert "Taken out of the programme: orders earn nothing" in text
    assert "Reason: moved away" in text
    assert "Enrol again" in text
    for closed in ("adjust", "spend", "claim", "remove"):
        assert f'href="{page}{closed}/"' not in text
    assert agent.post(f"{page}enrol/", {"birth_date": ""}).status_code == 302
    text = agent.get(page).content.decode()
    assert "Enrolled again" in text
    assert "Taken out of the programme: orders earn nothing" not in text
    assert Account.objects.get().balance == 100
