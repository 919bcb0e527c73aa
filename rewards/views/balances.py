"""The dialogs that change a balance: Adjust and Spend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_template
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from customers.models import Customer
from customers.selectors import customer as customer_by_id
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import DomainError, IdempotencyConflict, NotFound, StaleView
from loyalty_admin.common.htmx import done, render
from loyalty_admin.common.templatetags.ui import signed, units
from loyalty_admin.staff.permissions import Perm, requires
from rewards.actions.balances import adjust_balance, debit_balance
from rewards.actions.moving import expiry_of
from rewards.actions.settling import settle_account
from rewards.forms.balances import AdjustForm, BalanceForm, SpendForm
from rewards.forms.fields import new_key
from rewards.models import Operation
from rewards.places import CHANGED
from rewards.selectors.balances import Holding, holdings_of
from rewards.selectors.preview import Preview, preview_change

Save = Callable[..., Operation]


@requires(Perm.BALANCE_ADJUST)
@require_http_methods(["GET", "HEAD", "POST"])
def adjust(request: HttpRequest, customer_id: int) -> HttpResponse:
    """RW-4: change a balance by hand, after saying what that will do."""
    return _act(request, customer_id, "adjust", AdjustForm, adjust_balance)


@requires(Perm.BALANCE_SPEND)
@require_http_methods(["GET", "HEAD", "POST"])
def spend(request: HttpRequest, customer_id: int) -> HttpResponse:
    """RW-5: take units that the customer used at the counter."""
    return _act(request, customer_id, "spend", SpendForm, debit_balance)


@requires(Perm.BALANCE_ADJUST)
@require_safe
def adjust_preview(request: HttpRequest, customer_id: int) -> HttpResponse:
    """What the adjustment that is being typed will do."""
    return _preview(request, customer_id, AdjustForm)


@requires(Perm.BALANCE_SPEND)
@require_safe
def spend_preview(request: HttpRequest, customer_id: int) -> HttpResponse:
    """What the debit that is being typed will do."""
    return _preview(request, customer_id, SpendForm)


def _act(
    request: HttpRequest, customer_id: int, act: str, form_class: type[BalanceForm], save: Save
) -> HttpResponse:
    customer, holdings = _customer(customer_id), _holdings(customer_id)
    if request.method != "POST":
        form = form_class(holdings=holdings, wanted=request.GET.get("program", ""))
        return _dialog(request, customer, act, form)
    form = form_class(request.POST, holdings=holdings)
    if not form.is_valid():
        return _dialog(request, customer, act, form, status=422)
    actor: Actor = request.actor  # type: ignore[attr-defined]
    try:
        operation = save(actor=actor, customer_id=customer.pk, **form.values())
    except NotFound as error:
        raise Http404(error.message) from error
    except DomainError as error:
        return _refused(request, customer, act, form, error)
    points = reverse("rewards:points", args=[customer.pk])
    return done(
        request,
        message=_message(operation),
        next_url=f"{points}?program={form.cleaned_data['program']}",
        events=(CHANGED,),
        undo_url=reverse("rewards:undo", args=[customer.pk, operation.pk]),
    )


def _message(operation: Operation) -> str:
    entry = operation.entries.select_related("account__program").get()
    words: dict[str, Any] = {
        "program": entry.account.program.name,
        "units": entry.account.program.units(-entry.amount),
        "amount": signed(entry.amount),
        "before": units(entry.balance_after - entry.amount),
        "after": units(entry.balance_after),
    }
    if operation.kind == Operation.Kind.DEBIT:
        return _("Spent %(units)s: balance %(before)s → %(after)s.") % words
    return _("%(program)s adjusted by %(amount)s: balance %(before)s → %(after)s.") % words


def _refused(
    request: HttpRequest, customer: Customer, act: str, form: BalanceForm, error: DomainError
) -> HttpResponse:
    """The dialog again, with what was typed and the refusal beside its field."""
    form.add_error(error.field if error.field in form.fields else None, error.message)
    fresh: dict[str, Any] = {}
    if isinstance(error, StaleView) and (holding := form.holding()):
        # Who has read the new balance may save again. What made it new may be time alone,
        # and the refusal took that back: settle, so that the dialog and the ledger agree.
        settle_account(customer_id=customer.pk, program_id=holding.program.pk)
        form.holdings = _holdings(customer.pk)
        fresh["expected_balance"] = next(
            again.balance for again in form.holdings if again.program == holding.program
        )
    if isinstance(error, IdempotencyConflict):
        fresh["idempotency_key"] = new_key()
    form.data = form.data.dict() | fresh  # type: ignore[attr-defined]
    return _dialog(request, customer, act, form, status=422)


def _dialog(
    request: HttpRequest, customer: Customer, act: str, form: BalanceForm, status: int = 200
) -> HttpResponse:
    preview, holdings = _preview_of(form), form.holdings
    context = {
        "customer": customer,
        "form": form,
        "lines": preview.lines,
        "tone": preview.tone,
        "url": reverse(f"rewards:{act}", args=[customer.pk]),
        "preview_url": reverse(f"rewards:{act}-preview", args=[customer.pk]),
        "close_url": reverse("rewards:points", args=[customer.pk]),
        "holdings": " · ".join(h.program.units(h.balance) for h in holdings),
        "unit_plural": holdings[0].program.unit_plural if len(holdings) == 1 else _("units"),
    }
    return render(request, f"rewards/{act}.html", context, partial="dialog", status=status)


def _preview(request: HttpRequest, customer_id: int, form_class: type[BalanceForm]) -> HttpResponse:
    customer = _customer(customer_id)
    preview = _preview_of(form_class(request.GET, holdings=_holdings(customer.pk)))
    context = {"lines": preview.lines, "tone": preview.tone}
    return render_template(request, "components/preview.html", context)


def _preview_of(form: BalanceForm) -> Preview:
    """What the form as it stands would do; a request to go on while something is missing."""
    holding = form.holding()
    if holding is None:
        return Preview([_("No program is running, so there is no balance to change.")], "warn")
    form.is_valid()
    values = form.cleaned_data if form.is_bound else {}
    amount = values.get("amount")
    if not amount:
        return Preview([_("Enter an amount to see the new balance.")])
    spending = isinstance(form, SpendForm)
    days = values.get("expires_in_days")
    return preview_change(
        holding,
        -amount if spending else amount,
        expires_at=expiry_of(holding.program, timezone.now(), days),
        comment=values.get("customer_comment", ""),
        counts_for_tier=None if spending else values.get("counts_for_tier", True),
    )


def _holdings(customer_id: int) -> list[Holding]:
    """What can be changed: the holdings in programs that run."""
    zone = timezone.get_current_timezone_name()
    return [h for h in holdings_of(customer_id, time_zone=zone) if h.program.is_running]


def _customer(customer_id: int) -> Customer:
    try:
        return customer_by_id(customer_id)
    except NotFound as error:
        raise Http404(error.message) from error
