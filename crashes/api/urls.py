from django.urls import path, register_converter
from django.urls.converters import IntConverter

from crashes.api import views


class GuiltyIdConverter(IntConverter):
    """Digits that fit the column."""

    regex = "[0-9]{1,9}"


register_converter(GuiltyIdConverter, "guilty_id")

# The addresses with a slash are the same, and described once.
urlpatterns = [
    path("crashes/top", views.TopCrashes.as_view(), name="api-top-crashes"),
    path("crashes/top/", views.TopCrashes.as_view(schema=None)),
    path("guilties", views.GuiltyList.as_view(), name="api-guilties"),
    path("guilties/", views.GuiltyList.as_view(schema=None)),
    path(
        "guilties/<guilty_id:guilty_id>",
        views.GuiltyDetail.as_view(),
        name="api-guilty",
    ),
    path("guilties/<guilty_id:guilty_id>/", views.GuiltyDetail.as_view(schema=None)),
    path(
        "guilties/<guilty_id:guilty_id>/backtraces",
        views.GuiltyBacktraces.as_view(),
        name="api-backtraces",
    ),
    path(
        "guilties/<guilty_id:guilty_id>/backtraces/",
        views.GuiltyBacktraces.as_view(schema=None),
    ),
    path("rules", views.Rules.as_view(), name="api-rules"),
    path("rules/", views.Rules.as_view(schema=None)),
    path("rules/preview", views.RulesPreview.as_view(), name="api-rules-preview"),
    path("rules/preview/", views.RulesPreview.as_view(schema=None)),
    path("rules/undo", views.RulesUndo.as_view(), name="api-rules-undo"),
    path("rules/undo/", views.RulesUndo.as_view(schema=None)),
]
