"""People, stores, API keys and reasons in the Django admin, behind the console's own sign-in."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.admin import (
    ActionAdmin,
    AuditedAdmin,
    actor_of_request,
    show_histories,
    show_read_only,
)
from loyalty_admin.common.money import known_currencies
from loyalty_admin.staff.actions.api_keys import create_api_key, revoke_api_key
from loyalty_admin.staff.models import ApiKey, ReasonCode, RequestRecord, Store, User
from loyalty_admin.staff.permissions import API_SCOPES
from loyalty_admin.staff.time_zones import known_time_zones


def _own_password(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    """One's own password is changed in one place, too."""
    return redirect("account_change_password")


admin.site.site_header = admin.site.site_title = "Loyalty Admin"
admin.site.index_title = _("Everything, for superusers")
# One way in, so that throttling and two-factor sign-in hold here as well.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.password_change = _own_password  # type: ignore[assignment, method-assign]
# What people may do follows from their role; groups would suggest otherwise.
# Their own pages would show the secrets of second factors, and change what nobody hears of.
for module in ("allauth.account.admin", "allauth.mfa.admin", "allauth.usersessions.admin"):
    import_module(module)
admin.site.unregister([Group, Authenticator, EmailAddress, UserSession])


class StoreForm(forms.ModelForm[Store]):
    """A store with a currency and a time zone that exist."""

    class Meta:
        model = Store
        fields = ("code", "name", "kind", "time_zone", "currency", "is_active")

    def clean_currency(self) -> str:
        """An ISO 4217 code."""
        code = str(self.cleaned_data["currency"]).upper()
        if code not in known_currencies():
            raise forms.ValidationError(_("Enter an ISO 4217 code such as EUR."))
        return code

    def clean_time_zone(self) -> str:
        """A name of the IANA list."""
        name = str(self.cleaned_data["time_zone"])
        if name not in known_time_zones():
            raise forms.ValidationError(_("Enter a time zone such as Europe/Madrid."))
        return name


@admin.register(Store)
class StoreAdmin(AuditedAdmin):
    """Shops and web shops."""

    form = StoreForm
    list_display = ("name", "code", "kind", "currency", "time_zone", "is_active")
    text_search = ("code", "name__icontains")
    ordering = ("name",)


@admin.register(ReasonCode)
class ReasonCodeAdmin(AuditedAdmin):
    """Why balances are changed."""

    list_display = ("label", "code", "position", "is_active")
    text_search = ("code", "label__icontains")
    ordering = ("position", "label")


class NewUserForm(AdminUserCreationForm[User]):
    """A new member of staff; the address is kept in small letters."""

    class Meta:
        model = User
        fields = ("email",)

    def clean_email(self) -> str:
        """The address as it is stored and compared."""
        return str(self.cleaned_data["email"]).lower()


class ChangedUserForm(UserChangeForm[User]):
    """A member of staff; the address is kept in small letters."""

    def clean_email(self) -> str:
        """The address as it is stored and compared."""
        return str(self.cleaned_data["email"]).lower()


@admin.register(User)
class UserAdmin(AuditedAdmin, DjangoUserAdmin[User]):
    """Members of staff: invited, given a role, deactivated; never deleted."""

    form = ChangedUserForm
    add_form = NewUserForm
    unaudited = ("password", "last_login")
    list_display = ("name", "email", "role", "store", "is_active", "is_superuser", "last_login")
    list_filter = ("role", "is_active", "is_superuser", "store")
    text_search = ("email__iexact", "name__icontains")
    ordering = ("name",)
    filter_horizontal = ()
    readonly_fields = ("last_login", "created_at")
    fieldsets = (
        (None, {"fields": ("name", "email", "password")}),
        (_("What they may do"), {"fields": ("role", "store", "is_active", "is_superuser")}),
        (_("Dates"), {"fields": ("last_login", "created_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("name", "email", "role", "store")}),
        (_("Password"), {"fields": ("usable_password", "password1", "password2")}),
    )

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Set somebody's password; that it was set is recorded, the password is not."""
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            user = self.get_object(request, id)
            if request.method == "POST" and response.status_code == 302 and user:
                self.write_down(request, user, "password_set", None, None)
        return response


class NewApiKeyForm(forms.ModelForm[ApiKey]):
    """What a new key is called and may do."""

    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=[(scope.value, scope.value) for scope in sorted(API_SCOPES)],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = ApiKey
        fields = ("name", "store", "scopes")


@admin.register(ApiKey)
class ApiKeyAdmin(ActionAdmin):
    """Keys of tills and web shops: made, shown once, revoked; the secret is nowhere."""

    form = NewApiKeyForm
    list_display = ("name", "prefix", "store", "scopes", "last_used_at", "revoked_at")
    text_search = ("prefix", "name__icontains")
    ordering = ("name",)
    actions = ("revoke",)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A key is never changed, only revoked (which the list offers)."""
        return obj is None and super().has_change_permission(request)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """Everything but the digest."""
        new = ("name", "store", "scopes")
        seen = ("prefix", "created_by", "created_at", "last_used_at", "revoked_at")
        return (*new, *seen) if obj else new

    def act(self, actor: Actor, obj: Model, form: forms.ModelForm[Any], change: bool) -> int:
        """Make the key; its token waits on the form for `response_add`."""
        values = form.cleaned_data
        store = values["store"]
        key, token = create_api_key(
            actor=actor,
            name=values["name"],
            scopes=values["scopes"],
            store_code=store.code if store else "",
        )
        form.token = token  # type: ignore[attr-defined]
        return int(key.pk)

    def save_model(
        self, request: HttpRequest, obj: Model, form: forms.ModelForm[Any], change: bool
    ) -> None:
        """Make the key and show its token this once."""
        super().save_model(request, obj, form, change)
        token = form.token  # type: ignore[attr-defined]
        text = _("Copy this token now, nobody can show it again: %(token)s") % {"token": token}
        self.message_user(request, text, messages.WARNING)

    @admin.action(description=_("Revoke the chosen keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        """End the keys at once."""
        actor = actor_of_request(request)
        ended = [revoke_api_key(actor=actor, key_id=key.pk) for key in keys]
        text = ngettext("%(count)s key revoked.", "%(count)s keys revoked.", len(ended))
        self.message_user(request, text % {"count": len(ended)}, messages.SUCCESS)


@admin.register(Authenticator)
class AuthenticatorAdmin(AuditedAdmin):
    """Second factors, without their secrets. Removing one lets a person in who lost it."""

    fields = ("user", "type", "created_at", "last_used_at")
    list_display = ("user", "type", "created_at", "last_used_at")
    text_search = ("user__email__iexact",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People set up their own."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """There is nothing to change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """For superusers, as all else here."""
        return bool(request.user.is_superuser)

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        """Remove one, and write down whose."""
        before = {"user_id": obj.user_id, "type": obj.type}
        self.write_down(request, obj, "removed", before, None)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Authenticator]) -> None:
        """Remove several, one by one."""
        with transaction.atomic():
            for authenticator in queryset:
                self.delete_model(request, authenticator)


show_read_only(UserSession, text_search=("user__email__iexact",))
show_read_only(EmailAddress, text_search=("email__iexact",))
show_read_only(RequestRecord, text_search=("key",))
show_histories("staff")
