"""How e-mail addresses and phone numbers are written here."""

from __future__ import annotations

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from activity.models import ContactPoint
from loyalty_admin.common.errors import InvalidInput


def normal_value(kind: str, text: str) -> str:
    """The one way to write this address or number. Raises InvalidInput for nonsense."""
    return normal_phone(text) if kind == ContactPoint.Kind.PHONE else normal_email(text)


def normal_email(text: str) -> str:
    """The address in lower case. Raises InvalidInput when it is none."""
    address = text.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise InvalidInput(
            f"“{text}” is not an e-mail address; one looks like ana.perez@example.com.",
            field="email",
        ) from error
    return address


def normal_phone(text: str) -> str:
    """The number in E.164, read in the store's region when it has no country code.

    Raises InvalidInput when no telephone network has such a number.
    """
    if number := phone_or_none(text):
        return number
    raise InvalidInput(
        f"“{text}” is not a phone number; write it like +34 612 345 678.", field="phone"
    )


def phone_or_none(text: str) -> str | None:
    """The number in E.164, or None when this is none."""
    text = text.strip()
    if text.startswith("00"):
        text = f"+{text[2:]}"
    try:
        number = phonenumbers.parse(text, settings.PHONE_DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        return None
    # Possible, not valid: numbering plans change faster than anybody's tables.
    if not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def readable(kind: str, value: str) -> str:
    """A contact point as people read it: +34 612 34 56 78."""
    if kind != ContactPoint.Kind.PHONE:
        return value
    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return value
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))
