"""API keys: given out once, taken back at any time."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.changes import Change, changed
from loyalty_admin.common.errors import InvalidInput, NotFound
from loyalty_admin.staff.models import ApiKey, Store
from loyalty_admin.staff.permissions import API_SCOPES, Perm, authorise


def create_api_key(
    *, actor: Actor, name: str, scopes: Sequence[str], store_code: str = ""
) -> tuple[ApiKey, str]:
    """A new key and its token, which nobody can show again. A store binds the key to it.

    Raises InvalidInput naming the field.
    """
    authorise(actor, Perm.STAFF_MANAGE)
    name = name.strip()
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise InvalidInput("Enter a name of 1 to 80 characters.", field="name")
    if unknown := set(scopes) - API_SCOPES:
        known = ", ".join(sorted(API_SCOPES))
        raise InvalidInput(f"There is no scope “{min(unknown)}”; there is {known}.", field="scopes")
    with transaction.atomic(durable=True):
        store = Store.objects.filter(code=store_code).first() if store_code else None
        if store_code and store is None:
            raise InvalidInput(f"There is no store with the code “{store_code}”.", field="store")
        token, prefix, digest = ApiKey.new_secret()
        key = ApiKey.objects.create(
            name=name,
            prefix=prefix,
            digest=digest,
            scopes=sorted(scopes),
            store=store,
            created_by_id=actor.user_id,
        )
        after = {"name": name, "prefix": prefix, "scopes": key.scopes, "store": store_code or None}
        changed(actor, Change("api_key.created", "api_key", key.pk, after=after))
        return key, token


def revoke_api_key(*, actor: Actor, key_id: int) -> ApiKey:
    """End a key; ending it twice changes nothing. Raises NotFound."""
    authorise(actor, Perm.STAFF_MANAGE)
    with transaction.atomic(durable=True):
        key = ApiKey.objects.select_for_update().filter(pk=key_id).first()
        if key is None:
            raise NotFound("There is no such API key.")
        if key.revoked_at is None:
            key.revoked_at = timezone.now()
            key.save(update_fields=["revoked_at"])
            before, after = {"revoked_at": None}, {"revoked_at": key.revoked_at}
            changed(actor, Change("api_key.revoked", "api_key", key.pk, before, after))
        return key
