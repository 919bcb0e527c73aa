"""Who may do what: every URL, every role, GET and POST, and that a refusal leaves no trace.

A new view joins by itself: it needs a permission (`requires`) or a line in one of the lists
below, and an object for each of its URL's parameters in `objects`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from activity.actions.notes import add_note
from activity.models import Event
from customers.actions.claims import claim_order
from customers.models import Customer
from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.models import User
from loyalty_admin.staff.permissions import PERMISSIONS_OF, Perm, Role, permissions_of
from rewards.actions.balances import adjust_balance
from tests.factories import (
    CustomerFactory,
    EarningRuleVersionFactory,
    OrderFactory,
    ReasonCodeFactory,
    StoreFactory,
    TierFactory,
    UserFactory,
)
from tests.rewards.expiry import expired
from tests.rewards.ladders import a_climber, a_ladder, give_tier
from tests.rewards.mass import checked
from tests.rewards.pictures import a_pictured_reward
from tests.rewards.redemptions import a_reward, redeem

pytestmark = pytest.mark.django_db

SIGN_IN = "/accounts/login/"
PUBLIC = {"appearance"}
"""Open to everybody: nothing but the looks of one browser."""
SIGNED_IN = {"home", "styleguide", "styleguide-dialog"}
"""Open to whoever is signed in: they show nobody's data."""
OF_OTHERS = ("accounts/", "admin/", "api/")
"""Guarded by what is behind them, and tested there: sign-in, superusers, API keys."""
ONLY_POST = {
    "activity:audit-export",
    "activity:note-add",
    "activity:note-pin",
    "activity:note-unpin",
    "rewards:mass-adjustment-result",
    "discounts:offer-off",
    "discounts:offer-on",
    "rewards:reward-off",
    "rewards:reward-on",
    "rewards:redemption-used",
    "rewards:redemption-reopen",
}
"""Acts at once: a GET is refused, so that no link and no crawler can do them."""
RECORDED_READS = {"activity:audit-export", "rewards:mass-adjustment-result"}
"""What leaves a trace although it changes nothing: who took it is written down."""
UNWATCHED = {"django_session", "usersessions_usersession", "django_migrations"}
ROLES = [*Role.values, "superuser", "none"]


@dataclass(frozen=True, slots=True)
class Place:
    """One URL of ours: its name, its parameters, and the permission that its view carries."""

    name: str
    parameters: tuple[str, ...]
    permission: Perm | None


def places() -> Iterator[Place]:
    """Every URL that is not somebody else's."""
    yield from _walk(get_resolver(), "", "")


def _walk(resolver: URLResolver, prefix: str, namespace: str) -> Iterator[Place]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if route.startswith(OF_OTHERS):
            continue
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern, route, inner)
        elif isinstance(pattern, URLPattern):
            parameters = tuple(pattern.pattern.regex.groupindex)
            permission = getattr(pattern.callback, "permission", None)
            yield Place(f"{namespace}{pattern.name}", parameters, permission)


PLACES = {place.name: place for place in places()}
GUARDED = [place for place in PLACES.values() if place.permission]


@pytest.fixture
def objects() -> dict[str, Any]:
    """A real object for each URL parameter, by the parameter's name."""
    actor = Actor.system("test")
    customer: Customer = CustomerFactory()
    note = add_note(
        actor=actor, customer_id=customer.pk, channel="chat", body="Hi", idempotency_key="k"
    )
    rule = EarningRuleVersionFactory().rule
    operation = adjust_balance(
        actor=actor, customer_id=customer.pk, program_id=rule.program_id, amount=10,
        reason_id=ReasonCodeFactory().pk, idempotency_key=str(uuid4()),
    )  # fmt: skip
    account = operation.entries.get().account
    return {
        "customer_id": customer.pk,
        "note_id": note.pk,
        "claim_id": claim_order(
            actor=actor,
            order_id=OrderFactory(customer=None).pk,
            customer_id=customer.pk,
            idempotency_key="claim",
        ).event_id,
        "event_id": Event.objects.filter(kind="note.added").get().pk,
        "operation_id": operation.pk,
        "redemption_id": redeem(account, a_reward(account.program, 1)).pk,
        "expiry_id": expired(account, 2).pk,
        "batch_id": checked(rule.program, f"{customer.external_id},1").pk,
        "entry_id": operation.entries.get().pk,
        "order_id": OrderFactory(customer=customer, store=StoreFactory()).pk,
        "kind": "adjust",
        **a_pictured_reward(rule.program),
        "program_id": rule.program_id,
        "rule_id": rule.pk,
        "tier_id": TierFactory(program=rule.program).pk,
        "change_id": give_tier(a_climber(a_ladder(), customer=customer), "Gold").pk,
    }


def url_of(place: Place, objects: dict[str, Any]) -> str:
    missing = set(place.parameters) - objects.keys()
    assert not missing, f"Give `objects` something for {missing} of {place.name}."
    return reverse(place.name, kwargs={name: objects[name] for name in place.parameters})


def person(role: str) -> User:
    """A member of staff with this role; `none` has no role at all."""
    traits: dict[str, dict[str, Any]] = {"superuser": {"is_superuser": True}, "none": {"role": ""}}
    user: User = UserFactory(**traits.get(role, {"role": role}))
    return user


