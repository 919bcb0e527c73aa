"""Where timelines, notes and the audit log are."""

from django.urls import path

from activity.views import audit, notes, timeline

app_name = "activity"

CUSTOMER = "customers/<int:customer_id>"
NOTE = f"{CUSTOMER}/notes/<int:note_id>"

urlpatterns = [
    path(f"{CUSTOMER}/activity/", timeline.timeline, name="timeline"),
    path(f"{CUSTOMER}/activity/<int:event_id>/", timeline.event_json, name="event"),
    path(f"{CUSTOMER}/notes/add/", notes.add, name="note-add"),
    path(f"{NOTE}/edit/", notes.edit, name="note-edit"),
    path(f"{NOTE}/history/", notes.history, name="note-history"),
    path(f"{NOTE}/pin/", notes.pin, name="note-pin"),
    path(f"{NOTE}/unpin/", notes.unpin, name="note-unpin"),
    path("audit/", audit.audit_log, name="audit"),
    path("audit/export/", audit.export, name="audit-export"),
]
