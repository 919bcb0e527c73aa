"""POST /api/v1/orders: what is right is recorded once, what is wrong is named."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from activity.models import AuditRecord, Event
from customers.models import Customer, Order, OrderLine
from loyalty_admin.staff.models import RequestRecord
from rewards.models import Account, Entry
from tests.factories import CustomerFactory, EarningRuleVersionFactory, StoreFactory
from tests.loyalty_admin.api_client import Till, a_line, an_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def till() -> Till:
    StoreFactory(code="S-1", name="High Street")
    EarningRuleVersionFactory()
    return Till()


def test_a_new_order_is_recorded_with_what_it_earns(till: Till) -> None:
    answer = till.post(an_order())

    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body["number"] == "1001"
    assert body["total"] == "15.70"
    assert body["customer"] == {"external_id": "C-1", "status": "member"}
    assert [(one["units"], one["unit_name"]) for one in body["earned"]] == [(15, "points")]
    order = Order.objects.get(pk=body["id"])
    assert (order.total, order.lines.count()) == (Decimal("15.70"), 2)
    assert [line.position for line in order.lines.all()] == [1, 2]
    assert Account.objects.get().balance == 15
    event = Event.objects.get(kind="order.recorded")
    assert event.data["earned"] == body["earned"]
    assert (event.data["number"], event.data["total"]) == ("1001", "15.70")
    assert AuditRecord.objects.filter(verb="order.recorded", object_id=order.pk).count() == 1


def test_the_same_request_again_gets_the_same_answer(till: Till) -> None:
    first = till.post(an_order(), key="one")
    again = till.post(an_order(), key="one")

    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first
    assert Order.objects.count() == 1
    assert Account.objects.get().balance == 15


def test_the_key_with_another_body_is_a_conflict(till: Till) -> None:
    till.post(an_order(), key="one")
    answer = till.post(an_order(number="1002"), key="one")

    assert answer.status_code == 409
    assert_problem(answer, "idempotency-key-reused", "idempotency_key")
    assert Order.objects.count() == 1


def test_keys_belong_to_the_client_that_made_them(till: Till) -> None:
    till.post(an_order(), key="one")
    assert Till().post(an_order(number="1002"), key="one").status_code == 201


def test_the_same_order_by_another_request_earns_nothing_more(till: Till) -> None:
    first = till.post(an_order(), key="one")
    again = till.post(an_order(), key="two")

    assert (again.status_code, again.json()) == (200, first.json())
    assert Account.objects.get().balance == 15
    assert RequestRecord.objects.count() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"placed_at": "2026-05-01T18:31:00+02:00"},
        {"customer_external_id": "C-2"},
        {"lines": [a_line()]},
        {"lines": [a_line(total="12.50"), a_line(sku="SKU-2", total="3.21")]},
    ],
)
def test_another_order_with_the_number_is_a_conflict(till: Till, change: dict[str, Any]) -> None:
    till.post(an_order())
    answer = till.post(an_order(**change))

    assert answer.status_code == 409
    assert_problem(answer, "order-exists", "number")
    assert (Order.objects.count(), OrderLine.objects.count()) == (1, 2)
    assert not Customer.objects.filter(external_id="C-2").exists()


def test_another_store_may_use_the_number(till: Till) -> None:
    StoreFactory(code="S-2")
    till.post(an_order())
    assert till.post(an_order(store="S-2")).status_code == 201


def test_a_guest_checkout_has_no_customer(till: Till) -> None:
    answer = till.post(an_order(customer_external_id=None))

    assert answer.status_code == 201
    assert (answer.json()["customer"], answer.json()["earned"]) == (None, [])
    assert Event.objects.count() == 0
    assert AuditRecord.objects.filter(verb="order.recorded").count() == 1


def test_an_unknown_customer_becomes_a_guest_and_earns_nothing(till: Till) -> None:
    answer = till.post(an_order(enrol=False))

    assert answer.json()["customer"] == {"external_id": "C-1", "status": "guest"}
    assert answer.json()["earned"] == []
    assert Customer.objects.get().search_text == "c-1"
    assert Entry.objects.count() == 0


def test_a_guest_who_enrols_earns_from_that_order_on(till: Till) -> None:
    till.post(an_order(enrol=False))
    answer = till.post(an_order(number="1002"))

    assert answer.json()["customer"]["status"] == "member"
    assert Account.objects.get().balance == 15
    kinds = list(Event.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["customer.created", "order.recorded", "customer.enrolled", "order.recorded"]


def test_who_was_removed_stays_removed(till: Till) -> None:
    CustomerFactory(removed=True, external_id="C-1")
    answer = till.post(an_order())

    assert (answer.json()["customer"]["status"], answer.json()["earned"]) == ("removed", [])


def test_zero_quantities_and_totals_are_real(till: Till) -> None:
    answer = till.post(an_order(lines=[a_line(quantity=0, total=0, discount="0")]))

    assert (answer.status_code, answer.json()["total"]) == (201, "0.00")
    assert Entry.objects.count() == 0


def test_amounts_never_become_floats(till: Till) -> None:
    raw = json.dumps(an_order(lines=[a_line(total=0)])).replace(
        '"total": 0', '"total": 4503599627.13'
    )
    answer = till.post(raw.encode())

    assert answer.json()["total"] == "4503599627.13"


def test_text_is_kept_as_it_is_without_the_spaces_around_it(till: Till) -> None:
    till.post(an_order(lines=[a_line(product="  Café «Ñandú» 中文 🎁 ")]))
    assert OrderLine.objects.get().product == "Café «Ñandú» 中文 🎁"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown store": ({"store": "S-9"}, "store"),
    "other currency": ({"currency": "USD"}, "currency"),
    "no currency at all": ({"currency": "XYZ"}, "currency"),
    "no lines": ({"lines": []}, "lines"),
    "lines missing": ({"lines": None}, "lines"),
    "lines of another type": ({"lines": "all"}, "lines"),
    "number of another type": ({"number": 1001}, "number"),
    "number empty": ({"number": " "}, "number"),
    "number too long": ({"number": "1" * 61}, "number"),
    "NUL": ({"number": "10\x0001"}, "number"),
    "half a character": ({"customer_external_id": "C-\ud800"}, "customer_external_id"),
    "enrol as text": ({"enrol": "yes"}, "enrol"),
    "unknown field": ({"coupon": "X"}, "coupon"),
    "no offset": ({"placed_at": "2026-05-01T18:30:00"}, "placed_at"),
    "seconds since 1970": ({"placed_at": 1714580000}, "placed_at"),
    "another date format": ({"placed_at": "01/05/2026 18:30"}, "placed_at"),
    "no such day": ({"placed_at": "2026-02-30T10:00:00Z"}, "placed_at"),
    "future": ({"placed_at": "2999-01-01T00:00:00Z"}, "placed_at"),
    "year one": ({"placed_at": "0001-01-01T00:00:00+14:00"}, "placed_at"),
}
WRONG_LINE: dict[str, tuple[dict[str, Any], str]] = {
    "negative quantity": ({"quantity": -1}, "quantity"),
    "negative total": ({"total": "-0.01"}, "total"),
    "negative discount": ({"discount": "-1"}, "discount"),
    "too many decimals": ({"total": "1.005"}, "total"),
    "too many decimals of a quantity": ({"quantity": "1.0005"}, "quantity"),
    "huge": ({"total": 10**30}, "total"),
    "huge exponent": ({"total": "1e400"}, "total"),
    "text": ({"total": "twelve"}, "total"),
    "underscores": ({"total": "1_000"}, "total"),
    "boolean": ({"quantity": True}, "quantity"),
    "not a number": ({"quantity": "NaN"}, "quantity"),
    "list": ({"total": [1]}, "total"),
    "no product code": ({"sku": ""}, "sku"),
    "null product": ({"product": None}, "product"),
    "product too long": ({"product": "x" * 201}, "product"),
    "unknown field of a line": ({"price": 1}, "price"),
}


@pytest.mark.parametrize(("change", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_field_is_named_and_nothing_is_written(
    till: Till, change: dict[str, Any], field: str
) -> None:
    answer = till.post(an_order(**change))

    assert answer.status_code == 422, answer.content
    assert_problem(answer, "invalid-input", field)
    assert_nothing_written()


@pytest.mark.parametrize(("change", "field"), WRONG_LINE.values(), ids=WRONG_LINE.keys())
def test_a_wrong_field_of_a_line_is_named_with_its_place(
    till: Till, change: dict[str, Any], field: str
) -> None:
    answer = till.post(an_order(lines=[a_line(), a_line(), a_line(), a_line(**change)]))

    assert answer.status_code == 422, answer.content
    assert_problem(answer, "invalid-input", f"lines[3].{field}")
    assert_nothing_written()


def test_every_wrong_field_is_named_at_once(till: Till) -> None:
    answer = till.post(an_order(number="", lines=[a_line(quantity=-1), a_line(total="x")]))
    fields = {error["field"] for error in answer.json()["errors"]}
    assert fields == {"number", "lines[0].quantity", "lines[1].total"}


def test_a_currency_without_cents_takes_none(till: Till) -> None:
    StoreFactory(code="S-JP", currency="JPY")
    body = an_order(store="S-JP", currency="JPY")
    assert_problem(till.post(body), "invalid-input", "lines[0].total")
    body["lines"] = [a_line(total=1250)]
    assert till.post(body).json()["total"] == "1250.00"


def test_a_closed_store_sells_nothing(till: Till) -> None:
    StoreFactory(code="S-0", is_active=False)
    assert_problem(till.post(an_order(store="S-0")), "invalid-input", "store")


def test_lines_that_add_up_to_too_much_are_refused(till: Till) -> None:
    most = "999999999999.99"
    answer = till.post(an_order(lines=[a_line(total=most), a_line(total=most)]))
    assert_problem(answer, "invalid-input", "lines")


def test_a_refused_request_may_be_sent_again_when_it_is_right(till: Till) -> None:
    assert till.post(an_order(store="S-9"), key="one").status_code == 422
    assert till.post(an_order(), key="one").status_code == 201


def test_a_key_bound_to_a_store_writes_no_other_stores_orders(till: Till) -> None:
    bound = Till(store=StoreFactory(code="S-2"))

    for store in ("S-1", "S-9"):  # one that exists and one that does not look the same
        answer = bound.post(an_order(store=store))
        assert answer.status_code == 403
        assert_problem(answer, "not-allowed", "store")
    assert_nothing_written()
    assert bound.post(an_order(store="S-2")).status_code == 201


def assert_problem(answer: Any, code: str, field: str) -> None:
    """The answer is a problem of this kind that names exactly this field."""
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["type"].endswith(f":{code}")
    assert body["status"] == answer.status_code
    assert [error["field"] for error in body["errors"]] == [field], body
    assert all(error["message"] for error in body["errors"])


def assert_nothing_written() -> None:
    for model in (Order, OrderLine, Customer, Event, AuditRecord, RequestRecord, Account):
        assert not model._default_manager.exists(), model
