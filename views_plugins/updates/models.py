"""What updaters reported: each update, and how many there were of a kind on a day."""

from django.db import models

from records.spans import Span
from views_plugins.updates.parser import LONGEST_VERSION, Outcome

_OUTCOMES = [(each.value, each.value) for each in Outcome]


class UpdateEvent(models.Model):
    """An update that a machine made or tried; an empty version is not known."""

    record_id = models.BigIntegerField(primary_key=True)
    received_at = models.DateTimeField()
    machine_id = models.CharField(max_length=32)
    build_id = models.IntegerField()
    external = models.BooleanField()
    from_version = models.CharField(max_length=LONGEST_VERSION)
    to_version = models.CharField(max_length=LONGEST_VERSION)
    outcome = models.CharField(max_length=10, choices=_OUTCOMES)
    result = models.IntegerField(null=True)
    seconds = models.FloatField(null=True)
    bytes = models.BigIntegerField(null=True)

    class Meta:
        ordering = ("-record_id",)
        indexes = (
            models.Index(
                fields=("received_at", "external", "build_id"),
                name="update_failed",
                condition=models.Q(outcome=Outcome.FAILED.value),
            ),
        )

    def __str__(self) -> str:
        return f"Update of record {self.record_id}"


class UpdateDay(models.Model):
    """Updates received on a UTC day, by what they were and the build of their sender.

    ``seconds`` are whole seconds, summed over the ``timed`` updates that told theirs;
    ``silent`` ones told no result.
    """

    KEY = (
        "day",
        "build_id",
        "external",
        "from_version",
        "to_version",
        "outcome",
        "result",
    )
    NO_RESULT = -(2**31)

    pk = models.CompositePrimaryKey(*KEY)
    day = models.DateField()
    build_id = models.IntegerField()
    external = models.BooleanField()
    from_version = models.CharField(max_length=LONGEST_VERSION)
    to_version = models.CharField(max_length=LONGEST_VERSION)
    outcome = models.CharField(max_length=10, choices=_OUTCOMES)
    result = models.IntegerField(help_text="NO_RESULT where none was sent.")
    updates = models.IntegerField()
    silent = models.IntegerField()
    timed = models.IntegerField()
    seconds = models.BigIntegerField()
    bytes = models.BigIntegerField()


class OutcomeSpan(Span):
    """How updates of a span went."""

    BY_DAY = UpdateDay

    pk = models.CompositePrimaryKey("days", "day", "build_id", "external", "outcome")
    build_id = models.IntegerField()
    external = models.BooleanField()
    outcome = models.CharField(max_length=10, choices=_OUTCOMES)
    updates = models.IntegerField()


class ResultSpan(Span):
    """Updates of a span by their results."""

    BY_DAY = UpdateDay

    pk = models.CompositePrimaryKey(
        "days", "day", "build_id", "external", "outcome", "result"
    )
    build_id = models.IntegerField()
    external = models.BooleanField()
    outcome = models.CharField(max_length=10, choices=_OUTCOMES)
    result = models.IntegerField()
    updates = models.IntegerField()


class VersionSpan(Span):
    """Updates of a span from build to build."""

    BY_DAY = UpdateDay

    pk = models.CompositePrimaryKey(
        "days", "day", "build_id", "external", "from_version", "to_version", "outcome"
    )
    build_id = models.IntegerField()
    external = models.BooleanField()
    from_version = models.CharField(max_length=LONGEST_VERSION)
    to_version = models.CharField(max_length=LONGEST_VERSION)
    outcome = models.CharField(max_length=10, choices=_OUTCOMES)
    updates = models.IntegerField()
    silent = models.IntegerField()
    timed = models.IntegerField()
    seconds = models.BigIntegerField()
    bytes = models.BigIntegerField()
