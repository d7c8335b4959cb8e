"""Text from machines so that a person sees what it holds (pure; HTML escapes apart).

Control characters are shown as the symbols that Unicode has for them, and characters
that reorder or hide text as their code point: a payload cannot pretend to say something
else.
"""

import re

_MARK = "\u27e8U+{:04X}\u27e9"
# Bidirectional controls, invisible operators, separators, tags, and lone surrogates.
_HIDDEN = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
_CONTROLS = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: "\u2421",
    **{code: _MARK.format(code) for code in range(0x80, 0xA0)},
}
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """``text`` with nothing in it that is not seen; lines and tabs stay."""
    unix = text.replace("\r\n", "\n")
    return _HIDDEN.sub(_code_point, unix.translate(_CONTROLS))


def hidden_characters(text: str) -> int:
    """How many characters `visible` shows as symbols."""
    unix = text.replace("\r\n", "\n")
    return len(_HIDDEN.findall(unix)) + len(_CONTROL.findall(unix))


def first_line(text: str) -> str:
    """The first line that says something, visible."""
    lines = (line.strip() for line in visible(text).split("\n"))
    return next(filter(None, lines), "").replace("\t", " ")


def _code_point(match: re.Match[str]) -> str:
    return _MARK.format(ord(match[0]))
