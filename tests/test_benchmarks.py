"""The benchmarks' own arithmetic; what they measure is measured by running them."""

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from benchmarks import dataset, load, page, requests
from benchmarks.load import EVENT, MACHINE, Sent
from benchmarks.parts.ingest import checked
from benchmarks.processes import Stat
from benchmarks.results import Details, Line, Section, Spread, Table, percent
from records.loadgen import Template
from tests.postgres import find_programs

FACTS = {"processor": "one | two"}


def rendered(section: Section) -> str:
    return page.render(FACTS, ["make bench"], [section])


def test_a_spread_shows_its_median_and_its_ends():
    assert Spread.of([3, 1, 2]).show(unit="/s") == "2/s (1 to 3)"
    assert Spread.of([2, 2]).show("{:.1f}") == "2.0"


def test_a_ratio_is_taken_round_by_round():
    slowed = Spread.of([50, 100])
    assert slowed.per(Spread.of([100, 200])).values == (0.5, 0.5)
    assert slowed.per(Spread.of([150])).values == (0.5,)
    assert percent(slowed.times(0.01)) == "75 % (50 to 100)"


def test_a_page_counts_what_is_met_and_shows_what_is_not():
    lines = [
        Line("fast", "1 ms", budget="≤ 2 ms", met=True),
        Line("slow", "3 ms", budget="≤ 2 ms", met=False),
        Line("for information", "4 ms"),
    ]
    text = rendered(Section("Speed", lines))
    assert "1 of 2 are met." in text
    assert "| slow | 3 ms | ≤ 2 ms | **no** |" in text
    assert "| for information | 4 ms |" in text.partition("## Speed")[2]


def test_a_page_begins_with_what_makes_it_worthless():
    text = rendered(Section("Ingest", problems=["7 records are lost"]))
    assert text.index("- 7 records are lost") < text.index("## Budgets")


def test_a_cell_cannot_break_its_table():
    assert "| processor | one \\| two |" in rendered(Section("Empty"))
    assert list(page.table(Table(["a"], [["b\nc"]])))[-1] == "| b c |"


def test_details_are_closed_at_first_and_cannot_end_their_block():
    text = rendered(Section("Plans", details=[Details("/records", "a\n```\nb\n")]))
    assert "<summary>/records</summary>\n\n```text\na\n'''\nb\n```\n" in text


def test_the_processor_time_of_a_process_counts_its_dead_children():
    numbers = " ".join(map(str, range(4, 53)))
    stat = Stat.parse(f"17 (a) name)) S {numbers}")
    assert stat.parent == 4
    assert stat.cpu_seconds == (14 + 15 + 16 + 17) / os.sysconf("SC_CLK_TCK")


def test_the_report_of_wrk_is_its_last_line():
    report = (
        '{"requests":90,"microseconds":3000000,"connect":1,"read":0,"write":0,'
        '"timeout":2,"status":30}'
    )
    sent = load.read_report(f"Running 3s test\n  90 requests\n{report}\n")
    assert (sent.created, sent.failed, sent.per_second) == (60, 33, 20)


@pytest.mark.parametrize(
    ("sent", "stored", "wrong"),
    [
        (Sent(100, 0, 1, 0), 100, 0),
        (Sent(100, 0, 1, 8), 108, 0),
        (Sent(100, 0, 1, 8), 109, 1),
        (Sent(100, 0, 1, 8), 99, 1),
        (Sent(100, 1, 1, 0), 100, 1),
        (Sent(100, 1, 1, 0), 101, 2),
    ],
)
def test_a_load_is_checked_against_the_records(sent: Sent, stored: int, wrong: int):
    assert len(list(checked("collector", sent, stored))) == wrong


