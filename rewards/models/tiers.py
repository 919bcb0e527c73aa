"""The VIP ladder of a program, and who stands where on it."""

from __future__ import annotations

import pghistory
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from activity.models import Authored
from loyalty_admin.common.triggers import KEPT
from rewards.models.programs import Program


@pghistory.track()
class Tier(models.Model):
    """A step of a program's ladder.

    `threshold` is in units or in the program's currency, by the program's `tier_basis`.
    Earning in the program is multiplied by `multiplier`; who reaches the step for the
    first time gets `entry_units` and `entry_reward`, once in a lifetime.
    """

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="tiers")
    name = models.CharField(max_length=40)
    threshold = models.DecimalField(max_digits=14, decimal_places=2)
    multiplier = models.DecimalField(max_digits=4, decimal_places=2, default=1)
    entry_units = models.PositiveIntegerField(default=0)
    entry_reward = models.ForeignKey(
        "rewards.Reward", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("program", "threshold")
        constraints = (
            models.UniqueConstraint(fields=("program", "name"), name="rewards_tier_name_once"),
            models.UniqueConstraint(
                fields=("program", "threshold"), name="rewards_tier_threshold_once"
            ),
            models.CheckConstraint(
                condition=Q(threshold__gt=0) & Q(multiplier__gte=1), name="rewards_tier_is_a_step"
            ),
        )

    def __str__(self) -> str:
        return self.name


class TierMembership(Authored):
    """That a customer stood on a step from `since` until `ended_at`; the open one is theirs now.

    A tier given by hand is a floor until `floor_until` (without a date: for good); the rows
    that follow carry it on. `lapses_at` is set while too little is there to stay: then the
    step is lost, unless it is earned again before.
    """

    class Source(models.TextChoices):
        EARNED = "earned", _("Earned")
        MANUAL = "manual", _("Given by hand")
        IMPORTED = "imported", _("Imported")

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, db_index=False, related_name="tiers"
    )
    program = models.ForeignKey(Program, on_delete=models.PROTECT, db_index=False)
    tier = models.ForeignKey(Tier, on_delete=models.PROTECT)
    source = models.CharField(max_length=8, choices=Source)
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    lapses_at = models.DateTimeField(null=True)
    floor = models.ForeignKey(Tier, on_delete=models.PROTECT, null=True, related_name="+")
    floor_until = models.DateTimeField(null=True)
    internal_note = models.CharField(max_length=1000, blank=True)
    idempotency_key = models.CharField(max_length=200, unique=True)
    fingerprint = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = (
            # Nobody stands on two steps of one ladder.
            models.UniqueConstraint(
                fields=("customer", "program"),
                condition=Q(ended_at__isnull=True),
                name="rewards_membership_open_once",
            ),
        )
        indexes = (
            models.Index(
                fields=("customer", "program", "-since"), name="rewards_membership_history"
            ),
            models.Index(
                fields=("lapses_at",),
                condition=Q(lapses_at__isnull=False, ended_at__isnull=True),
                name="rewards_membership_lapsing",
            ),
        )
        triggers = (KEPT,)

    def __str__(self) -> str:
        return f"{self.tier} since {self.since:%Y-%m-%d}"
