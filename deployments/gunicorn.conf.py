"""Gunicorn for site and collector. Numbers come from the environment (see docs)."""

import os
import shutil
import tempfile
from typing import Any

from records.collector.fields import NAMES

bind = os.environ.get("BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
# Records that arrive together share a commit; everything else is served by threads.
worker_class = "records.collector.worker.GatheringWorker"
threads = int(os.environ.get("TELEMETRY_THREADS", "8"))
backlog = 2048
timeout = 60
graceful_timeout = 30
keepalive = 5
accesslog = None
control_socket_disable = True

# Old clients send metadata in header names with underscores, which gunicorn drops by
# default since they can be mistaken for hyphenated ones. Exactly the names of the
# protocol are let through, from any peer; every other underscored name stays dropped,
# and no peer is believed about the scheme (Django decides that, see settings.py).
header_map = "drop"
forwarded_allow_ips = "*"
forwarder_headers = ",".join(name.upper() for name in NAMES)
secure_scheme_headers: dict[str, str] = {}


def on_starting(server: Any) -> None:
    """Processes share what they count for /metrics through files of this server."""
    folder = tempfile.mkdtemp(prefix="telemetry-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def worker_exit(server: Any, worker: Any) -> None:
    """Commit what waits before the process ends."""
    if getattr(worker, "wsgi", None):  # absent when the process could not start
        worker.wsgi.close()
