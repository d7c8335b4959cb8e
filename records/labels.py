"""Small tables by id: what the names of a record say, kept in memory by each process.

Rows of small tables never change, so what was read once stays true.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from records.models import Build, Hardware, Kernel, Kind

_LIMIT = 100_000
_HEARTBEAT = "/heartbeat/"

Label = TypeVar("Label")


class KindLabel(NamedTuple):
    classification: str
    severity: int
    external: bool
    record_format_version: int
    payload_format_version: int | None

    @property
    def heartbeat(self) -> bool:
        return _HEARTBEAT in self.classification


class BuildLabel(NamedTuple):
    system_name: str
    version: str


class HardwareLabel(NamedTuple):
    host_type: str
    board_name: str
    cpu_model: str
    bios_version: str
    arch: str


class Labels(Generic[Label]):
    """Labels of one small table by primary key."""

    all: ClassVar[list["Labels[Any]"]] = []

    def __init__(self, load: Callable[[set[int]], dict[int, Label]]) -> None:
        self.all.append(self)
        self._load = load
        self._known: dict[int, Label] = {}

    def of(self, ids: Iterable[int]) -> Mapping[int, Label]:
        """Labels of at least these ids."""
        missing = set(ids) - self._known.keys()
        if missing:
            if len(self._known) > _LIMIT:
                self._known = {}
                missing = set(ids)
            self._known = {**self._known, **self._load(missing)}
        return self._known

    def one(self, label_id: int) -> Label:
        known = self._known.get(label_id)
        return self.of((label_id,))[label_id] if known is None else known

    def forget(self) -> None:
        self._known = {}


def _load_kinds(ids: set[int]) -> dict[int, KindLabel]:
    rows = Kind.objects.filter(id__in=ids).values_list(
        "id",
        "classification__name",
        "severity",
        "external",
        "record_format_version",
        "payload_format_version",
    )
    return {row[0]: KindLabel(*row[1:]) for row in rows}


def _load_builds(ids: set[int]) -> dict[int, BuildLabel]:
    rows = Build.objects.filter(id__in=ids)
    return {
        row[0]: BuildLabel(*row[1:])
        for row in rows.values_list("id", "system_name", "version")
    }


def _load_hardware(ids: set[int]) -> dict[int, HardwareLabel]:
    rows = Hardware.objects.filter(id__in=ids)
    return {
        row[0]: HardwareLabel(*row[1:])
        for row in rows.values_list("id", *HardwareLabel._fields)
    }


def _load_kernels(ids: set[int]) -> dict[int, str]:
    return dict(Kernel.objects.filter(id__in=ids).values_list("id", "version"))


kinds = Labels(_load_kinds)
builds = Labels(_load_builds)
hardware = Labels(_load_hardware)
kernels = Labels(_load_kernels)


def forget() -> None:
    """For a process whose database was replaced."""
    for labels in Labels.all:
        labels.forget()
