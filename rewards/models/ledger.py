"""The ledger: accounts, and the immutable operations, entries and allocations on them.

Invariants, for every account (`manage.py check_ledgers` proves them):

    balance = Σ entries in the available bucket = last balance_after in it
            = Σ remaining of its available lots − debt
    pending = Σ entries in the pending bucket = last balance_after in it
            = Σ remaining of its pending lots
    a lot's remaining = granted − Σ its allocations
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from activity.models import Authored
from loyalty_admin.common.triggers import APPEND_ONLY, KEPT
from rewards.models.programs import EarningRuleVersion, Program


class Account(models.Model):
    """One customer's holding in one program, in units."""

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, db_index=False, related_name="accounts"
    )
    program = models.ForeignKey(Program, on_delete=models.PROTECT, db_index=False)
    balance = models.BigIntegerField(default=0)
    pending = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    # Where units lapse by inactivity: when they do, unless something happens before.
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("customer", "program"), name="rewards_account_once"),
            # What is spent must have been there; only a recorded debt may go below zero.
            models.CheckConstraint(
                condition=Q(debt__gte=0) & Q(balance__gte=-F("debt")),
                name="rewards_balance_covered",
            ),
            models.CheckConstraint(
                condition=Q(pending__gte=0), name="rewards_pending_not_negative"
            ),
        )
        indexes = (
            models.Index(
                fields=("expires_at",),
                condition=Q(expires_at__isnull=False),
                name="rewards_account_lapsing",
            ),
        )
        triggers = (KEPT,)

    def __str__(self) -> str:
        return f"account {self.pk}"


class Operation(Authored):
    """One act on a customer's ledgers; the idempotency record of that act as well."""

    class Kind(models.TextChoices):
        EARN = "earn", _("Earned")
        ADJUST = "adjust", _("Adjusted")
        DEBIT = "debit", _("Spent")
        REDEEM = "redeem", _("Spent on a reward")
        REVERSE = "reverse", _("Undone")
        REFUND = "refund", _("Taken back")
        REINSTATE = "reinstate", _("Reinstated")
        EXPIRE = "expire", _("Expired")
        RELEASE = "release", _("Became available")

    MANUAL = (Kind.ADJUST, Kind.DEBIT, Kind.REINSTATE)
    """The kinds that staff do by hand, and so can undo. A redemption is cancelled instead."""

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, db_index=False, related_name="operations"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    order = models.ForeignKey(
        "customers.Order", on_delete=models.PROTECT, null=True, related_name="operations"
    )
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="reversed_by"
    )
    reason = models.ForeignKey(
        "staff.ReasonCode", on_delete=models.PROTECT, null=True, db_index=False
    )
    internal_note = models.CharField(max_length=1000, blank=True)
    customer_comment = models.CharField(max_length=200, blank=True)
    reference = models.CharField(max_length=80, blank=True)
    counts_for_tier = models.BooleanField(default=True)
    idempotency_key = models.CharField(max_length=200, unique=True)
    fingerprint = models.CharField(max_length=64)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = (models.Index(fields=("customer", "-id"), name="rewards_operation_customer"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(reverses__isnull=True) | Q(kind__in=("reverse", "reinstate")),
                name="rewards_only_reverse_reverses",
            ),
        )
        triggers = (APPEND_ONLY,)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def undoable(self) -> bool:
        """Whether it was done by hand and not undone yet. Select `reversed_by` along."""
        return self.kind in self.MANUAL and getattr(self, "reversed_by", None) is None


