"""The sweep: what is due in all accounts at rest is released, then expired.

Any number of workers may sweep at once: each takes the accounts that nobody holds, a batch to
a transaction, and leaves the others to whoever holds them. A sweep that is cut off loses the
batch it was in, and the next one does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

import structlog
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from loyalty_admin.common.errors import DomainError
from rewards.actions.bulk_settling import expire_many, lock_free, release_many
from rewards.selectors.due import accounts_to_expire, accounts_to_release

log = structlog.get_logger(__name__)

LOTS = 2_000
"""So many lots make a batch: a fraction of a second, in which their accounts are held."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction did: in how many accounts, to how many lots, and how long it took."""

    accounts: int
    lots: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """One thing that time does: where it is due, and how it is done in locked accounts."""

    due: Callable[..., list[list[int]]]
    do: Callable[[Sequence[int], datetime], tuple[int, int]]


RELEASE = Work(accounts_to_release, release_many)
EXPIRE = Work(accounts_to_expire, expire_many)


def sweep(*, now: datetime | None = None, lots: int = LOTS) -> Iterator[Batch]:
    """Release and expire what is due by `now`, about `lots` at a time. The system does this.

    Tells of each batch that did something, once it is committed. An account that can't be
    settled is logged and left as it is; it keeps no other from being settled.
    """
    now = now or timezone.now()
    yield from _sweep(RELEASE, now, lots)
    yield from _sweep(EXPIRE, now, lots)


def _sweep(work: Work, now: datetime, lots: int) -> Iterator[Batch]:
    """Until nothing is left but what others hold, or what can't be done."""
    failed: set[int] = set()
    progress = True
    while progress:
        progress = False
        for account_ids in work.due(now, lots=lots):
            todo = [pk for pk in account_ids if pk not in failed]
            for batch in _batches(work, todo, now, failed):
                progress = True
                yield batch


def _batches(
    work: Work, account_ids: Sequence[int], now: datetime, failed: set[int]
) -> Iterator[Batch]:
    """One batch; when it fails, its halves, down to the account that is to blame."""
    if not account_ids:
        return
    try:
        batch = _one(work, account_ids, now)
    except (DatabaseError, DomainError):
        if not connection.is_usable():
            raise
        if len(account_ids) == 1:
            failed.update(account_ids)
            log.exception("account_not_settled", account=account_ids[0])
            return
        middle = len(account_ids) // 2
        yield from _batches(work, account_ids[:middle], now, failed)
        yield from _batches(work, account_ids[middle:], now, failed)
    else:
        if batch.accounts:
            yield batch


def _one(work: Work, account_ids: Sequence[int], now: datetime) -> Batch:
    begun = perf_counter()
    with transaction.atomic(durable=True):
        locked = lock_free(account_ids)
        accounts, lots = work.do(locked, now) if locked else (0, 0)
    return Batch(accounts, lots, perf_counter() - begun)
