"""RW-5: the dialog that spends a balance, on a reward or at the counter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_template
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from customers.models import Customer
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import DomainError, NotFound
from loyalty_admin.common.htmx import done, render
from loyalty_admin.common.templatetags.ui import units
from loyalty_admin.staff.permissions import Perm, requires
from rewards.actions.balances import debit_balance
from rewards.actions.redemptions import redeem_reward
from rewards.forms.spending import COUNTER, SpendForm
from rewards.models import Operation, Program, Redemption
from rewards.places import CHANGED
from rewards.selectors.balances import Holding
from rewards.selectors.offered import Offered, offered_rewards, preview_reward
from rewards.selectors.preview import Preview, preview_change
from rewards.views.balances import NOTHING_RUNS, customer_or_404, running_holdings, take_refusal


@dataclass(frozen=True, slots=True)
class Option:
    """A reward as the dialog shows it: what it costs, what is left then, or what is missing."""

    value: str
    name: str
    description: str
    picture_url: str
    cost: str
    after: str
    obstacle: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A program to spend from."""

    label: str
    url: str
    current: bool


@requires(Perm.BALANCE_SPEND)
@require_http_methods(["GET", "HEAD", "POST"])
def spend(request: HttpRequest, customer_id: int) -> HttpResponse:
    """RW-5: redeem a reward, or take units that were used at the counter."""
    customer = customer_or_404(customer_id)
    form = _form(request, customer, request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return _dialog(request, customer, form)
    if not form.is_valid():
        return _dialog(request, customer, form, status=422)
    actor: Actor = request.actor  # type: ignore[attr-defined]
    try:
        if form.chosen_reward:
            redemption = redeem_reward(actor=actor, customer_id=customer.pk, **form.values())
            return _redeemed(request, redemption)
        operation = debit_balance(actor=actor, customer_id=customer.pk, **form.values())
        return _debited(request, operation)
    except NotFound as error:
        raise Http404(error.message) from error
    except DomainError as error:
        take_refusal(form, customer, error)
        _offer(form, customer)
        return _dialog(request, customer, form, status=422)


@requires(Perm.BALANCE_SPEND)
@require_safe
def spend_preview(request: HttpRequest, customer_id: int) -> HttpResponse:
    """What the choice that is being made will do."""
    preview = _preview_of(_form(request, customer_or_404(customer_id), request.GET))
    context = {"lines": preview.lines, "tone": preview.tone}
    return render_template(request, "components/preview.html", context)


def _form(request: HttpRequest, customer: Customer, data: Any) -> SpendForm:
    # Points first: full stamp cards are spent by themselves.
    holdings = sorted(
        running_holdings(customer.pk), key=lambda each: each.program.kind != Program.Kind.POINTS
    )
    form = SpendForm(data, holdings=holdings, wanted=request.GET.get("program", ""))
    _offer(form, customer, wanted=request.GET.get("reward", ""))
    return form


def _offer(form: SpendForm, customer: Customer, wanted: str = "") -> None:
    if holding := form.holding():
        form.offer(offered_rewards(customer.pk, holding, timezone.now()), wanted)


def _redeemed(request: HttpRequest, redemption: Redemption) -> HttpResponse:
    entry = redemption.account.entries.get(operation=redemption.operation_id)
    words = {
        "units": redemption.account.program.units(redemption.units),
        "reward": redemption.reward,
        "before": units(entry.balance_after - entry.amount),
        "after": units(entry.balance_after),
    }
    message = _("Redeemed %(units)s for “%(reward)s”: balance %(before)s → %(after)s.") % words
    ids = [redemption.customer_id, redemption.pk]
    return done(
        request,
        message=message,
        next_url=reverse("rewards:customer-rewards", args=[redemption.customer_id]),
        events=(CHANGED,),
        undo_url=reverse("rewards:redemption-cancel", args=ids),
        code=redemption.code.code if redemption.code else "",
    )


def _debited(request: HttpRequest, operation: Operation) -> HttpResponse:
    entry = operation.entries.select_related("account__program").get()
    program = entry.account.program
    words = {
        "units": program.units(-entry.amount),
        "before": units(entry.balance_after - entry.amount),
        "after": units(entry.balance_after),
    }
    tab = "rewards:points" if program.kind == Program.Kind.POINTS else "rewards:stamps"
    history = reverse(tab, args=[operation.customer_id])
    return done(
        request,
        message=_("Spent %(units)s: balance %(before)s → %(after)s.") % words,
        next_url=f"{history}?{urlencode({'program': program.pk})}",
        events=(CHANGED,),
        undo_url=reverse("rewards:undo", args=[operation.customer_id, operation.pk]),
    )


def _dialog(
    request: HttpRequest, customer: Customer, form: SpendForm, status: int = 200
) -> HttpResponse:
    preview, holding = _preview_of(form), form.holding()
    url = reverse("rewards:spend", args=[customer.pk])
    context = {
        "customer": customer,
        "form": form,
        "lines": preview.lines,
        "tone": preview.tone,
        "url": url,
        "preview_url": reverse("rewards:spend-preview", args=[customer.pk]),
        "close_url": reverse("rewards:customer-rewards", args=[customer.pk]),
        "programs": [_choice(each, url, holding) for each in form.holdings],
        "balance": holding.program.units(holding.balance) if holding else units(0),
        "unit_plural": holding.program.unit_plural if holding else _("units"),
        "options": [_option(each, form, holding.program) for each in form.offered]
        if holding
        else [],
        "at_counter": form.chosen == COUNTER,
    }
    return render(request, "rewards/spend.html", context, partial="dialog", status=status)


def _choice(holding: Holding, url: str, current: Holding | None) -> Choice:
    program = holding.program
    label = f"{program} · {units(holding.balance)}"
    return Choice(label, f"{url}?{urlencode({'program': program.pk})}", holding is current)


def _option(offered: Offered, form: SpendForm, program: Program) -> Option:
    reward, pk = offered.reward, offered.reward.pk
    picture = ""
    if offered.picture:
        picture = reverse("rewards:reward-picture", args=[pk, offered.picture])
    return Option(
        value=str(pk),
        name=reward.name,
        description=reward.description or reward.get_kind_display(),
        picture_url=picture,
        cost=program.units(reward.cost),
        after=units(offered.after),
        obstacle=offered.obstacle.label if offered.obstacle else "",
        chosen=form.chosen == str(pk),
    )


def _preview_of(form: SpendForm) -> Preview:
    """What the form as it stands would do; a request to go on while something is missing."""
    holding = form.holding()
    if holding is None:
        return Preview([str(NOTHING_RUNS)], "warn")
    if offered := form.chosen_reward:
        return preview_reward(holding, offered, timezone.now())
    form.is_valid()
    values = form.cleaned_data if form.is_bound else {}
    if amount := values.get("amount"):
        return preview_change(holding, -amount, comment=values.get("customer_comment", ""))
    if form.chosen == COUNTER or not form.offered:
        return Preview([_("Enter an amount to see the new balance.")])
    return Preview([_("Choose a reward to see the new balance.")])
