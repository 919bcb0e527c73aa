"""What every change of the configuration does: save what is valid, and tell the audit log."""

from __future__ import annotations

from collections.abc import Mapping

from django.core.exceptions import ValidationError

from activity.actions.recording import Act, record_audit
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import InvalidInput, NotFound
from rewards.models import EarningRule, EarningRuleVersion, Program, Tier


def save_or_refuse(row: Program | EarningRule | EarningRuleVersion | Tier) -> None:
    """Save a row that its model finds valid. Raises InvalidInput naming the field."""
    try:
        row.full_clean()
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        raise InvalidInput(messages[0], field="" if name == "__all__" else name) from error
    row.save()


def lock_program(program_id: int) -> Program:
    """The program, locked: of two who set up something in it at once, one sees the other.

    Raises NotFound.
    """
    # Not FOR UPDATE: whoever opens an account looks whether its program is there, and must not
    # wait for us while we wait for their accounts.
    program = Program.objects.select_for_update(no_key=True).filter(pk=program_id).first()
    if program is None:
        raise NotFound("There is no such program.")
    return program


def write_down(
    actor: Actor,
    verb: str,
    object_type: str,
    pk: int,
    before: Mapping[str, object] | None,
    after: Mapping[str, object],
) -> None:
    """Tell the audit log what was set up or changed."""
    act = Act(verb=verb, object_type=object_type, object_id=pk, before=before, after=after)
    record_audit(actor, act)
