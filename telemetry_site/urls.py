from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular import views as openapi

from records.views import for_readers
from views_plugins.urls import api_patterns

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("records.urls")),
    path("", include("crashes.urls")),
    path("", include("views_plugins.urls")),
    path("api/", include("records.api.urls")),
    path("api/", include("crashes.api.urls")),
    path("api/", include(api_patterns)),
    path("api/schema", openapi.SpectacularAPIView.as_view(), name="schema"),
    path(
        "api/docs",
        for_readers(openapi.SpectacularSwaggerSplitView.as_view(url_name="schema")),
        name="api-docs",
    ),
    path("admin/", admin.site.urls),
    # Browsers ask for it on pages that name no icon, such as the admin's.
    path("favicon.ico", RedirectView.as_view(url=static("favicon.svg"))),
]
