"""The plan, done: each act at its time, once, however often it takes to get to the end.

The audit log remembers when a load began and that it ended. A load that was cut off is begun
again with the same moment, so with the same plan: what was done is recognised by its keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

import time_machine
from django.db import connection, transaction
from django.utils import timezone

from activity.actions.recording import Act as AuditedAct
from activity.actions.recording import record_audit
from activity.models import AuditRecord
from customers.models import Customer
from loyalty_admin.staff.actions.api_keys import create_api_key
from loyalty_admin.staff.permissions import API_SCOPES
from rewards.actions.integrity import check_ledgers
from rewards.demo.acts import Act, World
from rewards.demo.plan import SEED, plan
from rewards.demo.programs import SETUP
from rewards.demo.shop import open_shop
from rewards.models import Program
from rewards.tasks import settle_due_accounts

BEGUN, LOADED = "demo.begun", "demo.loaded"
KEY_NAME = "Demo web shop"

Say = Callable[[str], object]


class DoesNotAddUp(RuntimeError):
    """The ledger of the demo has discrepancies, which no act may bring about."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load has brought."""

    customers: int
    acts: int
    seconds: float
    api_key: str


def is_loaded() -> bool:
    """Whether the demo is there, whole."""
    return AuditRecord.objects.filter(verb=LOADED).exists()


def is_in_use() -> bool:
    """Whether somebody else's data is here, which a demo must not mix with."""
    begun = AuditRecord.objects.filter(verb=BEGUN).exists()
    return not begun and (Customer.objects.exists() or Program.objects.exists())


def load(customers: int, say: Say) -> Loaded:
    """Build the demo, or the rest of it. Raises DoesNotAddUp."""
    started = perf_counter()
    now, customers = _beginning(customers)
    acts = plan(now, customers, SEED)
    _set_synchronous_commit("off")
    _perform(acts, say)
    settle_due_accounts()
    _set_synchronous_commit("DEFAULT")
    result = check_ledgers(actor=SETUP)
    if result.discrepancies:
        raise DoesNotAddUp(f"{len(result.discrepancies)} discrepancies in the demo's ledger.")
    _, token = create_api_key(actor=SETUP, name=KEY_NAME, scopes=sorted(API_SCOPES))
    _remember(LOADED, {"customers": customers})
    return Loaded(customers, len(acts), perf_counter() - started, token)


def _beginning(customers: int) -> tuple[datetime, int]:
    """The moment at which the demo's year ends, and its size: those of a load cut off before."""
    if begun := AuditRecord.objects.filter(verb=BEGUN).order_by("id").first():
        after = begun.after or {}
        return datetime.fromisoformat(after["now"]), after["customers"]
    now = timezone.now().replace(second=0, microsecond=0)
    _remember(BEGUN, {"now": now.isoformat(), "customers": customers, "seed": SEED})
    return now, customers


def _remember(verb: str, after: dict[str, object]) -> None:
    with transaction.atomic(durable=True):
        record_audit(SETUP, AuditedAct(verb, "demo", None, after=after))


def _perform(acts: Sequence[Act], say: Say) -> None:
    """Open the shop and perform all acts, each at its time.

    Actions take no time from their caller: now is now. So we move the clock, as tests do.
    Only what asks for the date is moved; timeouts and pools of psycopg and redis look at
    the monotonic clock, and the database keeps its own. The clock is set by numbers, which
    leave the process's time zone alone.
    """
    begin, tenth = perf_counter(), max(len(acts) // 10, 1)
    with time_machine.travel(acts[0].at.timestamp(), tick=False) as clock:
        world = _world()
        for number, act in enumerate(acts, start=1):
            clock.move_to(act.at.timestamp())
            act.perform(world)
            if number % tenth == 0:
                day = act.at.astimezone(UTC)
                seconds = perf_counter() - begin
                say(f"  {day:%d %b %Y}  {number:>6,} of {len(acts):,} acts  {seconds:3.0f} s")


def _world() -> World:
    world = open_shop(SEED)
    known = Customer.objects.exclude(external_id=None).values_list("external_id", "pk")
    world.customers = {external_id: pk for external_id, pk in known if external_id}
    return world


def _set_synchronous_commit(value: str) -> None:
    """Off, commits do not wait for the disk: a crash loses the last acts, a second run has them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET synchronous_commit = {value}")
