"""`manage.py import_retention`: the predecessor's settings, read and never run."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from records.models import RetentionRule
from records.purge import policy

pytestmark = pytest.mark.django_db

SETTINGS = """
import nowhere
MAX_DAYS_KEEP_UNFILTERED_RECORDS = 20
PURGE_FILTERED_RECORDS = {"classification": {"a/b/*": 0}, "severity": {4: 90}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "config_local.py"
    file.write_text(SETTINGS)
    return file


def rules() -> set[tuple[str, str, int, bool]]:
    rows = RetentionRule.objects.values_list("criterion", "value", "days", "active")
    return set(rows)


def test_rules_are_taken_in_beside_others(file, capsys):
    RetentionRule.objects.create(criterion="severity", value="1", days=1)
    RetentionRule.objects.create(criterion="severity", value="4", days=2, active=False)
    for _ in range(2):
        call_command("import_retention", str(file))
        assert rules() == {
            ("default", "", 20, True),
            ("classification", "a/b/*", 0, True),
            ("severity", "4", 90, True),
            ("severity", "1", 1, True),
        }
    assert policy().of("m", "a/b/c", 4).days == 0
    assert RetentionRule.objects.get(value="4").reason == (
        "Imported from config_local.py"
    )
    assert "classification a/b/*: for ever" in capsys.readouterr().out


def test_a_dry_run_only_prints(file, capsys):
    before = rules()
    call_command("import_retention", str(file), "--dry-run")
    assert rules() == before
    assert capsys.readouterr().out.splitlines() == [
        "default: 20",
        "classification a/b/*: for ever",
        "severity 4: 90",
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"x = 1", "Neither"),
        (b"\xff", "cannot be read"),
        (b"MAX_DAYS_KEEP_UNFILTERED_RECORDS = -1", "was not read"),
    ],
)
def test_what_holds_no_settings_changes_nothing(file, content, why):
    file.write_bytes(content)
    before = rules()
    with pytest.raises(CommandError, match=why):
        call_command("import_retention", str(file))
    assert rules() == before


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_retention", str(tmp_path / "nothing.py"))
