"""Machine checks that were reported, and how many there were of a kind on a day."""

from django.db import models

from records.spans import Span

_HEX = 16
"""Digits of a register; as text, since SQL knows no unsigned numbers of 64 bits."""


class MceEvent(models.Model):
    """One machine check; what its payload does not say is NULL, or an empty text."""

    record_id = models.BigIntegerField(primary_key=True)
    received_at = models.DateTimeField()
    machine_id = models.CharField(max_length=32)
    build_id = models.IntegerField()
    external = models.BooleanField()
    event_class = models.CharField(max_length=140)
    uncorrected = models.BooleanField()
    cpu = models.IntegerField(null=True)
    bank = models.IntegerField(null=True)
    socket = models.IntegerField(null=True)
    channel = models.IntegerField(null=True)
    status = models.CharField(max_length=_HEX)
    status_word = models.CharField(max_length=8)
    mcacod = models.IntegerField(null=True)
    error_class = models.CharField(max_length=40)
    addr = models.CharField(max_length=_HEX)
    misc = models.CharField(max_length=_HEX)

    class Meta:
        ordering = ("-record_id",)
        indexes = (models.Index(fields=("received_at",), name="mce_received"),)

    def __str__(self) -> str:
        return f"Machine check of record {self.record_id}"


class MceDay(models.Model):
    """Machine checks received on a UTC day, by what they were.

    ``place`` is socket and memory channel, as far as they are known.
    """

    KEY = (
        "day",
        "build_id",
        "external",
        "event_class",
        "uncorrected",
        "status_word",
        "error_class",
        "place",
    )

    pk = models.CompositePrimaryKey(*KEY)
    day = models.DateField()
    build_id = models.IntegerField()
    external = models.BooleanField()
    event_class = models.CharField(max_length=140)
    uncorrected = models.BooleanField()
    status_word = models.CharField(max_length=8)
    error_class = models.CharField(max_length=40)
    place = models.CharField(max_length=40)
    events = models.IntegerField()


class MceSpan(Span):
    """Machine checks of a span of days, by what they were."""

    BY_DAY = MceDay

    pk = models.CompositePrimaryKey("days", *MceDay.KEY)
    build_id = models.IntegerField()
    external = models.BooleanField()
    event_class = models.CharField(max_length=140)
    uncorrected = models.BooleanField()
    status_word = models.CharField(max_length=8)
    error_class = models.CharField(max_length=40)
    place = models.CharField(max_length=40)
    events = models.IntegerField()


class MceMachineDay(models.Model):
    """Machine checks of a machine on a UTC day; ``memory`` of them uncorrected errors
    of memory.
    """

    KEY = ("day", "machine_id", "build_id", "external")

    pk = models.CompositePrimaryKey(*KEY)
    day = models.DateField()
    machine_id = models.CharField(max_length=32)
    build_id = models.IntegerField()
    external = models.BooleanField()
    events = models.IntegerField()
    memory = models.IntegerField()
