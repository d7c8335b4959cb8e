"""Sortable keys for version numbers of any scheme (pure)."""

import re

_TOKENS = re.compile(r"[0-9]+|[a-z]+|~")
_PRE_RELEASE = {
    "~",
    "a",
    "alpha",
    "b",
    "beta",
    "dev",
    "pre",
    "preview",
    "rc",
    "snapshot",
}
_KEY_LENGTH = 400

# What comes first at a place where two versions differ.
_BEFORE_END, _END, _WORD, _NUMBER = "0", "1", "2", "3"


def version_key(version: str) -> str:
    """A text of digits and lower-case letters that sorts, in any collation, as the
    version does.

    Numbers compare as numbers (9 before 10), words as words, a longer version after
    its prefix (1.2 before 1.2.1), a pre-release before the release (1.0-rc1, 1.0).
    """
    parts = [_part(token) for token in _TOKENS.findall(version.lower())]
    return ("".join(parts) + _END)[:_KEY_LENGTH]


def _part(token: str) -> str:
    if token.isdigit():
        digits = token.lstrip("0")
        return f"{_NUMBER}{len(digits):03d}{digits}"
    rank = _BEFORE_END if token in _PRE_RELEASE else _WORD
    return f"{rank}{token.strip('~')}0"
