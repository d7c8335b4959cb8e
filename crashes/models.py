"""What broke: crash reports, the traces they share, and who is guilty of a trace.

A *trace* is the crashing thread of a program, normalised, stored once however often it
is reported. Who is guilty is a property of the trace: a change of the rules judges
traces again, and neither reports nor counts change.
"""

from django.conf import settings
from django.db import models

from crashes.backtrace import LONGEST_NAME, State
from crashes.guilty import RuleKind
from records.chains import NEVER
from records.models import (
    NAME_LENGTH,
    Build,
    Classification,
    Name,
    PointerTo,
    Span,
)


class CrashClassification(models.Model):
    """Which records count as crashes, and which of them carry a backtrace."""

    pattern = models.CharField(
        max_length=140,
        unique=True,
        help_text="A classification, with * at the end of a component: */crash/clr.",
    )
    backtrace = models.BooleanField(
        default=True, help_text="The payload has frames; without, it is only counted."
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ("pattern",)

    def __str__(self) -> str:
        return self.pattern


class Program(Name):
    """What crashed: a path, a bare name, or the kernel."""

    KEY = ("name",)

    name = models.CharField(max_length=LONGEST_NAME)

    def __str__(self) -> str:
        return self.name


class Frame(Name):
    """A function in a module, as rules and people name it."""

    KEY = ("function", "module")

    function = models.CharField(max_length=LONGEST_NAME)
    module = models.CharField(max_length=LONGEST_NAME)

    def __str__(self) -> str:
        return f"{self.function} [{self.module}]"


class Guilty(models.Model):
    """A frame that was found guilty of some trace, and what people say of it."""

    id = models.AutoField(primary_key=True)
    frame = models.OneToOneField(Frame, models.PROTECT, related_name="guilty")
    comment = models.TextField(blank=True)
    hidden = models.BooleanField(default=False)
    merged_into = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="merged"
    )

    class Meta:
        verbose_name_plural = "guilties"

    def __str__(self) -> str:
        return str(self.frame)


class Trace(Name):
    """A normalised crashing thread. ``frames`` is a list of frame ids, from the top."""

    KEY = ("classification_id", "program_id", "frames")

    # Names are copied to every node of a cluster, traces are not.
    classification = models.ForeignKey(
        Classification, models.PROTECT, db_constraint=False
    )
    program = models.ForeignKey(Program, models.PROTECT)
    frames = models.JSONField()
    family = models.CharField(
        max_length=32, db_index=True, help_text="Hash of the first relevant frames."
    )
    guilty = models.ForeignKey(Guilty, models.PROTECT, null=True, related_name="traces")
    version = models.IntegerField(help_text="The rules version that judged it.")
    next_guilty = models.ForeignKey(Guilty, models.PROTECT, null=True, related_name="+")
    next_family = models.CharField(max_length=32, blank=True)
    next_version = models.IntegerField(null=True, db_index=True)

    def __str__(self) -> str:
        return f"Trace {self.pk} of {self.program}"


class TraceFrame(models.Model):
    """Which traces contain a frame: a change of its rules can change only those."""

    pk = models.CompositePrimaryKey("frame_id", "trace_id")
    frame = models.ForeignKey(Frame, models.PROTECT, db_index=False)
    trace = models.ForeignKey(Trace, models.CASCADE)


class CrashReport(models.Model):
    """One crash: its record, and copies of what pages ask for."""

    record_id = models.BigIntegerField(primary_key=True)
    received_at = models.DateTimeField()
    machine_id = models.CharField(max_length=32)
    build = PointerTo(Build)
    external = models.BooleanField()
    trace = PointerTo(Trace)
    signal = models.IntegerField(null=True)
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in State],
        help_text="How much there is of the backtrace.",
    )

    class Meta:
        ordering = ("-record_id",)
        indexes = (
            models.Index(fields=("trace", "record_id"), name="crash_trace"),
            models.Index(fields=("received_at",), name="crash_received"),
            models.Index(fields=("machine_id",), name="crash_machine"),
        )

    def __str__(self) -> str:
        return f"Crash of record {self.record_id}"


class CrashDay(models.Model):
    """Crashes received on a UTC day, per trace, build and source."""

    pk = models.CompositePrimaryKey("day", "trace_id", "build_id", "external")
    day = models.DateField()
    trace = PointerTo(Trace)
    build = PointerTo(Build)
    external = models.BooleanField()
    crashes = models.IntegerField()

    class Meta:
        indexes = (models.Index(fields=("trace", "day"), name="crashday_trace"),)


ALL_DAYS = NEVER
"""The day of what was ever received, in `GuiltyDay`."""


class BuildDay(models.Model):
    """Crashes received on a UTC day, per build, classification and source."""

    pk = models.CompositePrimaryKey("day", "build_id", "classification_id", "external")
    day = models.DateField()
    build = PointerTo(Build)
    classification = PointerTo(Classification)
    external = models.BooleanField()
    crashes = models.IntegerField()


