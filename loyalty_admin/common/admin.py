"""What the Django admin of every app is made of: read only, audited, or through an action."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from django.apps import apps
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Model, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.changes import Change, changed
from loyalty_admin.common.errors import DomainError

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

COUNTED = 10_000
"""Beyond this many rows nobody needs the exact number, and counting them takes seconds."""
MAX_ID = 2**63 - 1
UNLISTED = (models.JSONField, models.TextField)


def actor_of_request(request: HttpRequest) -> Actor:
    """The superuser who uses the admin, as an actor."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


class CappedPaginator(Paginator[Model]):
    """Pages of a table of any size: it counts no further than anybody turns pages."""

    @cached_property
    def count(self) -> int:
        """The number of rows, at most COUNTED."""
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED].count())


class SwiftAdmin(ModelAdmin):
    """Lists that stay quick at any size.

    Search is exact: a number is looked for in `number_search`, any term in `text_search`.
    """

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    number_search: tuple[str, ...] = ("pk",)
    text_search: tuple[str, ...] = ()

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Naming any shows the search box."""
        return (*self.number_search, *self.text_search)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        """The rows in which one of the fields is exactly the term."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(pk__in=[])
        for name in self.text_search:
            found |= Q(**{name: term})
        if term.isdecimal() and int(term) <= MAX_ID:
            for name in self.number_search:
                found |= Q(**{name: int(term)})
        return queryset.filter(found), False

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Every field that fits into a cell, unless the class names some."""
        if tuple(self.list_display) != ("__str__",):
            return [str(name) for name in self.list_display]
        fields = self.model._meta.concrete_fields
        return [field.name for field in fields if not isinstance(field, UNLISTED)]

    def get_list_select_related(self, request: HttpRequest) -> list[str]:
        """The relations that the list shows, so that no row asks for its own."""
        shown = set(self.get_list_display(request))
        fields = self.model._meta.concrete_fields
        return [field.name for field in fields if field.is_relation and field.name in shown]


class ReadOnlyAdmin(SwiftAdmin):
    """For what is written by actions alone: to be looked at, whoever looks."""

    actions = None

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False


class AuditedAdmin(SwiftAdmin):
    """For configuration: every save is written to the audit log in its own transaction.

    Nothing is deleted here: what has been used stays, and is switched off instead.
    """

    unaudited: tuple[str, ...] = ()
    """Fields whose values are nobody's business."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def save_model(
        self, request: HttpRequest, obj: Model, form: ModelForm[Model], change: bool
    ) -> None:
        """Save, and write down what changed from what to what."""
        before = self._stored(obj) if change else None
        super().save_model(request, obj, form, change)
        after = self._stored(obj)
        if before == after:
            return
        kept = None if before is None else {k: v for k, v in before.items() if v != after[k]}
        new = after if kept is None else {name: after[name] for name in kept}
        self.write_down(request, obj, "changed" if change else "created", kept, new)

    def write_down(
        self,
        request: HttpRequest,
        obj: Model,
        what: str,
        before: dict[str, object] | None,
        after: dict[str, object] | None,
    ) -> None:
        """Announce a change to the audit log."""
        name = str(self.model._meta.model_name)
        change = Change(f"{name}.{what}", name, int(obj.pk), before, after)
        changed(actor_of_request(request), change)

    def _stored(self, obj: Model) -> dict[str, object]:
        rows = self.model._default_manager.select_for_update().filter(pk=obj.pk)
        names = [
            field.attname
            for field in self.model._meta.concrete_fields
            if field.name not in self.unaudited
        ]
        return dict(rows.values(*names).get())


class ActionAdmin(SwiftAdmin):
    """For what actions can write: `act` calls one instead of saving the row."""

    def act(self, actor: Actor, obj: Model, form: ModelForm[Model], change: bool) -> int:
        """Do what the form says and answer the primary key of the row. Raises DomainError."""
        raise NotImplementedError

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def save_model(
        self, request: HttpRequest, obj: Model, form: ModelForm[Model], change: bool
    ) -> None:
        """Let the action write."""
        obj.pk = self.act(actor_of_request(request), obj, form, change)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """As usual, but without a transaction around it: the action opens its own."""
        try:
            return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined, no-any-return]
        except DomainError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(request.path)


def show_read_only(*models_: type[Model], text_search: Iterable[str] = ()) -> None:
    """Register models that are only looked at."""
    for model in models_:
        names = {field.name for field in model._meta.concrete_fields}
        numbers = ("pk", "customer_id") if "customer" in names else ("pk",)
        options = {"number_search": numbers, "text_search": tuple(text_search)}
        admin.site.register(model, type(f"{model.__name__}Admin", (ReadOnlyAdmin,), options))


def show_histories(app_label: str) -> None:
    """Register the histories that django-pghistory keeps of an app's models."""
    for model in apps.get_app_config(app_label).get_models():
        if hasattr(model, "pgh_tracked_model"):
            options = {"number_search": ("pgh_obj_id",), "ordering": ("-pgh_id",)}
            admin.site.register(model, type(f"{model.__name__}Admin", (ReadOnlyAdmin,), options))
