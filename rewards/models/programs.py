"""What units exist and what earns them."""

from __future__ import annotations

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from loyalty_admin.common.triggers import APPEND_ONLY


@pghistory.track()
class Program(models.Model):
    """A loyalty currency: points or stamps, and how its units behave."""

    class Kind(models.TextChoices):
        POINTS = "points", _("Points")
        STAMPS = "stamps", _("Stamps")

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused")

    class Rounding(models.TextChoices):
        DOWN = "down", _("Down")
        NEAREST = "nearest", _("To the nearest, halves up")
        UP = "up", _("Up")

    class Expiry(models.TextChoices):
        NEVER = "never", _("Never")
        PER_LOT = "per_lot", _("A number of days after they became available")
        INACTIVITY = "inactivity", _("A number of days without earning or spending")

    class TierBasis(models.TextChoices):
        NONE = "none", _("No tiers")
        LIFETIME_UNITS = "lifetime_units", _("Units earned in a lifetime")
        WINDOW_UNITS = "window_units", _("Units earned in the last days")
        WINDOW_SPEND = "window_spend", _("Money spent in the last days")

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.POINTS)
    status = models.CharField(max_length=8, choices=Status, default=Status.DRAFT)
    unit_singular = models.CharField(max_length=40, default="point")
    unit_plural = models.CharField(max_length=40, default="points")
    unit_value = models.DecimalField(max_digits=12, decimal_places=4)
    currency = models.CharField(max_length=3)
    rounding = models.CharField(max_length=8, choices=Rounding, default=Rounding.DOWN)
    pending_days = models.PositiveSmallIntegerField(default=0)
    expiry = models.CharField(max_length=10, choices=Expiry, default=Expiry.NEVER)
    expiry_days = models.PositiveSmallIntegerField(default=0)
    grace_days = models.PositiveSmallIntegerField(default=30)
    clawback_below_zero = models.BooleanField(default=False)
    warning_days = models.PositiveSmallIntegerField(default=30)
    reinstate_days = models.PositiveSmallIntegerField(default=60)
    card_size = models.PositiveSmallIntegerField(null=True, blank=True)
    card_reward = models.ForeignKey(
        "rewards.Reward", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    tier_basis = models.CharField(max_length=16, choices=TierBasis, default=TierBasis.NONE)
    tier_window_days = models.PositiveSmallIntegerField(default=365)
    tier_grace_days = models.PositiveSmallIntegerField(default=30)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(expiry="never") | models.Q(expiry_days__gt=0),
                name="rewards_program_expiry_has_days",
            ),
            # A card has a size, and only stamps have cards.
            models.CheckConstraint(
                condition=models.Q(kind="points", card_size=None, card_reward=None)
                | models.Q(kind="stamps", card_size__gt=0),
                name="rewards_program_card_has_size",
            ),
            models.CheckConstraint(
                condition=models.Q(unit_value__gte=0), name="rewards_program_value_not_negative"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_running(self) -> bool:
        """Whether it earns and can be spent now."""
        return self.status == self.Status.ACTIVE

    def in_words(self) -> dict[str, object]:
        """How an event names this program and its units, so that it reads the same for ever."""
        return {
            "program_id": self.pk,
            "program": self.name,
            "unit_singular": self.unit_singular,
            "unit_plural": self.unit_plural,
        }

    def units(self, amount: int) -> str:
        """The amount with the unit's name, as in `1 point` or `−40 points`."""
        name = self.unit_singular if abs(amount) == 1 else self.unit_plural
        return f"{amount:,} {name}".replace("-", "−")


@pghistory.track()
class EarningRule(models.Model):
    """Something that earns units in a program. What it says stands in its versions."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="rules")
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("program", "name")

    def __str__(self) -> str:
        return self.name


class EarningRuleVersion(models.Model):
    """What a rule says from `effective_from` on, until the next version; immutable.

    The trigger says what earns. An order earns `units` for each whole `per` of its measure:
    an amount of money after discounts, a number of items, or the order itself (`per` is then
    1); everything else, such as a sign-up, earns `units` each time. Empty lists of categories,
    products, stores or channels mean all of them. The multiplier of the customer's tier comes
    first, the caps after it; a day is one of the store's.
    """

    class Trigger(models.TextChoices):
        ORDER = "order", _("An order")
        SIGN_UP = "sign_up", _("Signing up")
        NEWSLETTER = "newsletter", _("Subscribing to the newsletter")
        REVIEW = "review", _("Writing a review")
        REFERRAL = "referral", _("Bringing a friend")
        BIRTHDAY = "birthday", _("A birthday")

    class Measure(models.TextChoices):
        AMOUNT = "amount", _("Amount spent")
        ITEMS = "items", _("Items bought")
        ORDER = "order", _("Each order")

    rule = models.ForeignKey(
        EarningRule, on_delete=models.PROTECT, db_index=False, related_name="versions"
    )
    number = models.PositiveIntegerField()
    trigger = models.CharField(max_length=10, choices=Trigger, default=Trigger.ORDER)
    measure = models.CharField(max_length=8, choices=Measure, default=Measure.AMOUNT)
    units = models.PositiveIntegerField()
    per = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    categories = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    skus = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    stores = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    channels = ArrayField(models.CharField(max_length=8), default=list, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    multiplied_by_tier = models.BooleanField(default=True)
    cap_per_order = models.PositiveIntegerField(null=True, blank=True)
    cap_per_day = models.PositiveIntegerField(null=True, blank=True)
    cap_per_customer = models.PositiveIntegerField(null=True, blank=True)
    effective_from = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("rule", "-number")
        constraints = (
            models.UniqueConstraint(fields=("rule", "number"), name="rewards_rule_version_once"),
            models.CheckConstraint(
                condition=models.Q(units__gt=0) & models.Q(per__gt=0),
                name="rewards_rule_version_positive",
            ),
        )
        triggers = (APPEND_ONLY,)

    def __str__(self) -> str:
        return f"{self.rule_id} v{self.number}"
