"""Payloads of crash records as frozen values.

Function names are kept as the predecessor stored them, so that its lists of pairs stay
valid: ``main()`` in user space, ``do_exit`` in the kernel, ``? do_exit`` for a kernel
frame that is only a guess. Different from the predecessor, C++ names are demangled
(and bring their own parentheses), and GCC's clone suffixes, symbol versions and
offsets are dropped. ``comparable`` is the form in which two names are compared.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from crashes.demangle import demangle

UNKNOWN = "???"
NO_SYMBOLS = "(no symbols)"
KERNEL_MODULE = "kernel"
GUESS = "? "
LONGEST_NAME = 2000
"""Names of functions, modules and programs are cut at this length."""

_CALL = "()"
_CLIENT_LIMIT = 8000  # a payload of this length was probably cut by the client
_LARGEST = 2**31 - 1
_REMEMBERED_LENGTH = 500
_NAMELESS_FRAMES = {UNKNOWN, NO_SYMBOLS}

_FRAME = re.compile(r"#([0-9]{1,9})(?:\s(.*))?")
_THREAD = re.compile(r"Backtrace ?(?:\(TID ([0-9]+)\))? ?:")
_SOURCE = re.compile(r".*:[0-9]+")
_OFFSET = re.compile(r"\+(0x[0-9a-f]{1,8})(?:/0x[0-9a-f]+)?")
_NAMELESS = re.compile(r"\W*|0x[0-9a-fA-F]+")
_CLONE = re.compile(
    r"(?:\.(?:cold|localalias)(?:\.[0-9]+)?"
    r"|\.(?:part|isra|constprop|lto_priv|clone|llvm|__uniq)\.[0-9]+)+$"
)
_KERNEL_HEADERS = {"Crash Report", "Reason", "Kernel Version", "Tainted", "Modules"}
_HEADERS = {"Process", "PID", "Signal"} | _KERNEL_HEADERS


class Kind(StrEnum):
    USER = "user"
    KERNEL = "kernel"


class State(StrEnum):
    """How much there is of the backtrace of the crashing thread."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"  # at a limit of the client, or because unwinding failed
    NONE = "none"


class Name(NamedTuple):
    """A function, and how far into it a frame was."""

    function: str
    offset: int | None


class Frame(NamedTuple):
    number: int
    function: str
    module: str
    source: str | None
    offset: int | None
    unknown: bool
    raw: str

    @property
    def guess(self) -> bool:
        """Whether the kernel found it on the stack but does not vouch for it."""
        return self.function.startswith(GUESS)


@dataclass(frozen=True, slots=True)
class Thread:
    tid: int | None
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    state: State
    frames: int
    unknown: int

    @property
    def unknown_share(self) -> float:
        return self.unknown / self.frames if self.frames else 0.0


@dataclass(frozen=True, slots=True)
class CrashPayload:
    """What a crash record says; what was not sent is an empty text, or None."""

    kind: Kind
    program: str
    pid: int | None
    signal: int | None
    reason: str
    kernel_version: str
    tainted: str
    error: str
    threads: tuple[Thread, ...]
    quality: Quality

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The frames of the crashing thread, which is sent first."""
        return self.threads[0].frames if self.threads else ()


def parse(payload: str) -> CrashPayload:
    """Whatever ``payload`` says; never raises."""
    reader = _Reader()
    first, _, rest = payload.partition("\n")
    reader.read_header(first.strip())
    for line in rest.split("\n"):
        reader.read(line.strip())
    reader.end(cut=len(payload) >= _CLIENT_LIMIT and not payload.endswith("\n"))
    return reader.result()


def normalise(text: str) -> str:
    """A function as sent, or as written in a rule, in the form that is stored."""
    return read_name(text).function


def comparable(function: str) -> str:
    """A normalised function without its marks: neither ``? `` nor ``()``."""
    return function.removeprefix(GUESS).removesuffix(_CALL)


def is_unknown(function: str) -> bool:
    """Whether a normalised function is none, or only the kernel's guess."""
    return function in _NAMELESS_FRAMES or function.startswith(GUESS)


def read_name(text: str) -> Name:
    """The function that ``text``, the first part of a frame, names."""
    text = clean(text)[:LONGEST_NAME]
    guess = GUESS if text.startswith(GUESS) else ""
    sent = text.removeprefix(guess).strip()
    bare = sent.removesuffix(_CALL)
    name, offset = _without_offset(_without_version(bare))
    name = _CLONE.sub("", name) or name
    if _NAMELESS.fullmatch(name):
        return Name(UNKNOWN, offset)
    readable = demangle(name)
    call = _CALL if bare != sent and readable == name else ""
    return Name(f"{guess}{readable}{call}"[:LONGEST_NAME], offset)


def clean(text: str) -> str:
    """``text`` in characters that can be printed and stored."""
    text = text.strip()
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _without_version(name: str) -> str:
    """Without a symbol version (`free@@GLIBC_2.2.5`) or c++filt's ` [clone .cold]`."""
    return name.partition("@")[0].partition(" [clone ")[0] or name


