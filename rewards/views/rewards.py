"""The catalogue of rewards: the list, one reward, its picture, and the forms that change it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_page
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import condition, require_http_methods, require_POST, require_safe

from activity.changes import changes_of
from loyalty_admin.common.errors import DomainError, NotFound, StaleView
from loyalty_admin.common.htmx import done, refused, render
from loyalty_admin.staff.permissions import Perm, requires
from rewards.actions import rewards as acts
from rewards.forms.rewards import RewardForm
from rewards.models import Program, Reward
from rewards.selectors import rewards as reads
from rewards.selectors.reward_effects import in_sentences, what_a_change_means

LIST, DETAIL, FORM = (f"rewards/catalogue/{name}.html" for name in ("list", "detail", "form"))
REWARD_CHANGED = "reward-changed"
TITLES = {
    acts.CREATED: gettext_lazy("Created"),
    acts.CHANGED: gettext_lazy("Changed"),
    acts.SWITCHED: gettext_lazy("Switched on or off"),
}
FOR_GOOD = "private, max-age=31536000, immutable"


@requires(Perm.LEDGER_VIEW)
@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """RW-6: what units buy; `program` shows one program's alone."""
    programs = reads.programs()
    asked = request.GET.get("program", "")
    program = next((each for each in programs if str(each.pk) == asked), None)
    context = {
        "rewards": reads.catalogue(program.pk if program else None, timezone.now()),
        "programs": _pills(programs, program),
        "program": program,
        "may_configure": _may_configure(request),
    }
    return render(request, LIST, context)


@requires(Perm.LEDGER_VIEW)
@require_safe
def reward(request: HttpRequest, reward_id: int) -> HttpResponse:
    """One reward, and who changed what of it."""
    found = _reward(reward_id)
    outstanding = reads.outstanding(found.pk)
    context = {
        "shown": reads.shown(found, timezone.now()),
        "reward": found,
        "outstanding": outstanding,
        "counted": reads.COUNTED,
        "changes": changes_of(found.pk, TITLES),
        "may_configure": _may_configure(request),
    }
    return render(request, DETAIL, context)


@requires(Perm.LEDGER_VIEW)
@require_safe
@condition(etag_func=lambda _request, reward_id, digest: f'"{digest}"')
def reward_picture(_request: HttpRequest, reward_id: int, digest: str) -> HttpResponse:
    """The picture of a reward; another picture has another address, so it is kept for good."""
    try:
        picture = reads.picture_of(reward_id, digest)
    except NotFound as error:
        raise Http404(error.message) from error
    response = HttpResponse(bytes(picture.content), content_type=picture.content_type)
    response["Cache-Control"] = FOR_GOOD
    return response


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(["GET", "HEAD", "POST"])
def reward_new(request: HttpRequest) -> HttpResponse:
    """Make a reward."""
    if request.method != "POST":
        form = RewardForm(reward=None, program=request.GET.get("program", ""))
        return _form(request, form, None)
    return _save(request, RewardForm(request.POST, request.FILES, reward=None), None)


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(["GET", "HEAD", "POST"])
def reward_edit(request: HttpRequest, reward_id: int) -> HttpResponse:
    """Change a reward, after saying what that means."""
    found = _reward(reward_id)
    if request.method != "POST":
        return _form(request, RewardForm(reward=found), found)
    return _save(request, RewardForm(request.POST, request.FILES, reward=found), found)


@requires(Perm.PROGRAMS_CONFIGURE)
@require_safe
def reward_preview(request: HttpRequest) -> HttpResponse:
    """What the reward that is being typed will be; `reward` is the one that it changes."""
    typed = request.GET.get("reward", "")
    found = _reward(int(typed)) if typed.isdecimal() and len(typed) < 19 else None
    form = RewardForm(request.GET, {}, reward=found)
    return render_page(request, "components/preview.html", {"lines": _preview(form, found)})


@requires(Perm.PROGRAMS_CONFIGURE)
@require_POST
def reward_on(request: HttpRequest, reward_id: int) -> HttpResponse:
    """Let customers have the reward."""
    return _switch(request, reward_id, is_active=True)


@requires(Perm.PROGRAMS_CONFIGURE)
@require_POST
def reward_off(request: HttpRequest, reward_id: int) -> HttpResponse:
    """Stop customers from having the reward."""
    return _switch(request, reward_id, is_active=False)