def contents() -> dict[str, tuple[int, int]]:
    """The number of rows of every table, and a hash over what they say."""
    tables = set(connection.introspection.table_names())
    parts = [
        f"SELECT '{table}', count(*), coalesce(sum(hashtext(t::text)), 0) FROM \"{table}\" t"
        for table in sorted(tables - UNWATCHED)
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return {name: (rows, digest) for name, rows, digest in cursor.fetchall()}


def is_sign_in(response: Any) -> bool:
    return bool(response.status_code == 302) and response["Location"].startswith(SIGN_IN)


def test_every_view_says_whom_it_is_for() -> None:
    unsaid = {place.name for place in PLACES.values() if not place.permission}

    assert unsaid == PUBLIC | SIGNED_IN


@pytest.mark.parametrize("place", GUARDED, ids=lambda place: place.name)
def test_every_role_may_exactly_what_the_table_says(
    client: Client, objects: dict[str, Any], place: Place
) -> None:
    url = url_of(place, objects)
    for role in ROLES:
        user = person(role)
        allowed = place.permission in permissions_of(user)
        client.force_login(user)
        for method in ("get", "post"):
            before = contents()

            response = getattr(client, method)(url)

            said = f"{role} {method.upper()} {url}: {response.status_code}"
            if allowed:
                assert response.status_code in {200, 302, 400, 405, 409, 422}, said
                assert not is_sign_in(response), said
            else:
                assert response.status_code == 403, said
            reads_only = role == Role.AUDITOR and place.name not in RECORDED_READS
            if method == "get" or not allowed or reads_only:
                assert contents() == before, f"{said} has left a trace"
        client.logout()


@pytest.mark.parametrize("place", GUARDED, ids=lambda place: place.name)
def test_acts_refuse_a_get(client: Client, objects: dict[str, Any], place: Place) -> None:
    client.force_login(person("superuser"))

    refused = client.get(url_of(place, objects)).status_code == 405

    assert refused is (place.name in ONLY_POST)


@pytest.mark.parametrize("place", PLACES.values(), ids=lambda place: place.name)
def test_strangers_are_sent_to_the_sign_in(
    client: Client, objects: dict[str, Any], place: Place
) -> None:
    if place.name in PUBLIC:
        return
    url = url_of(place, objects)
    before = contents()

    answers = [client.get(url), client.post(url), client.get(url, headers={"HX-Request": "true"})]

    assert all(is_sign_in(answer) for answer in answers)
    assert contents() == before


@pytest.mark.parametrize("place", GUARDED, ids=lambda place: place.name)
def test_who_may_not_see_learns_nothing_about_what_exists(
    client: Client, objects: dict[str, Any], place: Place
) -> None:
    nothing = {**dict.fromkeys(objects, 2**62), "kind": "adjust"}
    client.force_login(person("none"))

    there = client.get(url_of(place, objects), headers={"X-Request-ID": "the-same-id"})
    absent = client.get(url_of(place, nothing), headers={"X-Request-ID": "the-same-id"})

    assert (there.status_code, there.content) == (absent.status_code, absent.content)
    assert there.headers == absent.headers


@pytest.mark.parametrize("place", GUARDED, ids=lambda place: place.name)
def test_what_does_not_exist_is_not_found(
    client: Client, objects: dict[str, Any], place: Place
) -> None:
    if not place.parameters or place.name in ONLY_POST:
        return
    client.force_login(person("superuser"))

    for number in (2**62, 2**70):
        response = client.get(url_of(place, dict.fromkeys(objects, number)))
        assert response.status_code in {302, 404}, (place.name, number)


def test_who_was_deactivated_may_nothing(client: Client, objects: dict[str, Any]) -> None:
    user = person("superuser")
    client.force_login(user)
    assert client.get(reverse("activity:audit")).status_code == 200

    User.objects.filter(pk=user.pk).update(is_active=False)

    user.refresh_from_db()
    assert permissions_of(user) == frozenset()
    for place in GUARDED:
        assert is_sign_in(client.get(url_of(place, objects))), place.name
    assert is_sign_in(client.get("/admin/")) or client.get("/admin/").status_code == 302


def test_the_roles_are_those_of_the_terms() -> None:
    reads = {Perm.CUSTOMERS_VIEW, Perm.ORDERS_VIEW, Perm.LEDGER_VIEW}
    writes = {
        Perm.CUSTOMERS_EDIT,
        Perm.BALANCE_ADJUST,
        Perm.BALANCE_SPEND,
        Perm.BALANCE_UNDO,
        Perm.BALANCE_REINSTATE,
        Perm.TIER_CHANGE,
        Perm.ORDERS_CLAIM,
        Perm.NOTES_WRITE,
    }
    leads = {Perm.AUDIT_VIEW, Perm.BALANCE_MASS_ADJUST}

    assert PERMISSIONS_OF[Role.AGENT] == reads | writes
    assert PERMISSIONS_OF[Role.LEAD] == reads | writes | leads
    assert PERMISSIONS_OF[Role.AUDITOR] == reads | {Perm.AUDIT_VIEW}
    configures = {Perm.PROGRAMS_CONFIGURE, Perm.STAFF_MANAGE}
    assert PERMISSIONS_OF[Role.STORE_ADMIN] == PERMISSIONS_OF[Role.LEAD] | configures
    assert permissions_of(person("superuser")) == frozenset(Perm)
    assert permissions_of(person("none")) == frozenset()


def test_an_anonymous_actor_may_nothing_even_without_the_sign_in(
    client: Client, objects: dict[str, Any], settings: Any
) -> None:
    """The second lock holds by itself: views refuse whom the middleware let through."""
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if not name.endswith("LoginRequiredMiddleware")
    ]
    before = contents()
    for place in GUARDED:
        url = url_of(place, objects)
        assert client.get(url).status_code == 403, place.name
        assert client.post(url).status_code == 403, place.name
    assert contents() == before
