"""The product's own settings, with the floors' URLs beside the real ones."""

from loyalty_admin.embedded import home
from loyalty_admin.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.urls"
STATIC_ROOT = home() / "bench" / "static"
