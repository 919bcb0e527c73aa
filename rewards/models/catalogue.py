"""What units buy, and what was bought."""

from __future__ import annotations

import pghistory
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from activity.models import Authored
from loyalty_admin.common.triggers import KEPT
from rewards.models.ledger import Account, Operation
from rewards.models.programs import Program
from rewards.models.tiers import Tier


@pghistory.track(exclude=["taken"])
class Reward(models.Model):
    """A catalogue item that units of its program buy.

    `stock` is how many there are in all (None: as many as are wanted), `taken` how many are
    gone. `per_customer` limits how many one customer has that are not cancelled. What is
    bought can be used for `valid_days` (None: for ever).
    """

    class Kind(models.TextChoices):
        DISCOUNT_CODE = "code", _("Discount code")
        PRODUCT = "product", _("Free product")
        GIFT = "gift", _("Gift")

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="rewards")
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=8, choices=Kind)
    cost = models.PositiveIntegerField()
    offer = models.ForeignKey("discounts.Offer", on_delete=models.PROTECT, null=True, blank=True)
    stock = models.PositiveIntegerField(null=True, blank=True)
    taken = models.PositiveIntegerField(default=0, editable=False)
    per_customer = models.PositiveIntegerField(null=True, blank=True)
    minimum_tier = models.ForeignKey(
        Tier, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    valid_days = models.PositiveSmallIntegerField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("program", "cost", "name")
        constraints = (
            # What is gone was there.
            models.CheckConstraint(
                condition=Q(stock__isnull=True) | Q(taken__lte=F("stock")),
                name="rewards_reward_in_stock",
            ),
            models.CheckConstraint(
                condition=Q(kind="code", offer__isnull=False)
                | (~Q(kind="code") & Q(offer__isnull=True)),
                name="rewards_reward_code_has_offer",
            ),
            models.CheckConstraint(condition=Q(cost__gt=0), name="rewards_reward_has_a_cost"),
        )

    def __str__(self) -> str:
        return self.name


class RewardPicture(models.Model):
    """The picture of a reward; in the database, for web processes hold no files."""

    reward = models.OneToOneField(Reward, on_delete=models.CASCADE, related_name="picture")
    content_type = models.CharField(max_length=20)
    content = models.BinaryField()
    digest = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"picture of {self.reward_id}"


class Redemption(Authored):
    """A customer's purchase of a reward, or a reward that was given.

    `operation` is the debit that paid for it; without one it was given. `position` counts
    the full cards of a stamps program. `from_stock` says that it is one of its reward's
    `taken`, as long as it is not cancelled; it is not where stock is without limit, or where
    a full card or a new tier was due something that had run out.
    """

    class Status(models.TextChoices):
        OUTSTANDING = "outstanding", _("Outstanding")
        USED = "used", _("Used")
        CANCELLED = "cancelled", _("Cancelled")
        EXPIRED = "expired", _("Expired")

    class Source(models.TextChoices):
        SPENT = "spent", _("Bought")
        CARD = "card", _("Full card")
        TIER = "tier", _("New tier")

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, db_index=False, related_name="redemptions"
    )
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, db_index=False)
    operation = models.OneToOneField(
        Operation, on_delete=models.PROTECT, null=True, related_name="redemption"
    )
    code = models.OneToOneField(
        "discounts.DiscountCode", on_delete=models.PROTECT, null=True, related_name="redemption"
    )
    source = models.CharField(max_length=8, choices=Source, default=Source.SPENT)
    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, null=True, related_name="+")
    position = models.PositiveIntegerField(null=True)
    units = models.PositiveIntegerField(default=0)
    from_stock = models.BooleanField(db_default=False)
    status = models.CharField(max_length=11, choices=Status, default=Status.OUTSTANDING)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closing_note = models.CharField(max_length=200, blank=True)
    idempotency_key = models.CharField(max_length=200, unique=True)

    class Meta:
        constraints = (
            # A step's reward is given once in a lifetime, a full card's once.
            models.UniqueConstraint(fields=("customer", "tier"), name="rewards_tier_reward_once"),
            models.UniqueConstraint(fields=("account", "position"), name="rewards_card_once"),
            models.CheckConstraint(
                condition=Q(status="outstanding", closed_at__isnull=True)
                | (~Q(status="outstanding") & Q(closed_at__isnull=False)),
                name="rewards_redemption_closed",
            ),
        )
        indexes = (
            models.Index(fields=("customer", "-id"), name="rewards_redemption_customer"),
            models.Index(fields=("-created_at", "-id"), name="rewards_redemption_newest"),
            models.Index(
                fields=("status", "-created_at", "-id"), name="rewards_redemption_by_status"
            ),
            models.Index(
                fields=("expires_at",),
                condition=Q(status="outstanding"),
                name="rewards_redemption_expiring",
            ),
        )
        triggers = (KEPT,)

    def __str__(self) -> str:
        return f"redemption {self.pk}"

    @property
    def cost(self) -> str:
        """What was spent on it, as in `500 points`. Select `reward__program` along."""
        return self.reward.program.units(self.units)

    @property
    def is_removed(self) -> bool:
        """Taken away without giving units back. Select `operation__reversed_by` along."""
        if self.status != self.Status.CANCELLED:
            return False
        return self.operation is None or getattr(self.operation, "reversed_by", None) is None
