from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import RedirectView

from accounts import views

urlpatterns = [
    path("login", views.Login.as_view(), name="login"),
    path("login/sso", views.sso, name="sso"),
    path("login/sso/return", views.sso_return, name="sso-return"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("account", views.account, name="account"),
    path("account/password", views.PasswordChange.as_view(), name="password"),
    # In front of the admin's own pages for the same.
    path("admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)),
    path("admin/password_change/", RedirectView.as_view(pattern_name="password")),
]
