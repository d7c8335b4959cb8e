"""C++ names as their authors wrote them: ``_ZN3foo3barEv`` is ``foo::bar()``.

A mangled name may say "that part again" (``S1_``, ``T_``), so 300 characters of a
hostile one can stand for gigabytes. A name that could grow long is therefore expanded
one such reference after the other, and given up when it becomes too long.
"""

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any

try:
    import cxxfilt  # type: ignore[import-untyped]
except (ImportError, OSError):  # pragma: no cover - it looks for C libraries
    cxxfilt = None

LONGEST = 2000
"""A longer name is left as it is, and so is one that would become longer."""

_LONGEST_STEP = 2 * LONGEST
_MOST_WORK = 100_000  # characters, roughly, that a library call may write
_PREFIX = "_Z"
_REFERENCE = re.compile(r"T(?:L[0-9]*_)?[0-9]*_|S[0-9A-Z]*_")
_EXPANSION = re.compile(r"Dp|sp")  # what follows is repeated for each argument

Demangler = Callable[[str], str]


@lru_cache(maxsize=8192)
def demangle(name: str) -> str:
    """The C++ name that ``name`` stands for; else ``name`` itself."""
    if not name.startswith(_PREFIX) or len(name) > LONGEST:
        return name
    readable = _expanded(name) if _may_explode(name) else _call(name)
    return readable if 0 < len(readable) <= LONGEST else name


def load(library: ModuleType | None) -> Demangler | None:
    """The first way to the C++ runtime that works; None where there is none."""
    if library is None:
        return None
    ways: tuple[Callable[[], Any], ...] = (
        lambda: library.default_demangler,
        lambda: library.Demangler("libc.so.6", "libstdc++.so.6"),
    )
    for way in ways:
        try:
            demangler: Demangler = way().demangle
            if demangler("_Z1fv") == "f()":
                return demangler
        except (library.Error, OSError, AttributeError):
            continue
    return None


_demangler = load(cxxfilt)

AVAILABLE = _demangler is not None
"""Whether names can be demangled on this machine."""


def _call(name: str) -> str:
    """What the C++ runtime makes of ``name``; empty when it makes nothing of it."""
    if _demangler is None:
        return ""
    try:
        return _demangler(name)
    except (cxxfilt.Error, UnicodeError, AttributeError):
        return ""


def _may_explode(name: str) -> bool:
    """Whether the result could be huge: each reference may double what is there."""
    references = min(name.count("_"), 64)
    expansions = min(len(_EXPANSION.findall(name)), 8)
    times: int = len(name) ** expansions
    return (len(name) << references) * times > _MOST_WORK


def _expanded(name: str) -> str:
    """``name``, demangled again and again with one more of its references in place.

    All others point to the first parts of the name meanwhile, whose size is bounded.
    A stand-in is as long as what it stands for, so nothing else moves.
    """
    references = list(_REFERENCE.finditer(name))
    if _size_of_stand_ins(name, references) > 10 * _MOST_WORK:
        return ""
    text = _REFERENCE.sub(_stand_in, name)
    readable = _call(text)
    for found in sorted(references, key=_parameters_first):
        if not 0 < len(readable) <= _LONGEST_STEP:
            return ""
        text = text[: found.start()] + found[0] + text[found.end() :]
        readable = _call(text)
    return readable


def _parameters_first(reference: re.Match[str]) -> tuple[bool, int]:
    """Parts are counted as in the whole name only when no parameter is stood for."""
    return reference[0][0] != "T", reference.start()


def _stand_in(reference: re.Match[str]) -> str:
    """What may stand in the same place and refers to little or nothing."""
    width = len(reference[0])
    if reference[0][0] == "T":  # a class named iii…
        length = str(width - 1) if width <= 10 else f"{width - 2:02}"
        return length + "i" * (width - len(length))
    return {2: "S_", 3: "S0_"}.get(width, "S1".ljust(width - 1, "0") + "_")


def _size_of_stand_ins(name: str, references: list[re.Match[str]]) -> int:
    """How long the name can become with all its stand-ins."""
    size = len(name)
    for count in Counter(len(found[0]) for found in references).values():
        size *= 1 + count
    return size
