"""RW-1: the programs, one program in words, and the forms that make and change it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render as render_page
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from loyalty_admin.common.errors import DomainError, StaleView
from loyalty_admin.common.htmx import done, render
from loyalty_admin.staff.permissions import Perm, requires
from rewards.actions.programs import (
    activate_program,
    change_program,
    create_program,
    pause_program,
    says_now,
)
from rewards.forms.programs import NewProgramForm, ProgramForm
from rewards.models import Program
from rewards.selectors.effect_of_programs import preview_program, preview_status
from rewards.selectors.preview import Preview
from rewards.selectors.programs import (
    all_programs,
    changes_of,
    figures_of,
    ladder_of,
    program_by_id,
    rewards_count,
    rules_of,
)
from rewards.views import configuring
from rewards.views.program_words import (
    facts_in_words,
    ladder_in_words,
    settings_in_words,
    shown_changes,
    shown_row,
    tone_of,
)

LIST, PAGE, FORM = (f"rewards/programs/{name}.html" for name in ("list", "page", "form"))
EDITS = ["GET", "HEAD", "POST"]


@requires(Perm.LEDGER_VIEW)
@require_safe
def program_list(request: HttpRequest) -> HttpResponse:
    """Every program with who holds what in it."""
    context = {
        "rows": [shown_row(shown) for shown in all_programs()],
        "may_configure": configuring.may_configure(request),
    }
    return render(request, LIST, context)


@requires(Perm.LEDGER_VIEW)
@require_safe
def program(request: HttpRequest, program_id: int) -> HttpResponse:
    """One program: its settings, rules, tiers and rewards, and who changed what."""
    found = _program(program_id)
    rules, ladder = rules_of(found, timezone.now()), ladder_of(found)
    records = changes_of(
        found, [shown.rule.pk for shown in rules], [shown.tier.pk for shown in ladder.tiers]
    )
    context: dict[str, Any] = {
        "program": found,
        "tone": tone_of(found),
        "facts": facts_in_words(found, figures_of(found.pk)),
        "settings": settings_in_words(found),
        "rules": rules,
        "ladder": ladder_in_words(ladder),
        "rewards": rewards_count(found.pk),
        "rewards_url": f"{reverse('rewards:catalogue')}?program={found.pk}",
        "changes": shown_changes(found, records, rules, ladder),
        "may_configure": configuring.may_configure(request),
    }
    return render(request, PAGE, context)


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(EDITS)
def program_new(request: HttpRequest) -> HttpResponse:
    """Make a program; it is a draft until it is started."""
    return _save(request, NewProgramForm(request.POST if request.method == "POST" else None))


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(EDITS)
def program_edit(request: HttpRequest, program_id: int) -> HttpResponse:
    """Change how a program's units behave, after saying what that means for who holds some."""
    found = _program(program_id)
    data = request.POST if request.method == "POST" else None
    return _save(request, ProgramForm(data, program=found))


@requires(Perm.PROGRAMS_CONFIGURE)
@require_safe
def program_new_preview(request: HttpRequest) -> HttpResponse:
    """What the program that is being typed will be."""
    return configuring.show_preview(request, _preview(NewProgramForm(request.GET)))


@requires(Perm.PROGRAMS_CONFIGURE)
@require_safe
def program_preview(request: HttpRequest, program_id: int) -> HttpResponse:
    """What the change that is being typed will do."""
    form = ProgramForm(request.GET, program=_program(program_id))
    return configuring.show_preview(request, _preview(form))


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(EDITS)
def program_pause(request: HttpRequest, program_id: int) -> HttpResponse:
    """Ask (GET) and pause (POST): nobody earns or spends."""
    found = _program(program_id)
    url = reverse("rewards:program", args=[found.pk])
    if request.method != "POST":
        return configuring.ask(
            request,
            title=_("Pause “%s”?") % found,
            preview=preview_status(found, Program.Status.PAUSED),
            label=_("Pause program"),
            urls=(request.path, url),
            danger=True,
        )
    return configuring.act(
        request,
        lambda: pause_program(actor=configuring.actor_of(request), program_id=found.pk),
        message=_("“%s” is paused: nobody earns in it or spends from it.") % found,
        next_url=url,
        undo_url=reverse("rewards:program-start", args=[found.pk]),
    )


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(EDITS)
def program_start(request: HttpRequest, program_id: int) -> HttpResponse:
    """Ask (GET) and start or resume (POST)."""
    found = _program(program_id)
    url = reverse("rewards:program", args=[found.pk])
    paused = found.status == Program.Status.PAUSED
    if request.method != "POST":
        return configuring.ask(
            request,
            title=_("Resume “%s”?") % found if paused else _("Start “%s”?") % found,
            preview=preview_status(found, Program.Status.ACTIVE),
            label=_("Resume program") if paused else _("Start program"),
            urls=(request.path, url),
        )
    return configuring.act(
        request,
        lambda: activate_program(actor=configuring.actor_of(request), program_id=found.pk),
        message=_("“%s” is active: it earns and can be spent.") % found,
        next_url=url,
        # What was paused is paused again; a draft that was started has begun.
        undo_url=reverse("rewards:program-pause", args=[found.pk]) if paused else "",
    )


def _save(request: HttpRequest, form: ProgramForm) -> HttpResponse:
    if request.method != "POST":
        return _form(request, form)
    if not form.is_valid():
        return _form(request, form, status=422)
    if configuring.only_preview(request):
        return _form(request, form)
    actor = configuring.actor_of(request)
    try:
        if form.program is None:
            words = {name: form.cleaned_data[name] for name in ("code", "kind")}
            saved = create_program(actor=actor, **words, **form.behaviour())
            message = _("“%s” was made as a draft. Give it a rule, then start it.") % saved
        else:
            seen = form.cleaned_data["seen"]
            saved = change_program(
                actor=actor, program_id=form.program.pk, seen=seen, **form.behaviour()
            )
            message = _("“%s” was saved.") % saved
    except DomainError as error:
        stale = isinstance(error, StaleView) and form.program
        configuring.say_beside(form, error, **({"seen": says_now(stale)} if stale else {}))
        return _form(request, form, status=422)
    return done(request, message=message, next_url=reverse("rewards:program", args=[saved.pk]))


def _form(request: HttpRequest, form: ProgramForm, status: int = 200) -> HttpResponse:
    preview, changed = _preview(form), form.program
    here = [changed.pk] if changed else []
    context = {
        "form": form,
        "program": changed,
        "is_stamps": bool(changed and changed.kind == Program.Kind.STAMPS),
        "lines": preview.lines,
        "tone": preview.tone,
        "settings": settings_in_words(changed) if changed else [],
        "preview_url": reverse(
            "rewards:program-preview" if changed else "rewards:program-new-preview", args=here
        ),
        "close_url": reverse("rewards:program" if changed else "rewards:programs", args=here),
    }
    return render_page(request, FORM, context, status=status)


def _preview(form: ProgramForm) -> Preview:
    """What the form as it stands would do."""
    if not form.is_bound:
        nothing = (
            _("Nothing changes yet.") if form.program else _("Fill in the form to see it here.")
        )
        return Preview([nothing])
    if not form.is_valid():
        return Preview([_("Correct or fill in what is missing to see what will happen.")])
    return preview_program(form.program, form.draft())


def _program(program_id: int) -> Program:
    return configuring.found(lambda: program_by_id(program_id))
