"""Discount codes: made from an offer, voided, used, restored; always inside the caller's act.

The caller has authorised the actor, holds the transaction and tells the timeline what
happened; here the row changes and the audit log says so.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from psycopg.errors import UniqueViolation

from activity.actions.recording import Act, Data, authored, record_audit
from discounts.models import DiscountCode, Offer
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import Conflict, NotFound

ISSUED, VOIDED, USED, RESTORED = "code.issued", "code.voided", "code.used", "code.restored"

ALPHABET = "23456789CDFGHJKMNPQRTVWXY"
"""Read over the phone or from a receipt without doubt: none of 0 O, 1 I L, 5 S, 8 B, 2 Z has
both its halves in it; without vowels no code spells a word."""
GROUPS = (4, 4, 5)
"""13 characters of 25 are 60.4 bits: not to be guessed, and short enough to dictate."""
LENGTH = sum(GROUPS)
ATTEMPTS = 5


class CodeUsed(Conflict):
    """The code has been used, so it can't be taken back or used again."""

    code = "code-used"


class CodeVoided(Conflict):
    """The code was deleted."""

    code = "code-voided"


class CodeExpired(Conflict):
    """The code is past its last day."""

    code = "code-expired"


def issue_code(
    *,
    actor: Actor,
    offer: Offer,
    customer_id: int | None,
    source: DiscountCode.Source,
    at: datetime,
    valid_days: int | None = None,
) -> DiscountCode:
    """A new code, worth what the offer says now, for `valid_days` (default: the offer's).

    Whether the offer is switched on is the caller's question: what was promised before
    (a full card, a new tier) is given all the same.
    """
    code = DiscountCode(
        offer=offer,
        customer_id=customer_id,
        kind=offer.kind,
        value=offer.value,
        currency=offer.currency,
        source=source,
        created_at=at,
        expires_at=at + timedelta(days=valid_days or offer.valid_days),
        **authored(actor),
    )
    _insert(code, offer.prefix)
    after = {
        "code": code.code,
        "offer": offer.name,
        "kind": code.kind,
        "value": code.value,
        "currency": code.currency,
        "source": code.source,
        "expires_at": code.expires_at,
    }
    _audit(actor, ISSUED, code, None, after)
    return code


def lock_code(code_id: int) -> DiscountCode:
    """The code, locked until the transaction ends. Raises NotFound."""
    code = DiscountCode.objects.select_for_update().filter(pk=code_id).first()
    if code is None:
        raise NotFound("There is no such discount code.")
    return code


def void_code(*, actor: Actor, code: DiscountCode, reason: str, at: datetime) -> None:
    """Delete a locked code, so that no till takes it; one that is deleted stays as it is.

    Raises CodeUsed.
    """
    if code.status == DiscountCode.Status.VOIDED:
        return
    _refuse_used(code)
    before = _state(code)
    longest = DiscountCode._meta.get_field("void_reason").max_length
    code.status, code.voided_at = DiscountCode.Status.VOIDED, at
    code.void_reason = reason[:longest]
    _save(code)
    _audit(actor, VOIDED, code, before, _state(code))


def use_code(*, actor: Actor, code: DiscountCode, at: datetime) -> None:
    """Use a locked code up. Raises CodeUsed, CodeVoided, CodeExpired."""
    _refuse_used(code)
    if code.status == DiscountCode.Status.VOIDED:
        raise CodeVoided(f"The code {code.code} was deleted, so it can't be used.")
    if code.expires_at and code.expires_at <= at:
        raise CodeExpired(f"The code {code.code} has expired, so it can't be used.")
    before = _state(code)
    code.status, code.used_at = DiscountCode.Status.USED, at
    _save(code)
    _audit(actor, USED, code, before, _state(code))


def restore_code(*, actor: Actor, code: DiscountCode) -> None:
    """Make a locked code that was used or deleted by mistake usable again, until its old end."""
    if code.status == DiscountCode.Status.AVAILABLE:
        return
    before = _state(code)
    code.status = DiscountCode.Status.AVAILABLE
    code.used_at = code.voided_at = None
    code.void_reason = ""
    _save(code)
    _audit(actor, RESTORED, code, before, _state(code))


def new_text(prefix: str) -> str:
    """An unguessable code such as GLD-7KQ4-M2XP-9RTVW."""
    return grouped(prefix, "".join(secrets.choice(ALPHABET) for _ in range(LENGTH)))


def grouped(prefix: str, drawn: str) -> str:
    """The prefix, if any, and the characters that were drawn, as a code is written."""
    parts, start = [prefix] if prefix else [], 0
    for size in GROUPS:
        parts.append(drawn[start : start + size])
        start += size
    return "-".join(parts)


def spellings_of(typed: str) -> list[str]:
    """The codes that somebody may mean who typed this: in any case, with or without dashes."""
    text = typed.strip().upper()
    bare = "".join(character for character in text if character.isalnum())
    drawn = bare[-LENGTH:]
    if len(drawn) < LENGTH or not set(drawn) <= set(ALPHABET):
        return [text]
    return list(dict.fromkeys((text, grouped(bare[:-LENGTH], drawn))))


def _insert(code: DiscountCode, prefix: str) -> None:
    """Store the code with a text that no other has: the constraint decides, not a look before."""
    for attempt in range(1, ATTEMPTS + 1):
        code.code = new_text(prefix)
        try:
            with transaction.atomic():
                code.save(force_insert=True)
                return
        except IntegrityError as error:
            if not isinstance(error.__cause__, UniqueViolation) or attempt == ATTEMPTS:
                raise


def _refuse_used(code: DiscountCode) -> None:
    if code.status == DiscountCode.Status.USED and code.used_at:
        raise CodeUsed(f"The code {code.code} was used on {timezone.localdate(code.used_at)}.")


def _save(code: DiscountCode) -> None:
    code.save(update_fields=["status", "used_at", "voided_at", "void_reason"])


def _state(code: DiscountCode) -> dict[str, object]:
    state: dict[str, object] = {"status": code.status}
    if code.used_at:
        state["used_at"] = code.used_at
    if code.void_reason:
        state["void_reason"] = code.void_reason
    return state


def _audit(actor: Actor, verb: str, code: DiscountCode, before: Data | None, after: Data) -> None:
    act = Act(verb, "discount_code", code.pk, code.customer_id, before, after)
    record_audit(actor, act)
