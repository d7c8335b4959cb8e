"""Who changed what is said of a guilty: the admin's log, for pages as well.

Changes of the rules need no entry here: each is a RulesVersion with author and time.
"""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import models

_LONGEST_NAME = 200  # of an object in the log


def record(user: User, obj: models.Model, message: str) -> None:
    """Note that ``user`` changed ``obj``; call it in the transaction of the change."""
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(obj),
        object_id=str(obj.pk),
        object_repr=str(obj)[:_LONGEST_NAME],
        action_flag=CHANGE,
        change_message=message,
    )
