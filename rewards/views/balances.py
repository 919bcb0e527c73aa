"""The dialogs that change a balance: Adjust and Spend."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

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
from rewards.actions.balances import adjust_balance, debit_balance, expiry_of
from rewards.forms import AdjustForm, BalanceForm, SpendForm, new_key
from rewards.models import Operation, Program
from rewards.selectors.balances import Holding, holding_of, holdings_of
from rewards.selectors.preview import Preview, preview_change

CHANGED = "ledger-changed"

F = TypeVar("F", bound=BalanceForm)


@requires(Perm.BALANCE_ADJUST)
@require_http_methods(["GET", "HEAD", "POST"])
def adjust(request: HttpRequest, customer_id: int) -> HttpResponse:
    """RW-4: change a balance by hand, after saying what that will do."""
    customer = _customer(customer_id)
    if request.method != "POST":
        return _dialog(request, customer, "adjust", _fresh(AdjustForm, request, customer))
    form = AdjustForm(request.POST)
    if not form.is_valid():
        return _dialog(request, customer, "adjust", form, status=422)
    values = form.cleaned_data
    program, reason = values.pop("program"), values.pop("reason")
    try:
        operation = adjust_balance(
            actor=_actor(request),
            customer_id=customer.pk,
            program_id=program.pk,
            reason_id=reason.pk,
            **values,
        )
    except DomainError as error:
        return _refused(request, customer, "adjust", form, program, error)
    return _done(request, customer, program, operation, _("adjusted by"))


@requires(Perm.BALANCE_SPEND)
@require_http_methods(["GET", "HEAD", "POST"])
def spend(request: HttpRequest, customer_id: int) -> HttpResponse:
    """RW-5: take units that the customer used at the counter."""
    customer = _customer(customer_id)
    if request.method != "POST":
        return _dialog(request, customer, "spend", _fresh(SpendForm, request, customer))
    form = SpendForm(request.POST)
    if not form.is_valid():
        return _dialog(request, customer, "spend", form, status=422)
    values = form.cleaned_data
    program = values.pop("program")
    try:
        operation = debit_balance(
            actor=_actor(request), customer_id=customer.pk, program_id=program.pk, **values
        )
    except DomainError as error:
        return _refused(request, customer, "spend", form, program, error)
    return _done(request, customer, program, operation, _("spent:"))


@requires(Perm.BALANCE_ADJUST)
@require_safe
def adjust_preview(request: HttpRequest, customer_id: int) -> HttpResponse:
    """What the adjustment that is being typed will do."""
    return _preview(request, customer_id, AdjustForm(request.GET))


@requires(Perm.BALANCE_SPEND)
@require_safe
def spend_preview(request: HttpRequest, customer_id: int) -> HttpResponse:
    """What the debit that is being typed will do."""
    return _preview(request, customer_id, SpendForm(request.GET))


def _preview(request: HttpRequest, customer_id: int, form: BalanceForm) -> HttpResponse:
    preview = preview_of(_customer(customer_id), form)
    context = {"lines": preview.lines, "tone": preview.tone}
    return render_template(request, "components/preview.html", context)


def preview_of(customer: Customer, form: BalanceForm) -> Preview:
    """What the form as it stands would do; a request to go on while something is missing."""
    form.is_valid()
    values = form.cleaned_data if form.is_bound else form.initial
    amount, program = values.get("amount"), values.get("program")
    if not amount or not isinstance(program, Program):
        return Preview([_("Enter an amount to see the new balance.")])
    spending = isinstance(form, SpendForm)
    return preview_change(
        _holding(customer, program),
        -amount if spending else amount,
        expires_at=_expiry(program, amount, values.get("expires_in_days")),
        comment=values.get("customer_comment", ""),
        counts_for_tier=None if spending else values.get("counts_for_tier", True),
    )


def _expiry(program: Program, amount: int, days: int | None) -> datetime | None:
    return expiry_of(program, timezone.now(), days) if amount > 0 else None


def _fresh(form_class: type[F], request: HttpRequest, customer: Customer) -> F:
    """An empty form for the program that was asked for, or the first one."""
    programs = list(form_class().fields["program"].queryset)  # type: ignore[attr-defined]
    if not programs:
        return form_class()
    wanted = request.GET.get("program", "")
    program = next((p for p in programs if str(p.pk) == wanted), programs[0])
    balance = _holding(customer, program).balance
    # With several programs the balance that the agent saw depends on their choice.
    seen = balance if len(programs) == 1 else None
    return form_class(initial={"program": program, "expected_balance": seen})


def _dialog(
    request: HttpRequest, customer: Customer, act: str, form: BalanceForm, status: int = 200
) -> HttpResponse:
    preview = preview_of(customer, form)
    holdings = holdings_of(customer.pk, time_zone=timezone.get_current_timezone_name())
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


def _refused(
    request: HttpRequest,
    customer: Customer,
    act: str,
    form: BalanceForm,
    program: Program,
    error: DomainError,
) -> HttpResponse:
    """The dialog again, with what was typed and the refusal beside its field."""
    if isinstance(error, NotFound):
        raise Http404(error.message) from error
    form.add_error(error.field if error.field in form.fields else None, error.message)
    fresh: dict[str, object] = {}
    if isinstance(error, StaleView):
        # Who has read the new balance may save again.
        fresh["expected_balance"] = _holding(customer, program).balance
    if isinstance(error, IdempotencyConflict):
        fresh["idempotency_key"] = new_key()
    form.data = form.data.dict() | fresh  # type: ignore[attr-defined]
    form.cleaned_data["program"] = program
    return _dialog(request, customer, act, form, status=422)


def _done(
    request: HttpRequest, customer: Customer, program: Program, operation: Operation, verb: str
) -> HttpResponse:
    entry = operation.entries.get()
    amount = signed(entry.amount) if verb != _("spent:") else units(-entry.amount)
    words = {
        "program": program.name,
        "verb": verb,
        "amount": amount,
        "before": units(entry.balance_after - entry.amount),
        "after": units(entry.balance_after),
    }
    message = _("%(program)s %(verb)s %(amount)s: balance %(before)s → %(after)s.") % words
    return done(
        request,
        message=message,
        next_url=reverse("rewards:points", args=[customer.pk]),
        events=(CHANGED,),
        undo_url=reverse("rewards:undo", args=[customer.pk, operation.pk]),
    )


def _holding(customer: Customer, program: Program) -> Holding:
    zone = timezone.get_current_timezone_name()
    return holding_of(customer.pk, program.pk, time_zone=zone)


def _customer(customer_id: int) -> Customer:
    try:
        return customer_by_id(customer_id)
    except NotFound as error:
        raise Http404(error.message) from error


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor
