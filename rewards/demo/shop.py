"""The shop itself: stores, people who sign in, reasons and programs."""

from __future__ import annotations

from django.conf import settings

from loyalty_admin.staff.models import ReasonCode, Store, User
from loyalty_admin.staff.permissions import actor_of
from rewards.demo.acts import World
from rewards.demo.catalogue import CURRENCY, REASONS, STAFF, STORES
from rewards.demo.programs import open_programs
from rewards.models import Reward, Tier


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
        programs={code: program.pk for code, program in open_programs().items()},
        rewards=dict(Reward.objects.values_list("name", "pk")),
        tiers=dict(Tier.objects.values_list("name", "pk")),
    )


def _user(sign_in: tuple[str, str, str]) -> User:
    label, email, password = sign_in
    name, role = STAFF[label]
    if user := User.objects.filter(email=email).first():
        return user
    if label == "Superuser":
        return User.objects.create_superuser(email, password, name=name)
    return User.objects.create_user(email, password, name=name, role=role)
