"""Tiers on the customer's page: the history, and the dialog that changes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_template
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from activity.models import Event
from customers.models import Customer
from customers.page import customer_of
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import DomainError, IdempotencyConflict, NotFound, StaleView
from loyalty_admin.common.htmx import done, refused, render
from loyalty_admin.staff.permissions import Perm, requires
from rewards.actions.tiers import change_tier, undo_tier_change
from rewards.actions.tiers.changing import check_wish
from rewards.forms.fields import new_key
from rewards.forms.tiers import TierForm, seen_in
from rewards.places import CHANGED
from rewards.selectors.preview import Preview
from rewards.selectors.tier_words import amount_in_words, outlook, preview_tier
from rewards.selectors.tiers import Place, history_of, places_of
from rewards.selectors.words import basis_in_words
from rewards.timeline.tiers import gifts_in_words, kept_in_words


@dataclass(frozen=True, slots=True)
class Ladder:
    """A ladder in the history: where they stand, on what grounds, and what comes next."""

    program: str
    tier: str
    counts: str
    outlook: str
    done: int
    total: int
    progress: str


@requires(Perm.LEDGER_VIEW)
@require_safe
def history(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Every ladder with the way to its next step, and every step of the past."""
    customer = customer_of(request, customer_id)
    memberships = history_of(customer_id)
    context = {
        "customer": customer,
        "ladders": [_ladder(place) for place in places_of(customer_id, at=timezone.now())],
        "memberships": memberships,
        "several": len({row.program_id for row in memberships}) > 1,
        "close_url": reverse("customers:profile", args=[customer_id]),
    }
    return render(request, "rewards/tiers/history.html", context, partial="dialog")


def _ladder(place: Place) -> Ladder:
    program, measure = place.program, place.standing.measure
    goal_tier = (
        place.tier if place.standing.lapses_at and place.missing_to_stay else place.following
    )
    goal = goal_tier.threshold if goal_tier else measure
    return Ladder(
        program=program.name,
        tier=place.tier.name if place.tier else _("None yet"),
        counts=basis_in_words(program),
        outlook=outlook(place),
        done=max(int(min(measure, goal)), 0),
        total=max(int(goal), 1),
        progress=amount_in_words(program, measure),
    )


@requires(Perm.TIER_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, customer_id: int) -> HttpResponse:
    """RW-11: another tier by hand, after saying what that will do."""
    customer = customer_of(request, customer_id)
    places = places_of(customer_id, at=timezone.now())
    if request.method != "POST":
        return _dialog(request, customer, TierForm(places=places))
    form = TierForm(request.POST, places=places)
    chosen = form.chosen() if form.is_valid() else None
    if chosen is None:
        return _dialog(request, customer, form, status=422)
    place, wish = chosen
    actor: Actor = request.actor  # type: ignore[attr-defined]
    try:
        event = change_tier(
            actor=actor,
            customer_id=customer.pk,
            program_id=place.program.pk,
            tier_id=wish.tier_id,
            until=wish.until,
            internal_note=wish.internal_note,
            trigger_rewards=wish.trigger_rewards,
            seen=wish.seen,
            idempotency_key=form.cleaned_data["idempotency_key"],
        )
    except NotFound as error:
        raise Http404(error.message) from error
    except DomainError as error:
        return _refused(request, customer, form, error)
    return done(
        request,
        message=_message(event),
        next_url=reverse("customers:profile", args=[customer.pk]),
        events=(CHANGED,),
        undo_url=reverse("rewards:tier-undo", args=[customer.pk, event.pk]),
    )


@requires(Perm.TIER_CHANGE)
@require_safe
def change_preview(request: HttpRequest, customer_id: int) -> HttpResponse:
    """What the change that is being filled in will do."""
    places = places_of(customer_of(request, customer_id).pk, at=timezone.now())
    preview = _preview_of(TierForm(request.GET, places=places))
    context = {"lines": preview.lines, "tone": preview.tone}
    return render_template(request, "components/preview.html", context)


