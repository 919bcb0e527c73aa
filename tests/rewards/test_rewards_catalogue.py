"""RW-6, the catalogue: what a reward can be, what is refused, and its picture."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone

from activity.models import AuditRecord
from discounts.actions.offers import switch_offer
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import (
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleView,
)
from rewards.actions import rewards as acts
from rewards.actions.rewards import (
    RewardTerms,
    change_reward,
    create_reward,
    says_now,
    switch_reward,
)
from rewards.models import Program, Redemption, Reward
from rewards.selectors.reward_effects import in_sentences, what_a_change_means
from rewards.selectors.rewards import catalogue, outstanding, reward_by_id, standing_of
from tests.concurrency.threads import together
from tests.factories import (
    AccountFactory,
    OfferFactory,
    ProgramFactory,
    RewardFactory,
    TierFactory,
    actor_for,
)
from tests.rewards.pictures import a_picture

SYSTEM = Actor.system("test")
pytestmark = pytest.mark.django_db

COFFEE = RewardTerms(name="Free coffee", kind=Reward.Kind.PRODUCT, cost=500, stock=100)


@pytest.fixture
def program() -> Program:
    """A points program, one cent a point."""
    made: Program = ProgramFactory(name="Points")
    return made


def create(program: Program, terms: RewardTerms = COFFEE, **fields: Any) -> Reward:
    return create_reward(actor=SYSTEM, program_id=program.pk, terms=terms, **fields)


def change(reward: Reward, terms: RewardTerms, **fields: Any) -> Reward:
    return change_reward(actor=SYSTEM, reward_id=reward.pk, terms=terms, **fields)


def test_rw_6_a_reward_has_all_that_it_was_given(program: Program) -> None:
    tier, offer = TierFactory(program=program), OfferFactory()
    starts = datetime(2026, 12, 1, tzinfo=UTC)
    terms = RewardTerms(
        name="  €5   off ", kind=Reward.Kind.DISCOUNT_CODE, cost=500, description="Any basket",
        offer_id=offer.pk, stock=80, per_customer=2, minimum_tier_id=tier.pk, starts_at=starts,
        ends_at=starts + timedelta(days=30), valid_days=14,
    )  # fmt: skip
    reward = create(program, terms, picture=a_picture())
    reward.refresh_from_db()
    assert reward.name == "€5 off"
    kept = replace(terms, name="€5 off")
    assert {name: getattr(reward, name) for name in acts.FIELDS} == {
        name: getattr(kept, name) for name in acts.FIELDS
    }
    assert reward.is_active
    record = AuditRecord.objects.get(verb="reward.created", object_id=reward.pk)
    assert record.after is not None
    assert (record.after["offer"], record.after["minimum_tier"]) == (offer.name, tier.name)


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 81}),
        ("description", {"description": "x" * 301}),
        ("kind", {"kind": "car"}),
        ("cost", {"cost": 0}),
        ("cost", {"cost": -5}),
        ("cost", {"cost": 10**9 + 1}),
        ("offer", {"kind": "code"}),
        ("stock", {"stock": -1}),
        ("per_customer", {"per_customer": 0}),
        ("valid_days", {"valid_days": 0}),
        ("valid_days", {"valid_days": 3651}),
        ("minimum_tier", {"minimum_tier_id": 0}),
    ],
)
def test_ev_1_what_can_not_be_right_is_refused_at_its_field(
    program: Program, field: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        create(program, replace(COFFEE, **fields))
    assert caught.value.field == field
    assert not Reward.objects.exists()


def test_it_ends_after_it_starts(program: Program) -> None:
    now = timezone.now()
    with pytest.raises(InvalidInput) as caught:
        create(program, replace(COFFEE, starts_at=now, ends_at=now))
    assert caught.value.field == "ends_at"


def test_a_tier_is_one_of_the_same_ladder(program: Program) -> None:
    elsewhere = TierFactory(program=ProgramFactory())
    with pytest.raises(InvalidInput, match="a tier of Points"):
        create(program, replace(COFFEE, minimum_tier_id=elsewhere.pk))


def test_only_a_code_has_an_offer_and_it_is_one_that_is_there(program: Program) -> None:
    for terms in (
        replace(COFFEE, offer_id=OfferFactory().pk),
        replace(COFFEE, kind="code", offer_id=0),
    ):
        with pytest.raises(InvalidInput) as caught:
            create(program, terms)
        assert caught.value.field == "offer"


def test_only_who_may_configure_sets_up_rewards(program: Program) -> None:
    agent, reward = actor_for(), RewardFactory(program=program)
    for attempt in (
        partial(create_reward, actor=agent, program_id=program.pk, terms=COFFEE),
        partial(change_reward, actor=agent, reward_id=reward.pk, terms=COFFEE),
        partial(switch_reward, actor=agent, reward_id=reward.pk, is_active=False),
    ):
        with pytest.raises(NotAllowed):
            attempt()


def test_what_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound):
        create_reward(actor=SYSTEM, program_id=0, terms=COFFEE)
    with pytest.raises(NotFound):
        change_reward(actor=SYSTEM, reward_id=0, terms=COFFEE)
    with pytest.raises(NotFound):
        reward_by_id(0)


def test_ev_2_the_same_reward_sent_twice_is_made_once_and_names_are_told_apart(
    program: Program,
) -> None:
    first = create(program)
    assert create(program) == first
    with pytest.raises(Conflict, match="has a reward “Free coffee” already") as caught:
        create(program, replace(COFFEE, cost=400))
    assert caught.value.field == "name"
    other = create(program, replace(COFFEE, name="Cake"))
    with pytest.raises(Conflict):
        change(other, COFFEE)
    assert create(ProgramFactory()).name == first.name
    assert AuditRecord.objects.filter(verb="reward.created").count() == 3


def test_ev_3_what_somebody_else_changed_meanwhile_is_not_overwritten(program: Program) -> None:
    reward = create(program)
    seen = says_now(reward)
    change(reward, replace(COFFEE, cost=600), seen=seen)
    with pytest.raises(StaleView):
        change(reward, replace(COFFEE, stock=50), seen=seen)
    change(reward, replace(COFFEE, cost=600), seen=seen)  # sent twice
    reward.refresh_from_db()
    assert (reward.cost, reward.stock) == (600, 100)
    assert AuditRecord.objects.filter(verb="reward.changed").count() == 1


def test_rw_6_stock_is_never_set_below_what_is_gone(program: Program) -> None:
    reward = create(program)
    Reward.objects.filter(pk=reward.pk).update(taken=35)
    with pytest.raises(InvalidInput, match="35 are gone already") as caught:
        change(reward, replace(COFFEE, stock=34))
    assert caught.value.field == "stock"
    changed = change(reward, replace(COFFEE, stock=35))
    assert standing_of(changed, timezone.now()).label == "Sold out"
    assert change(changed, replace(COFFEE, stock=None)).stock is None


def test_a_change_leaves_alone_what_was_taken_meanwhile(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is gone belongs to those who redeem: a change that wrote it would give it back."""
    reward = create(program)
    taken = partial(Reward.objects.filter(pk=reward.pk).update, taken=7)
    monkeypatch.setattr(acts, "check_row", lambda _row: taken())
    change(reward, replace(COFFEE, cost=600))
    reward.refresh_from_db()
    assert (reward.cost, reward.taken) == (600, 7)


