"""Joining, and coming back: time stood still for the ladders, too."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from customers.models import Customer
from loyalty_admin.common.actor import Actor
from rewards.actions.tiers.evaluating import move_found
from rewards.models import TierMembership
from rewards.selectors.standings import changing_customers
from rewards.selectors.tiers import has_ladders


def follow_enrolment(actor: Actor, customer: Customer) -> None:
    """Put a new member on the step that is theirs already.

    Who came back and would have lost a step meanwhile has the program's grace to keep it.
    Part of the enrolment, after what it earned. One query where there is no ladder.
    """
    if not has_ladders():
        return
    now = timezone.now()
    due = TierMembership.objects.filter(
        customer=customer, ended_at__isnull=True, lapses_at__lte=now
    ).select_related("program")
    for row in due:
        row.lapses_at = now + timedelta(days=row.program.tier_grace_days)
        row.save(update_fields=["lapses_at"])
    move_found(actor, changing_customers([customer.pk], at=now), now)
