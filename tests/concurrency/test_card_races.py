"""Stamps that come in at the same moment; with a control without the lock."""

from __future__ import annotations

from functools import partial

import pytest

from rewards.actions import locking
from rewards.models import Account, Operation, Redemption
from rewards.selectors.integrity import find_discrepancies
from tests.concurrency.threads import together
from tests.factories import AccountFactory, ReasonCodeFactory
from tests.rewards.ledger import adjust, assert_adds_up, balance_of
from tests.rewards.shop import a_card_program

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


def _twenty_stamps() -> tuple[Account, list[Operation | Exception]]:
    account = AccountFactory(program=a_card_program(size=6))
    reason = ReasonCodeFactory(code="test")
    return account, together([partial(adjust, account, 1, reason_id=reason.pk)] * 20)


def test_rw_8_twenty_stamps_at_once_fill_three_cards_of_six() -> None:
    account, outcomes = _twenty_stamps()
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    filled = Redemption.objects.filter(account=account).order_by("position")
    assert list(filled.values_list("position", flat=True)) == [1, 2, 3]
    assert balance_of(account) == 2
    assert_adds_up()


def test_control_without_the_lock_cards_go_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "FOR_UPDATE", "")
    account, outcomes = _twenty_stamps()
    failed = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    right = (balance_of(account), Redemption.objects.count()) == (2, 3)
    assert failed or not right or find_discrepancies()