def _without_offset(name: str) -> tuple[str, int | None]:
    """`do_exit+0x10/0x20` in two parts."""
    at = name.rfind("+0x")
    found = _OFFSET.fullmatch(name, at) if at >= 0 else None
    return (name[:at], int(found[1], 16)) if found else (name, None)


class _Reader:
    """Takes the lines of a payload one after the other."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}
        self._errors: list[str] = []
        self._threads: list[tuple[int | None, list[Frame]]] = []
        self._limited = False
        self._after_blank = False
        self._half_line = False
        self._half_frame = False

    def read(self, line: str) -> None:
        if not line:
            self._after_blank = True
            return
        self._half_line = self._half_frame = False
        if line[0] == "#":
            self._read_frame(line)
        elif found := _THREAD.match(line):
            self._threads.append((_number(found[1] or ""), []))
        else:
            self.read_header(line)
        self._after_blank = False

    def read_header(self, line: str) -> None:
        """A line that is no frame. Of several with one name, the first counts."""
        name, colon, value = line.partition(":")
        name = name.rstrip()
        if colon and name == "Error":
            self._errors.append(clean(value))
        elif colon and name in _HEADERS:
            self._fields.setdefault(name, clean(value))
        elif line == "Not tainted":
            self._fields.setdefault("Tainted", line)
        elif line.startswith("Too many frames"):
            self._limited = True

    def _read_frame(self, line: str) -> None:
        read = _read_frame if len(line) <= _REMEMBERED_LENGTH else _frame_of
        frame, whole = read(line)
        self._half_line = not whole
        if frame is None:
            return
        self._half_frame = not whole
        if not self._threads or self._lost_header(frame):
            self._threads.append((None, []))
        self._threads[-1][1].append(frame)

    def _lost_header(self, frame: Frame) -> bool:
        """Whether a thread begins here although nothing says so."""
        return self._after_blank and frame.number == 0 and bool(self._threads[-1][1])

    def end(self, *, cut: bool) -> None:
        """Drop what is left of a last line that was cut in the middle."""
        frames = self._threads[-1][1] if self._threads else []
        if self._half_frame:
            frames.pop()
        elif frames and cut:
            frames[-1] = frames[-1]._replace(source=None)
        self._half_line |= cut

    def result(self) -> CrashPayload:
        fields = self._fields
        threads = tuple(Thread(tid, tuple(frames)) for tid, frames in self._threads)
        return CrashPayload(
            kind=self._kind(threads),
            program=fields.get("Process", "")[:LONGEST_NAME],
            pid=_number(fields.get("PID", "")),
            signal=_number(fields.get("Signal", "")),
            reason=fields.get("Reason", ""),
            kernel_version=fields.get("Kernel Version", ""),
            tainted=fields.get("Tainted", ""),
            error="\n".join(self._errors),
            threads=threads,
            quality=self._quality(threads),
        )

    def _kind(self, threads: tuple[Thread, ...]) -> Kind:
        modules = {frame.module for thread in threads for frame in thread.frames}
        if KERNEL_MODULE in modules or not _KERNEL_HEADERS.isdisjoint(self._fields):
            return Kind.KERNEL
        return Kind.USER

    def _quality(self, threads: tuple[Thread, ...]) -> Quality:
        frames = threads[0].frames if threads else ()
        unknown = sum(frame.unknown for frame in frames)
        # Whatever ended the payload early, ended its last thread early.
        ended = len(threads) == 1 and (self._half_line or bool(self._errors))
        state = State.TRUNCATED if self._limited or ended else State.COMPLETE
        return Quality(state if frames else State.NONE, len(frames), unknown)


def _frame_of(line: str) -> tuple[Frame | None, bool]:
    """The frame of a line, and whether the line is whole."""
    found = _FRAME.fullmatch(line)
    if not found:
        return None, False
    number, parts = int(found[1]), _parts(found[2] or "")
    if parts is None:
        return Frame(number, UNKNOWN, "", None, None, True, line), False
    sent, module, source = parts
    function, offset = Name(sent, None) if sent == NO_SYMBOLS else read_name(sent)
    module = clean(module)[:LONGEST_NAME]
    place = clean(source)[:LONGEST_NAME] if _SOURCE.fullmatch(source) else None
    unknown = is_unknown(function)
    return Frame(number, function, module, place, offset, unknown, line), True


# Crashes resemble each other: most of their lines were read before.
_read_frame = lru_cache(maxsize=8192)(_frame_of)


def _parts(text: str) -> tuple[str, str, str] | None:
    """Function, module and source of a frame; None when the line is not whole."""
    function, opened, rest = text.rpartition(" - [")
    if not opened:
        return (NO_SYMBOLS, "", "") if text.startswith(NO_SYMBOLS) else None
    module, closed, source = rest.partition("] - ")
    if not closed:
        module, closed, _ = rest.rpartition("]")
    return (function, module, source) if closed else None


def _number(text: str) -> int | None:
    """A number that a database can store."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    number = int(text)
    return number if number <= _LARGEST else None