def _switch(request: HttpRequest, reward_id: int, *, is_active: bool) -> HttpResponse:
    url = reverse("rewards:reward", args=[reward_id])
    try:
        switched = acts.switch_reward(
            actor=request.actor,  # type: ignore[attr-defined]
            reward_id=reward_id,
            is_active=is_active,
        )
    except NotFound as error:
        raise Http404(error.message) from error
    except DomainError as error:
        return refused(request, message=error.message, next_url=url)
    said = _("“%(reward)s” is on: customers can have it.")
    if not is_active:
        said = _("“%(reward)s” is off: nobody can buy it; what customers have of it stays.")
    back = "rewards:reward-off" if is_active else "rewards:reward-on"
    return done(
        request,
        message=said % {"reward": switched},
        next_url=url,
        events=(REWARD_CHANGED,),
        undo_url=reverse(back, args=[reward_id]),
    )


def _save(request: HttpRequest, form: RewardForm, found: Reward | None) -> HttpResponse:
    terms = form.terms()
    if terms is None:
        return _form(request, form, found, status=422)
    lines = _preview(form, found) if found else []
    picture = form.picture_sent()
    actor = request.actor  # type: ignore[attr-defined]
    try:
        if found is None:
            program: Program = form.cleaned_data["program"]
            saved = acts.create_reward(
                actor=actor, program_id=program.pk, terms=terms, picture=picture
            )
        else:
            saved = acts.change_reward(
                actor=actor,
                reward_id=found.pk,
                terms=terms,
                picture=picture,
                remove_picture=form.cleaned_data.get("remove_picture", False),
                seen=form.cleaned_data["seen"],
            )
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        if isinstance(error, StaleView) and found:
            # Who has read what it says now may save again.
            form.data = form.data.dict() | {"seen": acts.says_now(found)}  # type: ignore[attr-defined]
        return _form(request, form, found, status=422)
    message = " ".join([_("“%s” was saved.") % saved, *lines])
    return done(request, message=message, next_url=reverse("rewards:reward", args=[saved.pk]))


def _form(
    request: HttpRequest, form: RewardForm, found: Reward | None, status: int = 200
) -> HttpResponse:
    preview_url = reverse("rewards:reward-preview")
    own_url = reverse("rewards:reward", args=[found.pk]) if found else ""
    context: dict[str, Any] = {
        "form": form,
        "reward": found,
        "lines": _preview(form, found),
        "picture_again": "picture" in request.FILES and not form.errors.get("picture"),
        "preview_url": f"{preview_url}?reward={found.pk}" if found else preview_url,
        "close_url": own_url or reverse("rewards:catalogue"),
        "changes": changes_of(found.pk, TITLES) if found else [],
    }
    if found:
        context["shown"] = reads.shown(found, timezone.now())
        context["now"] = context["shown"] if form.is_bound else None
    return render_page(request, FORM, context, status=status)


def _preview(form: RewardForm, found: Reward | None) -> list[str]:
    """What the form as it stands would make of the reward, and of what customers have of it."""
    if not form.is_bound:
        nothing = _("Nothing changes.") if found else _("Fill in the form to read it here.")
        return [nothing]
    terms = form.terms()
    if terms is None:
        return [_("Fill in what is missing to read here what will happen.")]
    program: Program = found.program if found else form.cleaned_data["program"]
    try:
        typed = Reward(program=program, **acts.checked(terms))
        typed.taken = found.taken if found else 0
        acts.check_stock(typed)
    except DomainError as error:
        return [error.message]
    if found is None:
        return in_sentences(typed)
    return what_a_change_means(found, typed, reads.outstanding(found.pk))


def _pills(programs: list[Program], current: Program | None) -> Iterator[dict[str, object]]:
    url = reverse("rewards:catalogue")
    yield {"label": _("All"), "url": url, "current": current is None}
    for program in programs:
        here = current is not None and program.pk == current.pk
        yield {"label": program.name, "url": f"{url}?program={program.pk}", "current": here}


def _reward(reward_id: int) -> Reward:
    try:
        return reads.reward_by_id(reward_id)
    except NotFound as error:
        raise Http404(error.message) from error


def _may_configure(request: HttpRequest) -> bool:
    may: bool = request.actor.may(Perm.PROGRAMS_CONFIGURE)  # type: ignore[attr-defined]
    return may
