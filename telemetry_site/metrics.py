"""`/metrics` for Prometheus: what processes counted, and the state of the database.

Plain WSGI, so that the collector's own process has it without the site.
"""

import hmac
from collections.abc import Iterator
from ipaddress import ip_address

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from records import database, metrics, stats
from records.collector.answer import Answer, Environ
from records.scope import Scope

_FORBIDDEN = b"Reading metrics needs the token of TELEMETRY_METRICS_TOKEN\n"


def answer(environ: Environ) -> Answer | None:
    """The answer to a request for metrics, or None for any other request."""
    if environ.get("PATH_INFO") != "/metrics":
        return None
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return Answer("405 Method Not Allowed", headers=(("Allow", "GET, HEAD"),))
    if not _may_read(environ):
        return Answer("403 Forbidden", _FORBIDDEN, content_type="text/plain")
    return Answer("200 OK", _text(), content_type=CONTENT_TYPE_LATEST)


def _may_read(environ: Environ) -> bool:
    """By the token; without one, processes of this machine that come directly."""
    token: str = settings.TELEMETRY_METRICS_TOKEN
    if token:
        sent: str = environ.get("HTTP_AUTHORIZATION", "")
        return hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())
    proxied = "HTTP_X_FORWARDED_FOR" in environ or "HTTP_FORWARDED" in environ
    return not proxied and _is_here(environ.get("REMOTE_ADDR", ""))


def _is_here(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _text() -> bytes:
    state = CollectorRegistry()
    state.register(StateCollector())
    return generate_latest(metrics.registry()) + generate_latest(state)


class StateCollector(Collector):
    """What is read from the database each time: queue, lag, refusals, sizes."""

    def collect(self) -> Iterator[Metric]:
        try:
            found = list(_state())
        except (DatabaseError, InterfaceError):
            found = []
        finally:
            connection.close()
        up = "Whether the database answers."
        yield GaugeMetricFamily("telemetry_database_up", up, bool(found))
        yield from found


def _state() -> Iterator[Metric]:
    ingest = stats.ingest(Scope())
    yield GaugeMetricFamily(
        "telemetry_pending_records",
        "Records that wait for the worker.",
        ingest.pending,
    )
    yield GaugeMetricFamily(
        "telemetry_worker_lag_seconds",
        "How long the oldest of them has waited.",
        ingest.lag.total_seconds(),
    )
    yield _by(
        "telemetry_parser_failures",
        "Stored payloads that a parser could not read.",
        "parser",
        ingest.failures.items(),
    )
    tables = {model._meta.db_table for model in apps.get_models()}
    rows = database.estimated_rows(sorted(tables))
    yield _by("telemetry_rows", "Rows of a table, about.", "table", rows.items())


def _by(name: str, text: str, label: str, values: object) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values:  # type: ignore[attr-defined]
        family.add_metric([key], value)
    return family
