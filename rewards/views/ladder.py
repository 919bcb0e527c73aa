"""RW-11: the ladders, and the dialogs that make, change and switch a step."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from loyalty_admin.common.errors import DomainError, NotFound, StaleView
from loyalty_admin.common.htmx import done, refused, render
from loyalty_admin.staff.permissions import Perm, requires
from rewards.actions.ladder import change_tier_step, create_tier, says_now, switch_tier
from rewards.forms.ladder import TierForm
from rewards.models import Program
from rewards.selectors.effect_of_tiers import preview_tier, preview_tier_switch
from rewards.selectors.preview import Preview
from rewards.selectors.programs import all_ladders, program_by_id, tier_of
from rewards.views import configuring
from rewards.views.program_words import ladder_in_words

LIST, FORM = "rewards/programs/tiers.html", "rewards/programs/tier.html"
EDITS = ["GET", "HEAD", "POST"]


@requires(Perm.LEDGER_VIEW)
@require_safe
def tiers(request: HttpRequest) -> HttpResponse:
    """The ladder of every program that has one."""
    context = {
        "ladders": [ladder_in_words(ladder) for ladder in all_ladders()],
        "may_configure": configuring.may_configure(request),
    }
    return render(request, LIST, context)


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(EDITS)
def tier_new(request: HttpRequest, program_id: int) -> HttpResponse:
    """Add a step, after saying who stands on it then."""
    program = configuring.found(lambda: program_by_id(program_id))
    if program.tier_basis == Program.TierBasis.NONE:
        return refused(
            request,
            message=_("Say first, in the program's settings, what counts for its tiers."),
            next_url=_page(program),
        )
    data = request.POST if request.method == "POST" else None
    return _save(request, TierForm(data, program=program))


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(EDITS)
def tier_edit(request: HttpRequest, program_id: int, tier_id: int) -> HttpResponse:
    """Change a step, after saying what that means for who stands on it."""
    tier = configuring.found(lambda: tier_of(program_id, tier_id))
    data = request.POST if request.method == "POST" else None
    return _save(request, TierForm(data, program=tier.program, tier=tier))


@requires(Perm.PROGRAMS_CONFIGURE)
@require_safe
def tier_new_preview(request: HttpRequest, program_id: int) -> HttpResponse:
    """Who would stand on the step that is being typed."""
    program = configuring.found(lambda: program_by_id(program_id))
    return configuring.show_preview(request, _preview(TierForm(request.GET, program=program)))


@requires(Perm.PROGRAMS_CONFIGURE)
@require_safe
def tier_preview(request: HttpRequest, program_id: int, tier_id: int) -> HttpResponse:
    """What the change of a step that is being typed will do."""
    tier = configuring.found(lambda: tier_of(program_id, tier_id))
    form = TierForm(request.GET, program=tier.program, tier=tier)
    return configuring.show_preview(request, _preview(form))


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(EDITS)
def tier_on(request: HttpRequest, program_id: int, tier_id: int) -> HttpResponse:
    """Ask (GET) and put the step into the ladder (POST)."""
    return _switch(request, program_id, tier_id, is_active=True)


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(EDITS)
def tier_off(request: HttpRequest, program_id: int, tier_id: int) -> HttpResponse:
    """Ask (GET) and take the step out of the ladder (POST)."""
    return _switch(request, program_id, tier_id, is_active=False)


def _switch(
    request: HttpRequest, program_id: int, tier_id: int, *, is_active: bool
) -> HttpResponse:
    tier = configuring.found(lambda: tier_of(program_id, tier_id))
    url = _page(tier.program)
    if request.method != "POST":
        return configuring.ask(
            request,
            title=(_("Switch “%s” on?") if is_active else _("Switch “%s” off?")) % tier,
            preview=preview_tier_switch(tier, is_active=is_active),
            label=_("Switch on") if is_active else _("Switch off"),
            urls=(request.path, url),
            danger=not is_active,
        )
    said = _("“%s” is part of the ladder.") if is_active else _("“%s” is out of the ladder.")
    back = "rewards:step-off" if is_active else "rewards:step-on"
    return configuring.act(
        request,
        lambda: switch_tier(
            actor=configuring.actor_of(request), tier_id=tier.pk, is_active=is_active
        ),
        message=said % tier,
        next_url=url,
        undo_url=reverse(back, args=[program_id, tier.pk]),
    )


def _save(request: HttpRequest, form: TierForm) -> HttpResponse:
    if request.method != "POST":
        return _dialog(request, form)
    if not form.is_valid():
        return _dialog(request, form, status=422)
    if configuring.only_preview(request):
        return _dialog(request, form)
    actor, values = configuring.actor_of(request), form.values()
    try:
        if form.tier is None:
            saved = create_tier(actor=actor, program_id=form.program.pk, **values)
            message = _("“%s” is a new step of the ladder.") % saved
        else:
            saved = change_tier_step(
                actor=actor, tier_id=form.tier.pk, seen=form.cleaned_data["seen"], **values
            )
            message = _("“%s” was saved.") % saved
    except NotFound as error:
        raise Http404(error.message) from error
    except DomainError as error:
        stale = isinstance(error, StaleView) and form.tier
        configuring.say_beside(form, error, **({"seen": says_now(stale)} if stale else {}))
        return _dialog(request, form, status=422)
    return done(
        request, message=message, next_url=_page(form.program), events=(configuring.CHANGED,)
    )


def _dialog(request: HttpRequest, form: TierForm, status: int = 200) -> HttpResponse:
    preview, program, tier = _preview(form), form.program, form.tier
    here = [program.pk, tier.pk] if tier else [program.pk]
    context = {
        "form": form,
        "program": program,
        "tier": tier,
        "lines": preview.lines,
        "tone": preview.tone,
        "url": request.path,
        "preview_url": reverse(
            "rewards:step-preview" if tier else "rewards:step-new-preview", args=here
        ),
        "close_url": _page(program),
    }
    return render(request, FORM, context, partial="dialog", status=status)


def _preview(form: TierForm) -> Preview:
    """What the form as it stands would do."""
    if not form.is_bound:
        return Preview([_("Fill in the form to see who will stand on it.")])
    if not form.is_valid() or form.cleaned_data["threshold"] <= 0:
        return Preview([_("Correct or fill in what is missing to see what will happen.")])
    return preview_tier(form.tier, form.draft())


def _page(program: Program) -> str:
    return reverse("rewards:program", args=[program.pk])
