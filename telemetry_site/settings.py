"""Django settings. What differs between machines is read by env.py, nowhere else."""

from typing import Any

import dj_database_url
from csp.constants import NONE, SELF

from telemetry_site import env
from views_plugins import discovery

ENV = env.read()
BASE_DIR = env.BASE_DIR

SECRET_KEY = ENV.secret_key
DEBUG = ENV.debug
ALLOWED_HOSTS = ENV.allowed_hosts

INSTALLED_APPS = [
    "telemetry_site.apps.SiteConfig",
    "records.apps.RecordsConfig",
    "crashes.apps.CrashesConfig",
    "alerts.apps.AlertsConfig",
    "views_plugins.apps.ViewsPluginsConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "accounts.apps.AccountsConfig",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
]
INSTALLED_APPS += discovery.discover(
    ENV.plugins, taken=[name.partition(".apps.")[0] for name in INSTALLED_APPS]
)

MIDDLEWARE = [
    "telemetry_site.middleware.Observed",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "telemetry_site.urls"
WSGI_APPLICATION = "telemetry_site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "telemetry_site.navigation.tabs",
            ],
        },
    }
]

AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
if ENV.remote_user_header:
    AUTHENTICATION_BACKENDS.append("django.contrib.auth.backends.RemoteUserBackend")
    MIDDLEWARE.insert(
        1 + MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware"),
        "accounts.remote.HeaderLogin",
    )

# --- Database ---------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

_SQLITE_OPTIONS: dict[str, Any] = {
    # A writer waits for the lock instead of failing in the middle of a transaction.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    # WAL: readers never wait for the writer. FULL: a 201 survives a power cut.
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;"
        "PRAGMA temp_store=MEMORY;"
    ),
}
_POSTGRES_OPTIONS: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def _database(url: str) -> dict[str, Any]:
    config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=600))
    sqlite = config["ENGINE"].endswith("sqlite3")
    config.setdefault("OPTIONS", {})
    config["OPTIONS"].update(_SQLITE_OPTIONS if sqlite else _POSTGRES_OPTIONS)
    config["CONN_HEALTH_CHECKS"] = not sqlite
    # Their statements would reach several connections of the pooler.
    config["DISABLE_SERVER_SIDE_CURSORS"] = ENV.pooled
    return config


DATABASES = {"default": _database(ENV.database_url)}
if ENV.read_database_url:
    DATABASES["standby"] = _database(ENV.read_database_url)
    DATABASE_ROUTERS = ["records.standby.Router"]
    MIDDLEWARE.append("telemetry_site.middleware.FromStandby")

# --- Pages ------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = env.VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "telemetry_site.static.StaticStorage"},
}

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "records"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- Security ---------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

SESSION_COOKIE_AGE = int(ENV.session_age.total_seconds())
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENV.secure
SECURE_HSTS_SECONDS = 31_536_000 if ENV.secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = ENV.secure
# TLS ends at a proxy. Without one that is trusted, a redirect to HTTPS leads nowhere:
# hence no complaint (W008) when there is none.
SECURE_SSL_REDIRECT = ENV.secure and ENV.trusted_proxy
SILENCED_SYSTEM_CHECKS = ["security.W008"]
if ENV.trusted_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- API --------------------------------------------------------------------------

REST_FRAMEWORK = {
    # The first one asks for its credentials, with 401, where there are none.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["records.access.MayReadRecords"],
    "DEFAULT_RENDERER_CLASSES": ["records.api.renderers.OrjsonRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "records.api.errors.explain",
    # `format` is a documented parameter, checked like the others.
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Telemetry records",
    "DESCRIPTION": "Records that Linux machines sent, filtered and exported.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["records.access.MayReadRecords"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "REDOC_DIST": "SIDECAR",
}

# --- Telemetry --------------------------------------------------------------------

TELEMETRY_ID = ENV.telemetry_id
TELEMETRY_ANONYMOUS_READ = ENV.anonymous_read
TELEMETRY_TRUSTED_PROXY = ENV.trusted_proxy
TELEMETRY_REMOTE_USER_HEADER = ENV.remote_user_header
TELEMETRY_OIDC = ENV.oidc
TELEMETRY_MAX_PAYLOAD = ENV.max_payload
TELEMETRY_DEDUPLICATE = ENV.deduplicate
TELEMETRY_QUEUE = ENV.queue
TELEMETRY_REFUSED_MAX = ENV.refused_max
TELEMETRY_REFUSED_AGE = ENV.refused_age
TELEMETRY_SITE_URL = ENV.site_url
TELEMETRY_TRUSTED_PROXY = ENV.trusted_proxy
TELEMETRY_METRICS_TOKEN = ENV.metrics_token
TELEMETRY_QUERY_TIME = ENV.query_time
TELEMETRY_EXPORT_TIME = 6 * ENV.query_time  # for each batch

# --- Alerts -----------------------------------------------------------------------

TELEMETRY_PUBLIC_URL = ENV.public_url
TELEMETRY_ALERT_ALLOW = ENV.alert_allow
TELEMETRY_EMAIL = ENV.email is not None
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENV.email_from
EMAIL_TIMEOUT = 10
if ENV.email:
    EMAIL_HOST, EMAIL_PORT = ENV.email.host, ENV.email.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = ENV.email.user, ENV.email.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = ENV.email.starttls, ENV.email.tls

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "telemetry_site.logs.TextFormatter"},
        "json": {"()": "telemetry_site.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": ENV.log}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.server": {"level": "WARNING"},
        # Anyone can send any host name: that is answered 400, and needs no stack trace.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
