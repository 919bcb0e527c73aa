"""The shop itself: stores, people who sign in, reasons, and what earns points."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings

from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.models import ReasonCode, Store, User
from loyalty_admin.staff.permissions import actor_of
from rewards.actions.programs import RuleTerms, create_program, create_rule
from rewards.demo.acts import World
from rewards.demo.catalogue import COFFEE, CURRENCY, REASONS, STAFF, STORES
from rewards.models import EarningRule, Program

SETUP = Actor.system("load_demo")
POINTS = "points"


def open_shop(seed: int) -> World:
    """Everything that has to be there before the first customer; what is there is kept.

    Stores, people and reasons are configuration without an action: the admin writes them
    as rows, and so do we.
    """
    for code, name, kind in STORES:
        Store.objects.get_or_create(
            code=code, defaults={"name": name, "kind": kind, "currency": CURRENCY}
        )
    for position, (code, label) in enumerate(REASONS, start=1):
        ReasonCode.objects.get_or_create(code=code, defaults={"label": label, "position": position})
    return World(
        seed=seed,
        staff={user.name: actor_of(user) for user in map(_user, settings.DEMO_SIGN_INS)},
        reasons=dict(ReasonCode.objects.values_list("code", "pk")),
        program_id=_points().pk,
    )


def _user(sign_in: tuple[str, str, str]) -> User:
    label, email, password = sign_in
    name, role = STAFF[label]
    if user := User.objects.filter(email=email).first():
        return user
    if label == "Superuser":
        return User.objects.create_superuser(email, password, name=name)
    return User.objects.create_user(email, password, name=name, role=role)


def _points() -> Program:
    program = Program.objects.filter(code=POINTS).first() or create_program(
        actor=SETUP,
        code=POINTS,
        kind=Program.Kind.POINTS,
        name="Points",
        status=Program.Status.ACTIVE,
        unit_value=Decimal("0.01"),
        currency=CURRENCY,
        pending_days=14,
        expiry=Program.Expiry.PER_LOT,
        expiry_days=365,
        grace_days=30,
    )
    rules = (
        ("1 point per €1", RuleTerms(units=1, per=Decimal(1), currency=CURRENCY)),
        (
            "Double points on coffee",
            RuleTerms(units=1, per=Decimal(1), currency=CURRENCY, categories=[COFFEE]),
        ),
    )
    for name, terms in rules:
        if not EarningRule.objects.filter(program=program, name=name).exists():
            create_rule(actor=SETUP, program_id=program.pk, name=name, terms=terms)
    return program
