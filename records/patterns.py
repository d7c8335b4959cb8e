"""Classification patterns with `*` (pure)."""

import re
from functools import lru_cache


def matches(pattern: str, classification: str) -> bool:
    """Whether ``classification`` is meant by ``pattern``.

    A `*` at the end of a component stands for the rest of that component, and in the
    last component given for everything below: `org.example/*`, `org.example/crash/*`,
    `*/mce/corrected`, `org.example/cr*`.
    """
    return bool(_compiled(pattern).fullmatch(classification))


def is_pattern(text: str) -> bool:
    return any(part.endswith("*") for part in text.split("/"))


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> re.Pattern[str]:
    *above, last = pattern.split("/")
    parts = [_component(part, "[^/]*") for part in above]
    return re.compile("/".join([*parts, _component(last, ".*")]), re.DOTALL)


def _component(part: str, rest: str) -> str:
    if part.endswith("*"):
        return re.escape(part[:-1]) + rest
    return re.escape(part)
