"""Events, notes, contact points and audit records."""

from __future__ import annotations

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from loyalty_admin.common.triggers import APPEND_ONLY


class Authored(models.Model):
    """Who wrote a row, as they were called then."""

    actor_kind = models.CharField(max_length=8)
    actor_label = models.CharField(max_length=120)
    actor_user = models.ForeignKey(
        "staff.User", on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )

    class Meta:
        abstract = True


class Event(Authored):
    """One line of a customer's timeline.

    `data` holds what the line says, as it was then; `kind` finds the line type that
    renders it (`activity.timeline`); `object_id` is the row that it leads to.
    """

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, db_index=False, related_name="events"
    )
    occurred_at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    object_id = models.BigIntegerField(null=True)
    data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = (
            # The timeline: any page of one customer's events is one short index walk.
            models.Index(
                fields=("customer", "-occurred_at", "-id"), name="activity_event_timeline"
            ),
        )
        triggers = (APPEND_ONLY,)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Note(Authored):
    """What a member of staff wrote down about a contact with the customer."""

    class Channel(models.TextChoices):
        PHONE = "phone", _("Phone")
        CHAT = "chat", _("Chat")
        EMAIL = "email", _("E-mail")
        STORE = "store", _("Store")
        SOCIAL = "social", _("Social")

    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="notes"
    )
    channel = models.CharField(max_length=8, choices=Channel)
    body = models.TextField(max_length=4000)
    pinned = models.BooleanField(default=False)
    idempotency_key = models.CharField(max_length=200, unique=True)
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True)
    edits = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.created_at:%Y-%m-%d}"


class NoteRevision(Authored):
    """What a note said before an edit, so that no edit is silent."""

    note = models.ForeignKey(Note, on_delete=models.PROTECT, related_name="revisions")
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    channel = models.CharField(max_length=8, choices=Note.Channel)
    body = models.TextField(max_length=4000)
    replaced_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-id",)
        triggers = (APPEND_ONLY,)

    def __str__(self) -> str:
        return f"revision {self.pk} of note {self.note_id}"


class ContactPoint(models.Model):
    """A customer's e-mail address or phone number and whether it can be reached."""

    class Kind(models.TextChoices):
        EMAIL = "email", _("E-mail")
        PHONE = "phone", _("Phone")

    class State(models.TextChoices):
        OK = "ok", _("Reachable")
        BLOCKED = "blocked", _("Blocked")
        OPTED_OUT = "opted_out", _("Opted out")

    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.PROTECT,
        db_index=False,
        related_name="contact_points",
    )
    kind = models.CharField(max_length=8, choices=Kind)
    value = models.CharField(max_length=254)
    state = models.CharField(max_length=10, choices=State, default=State.OK)
    state_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("kind", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("customer", "kind", "value"), name="activity_contact_point_once"
            ),
        )
        indexes = (models.Index(fields=("value",), name="activity_contact_value"),)

    def __str__(self) -> str:
        return self.value


class AuditRecord(Authored):
    """Who changed what, from what to what, and from where."""

    at = models.DateTimeField(default=timezone.now)
    verb = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40)
    object_id = models.BigIntegerField(null=True)
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        related_name="+",
    )
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    request_id = models.CharField(max_length=64, blank=True)
    ip = models.GenericIPAddressField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=("-at", "-id"), name="activity_audit_newest"),
            models.Index(fields=("customer", "-at", "-id"), name="activity_audit_customer"),
            models.Index(fields=("verb", "-at", "-id"), name="activity_audit_verb"),
            models.Index(fields=("actor_label", "-at", "-id"), name="activity_audit_actor"),
        )
        triggers = (APPEND_ONLY,)

    def __str__(self) -> str:
        return f"{self.verb} {self.object_type} {self.object_id}"
