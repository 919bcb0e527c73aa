"""The balance on screen: panel, facts, dialogs, undo; with and without htmx."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from activity.models import AuditRecord, Event
from rewards.models import Account, Lot, Operation
from rewards.tasks import check_ledgers_nightly
from tests.factories import (
    AccountFactory,
    CustomerFactory,
    ProgramFactory,
    ReasonCodeFactory,
    UserFactory,
)
from tests.queries import assert_queries
from tests.rewards.ledger import account_of, adjust, assert_adds_up, balance_of, debit

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def agent(client: Client) -> Client:
    """A browser in which an agent is signed in."""
    client.force_login(UserFactory(name="Marta"))
    return client


def _form(**fields: Any) -> dict[str, Any]:
    values = {
        "amount": "+40",
        "reason": ReasonCodeFactory(code="test").pk,
        "internal_note": "guest checkout of #10433",
        "customer_comment": "Manual adjustment",
        "expires_in_days": "365",
        "counts_for_tier": "on",
        "idempotency_key": "form:1",
    }
    return {name: value for name, value in (values | fields).items() if value is not None}


def _adjust(client: Client, account: Account, *, htmx: bool = True, **fields: Any) -> Any:
    url = reverse("rewards:adjust", args=[account.customer_id])
    form = _form(program=account.program_id, **fields)
    return client.post(url, form, headers=HTMX if htmx else None)


def test_rw_4_the_dialog_credits_closes_and_offers_undo(agent: Client) -> None:
    account = account_of(100)
    response = _adjust(agent, account)
    assert response.status_code == 200
    assert set(json.loads(response["HX-Trigger"])) == {"ledger-changed"}
    operation = Operation.objects.get(internal_note="guest checkout of #10433")
    text = response.content.decode()
    assert "balance 100 → 140" in text
    assert reverse("rewards:undo", args=[account.customer_id, operation.pk]) in text
    assert "<dialog" not in text
    lot = Lot.objects.get(entry__operation=operation)
    assert lot.expires_at == operation.occurred_at + timedelta(days=365)
    assert operation.actor_label == "Marta"


def test_ev_6_without_script_the_same_form_redirects_to_the_history(agent: Client) -> None:
    account = account_of(100)
    page = agent.get(reverse("rewards:adjust", args=[account.customer_id]))
    assert b"<html" in page.content
    assert b"<dialog" in page.content
    response = _adjust(agent, account, htmx=False)
    points = reverse("rewards:points", args=[account.customer_id])
    assert (response.status_code, response["Location"]) == (
        302,
        f"{points}?program={account.program_id}",
    )
    assert "balance 100 → 140" in agent.get(points).content.decode()


def test_ev_2_the_same_form_sent_twice_acts_once(agent: Client) -> None:
    account = account_of(100)
    first, second = _adjust(agent, account), _adjust(agent, account)
    assert first.status_code == second.status_code == 200
    assert balance_of(account) == 140


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"amount": "−1,000,000"}, "amount", "The balance is 100 points"),
        ({"amount": "-101"}, "amount", "can&#x27;t be taken from it"),
        ({"amount": "0"}, "amount", "by zero changes nothing"),
        ({"amount": "forty"}, "amount", "Enter a whole number such as 40 or −40."),
        ({"amount": "4.5"}, "amount", "Enter a whole number"),
        ({"amount": "9" * 40}, "amount", "Enter a whole number"),
        ({"amount": ""}, "amount", "Enter a whole number"),
        ({"reason": ""}, "reason", "Choose a reason."),
        ({"reason": "999999"}, "reason", "Select a valid choice"),
        ({"expires_in_days": "0"}, "expires_in_days", "greater than or equal to 1"),
        ({"expires_in_days": "soon"}, "expires_in_days", "Enter a whole number."),
        ({"internal_note": "x" * 1001}, "internal_note", "at most 1000 characters"),
    ],
)
def test_ev_1_bad_input_is_told_beside_the_field_and_what_was_typed_stays(
    agent: Client, fields: dict[str, Any], field: str, message: str
) -> None:
    account = account_of(100)
    response = _adjust(agent, account, **fields)
    text = response.content.decode()
    assert response.status_code == 422
    assert message in text
    assert f'id="balance_{field}_error"' in text
    if field != "internal_note":
        assert "guest checkout of #10433" in text
    assert balance_of(account) == 100
    assert Operation.objects.count() == 1


def test_ev_3_a_stale_dialog_is_told_and_may_be_saved_again(agent: Client) -> None:
    account = account_of(100)
    debit(account, 30)
    stale = _adjust(agent, account, expected_balance="100")
    assert stale.status_code == 422
    assert "was 100 and is now 70" in stale.content.decode()
    assert 'name="expected_balance" value="70"' in stale.content.decode()
    assert _adjust(agent, account, expected_balance="70").status_code == 200


def test_ev_3_a_balance_that_time_alone_changed_can_be_spent_after_a_second_look(
    agent: Client,
) -> None:
    account = account_of(80)
    lot = adjust(account, 20, expires_in_days=1).entries.get().lot
    lot.expires_at = datetime(2026, 1, 1, tzinfo=UTC)
    lot.save(update_fields=["expires_at"])
    url = reverse("rewards:spend", args=[account.customer_id])
    form = {"program": account.program_id, "amount": "50", "idempotency_key": "form:8"}
    stale = agent.post(url, form | {"expected_balance": "100"}, headers=HTMX)
    assert "was 100 and is now 80" in stale.content.decode()
    assert 'name="expected_balance" value="80"' in stale.content.decode()
    assert agent.post(url, form | {"expected_balance": "80"}, headers=HTMX).status_code == 200
    assert balance_of(account) == 30
    assert_adds_up()


def test_a_form_can_not_take_the_keys_of_other_acts(agent: Client) -> None:
    account = account_of(100)
    for key in ("order:3:S-1:1001", "undo:1:1", "", "form:" + "x" * 200):
        assert _adjust(agent, account, idempotency_key=key).status_code == 422
    assert balance_of(account) == 100


def test_a_key_used_for_something_else_is_replaced(agent: Client) -> None:
    account = account_of(100)
    _adjust(agent, account)
    response = _adjust(agent, account, amount="+50")
    assert response.status_code == 422
    assert 'value="form:1"' not in response.content.decode()


def test_a_guest_is_told_to_enrol_first(agent: Client) -> None:
    account = AccountFactory(customer=CustomerFactory(guest=True, name="Gus Guest"))
    response = _adjust(agent, account)
    assert response.status_code == 422
    assert "Gus Guest is not a member" in response.content.decode()


def test_the_preview_says_what_will_happen(agent: Client) -> None:
    account = account_of(100)
    url = reverse("rewards:adjust-preview", args=[account.customer_id])
    credit = agent.get(url, _form(program=account.program_id, expires_in_days="")).content.decode()
    for sentence in ("Balance 100 → 140 points", "They never expire", "Cost €0.40", "no message"):
        assert sentence in credit
    debited = agent.get(url, _form(program=account.program_id, amount="-30")).content.decode()
    assert "Balance 100 → 70 points" in debited
    assert "30 that never expire" in debited
    refused = agent.get(url, _form(program=account.program_id, amount="-300")).content.decode()
    assert "preview--warn" in refused
    assert "Enter an amount" in agent.get(url, {"program": account.program_id}).content.decode()


def test_rw_5_spend_takes_units_with_their_receipt(agent: Client) -> None:
    account = account_of(100)
    url = reverse("rewards:spend", args=[account.customer_id])
    form: dict[str, Any] = {"program": account.program_id, "reference": "T-0099"}
    form["idempotency_key"] = "form:9"
    for wrong in ("-5", "0", "101", ""):
        assert agent.post(url, form | {"amount": wrong}, headers=HTMX).status_code == 422
    response = agent.post(url, form | {"amount": "30"}, headers=HTMX)
    assert "balance 100 → 70" in response.content.decode()
    assert Operation.objects.get(reference="T-0099").kind == "debit"
    preview = reverse("rewards:spend-preview", args=[account.customer_id])
    assert "Balance 70 → 60" in agent.get(preview, form | {"amount": "10"}).content.decode()


def test_rw_13_undo_from_toast_twice_answers_alike_and_for_others_it_is_done(
    agent: Client,
) -> None:
    account = account_of(100)
    operation = adjust(account, 40)
    url = reverse("rewards:undo", args=[account.customer_id, operation.pk])
    assert b"Undo this?" in agent.get(url).content
    for _ in range(2):
        response = agent.post(url, headers=HTMX)
        assert response.status_code == 200
        assert "balance 140 → 100" in response.content.decode()
    agent.force_login(UserFactory())
    refused = agent.post(url, headers=HTMX)
    assert refused.status_code == 409
    assert "undone already" in refused.content.decode()
    assert agent.post(url).status_code == 302
    assert balance_of(account) == 100
    assert_adds_up()


def test_undo_of_another_customers_operation_is_not_found(agent: Client) -> None:
    operation = adjust(account_of(), 40)
    url = reverse("rewards:undo", args=[CustomerFactory().pk, operation.pk])
    assert agent.post(url).status_code == 404
    assert Operation.objects.count() == 1


def test_rw_3_the_history_tells_every_entry_and_filters_by_kind(agent: Client) -> None:
    account = account_of(100)
    debit(account, 30, reference="T-7")
    url = reverse("rewards:points", args=[account.customer_id])
    everything = agent.get(url).content.decode()
    for text in ("+100", "−30", "Receipt T-7", "From 1 lot", "70 of 100 left", "Undo"):
        assert text in everything
    spent = agent.get(url, {"kind": "spent"}).content.decode()
    assert "Receipt T-7" in spent
    assert "+100" not in spent
    assert "No entries of this kind" in agent.get(url, {"kind": "expired"}).content.decode()
    assert "damaged" in agent.get(url, {"after": "rubbish"}).content.decode()


def test_an_auditor_sees_the_history_without_verbs(client: Client) -> None:
    account = account_of(100)
    client.force_login(UserFactory(auditor=True))
    text = client.get(reverse("rewards:points", args=[account.customer_id])).content.decode()
    assert "+100" in text
    assert reverse("rewards:adjust", args=[account.customer_id]) not in text
    assert "/undo/" not in text
    assert _adjust(client, account).status_code == 403
    assert balance_of(account) == 100


def test_the_timeline_and_the_audit_log_tell_of_the_adjustment(agent: Client) -> None:
    account = account_of()
    _adjust(agent, account)
    timeline = reverse("activity:timeline", args=[account.customer_id])
    text = agent.get(timeline).content.decode()
    for part in ("Points adjusted by +40", "balance 0 → 40", "guest checkout of #10433", "Marta"):
        assert part in text
    operation = Operation.objects.get()
    agent.post(reverse("rewards:undo", args=[account.customer_id, operation.pk]), headers=HTMX)
    after = agent.get(timeline).content.decode()
    assert "Undone" in after
    assert "Adjustment undone: −40 points" in after
    verbs = AuditRecord.objects.filter(customer=account.customer).values_list("verb", flat=True)
    assert set(verbs) == {"ledger.adjusted", "ledger.reversed"}
    assert Event.objects.filter(customer=account.customer).count() == 2


@pytest.mark.parametrize("entries", [2, 60])
def test_panels_cost_the_same_however_long_the_history(agent: Client, entries: int) -> None:
    account = account_of(10_000)
    for _ in range(entries):
        debit(account, 3)
    customer = [account.customer_id]
    agent.get(reverse("rewards:points", args=customer), headers=HTMX)  # warm the session
    with assert_queries("rewards: points panel"):
        agent.get(reverse("rewards:points", args=customer), headers=HTMX)
    with assert_queries("rewards: facts"):
        agent.get(reverse("rewards:balances", args=customer), headers=HTMX)
    with assert_queries("rewards: adjust dialog"):
        agent.get(reverse("rewards:adjust", args=customer), headers=HTMX)
    with assert_queries("rewards: explain dialog"):
        agent.get(reverse("rewards:explain", args=customer), headers=HTMX)
    with assert_queries("activity: timeline of balance changes"):
        agent.get(reverse("activity:timeline", args=customer), headers=HTMX)


def test_rw_15_store_admins_see_the_nightly_check(client: Client) -> None:
    client.force_login(UserFactory(store_admin=True))
    url = reverse("rewards:checks")
    assert b"has not been checked yet" in client.get(url).content
    account_of(10)
    assert check_ledgers_nightly() == 0
    assert b"Adds up" in client.get(url).content
    Account.objects.update(balance=11)
    assert check_ledgers_nightly() == 3
    assert b"3 discrepancies" in client.get(url).content


def test_money_in_the_preview_uses_the_programs_value(agent: Client) -> None:
    account = account_of(program=ProgramFactory(unit_value=Decimal("0.5"), currency="USD"))
    url = reverse("rewards:adjust-preview", args=[account.customer_id])
    text = agent.get(url, _form(program=account.program_id)).content.decode()
    assert "Cost US$20.00" in text