def test_a_reward_on_sale_keeps_its_offer_on(program: Program) -> None:
    offer = OfferFactory()
    terms = RewardTerms(name="€5 off", kind="code", cost=500, offer_id=offer.pk)
    reward = create(program, terms)
    with pytest.raises(Conflict, match="“€5 off” still promises"):
        switch_offer(actor=SYSTEM, offer_id=offer.pk, is_active=False)
    switch_reward(actor=SYSTEM, reward_id=reward.pk, is_active=False)
    switch_offer(actor=SYSTEM, offer_id=offer.pk, is_active=False)
    with pytest.raises(Conflict, match="is switched off") as caught:
        switch_reward(actor=SYSTEM, reward_id=reward.pk, is_active=True)
    assert caught.value.field == "offer"
    with pytest.raises(Conflict):
        create(program, replace(terms, name="Another"))


def test_a_reward_is_switched_off_and_on_once_each(program: Program) -> None:
    reward = create(program)
    for is_active in (False, False, True, True):
        switched = switch_reward(actor=SYSTEM, reward_id=reward.pk, is_active=is_active)
        assert switched.is_active is is_active
    assert AuditRecord.objects.filter(verb="reward.switched").count() == 2


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({}, "On"),
        ({"is_active": False}, "Off"),
        ({"ends_at": datetime(2026, 1, 2, tzinfo=UTC)}, "Ended on 2 Jan 2026"),
        ({"starts_at": datetime(2027, 1, 2, tzinfo=UTC)}, "From 2 Jan 2027 on"),
        ({"stock": 2, "taken": 2}, "Sold out"),
        ({"program__status": "paused"}, "Its program does not run"),
    ],
)
def test_the_catalogue_says_whether_a_reward_can_be_had(fields: dict[str, Any], label: str) -> None:
    RewardFactory(**fields)
    (shown,) = catalogue(None, datetime(2026, 6, 1, tzinfo=UTC))
    assert shown.standing.label == label


