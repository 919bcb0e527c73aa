"""What happened to customers, who did it, and how they can be reached."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ActivityConfig(AppConfig):
    """Timeline, notes, contact points, audit."""

    name = "activity"

    def ready(self) -> None:
        """Fill the registries that this app has something for."""
        from activity import line_types
        from activity.actions.audit import record_change
        from loyalty_admin.common import changes, navigation
        from loyalty_admin.staff.permissions import Perm

        line_types.register_all()
        changes.changed.attach(record_change)
        navigation.register(
            navigation.NavItem(
                navigation.Group.INSIGHT,
                _("Audit log"),
                "activity:audit",
                "scroll-text",
                Perm.AUDIT_VIEW,
                order=900,
            )
        )
