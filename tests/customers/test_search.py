"""CU-2: customers are found by any part of anything, accents and case blind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from customers import search
from customers.actions.customers import Identity, create_customer
from customers.models import Customer
from customers.search import exact_matches, query_of, search_page
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import InvalidInput

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 1, tzinfo=UTC)


def make(name: str, day: int = 0, **more: Any) -> Customer:
    contacts = {key: more.pop(key) for key in ("email", "phone") if key in more}
    return create_customer(
        actor=Actor.system("test"),
        identity=Identity(name=name, **more),
        at=START + timedelta(days=day),
        **contacts,
    )


@pytest.fixture
def ana() -> Customer:
    make("Somebody Else", email="else@example.org", phone="+34 699 999 999")
    return make(
        "Ana María Pérez Ibáñez",
        external_id="H-1042",
        document="12.345.678-Z",
        address="Calle de la Luna 7, 28004 Madrid",
        email="ana.perez@example.com",
        phone="612 345 678",
    )


def found(typed: str) -> list[str]:
    return [customer.name for customer in search_page(query_of(typed), {}, 50).rows]


@pytest.mark.parametrize(
    "typed",
    [
        "ana maria", "PÉREZ", "perez ana", "ibanez", "Ibáñez", "luna 7", "28004",
        "ana.perez@example.com", "perez@example", "h-1042", "1042", "12345678z", "12.345.678-Z",
        "612 345 678", "+34612345678", "0034 612 345 678", "+34 612-345-678", "612345678",
        "34612345678", "0612345678", "345 678", "pérez +34612345678", "  ana \t perez  ",
    ],
)  # fmt: skip
def test_any_part_of_anything_finds(ana: Customer, typed: str) -> None:
    assert found(typed) == [ana.name]


@pytest.mark.parametrize(
    "typed", ["ana zzz", "perez%ana", "per_z", "100%", "\\", "612345679", "ana@example.com"]
)
def test_every_word_must_be_there_and_nothing_is_a_wildcard(ana: Customer, typed: str) -> None:
    assert found(typed) == []


def test_wildcards_are_found_as_themselves() -> None:
    make("Under_Score 100%")
    make("UnderXScore 1000")

    assert found("under_score") == ["Under_Score 100%"]
    assert found("100%") == ["Under_Score 100%"]


def test_other_scripts_are_found() -> None:
    make("Юлия Ковальская")

    assert found("ковальская") == ["Юлия Ковальская"]


@pytest.mark.parametrize("typed", ["an", "AN", "a", "Án"])
def test_short_terms_find_how_a_name_begins(ana: Customer, typed: str) -> None:
    query = query_of(typed)

    assert query.is_short
    assert found(typed) == [ana.name]


def test_short_terms_find_whole_ids() -> None:
    make("Seventh", external_id="7")
    make("Other", external_id="77")

    assert found("7") == ["Seventh"]


@pytest.mark.parametrize("typed", ["", "   ", "\0", "@@", "--"])
def test_nothing_typed_finds_nothing(ana: Customer, typed: str) -> None:
    assert found(typed) == []


@pytest.mark.parametrize("probed", [3, 1000])
def test_newest_first_whether_the_probe_suffices_or_not(
    monkeypatch: pytest.MonkeyPatch, probed: int
) -> None:
    monkeypatch.setattr(search, "PROBED", probed)
    for day in range(12):
        make("Old Common" if day < 8 else "New Rare", day=day)

    assert found("common") == ["Old Common"] * 8
    page = search_page(query_of("common"), {}, 3)
    joined = [row.joined_at.day for row in page.rows if row.joined_at]
    assert joined == [8, 7, 6]


@pytest.mark.parametrize("probed", [4, 1000])
def test_pages_lead_through_all_and_back(monkeypatch: pytest.MonkeyPatch, probed: int) -> None:
    monkeypatch.setattr(search, "PROBED", probed)
    names = [f"Common {day:02}" for day in range(10)]
    for day, name in enumerate(names):
        make(name, day=day)
        make("Between", day=day)
    query = query_of("common")

    seen: list[str] = []
    params: dict[str, str] = {}
    while True:
        page = search_page(query, params, 4)
        seen += [row.name for row in page.rows]
        if page.older is None:
            break
        params = {"after": page.older}
    back = search_page(query, {"before": page.newer or ""}, 4)

    assert seen == names[::-1]
    assert [row.name for row in back.rows] == names[2:6][::-1]
    assert back.older
    assert back.newer


def test_a_damaged_cursor_is_refused(ana: Customer) -> None:
    with pytest.raises(InvalidInput):
        search_page(query_of("perez"), {"after": "nonsense"}, 50)


@pytest.mark.parametrize(
    "typed",
    ["H-1042", "h-1042", "12345678z", "12.345.678-z", "Ana.Perez@example.com", "612 345 678",
     "+34612345678", "0034612345678"],
)  # fmt: skip
def test_exact_keys(typed: str) -> None:
    make("Somebody Else", external_id="H-10421", document="12345678")
    ana = make(
        "Ana", external_id="H-1042", document="12345678Z", email="ana.perez@example.com",
        phone="612345678",
    )  # fmt: skip

    assert [customer.pk for customer in exact_matches(query_of(typed))] == [ana.pk]
