"""What leaving the programme and coming back mean for balances: time stands still between."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from customers.models import Customer
from loyalty_admin.common.actor import Actor
from rewards.actions.locking import lock_accounts
from rewards.actions.settling import settle
from rewards.models import Account, Lot


def settle_before_leaving(actor: Actor, customer: Customer) -> None:
    """Release and expire what is due to a member who is about to be taken out."""
    now = timezone.now()
    for account in _locked(customer):
        settle(account, now)


def bring_back(actor: Actor, customer: Customer) -> None:
    """What fell due while the customer was out of the programme stays for its grace."""
    now = timezone.now()
    for account in _locked(customer):
        until = now + timedelta(days=account.program.grace_days)
        Lot.objects.filter(account=account, remaining__gt=0, expires_at__lte=now).update(
            expires_at=until
        )
        if _has_lapsed(account, now):
            account.expires_at = until
            account.save(update_fields=["expires_at"])


def _has_lapsed(account: Account, now: datetime) -> bool:
    return account.expires_at is not None and account.expires_at <= now


def _locked(customer: Customer) -> list[Account]:
    programs = list(Account.objects.filter(customer=customer).values_list("program_id", flat=True))
    return list(lock_accounts(customer.pk, sorted(programs)).values()) if programs else []
