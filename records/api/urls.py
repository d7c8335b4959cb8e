from django.urls import path, register_converter
from django.urls.converters import IntConverter

from records.api import views


class IdConverter(IntConverter):
    """A record id: digits that fit the column."""

    regex = "[0-9]{1,18}"


register_converter(IdConverter, "record_id")

# The addresses with a slash are the same, and described once.
urlpatterns = [
    path("records", views.RecordList.as_view(), name="api-records"),
    path("records/", views.RecordList.as_view(schema=None)),
    path(
        "records/<record_id:record_id>", views.RecordDetail.as_view(), name="api-record"
    ),
    path(
        "records/<record_id:record_id>/",
        views.RecordDetail.as_view(schema=None),
    ),
]
