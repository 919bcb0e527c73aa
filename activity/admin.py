"""Timelines, notes, contact points and the audit log in the Django admin: to be looked at."""

from activity.models import AuditRecord, ContactPoint, Event, Note, NoteRevision
from loyalty_admin.common.admin import show_histories, show_read_only

show_read_only(Event)
show_read_only(Note, NoteRevision)
show_read_only(ContactPoint, text_search=("value",))
show_read_only(AuditRecord, text_search=("verb", "actor_label"))
show_histories("activity")