def test_the_catalogue_of_a_program_is_its_own(program: Program) -> None:
    off = RewardFactory(program=program, is_active=False, cost=1)
    on = RewardFactory(program=program, stock=10, taken=4)
    RewardFactory()
    shown = catalogue(program.pk, timezone.now())
    assert [each.reward for each in shown] == [on, off]
    assert [each.left for each in shown] == [6, None]


def test_rw_6_a_change_says_what_it_means_for_those_who_have_it(program: Program) -> None:
    reward = create(program)
    Reward.objects.filter(pk=reward.pk).update(taken=35)
    for _ in range(12):
        _redeemed(reward)
    _redeemed(reward, status=Redemption.Status.USED, closed_at=timezone.now())
    old, number = reward_by_id(reward.pk), outstanding(reward.pk)
    new = Reward(program=program, taken=35, **acts.checked(replace(COFFEE, cost=400, stock=80)))
    assert what_a_change_means(old, new, number) == [
        "From now on it costs 400 points, worth €4.00.",
        "There are 80 in all; 35 are gone, 45 can still be had.",
        "12 outstanding redemptions keep what they are.",
    ]
    assert what_a_change_means(old, old, number) == ["Nothing changes."]
    only_stock = Reward(program=program, taken=35, **acts.checked(replace(COFFEE, stock=80)))
    assert len(what_a_change_means(old, only_stock, number)) == 1


def _redeemed(reward: Reward, **fields: Any) -> Redemption:
    account = AccountFactory(program=reward.program)
    return Redemption.objects.create(
        customer=account.customer, reward=reward, account=account, actor_kind="system",
        actor_label="test", idempotency_key=f"test:{account.pk}", **fields,
    )  # fmt: skip


def test_a_new_reward_is_told_in_sentences_with_what_stands_in_its_way() -> None:
    program = ProgramFactory(name="Points", status=Program.Status.PAUSED)
    offer = OfferFactory(currency="USD")
    reward = Reward(
        program=program, name="Code", kind="code", cost=1, offer=offer,
        ends_at=timezone.now() - timedelta(days=1),
    )  # fmt: skip
    said = in_sentences(reward)
    assert "From now on it costs 1 point, worth €0.01." in said
    assert "It can be used within 90 days." in said
    assert "Its end has passed, so nobody can have it." in said
    assert "Points does not run, so nobody can have it yet." in said
    assert "Its codes are in USD, the program is in EUR." in said


def _take_one(reward: Reward) -> int:
    left = Reward.objects.filter(pk=reward.pk, taken__lt=F("stock"))
    return left.update(taken=F("taken") + 1)


def _stock_cut_while_taken(reward: Reward) -> list[Any]:
    cuts = [partial(change, reward, replace(COFFEE, stock=5 + n % 3)) for n in range(10)]
    return together([*[partial(_take_one, reward) for _ in range(20)], *cuts])


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_rw_6_stock_that_is_cut_while_it_is_taken_is_never_below_what_is_gone() -> None:
    reward = create(ProgramFactory(), replace(COFFEE, stock=40))
    outcomes = _stock_cut_while_taken(reward)
    reward.refresh_from_db()
    assert reward.stock is not None
    assert reward.taken <= reward.stock
    assert reward.taken == sum(outcome for outcome in outcomes if isinstance(outcome, int))
    assert not [each for each in outcomes if isinstance(each, IntegrityError)]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_the_constraint_has_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten are gone between the look and the write: without the lock nobody waits for that."""
    reward = create(ProgramFactory(), replace(COFFEE, stock=40))

    def seen_too_early(reward_id: int) -> Reward:
        found = Reward.objects.select_related("program").get(pk=reward_id)
        together([partial(_take_one, reward)] * 10)
        return found

    monkeypatch.setattr(acts, "lock_reward", seen_too_early)
    with pytest.raises(IntegrityError, match="rewards_reward_in_stock"):
        change(reward, replace(COFFEE, stock=5))


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_ev_2_twenty_who_send_the_same_reward_at_once_make_one() -> None:
    program = ProgramFactory()
    made = together([partial(create, program)] * 20)
    assert {outcome.pk for outcome in made if isinstance(outcome, Reward)} == {
        Reward.objects.get().pk
    }
    assert AuditRecord.objects.filter(verb="reward.created").count() == 1
