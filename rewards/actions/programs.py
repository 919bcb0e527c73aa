"""Programs and their earning rules, as a store admin sets them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from activity.actions.recording import Act, record_audit
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import InvalidInput, NotFound
from loyalty_admin.common.money import check_currency
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.models import EarningRule, EarningRuleVersion, Program

HOW_IT_BEHAVES = (
    "name",
    "status",
    "unit_singular",
    "unit_plural",
    "unit_value",
    "currency",
    "rounding",
    "pending_days",
    "expiry",
    "expiry_days",
    "grace_days",
    "clawback_below_zero",
)


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """What a rule says: `units` for each whole `per` of `measure`, where and when.

    Empty sequences mean everything. `cap_per_order` is in units.
    """

    units: int
    per: Decimal
    currency: str
    measure: str = EarningRuleVersion.Measure.AMOUNT
    categories: Sequence[str] = ()
    skus: Sequence[str] = ()
    stores: Sequence[str] = ()
    channels: Sequence[str] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    cap_per_order: int | None = None


def create_program(*, actor: Actor, code: str, kind: str, **behaviour: object) -> Program:
    """A new program. Raises InvalidInput naming the field."""
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    with transaction.atomic(durable=True):
        program = Program(code=code, kind=kind, **_known(behaviour))
        _save(program)
        after = _state(program)
        _audit(actor, "program.created", "program", program.pk, None, after)
        return program


def change_program(*, actor: Actor, program_id: int, **behaviour: object) -> Program:
    """Change how a program's units behave from now on; lots that exist keep their dates.

    Raises NotFound, InvalidInput naming the field.
    """
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    with transaction.atomic(durable=True):
        program = Program.objects.select_for_update().filter(pk=program_id).first()
        if program is None:
            raise NotFound("There is no such program.")
        before = _state(program)
        for name, value in _known(behaviour).items():
            setattr(program, name, value)
        _save(program)
        _audit(actor, "program.changed", "program", program.pk, before, _state(program))
        return program


def create_rule(*, actor: Actor, program_id: int, name: str, terms: RuleTerms) -> EarningRule:
    """A new rule with its first version, which holds for orders of any date."""
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    check_terms(terms)
    with transaction.atomic(durable=True):
        if not Program.objects.filter(pk=program_id).exists():
            raise NotFound("There is no such program.")
        rule = EarningRule.objects.create(program_id=program_id, name=name)
        _publish(actor, rule, terms, None)
        return rule


def publish_rule(
    *, actor: Actor, rule_id: int, terms: RuleTerms, effective_from: datetime | None = None
) -> EarningRuleVersion:
    """A new version of a rule, for orders placed from `effective_from` (default: now) on."""
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    check_terms(terms)
    with transaction.atomic(durable=True):
        rule = EarningRule.objects.select_for_update().filter(pk=rule_id).first()
        if rule is None:
            raise NotFound("There is no such rule.")
        return _publish(actor, rule, terms, effective_from or timezone.now())


def switch_rule(*, actor: Actor, rule_id: int, is_active: bool) -> EarningRule:
    """Let a rule earn, or stop it."""
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    with transaction.atomic(durable=True):
        rule = EarningRule.objects.select_for_update().filter(pk=rule_id).first()
        if rule is None:
            raise NotFound("There is no such rule.")
        before, rule.is_active = rule.is_active, is_active
        rule.save(update_fields=["is_active"])
        change = {"is_active": before}, {"is_active": is_active}
        _audit(actor, "rule.switched", "rule", rule.pk, *change)
        return rule


def _publish(
    actor: Actor, rule: EarningRule, terms: RuleTerms, effective_from: datetime | None
) -> EarningRuleVersion:
    last = rule.versions.aggregate(last=Max("number"))["last"] or 0
    values = {name: _plain(value) for name, value in asdict(terms).items()}
    version = EarningRuleVersion(
        rule=rule, number=last + 1, effective_from=effective_from, **values
    )
    _save(version)
    after = values | {"number": version.number, "effective_from": effective_from}
    _audit(actor, "rule.published", "rule", rule.pk, None, after)
    return version


def check_terms(terms: RuleTerms) -> None:
    """Raise InvalidInput, naming the field, for terms that no rule can have."""
    check_currency(terms.currency)
    if terms.units < 1:
        raise InvalidInput("A rule earns at least 1 unit.", field="units")
    if terms.per <= 0:
        raise InvalidInput("Enter an amount above zero.", field="per")
    if terms.starts_at and terms.ends_at and terms.starts_at >= terms.ends_at:
        raise InvalidInput("The end must come after the start.", field="ends_at")


def _known(behaviour: Mapping[str, object]) -> Mapping[str, object]:
    if unknown := behaviour.keys() - set(HOW_IT_BEHAVES):
        raise InvalidInput(f"A program has no “{min(unknown)}”.", field=min(unknown))
    check_currency(str(behaviour.get("currency", "EUR")))
    return behaviour


def _save(row: Program | EarningRuleVersion) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        raise InvalidInput(messages[0], field="" if name == "__all__" else name) from error
    row.save()


def _state(program: Program) -> dict[str, object]:
    return {name: getattr(program, name) for name in HOW_IT_BEHAVES}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _audit(
    actor: Actor,
    verb: str,
    object_type: str,
    pk: int,
    before: Mapping[str, object] | None,
    after: Mapping[str, object],
) -> None:
    act = Act(verb=verb, object_type=object_type, object_id=pk, before=before, after=after)
    record_audit(actor, act)
