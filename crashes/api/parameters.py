"""Parameters and bodies of the crash API, read strictly: what is unknown is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from drf_spectacular.utils import OpenApiParameter

from crashes import exchange
from crashes.exchange import BadRules
from crashes.guilty import Rule
from records.api.parameters import openapi_type
from records.filters import INT64, FlagField, InvalidParameters

MOST = 100
LONGEST_NOTE = 300
LONGEST_DAYS = 3650
MOST_CHANGED = 5000


def _text(longest: int, help_text: str) -> forms.CharField:
    return forms.CharField(max_length=longest, required=False, help_text=help_text)


def _integer(low: int, high: int, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        min_value=low, max_value=high, required=False, help_text=help_text
    )


def _flag(help_text: str) -> FlagField:
    return FlagField(required=False, help_text=help_text)


# --- Queries ------------------------------------------------------------------------


class TopParameters(forms.Form):
    days = _integer(1, LONGEST_DAYS, "So many UTC days, today included; default 7.")
    system_name = _text(256, "Only crashes of this operating system.")
    build = _text(256, "Only crashes of this build.")
    external = _flag("`true`: from outside the organisation.")
    limit = _integer(1, MOST, "At most this many; default 10.")
    hidden = _flag("`true`: also guilties that are hidden.")


class GuiltyParameters(forms.Form):
    function = _text(2000, "Part of the function's name, in any case.")
    module = _text(2000, "Part of the module's name, in any case.")
    hidden = _flag("`true`: only hidden ones; `false`: only those that are shown.")
    has_comment = _flag("`true`: only with a comment; `false`: only without.")
    limit = _integer(1, MOST, "At most this many; default 100.")
    from_id = _integer(0, INT64, "Only guilties with an id below this one.")


class BacktraceParameters(forms.Form):
    machine_id = _text(32, "Only crashes of this machine.")
    system_name = _text(256, "Only crashes of this operating system.")
    build = _text(256, "Only crashes of this build.")
    limit = _integer(1, MOST, "At most this many; default 10.")
    below = _integer(0, INT64, "Only backtraces whose last record is below this id.")


class NoParameters(forms.Form):
    """For addresses that take none."""


def openapi(form_class: type[forms.Form]) -> list[OpenApiParameter]:
    """The parameters as OpenAPI describes them."""
    return [
        OpenApiParameter(name, openapi_type(field), description=str(field.help_text))
        for name, field in form_class.base_fields.items()
    ]


# --- Bodies -------------------------------------------------------------------------


@dataclass(frozen=True)
class RuleChange:
    """Rules to add, and ids of rules to remove."""

    add: tuple[Rule, ...]
    remove: frozenset[int]
    note: str = ""


def read_change(body: Any, *, applied: bool) -> RuleChange:
    """The body of a change of the rules; raises InvalidParameters.

    Only one that is ``applied`` has a note, and a reason for rules that bring none.
    """
    texts = ("note", "reason") if applied else ()
    given = _object(body, ("add", "remove", *texts))
    errors: dict[str, list[str]] = {}
    reason = _read_text(given, "reason", exchange.LONGEST_REASON, errors)
    note = _read_text(given, "note", LONGEST_NOTE, errors)
    remove = _read_ids(given.get("remove", []), errors)
    add: tuple[Rule, ...] = ()
    try:
        add = exchange.read_list(given.get("add", []), reason=reason)
    except BadRules as error:
        errors["add"] = error.problems
    if applied and not all(rule.reason for rule in add):
        errors["reason"] = ["Say why these frames are never guilty."]
    if not errors and not add and not remove:
        errors["add"] = ["Name rules to add or to remove."]
    if errors:
        raise InvalidParameters(errors)
    return RuleChange(add, remove, note)


def read_nothing(body: Any) -> None:
    """A body that says nothing; raises InvalidParameters."""
    _object(body, ())


def _object(body: Any, names: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise InvalidParameters({"body": ["Give a JSON object."]})
    unknown = sorted(body.keys() - set(names))
    if unknown:
        raise InvalidParameters({n: ["There is no such key."] for n in unknown})
    return body


def _read_text(
    given: Mapping[str, Any], name: str, longest: int, errors: dict[str, list[str]]
) -> str:
    text = given.get(name, "")
    if not isinstance(text, str):
        errors[name] = ["Give a text."]
        return ""
    text = text.strip()
    if len(text) > longest:
        errors[name] = [f"At most {longest} characters."]
    elif not "".join(text.split()).isprintable():
        errors[name] = ["Has characters that cannot be printed."]
    return text


def _read_ids(given: Any, errors: dict[str, list[str]]) -> frozenset[int]:
    if not isinstance(given, list) or len(given) > MOST_CHANGED:
        errors["remove"] = [f"Give a list of at most {MOST_CHANGED} ids of rules."]
        return frozenset()
    if not all(type(each) is int and 0 < each < 2**31 for each in given):
        errors["remove"] = ["Give ids of rules."]
        return frozenset()
    return frozenset(given)
