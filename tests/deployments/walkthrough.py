"""docs/operations.md, word for word, on a new Debian: ``make walkthrough``.

Every command for a machine with systemd is run as it is written, in the order of the
page. It takes some minutes, so the suite leaves it out; root, debootstrap and
systemd-container make the machine.
"""

import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.deployments.documented import commands
from tests.deployments.machine import HOST, Machine, missing
from tests.deployments.nginx import answer
from tests.factories import TELEMETRY_ID, json_body, json_request, request, values
from tests.server import ROOT, RawResponse

SYSTEMD = "On one machine, with systemd"
PASSWORD = "correct horse battery staple"
PERSON = {
    "Username": "kim",
    "Email address": "kim@telemetry.example",
    "Password": PASSWORD,
    "Password (again)": PASSWORD,
}
NEXT_ID = "11111111-2222-4333-8444-555555555555"
BROWSER = (
    "curl --silent --show-error --fail --location --cookie jar --cookie-jar jar "
    "--cacert /etc/telemetry/tls/fullchain.pem"
)
TOKEN = r's/.*csrfmiddlewaretoken" value="\([^"]*\).*/\1/p'
UNTIL_READY = 60.0


class Walk:
    """The machine, and what was sent to it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.sent: list[str] = []
        self.refused: list[object] = []

    def ask(self, data: bytes) -> RawResponse:
        certificate = self.machine.folder / "etc/telemetry/tls/fullchain.pem"
        context = ssl.create_default_context(cafile=str(certificate))
        raw = socket.create_connection(("127.0.0.1", 443), 15)
        with context.wrap_socket(raw, server_hostname=HOST) as connection:
            connection.sendall(data)
            return answer(connection, data.partition(b" ")[0].decode())

    def get(self, target: str) -> RawResponse:
        headers = [("Host", HOST), ("Connection", "close")]
        return self.ask(request(headers, target=target, method="GET", length=False))

    def form(self, target: str, **fields: str) -> str:
        """Fill in a form, as a browser does; the page that follows."""
        address = f"https://{HOST}{target}"
        given = " ".join(f"--data-urlencode '{n}={v}'" for n, v in fields.items())
        return self.machine.run(
            [
                f"token=$({BROWSER} '{address}' | sed -n '{TOKEN}' | head -n 1)",
                f'{BROWSER} --data-urlencode "csrfmiddlewaretoken=$token" '
                f"--referer '{address}' {given} '{address}'",
            ]
        )

    def status_in_the_end(self, expected: int, tid: str) -> int:
        """Processes remember telemetry ids for some seconds."""
        end = time.monotonic() + 15
        while (got := self.send(tid=tid).status) != expected and time.monotonic() < end:
            time.sleep(0.5)
        return got

    def send(self, tid: str = TELEMETRY_ID) -> RawResponse:
        """A record, as a client sends it."""
        record = values()
        got = self.ask(json_request(json_body(record, "walked\n"), tid=tid))
        (self.sent if got.status == 201 else self.refused).append(record["event_id"])
        return got

    def sql(self, expression: str) -> str:
        query = f"SELECT 'is: ' || {expression}"
        psql = f'runuser -u postgres -- psql telemetry -Atc "{query}"'
        return self.machine.run([psql]).rpartition("is: ")[2].strip()

    def records(self) -> int:
        return int(self.sql("count(DISTINCT event_id) FROM records_record"))

    @contextmanager
    def sending(self) -> Iterator[None]:
        """One record after the other, without a pause."""
        stop = threading.Event()
        thread = threading.Thread(target=self._send_until, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def until_ready(self) -> RawResponse:
        end = time.monotonic() + UNTIL_READY
        while (got := self.get("/readyz")).status != 200 and time.monotonic() < end:
            time.sleep(0.5)
        return got

    def _send_until(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.send()
            except OSError as error:
                self.refused.append(error)
            time.sleep(0.02)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    if left_out := missing():
        pytest.skip(f"missing: {left_out}")
    folder = tmp_path_factory.mktemp("walk")
    source = ["git", "archive", "--output", folder / "source.tar", "HEAD"]
    subprocess.run(source, cwd=ROOT, check=True)
    with Machine(folder / "machine") as machine:
        machine.unpack(folder / "source.tar", "opt/telemetry")
        yield Walk(machine)


def test_the_chapter_ends_with_a_server_that_is_well(walk):
    printed = walk.machine.run(commands(SYSTEMD), PERSON)
    assert "Superuser created successfully." in printed
    assert walk.until_ready().status == 200
    assert walk.send().status == 201
    units = walk.machine.run(["systemctl --no-pager --plain list-units 'telemetry*'"])
    assert len(re.findall(r"^telemetry\S+ +loaded +active ", units, re.M)) >= 7, units


def test_the_administrator_logs_in(walk):
    page = walk.form("/login?next=/admin/", username="kim", password=PASSWORD)
    assert "Telemetry ids" in page


def test_the_worker_counts_what_came(walk):
    end = time.monotonic() + 30
    while walk.sql("count(*) FROM records_pending") != "0":
        assert time.monotonic() < end
    assert int(walk.sql("sum(records) FROM records_kindday")) == len(walk.sent)


def test_an_upgrade_refuses_and_loses_nothing(walk):
    before = len(walk.sent)
    walk.refused.clear()
    with walk.sending():
        walk.machine.run(commands("Upgrade"))
        assert walk.until_ready().status == 200
    assert len(walk.sent) > before
    assert walk.refused == []
    assert walk.records() == len(walk.sent)


def test_a_backup_brings_back_what_was_there(walk):
    dump, *restore = commands("PostgreSQL")
    walk.machine.run([dump])
    kept = walk.records()
    assert walk.send().status == 201
    assert walk.records() == kept + 1
    walk.machine.run(["systemctl stop telemetry.target", *restore])
    assert walk.records() == kept
    walk.machine.run(["systemctl start telemetry.target"])
    assert walk.until_ready().status == 200
    assert walk.send().status == 201


def test_a_telemetry_id_is_rotated(walk):
    assert walk.send(tid=NEXT_ID).status == 400
    walk.form("/admin/records/telemetryid/add/", value=NEXT_ID, active="on")
    assert walk.status_in_the_end(201, tid=NEXT_ID) == 201
    assert walk.send().status == 201
    walk.form("/admin/records/telemetryid/1/change/", value=TELEMETRY_ID)
    assert walk.status_in_the_end(400, tid=TELEMETRY_ID) == 400
    walk.form("/admin/records/telemetryid/1/change/", value=TELEMETRY_ID, active="on")
    assert walk.status_in_the_end(201, tid=TELEMETRY_ID) == 201


def test_what_a_machine_is_not_for_is_masked(walk):
    mask = [each for each in commands("More than one machine") if " mask " in each]
    walk.machine.run([*mask, "systemctl restart telemetry.target"])
    assert walk.send().status == 201
    assert walk.get("/login").status == 502


def test_the_services_have_nothing_to_complain_about(walk):
    journal = walk.machine.run(["journalctl --no-pager -u 'telemetry-*'"])
    assert "Traceback" not in journal
