"""Everything a process reads from its environment, in one place.

Configuration that operators change while the server runs lives in the admin; what a
process needs to start is here. `SETTINGS` is also the table of docs/architecture.md.
"""

import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from accounts.provider import Provider
from alerts import mail
from alerts.mail import MailServer
from alerts.targets import Allowed
from telemetry_site import samples

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
CLIENT_TELEMETRY_ID = "6907c830-eed9-4ce9-81ae-76daf8d88f0f"
"""The telemetry id that telemetrics-client ships with."""

_DATABASES = {"sqlite", "postgres", "postgresql"}
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class InvalidEnvironment(ValueError):
    """An environment variable that cannot be understood; the message names it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment name: its default as text, and what it is for."""

    name: str
    default: str
    meaning: str


SETTINGS = (
    Setting(
        "DATABASE_URL",
        "sqlite:///var/telemetry.sqlite3",
        "Where records are stored: `sqlite:///path` or "
        "`postgres://user:password@host:port/name`.",
    ),
    Setting(
        "READ_DATABASE_URL",
        "",
        "A streaming standby of that PostgreSQL, which pages, API and exports read "
        "from while it is near: `postgres://user:password@host:port/name`.",
    ),
    Setting(
        "TELEMETRY_POOLED",
        "false",
        "These addresses are a pooler's that hands connections round between "
        "transactions, such as PgBouncer's.",
    ),
    Setting(
        "DEBUG",
        "false",
        "Development mode: error pages with details. `make serve` sets `true`.",
    ),
    Setting(
        "SECRET_KEY",
        "",
        "Signs sessions. Needed in production; with `DEBUG=true` one is generated and "
        "kept in `var/`.",
    ),
    Setting("ALLOWED_HOSTS", "localhost,127.0.0.1", "Host names the site answers to."),
    Setting(
        "TELEMETRY_ID",
        CLIENT_TELEMETRY_ID,
        "First accepted telemetry id; more are managed in the admin.",
    ),
    Setting(
        "TELEMETRY_ANONYMOUS_READ",
        "false",
        "Pages and API can be read without login. `make serve` sets `true`.",
    ),
    Setting("BIND", "127.0.0.1:8000", "Address and port that gunicorn listens on."),
    Setting("WEB_CONCURRENCY", "2", "Gunicorn worker processes."),
    Setting(
        "TELEMETRY_THREADS",
        "8",
        "Threads per gunicorn process, for pages and for unusual requests.",
    ),
    Setting(
        "TELEMETRY_SECURE",
        "true unless DEBUG",
        "Cookies only over HTTPS, and HSTS.",
    ),
    Setting(
        "TELEMETRY_TRUSTED_PROXY",
        "false",
        "A proxy in front ends TLS: believe its `X-Forwarded-Proto` and the last entry "
        "of its `X-Forwarded-For`, and redirect to HTTPS what did not come by it.",
    ),
    Setting("TELEMETRY_SESSION_HOURS", "12", "Hours after which a login ends."),
    Setting(
        "TELEMETRY_REMOTE_USER_HEADER",
        "",
        "Header in which the trusted proxy names who is logged in, such as "
        "`X-Remote-User`.",
    ),
    Setting(
        "TELEMETRY_OIDC_ISSUER",
        "",
        "OpenID Connect provider for single sign-on, by its issuer address.",
    ),
    Setting("TELEMETRY_OIDC_CLIENT_ID", "", "What the provider calls this server."),
    Setting("TELEMETRY_OIDC_CLIENT_SECRET", "", "The provider's secret for it."),
    Setting(
        "TELEMETRY_OIDC_SCOPES",
        "openid profile email",
        "What the provider is asked for.",
    ),
    Setting(
        "TELEMETRY_OIDC_GROUPS_CLAIM",
        "groups",
        "Claim in which the provider lists a person's groups.",
    ),
    Setting(
        "TELEMETRY_OIDC_GROUPS",
        "",
        "Which of its groups are which of ours: `ops=admin; staff=viewer`. Empty: "
        "groups are given in the admin.",
    ),
    Setting(
        "TELEMETRY_MAX_PAYLOAD",
        "307200",
        "Longest accepted body in bytes; beyond it the answer is 413.",
    ),
    Setting(
        "TELEMETRY_DEDUPLICATE",
        "true",
        "Store a retransmitted record once (same event id within 24 hours).",
    ),
    Setting(
        "TELEMETRY_QUEUE",
        "2000",
        "Records that may wait for a commit in one process; beyond it: 503.",
    ),
    Setting("TELEMETRY_REFUSED_MAX", "10000", "Refused requests kept for inspection."),
    Setting("TELEMETRY_REFUSED_DAYS", "30", "Days a refused request is kept."),
    Setting(
        "TELEMETRY_SITE_URL",
        "/telemetryui/",
        "Where `GET /` on a collector of its own redirects to.",
    ),
    Setting(
        "TELEMETRY_METRICS_TOKEN",
        "",
        "Bearer token that reading `/metrics` needs; without one, only processes of "
        "this machine may read it.",
    ),
    Setting(
        "TELEMETRY_LOG",
        "json unless DEBUG",
        "How log lines are written: `json` or `text`.",
    ),
    Setting(
        "TELEMETRY_PLUGINS",
        "",
        "Views beside the built-in ones and those of installed packages: dotted names "
        "of Django apps, separated by commas.",
    ),
    Setting(
        "TELEMETRY_QUERY_SECONDS",
        "10",
        "Longest time a query with a regular expression may take.",
    ),
    Setting(
        "TELEMETRY_PUBLIC_URL",
        "",
        "Where people reach the site, for links in alerts: `https://host`.",
    ),
    Setting(
        "TELEMETRY_EMAIL_URL",
        "",
        "Mail server for alerts: `smtps://user:password@host`, `smtp+tls://…` "
        "(STARTTLS) or `smtp://…`.",
    ),
    Setting("TELEMETRY_EMAIL_FROM", "telemetry@localhost", "Sender of e-mails."),
    Setting(
        "TELEMETRY_ALERT_ALLOW",
        "",
        "Hosts and networks inside the deployment that alerts may be sent to: "
        "`chat.internal, 10.1.0.0/16, [fd00::1]:8065`.",
    ),
)


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment, typed. Durations are timedeltas, sizes are bytes."""

    database_url: str
    read_database_url: str
    pooled: bool
    debug: bool
    secret_key: str
    allowed_hosts: list[str]
    telemetry_id: str
    anonymous_read: bool
    secure: bool
    trusted_proxy: bool
    session_age: timedelta
    remote_user_header: str
    oidc: Provider | None
    max_payload: int
    deduplicate: bool
    queue: int
    refused_max: int
    refused_age: timedelta
    site_url: str
    metrics_token: str
    log: str
    plugins: list[str]
    query_time: timedelta
    public_url: str
    email: MailServer | None
    email_from: str
    alert_allow: Allowed


def read(env: Mapping[str, str] = os.environ) -> Environment:
    """The typed environment; raises InvalidEnvironment naming what is wrong."""
    defaults = {setting.name: setting.default for setting in SETTINGS}
    values = {name: env.get(name, default) for name, default in defaults.items()}
    debug = _boolean(values, "DEBUG")
    database_url = _database_url(values["DATABASE_URL"])
    read_database_url = _read_database_url(values, database_url)
    if not debug:
        _refuse_known_secrets(values["SECRET_KEY"], database_url, read_database_url)
    if "TELEMETRY_SECURE" not in env:
        values["TELEMETRY_SECURE"] = str(not debug)
    if "TELEMETRY_LOG" not in env:
        values["TELEMETRY_LOG"] = "text" if debug else "json"
    return Environment(
        database_url=database_url,
        read_database_url=read_database_url,
        pooled=_boolean(values, "TELEMETRY_POOLED"),
        debug=debug,
        secret_key=values["SECRET_KEY"] or (_kept_key(VAR_DIR) if debug else ""),
        allowed_hosts=_words(values["ALLOWED_HOSTS"]),
        telemetry_id=values["TELEMETRY_ID"].strip(),
        anonymous_read=_boolean(values, "TELEMETRY_ANONYMOUS_READ"),
        secure=_boolean(values, "TELEMETRY_SECURE"),
        trusted_proxy=_boolean(values, "TELEMETRY_TRUSTED_PROXY"),
        session_age=timedelta(hours=_integer(values, "TELEMETRY_SESSION_HOURS")),
        remote_user_header=_remote_user_header(values),
        oidc=_provider(values),
        max_payload=_integer(values, "TELEMETRY_MAX_PAYLOAD"),
        deduplicate=_boolean(values, "TELEMETRY_DEDUPLICATE"),
        queue=_integer(values, "TELEMETRY_QUEUE"),
        refused_max=_integer(values, "TELEMETRY_REFUSED_MAX"),
        refused_age=timedelta(days=_integer(values, "TELEMETRY_REFUSED_DAYS")),
        site_url=values["TELEMETRY_SITE_URL"],
        metrics_token=values["TELEMETRY_METRICS_TOKEN"].strip(),
        log=_choice(values, "TELEMETRY_LOG", ("json", "text")),
        plugins=_words(values["TELEMETRY_PLUGINS"]),
        query_time=timedelta(seconds=_integer(values, "TELEMETRY_QUERY_SECONDS")),
        public_url=_public_url(values["TELEMETRY_PUBLIC_URL"].strip()),
        email=_mail_server(values["TELEMETRY_EMAIL_URL"].strip()),
        email_from=_sender(values["TELEMETRY_EMAIL_FROM"].strip()),
        alert_allow=_allowed(values["TELEMETRY_ALERT_ALLOW"]),
    )


def _refuse_known_secrets(key: str, database_url: str, read_url: str) -> None:
    """Production does not start with a secret that is none."""
    found = [
        ("SECRET_KEY", samples.key_problem(key)),
        ("The password in DATABASE_URL", samples.password_problem(database_url)),
    ]
    if read_url:
        problem = samples.password_problem(read_url)
        found.append(("The password in READ_DATABASE_URL", problem))
    for what, problem in found:
        if problem:
            raise InvalidEnvironment(
                f"{what} {problem}: make one with `openssl rand -hex 32` "
                "(or set DEBUG=true on a machine of your own)"
            )


def _boolean(values: Mapping[str, str], name: str) -> bool:
    word = values[name].strip().lower()
    if word not in _TRUE | _FALSE:
        raise InvalidEnvironment(f"{name} must be true or false, not {values[name]!r}")
    return word in _TRUE


def _choice(values: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    word = values[name].strip().lower()
    if word not in words:
        choices = " or ".join(words)
        raise InvalidEnvironment(f"{name} must be {choices}, not {values[name]!r}")
    return word


def _integer(values: Mapping[str, str], name: str) -> int:
    text = values[name].strip()
    if not text.isascii() or not text.isdigit():
        raise InvalidEnvironment(f"{name} must be a whole number, not {values[name]!r}")
    return int(text)


def _remote_user_header(values: Mapping[str, str]) -> str:
    name = values["TELEMETRY_REMOTE_USER_HEADER"].strip()
    if name and not _HEADER.fullmatch(name):
        raise InvalidEnvironment(
            "TELEMETRY_REMOTE_USER_HEADER must be the name of a header"
        )
    if name and not _boolean(values, "TELEMETRY_TRUSTED_PROXY"):
        raise InvalidEnvironment(
            "TELEMETRY_REMOTE_USER_HEADER needs TELEMETRY_TRUSTED_PROXY=true, and a "
            "proxy that sets the header: otherwise anybody can"
        )
    return name


def _provider(values: Mapping[str, str]) -> Provider | None:
    """The provider of single sign-on, when one is named."""
    issuer = values["TELEMETRY_OIDC_ISSUER"].strip()
    if not issuer:
        return None
    address = urlsplit(issuer)
    local = address.scheme == "http" and address.hostname in _LOOPBACK
    if not local and (address.scheme != "https" or not address.hostname):
        raise InvalidEnvironment("TELEMETRY_OIDC_ISSUER must be an https:// address")
    for name in ("TELEMETRY_OIDC_CLIENT_ID", "TELEMETRY_OIDC_CLIENT_SECRET"):
        if not values[name]:
            raise InvalidEnvironment(f"TELEMETRY_OIDC_ISSUER needs {name}")
    return Provider(
        issuer=issuer,
        client_id=values["TELEMETRY_OIDC_CLIENT_ID"],
        client_secret=values["TELEMETRY_OIDC_CLIENT_SECRET"],
        scopes=values["TELEMETRY_OIDC_SCOPES"],
        groups_claim=values["TELEMETRY_OIDC_GROUPS_CLAIM"],
        groups=dict(_group_names(values["TELEMETRY_OIDC_GROUPS"])),
    )


def _group_names(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of `theirs=ours`; theirs may hold `=` and `,` as LDAP names do."""
    for pair in filter(None, map(str.strip, text.split(";"))):
        theirs, _, ours = map(str.strip, pair.rpartition("="))
        if not theirs or not ours:
            raise InvalidEnvironment(
                f"TELEMETRY_OIDC_GROUPS must be like ops=admin; x=viewer, not {pair!r}"
            )
        yield theirs, ours


