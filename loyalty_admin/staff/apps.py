"""Who works here, in which shop, and what they may do."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    """Users, roles, stores, API keys and reason codes."""

    name = "loyalty_admin.staff"
    label = "staff"

    def ready(self) -> None:
        """Have changes of passwords and second factors written to the audit log."""
        from loyalty_admin.staff import security_audit

        security_audit.connect()
