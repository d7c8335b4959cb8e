from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path
from drf_spectacular import views as openapi

urlpatterns = [
    path("", include("records.urls")),
    path("api/", include("records.api.urls")),
    path("api/schema", openapi.SpectacularAPIView.as_view(), name="schema"),
    path(
        "api/docs",
        openapi.SpectacularSwaggerSplitView.as_view(url_name="schema"),
        name="api-docs",
    ),
    path("admin/", admin.site.urls),
    path("login", auth.LoginView.as_view(), name="login"),
    path("logout", auth.LogoutView.as_view(), name="logout"),
]