def _public_url(url: str) -> str:
    if url and not re.fullmatch(r"https?://[^\s/?#@]+/?", url):
        raise InvalidEnvironment("TELEMETRY_PUBLIC_URL must be like https://host")
    return url


def _mail_server(url: str) -> MailServer | None:
    try:
        return mail.parse(url) if url else None
    except ValueError:  # never shown: it has a password
        raise InvalidEnvironment(
            "TELEMETRY_EMAIL_URL must be like smtps://user:password@host:port"
        ) from None


def _sender(address: str) -> str:
    if not mail.is_sender(address):
        raise InvalidEnvironment("TELEMETRY_EMAIL_FROM must be an e-mail address")
    return address


def _allowed(text: str) -> Allowed:
    try:
        return Allowed.of(_words(text))
    except ValueError as error:
        raise InvalidEnvironment(
            "TELEMETRY_ALERT_ALLOW must be hosts and networks, separated by commas, "
            "each with or without a port"
        ) from error


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _database_url(url: str) -> str:
    """The URL, with a relative SQLite path taken from the project's folder."""
    scheme, _, rest = url.partition("://")
    if not _is_database_url(url):
        raise InvalidEnvironment(
            "DATABASE_URL must be sqlite:///path or "
            "postgres://user:password@host:port/name"  # never shown: it has a password
        )
    path = rest.removeprefix("/")
    if scheme != "sqlite" or path == ":memory:" or path.startswith("/"):
        return url
    return f"sqlite:///{BASE_DIR / path}"


def _read_database_url(values: Mapping[str, str], database_url: str) -> str:
    url = values["READ_DATABASE_URL"].strip()
    both = (url, database_url) if url else ()
    if any(each.startswith("sqlite") or not _is_database_url(each) for each in both):
        raise InvalidEnvironment(
            "READ_DATABASE_URL must be postgres://user:password@host:port/name, and "
            "DATABASE_URL too"  # never shown: they have passwords
        )
    return url


def _is_database_url(url: str) -> bool:
    scheme, found, _ = url.partition("://")
    return bool(found) and scheme in _DATABASES and _port_is_valid(url)


def _port_is_valid(url: str) -> bool:
    try:
        urlsplit(url).port  # noqa: B018 - raises
    except ValueError:
        return False
    return True


def _kept_key(folder: Path) -> str:
    """A secret key generated once and kept in ``folder`` (development only)."""
    file = folder / "secret_key"
    folder.mkdir(exist_ok=True)
    try:
        with file.open("x") as new:
            file.chmod(0o600)
            new.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return file.read_text()
