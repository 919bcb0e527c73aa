"""AP-4: what tills, web shops and newsletters report of customers, and birthdays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from customers.actions.order_checks import check_time
from customers.models import Customer
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import InvalidInput, NotAllowed
from loyalty_admin.common.idempotency import check_key, fingerprint
from loyalty_admin.staff.actions.requests import answer_before, remember_answer
from loyalty_admin.staff.models import Store
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.actions.earning import versions_in_force
from rewards.actions.events import earn_for_enrolment, earn_for_event
from rewards.models import EarningRuleVersion

Trigger = EarningRuleVersion.Trigger
REPORTED = (Trigger.NEWSLETTER, Trigger.REVIEW, Trigger.REFERRAL)
"""What others tell us; signing up and birthdays we know ourselves."""
MAX_REFERENCE = 80


@dataclass(frozen=True, slots=True)
class Report:
    """Something that a customer did. `reference` names the review, or the friend."""

    customer_external_id: str
    kind: str
    occurred_at: datetime
    reference: str = ""
    store: str = ""


def record_event(
    *, actor: Actor, report: Report, idempotency_key: str
) -> tuple[dict[str, object], bool]:
    """Credit what an event earns: the answer, and whether this request had been answered before.

    A newsletter earns once in a lifetime, a review and a friend once each. Raises InvalidInput
    naming the field, NotAllowed for a store that is not the actor's, IdempotencyConflict.
    """
    authorise(actor, Perm.EVENTS_RECORD)
    check_key(idempotency_key)
    print_of_input = fingerprint({"act": "event.recorded", **asdict(report)})
    with transaction.atomic(durable=True):
        if before := answer_before(actor, idempotency_key, print_of_input):
            return before.answer, True
        store = _store_of(actor, report)
        customer = _check(report)
        earned = earn_for_event(
            actor,
            customer,
            report.kind,
            at=report.occurred_at.astimezone(UTC),
            reference="" if report.kind == Trigger.NEWSLETTER else report.reference,
            store=store,
        )
        answer: dict[str, object] = {
            "kind": report.kind,
            "customer": {"external_id": customer.external_id, "status": customer.status},
            "earned": [
                {
                    "program": one.program,
                    "units": one.units,
                    "unit_name": one.unit_name,
                    "pending_until": one.pending_until and one.pending_until.isoformat(),
                }
                for one in earned
            ],
        }
        remember_answer(actor, idempotency_key, print_of_input, status=200, answer=answer)
        return answer, False


def _store_of(actor: Actor, report: Report) -> Store | None:
    store = Store.objects.filter(code=report.store).first() if report.store else None
    if report.store and actor.store_id is not None and (not store or store.pk != actor.store_id):
        raise NotAllowed("This key may report for its own store only.", field="store")
    if report.store and store is None:
        raise InvalidInput(f"There is no store with the code “{report.store}”.", field="store")
    return store


def _check(report: Report) -> Customer:
    if report.kind not in REPORTED:
        known = ", ".join(REPORTED)
        raise InvalidInput(f"There is no event “{report.kind}”; there is {known}.", field="kind")
    if report.kind != Trigger.NEWSLETTER and not report.reference:
        named = "the review" if report.kind == Trigger.REVIEW else "the friend"
        raise InvalidInput(f"Name {named}, so that it earns once.", field="reference")
    if len(report.reference) > MAX_REFERENCE:
        raise InvalidInput(f"Enter at most {MAX_REFERENCE} characters.", field="reference")
    check_time(report.occurred_at, "occurred_at")
    customer = Customer.objects.filter(external_id=report.customer_external_id).first()
    if customer is None:
        raise InvalidInput(
            f"There is no customer with the id “{report.customer_external_id}”.",
            field="customer_external_id",
        )
    return customer


def earn_for_enrolments(actor: Actor, table: str) -> None:
    """Credit what signing up earns to the new members whose `id` the temporary table holds.

    Runs in the batch's transaction. `table` comes from the caller's own code.
    """
    signing_up = EarningRuleVersion.objects.filter(trigger=Trigger.SIGN_UP, rule__is_active=True)
    if not signing_up.exists():
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} ORDER BY id")
        members = [pk for (pk,) in cursor.fetchall()]
    for customer in Customer.objects.filter(pk__in=members).order_by("pk").iterator(1000):
        earn_for_enrolment(actor, customer)


def earn_birthdays(today: date) -> int:
    """Credit every member whose birthday is `today`, once a year; returns how many earned.

    Who was born on a leap day has it on 1 March in other years. Each customer commits alone.
    """
    at = datetime.combine(today, time.min, ZoneInfo(settings.STORE_TIME_ZONE)).astimezone(UTC)
    if not versions_in_force(at, Trigger.BIRTHDAY):
        return 0
    actor, earned = Actor.system("birthdays"), 0
    for customer_id in _born_on(today):
        with transaction.atomic(durable=True):
            # Locked: whoever takes them out of the programme meanwhile is waited for.
            customer = Customer.objects.select_for_update(no_key=True).get(pk=customer_id)
            year = str(today.year)
            told = earn_for_event(actor, customer, Trigger.BIRTHDAY, at=at, reference=year)
            earned += bool(told)
    return earned


def _born_on(today: date) -> Iterator[int]:
    days = Q(birth_date__month=today.month, birth_date__day=today.day)
    no_leap_day = (today - timedelta(days=1)).month == 2 and (today - timedelta(days=1)).day == 28
    if (today.month, today.day) == (3, 1) and no_leap_day:
        days |= Q(birth_date__month=2, birth_date__day=29)
    members = Customer.objects.filter(days, status=Customer.Status.MEMBER, birth_date__lt=today)
    return members.order_by("pk").values_list("pk", flat=True).iterator(1000)
