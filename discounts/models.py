"""Offers, and the codes that are made from them."""

from __future__ import annotations

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from activity.models import Authored
from loyalty_admin.common.triggers import KEPT


class ValueKind(models.TextChoices):
    """What a code takes off."""

    PERCENTAGE = "percentage", _("Percentage")
    FIXED = "fixed", _("Fixed amount")
    FREE_SHIPPING = "shipping", _("Free shipping")
    GIFT_CARD = "gift_card", _("Gift card")


@pghistory.track()
class Offer(models.Model):
    """A coupon design: what its codes are worth, on what, how long and how often.

    `value` is a percentage or an amount of money, by its kind; free shipping has none.
    `value_cap` limits what a percentage takes off, in money.
    """

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=ValueKind)
    value = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    currency = models.CharField(max_length=3)
    value_cap = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    minimum_spend = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    categories = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    skus = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    valid_days = models.PositiveSmallIntegerField(default=90)
    usage_limit = models.PositiveSmallIntegerField(default=1)
    prefix = models.CharField(max_length=10, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=Q(kind="percentage", value__gt=0, value__lte=100)
                | Q(kind__in=("fixed", "gift_card"), value__gt=0)
                | Q(kind="shipping", value=0),
                name="discounts_offer_has_value",
            ),
            models.CheckConstraint(
                condition=Q(valid_days__gt=0) & Q(usage_limit__gt=0),
                name="discounts_offer_can_be_used",
            ),
        )

    def __str__(self) -> str:
        return self.name


class DiscountCode(Authored):
    """One code, as its offer was when it was made; usually for one customer."""

    class Status(models.TextChoices):
        AVAILABLE = "available", _("Available")
        USED = "used", _("Used")
        VOIDED = "voided", _("Deleted")

    class Source(models.TextChoices):
        REDEMPTION = "redemption", _("Redemption")
        TIER = "tier", _("New tier")
        CARD = "card", _("Full card")

    code = models.CharField(max_length=40, unique=True)
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="codes")
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        related_name="discount_codes",
    )
    kind = models.CharField(max_length=10, choices=ValueKind)
    value = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    source = models.CharField(max_length=12, choices=Source)
    status = models.CharField(max_length=10, choices=Status, default=Status.AVAILABLE)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)
    void_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            # A code that was used was never voided, and the other way round.
            models.CheckConstraint(
                condition=Q(status="available", used_at__isnull=True, voided_at__isnull=True)
                | Q(status="used", used_at__isnull=False, voided_at__isnull=True)
                | Q(status="voided", used_at__isnull=True, voided_at__isnull=False),
                name="discounts_code_status",
            ),
        )
        indexes = (models.Index(fields=("customer", "-id"), name="discounts_code_customer"),)
        triggers = (KEPT,)

    def __str__(self) -> str:
        return self.code
