"""Shapes of answers and bodies, for the OpenAPI schema."""

from typing import Any

from crashes.exchange import KEYS
from crashes.guilty import NoteKind, RuleKind

_TEXT: dict[str, Any] = {"type": "string"}
_INTEGER: dict[str, Any] = {"type": "integer"}
_FLAG: dict[str, Any] = {"type": "boolean"}
_ID_OR_NULL: dict[str, Any] = {"type": ["integer", "null"]}
_TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}
_DAY: dict[str, Any] = {"type": "string", "examples": ["2026-01-31"]}
_TIME: dict[str, Any] = {"type": "string", "examples": ["2026-01-31 12:00:00 UTC"]}
_TIME_OR_NULL: dict[str, Any] = {**_TIME, "type": ["string", "null"]}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _or_null(shape: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": [shape, {"type": "null"}]}


# --- Guilties -----------------------------------------------------------------------

_NAMED = {"function": _TEXT, "module": _TEXT, "comment": _TEXT, "hidden": _FLAG}
_OF_BUILD = {"system_name": _TEXT, "build": _TEXT, "crashes": _INTEGER}

TOP = _object(
    first_day=_DAY,
    last_day=_DAY,
    crashes=_list(
        _object(
            guilty=_INTEGER,
            **_NAMED,
            crashes=_INTEGER,
            machines=_INTEGER,
            builds=_list(_object(**_OF_BUILD)),
        )
    ),
)
GUILTY = {"id": _INTEGER, **_NAMED, "merged_into": _ID_OR_NULL}
GUILTIES = _object(guilties=_list(_object(**GUILTY)))
GUILTY_DETAIL = _object(
    **GUILTY,
    first_seen=_TIME_OR_NULL,
    last_seen=_TIME_OR_NULL,
    builds=_list(_object(**_OF_BUILD, machines=_INTEGER)),
    days=_list(_object(day=_DAY, crashes=_INTEGER)),
)
BACKTRACES = _object(
    backtraces=_list(
        _object(
            trace=_INTEGER,
            program=_TEXT,
            classification=_TEXT,
            crashes=_INTEGER,
            machines=_INTEGER,
            signals=_list(_INTEGER),
            last_record=_INTEGER,
            last_received=_TIME,
            frames=_list(
                _object(
                    id=_INTEGER,
                    number=_INTEGER,
                    function=_TEXT,
                    module=_TEXT,
                    note={**_TEXT, "enum": [kind.value for kind in NoteKind]},
                    rule=_ID_OR_NULL,
                    markable=_FLAG,
                )
            ),
        )
    )
)

# --- Rules --------------------------------------------------------------------------

_RULE: dict[str, dict[str, Any]] = {
    **dict.fromkeys(KEYS, _TEXT),
    "kind": {**_TEXT, "enum": [kind.value for kind in RuleKind]},
    "glob": _FLAG,
    "active": _FLAG,
}
VERSION = _object(
    id=_INTEGER,
    state=_TEXT,
    note=_TEXT,
    author=_TEXT_OR_NULL,
    created_at=_TIME,
    affected=_INTEGER,
    left=_INTEGER,
)
RULES = _object(
    in_force=_or_null(VERSION),
    being_applied=_or_null(VERSION),
    rules=_list(_object(id=_INTEGER, **_RULE, author=_TEXT_OR_NULL, created_at=_TIME)),
)
PREVIEW = _object(
    affected_traces=_INTEGER,
    moved_traces=_INTEGER,
    moved_crashes=_INTEGER,
    machines=_INTEGER,
    groups=_list(
        _object(
            guilty=_ID_OR_NULL,
            **_NAMED,
            before=_INTEGER,
            after=_INTEGER,
        )
    ),
)

_GIVEN_RULE = {**_object(**_RULE), "required": ["function", "module"]}
_PAIR = {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2}
_CHANGE: dict[str, dict[str, Any]] = {
    "add": _list({"oneOf": [_GIVEN_RULE, _PAIR]}),
    "remove": {**_list(_INTEGER), "description": "Ids of rules."},
}
CHANGE = {**_object(**_CHANGE), "required": []}
APPLIED_CHANGE = {
    **_object(
        **_CHANGE,
        note={**_TEXT, "description": "Why the rules change; kept with the version."},
        reason={**_TEXT, "description": "Of added rules that bring none."},
    ),
    "required": [],
}
NOTHING = _object()
