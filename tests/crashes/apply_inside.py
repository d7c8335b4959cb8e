"""What `test_apply_survives` does in processes of its own: with the real settings.

``python -m tests.crashes.apply_inside`` with some of `STEPS`, which answer with JSON,
or with ``work``, for the worker.
"""

# ruff: noqa: E402, T201
import json
import sys
from typing import Any

import django

django.setup()

from django.core.management import call_command

from crashes import curation, judging
from crashes.models import Rejudge, RulesVersion, Trace
from tests.crashes.factories import (
    Verdict,
    by_rules_in_force,
    crashing,
    digest,
    rule,
    sent,
    verdicts,
)

CRASHES = 500
JUDGED_AT_ONCE = 100
A, B = ("a()", "m.so"), ("b()", "m.so")


def fill() -> None:
    curation.apply((), note="none")
    sent(*(crashing(A, B, (f"f{n}()", f"m{n}.so")) for n in range(CRASHES)))
    digest()


def first() -> None:
    curation.apply((rule(*A),), note="first")


def second() -> None:
    curation.apply((rule(*A), rule(*B)), note="second")


def work(*options: str) -> None:
    curation.judge_again.__defaults__ = (JUDGED_AT_ONCE,)
    call_command("digest", *options)


def shown(found: dict[int, Verdict]) -> dict[int, Any]:
    """Without what is known of a change that is not whole."""
    return {trace: each[:2] for trace, each in found.items()}


def state() -> dict[str, Any]:
    found = verdicts()
    return {
        "right": shown(found) == shown(by_rules_in_force()),
        "traces": Trace.objects.count(),
        "waiting": Rejudge.objects.count(),
        "rules": len(judging.in_force().rules._rules),
        "notes": list(
            RulesVersion.objects.exclude(state="past").values_list("note", "state")
        ),
        "guilties": len({each.guilty for each in found.values()}),
    }


STEPS = {"fill": fill, "first": first, "second": second, "state": state}

if __name__ == "__main__":
    if sys.argv[1] == "work":
        work(*sys.argv[2:])
    else:
        print(json.dumps({name: STEPS[name]() for name in sys.argv[1:]}))
