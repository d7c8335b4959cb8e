"""The environment of a process: typed, and errors name the variable."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from telemetry_site import env
from telemetry_site.env import BASE_DIR, SETTINGS, InvalidEnvironment, read
from tests.factories import TELEMETRY_ID

KEY = {"SECRET_KEY": "6d86a1b7" * 8}
FLAGS = {
    "DEBUG": "debug",
    "TELEMETRY_ANONYMOUS_READ": "anonymous_read",
    "TELEMETRY_SECURE": "secure",
    "TELEMETRY_TRUSTED_PROXY": "trusted_proxy",
    "TELEMETRY_DEDUPLICATE": "deduplicate",
    "TELEMETRY_POOLED": "pooled",
}
NUMBERS = {
    "TELEMETRY_MAX_PAYLOAD": "max_payload",
    "TELEMETRY_QUEUE": "queue",
    "TELEMETRY_REFUSED_MAX": "refused_max",
}
DURATIONS = {
    "TELEMETRY_REFUSED_DAYS": ("refused_age", timedelta(days=7)),
    "TELEMETRY_QUERY_SECONDS": ("query_time", timedelta(seconds=7)),
}


def test_a_secret_key_is_all_that_production_needs():
    values = read(KEY)
    assert values.secret_key == KEY["SECRET_KEY"]
    assert values.database_url == f"sqlite:///{BASE_DIR}/var/telemetry.sqlite3"
    assert values.allowed_hosts == ["localhost", "127.0.0.1"]
    assert values.telemetry_id == TELEMETRY_ID
    assert (values.debug, values.anonymous_read, values.trusted_proxy) == (False,) * 3
    assert values.secure is values.deduplicate is True
    assert values.max_payload == 300 * 1024


@pytest.mark.parametrize("key", [{}, {"SECRET_KEY": ""}])
def test_production_does_not_start_without_a_secret_key(key):
    with pytest.raises(InvalidEnvironment, match="SECRET_KEY is empty"):
        read(key)


def test_a_secret_key_of_development_is_made_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(env, "VAR_DIR", tmp_path / "var")
    first, again = read({"DEBUG": "true"}), read({"DEBUG": "true"})
    assert first.secret_key == again.secret_key
    assert len(first.secret_key) >= 50
    assert Path(tmp_path / "var" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert read({"DEBUG": "true", **KEY}).secret_key == KEY["SECRET_KEY"]


def test_development_is_not_secure_unless_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(env, "VAR_DIR", tmp_path)
    assert read({"DEBUG": "true"}).secure is False
    assert read({"DEBUG": "true", "TELEMETRY_SECURE": "true"}).secure is True
    assert read({**KEY, "TELEMETRY_SECURE": "false"}).secure is False


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize(
    ("text", "flag"),
    [
        *((word, True) for word in ("true", "TRUE", "1", "yes", "on", " true ")),
        *((word, False) for word in ("false", "False", "0", "no", "off", "")),
    ],
)
def test_a_flag_is_a_word(name, text, flag, tmp_path, monkeypatch):
    monkeypatch.setattr(env, "VAR_DIR", tmp_path)
    assert getattr(read({**KEY, name: text}), FLAGS[name]) is flag


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("text", ["maybe", "2", "tru", "-"])
def test_another_word_is_refused_by_name(name, text):
    with pytest.raises(InvalidEnvironment, match=f"{name} must be true or false"):
        read({**KEY, name: text})


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_a_number(name):
    assert getattr(read({**KEY, name: " 12 "}), NUMBERS[name]) == 12


@pytest.mark.parametrize("name", DURATIONS)
def test_a_duration_is_a_duration(name):
    field, duration = DURATIONS[name]
    assert getattr(read({**KEY, name: "7"}), field) == duration


@pytest.mark.parametrize("name", [*NUMBERS, *DURATIONS])
@pytest.mark.parametrize("text", ["", "many", "-1", "1.5", "1e3", "٣"])
def test_anything_else_is_no_number_and_refused_by_name(name, text):
    with pytest.raises(InvalidEnvironment, match=f"{name} must be a whole number"):
        read({**KEY, name: text})


def test_host_names_are_a_list():
    values = read({**KEY, "ALLOWED_HOSTS": " a.example, b.example ,,"})
    assert values.allowed_hosts == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("sqlite:///var/x.sqlite3", f"sqlite:///{BASE_DIR}/var/x.sqlite3"),
        ("sqlite:////srv/x.sqlite3", "sqlite:////srv/x.sqlite3"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgres://u:p@h:5432/n", "postgres://u:p@h:5432/n"),
        ("postgresql://u@/n?host=/run/postgresql", None),
    ],
)
def test_a_database_is_named_by_its_address(url, used):
    assert read({**KEY, "DATABASE_URL": url}).database_url == (used or url)


@pytest.mark.parametrize(
    "url", ["", "x", "var/x.sqlite3", "mysql://u:secret@h/n", "postgres://u:p@h:port/n"]
)
def test_another_address_is_refused_by_name_and_not_repeated(url):
    with pytest.raises(InvalidEnvironment, match="DATABASE_URL must be") as caught:
        read({**KEY, "DATABASE_URL": url})
    assert "secret" not in str(caught.value)


PRIMARY, STANDBY = "postgres://u:6d86a1b7@one/n", "postgres://u:6d86a1b7@two:5433/n"


def test_there_is_no_standby_unless_one_is_named():
    assert read(KEY).read_database_url == ""
    both = read({**KEY, "DATABASE_URL": PRIMARY, "READ_DATABASE_URL": STANDBY})
    assert (both.database_url, both.read_database_url) == (PRIMARY, STANDBY)


@pytest.mark.parametrize(
    ("primary", "standby", "problem"),
    [
        ("sqlite:///var/x.sqlite3", STANDBY, "READ_DATABASE_URL must be"),
        (PRIMARY, "sqlite:///var/x.sqlite3", "READ_DATABASE_URL must be"),
        (PRIMARY, "mysql://u:secret@h/n", "READ_DATABASE_URL must be"),
        (PRIMARY, "postgres://u:secret@h:port/n", "READ_DATABASE_URL must be"),
        (PRIMARY, "postgres://u@two/n", "password in READ_DATABASE_URL is empty"),
    ],
)
def test_a_standby_is_one_of_a_postgresql_and_has_a_password(primary, standby, problem):
    with pytest.raises(InvalidEnvironment, match=problem) as caught:
        read({**KEY, "DATABASE_URL": primary, "READ_DATABASE_URL": standby})
    assert "secret" not in str(caught.value)


def test_every_variable_is_listed_once_with_its_meaning():
    names = [setting.name for setting in SETTINGS]
    assert len(set(names)) == len(names)
    assert all(setting.meaning.endswith(".") for setting in SETTINGS)


def test_every_variable_that_the_code_reads_is_listed():
    names = {setting.name for setting in SETTINGS}
    for file in ("telemetry_site/env.py", "deployments/gunicorn.conf.py"):
        source = (BASE_DIR / file).read_text()
        read_here = set(
            re.findall(r'"((?:TELEMETRY_|[A-Z]+_)[A-Z_]+|BIND|DEBUG)"', source)
        )
        known_to_libraries = {"DJANGO_SETTINGS_MODULE", "PROMETHEUS_MULTIPROC_DIR"}
        assert read_here <= names | known_to_libraries
