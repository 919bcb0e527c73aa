"""Offers, as a store admin sets them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from django.db import IntegrityError, transaction

from activity.actions.recording import Act, record_audit
from discounts.hooks import offer_promised
from discounts.models import Offer, ValueKind
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import Conflict, InvalidInput, NotFound, StaleView
from loyalty_admin.common.idempotency import fingerprint
from loyalty_admin.common.money import check_currency, check_precision
from loyalty_admin.common.saving import check_row, check_text
from loyalty_admin.staff.permissions import Perm, authorise

CREATED, CHANGED, SWITCHED = "offer.created", "offer.changed", "offer.switched"
MAX_DAYS = 3650
MAX_USES = 1000
MAX_PREFIX = 10
MAX_SCOPE = 100
"""How many categories, and how many products, an offer may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferTerms:
    """What an offer says: `value` in percent or in money, by its kind; the rest in money.

    Empty sequences mean everything; `value_cap` None means no limit.
    """

    name: str
    kind: str
    currency: str
    value: Decimal = Decimal(0)
    value_cap: Decimal | None = None
    minimum_spend: Decimal = Decimal(0)
    categories: Sequence[str] = ()
    skus: Sequence[str] = ()
    valid_days: int = 90
    usage_limit: int = 1
    prefix: str = ""


def create_offer(*, actor: Actor, terms: OfferTerms) -> Offer:
    """A new offer; sent again, the one that was made the first time.

    Raises InvalidInput naming the field, Conflict when another offer has the name.
    """
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    values = checked(terms)
    with transaction.atomic(durable=True):
        offer = Offer(**values)
        try:
            with transaction.atomic():
                check_row(offer)
                offer.save(force_insert=True)
        except IntegrityError:
            return _made_before(offer, values)
        _audit(actor, CREATED, offer, None, state_of(offer))
        return offer


def change_offer(*, actor: Actor, offer_id: int, terms: OfferTerms, seen: str = "") -> Offer:
    """Change what an offer's codes are from now on; codes that exist keep their value and end.

    `seen` is the `says_now` of what the actor looked at. Raises NotFound, InvalidInput naming
    the field, StaleView when somebody changed it meanwhile, Conflict for a name taken.
    """
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    values = checked(terms)
    with transaction.atomic(durable=True):
        offer = lock_offer(offer_id)
        before, seen_now = state_of(offer), says_now(offer)
        for name, value in values.items():
            setattr(offer, name, value)
        after = state_of(offer)
        if after == before:
            return offer
        if seen and seen != seen_now:
            raise StaleView(
                "Somebody has changed this offer meanwhile. Look at what it says now and decide "
                "again."
            )
        _refuse_name_taken(offer)
        check_row(offer)
        offer.save()
        _audit(actor, CHANGED, offer, before, after)
        return offer


def switch_offer(*, actor: Actor, offer_id: int, is_active: bool) -> Offer:
    """Let an offer make codes, or stop it; codes that exist stay good.

    Raises NotFound, Conflict while something still promises its codes.
    """
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    with transaction.atomic(durable=True):
        offer = lock_offer(offer_id)
        if offer.is_active == is_active:
            return offer
        if not is_active:
            _refuse_promised(offer)
        before, offer.is_active = offer.is_active, is_active
        offer.save(update_fields=["is_active"])
        _audit(actor, SWITCHED, offer, {"is_active": before}, {"is_active": is_active})
        return offer


def lock_offer(offer_id: int) -> Offer:
    """The offer, locked against changes; codes can be made of it meanwhile. Raises NotFound."""
    offer = Offer.objects.select_for_update(no_key=True).filter(pk=offer_id).first()
    if offer is None:
        raise NotFound("There is no such offer.")
    return offer


def state_of(offer: Offer) -> dict[str, object]:
    """What an offer says, value by value."""
    return {name: getattr(offer, name) for name in OfferTerms.__dataclass_fields__}


def says_now(offer: Offer) -> str:
    """A fingerprint of all that can be changed of an offer, to tell whether somebody did."""
    return fingerprint(state_of(offer))


def _made_before(offer: Offer, values: Mapping[str, object]) -> Offer:
    """The offer that has the name: this very one, sent twice, or another. Raises Conflict."""
    other = Offer.objects.get(name=offer.name)
    if all(getattr(other, name) == value for name, value in values.items()):
        return other
    raise _name_taken(offer.name)


