"""What happened to customers, who did it, and how they can be reached."""

from django.apps import AppConfig


class ActivityConfig(AppConfig):
    """Timeline, notes, contact points, audit."""

    name = "activity"
