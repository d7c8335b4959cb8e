"""deployments/env.example, made from the table of settings: ``make env-example``."""

import sys
from collections.abc import Iterator, Mapping
from textwrap import wrap

from telemetry_site.env import SETTINGS, Setting
from telemetry_site.samples import SAMPLE

_WIDTH = 86

_PRODUCTION = {
    "DATABASE_URL": f"postgres://telemetry:{SAMPLE}@localhost:5432/telemetry",
    "SECRET_KEY": SAMPLE,
    "ALLOWED_HOSTS": "telemetry.example",
    "TELEMETRY_SECURE": "false",
    "TELEMETRY_TRUSTED_PROXY": "true",
}
"""What a server behind nginx has to say; everything else has a default that does."""

_HEAD = """\
# The environment of a server behind nginx: copy it to /etc/telemetry/env (systemd), or
# to deployments/.env (compose), readable by no one else. docs/operations.md tells how.
# Nothing starts while a sample is left. What is commented out shows the default.
# Made from telemetry_site/env.py by `make env-example`.
"""

_COMPOSE = f"""
# --- Only for docker-compose.prod.yaml ---

# Password of the database there, of letters and digits: DATABASE_URL is made from it.
POSTGRES_PASSWORD={SAMPLE}

# The folder with fullchain.pem and privkey.pem, for TELEMETRY_SECURE=true.
# TELEMETRY_TLS_DIR=./tls
"""


def values() -> Mapping[str, str]:
    """What the sample sets."""
    return _PRODUCTION


def text() -> str:
    """The whole file."""
    return "".join([_HEAD, *(_lines(setting) for setting in SETTINGS), _COMPOSE])


def _lines(setting: Setting) -> str:
    return "\n".join(["", *_comment(setting), _assignment(setting), ""])


def _comment(setting: Setting) -> Iterator[str]:
    for line in wrap(setting.meaning.replace("`", ""), _WIDTH - 2):
        yield f"# {line}"


def _assignment(setting: Setting) -> str:
    if setting.name in _PRODUCTION:
        return f"{setting.name}={_PRODUCTION[setting.name]}"
    return f"# {setting.name}={setting.default}"


if __name__ == "__main__":
    sys.stdout.write(text())
