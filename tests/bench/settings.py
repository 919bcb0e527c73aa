"""The product's own settings, with the floors' URLs beside the real ones."""

from loyalty_admin.embedded import home
from loyalty_admin.settings import *  # noqa: F403
from loyalty_admin.settings import STORAGES

ROOT_URLCONF = "tests.bench.urls"
STATIC_ROOT = home() / "bench" / "static"
# Compressing what nobody here loads would take longer than the rest.
STORAGES = STORAGES | {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
}
