"""Progress of long commands, with and without somebody who watches."""

import io
import sys

import pytest

from records import progress as module
from records.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_sees_a_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress(total=4, desc="Digest", unit="records") as bar:
        bar.update(4)
    assert "Digest: 100%" in terminal.getvalue()
    assert "\r" in terminal.getvalue()


def test_a_log_gets_one_plain_line_at_the_end_of_a_short_command(capsys):
    with progress(total=4000, desc="Digest", unit="records") as bar:
        bar.update(1500)
        bar.update(2500)
    assert capsys.readouterr().err == "Digest: 4,000 of 4,000 records in 0 s\n"


def test_a_log_gets_a_line_every_few_seconds(capsys, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0.0)
    assert list(progress("abc", desc="Purge", unit="rules")) == ["a", "b", "c"]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Purge: 1 of 3 rules in 0 s"
    assert lines[-1] == "Purge: 3 of 3 rules in 0 s"


def test_nothing_is_said_when_there_was_nothing_to_do(capsys):
    with progress(total=0, desc="Digest", unit="records"):
        pass
    assert capsys.readouterr().err == ""


def test_a_command_that_fails_says_how_far_it_came(capsys):
    with pytest.raises(ZeroDivisionError):
        _fail_after(3)
    assert "Import: 3 of 9 records" in capsys.readouterr().err


def _fail_after(done: int) -> None:
    with progress(total=9, desc="Import", unit="records") as bar:
        bar.update(done)
        raise ZeroDivisionError


def test_things_without_a_length_are_counted(capsys):
    assert sum(progress(iter(range(4)), desc="Export", unit="rows")) == 6
    assert capsys.readouterr().err == "Export: 4 rows in 0 s\n"
