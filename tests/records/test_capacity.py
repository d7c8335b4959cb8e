"""What a fleet takes: arithmetic on measured figures, each of which has a source."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.capacity import FIGURES, RECORD, WORKER, Class, Fleet, Need, Part

DOCS = Path(__file__).resolve().parents[2] / "docs"


def fleet(**changes: Any) -> Fleet:
    usual = {
        "machines": 86_400,
        "per_day": 1.0,
        "days": 10,
        "short": Class(0.5, 100),
        "long": Class(0.1, 2000),
        "peak": 1.0,
    }
    return Fleet(**usual | changes)


@pytest.mark.parametrize(
    ("changes", "name", "expected"),
    [
        ({}, "rate", 1),
        ({"per_day": 2.5}, "rate", 2.5),
        ({"peak": 4.0}, "peak", 4),
        ({"peak": 4.0}, "rate", 1),
        ({"peak": 2.0}, "network", 2 * (250 + 700)),
        ({}, "stored", 864_000),
        ({"days": 0}, "stored", 86_400 * 365),
        ({}, "bytes_per_record", 340 + 0.5 * 100 + 0.1 * 2000 + 0.6 * 160),
        (
            {"short": Class(0, 0), "long": Class(0, 0)},
            "bytes_per_record",
            RECORD.value,
        ),
        ({}, "records_bytes", 864_000 * 686),
        ({"per_day": 9.0, "days": 1}, "counts_bytes", 86_400 * 400 * 365),
        ({}, "disk", (864_000 * 686 + 86_400 * 400 * 365) * 1.5),
        ({}, "cores", 1),
        ({}, "collector_cores", 1),
        ({"peak": 5000.0}, "collector_cores", 5),  # 2.43 s a second, half busy
        ({"peak": 5000.0}, "worker_cores", 2),  # 0.67 s
        ({"peak": 5000.0}, "database_cores", 3),  # 1.41 s
        ({"peak": 5000.0}, "cores", 10),  # 4.5 cores, half busy, and one for pages
    ],
)
def test_what_a_fleet_takes(changes, name, expected):
    assert getattr(Need(fleet(**changes)), name) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({}, Part.ONE),
        ({"peak": 5000.0}, Part.TWO),
        ({"days": 6000}, Part.TWO),
        ({"peak": 25_000.0}, Part.MANY),
        ({"peak": 80_000.0}, Part.CLUSTER),
        ({"days": 36_000, "per_day": 2.0}, Part.CLUSTER),
    ],
)
def test_what_to_run_it_on(changes, part):
    assert Need(fleet(**changes)).part is part


numbers = st.builds(
    fleet,
    machines=st.integers(1, 10**9),
    per_day=st.floats(0.01, 1000),
    days=st.integers(0, 36_500),
    peak=st.floats(1, 1000),
)
WHAT = ("disk", "memory", "cores", "collector_cores", "worker_cores", "database_cores")


@given(numbers)
def test_twice_the_machines_never_take_less(small):
    twice = Need(Fleet(**{**small.__dict__, "machines": 2 * small.machines}))
    assert all(getattr(twice, name) >= getattr(Need(small), name) for name in WHAT)
    assert list(Part).index(twice.part) >= list(Part).index(Need(small).part)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.what)
def test_every_figure_has_a_section_that_it_is_from(figure):
    text = (DOCS / figure.document).read_text()
    assert re.search(rf"^##+ {figure.section}$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("figure", "pattern"),
    [
        (
            RECORD,
            r"disk per heartbeat record, with indexes and queue \| ([\d,]+) bytes",
        ),
        (WORKER, r"Processor time per record: Python (\d+)"),
    ],
)
def test_a_figure_is_about_what_the_benchmarks_last_said(figure, pattern):
    found = re.search(pattern, (DOCS / "benchmarks.md").read_text())
    assert found
    assert float(found[1].replace(",", "")) == pytest.approx(figure.value, rel=0.5)


def test_the_guide_of_operations_is_what_the_page_computes():
    rows = re.findall(
        r"^\| ([\d,]+) \| ([\d,]+) \| ([\d.]+) GB \| (\d+) cores?, (\d+) GB",
        (DOCS / "operations.md").read_text(),
        re.MULTILINE,
    )
    assert len(rows) == 4
    for row in rows:
        machines, records, disk, cores, memory = (
            float(cell.replace(",", "")) for cell in row
        )
        mix = {"short": Class(0.4, 270), "long": Class(0.06, 2300)}
        asked = fleet(machines=machines, per_day=10, days=35, peak=4, **mix)
        need = Need(asked)
        assert records == asked.records_per_day
        assert disk == pytest.approx(need.disk / 1e9, rel=0.05)
        assert cores >= need.cores
        assert memory * 1e9 >= need.memory
