"""The site's own settings, started from a known environment instead of the shell's."""

import os

KEPT = {"TELEMETRY_SHARED"}

for name in list(os.environ):
    if name.startswith("TELEMETRY_") and name not in KEPT:
        del os.environ[name]
os.environ.pop("READ_DATABASE_URL", None)
os.environ |= {
    "DEBUG": "false",
    "SECRET_KEY": "only-for-tests-" + "0123456789abcdef" * 3,
    "ALLOWED_HOSTS": "localhost,127.0.0.1",
    "TELEMETRY_SECURE": "false",  # tests speak plain HTTP
}
os.environ.setdefault("DATABASE_URL", "sqlite:///var/test.sqlite3")

from telemetry_site.settings import *
from telemetry_site.settings import BASE_DIR, DATABASES, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Unhashed names: no collectstatic before a test.
STATIC_ROOT = None  # type: ignore[assignment]
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
# Files are looked up when they are asked for: otherwise every test's client finds all.
WHITENOISE_AUTOREFRESH = True

# A file, as in production: an in-memory database knows neither WAL nor busy timeouts.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    (BASE_DIR / "var").mkdir(exist_ok=True)
    DATABASES["default"].setdefault("TEST", {})
    DATABASES["default"]["TEST"]["NAME"] = str(
        BASE_DIR / "var" / f"test-{os.getpid()}.sqlite3"
    )
