"""Rules, what they found, whom to tell, and what was told."""

from uuid import uuid4

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from alerts import conditions
from alerts.messages import FIRED, RESOLVED, TEST

_SMALLEST = 1e-6


class Channel(models.Model):
    """A receiver of messages."""

    class Kind(models.TextChoices):
        EMAIL = "email", "e-mail"
        WEBHOOK = "webhook", "webhook (signed JSON)"
        SLACK = "slack", "Slack or Mattermost"

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    target = models.CharField(
        max_length=1000,
        help_text="The https:// address of a webhook, or e-mail addresses separated by "
        "commas.",
    )
    secret = models.CharField(
        max_length=200,
        blank=True,
        help_text="Signs what a webhook is sent; of at least 16 characters.",
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Rule(models.Model):
    """What to look for, where, from which threshold on, and whom to tell."""

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=100, unique=True)
    condition = models.CharField(max_length=60)
    threshold = models.FloatField(validators=(MinValueValidator(_SMALLEST),))
    minimum = models.FloatField(default=0, validators=(MinValueValidator(0),))
    days = models.PositiveSmallIntegerField(
        validators=(MinValueValidator(1), MaxValueValidator(366))
    )
    system_name = models.CharField(
        "operating system", max_length=256, blank=True, help_text="Empty: all of them."
    )
    channels = models.ManyToManyField(Channel, blank=True, related_name="rules")
    tell_over = models.BooleanField(
        "tell when it is over", default=True, help_text="And not only when it begins."
    )
    active = models.BooleanField(default=True)
    muted_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Until then nobody is told; what still lasts is told afterwards.",
    )
    evaluated_at = models.DateTimeField(null=True, editable=False)
    problem = models.CharField(max_length=300, blank=True, editable=False)

    class Meta:
        verbose_name = "alert rule"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """Something that a rule found: from when to when, and what it was last."""

    rule = models.ForeignKey(Rule, models.CASCADE, related_name="alerts")
    subject = models.CharField(max_length=conditions.LONGEST_SUBJECT)
    machine_id = models.CharField(max_length=conditions.LONGEST_MACHINE, blank=True)
    title = models.CharField(max_length=conditions.LONGEST_TITLE)
    text = models.CharField(max_length=conditions.LONGEST_TEXT, blank=True)
    link = models.CharField(max_length=conditions.LONGEST_LINK, blank=True)
    value = models.FloatField()
    began_at = models.DateTimeField("began")
    ended_at = models.DateTimeField("ended", null=True)
    told = models.BooleanField(default=False)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("rule", "subject"),
                condition=Q(ended_at=None),
                name="one_open_alert_per_subject",
            ),
        )

    def __str__(self) -> str:
        return self.title


class Delivery(models.Model):
    """A message on its way to a channel, or what became of it."""

    class State(models.TextChoices):
        QUEUED = "queued", "on its way"
        DELIVERED = "delivered", "delivered"
        FAILED = "failed", "given up"

    event = models.UUIDField(
        default=uuid4,
        unique=True,
        editable=False,
        help_text="The same for every attempt: receivers know repetitions by it.",
    )
    alert = models.ForeignKey(
        Alert, models.CASCADE, null=True, related_name="deliveries"
    )
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="deliveries")
    change = models.CharField(
        max_length=10,
        choices=[(FIRED, "it began"), (RESOLVED, "it is over"), (TEST, "a test")],
    )
    message = models.JSONField()
    created_at = models.DateTimeField("created")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try = models.DateTimeField(null=True)
    finished_at = models.DateTimeField("finished", null=True)
    problem = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ("-id",)
        indexes = (
            models.Index(
                fields=("next_try", "id"),
                condition=Q(state="queued"),
                name="delivery_due",
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("alert", "change", "channel"), name="each_change_told_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_change_display()}: {self.channel}"
