"""The dialog that adjusts a balance, and what it shares with the one that spends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_template
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from customers.models import Customer
from customers.selectors import customer as customer_by_id
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import (
    DomainError,
    IdempotencyConflict,
    InsufficientBalance,
    NotFound,
    StaleView,
)
from loyalty_admin.common.htmx import done, render
from loyalty_admin.common.templatetags.ui import signed, units
from loyalty_admin.staff.permissions import Perm, requires
from rewards.actions.balances import adjust_balance
from rewards.actions.moving import expiry_of
from rewards.actions.settling import settle_account
from rewards.forms.balances import AdjustForm, BalanceForm
from rewards.forms.fields import new_key
from rewards.models import Operation, Program
from rewards.places import CHANGED
from rewards.selectors.balances import Holding, holdings_of
from rewards.selectors.preview import Preview, preview_change
from rewards.selectors.tier_words import tier_effect
from rewards.selectors.tiers import standing_of

NOTHING_RUNS = gettext_lazy("No program is running, so there is no balance to change.")


@requires(Perm.BALANCE_ADJUST)
@require_http_methods(["GET", "HEAD", "POST"])
def adjust(request: HttpRequest, customer_id: int) -> HttpResponse:
    """RW-4: change a balance by hand, after saying what that will do."""
    customer, holdings = customer_or_404(customer_id), running_holdings(customer_id)
    if request.method != "POST":
        form = AdjustForm(holdings=holdings, wanted=request.GET.get("program", ""))
        return _dialog(request, customer, form)
    form = AdjustForm(request.POST, holdings=holdings)
    if not form.is_valid():
        return _dialog(request, customer, form, status=422)
    actor: Actor = request.actor  # type: ignore[attr-defined]
    try:
        operation = adjust_balance(actor=actor, customer_id=customer.pk, **form.values())
    except NotFound as error:
        raise Http404(error.message) from error
    except DomainError as error:
        take_refusal(form, customer, error)
        return _dialog(request, customer, form, status=422)
    points = reverse("rewards:points", args=[customer.pk])
    return done(
        request,
        message=_message(operation),
        next_url=f"{points}?program={form.cleaned_data['program']}",
        events=(CHANGED,),
        undo_url=reverse("rewards:undo", args=[customer.pk, operation.pk]),
    )


@requires(Perm.BALANCE_ADJUST)
@require_safe
def adjust_preview(request: HttpRequest, customer_id: int) -> HttpResponse:
    """What the adjustment that is being typed will do."""
    customer = customer_or_404(customer_id)
    form = AdjustForm(request.GET, holdings=running_holdings(customer.pk))
    preview = _preview_of(customer, form)
    context = {"lines": preview.lines, "tone": preview.tone}
    return render_template(request, "components/preview.html", context)


def _message(operation: Operation) -> str:
    entry = operation.entries.select_related("account__program").get()
    words = {
        "program": entry.account.program.name,
        "amount": signed(entry.amount),
        "before": units(entry.balance_after - entry.amount),
        "after": units(entry.balance_after),
    }
    return _("%(program)s adjusted by %(amount)s: balance %(before)s → %(after)s.") % words


def take_refusal(form: BalanceForm, customer: Customer, error: DomainError) -> None:
    """Put a refusal beside its field, keep what was typed, and let the form be sent again."""
    form.add_error(error.field if error.field in form.fields else None, error.message)
    fresh: dict[str, Any] = {}
    if isinstance(error, (StaleView, InsufficientBalance)) and (holding := form.holding()):
        # Who has read the new balance may save again. What made it new may be time alone,
        # and the refusal took that back: settle, so that the dialog and the ledger agree.
        settle_account(customer_id=customer.pk, program_id=holding.program.pk)
        form.holdings = running_holdings(customer.pk)
        if again := form.holding():
            fresh["expected_balance"] = again.balance
    if isinstance(error, IdempotencyConflict):
        fresh["idempotency_key"] = new_key()
    form.data = form.data.dict() | fresh  # type: ignore[attr-defined]


def _dialog(
    request: HttpRequest, customer: Customer, form: AdjustForm, status: int = 200
) -> HttpResponse:
    preview = _preview_of(customer, form)
    context = {
        "customer": customer,
        "form": form,
        "lines": preview.lines,
        "tone": preview.tone,
        "url": reverse("rewards:adjust", args=[customer.pk]),
        "preview_url": reverse("rewards:adjust-preview", args=[customer.pk]),
        "close_url": reverse("rewards:points", args=[customer.pk]),
        "holdings": " · ".join(h.program.units(h.balance) for h in form.holdings),
    }
    return render(request, "rewards/adjust.html", context, partial="dialog", status=status)


def _preview_of(customer: Customer, form: AdjustForm) -> Preview:
    """What the form as it stands would do; a request to go on while something is missing."""
    holding = form.holding()
    if holding is None:
        return Preview([str(NOTHING_RUNS)], "warn")
    form.is_valid()
    values = form.cleaned_data if form.is_bound else {}
    amount = values.get("amount")
    if not amount:
        return Preview([_("Enter an amount to see the new balance.")])
    days = values.get("expires_in_days")
    return preview_change(
        holding,
        amount,
        expires_at=expiry_of(holding.program, timezone.now(), days),
        comment=values.get("customer_comment", ""),
        tier_effect=_tier_effect(customer, holding.program, amount, values),
    )


def _tier_effect(
    customer: Customer, program: Program, amount: int, values: Mapping[str, Any]
) -> str:
    if program.tier_basis == Program.TierBasis.NONE:
        return ""
    if not values.get("counts_for_tier", True):
        return _("Does not count for the tier")
    return tier_effect(standing_of(customer.pk, program, at=timezone.now()), amount)


def running_holdings(customer_id: int) -> list[Holding]:
    """What can be changed: the holdings in programs that run."""
    zone = timezone.get_current_timezone_name()
    return [h for h in holdings_of(customer_id, time_zone=zone) if h.program.is_running]


def customer_or_404(customer_id: int) -> Customer:
    """The customer. Raises Http404."""
    try:
        return customer_by_id(customer_id)
    except NotFound as error:
        raise Http404(error.message) from error
