"""RW-2: the forms that make a rule, let it say something else, and switch it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render as render_page
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from loyalty_admin.common.errors import DomainError, StaleView
from loyalty_admin.common.htmx import done
from loyalty_admin.staff.permissions import Perm, requires
from rewards.actions.programs import check_terms, create_rule, publish_rule, switch_rule
from rewards.forms.rules import RuleForm
from rewards.selectors.effect_of_rules import preview_rule, preview_switch
from rewards.selectors.preview import Preview
from rewards.selectors.programs import (
    known,
    newest_version,
    program_by_id,
    rule_of,
    version_in_force,
)
from rewards.selectors.words import rule_in_words
from rewards.views import configuring

FORM = "rewards/programs/rule.html"
EDITS = ["GET", "HEAD", "POST"]


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(EDITS)
def rule_new(request: HttpRequest, program_id: int) -> HttpResponse:
    """Make a rule, after saying what it would have earned."""
    program = configuring.found(lambda: program_by_id(program_id))
    data = request.POST if request.method == "POST" else None
    return _save(request, RuleForm(data, program=program))


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(EDITS)
def rule_edit(request: HttpRequest, program_id: int, rule_id: int) -> HttpResponse:
    """Publish a new version of a rule, after comparing it with the one in force."""
    rule = configuring.found(lambda: rule_of(program_id, rule_id))
    data = request.POST if request.method == "POST" else None
    return _save(request, RuleForm(data, program=rule.program, rule=rule))


@requires(Perm.PROGRAMS_CONFIGURE)
@require_safe
def rule_new_preview(request: HttpRequest, program_id: int) -> HttpResponse:
    """What the rule that is being typed would have earned."""
    program = configuring.found(lambda: program_by_id(program_id))
    return configuring.show_preview(request, _preview(RuleForm(request.GET, program=program)))


@requires(Perm.PROGRAMS_CONFIGURE)
@require_safe
def rule_preview(request: HttpRequest, program_id: int, rule_id: int) -> HttpResponse:
    """What the version that is being typed would have earned beside the one in force."""
    rule = configuring.found(lambda: rule_of(program_id, rule_id))
    form = RuleForm(request.GET, program=rule.program, rule=rule)
    return configuring.show_preview(request, _preview(form))


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(EDITS)
def rule_on(request: HttpRequest, program_id: int, rule_id: int) -> HttpResponse:
    """Ask (GET) and let the rule earn (POST)."""
    return _switch(request, program_id, rule_id, is_active=True)


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(EDITS)
def rule_off(request: HttpRequest, program_id: int, rule_id: int) -> HttpResponse:
    """Ask (GET) and stop the rule (POST)."""
    return _switch(request, program_id, rule_id, is_active=False)


def _switch(
    request: HttpRequest, program_id: int, rule_id: int, *, is_active: bool
) -> HttpResponse:
    rule = configuring.found(lambda: rule_of(program_id, rule_id))
    url = reverse("rewards:program", args=[program_id])
    if request.method != "POST":
        current = version_in_force(rule, timezone.now())
        return configuring.ask(
            request,
            title=(_("Switch “%s” on?") if is_active else _("Switch “%s” off?")) % rule,
            preview=preview_switch(rule.program, current, is_active),
            label=_("Switch on") if is_active else _("Switch off"),
            urls=(request.path, url),
            danger=not is_active,
        )
    said = _("“%s” is on and earns.") if is_active else _("“%s” is off and earns nothing.")
    back = "rewards:rule-off" if is_active else "rewards:rule-on"
    return configuring.act(
        request,
        lambda: switch_rule(
            actor=configuring.actor_of(request), rule_id=rule.pk, is_active=is_active
        ),
        message=said % rule,
        next_url=url,
        undo_url=reverse(back, args=[program_id, rule.pk]),
    )


def _save(request: HttpRequest, form: RuleForm) -> HttpResponse:
    if request.method != "POST":
        return _form(request, form)
    if not form.is_valid():
        return _form(request, form, status=422)
    values, terms = form.cleaned_data, form.terms()
    try:
        check_terms(terms)
        if configuring.only_preview(request):
            return _form(request, form)
        actor = configuring.actor_of(request)
        if form.rule is None:
            saved = create_rule(
                actor=actor, program_id=form.program.pk, name=values["name"], terms=terms
            )
        else:
            saved = publish_rule(
                actor=actor,
                rule_id=form.rule.pk,
                terms=terms,
                effective_from=values["effective_from"],
                seen_number=values["seen_number"],
            ).rule
    except DomainError as error:
        newest = newest_version(form.rule) if form.rule else None
        stale = isinstance(error, StaleView) and newest
        configuring.say_beside(form, error, **({"seen_number": stale.number} if stale else {}))
        return _form(request, form, status=422)
    words = {"rule": saved, "sentence": rule_in_words(terms, form.program)}
    return done(
        request,
        message=_("“%(rule)s” was saved: %(sentence)s.") % words,
        next_url=reverse("rewards:program", args=[form.program.pk]),
    )


def _form(request: HttpRequest, form: RuleForm, status: int = 200) -> HttpResponse:
    preview, program, rule = _preview(form), form.program, form.rule
    here = [program.pk, rule.pk] if rule else [program.pk]
    current = version_in_force(rule, timezone.now()) if rule else None
    context = {
        "form": form,
        "program": program,
        "rule": rule,
        "trigger": form.newest.trigger if form.newest else "",
        "now": rule_in_words(current, program) if current else "",
        "known": known(),
        "lines": preview.lines,
        "tone": preview.tone,
        "preview_url": reverse(
            "rewards:rule-preview" if rule else "rewards:rule-new-preview", args=here
        ),
        "close_url": reverse("rewards:program", args=[program.pk]),
    }
    return render_page(request, FORM, context, status=status)


def _preview(form: RuleForm) -> Preview:
    """What the form as it stands would have earned."""
    if not form.is_bound:
        if form.newest is None:
            return Preview([_("Fill in the form to see what it would have earned.")])
        return Preview([_("Nothing changes yet.")])
    if not form.is_valid():
        return Preview([_("Correct or fill in what is missing to see what will happen.")])
    terms = form.terms()
    try:
        check_terms(terms)
    except DomainError as error:
        return Preview([error.message], "warn")
    current = version_in_force(form.rule, timezone.now()) if form.rule else None
    begins = form.cleaned_data.get("effective_from")
    return preview_rule(form.program, current, terms, effective_from=begins)
