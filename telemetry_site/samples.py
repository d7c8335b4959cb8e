"""Secrets that everybody knows: what production refuses to start with (pure)."""

from urllib.parse import parse_qs, unquote, urlsplit

SAMPLE = "change-me"
"""Stands for every secret in deployments/env.example."""

SHORTEST_KEY = 50
FEWEST_CHARACTERS = 5  # different ones in a key, as `manage.py check --deploy` has it

_DJANGO_PREFIX = "django-insecure-"
_PASSWORDS = {
    SAMPLE,
    "changeme",
    "password",
    "postgres",
    "secret",
    "telemetry",
    "telemetry-for-testing",  # docker-compose.yaml
}


def key_problem(key: str) -> str | None:
    """What is wrong with a secret key, or None."""
    if not key:
        return "is empty"
    sample = key.startswith(_DJANGO_PREFIX) or SAMPLE in key.lower()
    if sample or len(set(key)) < FEWEST_CHARACTERS:
        return "is a sample"
    if len(key) < SHORTEST_KEY:
        return f"is shorter than {SHORTEST_KEY} characters"
    return None


def password_problem(database_url: str) -> str | None:
    """What is wrong with the password of a database, or None.

    SQLite has none; over a socket of this machine PostgreSQL knows its peer without.
    """
    parts = urlsplit(database_url)
    if parts.scheme == "sqlite":
        return None
    password = unquote(parts.password or "")
    if not password:
        return None if _is_local_socket(parts.hostname, parts.query) else "is empty"
    return "is a sample" if password.lower() in _PASSWORDS else None


def _is_local_socket(host: str | None, query: str) -> bool:
    named = unquote(host or "") or parse_qs(query).get("host", ["/"])[0]
    return named.startswith("/")
