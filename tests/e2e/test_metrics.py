"""`/metrics` over all processes of a server, in a real scrape."""

import re
from collections import Counter

import pytest

from tests.e2e.conftest import APPS
from tests.factories import header_request, request, values
from tests.server import GunicornServer, raw_request

SCRAPE = request([("Host", "localhost")], target="/metrics", method="GET", length=False)


def total(text: str, name: str, outcome: str) -> float:
    found = re.search(rf'^{name}\{{\w+="{outcome}"\}} (\S+)$', text, re.MULTILINE)
    return float(found[1]) if found else 0


@pytest.mark.parametrize("app", APPS)
def test_what_several_processes_counted_is_added_up(app, server_database, tmp_path):
    environment = {"DATABASE_URL": server_database}
    log = tmp_path / "log"
    with GunicornServer(app, environment, log_file=log, workers=2) as server:
        answers = Counter(
            raw_request(server.port, header_request(values(**changes))).status
            for changes in ({}, {}, {"severity": "9"}) * 20
        )
        assert answers == {201: 40, 400: 20}
        answer = raw_request(server.port, SCRAPE)
        text = answer.body.decode()
        assert answer.status == 200
        assert total(text, "telemetry_records_total", "accepted") == 40
        assert total(text, "telemetry_refused_total", "severity") == 20
        assert "telemetry_pending_records 40.0" in text
    assert "Traceback" not in server.log


def test_a_server_leaves_no_files_behind(server_database, tmp_path):
    environment = {"DATABASE_URL": server_database, "TMPDIR": str(tmp_path)}
    app, log = "telemetry_site.wsgi_collector", tmp_path / "log"
    with GunicornServer(app, environment, log_file=log) as server:
        assert list(tmp_path.glob("telemetry-metrics-*/*.db"))
        assert raw_request(server.port, SCRAPE).status == 200
    assert not list(tmp_path.glob("telemetry-metrics-*"))
