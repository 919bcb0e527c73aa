"""The Django admin: for superusers, ledgers read only, configuration audited, no secrets."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from activity.actions.notes import add_note
from activity.models import AuditRecord
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.admin import COUNTED, CappedPaginator
from loyalty_admin.staff.models import ApiKey, ReasonCode, Store, User
from loyalty_admin.staff.permissions import Role
from rewards.actions.balances import adjust_balance
from rewards.models import EarningRule, EarningRuleVersion, Operation, Program
from tests.factories import (
    CustomerFactory,
    EarningRuleVersionFactory,
    OrderLineFactory,
    ProgramFactory,
    ReasonCodeFactory,
    StoreFactory,
    UserFactory,
    new_api_key,
)
from tests.factories.staff import PASSWORD

pytestmark = pytest.mark.django_db

OURS = ("staff", "activity", "customers", "rewards")
EDITABLE = {"store", "reasoncode", "user", "program", "earningrule"}
ADDABLE = EDITABLE | {"earningruleversion", "apikey"}
DELETABLE = {"authenticator"}
REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label)
OWN = [model for model in REGISTERED if model._meta.app_label in OURS]


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(UserFactory(superuser=True, name="Rosa"))
    return client


@pytest.fixture
def filled() -> None:
    """A row of most kinds."""
    customer = CustomerFactory()
    OrderLineFactory(order__customer=customer)
    EarningRuleVersionFactory()
    new_api_key()
    actor = Actor.system("test")
    add_note(actor=actor, customer_id=customer.pk, channel="chat", body="Hi", idempotency_key="k")
    adjust_balance(
        actor=actor, customer_id=customer.pk, program_id=ProgramFactory().pk, amount=10,
        reason_id=ReasonCodeFactory().pk, idempotency_key="k",
    )  # fmt: skip


def page(model: type[Model], kind: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=args)


def changed_fields(model: type[Model], **given: object) -> dict[str, object]:
    return {"_save": "Save", **given}


def test_every_model_of_ours_is_there() -> None:
    ours = {model for model in apps.get_models() if model._meta.app_label in OURS}

    assert ours - set(REGISTERED) == set()


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_every_model_can_be_listed_searched_and_opened(
    root: Client, filled: None, model: type[Model]
) -> None:
    for query in ("", "?q=7", "?q=Ana+P%C3%A9rez", f"?q={2**70}", "?q=%00"):
        response = root.get(page(model, "changelist") + query)
        assert response.status_code == 200, query
    assert 'id="searchbar"' in response.text
    if row := model._default_manager.first():
        assert root.get(page(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", OWN, ids=lambda model: model._meta.label)
def test_what_actions_write_is_only_looked_at(
    root: Client, filled: None, model: type[Model]
) -> None:
    name = str(model._meta.model_name)
    row = model._default_manager.first()

    added = root.post(page(model, "add"), {})
    assert (added.status_code == 403) is (name not in ADDABLE)
    if row:
        changed = root.post(page(model, "change", row.pk), {})
        assert (changed.status_code == 403) is (name not in EDITABLE)
        deleted = root.post(page(model, "delete", row.pk), {"post": "yes"})
        assert deleted.status_code == 403
        assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("role", [*Role.values, "anonymous"])
def test_only_superusers_come_in(client: Client, filled: None, role: str) -> None:
    if role != "anonymous":
        client.force_login(UserFactory(role=role))
    for model in OWN:
        for kind in ("changelist", "add"):
            for method in (client.get, client.post):
                response = method(page(model, kind))
                assert response.status_code in {302, 403}, (model, kind)
                assert "/accounts/login/" in response.get("Location", "/accounts/login/") or (
                    "/admin/login/" in response["Location"]
                )
    assert not AuditRecord.objects.exclude(actor_kind="system").exists()


def test_the_admin_has_no_sign_in_of_its_own(client: Client) -> None:
    user = UserFactory(superuser=True)

    response = client.post(
        reverse("admin:login"),
        {"username": user.email, "password": PASSWORD, "this_is_the_login_form": 1},
    )

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")
    assert "_auth_user_id" not in client.session


def test_the_own_password_is_changed_where_everybody_does(root: Client) -> None:
    response = root.get(reverse("admin:password_change"))

    assert response["Location"] == reverse("account_change_password")


def test_a_store_is_added_and_changed_and_both_are_audited(root: Client) -> None:
    sent = {
        "code": "GV", "name": "Gran Vía", "kind": "shop", "time_zone": "Europe/Madrid",
        "currency": "eur", "is_active": "on",
    }  # fmt: skip
    assert root.post(page(Store, "add"), sent).status_code == 302
    store = Store.objects.get()
    assert store.currency == "EUR"

    root.post(page(Store, "change", store.pk), sent | {"name": "Gran Vía 2"})

    created, changed = AuditRecord.objects.order_by("pk")
    assert (created.verb, created.before) == ("store.created", None)
    assert created.after is not None
    assert created.after["code"] == "GV"
    assert (changed.verb, changed.object_id) == ("store.changed", store.pk)
    assert (changed.before, changed.after) == ({"name": "Gran Vía"}, {"name": "Gran Vía 2"})
    assert changed.actor_label == "Rosa"
    root.post(page(Store, "change", store.pk), sent | {"name": "Gran Vía 2"})
    assert AuditRecord.objects.count() == 2  # nothing changed, nothing to tell


@pytest.mark.parametrize(
    ("field", "value"), [("currency", "XYZ"), ("time_zone", "Mars/Olympus"), ("code", "")]
)
def test_a_store_that_cannot_be_is_refused(root: Client, field: str, value: str) -> None:
    sent = {
        "code": "GV", "name": "Gran Vía", "kind": "shop", "time_zone": "Europe/Madrid",
        "currency": "EUR",
    }  # fmt: skip

    response = root.post(page(Store, "add"), sent | {field: value})

    assert field in response.context["adminform"].form.errors
    assert "Gran Vía" in response.text
    assert not Store.objects.exists()
    assert not AuditRecord.objects.exists()


def test_an_audit_that_fails_undoes_the_change(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = ReasonCodeFactory(label="Late")
    monkeypatch.setattr("activity.actions.audit.record_audit", None)

    with pytest.raises(TypeError):
        root.post(
            page(ReasonCode, "change", reason.pk),
            {"code": reason.code, "label": "Lost", "position": "1"},
        )

    reason.refresh_from_db()
    assert reason.label == "Late"


def test_a_person_is_invited_and_deactivated_without_a_word_of_the_password(root: Client) -> None:
    sent = {
        "name": "Luis", "email": "LUIS@Example.com", "role": "lead", "usable_password": "true",
        "password1": "a very long secret", "password2": "a very long secret",
    }  # fmt: skip
    assert root.post(page(User, "add"), sent).status_code == 302
    luis = User.objects.get(email="luis@example.com")
    assert (luis.role, luis.check_password("a very long secret")) == ("lead", True)

    root.post(page(User, "change", luis.pk), {"name": "Luis", "email": luis.email, "role": "lead"})
    root.post(
        reverse("admin:auth_user_password_change", args=[luis.pk]),
        {"usable_password": "true", "password1": "another long secret",
         "password2": "another long secret"},
    )  # fmt: skip

    luis.refresh_from_db()
    assert not luis.is_active
    assert luis.check_password("another long secret")
    verbs = AuditRecord.objects.order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["user.created", "user.changed", "user.password_set"]
    told = str(list(AuditRecord.objects.values("before", "after")))
    assert "secret" not in told
    assert "password" not in told
    assert "is_active" in told


def test_a_key_is_shown_once_and_revoked(root: Client) -> None:
    sent = {"name": "Till 4", "store": "", "scopes": ["orders.record"]}

    response = root.post(page(ApiKey, "add"), sent, follow=True)

    key = ApiKey.objects.get()
    (message,) = [str(m) for m in response.context["messages"] if key.prefix in str(m)]
    token = message.rsplit(" ", 1)[-1]
    assert key.matches(token.removeprefix(f"{key.prefix}."))
    opened = root.get(page(ApiKey, "change", key.pk)).text
    assert key.digest not in opened
    assert token not in opened
    root.post(page(ApiKey, "changelist"), {"action": "revoke", "_selected_action": [key.pk]})
    key.refresh_from_db()
    assert key.revoked_at is not None
    verbs = set(AuditRecord.objects.values_list("verb", flat=True))
    assert verbs == {"api_key.created", "api_key.revoked"}
    assert token not in str(list(AuditRecord.objects.values("before", "after")))


PROGRAM = {
    "code": "points", "kind": "points", "name": "Points", "status": "active",
    "unit_singular": "point", "unit_plural": "points", "unit_value": "0.01", "currency": "EUR",
    "rounding": "down", "pending_days": "0", "expiry": "never", "expiry_days": "0",
    "grace_days": "30", "warning_days": "30", "reinstate_days": "60", "tier_basis": "none",
    "tier_window_days": "365", "tier_grace_days": "30",
}  # fmt: skip
TERMS = {"trigger": "order", "measure": "amount", "units": "1", "per": "1", "currency": "EUR"}


def test_programs_and_rules_go_through_their_actions(root: Client) -> None:
    assert root.post(page(Program, "add"), PROGRAM).status_code == 302
    program = Program.objects.get()
    root.post(page(Program, "change", program.pk), PROGRAM | {"name": "Stars", "code": "other"})
    program.refresh_from_db()
    assert (program.name, program.code) == ("Stars", "points")

    rule_sent = {"program": program.pk, "name": "Each euro", **TERMS}
    assert root.post(page(EarningRule, "add"), rule_sent).status_code == 302
    rule = EarningRule.objects.get()
    published = {"rule": rule.pk, **TERMS, "units": "2"}
    assert root.post(page(EarningRuleVersion, "add"), published).status_code == 302
    assert list(rule.versions.values_list("number", "units")) == [(2, 2), (1, 1)]

    management = {"versions-TOTAL_FORMS": "0", "versions-INITIAL_FORMS": "0"}
    root.post(page(EarningRule, "change", rule.pk), management)
    rule.refresh_from_db()
    assert not rule.is_active
    verbs = AuditRecord.objects.order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == [
        "program.created", "program.changed", "rule.published", "rule.published", "rule.switched",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"units": "0"}, "units"),
        ({"per": "0"}, "per"),
        ({"currency": "XYZ"}, "currency"),
        (
            {"starts_at_0": "2026-02-01", "starts_at_1": "0:00",
             "ends_at_0": "2026-01-01", "ends_at_1": "0:00"},
            "ends_at",
        ),
    ],
)  # fmt: skip
def test_terms_that_cannot_hold_are_refused_beside_the_field(
    root: Client, wrong: dict[str, str], field: str
) -> None:
    sent = {"program": ProgramFactory().pk, "name": "Each euro", **TERMS, **wrong}

    response = root.post(page(EarningRule, "add"), sent)

    assert response.status_code == 200
    assert field in response.context["adminform"].form.errors
    assert not EarningRule.objects.exists()


def test_a_lost_second_factor_is_removed_and_its_secret_never_shown(root: Client) -> None:
    person = UserFactory()
    factor = Authenticator.objects.create(user=person, type="totp", data={"secret": "JBSWY3DP"})

    assert "JBSWY3DP" not in root.get(page(Authenticator, "change", factor.pk)).text
    root.post(page(Authenticator, "delete", factor.pk), {"post": "yes"})

    assert not Authenticator.objects.exists()
    record = AuditRecord.objects.get()
    assert (record.verb, record.before) == (
        "authenticator.removed",
        {"user_id": person.pk, "type": "totp"},
    )


def test_lists_count_no_further_than_anybody_turns_pages(root: Client, filled: None) -> None:
    paginator = CappedPaginator(Operation.objects.order_by("-pk"), 50)

    assert paginator.count == 1
    assert f"LIMIT {COUNTED}" in str(Operation.objects.order_by()[:COUNTED].query)


def test_a_list_asks_once_whatever_its_length(
    root: Client, filled: None, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        StoreFactory(code=f"X{number}")
        CustomerFactory()
    with django_assert_max_num_queries(10):
        root.get(page(Operation, "changelist"))
