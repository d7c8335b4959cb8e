"""Thermal events that were reported, and how many each machine had on a day."""

from django.db import models


class ThermalEvent(models.Model):
    """A processor crossed its threshold; ``above`` is NULL where it is not said."""

    record_id = models.BigIntegerField(primary_key=True)
    received_at = models.DateTimeField()
    machine_id = models.CharField(max_length=32)
    build_id = models.IntegerField()
    external = models.BooleanField()
    cpu = models.IntegerField(null=True)
    above = models.BooleanField(null=True)

    class Meta:
        ordering = ("-record_id",)
        indexes = (models.Index(fields=("received_at",), name="thermal_received"),)

    def __str__(self) -> str:
        return f"Thermal event of record {self.record_id}"


class _Counts(models.Model):
    day = models.DateField()
    build_id = models.IntegerField()
    external = models.BooleanField()
    events = models.IntegerField()
    above = models.IntegerField()

    class Meta:
        abstract = True


class ThermalDay(_Counts):
    """Thermal events on a UTC day; ``above`` of them of getting hot."""

    KEY = ("day", "build_id", "external")

    pk = models.CompositePrimaryKey(*KEY)


class ThermalMachineDay(_Counts):
    """The same of one machine."""

    KEY = ("day", "machine_id", "build_id", "external")

    pk = models.CompositePrimaryKey(*KEY)
    machine_id = models.CharField(max_length=32)
