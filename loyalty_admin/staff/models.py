"""Users, stores, API keys, reason codes and the idempotency keys of requests."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import ClassVar

import pghistory
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from loyalty_admin.common.triggers import APPEND_ONLY
from loyalty_admin.staff.permissions import Role


def default_time_zone() -> str:
    """The IANA name of the time zone that stores have unless told otherwise."""
    return str(settings.STORE_TIME_ZONE)


def default_currency() -> str:
    """The ISO 4217 code of the currency that stores have unless told otherwise."""
    return str(settings.DEFAULT_CURRENCY)


@pghistory.track()
class Store(models.Model):
    """A shop or a web shop that sells to customers."""

    class Kind(models.TextChoices):
        SHOP = "shop", _("Shop")
        WEB = "web", _("Web shop")

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.SHOP)
    time_zone = models.CharField(max_length=64, default=default_time_zone)
    currency = models.CharField(max_length=3, default=default_currency)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Users are known by their e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> User:
        """A member of staff; without a password they can't sign in until they set one."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> User:
        """A superuser, who may do everything and use the Django admin."""
        return self.create_user(email, password, **{**fields, "is_superuser": True})


@pghistory.track(exclude=["password", "last_login"])
class User(AbstractBaseUser, PermissionsMixin):
    """A member of staff. What they may do follows from the role alone."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=16, choices=Role, default=Role.AGENT)
    store = models.ForeignKey(Store, on_delete=models.PROTECT, null=True, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects = UserManager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        """Whether the Django admin is open to them: superusers only."""
        return self.is_superuser

    @property
    def role_name(self) -> str:
        """What their role is called on screen."""
        return "Superuser" if self.is_superuser else self.get_role_display()


class ApiKey(models.Model):
    """The key of a till or web shop; only a hash of it is stored."""

    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=40), default=list)
    store = models.ForeignKey(Store, on_delete=models.PROTECT, null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @staticmethod
    def new_secret() -> tuple[str, str, str]:
        """A fresh key as (what the client keeps, its prefix, what we store)."""
        prefix, secret = "la_" + secrets.token_hex(4), secrets.token_urlsafe(32)
        return f"{prefix}.{secret}", prefix, ApiKey.digest_of(secret)

    @staticmethod
    def digest_of(secret: str) -> str:
        """SHA-256 as hexadecimal digits: the secret is random, so no slow hash is needed."""
        return hashlib.sha256(secret.encode()).hexdigest()

    def matches(self, secret: str) -> bool:
        """Whether this is the secret that was given out, compared in constant time."""
        return hmac.compare_digest(self.digest, self.digest_of(secret))


@pghistory.track()
class ReasonCode(models.Model):
    """Why a balance was changed or goodwill was given."""

    code = models.SlugField(max_length=40, unique=True)
    label = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("position", "label")

    def __str__(self) -> str:
        return self.label


class RequestRecord(models.Model):
    """What an API request with an idempotency key was answered.

    Written in the transaction of the effect, so it exists exactly when the effect does.
    """

    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            # One key means one request, for the client that minted it.
            models.UniqueConstraint(fields=("api_key", "key"), name="staff_request_once"),
        )
        triggers = (APPEND_ONLY,)

    def __str__(self) -> str:
        return self.key
