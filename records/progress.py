"""Progress of a long command: a bar when a person watches, plain lines otherwise."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TextIO, TypeVar, overload

from tqdm import tqdm

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

SECONDS_BETWEEN_LINES = 10.0


class Progress(Protocol[T_co]):
    """What a bar and plain lines have in common."""

    def __iter__(self) -> Iterator[T_co]: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> object: ...
    def update(self, n: int = 1) -> object: ...


@overload
def progress(*, total: int | None, desc: str, unit: str) -> Progress[None]: ...
@overload
def progress(
    iterable: Iterable[T], *, total: int | None = None, desc: str, unit: str
) -> Progress[T]: ...
def progress(
    iterable: Iterable[Any] | None = None,
    *,
    total: int | None = None,
    desc: str,
    unit: str,
) -> Progress[Any]:
    """Show on stderr what passes through ``iterable``, or what ``update(n)`` is told.

    ``for x in progress(xs, …)``, or ``with progress(total=9, …) as p: p.update(5)``.
    """
    shown: Progress[Any]
    if sys.stderr.isatty():
        shown = tqdm(iterable, total=total, desc=desc, unit=f" {unit}", unit_scale=True)
    else:
        shown = PlainLines(iterable or (), total, desc, unit, sys.stderr)
    return shown


class PlainLines(Generic[T]):
    """A line every few seconds, and one at the end if anything was done."""

    def __init__(
        self,
        iterable: Iterable[T],
        total: int | None,
        desc: str,
        unit: str,
        stream: TextIO,
    ) -> None:
        if total is None and isinstance(iterable, Sized):
            total = len(iterable)
        self._iterable = iterable
        self._amount = f" of {total:,} {unit}" if total else f" {unit}"
        self._desc = desc
        self._stream = stream
        self._done = 0
        self._started = self._written = time.monotonic()

    def __iter__(self) -> Iterator[T]:
        with self:
            for each in self._iterable:
                yield each
                self.update()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._done:
            self._write(time.monotonic())

    def update(self, n: int = 1) -> None:
        self._done += n
        now = time.monotonic()
        if now - self._written >= SECONDS_BETWEEN_LINES:
            self._write(now)

    def _write(self, now: float) -> None:
        self._written = now
        seconds = now - self._started
        line = f"{self._desc}: {self._done:,}{self._amount} in {seconds:.0f} s"
        self._stream.write(line + "\n")
        self._stream.flush()