def _refuse_name_taken(offer: Offer) -> None:
    if Offer.objects.filter(name=offer.name).exclude(pk=offer.pk).exists():
        raise _name_taken(offer.name)


def _name_taken(name: str) -> Conflict:
    return Conflict(
        f"There is an offer “{name}” already; give this one another name.", field="name"
    )


def _refuse_promised(offer: Offer) -> None:
    names = [name for promised in offer_promised(offer.pk) for name in promised]
    if names:
        listed = ", ".join(f"“{name}”" for name in names[:3]) + (" …" if len(names) > 3 else "")
        raise Conflict(f"{listed} still promises codes of this offer. Switch that off first.")


def checked(terms: OfferTerms) -> dict[str, object]:
    """The values as they are stored. Raises InvalidInput for those that no offer can have."""
    name = check_text(terms.name, field="name", longest=80)
    if not name:
        raise InvalidInput("Give the offer a name.", field="name")
    check_currency(terms.currency)
    _check_value(terms)
    _check_limits(terms)
    money = ("value", "value_cap", "minimum_spend")
    return asdict(terms) | {
        "name": name,
        "categories": _scope(terms.categories, field="categories", longest=80),
        "skus": _scope(terms.skus, field="skus", longest=60),
        "prefix": _prefix(terms.prefix),
        **{field: _two_places(getattr(terms, field)) for field in money},
    }


def _check_value(terms: OfferTerms) -> None:
    if terms.kind not in ValueKind.values:
        raise InvalidInput("Choose what the code takes off.", field="kind")
    if terms.kind == ValueKind.PERCENTAGE:
        if not 1 <= terms.value <= 100:
            raise InvalidInput("Enter a percentage from 1 to 100.", field="value")
        if terms.value.quantize(Decimal("0.01")) != terms.value:
            raise InvalidInput("A percentage has at most two decimal places.", field="value")
    elif terms.kind == ValueKind.FREE_SHIPPING:
        if terms.value:
            raise InvalidInput("Free shipping has no value; leave it empty.", field="value")
    elif terms.value <= 0:
        raise InvalidInput("Enter an amount above zero.", field="value")
    else:
        check_precision(terms.value, terms.currency, field="value")
    _check_cap(terms)


def _check_cap(terms: OfferTerms) -> None:
    if terms.value_cap is None:
        return
    if terms.kind != ValueKind.PERCENTAGE:
        raise InvalidInput("Only a percentage has a limit; leave it empty.", field="value_cap")
    if terms.value_cap <= 0:
        raise InvalidInput("Enter an amount above zero, or nothing.", field="value_cap")
    check_precision(terms.value_cap, terms.currency, field="value_cap")


def _check_limits(terms: OfferTerms) -> None:
    if terms.minimum_spend < 0:
        raise InvalidInput("Enter an amount, or nothing.", field="minimum_spend")
    check_precision(terms.minimum_spend, terms.currency, field="minimum_spend")
    if not 1 <= terms.valid_days <= MAX_DAYS:
        raise InvalidInput(f"Enter 1 to {MAX_DAYS:,} days.", field="valid_days")
    if not 1 <= terms.usage_limit <= MAX_USES:
        raise InvalidInput(f"Enter 1 to {MAX_USES:,} uses.", field="usage_limit")


def _scope(named: Sequence[str], *, field: str, longest: int) -> list[str]:
    """Each name once, in their order. Raises InvalidInput."""
    names = [check_text(name, field=field, longest=longest) for name in named]
    unique = list(dict.fromkeys(name for name in names if name))
    if len(unique) > MAX_SCOPE:
        raise InvalidInput(f"Enter at most {MAX_SCOPE}, one per line.", field=field)
    return unique


def _prefix(typed: str) -> str:
    prefix = typed.strip().upper()
    if prefix and not (prefix.isascii() and prefix.isalnum() and len(prefix) <= MAX_PREFIX):
        raise InvalidInput(
            f"Enter at most {MAX_PREFIX} letters A–Z and digits, or nothing.", field="prefix"
        )
    return prefix


def _two_places(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(Decimal("0.01"))


def _audit(
    actor: Actor,
    verb: str,
    offer: Offer,
    before: Mapping[str, object] | None,
    after: Mapping[str, object],
) -> None:
    record_audit(actor, Act(verb, "offer", offer.pk, before=before, after=after))
