"""What every act on a redemption is made of: its lock, the stock, and what is told of it."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q

from activity.actions.recording import Act, Data, record_act
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import InvalidInput, NotFound
from rewards.models import Redemption, Reward

IN_STOCK = Q(taken__lt=F("stock"))
"""Asked by the statement that takes one: of two who want the last, one finds none."""


def lock_redemption(redemption_id: int) -> Redemption:
    """The redemption with its reward, code and operation, locked. Raises NotFound."""
    found = (
        Redemption.objects.select_for_update(of=("self",))
        .select_related(
            "reward", "code", "tier", "customer", "operation__reversed_by", "account__program"
        )
        .filter(pk=redemption_id)
        .first()
    )
    if found is None:
        raise NotFound("There is no such redemption.")
    return found


def check_reason(reason: str) -> None:
    """Raise InvalidInput for a reason that can't be kept."""
    longest = int(Redemption._meta.get_field("closing_note").max_length or 0)
    if len(reason) > longest or "\x00" in reason:
        raise InvalidInput(f"Enter at most {longest:,} ordinary characters.", field="reason")


def take_from_stock(reward: Reward) -> bool:
    """Take one, where the stock is limited and something is left of it; whether one was taken."""
    if reward.stock is None:
        return False
    return bool(Reward.objects.filter(IN_STOCK, pk=reward.pk).update(taken=F("taken") + 1))


def return_to_stock(redemption: Redemption) -> None:
    """Put back what it took from the stock, if it did."""
    if redemption.from_stock:
        Reward.objects.filter(pk=redemption.reward_id).update(taken=F("taken") - 1)


def record_redemption(
    actor: Actor,
    redemption: Redemption,
    kind: str,
    at: datetime,
    more: Data,
    *,
    before: str = Redemption.Status.OUTSTANDING,
) -> None:
    """Tell timeline and audit log what became of a redemption; `before` was its status."""
    code = redemption.code
    data = {
        **redemption.account.program.in_words(),
        "reward_id": redemption.reward_id,
        "reward": redemption.reward.name,
        "code": code.code if code else "",
        "source": redemption.source,
        "units": redemption.units,
        **more,
    }
    act = Act(
        verb=kind,
        object_type="redemption",
        object_id=redemption.pk,
        customer_id=redemption.customer_id,
        before={"status": before} if before else None,
        after={"status": redemption.status} | data,
    )
    record_act(actor, act, kind=kind, occurred_at=at, data=data)
