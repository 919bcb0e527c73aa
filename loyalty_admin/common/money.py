"""Money: Decimal with its ISO 4217 currency, never a float."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

from babel.numbers import get_currency_precision, list_currencies

from loyalty_admin.common.errors import InvalidInput


@cache
def known_currencies() -> frozenset[str]:
    """The ISO 4217 codes that money may carry."""
    return frozenset(list_currencies())


def check_currency(code: str, *, field: str = "currency") -> str:
    """The code itself. Raises InvalidInput when it is not an ISO 4217 code."""
    if code not in known_currencies():
        raise InvalidInput(
            f"“{code}” is not a currency; use an ISO 4217 code such as EUR.", field=field
        )
    return code


def check_precision(amount: Decimal, currency: str, *, field: str) -> Decimal:
    """The amount itself. Raises InvalidInput for fractions that the currency does not have."""
    places = get_currency_precision(currency)
    exponent = amount.normalize().as_tuple().exponent
    if not isinstance(exponent, int) or -exponent > places:
        raise InvalidInput(f"{currency} has {places} decimal places; got {amount}.", field=field)
    return amount
