"""The shared ground under every app: no models, no domain."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    """Makes the shared template tags and management hooks known to Django."""

    name = "loyalty_admin.common"
    label = "common"
