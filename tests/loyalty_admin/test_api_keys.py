"""API keys: shown once, stored as a hash, bound to a store, revocable."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from activity.models import AuditRecord
from loyalty_admin.common.errors import InvalidInput, NotAllowed, NotFound
from loyalty_admin.staff.actions.api_keys import create_api_key, revoke_api_key
from loyalty_admin.staff.models import ApiKey
from tests.factories import StoreFactory, actor_for

pytestmark = pytest.mark.django_db


def test_a_key_is_given_out_once_and_kept_as_a_hash() -> None:
    actor = actor_for(store_admin=True)
    StoreFactory(code="S-1")
    key, token = create_api_key(
        actor=actor, name="Till 3", scopes=["orders.record"], store_code="S-1"
    )

    prefix, _, secret = token.partition(".")
    assert key.prefix == prefix
    assert key.matches(secret)
    assert secret not in key.digest
    assert key.store is not None
    assert (key.store.code, key.created_by_id) == ("S-1", actor.user_id)
    record = AuditRecord.objects.get(verb="api_key.created")
    assert secret not in str(record.after)


def test_revoking_is_recorded_once() -> None:
    actor = actor_for(store_admin=True)
    key, _ = create_api_key(actor=actor, name="Till", scopes=[])
    first = revoke_api_key(actor=actor, key_id=key.pk).revoked_at

    assert first is not None
    assert revoke_api_key(actor=actor, key_id=key.pk).revoked_at == first
    assert AuditRecord.objects.filter(verb="api_key.revoked").count() == 1


def test_only_who_manages_staff_may_touch_keys() -> None:
    for actor in (actor_for(lead=True), actor_for(auditor=True), actor_for()):
        with pytest.raises(NotAllowed):
            create_api_key(actor=actor, name="Till", scopes=[])
        with pytest.raises(NotAllowed):
            revoke_api_key(actor=actor, key_id=1)
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"scopes": ["balance.adjust"]}, "scopes"),
        ({"store_code": "S-9"}, "store"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, object], named: str) -> None:
    values: dict[str, object] = {"name": "Till", "scopes": [], "store_code": ""} | fields
    with pytest.raises(InvalidInput) as caught:
        create_api_key(actor=actor_for(store_admin=True), **values)  # type: ignore[arg-type]
    assert caught.value.field == named


def test_an_unknown_key_cannot_be_revoked() -> None:
    with pytest.raises(NotFound):
        revoke_api_key(actor=actor_for(store_admin=True), key_id=1)


def test_the_command_prints_the_key() -> None:
    out = StringIO()
    call_command("create_api_key", "Till 3", stdout=out, stderr=StringIO())

    prefix, _, secret = out.getvalue().strip().partition(".")
    key = ApiKey.objects.get(prefix=prefix)
    assert key.matches(secret)
    assert key.scopes == ["events.record", "orders.record"]


def test_the_command_says_what_is_wrong() -> None:
    with pytest.raises(CommandError, match="no store"):
        call_command("create_api_key", "Till 3", store="S-9")
