"""A ladder to climb in tests: Silver at 100, Gold at 500, Platinum at 1,000."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

from activity.models import Event
from rewards.actions.tiers import change_tier, undo_tier_change
from rewards.models import Account, Program, Tier, TierMembership
from tests.factories import AccountFactory, ProgramFactory, TierFactory
from tests.rewards.ledger import SYSTEM

STEPS = {"Silver": (100, "1.2"), "Gold": (500, "1.5"), "Platinum": (1000, "2")}


def a_ladder(basis: str = Program.TierBasis.LIFETIME_UNITS, **fields: Any) -> Program:
    """A running program with three steps."""
    program: Program = ProgramFactory(tier_basis=basis, **fields)
    for name, (threshold, multiplier) in STEPS.items():
        TierFactory(program=program, name=name, threshold=threshold, multiplier=Decimal(multiplier))
    return program


def a_climber(program: Program | None = None, **fields: Any) -> Account:
    """A member with an empty account in the program."""
    account: Account = AccountFactory(program=program or a_ladder(), **fields)
    return account


def tier(program: Program, name: str, **fields: Any) -> Tier:
    """A step of the program, changed by `fields`."""
    Tier.objects.filter(program=program, name=name).update(**fields)
    return Tier.objects.get(program=program, name=name)


def stands_on(account: Account) -> str:
    """The name of the step on which the holder stands; "" for none."""
    row = membership(account)
    return row.tier.name if row else ""


def membership(account: Account) -> TierMembership | None:
    """The open membership."""
    return (
        TierMembership.objects.select_related("tier", "floor")
        .filter(customer=account.customer_id, program=account.program_id, ended_at=None)
        .first()
    )


def steps_of(account: Account) -> list[str]:
    """Every step on which the holder stood, in order."""
    rows = TierMembership.objects.filter(customer=account.customer_id).order_by("since", "pk")
    return list(rows.values_list("tier__name", flat=True))


def give_tier(account: Account, name: str | None, **fields: Any) -> Event:
    """A change of tier by hand, with a fresh key unless one is given."""
    fields.setdefault("actor", SYSTEM)
    fields.setdefault("idempotency_key", str(uuid4()))
    tier_id = tier(account.program, name).pk if name else None
    return change_tier(
        customer_id=account.customer_id, program_id=account.program_id, tier_id=tier_id, **fields
    )


def undo_change(change: Event, **fields: Any) -> Event:
    """The undo of a change by hand."""
    fields.setdefault("actor", SYSTEM)
    fields.setdefault("idempotency_key", str(uuid4()))
    return undo_tier_change(customer_id=change.customer_id, change_id=change.pk, **fields)
