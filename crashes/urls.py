from django.urls import path

from crashes import views

urlpatterns = [
    path("crashes", views.top, name="crashes"),
    path("crashes/overall", views.overall, name="crashes-overall"),
    path("crashes/guilty_details/<int:guilty_id>", views.guilty, name="guilty"),
    path(
        "crashes/guilty_details/<int:guilty_id>/backtraces",
        views.backtraces,
        name="guilty-backtraces",
    ),
    path("crashes/guilty_edit/preview", views.preview, name="rules-preview"),
    path("crashes/guilty_edit/apply", views.apply, name="rules-apply"),
    path("crashes/guilty_edit/undo", views.undo, name="rules-undo"),
    path("crashes/guilty_edit/<int:guilty_id>", views.edit, name="guilty-edit"),
    path("crashes/rules", views.rules, name="rules"),
    path("crashes/rules/suggestions", views.suggested, name="rules-suggestions"),
    path("crashes/rules/export", views.export, name="rules-export"),
    path("crashes/rules/versions", views.versions, name="rules-versions"),
    path("crashes/rules/versions/<int:version>", views.progress, name="rules-version"),
    # Last: a build is called whatever its distribution likes.
    path("crashes/<path:build>", views.build, name="crashes-build"),
]
