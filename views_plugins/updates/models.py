"""What updaters reported: each update, and how many there were of a kind on a day."""

from django.db import models

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
        indexes = (models.Index(fields=("received_at",), name="update_received"),)

    def __str__(self) -> str:
        return f"Update of record {self.record_id}"


class UpdateDay(models.Model):
    """Updates received on a UTC day, by what they were and the build of their sender.

    ``seconds`` are whole seconds, summed over the ``timed`` updates that told theirs.
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
    timed = models.IntegerField()
    seconds = models.BigIntegerField()
    bytes = models.BigIntegerField()
