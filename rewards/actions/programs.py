"""Programs and their earning rules, as a store admin sets them up.

Whoever repeats an act finds it done: the same program, rule or version made twice is made once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Model
from django.utils import timezone

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import Conflict, InvalidInput, NotFound, StaleView
from loyalty_admin.common.idempotency import fingerprint
from loyalty_admin.common.locks import lock_name
from loyalty_admin.common.money import check_currency
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.actions.configuring import lock_program, save_or_refuse, write_down
from rewards.actions.lapsing import date_accounts
from rewards.actions.rule_terms import RuleTerms, check_terms
from rewards.models import EarningRule, EarningRuleVersion, Program

__all__ = [
    "HOW_IT_BEHAVES",
    "MOST_ON_A_CARD",
    "RuleTerms",
    "activate_program",
    "change_program",
    "check_terms",
    "create_program",
    "create_rule",
    "pause_program",
    "publish_rule",
    "says_now",
    "switch_rule",
]

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
    "warning_days",
    "reinstate_days",
    "grace_days",
    "clawback_below_zero",
    "card_size",
    "card_reward",
    "tier_basis",
    "tier_window_days",
    "tier_grace_days",
)
MOST_ON_A_CARD = 1000


def create_program(*, actor: Actor, code: str, kind: str, **behaviour: object) -> Program:
    """A new program; its code and kind are for good. Raises InvalidInput naming the field."""
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    with transaction.atomic(durable=True):
        program = Program(code=code, kind=kind, **_known(behaviour))
        _check(program)
        # There is no row yet that two who make the same program could wait for.
        lock_name(f"program:{code}")
        if twin := _twin(program):
            return twin
        save_or_refuse(program)
        write_down(actor, "program.created", "program", program.pk, None, _state(program))
        return program


def change_program(
    *, actor: Actor, program_id: int, seen: str = "", **behaviour: object
) -> Program:
    """Change how a program's units behave from now on; lots that exist keep their dates.

    `seen` is the `says_now` of the program that the actor saw. Raises NotFound, InvalidInput
    naming the field, StaleView when somebody else has changed it meanwhile.
    """
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    with transaction.atomic(durable=True):
        program = lock_program(program_id)
        before = _state(program)
        values = _known(behaviour)
        if all(getattr(program, name) == value for name, value in values.items()):
            return program
        if seen and seen != says_now(program):
            raise StaleView(
                "Somebody has changed this program meanwhile. Look at what it says now and "
                "decide again."
            )
        old = (program.expiry, program.expiry_days)
        for name, value in values.items():
            setattr(program, name, value)
        _check(program)
        save_or_refuse(program)
        date_accounts(program, *old)
        write_down(actor, "program.changed", "program", program.pk, before, _state(program))
        return program


def activate_program(*, actor: Actor, program_id: int) -> Program:
    """Let a draft or paused program earn and be spent."""
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    with transaction.atomic(durable=True):
        return _move(actor, lock_program(program_id), Program.Status.ACTIVE, "program.activated")


def pause_program(*, actor: Actor, program_id: int) -> Program:
    """Stop a program: nobody earns in it or spends from it. Raises Conflict for a draft."""
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    with transaction.atomic(durable=True):
        program = lock_program(program_id)
        if program.status == Program.Status.DRAFT:
            raise Conflict("It is a draft: nobody earns in it yet.", field="status")
        return _move(actor, program, Program.Status.PAUSED, "program.paused")


def says_now(program: Program) -> str:
    """A fingerprint of all that can be changed of a program, to tell whether somebody did."""
    return fingerprint(_state(program))


def create_rule(*, actor: Actor, program_id: int, name: str, terms: RuleTerms) -> EarningRule:
    """A new rule with its first version, which holds for orders of any date.

    Raises NotFound, InvalidInput naming the field.
    """
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    check_terms(terms)
    with transaction.atomic(durable=True):
        program = lock_program(program_id)
        for rule in program.rules.filter(name__iexact=name.strip()):
            if rule.versions.count() == 1 and _says(rule.versions.get(), terms):
                return rule
            raise InvalidInput("There is a rule of this name already.", field="name")
        rule = EarningRule(program=program, name=name.strip())
        save_or_refuse(rule)
        _publish(actor, rule, terms, None)
        return rule


def publish_rule(
    *,
    actor: Actor,
    rule_id: int,
    terms: RuleTerms,
    effective_from: datetime | None = None,
    seen_number: int | None = None,
) -> EarningRuleVersion:
    """A new version of a rule, for orders placed from `effective_from` (default: now) on.

    `seen_number` is the newest version that the actor saw. Raises NotFound, InvalidInput
    naming the field, StaleView when somebody has published another one meanwhile.
    """
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    check_terms(terms)
    with transaction.atomic(durable=True):
        rule = _locked_rule(rule_id)
        last = rule.versions.order_by("-number").first()
        if seen_number is not None and last and last.number != seen_number:
            if last.number == seen_number + 1 and _says(last, terms):
                return last
            raise StaleView(
                f"Version {last.number} was published meanwhile. Look at it and decide again.",
                field="seen_number",
            )
        return _publish(actor, rule, terms, effective_from or timezone.now())


def switch_rule(*, actor: Actor, rule_id: int, is_active: bool) -> EarningRule:
    """Let a rule earn, or stop it. Raises NotFound."""
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    with transaction.atomic(durable=True):
        rule = _locked_rule(rule_id)
        before, rule.is_active = rule.is_active, is_active
        if before == is_active:
            return rule
        rule.save(update_fields=["is_active"])
        change = {"is_active": before}, {"is_active": is_active}
        write_down(actor, "rule.switched", "rule", rule.pk, *change)
        return rule


def _publish(
    actor: Actor, rule: EarningRule, terms: RuleTerms, effective_from: datetime | None
) -> EarningRuleVersion:
    last = rule.versions.aggregate(last=Max("number"))["last"] or 0
    values = {name: _plain(value) for name, value in asdict(terms).items()}
    version = EarningRuleVersion(
        rule=rule, number=last + 1, effective_from=effective_from, **values
    )
    save_or_refuse(version)
    after = values | {"number": version.number, "effective_from": effective_from}
    write_down(actor, "rule.published", "rule", rule.pk, None, after)
    return version


def _says(version: EarningRuleVersion, terms: RuleTerms) -> bool:
    return all(
        getattr(version, field.name) == _plain(getattr(terms, field.name))
        for field in fields(RuleTerms)
    )


def _locked_rule(rule_id: int) -> EarningRule:
    rule = EarningRule.objects.select_for_update(no_key=True).filter(pk=rule_id).first()
    if rule is None:
        raise NotFound("There is no such rule.")
    return rule


def _move(actor: Actor, program: Program, status: Program.Status, verb: str) -> Program:
    before, program.status = program.status, status
    if before == status:
        return program
    program.save(update_fields=["status"])
    write_down(actor, verb, "program", program.pk, {"status": before}, {"status": status})
    return program


def _known(behaviour: Mapping[str, object]) -> Mapping[str, object]:
    if unknown := behaviour.keys() - set(HOW_IT_BEHAVES):
        raise InvalidInput(f"A program has no “{min(unknown)}”.", field=min(unknown))
    check_currency(str(behaviour.get("currency", "EUR")))
    return behaviour


def _check(program: Program) -> None:
    """Refuse, in words, what the database would refuse by the name of a constraint."""
    if (program.unit_value or 0) < 0:
        raise InvalidInput("A unit can't be worth less than nothing.", field="unit_value")
    if program.expiry != Program.Expiry.NEVER and not program.expiry_days:
        raise InvalidInput("Say after how many days, such as 365.", field="expiry_days")
    _check_card(program)
    windows = (Program.TierBasis.WINDOW_UNITS, Program.TierBasis.WINDOW_SPEND)
    if program.tier_basis in windows and not program.tier_window_days:
        raise InvalidInput("Say how many days count, such as 365.", field="tier_window_days")


def _check_card(program: Program) -> None:
    if program.kind != Program.Kind.STAMPS:
        for name in ("card_size", "card_reward"):
            if getattr(program, name) is not None:
                raise InvalidInput("Only stamps have cards.", field=name)
        return
    size, reward = program.card_size, program.card_reward
    if not size or size > MOST_ON_A_CARD:
        most = f"{MOST_ON_A_CARD:,}"
        raise InvalidInput(
            f"Say how many stamps fill a card, such as 10; at most {most}.", field="card_size"
        )
    if reward is not None and (reward.program_id != program.pk or not reward.is_active):
        raise InvalidInput("Choose an active reward of this program.", field="card_reward")


def _twin(program: Program) -> Program | None:
    """The program of this code, if it is just as the new one is to be."""
    twin = Program.objects.filter(code=program.code, kind=program.kind).first()
    return twin if twin and _state(twin) == _state(program) else None


def _state(program: Program) -> dict[str, object]:
    values = {name: getattr(program, name) for name in HOW_IT_BEHAVES}
    return {name: str(v) if isinstance(v, Model) else v for name, v in values.items()}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
