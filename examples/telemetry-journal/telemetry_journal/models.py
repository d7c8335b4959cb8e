from django.db import models


class ServiceFailure(models.Model):
    """A failure that a record reports, with a copy of where it came from."""

    record_id = models.BigIntegerField(primary_key=True)
    received_at = models.DateTimeField()
    machine_id = models.CharField(max_length=32)
    build_id = models.IntegerField()
    external = models.BooleanField()
    service = models.CharField(max_length=256)
    code = models.CharField(max_length=256)
    status = models.CharField(max_length=256)

    def __str__(self) -> str:
        return f"Failure of record {self.record_id}"


class ServiceDay(models.Model):
    """Failures received on a UTC day, of a service and from a build."""

    KEY = ("day", "build_id", "external", "service", "code", "status")

    pk = models.CompositePrimaryKey(*KEY)
    day = models.DateField()
    build_id = models.IntegerField()
    external = models.BooleanField()
    service = models.CharField(max_length=256)
    code = models.CharField(max_length=256)
    status = models.CharField(max_length=256)
    failures = models.IntegerField()
