from django.urls import path

from views_plugins.machines import views

urlpatterns = [
    path("", views.lookup, name="lookup"),
    path("<path:machine_id>", views.page, name="machine"),
]
