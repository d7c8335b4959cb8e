"""Dashboard and alert rules ask for metrics that there are."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import REGISTRY

from telemetry_site.metrics import StateCollector

FOLDER = Path(__file__).resolve().parents[2] / "deployments" / "monitoring"
SUFFIXES = ("_bucket", "_sum", "_count")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, db: None) -> set[str]:
    """Names of samples that `/metrics` has."""
    monkeypatch.setattr("telemetry_site.metrics.connection.close", lambda: None)
    state = CollectorRegistry()
    state.register(StateCollector())
    text = (generate_latest(REGISTRY) + generate_latest(state)).decode()
    families = re.findall(r"^# TYPE (telemetry_\w+) (\w+)$", text, re.MULTILINE)
    names = set()
    for name, kind in families:
        names.add(name)
        if kind == "histogram":
            names |= {name + suffix for suffix in SUFFIXES}
    return names


def asked_for(text: str) -> set[str]:
    return set(re.findall(r"\btelemetry_\w+", text))


def test_the_dashboard_asks_for_metrics_that_there_are(known):
    dashboard = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    panels = dashboard["panels"]
    wanted = {t["expr"] for panel in panels for t in panel["targets"]}
    assert asked_for(" ".join(wanted)) <= known
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_alert_rules_ask_for_metrics_that_there_are(known):
    text = (FOLDER / "alerts.yml").read_text()
    wanted = asked_for(text)
    assert wanted
    assert wanted <= known


def test_every_metric_is_shown_or_watched(known):
    texts = [file.read_text() for file in FOLDER.iterdir()]
    shown = {re.sub(r"_(bucket|sum|count)$", "", n) for n in asked_for(" ".join(texts))}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known}
    families = {name for name in families if not name.endswith("_created")}
    assert families <= shown
