"""Every setting, read from the environment; .env.example lists the variables.

With DEBUG off this is production: what it needs must be named, nothing is guessed.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

from loyalty_admin.common.logging import configure as configure_logging

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)


def _required(name: str, *, development: str) -> str:
    """A variable that production has to name. Raises ImproperlyConfigured."""
    value = env.str(name, default="")
    if not value and not DEBUG:
        raise ImproperlyConfigured(
            f"{name} is not set. Production needs it (see .env.example); "
            "for development set DEBUG=true."
        )
    return value or development


# --- who we are -------------------------------------------------------------------------------

SECRET_KEY = _required("SECRET_KEY", development="development-only")
ALLOWED_HOSTS = [
    host.strip()
    for host in _required("ALLOWED_HOSTS", development="localhost,127.0.0.1,[::1]").split(",")
]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
STORE_NAME = env.str("STORE_NAME", default="Loyalty Admin")
STORE_TIME_ZONE = env.str("STORE_TIME_ZONE", default="Europe/Madrid")
DEFAULT_CURRENCY = env.str("DEFAULT_CURRENCY", default="EUR")
# Where phone numbers without a country code belong (ISO 3166-1).
PHONE_DEFAULT_REGION = env.str("PHONE_DEFAULT_REGION", default="ES")
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

ROOT_URLCONF = "loyalty_admin.urls"
WSGI_APPLICATION = "loyalty_admin.wsgi.application"

INSTALLED_APPS = [
    "loyalty_admin.common",
    "loyalty_admin.staff",
    "activity",
    "customers",
    "discounts",
    "rewards",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_filters",
    "django_htmx",
    "django_prometheus",
    "django_structlog",
    "django_tables2",
    "lucide",
    "ninja",
    "pghistory",
    "pgtrigger",
    "phonenumber_field",
    "template_partials",
]

MIDDLEWARE = [
    "loyalty_admin.common.health.HealthMiddleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "loyalty_admin.common.logging.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    # Pages compress to a fifth; static files come compressed already when not in DEBUG.
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "loyalty_admin.staff.middleware.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,  # template_partials wraps the loaders when it is ready
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- database, cache, queue -------------------------------------------------------------------

DATABASE_URL = _required("DATABASE_URL", development="")
REDIS_URL = _required("REDIS_URL", development="")
if not DATABASE_URL or not REDIS_URL:
    from loyalty_admin import embedded

    DATABASE_URL = DATABASE_URL or embedded.ensure_postgres()
    REDIS_URL = REDIS_URL or embedded.ensure_valkey()

# libpq reads the address itself: sockets, several hosts, sslmode and all its other options.
_address = conninfo_to_dict(DATABASE_URL)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _address.pop("dbname", None),
        "USER": _address.pop("user", None),
        "PASSWORD": _address.pop("password", None),
        "HOST": _address.pop("host", ""),
        "PORT": _address.pop("port", ""),
        "CONN_MAX_AGE": env.int("DATABASE_CONN_MAX_AGE", default=600),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **_address,
            # A generic plan makes a search with no hit take seconds: plan every query afresh.
            "server_side_binding": False,
            "prepare_threshold": None,
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": env.str("CACHE_KEY_PREFIX", default="loyalty"),
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_AGE = 12 * 60 * 60  # seconds: a working day

# kombu writes a socket's address its own way.
CELERY_BROKER_URL = CELERY_RESULT_BACKEND = REDIS_URL.replace(
    "unix://", "redis+socket://", 1
).replace("?db=", "?virtual_host=", 1)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # A task that its worker did not finish is given to another after this many seconds;
    # it must exceed the longest task, or that would run twice.
    "visibility_timeout": 3 * 60 * 60,
    "global_keyprefix": "celery:",
}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"global_keyprefix": "celery:"}
CELERY_RESULT_EXPIRES = 24 * 60 * 60  # seconds
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 55 * 60  # seconds
CELERY_TASK_TIME_LIMIT = 60 * 60
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_TIMEZONE = STORE_TIME_ZONE
# What beat does: name -> {"task": dotted path, "schedule": crontab or seconds}.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "settle-due-accounts": {"task": "rewards.tasks.settle_due_accounts", "schedule": 300.0},
    "warn-of-expiry": {
        "task": "rewards.tasks.warn_of_expiry_nightly",
        "schedule": crontab(hour="4", minute="45"),
    },
    "expire-redemptions": {"task": "rewards.tasks.expire_redemptions", "schedule": 300.0},
    "earn-birthdays": {
        "task": "rewards.tasks.earn_birthdays",
        "schedule": crontab(hour="6", minute="10"),
    },
    "evaluate-tiers": {
        "task": "rewards.tasks.evaluate_tiers",
        "schedule": crontab(hour="2", minute="15"),
    },
    "check-ledgers": {
        "task": "rewards.tasks.check_ledgers_nightly",
        "schedule": crontab(hour="3", minute="30"),
    },
    "wake-mass-adjustments": {"task": "rewards.tasks.wake_mass_adjustments", "schedule": 60.0},
}

# --- people -----------------------------------------------------------------------------------

AUTH_USER_MODEL = "staff.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
if hasher := env.str("PASSWORD_HASHER", default=""):
    PASSWORD_HASHERS = [hasher]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "loyalty_admin.staff.adapter.StaffAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # staff are invited by somebody who knows the address
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = STORE_NAME

# --- time, language ---------------------------------------------------------------------------

USE_TZ = True
TIME_ZONE = STORE_TIME_ZONE  # what people see; the database keeps UTC
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]

# --- files, e-mail ----------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
_email = environ.Env.email_url_config(
    env.str("EMAIL_URL", default="") or ("consolemail://" if DEBUG else "smtp://localhost:25")
)
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = _email["EMAIL_HOST"] or "localhost"
EMAIL_HOST_USER = _email["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _email.get("EMAIL_USE_TLS", False)  # STARTTLS
EMAIL_USE_SSL = _email.get("EMAIL_USE_SSL", False)  # TLS from the first byte
EMAIL_PORT = _email["EMAIL_PORT"] or (587 if EMAIL_USE_TLS else 465 if EMAIL_USE_SSL else 25)
EMAIL_FILE_PATH = _email["EMAIL_FILE_PATH"] or None
EMAIL_TIMEOUT = 10  # seconds: a mail server that hangs must not hold a page
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="loyalty@localhost")

# --- security ---------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
# Behind a proxy that ends TLS and overwrites this header, and only there.
BEHIND_TLS_PROXY = env.bool("BEHIND_TLS_PROXY", default=False)
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1  # the sign-in throttle looks at the caller, not at the proxy
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SECURE_HSTS_SECONDS = 0 if DEBUG else env.int("SECURE_HSTS_SECONDS", default=365 * 24 * 60 * 60)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG

# --- files that people send --------------------------------------------------------------------

UPLOAD_MAX_BYTES = env.int("UPLOAD_MAX_BYTES", default=20_000_000)
MASS_ADJUSTMENT_MAX_ROWS = env.int("MASS_ADJUSTMENT_MAX_ROWS", default=200_000)
FILE_UPLOAD_HANDLERS = [
    "loyalty_admin.common.uploads.LimitedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- API --------------------------------------------------------------------------------------

API_MAX_BODY_BYTES = env.int("API_MAX_BODY_BYTES", default=1_000_000)
API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", default=3_000)  # of one key

# --- logs -------------------------------------------------------------------------------------

LOGGING = configure_logging(
    json=env.bool("LOG_JSON", default=not DEBUG), level=env.str("LOG_LEVEL", default="INFO")
)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG  # one line per request, at its end
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True  # RequestLogMiddleware has looked at it
PROMETHEUS_EXPORT_MIGRATIONS = False

# The demo's sign-ins: (role, e-mail address, password). Its data is made with them.
DEMO_PASSWORD = "loyalty-demo"
DEMO_SIGN_INS = [
    ("Support agent", "agent@example.com", DEMO_PASSWORD),
    ("Team lead", "lead@example.com", DEMO_PASSWORD),
    ("Store admin", "admin@example.com", DEMO_PASSWORD),
    ("Auditor", "auditor@example.com", DEMO_PASSWORD),
    ("Superuser", "root@example.com", DEMO_PASSWORD),
]