class BuildSpan(Span):
    """Crashes of a span per build, classification and source; and without either."""

    BY_DAY = BuildDay
    WHOLE = ("build_id", "classification_id")

    pk = models.CompositePrimaryKey(
        "days", "day", "build_id", "classification_id", "external"
    )
    build = PointerTo(Build)
    classification = PointerTo(Classification)
    external = models.BooleanField()
    crashes = models.IntegerField()

    class Meta:
        indexes = (
            models.Index(
                fields=("days", "day"),
                name="buildspan_builds",
                condition=models.Q(classification_id=0),
            ),
        )


class CountedGuilty(models.Model):
    """A guilty of which `GuiltyDay` and `GuiltyPresence` are as they have to be."""

    guilty = models.OneToOneField(
        Guilty, models.CASCADE, primary_key=True, related_name="counted"
    )


class GuiltyDay(models.Model):
    """Crashes received on a UTC day and ever, per guilty, build and source."""

    pk = models.CompositePrimaryKey("day", "guilty_id", "build_id", "external")
    day = models.DateField()
    guilty = PointerTo(Guilty)
    build = PointerTo(Build)
    external = models.BooleanField()
    crashes = models.IntegerField()

    class Meta:
        indexes = (models.Index(fields=("guilty", "day"), name="guiltyday_guilty"),)


class Source(models.IntegerChoices):
    """Which records are counted: all, or those with one value of `external`."""

    ANY = 0
    OWN = 1
    EXTERNAL = 2

    @classmethod
    def of(cls, external: bool | None) -> "Source":
        if external is None:
            return cls.ANY
        return cls.EXTERNAL if external else cls.OWN


class GuiltyPresence(models.Model):
    """Machine ids by a day with a crash of a guilty, and the day of the one before.

    Counted everywhere ("", 0), on each operating system and on each build; from any
    source and from each. ``previous`` is `chains.NEVER` on the first day of an id.
    """

    pk = models.CompositePrimaryKey(
        "guilty_id", "system_name", "build_id", "source", "day", "previous"
    )
    guilty = PointerTo(Guilty)
    system_name = models.CharField(max_length=NAME_LENGTH)
    build_id = models.IntegerField()
    source = models.SmallIntegerField(choices=Source.choices)
    day = models.DateField()
    previous = models.DateField()
    ids = models.IntegerField()


class Rule(Name):
    """A frame that is never guilty: in which way, where, and why."""

    KEY = ("kind", "function", "module", "glob", "classification", "program")

    kind = models.CharField(
        max_length=20,
        choices=[
            (RuleKind.IGNORE.value, "skip this frame"),
            (RuleKind.IGNORE_WITH_ABOVE.value, "skip it and everything above it"),
            (RuleKind.SENTINEL.value, "start looking below it"),
        ],
        default=RuleKind.IGNORE.value,
    )
    function = models.CharField(max_length=LONGEST_NAME)
    module = models.CharField(max_length=LONGEST_NAME)
    glob = models.BooleanField(
        default=False, help_text="* in function and module stands for any text."
    )
    classification = models.CharField(
        max_length=140,
        blank=True,
        help_text="Only for this classification and what is below it.",
    )
    program = models.CharField(
        max_length=LONGEST_NAME, blank=True, help_text="Only for this program."
    )
    reason = models.TextField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)
    active = models.BooleanField(default=True)

    class Meta:
        verbose_name = "never-guilty rule"
        ordering = ("function", "module", "kind")

    def __str__(self) -> str:
        return f"{self.kind} {self.function} [{self.module}]"


class RulesVersion(models.Model):
    """A set of rules as it was applied: what undo returns to."""

    class State(models.TextChoices):
        JUDGING = "judging", "judging traces again"
        CURRENT = "current", "in force"
        PAST = "past", "replaced"

    id = models.AutoField(primary_key=True)
    rules = models.JSONField(help_text="Every rule, active or not, as exported.")
    note = models.CharField(max_length=300, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=10, choices=State, default=State.JUDGING)
    affected = models.IntegerField(default=0, help_text="Traces to judge again.")

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"Rules {self.pk}"


class Rejudge(models.Model):
    """The judging queue: traces that the version being applied may change."""

    trace_id = models.IntegerField(primary_key=True)


class TakenOver(models.Model):
    """How far a database of the predecessor has been imported."""

    id = models.AutoField(primary_key=True)
    source = models.CharField(
        max_length=200, unique=True, help_text="Its server's identifier, and its name."
    )
    started = models.DateTimeField(auto_now_add=True)
    last_record = models.BigIntegerField(default=0, help_text="The last id there.")
    last_guilty = models.BigIntegerField(default=0)
    last_rule = models.BigIntegerField(default=0)
    records = models.BigIntegerField(default=0)
    ranges = models.JSONField(
        default=list, help_text="First and last id here, for each time it went on."
    )

    class Meta:
        verbose_name = "database taken over"
        verbose_name_plural = "databases taken over"

    def __str__(self) -> str:
        return self.source
