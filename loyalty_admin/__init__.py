"""The project: settings, URLs, the Celery app, and what every app may lean on."""

from loyalty_admin.celery import app as celery_app

__all__ = ["celery_app"]
