"""Bodies: payload bytes, a JSON object, or one JSON object per line (pure)."""

import json
from collections.abc import Iterator
from typing import Any

from records.collector.fields import NAMES, missing
from records.collector.refusal import Code, Refusal

# A backslash-u escape can name half a surrogate pair, which no database stores.
_REPLACEMENT = "�"


def payload(body: bytes) -> str:
    """The payload as text: UTF-8, else Latin-1; NUL bytes visible as U+FFFD."""
    try:
        decoded = body.decode()
    except UnicodeDecodeError:
        decoded = body.decode("latin-1")
    return decoded.replace("\x00", _REPLACEMENT)


def looks_like_json(body: bytes) -> bool:
    return body.lstrip()[:1] == b"{"


def json_objects(body: bytes) -> list[dict[str, Any] | Refusal]:
    """The objects of a JSON body: one, or one per line with a Refusal for a bad line.

    Bytes that are not UTF-8 survive as surrogates until `json_text` sees the value that
    holds them.
    """
    single = _object(body)
    if not isinstance(single, Refusal):
        return [single]
    batch = lines(body)
    # Several lines that each open an object are a batch, whatever is wrong inside.
    if len(batch) < 2 or not all(map(looks_like_json, batch)):
        raise single
    return list(map(_object, batch))


def lines(body: bytes) -> list[bytes]:
    """The lines of a batch; blank ones do not count."""
    return [line for line in body.split(b"\n") if line.strip()]


def record(fields: dict[str, Any]) -> tuple[dict[str, str], str]:
    """Trimmed values by name, and the payload, of one JSON object."""
    values = dict(_texts(fields))
    if fields.get("payload") is None:
        raise missing("payload")
    return values, json_text(fields["payload"], "payload")


def json_text(value: object, name: str) -> str:
    """A JSON value as text; numbers are accepted for texts, nothing else is."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Refusal(Code.JSON, f"{name} is not a text", name)
    if not value.isascii():
        value = _repaired(value)
    return value.replace("\x00", _REPLACEMENT)


def _texts(fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in NAMES:
        if fields.get(name) is not None:
            yield name, json_text(fields[name], name).strip()


def _object(body: bytes) -> dict[str, Any] | Refusal:
    text = body.decode("utf-8", "surrogateescape")
    try:
        # strict=False: raw control characters inside strings are what clients send.
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "nested too deeply or not a number")
        return Refusal(Code.JSON, f"Body is not a JSON object: {reason}")
    if not isinstance(value, dict):
        return Refusal(Code.JSON, "Body is not a JSON object")
    return value


def _repaired(value: str) -> str:
    """``value`` without surrogates: raw bytes become the text they stand for."""
    try:
        value.encode()
    except UnicodeEncodeError:
        pass
    else:
        return value
    try:
        raw = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace").decode()
    return raw.decode("latin-1")
