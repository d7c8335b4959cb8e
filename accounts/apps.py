from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate
from django.http import HttpRequest

from accounts import roles


def _forget_ended_sessions(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    request.session.clear_expired()


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Access"

    def ready(self) -> None:
        # After the last app with models, when the permissions of all are there.
        *_, last = (app for app in apps.get_app_configs() if app.models_module)
        post_migrate.connect(roles.give, sender=last, dispatch_uid="accounts.roles")
        user_logged_in.connect(_forget_ended_sessions, dispatch_uid="accounts.sessions")
