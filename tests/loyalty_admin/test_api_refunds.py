"""AP-2: a till refunds, cancels and completes again, and is told what that did."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from customers.models import Order, Refund
from loyalty_admin.staff.models import RequestRecord
from rewards.models import Account
from tests.factories import EarningRuleVersionFactory, StoreFactory
from tests.loyalty_admin.api_client import Till, an_order

pytestmark = pytest.mark.django_db

BASE = "/api/v1/orders/S-1/1001"
REFUNDS = f"{BASE}/refunds"


@pytest.fixture
def till() -> Till:
    """A till whose order 1001 of 12.50 and 3.20 earned 15 points."""
    StoreFactory(code="S-1")
    EarningRuleVersionFactory()
    till = Till()
    assert till.post(an_order()).status_code == 201
    return till


def a_refund(**fields: Any) -> dict[str, Any]:
    """A refund of the second line."""
    refund: dict[str, Any] = {
        "number": "R-1",
        "refunded_at": "2026-05-02T10:00:00+02:00",
        "lines": [{"position": 2, "quantity": 1, "total": "3.20"}],
    }
    return refund | fields


def test_rw_10_a_refund_by_line_is_recorded_and_says_what_it_took(till: Till) -> None:
    response = till.post(a_refund(), url=REFUNDS)
    assert response.status_code == 201
    assert response.json() == {
        "id": Refund.objects.get().pk,
        "number": "R-1",
        "order": "1001",
        "store": "S-1",
        "status": "partly",
        "refunded_at": "2026-05-02T08:00:00Z",
        "total": "3.20",
        "taken_back": [{"program": "Points", "units": 3, "unit_name": "points", "missing": 0}],
    }
    assert Account.objects.get().balance == 12


def test_rw_10_the_same_message_five_times_is_answered_alike(till: Till) -> None:
    first, *others = [till.post(a_refund(), key="one", url=REFUNDS) for _ in range(5)]
    assert [response.status_code for response in others] == [201] * 4
    assert all(response.json() == first.json() for response in others)
    assert all(response["Idempotent-Replay"] == "true" for response in others)
    again = till.post(a_refund(), url=REFUNDS)
    assert (again.status_code, again.json()) == (200, first.json())
    assert Account.objects.get().balance == 12


def test_rw_10_other_content_under_a_known_key_or_number_is_refused(till: Till) -> None:
    till.post(a_refund(), key="one", url=REFUNDS)
    other = till.post(a_refund(lines=None), key="one", url=REFUNDS)
    assert (other.status_code, other.json()["type"][-22:]) == (409, "idempotency-key-reused")
    other = till.post(a_refund(lines=None), url=REFUNDS)
    assert other.status_code == 409
    assert other.json()["type"].endswith("refund-exists")
    assert other.json()["errors"][0]["field"] == "number"
    assert Account.objects.get().balance == 12


def test_rw_10_cancel_and_complete_take_back_and_earn_again(till: Till) -> None:
    cancelled = till.post({"reason": "changed their mind"}, url=f"{BASE}/cancel")
    assert cancelled.status_code == 200
    assert cancelled.json()["status"] == "cancelled"
    assert [one["units"] for one in cancelled.json()["taken_back"]] == [15]
    again = till.post({}, url=f"{BASE}/cancel")
    assert again.json() == cancelled.json()
    refused = till.post(a_refund(), url=REFUNDS)
    assert (refused.status_code, Account.objects.get().balance) == (409, 0)
    completed = till.post({}, key="complete", url=f"{BASE}/complete")
    assert (completed.status_code, completed.json()["status"]) == (200, "completed")
    assert [one["units"] for one in completed.json()["earned"]] == [15]
    assert till.post({}, key="complete", url=f"{BASE}/complete").json() == completed.json()
    assert Account.objects.get().balance == 15


@pytest.mark.parametrize(
    ("lines", "field", "said"),
    [
        ([{"position": 9}], "lines[0].position", "The order has no line number 9."),
        ([{"sku": "X"}], "lines[0].sku", "no line with the SKU “X”"),
        ([{}], "lines[0].position", "by its position or by its SKU"),
        ([{"position": 1, "sku": "SKU-1"}], "lines[0].position", "by its position or by its SKU"),
        ([{"position": 2, "quantity": 1}], "lines[0].total", "Give both quantity and total"),
        ([{"position": 2, "total": 1}], "lines[0].quantity", "Give both quantity and total"),
        ([{"position": 2}, {"sku": "SKU-2"}], "lines[1]", "stands here twice"),
        (
            [{"position": 2, "quantity": 0, "total": 0}],
            "lines[0].total",
            "Neither items nor money",
        ),
        ([{"position": 2, "quantity": 1, "total": "1.234"}], "lines[0].total", "decimal"),
        ([{"position": 0}], "lines[0].position", "greater than or equal to 1"),
        ([], "lines", "at least 1 item"),
        ([{"position": "2"}], "lines[0].position", "valid integer"),
    ],
)
def test_rw_10_a_wrong_line_is_named(till: Till, lines: Any, field: str, said: str) -> None:
    response = till.post(a_refund(lines=lines), url=REFUNDS)
    assert response.status_code == 422, response.json()
    error = response.json()["errors"][0]
    assert (error["field"], said in error["message"]) == (field, True), error
    assert not Refund.objects.exists()


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"quantity": 1, "total": "3.21"}, "lines[0].total"),
        ({"quantity": 2, "total": "3.20"}, "lines[0].quantity"),
    ],
)
def test_rw_10_no_more_goes_back_than_was_paid(till: Till, line: Any, field: str) -> None:
    response = till.post(a_refund(lines=[{"position": 2} | line]), url=REFUNDS)
    assert response.status_code == 409
    assert response.json()["errors"][0]["field"] == field
    half = {"position": 2, "quantity": "0.5", "total": "2.00"}
    assert till.post(a_refund(lines=[half]), url=REFUNDS).status_code == 201
    second = till.post(a_refund(number="R-2", lines=[half]), url=REFUNDS)
    assert second.status_code == 409
    assert "Only 1.20 is left" in second.json()["detail"]
    assert Refund.objects.count() == 1


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-04-29T10:00:00+02:00", "before the order was placed"),
        ("2099-01-01T10:00:00+02:00", "in the future"),
        ("2026-05-02T10:00:00", "with its offset"),
    ],
)
def test_rw_10_a_refund_has_a_possible_time(till: Till, at: str, said: str) -> None:
    response = till.post(a_refund(refunded_at=at), url=REFUNDS)
    assert response.status_code == 422
    error = response.json()["errors"][0]
    assert error["field"] == "refunded_at"
    assert said in error["message"]


@pytest.mark.parametrize("act", ["refunds", "cancel", "complete"])
def test_rw_10_an_unknown_order_is_not_found(till: Till, act: str) -> None:
    body = a_refund() if act == "refunds" else {}
    for place in ("S-1/9999", "NOWHERE/1001"):
        response = till.post(body, url=f"/api/v1/orders/{place}/{act}")
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"
        assert "has no order with the number" in response.json()["detail"]


def test_rw_10_a_number_may_hold_a_slash(till: Till) -> None:
    till.post(an_order(number="A/7"))
    response = till.post(a_refund(lines=None), url="/api/v1/orders/S-1/A%2F7/refunds")
    assert (response.status_code, response.json()["order"]) == (201, "A/7")


def test_rw_10_a_key_of_another_store_may_not(till: Till) -> None:
    other = Till(store=StoreFactory(code="S-2"))
    for act, body in (("refunds", a_refund()), ("cancel", {}), ("complete", {})):
        response = other.post(body, url=f"{BASE}/{act}")
        assert response.status_code == 403
    keyless = Till(scopes=[])
    assert keyless.post(a_refund(), url=REFUNDS).status_code == 403
    assert Order.objects.get().status == Order.Status.COMPLETED
    assert RequestRecord.objects.count() == 1


def test_rw_10_a_whole_refund_then_nothing_is_left(till: Till) -> None:
    assert till.post(a_refund(lines=None), url=REFUNDS).json()["status"] == "refunded"
    again = till.post(a_refund(number="R-2", lines=None), url=REFUNDS)
    assert (again.status_code, Account.objects.get().balance) == (409, 0)
    line = till.post(a_refund(number="R-3", lines=[{"position": 1}]), url=REFUNDS)
    assert "All of this line was refunded before." in line.json()["detail"]


def test_rw_10_a_line_among_twins_is_named_by_its_position(till: Till) -> None:
    first = an_order()["lines"][0]
    till.post(an_order(number="2", lines=[first, first]))
    url = "/api/v1/orders/S-1/2/refunds"
    response = till.post(a_refund(lines=[{"sku": "SKU-1"}]), key=str(uuid4()), url=url)
    assert response.status_code == 422
    assert "name one by its position: 1, 2" in response.json()["errors"][0]["message"]
