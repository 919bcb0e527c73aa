"""Accounts are opened and locked here, always in the order of their primary keys.

Who holds an account's lock owns its lots too: no lot is written without it.
"""

from __future__ import annotations

from collections.abc import Sequence

from customers.models import Customer
from loyalty_admin.common.errors import NotFound
from rewards.models import Account, Program


def lock_accounts(customer_id: int, program_ids: Sequence[int]) -> dict[int, Account]:
    """The customer's accounts in these programs, locked, by program; opened where missing.

    Carries the program and the customer. The account is locked even at a balance of zero,
    so that two first credits can't pass each other. Raises NotFound for an unknown
    customer or program.
    """
    accounts = _locked(customer_id, program_ids)
    if missing := sorted(set(program_ids) - accounts.keys()):
        _check_known(customer_id, missing)
        Account.objects.bulk_create(
            [Account(customer_id=customer_id, program_id=pk) for pk in missing],
            ignore_conflicts=True,
        )
        accounts = _locked(customer_id, program_ids)
    return accounts


def lock_account(customer_id: int, program_id: int) -> Account:
    """One account, locked; see `lock_accounts`."""
    return lock_accounts(customer_id, [program_id])[program_id]


def _locked(customer_id: int, program_ids: Sequence[int]) -> dict[int, Account]:
    rows = (
        Account.objects.select_for_update(of=("self",))
        .select_related("program", "customer")
        .filter(customer_id=customer_id, program_id__in=program_ids)
        .order_by("pk")
    )
    return {account.program_id: account for account in rows}


def _check_known(customer_id: int, program_ids: Sequence[int]) -> None:
    known = Program.objects.filter(pk__in=program_ids).count() == len(program_ids)
    if not known or not Customer.objects.filter(pk=customer_id).exists():
        raise NotFound("There is no such customer or program.")
