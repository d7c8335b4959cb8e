"""What the commands about files of rules share."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from crashes import curation, exchange, judging
from crashes.curation import Preview, RuleSet

_MOST_GROUPS = 20


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file",
        help="JSON as export_rules writes it, or the predecessor's list: JSON pairs of "
        "function and module, or CSV. `-` is standard input.",
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="The rules of the file and no others; without: these as well.",
    )


def read(options: dict[str, Any]) -> RuleSet:
    """The rules of the file that the options name."""
    try:
        return exchange.read(_text(options["file"]))
    except exchange.BadRules as error:
        raise CommandError(f"{options['file']} was not read.\n{error}") from error


def _text(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} cannot be read: {error}") from error


def after(options: dict[str, Any], given: RuleSet) -> RuleSet:
    """All rules as they would be."""
    return given if options["replace"] else curation.merged(curation.rules(), given)


def differences(wanted: RuleSet) -> tuple[int, int, int]:
    """How many of today's rules would be new, different, and gone."""
    today = {rule.identity: rule for rule in map(_Compared, curation.rules())}
    then = {rule.identity: rule for rule in map(_Compared, wanted)}
    both = today.keys() & then.keys()
    different = sum(today[each].state != then[each].state for each in both)
    return len(then.keys() - both), different, len(today.keys() - both)


class _Compared:
    """A rule by what it says, whatever its id."""

    def __init__(self, rule: Any) -> None:
        values = exchange.values(rule)
        self.state = (values.pop("active"), values.pop("reason"))
        self.identity = tuple(values.items())


def described(wanted: RuleSet) -> Iterator[str]:
    """What would change, line by line."""
    yield "Rules: {} new, {} changed, {} gone.".format(*differences(wanted))
    yield from _described(curation.preview(wanted))


def _described(found: Preview) -> Iterator[str]:
    yield (
        f"Traces to judge again: {found.affected_traces:,}; of these "
        f"{found.moved_traces:,} get another guilty."
    )
    yield f"Crashes that move: {found.moved_crashes:,}, of {found.machines:,} machines."
    labels = judging.frames.of([group.frame_id for group in found.groups])
    for group in found.groups[:_MOST_GROUPS]:
        function, module = labels[group.frame_id]
        yield f"  {group.before:,} → {group.after:,}  {function} [{module}]"
    if len(found.groups) > _MOST_GROUPS:
        yield f"  … and {len(found.groups) - _MOST_GROUPS:,} more."
