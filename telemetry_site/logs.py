"""Log lines: one line each whatever they say, with the id of the request, and never
with what a record holds.

The text of an exception may repeat a payload, so only texts of errors of the system
and the connection are written; of every other one its type and where it was raised.
"""

import json
import logging
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request that is being answered, if any."""

_TOLD = (OSError, OperationalError, InterfaceError)
_ExcInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None]
    | tuple[None, None, None]
)


class JsonFormatter(logging.Formatter):
    """An object a line; `request` and `error` only where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        values: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if identity := request_id.get():
            values["request"] = identity
        if record.exc_info:
            values["error"] = self.formatException(record.exc_info)
        return json.dumps(values, ensure_ascii=False).translate(_ESCAPED)

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - the library's name
        return told(ei[1]) if ei[1] else ""


class TextFormatter(logging.Formatter):
    """The same for people."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        identity = request_id.get()
        where = f"{record.name} [{identity}]" if identity else record.name
        text = record.getMessage().translate(_ESCAPED)
        line = f"{moment:%Y-%m-%d %H:%M:%S} {record.levelname} {where}: {text}"
        if not record.exc_info:
            return line
        return f"{line}\n{self.formatException(record.exc_info)}"

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - the library's name
        if settings.DEBUG:
            return super().formatException(ei)
        return told(ei[1]) if ei[1] else ""


def told(error: BaseException) -> str:
    """What may be said of an error, in one line: its kind, and the way to it."""
    text = f": {error}" if isinstance(error, _TOLD) else ""
    frames = traceback.extract_tb(error.__traceback__)
    way = " < ".join(f"{f.name} {f.filename}:{f.lineno}" for f in reversed(frames))
    return f"{type(error).__name__}{text} at {way}".translate(_ESCAPED)


_ESCAPED = {
    code: f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
}
"""Characters that would end a line, or tell a terminal what to do."""