def test_both_wire_formats_are_sent_each_with_places_for_ids():
    old, new = load.crashes(2048)
    assert (old.count(EVENT.encode()), new.count(EVENT.encode())) == (1, 1)
    assert (old.count(MACHINE.encode()), new.count(MACHINE.encode())) == (1, 1)
    assert b"\r\nConnection: close\r\n" in old
    assert len(old.partition(b"\r\n\r\n")[2]) == 2048
    assert len(load.heartbeats(200)[0].partition(b"\r\n\r\n")[2]) == 200


def test_a_template_has_a_machine_of_its_own_and_takes_an_event_id():
    first, _, third = islice(load.templates(load.heartbeats(200)), 3)
    assert isinstance(first, Template)
    sent = first.request(b"1" * 32)
    assert EVENT.encode() not in sent
    assert MACHINE.encode() not in sent
    assert sent != third.request(b"1" * 32)


def timed(seconds: float, status: str = "200 OK", **more: Any) -> dict[str, Any]:
    """What a process tells of a request."""
    case = {"address": "/records?a=b%7Cc", "what": "", "queries": 3, "first": 0.5}
    return case | {"status": status, "seconds": [seconds] * 3} | more


def test_requests_are_shown_slowest_first_beside_a_smaller_database():
    there = {"address": "/records?a=other"}
    smaller = [timed(9, what="gone"), timed(0.02, **there), timed(7)]
    found = requests.read([timed(0.01), timed(0.3, what="all")], smaller)
    table = requests.table(found, 0.1, 1000)
    assert list(table.head[-2:]) == ["at 1,000 records", "factor"]
    assert [row[1] for row in table.rows] == ["all", ""]
    assert table.rows[0][3:] == ["**500.0 ms**", "**300.0 ms**", "", ""]
    assert table.rows[1][3:] == ["**500.0 ms**", "10.0 ms", "20.0 ms", "0.50"]
    assert table.rows[1][0] == "`/records?a=b|c`"


def test_without_a_smaller_database_there_is_no_growth():
    found = requests.read([timed(0.01)])
    assert len(requests.table(found, 0.1, None).head) == 5
    assert found[0].growth == 1


def test_a_request_that_was_refused_is_a_problem():
    found = requests.read([timed(0.1), timed(0.1, "500 No")])
    assert requests.refused(found) == ["/records?a=b%7Cc: 500 No"]


def test_a_tiny_run_fills_and_measures_what_is_queried(
    on_postgres: bool, tmp_path: Path
):
    if not on_postgres or not find_programs():
        pytest.skip("makes a PostgreSQL of its own, in the PostgreSQL half")
    page = tmp_path / "page.md"
    sizes = "--records 7000 --compared 3000 --heartbeats 300 --exported 500"
    times = "--rounds 1 --repeats 1"
    parts = "--only filling,disk,api,exports,views"
    command = [sys.executable, "-m", "benchmarks", *f"{sizes} {times} {parts}".split()]
    done = subprocess.run([*command, "--output", str(page)], check=False)
    text = page.read_text()
    assert "Not to be trusted" not in text
    assert done.returncode == 0
    for told in (
        "## Filling a database",
        "disk per heartbeat record",
        "| machine check |",
        "`/api/records?limit=10000`",
        "NDJSON export",
        "any dashboard, first request",
        "any dashboard, beside its time at",
        "Execution Time",
    ):
        assert told in text


def test_only_the_oldest_hundredth_has_external_and_retired_records():
    plan = dataset.fleet(10_000)
    made = [each for day in plan.days() for _, each in plan.made(day)]
    assert any(each.external for each in made[:100])
    assert not any(each.external for each in made[100:])
    retired = [n for n, each in enumerate(made) if each.build == "retired build"]
    assert retired == [25, 75]


def test_heartbeats_have_an_id_for_three_days():
    made = list(dataset.heartbeats(3_000))
    machines = {submission.machine_id for _, submission in made}
    assert {submission.classification for _, submission in made} == {dataset.HEARTBEAT}
    assert 2 < len(made) / len(machines) < 4
