"""Many adjustments at once, from a file: the batch, and one row for each line of the file."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from activity.models import Authored
from loyalty_admin.common.triggers import KEPT
from rewards.models.ledger import Operation
from rewards.models.programs import Program


class MassAdjustment(Authored):
    """A file of adjustments in one program; its author is who uploaded it.

    `position` is the last chunk of rows that was applied, or the last one that is not undone
    yet; whoever moves it holds the lock of this row, so two workers can't apply one chunk.
    `done` counts the rows of the step at hand. Sums are in units, `cost` is in the program's
    currency. `short_accounts` had too little for their debits when the file was checked.
    """

    class Status(models.TextChoices):
        CHECKING = "checking", _("Being checked")
        READY = "ready", _("Ready to apply")
        APPLYING = "applying", _("Being applied")
        APPLIED = "applied", _("Applied")
        UNDOING = "undoing", _("Being undone")
        UNDONE = "undone", _("Undone")
        DISCARDED = "discarded", _("Discarded")

    WORKING = (Status.CHECKING, Status.APPLYING, Status.UNDOING)
    """While a worker has something to do."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")
    reason = models.ForeignKey(
        "staff.ReasonCode", on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    counts_for_tier = models.BooleanField(default=True)
    filename = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()
    encoding = models.CharField(max_length=10)
    ignored_columns = ArrayField(models.CharField(max_length=60), default=list)
    status = models.CharField(max_length=10, choices=Status, default=Status.CHECKING)
    rows = models.PositiveIntegerField(default=0)
    good = models.PositiveIntegerField(default=0)
    customers = models.PositiveIntegerField(default=0)
    credits = models.BigIntegerField(default=0)
    debits = models.BigIntegerField(default=0)
    cost = models.DecimalField(max_digits=20, decimal_places=4, default=0)
    short_accounts = models.PositiveIntegerField(default=0)
    chunks = models.PositiveIntegerField(default=0)
    position = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    short_rows = models.PositiveIntegerField(default=0)
    shortfall = models.BigIntegerField(default=0)
    # Who set it going, as an actor: the worker writes in their name.
    applied_by = models.JSONField(default=dict)
    undone_by = models.JSONField(default=dict)
    uploaded_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    idempotency_key = models.CharField(max_length=200, unique=True)
    fingerprint = models.CharField(max_length=64)

    class Meta:
        indexes = (
            models.Index(
                fields=("heartbeat_at",),
                condition=Q(status__in=("checking", "applying", "undoing")),
                name="rewards_batch_working",
            ),
        )
        triggers = (KEPT,)

    def __str__(self) -> str:
        return self.filename

    @property
    def bad(self) -> int:
        """How many rows can't be applied."""
        return self.rows - self.good

    @property
    def applied(self) -> int:
        """How many rows were applied, once all were looked at."""
        return self.good - self.refused

    @property
    def is_working(self) -> bool:
        """Whether a worker has something to do."""
        return self.status in self.WORKING


class MassAdjustmentRow(models.Model):
    """One line of the file: what it says, what is wrong with it, and what became of it.

    `problem` is a sentence; on a good row it warns that the balance is too small today.
    `chunk` numbers the transactions in which the rows are applied; an account is in each of
    them once at most, in the order of the lines. `shortfall` is what could not be taken back.
    """

    class Outcome(models.TextChoices):
        READ = "read", _("Not checked yet")
        BAD = "bad", _("Faulty")
        GOOD = "good", _("Good")
        APPLIED = "applied", _("Applied")
        REFUSED = "refused", _("Refused")
        UNDONE = "undone", _("Undone")

    batch = models.ForeignKey(
        MassAdjustment, on_delete=models.PROTECT, db_index=False, related_name="lines"
    )
    line = models.PositiveIntegerField()
    key = models.CharField(max_length=254)
    amount_text = models.CharField(max_length=40)
    amount = models.BigIntegerField(null=True)
    reason_code = models.CharField(max_length=40, db_default="")
    internal_note = models.CharField(max_length=1000, db_default="")
    customer_comment = models.CharField(max_length=200, db_default="")
    expires_in_days = models.PositiveSmallIntegerField(null=True)
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
    matched_by = models.CharField(max_length=12, db_default="")
    reason = models.ForeignKey(
        "staff.ReasonCode", on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    chunk = models.PositiveIntegerField(null=True)
    outcome = models.CharField(max_length=8, choices=Outcome, db_default=Outcome.READ)
    problem = models.TextField(db_default="")
    operation = models.ForeignKey(
        Operation, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    reversal = models.ForeignKey(
        Operation, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    balance_after = models.BigIntegerField(null=True)
    shortfall = models.BigIntegerField(db_default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("batch", "line"), name="rewards_batch_line_once"),
            # What was moved has its operation, and nothing else has one.
            models.CheckConstraint(
                condition=Q(outcome__in=("applied", "undone"), operation__isnull=False)
                | (~Q(outcome__in=("applied", "undone")) & Q(operation__isnull=True)),
                name="rewards_batch_line_moved",
            ),
        )
        indexes = (
            models.Index(fields=("batch", "chunk"), name="rewards_batch_chunk"),
            models.Index(
                fields=("batch", "line"), condition=~Q(problem=""), name="rewards_batch_problem"
            ),
        )

    def __str__(self) -> str:
        return f"line {self.line} of batch {self.batch_id}"
