"""Customers and orders."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Coalesce, ExtractDay, ExtractMonth, Left
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from activity.models import Authored
from loyalty_admin.common.triggers import APPEND_ONLY


class Customer(models.Model):
    """A person known to the store, enrolled in the programme or not."""

    class Status(models.TextChoices):
        GUEST = "guest", _("Guest")
        MEMBER = "member", _("Member")
        REMOVED = "removed", _("Removed")

    external_id = models.CharField(max_length=80, unique=True, null=True, blank=True)
    name = models.CharField(max_length=160, blank=True)
    document = models.CharField(max_length=40, blank=True)
    address = models.CharField(max_length=300, blank=True)
    language = models.CharField(max_length=8, default="en")
    birth_date = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.GUEST)
    joined_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    listed_at = models.GeneratedField(
        expression=Coalesce("joined_at", "created_at"),
        output_field=models.DateTimeField(),
        db_persist=True,
    )
    search_text = models.TextField(blank=True, editable=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(status="member") | models.Q(joined_at__isnull=False),
                name="customers_member_has_joined",
            ),
        )
        indexes = (
            # The list: newest joiners first; people who never joined stand at their creation.
            models.Index(fields=("-listed_at", "-id"), name="customers_newest"),
            # One normalised column with one trigram index answers every search.
            GinIndex(OpClass("search_text", name="gin_trgm_ops"), name="customers_search"),
            # Trigrams need three characters; shorter terms find what a name starts with.
            models.Index(
                OpClass(Left("search_text", 12), name="text_pattern_ops"),
                name="customers_search_start",
            ),
            models.Index(fields=("document",), name="customers_document"),
            # Whose birthday is today, of the members.
            models.Index(
                ExtractMonth("birth_date"),
                ExtractDay("birth_date"),
                condition=models.Q(status="member", birth_date__isnull=False),
                name="customers_birthday",
            ),
        )

    def __str__(self) -> str:
        return self.name or self.external_id or f"Customer {self.pk}"

    @property
    def initials(self) -> str:
        """Up to two letters for the avatar."""
        words = str(self).split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


class Order(models.Model):
    """A sale, online or in a store. Its customer may be unknown."""

    class Status(models.TextChoices):
        COMPLETED = "completed", _("Completed")
        CANCELLED = "cancelled", _("Cancelled")
        REFUNDED = "refunded", _("Refunded")
        PARTLY_REFUNDED = "partly", _("Partly refunded")

    store = models.ForeignKey("staff.Store", on_delete=models.PROTECT, db_index=False)
    number = models.CharField(max_length=60)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, db_index=False, related_name="orders"
    )
    placed_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    total = models.DecimalField(max_digits=14, decimal_places=2)
    discount = models.DecimalField(max_digits=14, decimal_places=2)
    status = models.CharField(max_length=10, choices=Status, default=Status.COMPLETED)
    # How often it began to earn: once, and again after each cancellation or undone claim.
    completions = models.PositiveSmallIntegerField(default=1, db_default=1)
    # The last refund before it last began to earn: it earned on what that one had left.
    earned_after = models.ForeignKey(
        "customers.Refund", on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            # A till's numbers are its own; a second order with the same one is a replay.
            models.UniqueConstraint(fields=("number", "store"), name="customers_order_once"),
            models.CheckConstraint(
                condition=models.Q(total__gte=0) & models.Q(discount__gte=0),
                name="customers_order_not_negative",
            ),
        )
        indexes = (
            models.Index(
                fields=("customer", "-placed_at", "-id"), name="customers_order_of_customer"
            ),
            models.Index(fields=("-placed_at", "-id"), name="customers_order_newest"),
        )

    def __str__(self) -> str:
        return f"#{self.number}"


class OrderLine(models.Model):
    """One line of an order: what was bought, and what was paid after discounts."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, db_index=False, related_name="lines")
    # Carried so that lines can live beside their customer on another machine; the order's
    # own key is what the database checks.
    customer = models.ForeignKey(
        Customer,
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
    position = models.PositiveIntegerField()
    sku = models.CharField(max_length=60)
    product = models.CharField(max_length=200)
    category = models.CharField(max_length=80, blank=True)
    quantity = models.DecimalField(max_digits=12, decimal_places=3)
    total = models.DecimalField(max_digits=14, decimal_places=2)
    discount = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=("order", "position"), name="customers_line_once"),
            # Zero is real (gifts, weighing errors); less than nothing is a refund, not a sale.
            models.CheckConstraint(
                condition=models.Q(quantity__gte=0)
                & models.Q(total__gte=0)
                & models.Q(discount__gte=0),
                name="customers_line_not_negative",
            ),
        )

    def __str__(self) -> str:
        return f"{self.product} × {self.quantity}"


class Refund(Authored):
    """What was given back for an order, wholly or for some of its lines; known by its number."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, db_index=False, related_name="refunds"
    )
    customer = models.ForeignKey(
        Customer,
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
    number = models.CharField(max_length=60)
    refunded_at = models.DateTimeField()
    total = models.DecimalField(max_digits=14, decimal_places=2)
    fingerprint = models.CharField(max_length=64)
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("pk",)
        constraints = (
            # The same refund told twice is one refund.
            models.UniqueConstraint(fields=("order", "number"), name="customers_refund_once"),
        )
        triggers = (APPEND_ONLY,)

    def __str__(self) -> str:
        return self.number


class RefundLine(models.Model):
    """How much of an order's line went back: items, and the money that was paid for them."""

    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="lines")
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="refunds")
    customer = models.ForeignKey(
        Customer,
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
    quantity = models.DecimalField(max_digits=12, decimal_places=3)
    total = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("refund", "line"), name="customers_refund_line_once"),
            models.CheckConstraint(
                condition=models.Q(quantity__gte=0) & models.Q(total__gte=0),
                name="customers_refund_line_not_negative",
            ),
        )
        triggers = (APPEND_ONLY,)

    def __str__(self) -> str:
        return f"{self.total} of line {self.line_id}"