class Entry(models.Model):
    """One signed line of the ledger, in units, in one bucket of one account."""

    class Bucket(models.TextChoices):
        AVAILABLE = "available", _("Available")
        PENDING = "pending", _("Pending")

    class Kind(models.TextChoices):
        EARNED = "earned", _("Earned")
        SPENT = "spent", _("Spent")
        EXPIRED = "expired", _("Expired")
        ADJUSTED = "adjusted", _("Adjusted")
        REVERSED = "reversed", _("Reversed")
        RELEASED = "released", _("Became available")

    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, db_index=False, related_name="entries"
    )
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.PROTECT,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
    bucket = models.CharField(max_length=9, choices=Bucket, default=Bucket.AVAILABLE)
    kind = models.CharField(max_length=8, choices=Kind)
    amount = models.BigIntegerField()
    balance_after = models.BigIntegerField()
    rule_version = models.ForeignKey(
        EarningRuleVersion, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    # The tier's, at the time of earning; a refund takes back by it.
    multiplier = models.DecimalField(max_digits=4, decimal_places=2, default=1, db_default=1)
    occurred_at = models.DateTimeField()

    class Meta:
        constraints = (
            # A line that changes nothing explains nothing.
            models.CheckConstraint(condition=~Q(amount=0), name="rewards_entry_not_zero"),
        )
        indexes = (models.Index(fields=("account", "-id"), name="rewards_entry_history"),)
        triggers = (APPEND_ONLY,)

    def __str__(self) -> str:
        return f"{self.amount:+} → {self.balance_after}"


class Lot(models.Model):
    """The units that one credit brought, and what is left of them."""

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, db_index=False, related_name="lots"
    )
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.PROTECT,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="lot")
    granted = models.BigIntegerField()
    remaining = models.BigIntegerField()
    is_pending = models.BooleanField(default=False)
    available_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            # A lot can't give more than it brought, nor get back more than it gave.
            models.CheckConstraint(
                condition=Q(remaining__gte=0) & Q(remaining__lte=F("granted")),
                name="rewards_lot_within_grant",
            ),
        )
        indexes = (
            # Debits take soonest expiry first, then oldest.
            models.Index(
                F("account"),
                F("expires_at").asc(nulls_last=True),
                F("id"),
                condition=Q(remaining__gt=0),
                name="rewards_lot_spendable",
            ),
            models.Index(
                fields=("expires_at",), condition=Q(remaining__gt=0), name="rewards_lot_expiring"
            ),
            models.Index(
                fields=("available_at",), condition=Q(is_pending=True), name="rewards_lot_maturing"
            ),
        )
        triggers = (KEPT,)

    def __str__(self) -> str:
        return f"lot {self.pk}: {self.remaining} of {self.granted}"

    def spending_order(self) -> tuple[bool, float, int]:
        """The key by which debits take lots: soonest expiry first, then oldest."""
        expires = self.expires_at
        return (expires is None, expires.timestamp() if expires else 0.0, self.pk)


class Allocation(models.Model):
    """How much an entry took from a lot; negative when it gave units back."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="allocations")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="allocations")
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.PROTECT,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
    amount = models.BigIntegerField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=~Q(amount=0), name="rewards_allocation_not_zero"),
        )
        triggers = (APPEND_ONLY,)

    def __str__(self) -> str:
        return f"{self.amount} from lot {self.lot_id}"

    @property
    def gave_back(self) -> int:
        """How much the lot got back; negative when it gave."""
        return -self.amount


class Shortfall(models.Model):
    """Units that an operation should have taken back and could not: they had been spent."""

    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="shortfalls")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="shortfalls")
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.PROTECT,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
    amount = models.BigIntegerField()
    occurred_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount__gt=0), name="rewards_shortfall_positive"),
        )
        triggers = (APPEND_ONLY,)

    def __str__(self) -> str:
        return f"{self.amount} short in operation {self.operation_id}"


class ExpiryWarning(models.Model):
    """That a customer was told, once, how many units leave on a day."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, db_index=False)
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.PROTECT,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
    expires_on = models.DateField()
    units = models.BigIntegerField()
    warned_at = models.DateTimeField()

    class Meta:
        constraints = (
            # Nobody is warned twice of the same day.
            models.UniqueConstraint(fields=("account", "expires_on"), name="rewards_warning_once"),
        )
        triggers = (APPEND_ONLY,)

    def __str__(self) -> str:
        return f"{self.units} on {self.expires_on}"


class LedgerCheck(models.Model):
    """The result of one run of `check_ledgers`."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(default=timezone.now)
    accounts = models.BigIntegerField()
    discrepancies = models.JSONField(default=list)

    class Meta:
        ordering = ("-id",)
        triggers = (APPEND_ONLY,)

    def __str__(self) -> str:
        return f"{self.finished_at:%Y-%m-%d %H:%M}: {len(self.discrepancies)} discrepancies"

    @property
    def seconds(self) -> str:
        """How long the run took."""
        return f"{(self.finished_at - self.started_at).total_seconds():.1f}"
