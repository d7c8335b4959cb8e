"""Text from machines so that a person sees what it holds (pure; HTML escapes apart).

Control characters are shown by name, and characters that reorder or hide text by their
code point: a payload cannot pretend to say something else.
"""

import re

_MARK = "\u27e8{}\u27e9"
_NAMES = (  # noqa: SIM905 - one name a line says no more
    "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI "
    "DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
).split()
# Control characters apart from line feed and tab; bidirectional controls, invisible
# operators, separators, tags, and lone surrogates.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


def visible(text: str) -> str:
    """``text`` with nothing in it that is not seen; lines and tabs stay."""
    return _HIDDEN.sub(_mark, text.replace("\r\n", "\n"))


def hidden_characters(text: str) -> int:
    """How many characters `visible` gives a name."""
    return len(_HIDDEN.findall(text.replace("\r\n", "\n")))


def first_line(text: str) -> str:
    """The first line that says something, visible."""
    lines = (line.strip() for line in visible(text).split("\n"))
    return next(filter(None, lines), "").replace("\t", " ")


def _mark(match: re.Match[str]) -> str:
    code = ord(match[0])
    return _MARK.format(_NAMES[code] if code < len(_NAMES) else f"U+{code:04X}")
