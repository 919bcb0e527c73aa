"""Programs and rules through their actions, and the ledger to be looked at."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.admin import ActionAdmin, show_histories, show_read_only
from loyalty_admin.common.errors import InvalidInput
from loyalty_admin.common.money import known_currencies
from rewards.actions.programs import (
    HOW_IT_BEHAVES,
    RuleTerms,
    change_program,
    check_terms,
    create_program,
    create_rule,
    publish_rule,
    switch_rule,
)
from rewards.models import (
    Account,
    Allocation,
    EarningRule,
    EarningRuleVersion,
    Entry,
    ExpiryWarning,
    LedgerCheck,
    Lot,
    MassAdjustment,
    MassAdjustmentRow,
    Operation,
    Program,
    Redemption,
    Reward,
    RewardPicture,
    Shortfall,
    Tier,
    TierMembership,
)

TERMS = tuple(RuleTerms.__dataclass_fields__)


class _KnownCurrency(forms.Form):
    def clean_currency(self) -> str:
        """An ISO 4217 code."""
        code = str(self.cleaned_data["currency"]).upper()
        if code not in known_currencies():
            raise forms.ValidationError(_("Enter an ISO 4217 code such as EUR."))
        return code


class _Terms(_KnownCurrency):
    def clean(self) -> dict[str, Any]:
        """Terms that can hold."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                check_terms(self.terms())
            except InvalidInput as error:
                self.add_error(error.field, error.message)
        return values

    def terms(self) -> RuleTerms:
        """The terms as the actions take them."""
        return RuleTerms(**{name: self.cleaned_data[name] for name in TERMS})


class ProgramForm(_KnownCurrency, forms.ModelForm[Program]):
    """A program."""

    class Meta:
        model = Program
        fields = ("code", "kind", *HOW_IT_BEHAVES)


@admin.register(Program)
class ProgramAdmin(ActionAdmin):
    """Loyalty currencies; code and kind are for good."""

    form = ProgramForm
    list_display = ("name", "code", "kind", "status", "unit_value", "currency", "expiry")
    text_search = ("code", "name__icontains")
    ordering = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """What a program that exists can't change."""
        return ["code", "kind"] if obj else []

    def act(self, actor: Actor, obj: Model, form: forms.ModelForm[Any], change: bool) -> int:
        """Create or change the program."""
        values = form.cleaned_data
        if change:
            program = change_program(actor=actor, program_id=obj.pk, **values)
        else:
            program = create_program(actor=actor, **values)
        return int(program.pk)


class RuleForm(forms.ModelForm[EarningRule]):
    """A rule that exists: it can be switched on and off."""

    class Meta:
        model = EarningRule
        fields = ("program", "name", "is_active")


class NewRuleForm(_Terms, forms.ModelForm[EarningRule]):
    """A new rule with the terms of its first version."""

    locals().update(
        forms.fields_for_model(
            EarningRuleVersion,
            fields=TERMS,
            field_classes=dict.fromkeys(("starts_at", "ends_at"), forms.SplitDateTimeField),
            widgets={"starts_at": AdminSplitDateTime(), "ends_at": AdminSplitDateTime()},
        )
    )

    class Meta:
        model = EarningRule
        fields = ("program", "name")


class VersionInline(admin.TabularInline[EarningRuleVersion, EarningRule]):
    """What the rule has said, newest first."""

    model = EarningRuleVersion
    fields = ("number", "effective_from", "trigger", "measure", "units", "per", "currency")
    show_change_link = True
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A version is published on a page of its own."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A version is never changed: earned units point at it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nor deleted."""
        return False


@admin.register(EarningRule)
class EarningRuleAdmin(ActionAdmin):
    """What earns units."""

    list_display = ("name", "program", "is_active")
    list_filter = ("program", "is_active")
    text_search = ("name__icontains",)
    ordering = ("program", "name")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """A new rule comes with its terms."""
        kwargs["form"] = RuleForm if obj else NewRuleForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """The fields of the form in use."""
        return ("program", "name", "is_active") if obj else ("program", "name", *TERMS)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """A rule stays in its program and keeps its name."""
        return ["program", "name"] if obj else []

    def get_inlines(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """A new rule has no versions yet."""
        return [VersionInline] if obj else []

    def act(self, actor: Actor, obj: Any, form: Any, change: bool) -> int:
        """Create the rule, or switch it."""
        if change:
            active = form.cleaned_data["is_active"]
            return int(switch_rule(actor=actor, rule_id=obj.pk, is_active=active).pk)
        name, program_id = form.cleaned_data["name"], form.cleaned_data["program"].pk
        rule = create_rule(actor=actor, program_id=program_id, name=name, terms=form.terms())
        return int(rule.pk)


class VersionForm(_Terms, forms.ModelForm[EarningRuleVersion]):
    """A new version of a rule."""

    class Meta:
        model = EarningRuleVersion
        fields = ("rule", "effective_from", *TERMS)
        help_texts: ClassVar = {"effective_from": _("Empty means from now on.")}


@admin.register(EarningRuleVersion)
class EarningRuleVersionAdmin(ActionAdmin):
    """What rules say: published, never changed."""

    form = VersionForm
    list_display = ("rule", "number", "effective_from", "trigger", "measure", "units", "per")
    list_filter = ("rule__program",)
    number_search = ("pk", "rule_id")
    text_search = ("rule__name__icontains",)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Earned units point at it."""
        return False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """Versions number themselves."""
        asked = ("rule", "effective_from", *TERMS)
        return (*asked, "number", "created_at") if obj else asked

    def act(self, actor: Actor, obj: Any, form: Any, change: bool) -> int:
        """Publish the version."""
        values = form.cleaned_data
        version = publish_rule(
            actor=actor,
            rule_id=values["rule"].pk,
            terms=form.terms(),
            effective_from=values["effective_from"],
        )
        return int(version.pk)


show_read_only(Account, Entry, Lot, Allocation, Shortfall, ExpiryWarning)
show_read_only(Reward, RewardPicture, Redemption, Tier, TierMembership)
show_read_only(Operation, text_search=("idempotency_key", "reference"))
show_read_only(LedgerCheck)
show_read_only(MassAdjustment, MassAdjustmentRow)
show_histories("rewards")
