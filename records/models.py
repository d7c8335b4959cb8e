"""What machines sent, and what is counted of it.

`Record` is append-only and never changed. Names that repeat live in small tables that
records point to. No constraint leads from or to `Record`, so that it can be
partitioned, distributed and thrown away by age (see docs/architecture.md).
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, ClassVar, Self
from uuid import UUID

from django.contrib.postgres.indexes import BrinIndex, BTreeIndex, PostgresIndex
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement
from django.db.models import F, Func
from django.db.models.lookups import Exact
from django.db.models.sql.compiler import SQLCompiler
from django.utils.functional import cached_property

from records.collector.refusal import Code
from records.querysets import RecordQuerySet
from records.retention import (
    LONGEST_CLASSIFICATION,
    MOST_DAYS,
    Criterion,
    Rule,
    problem,
)
from records.versions import version_key

NAME_LENGTH = 256


class PointerTo(models.ForeignKey):  # type: ignore[type-arg]
    """A reference without constraint and without index of its own."""

    def __init__(self, to: Any, **kwargs: Any) -> None:
        kwargs |= {
            "on_delete": models.DO_NOTHING,
            "db_constraint": False,
            "db_index": False,
            "related_name": "+",
        }
        super().__init__(to, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("on_delete", "db_constraint", "db_index", "related_name"):
            kwargs.pop(fixed, None)
        return name, path, args, kwargs


class _OfPostgres(PostgresIndex):
    """An index of PostgreSQL's, and an ordinary one elsewhere."""

    def create_sql(
        self,
        model: type[models.Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Statement:
        if schema_editor.connection.vendor == "postgresql":
            return super().create_sql(model, schema_editor, using, **kwargs)
        return models.Index.create_sql(self, model, schema_editor, **kwargs)


class ArrivalIndex(_OfPostgres, BrinIndex):
    """For a column whose values grow as rows arrive: a few kilobytes on PostgreSQL."""


class NameIndex(_OfPostgres, BTreeIndex):
    """Of records by a name and by id: they come to the end of each name, in order.

    Not quite, when several collectors write: a full page would be split in halves then.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"fillfactor": 95, **kwargs})


class HashedIndex(models.Index):
    """Of a `HashedField`: on PostgreSQL by a number made of it, in half the space."""

    def create_sql(
        self,
        model: type[models.Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Statement:
        if schema_editor.connection.vendor == "postgresql":
            hashed = [Func(F(name), function="hashtext") for name in self.fields]
            index = models.Index(*hashed, name=self.name)
            return index.create_sql(model, schema_editor, using, **kwargs)
        return super().create_sql(model, schema_editor, using, **kwargs)


class HashedField(models.CharField):  # type: ignore[type-arg]
    """A text that is asked for as a whole, through a `HashedIndex`."""


@HashedField.register_lookup
class _HashedExact(Exact):
    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, list[Any]]:
        column, before = self.process_lhs(compiler, connection)
        value, given = self.process_rhs(compiler, connection)
        same, params = self.as_sql(compiler, connection)
        hashed = f"hashtext({column}) = hashtext({value})"
        return f"({hashed} AND {same})", [*before, *given, *params]


# --- Names ------------------------------------------------------------------------


class Name(models.Model):
    """A small table: one row for each distinct combination of ``KEY`` columns."""

    KEY: ClassVar[tuple[str, ...]]

    id = models.AutoField(primary_key=True)
    key = models.UUIDField(unique=True, editable=False)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        values = tuple(getattr(self, name) for name in self.KEY)
        self.key = self.key_of(values)
        for name, value in self.derived(values).items():
            setattr(self, name, value)
        super().save(*args, **kwargs)

    @classmethod
    def key_of(cls, values: Iterable[object]) -> UUID:
        """What identifies the row with these values of ``KEY``, in that order."""
        # Not repr(): what it escapes depends on the Unicode tables of a Python version.
        fixed = (tuple(each) if isinstance(each, list) else each for each in values)
        joined = "\x1f".join(map(ascii, fixed)).encode()
        return UUID(bytes=blake2b(joined, digest_size=16).digest())

    @classmethod
    def derived(cls, values: tuple[object, ...]) -> dict[str, object]:
        """Columns computed from the values of ``KEY``."""
        return {}


class Classification(Name):
    """What happened: `vendor/sender/event`."""

    KEY = ("name",)

    name = models.CharField(max_length=140, unique=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class TelemetryId(models.Model):
    """An id that senders must know; one per fleet, or two during a rotation."""

    id = models.AutoField(primary_key=True)
    value = models.CharField("telemetry id", max_length=200, unique=True)
    label = models.CharField(
        max_length=200, blank=True, help_text="Which fleet sends with this id."
    )
    active = models.BooleanField(
        default=True, help_text="Records with an inactive id are refused."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "telemetry id"
        ordering = ("id",)

    def __str__(self) -> str:
        return self.label or self.value


class Kind(Name):
    """What sort of record: classification, severity, source and format, stored once.

    Every filter on one of these becomes a set of kinds, and every count per kind
    answers questions on all of them.
    """

    KEY = (
        "classification_id",
        "telemetry_id_id",
        "severity",
        "external",
        "record_format_version",
        "payload_format_version",
    )

    classification = models.ForeignKey(Classification, models.PROTECT)
    telemetry_id = models.ForeignKey(TelemetryId, models.PROTECT, null=True)
    severity = models.SmallIntegerField()
    external = models.BooleanField()
    record_format_version = models.SmallIntegerField()
    payload_format_version = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        source = "external" if self.external else "internal"
        return f"{self.classification}, severity {self.severity}, {source}"


class Build(Name):
    """A version of an operating system; ``version_key`` sorts as versions do."""

    KEY = ("system_name", "version")

    system_name = models.CharField(max_length=NAME_LENGTH)
    version = models.CharField(max_length=NAME_LENGTH)
    version_key = models.CharField(max_length=400, editable=False)

    class Meta:
        ordering = ("system_name", "version_key", "version")
        indexes = (
            models.Index(fields=("system_name", "version_key"), name="build_sorted"),
        )

    def __str__(self) -> str:
        return f"{self.system_name} {self.version}"

    @classmethod
    def derived(cls, values: tuple[object, ...]) -> dict[str, object]:
        return {"version_key": version_key(str(values[1]))}


class Hardware(Name):
    """A machine model, as the client describes it."""

    KEY = ("host_type", "board_name", "cpu_model", "bios_version", "arch")

    host_type = models.CharField(max_length=NAME_LENGTH)
    board_name = models.CharField(max_length=NAME_LENGTH)
    cpu_model = models.CharField(max_length=NAME_LENGTH)
    bios_version = models.CharField(max_length=NAME_LENGTH)
    arch = models.CharField(max_length=32)

    class Meta:
        verbose_name_plural = "hardware"
        ordering = ("host_type", "id")

    def __str__(self) -> str:
        return f"{self.host_type}, {self.cpu_model}"


class Kernel(Name):
    """A kernel version."""

    KEY = ("version",)

    version = models.CharField(max_length=NAME_LENGTH)

    class Meta:
        ordering = ("version",)

    def __str__(self) -> str:
        return self.version


# --- Records ----------------------------------------------------------------------


class Record(models.Model):
    """One record as a machine sent it. Append-only: nothing derived is written here."""

    received_at = models.DateTimeField("received")
    captured_at = models.BigIntegerField(
        "captured", help_text="The client's clock, Unix seconds; it may be wrong."
    )
    event_id = models.UUIDField(null=True)
    kind = PointerTo(Kind)
    build = PointerTo(Build)
    hardware = PointerTo(Hardware)
    kernel = PointerTo(Kernel)
    machine_id = HashedField(max_length=32)
    payload = models.TextField()

    objects = RecordQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        permissions = (
            ("view_payload", "Can see payloads"),
            ("export_record", "Can export records without limit"),
        )
        indexes = (
            NameIndex(fields=("kind", "id"), name="record_kind"),
            NameIndex(fields=("build", "id"), name="record_build"),
            NameIndex(fields=("hardware", "id"), name="record_hardware"),
            NameIndex(fields=("kernel", "id"), name="record_kernel"),
            HashedIndex(fields=("machine_id",), name="record_machine"),
            models.Index(fields=("event_id",), name="record_event"),
            ArrivalIndex(
                fields=("received_at",), name="record_received", autosummarize=True
            ),
            ArrivalIndex(
                fields=("captured_at",),
                name="record_captured",
                autosummarize=True,
                # It keeps the times of wrong clocks apart from those of others.
                opclasses=("int8_minmax_multi_ops",),
            ),
        )

    def __str__(self) -> str:
        return f"Record {self.pk}"

    @cached_property
    def event_hex(self) -> str | None:
        return self.event_id.hex if self.event_id else None


class Pending(models.Model):
    """The digest queue: a row per record that is stored and not yet counted."""

    record_id = models.BigIntegerField(primary_key=True)

    class Meta:
        verbose_name_plural = "pending"

    def __str__(self) -> str:
        return f"Record {self.record_id}"


# --- Refused ----------------------------------------------------------------------


class Refused(models.Model):
    """A request that was refused, byte for byte, until it is taken in or too old."""

    received_at = models.DateTimeField("received", db_index=True)
    code = models.CharField(max_length=40, choices=Code.choices(), db_index=True)
    field = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=300)
    sender = models.CharField(
        max_length=200, help_text="Record format, and User-Agent if there was one."
    )
    path = models.CharField(max_length=200)
    headers = models.JSONField(help_text="Header names and values as received.")
    body = models.BinaryField()
    quarantined = models.BooleanField(
        default=False, help_text="The sender was told that the record was accepted."
    )
    record_id = models.BigIntegerField(
        null=True, help_text="The record that it became when it was taken in."
    )

    class Meta:
        verbose_name = "refused request"
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.code} at {self.received_at:%Y-%m-%d %H:%M:%S}"


class RefusedDay(models.Model):
    """How many requests were refused on a day, kept or not."""

    pk = models.CompositePrimaryKey("day", "code")
    day = models.DateField()
    code = models.CharField(max_length=40)
    refused = models.BigIntegerField()


class RefusalPolicy(models.Model):
    """What senders are told for one reason to refuse; without a row: 400."""

    code = models.CharField(max_length=40, choices=Code.choices(), unique=True)
    quarantine = models.BooleanField(
        default=False,
        help_text="Answer 201 “accepted to quarantine”, which ends the re-sending.",
    )

    class Meta:
        verbose_name_plural = "refusal policies"

    def __str__(self) -> str:
        return f"{self.code}: {'quarantine' if self.quarantine else 'refuse'}"


# --- Counts (written by the worker only) ------------------------------------------


class KindDay(models.Model):
    """Records received on a UTC day, per kind and build."""

    pk = models.CompositePrimaryKey("day", "kind_id", "build_id")
    day = models.DateField()
    kind = PointerTo(Kind)
    build = PointerTo(Build)
    records = models.BigIntegerField()


class HardwareDay(models.Model):
    """Records received on a UTC day, per hardware, operating system and source."""

    pk = models.CompositePrimaryKey("day", "hardware_id", "system_name", "external")
    day = models.DateField()
    hardware = PointerTo(Hardware)
    system_name = models.CharField(max_length=NAME_LENGTH)
    external = models.BooleanField()
    records = models.BigIntegerField()


class Folded(models.Model):
    """A span of days that is over, whose counts are summed up (see `records.spans`).

    ``first`` is the first of its days on which a record was counted.
    """

    pk = models.CompositePrimaryKey("days", "day")
    days = models.SmallIntegerField()
    day = models.DateField()
    first = models.DateField()


class Span(models.Model):
    """Counts of ``days`` days from ``day`` on: sums of those in ``BY_DAY``.

    Its columns are named as there. A date of an ``EARLIER`` one that is in the span is
    told as the first day of it that has counts. Each of ``WHOLE`` is 0 in further rows,
    for all its values; of single days there are only these.
    """

    BY_DAY: ClassVar[type[models.Model]]
    EARLIER: ClassVar[tuple[str, ...]] = ()
    WHOLE: ClassVar[tuple[str, ...]] = ()

    days = models.SmallIntegerField()
    day = models.DateField()

    class Meta:
        abstract = True


class KindSpan(Span):
    """Records received in a span: per kind and build, per kind, and per build."""

    BY_DAY = KindDay
    WHOLE = ("kind_id", "build_id")

    pk = models.CompositePrimaryKey("days", "day", "kind_id", "build_id")
    kind = PointerTo(Kind)
    build = PointerTo(Build)
    records = models.BigIntegerField()

    class Meta:
        indexes = (
            models.Index(
                fields=("days", "day"),
                name="kindspan_kinds",
                condition=models.Q(build_id=0),
            ),
        )


class HardwareSpan(Span):
    """Records received in a span, per hardware, operating system and source."""

    BY_DAY = HardwareDay

    pk = models.CompositePrimaryKey(
        "days", "day", "hardware_id", "system_name", "external"
    )
    hardware = PointerTo(Hardware)
    system_name = models.CharField(max_length=NAME_LENGTH)
    external = models.BooleanField()
    records = models.BigIntegerField()


class MachineDay(models.Model):
    """What one machine id sent on a UTC day: the base of rates and populations."""

    pk = models.CompositePrimaryKey("day", "machine_id", "build_id", "external")
    day = models.DateField()
    machine_id = models.CharField(max_length=32)
    build = PointerTo(Build)
    external = models.BooleanField()
    records = models.IntegerField()
    heartbeats = models.IntegerField()

    class Meta:
        indexes = (
            models.Index(fields=("machine_id", "day"), name="machineday_machine"),
        )


class Presence(models.Model):
    """Ids by a day with a heartbeat of theirs, and the day of the one before.

    ``previous`` is `chains.NEVER` on the first day of an id; ``second`` counts those
    whose second day it is. Ids of days s to e are those with ``previous`` before s.
    """

    day = models.DateField()
    previous = models.DateField()
    external = models.BooleanField()
    ids = models.IntegerField()
    second = models.IntegerField()

    class Meta:
        abstract = True


class SystemPresence(Presence):
    """Ids per operating system and source."""

    pk = models.CompositePrimaryKey("day", "previous", "system_name", "external")
    system_name = models.CharField(max_length=NAME_LENGTH)


class BuildPresence(Presence):
    """Ids per build and source."""

    pk = models.CompositePrimaryKey("day", "previous", "build_id", "external")
    build = PointerTo(Build)


class BuildPresenceSpan(Span):
    """Ids per build and source by the day before, as far as that is not in the span."""

    BY_DAY = BuildPresence
    EARLIER = ("previous",)

    pk = models.CompositePrimaryKey("days", "day", "previous", "build_id", "external")
    previous = models.DateField()
    build = PointerTo(Build)
    external = models.BooleanField()
    ids = models.IntegerField()


class ReceivedHour(models.Model):
    """Which ids the records of an hour have: turns a time window into id bounds."""

    hour = models.DateTimeField(primary_key=True)
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    records = models.BigIntegerField()


class ParserFailure(models.Model):
    """A payload that a parser could not read; the record is counted all the same."""

    record_id = models.BigIntegerField()
    parser = models.CharField(max_length=100)
    version = models.IntegerField()
    error = models.TextField()
    failed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("record_id", "parser"), name="one_failure_per_parser"
            ),
        )

    def __str__(self) -> str:
        return f"{self.parser} on record {self.record_id}"


# --- Retention --------------------------------------------------------------------


class RetentionRule(models.Model):
    """How long records are kept; of all rules, the most specific one decides."""

    id = models.AutoField(primary_key=True)
    criterion = models.CharField(
        max_length=20,
        choices=[
            (Criterion.MACHINE.value, "machine id"),
            (Criterion.CLASSIFICATION.value, "classification"),
            (Criterion.SEVERITY.value, "severity"),
            (Criterion.DEFAULT.value, "default"),
        ],
    )
    value = models.CharField(
        max_length=LONGEST_CLASSIFICATION,
        blank=True,
        help_text="In a classification, * stands for any text. The default has none.",
    )
    days = models.PositiveIntegerField(
        validators=(MaxValueValidator(MOST_DAYS),), help_text="0 keeps for ever."
    )
    reason = models.TextField(blank=True)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("criterion", "value")
        constraints = (
            models.UniqueConstraint(
                fields=("criterion", "value"), name="one_rule_per_value"
            ),
        )

    def __str__(self) -> str:
        return str(self.rule)

    @property
    def rule(self) -> Rule:
        return Rule(Criterion(self.criterion), self.value, self.days, self.pk or 0)

    def clean(self) -> None:
        self.value = self.value.strip()
        if self.criterion and (why := problem(self.criterion, self.value)):
            raise ValidationError({"value": why})
        if self.criterion == Criterion.DEFAULT and not self.active:
            raise ValidationError({"active": "Without a limit, give 0 days."})


class RetentionRun(models.Model):
    """A purge: what it deleted, as far as it came."""

    id = models.AutoField(primary_key=True)
    started = models.DateTimeField(help_text="Ages are counted back from here.")
    finished = models.DateTimeField(null=True)
    deleted = models.BigIntegerField(default=0)
    by_rule = models.JSONField(default=dict, help_text="Records deleted, by rule id.")
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"Purge of {self.started:%Y-%m-%d %H:%M}"


class Erasure(models.Model):
    """That everything of a machine id was deleted; of the id itself, a keyed hash."""

    id = models.AutoField(primary_key=True)
    erased_at = models.DateTimeField(auto_now_add=True)
    erased_by = models.CharField(max_length=200)
    machine_hash = models.CharField(max_length=64)
    records = models.BigIntegerField()
    other_rows = models.BigIntegerField(help_text="Facts, counts, refused requests.")

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"Erasure {self.pk}"
