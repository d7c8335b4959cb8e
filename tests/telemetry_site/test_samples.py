"""Secrets that production refuses."""

from secrets import token_hex

import pytest
from django.core.management.utils import get_random_secret_key
from hypothesis import given
from hypothesis import strategies as st

from telemetry_site.env import InvalidEnvironment, read
from telemetry_site.samples import SAMPLE, key_problem, password_problem

GOOD = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("", "is empty"),
        (SAMPLE, "is a sample"),
        (f"{SAMPLE}-{GOOD}", "is a sample"),
        (f"django-insecure-{GOOD}", "is a sample"),
        ("abcd" * 20, "is a sample"),
        (GOOD[:49], "is shorter than 50 characters"),
        (GOOD[:50], None),
    ],
)
def test_a_secret_key_is_long_and_nobody_elses(key, problem):
    assert key_problem(key) == problem


@pytest.mark.parametrize("make", [lambda: token_hex(32), get_random_secret_key])
def test_a_generated_key_is_accepted(make):
    assert [key_problem(make()) for _ in range(100)] == [None] * 100


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sqlite:////var/lib/telemetry/db.sqlite3", None),
        ("postgres://t:9f6c@db/telemetry", None),
        ("postgres://t@db/telemetry", "is empty"),
        ("postgres://t:@db:5432/telemetry", "is empty"),
        ("postgres://t@127.0.0.1/telemetry", "is empty"),
        ("postgresql://db/telemetry?host=10.0.0.1", "is empty"),
        ("postgresql:///telemetry?host=db.example", "is empty"),
        # Over a socket of the machine, PostgreSQL asks the kernel who it is.
        ("postgres:///telemetry", None),
        ("postgres://t@%2Frun%2Fpostgresql/telemetry", None),
        ("postgresql://t@/telemetry?host=/run/postgresql", None),
        *(
            (f"postgres://t:{sample}@db/telemetry", "is a sample")
            for sample in (SAMPLE, "postgres", "Password", "telemetry", "change%2Dme")
        ),
        (f"postgres://t:{SAMPLE}@%2Frun%2Fpostgresql/telemetry", "is a sample"),
    ],
)
def test_a_database_that_others_can_reach_has_a_password_of_its_own(url, problem):
    assert password_problem(url) == problem


@given(st.text(alphabet="0123456789abcdef", min_size=5, max_size=64))
def test_a_generated_password_is_never_taken_for_a_sample(password):
    assert password_problem(f"postgres://t:{password}@db/telemetry") is None


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ({"SECRET_KEY": SAMPLE}, "SECRET_KEY is a sample"),
        ({"DATABASE_URL": "postgres://u@h/n"}, "DATABASE_URL is empty"),
        ({"DATABASE_URL": "postgres://u:postgres@h/n"}, "DATABASE_URL is a sample"),
    ],
)
def test_the_refusal_names_the_variable_and_how_to_make_a_secret(environment, what):
    good = {"SECRET_KEY": GOOD, "DATABASE_URL": "postgres://u:9f6c2d@h/n"}
    assert read(good).secret_key == GOOD
    with pytest.raises(InvalidEnvironment, match=f"{what}.*openssl rand"):
        read({**good, **environment})
    assert read({**good, **environment, "DEBUG": "true"}).debug