@requires(Perm.TIER_CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, customer_id: int, change_id: int) -> HttpResponse:
    """Ask (GET) and undo (POST) a change by hand."""
    profile = reverse("customers:profile", args=[customer_id])
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if request.method != "POST":
        return _ask(request, customer_id, change_id, profile)
    try:
        event = undo_tier_change(
            actor=actor,
            customer_id=customer_id,
            change_id=change_id,
            idempotency_key=f"undo:tier:{change_id}:{actor.user_id}",
        )
    except NotFound as error:
        raise Http404(error.message) from error
    except DomainError as error:
        return refused(request, message=error.message, next_url=profile)
    tier = event.data["to"] or _("no tier")
    message = " ".join([_("Undone: the tier is %s again.") % tier, *kept_in_words(event)])
    return done(request, message=message, next_url=profile, events=(CHANGED,))


def _ask(request: HttpRequest, customer_id: int, change_id: int, profile: str) -> HttpResponse:
    event = Event.objects.filter(
        customer_id=customer_id, kind="tier.changed", pk=change_id, data__why="by_hand"
    ).first()
    if event is None:
        raise Http404
    lines = [_("%(after)s → %(before)s") % _both(event)]
    if event.data["gifts"]:
        lines.append(_("What it gave is taken back, as far as it was not used"))
    context = {
        "lines": lines,
        "close_url": profile,
        "action_url": reverse("rewards:tier-undo", args=[customer_id, change_id]),
        "title": _("Undo this change of tier?"),
        "label": _("Undo"),
    }
    return render(request, "rewards/undo.html", context, partial="dialog")


def _both(event: Event) -> dict[str, str]:
    """The step before and the step after, by name."""
    before, after = (event.data[key] or _("no tier") for key in ("from", "to"))
    return {"before": before, "after": after}


def _message(event: Event) -> str:
    change = _("Tier changed: %(before)s → %(after)s.") % _both(event)
    gifts = gifts_in_words(event)
    return " ".join([change, *([_("Given: %s.") % gifts] if gifts else [])])


def _refused(
    request: HttpRequest, customer: Customer, form: TierForm, error: DomainError
) -> HttpResponse:
    """The dialog again, with what was filled in and the refusal beside its field."""
    form.add_error(error.field if error.field in form.fields else None, error.message)
    fresh: dict[str, Any] = {}
    if isinstance(error, StaleView):
        # Who has read where the customer stands now may save again.
        form.places = places_of(customer.pk, at=timezone.now())
        fresh["seen"] = seen_in(form.places)
    if isinstance(error, IdempotencyConflict):
        fresh["idempotency_key"] = new_key()
    form.data = form.data.dict() | fresh  # type: ignore[attr-defined]
    return _dialog(request, customer, form, status=422)


def _dialog(
    request: HttpRequest, customer: Customer, form: TierForm, status: int = 200
) -> HttpResponse:
    preview = _preview_of(form)
    context = {
        "customer": customer,
        "form": form,
        "lines": preview.lines,
        "tone": preview.tone,
        "stands": " · ".join(_stands(place, len(form.places)) for place in form.places),
        "url": reverse("rewards:tier-change", args=[customer.pk]),
        "preview_url": reverse("rewards:tier-preview", args=[customer.pk]),
        "close_url": reverse("customers:profile", args=[customer.pk]),
    }
    return render(request, "rewards/tiers/change.html", context, partial="dialog", status=status)


def _stands(place: Place, ladders: int) -> str:
    tier = place.tier.name if place.tier else _("no tier yet")
    said = ", ".join(filter(None, (tier, outlook(place))))
    return f"{place.program}: {said}" if ladders > 1 else said


def _preview_of(form: TierForm) -> Preview:
    """What the form as it stands would do; a request to go on while something is missing."""
    if not form.places:
        return Preview([_("No program that is running has tiers.")], "warn")
    if form.is_bound:
        form.is_valid()
    chosen = form.chosen() if form.is_bound else None
    if chosen is None:
        return Preview([_("Choose a tier to see what will happen.")])
    place, wish = chosen
    try:
        to = check_wish(place, wish, timezone.now())
    except DomainError as error:
        return Preview([error.message], "warn")
    return preview_tier(place, to, wish.until, trigger_rewards=wish.trigger_rewards)
