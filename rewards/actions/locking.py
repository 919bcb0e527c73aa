"""Accounts are opened and locked here, always in the order of their primary keys.

Who holds an account's lock owns its lots too: no lot is written without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Model

from customers.models import Customer
from loyalty_admin.common.errors import NotFound
from rewards.models import Account, Lot, Program


def _columns(model: type[Model], *left_out: str) -> list[str]:
    names = (field.attname for field in model._meta.concrete_fields)
    return [name for name in names if name not in left_out]


def _listed(table: str, columns: Sequence[str]) -> str:
    return ", ".join(f"{table}.{column}" for column in columns)


# Every act on a ledger reads these rows, and building the same query anew would cost it more
# time than the database needs for the answer.
_ACCOUNT = _columns(Account)
_PROGRAM = _columns(Program)
_CUSTOMER = _columns(Customer, "address", "search_text")
_LOT = _columns(Lot)
FOR_UPDATE = "FOR UPDATE OF account"
_ACCOUNTS = f"""
SELECT {_listed("account", _ACCOUNT)}, {_listed("program", _PROGRAM)},
       {_listed("customer", _CUSTOMER)}
FROM rewards_account AS account
JOIN rewards_program AS program ON program.id = account.program_id
JOIN customers_customer AS customer ON customer.id = account.customer_id
WHERE account.customer_id = %s AND account.program_id = ANY(%s)
ORDER BY account.id
"""
_OPEN_LOTS = f"""
SELECT {_listed("lot", _LOT)} FROM rewards_lot AS lot
WHERE account_id = %s AND remaining > 0
"""


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


def open_lots(account: Account) -> list[Lot]:
    """The lots of a locked account that hold something, in the order in which debits take them."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_LOTS, [account.pk])
        lots = [Lot.from_db(connection.alias, _LOT, row) for row in cursor.fetchall()]
    return sorted(lots, key=Lot.spending_order)


def _locked(customer_id: int, program_ids: Sequence[int]) -> dict[int, Account]:
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS + FOR_UPDATE, [customer_id, list(program_ids)])
        accounts = [_account_of(row) for row in cursor.fetchall()]
    return {account.program_id: account for account in accounts}


def _account_of(row: Sequence[Any]) -> Account:
    program, customer = len(_ACCOUNT), len(_ACCOUNT) + len(_PROGRAM)
    account = Account.from_db(connection.alias, _ACCOUNT, row[:program])
    account.program = Program.from_db(connection.alias, _PROGRAM, row[program:customer])
    account.customer = Customer.from_db(connection.alias, _CUSTOMER, row[customer:])
    return account


def _check_known(customer_id: int, program_ids: Sequence[int]) -> None:
    known = Program.objects.filter(pk__in=program_ids).count() == len(program_ids)
    if not known or not Customer.objects.filter(pk=customer_id).exists():
        raise NotFound("There is no such customer or program.")
