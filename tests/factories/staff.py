"""Stores, people, API keys and reasons."""

from __future__ import annotations

from typing import Any

import factory

from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.models import ApiKey, ReasonCode, Store, User
from loyalty_admin.staff.permissions import Perm, Role, actor_of

PASSWORD = "correct horse battery staple"


class StoreFactory(factory.django.DjangoModelFactory):
    """A shop in Madrid that sells in euros."""

    class Meta:
        model = Store
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda n: f"S-{n:03d}")
    name = factory.LazyAttribute(lambda store: f"Shop {store.code}")
    kind = Store.Kind.SHOP
    time_zone = "Europe/Madrid"
    currency = "EUR"

    class Params:
        web = factory.Trait(kind=Store.Kind.WEB)


class UserFactory(factory.django.DjangoModelFactory):
    """A support agent; the traits lead, store_admin, auditor and superuser make others.

    The password is `tests.factories.staff.PASSWORD`.
    """

    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    name = factory.Sequence(lambda n: f"Person {n}")
    role = Role.AGENT

    class Params:
        lead = factory.Trait(role=Role.LEAD)
        store_admin = factory.Trait(role=Role.STORE_ADMIN)
        auditor = factory.Trait(role=Role.AUDITOR)
        superuser = factory.Trait(is_superuser=True)

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **fields: Any) -> User:
        email, password = fields.pop("email"), fields.pop("password", PASSWORD)
        user: User = model_class.objects.create_user(email, password, **fields)
        return user


class ApiKeyFactory(factory.django.DjangoModelFactory):
    """A key that may record orders of any store; `new_api_key` gives its secret, too."""

    class Meta:
        model = ApiKey

    name = factory.Sequence(lambda n: f"Till {n}")
    prefix = factory.Sequence(lambda n: f"la_{n:08x}")
    digest = ""
    scopes = factory.LazyFunction(lambda: [Perm.ORDERS_RECORD.value])


class ReasonCodeFactory(factory.django.DjangoModelFactory):
    """A reason for changing a balance."""

    class Meta:
        model = ReasonCode
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda n: f"reason-{n}")
    label = factory.LazyAttribute(lambda reason: reason.code.replace("-", " ").capitalize())


def new_api_key(**fields: Any) -> tuple[ApiKey, str]:
    """A key as (row, what the client sends as its bearer token)."""
    token, prefix, digest = ApiKey.new_secret()
    return ApiKeyFactory(prefix=prefix, digest=digest, **fields), token


def actor_for(user: User | None = None, **traits: Any) -> Actor:
    """The actor of this member of staff, or of a new one with these traits."""
    return actor_of(user or UserFactory(**traits))
