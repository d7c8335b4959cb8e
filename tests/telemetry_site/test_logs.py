"""Log lines: one each, and never what a record holds."""

import json
import logging
import sys
from typing import Any

import pytest
from django.db import DataError, OperationalError

from telemetry_site.logs import JsonFormatter, TextFormatter, request_id

HOSTILE = 'a"b\nERROR forged\r\x1b[31mred\u2028next\x85'
FORMATTERS = [JsonFormatter(), TextFormatter()]


def record(message: str, *arguments: object, error: BaseException | None = None) -> Any:
    info = None
    if error:
        try:
            raise error
        except type(error):
            info = sys.exc_info()
    return logging.LogRecord("a.b", logging.ERROR, "f.py", 1, message, arguments, info)


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_a_message_stays_on_its_line(formatter):
    text = formatter.format(record("machine %s", HOSTILE))
    assert text.isprintable()
    assert "forged" in text


def test_a_line_is_an_object_with_the_id_of_its_request():
    token = request_id.set("0123456789abcdef")
    found = json.loads(JsonFormatter().format(record("machine %s", HOSTILE)))
    request_id.reset(token)
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "ERROR",
        "logger": "a.b",
        "message": f"machine {HOSTILE}",
        "request": "0123456789abcdef",
    }
    assert "request" not in json.loads(JsonFormatter().format(record("x")))


@pytest.mark.parametrize("formatter", FORMATTERS)
@pytest.mark.parametrize("error", [ValueError, DataError, KeyError])
def test_an_error_is_told_by_its_kind_and_place_without_its_text(formatter, error):
    text = formatter.format(record("failed", error=error("a secret payload")))
    assert "secret" not in text
    assert error.__name__ in text
    assert f"{__file__}:" in text


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_an_error_of_the_system_is_told_in_full(formatter):
    full = formatter.format(record("failed", error=OSError("No space left\non device")))
    assert "No space left\\u000aon device" in full.replace("\\\\", "\\")
    assert "lost" in formatter.format(record("x", error=OperationalError("lost")))


def test_people_who_develop_are_told_everything(settings):
    settings.DEBUG = True
    text = TextFormatter().format(record("failed", error=ValueError("the text")))
    assert "Traceback" in text
    assert "the text" in text
