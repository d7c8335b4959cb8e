"""What receivers are told of an alert, in each of their formats (pure).

Titles may hold text of machines: it is made visible, put on one line and cut here, and
escaped for every format.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from records.visible import visible

FIRED, RESOLVED, TEST = "fired", "resolved", "test"
WORDS = {FIRED: "Firing", RESOLVED: "Over", TEST: "Test"}

_CONTROL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def one_line(text: str, longest: int) -> str:
    """Text of anybody, so that it can stand in a line of ours."""
    line = " ".join(visible(text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


@dataclass(frozen=True)
class Message:
    """A change of an alert; it is stored, so that every attempt says the same."""

    change: str
    at: str
    rule: str
    condition: str
    subject: str
    title: str
    value: float
    threshold: float
    unit: str
    text: str
    link: str

    @property
    def headline(self) -> str:
        """In one line: for the subject of an e-mail."""
        return one_line(f"{WORDS[self.change]}: {self.rule}: {self.title}", 200)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Message":
        return cls(**stored)


def plain(message: Message) -> str:
    """The text of an e-mail."""
    lines = (
        message.headline,
        "",
        message.text,
        f"Value: {message.value:g} {message.unit} (threshold {message.threshold:g})",
        f"At: {message.at}",
        message.link,
    )
    return "\n".join(lines).rstrip() + "\n"


def webhook(message: Message, event: str) -> bytes:
    """The body that docs/alerts.md documents."""
    return json.dumps({"event": event, **message.as_json()}).encode()


def slack(message: Message) -> bytes:
    """For Slack and Mattermost.

    Text of machines stands in code spans: nobody is mentioned there, nothing is linked
    or fetched, and there is no way out, since it has no backtick.
    """
    said = (message.title, message.text)
    spans = ": ".join(f"`{_escaped(each)}`" for each in said if each)
    first = f"{WORDS[message.change]}: `{_escaped(message.rule)}`"
    lines = filter(None, (first, spans, _escaped(message.link)))
    return json.dumps({"text": "\n".join(lines)}).encode()


def _escaped(text: str) -> str:
    return text.translate(_CONTROL).replace("`", "'")


def signature(secret: str, body: bytes, timestamp: int) -> str:
    """The value of X-Telemetry-Signature."""
    signed = f"{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), signed, "sha256").hexdigest()
    return f"t={timestamp},v1={digest}"
