"""The sample environment is made from the table of settings."""

import re

from telemetry_site import env_example
from telemetry_site.env import BASE_DIR, SETTINGS


def test_the_file_is_what_the_table_makes_of_it():
    file = BASE_DIR / "deployments/env.example"
    assert file.read_text() == env_example.text(), "run `make env-example`"


def test_every_setting_is_in_it_once_and_has_its_value_or_its_default():
    text = env_example.text()
    for setting in SETTINGS:
        (line,) = re.findall(rf"^(?:# )?{setting.name}=.*$", text, re.MULTILINE)
        value = env_example.values().get(setting.name)
        assert line.endswith(f"={setting.default if value is None else value}")
        assert line.startswith("# ") is (value is None)


def test_what_it_sets_is_a_setting():
    assert set(env_example.values()) <= {setting.name for setting in SETTINGS}
