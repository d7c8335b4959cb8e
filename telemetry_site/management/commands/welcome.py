import os
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from telemetry_site.env import VAR_DIR

_CURL = """\
  curl {address}/v2/collector \\
    -H 'X-Telemetry-TID: {telemetry_id}' \\
    -H 'Record-Format-Version: 2' -H 'Classification: org.example/hello/world' \\
    -H 'Severity: 1' -H "Machine-Id: $(cat /etc/machine-id)" \\
    -H "Creation-Timestamp: $(date +%s)" -H "Arch: $(uname -m)" \\
    -H 'Host-Type: demo|demo|demo' -H "Kernel-Version: $(uname -r)" \\
    -H 'System-Name: demo' -H 'Build: 1' -H 'Payload-Format-Version: 1' \\
    -H 'Content-Type: application/text' --data 'hello world'
"""


class Command(BaseCommand):
    help = "Make a demo administrator (DEBUG only) and say how to begin."

    def handle(self, *args: Any, **options: Any) -> None:
        address = f"http://{os.environ.get('BIND', '127.0.0.1:8000')}"
        self.stdout.write(f"\nOpen {address}/\n")
        if settings.DEBUG:
            self.stdout.write(self._login(address))
        self.stdout.write("\nSend a first record:\n\n")
        self.stdout.write(
            _CURL.format(address=address, telemetry_id=settings.TELEMETRY_ID)
        )

    def _login(self, address: str) -> str:
        """How to log in; the password is made once and kept beside the database."""
        file = VAR_DIR / "demo_password"
        users = get_user_model().objects
        if not users.filter(username="admin").exists():
            password = secrets.token_urlsafe(9)
            users.create_superuser("admin", password=password)
            file.write_text(password)
            file.chmod(0o600)
        if not file.exists():
            return f"Log in at {address}/admin/ with your own account"
        return f"Log in at {address}/admin/ as admin, password {file.read_text()}"
