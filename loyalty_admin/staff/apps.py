"""Who works here, in which shop, and what they may do."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    """Users, roles, stores, API keys and reason codes."""

    name = "loyalty_admin.staff"
    label = "staff"
