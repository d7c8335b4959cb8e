from django.urls import path, re_path

from records import views

urlpatterns = [
    path("", views.records),
    path("records", views.records, name="records"),
    path("capacity", views.capacity, name="capacity"),
    path("records/more", views.more, name="records-more"),
    path("records/live", views.live, name="records-live"),
    path("records/builds", views.builds, name="records-builds"),
    path("records/facets", views.facets, name="records-facets"),
    path("records/record_details/<int:record_id>", views.record, name="record"),
    re_path(
        r"^records/export/records-(?P<timestamp>[^/]*)\.(?P<kind>csv|ndjson)$",
        views.export,
        name="records-export",
    ),
    re_path(r"^(?P<path>records/[0-9]+)$", views.old_address),
    re_path(r"^telemetryui(?:/(?P<path>.*))?$", views.old_address),
]
