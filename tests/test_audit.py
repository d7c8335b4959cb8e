"""Packages are pinned, all of them, and compared with advisories."""

import json

import pytest

from tests import audit
from tests.audit import Verdict, javascript_verdict, passes, python_verdict
from tests.pins import PIN, REQUIREMENTS, installed, lines, pins

GOOD = {"name": "good", "version": "1", "vulns": []}
BAD = {
    "name": "bad",
    "version": "1",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}],
}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "verdict"),
    [
        ([GOOD], Verdict(True)),
        ([GOOD, BAD], Verdict(True, ("bad 1: PYSEC-1, fixed in 2",))),
        ([GOOD, UNKNOWN], Verdict(True, ("unknown: not known to the index",))),
        ([UNKNOWN, UNKNOWN], Verdict(False)),
        ([], Verdict(False)),
    ],
)
def test_what_pip_audit_says_is_judged(packages, verdict):
    assert python_verdict({"dependencies": packages}) == verdict


@pytest.mark.parametrize(
    ("report", "verdict"),
    [
        ({"vulnerabilities": {}}, Verdict(True)),
        ({"vulnerabilities": {"a": {"severity": "high"}}}, Verdict(True, ("a: high",))),
        ({"error": {}, "statusCode": 405}, Verdict(False)),
    ],
)
def test_what_npm_says_is_judged(report, verdict):
    assert javascript_verdict(report) == verdict


@pytest.mark.parametrize(
    ("verdict", "when_required", "otherwise"),
    [
        (Verdict(True), True, True),
        (Verdict(True, ("bad",)), False, False),
        (Verdict(False), False, True),
    ],
)
def test_only_an_audit_passes_where_one_is_required(verdict, when_required, otherwise):
    assert passes(verdict, required=True) == when_required
    assert passes(verdict, required=False) == otherwise


@pytest.mark.parametrize(
    "error", [FileNotFoundError(), json.JSONDecodeError("", "", 0)]
)
def test_no_answer_is_no_audit(monkeypatch, capsys, error):
    def fail():
        raise error

    monkeypatch.setitem(audit.AUDITS, "Python", (fail, python_verdict))
    monkeypatch.setitem(audit.AUDITS, "JavaScript", (fail, javascript_verdict))
    monkeypatch.delenv("AUDIT", raising=False)
    assert audit.main() == 0
    assert capsys.readouterr().out.count("NOT AUDITED") == 2
    monkeypatch.setenv("AUDIT", "required")
    assert audit.main() == 1


# --- Pins -----------------------------------------------------------------------------


@pytest.mark.parametrize("file", [*REQUIREMENTS, "constraints.txt"])
def test_everything_is_pinned(file):
    loose = [line for line in lines(file) if not PIN.fullmatch(line)]
    assert loose in ([], ["-r requirements.txt"])


def test_what_requirements_bring_is_pinned_as_it_is_tested():
    assert pins("constraints.txt") == installed()
