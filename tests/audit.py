"""What is installed against published advisories: ``python -m tests.audit``.

Where no advisories are to be had, it says so and passes; with ``AUDIT=required`` it
fails, which is for a release and for machines that reach the Python Package Index.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TOOL = "pip-audit==2.10.1"
_FOLDER = ROOT / "var/audit"
_SECONDS = 180

Report = Mapping[str, Any]


class Verdict(NamedTuple):
    """``audited`` is false when nothing could be looked up."""

    audited: bool
    findings: tuple[str, ...] = ()


def python_verdict(report: Report) -> Verdict:
    """Of what pip-audit reports. A package that alone is not known is a finding."""
    packages = report.get("dependencies", [])
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if len(skipped) == len(packages):
        return Verdict(False)
    return Verdict(
        True,
        (
            *(f"{name}: not known to the index" for name in skipped),
            *(
                f"{each['name']} {each['version']}: {found['id']}, "
                f"fixed in {', '.join(found['fix_versions']) or 'no version'}"
                for each in packages
                for found in each.get("vulns", [])
            ),
        ),
    )


def javascript_verdict(report: Report) -> Verdict:
    """Of what `npm audit` reports."""
    if "vulnerabilities" not in report:
        return Verdict(False)
    found = report["vulnerabilities"].items()
    return Verdict(True, tuple(f"{name}: {each['severity']}" for name, each in found))


def ask_pip_audit() -> Report:
    if not (_FOLDER / "bin/pip-audit").exists():
        subprocess.run([sys.executable, "-m", "venv", _FOLDER], check=True)
        pip: list[str | Path] = [
            _FOLDER / "bin/python",
            "-m",
            "pip",
            "--quiet",
            "install",
            TOOL,
        ]
        subprocess.run(pip, check=True, timeout=_SECONDS)
    command: list[str | Path] = [_FOLDER / "bin/pip-audit", "--local", "--format=json"]
    return _report(command, PIPAPI_PYTHON_LOCATION=sys.executable)


def ask_npm() -> Report:
    return _report(["npm", "audit", "--json"])


def _report(command: Sequence[str | Path], **environment: str) -> Report:
    answer = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_SECONDS,
        check=False,
    )
    report: Report = json.loads(answer.stdout)
    return report


AUDITS: dict[str, tuple[Callable[[], Report], Callable[[Report], Verdict]]] = {
    "Python": (ask_pip_audit, python_verdict),
    "JavaScript": (ask_npm, javascript_verdict),
}


def audit(name: str) -> Verdict:
    """Nothing that goes wrong on the way is an audit."""
    ask, judge = AUDITS[name]
    try:
        return judge(ask())
    except (OSError, subprocess.SubprocessError, json.JSONDecodeError):
        return Verdict(False)


def passes(verdict: Verdict, required: bool) -> bool:
    return not verdict.findings and (verdict.audited or not required)


def main() -> int:
    required = os.environ.get("AUDIT") == "required"
    verdicts = {name: audit(name) for name in AUDITS}
    for name, verdict in verdicts.items():
        outcome = "audited" if verdict.audited else "NOT AUDITED: no advisories reached"
        sys.stdout.write(f"{name} packages: {outcome}\n")
        for finding in verdict.findings:
            sys.stdout.write(f"  {finding}\n")
    return int(not all(passes(each, required) for each in verdicts.values()))


if __name__ == "__main__":
    sys.exit(main())
