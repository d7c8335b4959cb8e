"""What running processes use, as Linux counts it."""

import os
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Stat(NamedTuple):
    """What `/proc/<pid>/stat` says, as far as it is needed here."""

    parent: int
    cpu_seconds: float
    """Of the process and of its children that are gone."""

    @classmethod
    def parse(cls, text: str) -> "Stat":
        fields = text.rpartition(")")[2].split()  # the name before may hold anything
        return cls(int(fields[1]), sum(map(int, fields[11:15])) / _TICKS)


def _stats() -> dict[int, Stat]:
    stats = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            stats[int(file.parent.name)] = Stat.parse(file.read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return stats


def parent(pid: int) -> int:
    return Stat.parse(Path(f"/proc/{pid}/stat").read_text()).parent


def children(pid: int) -> list[int]:
    return [child for child, stat in _stats().items() if stat.parent == pid]


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and everything that it started."""
    stats = _stats()
    total, tree = 0.0, [pid]
    while tree:
        one = tree.pop()
        total += stats[one].cpu_seconds if one in stats else 0.0
        tree += [child for child, stat in stats.items() if stat.parent == one]
    return total


def resident_bytes(pid: int | str = "self") -> int:
    """Memory of one process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
